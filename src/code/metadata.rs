//! What is known about a published function, and the header that leads from its code to that.

use std::ops::Range;

use crate::abi::artifact::{
    self, CodeVariant, DeepSlot, Entry, HandlerSite, InlinedBody, LoopSite, LoopValue, PlaceInLine, Position, Reloc,
    SavedRegisters, StackMap, Tier, TrapSite,
};
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;

/// What is known about the code of a function. Never changes.
#[derive(Debug)]
pub struct FunctionMetadata {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// Where it begins.
    pub entry: Entry,
    /// Which compiler made the code.
    pub tier: Tier,
    /// For which memories.
    pub variant: CodeVariant,
    /// Bytes of code.
    pub code_bytes: u32,
    /// Offset of the entry in the executable part of the space.
    pub entry_offset: u32,
    /// Alignment that its code asked for.
    pub alignment: u32,
    /// Where in a line of the cache it asked to be.
    pub place: Option<PlaceInLine>,
    /// Words that it records its calls in.
    pub profile_words: u32,
    /// What the function occupies there: header, code, padding.
    pub range: Range<u32>,
    /// Displacements that were filled in, by code offset.
    pub relocs: Box<[Reloc]>,
    /// Instructions that may trap, sorted by code offset.
    pub traps: Box<[TrapSite]>,
    /// Wasm positions, sorted by code offset. Where a call is directly followed by a trapping instruction two have one offset,
    /// the call's first.
    pub positions: Box<[Position]>,
    /// References in the frame while a call is under way, sorted by return address.
    pub stack_maps: Box<[StackMap]>,
    /// What they share.
    pub deep_slots: Box<[DeepSlot]>,
    /// Where exceptions are caught, sorted by return address.
    pub handlers: Box<[HandlerSite]>,
    /// What an exception that leaves the function restores.
    pub saved: SavedRegisters,
    /// Bytes of its frame, from the frame pointer down.
    pub frame_bytes: u32,
    /// Bytes of the state that a loop version reads.
    pub state_bytes: u32,
    /// Bodies in the place of calls.
    pub inlined: Box<[InlinedBody]>,
    /// Loops that may go on in a loop version, sorted by return address.
    pub loops: Box<[LoopSite]>,
    /// What they share.
    pub loop_values: Box<[LoopValue]>,
}

impl FunctionMetadata {
    /// What a fault of the instruction at this offset means.
    pub fn trap(&self, code_offset: u32) -> Option<TrapCode> {
        let found = self.traps.binary_search_by_key(&code_offset, |site| site.code_offset);
        found.ok().map(|position| self.traps[position].trap)
    }

    /// Wasm offset of the call that returns to this offset.
    pub fn call_position(&self, code_offset: u32) -> Option<u32> {
        self.positions_at(code_offset).first().map(|position| position.wasm_offset)
    }

    /// Wasm offset of the trapping instruction at this offset.
    pub fn trap_position(&self, code_offset: u32) -> Option<u32> {
        self.positions_at(code_offset).last().map(|position| position.wasm_offset)
    }

    /// The references in the frame of the call that returns to this offset, as bytes below the frame pointer; `None` when there are none.
    pub fn references(&self, code_offset: u32) -> Option<impl Iterator<Item = u32>> {
        let found = self.stack_maps.binary_search_by_key(&code_offset, |map| map.code_offset);
        found.ok().map(|position| artifact::references(&self.stack_maps[position], &self.deep_slots))
    }

    /// Where an exception goes that leaves the call that returns to this offset; `None` when this function does not catch it.
    pub fn handler(&self, code_offset: u32) -> Option<HandlerSite> {
        let found = self.handlers.binary_search_by_key(&code_offset, |site| site.code_offset);
        found.ok().map(|position| self.handlers[position])
    }

    /// The loop whose poll returns to this offset.
    pub fn loop_site(&self, code_offset: u32) -> Option<LoopSite> {
        let found = self.loops.binary_search_by_key(&code_offset, |site| site.code_offset);
        found.ok().map(|position| self.loops[position])
    }

    fn positions_at(&self, code_offset: u32) -> &[Position] {
        let start = self.positions.partition_point(|position| position.code_offset < code_offset);
        let here = self.positions[start..].iter().take_while(|position| position.code_offset == code_offset).count();
        &self.positions[start..start + here]
    }
}

/// What stands in front of every entry, in executable memory: readable for all, writable for nobody.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(in crate::code) struct Header {
    /// Address of the metadata: a leaked box, freed with the code.
    metadata: usize,
    /// Repeats the metadata's, so that writer and reader can be held against each other.
    entry_offset: u32,
    /// [`Header::MAGIC`].
    magic: u32,
}

impl Header {
    /// Bytes in front of an entry.
    pub const BYTES: usize = size_of::<Header>();
    /// Says that something is a header.
    const MAGIC: u32 = 0x0b0f_c0de;

    /// Leads from code to the metadata at an address, which is exposed before the code is reachable.
    pub fn new(metadata: usize, entry_offset: u32) -> Self {
        Header { metadata, entry_offset, magic: Header::MAGIC }
    }

    /// The header as it stands in memory.
    pub fn to_bytes(self) -> [u8; Header::BYTES] {
        // SAFETY: three integers without padding are bytes.
        unsafe { std::mem::transmute::<Header, [u8; Header::BYTES]>(self) }
    }

    /// The metadata of the function whose entry is at an address.
    ///
    /// # Safety
    ///
    /// The address is that of a published function, which is not freed meanwhile.
    pub unsafe fn metadata_of(entry: usize, entry_offset: usize) -> *mut FunctionMetadata {
        let header = std::ptr::with_exposed_provenance::<Header>(entry - Header::BYTES);
        // SAFETY: in front of each published entry stands a header; entries, and so headers, are aligned to 16.
        let header = unsafe { header.read() };
        assert!(header.magic == Header::MAGIC && header.entry_offset as usize == entry_offset, "a header as it was written");
        std::ptr::with_exposed_provenance_mut(header.metadata)
    }
}

const _: () = assert!(Header::BYTES == 16 && align_of::<Header>() <= 16);
