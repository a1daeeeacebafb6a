//! includes, indexOf, lastIndexOf, join and toLocaleString of typed arrays (§23.2.3).
#![forbid(unsafe_code)]

use crate::js::builtins::array::text::TextBuilder;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::typed_array::View;
use crate::js::string::Text;

/// What is looked for, as elements can be compared with it.
enum Wanted {
    Number(f64),
    Bits(u64),
    NaN,
    Nothing,
}

impl Wanted {
    fn new(cx: &Cx<'_>, element: Element, value: Local<'_>, finds_nan: bool) -> Wanted {
        if element.is_bigint() {
            if !value.is_bigint() {
                return Wanted::Nothing;
            }
            let bits = cx.bigint_low_bits(value);
            let integer = match element {
                Element::BigInt64 => dashu_int::IBig::from(bits.cast_signed()),
                _ => dashu_int::IBig::from(bits),
            };
            return if cx.bigint(value) == integer { Wanted::Bits(bits) } else { Wanted::Nothing };
        }
        match value.as_number() {
            Some(number) if number.is_nan() && finds_nan => Wanted::NaN,
            Some(number) if !number.is_nan() => Wanted::Number(number),
            _ => Wanted::Nothing,
        }
    }

    fn is(&self, view: &View, index: usize) -> bool {
        let Some(bits) = view.load(index) else { return false };
        let number = || view.element.number(bits).as_number();
        match *self {
            Wanted::Number(wanted) => number() == Some(wanted),
            Wanted::Bits(wanted) => bits == wanted,
            Wanted::NaN => number().is_some_and(f64::is_nan),
            Wanted::Nothing => false,
        }
    }
}

/// %TypedArray%.prototype.includes (§23.2.3.16).
pub(super) fn includes<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.includes")?;
    if length == 0 {
        return Ok(Local::FALSE);
    }
    let from = cx.to_relative(cx.arg(args, 1), length as u64)? as usize;
    let value = cx.arg(args, 0);
    let view = cx.view(this);
    // What was cut off by the conversion reads as undefined.
    if value.is_undefined() {
        return Ok(Local::bool(from.max(view.map_or(0, |view| view.length)) < length));
    }
    let wanted = Wanted::new(cx, cx.element_of(this), value, true);
    Ok(Local::bool(view.is_some_and(|view| (from..length.min(view.length)).any(|index| wanted.is(&view, index)))))
}

/// %TypedArray%.prototype.indexOf (§23.2.3.17).
pub(super) fn index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.indexOf")?;
    if length == 0 {
        return Ok(Local::int(-1));
    }
    let from = cx.to_relative(cx.arg(args, 1), length as u64)? as usize;
    let wanted = Wanted::new(cx, cx.element_of(this), cx.arg(args, 0), false);
    let found = cx.view(this).and_then(|view| (from..length.min(view.length)).find(|&index| wanted.is(&view, index)));
    Ok(found.map_or(Local::int(-1), |index| Local::number(index as f64)))
}

/// %TypedArray%.prototype.lastIndexOf (§23.2.3.20).
pub(super) fn last_index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.lastIndexOf")? as f64;
    if length == 0.0 {
        return Ok(Local::int(-1));
    }
    // 5. to 8.
    let from = if args.len() > 1 { cx.to_integer_or_infinity(cx.arg(args, 1))? } else { length - 1.0 };
    let last = if from >= 0.0 { from.min(length - 1.0) } else { length + from };
    if last < 0.0 {
        return Ok(Local::int(-1));
    }
    let wanted = Wanted::new(cx, cx.element_of(this), cx.arg(args, 0), false);
    let found = cx.view(this).and_then(|view| (0..=last as usize).rev().find(|&index| wanted.is(&view, index)));
    Ok(found.map_or(Local::int(-1), |index| Local::number(index as f64)))
}

/// %TypedArray%.prototype.join (§23.2.3.18).
pub(super) fn join<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.join")?;
    let separator = cx.arg(args, 0);
    let separator = if separator.is_undefined() { cx.string(",")? } else { cx.to_string(separator)? };
    let mut text = TextBuilder::default();
    for index in 0..length {
        let mut cx = cx.open();
        if index > 0 {
            cx.append_string(&mut text, separator)?;
        }
        let value = cx.typed_array_at(this, index)?;
        if !value.is_undefined() {
            let string = cx.to_string(value)?;
            cx.append_string(&mut text, string)?;
        }
    }
    cx.string_of(text.text())
}

/// %TypedArray%.prototype.toLocaleString (§23.2.3.31). Without ECMA-402 nothing is passed on.
pub(super) fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.toLocaleString")?;
    let mut text = TextBuilder::default();
    for index in 0..length {
        let mut cx = cx.open();
        if index > 0 && !text.push(Text::Latin1(b",")) {
            return Err(cx.range_error("Invalid string length"));
        }
        let value = cx.typed_array_at(this, index)?;
        if !value.is_undefined() {
            let string = cx.invoke(value, Name::toLocaleString.key(), &[])?;
            let string = cx.to_string(string)?;
            cx.append_string(&mut text, string)?;
        }
    }
    cx.string_of(text.text())
}
