//! Pages with contents that a memory will have, made before it.
//!
//! *Problem.* Who knows early what a memory begins with, and has processors to spare just then, has no memory yet to put it in. *Idea.* The
//! pages are made elsewhere, by several threads, and later moved: the system changes where they are mapped, and copies nothing.

use std::ops::Range;

use rustix::io::Errno;
use rustix::mm::{self, Advice, MremapFlags};

use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::platform::memory::{LARGE_PAGE_BYTES, MemoryError, Reservation, page_bytes};
use crate::platform::thread;

/// What is filled at a time at the end; pages are filled as a whole before.
const LAST_STEP_BYTES: usize = LARGE_PAGE_BYTES / 4;

/// See the module's documentation.
#[derive(Debug)]
pub struct PreparedPages {
    place: Reservation,
    /// Where they will be in a memory, from the beginning of a large page on.
    range: Range<usize>,
}

impl PreparedPages {
    /// Pages for what a memory has in a range, and for what is on the same large pages, if the memory is as long as that.
    ///
    /// # Errors
    ///
    /// The system has no address space or no memory; the range is empty, or not of whole pages, or the memory does not have it.
    pub fn new(range: Range<usize>, memory_bytes: usize) -> Result<Self, MemoryError> {
        let page = page_bytes();
        let is_whole = [range.start, range.end, memory_bytes].iter().all(|bytes| bytes.is_multiple_of(page));
        if range.is_empty() || range.end > memory_bytes || !is_whole {
            return Err(MemoryError::TooLarge { bytes: range.len(), alignment: page });
        }
        let end = range.end.checked_next_multiple_of(LARGE_PAGE_BYTES).map_or(memory_bytes, |end| end.min(memory_bytes));
        let wanted = range.start / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES..end;
        let place = Reservation::new_aligned(wanted.len(), LARGE_PAGE_BYTES)?;
        place.commit(0..wanted.len())?;
        let this = PreparedPages { place, range: wanted };
        // All of them, also those of which no large page can be made: what is moved must be alike.
        // SAFETY: the pages were just committed; how memory is paged changes nothing that it holds.
        let _ = unsafe { mm::madvise(this.place.base().cast(), this.range.len(), Advice::LinuxHugepage) };
        Ok(this)
    }

    /// Where in the memory they will begin.
    pub fn offset(&self) -> usize {
        self.range.start
    }

    /// Has the bytes, which are zero, filled by this thread and so many others: `fill` is given an offset in the memory, and the bytes from there to a
    /// multiple of a quarter of a large page, or to the end. Says whether it has always said yes.
    pub fn fill(&mut self, others: usize, fill: impl Fn(usize, &mut [u8]) -> bool + Sync) -> bool {
        let mut parts = Vec::new();
        let (mut start, len) = (0, self.range.len());
        while start < len {
            // The last ones are smaller, so that all threads end at about the same time.
            let step = if len - start > LARGE_PAGE_BYTES { LARGE_PAGE_BYTES } else { LAST_STEP_BYTES };
            parts.push(start..(start + step).min(len));
            start += step;
        }
        let is_filled = AtomicBool::new(true);
        let base = Base(self.place.base());
        let fill_part = |part: Range<usize>| {
            self.place.make_pages(part.clone());
            // SAFETY: the part is committed, this one's by the exclusive borrow, and of no other call of this closure.
            let bytes = unsafe { std::slice::from_raw_parts_mut(base.at(part.start), part.len()) };
            if !fill(self.range.start + part.start, bytes) {
                is_filled.store(false, Ordering::Relaxed); // read when all threads have ended
            }
        };
        thread::share_out(parts, others, fill_part);
        is_filled.load(Ordering::Relaxed) // as above
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: they are committed, and only `fill` writes to them, which borrows this exclusively.
        unsafe { std::slice::from_raw_parts(self.place.base(), self.range.len()) }
    }

