//! Dates as texts (§21.4.4).
#![forbid(unsafe_code)]

use super::this_time;
use super::time::{MS_PER_MINUTE, Parts, local_time, offset_at, parts};
use crate::js::convert::primitive::Hint;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Names, lengths, functions.
pub(super) const TABLE: &[(Name, u32, Native)] = &[
    (Name::toDateString, 0, to_date_string),
    (Name::toISOString, 0, to_iso_string),
    (Name::toJSON, 1, to_json),
    (Name::toLocaleDateString, 0, to_locale_date_string),
    (Name::toLocaleString, 0, to_locale_string),
    (Name::toLocaleTimeString, 0, to_locale_time_string),
    (Name::toString, 0, to_string),
    (Name::toTimeString, 0, to_time_string),
    (Name::toUTCString, 0, to_utc_string),
];

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const INVALID: &str = "Invalid Date";

fn year_text(year: f64) -> String {
    if year < 0.0 { format!("-{:06}", -year) } else { format!("{year:04}") }
}

/// DateString (§21.4.4.41.2).
fn date_part(parts: Parts) -> String {
    let (weekday, month) = (WEEKDAYS[parts.weekday as usize], MONTHS[parts.month as usize]);
    format!("{weekday} {month} {:02} {}", parts.date, year_text(parts.year))
}

/// TimeString (§21.4.4.41.1) and TimeZoneString (§21.4.4.41.3).
fn time_part(time: f64, parts: Parts) -> String {
    let (offset, name) = offset_at(time);
    let minutes = offset / MS_PER_MINUTE;
    let sign = if minutes < 0.0 { '-' } else { '+' };
    let (hours, rest) = ((minutes.abs() / 60.0).floor(), minutes.abs() % 60.0);
    format!("{:02}:{:02}:{:02} GMT{sign}{hours:02}{rest:02} ({name})", parts.hour, parts.minute, parts.second)
}

/// ToDateString (§21.4.4.41.4).
pub(super) fn date_text(time: f64) -> String {
    if time.is_nan() {
        return INVALID.to_owned();
    }
    let parts = parts(local_time(time));
    format!("{} {}", date_part(parts), time_part(time, parts))
}

/// A date as a text in local time, or that it is none.
fn local_text<'s>(cx: &mut Cx<'s>, this: Local<'s>, text: impl Fn(f64, Parts) -> String) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    let text = if time.is_nan() { INVALID.to_owned() } else { text(time, parts(local_time(time))) };
    cx.string(&text)
}

/// Date.prototype.toDateString ( ) (§21.4.4.35).
fn to_date_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, |_, parts| date_part(parts))
}

/// Date.prototype.toISOString ( ) (§21.4.4.36).
fn to_iso_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    if time.is_nan() {
        return Err(cx.range_error("Invalid time value"));
    }
    let parts = parts(time);
    let year = match parts.year {
        year if (0.0..=9999.0).contains(&year) => format!("{year:04}"),
        year if year < 0.0 => format!("-{:06}", -year),
        year => format!("+{year:06}"),
    };
    let (month, date) = (parts.month + 1.0, parts.date);
    let clock = format!("{:02}:{:02}:{:02}.{:03}", parts.hour, parts.minute, parts.second, parts.ms);
    cx.string(&format!("{year}-{month:02}-{date:02}T{clock}Z"))
}

/// Date.prototype.toJSON ( key ) (§21.4.4.37).
fn to_json<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.to_object(this)?;
    let primitive = cx.to_primitive(object, Hint::Number)?;
    if primitive.as_number().is_some_and(|number| !number.is_finite()) {
        return Ok(Local::NULL);
    }
    cx.invoke(object, Name::toISOString.key(), &[])
}

/// Date.prototype.toLocaleDateString ( ) (§21.4.4.38), without ECMA-402.
fn to_locale_date_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, |_, parts| date_part(parts))
}

/// Date.prototype.toLocaleString ( ) (§21.4.4.39), without ECMA-402.
fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, |time, _| date_text(time))
}

/// Date.prototype.toLocaleTimeString ( ) (§21.4.4.40), without ECMA-402.
fn to_locale_time_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, time_part)
}

/// Date.prototype.toString ( ) (§21.4.4.41).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, |time, _| date_text(time))
}

/// Date.prototype.toTimeString ( ) (§21.4.4.42).
fn to_time_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    local_text(cx, this, time_part)
}

/// Date.prototype.toUTCString ( ) (§21.4.4.43).
fn to_utc_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    if time.is_nan() {
        return cx.string(INVALID);
    }
    let parts = parts(time);
    let (weekday, month) = (WEEKDAYS[parts.weekday as usize], MONTHS[parts.month as usize]);
    let clock = format!("{:02}:{:02}:{:02}", parts.hour, parts.minute, parts.second);
    cx.string(&format!("{weekday}, {:02} {month} {} {clock} GMT", parts.date, year_text(parts.year)))
}

/// Date.prototype \[ %Symbol.toPrimitive% \] ( hint ) (§21.4.4.45).
pub(super) fn to_primitive<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("Date.prototype[Symbol.toPrimitive] called on non-object"));
    }
    let hint = cx.arg(args, 0);
    for (name, hint_kind) in [(Name::string, Hint::String), (Name::default, Hint::String), (Name::number, Hint::Number)] {
        if cx.same_value(hint, name.local()) {
            return cx.ordinary_to_primitive(this, hint_kind);
        }
    }
    let text = cx.display(hint);
    Err(cx.type_error(&format!("Invalid hint: {text}")))
}
