//! The cage: address space of a heap, in blocks.
//!
//! A cage is reserved whole and committed as its parts are used. Where the system refuses 4 GiB, smaller cages are tried, down to
//! 64 MiB; the base is a multiple of 4 GiB in each, so that the lower half of an object's address is its reference. Blocks are
//! 64 KiB; runs of them are given out first-fit from below, as *older is lower* and images like it dense.

use std::collections::BTreeMap;

use crate::heap::error::HeapError;
use crate::heap::memory::Memory;
use crate::layout::heap::{CAGE_ALIGN, NULL_PAGE_BYTES};
use crate::platform::memory::{MemoryError, Reservation};
use crate::platform::poison;

/// Binary logarithm of a block's bytes.
pub const BLOCK_LOG2: u32 = 16;
/// Bytes of a block.
pub const BLOCK_BYTES: u32 = 1 << BLOCK_LOG2;
/// Memory is committed in steps of so many blocks.
const COMMIT_BLOCKS: u32 = 64;
/// Sizes to try, largest first.
const SIZES: [u64; 5] = [CAGE_ALIGN, 1 << 30, 512 << 20, 256 << 20, 64 << 20];
/// Behind the cage, never mapped: an access to a field of a wild reference near the end faults.
const GUARD_BYTES: usize = 1 << 20;

const _: () = assert!(NULL_PAGE_BYTES == BLOCK_BYTES, "block 0 is the null page");

/// Number of a block.
pub type Block = u16;

/// First byte of a block.
pub const fn block_start(block: Block) -> u32 {
    (block as u32) << BLOCK_LOG2
}

/// The block of an offset.
#[inline(always)]
pub const fn block_of(offset: u32) -> Block {
    (offset >> BLOCK_LOG2) as Block
}

/// Address space in which every reference of a heap lies.
#[derive(Debug)]
pub struct Cage {
    region: Reservation,
    bytes: u64,
    /// Free runs below `frontier`: first block → number of blocks. Neighbours are one run.
    free: BTreeMap<Block, u32>,
    /// First block that was never given out.
    frontier: u32,
    /// First block that is not committed.
    committed: u32,
    /// End of the blocks that runs are taken from: the nursery is above.
    end: u32,
}

impl Cage {
    /// Reserves a cage of at most `max_bytes`, whose last `nursery_bytes` are committed for the nursery.
    ///
    /// # Errors
    ///
    /// [`HeapError::Reserve`] when not even the smallest size can be had.
    pub fn new(max_bytes: u64, nursery_bytes: u32) -> Result<Self, HeapError> {
        let mut last = None;
        for bytes in SIZES.into_iter().filter(|&bytes| bytes <= max_bytes.max(SIZES[SIZES.len() - 1])) {
            match Self::of_bytes(bytes, nursery_bytes) {
                Ok(cage) => return Ok(cage),
                Err(error) => last = Some(error),
            }
        }
        let none = MemoryError::TooLarge { bytes: 0, alignment: usize::MAX };
        Err(HeapError::Reserve(last.unwrap_or(none)))
    }

    fn of_bytes(bytes: u64, nursery_bytes: u32) -> Result<Self, MemoryError> {
        let too_large = MemoryError::TooLarge { bytes: nursery_bytes as usize, alignment: 1 << BLOCK_LOG2 };
        let start = bytes.checked_sub(u64::from(nursery_bytes)).filter(|&start| start >= bytes / 2).ok_or(too_large)?;
        let len = usize::try_from(bytes).map_err(|_| too_large)?;
        let region = Reservation::new_aligned(len + GUARD_BYTES, CAGE_ALIGN as usize)?;
        region.commit(start as usize..len)?;
        let end = (start >> BLOCK_LOG2) as u32;
        Ok(Cage { region, bytes, free: BTreeMap::new(), frontier: 1, committed: 1, end })
    }

    pub(in crate::heap) fn memory(&self) -> Memory {
        Memory::new(self.region.base())
    }

    pub(in crate::heap) fn region(&self) -> &Reservation {
        &self.region
    }

    /// Bytes of the cage, null page included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// First reference of the nursery.
    pub fn nursery_start(&self) -> u32 {
        self.end << BLOCK_LOG2
    }

    /// First block above all that were ever given out.
    pub fn frontier(&self) -> u32 {
        self.frontier
    }

