//! BigInts (§6.1.6.2): digits of 32 bits in the heap, arithmetic by `dashu-int`.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use dashu_int::{IBig, Sign, UBig};

use crate::js::class::{HASH, STRING_DATA, Thing};
use crate::js::convert::number::trim;
use crate::js::convert::primitive::Hint;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::string::Text;
use crate::js::value::Value;

/// Where the sign stands: 1 for negative ones.
const SIGN: u32 = HASH;
/// Most bits of a BigInt, as in V8.
pub const MAX_BITS: usize = 1 << 30;

/// StringToBigInt (§7.1.14) of a text.
pub fn text_to_bigint(text: Text<'_>) -> Option<IBig> {
    let text = trim(text);
    if text.is_empty() {
        return Some(IBig::ZERO);
    }
    let ascii: String = text.units().map(|unit| u8::try_from(unit).map_or('?', char::from)).collect();
    let (digits, radix) = match ascii.get(..2) {
        Some("0x" | "0X") => (&ascii[2..], 16),
        Some("0o" | "0O") => (&ascii[2..], 8),
        Some("0b" | "0B") => (&ascii[2..], 2),
        _ => (ascii.as_str(), 10),
    };
    let unsigned = if radix == 10 { digits.strip_prefix(['+', '-']).unwrap_or(digits) } else { digits };
    if unsigned.is_empty() || !unsigned.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = UBig::from_str_radix(unsigned, radix).ok()?;
    let sign = if digits.starts_with('-') { Sign::Negative } else { Sign::Positive };
    Some(IBig::from_parts(sign, magnitude))
}

impl<'s> Cx<'s> {
    /// The integer of a BigInt.
    pub fn bigint(&self, bigint: Local<'_>) -> IBig {
        let (heap, reference) = (&self.agent.heap, self.reference(bigint));
        let magnitude = UBig::from_le_bytes(heap.data(reference, STRING_DATA, 4 * heap.length(reference)));
        let sign = if heap.read_u32(reference, SIGN) == 0 { Sign::Positive } else { Sign::Negative };
        IBig::from_parts(sign, magnitude)
    }

    /// A BigInt of an integer.
    ///
    /// # Errors
    ///
    /// A RangeError when it is too large, a termination when memory is out.
    pub fn new_bigint(&mut self, integer: &IBig) -> Completion<Local<'s>> {
        let (sign, magnitude) = integer.clone().into_parts();
        let mut bytes = magnitude.to_le_bytes().to_vec();
        if bytes.len() > MAX_BITS / 8 {
            return Err(self.range_error("Maximum BigInt size exceeded"));
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let bigint = self.allocate_thing(Thing::BigInt, (bytes.len() / 4) as u32)?;
        self.agent.heap.write_data(bigint, STRING_DATA, &bytes);
        self.agent.heap.write_u32(bigint, SIGN, u32::from(sign == Sign::Negative));
        Ok(self.local(Value::bigint(bigint)))
    }

    /// Whether a BigInt is zero.
    pub fn is_bigint_zero(&self, bigint: Local<'_>) -> bool {
        self.agent.heap.length(self.reference(bigint)) == 0
    }

    /// BigInt::equal (§6.1.6.2.13).
    pub fn bigints_equal(&self, left: Local<'_>, right: Local<'_>) -> bool {
        let (heap, a, b) = (&self.agent.heap, self.reference(left), self.reference(right));
        let (length, sign) = (heap.length(a), heap.read_u32(a, SIGN));
        length == heap.length(b)
            && sign == heap.read_u32(b, SIGN)
            && heap.data(a, STRING_DATA, 4 * length) == heap.data(b, STRING_DATA, 4 * length)
    }

    /// The order of two BigInts.
    pub fn compare_bigints(&self, left: Local<'_>, right: Local<'_>) -> Ordering {
        self.bigint(left).cmp(&self.bigint(right))
    }

    /// The order of a BigInt and a number; `None` if that is NaN.
    pub fn compare_bigint_number(&self, bigint: Local<'_>, number: f64) -> Option<Ordering> {
        if number.is_nan() {
            return None;
        }
        if number.is_infinite() {
            return Some(if number > 0.0 { Ordering::Less } else { Ordering::Greater });
        }
        let bigint = self.bigint(bigint);
        let whole = IBig::try_from(number.trunc()).ok()?;
        Some(bigint.cmp(&whole).then(0.0.partial_cmp(&number.fract())?))
    }

    /// StringToBigInt (§7.1.14): nothing if it is none.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn string_to_bigint(&mut self, string: Local<'_>) -> Completion<Option<Local<'s>>> {
        self.flatten(string)?;
        match text_to_bigint(self.text(string)) {
            Some(integer) => self.new_bigint(&integer).map(Some),
            None => Ok(None),
        }
    }

    /// BigInt::toString (§6.1.6.2.21).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn bigint_to_string(&mut self, bigint: Local<'_>, radix: u32) -> Completion<Local<'s>> {
        let text = self.bigint(bigint).in_radix(radix as u8).to_string();
        self.string(&text)
    }

    /// ToBigInt (§7.1.13).
    ///
    /// # Errors
    ///
    /// A TypeError for what has no BigInt, a SyntaxError for a bad string.
    pub fn to_bigint(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        let primitive = self.to_primitive(value, Hint::Number)?;
        if primitive.is_bigint() {
            return Ok(primitive);
        }
        if let Some(bool) = primitive.as_bool() {
            return self.new_bigint(&IBig::from(u8::from(bool)));
        }
        let text = self.display(primitive);
        if primitive.is_string() {
            return match self.string_to_bigint(primitive)? {
                Some(bigint) => Ok(bigint),
                None => Err(self.syntax_error(&format!("Cannot convert {text} to a BigInt"))),
            };
        }
        Err(self.type_error(&format!("Cannot convert {text} to a BigInt")))
    }
}
