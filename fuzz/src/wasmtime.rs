//! wasmtime as an [`Oracle`]: it has objects and exceptions. Its collector never collects, its code is hardly optimized, and it handles no
//! signals: those are Deltic's.

use std::sync::{Arc, Mutex};

use wasmtime::{
    AnyRef, AsContextMut, Collector, Config, Engine, Error, ExnRef, Extern, ExternType, Func, FuncType, GcHeapOutOfMemory,
    Global, HeapType, I31, Instance, Memory, Module, OptLevel, Ref, Rooted, Store, StoreLimits, StoreLimitsBuilder, Table, Tag,
    ThrownException, Trap, Val, ValType,
};

use crate::observe::{
    Class, ELEMENTS, Event, Exception, Export, Guest, Host, OBJECTS, Object, Signature, Type, Value, argument, import_key,
    observe,
};
use crate::oracle::Oracle;
use crate::random::{Random, hash, mix};

type Shared = Arc<Mutex<Host>>;
type Limited = Store<StoreLimits>;

/// Most bytes of a heap or a memory.
const MEMORY_BYTES: usize = 96 << 20;

#[derive(Debug, thiserror::Error)]
#[error("a host function failed")]
struct HostFailed;

/// The engine, for all modules.
#[derive(Debug)]
pub struct Wasmtime(Engine);

impl Wasmtime {
    pub fn new() -> Wasmtime {
        let mut config = Config::new();
        config
            .wasm_function_references(true)
            .wasm_gc(true)
            .wasm_exceptions(true)
            .wasm_tail_call(true)
            .wasm_multi_memory(true)
            .wasm_memory64(true)
            .wasm_extended_const(true)
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true)
            .collector(Collector::Null)
            .cranelift_opt_level(OptLevel::None)
            .signals_based_traps(false)
            .memory_init_cow(false);
        Wasmtime(Engine::new(&config).expect("an engine"))
    }

    /// Why it does not take a module.
    pub fn refusal(&self, wasm: &[u8]) -> Option<String> {
        Module::new(&self.0, wasm).err().map(|error| format!("{error:#}"))
    }
}

impl Oracle for Wasmtime {
    fn run(&self, wasm: &[u8], seed: u64) -> Option<Vec<Event>> {
        let module = Module::new(&self.0, wasm).ok()?;
        let mut store = Store::new(&self.0, StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).build());
        store.limiter(|limits| limits);
        let host = Shared::default();
        let mut imports = Vec::new();
        for wanted in module.imports() {
            match import(&mut store, &host, import_key(wanted.module(), wanted.name()), wanted.ty(), seed) {
                Ok(Some(import)) => imports.push(import),
                Ok(None) => return Some(vec![Event::Instance(Err(Class::Import))]),
                Err(error) => return Some(vec![Event::Instance(Err(class(&mut store, &[], &error)))]),
            }
        }
        let instance = match Instance::new(&mut store, &module, &imports) {
            Ok(instance) => instance,
            Err(error) => return Some(vec![Event::Instance(Err(class(&mut store, &[], &error)))]),
        };
        let tag = |export: wasmtime::Export<'_>| {
            let name = export.name().to_owned();
            export.into_extern().into_tag().map(|tag| (name, tag))
        };
        let mut tags: Vec<(String, Tag)> = instance.exports(&mut store).filter_map(tag).collect();
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        Some(observe(&mut WasmtimeGuest { store, instance, host, tags }, seed))
    }
}

/// Something to import of a type, if the host has it.
fn import(store: &mut Limited, host: &Shared, key: u64, ty: ExternType, seed: u64) -> Result<Option<Extern>, Error> {
    Ok(Some(match ty {
        ExternType::Func(ty) => Extern::Func(host_func(store, host, key, ty)),
        ExternType::Global(ty) => {
            let Some(value) = argument(type_of(ty.content()), &mut Random::new(mix(seed ^ key))) else { return Ok(None) };
            let value = to_val(&value, &mut *store);
            Extern::Global(Global::new(store, ty, value)?)
        }
        ExternType::Memory(ty) => Extern::Memory(Memory::new(store, ty)?),
        ExternType::Table(ty) if !ty.element().is_nullable() => return Ok(None),
        ExternType::Table(ty) => {
            let null = Ref::null(ty.element().heap_type());
            Extern::Table(Table::new(store, ty, null)?)
        }
        ExternType::Tag(ty) => Extern::Tag(Tag::new(store, &ty)?),
    }))
}