    /// Keeps the blocks below an offset for an image, before any other is given out.
    pub(in crate::heap) fn keep_image(&mut self, image_bytes: u32) -> bool {
        let blocks = image_bytes.div_ceil(BLOCK_BYTES);
        if self.frontier != 1 || 1 + blocks > self.end {
            return false;
        }
        self.frontier = 1 + blocks;
        // What is mapped there is accessible already.
        self.committed = self.frontier;
        true
    }

    /// Nobody has business there, until it is opened again: what a sanitizer can see.
    pub(in crate::heap) fn close(&self, start: u32, bytes: u32) {
        poison::close(self.memory().at(start), bytes as usize);
    }

    /// See [`close`](Self::close).
    pub(in crate::heap) fn open(&self, start: u32, bytes: u32) {
        poison::open(self.memory().at(start), bytes as usize);
    }

    /// Takes a run of blocks: the first of them. Its bytes are zero. `None` when the cage or the system is full.
    pub(in crate::heap) fn take(&mut self, blocks: u32) -> Option<Block> {
        let found = self.free.iter().find(|&(_, &len)| len >= blocks).map(|(&start, &len)| (start, len));
        if let Some((start, len)) = found {
            self.free.remove(&start);
            if len > blocks {
                self.free.insert(start + blocks as Block, len - blocks);
            }
            self.open(block_start(start), blocks << BLOCK_LOG2);
            return Some(start);
        }
        let start = self.frontier;
        let end = start.checked_add(blocks).filter(|&end| end <= self.end)?;
        self.commit_to(end).ok()?;
        self.frontier = end;
        Some(start as Block)
    }

    fn commit_to(&mut self, end: u32) -> Result<(), MemoryError> {
        if end <= self.committed {
            return Ok(());
        }
        let to = end.next_multiple_of(COMMIT_BLOCKS).min(self.end);
        self.region.commit((self.committed as usize) << BLOCK_LOG2..(to as usize) << BLOCK_LOG2)?;
        self.committed = to;
        Ok(())
    }

    /// Gives a run back. Its contents are gone.
    pub(in crate::heap) fn give_back(&mut self, start: Block, blocks: u32) {
        let at = (start as usize) << BLOCK_LOG2;
        // SAFETY: the caller has no object there any more.
        if unsafe { self.region.discard(at..at + ((blocks as usize) << BLOCK_LOG2)) }.is_err() {
            // The blocks must be zero when they are taken again.
            self.memory().zero(block_start(start), blocks << BLOCK_LOG2);
        }
        self.close(block_start(start), blocks << BLOCK_LOG2);
        let (mut start, mut len) = (start, blocks);
        if let Some((&before, &count)) = self.free.range(..start).next_back()
            && u32::from(before) + count == u32::from(start)
        {
            self.free.remove(&before);
            (start, len) = (before, len + count);
        }
        if let Ok(behind) = Block::try_from(u32::from(start) + len)
            && let Some(count) = self.free.remove(&behind)
        {
            len += count;
        }
        self.free.insert(start, len);
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // The addresses may be somebody else's next.
        self.open(0, self.frontier << BLOCK_LOG2);
        let nursery_bytes = self.bytes - u64::from(self.nursery_start());
        poison::open(self.memory().at(self.nursery_start()), nursery_bytes as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Cage, block_start};
    use crate::layout::heap::CAGE_ALIGN;

    #[test]
    fn a_cage_is_aligned_and_runs_join_again() {
        let mut cage = Cage::new(CAGE_ALIGN, 1 << 20).expect("a cage");
        assert!(cage.memory().base().addr().is_multiple_of(CAGE_ALIGN as usize));
        let runs: Vec<_> = [1, 3, 2].into_iter().map(|blocks| (cage.take(blocks).expect("blocks"), blocks)).collect();
        assert_eq!(runs[0].0, 1, "block 0 is the null page");
        cage.memory().write(block_start(runs[1].0), 7);
        for &(start, blocks) in &[runs[0], runs[2], runs[1]] {
            cage.give_back(start, blocks);
        }
        assert_eq!(cage.take(6), Some(1), "neighbours are one run");
        assert_eq!(cage.memory().read(block_start(runs[1].0)), 0, "blocks come back as zeros");
    }

    #[test]
    fn a_small_cage_ends() {
        let mut cage = Cage::new(64 << 20, 1 << 20).expect("a cage");
        assert_eq!(cage.bytes(), 64 << 20);
        assert!(cage.take((64 << 20) / BLOCK_BYTES).is_none());
        let most = cage.nursery_start() / BLOCK_BYTES - 1;
        assert!(cage.take(most).is_some());
        assert!(cage.take(1).is_none());
    }
}
