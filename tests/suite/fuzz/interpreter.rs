//! wasmi, an interpreter, as an [`Oracle`].

use std::sync::{Arc, Mutex};

use wasmi::{
    Engine, Error, Extern, ExternRef, ExternType, F32, F64, Func, FuncType, Global, Instance, Memory, Module, Nullable, Ref,
    Store, Table, TrapCode, V128, Val, ValType,
};

use super::observe::{Class, Event, Export, Guest, Host, Object, Signature, Type, Value, argument, import_key, observe};
use super::oracle::Oracle;
use super::random::{Random, hash, mix};

type Shared = Arc<Mutex<Host>>;

#[derive(Debug)]
struct HostFailed;

impl std::fmt::Display for HostFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a host function failed")
    }
}

impl wasmi::errors::HostError for HostFailed {}

/// It decodes and validates with a parser of its own version, and knows no objects and no exceptions.
#[derive(Debug)]
pub struct Interpreter(Engine);

impl Interpreter {
    /// The engine, for all modules.
    pub fn new() -> Interpreter {
        let mut config = wasmi::Config::default();
        config
            .wasm_multi_memory(true)
            .wasm_memory64(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true);
        Interpreter(Engine::new(&config))
    }
}

impl Oracle for Interpreter {
    fn run(&self, wasm: &[u8], seed: u64) -> Option<Vec<Event>> {
        let module = Module::new(&self.0, wasm).ok()?;
        let mut store = Store::new(&self.0, ());
        let host = Shared::default();
        let mut imports = Vec::new();
        for wanted in module.imports() {
            match import(&mut store, &host, import_key(wanted.module(), wanted.name()), wanted.ty(), seed) {
                Ok(import) => imports.push(import),
                Err(error) => return Some(vec![Event::Instance(Err(class(&error)))]),
            }
        }
        Some(match Instance::new(&mut store, &module, &imports) {
            Ok(instance) => observe(&mut InterpretedGuest { store, instance, host }, seed),
            Err(error) => vec![Event::Instance(Err(class(&error)))],
        })
    }
}

/// Something to import of a type.
fn import(store: &mut Store<()>, host: &Shared, key: u64, ty: &ExternType, seed: u64) -> Result<Extern, Error> {
    Ok(match ty {
        ExternType::Func(ty) => Extern::Func(host_func(store, host, key, ty)),
        ExternType::Global(ty) => {
            let value = argument(type_of(ty.content()), &mut Random::new(mix(seed ^ key)));
            // Each of its types has a value.
            let value = value.map_or(Val::default_for_ty(ty.content()), |value| to_val(&value));
            Extern::Global(Global::new(&mut *store, value, ty.mutability()))
        }
        ExternType::Memory(ty) => Extern::Memory(Memory::new(&mut *store, *ty)?),
        ExternType::Table(ty) => Extern::Table(Table::new(&mut *store, *ty, Ref::default_for_ty(ty.element()))?),
    })
}

fn host_func(store: &mut Store<()>, host: &Shared, key: u64, ty: &FuncType) -> Func {
    let (host, signature) = (host.clone(), signature(ty));
    Func::new(store, ty.clone(), move |_, args, results| {
        let args: Vec<Value> = args.iter().map(from_val).collect();
        let answer = host.lock().expect("no panic under the lock").call(key, &args, &signature.results);
        let values = answer.ok_or_else(|| Error::host(HostFailed))?;
        for (result, value) in results.iter_mut().zip(values) {
            *result = to_val(&value);
        }
        Ok(())
    })
}

struct InterpretedGuest {
    store: Store<()>,
    instance: Instance,
    host: Shared,
}

impl InterpretedGuest {
    fn export(&self, name: &str) -> Extern {
        self.instance.get_export(&self.store, name).expect("it was listed")
    }
}

