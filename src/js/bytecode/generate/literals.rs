//! Array and object literals.

use super::expressions::GivenName;
use super::{Generator, Register};
use crate::js::bytecode::code::{Constant, NamePrefix, SiteKind};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Element, FunctionId, Property, PropertyKey, StringId};

/// Literals up to this size are made from registers at once.
const AT_ONCE: usize = 16;

/// A property key that was evaluated.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Named(StringId),
    Register(Register),
}

impl Generator<'_> {
    pub(super) fn array(&mut self, elements: &[Element], to: Register) {
        let mark = self.mark();
        let plain = elements.iter().take_while(|element| !matches!(element, Element::Spread(..))).count();
        if plain == elements.len() && plain <= AT_ONCE && plain > 0 && elements.iter().all(|e| matches!(e, Element::Value(_))) {
            let base = self.temps(plain as u32);
            for (index, element) in elements.iter().enumerate() {
                if let Element::Value(value) = element {
                    let inner = self.mark();
                    self.expression(value, Some(base + index as u16));
                    self.release(inner);
                }
            }
            self.emit(Op::NewArrayOf, to, base, plain as u16);
            return self.release(mark);
        }
        let array = self.temp();
        self.emit_x(Op::NewArray, array, elements.len() as u32);
        for element in elements {
            let inner = self.mark();
            match element {
                Element::Value(value) => {
                    let value = self.expression(value, None);
                    self.emit(Op::ArrayPush, array, value, 0);
                }
                Element::Spread(value, position) => {
                    let value = self.expression(value, None);
                    self.at(*position);
                    self.emit(Op::ArraySpread, array, value, 0);
                }
                Element::Hole => self.emit(Op::ArrayPushHole, array, 0, 0),
            }
            self.release(inner);
        }
        self.move_to(to, array);
        self.release(mark);
    }

    pub(super) fn object(&mut self, properties: &[Property], to: Register) {
        if self.object_at_once(properties, to) {
            return;
        }
        let mark = self.mark();
        let object = self.temp();
        self.emit(Op::NewObject, object, 0, 0);
        for property in properties {
            let inner = self.mark();
            self.property(object, property);
            self.release(inner);
        }
        self.move_to(to, object);
        self.release(mark);
    }

    fn object_at_once(&mut self, properties: &[Property], to: Register) -> bool {
        if properties.is_empty() || properties.len() > AT_ONCE {
            return false;
        }
        let mut keys: Vec<StringId> = Vec::new();
        for property in properties {
            match property {
                Property::Value { key: PropertyKey::Named(name), .. } if !keys.contains(name) => keys.push(*name),
                _ => return false,
            }
        }
        let Ok(constant) = u16::try_from(self.constants.len()) else { return false };
        let mark = self.mark();
        let base = self.temps(keys.len() as u32);
        self.constant(Constant::Keys(keys.into()));
        for (index, property) in properties.iter().enumerate() {
            if let Property::Value { key: PropertyKey::Named(name), value } = property {
                let inner = self.mark();
                self.named(value, GivenName::Known(*name), Some(base + index as u16));
                self.release(inner);
            }
        }
        self.emit(Op::NewObjectOf, to, base, constant);
        self.release(mark);
        true
    }

    /// A key; a computed one is made a property key.
    pub(super) fn key(&mut self, key: &PropertyKey) -> Key {
        match key {
            PropertyKey::Named(name) => Key::Named(*name),
            PropertyKey::Number(number) => {
                let to = self.temp();
                self.load_number(to, *number);
                self.emit(Op::ToPropertyKey, to, to, 0);
                Key::Register(to)
            }
            PropertyKey::Computed(value) => {
                let to = self.temp();
                let value = self.expression(value, None);
                self.emit(Op::ToPropertyKey, to, value, 0);
                Key::Register(to)
            }
            PropertyKey::Private(name) => {
                let to = self.temp();
                Key::Register(self.load_name(*name, Some(to)))
            }
        }
    }

    pub(super) fn key_register(&mut self, key: Key) -> Register {
        match key {
            Key::Register(register) => register,
            Key::Named(name) => {
                let to = self.temp();
                self.load_string(to, name);
                to
            }
        }
    }

    pub(super) fn given_name(key: Key) -> GivenName {
        match key {
            Key::Named(name) => GivenName::Known(name),
            Key::Register(register) => GivenName::Key(register),
        }
    }

    pub(super) fn define(&mut self, object: Register, key: Key, value: Register) {
        match key {
            Key::Named(name) => match self.try_site(name, SiteKind::Define) {
                Some(site) => self.emit(Op::DefineNamed, object, value, site),
                None => {
                    let key = self.key_register(key);
                    self.emit(Op::DefineKeyed, object, key, value);
                }
            },
            Key::Register(key) => self.emit(Op::DefineKeyed, object, key, value),
        }
    }

    /// A method's closure with its name and home object.
    pub(super) fn method(&mut self, function: FunctionId, key: Key, prefix: NamePrefix, home: Register) -> Register {
        let closure = self.temp();
        match key {
            Key::Named(name) => self.closure(closure, function, Some(name), prefix),
            Key::Register(key) => {
                self.closure(closure, function, None, NamePrefix::None);
                let number = match prefix {
                    NamePrefix::None => 0,
                    NamePrefix::Get => 1,
                    NamePrefix::Set => 2,
                };
                self.emit(Op::SetName, closure, key, number);
            }
        }
        self.emit(Op::SetHome, closure, home, 0);
        closure
    }

    fn property(&mut self, object: Register, property: &Property) {
        match property {
            Property::Value { key, value } => {
                let key = self.key(key);
                let value = self.named(value, Self::given_name(key), None);
                self.define(object, key, value);
            }
            Property::Prototype(value) => {
                let value = self.expression(value, None);
                self.emit(Op::SetPrototype, object, value, 0);
            }
            Property::Method { key, function } => {
                let key = self.key(key);
                let closure = self.method(*function, key, NamePrefix::None, object);
                self.define(object, key, closure);
            }
            Property::Getter { key, function } => {
                let key = self.key(key);
                let closure = self.method(*function, key, NamePrefix::Get, object);
                let key = self.key_register(key);
                self.emit(Op::DefineGetter, object, key, closure);
            }
            Property::Setter { key, function } => {
                let key = self.key(key);
                let closure = self.method(*function, key, NamePrefix::Set, object);
                let key = self.key_register(key);
                self.emit(Op::DefineSetter, object, key, closure);
            }
            Property::Spread(value, position) => {
                let value = self.expression(value, None);
                self.at(*position);
                self.emit(Op::ObjectSpread, object, value, 0);
            }
        }
    }
}
