//! The String constructor (§22.1.1, §22.1.2) and the value of String objects.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::convert::primitive::to_int32;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;

/// String ( value ) (§22.1.1.1).
pub(super) fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    let string = if args.is_empty() {
        Name::empty.local()
    } else if args.new_target().is_undefined() && value.is_symbol() {
        // SymbolDescriptiveString
        let text = cx.key_text(Key::Name(value));
        return cx.string(&text);
    } else {
        cx.to_string(value)?
    };
    if args.new_target().is_undefined() {
        return Ok(string);
    }
    let object = cx.create_from_constructor(Class::String, args.new_target(), Intrinsic::StringPrototype)?;
    cx.set_field(object, 0, string);
    Ok(object)
}

/// String.fromCharCode ( ...codeUnits ) (§22.1.2.1).
pub(super) fn from_char_code<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let mut units = Vec::with_capacity(args.len());
    for nth in 0..args.len() {
        units.push(to_int32(cx.to_number(cx.arg(args, nth))?) as u16);
    }
    cx.string_utf16(&units)
}

/// String.fromCodePoint ( ...codePoints ) (§22.1.2.2).
pub(super) fn from_code_point<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let mut units = Vec::with_capacity(args.len());
    for nth in 0..args.len() {
        let number = cx.to_number(cx.arg(args, nth))?;
        if number.fract() != 0.0 || !(0.0..=1114111.0).contains(&number) {
            let text = cx.display(cx.arg(args, nth));
            return Err(cx.range_error(&format!("Invalid code point {text}")));
        }
        let point = number as u32;
        match point.checked_sub(0x10000) {
            None => units.push(point as u16),
            Some(rest) => units.extend([0xd800 + (rest >> 10) as u16, 0xdc00 + (rest & 0x3ff) as u16]),
        }
    }
    cx.string_utf16(&units)
}

/// String.raw ( template, ...substitutions ) (§22.1.2.4).
pub(super) fn raw<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let template = cx.to_object(cx.arg(args, 0))?;
    let literals = cx.get(template, Name::raw.key())?;
    let literals = cx.to_object(literals)?;
    let length = cx.length_of_array_like(literals)?;
    let mut text = Name::empty.local();
    for index in 0..length {
        let key = cx.key_of_number(index as f64)?;
        let literal = cx.get(literals, key)?;
        let literal = cx.to_string(literal)?;
        text = cx.concat(text, literal)?;
        if index + 1 < length && (index as usize) + 1 < args.len() {
            let substitution = cx.to_string(cx.arg(args, index as usize + 1))?;
            text = cx.concat(text, substitution)?;
        }
    }
    Ok(text)
}

/// ThisStringValue (§22.1.3.35.1): String.prototype.toString ( ) (§22.1.3.29), valueOf ( ) (§22.1.3.35).
pub(super) fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if this.is_string() {
        return Ok(this);
    }
    if cx.is(this, Class::String) {
        return Ok(cx.field(this, 0));
    }
    Err(cx.type_error("String.prototype.valueOf requires that 'this' be a String"))
}
