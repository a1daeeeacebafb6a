//! Files that are read to where their bytes stay.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::base::sync::Arc;

/// Bytes that several own. A module keeps those that it was made from: see [`Module::from_shared`](crate::compile::module::Module::from_shared).
pub type SharedBytes = Arc<[u8]>;

/// At most this much is made room for at once, whatever a file says of its length.
const ROOM_MAX: u64 = 1 << 30;

/// Reads a file, of any kind, without a copy if it says how long it is.
///
/// # Errors
///
/// What the system says.
pub fn read_shared(path: impl AsRef<Path>) -> io::Result<SharedBytes> {
    let mut file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len().min(ROOM_MAX)).unwrap_or(0);
    // Zeros of the system, which nobody writes.
    // SAFETY: all bytes are initialized, with zeros.
    let mut bytes: SharedBytes = unsafe { Arc::<[u8]>::new_zeroed_slice(len).assume_init() };
    let mut read = 0;
    // New: nobody else has them.
    let place = Arc::get_mut(&mut bytes).unwrap_or(&mut []);
    while read < place.len() {
        match file.read(&mut place[read..]) {
            // It has become shorter.
            Ok(0) => return Ok(Arc::from(&place[..read])),
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // Files that are made as they are read say nothing of their length; others may have grown.
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok(if rest.is_empty() { bytes } else { [&*bytes, &rest].concat().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_every_kind() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, 5_000, 3 << 20] {
            let path = folder.path().join(len.to_string());
            let contents: Vec<u8> = (0..len).map(|n: usize| (n * 7) as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            assert_eq!(*read_shared(&path).unwrap(), contents[..]);
        }
        // Of no length that anybody knows.
        assert!(read_shared("/proc/self/status").unwrap().starts_with(b"Name:"));
        assert_eq!(read_shared(folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_shared(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
