//! Calls that the loop makes itself though their callee is a builtin: `call`, `apply`, and the one behind `instanceof`.
//!
//! *Idea.* What these do is to call something else, or nothing. Done by the loop, the callee's frame lies on the caller's, and Rust's stack stays as it is.
//! Whoever has put another function in their place gets that one: it is the number of the function of Rust that counts.

use crate::heap::HeapRef;
use crate::js::class::{Class, ELEMENTS, Thing, class_of};
use crate::js::cx::{Completion, Cx};
use crate::js::function::NATIVE_ID;
use crate::js::names::Name;
use crate::js::object::arguments::MAP;
use crate::js::object::shape::Shape;
use crate::js::value::Value;

/// Words of the stack that stay free behind spread arguments.
const SPARE_WORDS: usize = 1 << 15;

/// Numbers of the functions that the loop knows.
#[derive(Debug, Clone, Copy)]
pub(in crate::js) struct KnownNatives {
    pub call: u32,
    pub apply: u32,
    pub has_instance: u32,
}

impl Default for KnownNatives {
    fn default() -> Self {
        KnownNatives { call: u32::MAX, apply: u32::MAX, has_instance: u32::MAX }
    }
}

impl Cx<'_> {
    fn is_closure_value(&self, value: Value) -> bool {
        value.is_object() && self.agent.heap.descriptor(value.heap_ref()) == self.agent.types.class(Class::Closure)
    }

    /// The number of a function of Rust.
    fn native_number(&self, value: Value) -> Option<u32> {
        if !value.is_object() || class_of(&self.agent.heap, value.heap_ref()) != Class::Native {
            return None;
        }
        self.field_of(value, NATIVE_ID).as_int().map(i32::cast_unsigned)
    }

    /// Pushes the frame of the closure that a call of `call` or `apply` calls. Whether it was such a call.
    pub(super) fn push_indirect(&mut self, callee: usize, argc: u32, to: u16) -> Completion<bool> {
        let at = |cx: &Self, nth: usize| Value::from_bits(cx.agent.roots.stack[callee + nth]);
        if !self.is_closure_value(at(self, 1)) {
            return Ok(false);
        }
        let Some(number) = self.native_number(at(self, 0)) else { return Ok(false) };
        let known = self.agent.known_natives;
        if number == known.call {
            if argc == 0 {
                let function = at(self, 1);
                self.agent.roots.stack[callee] = function.bits();
                self.agent.roots.stack[callee + 1] = Value::UNDEFINED.bits();
                self.push_frame(callee, 0, Value::UNDEFINED, to, 0)?;
            } else {
                self.push_frame(callee + 1, argc - 1, Value::UNDEFINED, to, 0)?;
            }
            return Ok(true);
        }
        if number != known.apply || argc != 2 {
            return Ok(false);
        }
        let list = at(self, 3);
        let Some((elements, count)) = list.reference().filter(|_| list.is_object()).and_then(|list| self.plain_list(list)) else {
            return Ok(false);
        };
        let first = callee + 3;
        let end = first + count as usize;
        if end + SPARE_WORDS > self.agent.roots.stack.len() {
            return Ok(false);
        }
        for nth in 0..count {
            let value = self.read_value(elements, nth);
            self.agent.roots.stack[first + nth as usize] = value.bits();
        }
        // The caller's end comes back when the frame is left.
        self.agent.roots.top = self.agent.roots.top.max(end);
        self.push_frame(callee + 1, count, Value::UNDEFINED, to, 0)?;
        Ok(true)
    }

    /// The elements of an array or arguments object that has only plain ones of its own, and how many they are.
    pub(in crate::js) fn plain_list(&self, list: HeapRef) -> Option<(HeapRef, u32)> {
        let heap = &self.agent.heap;
        let length = match class_of(heap, list) {
            Class::Array => self.field_of(Value::object(list), 0),
            class @ (Class::Arguments | Class::MappedArguments) => {
                if class == Class::MappedArguments {
                    // Elements that are parameters are where these are.
                    let map = self.field_of(Value::object(list), MAP).reference()?;
                    if heap.length(map) != 0 {
                        return None;
                    }
                }
                // It is the first property that such an object gets.
                let shape = Shape::of(heap, list);
                let is_length = |(key, attributes): (Value, crate::js::object::shape::Attributes)| {
                    key == self.agent.name_value(Name::length) && !attributes.is_accessor()
                };
                if shape.count(heap) == 0 || !shape.entry(heap, 0).is_some_and(is_length) {
                    return None;
                }
                self.slot_value(list, 0)
            }
            _ => return None,
        };
        let length = u32::try_from(length.as_int()?).ok()?;
        let elements = heap.read_ref(list, ELEMENTS);
        if length == 0 {
            return Some((elements, 0));
        }
        if elements.is_null()
            || heap.descriptor(elements) != self.agent.types.thing(Thing::Values)
            || heap.length(elements) < length
        {
            return None;
        }
        let has_hole = (0..length).any(|nth| self.read_value(elements, nth).is_hole());
        (!has_hole).then_some((elements, length))
    }

    /// InstanceofOperator (§13.10.2) with a closure whose handler is the one that all functions have, if nothing has to be asked for it.
    pub(super) fn instance_at_once(&mut self, value: Value, target: Value) -> Option<bool> {
        if !self.is_closure_value(target) {
            return None;
        }
        let handler = self.agent.known_property(target.heap_ref(), self.agent.name_value(Name::sym_hasInstance))?;
        if self.native_number(handler)? != self.agent.known_natives.has_instance {
            return None;
        }
        if !value.is_object() {
            return Some(false);
        }
        let prototype = self.agent.known_property(target.heap_ref(), self.agent.name_value(Name::prototype))?;
        if !prototype.is_object() {
            return None;
        }
        let heap = &self.agent.heap;
        let mut at = value.heap_ref();
        loop {
            if class_of(heap, at) == Class::Proxy {
                return None;
            }
            let above = Shape::of(heap, at).prototype(heap);
            if above == prototype {
                return Some(true);
            }
            match above.reference() {
                Some(above) => at = above,
                None => return Some(false),
            }
        }
    }
}
