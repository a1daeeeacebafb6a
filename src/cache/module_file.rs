//! A module in a file, of which the cache is asked before it is in memory.
//!
//! *Problem.* Code is found by a hash of the module's bytes, so that all of them are read; but a module whose code is found needs few of
//! them: neither bodies nor what debuggers read. *Idea.* The file is [read in parts](crate::platform::deferred_file) that are hashed as they come, and only what
//! decoding looks at is kept. A BLAKE3 hash is one of a tree of which the parts are subtrees: their hashes are kept too, and tell what is read later from what was hashed. All that is
//! kept as well, so that a file that was not changed since is not read before somebody wants a body.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::SystemTime;

use blake3::OUT_LEN;
use blake3::hazmat::ChainingValue;
use rustix::fs::StatVfsMountFlags;

use super::fingerprint::{build_hash, part_of_module_hash, whole_module_hash};
use super::words::{Reader, Writer};
use crate::base::sync::Arc;
use crate::platform::deferred_file::DeferredFile;
use crate::store::CacheKey;
use crate::store::blob::Blob;
use crate::store::container::{Container, ContainerBuilder, SectionId};
use crate::store::error::Rejected;
use crate::store::key::MacKey;
use crate::wasm::decode::left_out;
use crate::wasm::wire_bytes::{Deferred, WireBytes};

/// Smaller files are read whole in less time.
const BYTES_MIN: usize = 2 * PART_BYTES;
/// What a thread reads and hashes at a time: in its caches, and a power of two, as subtrees of BLAKE3 are.
const PART_BYTES: usize = 256 << 10;
/// Clocks of file systems are as coarse as this, in seconds.
const SETTLED_SECONDS: i64 = 2;

const KIND: [u8; 4] = *b"file";
const PARTS: SectionId = SectionId { number: 1, name: "parts" };
const ID_BYTES: usize = 7 * 8;

/// The bytes of a module, as far as they are read.
#[derive(Debug)]
struct ModuleFile {
    file: DeferredFile,
    hash: [u8; 32],
}

/// What tells a file from others, and from what it was, without reading it: who writes to a file changes the time of its change, which nobody
/// sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What is known of a file that was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    id: FileId,
    /// Hashes of its parts: their tree is that of the whole.
    parts: Vec<ChainingValue>,
    /// What decoding does not look at, in order.
    absent: Vec<Range<usize>>,
    /// All else.
    present: Vec<u8>,
}

/// A module in a file.
#[derive(Debug)]
pub struct Opened {
    /// Its bytes.
    pub wire_bytes: WireBytes,
    /// What to keep of the file for the next time; nothing if it was known, or if its times would not tell whether it will have been changed.
    pub news: Option<KnownFile>,
    /// Whether it was known, so that it was not read.
    pub was_known: bool,
}

/// A large module in a file: one that is [`known`](KnownFile) is not read as a whole, others are hashed, by this thread and so many others.
/// Nothing of other files, which are better read as a whole.
///
/// # Errors
///
/// The system's; the file is shorter by now.
pub fn open(file: File, others: usize, known: impl FnOnce(&CacheKey) -> Option<KnownFile>) -> io::Result<Option<Opened>> {
    let metadata = file.metadata()?;
    let Some(len) = usize::try_from(metadata.len()).ok().filter(|&len| metadata.is_file() && len >= BYTES_MIN) else {
        return Ok(None);
    };
    let (id, sizes) = (FileId::of(&metadata), (len, PART_BYTES));
    let is_this = |known: &KnownFile| known.id == id && known.parts.len() == len.div_ceil(PART_BYTES);
    if let Some(KnownFile { parts, absent, present, .. }) = known(&id.key()).filter(is_this) {
        let hash = whole_module_hash(&parts);
        let seen = (parts, part_of_module_hash);
        if let Some(file) = DeferredFile::recall(file.try_clone()?, sizes, absent, &present, seen)? {
            let wire_bytes = WireBytes::deferred(Arc::new(ModuleFile { file, hash }));
            return Ok(Some(Opened { wire_bytes, news: None, was_known: true }));
        }
    }
    let Some(absent) = left_out(len, |position, into| file.read_at(into, position as u64).ok()) else { return Ok(None) };
    let is_settled = id.is_settled(SystemTime::now()) && is_of_writers(&file);
    let again = file.try_clone()?;
    let (file, parts) = DeferredFile::read(file, sizes, absent.clone(), others, part_of_module_hash)?;
    let is_unchanged = again.metadata().is_ok_and(|metadata| FileId::of(&metadata) == id);
    let hash = whole_module_hash(&parts);
    let news = (is_settled && is_unchanged).then(|| KnownFile { id, parts, absent, present: file.first_present() });
    Ok(Some(Opened { wire_bytes: WireBytes::deferred(Arc::new(ModuleFile { file, hash })), news, was_known: false }))
}

