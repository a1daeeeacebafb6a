//! Operators (§13.5 to §13.15, §6.1.6).

use std::cmp::Ordering;

use dashu_int::{IBig, Sign};

use crate::js::bytecode::Op;
use crate::js::convert::bigint::MAX_BITS;
use crate::js::convert::primitive::{Hint, to_int32};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::Local;

/// A binary operator on numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Exponent,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
}

impl Arithmetic {
    /// The operator of an operation, and whether its right operand is an integer in the instruction.
    pub fn of(op: Op) -> Option<(Self, bool)> {
        Some(match op {
            Op::Add => (Self::Add, false),
            Op::AddInt => (Self::Add, true),
            Op::Subtract => (Self::Subtract, false),
            Op::SubtractInt => (Self::Subtract, true),
            Op::Multiply => (Self::Multiply, false),
            Op::MultiplyInt => (Self::Multiply, true),
            Op::Divide => (Self::Divide, false),
            Op::DivideInt => (Self::Divide, true),
            Op::Remainder => (Self::Remainder, false),
            Op::RemainderInt => (Self::Remainder, true),
            Op::Exponent => (Self::Exponent, false),
            Op::BitAnd => (Self::And, false),
            Op::BitAndInt => (Self::And, true),
            Op::BitOr => (Self::Or, false),
            Op::BitOrInt => (Self::Or, true),
            Op::BitXor => (Self::Xor, false),
            Op::BitXorInt => (Self::Xor, true),
            Op::ShiftLeft => (Self::ShiftLeft, false),
            Op::ShiftLeftInt => (Self::ShiftLeft, true),
            Op::ShiftRight => (Self::ShiftRight, false),
            Op::ShiftRightInt => (Self::ShiftRight, true),
            Op::ShiftRightUnsigned => (Self::ShiftRightUnsigned, false),
            Op::ShiftRightUnsignedInt => (Self::ShiftRightUnsigned, true),
            _ => return None,
        })
    }

    /// On Numbers (§6.1.6.1).
    pub fn on_numbers(self, left: f64, right: f64) -> f64 {
        let shift = || to_int32(right) & 31;
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Remainder => left % right,
            Self::Exponent => power(left, right),
            Self::And => f64::from(to_int32(left) & to_int32(right)),
            Self::Or => f64::from(to_int32(left) | to_int32(right)),
            Self::Xor => f64::from(to_int32(left) ^ to_int32(right)),
            Self::ShiftLeft => f64::from(to_int32(left) << shift()),
            Self::ShiftRight => f64::from(to_int32(left) >> shift()),
            Self::ShiftRightUnsigned => f64::from(to_int32(left).cast_unsigned() >> shift()),
        }
    }
}

/// Number::exponentiate (§6.1.6.1.3).
pub fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) {
        return f64::NAN;
    }
    base.powf(exponent)
}

