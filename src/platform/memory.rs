//! Address space: reserve much, commit little, give back all.
//!
//! *Problem.* Linear memories, tables, heaps and code spaces must grow without moving, and 4 GiB of each must cost nothing until it
//! is used. *Idea.* A [`Reservation`] is inaccessible address space without swap accounting; parts of it are committed (made
//! readable and writable, zero at first touch) and decommitted (given back, inaccessible again). A [`GrowableRegion`] is a
//! reservation whose committed part is a prefix.
//!
//! **Invariants:** a reservation owns its addresses until it is dropped: every mapping inside it is made with `MAP_FIXED` on a range
//! that was checked against its bounds, and goes with it. Offsets are checked by assertion: they come from the engine, never
//! from a guest.

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use std::ops::Range;
use std::ptr;

use rustix::io::Errno;
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};

/// Why address space could not be had or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The system refuses address space.
    #[error("cannot reserve {bytes} bytes of address space: {errno}")]
    Reserve {
        /// How much was asked for.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
    /// The size does not fit the address space at all.
    #[error("{bytes} bytes with alignment {alignment} are beyond the address space")]
    TooLarge {
        /// How much was asked for.
        bytes: usize,
        /// With which alignment.
        alignment: usize,
    },
    /// The system refuses memory for reserved address space.
    #[error("cannot commit {bytes} bytes of memory: {errno}")]
    Commit {
        /// How much was asked for.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
    /// The system refuses to take memory back.
    #[error("cannot decommit {bytes} bytes of memory: {errno}")]
    Decommit {
        /// How much was given back.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
}

/// Bytes of a page of the processor.
pub fn page_bytes() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: every thread computes the same value, and nothing is published with it.
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            let bytes = rustix::param::page_size();
            PAGE.store(bytes, Ordering::Relaxed);
            bytes
        }
        bytes => bytes,
    }
}

/// The next multiple of the page size, unless that overflows.
pub fn round_to_page(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_bytes())
}

/// Asks the processor to fetch what is at an address. Any address may be asked for.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which does not fault.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Makes pages readable, and no more, or inaccessible.
///
/// # Errors
///
/// [`MemoryError::Commit`]: the pages are as they were.
///
/// # Safety
///
/// They are whole pages of a reservation that lives, in which nobody keeps anything; a read of them that faults is dealt with.
pub unsafe fn set_readable(start: *mut u8, bytes: usize, readable: bool) -> Result<(), MemoryError> {
    let access = if readable { MprotectFlags::READ } else { MprotectFlags::empty() };
    // SAFETY: by contract.
    unsafe { mm::mprotect(start.cast(), bytes, access) }.map_err(|errno| MemoryError::Commit { bytes, errno })
}

/// Address space that nobody else gets. Inaccessible where nothing was committed or mapped. Unmapped when dropped.
#[derive(Debug)]
pub struct Reservation {
    base: *mut u8,
    /// Falls only, and only by [`Reservation::release_tail`].
    len_bytes: AtomicUsize,
}

