//! Property references (§6.2.5), inline caches excepted.

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::function::CLOSURE_HOME;
use crate::js::local::{Key, Local};

impl<'s> Cx<'s> {
    /// `GetNamed`.
    pub(super) fn get_named(&mut self, object: Local<'s>, name: Local<'s>) -> Completion<Local<'s>> {
        self.get_v(object, Key::Name(name))
    }

    /// `GetKeyed`.
    pub(super) fn get_keyed(&mut self, object: Local<'s>, key: Local<'s>) -> Completion<Local<'s>> {
        if object.is_nullish() {
            let (object, key) = (self.display(object), self.display(key));
            return Err(self.type_error(&format!("Cannot read properties of {object} (reading '{}')", key.trim_matches('"'))));
        }
        if let Some(index @ 0..) = key.as_int()
            && self.is(object, Class::TypedArray)
            && let Some(element) = self.typed_array_get_index(self.reference(object), index.cast_unsigned())
        {
            return Ok(Local::of_plain(element));
        }
        let key = self.to_property_key(key)?;
        self.get_v(object, key)
    }

    /// [[Set]], with a TypeError in strict code when it fails.
    pub(super) fn put(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>, strict: bool) -> Completion<()> {
        if !self.set_with(object, key, value, object)? && strict {
            return Err(self.not_set(object, key));
        }
        Ok(())
    }

    #[cold]
    fn not_set(&mut self, object: Local<'_>, key: Key<'_>) -> Thrown {
        let (key, object) = (self.key_text(key), self.display(object));
        self.type_error(&format!("Cannot assign to read only property '{key}' of object '{object}'"))
    }

    /// PutValue (§6.2.5.6) of a property reference.
    pub(super) fn put_value(&mut self, base: Local<'s>, key: Key<'s>, value: Local<'s>, strict: bool) -> Completion<()> {
        if base.is_object() {
            return self.put(base, key, value, strict);
        }
        if base.is_nullish() {
            let (key, base) = (self.key_text(key), self.display(base));
            return Err(self.type_error(&format!("Cannot set properties of {base} (setting '{key}')")));
        }
        let holder = self.to_object(base)?;
        if !self.set_with(holder, key, value, base)? && strict {
            return Err(self.not_set(base, key));
        }
        Ok(())
    }

    /// `SetKeyed`.
    pub(super) fn set_keyed(&mut self, object: Local<'s>, key: Local<'s>, value: Local<'s>, strict: bool) -> Completion<()> {
        if object.is_nullish() {
            let (object, key) = (self.display(object), self.display(key));
            return Err(self.type_error(&format!("Cannot set properties of {object} (setting '{}')", key.trim_matches('"'))));
        }
        if let Some(index @ 0..) = key.as_int()
            && self.is(object, Class::TypedArray)
            && self.typed_array_set_index(self.reference(object), index.cast_unsigned(), self.value(value))
        {
            return Ok(());
        }
        let key = self.to_property_key(key)?;
        self.put_value(object, key, value, strict)
    }

    /// `SuperBase`: GetSuperBase (§9.1.1.3.5).
    pub(super) fn super_base(&mut self, function: Local<'s>) -> Completion<Local<'s>> {
        let home = self.field(function, CLOSURE_HOME);
        if home.is_object() { self.get_prototype_of(home) } else { Ok(Local::NULL) }
    }

    /// `GetNamedThis`, `GetKeyedThis`.
    pub(super) fn get_super(&mut self, base: Local<'s>, key: Key<'s>, this: Local<'s>) -> Completion<Local<'s>> {
        if !base.is_object() {
            let key = self.key_text(key);
            return Err(self.type_error(&format!("Cannot read properties of null (reading '{key}')")));
        }
        self.get_with(base, key, this)
    }

    /// `SetNamedThis`, `SetKeyedThis`.
    pub(super) fn set_super(
        &mut self,
        base: Local<'s>,
        key: Key<'s>,
        value: Local<'s>,
        this: Local<'s>,
        strict: bool,
    ) -> Completion<()> {
        if !base.is_object() {
            let key = self.key_text(key);
            return Err(self.type_error(&format!("Cannot set properties of null (setting '{key}')")));
        }
        if !self.set_with(base, key, value, this)? && strict {
            return Err(self.not_set(this, key));
        }
        Ok(())
    }

    /// `DeleteKeyed` (§13.5.1.2).
    pub(super) fn delete_keyed(&mut self, base: Local<'s>, key: Local<'s>, strict: bool) -> Completion<Local<'s>> {
        if base.is_nullish() {
            return Err(self.type_error("Cannot convert undefined or null to object"));
        }
        let object = self.to_object(base)?;
        let key = self.to_property_key(key)?;
        let deleted = self.delete(object, key)?;
        if !deleted && strict {
            let (key, object) = (self.key_text(key), self.display(object));
            return Err(self.type_error(&format!("Cannot delete property '{key}' of {object}")));
        }
        Ok(Local::bool(deleted))
    }

    /// `In` (§13.10.1).
    pub(super) fn has_keyed(&mut self, key: Local<'s>, object: Local<'s>) -> Completion<Local<'s>> {
        if !object.is_object() {
            let (key, object) = (self.display(key), self.display(object));
            return Err(self.type_error(&format!("Cannot use 'in' operator to search for {key} in {object}")));
        }
        let key = self.to_property_key(key)?;
        self.has_property(object, key).map(Local::bool)
    }
}