fn host_func(store: &mut Limited, host: &Shared, key: u64, ty: FuncType) -> Func {
    let (host, signature) = (host.clone(), signature(&ty));
    Func::new(store, ty, move |mut caller, args, results| {
        let args: Vec<Value> = args.iter().map(|arg| Sight { store: &mut caller, tags: &[], left: 0 }.value(arg)).collect();
        let answer = host.lock().expect("no panic under the lock").call(key, &args, &signature.results);
        for (result, value) in results.iter_mut().zip(answer.ok_or(HostFailed)?) {
            *result = to_val(&value, &mut caller);
        }
        Ok(())
    })
}

struct WasmtimeGuest {
    store: Limited,
    instance: Instance,
    host: Shared,
    /// Exported tags by name, in order.
    tags: Vec<(String, Tag)>,
}

impl WasmtimeGuest {
    fn export(&mut self, name: &str) -> Extern {
        self.instance.get_export(&mut self.store, name).expect("it was listed")
    }

    fn see(&mut self, value: &Val) -> Value {
        Sight { store: &mut self.store, tags: &self.tags, left: OBJECTS }.value(value)
    }
}

impl Guest for WasmtimeGuest {
    fn exports(&mut self) -> Vec<(String, Export)> {
        let exports: Vec<(String, Extern)> = {
            let exports = self.instance.exports(&mut self.store);
            exports.map(|export| (export.name().to_owned(), export.into_extern())).collect()
        };
        let describe = |(name, export): (String, Extern)| {
            let kind = match export {
                Extern::Func(func) => Export::Func(signature(&func.ty(&self.store))),
                Extern::Global(_) => Export::Global,
                Extern::Memory(_) | Extern::SharedMemory(_) => Export::Memory,
                Extern::Table(_) => Export::Table,
                Extern::Tag(_) => Export::Tag,
            };
            (name, kind)
        };
        let mut all: Vec<_> = exports.into_iter().map(describe).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class> {
        let func = self.export(name).into_func().expect("a function");
        let args: Vec<Val> = args.iter().map(|arg| to_val(arg, &mut self.store)).collect();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(|result| self.see(result)).collect()),
            Err(error) => Err(class(&mut self.store, &self.tags, &error)),
        }
    }

    fn global(&mut self, name: &str) -> Value {
        let value = self.export(name).into_global().expect("a global").get(&mut self.store);
        self.see(&value)
    }

    fn memory(&mut self, name: &str) -> (u64, u64) {
        let memory = self.export(name).into_memory().expect("a memory");
        (memory.size(&self.store), hash(memory.data(&self.store)))
    }

    fn table(&mut self, name: &str) -> Vec<bool> {
        let table = self.export(name).into_table().expect("a table");
        let len = table.size(&self.store);
        (0..len).map(|index| table.get(&mut self.store, index).is_none_or(|element| element.is_null())).collect()
    }

    fn host_hash(&mut self) -> u64 {
        self.host.lock().expect("no panic under the lock").hash()
    }
}

fn signature(ty: &FuncType) -> Signature {
    Signature { params: ty.params().map(|ty| type_of(&ty)).collect(), results: ty.results().map(|ty| type_of(&ty)).collect() }
}

fn type_of(ty: &ValType) -> Type {
    let ty = match ty {
        ValType::I32 => return Type::I32,
        ValType::I64 => return Type::I64,
        ValType::F32 => return Type::F32,
        ValType::F64 => return Type::F64,
        ValType::V128 => return Type::V128,
        ValType::Ref(ty) => ty,
    };
    let nullable = ty.is_nullable();
    match (ty.heap_type(), ty.heap_type().top()) {
        (HeapType::Any | HeapType::Eq | HeapType::I31, _) => Type::Number { nullable },
        _ if !nullable => Type::NonNull,
        (_, HeapType::Extern) => Type::Extern,
        (_, HeapType::Any) => Type::Any,
        (_, HeapType::Exn) => Type::Exn,
        _ => Type::Func,
    }
}

