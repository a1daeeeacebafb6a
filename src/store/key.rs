//! Keys of authentication codes: who has the key of a container is who may have made it.
//!
//! A [`MacKey`] is a host's own, or that of a directory: 32 random bytes in a file that only its owner may read, made on first use. Containers
//! without a key are hashed under one that everybody knows: accidents are found, intent is not.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::store::error::StoreError;

/// The file of a directory's key.
pub const KEY_FILE: &str = "key";
/// What stands for a key where there is none.
const NOBODY: &str = "deltic store 2026-11: integrity alone";

/// A key of authentication codes.
#[derive(Clone, PartialEq, Eq)]
pub struct MacKey {
    bytes: [u8; 32],
    is_secret: bool,
}

impl MacKey {
    /// A host's own. It is as good as it is secret and random.
    pub fn new(bytes: [u8; 32]) -> Self {
        MacKey { bytes, is_secret: true }
    }

    /// The one that everybody knows.
    pub fn nobodys() -> Self {
        MacKey { bytes: blake3::derive_key(NOBODY, &[]), is_secret: false }
    }

    /// Whether it says who has made something.
    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// The key of a directory, made if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read or made, or others than its owner might read it.
    pub fn of_directory(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(KEY_FILE);
        match Self::read(&path) {
            Ok(Some(key)) => return Ok(key),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        Self::make(directory, &path)?;
        // Of several that make one at the same time the first has won.
        Self::read_file(&path)
    }

    /// A key from a file of 32 bytes that only its owner may read.
    ///
    /// # Errors
    ///
    /// As it says.
    pub fn read_file(path: &Path) -> Result<Self, StoreError> {
        Self::read(path)?.ok_or_else(|| StoreError::file("read", path, ErrorKind::NotFound.into()))
    }

    fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |error| StoreError::file("read", path, error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        let owner = rustix::process::geteuid().as_raw();
        let refused = |reason: String| StoreError::Unsafe { path: path.to_owned(), reason };
        if metadata.uid() != owner {
            return Err(refused(format!("the key belongs to user {}, not {owner}", metadata.uid())));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(refused(format!("others may use the key (mode {:03o})", metadata.mode() & 0o777)));
        }
        let mut bytes = Vec::new();
        (&file).take(33).read_to_end(&mut bytes).map_err(failed)?;
        let bytes = bytes.try_into().map_err(|_| refused("the key does not have 32 bytes".to_owned()))?;
        Ok(Some(MacKey::new(bytes)))
    }

    /// Makes a key that appears whole, or not at all, and never in the place of another.
    fn make(directory: &Path, path: &Path) -> Result<(), StoreError> {
        let failed = |error| StoreError::file("make", path, error);
        let draft = directory.join(format!("{KEY_FILE}.{}", random_name().map_err(failed)?));
        let bytes: [u8; 32] = random().map_err(failed)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        // A link fails if the name is taken, which a rename does not.
        let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // There are file systems without links.
            Err(_) if !path.exists() => fs::rename(&draft, path),
            linked => linked,
        });
        let _ = fs::remove_file(&draft);
        linked.map_err(failed)
    }

    pub(in crate::store) fn hash(&self, parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.bytes);
        parts.iter().for_each(|part| {
            hasher.update(part);
        });
        hasher.finalize()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey").field("is_secret", &self.is_secret).finish_non_exhaustive()
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(bytes)
}

/// A name that no other file has: process numbers repeat where a directory is shared by machines, or by containers of one.
pub(in crate::store) fn random_name() -> io::Result<String> {
    Ok(format!("{:016x}", u64::from_le_bytes(random()?)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_has_one_key_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<MacKey> = std::thread::scope(|threads| {
            let made: Vec<_> = (0..8).map(|_| threads.spawn(|| MacKey::of_directory(folder.path()).unwrap())).collect();
            made.into_iter().map(|key| key.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && key.is_secret()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "drafts are gone");
        let path = folder.path().join(KEY_FILE);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(keys[0], MacKey::of_directory(folder.path()).unwrap());
        // Nobody may have read it but the owner, and it is whole.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(MacKey::of_directory(folder.path()).unwrap_err().to_string().contains("mode 640"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [1; 31]).unwrap();
        assert!(MacKey::of_directory(folder.path()).unwrap_err().to_string().contains("32 bytes"));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(keys[0], MacKey::of_directory(other.path()).unwrap());
        assert!(!format!("{:?}", keys[0]).contains("bytes"));
    }
}
