//! Methods of RegExp.prototype (§22.2.6), but for replacing and splitting.
#![forbid(unsafe_code)]

use super::{construct, replace, split};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Adds the methods to the prototype.
pub(super) fn install<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    cx.install_methods(
        prototype,
        &[(Name::compile, 2, construct::compile), (Name::exec, 1, exec), (Name::test, 1, test), (Name::toString, 0, to_string)],
    )?;
    cx.install_method(prototype, Name::sym_match, 1, symbol_match)?;
    cx.install_method(prototype, Name::sym_matchAll, 1, symbol_match_all)?;
    cx.install_method(prototype, Name::sym_replace, 2, replace::symbol_replace)?;
    cx.install_method(prototype, Name::sym_search, 1, symbol_search)?;
    cx.install_method(prototype, Name::sym_split, 2, split::symbol_split)
}

/// The receiver of a method, which must be an object.
pub(super) fn receiver<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<()> {
    if !this.is_object() {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("RegExp.prototype.{method} called on incompatible receiver {text}")));
    }
    Ok(())
}

/// The flags of a regular expression as text.
pub(super) fn flags_text<'s>(cx: &mut Cx<'s>, regexp: Local<'s>) -> Completion<String> {
    let flags = cx.get(regexp, Name::flags.key())?;
    cx.to_rust_text(flags)
}

/// RegExp.prototype.exec ( string ) (§22.2.6.2).
fn exec<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::RegExp) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("Method RegExp.prototype.exec called on incompatible receiver {text}")));
    }
    let string = cx.to_string(cx.arg(args, 0))?;
    cx.builtin_exec(this, string)
}

/// RegExp.prototype.test ( S ) (§22.2.6.16).
fn test<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "test")?;
    let string = cx.to_string(cx.arg(args, 0))?;
    if cx.has_original_exec(this) {
        return Ok(Local::bool(cx.builtin_match(this, string)?.is_some()));
    }
    let result = cx.regexp_exec(this, string)?;
    Ok(Local::bool(!result.is_null()))
}

/// RegExp.prototype.toString ( ) (§22.2.6.17).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "toString")?;
    let slash = cx.string("/")?;
    let source = cx.get(this, Name::source.key())?;
    let source = cx.to_string(source)?;
    let flags = cx.get(this, Name::flags.key())?;
    let flags = cx.to_string(flags)?;
    let text = cx.concat(slash, source)?;
    let text = cx.concat(text, slash)?;
    cx.concat(text, flags)
}

/// RegExp.prototype \[ %Symbol.match% \] ( string ) (§22.2.6.8).
fn symbol_match<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.match]")?;
    let string = cx.to_string(cx.arg(args, 0))?;
    if cx.is_pristine(this) {
        return match_strings(cx, this, string);
    }
    let flags = flags_text(cx, this)?;
    if !flags.contains('g') {
        return cx.regexp_exec(this, string);
    }
    let unicode = flags.contains(['u', 'v']);
    cx.set(this, Name::lastIndex.key(), Local::ZERO)?;
    let matches = cx.new_array(0)?;
    loop {
        let mut cx = cx.open();
        let result = cx.regexp_exec(this, string)?;
        if result.is_null() {
            return Ok(if cx.array_length(matches) == 0 { Local::NULL } else { matches });
        }
        let matched = cx.matched_string(result)?;
        cx.array_push(matches, matched)?;
        if cx.string_length(matched) == 0 {
            cx.step_over_empty(this, string, unicode)?;
        }
    }
}

/// The same for a regular expression that nobody has changed.
fn match_strings<'s>(cx: &mut Cx<'s>, this: Local<'s>, string: Local<'s>) -> Completion<Local<'s>> {
    let matcher = cx.matcher(this)?;
    if !matcher.flags.global {
        return cx.builtin_exec(this, string);
    }
    let all = cx.all_matches(this, string, &matcher)?;
    if all.is_empty() {
        return Ok(Local::NULL);
    }
    let matches = cx.new_array(0)?;
    for found in &all {
        let mut cx = cx.open();
        let string = cx.same(string);
        let matched = cx.group_string(string, Some((found.start(), found.end())))?;
        cx.array_push(matches, matched)?;
    }
    Ok(matches)
}

/// RegExp.prototype \[ %Symbol.matchAll% \] ( string ) (§22.2.6.9).
fn symbol_match_all<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.matchAll]")?;
    let string = cx.to_string(cx.arg(args, 0))?;
    let constructor = cx.species_constructor(this, Intrinsic::RegExp)?;
    let flags = cx.get(this, Name::flags.key())?;
    let flags = cx.to_string(flags)?;
    let matcher = cx.construct(constructor, &[this, flags], constructor)?;
    let last_index = cx.get(this, Name::lastIndex.key())?;
    let last_index = cx.to_length(last_index)?;
    cx.set(matcher, Name::lastIndex.key(), Local::number(last_index as f64))?;
    let flags = cx.rust_text(flags)?;
    super::iterator::create(cx, matcher, string, flags.contains('g'), flags.contains(['u', 'v']))
}

/// RegExp.prototype \[ %Symbol.search% \] ( string ) (§22.2.6.12).
fn symbol_search<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.search]")?;
    let string = cx.to_string(cx.arg(args, 0))?;
    // `lastIndex` is 0 while the builtin `exec` runs, and then what it was: nobody sees that.
    if cx.has_original_exec(this) {
        cx.poll()?;
        let matcher = cx.matcher(this)?;
        let found = cx.find_match(&matcher, string, 0, matcher.flags.sticky)?;
        let Some(found) = found else { return Ok(Local::int(-1)) };
        cx.remember_match(string, &found);
        return Ok(Local::number(found.start() as f64));
    }
    let previous = cx.get(this, Name::lastIndex.key())?;
    if !cx.same_value(previous, Local::ZERO) {
        cx.set(this, Name::lastIndex.key(), Local::ZERO)?;
    }
    let result = cx.regexp_exec(this, string)?;
    let current = cx.get(this, Name::lastIndex.key())?;
    if !cx.same_value(current, previous) {
        cx.set(this, Name::lastIndex.key(), previous)?;
    }
    if result.is_null() { Ok(Local::int(-1)) } else { cx.get(result, Name::index.key()) }
}
