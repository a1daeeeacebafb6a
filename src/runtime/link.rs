//! Linking: what is given for an import, and whether it fits (§3.5, "import matching").

use crate::runtime::error::LinkError;
use crate::runtime::store::Store;
use crate::runtime::value::{Func, Global, Memory, Table};
use crate::wasm::module::{Import, ImportKind};
use crate::wasm::types::{FuncType, GlobalType, MemoryType, TableType};

/// Something that can be imported, and is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
}

/// The type of something that can be imported or exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternType {
    /// A function's.
    Func(FuncType),
    /// A table's.
    Table(TableType),
    /// A memory's.
    Memory(MemoryType),
    /// A global's.
    Global(GlobalType),
    /// A tag's.
    Tag(FuncType),
}

impl std::fmt::Display for ExternType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Table(ty) => ty.fmt(f),
            ExternType::Memory(ty) => ty.fmt(f),
            ExternType::Global(ty) => ty.fmt(f),
            ExternType::Tag(ty) => write!(f, "(tag {ty})"),
        }
    }
}

impl Extern {
    /// Its type now; `None` for a handle of another isolate.
    pub fn ty(self, store: &Store) -> Option<ExternType> {
        let id = store.id;
        match self {
            Extern::Func(func) => store.func_type(func).map(|ty| ExternType::Func((*ty).clone())),
            Extern::Table(t) if t.store == id => Some(ExternType::Table(store.tables.get(t.index as usize)?.current_type())),
            Extern::Memory(m) if m.store == id => Some(ExternType::Memory(store.memories.get(m.index as usize)?.current_type())),
            Extern::Global(g) if g.store == id => Some(ExternType::Global(store.globals.get(g.index as usize)?.ty())),
            _ => None,
        }
    }
}

/// Whether limits fit: at least the wanted minimum, and a maximum no larger than the wanted one.
fn limits_match(wanted: (u64, Option<u64>), found: (u64, Option<u64>)) -> bool {
    let max_fits = match (wanted.1, found.1) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wanted), Some(found)) => found <= wanted,
    };
    found.0 >= wanted.0 && max_fits
}

fn table_matches(wanted: &TableType, found: &TableType) -> bool {
    wanted.element == found.element
        && wanted.table64 == found.table64
        && limits_match((wanted.min, wanted.max), (found.min, found.max))
}

fn memory_matches(wanted: &MemoryType, found: &MemoryType) -> bool {
    wanted.memory64 == found.memory64
        && wanted.shared == found.shared
        && wanted.page_size_log2 == found.page_size_log2
        && limits_match((wanted.min, wanted.max), (found.min, found.max))
}

/// The type that an import asks for.
pub fn wanted_type(module: &crate::wasm::module::WasmModule, import: &Import) -> ExternType {
    match import.kind {
        ImportKind::Func(ty) => ExternType::Func(module.types[ty].clone()),
        ImportKind::Table(ty) => ExternType::Table(ty),
        ImportKind::Memory(ty) => ExternType::Memory(ty),
        ImportKind::Global(ty) => ExternType::Global(ty),
        ImportKind::Tag(ty) => ExternType::Tag(module.types[ty].clone()),
    }
}

impl Store {
    /// Checks what is given for an import.
    pub(crate) fn check_import(
        &self,
        module: &crate::compile::module::Module,
        import: &Import,
        given: Extern,
    ) -> Result<(), LinkError> {
        // The common case first: equal canonical types are equal types.
        if let (ImportKind::Func(ty), Extern::Func(func)) = (import.kind, given)
            && let Some(entry) = self.func_entry(func)
            && entry.type_id == module.canonical_types()[ty].as_u32()
        {
            return Ok(());
        }
        let wanted = wanted_type(module.decoded(), import);
        let Some(found) = given.ty(self) else {
            return Err(LinkError::Foreign("an import was given a handle of another isolate"));
        };
        let fits = match (&wanted, &found) {
            (ExternType::Func(wanted), ExternType::Func(found)) => wanted == found,
            (ExternType::Table(wanted), ExternType::Table(found)) => table_matches(wanted, found),
            (ExternType::Memory(wanted), ExternType::Memory(found)) => memory_matches(wanted, found),
            (ExternType::Global(wanted), ExternType::Global(found)) => wanted == found,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(LinkError::IncompatibleImport {
            module: import.module.to_string(),
            field: import.name.to_string(),
            wanted: wanted.to_string(),
            found: found.to_string(),
        })
    }
}
