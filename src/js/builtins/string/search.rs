//! Methods that look into a string (§22.1.3).
#![forbid(unsafe_code)]

use super::this_string;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::string::Text;

/// A code unit as a string.
fn unit_at<'s>(cx: &mut Cx<'s>, string: Local<'s>, place: usize) -> Completion<Local<'s>> {
    cx.flatten(string)?;
    let unit = cx.text(string).at(place);
    cx.string_of(Text::Utf16(&[unit]))
}

/// String.prototype.at ( index ) (§22.1.3.1).
pub(super) fn at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "at")?;
    let length = cx.string_length(string) as f64;
    let index = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    let place = if index < 0.0 { length + index } else { index };
    if !(0.0..length).contains(&place) {
        return Ok(Local::UNDEFINED);
    }
    unit_at(cx, string, place as usize)
}

/// The place that a method's first argument names, if it is inside of the string.
fn place<'s>(cx: &mut Cx<'s>, string: Local<'s>, args: Args<'s>) -> Completion<Option<usize>> {
    let length = cx.string_length(string) as f64;
    let place = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    Ok((0.0..length).contains(&place).then_some(place as usize))
}

/// String.prototype.charAt ( pos ) (§22.1.3.2).
pub(super) fn char_at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "charAt")?;
    match place(cx, string, args)? {
        Some(place) => unit_at(cx, string, place),
        None => Ok(Name::empty.local()),
    }
}

/// String.prototype.charCodeAt ( pos ) (§22.1.3.3).
pub(super) fn char_code_at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "charCodeAt")?;
    let Some(place) = place(cx, string, args)? else { return Ok(Local::number(f64::NAN)) };
    cx.flatten(string)?;
    Ok(Local::int(i32::from(cx.text(string).at(place))))
}

/// String.prototype.codePointAt ( pos ) (§22.1.3.4).
pub(super) fn code_point_at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "codePointAt")?;
    let Some(place) = place(cx, string, args)? else { return Ok(Local::UNDEFINED) };
    cx.flatten(string)?;
    Ok(Local::number(f64::from(cx.text(string).code_point(place).0)))
}

/// IsRegExp (§7.2.6).
pub(super) fn is_regexp<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<bool> {
    if !value.is_object() {
        return Ok(false);
    }
    let matcher = cx.get(value, Name::sym_match.key())?;
    if !matcher.is_undefined() {
        return Ok(cx.to_boolean(matcher));
    }
    Ok(cx.is(value, Class::RegExp))
}

/// The string to look for, which may not be a regular expression.
fn searched<'s>(cx: &mut Cx<'s>, args: Args<'s>, method: &str) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    if is_regexp(cx, value)? {
        return Err(cx.type_error(&format!("First argument to String.prototype.{method} must not be a regular expression")));
    }
    let string = cx.to_string(value)?;
    cx.flatten(string)?;
    Ok(string)
}

/// String.prototype.endsWith ( searchString \[ , endPosition \] ) (§22.1.3.7).
pub(super) fn ends_with<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "endsWith")?;
    let what = searched(cx, args, "endsWith")?;
    let length = cx.string_length(string) as f64;
    let end = match cx.arg(args, 1) {
        end if end.is_undefined() => length,
        end => cx.to_integer_or_infinity(end)?.clamp(0.0, length),
    } as usize;
    cx.flatten(string)?;
    let (text, what) = (cx.text(string), cx.text(what));
    Ok(Local::bool(what.len() <= end && text.part(end - what.len(), end) == what))
}

/// String.prototype.includes ( searchString \[ , position \] ) (§22.1.3.8).
pub(super) fn includes<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "includes")?;
    let what = searched(cx, args, "includes")?;
    let from = cx.to_integer_or_infinity(cx.arg(args, 1))?.clamp(0.0, cx.string_length(string) as f64) as usize;
    cx.flatten(string)?;
    Ok(Local::bool(cx.text(string).index_of(cx.text(what), from).is_some()))
}

fn index(found: Option<usize>) -> Local<'static> {
    found.map_or(Local::int(-1), |place| Local::number(place as f64))
}

/// String.prototype.indexOf ( searchString \[ , position \] ) (§22.1.3.9).
pub(super) fn index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "indexOf")?;
    let what = cx.to_string(cx.arg(args, 0))?;
    let from = cx.to_integer_or_infinity(cx.arg(args, 1))?.clamp(0.0, cx.string_length(string) as f64) as usize;
    cx.flatten(string)?;
    cx.flatten(what)?;
    Ok(index(cx.text(string).index_of(cx.text(what), from)))
}

/// String.prototype.lastIndexOf ( searchString \[ , position \] ) (§22.1.3.11).
pub(super) fn last_index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "lastIndexOf")?;
    let what = cx.to_string(cx.arg(args, 0))?;
    let number = cx.to_number(cx.arg(args, 1))?;
    let position = if number.is_nan() { f64::INFINITY } else { number.trunc() };
    let from = position.clamp(0.0, cx.string_length(string) as f64) as usize;
    cx.flatten(string)?;
    cx.flatten(what)?;
    Ok(index(cx.text(string).last_index_of(cx.text(what), from)))
}

/// String.prototype.startsWith ( searchString \[ , position \] ) (§22.1.3.24).
pub(super) fn starts_with<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "startsWith")?;
    let what = searched(cx, args, "startsWith")?;
    let from = cx.to_integer_or_infinity(cx.arg(args, 1))?.clamp(0.0, cx.string_length(string) as f64) as usize;
    cx.flatten(string)?;
    let (text, what) = (cx.text(string), cx.text(what));
    Ok(Local::bool(from + what.len() <= text.len() && text.part(from, from + what.len()) == what))
}
