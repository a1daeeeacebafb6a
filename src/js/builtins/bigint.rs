//! BigInt (§21.2).
#![forbid(unsafe_code)]

use dashu_int::{IBig, UBig};

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::convert::primitive::Hint;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the constructor and the prototype.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::BigInt,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::BigInt,
        prototype: Intrinsic::BigIntPrototype,
    };
    let (constructor, prototype) = cx.install_constructor(described)?;
    cx.install_methods(constructor, &[(Name::asIntN, 2, as_int_n), (Name::asUintN, 2, as_uint_n)])?;
    cx.install_methods(
        prototype,
        &[(Name::toLocaleString, 0, to_locale_string), (Name::toString, 0, to_string), (Name::valueOf, 0, value_of)],
    )?;
    cx.install_tag(prototype, "BigInt")
}

/// BigInt ( value ) (§21.2.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !args.new_target().is_undefined() {
        return Err(cx.type_error("BigInt is not a constructor"));
    }
    let primitive = cx.to_primitive(cx.arg(args, 0), Hint::Number)?;
    match primitive.as_number() {
        // NumberToBigInt (§21.2.1.1.1)
        Some(number) => match IBig::try_from(number) {
            Ok(integer) if number.fract() == 0.0 => cx.new_bigint(&integer),
            _ => {
                let text = cx.display(primitive);
                Err(cx.range_error(&format!("The number {text} cannot be converted to a BigInt because it is not an integer")))
            }
        },
        None => cx.to_bigint(primitive),
    }
}

/// 2 to a power.
fn power(bits: usize) -> UBig {
    UBig::ONE << bits
}

/// The bits and the BigInt of asIntN and asUintN. An integer that is short enough is itself.
fn operands<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<(u64, Local<'s>)> {
    let bits = cx.to_index(cx.arg(args, 0))?;
    let bigint = cx.to_bigint(cx.arg(args, 1))?;
    Ok((bits, bigint))
}

fn bit_length(integer: &IBig) -> u64 {
    dashu_int::ops::BitTest::bit_len(&integer.clone().into_parts().1) as u64
}

/// BigInt.asIntN ( bits, bigint ) (§21.2.2.1).
fn as_int_n<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (bits, bigint) = operands(cx, args)?;
    if bits == 0 {
        return cx.new_bigint(&IBig::ZERO);
    }
    let integer = cx.bigint(bigint);
    if bits > bit_length(&integer) {
        return Ok(bigint);
    }
    let modulus = IBig::from(power(bits as usize));
    let rest = dashu_int::ops::RemEuclid::rem_euclid(integer, modulus.clone());
    let rest = IBig::from(rest);
    let result = if rest >= IBig::from(power(bits as usize - 1)) { rest - modulus } else { rest };
    cx.new_bigint(&result)
}

/// BigInt.asUintN ( bits, bigint ) (§21.2.2.2).
fn as_uint_n<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (bits, bigint) = operands(cx, args)?;
    let integer = cx.bigint(bigint);
    if integer >= IBig::ZERO && bits >= bit_length(&integer) {
        return Ok(bigint);
    }
    if bits > crate::js::convert::bigint::MAX_BITS as u64 {
        return Err(cx.range_error("Maximum BigInt size exceeded"));
    }
    let modulus = IBig::from(power(bits as usize));
    let rest = dashu_int::ops::RemEuclid::rem_euclid(integer, modulus);
    cx.new_bigint(&IBig::from(rest))
}

/// ThisBigIntValue (§21.2.3.4.1).
fn this_bigint<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<Local<'s>> {
    if this.is_bigint() {
        return Ok(this);
    }
    if cx.is(this, Class::BigInt) {
        return Ok(cx.field(this, 0));
    }
    Err(cx.type_error(&format!("BigInt.prototype.{method} requires that 'this' be a BigInt")))
}

/// BigInt.prototype.toLocaleString ( ) (§21.2.3.2), without ECMA-402.
fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let bigint = this_bigint(cx, this, "toLocaleString")?;
    cx.bigint_to_string(bigint, 10)
}

/// BigInt.prototype.toString ( \[ radix \] ) (§21.2.3.3).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let bigint = this_bigint(cx, this, "toString")?;
    let radix = match cx.arg(args, 0) {
        radix if radix.is_undefined() => 10.0,
        radix => cx.to_integer_or_infinity(radix)?,
    };
    if !(2.0..=36.0).contains(&radix) {
        return Err(cx.range_error("toString() radix must be between 2 and 36"));
    }
    cx.bigint_to_string(bigint, radix as u32)
}

/// BigInt.prototype.valueOf ( ) (§21.2.3.4).
fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    this_bigint(cx, this, "valueOf")
}
