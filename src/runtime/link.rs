//! Linking: what is given for an import, and whether it fits (§3.5, "import matching").

use std::fmt::Display;

use crate::compile::module::Module;
use crate::runtime::error::LinkError;
use crate::runtime::store::{Store, StoreId};
use crate::runtime::value::{Func, Global, Memory, Table, Tag};
use crate::wasm::canonical::{CanonicalType, TypeHandle, TypeRegistry};
use crate::wasm::module::{Import, ImportKind, WasmModule};
use crate::wasm::types::{FuncType, GlobalType, HeapType, MemoryType, TableType};

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
    /// A tag.
    Tag(Tag),
}

/// Definitions that fit a module's imports, in their order: of one store, and known to fit.
#[derive(Debug, Clone)]
pub(crate) struct LinkedImports {
    store: StoreId,
    externs: Box<[Extern]>,
}

impl LinkedImports {
    /// The definitions.
    pub(crate) fn externs(&self) -> &[Extern] {
        &self.externs
    }
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

impl Display for ExternType {
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
    /// Its type now; `None` for a handle of another isolate or of a scope that has ended.
    pub fn ty(self, store: &Store) -> Option<ExternType> {
        let id = store.id;
        match self {
            Extern::Func(func) => store.func_type(func).and_then(|ty| ty.as_func().cloned()).map(ExternType::Func),
            Extern::Table(t) if t.store == id => Some(ExternType::Table(store.tables.find(t.key)?.current_type())),
            Extern::Memory(m) if m.store == id => Some(ExternType::Memory(store.memories.find(m.key)?.current_type())),
            Extern::Global(g) if g.store == id => Some(ExternType::Global(store.globals.find(g.key)?.ty())),
            Extern::Tag(t) => store.tag_type(t)?.as_func().cloned().map(ExternType::Tag),
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

/// A global that may change must hold exactly what is wanted, others may hold less (§3.5, "global types").
fn global_matches(wanted: GlobalType, found: GlobalType, types: &TypeRegistry) -> bool {
    wanted.mutable == found.mutable
        && if wanted.mutable { wanted.content == found.content } else { types.val_matches(found.content, wanted.content) }
}

/// The type that an import asks for, in terms of its module.
pub fn wanted_type(module: &WasmModule, import: &Import) -> ExternType {
    match import.kind {
        ImportKind::Func(ty) | ImportKind::FuncExact(ty) => ExternType::Func(module.signature(ty).clone()),
        ImportKind::Table(ty) => ExternType::Table(ty),
        ImportKind::Memory(ty) => ExternType::Memory(ty),
        ImportKind::Global(ty) => ExternType::Global(ty),
        ImportKind::Tag(ty) => ExternType::Tag(module.signature(ty).clone()),
    }
}

/// What is said of a definition that the store does not know.
const UNKNOWN_IMPORT: &str = "an import was given a handle of another isolate, or of a scope that has ended";

impl Store {
    /// Checks that there is one definition for each import of a module, and that it fits.
    pub(crate) fn check_imports(&self, module: &Module, imports: &[Extern]) -> Result<(), LinkError> {
        if !module.engine().is_same(&self.engine) {
            return Err(LinkError::Foreign("the module and the isolate belong to different engines"));
        }
        let wanted = &module.decoded().imports;
        if let Some(missing) = wanted.get(imports.len()) {
            return Err(LinkError::MissingImport {
                module: missing.module.to_string(),
                field: missing.name.to_string(),
                wanted: wanted_type(module.decoded(), missing).to_string(),
            });
        }
        wanted.iter().zip(imports).try_for_each(|(import, &given)| self.check_import(module, import, given))
    }

    /// Checks them, for many instances.
    pub(crate) fn link(&self, module: &Module, imports: &[Extern]) -> Result<LinkedImports, LinkError> {
        self.check_imports(module, imports)?;
        Ok(LinkedImports { store: self.id, externs: imports.into() })
    }

    /// Checks that definitions which did fit are still there. They fit then: types stay as they are, and sizes only grow.
    pub(crate) fn check_linked(&self, imports: &LinkedImports) -> Result<(), LinkError> {
        if imports.store != self.id {
            return Err(LinkError::Foreign("an instance was prepared for another isolate"));
        }
        let is_there = |given: &Extern| match *given {
            Extern::Func(func) => self.func_table.find(func.key).is_some(),
            Extern::Table(table) => self.tables.find(table.key).is_some(),
            Extern::Memory(memory) => self.memories.find(memory.key).is_some(),
            Extern::Global(global) => self.globals.find(global.key).is_some(),
            Extern::Tag(tag) => self.tags.find(tag.key).is_some(),
        };
        if imports.externs.iter().all(is_there) { Ok(()) } else { Err(LinkError::Foreign(UNKNOWN_IMPORT)) }
    }

    /// Checks what is given for an import.
    pub(crate) fn check_import(&self, module: &Module, import: &Import, given: Extern) -> Result<(), LinkError> {
        let types = module.canonical_types();
        // The common case first: equal canonical types are equal types.
        if let (ImportKind::Func(ty) | ImportKind::FuncExact(ty), Extern::Func(func)) = (import.kind, given)
            && let Some(entry) = self.func_entry(func)
            && entry.type_id == types[ty].as_u32()
        {
            return Ok(());
        }
        let Some(found) = given.ty(self) else {
            return Err(LinkError::Foreign(UNKNOWN_IMPORT));
        };
        let found_type = match given {
            Extern::Func(func) => self.func_type(func),
            Extern::Tag(tag) => self.tag_type(tag).cloned(),
            _ => None,
        };
        let fits = match (import.kind, &found) {
            (ImportKind::Func(wanted), ExternType::Func(_)) => {
                found_type.as_ref().is_some_and(|found| found.ty().is_subtype_of(types.ty(wanted)))
            }
            // What is exactly of the type was found above.
            (ImportKind::FuncExact(_), _) => false,
            (ImportKind::Table(wanted), ExternType::Table(found)) => table_matches(&types.table_type(wanted), found),
            (ImportKind::Memory(wanted), ExternType::Memory(found)) => memory_matches(&wanted, found),
            (ImportKind::Global(wanted), ExternType::Global(found)) => {
                global_matches(types.global_type(wanted), *found, self.engine.types())
            }
            (ImportKind::Tag(wanted), ExternType::Tag(_)) => found_type.as_ref().is_some_and(|found| found.id() == types[wanted]),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let wanted = match import.kind {
            ImportKind::Func(ty) => self.describe_type(types.ty(ty)),
            ImportKind::FuncExact(ty) => format!("exactly {}", self.describe_type(types.ty(ty))),
            ImportKind::Table(ty) => self.describe(types.table_type(ty), [types.ref_type(ty.element).heap]),
            ImportKind::Global(ty) => self.describe(types.global_type(ty), types.val_type(ty.content).heap()),
            ImportKind::Tag(ty) => format!("(tag {})", self.describe_type(types.ty(ty))),
            ImportKind::Memory(_) => wanted_type(module.decoded(), import).to_string(),
        };
        let mut found = match (&found, &found_type) {
            (ExternType::Tag(_), Some(found)) => format!("(tag {})", self.describe_type(found.ty())),
            (_, Some(found)) => self.describe_type(found.ty()),
            (ExternType::Table(ty), _) => self.describe(ty, [ty.element.heap]),
            (ExternType::Global(ty), _) => self.describe(ty, ty.content.heap()),
            (other, _) => other.to_string(),
        };
        if found == wanted {
            found.push_str(" of another recursion group");
        }
        let (module, field) = (import.module.to_string(), import.name.to_string());
        Err(LinkError::IncompatibleImport { module, field, wanted, found })
    }

    /// The type of a tag, if it belongs to this store.
    pub(crate) fn tag_type(&self, tag: Tag) -> Option<&TypeHandle> {
        if tag.store == self.id { self.tags.find(tag.key).map(|tag| &tag.ty) } else { None }
    }

    fn describe_type(&self, ty: &CanonicalType) -> String {
        let supertype = ty.supertype().map(|id| HeapType::Canonical(ty.composite().kind(), id));
        let heaps = ty.composite().as_func().into_iter().flat_map(FuncType::heaps);
        self.describe(ty, supertype.into_iter().chain(heaps))
    }

    /// A type as text, and what the first few types are that it names.
    fn describe(&self, ty: impl Display, names: impl IntoIterator<Item = HeapType>) -> String {
        const DEFINITIONS_MAX: usize = 4;
        let mut ids: Vec<_> = names.into_iter().filter_map(HeapType::canonical_id).take(DEFINITIONS_MAX).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut text = ty.to_string();
        let mut separator = " where";
        for handle in ids.into_iter().filter_map(|id| self.engine.types().get(id)) {
            text += &format!("{separator} {} is {}", handle.heap(), handle.ty());
            separator = ",";
        }
        text
    }
}
