//! Canonical types: one id for each distinct type in an engine, so that equal types of different modules are equal numbers.
//!
//! Problem: types are equal when their *recursion groups* are (§2.3.10, §3.1.2): a group is a list of definitions in which references
//! within the group are relative, and all others lead to types that are compared in the same way. And engines load modules
//! without end, so what no module needs any more has to go.
//!
//! Idea: a group is written as a word string (`key`) in which references to other groups are canonical ids already; equal strings
//! are equal groups, and one hash table finds them. A [`TypeGroup`] is counted: modules, isolates and groups that refer to it hold it,
//! the registry only knows where it is. The last holder takes it out of the registry.
//!
//! An id is not used again while anybody could remember it: ids count upward through all 32 bits, over all engines of the process.
//! So an id of a type that is gone, or of another engine, finds nothing.
//!
//! **Invariant:** no group is let go of under the registry's lock, which its end takes.

mod group;
mod key;
pub mod matching;
mod module;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

pub use group::{CanonicalType, TypeGroup, TypeHandle};
pub use module::CanonicalTypes;

use crate::base::sync::atomic::{AtomicU32, Ordering};
use crate::base::sync::{Arc, Mutex, Weak};
use crate::base::{CanonicalTypeId, TypeIndex};
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;
use crate::wasm::types::{CompositeType, FuncType, HeapType, RefType, SubType, ValType};

/// An engine's registry of types.
#[derive(Debug, Default)]
pub struct TypeRegistry {
    shared: Arc<Shared>,
}

/// What groups, too, hold of a registry.
#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By word string, which modules choose: the first id of the group, and the group.
    groups: foldhash::HashMap<Arc<[u32]>, (CanonicalTypeId, Weak<TypeGroup>)>,
    /// Ids are ours, so that nobody chooses them to be alike: a quick hash will do.
    by_id: FxHashMap<CanonicalTypeId, Weak<TypeGroup>>,
}

impl TypeRegistry {
    /// The canonical types of a module. The result holds them.
    ///
    /// # Errors
    ///
    /// The tables for subtype checks would be larger than the limit.
    pub fn intern_module(&self, module: &WasmModule) -> Result<CanonicalTypes, CompileError> {
        module::check_limits(module)?;
        // Before the guard: what this holds may be let go of, should something fail, and not under the lock.
        let mut types = CanonicalTypes::with_capacity(module);
        let mut known = self.shared.known.lock();
        let mut key = Vec::new();
        for (position, &first) in module.rec_groups.iter().enumerate() {
            let end = module.rec_groups.get(position + 1).copied().unwrap_or(module.types.next_key());
            let definitions = &module.types.as_values_slice()[first.as_u32() as usize..end.as_u32() as usize];
            key::write(&mut key, definitions, &|index| types.reference(index, first));
            let group = match known.find(&key) {
                Some(group) => group,
                None => {
                    let outer = types.groups_referred_to(first, definitions);
                    let build = |ids| group::build(definitions, first, ids, &types);
                    known.insert(&self.shared, &key, definitions.len(), outer, build)
                }
            };
            types.push(group);
        }
        drop(known);
        Ok(types)
    }

    /// The type of a function that no module defines: final, extending nothing, and a group of its own. `None` when it refers to a type
    /// of a module, or to one that this engine does not have (any more).
    pub fn intern_func(&self, ty: &FuncType) -> Option<TypeHandle> {
        let outer = ty.heaps().map(|heap| self.hold(heap)).collect::<Option<Vec<_>>>()?;
        let outer: Vec<Arc<TypeGroup>> = outer.into_iter().flatten().map(|handle| Arc::clone(handle.group())).collect();
        let definition = SubType::plain(CompositeType::Func(ty.clone()));
        let definitions = std::slice::from_ref(&definition);
        let mut key = Vec::new();
        key::write(&mut key, definitions, &|_| key::Reference::Inside(0));
        let mut known = self.shared.known.lock();
        let group = match known.find(&key) {
            Some(group) => group,
            None => {
                let nothing = CanonicalTypes::default();
                let build = |ids| group::build(definitions, TypeIndex::from_u32(0), ids, &nothing);
                known.insert(&self.shared, &key, 1, outer, build)
            }
        };
        drop(known);
        TypeHandle::new(group, 0)
    }

