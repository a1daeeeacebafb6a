//! ToPrimitive, ToBoolean, ToNumeric, ToString, ToObject, ToPropertyKey and the integer conversions (§7.1).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::convert::number::{number_to_text, text_to_number};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;

/// What ToPrimitive prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    Default,
    /// A string.
    String,
    /// A number.
    Number,
}

/// 2⁵³ − 1.
pub const MAX_SAFE_INTEGER: f64 = 9007199254740991.0;

/// ToInt32 (§7.1.6) of a number.
#[inline]
pub fn to_int32(number: f64) -> i32 {
    let int = number as i32;
    if f64::from(int) == number { int } else { wrap_to_int32(number) }
}

#[cold]
fn wrap_to_int32(number: f64) -> i32 {
    if !number.is_finite() {
        return 0;
    }
    const TWO_32: f64 = 4294967296.0;
    let rest = number.trunc() % TWO_32;
    (if rest < 0.0 { rest + TWO_32 } else { rest }) as u32 as i32
}

impl<'s> Cx<'s> {
    /// ToPrimitive (§7.1.1).
    ///
    /// # Errors
    ///
    /// A TypeError; what methods throw.
    pub fn to_primitive(&mut self, value: Local<'s>, hint: Hint) -> Completion<Local<'s>> {
        if !value.is_object() {
            return Ok(value);
        }
        // 1.a
        let exotic = self.get_method(value, Name::sym_toPrimitive.key())?;
        if !exotic.is_undefined() {
            let hint = match hint {
                Hint::Default => Name::default,
                Hint::String => Name::string,
                Hint::Number => Name::number,
            };
            let result = self.call(exotic, value, &[hint.local()])?;
            if result.is_object() {
                return Err(self.type_error("Cannot convert object to primitive value"));
            }
            return Ok(result);
        }
        self.ordinary_to_primitive(value, hint)
    }

    /// OrdinaryToPrimitive (§7.1.1.1).
    ///
    /// # Errors
    ///
    /// A TypeError; what methods throw.
    pub fn ordinary_to_primitive(&mut self, object: Local<'s>, hint: Hint) -> Completion<Local<'s>> {
        let methods = if hint == Hint::String { [Name::toString, Name::valueOf] } else { [Name::valueOf, Name::toString] };
        for name in methods {
            let method = self.get(object, name.key())?;
            if self.is_callable(method) {
                let result = self.call(method, object, &[])?;
                if !result.is_object() {
                    return Ok(result);
                }
            }
        }
        Err(self.type_error("Cannot convert object to primitive value"))
    }

    /// ToBoolean (§7.1.2).
    pub fn to_boolean(&self, value: Local<'_>) -> bool {
        if let Some(bool) = value.as_bool() {
            return bool;
        }
        if let Some(number) = value.as_number() {
            return number != 0.0 && !number.is_nan();
        }
        if value.is_string() {
            return self.string_length(value) != 0;
        }
        if value.is_bigint() {
            return !self.is_bigint_zero(value);
        }
        !value.is_nullish()
    }

    /// ToNumber (§7.1.4).
    ///
    /// # Errors
    ///
    /// A TypeError for symbols and BigInts; what methods throw.
    pub fn to_number(&mut self, value: Local<'s>) -> Completion<f64> {
        if let Some(number) = value.as_number() {
            return Ok(number);
        }
        if let Some(bool) = value.as_bool() {
            return Ok(f64::from(u8::from(bool)));
        }
        if value.is_undefined() {
            return Ok(f64::NAN);
        }
        if value.is_null() {
            return Ok(0.0);
        }
        if value.is_string() {
            self.flatten(value)?;
            return Ok(text_to_number(self.text(value)));
        }
        if value.is_symbol() {
            return Err(self.type_error("Cannot convert a Symbol value to a number"));
        }
        if value.is_bigint() {
            return Err(self.type_error("Cannot convert a BigInt value to a number"));
        }
        let mut cx = self.open();
        let primitive = cx.to_primitive(value, Hint::Number)?;
        cx.to_number(primitive)
    }

    /// ToNumeric (§7.1.3): a number or a BigInt.
    ///
    /// # Errors
    ///
    /// A TypeError for symbols; what methods throw.
    pub fn to_numeric(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        if value.is_number() {
            return Ok(value);
        }
        let primitive = self.to_primitive(value, Hint::Number)?;
        if primitive.is_bigint() {
            return Ok(primitive);
        }
        Ok(Local::number(self.to_number(primitive)?))
    }

    /// ToIntegerOrInfinity (§7.1.5).
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_integer_or_infinity(&mut self, value: Local<'s>) -> Completion<f64> {
        let number = self.to_number(value)?;
        Ok(if number.is_nan() { 0.0 } else { number.trunc() + 0.0 })
    }

    /// ToInt32 (§7.1.6).
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_int32(&mut self, value: Local<'s>) -> Completion<i32> {
        Ok(to_int32(self.to_number(value)?))
    }

    /// ToUint32 (§7.1.7).
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_uint32(&mut self, value: Local<'s>) -> Completion<u32> {
        Ok(self.to_int32(value)?.cast_unsigned())
    }

    /// ToLength (§7.1.20).
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_length(&mut self, value: Local<'s>) -> Completion<u64> {
        Ok(self.to_integer_or_infinity(value)?.clamp(0.0, MAX_SAFE_INTEGER) as u64)
    }

    /// ToIndex (§7.1.22).
    ///
    /// # Errors
    ///
    /// A RangeError when it is out of range.
    pub fn to_index(&mut self, value: Local<'s>) -> Completion<u64> {
        let integer = self.to_integer_or_infinity(value)?;
        if !(0.0..=MAX_SAFE_INTEGER).contains(&integer) {
            return Err(self.range_error("Invalid index"));
        }
        Ok(integer as u64)
    }

    /// A position relative to a length, as many builtins take it: negative ones count from the end.
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_relative(&mut self, value: Local<'s>, length: u64) -> Completion<u64> {
        let relative = self.to_integer_or_infinity(value)?;
        let length = length as f64;
        Ok(if relative < 0.0 { (length + relative).max(0.0) } else { relative.min(length) } as u64)
    }

    /// The same, with the length itself for `undefined`.
    ///
    /// # Errors
    ///
    /// As [`to_number`](Cx::to_number).
    pub fn to_relative_end(&mut self, value: Local<'s>, length: u64) -> Completion<u64> {
        if value.is_undefined() { Ok(length) } else { self.to_relative(value, length) }
    }

    /// ToString (§7.1.17).
    ///
    /// # Errors
    ///
    /// A TypeError for symbols; what methods throw.
    pub fn to_string(&mut self, value: Local<'_>) -> Completion<Local<'s>> {
        if value.is_string() {
            let value = self.value(value);
            return Ok(self.local(value));
        }
        if let Some(number) = value.as_number() {
            return match value.as_int() {
                Some(int @ 0..10) => self.atom(crate::js::string::Text::Latin1(&[b'0' + int as u8])),
                Some(int) => self.string(&int.to_string()),
                None => self.string(&number_to_text(number)),
            };
        }
        if let Some(bool) = value.as_bool() {
            return Ok(if bool { Name::r#true.local() } else { Name::r#false.local() });
        }
        if value.is_undefined() {
            return Ok(Name::undefined.local());
        }
        if value.is_null() {
            return Ok(Name::null.local());
        }
        if value.is_symbol() {
            return Err(self.type_error("Cannot convert a Symbol value to a string"));
        }
        if value.is_bigint() {
            return self.bigint_to_string(value, 10);
        }
        let value = self.value(value);
        self.scope(|cx| {
            let object = cx.local(value);
            let primitive = cx.to_primitive(object, Hint::String)?;
            cx.to_string(primitive)
        })
    }

    /// ToObject (§7.1.18).
    ///
    /// # Errors
    ///
    /// A TypeError for undefined and null.
    pub fn to_object(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        if value.is_object() {
            return Ok(value);
        }
        let (class, prototype) = match value {
            _ if value.is_string() => (Class::String, Intrinsic::StringPrototype),
            _ if value.is_number() => (Class::Number, Intrinsic::NumberPrototype),
            _ if value.is_bool() => (Class::Boolean, Intrinsic::BooleanPrototype),
            _ if value.is_symbol() => (Class::Symbol, Intrinsic::SymbolPrototype),
            _ if value.is_bigint() => (Class::BigInt, Intrinsic::BigIntPrototype),
            _ => return Err(self.type_error("Cannot convert undefined or null to object")),
        };
        let object = self.make_of(class, prototype)?;
        self.set_field(object, 0, value);
        Ok(object)
    }

    /// ToPropertyKey (§7.1.19).
    ///
    /// # Errors
    ///
    /// What methods throw.
    pub fn to_property_key(&mut self, value: Local<'s>) -> Completion<Key<'s>> {
        if let Some(int @ 0..) = value.as_int() {
            return Ok(Key::Index(int.cast_unsigned()));
        }
        if value.is_string() {
            return self.key_of_string(value);
        }
        let primitive = self.to_primitive(value, Hint::String)?;
        if primitive.is_symbol() {
            return Ok(Key::Name(primitive));
        }
        let string = self.to_string(primitive)?;
        self.key_of_string(string)
    }

    /// ToString, as Rust's text.
    ///
    /// # Errors
    ///
    /// As [`to_string`](Cx::to_string).
    pub fn to_rust_text(&mut self, value: Local<'_>) -> Completion<String> {
        let mut cx = self.open();
        let string = cx.to_string(value)?;
        cx.rust_text(string)
    }

    /// RequireObjectCoercible (§7.2.1).
    ///
    /// # Errors
    ///
    /// A TypeError for undefined and null.
    pub fn require_object_coercible(&mut self, value: Local<'_>, method: &str) -> Completion<()> {
        if value.is_nullish() {
            return Err(self.type_error(&format!("{method} called on null or undefined")));
        }
        Ok(())
    }
}
