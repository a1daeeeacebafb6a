//! What a layer above needs to add builtins with a state of their own: a companion of the agent, objects of a class of its own, and values as
//! references of the heap.
//!
//! A *companion* is one object of the layer's that the agent keeps and whose roots are the agent's. An *embedder's object* has what it is (an
//! integer) and three words in its internal slots, and a function of a guest that it keeps alive ([`GUEST`]).
//!
//! A *reference* is any value of the language in 32 bits: what is no reference already is an `i31` if it is such an integer, null if it is `null`,
//! and else a cell in the heap with the value.
#![forbid(unsafe_code)]

use std::any::Any;

use crate::heap::roots::FuncSet;
use crate::heap::{Heap, HeapRef, RootSource, RootVisitor};
use crate::js::agent::{Agent, Roots, Termination};
use crate::js::class::{Class, GUEST, Is, Thing, is, is_thing};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::function::NATIVE_DATA;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// What a layer above keeps with an agent.
pub(crate) trait Companion: RootSource + Any + Send {}

/// Integers that an `i31` can be.
const I31: std::ops::Range<i32> = -(1 << 30)..1 << 30;

impl Roots {
    pub(in crate::js) fn visit_companion(&mut self, visit: impl FnOnce(&mut dyn RootSource)) {
        if let Some(companion) = &mut self.companion {
            visit(&mut **companion);
        }
    }

    pub(in crate::js) fn visit_companion_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        self.visit_companion(|companion| companion.visit_func(func, visitor));
    }

    pub(in crate::js) fn companion_funcs_found(&mut self, found: &FuncSet) {
        self.visit_companion(|companion| companion.funcs_found(found));
    }
}

impl Agent {
    /// The companion, if it is of this type.
    #[inline]
    pub(crate) fn companion<T: Companion>(&mut self) -> Option<&mut T> {
        let any: &mut dyn Any = &mut **self.roots.companion.as_mut()?;
        any.downcast_mut()
    }

    /// The heap.
    pub(crate) fn heap(&self) -> &Heap {
        &self.heap
    }

    /// The heap, to write.
    pub(crate) fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    /// The heap, and what the agent holds.
    pub(crate) fn heap_and_roots(&mut self) -> (&mut Heap, &mut dyn RootSource) {
        (&mut self.heap, &mut self.roots)
    }

    /// Runs something in an agent that something outside runs in already, on this thread.
    pub(crate) fn reenter<R>(&mut self, run: impl for<'s> FnOnce(&mut Cx<'s>) -> R) -> R {
        run(&mut Cx::outermost(self))
    }
}

