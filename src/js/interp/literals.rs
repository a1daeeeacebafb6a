//! Literals: objects, regular expressions, template objects, spread and rest.

use crate::js::bytecode::Constant;
use crate::js::class::{Class, ELEMENTS, FIRST_FIELD, INLINE_SLOTS, SLOTS};
use crate::js::cx::{Completion, Cx};
use crate::js::interp::loaded::{FUNCTION_CONSTANTS, text};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::operations::Integrity;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

impl<'s> Cx<'s> {
    /// `NewObjectOf`.
    pub(super) fn new_object_of(&mut self, fp: usize, first: u16, index: u32) -> Completion<Local<'s>> {
        if let Some(object) = self.object_of_known_shape(fp, first, index)? {
            return Ok(object);
        }
        let object = self.new_object()?;
        let script = self.script_of(self.frame().function);
        let Some(Constant::Keys(keys)) = self.raw_constant(index) else { return Ok(object) };
        for (nth, &id) in keys.iter().enumerate() {
            let mut cx = self.open();
            let name = cx.script_string(script, id)?;
            let name = cx.local(name);
            let value = cx.register(fp, first + nth as u16);
            cx.add_named(object, name, value, Attributes::ALL)?;
        }
        let shape = self.shape(object);
        if !shape.is_unique(&self.agent.heap) {
            let constants = self.read_value(self.frame().function, FUNCTION_CONSTANTS).heap_ref();
            self.write_value(constants, index, Value::object(shape.0));
        }
        Ok(object)
    }

    /// The object of a literal whose shape is known from the last time.
    fn object_of_known_shape(&mut self, fp: usize, first: u16, index: u32) -> Completion<Option<Local<'s>>> {
        let constants = self.read_value(self.frame().function, FUNCTION_CONSTANTS).heap_ref();
        let Some(shape) = self.read_value(constants, index).reference().map(Shape) else { return Ok(None) };
        let prototype = self.read_value(self.agent.roots.realm, Intrinsic::ObjectPrototype as u32);
        if shape.prototype(&self.agent.heap) != prototype {
            return Ok(None);
        }
        let count = shape.count(&self.agent.heap);
        let outside = count.saturating_sub(INLINE_SLOTS);
        let slots = match outside {
            0 => None,
            outside => {
                let slots = self.allocate_values(outside, Value::UNDEFINED)?;
                Some(self.local(Value::object(slots)))
            }
        };
        let object = self.make_with_shape(Class::Ordinary, shape)?;
        let reference = self.reference(object);
        if let Some(slots) = slots {
            let slots = self.reference(slots);
            self.agent.heap.write_ref(reference, SLOTS, slots);
        }
        let first = fp + usize::from(first);
        for nth in 0..count {
            let bits = self.agent.roots.stack[first + nth as usize];
            let heap = &mut self.agent.heap;
            if nth < INLINE_SLOTS {
                heap.write_boxed(reference, FIRST_FIELD + 8 * nth, bits);
            } else {
                let slots = heap.read_ref(reference, SLOTS);
                heap.write_boxed(slots, FIELDS + 8 * (nth - INLINE_SLOTS), bits);
            }
        }
        Ok(Some(object))
    }

    /// `NewArrayOf`.
    pub(super) fn new_array_of(&mut self, fp: usize, first: u16, count: u16) -> Completion<Local<'s>> {
        let array = self.new_array(u32::from(count))?;
        if count == 0 {
            return Ok(array);
        }
        let elements = self.allocate_values(u32::from(count), Value::HOLE)?;
        let first = fp + usize::from(first);
        for nth in 0..u32::from(count) {
            let bits = self.agent.roots.stack[first + nth as usize];
            self.agent.heap.write_boxed(elements, FIELDS + 8 * nth, bits);
        }
        let reference = self.reference(array);
        self.agent.heap.write_ref(reference, ELEMENTS, elements);
        Ok(array)
    }

    /// `RegExp` (§13.2.7.3).
    pub(super) fn regexp_literal(&mut self, index: u32) -> Completion<Local<'s>> {
        let known = self.constant(index)?;
        if known.is_object() {
            return self.regexp_like(known);
        }
        let Some(&Constant::RegExp { pattern, flags }) = self.raw_constant(index) else { return Ok(Local::UNDEFINED) };
        let (pattern, flags) = (self.constant_string(pattern)?, self.constant_string(flags)?);
        let model = self.regexp_create(pattern, flags)?;
        self.keep_constant(index, model);
        self.regexp_like(model)
    }

    /// `TemplateObject`: GetTemplateObject (§13.2.8.4).
    pub(super) fn template_object(&mut self, index: u32) -> Completion<Local<'s>> {
        let known = self.constant(index)?;
        if known.is_object() {
            return Ok(known);
        }
        let Some(Constant::Template(strings)) = self.raw_constant(index) else { return Ok(Local::UNDEFINED) };
        let code = self.script_code(self.script_of(self.frame().function));
        let (template, raw) = (self.new_array(0)?, self.new_array(0)?);
        for &(cooked_id, raw_id) in strings {
            let cooked_string = match cooked_id {
                Some(id) => self.string_of(text(code.string(id)))?,
                None => Local::UNDEFINED,
            };
            self.array_push(template, cooked_string)?;
            let raw_string = self.string_of(text(code.string(raw_id)))?;
            self.array_push(raw, raw_string)?;
        }
        self.set_integrity_level(raw, Integrity::Frozen)?;
        self.define_data(template, Name::raw.key(), raw, Attributes::NONE)?;
        self.set_integrity_level(template, Integrity::Frozen)?;
        self.keep_constant(index, template);
        Ok(template)
    }

    /// `ObjectRest`.
    pub(super) fn object_rest(&mut self, source: Local<'s>, excluded: Local<'s>) -> Completion<Local<'s>> {
        let rest = self.new_object()?;
        let mut keys: Vec<Key<'s>> = Vec::new();
        for key in self.plain_elements(excluded).unwrap_or_default() {
            keys.push(self.to_property_key(key)?);
        }
        self.copy_data_properties(rest, source, &keys)?;
        Ok(rest)
    }

    /// `ArraySpread` (§13.2.4.1).
    pub(super) fn array_spread(&mut self, array: Local<'s>, source: Local<'s>) -> Completion<()> {
        let record = self.get_iterator(source)?;
        loop {
            let mut cx = self.open();
            let Some(value) = cx.iterator_step_value(record)? else { return Ok(()) };
            cx.array_push(array, value)?;
        }
    }
}