impl Guest for InterpretedGuest {
    fn exports(&mut self) -> Vec<(String, Export)> {
        let exports = self.instance.exports(&self.store);
        let describe = |export: wasmi::Export<'_>| {
            let kind = match export.ty(&self.store) {
                ExternType::Func(ty) => Export::Func(signature(&ty)),
                ExternType::Global(_) => Export::Global,
                ExternType::Memory(_) => Export::Memory,
                ExternType::Table(_) => Export::Table,
            };
            (export.name().to_owned(), kind)
        };
        let mut all: Vec<_> = exports.map(describe).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class> {
        let func = self.export(name).into_func().expect("a function");
        let args: Vec<Val> = args.iter().map(to_val).collect();
        let ty = func.ty(&self.store);
        let mut results: Vec<Val> = ty.results().iter().map(|&ty| Val::default_for_ty(ty)).collect();
        func.call(&mut self.store, &args, &mut results).map_err(|error| class(&error))?;
        Ok(results.iter().map(from_val).collect())
    }

    fn global(&mut self, name: &str) -> Value {
        from_val(&self.export(name).into_global().expect("a global").get(&self.store))
    }

    fn memory(&mut self, name: &str) -> (u64, u64) {
        let memory = self.export(name).into_memory().expect("a memory");
        (memory.size(&self.store), hash(memory.data(&self.store)))
    }

    fn table(&mut self, name: &str) -> Vec<bool> {
        let table = self.export(name).into_table().expect("a table");
        (0..table.size(&self.store)).map(|index| table.get(&self.store, index).is_none_or(|element| element.is_null())).collect()
    }

    fn host_hash(&mut self) -> u64 {
        self.host.lock().expect("no panic under the lock").hash()
    }
}

fn signature(ty: &FuncType) -> Signature {
    let types = |types: &[ValType]| types.iter().map(|&ty| type_of(ty)).collect();
    Signature { params: types(ty.params()), results: types(ty.results()) }
}

/// The oracle's types in our words.
fn type_of(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::FuncRef => Type::Func,
        ValType::ExternRef => Type::Extern,
    }
}

fn to_val(value: &Value) -> Val {
    match *value {
        Value::I32(bits) => Val::I32(bits as i32),
        Value::I64(bits) => Val::I64(bits as i64),
        Value::F32(bits) => Val::F32(F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(V128::from(bits)),
        // Only null references are made up.
        Value::Func(_) => Val::FuncRef(Nullable::<Func>::Null),
        // The interpreter has no objects: `Any` and `Exn` are never asked for.
        Value::Extern(_) | Value::Any(_) | Value::Exn(_) => Val::ExternRef(Nullable::<ExternRef>::Null),
    }
}

fn from_val(value: &Val) -> Value {
    match value {
        Val::I32(value) => Value::I32(*value as u32),
        Val::I64(value) => Value::I64(*value as u64),
        Val::F32(value) => Value::F32(value.to_bits()),
        Val::F64(value) => Value::F64(value.to_bits()),
        Val::V128(value) => Value::V128(value.as_u128()),
        Val::FuncRef(value) => Value::Func(!value.is_null()),
        Val::ExternRef(value) => Value::Extern(if value.is_null() { Object::Null } else { Object::Unseen }),
    }
}

fn class(error: &Error) -> Class {
    let Some(code) = error.as_trap_code() else {
        let host = error.downcast_ref::<HostFailed>().is_some();
        return if host { Class::Host } else { Class::Other(error.to_string()) };
    };
    match code {
        TrapCode::UnreachableCodeReached => Class::Unreachable,
        TrapCode::MemoryOutOfBounds => Class::Memory,
        TrapCode::TableOutOfBounds => Class::Table,
        TrapCode::IndirectCallToNull => Class::NullElement,
        TrapCode::BadSignature => Class::Signature,
        TrapCode::IntegerDivisionByZero => Class::DivideByZero,
        TrapCode::IntegerOverflow => Class::Overflow,
        TrapCode::BadConversionToInteger => Class::Conversion,
        TrapCode::StackOverflow => Class::Stack,
        code => Class::Other(code.to_string()),
    }
}
