//! The getters of Date.prototype (§21.4.4).
#![forbid(unsafe_code)]

use super::this_time;
use super::time::{MS_PER_MINUTE, Parts, local_time, parts};
use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::js::names::Name;

fn part<'s>(cx: &mut Cx<'s>, this: Local<'s>, is_local: bool, part: impl Fn(Parts) -> f64) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    if time.is_nan() {
        return Ok(Local::number(time));
    }
    Ok(Local::number(part(parts(if is_local { local_time(time) } else { time }))))
}

macro_rules! getters {
    ($($local:ident $utc:ident $rust_local:ident $rust_utc:ident $section:literal $field:ident;)*) => {
        $(#[doc = concat!("Date.prototype.", stringify!($local), " ( ), and in UTC (§", $section, ").")]
        fn $rust_local<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
            part(cx, this, true, |parts| parts.$field)
        }

        fn $rust_utc<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
            part(cx, this, false, |parts| parts.$field)
        })*

        /// Names, lengths, functions.
        pub(super) const TABLE: &[(Name, u32, Native)] = &[
            $((Name::$local, 0, $rust_local), (Name::$utc, 0, $rust_utc),)*
            (Name::getTime, 0, get_time),
            (Name::getTimezoneOffset, 0, get_timezone_offset),
            (Name::getYear, 0, get_year),
            (Name::valueOf, 0, get_time),
        ];
    };
}

getters! {
    getDate getUTCDate get_date get_utc_date "21.4.4.2, 21.4.4.12" date;
    getDay getUTCDay get_day get_utc_day "21.4.4.3, 21.4.4.13" weekday;
    getFullYear getUTCFullYear get_full_year get_utc_full_year "21.4.4.4, 21.4.4.14" year;
    getHours getUTCHours get_hours get_utc_hours "21.4.4.5, 21.4.4.15" hour;
    getMilliseconds getUTCMilliseconds get_milliseconds get_utc_milliseconds "21.4.4.6, 21.4.4.16" ms;
    getMinutes getUTCMinutes get_minutes get_utc_minutes "21.4.4.7, 21.4.4.17" minute;
    getMonth getUTCMonth get_month get_utc_month "21.4.4.8, 21.4.4.18" month;
    getSeconds getUTCSeconds get_seconds get_utc_seconds "21.4.4.9, 21.4.4.19" second;
}

/// Date.prototype.getTime ( ) (§21.4.4.10), valueOf ( ) (§21.4.4.44).
fn get_time<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(this_time(cx, this)?))
}

/// Date.prototype.getTimezoneOffset ( ) (§21.4.4.11).
fn get_timezone_offset<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    Ok(Local::number((time - local_time(time)) / MS_PER_MINUTE))
}

/// Date.prototype.getYear ( ) (§B.2.3.1).
fn get_year<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    part(cx, this, true, |parts| parts.year - 1900.0)
}
