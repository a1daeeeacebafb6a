//! Mapped arguments objects (§10.4.4): elements that are slots of an Environment.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::ENVIRONMENT_SLOTS;
use crate::js::local::{Key, Local};
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// Internal slot: the Environment with the parameters.
pub(in crate::js) const ENVIRONMENT: u32 = 0;
/// Internal slot: an array with the slot of each mapped index, undefined for others.
pub(in crate::js) const MAP: u32 = 1;

impl<'s> Cx<'s> {
    /// The slot that an index is mapped to.
    fn mapped_slot(&self, object: Local<'_>, key: Key<'_>) -> Option<u32> {
        let Key::Index(index) = key else { return None };
        let map = self.field_value(object, MAP).reference()?;
        if index >= self.agent.heap.length(map) {
            return None;
        }
        let slot = self.read_value(map, index).as_int()?;
        Some(ENVIRONMENT_SLOTS + slot.cast_unsigned())
    }

    fn mapped_value(&mut self, object: Local<'_>, slot: u32) -> Local<'s> {
        let environment = self.field_value(object, ENVIRONMENT).heap_ref();
        let value = self.read_value(environment, slot);
        self.local(value)
    }

    fn set_mapped(&mut self, object: Local<'_>, slot: u32, value: Local<'_>) {
        let environment = self.field_value(object, ENVIRONMENT).heap_ref();
        let value = self.value(value);
        self.write_value(environment, slot, value);
    }

    /// [[GetOwnProperty]] (§10.4.4.1).
    pub(in crate::js) fn arguments_get_own(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
    ) -> Completion<Option<PropertyDescriptor<'s>>> {
        let Some(mut descriptor) = self.ordinary_get_own(object, key) else { return Ok(None) };
        if let Some(slot) = self.mapped_slot(object, key) {
            descriptor.value = Some(self.mapped_value(object, slot));
        }
        Ok(Some(descriptor))
    }

    /// [[DefineOwnProperty]] (§10.4.4.2).
    pub(in crate::js) fn arguments_define(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        let slot = self.mapped_slot(object, key);
        let mut new = descriptor;
        if let Some(slot) = slot {
            // 5. What is made read-only keeps the parameter's value. The element itself must agree with the parameter when it is compared.
            let value = self.mapped_value(object, slot);
            if new.is_data() && new.value.is_none() && new.writable == Some(false) {
                new.value = Some(value);
            }
            let (reference, value) = (self.reference(object), self.value(value));
            if let (Key::Index(index), true) = (key, self.own_slot(reference, key).is_some()) {
                self.write_element(reference, index, value);
            }
        }
        // 6. and 7.
        if !self.ordinary_define(object, key, new)? {
            return Ok(false);
        }
        // 8.
        if let Some(slot) = slot {
            if descriptor.is_accessor() {
                self.arguments_unmap(object, key);
            } else {
                if let Some(value) = descriptor.value {
                    self.set_mapped(object, slot, value);
                }
                if descriptor.writable == Some(false) {
                    self.arguments_unmap(object, key);
                }
            }
        }
        Ok(true)
    }

    /// [[Get]] (§10.4.4.3) of what is mapped.
    pub(in crate::js) fn arguments_get(&mut self, object: Local<'s>, key: Key<'s>) -> Option<Local<'s>> {
        let slot = self.mapped_slot(object, key)?;
        Some(self.mapped_value(object, slot))
    }

    /// Takes an index out of the map.
    pub(in crate::js) fn arguments_unmap(&mut self, object: Local<'s>, key: Key<'s>) {
        if self.mapped_slot(object, key).is_some()
            && let (Key::Index(index), Some(map)) = (key, self.field_value(object, MAP).reference())
        {
            self.write_value(map, index, Value::UNDEFINED);
        }
        debug_assert!(self.is(object, Class::MappedArguments) && Attributes::ALL.has(Attributes::WRITABLE));
    }
}
