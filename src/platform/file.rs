//! Files that are read to where their bytes stay.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::mm::{self, MapFlags, ProtFlags};

use crate::base::sync::Arc;
use crate::platform::memory::{page_bytes, prefer_large_pages};
use crate::platform::thread;

/// Bytes that several own. A module keeps those that it was made from: see [`Module::from_shared`](crate::compile::module::Module::from_shared).
pub type SharedBytes = Arc<[u8]>;

/// At most this much is made room for at once, whatever a file says of its length.
const ROOM_MAX: u64 = 1 << 30;
/// What a thread reads at a time: two large pages.
const PART_BYTES: usize = 4 << 20;

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
    // New: nobody else has them.
    let place = Arc::get_mut(&mut bytes).unwrap_or(&mut []);
    prefer_large_pages(place);
    let read = fill(&file, place)?;
    if read < len {
        // It has become shorter.
        return Ok(Arc::from(&bytes[..read]));
    }
    // Files that are made as they are read say nothing of their length; others may have grown.
    let mut rest = Vec::new();
    if len > 0 {
        file.seek(SeekFrom::Start(len as u64))?;
    }
    file.read_to_end(&mut rest)?;
    Ok(if rest.is_empty() { bytes } else { [&*bytes, &rest].concat().into() })
}

/// Reads a file from its beginning, a large one by several threads: most of the time goes to pages that are new. Gives how much there was.
fn fill(file: &File, place: &mut [u8]) -> io::Result<usize> {
    let parts: Vec<(usize, &mut [u8])> = place.chunks_mut(PART_BYTES).enumerate().collect();
    let results = thread::share_out(parts, thread::available_count() - 1, |(position, part)| {
        fill_part(file, (position * PART_BYTES) as u64, part).map(|read| (read, read == part.len()))
    });
    let mut total = 0;
    for result in results {
        let (read, is_full) = result?;
        total += read;
        if !is_full {
            break;
        }
    }
    Ok(total)
}

fn fill_part(file: &File, offset: u64, part: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < part.len() {
        match file.read_at(&mut part[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
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
        for len in [0, 1, 5_000, 3 << 20, PART_BYTES, 2 * PART_BYTES + 1_001] {
            let path = folder.path().join(len.to_string());
            let contents: Vec<u8> = (0..len).map(|n: usize| (n * 7) as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            assert_eq!(*read_shared(&path).unwrap(), contents[..]);
            let file = File::open(&path).unwrap();
            let mut longer = vec![1; len + 5 * PART_BYTES / 2];
            assert_eq!(fill(&file, &mut longer).unwrap(), len, "a file that has become shorter");
            assert_eq!(longer[..len], contents[..]);
        }
        // Of no length that anybody knows.
        assert!(read_shared("/proc/self/status").unwrap().starts_with(b"Name:"));
        assert_eq!(read_shared(folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_shared(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
