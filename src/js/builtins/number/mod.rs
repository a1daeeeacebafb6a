//! Number (§21.1).
#![forbid(unsafe_code)]

mod format;

use self::format::{digits_of, radix_text};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::convert::number::number_to_text;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;

/// Makes the constructor and the prototype, which is a Number object itself.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Number,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::Number,
        prototype: Intrinsic::NumberPrototype,
    };
    let parent = cx.intrinsic(Intrinsic::FunctionPrototype);
    let prototype = cx.make_of(Class::Number, Intrinsic::ObjectPrototype)?;
    cx.set_field(prototype, 0, Local::ZERO);
    let (constructor, prototype) = cx.install_constructor_with(described, parent, prototype)?;
    for (name, value) in [
        (Name::EPSILON, f64::EPSILON),
        (Name::MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
        (Name::MAX_VALUE, f64::MAX),
        (Name::MIN_SAFE_INTEGER, -MAX_SAFE_INTEGER),
        (Name::MIN_VALUE, f64::from_bits(1)),
        (Name::NaN, f64::NAN),
        (Name::NEGATIVE_INFINITY, f64::NEG_INFINITY),
        (Name::POSITIVE_INFINITY, f64::INFINITY),
    ] {
        cx.install_constant(constructor, name, Local::number(value))?;
    }
    let table: &[(Name, u32, Native)] = &[
        (Name::isFinite, 1, is_finite),
        (Name::isInteger, 1, is_integer),
        (Name::isNaN, 1, is_nan),
        (Name::isSafeInteger, 1, is_safe_integer),
    ];
    cx.install_methods(constructor, table)?;
    // The same functions as the global object's.
    for name in [Name::parseFloat, Name::parseInt] {
        let global = cx.global();
        let function = cx.get(global, name.key())?;
        cx.define_data(constructor, name.key(), function, Attributes::HIDDEN)?;
    }
    let table: &[(Name, u32, Native)] = &[
        (Name::toExponential, 1, to_exponential),
        (Name::toFixed, 1, to_fixed),
        (Name::toLocaleString, 0, to_locale_string),
        (Name::toPrecision, 1, to_precision),
        (Name::toString, 1, to_string),
        (Name::valueOf, 0, value_of),
    ];
    cx.install_methods(prototype, table)
}

/// Number ( value ) (§21.1.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let mut number = 0.0;
    if !args.is_empty() {
        let numeric = cx.to_numeric(cx.arg(args, 0))?;
        number = match numeric.as_number() {
            Some(number) => number,
            None => cx.bigint(numeric).to_f64().value(),
        };
    }
    if args.new_target().is_undefined() {
        return Ok(Local::number(number));
    }
    let object = cx.create_from_constructor(Class::Number, args.new_target(), Intrinsic::NumberPrototype)?;
    cx.set_field(object, 0, Local::number(number));
    Ok(object)
}

/// Number.isFinite ( number ) (§21.1.2.2).
fn is_finite<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.arg(args, 0).as_number().is_some_and(f64::is_finite)))
}

fn integral(number: f64) -> bool {
    number.is_finite() && number.fract() == 0.0
}

/// Number.isInteger ( number ) (§21.1.2.3).
fn is_integer<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.arg(args, 0).as_number().is_some_and(integral)))
}

/// Number.isNaN ( number ) (§21.1.2.4).
fn is_nan<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.arg(args, 0).as_number().is_some_and(f64::is_nan)))
}

/// Number.isSafeInteger ( number ) (§21.1.2.5).
fn is_safe_integer<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.arg(args, 0).as_number().is_some_and(|number| integral(number) && number.abs() <= MAX_SAFE_INTEGER)))
}

/// ThisNumberValue (§21.1.3.7.1).
fn this_number<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<f64> {
    let value = if cx.is(this, Class::Number) { cx.field(this, 0) } else { this };
    match value.as_number() {
        Some(number) => Ok(number),
        None => Err(cx.type_error(&format!("Number.prototype.{method} requires that 'this' be a Number"))),
    }
}

/// The sign of a number that is written, and its absolute value.
fn signed(number: f64) -> (&'static str, f64) {
    if number < 0.0 { ("-", -number) } else { ("", number.abs()) }
}

/// Number.prototype.toExponential ( fractionDigits ) (§21.1.3.2).
fn to_exponential<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 5.
    let number = this_number(cx, this, "toExponential")?;
    let argument = cx.arg(args, 0);
    let count = cx.to_integer_or_infinity(argument)?;
    if !number.is_finite() {
        return cx.string(&number_to_text(number));
    }
    if !(0.0..=100.0).contains(&count) {
        return Err(cx.range_error("toExponential() argument must be between 0 and 100"));
    }
    let (sign, number) = signed(number);
    let text = if argument.is_undefined() { format!("{number:e}") } else { digits_of(number, count as usize + 1).exponential() };
    let text = if text.contains("e-") { text } else { text.replace('e', "e+") };
    cx.string(&format!("{sign}{text}"))
}

/// Number.prototype.toFixed ( fractionDigits ) (§21.1.3.3).
fn to_fixed<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = this_number(cx, this, "toFixed")?;
    let count = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    if !(0.0..=100.0).contains(&count) {
        return Err(cx.range_error("toFixed() digits argument must be between 0 and 100"));
    }
    if !number.is_finite() || number.abs() >= 1e21 {
        return cx.string(&number_to_text(number));
    }
    let (sign, number) = signed(number);
    cx.string(&format!("{sign}{}", format::fixed(number, count as usize)))
}

/// Number.prototype.toLocaleString ( ) (§21.1.3.4), without ECMA-402.
fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let number = this_number(cx, this, "toLocaleString")?;
    cx.string(&number_to_text(number))
}

/// Number.prototype.toPrecision ( precision ) (§21.1.3.5).
fn to_precision<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = this_number(cx, this, "toPrecision")?;
    if cx.arg(args, 0).is_undefined() {
        return cx.string(&number_to_text(number));
    }
    let precision = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    if !number.is_finite() {
        return cx.string(&number_to_text(number));
    }
    if !(1.0..=100.0).contains(&precision) {
        return Err(cx.range_error("toPrecision() argument must be between 1 and 100"));
    }
    let (sign, number) = signed(number);
    let digits = digits_of(number, precision as usize);
    let text = if digits.exponent < -6 || digits.exponent >= precision as i32 {
        let text = digits.exponential();
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        digits.plain()
    };
    cx.string(&format!("{sign}{text}"))
}

/// Number.prototype.toString ( \[ radix \] ) (§21.1.3.6).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = this_number(cx, this, "toString")?;
    let radix = match cx.arg(args, 0) {
        radix if radix.is_undefined() => 10.0,
        radix => cx.to_integer_or_infinity(radix)?,
    };
    if !(2.0..=36.0).contains(&radix) {
        return Err(cx.range_error("toString() radix must be between 2 and 36"));
    }
    if radix == 10.0 || !number.is_finite() {
        return cx.to_string(Local::number(number));
    }
    cx.string(&radix_text(number, radix as u32))
}

/// Number.prototype.valueOf ( ) (§21.1.3.7).
fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(this_number(cx, this, "valueOf")?))
}
