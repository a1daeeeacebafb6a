//! References: what is read, written, or both.

use super::{Generator, Register};
use crate::js::bytecode::code::SiteKind;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Expression, Member, MemberObject, Name, PropertyKey, Resolution, StringId, Target, VariableKind};

/// A reference of which all parts are evaluated.
#[derive(Clone, Copy)]
pub(super) enum Reference {
    Name(Name),
    /// A dynamic name, with what `ResolveName` found.
    Resolved(Name, Register),
    Named(Register, StringId, u32),
    Keyed(Register, Register, u32),
    Private(Register, Register, u32),
    SuperNamed(Register, StringId, u32),
    SuperKeyed(Register, Register, u32),
    /// Has thrown already.
    Never,
}

impl Generator<'_> {
    /// Evaluates the parts of a simple target. `keep`: what follows may assign to local variables before the reference is used.
    pub(super) fn reference(&mut self, target: &Target, keep: bool) -> Reference {
        match target {
            Target::Name(name) => self.name_reference(*name, keep),
            Target::Member(member) => self.member_reference(member, keep),
            Target::Call(call, position) => {
                let mark = self.mark();
                self.expression(call, None);
                self.release(mark);
                self.throw_error(0, *position);
                Reference::Never
            }
            Target::Array(_) | Target::Object(_) => Reference::Never,
        }
    }

    /// Throws one of the errors of `ThrowError`.
    pub(super) fn throw_error(&mut self, number: u32, position: u32) {
        self.at(position);
        self.emit_x(Op::ThrowError, 0, number);
    }

    fn name_reference(&mut self, name: Name, complex: bool) -> Reference {
        let kind = self.variable_of(name).map(|variable| variable.kind);
        let dynamic = name.resolution == Resolution::Dynamic;
        let global = name.resolution == Resolution::Global && complex && self.strict();
        if (dynamic || global) && kind != Some(VariableKind::FunctionName) {
            self.at(name.position);
            let resolved = self.temp();
            let site = self.site(name.name, SiteKind::Name, Op::LoadName);
            self.emit(Op::ResolveName, resolved, site, 0);
            return Reference::Resolved(name, resolved);
        }
        Reference::Name(name)
    }

    /// A value in a register that stays as it is while what follows runs.
    pub(super) fn kept(&mut self, expression: &Expression, keep: bool) -> Register {
        let in_place = matches!(
            expression,
            Expression::Name(_)
                | Expression::This(_)
                | Expression::NewTarget(_)
                | Expression::Assign(_)
                | Expression::Sequence(_)
        );
        let to = (keep && in_place).then(|| self.temp());
        self.expression(expression, to)
    }

    pub(super) fn member_reference(&mut self, member: &Member, keep: bool) -> Reference {
        match &member.object {
            MemberObject::Super { function, this } => {
                let pair = self.temps(2);
                self.load_this(*this, Some(pair + 1));
                let key = match &member.key {
                    PropertyKey::Computed(key) => Some(self.kept(key, true)),
                    PropertyKey::Number(number) => {
                        let to = self.temp();
                        self.load_number(to, *number);
                        Some(to)
                    }
                    _ => None,
                };
                let mark = self.mark();
                let function = self.load_name(*function, None);
                self.emit(Op::SuperBase, pair, function, 0);
                self.release(mark);
                match (key, &member.key) {
                    (Some(key), _) => Reference::SuperKeyed(pair, key, member.position),
                    (None, PropertyKey::Named(name)) => Reference::SuperNamed(pair, *name, member.position),
                    _ => Reference::Never,
                }
            }
            MemberObject::Value(object) => {
                let keep_object = keep || matches!(&member.key, PropertyKey::Computed(key) if assigns(key));
                let object = self.kept(object, keep_object);
                if member.optional {
                    self.short_circuit(object);
                }
                self.key_reference(object, member, keep)
            }
        }
    }

    /// Jumps to the end of the optional chain if the value is undefined or null.
    pub(super) fn short_circuit(&mut self, value: Register) {
        if let Some(&end) = self.chains.last() {
            self.jump_if(Op::JumpIfNullish, value, end);
        }
    }

    pub(super) fn key_reference(&mut self, object: Register, member: &Member, keep: bool) -> Reference {
        match &member.key {
            PropertyKey::Named(name) => Reference::Named(object, *name, member.position),
            PropertyKey::Number(number) => {
                let key = self.temp();
                self.load_number(key, *number);
                Reference::Keyed(object, key, member.position)
            }
            PropertyKey::Computed(key) => {
                let key = self.kept(key, keep);
                Reference::Keyed(object, key, member.position)
            }
            PropertyKey::Private(name) => {
                let name = self.load_name(*name, None);
                Reference::Private(object, name, member.position)
            }
        }
    }

    /// GetValue.
    pub(super) fn get(&mut self, reference: Reference, wanted: Option<Register>) -> Register {
        if let Reference::Name(name) = reference {
            return self.load_name(name, wanted);
        }
        let to = self.destination(wanted);
        match reference {
            Reference::Resolved(name, resolved) => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::LoadResolved, to, resolved, site);
            }
            Reference::Named(object, name, position) => {
                self.at(position);
                self.get_named(to, object, name);
            }
            Reference::Keyed(object, key, position) => {
                self.at(position);
                self.emit(Op::GetKeyed, to, object, key);
            }
            Reference::Private(object, name, position) => {
                self.at(position);
                self.emit(Op::GetPrivate, to, object, name);
            }
            Reference::SuperNamed(pair, name, position) => {
                self.at(position);
                let site = self.site(name, SiteKind::Get, Op::GetNamedThis);
                self.emit(Op::GetNamedThis, to, pair, site);
            }
            Reference::SuperKeyed(pair, key, position) => {
                self.at(position);
                self.emit(Op::GetKeyedThis, to, pair, key);
            }
            Reference::Name(_) | Reference::Never => {}
        }
        to
    }

    /// The key of a reference that is read and then written is converted once, after the object was checked.
    pub(super) fn convert_key(&mut self, reference: Reference, member: &Target) -> Reference {
        let Target::Member(member) = member else { return reference };
        if !matches!(member.key, PropertyKey::Computed(_)) {
            return reference;
        }
        match reference {
            Reference::Keyed(object, key, position) => {
                self.at(position);
                self.emit(Op::CheckCoercible, object, 0, 0);
                let converted = self.temp();
                self.emit(Op::ToPropertyKey, converted, key, 0);
                Reference::Keyed(object, converted, position)
            }
            Reference::SuperKeyed(pair, key, position) => {
                self.at(position);
                let converted = self.temp();
                self.emit(Op::ToPropertyKey, converted, key, 0);
                Reference::SuperKeyed(pair, converted, position)
            }
            other => other,
        }
    }

    /// PutValue.
    pub(super) fn put(&mut self, reference: Reference, value: Register) {
        match reference {
            Reference::Name(name) => self.store_name(name, value),
            Reference::Resolved(name, resolved) => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::StoreResolved, value, resolved, site);
            }
            Reference::Named(object, name, position) => {
                self.at(position);
                self.set_named(object, name, value);
            }
            Reference::Keyed(object, key, position) => {
                self.at(position);
                self.set_keyed(object, key, value);
            }
            Reference::Private(object, name, position) => {
                self.at(position);
                self.emit(Op::SetPrivate, object, name, value);
            }
            Reference::SuperNamed(pair, name, position) => {
                self.at(position);
                let site = self.site(name, SiteKind::Set, Op::SetNamedThis);
                self.emit(Op::SetNamedThis, pair, value, site);
            }
            Reference::SuperKeyed(pair, key, position) => {
                self.at(position);
                let op = if self.strict() { Op::SetKeyedThisStrict } else { Op::SetKeyedThis };
                self.emit(op, pair, key, value);
            }
            Reference::Never => {}
        }
    }
}