// SAFETY: a reservation is a range of addresses; its methods are system calls that any thread may make at any time.
unsafe impl Send for Reservation {}
// SAFETY: as above; reading or writing through `base` is the caller's unsafe act.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves at least one page, rounded up to whole pages.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Reserve`] or [`MemoryError::TooLarge`].
    pub fn new(bytes: usize) -> Result<Self, MemoryError> {
        let too_large = MemoryError::TooLarge { bytes, alignment: page_bytes() };
        let len_bytes = round_to_page(bytes.max(1)).ok_or(too_large)?;
        Ok(Reservation { base: reserve(len_bytes)?, len_bytes: AtomicUsize::new(len_bytes) })
    }

    /// Reserves with the base at a multiple of `alignment`, a power of two.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Reserve`] or [`MemoryError::TooLarge`].
    pub fn new_aligned(bytes: usize, alignment: usize) -> Result<Self, MemoryError> {
        assert!(alignment.is_power_of_two(), "alignment is a power of two");
        if alignment <= page_bytes() {
            return Self::new(bytes);
        }
        let too_large = MemoryError::TooLarge { bytes, alignment };
        let len_bytes = round_to_page(bytes.max(1)).ok_or(too_large)?;
        let asked = len_bytes.checked_add(alignment - page_bytes()).ok_or(too_large)?;
        let start = reserve(asked)?;
        let head = start.addr().next_multiple_of(alignment) - start.addr();
        let tail = asked - head - len_bytes;
        let base = start.wrapping_add(head);
        // SAFETY: both ranges are inside what was just mapped, outside of what is kept, and nobody knows them.
        unsafe {
            unmap(start, head);
            unmap(base.wrapping_add(len_bytes), tail);
        }
        Ok(Reservation { base, len_bytes: AtomicUsize::new(len_bytes) })
    }

    /// The lowest address.
    pub fn base(&self) -> *mut u8 {
        self.base
    }

    /// How many bytes are reserved.
    pub fn len_bytes(&self) -> usize {
        // Relaxed: a number that is of no use to anybody who does not own what is below it.
        self.len_bytes.load(Ordering::Relaxed)
    }

    /// The addresses.
    pub fn addresses(&self) -> Range<usize> {
        self.base.addr()..self.base.addr() + self.len_bytes()
    }

    /// Gives the address space from an offset on back, but for a first page; the offset is rounded up to a page.
    ///
    /// # Safety
    ///
    /// Nobody uses it, and no other call of this reservation's that may concern it is under way.
    pub unsafe fn release_tail(&self, from: usize) {
        let kept = from.max(1).next_multiple_of(page_bytes());
        let len_bytes = self.len_bytes();
        if kept < len_bytes {
            self.len_bytes.store(kept, Ordering::Relaxed); // as in `len_bytes`
            // SAFETY: the range was this reservation's, and the caller says that nobody uses it.
            unsafe { unmap(self.base.wrapping_add(kept), len_bytes - kept) };
        }
    }

    /// Makes a range readable and writable; it starts at a page, and its end is rounded up to one. What was not accessible before
    /// reads as zero; contents of accessible pages stay.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Commit`] when the system has no memory or no mapping left.
    pub fn commit(&self, range: Range<usize>) -> Result<(), MemoryError> {
        let (start, bytes) = self.checked(&range);
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: the range belongs to this reservation; more access than before breaks no one.
        unsafe { mm::mprotect(start.cast(), bytes, MprotectFlags::READ | MprotectFlags::WRITE) }
            .map_err(|errno| MemoryError::Commit { bytes, errno })
    }

    /// Makes a range readable; the same otherwise.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn commit_read_only(&self, range: Range<usize>) -> Result<(), MemoryError> {
        let (start, bytes) = self.checked(&range);
        // SAFETY: the range belongs to this reservation, and was not writable: it was not committed.
        unsafe { set_readable(start, bytes, true) }
    }

    /// Gives the memory of a range back, whatever was mapped there, and makes it inaccessible.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Decommit`] when the system has no mapping left.
    ///
    /// # Safety
    ///
    /// Nobody uses the contents of the range.
    pub unsafe fn decommit(&self, range: Range<usize>) -> Result<(), MemoryError> {
        let (start, bytes) = self.checked(&range);
        if bytes == 0 {
            return Ok(());
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: the range belongs to this reservation, and the caller says that its contents are of no use.
        unsafe { mm::mmap_anonymous(start.cast(), bytes, ProtFlags::empty(), flags) }
            .map(|_| ())
            .map_err(|errno| MemoryError::Decommit { bytes, errno })
    }

    /// Lets the contents of a range return to what they were at first: zero, or the image that is mapped there. Access stays.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Decommit`].
    ///
    /// # Safety
    ///
    /// Nobody relies on the contents of the range.
    pub unsafe fn discard(&self, range: Range<usize>) -> Result<(), MemoryError> {
        let (start, bytes) = self.checked(&range);
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: the range belongs to this reservation, and the caller says that its contents are of no use.
        unsafe { mm::madvise(start.cast(), bytes, Advice::LinuxDontNeed) }.map_err(|errno| MemoryError::Decommit { bytes, errno })
    }

    /// Makes the pages of a range, which may be written to, before they are touched: many at a time take less than a fault for each. What they hold
    /// stays. Where the system does not know how, they are made when they are touched.
    pub fn populate(&self, range: Range<usize>) {
        let (start, bytes) = self.checked(&range);
        // SAFETY: the range belongs to this reservation.
        unsafe { advise_large_pages(start, bytes) };
        // Not all at once: meanwhile no other thread of the process may change its mappings, as allocators do.
        let mut done = 0;
        while done < bytes {
            let step = (bytes - done).min(POPULATED_TOGETHER - start.wrapping_add(done).addr() % POPULATED_TOGETHER);
            if !self.make_pages(range.start + done..range.start + done + step) {
                return;
            }
            done += step;
        }
    }

    /// Makes the pages of a range at once, of whatever sizes; says whether the system did.
    pub(in crate::platform) fn make_pages(&self, range: Range<usize>) -> bool {
        let (start, bytes) = self.checked(&range);
        // SAFETY: the range belongs to this reservation; making pages changes nothing that they hold.
        let made = unsafe { mm::madvise(start.cast(), bytes, Advice::LinuxPopulateWrite) };
        // Systems before Linux 5.14, and ranges that are not accessible.
        made.inspect_err(|errno| tracing::trace!(%errno, "pages were not populated")).is_ok()
    }

    /// Address and size of a range, its end rounded up to a page.
    pub(in crate::platform) fn checked(&self, range: &Range<usize>) -> (*mut u8, usize) {
        assert!(range.start <= range.end && range.end <= self.len_bytes(), "{range:?} is inside the reservation");
        assert!(range.start.is_multiple_of(page_bytes()), "{range:?} starts at a page");
        let bytes = (range.end - range.start).next_multiple_of(page_bytes());
        (self.base.wrapping_add(range.start), bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is owned; whoever used its addresses did so under the promise that the reservation is alive.
        unsafe { unmap(self.base, self.len_bytes()) }
    }
}

/// Zeroed memory that grows without moving.
#[derive(Debug)]
pub struct GrowableRegion {
    reservation: Reservation,
    len_bytes: usize,
}

impl GrowableRegion {
    /// A region of no bytes that can grow to `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Reserve`] or [`MemoryError::TooLarge`].
    pub fn new(max_bytes: usize) -> Result<Self, MemoryError> {
        Ok(GrowableRegion { reservation: Reservation::new(max_bytes)?, len_bytes: 0 })
    }

    /// Grows to at least `len_bytes`, rounded up to pages. Smaller values change nothing.
    ///
    /// # Errors
    ///
    /// [`MemoryError::TooLarge`] beyond the maximum, [`MemoryError::Commit`] when memory is short; the region is as before then.
    pub fn grow_to(&mut self, len_bytes: usize) -> Result<(), MemoryError> {
        if len_bytes > self.reservation.len_bytes() {
            return Err(MemoryError::TooLarge { bytes: len_bytes, alignment: page_bytes() });
        }
        let wanted = len_bytes.next_multiple_of(page_bytes());
        if wanted > self.len_bytes {
            self.reservation.commit(self.len_bytes..wanted)?;
            self.len_bytes = wanted;
        }
        Ok(())
    }

    /// The lowest address; it never changes.
    pub fn base(&self) -> *mut u8 {
        self.reservation.base()
    }

    /// Readable and writable bytes.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Bytes to which it can grow.
    pub fn max_bytes(&self) -> usize {
        self.reservation.len_bytes()
    }
}

/// Inaccessible address space at any place.
fn reserve(bytes: usize) -> Result<*mut u8, MemoryError> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: without a fixed address a new mapping touches no other.
    let start = unsafe { mm::mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::empty(), flags) };
    start.map(|start| start.cast()).map_err(|errno| MemoryError::Reserve { bytes, errno })
}

