//! Conditions as jumps.

use super::operators::small_integer;
use super::references::assigns;
use super::{Generator, Label};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{BinaryOperator, Expression, LogicalOperator, UnaryOperator};

/// The jump if a comparison holds, and with a small integer on the right.
fn comparison(operator: BinaryOperator, holds: bool) -> Option<(Op, Op)> {
    Some(match (operator, holds) {
        (BinaryOperator::Less, true) => (Op::JumpIfLess, Op::JumpIfLessInt),
        (BinaryOperator::Less, false) => (Op::JumpIfNotLess, Op::JumpIfNotLessInt),
        (BinaryOperator::LessEqual, true) => (Op::JumpIfLessEqual, Op::JumpIfLessEqualInt),
        (BinaryOperator::LessEqual, false) => (Op::JumpIfNotLessEqual, Op::JumpIfNotLessEqualInt),
        (BinaryOperator::Greater, true) => (Op::JumpIfGreater, Op::JumpIfGreaterInt),
        (BinaryOperator::Greater, false) => (Op::JumpIfNotGreater, Op::JumpIfNotGreaterInt),
        (BinaryOperator::GreaterEqual, true) => (Op::JumpIfGreaterEqual, Op::JumpIfGreaterEqualInt),
        (BinaryOperator::GreaterEqual, false) => (Op::JumpIfNotGreaterEqual, Op::JumpIfNotGreaterEqualInt),
        (BinaryOperator::Equal, true) | (BinaryOperator::NotEqual, false) => (Op::JumpIfEqual, Op::JumpIfEqualInt),
        (BinaryOperator::Equal, false) | (BinaryOperator::NotEqual, true) => (Op::JumpIfNotEqual, Op::JumpIfNotEqualInt),
        (BinaryOperator::StrictEqual, true) | (BinaryOperator::StrictNotEqual, false) => {
            (Op::JumpIfStrictEqual, Op::JumpIfStrictEqualInt)
        }
        (BinaryOperator::StrictEqual, false) | (BinaryOperator::StrictNotEqual, true) => {
            (Op::JumpIfStrictNotEqual, Op::JumpIfStrictNotEqualInt)
        }
        _ => return None,
    })
}

impl Generator<'_> {
    /// Jumps to the label if the expression is true (or, with `holds` false, if it is not); else continues.
    pub(super) fn condition(&mut self, expression: &Expression, label: Label, holds: bool) {
        match expression {
            Expression::Boolean(value) => {
                if *value == holds {
                    self.jump(label);
                }
            }
            Expression::Unary { operator: UnaryOperator::Not, operand, .. } => self.condition(operand, label, !holds),
            Expression::Logical { operator: LogicalOperator::And, left, right } => {
                if holds {
                    let skip = self.label();
                    self.condition(left, skip, false);
                    self.condition(right, label, true);
                    self.bind(skip);
                } else {
                    self.condition(left, label, false);
                    self.condition(right, label, false);
                }
            }
            Expression::Logical { operator: LogicalOperator::Or, left, right } => {
                if holds {
                    self.condition(left, label, true);
                    self.condition(right, label, true);
                } else {
                    let skip = self.label();
                    self.condition(left, skip, true);
                    self.condition(right, label, false);
                    self.bind(skip);
                }
            }
            Expression::Binary { operator, left, right, position } if !self.long_jumps => {
                let Some((op, with_integer)) = comparison(*operator, holds) else {
                    return self.plain_condition(expression, label, holds);
                };
                let mark = self.mark();
                let left = self.kept(left, assigns(right));
                match small_integer(right) {
                    Some(integer) => {
                        self.at(*position);
                        self.fixups.push((self.here(), label));
                        self.emit(with_integer, left, integer, 0);
                    }
                    None => {
                        let right = self.expression(right, None);
                        self.at(*position);
                        self.fixups.push((self.here(), label));
                        self.emit(op, left, right, 0);
                    }
                }
                self.release(mark);
            }
            _ => self.plain_condition(expression, label, holds),
        }
    }

    fn plain_condition(&mut self, expression: &Expression, label: Label, holds: bool) {
        let mark = self.mark();
        let value = self.expression(expression, None);
        self.jump_if(if holds { Op::JumpIfTrue } else { Op::JumpIfFalse }, value, label);
        self.release(mark);
    }
}
