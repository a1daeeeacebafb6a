//! The old generation: blocks of cells of one size, large objects, and descriptors.
//!
//! *Allocation.* A class has a current block. Its free cells are a list through the cells themselves (word 0 is 0, where an
//! object has its descriptor; word 1 is the next); behind the list lie cells that were never used, all zero.
//!
//! *Sweeping* is put off: a major collection only says that blocks are unswept, and each is swept when its class needs a cell, or
//! by the next major collection. Until then unmarked objects in it are dead, and nobody may follow their slots.

use std::ops::Range;

use crate::heap::cage::{BLOCK_BYTES, Block, Cage, block_of, block_start};
use crate::heap::memory::Memory;
use crate::heap::side::{CARD_BYTES, Side};
use crate::heap::space::classes::{CLASS_COUNT, Class, MAX_CELL_BYTES, cell_bytes, class_of};
use crate::heap::trace::object_bytes;
use crate::layout::heap::{DESCRIPTOR, LENGTH};

/// What a block is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::heap) enum BlockKind {
    /// Nothing.
    Free,
    /// Cells of one class.
    Cells(Class),
    /// The first of so many blocks of one large object.
    Large { blocks: u32 },
    /// Another block of a large object.
    LargeRest,
    /// Descriptors, one behind the other.
    Descriptors,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::heap) struct BlockInfo {
    pub kind: BlockKind,
    /// Whether unmarked objects in it are dead.
    pub unswept: bool,
    /// First free cell, 0 for none.
    free: u32,
    /// First byte that was never used.
    fresh: u32,
}

const UNUSED: BlockInfo = BlockInfo { kind: BlockKind::Free, unswept: false, free: 0, fresh: 0 };

/// What becomes of a block in which nothing is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// Its cells are free.
    Kept,
    /// It is no longer the class's.
    GivenBack,
}

