//! Canonical function types: one id per distinct type in an engine, so that a call checks a type by comparing two integers.

use std::collections::HashMap;

use cranelift_entity::{EntityRef, PrimaryMap};

use crate::base::CanonicalTypeId;
use crate::base::sync::{Arc, Mutex};
use crate::wasm::module::{CanonicalTypes, WasmModule};
use crate::wasm::types::FuncType;

/// The engine's registry of function types. Ids are never reused while the engine lives.
#[derive(Debug, Default)]
pub struct TypeRegistry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ids: HashMap<Arc<FuncType>, CanonicalTypeId>,
    types: PrimaryMap<CanonicalTypeId, Arc<FuncType>>,
}

impl TypeRegistry {
    /// The id of a type.
    pub fn id(&self, ty: &FuncType) -> CanonicalTypeId {
        self.inner.lock().id(ty)
    }

    /// The ids of all types of a module.
    pub fn ids_of(&self, module: &WasmModule) -> CanonicalTypes {
        let mut inner = self.inner.lock();
        module.types.values().map(|ty| inner.id(ty)).collect()
    }

    /// The type of an id that this registry gave; `None` for any other.
    pub fn get(&self, id: CanonicalTypeId) -> Option<Arc<FuncType>> {
        self.inner.lock().types.get(id).cloned()
    }

    /// How many distinct types are known.
    pub fn len(&self) -> usize {
        self.inner.lock().types.len()
    }

    /// Whether no type is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn id(&mut self, ty: &FuncType) -> CanonicalTypeId {
        if let Some(&id) = self.ids.get(ty) {
            return id;
        }
        let ty = Arc::new(ty.clone());
        let id = self.types.push(Arc::clone(&ty));
        debug_assert_eq!(id.index() + 1, self.types.len());
        self.ids.insert(ty, id);
        id
    }
}
