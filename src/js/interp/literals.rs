//! Literals: objects, regular expressions, template objects, spread and rest.

use crate::js::bytecode::Constant;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::loaded::text;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::operations::Integrity;
use crate::js::object::shape::Attributes;

impl<'s> Cx<'s> {
    /// `NewObjectOf`.
    pub(super) fn new_object_of(&mut self, fp: usize, first: u16, index: u32) -> Completion<Local<'s>> {
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
        Ok(object)
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