/// Whether running the expression may assign to a local variable of the function it stands in (conservatively).
pub(super) fn assigns(expression: &Expression) -> bool {
    match expression {
        Expression::Undefined
        | Expression::Null
        | Expression::Boolean(_)
        | Expression::Number(_)
        | Expression::String(_)
        | Expression::BigInt(_)
        | Expression::RegExp(_)
        | Expression::Name(_)
        | Expression::This(_)
        | Expression::NewTarget(_)
        | Expression::ImportMeta
        | Expression::Function(_) => false,
        Expression::Template { expressions, .. } => expressions.iter().any(assigns),
        Expression::Unary { operand, .. } => assigns(operand),
        Expression::Binary { left, right, .. } | Expression::Logical { left, right, .. } => assigns(left) || assigns(right),
        Expression::Conditional { test, consequent, alternate } => assigns(test) || assigns(consequent) || assigns(alternate),
        Expression::Sequence(all) => all.iter().any(assigns),
        Expression::Member(member) => {
            matches!(&member.object, MemberObject::Value(object) if assigns(object))
                || matches!(&member.key, PropertyKey::Computed(key) if assigns(key))
        }
        Expression::OptionalChain(inner) => assigns(inner),
        Expression::Call(call) => assigns(&call.callee) || call.arguments.iter().any(element_assigns),
        Expression::New(new) => assigns(&new.callee) || new.arguments.iter().any(element_assigns),
        Expression::Array(elements) => elements.iter().any(element_assigns),
        _ => true,
    }
}

fn element_assigns(element: &crate::js::parse::ast::Element) -> bool {
    use crate::js::parse::ast::Element;
    match element {
        Element::Value(value) | Element::Spread(value, _) => assigns(value),
        Element::Hole => false,
    }
}
