//! The memory of an isolate block, and the page before it, which polls read.
//!
//! *Problem.* Each iteration of each loop asks whether it shall stop, which is never so. A comparison and a branch there cost some loops
//! a tenth of their time. *Idea.* Optimized code reads a word whose page is taken away when the guest shall stop: the load faults then, and the
//! fault is the trap, as it is at a guard page. (HotSpot's safepoint polls do so.) Nothing is compared, nothing waits for what was read, and
//! the block's address is at hand anyway.
//!
//! The page is a mapping of its own, so that taking it away divides none, for which the system could lack the means. Pages of isolates that
//! are gone serve the next ones: to map them is most of what a new isolate takes.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::base::sync::Mutex;
use crate::base::sync::atomic::Ordering;
use crate::base::tuning::SPARE_BLOCKS_MAX;
use crate::layout::IsolateBlock;
use crate::layout::block::POLL_OFFSET;
use crate::platform::memory::{self, MemoryError, Reservation, page_bytes};

// The word that is read is on the page before, whole.
const _: () = assert!(POLL_OFFSET <= -(size_of::<u32>() as i64) && POLL_OFFSET >= -4096);

/// Owns an isolate block, at an address that never changes.
pub(crate) struct BlockMemory {
    block: NonNull<IsolateBlock>,
    /// The page that polls read, and those of the block; there until it is dropped.
    pages: Option<Reservation>,
}

/// Pages that no isolate has: readable, and writable.
static SPARE: Mutex<Vec<Reservation>> = Mutex::new(Vec::new());

// SAFETY: it owns the block as a box would; the page before it is changed by system calls only.
unsafe impl Send for BlockMemory {}
// SAFETY: as above.
unsafe impl Sync for BlockMemory {}

impl BlockMemory {
    /// Moves a block there.
    ///
    /// # Errors
    ///
    /// The system has no memory.
    pub(crate) fn new(block: IsolateBlock) -> Result<Self, MemoryError> {
        let spare = SPARE.lock().pop();
        let pages = spare.map_or_else(map_pages, Ok)?;
        let place = pages.base().wrapping_add(page_bytes()).cast::<IsolateBlock>();
        // SAFETY: the place is writable, as large as a block, and aligned as a page is; nobody else knows it.
        let block = unsafe {
            place.write(block);
            NonNull::new_unchecked(place)
        };
        Ok(BlockMemory { block, pages: Some(pages) })
    }
}

fn map_pages() -> Result<Reservation, MemoryError> {
    let page = page_bytes();
    let bytes = page + size_of::<IsolateBlock>();
    let pages = Reservation::new(bytes)?;
    pages.commit(page..bytes)?;
    pages.commit_read_only(0..page)?;
    Ok(pages)
}

impl Drop for BlockMemory {
    fn drop(&mut self) {
        // Of an isolate that ends with an interrupt nobody has noticed polls would fault. SeqCst: as all accesses to the word.
        let polls_fault = self.interrupt.load(Ordering::SeqCst) != 0;
        let mut spare = SPARE.lock();
        if !polls_fault && spare.len() < SPARE_BLOCKS_MAX {
            spare.extend(self.pages.take());
        }
    }
}

impl Deref for BlockMemory {
    type Target = IsolateBlock;

    #[inline(always)]
    fn deref(&self) -> &IsolateBlock {
        // SAFETY: the block lives as long as its pages, which this owns.
        unsafe { self.block.as_ref() }
    }
}

impl DerefMut for BlockMemory {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut IsolateBlock {
        // SAFETY: as above; this is borrowed mutably.
        unsafe { self.block.as_mut() }
    }
}

impl fmt::Debug for BlockMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Has the next poll fault, or no longer.
///
/// # Errors
///
/// The system refuses; the page is as it was.
///
/// # Safety
///
/// The block is in a [`BlockMemory`] that lives.
pub(crate) unsafe fn set_polls_fault(block: NonNull<IsolateBlock>, faulting: bool) -> Result<(), MemoryError> {
    let page = page_bytes();
    // SAFETY: by contract the page before the block is one of those that `BlockMemory` has reserved, and only polls read it.
    unsafe { memory::set_readable(block.as_ptr().cast::<u8>().wrapping_sub(page), page, !faulting) }
}
