//! Destructuring.

use super::control::Cleanup;
use super::expressions::GivenName;
use super::literals::Key;
use super::{Generator, Register};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{ArrayPattern, ObjectPattern, PatternElement, PropertyKey, Target};

impl Generator<'_> {
    /// Assigns to a target of any kind.
    pub(super) fn assign_target(&mut self, target: &Target, value: Register) {
        self.bind_target(target, value, false);
    }

    /// Initialises the names of a target.
    pub(super) fn init_target(&mut self, target: &Target, value: Register) {
        self.bind_target(target, value, true);
    }

    pub(super) fn bind_target(&mut self, target: &Target, value: Register, init: bool) {
        let mark = self.mark();
        match target {
            Target::Name(name) if init => self.init_name(*name, value),
            Target::Array(pattern) => self.array_pattern(pattern, value, init),
            Target::Object(pattern) => self.object_pattern(pattern, value, init),
            _ => {
                let reference = self.reference(target, false);
                self.put(reference, value);
            }
        }
        self.release(mark);
    }

    /// Evaluates what must be before the value is fetched, fetches, applies the default, stores.
    fn element(&mut self, element: &PatternElement, init: bool, fetch: &mut dyn FnMut(&mut Self, Register)) {
        let simple = matches!(element.target, Target::Member(_) | Target::Call(..))
            || (!init && matches!(element.target, Target::Name(_)));
        let reference = simple.then(|| self.reference(&element.target, true));
        let direct = match &element.target {
            Target::Name(name)
                if init && element.default.is_none() && self.variable_of(*name).is_some_and(|v| !v.needs_dead_zone) =>
            {
                self.local(*name)
            }
            _ => None,
        };
        let value = direct.unwrap_or_else(|| self.temp());
        fetch(self, value);
        if element.default.is_some() {
            self.default_value(element, value);
        }
        match reference {
            Some(reference) => self.put(reference, value),
            None => self.bind_target(&element.target, value, init),
        }
    }

    /// Replaces undefined by the default.
    pub(super) fn default_value(&mut self, element: &PatternElement, value: Register) {
        let Some(default) = &element.default else { return };
        let given = self.label();
        self.jump_if(Op::JumpIfNotUndefined, value, given);
        match &element.target {
            Target::Name(name) if element.named => self.named(default, GivenName::Known(name.name), Some(value)),
            _ => self.expression(default, Some(value)),
        };
        self.bind(given);
    }

    fn array_pattern(&mut self, pattern: &ArrayPattern, value: Register, init: bool) {
        let base = self.temps(3);
        self.at(pattern.position);
        self.emit(Op::GetIterator, base, value, 0);
        self.open_region(Cleanup::Iterator(base));
        for element in &pattern.elements {
            let mark = self.mark();
            match element {
                None => {
                    let skipped = self.temp();
                    self.emit(Op::IteratorStep, skipped, base, 0);
                }
                Some(element) => {
                    self.element(element, init, &mut |this, to| this.emit(Op::IteratorStep, to, base, 0));
                }
            }
            self.release(mark);
        }
        if let Some(rest) = &pattern.rest {
            let simple = matches!(rest, Target::Member(_) | Target::Call(..)) || (!init && matches!(rest, Target::Name(_)));
            let reference = simple.then(|| self.reference(rest, false));
            let array = self.temp();
            self.emit(Op::IteratorRest, array, base, 0);
            match reference {
                Some(reference) => self.put(reference, array),
                None => self.bind_target(rest, array, init),
            }
        }
        self.close_iterator_region(base);
    }

    fn object_pattern(&mut self, pattern: &ObjectPattern, value: Register, init: bool) {
        self.at(pattern.position);
        self.emit(Op::CheckCoercible, value, 0, 0);
        let excluded = pattern.rest.as_ref().map(|_| self.temp());
        if let Some(excluded) = excluded {
            self.emit_x(Op::NewArray, excluded, pattern.properties.len() as u32);
        }
        for property in &pattern.properties {
            let mark = self.mark();
            let key = match (&property.key, excluded) {
                (PropertyKey::Number(number), None) => {
                    let key = self.temp();
                    self.load_number(key, *number);
                    Key::Register(key)
                }
                (key, _) => self.key(key),
            };
            if let Some(excluded) = excluded {
                let key = self.key_register(key);
                self.emit(Op::ArrayPush, excluded, key, 0);
            }
            let position = property.position;
            self.element(&property.element, init, &mut |this, to| {
                this.at(position);
                match key {
                    Key::Named(name) => this.get_named(to, value, name),
                    Key::Register(key) => this.emit(Op::GetKeyed, to, value, key),
                }
            });
            self.release(mark);
        }
        if let (Some(rest), Some(excluded)) = (&pattern.rest, excluded) {
            let simple = matches!(rest, Target::Member(_) | Target::Call(..)) || (!init && matches!(rest, Target::Name(_)));
            let reference = simple.then(|| self.reference(rest, false));
            let object = self.temp();
            self.emit(Op::ObjectRest, object, value, excluded);
            match reference {
                Some(reference) => self.put(reference, object),
                None => self.bind_target(rest, object, init),
            }
        }
    }
}
