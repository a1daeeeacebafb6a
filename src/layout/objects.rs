//! What a vmctx points to: function table entries, imports, memory and table definitions, global cells.

use crate::base::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
use std::mem::{offset_of, size_of};

/// An entry of the isolate's function table. A function reference is the index of an entry; entry 0 stands for null and has
/// a type id that no type has.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct FuncEntry {
    /// The function's dispatch slot: a word that holds its present code address.
    pub slot: *const AtomicUsize,
    /// The vmctx to call it with.
    pub vmctx: *mut u8,
    /// Its canonical type.
    pub type_id: u32,
    /// How many types that one extends.
    pub type_depth: u32,
    /// The ids of those, from the root of the hierarchy; `type_id` is at position `type_depth`.
    pub display: *const u32,
}

/// Type id of the null entry.
pub const NULL_TYPE_ID: u32 = u32::MAX;
/// Binary logarithm of the size of a [`FuncEntry`].
pub const FUNC_ENTRY_LOG2: u32 = 5;
/// Offset of `slot`.
pub const FUNC_ENTRY_SLOT: usize = offset_of!(FuncEntry, slot);
/// Offset of `vmctx`.
pub const FUNC_ENTRY_VMCTX: usize = offset_of!(FuncEntry, vmctx);
/// Offset of `type_id`.
pub const FUNC_ENTRY_TYPE: usize = offset_of!(FuncEntry, type_id);
/// Offset of `type_depth`.
pub const FUNC_ENTRY_DEPTH: usize = offset_of!(FuncEntry, type_depth);
/// Offset of `display`.
pub const FUNC_ENTRY_DISPLAY: usize = offset_of!(FuncEntry, display);
const _: () = assert!(size_of::<FuncEntry>() == 1 << FUNC_ENTRY_LOG2);

/// An imported function, in the vmctx of the importer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ImportedFunc {
    /// Its dispatch slot.
    pub slot: *const AtomicUsize,
    /// The vmctx to call it with.
    pub vmctx: *mut u8,
}

/// Offset of `slot`.
pub const IMPORTED_FUNC_SLOT: usize = offset_of!(ImportedFunc, slot);
/// Offset of `vmctx`.
pub const IMPORTED_FUNC_VMCTX: usize = offset_of!(ImportedFunc, vmctx);

/// Where a memory is and how long it is. Its address is stable; `base` changes only for memories without a reservation. That of a shared
/// memory is one for all stores: its `base` never changes, and any thread may raise `len_bytes`.
#[repr(C)]
#[derive(Debug)]
pub struct MemoryDef {
    /// Address of byte 0.
    pub base: AtomicPtr<u8>,
    /// Accessible bytes.
    pub len_bytes: AtomicU64,
}

/// Offset of `base`.
pub const MEMORY_BASE: usize = offset_of!(MemoryDef, base);
/// Offset of `len_bytes`.
pub const MEMORY_LEN: usize = offset_of!(MemoryDef, len_bytes);

/// Where a table is and how long it is. Elements are 32-bit references, 0 is null.
#[repr(C)]
#[derive(Debug)]
pub struct TableDef {
    /// Address of element 0.
    pub base: AtomicPtr<u32>,
    /// Number of elements.
    pub len: AtomicU64,
}

/// Offset of `base`.
pub const TABLE_BASE: usize = offset_of!(TableDef, base);
/// Offset of `len`.
pub const TABLE_LEN: usize = offset_of!(TableDef, len);

/// The cell of a global: 16 bytes, so that every type fits; narrower values are in the low bytes.
#[repr(C, align(16))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V128Cell(pub [u8; 16]);
