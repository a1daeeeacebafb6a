//! Making objects, and their named properties where they lie.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{Class, FIRST_FIELD, INLINE_SLOTS, SHAPE, SLOTS, Thing};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Room for properties that an object gets with its first one outside of itself.
const MIN_SLOTS: u32 = 4;

impl<'s> Cx<'s> {
    /// MakeBasicObject (§10.1.12) of a class. The prototype is an object or null. Internal slots are `undefined`.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(in crate::js) fn make_object(&mut self, class: Class, prototype: Local<'_>) -> Completion<Local<'s>> {
        let value = self.value(prototype);
        let shape = match self.agent.shape_for(value, class.inline_slots()) {
            Ok(shape) => shape,
            Err(error) => return Err(self.heap_error(error)),
        };
        self.make_with_shape(class, shape)
    }

    /// An object of a class with a shape, whose properties are all `undefined`. A root shape that nothing else holds must be held.
    pub(in crate::js) fn make_with_shape(&mut self, class: Class, shape: Shape) -> Completion<Local<'s>> {
        let agent = &mut *self.agent;
        let ty = agent.types.class(class);
        // Shapes never move, and this one is held by its prototype's, or by a child: by what it was got from.
        let object = match agent.heap.allocate(ty, &mut agent.roots) {
            Ok(object) => object,
            Err(error) => return Err(self.heap_error(error)),
        };
        agent.heap.write_ref(object, SHAPE, shape.0);
        for nth in 0..class.field_count() {
            agent.heap.write_boxed(object, FIRST_FIELD + 8 * nth, Value::UNDEFINED.bits());
        }
        Ok(self.local(Value::object(object)))
    }

    /// OrdinaryObjectCreate(%Object.prototype%).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_object(&mut self) -> Completion<Local<'s>> {
        let prototype = self.intrinsic(Intrinsic::ObjectPrototype);
        self.make_object(Class::Ordinary, prototype)
    }

    /// OrdinaryObjectCreate (§10.1.12).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_object_with(&mut self, prototype: Local<'_>) -> Completion<Local<'s>> {
        self.make_object(Class::Ordinary, prototype)
    }

    /// An object of a class, with one of the realm's intrinsics as its prototype.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(in crate::js) fn make_of(&mut self, class: Class, prototype: Intrinsic) -> Completion<Local<'s>> {
        let prototype = self.intrinsic(prototype);
        self.make_object(class, prototype)
    }

    pub(in crate::js) fn shape(&self, object: Local<'_>) -> Shape {
        Shape::of(&self.agent.heap, self.reference(object))
    }

    /// Reads the property at a place of an object's shape.
    #[inline]
    pub(in crate::js) fn slot_value(&self, object: HeapRef, place: u32) -> Value {
        let heap = &self.agent.heap;
        let inline = Shape::of(heap, object).inline_slots(heap);
        let bits = match place.checked_sub(inline) {
            None => heap.read_boxed(object, FIRST_FIELD + 8 * place),
            Some(place) => heap.read_boxed(heap.read_ref(object, SLOTS), FIELDS + 8 * place),
        };
        Value::from_bits(bits)
    }

    /// Writes the property at a place of an object's shape.
    #[inline]
    pub(in crate::js) fn set_slot_value(&mut self, object: HeapRef, place: u32, value: Value) {
        let heap = &mut self.agent.heap;
        let inline = Shape::of(heap, object).inline_slots(heap);
        match place.checked_sub(inline) {
            None => heap.write_boxed(object, FIRST_FIELD + 8 * place, value.bits()),
            Some(place) => {
                let slots = heap.read_ref(object, SLOTS);
                heap.write_boxed(slots, FIELDS + 8 * place, value.bits());
            }
        }
    }

    /// Makes room for the property at a place.
    pub(in crate::js) fn reserve_slot(&mut self, object: Local<'_>, place: u32) -> Completion<()> {
        let reference = self.reference(object);
        let inline = Shape::of(&self.agent.heap, reference).inline_slots(&self.agent.heap);
        debug_assert!(inline == 0 || inline == INLINE_SLOTS);
        let Some(place) = place.checked_sub(inline) else { return Ok(()) };
        let slots = self.agent.heap.read_ref(reference, SLOTS);
        let capacity = if slots.is_null() { 0 } else { self.agent.heap.length(slots) };
        if place < capacity {
            return Ok(());
        }
        let larger = self.allocate_values((capacity * 2).max(MIN_SLOTS).max(place + 1), Value::UNDEFINED)?;
        let reference = self.reference(object);
        let heap = &mut self.agent.heap;
        if capacity != 0 {
            let slots = heap.read_ref(reference, SLOTS);
            heap.copy_slots(larger, FIELDS, slots, FIELDS, 8 * capacity, true);
        }
        heap.write_ref(reference, SLOTS, larger);
        Ok(())
    }

    /// Adds a named property that is not there yet. `key` is an atom or a symbol.
    pub(in crate::js) fn add_named(
        &mut self,
        object: Local<'_>,
        key: Local<'_>,
        value: Local<'_>,
        attributes: Attributes,
    ) -> Completion<()> {
        let place = self.shape(object).count(&self.agent.heap);
        self.reserve_slot(object, place)?;
        let (shape, key_value) = (self.shape(object), self.value(key));
        let shape = match self.agent.add_property(shape, key_value, attributes) {
            Ok(shape) => shape,
            Err(error) => return Err(self.heap_error(error)),
        };
        let (reference, value) = (self.reference(object), self.value(value));
        self.agent.heap.write_ref(reference, SHAPE, shape.0);
        self.set_slot_value(reference, place, value);
        Ok(())
    }

    /// Changes the attributes of the named property at a place.
    pub(in crate::js) fn change_attributes(&mut self, object: Local<'_>, place: u32, attributes: Attributes) -> Completion<()> {
        let reference = self.reference(object);
        self.agent.set_attributes(reference, place, attributes).map_err(|error| self.heap_error(error))
    }

    /// Deletes the named property at a place.
    pub(in crate::js) fn delete_named(&mut self, object: Local<'_>, place: u32) -> Completion<()> {
        let reference = self.reference(object);
        if let Err(error) = self.agent.remove_property(reference, place) {
            return Err(self.heap_error(error));
        }
        self.set_slot_value(reference, place, Value::UNDEFINED);
        let shape = self.shape(object);
        if self.agent.wants_compacting(shape) {
            let kept = match self.agent.compact_shape(shape) {
                Ok(kept) => kept,
                Err(error) => return Err(self.heap_error(error)),
            };
            for (to, &from) in kept.iter().enumerate() {
                let value = self.slot_value(reference, from);
                self.set_slot_value(reference, to as u32, value);
            }
        }
        Ok(())
    }

    /// A getter and a setter, each a function or `undefined`.
    pub(in crate::js) fn new_accessor(&mut self, getter: Local<'_>, setter: Local<'_>) -> Completion<Local<'s>> {
        let pair = self.allocate_thing(Thing::Accessor, 0)?;
        let (getter, setter) = (self.value(getter), self.value(setter));
        self.agent.heap.write_boxed(pair, FIELDS, getter.bits());
        self.agent.heap.write_boxed(pair, FIELDS + 8, setter.bits());
        Ok(self.local(Value::object(pair)))
    }

    pub(in crate::js) fn getter_of(&self, pair: HeapRef) -> Value {
        Value::from_bits(self.agent.heap.read_boxed(pair, FIELDS))
    }

    pub(in crate::js) fn setter_of(&self, pair: HeapRef) -> Value {
        Value::from_bits(self.agent.heap.read_boxed(pair, FIELDS + 8))
    }
}