/// What an object of so many bytes takes from the old generation.
#[inline(always)]
pub(in crate::heap) fn occupied_bytes(bytes: u32) -> u64 {
    if bytes > MAX_CELL_BYTES {
        u64::from(bytes.div_ceil(BLOCK_BYTES)) * u64::from(BLOCK_BYTES)
    } else {
        u64::from(cell_bytes(class_of(bytes)))
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::heap) struct OldSpace {
    blocks: Vec<BlockInfo>,
    /// The block that each class allocates from.
    current: [Option<Block>; CLASS_COUNT],
    /// Swept blocks with free cells.
    partial: [Vec<Block>; CLASS_COUNT],
    /// Blocks to sweep.
    unswept: [Vec<Block>; CLASS_COUNT],
    descriptors: Option<Block>,
    /// Bytes of cells and blocks that are in use, as far as is known: dead ones count until they are found.
    pub used_bytes: u64,
    descriptor_bytes: u64,
    pub block_count: u32,
}

impl OldSpace {
    pub fn new() -> Self {
        OldSpace {
            blocks: Vec::new(),
            current: [None; CLASS_COUNT],
            partial: [const { Vec::new() }; CLASS_COUNT],
            unswept: [const { Vec::new() }; CLASS_COUNT],
            descriptors: None,
            used_bytes: 0,
            descriptor_bytes: 0,
            block_count: 0,
        }
    }

    pub fn info(&self, block: Block) -> &BlockInfo {
        self.blocks.get(block as usize).unwrap_or(&UNUSED)
    }

    pub fn blocks(&self) -> impl Iterator<Item = (Block, &BlockInfo)> {
        self.blocks.iter().enumerate().filter(|(_, info)| info.kind != BlockKind::Free).map(|(n, info)| (n as Block, info))
    }

    fn take(&mut self, cage: &mut Cage, side: &Side, blocks: u32, kind: BlockKind) -> Option<Block> {
        let start = cage.take(blocks)?;
        let end = start as usize + blocks as usize;
        if self.blocks.len() < end {
            self.blocks.resize(end, UNUSED);
        }
        for block in start as usize..end {
            let kind = if block == start as usize { kind } else { BlockKind::LargeRest };
            let fresh = block_start(block as Block);
            self.blocks[block] = BlockInfo { kind, unswept: false, free: 0, fresh };
            side.clear_marks(block as Block);
            side.clean_block(block as Block);
        }
        self.block_count += blocks;
        Some(start)
    }

    fn give_back(&mut self, cage: &mut Cage, start: Block, blocks: u32) {
        self.blocks[start as usize..start as usize + blocks as usize].fill(UNUSED);
        self.block_count -= blocks;
        cage.give_back(start, blocks);
    }

    /// A cell or blocks for an object of so many bytes, a multiple of 8. Its contents are not defined, its descriptor not set.
    #[inline]
    pub fn allocate(&mut self, cage: &mut Cage, side: &Side, bytes: u32) -> Option<u32> {
        if bytes > MAX_CELL_BYTES {
            let blocks = bytes.div_ceil(BLOCK_BYTES);
            let block = self.take(cage, side, blocks, BlockKind::Large { blocks })?;
            self.used_bytes += u64::from(blocks) * u64::from(BLOCK_BYTES);
            return Some(block_start(block));
        }
        let class = class_of(bytes);
        let memory = cage.memory();
        loop {
            if let Some(block) = self.current[class as usize]
                && let Some(cell) = self.cell(memory, block, class)
            {
                self.used_bytes += u64::from(cell_bytes(class));
                return Some(cell);
            }
            self.current[class as usize] = Some(self.next_block(cage, side, class)?);
        }
    }

    #[inline(always)]
    fn cell(&mut self, memory: Memory, block: Block, class: Class) -> Option<u32> {
        let bytes = cell_bytes(class);
        let info = &mut self.blocks[block as usize];
        if info.free != 0 {
            let cell = info.free;
            info.free = memory.read(cell + LENGTH);
            return Some(cell);
        }
        if info.fresh + bytes <= block_start(block) + BLOCK_BYTES {
            let cell = info.fresh;
            info.fresh += bytes;
            return Some(cell);
        }
        None
    }

    fn next_block(&mut self, cage: &mut Cage, side: &Side, class: Class) -> Option<Block> {
        if let Some(block) = self.partial[class as usize].pop() {
            return Some(block);
        }
        while let Some(block) = self.unswept[class as usize].pop() {
            // An empty one is just what is wanted: to give all of them back here would take as long as they are many.
            if self.sweep(cage, side, block, Empty::Kept) {
                return Some(block);
            }
        }
        self.take(cage, side, 1, BlockKind::Cells(class))
    }

    /// Sweeps a block of cells; whether it is still here and has a free cell.
    fn sweep(&mut self, cage: &mut Cage, side: &Side, block: Block, empty: Empty) -> bool {
        let memory = cage.memory();
        let info = &mut self.blocks[block as usize];
        let BlockKind::Cells(class) = info.kind else { return false };
        let (bytes, start) = (cell_bytes(class), block_start(block));
        let (mut free, mut used) = (0, 0);
        let mut cell = info.fresh;
        while cell > start {
            cell -= bytes;
            if memory.read(cell + DESCRIPTOR) != 0 && side.is_marked(cell) {
                used += 1;
            } else {
                memory.write(cell + DESCRIPTOR, 0);
                memory.write(cell + LENGTH, free);
                free = cell;
            }
        }
        (info.free, info.unswept) = (free, false);
        let has_room = free != 0 || info.fresh + bytes <= start + BLOCK_BYTES;
        if used == 0 && empty == Empty::GivenBack {
            self.give_back(cage, block, 1);
            return false;
        }
        has_room
    }

    /// Sweeps all that a major collection has left, and frees large objects that it did not mark.
    pub fn finish_sweeping(&mut self, cage: &mut Cage, side: &Side) {
        for class in 0..CLASS_COUNT {
            while let Some(block) = self.unswept[class].pop() {
                if self.sweep(cage, side, block, Empty::GivenBack) {
                    self.partial[class].push(block);
                }
            }
        }
    }

    /// Before marking: everything is swept, nothing is marked.
    pub fn prepare_marking(&mut self, cage: &mut Cage, side: &Side) {
        self.finish_sweeping(cage, side);
        for (block, info) in self.blocks() {
            if info.kind != BlockKind::Descriptors {
                side.clear_marks(block);
            }
        }
    }

    /// After marking: what is not marked is dead. Large objects go at once.
    pub fn start_sweeping(&mut self, cage: &mut Cage, side: &Side, live_bytes: u64) {
        self.used_bytes = live_bytes + self.descriptor_bytes;
        self.current = [None; CLASS_COUNT];
        for list in &mut self.partial {
            list.clear();
        }
        for nth in 0..self.blocks.len() {
            let block = nth as Block;
            match self.blocks[nth].kind {
                BlockKind::Cells(class) => {
                    self.blocks[nth].unswept = true;
                    self.unswept[class as usize].push(block);
                }
                BlockKind::Large { blocks } if !side.is_marked(block_start(block)) => {
                    self.give_back(cage, block, blocks);
                }
                _ => {}
            }
        }
        // From below: low blocks fill up, high ones become free.
        for list in &mut self.unswept {
            list.reverse();
        }
    }

    /// Room for a descriptor, zeroed.
    pub fn allocate_descriptor(&mut self, cage: &mut Cage, side: &Side, bytes: u32) -> Option<u32> {
        let fits = |info: &BlockInfo, block: Block| info.fresh + bytes <= block_start(block) + BLOCK_BYTES;
        let block = match self.descriptors.filter(|&block| fits(self.info(block), block)) {
            Some(block) => block,
            None => {
                let blocks = bytes.div_ceil(BLOCK_BYTES - 8).max(1);
                let block = self.take(cage, side, blocks, BlockKind::Descriptors)?;
                if blocks == 1 {
                    self.descriptors = Some(block);
                }
                block
            }
        };
        let info = &mut self.blocks[block as usize];
        let offset = info.fresh;
        info.fresh = info.fresh.saturating_add(bytes);
        self.used_bytes += u64::from(bytes);
        self.descriptor_bytes += u64::from(bytes);
        Some(offset)
    }

    /// Calls `visit` with every live object that has bytes on a dirty card, and the part of the card.
    pub fn dirty_objects(&self, memory: Memory, side: &Side, mut visit: impl FnMut(u32, Range<u32>)) {
        let mut nth = 0;
        while nth < self.blocks.len() {
            let (block, info) = (nth as Block, &self.blocks[nth]);
            nth += 1;
            match info.kind {
                BlockKind::Cells(class) => side.dirty_cards(block, 1, |card| {
                    self.cells_on(memory, side, block, class, card..card + (CARD_BYTES - 1), &mut visit);
                }),
                BlockKind::Large { blocks } => {
                    let object = block_start(block);
                    if memory.read(object + DESCRIPTOR) != 0 {
                        side.dirty_cards(block, blocks, |card| visit(object, card..card + (CARD_BYTES - 1)));
                    }
                    nth += blocks as usize - 1;
                }
                BlockKind::Free | BlockKind::LargeRest | BlockKind::Descriptors => {}
            }
        }
    }

    fn cells_on(
        &self,
        memory: Memory,
        side: &Side,
        block: Block,
        class: Class,
        card: Range<u32>,
        visit: &mut impl FnMut(u32, Range<u32>),
    ) {
        let (bytes, start, info) = (cell_bytes(class), block_start(block), self.info(block));
        let mut cell = start + (card.start - start) / bytes * bytes;
        while cell < card.end && cell < info.fresh {
            let is_object = memory.read(cell + DESCRIPTOR) != 0 && (!info.unswept || side.is_marked(cell));
            if is_object {
                visit(cell, card.clone());
            }
            cell += bytes;
        }
    }

    /// Calls `visit` with every object of the old generation that is not known to be dead, descriptors included.
    pub fn objects(&self, memory: Memory, side: &Side, mut visit: impl FnMut(u32)) {
        for (block, info) in self.blocks() {
            let start = block_start(block);
            match info.kind {
                BlockKind::Cells(class) => {
                    let mut cell = start;
                    while cell < info.fresh {
                        if memory.read(cell + DESCRIPTOR) != 0 && (!info.unswept || side.is_marked(cell)) {
                            visit(cell);
                        }
                        cell += cell_bytes(class);
                    }
                }
                BlockKind::Large { .. } if memory.read(start + DESCRIPTOR) != 0 => visit(start),
                BlockKind::Descriptors => {
                    let mut object = start;
                    while object < info.fresh {
                        visit(object);
                        object += object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a live object starts at an offset.
    pub fn is_object(&self, memory: Memory, side: &Side, offset: u32) -> bool {
        let block = block_of(offset);
        let info = self.info(block);
        match info.kind {
            BlockKind::Cells(class) => {
                (offset - block_start(block)).is_multiple_of(cell_bytes(class))
                    && offset < info.fresh
                    && memory.read(offset + DESCRIPTOR) != 0
                    && (!info.unswept || side.is_marked(offset))
            }
            BlockKind::Large { .. } => offset == block_start(block),
            BlockKind::Descriptors => true,
            BlockKind::Free | BlockKind::LargeRest => false,
        }
    }
}
