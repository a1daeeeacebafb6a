//! The linker: definitions by name, for modules that import them.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::compile::engine::WasmEngine;
use crate::compile::module::Module;
use crate::isolate::caller::Caller;
use crate::isolate::func::{IntoFunc, untyped, words};
use crate::isolate::instance_pre::InstancePre;
use crate::isolate::scope::AsScope;
use crate::runtime::error::LinkError;
use crate::runtime::host::HostFunc;
use crate::runtime::link::{Extern, wanted_type};
use crate::runtime::shared::SharedMemory;
use crate::runtime::trap::HostError;
use crate::runtime::value::{Instance, Memory, Val};
use crate::wasm::module::{Import, ImportKind};
use crate::wasm::types::FuncType;

/// Definitions for imports. Host functions belong to no isolate: one linker serves many.
#[derive(Debug, Clone)]
pub struct Linker {
    engine: WasmEngine,
    definitions: HashMap<String, HashMap<String, Definition>>,
    stub_missing_funcs: bool,
}

#[derive(Debug, Clone)]
enum Definition {
    Host(HostFunc),
    Extern(Extern),
    Shared(SharedMemory),
}

/// A function that was imported but not given was called; see [`Linker::stub_missing_funcs`].
#[derive(Debug, thiserror::Error)]
#[error("unknown import \"{module}\" \"{field}\" was called")]
struct StubCalled {
    module: String,
    field: String,
}

impl Linker {
    /// A linker without definitions.
    pub fn new(engine: &WasmEngine) -> Linker {
        Linker { engine: engine.clone(), definitions: HashMap::new(), stub_missing_funcs: false }
    }

    /// The engine that it belongs to.
    pub fn engine(&self) -> &WasmEngine {
        &self.engine
    }

    /// Gives functions that nobody defined a stub that traps when it is called, naming the import.
    pub fn stub_missing_funcs(&mut self, on: bool) -> &mut Self {
        self.stub_missing_funcs = on;
        self
    }

    /// Defines a host function from a closure. See [`IntoFunc`] for the closures that can be taken.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn func_wrap<Params>(
        &mut self,
        module: &str,
        name: &str,
        closure: impl IntoFunc<Params>,
    ) -> Result<&mut Self, LinkError> {
        self.insert(module, name, Definition::Host(closure.into_func()))
    }

    /// Defines a host function of a type that is known at run time only.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        closure: impl Fn(Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        self.insert(module, name, Definition::Host(untyped(ty, closure)))
    }

    /// Defines a host function over words, one per parameter; for tables of functions whose types are data.
    ///
    /// # Errors
    ///
    /// The name is taken, or the type has vectors, references or several results.
    pub fn func_words(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        closure: impl Fn(Caller<'_>, &[u64]) -> Result<Option<u64>, HostError> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        let unfit = LinkError::Resource(format!("\"{module}\" \"{name}\" of type {ty} does not fit words"));
        let func = words(ty, closure).ok_or(unfit)?;
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines something of an isolate; the linker is good for that isolate only then.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn define(&mut self, module: &str, name: &str, value: Extern) -> Result<&mut Self, LinkError> {
        self.insert(module, name, Definition::Extern(value))
    }

    /// Defines a shared memory, for any isolate: the linker stays good for all of them.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn define_shared(&mut self, module: &str, name: &str, memory: &SharedMemory) -> Result<&mut Self, LinkError> {
        self.insert(module, name, Definition::Shared(memory.clone()))
    }

    /// Defines all exports of an instance under a module name, replacing what had these names.
    pub fn instance(&mut self, scope: &mut impl AsScope, module: &str, instance: Instance) -> &mut Self {
        let exports = instance.exports(scope);
        let names = self.definitions.entry(module.to_owned()).or_default();
        names.extend(exports.into_iter().map(|(name, value)| (name, Definition::Extern(value))));
        self
    }

    /// Defines a host function.
    pub(super) fn insert_host(&mut self, module: &str, name: &str, func: HostFunc) -> Result<&mut Self, LinkError> {
        self.insert(module, name, Definition::Host(func))
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<&mut Self, LinkError> {
        let names = self.definitions.entry(module.to_owned()).or_default();
        if names.contains_key(name) {
            return Err(LinkError::Duplicate { module: module.to_owned(), field: name.to_owned() });
        }
        names.insert(name.to_owned(), definition);
        Ok(self)
    }

    /// Makes an instance, looking every import up by its names.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    pub fn instantiate(&self, mut scope: impl AsScope, module: &Module) -> Result<Instance, LinkError> {
        let imports = self.imports(&mut scope, module)?;
        scope.store_mut().instantiate(module, &imports)
    }

    /// Looks every import up by its names and sees that it fits, for many instances in one isolate.
    ///
    /// # Errors
    ///
    /// A definition is missing, of another type, of another isolate or of a scope that has ended; or the module is another engine's.
    pub fn instantiate_pre(&self, mut scope: impl AsScope, module: &Module) -> Result<InstancePre, LinkError> {
        let imports = self.imports(&mut scope, module)?;
        InstancePre::new(&mut scope, module, &imports)
    }

    /// What a module's imports are, in their order.
    pub(super) fn imports(&self, scope: &mut impl AsScope, module: &Module) -> Result<SmallVec<[Extern; 8]>, LinkError> {
        module.decoded().imports.iter().map(|import| self.resolve(scope, module, import)).collect()
    }

    fn resolve(&self, scope: &mut impl AsScope, module: &Module, import: &Import) -> Result<Extern, LinkError> {
        let found = self.definitions.get(&*import.module).and_then(|names| names.get(&*import.name));
        let host = match (found, import.kind) {
            (Some(Definition::Extern(value)), _) => return Ok(*value),
            (Some(Definition::Shared(memory)), _) => return Ok(Extern::Memory(Memory::from_shared(scope, memory)?)),
            (Some(Definition::Host(func)), _) => func.clone(),
            (None, ImportKind::Func(ty) | ImportKind::FuncExact(ty)) if self.stub_missing_funcs => {
                let stub = StubCalled { module: import.module.to_string(), field: import.name.to_string() };
                let types = module.canonical_types();
                let func = untyped(types.func_type(module.decoded().signature(ty)), move |_, _| {
                    Err(StubCalled { module: stub.module.clone(), field: stub.field.clone() }.into())
                });
                match types.handle(ty) {
                    Some(ty) => func.of_type(ty),
                    None => func,
                }
            }
            (None, _) => {
                return Err(LinkError::MissingImport {
                    module: import.module.to_string(),
                    field: import.name.to_string(),
                    wanted: wanted_type(module.decoded(), import).to_string(),
                });
            }
        };
        let store = scope.store_mut();
        let reference = store.host_func_ref(&host)?;
        Ok(Extern::Func(store.func_handle(reference)))
    }
}
