//! What the handles can do. A handle of another isolate finds nothing: lookups give `None`.

use cranelift_entity::EntityRef;

use crate::compile::module::Module;
use crate::isolate::marshal::{WasmParams, WasmResults};
use crate::isolate::scope::AsScope;
use crate::isolate::typed::TypedFunc;
use crate::runtime::error::{CallError, LinkError, MemoryAccessError, ResourceError};
use crate::runtime::global::GlobalObject;
use crate::runtime::link::Extern;
use crate::runtime::shared::SharedMemory;
use crate::runtime::store::Store;
use crate::runtime::value::{ExnRef, ExternRef, Func, Global, Instance, Memory, Table, Tag, Val};
use crate::wasm::module::ExportIndex;
use crate::wasm::types::{FuncType, GlobalType, MemoryType, TableType, ValType};

impl Instance {
    /// An instance of a module with one definition per import, in the import section's order. [`Linker`](crate::Linker) finds
    /// them by name.
    ///
    /// # Errors
    ///
    /// [`LinkError`] says which import does not fit, what memory is not to be had, or how the start function trapped.
    pub fn new(mut scope: impl AsScope, module: &Module, imports: &[Extern]) -> Result<Instance, LinkError> {
        scope.store_mut().instantiate(module, imports)
    }

    /// The module.
    pub fn module<'a>(&self, scope: &'a impl AsScope) -> Option<&'a Module> {
        object(scope.store(), *self).map(|object| &object.module)
    }

    /// An export by name.
    pub fn get_export(&self, scope: &mut impl AsScope, name: &str) -> Option<Extern> {
        let store = scope.store_mut();
        let export = object(store, *self)?.module.decoded().export(name)?;
        self.export_at(store, export)
    }

    /// All exports in the module's order.
    pub fn exports(&self, scope: &mut impl AsScope) -> Vec<(String, Extern)> {
        let store = scope.store_mut();
        let Some(object) = object(store, *self) else { return Vec::new() };
        let module = object.module.clone();
        let exports = module.decoded().exports.iter();
        exports.filter_map(|export| Some((export.name.to_string(), self.export_at(store, export.index)?))).collect()
    }

    fn export_at(&self, store: &mut Store, export: ExportIndex) -> Option<Extern> {
        object(store, *self)?;
        if let ExportIndex::Func(func) = export {
            let reference = store.func_ref(self.key.index, func).ok()?;
            return Some(Extern::Func(store.func_handle(reference)));
        }
        let object = object(store, *self)?;
        Some(match export {
            ExportIndex::Table(table) => {
                let index = object.tables[table.index()];
                Extern::Table(store.table_handle(index))
            }
            ExportIndex::Memory(memory) => {
                let index = object.memories[memory.index()];
                Extern::Memory(store.memory_handle(index))
            }
            ExportIndex::Global(global) => {
                let index = object.globals[global.index()];
                Extern::Global(store.global_handle(index))
            }
            ExportIndex::Tag(tag) => {
                let index = object.tags[tag.index()];
                Extern::Tag(store.tag_handle(index))
            }
            ExportIndex::Func(_) => return None,
        })
    }

    /// An exported function.
    pub fn get_func(&self, scope: &mut impl AsScope, name: &str) -> Option<Func> {
        if let Some(Extern::Func(func)) = self.get_export(scope, name) { Some(func) } else { None }
    }

    /// An exported function with its types.
    ///
    /// # Errors
    ///
    /// There is no such function, or it is of another type.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        scope: &mut impl AsScope,
        name: &str,
    ) -> Result<TypedFunc<P, R>, CallError> {
        let wanted = || format!("an exported function \"{name}\"");
        let func =
            self.get_func(scope, name).ok_or_else(|| CallError::Signature { wanted: wanted(), found: "nothing".into() })?;
        func.typed(scope)
    }

    /// An exported memory.
    pub fn get_memory(&self, scope: &mut impl AsScope, name: &str) -> Option<Memory> {
        if let Some(Extern::Memory(memory)) = self.get_export(scope, name) { Some(memory) } else { None }
    }

    /// An exported table.
    pub fn get_table(&self, scope: &mut impl AsScope, name: &str) -> Option<Table> {
        if let Some(Extern::Table(table)) = self.get_export(scope, name) { Some(table) } else { None }
    }

    /// An exported tag.
    pub fn get_tag(&self, scope: &mut impl AsScope, name: &str) -> Option<Tag> {
        if let Some(Extern::Tag(tag)) = self.get_export(scope, name) { Some(tag) } else { None }
    }

    /// An exported global.
    pub fn get_global(&self, scope: &mut impl AsScope, name: &str) -> Option<Global> {
        if let Some(Extern::Global(global)) = self.get_export(scope, name) { Some(global) } else { None }
    }
}

