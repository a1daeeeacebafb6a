//! What the collector keeps out of line: mark bits and cards.
//!
//! Both are address space of the cage's length divided, committed at once and touched only where blocks are used. A mark
//! bit stands for 8 bytes, a card byte for 512.
//!
//! A card is dirty if a slot in it may refer to something younger. The barrier dirties the card of the slot, a minor collection
//! cleans those that it finds no young reference in.

use std::ops::Range;

use crate::base::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use crate::heap::cage::{BLOCK_BYTES, Block, block_start};
use crate::heap::error::HeapError;
use crate::layout::heap::CARD_LOG2;
use crate::platform::memory::Reservation;

/// Bytes of a card.
pub const CARD_BYTES: u32 = 1 << CARD_LOG2;
const CARDS_PER_BLOCK: u32 = BLOCK_BYTES >> CARD_LOG2;
const MARK_BYTES_PER_BLOCK: u32 = BLOCK_BYTES / 8 / 8;

/// The side tables of a cage.
#[derive(Debug)]
pub(in crate::heap) struct Side {
    marks: Reservation,
    cards: Reservation,
}

impl Side {
    pub fn new(cage_bytes: u64) -> Result<Self, HeapError> {
        let table = |shift: u32| {
            let bytes = (cage_bytes >> shift) as usize;
            let region = Reservation::new(bytes)?;
            region.commit(0..bytes)?;
            Ok(region)
        };
        Ok(Side { marks: table(6).map_err(HeapError::Reserve)?, cards: table(CARD_LOG2).map_err(HeapError::Reserve)? })
    }

    #[inline(always)]
    fn mark_word(&self, offset: u32) -> (&AtomicU64, u64) {
        let bit = offset >> 3;
        // SAFETY: the table has a bit for each 8 bytes of the cage, and is a multiple of 8 bytes; words are only accessed so.
        let word = unsafe { &*self.marks.base().cast::<AtomicU64>().add((bit >> 6) as usize) };
        (word, 1 << (bit & 63))
    }

    /// Marks an object; whether it was not marked before.
    #[inline(always)]
    pub fn mark(&self, offset: u32) -> bool {
        let (word, bit) = self.mark_word(offset);
        let old = word.load(Ordering::Relaxed); // Relaxed: one marker, on the heap's thread.
        word.store(old | bit, Ordering::Relaxed); // Relaxed: as above.
        old & bit == 0
    }

    #[inline(always)]
    pub fn is_marked(&self, offset: u32) -> bool {
        let (word, bit) = self.mark_word(offset);
        word.load(Ordering::Relaxed) & bit != 0 // Relaxed: one marker, on the heap's thread.
    }

    /// Unmarks all objects of a block.
    pub fn clear_marks(&self, block: Block) {
        let at = (block_start(block) >> 6) as usize;
        // SAFETY: the range is that of the block in the table; nobody refers to it.
        unsafe { std::ptr::write_bytes(self.marks.base().add(at), 0, MARK_BYTES_PER_BLOCK as usize) }
    }

    #[inline(always)]
    fn card(&self, card: u32) -> &AtomicU8 {
        // SAFETY: the table has a byte for each card of the cage.
        unsafe { &*self.cards.base().add(card as usize).cast::<AtomicU8>() }
    }

    /// Address of the card of offset 0.
    pub fn card_base(&self) -> *mut u8 {
        self.cards.base()
    }

    /// Says that the slot at an offset may refer to something younger.
    #[inline(always)]
    pub fn dirty(&self, slot: u32) {
        self.card(slot >> CARD_LOG2).store(1, Ordering::Relaxed); // Relaxed: read on the same thread.
    }

    pub fn dirty_range(&self, slots: Range<u32>) {
        if !slots.is_empty() {
            for card in slots.start >> CARD_LOG2..=(slots.end - 1) >> CARD_LOG2 {
                self.card(card).store(1, Ordering::Relaxed); // Relaxed: as above.
            }
        }
    }

    pub fn is_dirty(&self, slot: u32) -> bool {
        self.card(slot >> CARD_LOG2).load(Ordering::Relaxed) != 0 // Relaxed: as above.
    }

    /// Cleans the card that begins at an offset.
    pub fn clean(&self, card_start: u32) {
        self.card(card_start >> CARD_LOG2).store(0, Ordering::Relaxed); // Relaxed: as above.
    }

    pub fn clean_block(&self, block: Block) {
        let first = (block_start(block) >> CARD_LOG2) as usize;
        // SAFETY: the range is that of the block in the table; nobody refers to it.
        unsafe { std::ptr::write_bytes(self.cards.base().add(first), 0, CARDS_PER_BLOCK as usize) }
    }

    /// Calls `visit` with the first byte of every dirty card of a run of blocks.
    #[inline]
    pub fn dirty_cards(&self, start: Block, blocks: u32, mut visit: impl FnMut(u32)) {
        let first = block_start(start) >> CARD_LOG2;
        for word in 0..blocks * CARDS_PER_BLOCK / 8 {
            let card = first + word * 8;
            // SAFETY: eight cards of the table, aligned to 8.
            let bytes = unsafe { &*self.cards.base().add(card as usize).cast::<AtomicU64>() };
            let bytes = bytes.load(Ordering::Relaxed); // Relaxed: as above.
            if bytes != 0 {
                for (nth, &byte) in bytes.to_le_bytes().iter().enumerate() {
                    if byte != 0 {
                        visit((card + nth as u32) << CARD_LOG2);
                    }
                }
            }
        }
    }
}