/// Whether a file's times are those of writes: not so in images that are made as a whole, whose files have times that somebody chose.
fn is_of_writers(file: &File) -> bool {
    rustix::fs::fstatvfs(file).is_ok_and(|system| !system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

impl FileId {
    fn of(metadata: &Metadata) -> FileId {
        FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change from now on would be at another time, however coarse the file system's clock.
    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0));
        let last = self.modified.0.max(self.changed.0);
        last > 0 && now.saturating_sub(last) > SETTLED_SECONDS
    }

    fn to_bytes(self) -> [u8; ID_BYTES] {
        let mut bytes = [0; ID_BYTES];
        let times = [self.modified.0, self.modified.1, self.changed.0, self.changed.1].map(i64::cast_unsigned);
        let numbers = [self.device, self.inode, self.len].into_iter().chain(times);
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; ID_BYTES]) -> FileId {
        let at = |position: usize| u64::from_le_bytes(bytes.as_chunks::<8>().0[position]);
        let time = |position: usize| (at(position).cast_signed(), at(position + 1).cast_signed());
        FileId { device: at(0), inode: at(1), len: at(2), modified: time(3), changed: time(5) }
    }

    fn key(&self) -> CacheKey {
        let mut hasher = blake3::Hasher::new();
        // Another build may look at other bytes.
        hasher.update(&KIND).update(&build_hash()).update(&(PART_BYTES as u64).to_le_bytes()).update(&self.to_bytes());
        CacheKey(*hasher.finalize().as_bytes())
    }
}

impl KnownFile {
    /// What it is found by.
    pub fn key(&self) -> CacheKey {
        self.id.key()
    }

    /// As a file of the cache.
    pub fn to_bytes(&self, key: &MacKey) -> Vec<u8> {
        let mut container = ContainerBuilder::new(key, 1);
        let mut writer = Writer { bytes: self.id.to_bytes().to_vec() };
        writer.bytes.extend_from_slice(self.parts.as_flattened());
        writer.len(self.absent.len());
        for Range { start, end } in &self.absent {
            // Modules are shorter than 4 GiB.
            writer.len(*start);
            writer.len(*end);
        }
        writer.bytes.extend_from_slice(&self.present);
        container.add(PARTS, &writer.bytes);
        container.finish(KIND, &self.key())
    }

    /// From such a file.
    ///
    /// # Errors
    ///
    /// It is not whole, not made with this key, or contradicts itself.
    pub fn read(blob: Arc<dyn Blob>, key: &MacKey) -> Result<KnownFile, Rejected> {
        let container = Container::open(blob, KIND, key)?;
        let bytes = container.read(PARTS)?;
        let known = Self::parse(&bytes).ok_or(Rejected::Table)?;
        if known.id.key() == *container.contents() { Ok(known) } else { Err(Rejected::Table) }
    }

    fn parse(bytes: &[u8]) -> Option<KnownFile> {
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
        let id = FileId::from_bytes(id);
        let len = usize::try_from(id.len).ok()?;
        let (parts, rest) = rest.split_at_checked(len.div_ceil(PART_BYTES).checked_mul(OUT_LEN)?)?;
        let mut reader = Reader::new(rest);
        let absent = reader.list(|reader| Some(reader.u32()? as usize..reader.u32()? as usize))?.into_vec();
        let is_in_order =
            absent.is_sorted_by(|one, next| one.end < next.start) && absent.iter().all(|range| range.start <= range.end);
        let is_within = absent.last().is_none_or(|last| last.end <= len);
        let (parts, present) = (parts.as_chunks::<OUT_LEN>().0.to_vec(), reader.rest().to_vec());
        (is_in_order && is_within).then_some(KnownFile { id, parts, absent, present })
    }
}

impl Deferred for ModuleFile {
    fn len_bytes(&self) -> usize {
        self.file.len()
    }

    fn present_from(&self, position: usize) -> &[u8] {
        self.file.present_from(position)
    }

    fn want(&self, range: Range<usize>, others: usize) -> bool {
        self.file.want(range, others)
    }

    fn all(&self) -> &[u8] {
        self.file.all()
    }

    fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::*;
    use crate::cache::fingerprint::module_hash;
    use crate::store::blob::MemoryBlob;

    /// A module with a large custom section behind its code, in a file.
    fn module() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module");
        let large = "x".repeat(3 * PART_BYTES);
        let text =
            format!(r#"(module (func nop) (memory 20) (data (i32.const 0) "{large}") (@custom "end" (after last) "{large}"))"#);
        let bytes = wat::parse_str(text).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        (folder, path, bytes)
    }

    fn open_with(path: &Path, known: Option<&KnownFile>) -> Option<Opened> {
        let found = |key: &CacheKey| known.filter(|known| known.key() == *key).cloned();
        open(File::open(path).unwrap(), 1, found).unwrap()
    }

