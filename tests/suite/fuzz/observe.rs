//! What can be seen of a guest from outside, in words that belong to no engine, and the one script by which every engine is driven.
//!
//! Problem: two engines shall be compared, and their values, traps and handles are of different types.
//!
//! Idea: each engine is wrapped as a [`Guest`]; [`observe`] calls its exports with values that follow from the seed and writes down
//! [`Event`]s; [`compare`] says whether two lists mean the same.
//!
//! **Invariant:** what a guest is given (arguments, results of imports) depends on the seed and on what it did before, never on the engine.

use super::random::{Random, hash, mix};

/// Types of values, as far as both engines know them. References have the name of what is above them, and may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
    Func,
    Extern,
    /// What only guests with objects have.
    Any,
    Exn,
    /// What may be a number: `anyref`, `eqref`, `i31ref`.
    Number {
        nullable: bool,
    },
    /// References of which the host has none.
    NonNull,
}

/// A value; floats as bits, functions as whether they are something, objects with what they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
    Func(bool),
    Extern(Object),
    Any(Object),
    Exn(Option<Box<Exception>>),
}

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    Null,
    I31(i32),
    Struct(Vec<Value>),
    /// The length, and the first elements.
    Array(u32, Vec<Value>),
    /// A value of the host.
    Host,
    /// Something that was not looked into.
    Unseen,
}

/// An exception: the first name by which its tag is exported, and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub tag: Option<String>,
    pub payload: Vec<Value>,
}

/// How many objects are looked into for one value, the first ones depth first, and how many elements of each array.
pub const OBJECTS: usize = 40;
/// See [`OBJECTS`].
pub const ELEMENTS: u32 = 6;

/// Parameters and results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub params: Vec<Type>,
    pub results: Vec<Type>,
}

/// Why something did not end well, in classes that both engines know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    Unreachable,
    Memory,
    Table,
    NullElement,
    Signature,
    DivideByZero,
    Overflow,
    Conversion,
    /// A null reference was used.
    Null,
    Array,
    Cast,
    /// No guest caught it.
    Exception(Exception),
    /// The stack is used up: engines may differ in when.
    Stack,
    /// The heap is, or an object would be too large.
    Heap,
    /// A host function failed.
    Host,
    /// The host has nothing to give for an import.
    Import,
    /// What engines name differently.
    Other(String),
}

/// What a name is exported for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    Func(Signature),
    Global,
    Memory,
    Table,
    Tag,
}

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is an instance, or why not.
    Instance(Result<(), Class>),
    /// A function was called.
    Call(String, Vec<Value>, Result<Vec<Value>, Class>),
    /// All that host functions saw so far.
    Host(u64),
    Global(String, Value),
    /// Size in pages and hash of the contents.
    Memory(String, u64, u64),
    /// Number of elements and hash of which of them are null.
    Table(String, u64, u64),
}

/// An instance in some engine.
pub trait Guest {
    /// Its exports, in the module's order.
    fn exports(&mut self) -> Vec<(String, Export)>;
    /// Calls an export.
    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class>;
    /// A global's value.
    fn global(&mut self, name: &str) -> Value;
    /// A memory's size in pages and its bytes' hash.
    fn memory(&mut self, name: &str) -> (u64, u64);
    /// For each element of a table, whether it is null.
    fn table(&mut self, name: &str) -> Vec<bool>;
    /// What its host functions saw so far.
    fn host_hash(&mut self) -> u64;
}

/// Calls every function of a guest twice and looks at everything else after each round.
pub fn observe(guest: &mut dyn Guest, seed: u64) -> Vec<Event> {
    let mut events = vec![Event::Instance(Ok(()))];
    let exports = guest.exports();
    for round in 0..2u64 {
        for (position, (name, export)) in exports.iter().enumerate() {
            let Export::Func(signature) = export else { continue };
            let mut random = Random::new(mix(seed ^ round << 32 ^ position as u64));
            let args: Option<Vec<Value>> = signature.params.iter().map(|&ty| argument(ty, &mut random)).collect();
            let Some(args) = args else { continue };
            let result = guest.call(name, &args);
            let stop = result.as_ref().is_err_and(is_exhausted);
            events.push(Event::Call(name.clone(), args, result));
            if stop {
                return events;
            }
        }
        events.push(Event::Host(guest.host_hash()));
        for (name, export) in &exports {
            match export {
                Export::Func(_) | Export::Tag => {}
                Export::Global => events.push(Event::Global(name.clone(), guest.global(name))),
                Export::Memory => {
                    let (pages, hash) = guest.memory(name);
                    events.push(Event::Memory(name.clone(), pages, hash));
                }
                Export::Table => {
                    let nulls: Vec<u8> = guest.table(name).into_iter().map(u8::from).collect();
                    events.push(Event::Table(name.clone(), nulls.len() as u64, hash(&nulls)));
                }
            }
        }
    }
    events
}

