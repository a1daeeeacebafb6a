//! Deltic as a [`Guest`].

use std::sync::{Arc, Mutex};

use deltic::abi::trap::TrapCode;
use deltic::runtime::link::wanted_type;
use deltic::wasm::types::{FuncType, HeapType, RefType, ValType};
use deltic::{
    AnyRef, AsScope, CallError, ExnRef, Extern, ExternType, Func, Global, Instance, Isolate, LinkError, Memory, Module,
    ResourceError, Table, Tag, Trap, Val, WasmEngine,
};

use super::observe::{
    Class, ELEMENTS, Event, Exception, Export, Guest, Host, OBJECTS, Object, Signature, Type, Value, argument, import_key,
    observe,
};
use super::random::{Random, hash, mix};

type Shared = Arc<Mutex<Host>>;

#[derive(Debug, thiserror::Error)]
#[error("a host function failed")]
struct HostFailed;

/// What was seen of a guest, and what its collector did.
#[derive(Debug)]
pub struct Seen {
    pub events: Vec<Event>,
    pub moved_objects: u64,
}

impl From<Event> for Seen {
    fn from(event: Event) -> Seen {
        Seen { events: vec![event], moved_objects: 0 }
    }
}

/// Compiles a module, and runs it.
pub fn run(engine: &WasmEngine, wasm: &[u8], seed: u64) -> Result<Seen, String> {
    let module = Module::new(engine, wasm).map_err(|error| format!("Deltic refuses the module: {error}"))?;
    let mut isolate = Isolate::new(engine).map_err(|error| error.to_string())?;
    isolate.set_fuel(u64::MAX);
    let host = Shared::default();
    let mut imports = Vec::new();
    for wanted in &module.decoded().imports {
        let key = import_key(&wanted.module, &wanted.name);
        let types = module.canonical_types();
        let wanted = match wanted_type(module.decoded(), wanted) {
            ExternType::Func(ty) => ExternType::Func(types.func_type(&ty)),
            ExternType::Global(ty) => ExternType::Global(types.global_type(ty)),
            ExternType::Table(ty) => ExternType::Table(types.table_type(ty)),
            ExternType::Tag(ty) => ExternType::Tag(types.func_type(&ty)),
            other => other,
        };
        match import(&mut isolate, &host, key, wanted, seed).map_err(|error| error.to_string())? {
            Some(import) => imports.push(import),
            None => return Ok(Event::Instance(Err(Class::Import)).into()),
        }
    }
    match Instance::new(&mut isolate, &module, &imports) {
        Ok(instance) => {
            let exports = instance.exports(&mut isolate);
            let tag = |(name, export)| if let Extern::Tag(tag) = export { Some((name, tag)) } else { None };
            let mut tags: Vec<(String, Tag)> = exports.into_iter().filter_map(tag).collect();
            tags.sort_by(|a, b| a.0.cmp(&b.0));
            let mut subject = Subject { isolate, instance, host, tags };
            let events = observe(&mut subject, seed);
            let moved_objects = subject.isolate.heap_stats().map_or(0, |stats| stats.moved_objects);
            Ok(Seen { events, moved_objects })
        }
        Err(LinkError::Trap(trap)) => Ok(Event::Instance(Err(class(&trap, &mut isolate, &[]))).into()),
        // A host's function is of a type of its own, not of one in a recursion group.
        Err(LinkError::IncompatibleImport { .. }) => Ok(Event::Instance(Err(Class::Import)).into()),
        Err(LinkError::Resource(_)) => Ok(Event::Instance(Err(Class::Heap)).into()),
        Err(error) => Ok(Event::Instance(Err(Class::Other(error.to_string()))).into()),
    }
}

/// Something to import of a type, if the host has it.
fn import(
    isolate: &mut Isolate,
    host: &Shared,
    key: u64,
    wanted: ExternType,
    seed: u64,
) -> Result<Option<Extern>, ResourceError> {
    Ok(Some(match wanted {
        ExternType::Func(ty) => Extern::Func(host_func(isolate, host, key, ty)?),
        ExternType::Global(ty) => {
            let Some(value) = argument(from_type(ty.content), &mut Random::new(mix(seed ^ key))) else { return Ok(None) };
            let value = to_val(&value, &mut *isolate);
            Extern::Global(Global::new(isolate, ty, value)?)
        }
        ExternType::Memory(ty) => Extern::Memory(Memory::new(isolate, ty)?),
        ExternType::Table(ty) => {
            let Some(null) = Val::default_for(ValType::Ref(ty.element)) else { return Ok(None) };
            Extern::Table(Table::new(isolate, ty, null)?)
        }
        ExternType::Tag(ty) => Extern::Tag(Tag::new(isolate, &ty)?),
    }))
}

