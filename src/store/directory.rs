//! A directory of containers, shared by all processes of a user.
//!
//! *Problem.* Several processes read and write at once, some are killed, and the disk fills up. *Idea.* A container is a file that never changes: it is
//! written under a name of its own, and renamed when it is whole, in the place of the one before. Who has that open goes on with it. There
//! are no locks, so that file systems without any will do.
//!
//! ```text
//! DIR/key                          the key of authentication codes, see `store::key`
//! DIR/ab/abcd….deltic              a container; its time of change is that of its last use, about
//! DIR/ab/abcd….RANDOM.tmp          one in the making
//! ```
//!
//! Above a limit the containers go that were not used for longest, and drafts that nobody has finished for an hour.
//!
//! **Invariants:** the directory is its owner's alone, or is not used; a file with the name of a container was whole when it got it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::base::sync::Arc;
use crate::base::tuning;
use crate::store::blob::{Blob, FileBlob};
use crate::store::error::StoreError;
use crate::store::key::{MacKey, random_name};
use crate::store::{CacheKey, CacheStore};

const SUFFIX: &str = "deltic";
const DRAFT_SUFFIX: &str = "tmp";
/// Drafts older than this belong to nobody.
const DRAFT_AGE_MAX: Duration = Duration::from_secs(3600);
/// Uses are written down about so often.
const USE_STEP: Duration = Duration::from_secs(600);

/// A directory of containers.
#[derive(Debug)]
pub struct DirectoryStore {
    path: PathBuf,
    limit_bytes: u64,
}

/// What a directory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectoryStats {
    /// Containers.
    pub file_count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Containers in the making, or left behind.
    pub draft_count: u64,
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
    is_draft: bool,
}

