//! The constructor's legacy properties, such as `RegExp.$1` (the proposal for annex B; see §22.2 for all else).
//!
//! A realm remembers the last match of a builtin `exec`: the string, and the places of the match and of nine groups.
#![forbid(unsafe_code)]

use super::exec::Found;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::{Attributes, PropertyDescriptor};
use crate::js::value::Value;

/// Words: the input, the matched string, then two places for the match and each group, and the number of groups.
const INPUT: u32 = 0;
const STRING: u32 = 1;
const PLACES: u32 = 2;
const GROUPS: u32 = 10;
const COUNT: u32 = PLACES + 2 * GROUPS;
/// From here on the array has what [`pristine`](super::pristine) remembers.
pub(super) const ORIGINALS: u32 = COUNT + 1;
pub(super) const WORDS: u32 = ORIGINALS + 32;

impl Cx<'_> {
    /// UpdateLegacyRegExpStaticProperties.
    pub(super) fn remember_match(&mut self, string: Local<'_>, found: &Found) {
        let (words, string) = (self.words(), self.value(string));
        self.write_value(words, INPUT, string);
        self.write_value(words, STRING, string);
        for (nth, place) in (0..GROUPS).zip(found.groups()) {
            let (start, end) = place.unwrap_or((0, 0));
            self.write_value(words, PLACES + 2 * nth, Value::number(start as f64));
            self.write_value(words, PLACES + 2 * nth + 1, Value::number(end as f64));
        }
        self.write_value(words, COUNT, Value::int(found.count() as i32));
    }
}

/// Adds the accessors to the constructor.
pub(super) fn install<'s>(cx: &mut Cx<'s>, constructor: Local<'s>) -> Completion<()> {
    let words = cx.allocate_values(WORDS, Value::ZERO)?;
    let words = cx.root_value(Value::object(words));
    let reference = cx.reference(words);
    for nth in [INPUT, STRING] {
        let empty = cx.value(Name::empty.local());
        cx.write_value(reference, nth, empty);
    }
    cx.set_intrinsic(Intrinsic::RegExpLegacy, words);
    let groups: [Native; 9] = [group1, group2, group3, group4, group5, group6, group7, group8, group9];
    for (nth, getter) in groups.into_iter().enumerate() {
        accessor(cx, constructor, &format!("${}", nth + 1), getter, None)?;
    }
    accessor(cx, constructor, "input", input, Some(set_input))?;
    accessor(cx, constructor, "$_", input, Some(set_input))?;
    for (names, getter) in [
        (["lastMatch", "$&"], last_match as Native),
        (["lastParen", "$+"], last_paren),
        (["leftContext", "$`"], left_context),
        (["rightContext", "$'"], right_context),
    ] {
        for name in names {
            accessor(cx, constructor, name, getter, None)?;
        }
    }
    Ok(())
}

fn accessor<'s>(cx: &mut Cx<'s>, on: Local<'s>, name: &str, getter: Native, setter: Option<Native>) -> Completion<()> {
    let mut cx = cx.open();
    let (key, prototype) = (cx.key(name)?, cx.intrinsic(Intrinsic::FunctionPrototype));
    let getter = cx.new_native_with(getter, key, "get", 0, false, prototype)?;
    let setter = match setter {
        Some(setter) => cx.new_native_with(setter, key, "set", 1, false, prototype)?,
        None => Local::UNDEFINED,
    };
    cx.define_property_or_throw(on, key, PropertyDescriptor::accessor(getter, setter, Attributes::CONFIGURABLE))
}

/// GetLegacyRegExpStaticProperty: the receiver must be %RegExp% itself.
fn check<'s>(cx: &mut Cx<'s>, this: Local<'s>) -> Completion<Local<'s>> {
    let constructor = cx.intrinsic(Intrinsic::RegExp);
    if !cx.same_value(this, constructor) {
        return Err(cx.type_error("RegExp static properties are only there on RegExp itself"));
    }
    Ok(cx.intrinsic(Intrinsic::RegExpLegacy))
}

fn number(cx: &Cx<'_>, last: Local<'_>, nth: u32) -> usize {
    cx.read_value(cx.reference(last), nth).as_number().unwrap_or(0.0) as usize
}

/// A part of the last string: `None` for an end means its own.
fn part<'s>(cx: &mut Cx<'s>, last: Local<'s>, from: usize, to: Option<usize>) -> Completion<Local<'s>> {
    let string = cx.read_value(cx.reference(last), STRING);
    let string = cx.local(string);
    let to = to.unwrap_or(cx.string_length(string));
    if from >= to { Ok(Name::empty.local()) } else { cx.substring(string, from, to) }
}

fn group<'s>(cx: &mut Cx<'s>, this: Local<'s>, nth: u32) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    if nth >= number(cx, last, COUNT) as u32 {
        return Ok(Name::empty.local());
    }
    let (from, to) = (number(cx, last, PLACES + 2 * nth), number(cx, last, PLACES + 2 * nth + 1));
    part(cx, last, from, Some(to))
}

macro_rules! groups {
    ($($function:ident $nth:literal;)*) => {
        $(fn $function<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
            group(cx, this, $nth)
        })*
    };
}

groups! { group1 1; group2 2; group3 3; group4 4; group5 5; group6 6; group7 7; group8 8; group9 9; last_match 0; }

fn input<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    let input = cx.read_value(cx.reference(last), INPUT);
    Ok(cx.local(input))
}

fn set_input<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    let text = cx.to_string(cx.arg(args, 0))?;
    let (words, text) = (cx.reference(last), cx.value(text));
    cx.write_value(words, INPUT, text);
    Ok(Local::UNDEFINED)
}

fn last_paren<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    let count = number(cx, last, COUNT) as u32;
    match count.checked_sub(1).filter(|&nth| nth > 0 && nth < GROUPS) {
        Some(nth) => group(cx, this, nth),
        None => Ok(Name::empty.local()),
    }
}

fn left_context<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    let to = number(cx, last, PLACES);
    part(cx, last, 0, Some(to))
}

fn right_context<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let last = check(cx, this)?;
    let from = number(cx, last, PLACES + 1);
    part(cx, last, from, None)
}
