//! `flags`, `source` and the getters of single flags (§22.2.6).
#![forbid(unsafe_code)]

use super::{FLAGS, SOURCE};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Adds the getters to the prototype.
pub(super) fn install<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    let table: [(Name, Native); 10] = [
        (Name::dotAll, dot_all),
        (Name::flags, flags),
        (Name::global, global),
        (Name::hasIndices, has_indices),
        (Name::ignoreCase, ignore_case),
        (Name::multiline, multiline),
        (Name::source, source),
        (Name::sticky, sticky),
        (Name::unicode, unicode),
        (Name::unicodeSets, unicode_sets),
    ];
    for (name, getter) in table {
        cx.install_getter(prototype, name, getter)?;
    }
    Ok(())
}

/// RegExpHasFlag (§22.2.6.4.1).
fn has_flag<'s>(cx: &mut Cx<'s>, this: Local<'s>, flag: u8, name: &str) -> Completion<Local<'s>> {
    if cx.is(this, Class::RegExp) {
        let flags = cx.field(this, FLAGS);
        cx.flatten(flags)?;
        return Ok(Local::bool(cx.text(flags).units().any(|unit| unit == u16::from(flag))));
    }
    let prototype = cx.intrinsic(Intrinsic::RegExpPrototype);
    if this.is_object() && cx.same_value(this, prototype) {
        return Ok(Local::UNDEFINED);
    }
    Err(cx.type_error(&format!("RegExp.prototype.{name} getter called on non-RegExp object")))
}

macro_rules! getters {
    ($($function:ident $flag:literal $name:literal $section:literal;)*) => {
        $(#[doc = concat!("get RegExp.prototype.", $name, " (§", $section, ").")]
        fn $function<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
            has_flag(cx, this, $flag, $name)
        })*
    };
}

getters! {
    dot_all b's' "dotAll" "22.2.6.3";
    global b'g' "global" "22.2.6.5";
    has_indices b'd' "hasIndices" "22.2.6.6";
    ignore_case b'i' "ignoreCase" "22.2.6.7";
    multiline b'm' "multiline" "22.2.6.10";
    sticky b'y' "sticky" "22.2.6.15";
    unicode b'u' "unicode" "22.2.6.18";
    unicode_sets b'v' "unicodeSets" "22.2.6.19";
}

/// get RegExp.prototype.flags (§22.2.6.4).
fn flags<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("RegExp.prototype.flags getter called on non-object"));
    }
    let mut text = String::new();
    for (name, flag) in [
        (Name::hasIndices, 'd'),
        (Name::global, 'g'),
        (Name::ignoreCase, 'i'),
        (Name::multiline, 'm'),
        (Name::dotAll, 's'),
        (Name::unicode, 'u'),
        (Name::unicodeSets, 'v'),
        (Name::sticky, 'y'),
    ] {
        let value = cx.get(this, name.key())?;
        if cx.to_boolean(value) {
            text.push(flag);
        }
    }
    cx.string(&text)
}

/// get RegExp.prototype.source (§22.2.6.13), with EscapeRegExpPattern (§22.2.6.13.1).
fn source<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::RegExp) {
        let prototype = cx.intrinsic(Intrinsic::RegExpPrototype);
        if this.is_object() && cx.same_value(this, prototype) {
            return cx.string("(?:)");
        }
        return Err(cx.type_error("RegExp.prototype.source getter called on non-RegExp object"));
    }
    let source = cx.field(this, SOURCE);
    let units = cx.code_units(source)?;
    if units.is_empty() {
        return cx.string("(?:)");
    }
    let mut escaped = Vec::with_capacity(units.len());
    let (mut in_class, mut is_escaped) = (false, false);
    for unit in units {
        let line = match unit {
            0x0a => Some("n"),
            0x0d => Some("r"),
            0x2028 => Some("u2028"),
            0x2029 => Some("u2029"),
            _ => None,
        };
        if let Some(line) = line {
            if !is_escaped {
                escaped.push(u16::from(b'\\'));
            }
            escaped.extend(line.encode_utf16());
            is_escaped = false;
            continue;
        }
        let char = u8::try_from(unit).unwrap_or(0);
        if char == b'/' && !is_escaped && !in_class {
            escaped.push(u16::from(b'\\'));
        }
        if !is_escaped {
            in_class = (in_class || char == b'[') && char != b']';
        }
        is_escaped = char == b'\\' && !is_escaped;
        escaped.push(unit);
    }
    cx.string_utf16(&escaped)
}
