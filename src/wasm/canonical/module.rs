//! The canonical types of one module.

use cranelift_entity::PrimaryMap;

use super::group::{CanonicalType, TypeGroup, TypeHandle};
use super::key::Reference;
use crate::base::sync::Arc;
use crate::base::{CanonicalTypeId, TypeIndex, limits};
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;
use crate::wasm::types::{CompositeType, FuncType, GlobalType, HeapType, RefType, StorageType, SubType, TableType, ValType};

/// The canonical id of each type of a module, in an engine. Holds the types.
#[derive(Debug, Default)]
pub struct CanonicalTypes {
    ids: PrimaryMap<TypeIndex, CanonicalTypeId>,
    /// The module's groups in order, each with the index of its first type.
    groups: Vec<(TypeIndex, Arc<TypeGroup>)>,
}

impl std::ops::Index<TypeIndex> for CanonicalTypes {
    type Output = CanonicalTypeId;

    fn index(&self, index: TypeIndex) -> &CanonicalTypeId {
        &self.ids[index]
    }
}

impl CanonicalTypes {
    pub(super) fn with_capacity(module: &WasmModule) -> Self {
        CanonicalTypes { ids: PrimaryMap::with_capacity(module.types.len()), groups: Vec::with_capacity(module.rec_groups.len()) }
    }

    /// All ids.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = CanonicalTypeId> {
        self.ids.values().copied()
    }

    /// The type of an index.
    pub fn ty(&self, index: TypeIndex) -> &CanonicalType {
        let (group, position) = self.place(index);
        &group.types()[position]
    }

    /// Holds the type of an index; `None` when the module has no such type.
    pub fn handle(&self, index: TypeIndex) -> Option<TypeHandle> {
        self.ids.get(index)?;
        let (group, position) = self.place(index);
        TypeHandle::new(Arc::clone(group), u32::try_from(position).ok()?)
    }

    fn place(&self, index: TypeIndex) -> (&Arc<TypeGroup>, usize) {
        let position = self.groups.partition_point(|(first, _)| *first <= index) - 1;
        let (first, group) = &self.groups[position];
        (group, (index.as_u32() - first.as_u32()) as usize)
    }

    /// A heap type of the module as one of the engine.
    pub fn heap_type(&self, heap: HeapType) -> HeapType {
        heap.canonical(|index| self.ids[index])
    }

    /// A reference type of the module as one of the engine.
    pub fn ref_type(&self, ty: RefType) -> RefType {
        ty.map(&mut |heap| self.heap_type(heap))
    }

    /// A value type of the module as one of the engine.
    pub fn val_type(&self, ty: ValType) -> ValType {
        ty.map(&mut |heap| self.heap_type(heap))
    }

    /// A function type of the module as one of the engine.
    pub fn func_type(&self, ty: &FuncType) -> FuncType {
        ty.map(&mut |heap| self.heap_type(heap))
    }

    /// A table type of the module as one of the engine.
    pub fn table_type(&self, ty: TableType) -> TableType {
        TableType { element: self.ref_type(ty.element), ..ty }
    }

    /// A global type of the module as one of the engine.
    pub fn global_type(&self, ty: GlobalType) -> GlobalType {
        GlobalType { content: self.val_type(ty.content), ..ty }
    }

    /// What a reference in the group that begins at `first` leads to.
    pub(super) fn reference(&self, index: TypeIndex, first: TypeIndex) -> Reference {
        match index.as_u32().checked_sub(first.as_u32()) {
            Some(position) => Reference::Inside(position),
            None => Reference::Outside(self.ids[index]),
        }
    }

    /// The earlier groups that definitions refer to, each once.
    pub(super) fn groups_referred_to(&self, first: TypeIndex, definitions: &[SubType]) -> Vec<Arc<TypeGroup>> {
        let mut positions = Vec::new();
        let mut note = |index: TypeIndex| {
            if index < first {
                positions.push(self.groups.partition_point(|(first, _)| *first <= index) - 1);
            }
        };
        for definition in definitions {
            definition.supertype.into_iter().chain(definition.clauses.types()).for_each(&mut note);
            let mut value = |ty: ValType| {
                if let Some(index) = ty.heap().and_then(HeapType::type_index) {
                    note(index);
                }
            };
            let mut storage = |ty: StorageType| {
                if let StorageType::Val(ty) = ty {
                    value(ty);
                }
            };
            match &definition.composite {
                CompositeType::Func(ty) => ty.params.iter().chain(&ty.results).for_each(|&ty| storage(StorageType::Val(ty))),
                CompositeType::Struct(ty) => ty.fields.iter().for_each(|field| storage(field.storage)),
                CompositeType::Array(ty) => storage(ty.element.storage),
            }
        }
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().map(|position| Arc::clone(&self.groups[position].1)).collect()
    }

    pub(super) fn push(&mut self, group: Arc<TypeGroup>) {
        self.groups.push((self.ids.next_key(), Arc::clone(&group)));
        for ty in group.types() {
            self.ids.push(ty.id());
        }
    }
}

/// Bounds what interning a module takes.
pub(super) fn check_limits(module: &WasmModule) -> Result<(), CompileError> {
    let mut depths: Vec<u8> = Vec::new();
    let mut total = module.types.len();
    if module.types.values().all(|ty| ty.supertype.is_none()) {
        return Ok(());
    }
    for ty in module.types.values() {
        let depth =
            ty.supertype.and_then(|index| depths.get(index.as_u32() as usize)).map_or(0, |&above| above.saturating_add(1));
        depths.push(depth);
        total += usize::from(depth);
    }
    if total > limits::SUPERTYPE_COUNT {
        let message = format!("{total} supertypes in a module, more than {}", limits::SUPERTYPE_COUNT);
        return Err(CompileError::limit(message, None));
    }
    Ok(())
}
