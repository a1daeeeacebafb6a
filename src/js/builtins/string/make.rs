//! Methods that make other strings (§22.1.3).
#![forbid(unsafe_code)]

use super::this_string;
use crate::js::convert::number::{self, is_white_space};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::string::{MAX_LENGTH, Text};

/// String.prototype.concat ( ...args ) (§22.1.3.5).
pub(super) fn concat<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let mut string = this_string(cx, this, "concat")?;
    for nth in 0..args.len() {
        let next = cx.to_string(cx.arg(args, nth))?;
        string = cx.concat(string, next)?;
    }
    Ok(string)
}

/// StringPaddingBuiltinsImpl (§22.1.3.17.1).
fn pad<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, at_start: bool) -> Completion<Local<'s>> {
    let string = this_string(cx, this, if at_start { "padStart" } else { "padEnd" })?;
    let length = cx.to_length(cx.arg(args, 0))? as usize;
    let own = cx.string_length(string);
    if length <= own {
        return Ok(string);
    }
    let filler = match cx.arg(args, 1) {
        filler if filler.is_undefined() => cx.string(" ")?,
        filler => cx.to_string(filler)?,
    };
    let units = cx.code_units(filler)?;
    if units.is_empty() {
        return Ok(string);
    }
    if length > MAX_LENGTH {
        return Err(cx.range_error("Invalid string length"));
    }
    let padding: Vec<u16> = units.iter().copied().cycle().take(length - own).collect();
    let padding = cx.string_utf16(&padding)?;
    if at_start { cx.concat(padding, string) } else { cx.concat(string, padding) }
}

/// String.prototype.padEnd ( maxLength \[ , fillString \] ) (§22.1.3.16).
pub(super) fn pad_end<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    pad(cx, this, args, false)
}

/// String.prototype.padStart ( maxLength \[ , fillString \] ) (§22.1.3.17).
pub(super) fn pad_start<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    pad(cx, this, args, true)
}

/// String.prototype.repeat ( count ) (§22.1.3.18).
pub(super) fn repeat<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "repeat")?;
    let count = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    if count < 0.0 || count.is_infinite() {
        let text = cx.display(cx.arg(args, 0));
        return Err(cx.range_error(&format!("Invalid count value: {text}")));
    }
    let length = cx.string_length(string);
    if length == 0 || count == 0.0 {
        return Ok(Name::empty.local());
    }
    if count * length as f64 > MAX_LENGTH as f64 {
        return Err(cx.range_error("Invalid string length"));
    }
    cx.flatten(string)?;
    let repeated = match cx.text(string) {
        Text::Latin1(bytes) => Ok(bytes.repeat(count as usize)),
        Text::Utf16(units) => Err(units.repeat(count as usize)),
    };
    match repeated {
        Ok(bytes) => cx.string_of(Text::Latin1(&bytes)),
        Err(units) => cx.string_of(Text::Utf16(&units)),
    }
}

/// String.prototype.slice ( start, end ) (§22.1.3.22).
pub(super) fn slice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "slice")?;
    let length = cx.string_length(string) as u64;
    let from = cx.to_relative(cx.arg(args, 0), length)? as usize;
    let to = cx.to_relative_end(cx.arg(args, 1), length)? as usize;
    if from >= to { Ok(Name::empty.local()) } else { cx.substring(string, from, to) }
}

/// String.prototype.substring ( start, end ) (§22.1.3.25).
pub(super) fn substring<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "substring")?;
    let length = cx.string_length(string) as f64;
    let start = cx.to_integer_or_infinity(cx.arg(args, 0))?.clamp(0.0, length) as usize;
    let end = match cx.arg(args, 1) {
        end if end.is_undefined() => length,
        end => cx.to_integer_or_infinity(end)?.clamp(0.0, length),
    } as usize;
    let (from, to) = (start.min(end), start.max(end));
    if from == to { Ok(Name::empty.local()) } else { cx.substring(string, from, to) }
}

/// String.prototype.substr ( start, length ) (§B.2.2.1).
pub(super) fn substr<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "substr")?;
    let size = cx.string_length(string) as u64;
    let from = cx.to_relative(cx.arg(args, 0), size)? as usize;
    let length = match cx.arg(args, 1) {
        length if length.is_undefined() => size as f64,
        length => cx.to_integer_or_infinity(length)?,
    };
    let to = (from as f64 + length.clamp(0.0, size as f64)).min(size as f64) as usize;
    if from >= to { Ok(Name::empty.local()) } else { cx.substring(string, from, to) }
}

/// TrimString (§22.1.3.32.1).
fn trimmed<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str, start: bool, end: bool) -> Completion<Local<'s>> {
    let string = this_string(cx, this, method)?;
    cx.flatten(string)?;
    let text = cx.text(string);
    let from = if start { text.units().position(|unit| !is_white_space(unit)).unwrap_or(text.len()) } else { 0 };
    let behind =
        if end { text.units().rev().take(text.len() - from).take_while(|&unit| is_white_space(unit)).count() } else { 0 };
    let to = text.len() - behind;
    debug_assert!(!(start && end) || number::trim(text).len() == to - from);
    if from == to { Ok(Name::empty.local()) } else { cx.substring(string, from, to) }
}

/// String.prototype.trim ( ) (§22.1.3.32).
pub(super) fn trim<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    trimmed(cx, this, "trim", true, true)
}

/// String.prototype.trimEnd ( ) (§22.1.3.33).
pub(super) fn trim_end<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    trimmed(cx, this, "trimEnd", false, true)
}

/// String.prototype.trimStart ( ) (§22.1.3.34).
pub(super) fn trim_start<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    trimmed(cx, this, "trimStart", true, false)
}