/// # Safety
///
/// The range is the caller's, and nobody uses it.
unsafe fn unmap(start: *mut u8, bytes: usize) {
    if bytes == 0 {
        return;
    }
    // SAFETY: by contract.
    if let Err(errno) = unsafe { mm::munmap(start.cast(), bytes) } {
        // Only a split of mappings beyond the system's limit can fail here; the address space is then lost, and harmless.
        tracing::debug!(%errno, bytes, "address space was not given back");
    }
}

/// What most systems have between pages of the usual size and huge ones.
pub(crate) const LARGE_PAGE_BYTES: usize = 2 << 20;
/// One large page, which takes about 0.1 ms.
const POPULATED_TOGETHER: usize = LARGE_PAGE_BYTES;

/// Lets the system use large pages for memory that is about to be written from end to end: each of the others is a fault.
pub fn prefer_large_pages(place: &mut [u8]) {
    // SAFETY: the range is borrowed.
    unsafe { advise_large_pages(place.as_mut_ptr(), place.len()) };
}

/// The same, of those that lie wholly in a range.
///
/// # Safety
///
/// The range is the caller's.
unsafe fn advise_large_pages(start: *mut u8, bytes: usize) {
    let skipped = start.addr().next_multiple_of(LARGE_PAGE_BYTES) - start.addr();
    let bytes = bytes.saturating_sub(skipped) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
    if bytes == 0 {
        return;
    }
    // SAFETY: by contract; how memory is paged changes nothing that it holds. A system that does not do it says so, and need not.
    let _ = unsafe { mm::madvise(start.wrapping_add(skipped).cast(), bytes, Advice::LinuxHugepage) };
}
