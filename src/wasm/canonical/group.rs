//! Recursion groups of an engine, and the handles that keep them.

use std::fmt;

use smallvec::SmallVec;

use super::{CanonicalTypes, Shared, matching};
use crate::base::sync::Arc;
use crate::base::{CanonicalTypeId, TypeIndex};
use crate::wasm::types::{Clauses, CompositeType, FuncType, HeapType, SubType, text};

/// A type of an engine. References in it are canonical.
#[derive(Debug)]
pub struct CanonicalType {
    id: CanonicalTypeId,
    is_final: bool,
    clauses: Clauses<CanonicalTypeId>,
    composite: CompositeType,
    /// Ids of the types that it extends, from the root of its hierarchy; its own is the last.
    display: SmallVec<[u32; 2]>,
}

impl CanonicalType {
    /// Its id.
    pub fn id(&self) -> CanonicalTypeId {
        self.id
    }

    /// Whether no type may extend it.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// What it defines.
    pub fn composite(&self) -> &CompositeType {
        &self.composite
    }

    /// Which type describes it, and which it describes. Both belong to its own recursion group.
    pub fn clauses(&self) -> Clauses<CanonicalTypeId> {
        self.clauses
    }

    /// The heap type that names it.
    pub fn heap(&self) -> HeapType {
        HeapType::Canonical(self.composite.kind(), self.id)
    }

    /// The type that it extends.
    pub fn supertype(&self) -> Option<CanonicalTypeId> {
        let position = self.display.len().checked_sub(2)?;
        Some(CanonicalTypeId::from_u32(self.display[position]))
    }

    /// How many types it extends.
    pub fn depth(&self) -> u32 {
        u32::try_from(self.display.len() - 1).unwrap_or(u32::MAX)
    }

    /// Ids of the types that it extends, from the root of its hierarchy, and its own at position [`depth`](Self::depth). The words
    /// stay where they are while the type is held: generated code may read them.
    pub fn display(&self) -> &[u32] {
        &self.display
    }

    /// Whether it is another type or extends it.
    pub fn is_subtype_of(&self, supertype: &CanonicalType) -> bool {
        self.display.get(supertype.depth() as usize) == Some(&supertype.id.as_u32())
    }

    /// Whether a reference to what was made of it, and not of a type that extends it, is one of a heap type.
    pub fn matches(&self, heap: HeapType) -> bool {
        let extends = |_: CanonicalTypeId, id: CanonicalTypeId| self.display.contains(&id.as_u32());
        matching::heap_matches(self.heap().exact(), heap, &extends)
    }
}

impl fmt::Display for CanonicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id| HeapType::Canonical(self.composite.kind(), id);
        text::sub_type(f, self.is_final, self.supertype().map(name), self.clauses.map(name), &self.composite)
    }
}

/// The types of a group: of one, as most are, in the group itself, which stays where it is.
pub(super) type Types = SmallVec<[CanonicalType; 1]>;

/// A recursion group of an engine. Lives as long as somebody holds it.
pub struct TypeGroup {
    shared: Arc<Shared>,
    key: Arc<[u32]>,
    first: CanonicalTypeId,
    types: Types,
    /// Groups that it refers to.
    outer: Vec<Arc<TypeGroup>>,
}

impl TypeGroup {
    pub(super) fn new(
        shared: &Arc<Shared>,
        key: Arc<[u32]>,
        first: CanonicalTypeId,
        types: Types,
        outer: Vec<Arc<TypeGroup>>,
    ) -> Self {
        TypeGroup { shared: Arc::clone(shared), key, first, types, outer }
    }

    /// Its types.
    pub fn types(&self) -> &[CanonicalType] {
        &self.types
    }

    pub(super) fn first_id(&self) -> CanonicalTypeId {
        self.first
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = CanonicalTypeId> + use<> {
        let first = self.first.as_u32();
        (first..first + u32::try_from(self.types.len()).unwrap_or(0)).map(CanonicalTypeId::from_u32)
    }

    pub(super) fn belongs_to(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }
}

impl fmt::Debug for TypeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeGroup").field("first", &self.first).field("types", &self.types.len()).finish_non_exhaustive()
    }
}

impl Drop for TypeGroup {
    fn drop(&mut self) {
        let mut known = self.shared.known.lock();
        for id in self.ids() {
            known.by_id.remove(&id);
        }
        // Somebody may have made the group anew since the last holder let go.
        if known.groups.get(&self.key).is_some_and(|(first, _)| *first == self.first) {
            known.groups.remove(&self.key);
        }
        drop(known);
        // One after the other: a chain of groups is as long as a module's author likes, and the stack is not.
        let mut outer = std::mem::take(&mut self.outer);
        while let Some(group) = outer.pop() {
            if let Some(mut last) = Arc::into_inner(group) {
                outer.append(&mut last.outer);
            }
        }
    }
}

/// Holds a type of an engine.
#[derive(Clone)]
pub struct TypeHandle {
    group: Arc<TypeGroup>,
    index: u32,
}

impl TypeHandle {
    /// `None` when the group has no such type.
    pub(super) fn new(group: Arc<TypeGroup>, index: u32) -> Option<TypeHandle> {
        ((index as usize) < group.types.len()).then_some(TypeHandle { group, index })
    }

    /// The type.
    pub fn ty(&self) -> &CanonicalType {
        &self.group.types[self.index as usize]
    }

    /// Its id.
    pub fn id(&self) -> CanonicalTypeId {
        self.ty().id
    }

    /// The function type, if it is one.
    pub fn as_func(&self) -> Option<&FuncType> {
        self.ty().composite.as_func()
    }

    /// The heap type that names it.
    pub fn heap(&self) -> HeapType {
        self.ty().heap()
    }

    /// Whether its recursion group has no other type.
    pub fn is_alone(&self) -> bool {
        self.group.types.len() == 1
    }

    pub(super) fn group(&self) -> &Arc<TypeGroup> {
        &self.group
    }
}

impl PartialEq for TypeHandle {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.group, &other.group)
    }
}

impl Eq for TypeHandle {}

impl fmt::Debug for TypeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.heap(), self.ty())
    }
}

/// The types of a group whose first definition has a module's index `start` and the id `first`.
pub(super) fn build(definitions: &[SubType], start: TypeIndex, first: CanonicalTypeId, known: &CanonicalTypes) -> Types {
    let id_of = |index: TypeIndex| match index.as_u32().checked_sub(start.as_u32()) {
        Some(inside) => CanonicalTypeId::from_u32(first.as_u32() + inside),
        None => known[index],
    };
    let mut types = Types::with_capacity(definitions.len());
    for (id, definition) in (first.as_u32()..).zip(definitions) {
        let above: &[u32] = match definition.supertype {
            None => &[],
            // Validation lets a type extend earlier ones only.
            Some(index) => match index.as_u32().checked_sub(start.as_u32()) {
                Some(inside) => &types[inside as usize].display,
                None => known.ty(index).display(),
            },
        };
        let display = above.iter().copied().chain([id]).collect();
        let composite = definition.composite.map(&mut |heap| heap.canonical(id_of));
        let id = CanonicalTypeId::from_u32(id);
        let clauses = definition.clauses.map(id_of);
        types.push(CanonicalType { id, is_final: definition.is_final, clauses, composite, display });
    }
    types
}
