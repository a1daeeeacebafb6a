//! Files that are read to where their bytes stay.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use rustix::mm::{self, Advice, MapFlags, ProtFlags};

use crate::base::sync::Arc;
use crate::platform::memory::page_bytes;

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
    prefer_large_pages(place);
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

/// Lets the system use large pages for memory that is about to be written from end to end: each of the others is a fault.
fn prefer_large_pages(place: &mut [u8]) {
    const LARGE_PAGE_BYTES: usize = 2 << 20;
    let start = place.as_ptr().addr().next_multiple_of(LARGE_PAGE_BYTES) - place.as_ptr().addr();
    let bytes = place.len().saturating_sub(start) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
    if bytes == 0 {
        return;
    }
    let first = place.as_mut_ptr().wrapping_add(start);
    // SAFETY: the range lies in the slice; how it is paged changes nothing that it holds. A system that does not do it says so, and need not.
    let _ = unsafe { mm::madvise(first.cast(), bytes, Advice::LinuxHugepage) };
}

/// A part of a file, mapped: bytes come when they are looked at.
///
/// **Contract:** the file is not changed while it is mapped, as files are not that are replaced by renaming others. One that is changed in its place
/// shows other bytes; one that is cut short ends the process when what is gone is looked at.
#[derive(Debug)]
pub struct FileMapping {
    address: *mut std::ffi::c_void,
    mapped_bytes: usize,
    /// Where the part begins, from the page that is mapped first.
    start: usize,
    len: usize,
}

// SAFETY: the mapping is read only, and this owns it.
unsafe impl Send for FileMapping {}
// SAFETY: as above.
unsafe impl Sync for FileMapping {}

impl FileMapping {
    /// Maps a part, which lies within the file.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(file: &File, range: Range<u64>) -> io::Result<FileMapping> {
        let too_long = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let len = usize::try_from(range.end.saturating_sub(range.start)).map_err(too_long)?;
        let page = page_bytes() as u64;
        let first = range.start / page * page;
        let start = usize::try_from(range.start - first).map_err(too_long)?;
        // No mapping is empty.
        let mapped_bytes = (start + len).max(1);
        // SAFETY: a new mapping changes no other.
        let address = unsafe { mm::mmap(std::ptr::null_mut(), mapped_bytes, ProtFlags::READ, MapFlags::PRIVATE, file, first) }?;
        Ok(FileMapping { address, mapped_bytes, start, len })
    }
}

impl AsRef<[u8]> for FileMapping {
    fn as_ref(&self) -> &[u8] {
        let first = self.address.cast::<u8>().cast_const().wrapping_add(self.start);
        // SAFETY: `start + len` bytes are mapped, readable, for as long as this lives; nobody writes them, by contract.
        unsafe { std::slice::from_raw_parts(first, self.len) }
    }
}

impl Drop for FileMapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's, and what was borrowed from it is gone. Who cannot unmap leaves it.
        let _ = unsafe { mm::munmap(self.address, self.mapped_bytes) };
    }
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
