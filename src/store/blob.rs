//! Bytes that are read piece by piece, from wherever they are.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::base::sync::Arc;
use crate::platform::file::FileMapping;

/// Bytes of any owner, that stay where they are.
pub type SharedOwner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes that are read piece by piece. What is read twice need not be the same: see [`store`](crate::store).
pub trait Blob: Send + Sync + fmt::Debug {
    /// How many there are.
    fn len_bytes(&self) -> u64;

    /// Copies bytes from an offset on.
    ///
    /// # Errors
    ///
    /// There are not so many, or the system refuses.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Bytes that are not copied if that can be.
    ///
    /// # Errors
    ///
    /// As for [`read_at`](Self::read_at).
    fn share(&self, range: Range<u64>) -> io::Result<SharedOwner>;

    /// The file that this is, if it is one.
    fn file(&self) -> Option<&File> {
        None
    }
}

/// A file that stays open. What is read is read by system calls, never through a mapping: a file that is cut short is an error and no signal.
/// Only what is [shared](Blob::share) is mapped.
#[derive(Debug)]
pub struct FileBlob {
    file: File,
    len_bytes: u64,
}

impl FileBlob {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<FileBlob> {
        Self::new(File::open(path)?)
    }

    /// Of a file that is open.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(file: File) -> io::Result<FileBlob> {
        let len_bytes = file.metadata()?.len();
        Ok(FileBlob { file, len_bytes })
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Blob for FileBlob {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    fn share(&self, range: Range<u64>) -> io::Result<SharedOwner> {
        if range.end > self.len_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Arc::new(FileMapping::new(&self.file, range)?))
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

/// Bytes in memory.
#[derive(Clone)]
pub struct MemoryBlob {
    owner: SharedOwner,
}

impl MemoryBlob {
    /// Of any owner. What it gives stays where it is.
    pub fn new(owner: SharedOwner) -> Self {
        MemoryBlob { owner }
    }

    fn get(&self, range: Range<u64>) -> io::Result<&[u8]> {
        let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let bytes = range.and_then(|(start, end)| (*self.owner).as_ref().get(start..end));
        bytes.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl fmt::Debug for MemoryBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlob").field("len_bytes", &self.len_bytes()).finish()
    }
}

impl Blob for MemoryBlob {
    fn len_bytes(&self) -> u64 {
        (*self.owner).as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.get(offset..offset.saturating_add(into.len() as u64))?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn share(&self, range: Range<u64>) -> io::Result<SharedOwner> {
        self.get(range.clone())?;
        Ok(Arc::new(Part { blob: self.clone(), range }))
    }
}

/// A part of bytes in memory.
struct Part {
    blob: MemoryBlob,
    range: Range<u64>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.blob.get(self.range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blob: &dyn Blob, contents: &[u8]) {
        let len = contents.len() as u64;
        assert_eq!(blob.len_bytes(), len);
        let mut part = vec![0; contents.len() - 3];
        blob.read_at(3, &mut part).unwrap();
        assert_eq!(part, contents[3..]);
        assert!(blob.read_at(4, &mut part).is_err() && blob.read_at(u64::MAX, &mut part).is_err());
        for (start, end) in [(0, len), (5_001, 9_000), (4_096, 4_096), (len - 1, len)] {
            let shared = blob.share(start..end).unwrap();
            assert_eq!((*shared).as_ref(), &contents[start as usize..end as usize], "{start}..{end}");
        }
        assert!(blob.share(0..len + 1).is_err() && blob.share(len + 1..len + 2).is_err());
    }

    #[test]
    fn files_and_memory_are_read_alike() {
        let contents: Vec<u8> = (0..10_000u32).map(|n| (n * 7 / 8) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, &contents).unwrap();
        let file = FileBlob::open(&path).unwrap();
        check(&file, &contents);
        check(&MemoryBlob::new(Arc::new(contents.clone())), &contents);
        // A file that has become shorter is an error.
        std::fs::write(&path, &contents[..100]).unwrap();
        assert!(file.read_at(90, &mut [0; 20]).is_err());
    }
}
