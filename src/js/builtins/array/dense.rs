//! Elements by their index, with short ways for arrays whose elements are plain.
//!
//! A *plain* array has dense elements and prototypes without any: what is not there cannot be found elsewhere, so its elements can be
//! moved as a whole and no script notices. Whether an array is plain is asked again after whatever may have run a script.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{Class, ELEMENTS, class_of};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::elements::Elements;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// A plain array's elements, as they are until the next allocation.
#[derive(Debug, Clone, Copy)]
pub(in crate::js) struct Plain {
    /// The array of values; null if there are none.
    pub elements: HeapRef,
    /// How many places it has.
    pub places: u32,
    /// The array's length.
    pub length: u32,
}

impl Plain {
    /// How many elements may be there: all further ones are holes.
    pub fn used(self) -> u32 {
        self.places.min(self.length)
    }
}

impl<'s> Cx<'s> {
    /// Whether nothing on an object's prototype chain has elements, or can run a script when it is asked for one.
    pub(in crate::js) fn has_plain_prototypes(&self, object: HeapRef) -> bool {
        let heap = &self.agent.heap;
        let mut at = Shape::of(heap, object).prototype(heap).reference();
        while let Some(prototype) = at {
            let is_exotic = matches!(
                class_of(heap, prototype),
                Class::Proxy | Class::String | Class::TypedArray | Class::MappedArguments | Class::ModuleNamespace
            );
            if is_exotic || self.elements(prototype) != Elements::None {
                return false;
            }
            at = Shape::of(heap, prototype).prototype(heap).reference();
        }
        true
    }

    /// The elements of a plain array.
    pub(in crate::js) fn plain_array(&self, array: Local<'_>) -> Option<Plain> {
        if !self.is(array, Class::Array) {
            return None;
        }
        let object = self.reference(array);
        let (elements, places) = match self.elements(object) {
            Elements::None => (HeapRef::NULL, 0),
            Elements::Dense(elements, places) => (elements, places),
            Elements::Sparse(..) => return None,
        };
        self.has_plain_prototypes(object).then(|| Plain { elements, places, length: self.array_length(array) })
    }

    /// The elements of a plain array that may grow and shrink.
    pub(in crate::js) fn growing_array(&self, array: Local<'_>) -> Option<Plain> {
        let plain = self.plain_array(array)?;
        (self.is_length_writable(array) && self.shape(array).is_extensible(&self.agent.heap)).then_some(plain)
    }

    /// Whether it is an array without elements to which any can be added.
    pub(in crate::js) fn is_fresh_array(&self, array: Local<'_>) -> bool {
        self.growing_array(array).is_some_and(|plain| plain.elements.is_null())
    }

    /// An own plain element of an array or an ordinary object.
    #[inline]
    pub(in crate::js) fn dense_at(&self, object: Local<'_>, index: u64) -> Option<Value> {
        let object = self.reference(object);
        if !matches!(class_of(&self.agent.heap, object), Class::Array | Class::Ordinary | Class::Arguments) {
            return None;
        }
        match self.elements(object) {
            Elements::Dense(elements, places) if index < u64::from(places) => {
                let value = self.read_value(elements, index as u32);
                (!value.is_hole()).then_some(value)
            }
            _ => None,
        }
    }