impl<'s> Cx<'s> {
    /// ApplyStringOrNumericBinaryOperator (§13.15.3).
    pub(super) fn arithmetic(&mut self, operator: Arithmetic, left: Local<'s>, right: Local<'s>) -> Completion<Local<'s>> {
        let (mut left, mut right) = (left, right);
        if operator == Arithmetic::Add {
            left = self.to_primitive(left, Hint::Default)?;
            right = self.to_primitive(right, Hint::Default)?;
            if left.is_string() || right.is_string() {
                let left = self.to_string(left)?;
                let right = self.to_string(right)?;
                return self.concat(left, right);
            }
        }
        let left = self.to_numeric(left)?;
        let right = self.to_numeric(right)?;
        match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => Ok(Local::number(operator.on_numbers(left, right))),
            (None, None) => {
                let result = self.on_bigints(operator, &self.bigint(left), &self.bigint(right))?;
                self.new_bigint(&result)
            }
            _ => Err(self.type_error("Cannot mix BigInt and other types, use explicit conversions")),
        }
    }

    #[cold]
    fn too_big(&mut self) -> Thrown {
        self.range_error("Maximum BigInt size exceeded")
    }

    /// On BigInts (§6.1.6.2).
    fn on_bigints(&mut self, operator: Arithmetic, left: &IBig, right: &IBig) -> Completion<IBig> {
        Ok(match operator {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => {
                if bits(left) + bits(right) > MAX_BITS + 1 {
                    return Err(self.too_big());
                }
                left * right
            }
            Arithmetic::Divide | Arithmetic::Remainder if *right == IBig::ZERO => {
                return Err(self.range_error("Division by zero"));
            }
            Arithmetic::Divide => left / right,
            Arithmetic::Remainder => left % right,
            Arithmetic::Exponent => return self.bigint_power(left, right),
            Arithmetic::And => left & right,
            Arithmetic::Or => left | right,
            Arithmetic::Xor => left ^ right,
            Arithmetic::ShiftLeft => return self.bigint_shift(left, right.clone()),
            Arithmetic::ShiftRight => return self.bigint_shift(left, -right.clone()),
            Arithmetic::ShiftRightUnsigned => {
                return Err(self.type_error("BigInts have no unsigned right shift, use >> instead"));
            }
        })
    }

    /// BigInt::exponentiate (§6.1.6.2.3).
    fn bigint_power(&mut self, base: &IBig, exponent: &IBig) -> Completion<IBig> {
        if exponent.sign() == Sign::Negative {
            return Err(self.range_error("Exponent must be non-negative"));
        }
        let small = *base == IBig::ZERO || *base == IBig::ONE || *base == IBig::NEG_ONE;
        let Ok(exponent) = usize::try_from(exponent) else {
            if !small {
                return Err(self.too_big());
            }
            let odd = (exponent & IBig::ONE) == IBig::ONE;
            return Ok(if *base == IBig::NEG_ONE && !odd { IBig::ONE } else { base.clone() });
        };
        if !small && bits(base).saturating_sub(1).saturating_mul(exponent) > MAX_BITS {
            return Err(self.too_big());
        }
        Ok(base.pow(exponent))
    }

    /// BigInt::leftShift (§6.1.6.2.9); to the right if negative.
    fn bigint_shift(&mut self, left: &IBig, by: IBig) -> Completion<IBig> {
        let negative = by.sign() == Sign::Negative;
        let distance = usize::try_from(if negative { -by } else { by }).ok().filter(|&distance| distance <= MAX_BITS);
        match (distance, negative) {
            (Some(distance), true) => Ok(left >> distance),
            (None, true) => Ok(if left.sign() == Sign::Negative { IBig::NEG_ONE } else { IBig::ZERO }),
            _ if *left == IBig::ZERO => Ok(IBig::ZERO),
            (Some(distance), false) if bits(left) + distance <= MAX_BITS => Ok(left << distance),
            _ => Err(self.too_big()),
        }
    }

    /// `Increment`, `Decrement`.
    pub(super) fn step(&mut self, value: Local<'s>, up: bool) -> Completion<Local<'s>> {
        let value = self.to_numeric(value)?;
        if let Some(number) = value.as_number() {
            return Ok(Local::number(if up { number + 1.0 } else { number - 1.0 }));
        }
        let integer = self.bigint(value);
        self.new_bigint(&if up { integer + IBig::ONE } else { integer - IBig::ONE })
    }

    /// `Negate`.
    pub(super) fn negate(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        let value = self.to_numeric(value)?;
        if let Some(number) = value.as_number() {
            return Ok(Local::number(-number));
        }
        let integer = -self.bigint(value);
        self.new_bigint(&integer)
    }

    /// `BitNot`.
    pub(super) fn bit_not(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        let value = self.to_numeric(value)?;
        if let Some(number) = value.as_number() {
            return Ok(Local::int(!to_int32(number)));
        }
        let integer = -self.bigint(value) - IBig::ONE;
        self.new_bigint(&integer)
    }

    /// A relational operator (§13.10.1).
    pub(super) fn compare(&mut self, op: Op, left: Local<'s>, right: Local<'s>) -> Completion<bool> {
        Ok(match op {
            Op::Less => self.is_less_than(left, right, true)? == Some(true),
            Op::Greater => self.is_less_than(right, left, false)? == Some(true),
            Op::LessEqual => self.is_less_than(right, left, false)? == Some(false),
            _ => self.is_less_than(left, right, true)? == Some(false),
        })
    }

    /// `Concat`.
    pub(super) fn concat_registers(&mut self, fp: usize, first: u16, count: u16) -> Completion<Local<'s>> {
        let mut all = self.register(fp, first);
        for nth in 1..count {
            let next = self.register(fp, first + nth);
            all = self.concat(all, next)?;
        }
        Ok(all)
    }
}

fn bits(integer: &IBig) -> usize {
    use dashu_int::ops::BitTest;
    match integer.cmp(&IBig::ZERO) {
        Ordering::Equal => 0,
        _ => integer.bit_len(),
    }
}