/// Says where two lists of events part; `Ok` tells how many events were compared.
///
/// Engines may differ in when a stack or a heap is used up: nothing is compared from there on.
pub fn compare(ours: &[Event], oracle: &[Event]) -> Result<usize, String> {
    for (position, pair) in ours.iter().zip(oracle).enumerate() {
        if [pair.0, pair.1].into_iter().any(ends_comparison) {
            return Ok(position);
        }
        if !same(pair.0, pair.1) {
            return Err(format!("event {position}: Deltic saw {:?}, the oracle {:?}", pair.0, pair.1));
        }
    }
    if ours.len() == oracle.len() {
        Ok(ours.len())
    } else {
        Err(format!("{} events, and {} of the oracle", ours.len(), oracle.len()))
    }
}

fn is_exhausted(class: &Class) -> bool {
    matches!(class, Class::Stack | Class::Heap)
}

/// Whether engines may differ from here on.
pub fn ends_comparison(event: &Event) -> bool {
    match event {
        Event::Call(_, _, Err(class)) => is_exhausted(class),
        // Not every host can make everything.
        Event::Instance(Err(class)) => is_exhausted(class) || *class == Class::Import,
        _ => false,
    }
}

fn same(ours: &Event, oracle: &Event) -> bool {
    match (ours, oracle) {
        // A segment that does not fit has a name of its own in some engines.
        (Event::Instance(Err(_)), Event::Instance(Err(Class::Other(_)))) => true,
        (Event::Instance(Err(Class::Other(_))), Event::Instance(Err(_))) => true,
        _ => ours == oracle,
    }
}

/// A value to call with: the interesting ones more often than others. None where the host has no such value.
pub fn argument(ty: Type, random: &mut Random) -> Option<Value> {
    const INTS: [u64; 12] = [0, 1, 2, 3, 16, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX];
    const FLOATS: [f64; 10] = [0.0, -0.0, 1.0, -1.5, 0.1, 4e9, -4e18, 1e300, f64::INFINITY, f64::MIN_POSITIVE];
    let int = if random.one_in(2) { INTS[random.below(INTS.len())] } else { random.next_u64() };
    let float = if random.one_in(8) { f64::NAN } else { FLOATS[random.below(FLOATS.len())] };
    Some(match ty {
        Type::I32 => Value::I32(int as u32),
        Type::I64 => Value::I64(int),
        Type::F32 => Value::F32((float as f32).to_bits()),
        Type::F64 => Value::F64(float.to_bits()),
        Type::V128 => Value::V128(u128::from(int) << 64 | u128::from(random.next_u64() & 0x3f7f_ffff_3f7f_ffff)),
        Type::Func => Value::Func(false),
        Type::Extern => Value::Extern(Object::Null),
        Type::Any => Value::Any(Object::Null),
        Type::Exn => Value::Exn(None),
        Type::Number { nullable: true } if random.one_in(3) => Value::Any(Object::Null),
        Type::Number { .. } => Value::Any(Object::I31((int as i32) << 1 >> 1)),
        Type::NonNull => return None,
    })
}

/// What tells an import from others in every engine: its names. Engines list imports in different orders.
pub fn import_key(module: &str, name: &str) -> u64 {
    mix(hash(module.as_bytes()) ^ hash(name.as_bytes()).rotate_left(1))
}

/// What all host functions of one guest share: they remember what they were called with, and answer from that.
#[derive(Debug, Default)]
pub struct Host {
    state: u64,
}

impl Host {
    /// What was seen so far.
    pub fn hash(&self) -> u64 {
        self.state
    }

    /// A call of the import with that key: its results, or none when it fails.
    pub fn call(&mut self, key: u64, args: &[Value], results: &[Type]) -> Option<Vec<Value>> {
        let mut state = mix(self.state ^ key);
        for arg in args {
            state = mix(state ^ bits(arg));
        }
        self.state = state;
        let mut random = Random::new(state);
        if random.one_in(32) {
            return None;
        }
        results.iter().map(|&ty| argument(ty, &mut random)).collect()
    }
}

fn bits(value: &Value) -> u64 {
    match *value {
        Value::I32(bits) | Value::F32(bits) => u64::from(bits),
        Value::I64(bits) | Value::F64(bits) => bits,
        Value::V128(bits) => bits as u64 ^ mix((bits >> 64) as u64),
        Value::Func(there) => u64::from(there),
        Value::Extern(ref object) | Value::Any(ref object) => u64::from(*object != Object::Null),
        Value::Exn(ref exception) => u64::from(exception.is_some()),
    }
}
