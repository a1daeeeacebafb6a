//! Deltic as a [`Guest`].

use std::sync::{Arc, Mutex};

use deltic::abi::trap::TrapCode;
use deltic::runtime::link::wanted_type;
use deltic::wasm::types::{FuncType, HeapType, RefType, ValType};
use deltic::{
    CallError, Extern, ExternType, Func, Global, Instance, Isolate, LinkError, Memory, Module, ResourceError, Table, Trap, Val,
    WasmEngine,
};

use super::observe::{Class, Event, Export, Guest, Host, Signature, Type, Value, argument, import_key, observe};
use super::random::{Random, hash, mix};

type Shared = Arc<Mutex<Host>>;

#[derive(Debug, thiserror::Error)]
#[error("a host function failed")]
struct HostFailed;

/// Compiles a module, and runs it.
pub fn run(engine: &WasmEngine, wasm: &[u8], seed: u64) -> Result<Vec<Event>, String> {
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
            other => other,
        };
        imports.push(import(&mut isolate, &host, key, wanted, seed).map_err(|error| error.to_string())?);
    }
    match Instance::new(&mut isolate, &module, &imports) {
        Ok(instance) => Ok(observe(&mut Subject { isolate, instance, host }, seed)),
        Err(LinkError::Trap(trap)) => Ok(vec![Event::Instance(Err(class(&trap)))]),
        Err(error) => Ok(vec![Event::Instance(Err(Class::Other(error.to_string())))]),
    }
}

/// Something to import of a type.
fn import(isolate: &mut Isolate, host: &Shared, key: u64, wanted: ExternType, seed: u64) -> Result<Extern, ResourceError> {
    Ok(match wanted {
        ExternType::Func(ty) => Extern::Func(host_func(isolate, host, key, ty)?),
        ExternType::Global(ty) => {
            let value = argument(from_type(ty.content), &mut Random::new(mix(seed ^ key)));
            Extern::Global(Global::new(isolate, ty, to_val(value))?)
        }
        ExternType::Memory(ty) => Extern::Memory(Memory::new(isolate, ty)?),
        ExternType::Table(ty) => {
            let null = Val::default_for(ValType::Ref(ty.element)).ok_or_else(|| ResourceError("a table without null".into()))?;
            Extern::Table(Table::new(isolate, ty, null)?)
        }
        ExternType::Tag(_) => return Err(ResourceError("tags are not generated".into())),
    })
}

fn host_func(isolate: &mut Isolate, host: &Shared, key: u64, ty: FuncType) -> Result<Func, ResourceError> {
    let (host, signature) = (host.clone(), signature(&ty));
    Func::new(isolate, ty, move |_, args| {
        let args: Vec<Value> = args.iter().map(from_val).collect();
        let answer = host.lock().expect("no panic under the lock").call(key, &args, &signature.results);
        Ok(answer.ok_or(HostFailed)?.into_iter().map(to_val).collect())
    })
}

struct Subject {
    isolate: Isolate,
    instance: Instance,
    host: Shared,
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
                Extern::Tag(_) => panic!("tags are not generated"),
            };
            (name, kind)
        };
        let mut all: Vec<_> = exports.into_iter().map(describe).collect();
        all.sort_by(|a: &(String, Export), b| a.0.cmp(&b.0));
        all
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class> {
        let func = self.instance.get_func(&mut self.isolate, name).expect("a function");
        let args: Vec<Val> = args.iter().copied().map(to_val).collect();
        match func.call(&mut self.isolate, &args) {
            Ok(results) => Ok(results.iter().map(from_val).collect()),
            Err(CallError::Trap(trap)) => Err(class(&trap)),
            Err(error) => Err(Class::Other(error.to_string())),
        }
    }

    fn global(&mut self, name: &str) -> Value {
        let global = self.instance.get_global(&mut self.isolate, name).expect("a global");
        from_val(&global.get(&mut self.isolate).expect("a global of this isolate"))
    }

    fn memory(&mut self, name: &str) -> (u64, u64) {
        let memory = self.instance.get_memory(&mut self.isolate, name).expect("a memory");
        (memory.page_count(&self.isolate), hash(memory.data(&self.isolate).expect("bytes")))
    }

    fn table(&mut self, name: &str) -> Vec<bool> {
        let table = self.instance.get_table(&mut self.isolate, name).expect("a table");
        let len = table.len(&self.isolate);
        let mut is_null = |index| table.get(&mut self.isolate, index).is_some_and(|value| value.is_null());
        (0..len).map(&mut is_null).collect()
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
        ValType::Ref(RefType { heap, .. }) => match heap.top() {
            HeapType::Extern => Type::Extern,
            HeapType::Any => Type::Any,
            HeapType::Exn => Type::Exn,
            _ => Type::Func,
        },
    }
}

fn to_val(value: Value) -> Val {
    match value {
        Value::I32(bits) => Val::I32(bits as i32),
        Value::I64(bits) => Val::I64(bits as i64),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        // Only null references are made up.
        Value::Func(_) => Val::FuncRef(None),
        Value::Extern(_) => Val::ExternRef(None),
        Value::Any(_) => Val::AnyRef(None),
        Value::Exn(_) => Val::ExnRef(None),
    }
}

fn from_val(value: &Val) -> Value {
    match *value {
        Val::I32(value) => Value::I32(value as u32),
        Val::I64(value) => Value::I64(value as u64),
        Val::F32(bits) => Value::F32(bits),
        Val::F64(bits) => Value::F64(bits),
        Val::V128(bits) => Value::V128(bits),
        Val::FuncRef(value) => Value::Func(value.is_some()),
        Val::ExternRef(value) => Value::Extern(value.is_some()),
        Val::AnyRef(value) => Value::Any(value.is_some()),
        Val::ExnRef(value) => Value::Exn(value.is_some()),
    }
}

fn class(trap: &Trap) -> Class {
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
        TrapCode::HostError if trap.downcast_ref::<HostFailed>().is_some() => Class::Host,
        code => Class::Other(code.message().to_owned()),
    }
}
