//! Comparison (§7.2).
#![forbid(unsafe_code)]

use crate::js::convert::primitive::Hint;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;

impl<'s> Cx<'s> {
    /// SameValue (§7.2.9).
    pub fn same_value(&self, left: Local<'_>, right: Local<'_>) -> bool {
        match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.to_bits() == right.to_bits(),
            _ => self.same_but_for_numbers(left, right),
        }
    }

    /// SameValueZero (§7.2.10).
    pub fn same_value_zero(&self, left: Local<'_>, right: Local<'_>) -> bool {
        match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left == right || (left.is_nan() && right.is_nan()),
            _ => self.same_but_for_numbers(left, right),
        }
    }

    /// IsStrictlyEqual (§7.2.14).
    pub fn is_strictly_equal(&self, left: Local<'_>, right: Local<'_>) -> bool {
        match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left == right,
            _ => self.same_but_for_numbers(left, right),
        }
    }

    /// SameValueNonNumber (§7.2.11), for any pair that is not two numbers.
    fn same_but_for_numbers(&self, left: Local<'_>, right: Local<'_>) -> bool {
        if self.value(left) == self.value(right) {
            return true;
        }
        if left.is_string() && right.is_string() {
            return self.string_length(left) == self.string_length(right) && self.units_equal(left, right);
        }
        left.is_bigint() && right.is_bigint() && self.bigints_equal(left, right)
    }

    /// IsLooselyEqual (§7.2.13).
    ///
    /// # Errors
    ///
    /// What conversions throw.
    pub fn is_loosely_equal(&mut self, left: Local<'s>, right: Local<'s>) -> Completion<bool> {
        let both = |is: fn(Local<'s>) -> bool| is(left) && is(right);
        if both(Local::is_number) || both(Local::is_string) || both(Local::is_object) || both(Local::is_bigint) {
            return Ok(self.is_strictly_equal(left, right));
        }
        if left.is_nullish() || right.is_nullish() {
            // [[IsHTMLDDA]] is the host's; there is none.
            return Ok(left.is_nullish() && right.is_nullish());
        }
        if left.is_object() || right.is_object() {
            let mut cx = self.open();
            let (object, other) = if left.is_object() { (left, right) } else { (right, left) };
            let primitive = cx.to_primitive(object, Hint::Default)?;
            return cx.is_loosely_equal(primitive, other);
        }
        if left.is_symbol() || right.is_symbol() || both(Local::is_bool) {
            return Ok(self.is_strictly_equal(left, right));
        }
        if left.is_bigint() || right.is_bigint() {
            let (bigint, other) = if left.is_bigint() { (left, right) } else { (right, left) };
            let mut cx = self.open();
            if other.is_string() {
                return match cx.string_to_bigint(other)? {
                    Some(other) => Ok(cx.bigints_equal(bigint, other)),
                    None => Ok(false),
                };
            }
            let number = cx.to_number(other)?;
            return Ok(cx.compare_bigint_number(bigint, number) == Some(std::cmp::Ordering::Equal));
        }
        Ok(self.to_number(left)? == self.to_number(right)?)
    }

    /// IsLessThan (§7.2.12) of `left` and `right`, whose conversion to primitives goes in that order if `left_first`. `None` when one
    /// is not a number.
    ///
    /// # Errors
    ///
    /// What conversions throw.
    pub fn is_less_than(&mut self, left: Local<'s>, right: Local<'s>, left_first: bool) -> Completion<Option<bool>> {
        use std::cmp::Ordering::{Greater, Less};
        let mut cx = self.open();
        let (left, right) = if left_first {
            let left = cx.to_primitive(left, Hint::Number)?;
            (left, cx.to_primitive(right, Hint::Number)?)
        } else {
            let right = cx.to_primitive(right, Hint::Number)?;
            (cx.to_primitive(left, Hint::Number)?, right)
        };
        if left.is_string() && right.is_string() {
            cx.flatten(left)?;
            cx.flatten(right)?;
            return Ok(Some(cx.text(left).compare(cx.text(right)) == Less));
        }
        if left.is_bigint() && right.is_string() {
            let right = cx.string_to_bigint(right)?;
            return Ok(right.map(|right| cx.compare_bigints(left, right) == Less));
        }
        if left.is_string() && right.is_bigint() {
            let left = cx.string_to_bigint(left)?;
            return Ok(left.map(|left| cx.compare_bigints(left, right) == Less));
        }
        let left = cx.to_numeric(left)?;
        let right = cx.to_numeric(right)?;
        Ok(match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).map(|order| order == Less),
            (Some(left), None) => cx.compare_bigint_number(right, left).map(|order| order == Greater),
            (None, Some(right)) => cx.compare_bigint_number(left, right).map(|order| order == Less),
            (None, None) => Some(cx.compare_bigints(left, right) == Less),
        })
    }
}
