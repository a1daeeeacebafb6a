//! Operations on objects (§7.3).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// What of a property EnumerableOwnProperties (§7.3.23) gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyPart {
    /// The key.
    Key,
    /// The value.
    Value,
    /// An array of both.
    Both,
}

/// Which integrity SetIntegrityLevel (§7.3.15) gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// No properties come or go.
    Sealed,
    /// Nothing changes.
    Frozen,
}

impl<'s> Cx<'s> {
    /// GetV (§7.3.3): a property of any value.
    ///
    /// # Errors
    ///
    /// A TypeError for undefined and null; what getters throw.
    pub fn get_v(&mut self, value: Local<'s>, key: Key<'s>) -> Completion<Local<'s>> {
        if value.is_object() {
            return self.get(value, key);
        }
        if value.is_nullish() {
            let (key, value) = (self.key_text(key), self.display(value));
            return Err(self.type_error(&format!("Cannot read properties of {value} (reading '{key}')")));
        }
        if value.is_string() {
            match key {
                Key::Index(index) if (index as usize) < self.string_length(value) => {
                    self.flatten(value)?;
                    let unit = self.text(value).at(index as usize);
                    return self.string_utf16(&[unit]);
                }
                _ if self.is_name(key, Name::length) => return Ok(Local::number(self.string_length(value) as f64)),
                _ => {}
            }
        }
        let prototype = self.prototype_of_primitive(value);
        self.get_with(prototype, key, value)
    }

    /// The prototype that a primitive value's wrapper would have.
    pub(in crate::js) fn prototype_of_primitive(&mut self, value: Local<'_>) -> Local<'s> {
        let intrinsic = match value {
            _ if value.is_string() => Intrinsic::StringPrototype,
            _ if value.is_number() => Intrinsic::NumberPrototype,
            _ if value.is_bool() => Intrinsic::BooleanPrototype,
            _ if value.is_symbol() => Intrinsic::SymbolPrototype,
            _ => Intrinsic::BigIntPrototype,
        };
        self.intrinsic(intrinsic)
    }

    /// Set (§7.3.4), with an exception when it fails.
    ///
    /// # Errors
    ///
    /// A TypeError when the property cannot be set; what setters throw.
    pub fn set(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>) -> Completion<()> {
        if self.set_with(object, key, value, object)? {
            return Ok(());
        }
        let (key, object) = (self.key_text(key), self.display(object));
        Err(self.type_error(&format!("Cannot assign to read only property '{key}' of object '{object}'")))
    }

    /// SetterThatIgnoresPrototypeProperties (§7.3.39): `home` is where the setter is.
    ///
    /// # Errors
    ///
    /// A TypeError when the receiver is no object, or that home.
    pub fn set_ignoring_prototypes(
        &mut self,
        this: Local<'s>,
        home: Intrinsic,
        key: Key<'s>,
        value: Local<'s>,
    ) -> Completion<()> {
        // 1. and 2.
        if !this.is_object() {
            return Err(self.type_error("A setter was called on a value that is no object"));
        }
        let home = self.intrinsic(home);
        if self.same_value(this, home) {
            let key = self.key_text(key);
            return Err(self.type_error(&format!("Cannot assign to property '{key}' of this object")));
        }
        // 3. to 5.
        match self.get_own_property(this, key)? {
            None => self.create_data_property_or_throw(this, key, value),
            Some(_) => self.set(this, key, value),
        }
    }

    /// CreateDataProperty (§7.3.5).
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn create_data_property(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>) -> Completion<bool> {
        self.define_own_property(object, key, PropertyDescriptor::data(value, Attributes::ALL))
    }

    /// CreateDataPropertyOrThrow (§7.3.7).
    ///
    /// # Errors
    ///
    /// A TypeError when it fails.
    pub fn create_data_property_or_throw(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>) -> Completion<()> {
        self.define_property_or_throw(object, key, PropertyDescriptor::data(value, Attributes::ALL))
    }

    /// CreateNonEnumerableDataPropertyOrThrow (§7.3.8) and what else the engine defines on objects of its own.
    ///
    /// # Errors
    ///
    /// A TypeError when it fails.
    pub fn define_data(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>, attributes: Attributes) -> Completion<()> {
        self.define_property_or_throw(object, key, PropertyDescriptor::data(value, attributes))
    }

    /// DefinePropertyOrThrow (§7.3.9).
    ///
    /// # Errors
    ///
    /// A TypeError when it fails.
    pub fn define_property_or_throw(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<()> {
        if self.define_own_property(object, key, descriptor)? {
            return Ok(());
        }
        let key_text = self.key_text(key);
        if self.get_own_property(object, key)?.is_some() {
            return Err(self.type_error(&format!("Cannot redefine property: {key_text}")));
        }
        Err(self.type_error(&format!("Cannot define property {key_text}, object is not extensible")))
    }

    /// DeletePropertyOrThrow (§7.3.10).
    ///
    /// # Errors
    ///
    /// A TypeError when it fails.
    pub fn delete_property_or_throw(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<()> {
        if self.delete(object, key)? {
            return Ok(());
        }
        let (key, object) = (self.key_text(key), self.display(object));
        Err(self.type_error(&format!("Cannot delete property '{key}' of {object}")))
    }

    /// GetMethod (§7.3.11): `undefined` if there is none.
    ///
    /// # Errors
    ///
    /// A TypeError when it is no function.
    pub fn get_method(&mut self, value: Local<'s>, key: Key<'s>) -> Completion<Local<'s>> {
        let method = self.get_v(value, key)?;
        if method.is_nullish() {
            return Ok(Local::UNDEFINED);
        }
        if !self.is_callable(method) {
            let (key, method) = (self.key_text(key), self.display(method));
            return Err(self.type_error(&format!("{method} returned for property '{key}' is not a function")));
        }
        Ok(method)
    }

    /// HasOwnProperty (§7.3.13).
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn has_own_property(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<bool> {
        Ok(self.get_own_property(object, key)?.is_some())
    }

    /// Invoke (§7.3.20).
    ///
    /// # Errors
    ///
    /// A TypeError when it is no function; what it throws.
    pub fn invoke(&mut self, value: Local<'s>, key: Key<'s>, args: &[Local<'s>]) -> Completion<Local<'s>> {
        let method = self.get_v(value, key)?;
        if !self.is_callable(method) {
            let key = self.key_text(key);
            return Err(self.type_error(&format!("{key} is not a function")));
        }
        self.call(method, value, args)
    }

    /// SetIntegrityLevel (§7.3.15).
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn set_integrity_level(&mut self, object: Local<'s>, level: Integrity) -> Completion<bool> {
        // 1. and 2.
        if !self.prevent_extensions(object)? {
            return Ok(false);
        }
        // 3. and 4.
        let keys = self.own_property_keys(object)?;
        let fixed = PropertyDescriptor { configurable: Some(false), ..PropertyDescriptor::default() };
        for key in keys {
            let descriptor = match level {
                Integrity::Sealed => fixed,
                Integrity::Frozen => match self.get_own_property(object, key)? {
                    None => continue,
                    Some(current) if current.is_accessor() => fixed,
                    Some(_) => PropertyDescriptor { writable: Some(false), ..fixed },
                },
            };
            self.define_property_or_throw(object, key, descriptor)?;
        }
        Ok(true)
    }

    /// TestIntegrityLevel (§7.3.16).
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn test_integrity_level(&mut self, object: Local<'s>, level: Integrity) -> Completion<bool> {
        if self.is_extensible(object)? {
            return Ok(false);
        }
        for key in self.own_property_keys(object)? {
            if let Some(current) = self.get_own_property(object, key)?
                && (current.configurable == Some(true) || (level == Integrity::Frozen && current.writable == Some(true)))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// LengthOfArrayLike (§7.3.19).
    ///
    /// # Errors
    ///
    /// What getters and conversions throw.
    pub fn length_of_array_like(&mut self, object: Local<'s>) -> Completion<u64> {
        if self.is(object, Class::Array) {
            return Ok(u64::from(self.array_length(object)));
        }
        let length = self.get(object, Name::length.key())?;
        self.to_length(length)
    }

    /// CreateListFromArrayLike (§7.3.17) with any element type.
    ///
    /// # Errors
    ///
    /// A TypeError when it is no object; what getters throw.
    pub fn list_from_array_like(&mut self, object: Local<'s>) -> Completion<Vec<Local<'s>>> {
        if !object.is_object() {
            return Err(self.type_error("CreateListFromArrayLike called on non-object"));
        }
        if let Some((elements, count)) = self.plain_list(self.reference(object)) {
            let values: Vec<Value> = (0..count).map(|nth| self.read_value(elements, nth)).collect();
            return Ok(values.into_iter().map(|value| self.local(value)).collect());
        }
        let length = self.length_of_array_like(object)?;
        if length > u64::from(u32::MAX) {
            return Err(self.range_error("Invalid array length"));
        }
        let mut list = Vec::new();
        for index in 0..length {
            let key = self.key_of_number(index as f64)?;
            list.push(self.get(object, key)?);
        }
        Ok(list)
    }

    /// OrdinaryHasInstance (§7.3.22).
    ///
    /// # Errors
    ///
    /// A TypeError when the prototype is no object; what getters throw.
    pub fn ordinary_has_instance(&mut self, constructor: Local<'s>, object: Local<'s>) -> Completion<bool> {
        if !self.is_callable(constructor) {
            return Ok(false);
        }
        if self.is(constructor, Class::Bound) {
            let target = self.field(constructor, 0);
            return self.instance_of(object, target);
        }
        if !object.is_object() {
            return Ok(false);
        }
        let prototype = self.get(constructor, Name::prototype.key())?;
        if !prototype.is_object() {
            let text = self.display(prototype);
            return Err(self.type_error(&format!("Function has non-object prototype '{text}' in instanceof check")));
        }
        let mut ancestor = object;
        loop {
            ancestor = self.get_prototype_of(ancestor)?;
            if ancestor.is_null() {
                return Ok(false);
            }
            if self.same_value(ancestor, prototype) {
                return Ok(true);
            }
        }
    }

    /// InstanceofOperator (§13.10.2).
    ///
    /// # Errors
    ///
    /// A TypeError when the target is no function; what it throws.
    pub fn instance_of(&mut self, value: Local<'s>, target: Local<'s>) -> Completion<bool> {
        if !target.is_object() {
            return Err(self.type_error("Right-hand side of 'instanceof' is not an object"));
        }
        let handler = self.get_method(target, Name::sym_hasInstance.key())?;
        if !handler.is_undefined() {
            let result = self.call(handler, target, &[value])?;
            return Ok(self.to_boolean(result));
        }
        if !self.is_callable(target) {
            return Err(self.type_error("Right-hand side of 'instanceof' is not callable"));
        }
        self.ordinary_has_instance(target, value)
    }

    /// SpeciesConstructor (§7.3.23).
    ///
    /// # Errors
    ///
    /// A TypeError when what is found is no constructor.
    pub fn species_constructor(&mut self, object: Local<'s>, default: Intrinsic) -> Completion<Local<'s>> {
        let constructor = self.get(object, Name::constructor.key())?;
        if constructor.is_undefined() {
            return Ok(self.intrinsic(default));
        }
        if !constructor.is_object() {
            return Err(self.type_error("The .constructor property is not an object"));
        }
        let species = self.get(constructor, Name::sym_species.key())?;
        if species.is_nullish() {
            return Ok(self.intrinsic(default));
        }
        if !self.is_constructor(species) {
            return Err(self.type_error("object.constructor[Symbol.species] is not a constructor"));
        }
        Ok(species)
    }

    /// EnumerableOwnProperties (§7.3.24).
    ///
    /// # Errors
    ///
    /// What getters and proxies' handlers throw.
    pub fn enumerable_own_properties(&mut self, object: Local<'s>, part: PropertyPart) -> Completion<Vec<Local<'s>>> {
        let mut list = Vec::new();
        for key in self.own_property_keys(object)? {
            if key.is_symbol() {
                continue;
            }
            let Some(descriptor) = self.get_own_property(object, key)? else { continue };
            if descriptor.enumerable != Some(true) {
                continue;
            }
            let name = self.key_value(key)?;
            list.push(match part {
                PropertyPart::Key => name,
                PropertyPart::Value => self.get(object, key)?,
                PropertyPart::Both => {
                    let value = self.get(object, key)?;
                    self.array_from(&[name, value])?
                }
            });
        }
        Ok(list)
    }

    /// CopyDataProperties (§7.3.26).
    ///
    /// # Errors
    ///
    /// What getters and proxies' handlers throw.
    pub fn copy_data_properties(&mut self, target: Local<'s>, source: Local<'s>, excluded: &[Key<'s>]) -> Completion<()> {
        if source.is_nullish() {
            return Ok(());
        }
        let from = self.to_object(source)?;
        for key in self.own_property_keys(from)? {
            if excluded.iter().any(|&other| self.same_key(other, key)) {
                continue;
            }
            let mut cx = self.open();
            if let Some(descriptor) = cx.get_own_property(from, key)?
                && descriptor.enumerable == Some(true)
            {
                let value = cx.get(from, key)?;
                cx.create_data_property_or_throw(target, key, value)?;
            }
        }
        Ok(())
    }

    /// Whether two keys are the same.
    pub fn same_key(&self, left: Key<'_>, right: Key<'_>) -> bool {
        match (left, right) {
            (Key::Index(left), Key::Index(right)) => left == right,
            (Key::Name(left), Key::Name(right)) => self.value(left) == self.value(right),
            _ => false,
        }
    }

    /// The key of an integer, which may be too large for an array index.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn key_of_number(&mut self, number: f64) -> Completion<Key<'s>> {
        if number >= 0.0 && number < f64::from(u32::MAX) && number.fract() == 0.0 {
            return Ok(Key::Index(number as u32));
        }
        self.to_property_key(Local::number(number))
    }

    /// OrdinaryCreateFromConstructor (§10.1.13).
    ///
    /// # Errors
    ///
    /// What the getter of `prototype` throws.
    pub(in crate::js) fn create_from_constructor(
        &mut self,
        class: Class,
        new_target: Local<'s>,
        default: Intrinsic,
    ) -> Completion<Local<'s>> {
        let prototype = self.prototype_from_constructor(new_target, default)?;
        self.make_object(class, prototype)
    }

    /// GetPrototypeFromConstructor (§10.1.14).
    ///
    /// # Errors
    ///
    /// What the getter throws.
    pub fn prototype_from_constructor(&mut self, constructor: Local<'s>, default: Intrinsic) -> Completion<Local<'s>> {
        if !constructor.is_object() {
            return Ok(self.intrinsic(default));
        }
        let prototype = self.get(constructor, Name::prototype.key())?;
        if prototype.is_object() {
            return Ok(prototype);
        }
        let realm = self.function_realm(constructor)?;
        Ok(self.intrinsic_of(realm, default))
    }

    /// IsArray (§7.2.2).
    ///
    /// # Errors
    ///
    /// A TypeError for a revoked proxy.
    pub fn is_array(&mut self, value: Local<'s>) -> Completion<bool> {
        match self.class_of(value) {
            Some(Class::Array) => Ok(true),
            Some(Class::Proxy) => {
                let target = self.field(value, 0);
                if !target.is_object() {
                    return Err(self.type_error("Cannot perform 'IsArray' on a proxy that has been revoked"));
                }
                self.check_stack(0)?;
                self.is_array(target)
            }
            _ => Ok(false),
        }
    }

    /// ArraySpeciesCreate (§10.4.2.3).
    ///
    /// # Errors
    ///
    /// A TypeError when the species is no constructor, a RangeError when the length is too large.
    pub fn array_species_create(&mut self, original: Local<'s>, length: u64) -> Completion<Local<'s>> {
        let plain = |cx: &mut Self| match u32::try_from(length) {
            Ok(length) => cx.new_array(length),
            Err(_) => Err(cx.range_error("Invalid array length")),
        };
        if !self.is_array(original)? {
            return plain(self);
        }
        let mut constructor = self.get(original, Name::constructor.key())?;
        if self.is_constructor(constructor) {
            let realm = self.function_realm(constructor)?;
            let here = self.current_realm();
            if !self.same_value(realm, here) {
                let other = self.intrinsic_of(realm, Intrinsic::Array);
                if self.same_value(constructor, other) {
                    constructor = Local::UNDEFINED;
                }
            }
        }
        if constructor.is_object() {
            constructor = self.get(constructor, Name::sym_species.key())?;
            if constructor.is_null() {
                constructor = Local::UNDEFINED;
            }
        }
        if constructor.is_undefined() {
            return plain(self);
        }
        if !self.is_constructor(constructor) {
            return Err(self.type_error("object.constructor[Symbol.species] is not a constructor"));
        }
        self.construct(constructor, &[Local::number(length as f64)], constructor)
    }
}
