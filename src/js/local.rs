//! Handles: what Rust holds of JavaScript's values across allocations.
//!
//! *Problem.* Objects move. Thousands of lines of builtins hold values over calls that may collect, and must not pay for it with a
//! borrow of everything or a slot for every number.
//!
//! *Idea.* A [`Local`] is 64 bits, like a value, and is one if that is no reference. Else it names a slot of the VM stack, in which the
//! collector finds and mends the reference. Its lifetime is that of the scope ([`Cx`](crate::js::cx::Cx)) which took the slot: scopes end in
//! the order of the stack, so a slot is only taken again when no local can name it any more.
//!
//! The first slots of the stack hold the strings and symbols of [`names`](crate::js::names) for ever, so a [`Key`] of theirs costs nothing.
#![forbid(unsafe_code)]

use std::marker::PhantomData;

use crate::js::names::Name;
use crate::js::value::Value;

/// A value that the collector knows of.
#[derive(Clone, Copy)]
pub struct Local<'s>(u64, PhantomData<&'s ()>);

impl<'s> Local<'s> {
    /// The value `undefined`.
    pub const UNDEFINED: Local<'static> = Local::immediate(Value::UNDEFINED);
    /// The value `null`.
    pub const NULL: Local<'static> = Local::immediate(Value::NULL);
    /// The value `true`.
    pub const TRUE: Local<'static> = Local::immediate(Value::TRUE);
    /// The value `false`.
    pub const FALSE: Local<'static> = Local::immediate(Value::FALSE);
    /// Zero.
    pub const ZERO: Local<'static> = Local::immediate(Value::ZERO);

    const fn immediate(value: Value) -> Local<'static> {
        Local(value.bits(), PhantomData)
    }

    /// The local of a value that refers to nothing.
    pub(in crate::js) fn of_plain(value: Value) -> Self {
        debug_assert!(value.reference().is_none());
        Local(value.bits(), PhantomData)
    }

    /// The local of a value that lies in a slot of the stack.
    pub(in crate::js) fn of_slot(value: Value, slot: usize) -> Self {
        match value.reference() {
            Some(_) => Local(value.with_low(slot as u32), PhantomData),
            None => Local(value.bits(), PhantomData),
        }
    }

    /// The slot, if it is a reference.
    #[inline(always)]
    pub(in crate::js) fn slot(self) -> Option<usize> {
        self.as_value().reference().map(|slot| slot.bits() as usize)
    }

    /// As a value whose reference, if it is one, is a slot.
    #[inline(always)]
    pub(in crate::js) fn as_value(self) -> Value {
        Value::from_bits(self.0)
    }

    /// An integer.
    pub fn int(value: i32) -> Self {
        Local(Value::int(value).bits(), PhantomData)
    }

    /// A number.
    pub fn number(value: f64) -> Self {
        Local(Value::number(value).bits(), PhantomData)
    }

    /// A Boolean.
    pub fn bool(value: bool) -> Self {
        Local(Value::bool(value).bits(), PhantomData)
    }

    /// Whether it is `undefined`.
    pub fn is_undefined(self) -> bool {
        self.as_value().is_undefined()
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.as_value().is_null()
    }

    /// Whether it is `undefined` or `null`.
    pub fn is_nullish(self) -> bool {
        self.as_value().is_nullish()
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.as_value().is_object()
    }

    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        self.as_value().is_string()
    }

    /// Whether it is a symbol.
    pub fn is_symbol(self) -> bool {
        self.as_value().is_symbol()
    }

    /// Whether it is a BigInt.
    pub fn is_bigint(self) -> bool {
        self.as_value().is_bigint()
    }

    /// Whether it is a number.
    pub fn is_number(self) -> bool {
        self.as_value().is_number()
    }

    /// Whether it is a Boolean.
    pub fn is_bool(self) -> bool {
        self.as_value().as_bool().is_some()
    }

    /// The number, if it is one.
    pub fn as_number(self) -> Option<f64> {
        self.as_value().as_number()
    }

    /// The number, if it is one that is kept as a 32-bit integer.
    pub fn as_int(self) -> Option<i32> {
        self.as_value().as_int()
    }

    /// The Boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        self.as_value().as_bool()
    }
}

impl std::fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_value().fmt(f)
    }
}

/// A local that can be set again, so that loops need no slot for each round. See [`Cx::root`](crate::js::cx::Cx::root).
#[derive(Debug, Clone, Copy)]
pub struct Root<'s>(usize, PhantomData<&'s ()>);

impl Root<'_> {
    pub(in crate::js) fn new(slot: usize) -> Self {
        Root(slot, PhantomData)
    }

    pub(in crate::js) fn slot(self) -> usize {
        self.0
    }
}

/// A property key: an array index (§6.1.7), or an interned string that is none, or a symbol.
#[derive(Debug, Clone, Copy)]
pub enum Key<'s> {
    /// An integer from 0 to 2³² − 2.
    Index(u32),
    /// An interned string or a symbol.
    Name(Local<'s>),
}

impl Key<'_> {
    /// Whether it is a symbol.
    pub fn is_symbol(self) -> bool {
        matches!(self, Key::Name(name) if name.is_symbol())
    }
}

impl Name {
    /// The key of this name.
    pub fn key(self) -> Key<'static> {
        Key::Name(self.local())
    }

    /// The string or symbol itself.
    pub fn local(self) -> Local<'static> {
        let tag = if self.is_symbol() { Value::symbol } else { Value::string };
        Local(tag(crate::heap::HeapRef::from_bits(self as u32)).bits(), PhantomData)
    }
}

impl<'s> From<Name> for Key<'s> {
    fn from(name: Name) -> Self {
        name.key()
    }
}

impl<'s> From<u32> for Key<'s> {
    /// `index` is an array index: below 2³² − 1.
    fn from(index: u32) -> Self {
        debug_assert!(index != u32::MAX);
        Key::Index(index)
    }
}

/// What a function was called with. The arguments are slots of the VM stack.
#[derive(Debug, Clone, Copy)]
pub struct Args<'s> {
    pub(in crate::js) callee: usize,
    pub(in crate::js) count: u32,
    pub(in crate::js) new_target: Local<'s>,
}

impl<'s> Args<'s> {
    /// How many arguments were passed.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// NewTarget: `undefined` in a call that is no construction.
    pub fn new_target(&self) -> Local<'s> {
        self.new_target
    }
}
