//! Values as they lie in registers and slots: 64-bit NaN-boxes whose references are 32-bit offsets in the cage.
//!
//! | upper 16 bits | meaning |
//! |---|---|
//! | up to `0xfff8` | a double; there is one NaN |
//! | `0xfff9` | a 32-bit integer; equal to the double of the same value in every respect |
//! | `0xfffa` | undefined, null, a Boolean, or one of the engine's own marks |
//! | `0xfffc` … `0xffff` | a reference to an object, a string, a symbol, a BigInt ([`boxed_ref`]) |
//!
//! A `Value` is good until the next allocation; what lasts longer is a [`Local`](crate::js::local::Local).
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::heap::reference::{box_ref, boxed_ref};

const INT_TAG: u64 = 0xfff9;
const SPECIAL_TAG: u64 = 0xfffa;
const TAG_SHIFT: u32 = 48;
pub(crate) const OBJECT_TAG: u64 = 0;
pub(crate) const STRING_TAG: u64 = 1;
pub(crate) const SYMBOL_TAG: u64 = 2;
pub(crate) const BIGINT_TAG: u64 = 3;
const REF_TAG: u64 = 0xfffc;
const NAN: u64 = 0x7ff8 << TAG_SHIFT;

/// A boxed value.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Value(u64);

const fn special(nth: u64) -> Value {
    Value(SPECIAL_TAG << TAG_SHIFT | nth)
}

impl Value {
    /// The value `undefined`.
    pub const UNDEFINED: Value = special(0);
    /// The value `null`.
    pub const NULL: Value = special(1);
    /// The value `false`.
    pub const FALSE: Value = special(2);
    /// The value `true`.
    pub const TRUE: Value = special(3);
    /// An element of an array that is not there. No script sees it.
    pub const HOLE: Value = special(4);
    /// A binding before its initialization. No script sees it.
    pub const UNINITIALIZED: Value = special(5);
    /// Zero.
    pub const ZERO: Value = Value::int(0);

