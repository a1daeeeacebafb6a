//! Date (§21.4).
//!
//! | file | what |
//! |---|---|
//! | `time` | time values and their parts (§21.4.1), local time |
//! | `parse` | texts as time values |
//! | `construct` | the constructor and its functions |
//! | `get`, `set` | the parts of a date |
//! | `text` | dates as texts |
#![forbid(unsafe_code)]

mod construct;
mod get;
mod parse;
mod set;
mod text;
mod time;

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::value::Value;

pub(in crate::js) use construct::install;

/// ThisTimeValue: the internal slot of a date.
fn this_time<'s>(cx: &mut Cx<'s>, this: Local<'s>) -> Completion<f64> {
    if !cx.is(this, Class::Date) {
        return Err(cx.type_error("this is not a Date object."));
    }
    Ok(cx.field_value(this, 0).as_number().unwrap_or(f64::NAN))
}

fn set_time(cx: &mut Cx<'_>, date: Local<'_>, time: f64) -> f64 {
    cx.set_field_value(date, 0, Value::number(time));
    time
}