    /// Get (§7.3.2) of an element.
    pub(in crate::js) fn get_at(&mut self, object: Local<'s>, index: u64) -> Completion<Local<'s>> {
        if let Some(value) = self.dense_at(object, index) {
            return Ok(self.local(value));
        }
        self.poll()?;
        let key = self.key_of_number(index as f64)?;
        self.get(object, key)
    }

    /// HasProperty (§7.3.12) of an element, and if it is there, Get.
    pub(in crate::js) fn get_present(&mut self, object: Local<'s>, index: u64) -> Completion<Option<Local<'s>>> {
        if let Some(value) = self.dense_at(object, index) {
            return Ok(Some(self.local(value)));
        }
        self.poll()?;
        let key = self.key_of_number(index as f64)?;
        if self.has_property(object, key)? { self.get(object, key).map(Some) } else { Ok(None) }
    }

    /// Set (§7.3.4) of an element, with an exception when it fails.
    pub(in crate::js) fn set_at(&mut self, object: Local<'s>, index: u64, value: Local<'s>) -> Completion<()> {
        if self.dense_at(object, index).is_some() {
            let (object, value) = (self.reference(object), self.value(value));
            self.write_element(object, index as u32, value);
            return Ok(());
        }
        self.poll()?;
        let key = self.key_of_number(index as f64)?;
        self.set(object, key, value)
    }

    /// CreateDataPropertyOrThrow (§7.3.7) of an element.
    pub(in crate::js) fn create_at(&mut self, object: Local<'s>, index: u64, value: Local<'s>) -> Completion<()> {
        if self.dense_at(object, index).is_some() {
            let (object, value) = (self.reference(object), self.value(value));
            self.write_element(object, index as u32, value);
            return Ok(());
        }
        if self.is(object, Class::Array)
            && index == u64::from(self.array_length(object))
            && index < u64::from(u32::MAX)
            && self.is_length_writable(object)
            && self.shape(object).is_extensible(&self.agent.heap)
        {
            self.put_element(object, index as u32, value, Attributes::ALL)?;
            self.set_array_length(object, index as u32 + 1);
            return Ok(());
        }
        let key = self.key_of_number(index as f64)?;
        self.create_data_property_or_throw(object, key, value)
    }

    /// DeletePropertyOrThrow (§7.3.10) of an element.
    pub(in crate::js) fn delete_at(&mut self, object: Local<'s>, index: u64) -> Completion<()> {
        self.poll()?;
        let key = self.key_of_number(index as f64)?;
        self.delete_property_or_throw(object, key)
    }

    /// Set (§7.3.4) of `length`, with an exception when it fails.
    pub(in crate::js) fn set_length(&mut self, object: Local<'s>, length: u64) -> Completion<()> {
        if let (Some(plain), Ok(new)) = (self.growing_array(object), u32::try_from(length)) {
            if new < plain.length {
                self.truncate_array(object, new);
            } else {
                self.set_array_length(object, new);
            }
            return Ok(());
        }
        self.set(object, Key::from(Name::length), Local::number(length as f64))
    }

    /// Copies `count` elements from `start` on of a plain array into a fresh one, which then has that length; holes stay holes.
    /// Whether both are so and it was done.
    pub(in crate::js) fn copy_plain(&mut self, from: Local<'s>, start: u64, count: u64, to: Local<'s>) -> Completion<bool> {
        let (Some(plain), true) = (self.plain_array(from), self.is_fresh_array(to)) else { return Ok(false) };
        let (Ok(start), Ok(count)) = (u32::try_from(start), u32::try_from(count)) else { return Ok(false) };
        let taken = plain.used().saturating_sub(start).min(count);
        if taken != 0 {
            let elements = self.allocate_values(taken, Value::HOLE)?;
            let (source, target) = (self.reference(from), self.reference(to));
            let heap = &mut self.agent.heap;
            let source = heap.read_ref(source, ELEMENTS);
            heap.copy_slots(elements, FIELDS, source, FIELDS + 8 * start, 8 * taken, true);
            heap.write_ref(target, ELEMENTS, elements);
        }
        self.set_array_length(to, count);
        Ok(true)
    }

    /// Moves elements inside of an array of values, and fills what `from` leaves behind `end` with holes.
    pub(in crate::js) fn move_elements(&mut self, elements: HeapRef, to: u32, from: u32, count: u32) {
        if count != 0 {
            self.agent.heap.copy_slots(elements, FIELDS + 8 * to, elements, FIELDS + 8 * from, 8 * count, true);
        }
    }

    /// Makes holes of elements of an array of values.
    pub(in crate::js) fn clear_elements(&mut self, elements: HeapRef, from: u32, to: u32) {
        if from < to {
            self.agent.heap.fill_slots(elements, FIELDS + 8 * from, 8 * (to - from), 3, u128::from(Value::HOLE.bits()));
        }
    }

    /// IsStrictlyEqual (§7.2.14) of a local and a value. It neither allocates nor runs a script.
    pub(in crate::js) fn equals_value(&mut self, wanted: Local<'_>, value: Value) -> bool {
        let ours = self.value(wanted);
        if let (Some(left), Some(right)) = (ours.as_number(), value.as_number()) {
            return left == right;
        }
        if ours == value {
            return true;
        }
        let same_kind = (ours.is_string() && value.is_string()) || (ours.is_bigint() && value.is_bigint());
        if !same_kind || (ours.is_string() && self.agent.heap.length(ours.heap_ref()) != self.agent.heap.length(value.heap_ref()))
        {
            return false;
        }
        let mut cx = self.open();
        let local = cx.local(value);
        cx.is_strictly_equal(wanted, local)
    }
}
