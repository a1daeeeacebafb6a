//! Private names (§6.2.12, §7.3.26 to §7.3.32): symbols that nothing lists, as keys of properties that no proxy sees.
//!
//! A field is a writable property, a method one that is not writable, an accessor an accessor.

use crate::js::class::{PRIVATE, STRING_FLAGS};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::{Key, Local};
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

impl<'s> Cx<'s> {
    /// `NewPrivateName`.
    pub(super) fn new_private_name(&mut self, description: Local<'_>) -> Completion<Local<'s>> {
        let symbol = self.new_symbol(description)?;
        let reference = self.reference(symbol);
        let flags = self.agent.heap.read_u32(reference, STRING_FLAGS) | PRIVATE;
        self.agent.heap.write_u32(reference, STRING_FLAGS, flags);
        Ok(symbol)
    }

    fn private_text(&mut self, name: Local<'_>) -> String {
        let mut cx = self.open();
        let description = cx.symbol_description(name);
        cx.rust_text(description).unwrap_or_default()
    }

    #[cold]
    fn no_private(&mut self, verb: &str, name: Local<'_>) -> Thrown {
        let text = self.private_text(name);
        self.type_error(&format!("Cannot {verb} private member {text} from an object whose class did not declare it"))
    }

    fn private_element(&self, object: Local<'_>, name: Local<'_>) -> Option<(Value, Attributes)> {
        if !object.is_object() || !name.is_symbol() {
            return None;
        }
        self.own_slot(self.reference(object), Key::Name(name))
    }

    /// `GetPrivate`: PrivateGet (§7.3.30).
    pub(super) fn private_get(&mut self, object: Local<'s>, name: Local<'s>) -> Completion<Local<'s>> {
        let Some((value, attributes)) = self.private_element(object, name) else {
            return Err(self.no_private("read", name));
        };
        if !attributes.is_accessor() {
            return Ok(self.local(value));
        }
        let getter = self.getter_of(value.heap_ref());
        if getter.is_undefined() {
            let text = self.private_text(name);
            return Err(self.type_error(&format!("'{text}' was defined without a getter")));
        }
        let getter = self.local(getter);
        self.call(getter, object, &[])
    }

    /// `SetPrivate`: PrivateSet (§7.3.31).
    pub(super) fn private_set(&mut self, object: Local<'s>, name: Local<'s>, value: Local<'s>) -> Completion<()> {
        let Some((found, attributes)) = self.private_element(object, name) else {
            return Err(self.no_private("write", name));
        };
        if attributes.is_accessor() {
            let setter = self.setter_of(found.heap_ref());
            if setter.is_undefined() {
                let text = self.private_text(name);
                return Err(self.type_error(&format!("'{text}' was defined without a setter")));
            }
            let setter = self.local(setter);
            return self.call(setter, object, &[value]).map(drop);
        }
        if !attributes.has(Attributes::WRITABLE) {
            let text = self.private_text(name);
            return Err(self.type_error(&format!("Private method '{text}' is not writable")));
        }
        let reference = self.reference(object);
        self.write_own(reference, Key::Name(name), value);
        Ok(())
    }

    fn private_add(&mut self, object: Local<'s>, name: Local<'s>, value: Local<'s>, attributes: Attributes) -> Completion<()> {
        if self.private_element(object, name).is_some() {
            let text = self.private_text(name);
            return Err(self.type_error(&format!("Cannot initialize {text} twice on the same object")));
        }
        self.add_named(object, name, value, attributes)
    }

    /// `DefinePrivateField`: PrivateFieldAdd (§7.3.27).
    pub(super) fn private_field_add(&mut self, object: Local<'s>, name: Local<'s>, value: Local<'s>) -> Completion<()> {
        self.private_add(object, name, value, Attributes::WRITABLE)
    }

    /// `DefinePrivateMethod`: PrivateMethodOrAccessorAdd (§7.3.28).
    pub(super) fn private_method_add(&mut self, object: Local<'s>, name: Local<'s>, method: Local<'s>) -> Completion<()> {
        self.private_add(object, name, method, Attributes::NONE)
    }

    /// `DefinePrivateGetter`, `DefinePrivateSetter`.
    pub(super) fn private_accessor_add(
        &mut self,
        object: Local<'s>,
        name: Local<'s>,
        function: Local<'s>,
        is_getter: bool,
    ) -> Completion<()> {
        let (mut getter, mut setter) = (Local::UNDEFINED, Local::UNDEFINED);
        let known = self.private_element(object, name).filter(|(_, attributes)| attributes.is_accessor());
        if let Some((pair, _)) = known {
            let (old_getter, old_setter) = (self.getter_of(pair.heap_ref()), self.setter_of(pair.heap_ref()));
            (getter, setter) = (self.local(old_getter), self.local(old_setter));
        }
        let mine = if is_getter { &mut getter } else { &mut setter };
        let taken = !mine.is_undefined();
        *mine = function;
        if taken || known.is_none() {
            let pair = self.new_accessor(getter, setter)?;
            return self.private_add(object, name, pair, Attributes::ACCESSOR);
        }
        let pair = self.new_accessor(getter, setter)?;
        let reference = self.reference(object);
        self.write_own(reference, Key::Name(name), pair);
        Ok(())
    }

    /// `HasPrivate` (§13.10.1).
    pub(super) fn private_has(&mut self, name: Local<'s>, object: Local<'s>) -> Completion<Local<'s>> {
        if !object.is_object() {
            let object = self.display(object);
            return Err(self.type_error(&format!("Cannot use 'in' operator to search for a private name in {object}")));
        }
        Ok(Local::bool(self.private_element(object, name).is_some()))
    }
}
