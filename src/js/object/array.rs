//! Arrays (§10.4.2).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::elements::Elements;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Internal slots of an array.
const LENGTH: u32 = 0;
const LENGTH_IS_FIXED: u32 = 1;

impl<'s> Cx<'s> {
    /// ArrayCreate (§10.4.2.2) with the realm's %Array.prototype%.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_array(&mut self, length: u32) -> Completion<Local<'s>> {
        let prototype = self.intrinsic(Intrinsic::ArrayPrototype);
        self.array_create(length, prototype)
    }

    /// ArrayCreate (§10.4.2.2).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn array_create(&mut self, length: u32, prototype: Local<'_>) -> Completion<Local<'s>> {
        let array = self.make_object(Class::Array, prototype)?;
        self.set_array_length(array, length);
        Ok(array)
    }

    /// CreateArrayFromList (§7.3.18).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn array_from(&mut self, list: &[Local<'_>]) -> Completion<Local<'s>> {
        let array = self.new_array(0)?;
        if list.is_empty() {
            return Ok(array);
        }
        let length = list.len() as u32;
        let elements = self.allocate_values(length, Value::HOLE)?;
        for (nth, &local) in list.iter().enumerate() {
            let value = self.value(local);
            self.write_value(elements, nth as u32, value);
        }
        let reference = self.reference(array);
        self.agent.heap.write_ref(reference, crate::js::class::ELEMENTS, elements);
        self.set_array_length(array, length);
        Ok(array)
    }

    /// The length of an array.
    pub fn array_length(&self, array: Local<'_>) -> u32 {
        self.field_value(array, LENGTH).as_number().unwrap_or(0.0) as u32
    }

    /// Sets the number, nothing else.
    pub(in crate::js) fn set_array_length(&mut self, array: Local<'_>, length: u32) {
        self.set_field_value(array, LENGTH, Value::number(f64::from(length)));
    }

    /// Whether the length can be assigned to.
    pub(in crate::js) fn is_length_writable(&self, array: Local<'_>) -> bool {
        self.field_value(array, LENGTH_IS_FIXED) != Value::TRUE
    }

    /// Puts a value behind the last element of an array that the engine made and no script has.
    ///
    /// # Errors
    ///
    /// A RangeError beyond 2³² − 1 elements, a termination when memory is out.
    pub fn array_push(&mut self, array: Local<'_>, value: Local<'_>) -> Completion<()> {
        let length = self.array_length(array);
        if length == u32::MAX {
            return Err(self.range_error("Invalid array length"));
        }
        self.put_element(array, length, value, Attributes::ALL)?;
        self.set_array_length(array, length + 1);
        Ok(())
    }

    /// The own `length` as a descriptor.
    pub(in crate::js) fn array_length_descriptor(&self, array: Local<'_>) -> PropertyDescriptor<'s> {
        let attributes = if self.is_length_writable(array) { Attributes::WRITABLE } else { Attributes::NONE };
        PropertyDescriptor::data(Local::number(f64::from(self.array_length(array))), attributes)
    }

    /// [[DefineOwnProperty]] of arrays (§10.4.2.1).
    pub(in crate::js) fn array_define(
        &mut self,
        array: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        if self.is_name(key, crate::js::names::Name::length) {
            return self.array_set_length(array, descriptor);
        }
        let Key::Index(index) = key else { return self.ordinary_define(array, key, descriptor) };
        // c to f. A new element needs a length that can grow.
        let length = self.array_length(array);
        if index >= length && !self.is_length_writable(array) {
            return Ok(false);
        }
        if !self.ordinary_define(array, key, descriptor)? {
            return Ok(false);
        }
        // h. The length grows.
        if index >= self.array_length(array) {
            self.set_array_length(array, index + 1);
        }
        Ok(true)
    }

    /// ArraySetLength (§10.4.2.4).
    fn array_set_length(&mut self, array: Local<'s>, descriptor: PropertyDescriptor<'s>) -> Completion<bool> {
        // 3 to 5. The value is converted twice.
        let new_length = match descriptor.value {
            None => None,
            Some(value) => {
                let length = self.to_uint32(value)?;
                if f64::from(length) != self.to_number(value)? {
                    return Err(self.range_error("Invalid array length"));
                }
                Some(length)
            }
        };
        // What ValidateAndApplyPropertyDescriptor refuses for a property that is neither enumerable nor configurable.
        if descriptor.configurable == Some(true) || descriptor.enumerable == Some(true) || descriptor.is_accessor() {
            return Ok(false);
        }
        let is_writable = self.is_length_writable(array);
        if !is_writable
            && (descriptor.writable == Some(true) || new_length.is_some_and(|length| length != self.array_length(array)))
        {
            return Ok(false);
        }
        let mut deleted_all = true;
        if let Some(length) = new_length {
            deleted_all = self.truncate_array(array, length);
        }
        if descriptor.writable == Some(false) {
            self.set_field_value(array, LENGTH_IS_FIXED, Value::TRUE);
        }
        Ok(deleted_all)
    }

    /// Sets a length and deletes the elements behind, from the last on, up to one that cannot be deleted. Whether all could be.
    pub(in crate::js) fn truncate_array(&mut self, array: Local<'_>, length: u32) -> bool {
        let reference = self.reference(array);
        let mut new_length = length;
        match self.elements(reference) {
            Elements::None => {}
            Elements::Dense(..) => self.truncate_dense(reference, length),
            Elements::Sparse(..) => {
                for index in self.element_indices(reference).into_iter().rev().take_while(|&index| index >= length) {
                    let is_fixed = self
                        .own_element(reference, index)
                        .is_some_and(|(_, attributes)| !attributes.has(Attributes::CONFIGURABLE));
                    if is_fixed {
                        new_length = index + 1;
                        break;
                    }
                    self.remove_element(reference, index);
                }
            }
        }
        self.set_array_length(array, new_length);
        new_length == length
    }

    /// The elements of an array that has only its own plain ones from 0 on: nothing of the array can run code when they are read.
    /// `None` for any other object.
    pub(in crate::js) fn plain_elements(&mut self, array: Local<'_>) -> Option<Vec<Local<'s>>> {
        if !self.is(array, Class::Array) {
            return None;
        }
        let length = self.array_length(array);
        let reference = self.reference(array);
        match self.elements(reference) {
            Elements::None if length == 0 => Some(Vec::new()),
            Elements::Dense(elements, capacity) if length <= capacity => {
                let values: Vec<Value> = (0..length).map(|nth| self.read_value(elements, nth)).collect();
                if values.iter().any(|value| value.is_hole()) {
                    return None;
                }
                Some(values.into_iter().map(|value| self.local(value)).collect())
            }
            _ => None,
        }
    }

    /// Reserves places for elements of an array that the engine made and will fill.
    pub(in crate::js) fn reserve_elements(&mut self, array: Local<'_>, count: u32) -> Completion<()> {
        if count == 0 || matches!(self.elements(self.reference(array)), Elements::Dense(_, places) if places >= count) {
            return Ok(());
        }
        let elements = self.allocate_values(count, Value::HOLE)?;
        let reference = self.reference(array);
        if let Elements::Dense(old, places) = self.elements(reference) {
            self.agent.heap.copy_slots(elements, FIELDS, old, FIELDS, 8 * places, true);
        }
        self.agent.heap.write_ref(reference, crate::js::class::ELEMENTS, elements);
        Ok(())
    }
}