    /// Holds the type that a heap type names; `Some(None)` when it names none, `None` when this engine does not have it.
    #[allow(clippy::option_option)]
    pub fn hold(&self, heap: HeapType) -> Option<Option<TypeHandle>> {
        match heap {
            HeapType::Concrete(..) | HeapType::Exact(..) => None,
            HeapType::Canonical(kind, id) | HeapType::CanonicalExact(kind, id) => {
                self.get(id).filter(|handle| handle.ty().composite().kind() == kind).map(Some)
            }
            _ => Some(None),
        }
    }

    /// The type of an id; `None` when nobody holds it any more, or it was never this engine's.
    pub fn get(&self, id: CanonicalTypeId) -> Option<TypeHandle> {
        let group = self.shared.known.lock().by_id.get(&id)?.upgrade()?;
        let index = id.as_u32() - group.first_id().as_u32();
        TypeHandle::new(group, index)
    }

    /// Whether one type is another or extends it.
    pub fn is_subtype(&self, id: CanonicalTypeId, supertype: CanonicalTypeId) -> bool {
        id == supertype
            || match (self.get(id), self.get(supertype)) {
                (Some(ty), Some(supertype)) => ty.ty().is_subtype_of(supertype.ty()),
                _ => false,
            }
    }

    /// Whether references of one type are references of another (§3.3.4).
    pub fn ref_matches(&self, ty: RefType, supertype: RefType) -> bool {
        matching::ref_matches(ty, supertype, &|id, supertype| self.is_subtype(id, supertype))
    }

    /// Whether values of one type are values of another (§3.3.5).
    pub fn val_matches(&self, ty: ValType, supertype: ValType) -> bool {
        matching::val_matches(ty, supertype, &|id, supertype| self.is_subtype(id, supertype))
    }

    /// Whether functions of one type can be called like functions of another.
    pub fn func_matches(&self, ty: &FuncType, supertype: &FuncType) -> bool {
        matching::func_matches(ty, supertype, &|id, supertype| self.is_subtype(id, supertype))
    }

    /// Whether a type of this engine is held by a handle.
    pub fn owns(&self, handle: &TypeHandle) -> bool {
        handle.group().belongs_to(&self.shared)
    }

    /// How many distinct types are known.
    pub fn len(&self) -> usize {
        self.shared.known.lock().by_id.len()
    }

    /// Whether no type is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Known {
    fn find(&self, key: &[u32]) -> Option<Arc<TypeGroup>> {
        self.groups.get(key)?.1.upgrade()
    }

    fn insert(
        &mut self,
        shared: &Arc<Shared>,
        key: &[u32],
        count: usize,
        outer: Vec<Arc<TypeGroup>>,
        build: impl FnOnce(CanonicalTypeId) -> group::Types,
    ) -> Arc<TypeGroup> {
        let ids = self.take_ids(u32::try_from(count).unwrap_or(u32::MAX));
        let key: Arc<[u32]> = Arc::from(key);
        let group = Arc::new(TypeGroup::new(shared, Arc::clone(&key), ids, build(ids), outer));
        for id in group.ids() {
            self.by_id.insert(id, Arc::downgrade(&group));
        }
        // A group of the same key may be about to end: it will find that the place is not its own any more.
        self.groups.insert(key, (ids, Arc::downgrade(&group)));
        group
    }

    /// The first of so many ids that follow each other and that no type has.
    fn take_ids(&self, count: u32) -> CanonicalTypeId {
        // Over all engines, so that an id of one means nothing to another. 0 and the largest are never given.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        loop {
            // Relaxed: only uniqueness matters. Ids begin anew after four thousand million types.
            let first = NEXT.fetch_add(count, Ordering::Relaxed);
            let Some(end) = first.checked_add(count).filter(|_| first != 0) else { continue };
            if (first..end).all(|id| !self.by_id.contains_key(&CanonicalTypeId::from_u32(id))) {
                return CanonicalTypeId::from_u32(first);
            }
        }
    }
}