/// A reference as a value of the language.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FromReference<'s> {
    /// It is this one.
    Value(Local<'s>),
    /// It is none; the local keeps it all the same.
    Foreign(Local<'s>),
}

impl<'s> Cx<'s> {
    /// The agent.
    #[inline]
    pub(crate) fn agent_mut(&mut self) -> &mut Agent {
        self.agent
    }

    /// The companion, if it is of this type.
    #[inline]
    pub(crate) fn companion<T: Companion>(&mut self) -> Option<&mut T> {
        self.agent.companion()
    }

    /// Gives the agent its companion.
    pub(crate) fn set_companion(&mut self, companion: Box<dyn Companion>) {
        self.agent.roots.companion = Some(companion);
    }

    /// A new object of the embedder's, and what it is.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn new_embedder_object(&mut self, what: i32, prototype: Local<'_>) -> Completion<Local<'s>> {
        let object = self.make_object(Class::Embedder, prototype)?;
        self.set_field_value(object, 0, Value::int(what));
        Ok(object)
    }

    /// A new opaque object, and what it is.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn new_opaque_object(&mut self, what: i32) -> Completion<Local<'s>> {
        let object = self.make_object(Class::Opaque, Local::NULL)?;
        self.set_field_value(object, 0, Value::int(what));
        let reference = self.reference(object);
        self.agent.forbid_extensions(reference).map_err(|error| self.heap_error(error))?;
        Ok(object)
    }

    /// The error of who wants to change an opaque object.
    #[cold]
    pub(in crate::js) fn opaque_error(&mut self) -> Thrown {
        self.type_error("WebAssembly objects are opaque")
    }

    /// What an object of the embedder's is.
    #[inline]
    pub(crate) fn embedder_kind(&self, object: Local<'_>) -> Option<i32> {
        match self.class_of(object) {
            Some(Class::Embedder | Class::Opaque) => self.field_value(object, 0).as_int(),
            _ => None,
        }
    }

    /// One of the three words of an embedder's object.
    pub(crate) fn embedder_field(&mut self, object: Local<'_>, nth: u32) -> Local<'s> {
        debug_assert!(self.embedder_kind(object).is_some() && nth < 3);
        self.field(object, 1 + nth)
    }

    /// Sets one of the three words of an embedder's object.
    pub(crate) fn set_embedder_field(&mut self, object: Local<'_>, nth: u32, value: Local<'_>) {
        debug_assert!(self.embedder_kind(object).is_some() && nth < 3);
        self.set_field(object, 1 + nth, value);
    }

    /// Has an embedder's object own a value of Rust, by one of its words.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn set_embedder_value<T: Any + Send>(&mut self, object: Local<'_>, nth: u32, value: T) -> Completion<()> {
        let agent = &mut *self.agent;
        let owner = agent.heap.allocate_host(Box::new(value), &mut agent.roots).map_err(|error| self.heap_error(error))?;
        self.set_field_value(object, 1 + nth, Value::object(owner));
        Ok(())
    }

    /// The value of Rust that a word of an embedder's object owns.
    pub(crate) fn embedder_value<T: Any>(&self, object: Local<'_>, nth: u32) -> Option<&T> {
        self.agent.heap.host_value(self.field_value(object, 1 + nth).reference()?)?.downcast_ref()
    }

    /// The guest's function that a function of Rust stands for, or an embedder's object keeps; 0 for none, and for other objects.
    #[inline]
    pub(crate) fn guest_of(&self, object: Local<'_>) -> u32 {
        match self.class_of(object) {
            Some(Class::Native | Class::Embedder) => self.agent.heap.read_u32(self.reference(object), GUEST),
            _ => 0,
        }
    }

    /// The same of the function that is being called.
    #[inline]
    pub(crate) fn guest_of_callee(&self, args: Args<'_>) -> u32 {
        let callee = Value::from_bits(self.agent.roots.stack[args.callee]);
        self.agent.heap.read_u32(callee.heap_ref(), GUEST)
    }

    /// The first captured value of the function that is being called, if it is an integer.
    #[inline]
    pub(crate) fn captured_int(&self, args: Args<'_>) -> Option<i32> {
        let callee = Value::from_bits(self.agent.roots.stack[args.callee]);
        self.field_of(callee, NATIVE_DATA).as_int()
    }

    /// Sets that integer of a function of Rust.
    pub(crate) fn set_captured_int(&mut self, function: Local<'_>, int: i32) {
        debug_assert!(self.is(function, Class::Native));
        self.set_field_value(function, NATIVE_DATA, Value::int(int));
    }

    /// Says which function of a guest it is.
    pub(crate) fn set_guest(&mut self, object: Local<'_>, func: u32) {
        if matches!(self.class_of(object), Some(Class::Native | Class::Embedder)) {
            let object = self.reference(object);
            self.agent.heap.write_u32(object, GUEST, func);
        }
    }

    /// GetPrototypeFromConstructor (§10.1.14), with one of the embedder's intrinsics for a default.
    ///
    /// # Errors
    ///
    /// What the getter throws.
    pub(crate) fn embedder_prototype_of(&mut self, constructor: Local<'s>, default: u32) -> Completion<Local<'s>> {
        if !constructor.is_object() {
            return Ok(self.embedder_intrinsic(default));
        }
        let prototype = self.get(constructor, Name::prototype.key())?;
        if prototype.is_object() {
            return Ok(prototype);
        }
        let realm = self.function_realm(constructor)?;
        let all = self.intrinsic_of(realm, Intrinsic::Embedder);
        Ok(self.nth_of(all, default))
    }

    fn nth_of(&mut self, values: Local<'_>, nth: u32) -> Local<'s> {
        if !values.is_object() || nth >= self.agent.heap.length(self.reference(values)) {
            return Local::UNDEFINED;
        }
        let value = self.read_value(self.reference(values), nth);
        self.local(value)
    }

    /// A function of Rust that stands for a function of a guest, with an integer of its own.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn new_guest_function(
        &mut self,
        native: crate::js::cx::Native,
        name: Key<'_>,
        length: u32,
        number: i32,
        func: u32,
    ) -> Completion<Local<'s>> {
        let function = self.new_native(native, name, length, false)?;
        self.set_captured_int(function, number);
        self.set_guest(function, func);
        Ok(function)
    }

    /// Whether it is an exported function of a guest.
    pub(crate) fn exported_func(&self, value: Local<'_>) -> Option<u32> {
        if !self.is(value, Class::Native) {
            return None;
        }
        Some(self.guest_of(value)).filter(|&func| func != 0)
    }

    /// Ends the script, if it is not being ended already.
    pub(crate) fn end_script(&mut self) -> Thrown {
        let why = self.agent.roots.termination.take().unwrap_or(Termination::Terminated);
        self.terminate(why)
    }

    /// One of the intrinsics that the embedder has in the current realm.
    pub(crate) fn embedder_intrinsic(&mut self, nth: u32) -> Local<'s> {
        let all = self.intrinsic(Intrinsic::Embedder);
        self.nth_of(all, nth)
    }

    /// Gives the current realm the embedder's intrinsics.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn set_embedder_intrinsics(&mut self, intrinsics: &[Local<'_>]) -> Completion<()> {
        let values = self.allocate_values(intrinsics.len() as u32, Value::UNDEFINED)?;
        for (nth, &intrinsic) in intrinsics.iter().enumerate() {
            let value = self.value(intrinsic);
            self.write_value(values, nth as u32, value);
        }
        let values = self.root_value(Value::object(values));
        self.set_intrinsic(Intrinsic::Embedder, values);
        Ok(())
    }

    /// The bits of what the value of a local is now. They are good until the next allocation.
    #[inline]
    pub(crate) fn boxed_bits(&self, local: Local<'_>) -> u64 {
        self.value(local).bits()
    }

    /// The local of bits that were had since the last allocation.
    #[inline]
    pub(crate) fn local_of_bits(&mut self, bits: u64) -> Local<'s> {
        self.local(Value::from_bits(bits))
    }

    /// A value as one whose bits are a reference: [`reference_bits`](Self::reference_bits).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn boxed_reference(&mut self, value: Local<'_>) -> Completion<Local<'s>> {
        let mut now = self.value(value);
        if let Some(number) = now.as_number() {
            now = Value::number(number);
        }
        if now.reference().is_some() || now.is_null() || now.as_int().is_some_and(|int| I31.contains(&int)) {
            return Ok(self.local(now));
        }
        let cell = self.allocate_thing(Thing::Primitive, 0)?;
        self.agent.heap.write_boxed(cell, FIELDS, now.bits());
        Ok(self.local(Value::object(cell)))
    }

    /// The reference that a value of [`boxed_reference`](Self::boxed_reference) is, or a function of Rust or what was foreign. It is good until the
    /// next allocation.
    pub(crate) fn reference_bits(&self, value: Local<'_>) -> u32 {
        let now = self.value(value);
        match (now.reference(), now.as_int()) {
            (Some(reference), _) => reference.bits(),
            (None, Some(int)) => HeapRef::i31(int).bits(),
            (None, None) => HeapRef::NULL.bits(),
        }
    }

    /// A local that keeps a reference, whatever it is.
    pub(crate) fn root_reference(&mut self, bits: u32) -> Local<'s> {
        let reference = HeapRef::from_bits(bits);
        match reference.as_i31() {
            Some(int) => Local::int(int),
            None if reference.is_null() => Local::NULL,
            None => self.local(Value::object(reference)),
        }
    }

    /// The value that a reference is, which [`root_reference`](Self::root_reference) has given.
    pub(crate) fn value_of_reference(&mut self, rooted: Local<'s>) -> FromReference<'s> {
        let Some(reference) = self.value(rooted).reference() else { return FromReference::Value(rooted) };
        let heap = &self.agent.heap;
        let tag = match is(heap, reference) {
            Is::Object(_) => return FromReference::Value(rooted),
            Is::Other => return FromReference::Foreign(rooted),
            Is::Thing(_) => {
                let is = |thing| is_thing(heap, reference, thing);
                if is(Thing::Primitive) {
                    let value = Value::from_bits(heap.read_boxed(reference, FIELDS));
                    return FromReference::Value(self.local(value));
                }
                if is(Thing::Symbol) {
                    Value::symbol
                } else if is(Thing::BigInt) {
                    Value::bigint
                } else if is(Thing::Latin1) || is(Thing::TwoByte) || is(Thing::Rope) || is(Thing::Slice) {
                    Value::string
                } else {
                    return FromReference::Foreign(rooted);
                }
            }
        };
        FromReference::Value(self.local(tag(reference)))
    }

    /// An integer of 64 bits as a BigInt.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn bigint_of_i64(&mut self, integer: i64) -> Completion<Local<'s>> {
        self.element_value(crate::js::object::element::Element::BigInt64, integer.cast_unsigned())
    }

    /// The same of one without a sign.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn bigint_of_u64(&mut self, integer: u64) -> Completion<Local<'s>> {
        self.element_value(crate::js::object::element::Element::BigUint64, integer)
    }

    /// The value of a BigInt modulo 2⁶⁴.
    pub(crate) fn low_bits_of(&self, bigint: Local<'_>) -> u64 {
        self.bigint_low_bits(bigint)
    }

    /// Whether NewTarget or the function that was called is this constructor's; a constructor of a class of errors.
    ///
    /// # Errors
    ///
    /// What conversions throw.
    pub(crate) fn construct_error_with(&mut self, prototype: Local<'_>, args: Args<'s>) -> Completion<Local<'s>> {
        let error = self.make_object(Class::Error, prototype)?;
        let (message, options) = (self.arg(args, 0), self.arg(args, 1));
        if !message.is_undefined() {
            let text = self.to_string(message)?;
            self.define_data(error, Name::message.key(), text, crate::js::object::Attributes::HIDDEN)?;
        }
        if options.is_object() && self.has_property(options, Name::cause.key())? {
            let cause = self.get(options, Name::cause.key())?;
            self.define_data(error, Name::cause.key(), cause, crate::js::object::Attributes::HIDDEN)?;
        }
        self.capture_stack(error)?;
        Ok(error)
    }

    /// An error object with a prototype and a message.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(crate) fn new_error_below(&mut self, prototype: Local<'_>, message: &str) -> Completion<Local<'s>> {
        let error = self.make_object(Class::Error, prototype)?;
        let message = self.string(message)?;
        self.define_data(error, Name::message.key(), message, crate::js::object::Attributes::HIDDEN)?;
        self.capture_stack(error)?;
        Ok(error)
    }

    /// Throws a RangeError for a recursion that is too deep, or passes a termination on.
    pub(crate) fn recursion_error(&mut self) -> Thrown {
        self.stack_overflow()
    }

    /// Gives a buffer's bytes up, whoever has its key.
    pub(crate) fn detach_by_owner(&mut self, buffer: Local<'_>) {
        if self.is(buffer, Class::ArrayBuffer) {
            self.empty_buffer(buffer);
        }
    }
}
