//! Layout of a vmctx: the block of memory that every function of an instance gets as its first argument.
//!
//! A fixed header, then one array per kind of thing, sized by the module:
//!
//! ```text
//! 0   *IsolateBlock
//! 8   *const u32            canonical type ids, by type index
//! 16  *FuncEntry            the isolate's function table
//! 24  *mut ()               the runtime's instance
//! 32  *const u32            descriptors in the isolate's heap, by type index
//! 40  *const u32            references of the module's functions, by index
//! 48  *const usize          the module's dispatch slots
//! 56  imported functions    { slot, vmctx }
//!     memories              { base, *MemoryDef }   base is constant for a memory with a reservation
//!     tables                *TableDef
//!     imported globals      *cell
//!     tags                  u32: identity in the store
//!     defined globals       cells of 16 bytes, aligned to 16
//! ```
//!
//! A host function's context begins with the same `*IsolateBlock`, so that stubs need not know what they call.

use cranelift_entity::EntityRef;

use crate::base::{FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex};
use crate::wasm::module::WasmModule;

/// Offset of the pointer to the isolate block.
pub const BLOCK: u32 = 0;
/// Offset of the pointer to the canonical type ids.
pub const TYPE_IDS: u32 = 8;
/// Offset of the pointer to the isolate's function table.
pub const FUNC_TABLE: u32 = 16;
/// Offset of the runtime's instance.
pub const INSTANCE: u32 = 24;
/// Offset of the pointer to the descriptors of types.
pub const DESCRIPTORS: u32 = 32;
/// Offset of the pointer to the references of the instance's functions, by function index: [`NO_REFERENCE`] where none was asked for yet. A function has one
/// reference as long as its instance lives.
pub const FUNC_REFS: u32 = 40;
/// What no reference is, null included.
pub const NO_REFERENCE: u32 = u32::MAX;
/// Offset of the pointer to the first dispatch slot of the module, in the instance's variant.
pub const SLOTS: u32 = 48;
const HEADER_BYTES: u32 = 56;

/// Offsets of the arrays, for one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmLayout {
    imported_funcs: u32,
    memories: u32,
    tables: u32,
    imported_globals: u32,
    imported_global_count: u32,
    tags: u32,
    defined_globals: u32,
    size_bytes: u32,
}

impl VmLayout {
    /// The layout for a module. Offsets fit 31 bits because of `base::limits`.
    pub fn new(module: &WasmModule) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX >> 8);
        let imported_funcs = HEADER_BYTES;
        let memories = imported_funcs + 16 * count(module.imported_func_count);
        let tables = memories + 16 * count(module.memories.len());
        let imported_globals = tables + 8 * count(module.tables.len());
        let imported_global_count = count(module.imported_global_count);
        let tags = imported_globals + 8 * imported_global_count;
        let defined_globals = (tags + 4 * count(module.tags.len())).next_multiple_of(16);
        let defined_count = count(module.globals.len()) - imported_global_count;
        let size_bytes = defined_globals + 16 * defined_count;
        VmLayout { imported_funcs, memories, tables, imported_globals, imported_global_count, tags, defined_globals, size_bytes }
    }

    /// Bytes of the vmctx.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes as usize
    }

    /// Offset of the [`ImportedFunc`](crate::layout::ImportedFunc) of an imported function.
    pub fn imported_func(&self, func: FuncIndex) -> u32 {
        self.imported_funcs + 16 * func.as_u32()
    }

    /// Offset of a memory's base. Constant while the instance lives if the memory has a reservation.
    pub fn memory_base(&self, memory: MemoryIndex) -> u32 {
        self.memories + 16 * memory.as_u32()
    }

    /// Offset of the pointer to a memory's [`MemoryDef`](crate::layout::MemoryDef).
    pub fn memory_def(&self, memory: MemoryIndex) -> u32 {
        self.memory_base(memory) + 8
    }

    /// Offset of the pointer to a table's [`TableDef`](crate::layout::TableDef).
    pub fn table_def(&self, table: TableIndex) -> u32 {
        self.tables + 8 * table.as_u32()
    }

    /// Offset of a tag's identity.
    pub fn tag(&self, tag: TagIndex) -> u32 {
        self.tags + 4 * tag.as_u32()
    }

    /// Where a global's cell is.
    pub fn global(&self, global: GlobalIndex) -> GlobalPlace {
        match global.as_u32().checked_sub(self.imported_global_count) {
            None => GlobalPlace::Pointer(self.imported_globals + 8 * global.as_u32()),
            Some(defined) => GlobalPlace::Cell(self.defined_globals + 16 * defined),
        }
    }
}

/// How generated code reaches a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalPlace {
    /// The vmctx holds a pointer to the cell at this offset.
    Pointer(u32),
    /// The vmctx holds the cell itself at this offset.
    Cell(u32),
}

impl VmLayout {
    /// How many imported functions there is room for; for assertions.
    pub fn imported_func_count(&self) -> usize {
        ((self.memories - self.imported_funcs) / 16) as usize
    }

    /// The imported function at a position.
    pub fn imported_func_at(&self, position: usize) -> u32 {
        self.imported_func(FuncIndex::new(position))
    }
}