fn host_func(isolate: &mut Isolate, host: &Shared, key: u64, ty: FuncType) -> Result<Func, ResourceError> {
    let (host, signature) = (host.clone(), signature(&ty));
    Func::new(isolate, ty, move |mut caller, args| {
        let args: Vec<Value> = args.iter().map(|arg| Sight::none(&mut caller).value(arg)).collect();
        let answer = host.lock().expect("no panic under the lock").call(key, &args, &signature.results);
        Ok(answer.ok_or(HostFailed)?.iter().map(|value| to_val(value, &mut caller)).collect())
    })
}

struct Subject {
    isolate: Isolate,
    instance: Instance,
    host: Shared,
    /// Exported tags by name, in order.
    tags: Vec<(String, Tag)>,
}

impl Subject {
    /// Looks at something, and lets go of the references on the way.
    fn see(&mut self, get: impl FnOnce(&mut Isolate) -> Val) -> Value {
        let tags = &self.tags;
        self.isolate.root_scope(|isolate| {
            let value = get(isolate);
            Sight::new(isolate, tags).value(&value)
        })
    }
}

impl Guest for Subject {
    fn exports(&mut self) -> Vec<(String, Export)> {
        let exports = self.instance.exports(&mut self.isolate);
        let describe = |(name, export)| {
            let kind = match export {
                Extern::Func(func) => Export::Func(signature(&func.ty(&self.isolate).expect("a function of this isolate"))),
                Extern::Global(_) => Export::Global,
                Extern::Memory(_) => Export::Memory,
                Extern::Table(_) => Export::Table,
                Extern::Tag(_) => Export::Tag,
            };
            (name, kind)
        };
        let mut all: Vec<_> = exports.into_iter().map(describe).collect();
        all.sort_by(|a: &(String, Export), b| a.0.cmp(&b.0));
        all
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class> {
        let func = self.instance.get_func(&mut self.isolate, name).expect("a function");
        let tags = &self.tags;
        self.isolate.root_scope(|isolate| {
            let args: Vec<Val> = args.iter().map(|arg| to_val(arg, &mut *isolate)).collect();
            match func.call(&mut *isolate, &args) {
                Ok(results) => Ok(results.iter().map(|result| Sight::new(&mut *isolate, tags).value(result)).collect()),
                Err(CallError::Trap(trap)) => Err(class(&trap, isolate, tags)),
                Err(error) => Err(Class::Other(error.to_string())),
            }
        })
    }

    fn global(&mut self, name: &str) -> Value {
        let global = self.instance.get_global(&mut self.isolate, name).expect("a global");
        self.see(|isolate| global.get(isolate).expect("a global of this isolate"))
    }

    fn memory(&mut self, name: &str) -> (u64, u64) {
        let memory = self.instance.get_memory(&mut self.isolate, name).expect("a memory");
        (memory.page_count(&self.isolate), hash(memory.data(&self.isolate).expect("bytes")))
    }

    fn table(&mut self, name: &str) -> Vec<bool> {
        let table = self.instance.get_table(&mut self.isolate, name).expect("a table");
        let len = table.len(&self.isolate);
        self.isolate.root_scope(|isolate| {
            (0..len).map(|index| table.get(&mut *isolate, index).is_some_and(|value| value.is_null())).collect()
        })
    }

    fn host_hash(&mut self) -> u64 {
        self.host.lock().expect("no panic under the lock").hash()
    }
}

fn signature(ty: &FuncType) -> Signature {
    let types = |types: &[ValType]| types.iter().map(|&ty| from_type(ty)).collect();
    Signature { params: types(&ty.params), results: types(&ty.results) }
}

fn from_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::Ref(RefType { nullable, heap }) => match heap.top() {
            HeapType::Any if matches!(heap, HeapType::Any | HeapType::Eq | HeapType::I31) => Type::Number { nullable },
            _ if !nullable => Type::NonNull,
            HeapType::Extern => Type::Extern,
            HeapType::Any => Type::Any,
            HeapType::Exn => Type::Exn,
            _ => Type::Func,
        },
    }
}

