//! Properties whose keys are array indices.
//!
//! *Dense* elements are an array of values with holes, all of them writable, enumerable and configurable. *Sparse* ones are a sorted
//! array of (index, attributes, value or accessor): for indices far apart, and for elements with other attributes. Elements become
//! sparse when they must, and dense again when they are no longer far apart.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{Class, ELEMENTS, Thing, is_thing};
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Indices below are always dense, if their attributes allow it.
const ALWAYS_DENSE: u32 = 1 << 12;
/// An array that was made with a length up to this is dense.
const MAX_DENSE_LENGTH: u32 = 1 << 25;
/// Words of an entry of sparse elements; the first word of all is the number of entries.
const ENTRY: u32 = 3;

/// Elements of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) enum Elements {
    None,
    /// With so many places.
    Dense(HeapRef, u32),
    /// With so many entries.
    Sparse(HeapRef, u32),
}

impl<'s> Cx<'s> {
    pub(in crate::js) fn elements(&self, object: HeapRef) -> Elements {
        let heap = &self.agent.heap;
        let elements = heap.read_ref(object, ELEMENTS);
        if elements.is_null() {
            Elements::None
        } else if is_thing(heap, elements, Thing::Values) {
            Elements::Dense(elements, heap.length(elements))
        } else {
            let count = self.read_value(elements, 0).as_int().unwrap_or(0);
            Elements::Sparse(elements, count.cast_unsigned())
        }
    }

    fn sparse_index(&self, sparse: HeapRef, nth: u32) -> u32 {
        self.read_value(sparse, 1 + ENTRY * nth).as_number().unwrap_or(0.0) as u32
    }

    fn sparse_attributes(&self, sparse: HeapRef, nth: u32) -> Attributes {
        Attributes::from_bits(self.read_value(sparse, 2 + ENTRY * nth).as_int().unwrap_or(0) as u8)
    }

