//! Property descriptors (§6.2.6).
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

/// A property descriptor: what is `None` is absent.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct PropertyDescriptor<'s> {
    pub value: Option<Local<'s>>,
    pub writable: Option<bool>,
    pub get: Option<Local<'s>>,
    pub set: Option<Local<'s>>,
    pub enumerable: Option<bool>,
    pub configurable: Option<bool>,
}

impl<'s> PropertyDescriptor<'s> {
    /// A full data descriptor.
    pub fn data(value: Local<'s>, attributes: Attributes) -> Self {
        PropertyDescriptor {
            value: Some(value),
            writable: Some(attributes.has(Attributes::WRITABLE)),
            enumerable: Some(attributes.has(Attributes::ENUMERABLE)),
            configurable: Some(attributes.has(Attributes::CONFIGURABLE)),
            get: None,
            set: None,
        }
    }

    /// A full accessor descriptor.
    pub fn accessor(get: Local<'s>, set: Local<'s>, attributes: Attributes) -> Self {
        PropertyDescriptor {
            value: None,
            writable: None,
            get: Some(get),
            set: Some(set),
            enumerable: Some(attributes.has(Attributes::ENUMERABLE)),
            configurable: Some(attributes.has(Attributes::CONFIGURABLE)),
        }
    }

    /// IsAccessorDescriptor (§6.2.6.1).
    pub fn is_accessor(&self) -> bool {
        self.get.is_some() || self.set.is_some()
    }

    /// IsDataDescriptor (§6.2.6.2).
    pub fn is_data(&self) -> bool {
        self.value.is_some() || self.writable.is_some()
    }

    /// The attributes; what is absent is false. ACCESSOR if it is one.
    pub fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::NONE;
        for (field, bit) in [
            (self.writable, Attributes::WRITABLE),
            (self.enumerable, Attributes::ENUMERABLE),
            (self.configurable, Attributes::CONFIGURABLE),
            (Some(self.is_accessor()), Attributes::ACCESSOR),
        ] {
            if field == Some(true) {
                attributes = attributes.with(bit);
            }
        }
        attributes
    }

    /// CompletePropertyDescriptor (§6.2.6.6).
    pub fn complete(mut self) -> Self {
        if self.is_accessor() {
            self.get = self.get.or(Some(Local::UNDEFINED));
            self.set = self.set.or(Some(Local::UNDEFINED));
        } else {
            self.value = self.value.or(Some(Local::UNDEFINED));
            self.writable = self.writable.or(Some(false));
        }
        self.enumerable = self.enumerable.or(Some(false));
        self.configurable = self.configurable.or(Some(false));
        self
    }
}

impl<'s> Cx<'s> {
    /// FromPropertyDescriptor (§6.2.6.4).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn from_property_descriptor(&mut self, descriptor: Option<PropertyDescriptor<'s>>) -> Completion<Local<'s>> {
        let Some(descriptor) = descriptor else { return Ok(Local::UNDEFINED) };
        let object = self.new_object()?;
        let fields = [
            (Name::value, descriptor.value),
            (Name::writable, descriptor.writable.map(Local::bool)),
            (Name::get, descriptor.get),
            (Name::set, descriptor.set),
            (Name::enumerable, descriptor.enumerable.map(Local::bool)),
            (Name::configurable, descriptor.configurable.map(Local::bool)),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                self.create_data_property(object, name.key(), value)?;
            }
        }
        Ok(object)
    }

    /// ToPropertyDescriptor (§6.2.6.5).
    ///
    /// # Errors
    ///
    /// What getters throw; a TypeError.
    pub fn to_property_descriptor(&mut self, object: Local<'s>) -> Completion<PropertyDescriptor<'s>> {
        if !object.is_object() {
            let text = self.display(object);
            return Err(self.type_error(&format!("Property description must be an object: {text}")));
        }
        let mut field = |name: Name| -> Completion<Option<Local<'s>>> {
            if self.has_property(object, name.key())? { Ok(Some(self.get(object, name.key())?)) } else { Ok(None) }
        };
        let enumerable = field(Name::enumerable)?;
        let configurable = field(Name::configurable)?;
        let value = field(Name::value)?;
        let writable = field(Name::writable)?;
        let get = field(Name::get)?;
        if let Some(getter) = get
            && !getter.is_undefined()
            && !self.is_callable(getter)
        {
            let text = self.display(getter);
            return Err(self.type_error(&format!("Getter must be a function: {text}")));
        }
        let set = if self.has_property(object, Name::set.key())? { Some(self.get(object, Name::set.key())?) } else { None };
        if let Some(setter) = set
            && !setter.is_undefined()
            && !self.is_callable(setter)
        {
            let text = self.display(setter);
            return Err(self.type_error(&format!("Setter must be a function: {text}")));
        }
        if (get.is_some() || set.is_some()) && (value.is_some() || writable.is_some()) {
            return Err(
                self.type_error("Invalid property descriptor. Cannot both specify accessors and a value or writable attribute")
            );
        }
        let flag = |cx: &Self, value: Option<Local<'s>>| value.map(|value| cx.to_boolean(value));
        Ok(PropertyDescriptor {
            value,
            writable: flag(self, writable),
            get,
            set,
            enumerable: flag(self, enumerable),
            configurable: flag(self, configurable),
        })
    }
}
