//! Unary and binary operators.

use super::references::assigns;
use super::{Generator, Register};
use crate::js::bytecode::code::SiteKind;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{BinaryOperator, Expression, Member, MemberObject, PropertyKey, Resolution, UnaryOperator};

/// The operation of an operator, and the one with a small integer on the right.
fn operation(operator: BinaryOperator) -> (Op, Option<Op>) {
    match operator {
        BinaryOperator::Equal => (Op::Equal, None),
        BinaryOperator::NotEqual => (Op::NotEqual, None),
        BinaryOperator::StrictEqual => (Op::StrictEqual, None),
        BinaryOperator::StrictNotEqual => (Op::StrictNotEqual, None),
        BinaryOperator::Less => (Op::Less, None),
        BinaryOperator::LessEqual => (Op::LessEqual, None),
        BinaryOperator::Greater => (Op::Greater, None),
        BinaryOperator::GreaterEqual => (Op::GreaterEqual, None),
        BinaryOperator::Add => (Op::Add, Some(Op::AddInt)),
        BinaryOperator::Subtract => (Op::Subtract, Some(Op::SubtractInt)),
        BinaryOperator::Multiply => (Op::Multiply, Some(Op::MultiplyInt)),
        BinaryOperator::Divide => (Op::Divide, Some(Op::DivideInt)),
        BinaryOperator::Remainder => (Op::Remainder, Some(Op::RemainderInt)),
        BinaryOperator::Exponent => (Op::Exponent, None),
        BinaryOperator::ShiftLeft => (Op::ShiftLeft, Some(Op::ShiftLeftInt)),
        BinaryOperator::ShiftRight => (Op::ShiftRight, Some(Op::ShiftRightInt)),
        BinaryOperator::ShiftRightUnsigned => (Op::ShiftRightUnsigned, Some(Op::ShiftRightUnsignedInt)),
        BinaryOperator::BitwiseOr => (Op::BitOr, Some(Op::BitOrInt)),
        BinaryOperator::BitwiseXor => (Op::BitXor, Some(Op::BitXorInt)),
        BinaryOperator::BitwiseAnd => (Op::BitAnd, Some(Op::BitAndInt)),
        BinaryOperator::In => (Op::In, None),
        BinaryOperator::Instanceof => (Op::InstanceOf, None),
    }
}

/// A literal that fits an operand.
pub(super) fn small_integer(expression: &Expression) -> Option<u16> {
    let Expression::Number(number) = expression else { return None };
    let integer = *number as i16;
    (f64::from(integer).to_bits() == number.to_bits()).then(|| integer.cast_unsigned())
}

impl Generator<'_> {
    pub(super) fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
        position: u32,
        to: Register,
    ) {
        if let (Expression::Number(left), Expression::Number(right)) = (left, right)
            && let Some(folded) = fold(operator, *left, *right)
        {
            return self.load_number(to, folded);
        }
        self.binary_at(operator, left, right, position, to);
    }

    pub(super) fn binary_at(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
        position: u32,
        to: Register,
    ) {
        let left = self.kept(left, assigns(right));
        self.operate(operator, left, right, position, to);
    }

    /// With the left operand evaluated.
    pub(super) fn operate(&mut self, operator: BinaryOperator, left: Register, right: &Expression, position: u32, to: Register) {
        let (op, with_integer) = operation(operator);
        if let (Some(op), Some(integer)) = (with_integer, small_integer(right)) {
            self.at(position);
            return self.emit(op, to, left, integer);
        }
        let right = self.expression(right, None);
        self.at(position);
        self.emit(op, to, left, right);
    }

    pub(super) fn unary(&mut self, operator: UnaryOperator, operand: &Expression, position: u32, to: Register) {
        let op = match operator {
            UnaryOperator::Minus => {
                if let Expression::Number(number) = operand {
                    return self.load_number(to, -number);
                }
                Op::Negate
            }
            UnaryOperator::Plus => Op::ToNumber,
            UnaryOperator::Not => Op::Not,
            UnaryOperator::BitwiseNot => Op::BitNot,
            UnaryOperator::Typeof => return self.typeof_operator(operand, to),
            UnaryOperator::Void => {
                self.effect(operand);
                return self.emit(Op::LoadUndefined, to, 0, 0);
            }
            UnaryOperator::Delete => return self.delete(operand, position, to),
        };
        let value = self.expression(operand, None);
        self.at(position);
        self.emit(op, to, value, 0);
    }

    fn typeof_operator(&mut self, operand: &Expression, to: Register) {
        if let Expression::Name(name) = operand {
            let location = self.location(*name);
            let (op, kind) = match location {
                super::names::Location::Global => (Op::TypeofGlobal, SiteKind::Global),
                super::names::Location::Dynamic => (Op::TypeofName, SiteKind::Name),
                _ => {
                    let value = self.load_name(*name, None);
                    return self.emit(Op::Typeof, to, value, 0);
                }
            };
            self.at(name.position);
            let site = self.site(name.name, kind, op);
            return self.emit(op, to, site, 0);
        }
        let value = self.expression(operand, None);
        self.emit(Op::Typeof, to, value, 0);
    }

    fn delete(&mut self, operand: &Expression, position: u32, to: Register) {
        match operand {
            Expression::Name(name) => match name.resolution {
                Resolution::Global | Resolution::Dynamic => {
                    self.at(position);
                    let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                    self.emit(Op::DeleteName, to, site, 0);
                }
                _ => self.emit(Op::LoadFalse, to, 0, 0),
            },
            Expression::Member(member) => self.delete_member(member, to),
            Expression::OptionalChain(inner) => {
                let (short, end) = (self.label(), self.label());
                self.chains.push(short);
                self.delete(inner, position, to);
                self.chains.pop();
                self.jump(end);
                self.bind(short);
                self.emit(Op::LoadTrue, to, 0, 0);
                self.bind(end);
            }
            _ => {
                self.effect(operand);
                self.emit(Op::LoadTrue, to, 0, 0);
            }
        }
    }

    fn delete_member(&mut self, member: &Member, to: Register) {
        if let MemberObject::Super { this, .. } = &member.object {
            self.load_this(*this, None);
            if let PropertyKey::Computed(key) = &member.key {
                self.effect(key);
            }
            return self.throw_error(1, member.position);
        }
        let reference = self.member_reference(member, false);
        let (object, key) = match reference {
            super::references::Reference::Named(object, name, _) => {
                let key = self.temp();
                self.load_string(key, name);
                (object, key)
            }
            super::references::Reference::Keyed(object, key, _) => (object, key),
            // `delete` of a private member is a SyntaxError.
            _ => return,
        };
        self.at(member.position);
        let op = if self.strict() { Op::DeleteKeyedStrict } else { Op::DeleteKeyed };
        self.emit(op, to, object, key);
    }
}

/// Arithmetic on literals whose result does not depend on anything.
fn fold(operator: BinaryOperator, left: f64, right: f64) -> Option<f64> {
    match operator {
        BinaryOperator::Add => Some(left + right),
        BinaryOperator::Subtract => Some(left - right),
        BinaryOperator::Multiply => Some(left * right),
        BinaryOperator::Divide => Some(left / right),
        _ => None,
    }
}