    /// Where an index stands in sparse elements, or would stand.
    fn sparse_find(&self, sparse: HeapRef, count: u32, index: u32) -> Result<u32, u32> {
        let (mut low, mut high) = (0, count);
        // Most often it is the last, or behind it.
        if count != 0 && self.sparse_index(sparse, count - 1) < index {
            return Err(count);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.sparse_index(sparse, middle).cmp(&index) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// An own element: its value, or its accessor, and its attributes.
    pub(in crate::js) fn own_element(&self, object: HeapRef, index: u32) -> Option<(Value, Attributes)> {
        match self.elements(object) {
            Elements::Dense(array, length) if index < length => {
                let value = self.read_value(array, index);
                (!value.is_hole()).then_some((value, Attributes::ALL))
            }
            Elements::Sparse(sparse, count) => {
                let nth = self.sparse_find(sparse, count, index).ok()?;
                Some((self.read_value(sparse, 3 + ENTRY * nth), self.sparse_attributes(sparse, nth)))
            }
            _ => None,
        }
    }

    /// The indices of all own elements, in order.
    pub(in crate::js) fn element_indices(&self, object: HeapRef) -> Vec<u32> {
        match self.elements(object) {
            Elements::None => Vec::new(),
            Elements::Dense(array, length) => (0..length).filter(|&nth| !self.read_value(array, nth).is_hole()).collect(),
            Elements::Sparse(sparse, count) => (0..count).map(|nth| self.sparse_index(sparse, nth)).collect(),
        }
    }

    /// Changes the value of an own element that is there, or its accessor.
    pub(in crate::js) fn write_element(&mut self, object: HeapRef, index: u32, value: Value) {
        match self.elements(object) {
            Elements::Dense(array, length) if index < length => self.write_value(array, index, value),
            Elements::Sparse(sparse, count) => {
                if let Ok(nth) = self.sparse_find(sparse, count, index) {
                    self.write_value(sparse, 3 + ENTRY * nth, value);
                }
            }
            _ => debug_assert!(false, "an element that is not there"),
        }
    }

    /// Whether an element may be put into dense elements with so many places.
    fn fits_dense(&self, object: Local<'_>, index: u32, length: u32) -> bool {
        // Places grow by half when they must. A gap that comes again and again must not make them grow without end.
        if index < ALWAYS_DENSE || index.saturating_sub(length) <= (length / 8).max(ALWAYS_DENSE / 4) {
            return true;
        }
        let declared = if self.is(object, Class::Array) { self.array_length(object) } else { 0 };
        declared <= MAX_DENSE_LENGTH && index < declared && index < ALWAYS_DENSE << 10
    }

    /// Adds an own element that is not there, or replaces one with its attributes.
    pub(in crate::js) fn put_element(
        &mut self,
        object: Local<'_>,
        index: u32,
        value: Local<'_>,
        attributes: Attributes,
    ) -> Completion<()> {
        let elements = self.elements(self.reference(object));
        if attributes == Attributes::ALL {
            match elements {
                Elements::Dense(array, length) if index < length => {
                    let value = self.value(value);
                    self.write_value(array, index, value);
                    return Ok(());
                }
                Elements::None if self.fits_dense(object, index, 0) => {
                    self.grow_dense(object, index)?;
                    return self.put_element(object, index, value, attributes);
                }
                Elements::Dense(_, length) if self.fits_dense(object, index, length) => {
                    self.grow_dense(object, index)?;
                    return self.put_element(object, index, value, attributes);
                }
                _ => {}
            }
        }
        if !matches!(elements, Elements::Sparse(..)) {
            self.make_sparse(object)?;
        }
        self.put_sparse(object, index, value, attributes)
    }

    /// Makes room for an index in dense elements.
    pub(in crate::js) fn grow_dense(&mut self, object: Local<'_>, index: u32) -> Completion<()> {
        let old = match self.elements(self.reference(object)) {
            Elements::Dense(_, length) => length,
            _ => 0,
        };
        if index < old {
            return Ok(());
        }
        let wanted = (index + 1).max(index.saturating_add(index / 2)).max(4);
        let larger = self.allocate_values(wanted, Value::HOLE)?;
        let reference = self.reference(object);
        let heap = &mut self.agent.heap;
        if old != 0 {
            let array = heap.read_ref(reference, ELEMENTS);
            heap.copy_slots(larger, FIELDS, array, FIELDS, 8 * old, true);
        }
        heap.write_ref(reference, ELEMENTS, larger);
        Ok(())
    }

    /// Makes an object's elements sparse, if they are not.
    pub(in crate::js) fn make_sparse(&mut self, object: Local<'_>) -> Completion<()> {
        let reference = self.reference(object);
        if matches!(self.elements(reference), Elements::Sparse(..)) {
            return Ok(());
        }
        let indices = self.element_indices(reference);
        let words = 1 + ENTRY * (indices.len() as u32 + 2);
        let sparse = self.allocate_thing(Thing::Sparse, words)?;
        let reference = self.reference(object);
        self.write_value(sparse, 0, Value::int(indices.len() as i32));
        for (nth, &index) in indices.iter().enumerate() {
            if let Some((value, attributes)) = self.own_element(reference, index) {
                self.write_entry(sparse, nth as u32, index, attributes, value);
            }
        }
        self.agent.heap.write_ref(reference, ELEMENTS, sparse);
        Ok(())
    }

    fn write_entry(&mut self, sparse: HeapRef, nth: u32, index: u32, attributes: Attributes, value: Value) {
        self.write_value(sparse, 1 + ENTRY * nth, Value::number(f64::from(index)));
        self.write_value(sparse, 2 + ENTRY * nth, Value::int(i32::from(attributes.bits())));
        self.write_value(sparse, 3 + ENTRY * nth, value);
    }

    fn put_sparse(&mut self, object: Local<'_>, index: u32, value: Local<'_>, attributes: Attributes) -> Completion<()> {
        let Elements::Sparse(sparse, count) = self.elements(self.reference(object)) else { return Ok(()) };
        let place = match self.sparse_find(sparse, count, index) {
            Ok(nth) => {
                let value = self.value(value);
                self.write_entry(sparse, nth, index, attributes, value);
                return Ok(());
            }
            Err(nth) => nth,
        };
        let is_full = 1 + ENTRY * (count + 1) > self.agent.heap.length(sparse);
        if is_full {
            if attributes == Attributes::ALL && self.make_dense(object, index)? {
                return self.put_element(object, index, value, attributes);
            }
            let larger = self.allocate_thing(Thing::Sparse, 1 + ENTRY * (count * 2 + 4))?;
            let reference = self.reference(object);
            let heap = &mut self.agent.heap;
            let sparse = heap.read_ref(reference, ELEMENTS);
            heap.copy_slots(larger, FIELDS, sparse, FIELDS, 8 * (1 + ENTRY * count), true);
            heap.write_ref(reference, ELEMENTS, larger);
        }
        let sparse = self.agent.heap.read_ref(self.reference(object), ELEMENTS);
        let from = FIELDS + 8 * (1 + ENTRY * place);
        self.agent.heap.copy_slots(sparse, from + 8 * ENTRY, sparse, from, 8 * ENTRY * (count - place), true);
        let value = self.value(value);
        self.write_entry(sparse, place, index, attributes, value);
        self.write_value(sparse, 0, Value::int(count as i32 + 1));
        Ok(())
    }

    /// Makes sparse elements dense if they are close enough together and ordinary. `next` will be added.
    fn make_dense(&mut self, object: Local<'_>, next: u32) -> Completion<bool> {
        let Elements::Sparse(sparse, count) = self.elements(self.reference(object)) else { return Ok(false) };
        let last = if count == 0 { next } else { self.sparse_index(sparse, count - 1).max(next) };
        let is_ordinary = |nth| self.sparse_attributes(sparse, nth) == Attributes::ALL;
        if last / 4 > count || !(0..count).all(is_ordinary) {
            return Ok(false);
        }
        let dense = self.allocate_values(last + 1, Value::HOLE)?;
        let reference = self.reference(object);
        let sparse = self.agent.heap.read_ref(reference, ELEMENTS);
        for nth in 0..count {
            let (index, value) = (self.sparse_index(sparse, nth), self.read_value(sparse, 3 + ENTRY * nth));
            self.write_value(dense, index, value);
        }
        self.agent.heap.write_ref(reference, ELEMENTS, dense);
        Ok(true)
    }

    /// Deletes an own element, if it is there.
    pub(in crate::js) fn remove_element(&mut self, object: HeapRef, index: u32) {
        match self.elements(object) {
            Elements::Dense(array, length) if index < length => self.write_value(array, index, Value::HOLE),
            Elements::Sparse(sparse, count) => {
                if let Ok(nth) = self.sparse_find(sparse, count, index) {
                    let to = FIELDS + 8 * (1 + ENTRY * nth);
                    self.agent.heap.copy_slots(sparse, to, sparse, to + 8 * ENTRY, 8 * ENTRY * (count - nth - 1), true);
                    self.write_entry(sparse, count - 1, 0, Attributes::NONE, Value::HOLE);
                    self.write_value(sparse, 0, Value::int(count as i32 - 1));
                }
            }
            _ => {}
        }
    }

    /// Lets go of dense elements from a length on, which all can be deleted.
    pub(in crate::js) fn truncate_dense(&mut self, object: HeapRef, length: u32) {
        if let Elements::Dense(array, capacity) = self.elements(object)
            && length < capacity
        {
            if length == 0 {
                return self.agent.heap.write_ref(object, ELEMENTS, HeapRef::NULL);
            }
            let bytes = 8 * (capacity - length);
            self.agent.heap.fill_slots(array, FIELDS + 8 * length, bytes, 3, u128::from(Value::HOLE.bits()));
        }
    }
}
