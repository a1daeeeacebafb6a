//! Iteration: iterators in registers, `for`-`in`.

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// Internal slots of the iterator of `for`-`in`: the object at hand, its keys, the next of them, the names that were visited.
const OBJECT: u32 = 0;
const KEYS: u32 = 1;
const NEXT: u32 = 2;
const VISITED: u32 = 3;

impl<'s> Cx<'s> {
    /// `GetIterator`, `GetAsyncIterator`: into three registers.
    pub(super) fn open_iterator(&mut self, fp: usize, to: u16, value: Local<'s>, is_async: bool) -> Completion<()> {
        let record = if is_async { self.get_async_iterator(value)? } else { self.get_iterator(value)? };
        self.write_register(fp, to, record.iterator);
        self.write_register(fp, to + 1, record.next);
        self.write_register(fp, to + 2, Local::FALSE);
        Ok(())
    }

    fn record_at(&self, fp: usize, at: u16) -> IteratorRecord<'s> {
        IteratorRecord { iterator: self.register(fp, at), next: self.register(fp, at + 1) }
    }

    /// `IteratorStep`.
    pub(super) fn step_iterator(&mut self, fp: usize, at: u16) -> Completion<Local<'s>> {
        if self.register(fp, at + 2).as_bool() == Some(true) {
            return Ok(Local::UNDEFINED);
        }
        self.write_register(fp, at + 2, Local::TRUE);
        let record = self.record_at(fp, at);
        let Some(value) = self.iterator_step_value(record)? else { return Ok(Local::UNDEFINED) };
        self.write_register(fp, at + 2, Local::FALSE);
        Ok(value)
    }

    /// `IteratorRest`.
    pub(super) fn iterator_rest(&mut self, fp: usize, at: u16) -> Completion<Local<'s>> {
        let array = self.new_array(0)?;
        if self.register(fp, at + 2).as_bool() == Some(true) {
            return Ok(array);
        }
        self.write_register(fp, at + 2, Local::TRUE);
        let record = self.record_at(fp, at);
        loop {
            let mut cx = self.open();
            let Some(value) = cx.iterator_step_value(record)? else { break };
            cx.array_push(array, value)?;
        }
        Ok(array)
    }

    /// `ForInPrepare`.
    pub(super) fn for_in_prepare(&mut self, object: Local<'s>) -> Completion<Local<'s>> {
        let iterator = self.make_object(Class::ForIn, Local::NULL)?;
        self.set_field(iterator, OBJECT, object);
        self.set_field_value(iterator, NEXT, Value::int(0));
        self.list_keys(iterator, object)?;
        Ok(iterator)
    }

    /// Lists the keys of the object at hand that are strings.
    fn list_keys(&mut self, iterator: Local<'_>, object: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let value = cx.value(object);
        let object = cx.local(value);
        let mut names = Vec::new();
        for key in cx.own_property_keys(object)? {
            if !key.is_symbol() {
                names.push(cx.key_value(key)?);
            }
        }
        let keys = cx.array_from(&names)?;
        cx.set_field(iterator, KEYS, keys);
        Ok(())
    }

    /// `ForInNext`: EnumerateObjectProperties (§14.7.5.9).
    pub(super) fn for_in_next(&mut self, iterator: Local<'s>) -> Completion<Local<'s>> {
        loop {
            let keys = self.field_value(iterator, KEYS);
            if !keys.is_object() {
                return Ok(Local::UNDEFINED);
            }
            let keys = self.local(keys);
            let next = self.field_value(iterator, NEXT).as_int().unwrap_or(0).cast_unsigned();
            let name = if next < self.array_length(keys) { self.own_element(self.reference(keys), next) } else { None };
            let Some((name, _)) = name else {
                if !self.for_in_up(iterator, keys)? {
                    return Ok(Local::UNDEFINED);
                }
                continue;
            };
            self.set_field_value(iterator, NEXT, Value::int(next.cast_signed() + 1));
            let found = {
                let mut cx = self.open();
                let name = cx.local(name);
                let key = cx.key_of_string(name)?;
                let object = cx.field(iterator, OBJECT);
                if cx.was_visited(iterator, key) {
                    false
                } else if let Some(own) = cx.get_own_property(object, key)? {
                    cx.visit(iterator, key)?;
                    own.enumerable == Some(true)
                } else {
                    false
                }
            };
            if found {
                // The collector may have moved the string meanwhile.
                let name = self.own_element(self.reference(keys), next).map_or(Value::UNDEFINED, |(name, _)| name);
                return Ok(self.local(name));
            }
        }
    }

    /// Whether a prototype hides nothing and shows nothing.
    fn is_silent(&mut self, object: Local<'_>) -> Completion<bool> {
        let mut cx = self.open();
        let value = cx.value(object);
        let object = cx.local(value);
        if cx.is(object, Class::Proxy) {
            return Ok(false);
        }
        for key in cx.own_property_keys(object)? {
            if !key.is_symbol() && cx.get_own_property(object, key)?.is_some_and(|own| own.enumerable == Some(true)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Goes to the prototype; whether there is one.
    fn for_in_up(&mut self, iterator: Local<'s>, keys: Local<'s>) -> Completion<bool> {
        let mut object = self.field(iterator, OBJECT);
        loop {
            object = self.get_prototype_of(object)?;
            if object.is_null() {
                self.set_field_value(iterator, KEYS, Value::UNDEFINED);
                return Ok(false);
            }
            if !self.is_silent(object)? {
                break;
            }
        }
        // The names of the first object are remembered only now that they matter.
        if self.field_value(iterator, VISITED).is_undefined() {
            let visited = self.make_object(Class::Internal, Local::NULL)?;
            self.set_field(iterator, VISITED, visited);
            for nth in 0..self.array_length(keys) {
                let mut cx = self.open();
                if let Some((name, _)) = cx.own_element(cx.reference(keys), nth) {
                    let name = cx.local(name);
                    let key = cx.key_of_string(name)?;
                    cx.visit(iterator, key)?;
                }
            }
        }
        self.set_field(iterator, OBJECT, object);
        self.set_field_value(iterator, NEXT, Value::int(0));
        self.list_keys(iterator, object)?;
        Ok(true)
    }

    fn was_visited(&self, iterator: Local<'_>, key: Key<'_>) -> bool {
        let visited = self.field_value(iterator, VISITED);
        visited.is_object() && self.own_slot(visited.heap_ref(), key).is_some()
    }

    fn visit(&mut self, iterator: Local<'_>, key: Key<'_>) -> Completion<()> {
        let mut cx = self.open();
        let visited = cx.field(iterator, VISITED);
        if !visited.is_object() || cx.was_visited(iterator, key) {
            return Ok(());
        }
        match key {
            Key::Index(index) => cx.put_element(visited, index, Local::TRUE, Attributes::ALL),
            Key::Name(name) => cx.add_named(visited, name, Local::TRUE, Attributes::ALL),
        }
    }

    /// CreateIteratorResultObject's parts (§7.4.7, §7.4.8): done, value.
    pub(in crate::js) fn result_parts(&mut self, result: Local<'s>) -> Completion<(bool, Local<'s>)> {
        let done = self.iterator_complete(result)?;
        let value = self.get(result, Name::value.key())?;
        Ok((done, value))
    }
}