fn to_val(value: &Value, store: impl AsContextMut) -> Val {
    match *value {
        Value::I32(bits) => Val::I32(bits as i32),
        Value::I64(bits) => Val::I64(bits as i64),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits.into()),
        // Only numbers and null references are made up.
        Value::Any(Object::I31(number)) => Val::AnyRef(Some(AnyRef::from_i31(store, I31::wrapping_i32(number)))),
        Value::Func(_) => Val::FuncRef(None),
        Value::Extern(_) => Val::ExternRef(None),
        Value::Any(_) => Val::AnyRef(None),
        Value::Exn(_) => Val::ExnRef(None),
    }
}

/// Looks into objects, in the order in which [`subject`](crate::subject) does.
struct Sight<'a, S> {
    store: S,
    tags: &'a [(String, Tag)],
    left: usize,
}

impl<S: AsContextMut> Sight<'_, S> {
    fn value(&mut self, value: &Val) -> Value {
        match *value {
            Val::I32(value) => Value::I32(value as u32),
            Val::I64(value) => Value::I64(value as u64),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(bits) => Value::V128(bits.as_u128()),
            Val::FuncRef(value) => Value::Func(value.is_some()),
            Val::ExternRef(value) => {
                let convert =
                    |value| AnyRef::convert_extern(self.store.as_context_mut(), value).expect("a reference of this store");
                let value = value.map(convert);
                Value::Extern(self.object(value))
            }
            Val::AnyRef(value) => Value::Any(self.object(value)),
            Val::ExnRef(value) => Value::Exn(value.map(|value| Box::new(self.exception(value)))),
            Val::ContRef(_) => unreachable!("stack switching is off"),
        }
    }

    fn object(&mut self, object: Option<Rooted<AnyRef>>) -> Object {
        let Some(object) = object else { return Object::Null };
        let mut store = self.store.as_context_mut();
        if let Some(number) = object.as_i31(&store).expect("rooted") {
            return Object::I31(number.get_i32());
        }
        if self.left == 0 {
            return Object::Unseen;
        }
        self.left -= 1;
        if let Some(array) = object.as_array(&store).expect("rooted") {
            let len = array.len(&store).expect("rooted");
            let elements: Vec<Val> =
                (0..len.min(ELEMENTS)).map(|index| array.get(&mut store, index).expect("an element")).collect();
            return Object::Array(len, elements.iter().map(|element| self.value(element)).collect());
        }
        if let Some(object) = object.as_struct(&store).expect("rooted") {
            let fields: Vec<Val> = object.fields(&mut store).expect("rooted").collect();
            return Object::Struct(fields.iter().map(|field| self.value(field)).collect());
        }
        Object::Host
    }

    fn exception(&mut self, exception: Rooted<ExnRef>) -> Exception {
        if self.left == 0 {
            return Exception { tag: None, payload: Vec::new() };
        }
        self.left -= 1;
        let mut store = self.store.as_context_mut();
        let tag = exception.tag(&mut store).expect("rooted");
        let tag = self.tags.iter().find(|named| Tag::eq(&named.1, &tag, &store)).map(|named| named.0.clone());
        let payload: Vec<Val> = exception.fields(&mut store).expect("rooted").collect();
        Exception { tag, payload: payload.iter().map(|value| self.value(value)).collect() }
    }
}

fn class(store: &mut Limited, tags: &[(String, Tag)], error: &Error) -> Class {
    if error.is::<ThrownException>() {
        let exception = store.take_pending_exception().expect("what was thrown");
        return Class::Exception(Sight { store, tags, left: OBJECTS }.exception(exception));
    }
    if error.is::<HostFailed>() {
        return Class::Host;
    }
    if error.is::<GcHeapOutOfMemory<()>>() {
        return Class::Heap;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => Class::Unreachable,
        Some(Trap::MemoryOutOfBounds) => Class::Memory,
        Some(Trap::TableOutOfBounds) => Class::Table,
        Some(Trap::IndirectCallToNull) => Class::NullElement,
        Some(Trap::BadSignature) => Class::Signature,
        Some(Trap::IntegerDivisionByZero) => Class::DivideByZero,
        Some(Trap::IntegerOverflow) => Class::Overflow,
        Some(Trap::BadConversionToInteger) => Class::Conversion,
        Some(Trap::StackOverflow) => Class::Stack,
        Some(Trap::NullReference) => Class::Null,
        Some(Trap::ArrayOutOfBounds) => Class::Array,
        Some(Trap::CastFailure) => Class::Cast,
        Some(Trap::AllocationTooLarge) => Class::Heap,
        _ => Class::Other(format!("{error:#}")),
    }
}
