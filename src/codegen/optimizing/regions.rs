//! Memory flags: what Cranelift may assume of each kind of access, and which kinds never overlap.
//!
//! An access belongs to one region; accesses of different regions do not alias, so a store to linear memory leaves loads from
//! the engine's own structures redundant. What never changes while a function runs is not in any region: it is read-only and
//! may be moved, and is hoisted out of loops.

use cranelift_codegen::ir::Endianness;
use cranelift_codegen::ir::{self, AliasRegion, AliasRegionData, Function, MemFlagsData};

use crate::abi::trap::TrapCode;

/// Kinds of memory.
#[derive(Copy, Clone, Debug)]
#[repr(u32)]
pub(super) enum Kind {
    /// Counters and limits of the isolate block.
    Block,
    /// Dispatch slots.
    Slots,
    /// Base and length of memories and tables.
    Definitions,
    /// Elements of tables.
    Elements,
    /// Results that do not fit in registers.
    Area,
    /// Locals in the frame.
    Locals,
    /// Objects of the heap.
    Objects,
    /// Cards of the heap.
    Cards,
    /// Imported memories: two of them may be one.
    ImportedMemories,
    /// Imported globals: two of them may be one.
    ImportedGlobals,
    /// Defined globals beyond the first few.
    OtherGlobals,
    /// The first of the defined memories; others follow.
    Memory,
    /// The first of the defined globals; others follow.
    Global,
}

/// Defined memories with a region of their own.
const MEMORY_REGION_MAX: usize = 100;
/// Defined globals with a region of their own in one function. More would make alias analysis slow.
pub(super) const GLOBAL_REGION_MAX: usize = 16;

/// Number and description of a region. `nth` counts defined memories or globals.
pub(super) fn region(func: &mut Function, kind: Kind, nth: usize) -> AliasRegion {
    let small = |nth: usize| u32::try_from(nth).unwrap_or(u32::MAX >> 1);
    let (user_id, description) = match kind {
        Kind::Memory => (16 + small(nth.min(MEMORY_REGION_MAX)), "memory"),
        Kind::Global => (128 + small(nth), "global"),
        Kind::Block => (kind as u32, "isolate block"),
        Kind::Slots => (kind as u32, "dispatch slots"),
        Kind::Definitions => (kind as u32, "definitions"),
        Kind::Elements => (kind as u32, "table elements"),
        Kind::Area => (kind as u32, "return area"),
        Kind::Locals => (kind as u32, "locals"),
        Kind::Objects => (kind as u32, "objects"),
        Kind::Cards => (kind as u32, "cards"),
        Kind::ImportedMemories => (kind as u32, "imported memories"),
        Kind::ImportedGlobals => (kind as u32, "imported globals"),
        Kind::OtherGlobals => (kind as u32, "other globals"),
    };
    func.dfg.alias_regions.insert(AliasRegionData { user_id, description: description.into() })
}

/// Flags of the engine's own accesses.
#[derive(Copy, Clone, Debug)]
pub(super) struct Flags {
    /// Never changes while the function runs.
    pub constant: MemFlagsData,
    /// Never changes, but only needed where it is read: cold code.
    pub pinned: MemFlagsData,
    /// The isolate block.
    pub block: MemFlagsData,
    /// The page before it that polls read.
    pub poll: MemFlagsData,
    /// Dispatch slots.
    pub slots: MemFlagsData,
    /// Base and length of memories and tables.
    pub definitions: MemFlagsData,
    /// Elements of tables.
    pub elements: MemFlagsData,
    /// The return area.
    pub area: MemFlagsData,
    /// Locals in the frame.
    pub locals: MemFlagsData,
    /// Objects of the heap that are there.
    pub objects: MemFlagsData,
    /// Cards of the heap.
    pub cards: MemFlagsData,
}

impl Flags {
    /// Flags for one function.
    pub(super) fn new(func: &mut Function) -> Self {
        let mut of = |kind| MemFlagsData::trusted().with_alias_region(Some(region(func, kind, 0)));
        Flags {
            constant: MemFlagsData::trusted().with_readonly().with_can_move(),
            pinned: MemFlagsData::trusted().with_readonly(),
            block: of(Kind::Block),
            poll: MemFlagsData::new().with_aligned().with_trap_code(Some(trap_code(TrapCode::Interrupted))),
            slots: of(Kind::Slots),
            definitions: of(Kind::Definitions),
            elements: of(Kind::Elements),
            area: of(Kind::Area),
            locals: of(Kind::Locals),
            objects: MemFlagsData::new().with_notrap().with_alias_region(Some(region(func, Kind::Objects, 0))),
            cards: MemFlagsData::trusted().with_alias_region(Some(region(func, Kind::Cards, 0))),
        }
    }
}

/// Flags of guest accesses to linear memory, which may trap and need not be aligned.
pub(super) fn guest(region: AliasRegion) -> MemFlagsData {
    MemFlagsData::new()
        .with_endianness(Endianness::Little)
        .with_trap_code(Some(trap_code(TrapCode::MemoryOutOfBounds)))
        .with_alias_region(Some(region))
}

/// Our trap code as Cranelift's.
pub(super) const fn trap_code(code: TrapCode) -> ir::TrapCode {
    ir::TrapCode::unwrap_user(code as u8)
}