fn object(store: &Store, instance: Instance) -> Option<&crate::runtime::instance::InstanceObject> {
    if instance.store != store.id {
        return None;
    }
    store.instances.find(instance.key).map(|object| &**object)
}

/// The export "memory" of an instance, or its first memory. Nothing is pinned: it is for the time of a call that the instance makes.
pub(crate) fn default_memory(store: &Store, instance: Instance) -> Option<Memory> {
    let object = object(store, instance)?;
    let position = match object.module.decoded().export("memory") {
        Some(ExportIndex::Memory(memory)) => memory.index(),
        _ => 0,
    };
    object.memories.get(position).map(|&index| Memory { store: store.id, key: store.memories.key(index) })
}

impl Memory {
    /// A memory of the host.
    ///
    /// # Errors
    ///
    /// Memory or address space is not to be had, or the limiter refuses.
    pub fn new(mut scope: impl AsScope, ty: MemoryType) -> Result<Memory, ResourceError> {
        let store = scope.store_mut();
        let index = store.new_memory(ty, None)?;
        Ok(store.memory_handle(index))
    }

    fn object<'a>(&self, store: &'a Store) -> Option<&'a crate::runtime::memory::MemoryObject> {
        if self.store == store.id { store.memories.find(self.key) } else { None }
    }

    /// Its type; the minimum is the present size.
    pub fn ty(&self, scope: &impl AsScope) -> Option<MemoryType> {
        self.object(scope.store()).map(|memory| memory.current_type())
    }

    /// Its size in pages.
    pub fn page_count(&self, scope: &impl AsScope) -> u64 {
        self.object(scope.store()).map_or(0, |memory| memory.page_count())
    }

    /// A shared memory, as this isolate sees it: something to import.
    ///
    /// # Errors
    ///
    /// The isolate has 2^32 memories.
    pub fn from_shared(mut scope: impl AsScope, memory: &SharedMemory) -> Result<Memory, ResourceError> {
        let store = scope.store_mut();
        let index = store.add_shared_memory(memory)?;
        Ok(store.memory_handle(index))
    }

    /// The memory that other isolates can have too, if it is shared.
    pub fn as_shared(&self, scope: &impl AsScope) -> Option<SharedMemory> {
        self.object(scope.store())?.as_shared().cloned()
    }

    /// Its bytes; `None` for a shared memory, whose bytes other threads may be writing: [`read`](Self::read) them.
    pub fn data<'a>(&self, scope: &'a impl AsScope) -> Option<&'a [u8]> {
        self.object(scope.store())?.bytes()
    }

    /// Its bytes, to write; `None` for a shared memory: [`write`](Self::write) it.
    pub fn data_mut<'a>(&self, scope: &'a mut impl AsScope) -> Option<&'a mut [u8]> {
        let store = scope.store_mut();
        if self.store != store.id {
            return None;
        }
        store.memories.find_mut(self.key)?.bytes_mut()
    }

    /// Copies bytes out, of any memory.
    ///
    /// # Errors
    ///
    /// They do not lie in the memory, or it is another isolate's.
    pub fn read(&self, scope: &impl AsScope, offset: u64, into: &mut [u8]) -> Result<(), MemoryAccessError> {
        self.object(scope.store()).ok_or(MemoryAccessError::Foreign)?.read(offset, into)
    }

    /// Copies bytes in, to any memory.
    ///
    /// # Errors
    ///
    /// There is not that much room at the offset, and nothing was written; or it is another isolate's memory.
    pub fn write(&self, scope: &mut impl AsScope, offset: u64, bytes: &[u8]) -> Result<(), MemoryAccessError> {
        let store = scope.store_mut();
        let memory = if self.store == store.id { store.memories.find_mut(self.key) } else { None };
        memory.ok_or(MemoryAccessError::Foreign)?.write(offset, bytes)
    }

    /// Grows it; the old size in pages.
    ///
    /// # Errors
    ///
    /// Its type, the limiter or the system does not allow that.
    pub fn grow(&self, mut scope: impl AsScope, pages: u64) -> Result<u64, ResourceError> {
        let store = scope.store_mut();
        let grown = self.object(store).is_some().then(|| store.grow_memory(self.key.index, pages)).flatten();
        grown.ok_or_else(|| ResourceError(format!("a memory cannot grow by {pages} pages")))
    }
}

