//! Globals: the lexical table, then the global object (§9.1.1.4).

use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

impl<'s> Cx<'s> {
    /// A global of the lexical table: whether it is there, and its value.
    fn lexical_value(&mut self, name: Local<'s>) -> Completion<Option<Local<'s>>> {
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        let Some((value, _)) = self.own_slot(self.reference(lexical), Key::Name(name)) else { return Ok(None) };
        if value.is_uninitialized() {
            let text = self.text(name).to_rust();
            return Err(self.not_initialized(&text));
        }
        Ok(Some(self.local(value)))
    }

    /// The value of a global.
    pub(super) fn global_value(&mut self, name: Local<'s>) -> Completion<Local<'s>> {
        if let Some(value) = self.lexical_value(name)? {
            return Ok(value);
        }
        let global = self.global();
        if let Some((value, attributes)) = self.own_slot(self.reference(global), Key::Name(name))
            && !attributes.is_accessor()
        {
            return Ok(self.local(value));
        }
        if !self.has_property(global, Key::Name(name))? {
            return Err(self.not_defined(name));
        }
        self.get(global, Key::Name(name))
    }

    /// `TypeofGlobal`.
    pub(super) fn typeof_global(&mut self, name: Local<'s>) -> Completion<Local<'s>> {
        if let Some(value) = self.lexical_value(name)? {
            return Ok(self.type_of(value));
        }
        let global = self.global();
        if !self.has_property(global, Key::Name(name))? {
            return Ok(Name::undefined.local());
        }
        let value = self.get(global, Key::Name(name))?;
        Ok(self.type_of(value))
    }

    /// `StoreGlobal`.
    pub(super) fn set_global(&mut self, value: Local<'s>, name: Local<'s>, strict: bool) -> Completion<()> {
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        let reference = self.reference(lexical);
        if let Some((old, attributes)) = self.own_slot(reference, Key::Name(name)) {
            if old.is_uninitialized() {
                let text = self.text(name).to_rust();
                return Err(self.not_initialized(&text));
            }
            if !attributes.has(Attributes::WRITABLE) {
                return Err(self.const_assignment(name));
            }
            self.write_own(reference, Key::Name(name), value);
            return Ok(());
        }
        let global = self.global();
        if strict && !self.has_property(global, Key::Name(name))? {
            return Err(self.not_defined(name));
        }
        self.put(global, Key::Name(name), value, strict)
    }

    /// `InitGlobal`.
    pub(super) fn init_global(&mut self, value: Local<'s>, name: Local<'s>) {
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        let reference = self.reference(lexical);
        self.write_own(reference, Key::Name(name), value);
    }
}
