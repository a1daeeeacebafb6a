//! The setters of Date.prototype (§21.4.4): all arguments are converted before the date is looked at again.
#![forbid(unsafe_code)]

use super::time::{day, local_time, make_date, make_day, make_full_year, make_time, parts, time_clip, time_within_day, utc};
use super::{set_time, this_time};
use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Names, lengths, functions.
pub(super) const TABLE: &[(Name, u32, Native)] = &[
    (Name::setDate, 1, set_date),
    (Name::setFullYear, 3, set_full_year),
    (Name::setHours, 4, set_hours),
    (Name::setMilliseconds, 1, set_milliseconds),
    (Name::setMinutes, 3, set_minutes),
    (Name::setMonth, 2, set_month),
    (Name::setSeconds, 2, set_seconds),
    (Name::setTime, 1, set_time_value),
    (Name::setUTCDate, 1, set_utc_date),
    (Name::setUTCFullYear, 3, set_utc_full_year),
    (Name::setUTCHours, 4, set_utc_hours),
    (Name::setUTCMilliseconds, 1, set_utc_milliseconds),
    (Name::setUTCMinutes, 3, set_utc_minutes),
    (Name::setUTCMonth, 2, set_utc_month),
    (Name::setUTCSeconds, 2, set_utc_seconds),
    (Name::setYear, 1, set_year),
];

/// Sets parts of a date from one on: 0 year, 1 month, 2 date, 3 hours, 4 minutes, 5 seconds, 6 ms; at most `most` of them.
fn set_parts<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    args: Args<'s>,
    first: usize,
    most: usize,
    is_local: bool,
) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    let mut given = Vec::with_capacity(most);
    for nth in 0..args.len().clamp(1, most) {
        given.push(cx.to_number(cx.arg(args, nth))?);
    }
    // Only a year makes a date of what is none.
    let time = match (time.is_nan(), first) {
        (true, 0) => 0.0,
        (true, _) => return Ok(Local::number(f64::NAN)),
        (false, _) if is_local => local_time(time),
        (false, _) => time,
    };
    let now = parts(time);
    let mut all = [now.year, now.month, now.date, now.hour, now.minute, now.second, now.ms];
    all[first..first + given.len()].copy_from_slice(&given);
    let [year, month, date, hour, minute, second, ms] = all;
    let new = if first < 3 {
        make_date(make_day(year, month, date), time_within_day(time))
    } else {
        make_date(day(time), make_time(hour, minute, second, ms))
    };
    let new = time_clip(if is_local { utc(new) } else { new });
    Ok(Local::number(set_time(cx, this, new)))
}

macro_rules! setters {
    ($($function:ident $section:literal $first:literal $most:literal $is_local:literal;)*) => {
        $(#[doc = concat!("Date.prototype's setter of §", $section, ".")]
        fn $function<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            set_parts(cx, this, args, $first, $most, $is_local)
        })*
    };
}

setters! {
    set_date "21.4.4.20" 2 1 true;
    set_full_year "21.4.4.21" 0 3 true;
    set_hours "21.4.4.22" 3 4 true;
    set_milliseconds "21.4.4.23" 6 1 true;
    set_minutes "21.4.4.24" 4 3 true;
    set_month "21.4.4.25" 1 2 true;
    set_seconds "21.4.4.26" 5 2 true;
    set_utc_date "21.4.4.28" 2 1 false;
    set_utc_full_year "21.4.4.29" 0 3 false;
    set_utc_hours "21.4.4.30" 3 4 false;
    set_utc_milliseconds "21.4.4.31" 6 1 false;
    set_utc_minutes "21.4.4.32" 4 3 false;
    set_utc_month "21.4.4.33" 1 2 false;
    set_utc_seconds "21.4.4.34" 5 2 false;
}

/// Date.prototype.setTime ( time ) (§21.4.4.27).
fn set_time_value<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    this_time(cx, this)?;
    let time = cx.to_number(cx.arg(args, 0))?;
    Ok(Local::number(set_time(cx, this, time_clip(time))))
}

/// Date.prototype.setYear ( year ) (§B.2.3.2).
fn set_year<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let time = this_time(cx, this)?;
    let year = cx.to_number(cx.arg(args, 0))?;
    if year.is_nan() {
        return Ok(Local::number(set_time(cx, this, f64::NAN)));
    }
    let time = if time.is_nan() { 0.0 } else { local_time(time) };
    let now = parts(time);
    let new = make_date(make_day(make_full_year(year), now.month, now.date), time_within_day(time));
    Ok(Local::number(set_time(cx, this, time_clip(utc(new)))))
}