impl Table {
    /// A table of the host, filled with one value.
    ///
    /// # Errors
    ///
    /// The value does not fit, or memory is not to be had.
    pub fn new(mut scope: impl AsScope, ty: TableType, init: Val) -> Result<Table, ResourceError> {
        let store = scope.store_mut();
        if !store.keep_type(ty.element.heap) {
            return Err(no_type(ty));
        }
        let bits = element_bits(store, &ty, init)?;
        let index = store.new_table(ty, bits)?;
        Ok(store.table_handle(index))
    }

    fn object<'a>(&self, store: &'a Store) -> Option<&'a crate::runtime::table::TableObject> {
        if self.store == store.id { store.tables.find(self.key) } else { None }
    }

    /// Its type; the minimum is the present size.
    pub fn ty(&self, scope: &impl AsScope) -> Option<TableType> {
        self.object(scope.store()).map(|table| table.current_type())
    }

    /// Its number of elements.
    pub fn len(&self, scope: &impl AsScope) -> u64 {
        self.object(scope.store()).map_or(0, |table| table.elements().len() as u64)
    }

    /// Whether it has no element.
    pub fn is_empty(&self, scope: &impl AsScope) -> bool {
        self.len(scope) == 0
    }

    /// An element.
    pub fn get(&self, mut scope: impl AsScope, index: u64) -> Option<Val> {
        let store = scope.store_mut();
        let table = self.object(store)?;
        let reference = *table.elements().get(usize::try_from(index).ok()?)?;
        let ty = ValType::Ref(table.declared_type().element);
        Some(Val::from_bits(ty, u128::from(reference), store))
    }

    /// Sets an element.
    ///
    /// # Errors
    ///
    /// The index is beyond the table or the value does not fit.
    pub fn set(&self, mut scope: impl AsScope, index: u64, value: Val) -> Result<(), ResourceError> {
        let store = scope.store_mut();
        let ty = self.object(store).map(|table| table.declared_type()).ok_or_else(foreign)?;
        let bits = element_bits(store, &ty, value)?;
        let elements = store.tables[self.key.index as usize].elements_mut();
        match usize::try_from(index).ok().and_then(|index| elements.get_mut(index)) {
            Some(element) => {
                *element = bits;
                Ok(())
            }
            None => Err(ResourceError(format!("table index {index} is beyond {} elements", elements.len()))),
        }
    }

    /// Grows it; the old number of elements.
    ///
    /// # Errors
    ///
    /// Its type, the limiter or the system does not allow that, or the value does not fit.
    pub fn grow(&self, mut scope: impl AsScope, count: u64, init: Val) -> Result<u64, ResourceError> {
        let store = scope.store_mut();
        let ty = self.object(store).map(|table| table.declared_type()).ok_or_else(foreign)?;
        let bits = element_bits(store, &ty, init)?;
        store
            .grow_table(self.key.index, count, bits)
            .ok_or_else(|| ResourceError(format!("a table cannot grow by {count} elements")))
    }
}

fn foreign() -> ResourceError {
    ResourceError("a handle of another isolate, or of a scope that has ended".into())
}

fn no_type(ty: impl std::fmt::Display) -> ResourceError {
    ResourceError(format!("{ty} names a type that the engine does not have"))
}

fn element_bits(store: &Store, ty: &TableType, value: Val) -> Result<u32, ResourceError> {
    if value.is_foreign(store) {
        return Err(foreign());
    }
    if !store.is_instance(&value, ValType::Ref(ty.element)) {
        return Err(ResourceError(format!("a table of {} cannot hold a value of type {}", ty.element, value.ty())));
    }
    Ok(value.to_bits(store) as u32)
}

