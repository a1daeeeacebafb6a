//! Module namespace exotic objects (§10.4.6).
//!
//! The object holds its module's number; what its names mean stands in the record. Names are compared as keys: the record keeps the
//! bits of an atom, which never moves, or of an index.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use super::link::Resolved;
use super::{Binding, ModuleId};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::{Attributes, PropertyDescriptor};
use crate::js::string::Text;
use crate::js::value::Value;

impl<'s> Cx<'s> {
    /// GetModuleNamespace (§16.2.1.13).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn module_namespace(&mut self, id: ModuleId) -> Completion<Local<'s>> {
        let known = self.module(id).namespace;
        if !Value::from_bits(known).is_undefined() {
            return Ok(self.module_value(known));
        }
        let mut exports = Vec::new();
        for name in self.exported_names(id, &mut HashSet::new())? {
            if let Resolved::Found(binding) = self.resolve_export(id, &name, &mut HashSet::new())? {
                exports.push((name, binding));
            }
        }
        exports.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut keyed = Vec::with_capacity(exports.len());
        for (name, binding) in exports {
            let mut cx = self.open();
            let string = cx.string_of(Text::Utf16(&name))?;
            let key = cx.key_of_string(string)?;
            let bits = cx.key_bits(key);
            // The record holds the atom from here on.
            keyed.push((bits, name, binding));
            cx.module_mut(id).exports = std::mem::take(&mut keyed);
            keyed = std::mem::take(&mut cx.module_mut(id).exports);
            cx.agent.roots.pinned.push(bits);
        }
        self.module_mut(id).exports = keyed;
        let namespace = self.make_object(Class::ModuleNamespace, Local::NULL)?;
        self.set_field_value(namespace, 0, Value::int(id.0.cast_signed()));
        let tag = self.string("Module")?;
        self.add_named(namespace, Name::sym_toStringTag.local(), tag, Attributes::NONE)?;
        let reference = self.reference(namespace);
        self.agent.forbid_extensions(reference).map_err(|error| self.heap_error(error))?;
        let bits = self.value(namespace).bits();
        self.module_mut(id).namespace = bits;
        Ok(namespace)
    }

    fn key_bits(&self, key: Key<'_>) -> u64 {
        match key {
            Key::Index(index) => Value::double(f64::from(index)).bits(),
            Key::Name(name) => self.value(name).bits(),
        }
    }

    fn namespace_module(&self, namespace: Local<'_>) -> ModuleId {
        ModuleId(self.field_value(namespace, 0).as_int().unwrap_or(0).cast_unsigned())
    }

    fn namespace_binding(&self, namespace: Local<'_>, key: Key<'_>) -> Option<Binding> {
        let bits = self.key_bits(key);
        let exports = &self.module(self.namespace_module(namespace)).exports;
        exports.iter().find(|(other, _, _)| *other == bits).map(|&(_, _, binding)| binding)
    }

    /// The value of a binding.
    ///
    /// # Errors
    ///
    /// A ReferenceError when it is not initialized.
    pub(in crate::js) fn export_value(&mut self, binding: Binding, name: &str) -> Completion<Local<'s>> {
        match binding {
            Binding::Namespace(id) => self.module_namespace(id),
            Binding::Slot(id, slot) => {
                let environment = Value::from_bits(self.module(id).environment);
                let value = if environment.is_undefined() { Value::UNINITIALIZED } else { self.module_slot(id, slot) };
                if value.is_uninitialized() {
                    return Err(self.reference_error(&format!("Cannot access '{name}' before initialization")));
                }
                Ok(self.local(value))
            }
        }
    }

    /// A variable of a module.
    fn module_slot(&mut self, id: ModuleId, slot: u32) -> Value {
        let environment = self.module(id).environment;
        let environment = self.module_value(environment);
        if self.module(id).code.is_none() {
            return self.read_value(self.reference(environment), slot);
        }
        self.environment_slot(environment, slot)
    }

    /// `LoadImport`: what an import of a module is worth now.
    ///
    /// # Errors
    ///
    /// A ReferenceError when it is not initialized.
    pub(in crate::js) fn module_import(&mut self, id: ModuleId, import: u32) -> Completion<Local<'s>> {
        let binding = self.module(id).imports[import as usize];
        if let Binding::Slot(target, slot) = binding {
            let value = self.module_slot(target, slot);
            if !value.is_uninitialized() {
                return Ok(self.local(value));
            }
        }
        let name = self.module(id).code.as_ref().and_then(|code| {
            let import = code.module()?.imports.get(import as usize)?;
            Some(code.string(import.local_name).to_utf8_lossy())
        });
        self.export_value(binding, &name.unwrap_or_default())
    }

    pub(in crate::js) fn namespace_get_own(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
    ) -> Completion<Option<PropertyDescriptor<'s>>> {
        if key.is_symbol() {
            return Ok(self.ordinary_get_own(object, key));
        }
        let Some(binding) = self.namespace_binding(object, key) else { return Ok(None) };
        let name = self.key_text(key);
        let value = self.export_value(binding, &name)?;
        Ok(Some(PropertyDescriptor::data(value, Attributes::WRITABLE.with(Attributes::ENUMERABLE))))
    }

    pub(in crate::js) fn namespace_define(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        if key.is_symbol() {
            return self.ordinary_define(object, key, descriptor);
        }
        let Some(current) = self.namespace_get_own(object, key)? else { return Ok(false) };
        let is_other = descriptor.configurable == Some(true)
            || descriptor.enumerable == Some(false)
            || descriptor.is_accessor()
            || descriptor.writable == Some(false);
        if is_other {
            return Ok(false);
        }
        Ok(match (descriptor.value, current.value) {
            (Some(new), Some(old)) => self.same_value(new, old),
            _ => true,
        })
    }

    pub(in crate::js) fn namespace_has(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<bool> {
        if key.is_symbol() {
            return Ok(self.ordinary_get_own(object, key).is_some());
        }
        Ok(self.namespace_binding(object, key).is_some())
    }

    pub(in crate::js) fn namespace_get(&mut self, object: Local<'s>, key: Key<'s>, _: Local<'s>) -> Completion<Local<'s>> {
        if key.is_symbol() {
            return Ok(self.ordinary_get_own(object, key).and_then(|descriptor| descriptor.value).unwrap_or(Local::UNDEFINED));
        }
        match self.namespace_binding(object, key) {
            None => Ok(Local::UNDEFINED),
            Some(binding) => {
                let name = self.key_text(key);
                self.export_value(binding, &name)
            }
        }
    }

    pub(in crate::js) fn namespace_delete(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<bool> {
        if key.is_symbol() {
            return Ok(self.ordinary_get_own(object, key).is_none());
        }
        Ok(self.namespace_binding(object, key).is_none())
    }

    pub(in crate::js) fn namespace_own_keys(&mut self, object: Local<'s>) -> Completion<Vec<Key<'s>>> {
        let names: Vec<u64> = self.module(self.namespace_module(object)).exports.iter().map(|&(bits, _, _)| bits).collect();
        let mut keys = Vec::with_capacity(names.len() + 1);
        for bits in names {
            let value = Value::from_bits(bits);
            keys.push(match value.as_number() {
                Some(index) => Key::Index(index as u32),
                None => Key::Name(self.local(value)),
            });
        }
        keys.push(Name::sym_toStringTag.key());
        Ok(keys)
    }
}