fn to_val(value: &Value, scope: impl AsScope) -> Val {
    match *value {
        Value::I32(bits) => Val::I32(bits as i32),
        Value::I64(bits) => Val::I64(bits as i64),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        // Only numbers and null references are made up.
        Value::Any(Object::I31(number)) => Val::AnyRef(Some(AnyRef::from_i31(scope, number))),
        Value::Func(_) => Val::FuncRef(None),
        Value::Extern(_) => Val::ExternRef(None),
        Value::Any(_) => Val::AnyRef(None),
        Value::Exn(_) => Val::ExnRef(None),
    }
}

/// Looks into objects, so far and no farther.
struct Sight<'a, S> {
    scope: S,
    tags: &'a [(String, Tag)],
    left: usize,
}

impl<'a, S: AsScope> Sight<'a, S> {
    fn new(scope: S, tags: &'a [(String, Tag)]) -> Self {
        Sight { scope, tags, left: OBJECTS }
    }

    /// One that sees only whether there is something.
    fn none(scope: S) -> Self {
        Sight { scope, tags: &[], left: 0 }
    }

    fn value(&mut self, value: &Val) -> Value {
        match *value {
            Val::I32(value) => Value::I32(value as u32),
            Val::I64(value) => Value::I64(value as u64),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(bits) => Value::V128(bits),
            Val::FuncRef(value) => Value::Func(value.is_some()),
            Val::ExternRef(value) => {
                let value = value.map(|value| value.to_any(&mut self.scope).expect("a reference of this isolate"));
                Value::Extern(self.object(value))
            }
            Val::AnyRef(value) => Value::Any(self.object(value)),
            Val::ExnRef(value) => Value::Exn(value.map(|value| Box::new(self.exception(value)))),
        }
    }

    fn object(&mut self, object: Option<AnyRef>) -> Object {
        let Some(object) = object else { return Object::Null };
        if let Some(number) = object.as_i31(&self.scope) {
            return Object::I31(number);
        }
        if self.left == 0 {
            return Object::Unseen;
        }
        self.left -= 1;
        if object.ty(&self.scope) == Some(HeapType::Any) {
            return Object::Host;
        }
        if let Some(len) = object.array_len(&self.scope) {
            let element = |index| {
                let element = object.element(&mut self.scope, index).expect("an element");
                self.value(&element)
            };
            return Object::Array(len, (0..len.min(ELEMENTS)).map(element).collect());
        }
        let mut fields = Vec::new();
        while let Some(field) = object.field(&mut self.scope, fields.len()) {
            fields.push(self.value(&field));
        }
        Object::Struct(fields)
    }

    fn exception(&mut self, exception: ExnRef) -> Exception {
        if self.left == 0 {
            return Exception { tag: None, payload: Vec::new() };
        }
        self.left -= 1;
        let tag = exception.tag(&mut self.scope).expect("an exception has a tag");
        let tag = self.tags.iter().find(|named| named.1 == tag).map(|named| named.0.clone());
        let payload = exception.payload(&mut self.scope).expect("an exception of this isolate");
        Exception { tag, payload: payload.iter().map(|value| self.value(value)).collect() }
    }
}

fn class(trap: &Trap, isolate: &mut Isolate, tags: &[(String, Tag)]) -> Class {
    if let Some(exception) = trap.exception() {
        return Class::Exception(Sight::new(isolate, tags).exception(exception));
    }
    match trap.code() {
        TrapCode::Unreachable => Class::Unreachable,
        TrapCode::MemoryOutOfBounds => Class::Memory,
        TrapCode::TableOutOfBounds | TrapCode::UndefinedElement => Class::Table,
        TrapCode::UninitializedElement => Class::NullElement,
        TrapCode::IndirectCallTypeMismatch => Class::Signature,
        TrapCode::IntegerDivideByZero => Class::DivideByZero,
        TrapCode::IntegerOverflow => Class::Overflow,
        TrapCode::InvalidConversion => Class::Conversion,
        TrapCode::StackOverflow => Class::Stack,
        TrapCode::NullReference
        | TrapCode::NullFunctionReference
        | TrapCode::NullStructReference
        | TrapCode::NullArrayReference
        | TrapCode::NullI31Reference => Class::Null,
        TrapCode::ArrayOutOfBounds => Class::Array,
        TrapCode::CastFailure => Class::Cast,
        TrapCode::OutOfMemory => Class::Heap,
        TrapCode::HostError if trap.downcast_ref::<HostFailed>().is_some() => Class::Host,
        code => Class::Other(code.message().to_owned()),
    }
}