impl Global {
    /// A global of the host.
    ///
    /// # Errors
    ///
    /// The value is of another type.
    pub fn new(mut scope: impl AsScope, ty: GlobalType, value: Val) -> Result<Global, ResourceError> {
        let store = scope.store_mut();
        if !ty.content.heap().is_none_or(|heap| store.keep_type(heap)) {
            return Err(no_type(ty));
        }
        let bits = global_bits(store, ty, value)?;
        let index = store.globals.insert(GlobalObject::new(ty, bits))?;
        Ok(store.global_handle(index))
    }

    fn object<'a>(&self, store: &'a Store) -> Option<&'a GlobalObject> {
        if self.store == store.id { store.globals.find(self.key) } else { None }
    }

    /// Its type.
    pub fn ty(&self, scope: &impl AsScope) -> Option<GlobalType> {
        self.object(scope.store()).map(|global| global.ty())
    }

    /// Its value.
    pub fn get(&self, mut scope: impl AsScope) -> Option<Val> {
        let store = scope.store_mut();
        let global = self.object(store)?;
        let (ty, bits) = (global.ty().content, global.bits());
        Some(Val::from_bits(ty, bits, store))
    }

    /// Sets its value.
    ///
    /// # Errors
    ///
    /// It is immutable, or the value is of another type.
    pub fn set(&self, mut scope: impl AsScope, value: Val) -> Result<(), ResourceError> {
        let store = scope.store_mut();
        let ty = self.object(store).map(|global| global.ty()).ok_or_else(foreign)?;
        if !ty.mutable {
            return Err(ResourceError("an immutable global cannot be set".into()));
        }
        let bits = global_bits(store, ty, value)?;
        store.globals[self.key.index as usize].set_bits(bits);
        Ok(())
    }
}

fn global_bits(store: &Store, ty: GlobalType, value: Val) -> Result<u128, ResourceError> {
    if value.is_foreign(store) {
        return Err(foreign());
    }
    let fits = store.is_instance(&value, ty.content);
    if fits { Ok(value.to_bits(store)) } else { Err(ResourceError(format!("a {ty} cannot hold a value of type {}", value.ty()))) }
}

impl ExternRef {
    /// Keeps a value of the host, for guests to pass around.
    ///
    /// # Errors
    ///
    /// The heap is full, or there is no address space for one.
    pub fn new(mut scope: impl AsScope, value: impl std::any::Any + Send) -> Result<ExternRef, ResourceError> {
        let store = scope.store_mut();
        let reference = store.new_host_ref(Box::new(value))?;
        Ok(ExternRef { store: store.id, root: store.roots.add(reference) })
    }

    /// The value.
    pub fn data<'a>(&self, scope: &'a impl AsScope) -> Option<&'a (dyn std::any::Any + Send)> {
        let store = scope.store();
        if self.store != store.id {
            return None;
        }
        store.heap()?.host_value(store.roots.get(self.root)?)
    }
}

impl Tag {
    /// A tag of the host, for exceptions that carry values of the type's parameters.
    ///
    /// # Errors
    ///
    /// The type has results, or names a type that the engine does not have.
    pub fn new(mut scope: impl AsScope, ty: &FuncType) -> Result<Tag, ResourceError> {
        let store = scope.store_mut();
        if !ty.results.is_empty() {
            return Err(ResourceError(format!("{ty} has results, and a tag's type has none")));
        }
        let handle = store.engine().types().intern_func(ty).ok_or_else(|| no_type(ty))?;
        let index = store.new_tag(handle)?;
        Ok(store.tag_handle(index))
    }

    /// Its type.
    pub fn ty(&self, scope: &impl AsScope) -> Option<FuncType> {
        scope.store().tag_type(*self)?.as_func().cloned()
    }
}

impl ExnRef {
    /// An exception. A host function throws it by returning [`Thrown`](crate::Thrown).
    ///
    /// # Errors
    ///
    /// The payload is of other types than the tag's, or the heap is full.
    pub fn new(mut scope: impl AsScope, tag: Tag, payload: &[Val]) -> Result<ExnRef, ResourceError> {
        scope.store_mut().exception_with(tag, payload)
    }

    /// What kind of exception it is.
    pub fn tag(&self, mut scope: impl AsScope) -> Option<Tag> {
        scope.store_mut().exception_tag(*self)
    }

    /// What it carries.
    pub fn payload(&self, mut scope: impl AsScope) -> Option<Vec<Val>> {
        scope.store_mut().exception_payload(*self)
    }
}