    /// From the bits of a slot.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        Value(bits)
    }

    /// The bits of a slot.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// An integer.
    #[inline(always)]
    pub const fn int(value: i32) -> Self {
        Value(INT_TAG << TAG_SHIFT | value.cast_unsigned() as u64)
    }

    /// A number, as an integer where it is one.
    #[inline(always)]
    pub fn number(value: f64) -> Self {
        let int = value as i32;
        if f64::from(int).to_bits() == value.to_bits() { Value::int(int) } else { Value::double(value) }
    }

    /// A number as a double.
    #[inline(always)]
    pub fn double(value: f64) -> Self {
        if value.is_nan() { Value(NAN) } else { Value(value.to_bits()) }
    }

    /// A Boolean.
    #[inline(always)]
    pub const fn bool(value: bool) -> Self {
        special(2 + value as u64)
    }

    /// An object.
    #[inline(always)]
    pub const fn object(reference: HeapRef) -> Self {
        Value(box_ref(OBJECT_TAG, reference))
    }

    /// A string.
    #[inline(always)]
    pub const fn string(reference: HeapRef) -> Self {
        Value(box_ref(STRING_TAG, reference))
    }

    /// A symbol.
    #[inline(always)]
    pub const fn symbol(reference: HeapRef) -> Self {
        Value(box_ref(SYMBOL_TAG, reference))
    }

    /// A BigInt.
    #[inline(always)]
    pub const fn bigint(reference: HeapRef) -> Self {
        Value(box_ref(BIGINT_TAG, reference))
    }

    #[inline(always)]
    const fn tag(self) -> u64 {
        self.0 >> TAG_SHIFT
    }

    /// Whether it is `undefined`.
    #[inline(always)]
    pub const fn is_undefined(self) -> bool {
        self.0 == Value::UNDEFINED.0
    }

    /// Whether it is `null`.
    #[inline(always)]
    pub const fn is_null(self) -> bool {
        self.0 == Value::NULL.0
    }

    /// Whether it is `undefined` or `null`.
    #[inline(always)]
    pub const fn is_nullish(self) -> bool {
        self.0 | 1 == Value::NULL.0
    }

    /// Whether it is the mark of an element that is not there.
    #[inline(always)]
    pub const fn is_hole(self) -> bool {
        self.0 == Value::HOLE.0
    }

    /// Whether it is the mark of a binding before its initialization.
    #[inline(always)]
    pub const fn is_uninitialized(self) -> bool {
        self.0 == Value::UNINITIALIZED.0
    }

    /// The Boolean, if it is one.
    #[inline(always)]
    pub const fn as_bool(self) -> Option<bool> {
        if self.0 | 1 == Value::TRUE.0 { Some(self.0 & 1 != 0) } else { None }
    }

    /// Whether it is a number that is kept as an integer.
    #[inline(always)]
    pub const fn is_int(self) -> bool {
        self.tag() == INT_TAG
    }

    /// The number, if it is kept as an integer.
    #[inline(always)]
    pub const fn as_int(self) -> Option<i32> {
        if self.is_int() { Some((self.0 as u32).cast_signed()) } else { None }
    }

    /// Whether it is a number that is kept as a double.
    #[inline(always)]
    pub const fn is_double(self) -> bool {
        self.tag() < INT_TAG
    }

    /// Whether it is a number.
    #[inline(always)]
    pub const fn is_number(self) -> bool {
        self.tag() <= INT_TAG
    }

    /// The number, if it is one.
    #[inline(always)]
    pub fn as_number(self) -> Option<f64> {
        if self.is_double() { Some(f64::from_bits(self.0)) } else { self.as_int().map(f64::from) }
    }

    /// Whether it is an object.
    #[inline(always)]
    pub const fn is_object(self) -> bool {
        self.tag() == REF_TAG + OBJECT_TAG
    }

    /// Whether it is a string.
    #[inline(always)]
    pub const fn is_string(self) -> bool {
        self.tag() == REF_TAG + STRING_TAG
    }

    /// Whether it is a symbol.
    #[inline(always)]
    pub const fn is_symbol(self) -> bool {
        self.tag() == REF_TAG + SYMBOL_TAG
    }

    /// Whether it is a BigInt.
    #[inline(always)]
    pub const fn is_bigint(self) -> bool {
        self.tag() == REF_TAG + BIGINT_TAG
    }

    /// What it refers to, if it is no number, Boolean, undefined or null.
    #[inline(always)]
    pub const fn reference(self) -> Option<HeapRef> {
        boxed_ref(self.0)
    }

    /// What it refers to, which must be known to be something.
    #[inline(always)]
    pub const fn heap_ref(self) -> HeapRef {
        debug_assert!(self.reference().is_some());
        HeapRef::from_bits(self.0 as u32)
    }

    /// The same kind of reference with other low bits.
    #[inline(always)]
    pub(in crate::js) const fn with_low(self, low: u32) -> u64 {
        self.0 & !(u32::MAX as u64) | low as u64
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_number() {
            Some(number) => write!(f, "{number}"),
            None if self.is_undefined() => f.write_str("undefined"),
            None if self.is_null() => f.write_str("null"),
            None => match (self.as_bool(), self.reference()) {
                (Some(bool), _) => write!(f, "{bool}"),
                (None, Some(reference)) => write!(f, "{reference:?}"),
                (None, None) => write!(f, "mark {}", self.0 as u32),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn numbers_keep_their_value_and_sign() {
        for number in [0.0, -0.0, 1.0, -1.0, 0.5, 2147483647.0, -2147483648.0, 2147483648.0, f64::INFINITY, f64::MIN_POSITIVE] {
            let value = Value::number(number);
            assert_eq!(value.as_number().map(f64::to_bits), Some(number.to_bits()), "{number}");
            assert_eq!(value.is_int(), number.to_bits() == f64::from(number as i32).to_bits(), "{number}");
        }
        assert!(Value::number(-f64::NAN).is_double() && Value::number(f64::NAN) == Value::double(-f64::NAN));
    }

    #[test]
    fn kinds_exclude_one_another() {
        for value in [Value::UNDEFINED, Value::NULL, Value::TRUE, Value::HOLE, Value::int(-1), Value::double(f64::NAN)] {
            assert!(value.reference().is_none() && !value.is_object());
            assert_eq!(value.is_nullish(), value == Value::UNDEFINED || value == Value::NULL);
            assert_eq!(value.as_bool().is_some(), value == Value::TRUE);
        }
    }
}
