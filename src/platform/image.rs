//! Initial memory contents that every instance maps instead of copying.
//!
//! *Idea.* The contents go once into an anonymous file (memfd), which is then sealed, or are in a file that nobody changes; each instance maps it copy-on-write over its
//! memory. Untouched pages are shared by all instances, and instantiation costs one system call whatever the size.
//!
//! **Invariants:** an image neither changes nor shrinks, so that a mapping of it never faults and never differs from the
//! bytes it was made of. Where the system refuses anonymous files, [`ImageError::Unsupported`] tells the caller to copy.

use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{self, MapFlags, ProtFlags};

use crate::base::sync::OnceLock;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::platform::memory::{Reservation, page_bytes};

/// Why there is no image, or why it could not be mapped.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The system has no anonymous files, or no seals for them: copy the contents instead.
    #[error("memory images are not supported here: {0}")]
    Unsupported(Errno),
    /// A part lies outside of the image.
    #[error("bytes {start}..{end} lie outside of an image of {len_bytes} bytes", start = range.start, end = range.end)]
    OutOfBounds {
        /// The part.
        range: Range<usize>,
        /// The image's size.
        len_bytes: usize,
    },
    /// Writing the contents failed.
    #[error("cannot write a memory image: {0}")]
    Write(#[from] std::io::Error),
    /// The system refuses the mapping.
    #[error("cannot map a memory image of {bytes} bytes: {errno}")]
    Map {
        /// Its size.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
}

/// Contents of a range of pages, to be mapped copy-on-write.
#[derive(Debug)]
pub struct MemoryImage {
    file: OwnedFd,
    /// Where in the file it begins, a whole page.
    offset: u64,
    len_bytes: usize,
    /// The bytes, to read; made when somebody reads them. `None` if the system refuses.
    view: OnceLock<Option<Reservation>>,
    is_retired: AtomicBool,
}

impl MemoryImage {
    /// Makes an image of `len_bytes`, rounded up to pages: zero, except for the parts at their offsets. Later parts overwrite
    /// earlier ones. Pages that no part touches take no memory.
    ///
    /// # Errors
    ///
    /// [`ImageError::Unsupported`] asks the caller to copy; the others are as they say.
    pub fn new<'a>(len_bytes: usize, parts: impl IntoIterator<Item = (usize, &'a [u8])>) -> Result<Self, ImageError> {
        let len_bytes = len_bytes.max(1).checked_next_multiple_of(page_bytes()).ok_or(ImageError::Unsupported(Errno::FBIG))?;
        let file = File::from(create()?);
        file.set_len(len_bytes as u64)?;
        let parts: Vec<(usize, &[u8])> = parts.into_iter().collect();
        for &(offset, bytes) in &parts {
            let end = offset.saturating_add(bytes.len());
            if end > len_bytes {
                return Err(ImageError::OutOfBounds { range: offset..end, len_bytes });
            }
        }
        write(&file, parts)?;
        let file = OwnedFd::from(file);
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).map_err(ImageError::Unsupported)?;
        Ok(Self::of(file, 0, len_bytes))
    }

    fn of(file: OwnedFd, offset: u64, len_bytes: usize) -> Self {
        MemoryImage { file, offset, len_bytes, view: OnceLock::new(), is_retired: AtomicBool::new(false) }
    }

    /// What stands in a file from an offset on, both whole pages.
    ///
    /// **Contract:** as for [`FileMapping`](crate::platform::file::FileMapping): the file is not changed from here on.
    ///
    /// # Errors
    ///
    /// The range is not of whole pages, or the system is out of descriptors: copy the contents.
    pub fn of_file(file: &File, offset: u64, len_bytes: usize) -> Result<Self, ImageError> {
        let page = page_bytes();
        if !offset.is_multiple_of(page as u64) || len_bytes == 0 || !len_bytes.is_multiple_of(page) {
            return Err(ImageError::Unsupported(Errno::INVAL));
        }
        Ok(Self::of(file.try_clone()?.into(), offset, len_bytes))
    }

    /// Its size, whole pages.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Says that it will not be mapped any more: mappings of it that nobody uses are of no use.
    pub(in crate::platform) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed); // ordered by the lock of the pool that asks
    }

    /// Whether that was said.
    pub(in crate::platform) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed) // as above
    }

    /// Copies bytes of it out.
    ///
    /// # Errors
    ///
    /// The system cannot read the file.
    pub fn read(&self, offset: usize, mut into: &mut [u8]) -> Result<(), Errno> {
        if let Some(view) = self.view.get_or_init(|| self.map_view().ok()) {
            // SAFETY: the view is all of the file and readable; its bytes never change.
            let all = unsafe { std::slice::from_raw_parts(view.base(), self.len_bytes) };
            let bytes = offset.checked_add(into.len()).and_then(|end| all.get(offset..end)).ok_or(Errno::INVAL)?;
            into.copy_from_slice(bytes);
            return Ok(());
        }
        let mut at = self.offset + offset as u64;
        while !into.is_empty() {
            match rustix::io::pread(&self.file, &mut *into, at) {
                Ok(0) => return Err(Errno::INVAL),
                Ok(count) => {
                    at += count as u64;
                    into = into.split_at_mut(count).1;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn map_view(&self) -> Result<Reservation, ImageError> {
        let refused = |errno| ImageError::Map { bytes: self.len_bytes, errno };
        let view = Reservation::new(self.len_bytes).map_err(|_| refused(Errno::NOMEM))?;
        let (start, bytes) = view.checked(&(0..self.len_bytes));
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: the range is the reservation's, which nobody else knows; the file does not change.
        unsafe { mm::mmap(start.cast(), bytes, ProtFlags::READ, flags, &self.file, self.offset) }.map_err(refused)?;
        Ok(view)
    }

    /// Maps the image copy-on-write, readable and writable, at a page of the reservation.
    ///
    /// # Errors
    ///
    /// [`ImageError::Map`].
    ///
    /// # Safety
    ///
    /// Nobody uses what is at `offset .. offset + len_bytes` of the reservation.
    pub unsafe fn map_into(&self, reservation: &Reservation, offset: usize) -> Result<(), ImageError> {
        let end = offset.checked_add(self.len_bytes).expect("an image fits the address space");
        let (start, bytes) = reservation.checked(&(offset..end));
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range is the reservation's, and by contract nobody uses it; the file does not change.
        unsafe { mm::mmap(start.cast(), bytes, access, flags, &self.file, self.offset) }
            .map(|_| ())
            .map_err(|errno| ImageError::Map { bytes, errno })
    }
}

/// Bytes that are gathered before they are written.
const GATHERED_MAX: usize = 256 << 10;

/// Writes parts, those together that lie closely one behind the other: compilers make tens of thousands of a few bytes, and a system call for
/// each would take longer than all else that is done with a module. Where parts overlap each is written alone, in their order.
fn write(file: &File, mut parts: Vec<(usize, &[u8])>) -> std::io::Result<()> {
    let end = |&(offset, bytes): &(usize, &[u8])| offset + bytes.len();
    let mut in_order = parts.clone();
    in_order.sort_by_key(|&(offset, _)| offset);
    let gap_max = if in_order.windows(2).all(|pair| end(&pair[0]) <= pair[1].0) {
        parts = in_order;
        // Zeros between two parts make no page that would not be.
        page_bytes()
    } else {
        0
    };
    let mut gathered: Vec<u8> = Vec::new();
    let mut start = 0;
    for (offset, bytes) in parts {
        let end = start + gathered.len();
        if offset < end || offset - end >= gap_max || offset - start + bytes.len() > GATHERED_MAX {
            file.write_all_at(&gathered, start as u64)?;
            gathered.clear();
            start = offset;
        }
        gathered.resize(offset - start, 0);
        gathered.extend_from_slice(bytes);
    }
    file.write_all_at(&gathered, start as u64)
}

/// A new anonymous file that takes seals, not executable where the system knows the difference.
fn create() -> Result<OwnedFd, ImageError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("deltic-image", flags | MemfdFlags::NOEXEC_SEAL) {
        // Systems before Linux 6.3 do not know the flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create("deltic-image", flags).map_err(ImageError::Unsupported),
        other => other.map_err(ImageError::Unsupported),
    }
}
