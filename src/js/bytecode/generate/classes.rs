//! Classes.

use super::expressions::GivenName;
use super::literals::Key;
use super::{Generator, Register};
use crate::js::bytecode::code::{Constant, NamePrefix};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Class, ClassElement, Field, MethodKind, PropertyKey};

/// A private static method, added to the class when all keys were evaluated.
struct PrivateStatic {
    name: Register,
    closure: Register,
    op: Op,
}

fn private_definition(kind: MethodKind) -> Op {
    match kind {
        MethodKind::Method => Op::DefinePrivateMethod,
        MethodKind::Getter => Op::DefinePrivateGetter,
        MethodKind::Setter => Op::DefinePrivateSetter,
    }
}

fn prefix(kind: MethodKind) -> NamePrefix {
    match kind {
        MethodKind::Method => NamePrefix::None,
        MethodKind::Getter => NamePrefix::Get,
        MethodKind::Setter => NamePrefix::Set,
    }
}

impl Generator<'_> {
    /// ClassDefinitionEvaluation.
    pub(super) fn class(&mut self, class: &Class, given: Option<GivenName>, to: Register) {
        let entered = self.enter(Some(class.scope));
        for &variable in &class.private_names {
            let name = self.script.scope(class.scope).variables[variable as usize].name;
            let mark = self.mark();
            let symbol = self.temp();
            let constant = self.string_constant(name);
            self.emit_x(Op::NewPrivateName, symbol, constant);
            self.init_variable(class.scope, variable, symbol);
            self.release(mark);
        }
        let base = self.temps(2);
        if let Some(heritage) = &class.heritage {
            self.expression(heritage, Some(base));
        }
        let name = match (class.name, given) {
            (None, Some(GivenName::Known(name))) => Some(name),
            _ => None,
        };
        let function = class.constructor;
        let constant = self.constant(Constant::Function { function, name, prefix: NamePrefix::None });
        self.at(class.position);
        self.emit_x(if class.heritage.is_some() { Op::ClassDerived } else { Op::Class }, base, constant);
        if let (None, Some(GivenName::Key(key))) = (class.name, given) {
            self.emit(Op::SetName, base, key, 0);
        }
        let mut statics = Vec::new();
        for element in &class.elements {
            self.class_element(element, base, &mut statics);
        }
        if let Some(inner) = class.inner_name {
            self.init_variable(class.scope, inner, base);
        }
        if let Some(initializer) = class.instance_initializer {
            let closure = self.temp();
            self.closure(closure, initializer, None, NamePrefix::None);
            self.emit(Op::SetHome, closure, base + 1, 0);
            self.emit(Op::SetInitializer, base, closure, 0);
        }
        for PrivateStatic { name, closure, op } in statics {
            self.emit(op, base, name, closure);
        }
        if let Some(initializer) = class.static_initializer {
            let callee = self.temps(2);
            self.closure(callee, initializer, None, NamePrefix::None);
            self.emit(Op::SetHome, callee, base, 0);
            self.move_to(callee + 1, base);
            self.emit(Op::Call, callee, callee, 0);
        }
        self.move_to(to, base);
        self.leave(entered);
    }

    fn class_element(&mut self, element: &ClassElement, base: Register, statics: &mut Vec<PrivateStatic>) {
        let mark = self.mark();
        match element {
            ClassElement::ComputedField { key, store } => {
                let to = self.temp();
                let key = self.expression(key, None);
                self.emit(Op::ToPropertyKey, to, key, 0);
                self.init_name(*store, to);
            }
            ClassElement::Method { is_static, kind, key, function, store } => {
                let home = if *is_static { base } else { base + 1 };
                if let PropertyKey::Private(name) = key {
                    let symbol = self.temp();
                    self.load_name(*name, Some(symbol));
                    let closure = self.method(*function, Key::Named(name.name), prefix(*kind), home);
                    match store {
                        Some(store) => self.init_name(*store, closure),
                        None => {
                            statics.push(PrivateStatic { name: symbol, closure, op: private_definition(*kind) });
                            return;
                        }
                    }
                } else {
                    let key = self.key(key);
                    let closure = self.method(*function, key, prefix(*kind), home);
                    let key = self.key_register(key);
                    let op = match kind {
                        MethodKind::Method => Op::DefineMethod,
                        MethodKind::Getter => Op::DefineClassGetter,
                        MethodKind::Setter => Op::DefineClassSetter,
                    };
                    self.emit(op, home, key, closure);
                }
            }
        }
        self.release(mark);
    }

    /// The body of an instance or static initialiser, on r1.
    pub(super) fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            let mark = self.mark();
            match field {
                Field::Define { key, value, position } => self.field(key, value.as_ref(), *position),
                Field::PrivateMethod { name, kind, method } => {
                    let name = self.load_name(*name, None);
                    let method = self.load_name(*method, None);
                    self.emit(private_definition(*kind), 1, name, method);
                }
                Field::StaticBlock { scope, body } => self.scoped_block(Some(*scope), body),
            }
            self.release(mark);
        }
    }

    fn field(&mut self, key: &PropertyKey, value: Option<&crate::js::parse::ast::Expression>, position: u32) {
        let private = match key {
            PropertyKey::Private(name) => Some(*name),
            _ => None,
        };
        let evaluated = match (private, key) {
            (Some(name), _) => Key::Named(name.name),
            // The stored key is a property key already.
            (None, PropertyKey::Computed(key)) => Key::Register(self.expression(key, None)),
            (None, key) => self.key(key),
        };
        let value = match value {
            Some(value) => self.named(value, Self::given_name(evaluated), None),
            None => {
                let none = self.temp();
                self.emit(Op::LoadUndefined, none, 0, 0);
                none
            }
        };
        match private {
            Some(name) => {
                let name = self.load_name(name, None);
                self.at(position);
                self.emit(Op::DefinePrivateField, 1, name, value);
            }
            None => {
                self.at(position);
                self.define(1, evaluated, value);
            }
        }
    }
}