    #[test]
    fn a_module_is_the_same_in_a_file_and_in_memory() {
        let (_folder, path, bytes) = module();
        let open = || open_with(&path, None).map(|opened| opened.wire_bytes);
        let module = open().expect("a large module");
        assert_eq!((module.len(), module.known_hash()), (bytes.len(), Some(module_hash(&bytes, 0))));
        assert!(module.present_from(0).len() < bytes.len());
        assert!(*module == *bytes && module.want(0..bytes.len()));
        // A change of what was not there yet is seen when it is asked for.
        let module = open().expect("a large module");
        let mut changed = bytes.clone();
        changed[bytes.len() - 9] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert!(module.part(0..100) == Some(&bytes[..100]) && !module.want(0..bytes.len()));
        // Others are read as a whole.
        std::fs::write(&path, "x".repeat(3 * PART_BYTES)).unwrap();
        assert!(open().is_none(), "no module");
        std::fs::write(&path, &bytes[..1_000]).unwrap();
        assert!(open().is_none(), "a small one");
    }

    fn id(path: &Path) -> FileId {
        FileId::of(&std::fs::metadata(path).unwrap())
    }

    #[test]
    fn files_are_known_by_their_times() {
        let (_folder, path, bytes) = module();
        assert!(open_with(&path, None).expect("a module").news.is_none(), "it may change within this second");
        let first = id(&path);
        let later = SystemTime::now() + Duration::from_secs(9);
        assert!(first.is_settled(later) && !first.is_settled(SystemTime::now()) && !first.is_settled(SystemTime::UNIX_EPOCH));
        let parts: Vec<ChainingValue> =
            bytes.chunks(PART_BYTES).enumerate().map(|(n, part)| part_of_module_hash(n * PART_BYTES, part)).collect();
        let absent = left_out(bytes.len(), |position, into| File::open(&path).ok()?.read_at(into, position as u64).ok()).unwrap();
        assert!(!absent.is_empty());
        let mut present = bytes.clone();
        for range in absent.iter().rev() {
            present.drain(range.clone());
        }
        let known = KnownFile { id: first, parts, absent, present };
        let opened = open_with(&path, Some(&known)).expect("a module");
        assert!(opened.was_known && opened.news.is_none());
        assert!(opened.wire_bytes.known_hash() == Some(module_hash(&bytes, 0)) && *opened.wire_bytes == *bytes);
        // It says nothing of another file in its place, whatever times that claims to have.
        let mut changed = bytes.clone();
        changed[bytes.len() - 9] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::new(first.modified.0.unsigned_abs(), first.modified.1 as u32);
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!((id(&path).modified, id(&path).len, id(&path).inode), (first.modified, first.len, first.inode));
        let opened = open_with(&path, Some(&known)).expect("a module");
        assert_eq!((opened.wire_bytes.known_hash(), opened.was_known), (Some(module_hash(&changed, 0)), false));
        // Were it taken for that one, it would be that one, but for what is then read of it.
        let opened = open_with(&path, Some(&KnownFile { id: id(&path), ..known.clone() })).expect("a module");
        assert_eq!(opened.wire_bytes.known_hash(), Some(module_hash(&bytes, 0)));
        assert!(opened.wire_bytes.part(0..50) == Some(&bytes[..50]) && !opened.wire_bytes.want(0..bytes.len()));
    }

    #[test]
    fn what_is_known_of_files_is_read_as_it_was_written() {
        let key = MacKey::new([3; 32]);
        let len = 2 * PART_BYTES as u64 + 3;
        let id = FileId { device: 1, inode: u64::MAX, len, modified: (-1, 5), changed: (7, 999_999_999) };
        let absent = vec![5..PART_BYTES, PART_BYTES + 1..2 * PART_BYTES + 3];
        let known = KnownFile { id, parts: vec![[1; 32], [2; 32], [3; 32]], absent, present: b"module".to_vec() };
        let bytes = known.to_bytes(&key);
        let read = |bytes: &[u8], key: &MacKey| KnownFile::read(Arc::new(MemoryBlob::new(Arc::new(bytes.to_vec()))), key);
        assert_eq!(read(&bytes, &key).unwrap(), known);
        assert!(read(&bytes, &MacKey::nobodys()).is_err());
        for ranges in [&[(5, 4)][..], &[(5, 9), (9, 10)], &[(5, 2 * PART_BYTES + 4)]] {
            let absent = ranges.iter().map(|&(start, end)| start..end).collect();
            assert!(read(&KnownFile { absent, ..known.clone() }.to_bytes(&key), &key).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed, &key).is_err(), "bit {bit}");
            assert!(read(&bytes[..bit / 8], &key).is_err());
        }
    }
}