    /// Moves the pages to where they belong in a reservation that is the memory, in the place of what is there; says whether the system did. The bytes are zero here
    /// afterwards, or, if it did not (Linux before 5.7 cannot), there.
    ///
    /// # Errors
    ///
    /// The system has lost what was there, and has no memory for it.
    ///
    /// # Safety
    ///
    /// Nobody uses what is there, which is committed and zero.
    pub(in crate::platform) unsafe fn move_to(&mut self, memory: &Reservation) -> Result<bool, MemoryError> {
        let (to, bytes) = memory.checked(&self.range);
        // What is left here stays mapped, so that the place is this one's until it is dropped.
        let flags = MremapFlags::MAYMOVE | MremapFlags::DONTUNMAP;
        // SAFETY: the pages are this one's, which nobody borrows; the others nobody uses, by contract.
        match unsafe { mm::mremap_fixed(self.place.base().cast(), bytes, bytes, flags, to.cast()) } {
            Ok(_) => Ok(true),
            // Before it looked at anything.
            Err(Errno::INVAL) => Ok(false),
            Err(errno) => {
                tracing::debug!(%errno, "pages were not moved");
                // What was there may have been unmapped before the system found out that it cannot go on.
                // SAFETY: nobody uses what is there, by contract.
                unsafe { memory.decommit(self.range.clone())? };
                memory.commit(self.range.clone()).map(|()| false)
            }
        }
    }
}

/// An address that threads share.
struct Base(*mut u8);

// SAFETY: which of them may write where is said by who uses it.
unsafe impl Sync for Base {}

impl Base {
    fn at(&self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::spare::MemorySlot;

    #[test]
    fn pages_are_filled_and_moved() {
        let (page, large) = (page_bytes(), LARGE_PAGE_BYTES);
        let cases = [
            (0..page, page),
            (5 * page..8 * page, large),
            (large - page..large + page, large + 9 * page),
            (large + 3 * page..3 * large + page, 8 * large),
            (large..3 * large, 3 * large),
        ];
        for (range, memory_bytes) in cases {
            for others in [0, 3] {
                let mut pages = PreparedPages::new(range.clone(), memory_bytes).unwrap();
                let (offset, len) = (pages.offset(), pages.bytes().len());
                assert!(offset <= range.start && range.end <= offset + len && offset + len <= memory_bytes);
                assert!(offset.is_multiple_of(large) && (offset + len).is_multiple_of(large) || offset + len == memory_bytes);
                assert!(pages.bytes().iter().all(|&byte| byte == 0));
                let filled = pages.fill(others, |from, bytes| {
                    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = ((from + at) / 7) as u8);
                    let end = from + bytes.len();
                    from.is_multiple_of(LAST_STEP_BYTES) && (end.is_multiple_of(LAST_STEP_BYTES) || end == offset + len)
                });
                let expected: Vec<u8> = (offset..offset + len).map(|at| (at / 7) as u8).collect();
                assert!(filled && pages.bytes() == expected);
                let mut slot = MemorySlot::new(64 << 20, memory_bytes).unwrap();
                // SAFETY: nobody else knows the slot.
                assert!(unsafe { slot.move_in(&mut pages) }.unwrap());
                assert!(pages.bytes().iter().all(|&byte| byte == 0));
                drop(pages);
                // SAFETY: the bytes are accessible.
                let bytes = unsafe { std::slice::from_raw_parts_mut(slot.base(), memory_bytes) };
                assert!(bytes[offset..][..len] == expected);
                assert!(bytes[..offset].iter().chain(&bytes[offset + len..]).all(|&byte| byte == 0));
                bytes.fill(1);
                slot.make_accessible(memory_bytes + 9 * page).unwrap();
            }
        }
    }

    #[test]
    fn what_cannot_be_filled_or_made() {
        let page = page_bytes();
        let mut pages = PreparedPages::new(0..3 << 20, 5 << 20).unwrap();
        assert!(!pages.fill(1, |from, _| from == 0) && pages.fill(1, |_, _| true));
        let outside = usize::MAX / page * page;
        for (range, memory_bytes) in
            [(1..page, page), (0..page + 1, page), (0..0, page), (0..2 * page, page), (0..outside, outside)]
        {
            assert!(PreparedPages::new(range, memory_bytes).is_err());
        }
    }
}
