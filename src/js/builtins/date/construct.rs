//! The Date constructor (§21.4.2, §21.4.3), and what the prototype is made of.
#![forbid(unsafe_code)]

use super::time::{make_date, make_day, make_full_year, make_time, now, time_clip, utc};
use super::{get, parse, set, set_time, text};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::convert::primitive::Hint;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;

/// Makes the constructor and the prototype.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Date,
        native: construct,
        length: 7,
        intrinsic: Intrinsic::Date,
        prototype: Intrinsic::DatePrototype,
    };
    let (constructor, prototype) = cx.install_constructor(described)?;
    cx.install_methods(constructor, &[(Name::now, 0, date_now), (Name::parse, 1, date_parse), (Name::UTC, 7, date_utc)])?;
    cx.install_methods(prototype, get::TABLE)?;
    cx.install_methods(prototype, set::TABLE)?;
    cx.install_methods(prototype, text::TABLE)?;
    // The same function (§B.2.3.3).
    let function = cx.get(prototype, Name::toUTCString.key())?;
    cx.define_data(prototype, Name::toGMTString.key(), function, Attributes::HIDDEN)?;
    let to_primitive = cx.new_native(text::to_primitive, Name::sym_toPrimitive.key(), 1, false)?;
    cx.define_data(prototype, Name::sym_toPrimitive.key(), to_primitive, Attributes::CONFIGURABLE)
}

/// Date ( ...values ) (§21.4.2.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    if args.new_target().is_undefined() {
        return cx.string(&text::date_text(now()));
    }
    // 3. to 5.
    let time = match args.len() {
        0 => now(),
        1 => {
            let value = cx.arg(args, 0);
            if cx.is(value, Class::Date) {
                cx.field_value(value, 0).as_number().unwrap_or(f64::NAN)
            } else {
                let primitive = cx.to_primitive(value, Hint::Default)?;
                match primitive.is_string() {
                    true => parse::parse(&cx.rust_text(primitive)?),
                    false => time_clip(cx.to_number(primitive)?),
                }
            }
        }
        _ => time_clip(utc(fields(cx, args)?)),
    };
    let date = cx.create_from_constructor(Class::Date, args.new_target(), Intrinsic::DatePrototype)?;
    set_time(cx, date, time);
    Ok(date)
}

/// Year, month and what else is given, as a time value without a zone.
fn fields<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<f64> {
    let mut numbers = [f64::NAN, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    for (nth, number) in numbers.iter_mut().enumerate() {
        if nth < args.len() {
            *number = cx.to_number(cx.arg(args, nth))?;
        }
    }
    let [year, month, date, hour, minute, second, ms] = numbers;
    Ok(make_date(make_day(make_full_year(year), month, date), make_time(hour, minute, second, ms)))
}

/// Date.now ( ) (§21.4.3.1).
fn date_now<'s>(_: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(now()))
}

/// Date.parse ( string ) (§21.4.3.2).
fn date_parse<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = cx.to_rust_text(cx.arg(args, 0))?;
    Ok(Local::number(parse::parse(&text)))
}

/// Date.UTC ( year \[ , month \[ , date \[ , hours \[ , minutes \[ , seconds \[ , ms \] \] \] \] \] \] ) (§21.4.3.4).
fn date_utc<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(time_clip(fields(cx, args)?)))
}
