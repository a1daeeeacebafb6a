//! JSON (§25.5).
#![forbid(unsafe_code)]

mod parse;
mod stringify;

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::object::operations::Integrity;

/// Makes the object.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let json = cx.new_object()?;
    cx.set_intrinsic(Intrinsic::Json, json);
    cx.install_tag(json, "JSON")?;
    cx.install_methods(
        json,
        &[
            (Name::isRawJSON, 1, is_raw_json),
            (Name::parse, 2, parse::parse),
            (Name::rawJSON, 1, raw_json),
            (Name::stringify, 3, stringify::stringify),
        ],
    )?;
    cx.install_global(Name::JSON, json)
}

/// JSON.isRawJSON ( O ) (§25.5.1).
fn is_raw_json<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.is(cx.arg(args, 0), Class::RawJson)))
}

/// JSON.rawJSON ( text ) (§25.5.3).
fn raw_json<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = cx.to_string(cx.arg(args, 0))?;
    let units = cx.code_units(string)?;
    // 2. and 3. One primitive value without white space around it
    let is_space = |unit: Option<&u16>| unit.is_none_or(|unit| [0x09, 0x0a, 0x0d, 0x20].contains(unit));
    let is_structured = units.first().is_some_and(|&unit| unit == u16::from(b'[') || unit == u16::from(b'{'));
    if is_space(units.first()) || is_space(units.last()) || is_structured {
        return Err(cx.syntax_error("Invalid value for JSON.rawJSON"));
    }
    parse::value_of(cx, &units)?;
    let object = cx.make_object(Class::RawJson, Local::NULL)?;
    cx.add_named(object, Name::rawJSON.local(), string, Attributes::ALL)?;
    cx.set_integrity_level(object, Integrity::Frozen)?;
    Ok(object)
}