impl DirectoryStore {
    /// The store of a directory, which is made if it is not there, for its owner alone.
    ///
    /// # Errors
    ///
    /// It cannot be made or read, or others may write to it.
    pub fn open(path: impl Into<PathBuf>) -> Result<DirectoryStore, StoreError> {
        let path = path.into();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| StoreError::file("make the directory", &path, error))?;
        let metadata = fs::metadata(&path).map_err(|error| StoreError::file("read", &path, error))?;
        let owner = rustix::process::geteuid().as_raw();
        let refused = |reason: String| Err(StoreError::Unsafe { path: path.clone(), reason });
        if metadata.uid() != owner {
            return refused(format!("the directory belongs to user {}, not {owner}", metadata.uid()));
        }
        if metadata.mode() & 0o022 != 0 {
            return refused(format!("others may write to the directory (mode {:03o})", metadata.mode() & 0o777));
        }
        Ok(DirectoryStore { path, limit_bytes: tuning::CACHE_BYTES_MAX })
    }

    /// With another limit of all its containers together, in bytes.
    #[must_use]
    pub fn with_limit(self, limit_bytes: u64) -> Self {
        DirectoryStore { limit_bytes, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of its containers, made on first use.
    ///
    /// # Errors
    ///
    /// See [`MacKey::of_directory`].
    pub fn mac_key(&self) -> Result<MacKey, StoreError> {
        MacKey::of_directory(&self.path)
    }

    /// What it holds.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn stats(&self) -> Result<DirectoryStats, StoreError> {
        let mut stats = DirectoryStats::default();
        for entry in self.entries()? {
            if entry.is_draft {
                stats.draft_count += 1;
            } else {
                stats.file_count += 1;
                stats.bytes += entry.bytes;
            }
        }
        Ok(stats)
    }

    /// Removes all containers; gives how many, and their bytes. The key stays.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or a file not be removed.
    pub fn clear(&self) -> Result<DirectoryStats, StoreError> {
        let mut removed = DirectoryStats::default();
        for entry in self.entries()? {
            remove(&entry.path)?;
            if entry.is_draft {
                removed.draft_count += 1;
            } else {
                removed.file_count += 1;
                removed.bytes += entry.bytes;
            }
        }
        Ok(removed)
    }

    fn folder(&self, key: &CacheKey) -> PathBuf {
        self.path.join(format!("{:02x}", key.0[0]))
    }

    fn file(&self, key: &CacheKey) -> PathBuf {
        self.folder(key).join(format!("{key}.{SUFFIX}"))
    }

    /// All containers and drafts. What disappears meanwhile is left out.
    fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let failed = |path: &Path, error| StoreError::file("read", path, error);
        let folders = match fs::read_dir(&self.path) {
            Ok(folders) => folders,
            // Somebody has removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(entries),
            Err(error) => return Err(failed(&self.path, error)),
        };
        for folder in folders.flatten().map(|folder| folder.path()) {
            // The key is a file; what else is there is not ours.
            let is_ours = folder.file_name().is_some_and(|name| name.len() == 2);
            let Ok(files) = fs::read_dir(&folder) else { continue };
            for file in files.flatten().filter(|_| is_ours) {
                let path = file.path();
                let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
                let (true, Ok(metadata)) = (matches!(suffix, SUFFIX | DRAFT_SUFFIX), file.metadata()) else { continue };
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push(Entry { bytes: metadata.len(), used, is_draft: suffix == DRAFT_SUFFIX, path });
            }
        }
        Ok(entries)
    }

    /// Makes room: what was not used for longest goes, until a tenth of the limit is free.
    fn evict(&self) -> Result<(), StoreError> {
        let mut entries = self.entries()?;
        let now = SystemTime::now();
        let is_left = |entry: &Entry| now.duration_since(entry.used).is_ok_and(|age| age > DRAFT_AGE_MAX);
        for draft in entries.iter().filter(|entry| entry.is_draft && is_left(entry)) {
            remove(&draft.path)?;
        }
        entries.retain(|entry| !entry.is_draft);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        if bytes <= self.limit_bytes {
            return Ok(());
        }
        entries.sort_by_key(|entry| entry.used);
        let wanted = self.limit_bytes - self.limit_bytes / 10;
        for entry in entries {
            if bytes <= wanted {
                break;
            }
            remove(&entry.path)?;
            bytes -= entry.bytes;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::file("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes down that a file is in use, unless that was done a moment ago.
fn touch(file: &File) {
    let now = SystemTime::now();
    let used = file.metadata().and_then(|metadata| metadata.modified());
    if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > USE_STEP)) {
        // Where it cannot be written, it was used by others only.
        let _ = file.set_modified(now);
    }
}

impl CacheStore for DirectoryStore {
    fn get(&self, key: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError> {
        let path = self.file(key);
        let failed = |error: io::Error| StoreError::file("read", &path, error);
        match FileBlob::open(&path) {
            Ok(blob) => {
                touch(blob.file());
                Ok(Some(Arc::new(blob)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn put(&self, key: &CacheKey, bytes: &[u8]) -> Result<(), StoreError> {
        let (folder, path) = (self.folder(key), self.file(key));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| StoreError::file("make the directory", &folder, error))?;
        let draft = random_name().map(|name| folder.join(format!("{key}.{name}.{DRAFT_SUFFIX}")));
        let draft = draft.map_err(|error| StoreError::file("write", &path, error))?;
        let written = write_draft(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&draft);
            return Err(StoreError::file("write", &path, error));
        }
        self.evict()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        remove(&self.file(key))
    }
}

fn write_draft(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(bytes)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key(n: u8) -> CacheKey {
        CacheKey([n; 32])
    }

    fn read(store: &DirectoryStore, key: &CacheKey) -> Option<Vec<u8>> {
        let blob = store.get(key).unwrap()?;
        let mut bytes = vec![0; blob.len_bytes() as usize];
        blob.read_at(0, &mut bytes).unwrap();
        Some(bytes)
    }

    #[test]
    fn containers_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/cache");
        let store = DirectoryStore::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(read(&store, &key(1)), None);
        store.put(&key(1), b"first").unwrap();
        let open = store.get(&key(1)).unwrap().unwrap();
        store.put(&key(1), b"another").unwrap();
        assert_eq!(read(&store, &key(1)).unwrap(), b"another");
        // Who has the first one open goes on with it.
        let mut first = [0; 5];
        open.read_at(0, &mut first).unwrap();
        assert_eq!(&first, b"first");
        store.put(&key(2), b"two").unwrap();
        assert_eq!(store.stats().unwrap(), DirectoryStats { file_count: 2, bytes: 10, draft_count: 0 });
        store.remove(&key(1)).unwrap();
        store.remove(&key(1)).unwrap();
        assert_eq!(store.clear().unwrap(), DirectoryStats { file_count: 1, bytes: 3, draft_count: 0 });
        assert_eq!(store.stats().unwrap(), DirectoryStats::default());
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = DirectoryStore::open(folder.path()).unwrap().with_limit(1_000);
        let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
        for n in 0..5 {
            store.put(&key(n), &[n; 190]).unwrap();
            File::open(store.file(&key(n))).unwrap().set_modified(ago(100_000 - u64::from(n))).unwrap();
        }
        // Used again, and so the youngest.
        assert!(read(&store, &key(0)).is_some());
        let left = folder.path().join("07/left.1.0.tmp");
        fs::create_dir(folder.path().join("07")).unwrap();
        fs::write(&left, b"left behind").unwrap();
        File::options().write(true).open(&left).unwrap().set_modified(ago(10_000)).unwrap();
        fs::write(folder.path().join("07/young.1.0.tmp"), b"in the making").unwrap();
        store.put(&key(9), &[9; 190]).unwrap();
        let there: Vec<u8> = (0..10).filter(|&n| read(&store, &key(n)).is_some()).collect();
        assert_eq!(there, [0, 3, 4, 9], "900 bytes and less stay");
        assert!(!left.exists());
        assert_eq!(store.stats().unwrap().draft_count, 1);
    }

    #[test]
    fn many_at_once_see_whole_containers() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            for n in 0..4u8 {
                let store = DirectoryStore::open(folder.path()).unwrap();
                threads.spawn(move || {
                    for round in 0..100u32 {
                        store.put(&key(1), &vec![n; 1_000 + round as usize]).unwrap();
                        let seen = read(&store, &key(1)).expect("there is always one");
                        assert!(seen.iter().all(|&byte| byte == seen[0]) && seen.len() >= 1_000);
                    }
                });
            }
        });
        let store = DirectoryStore::open(folder.path()).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!((stats.file_count, stats.draft_count), (1, 0));
    }

    #[test]
    fn directories_that_others_may_change_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(DirectoryStore::open(folder.path()).unwrap_err().to_string().contains("mode 777"));
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        assert!(DirectoryStore::open(&file).is_err() && DirectoryStore::open(file.join("below")).is_err());
    }

    #[test]
    fn a_directory_that_goes_away_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let store = DirectoryStore::open(&path).unwrap();
        store.put(&key(1), b"one").unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert_eq!((read(&store, &key(1)), store.stats().unwrap().file_count), (None, 0));
        store.put(&key(1), b"again").unwrap();
        assert_eq!(read(&store, &key(1)).unwrap(), b"again");
    }
}
