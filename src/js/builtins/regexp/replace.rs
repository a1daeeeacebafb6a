//! RegExp.prototype \[ %Symbol.replace% \] (§22.2.6.11).
#![forbid(unsafe_code)]

use super::Matcher;
use super::exec::Found;
use super::methods::{flags_text, receiver};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::string::Text;

/// RegExp.prototype \[ %Symbol.replace% \] ( string, replaceValue ) (§22.2.6.11).
pub(super) fn symbol_replace<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.replace]")?;
    // 3. to 9.
    let string = cx.to_string(cx.arg(args, 0))?;
    let mut replacement = cx.arg(args, 1);
    let is_function = cx.is_callable(replacement);
    if !is_function {
        replacement = cx.to_string(replacement)?;
    }
    if cx.is_pristine(this) {
        return replace_matches(cx, this, string, replacement, is_function);
    }
    let flags = flags_text(cx, this)?;
    let (global, unicode) = (flags.contains('g'), flags.contains(['u', 'v']));
    if global {
        cx.set(this, Name::lastIndex.key(), Local::ZERO)?;
    }
    // 10. to 13. All results come before the first replacement.
    let results = cx.new_array(0)?;
    loop {
        let mut cx = cx.open();
        let result = cx.regexp_exec(this, string)?;
        if result.is_null() {
            break;
        }
        cx.array_push(results, result)?;
        if !global {
            break;
        }
        let matched = cx.matched_string(result)?;
        if cx.string_length(matched) == 0 {
            cx.step_over_empty(this, string, unicode)?;
        }
    }
    let count = cx.array_length(results);
    if count == 0 {
        return Ok(string);
    }
    // 14. to 16.
    let mut replaced = Units::default();
    let mut next = 0;
    for nth in 0..count {
        let mut cx = cx.open();
        let result = cx.get(results, Key::Index(nth))?;
        let (matched, position, units) = one_replacement(&mut cx, string, result, replacement, is_function)?;
        if position >= next {
            cx.flatten(string)?;
            replaced.push(cx.text(string).part(next, position));
            replaced.push(Text::Utf16(&units));
            next = position + matched;
        }
    }
    cx.flatten(string)?;
    let text = cx.text(string);
    if next < text.len() {
        replaced.push(text.part(next, text.len()));
    }
    cx.string_of(replaced.text())
}

/// 15. of the same: the length of the match, its place, and what replaces it.
fn one_replacement<'s>(
    cx: &mut Cx<'s>,
    string: Local<'s>,
    result: Local<'s>,
    replacement: Local<'s>,
    is_function: bool,
) -> Completion<(usize, usize, Vec<u16>)> {
    let captures_count = cx.length_of_array_like(result)?.saturating_sub(1);
    let matched = cx.matched_string(result)?;
    let index = cx.get(result, Name::index.key())?;
    let position = cx.to_integer_or_infinity(index)?.clamp(0.0, cx.string_length(string) as f64) as usize;
    let mut captures = Vec::new();
    for nth in 1..=captures_count {
        let key = cx.key_of_number(nth as f64)?;
        let capture = cx.get(result, key)?;
        captures.push(if capture.is_undefined() { capture } else { cx.to_string(capture)? });
    }
    let named = cx.get(result, Name::groups.key())?;
    let units = if is_function {
        let mut args = vec![matched];
        args.extend(captures);
        args.extend([Local::number(position as f64), string]);
        if !named.is_undefined() {
            args.push(named);
        }
        let value = cx.call(replacement, Local::UNDEFINED, &args)?;
        let value = cx.to_string(value)?;
        cx.code_units(value)?
    } else {
        let named = if named.is_undefined() { named } else { cx.to_object(named)? };
        cx.get_substitution(matched, string, position, &captures, named, replacement)?
    };
    Ok((cx.string_length(matched), position, units))
}

/// Code units that are collected: of one byte each, until one comes that needs two.
#[derive(Default)]
struct Units {
    narrow: Vec<u8>,
    wide: Option<Vec<u16>>,
}

impl Units {
    fn push(&mut self, text: Text<'_>) {
        match (&mut self.wide, text) {
            (None, Text::Latin1(bytes)) => self.narrow.extend_from_slice(bytes),
            (None, Text::Utf16(units)) => match text.narrow() {
                Some(bytes) => self.narrow.extend_from_slice(&bytes),
                None => {
                    let mut wide: Vec<u16> = self.narrow.iter().map(|&byte| u16::from(byte)).collect();
                    wide.extend_from_slice(units);
                    self.wide = Some(wide);
                }
            },
            (Some(wide), Text::Latin1(bytes)) => wide.extend(bytes.iter().map(|&byte| u16::from(byte))),
            (Some(wide), Text::Utf16(units)) => wide.extend_from_slice(units),
        }
    }

    fn text(&self) -> Text<'_> {
        match &self.wide {
            Some(wide) => Text::Utf16(wide),
            None => Text::Latin1(&self.narrow),
        }
    }
}

/// The same for a regular expression that nobody has changed: its results are not made as objects, which no script could see.
fn replace_matches<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    string: Local<'s>,
    replacement: Local<'s>,
    is_function: bool,
) -> Completion<Local<'s>> {
    let matcher = cx.matcher(this)?;
    // 8. to 13.
    let matches = match matcher.flags.global {
        true => cx.all_matches(this, string, &matcher)?,
        false => cx.builtin_match(this, string)?.map(|(_, found)| found).into_iter().collect(),
    };
    if matches.is_empty() {
        return Ok(string);
    }
    cx.flatten(string)?;
    // A template without `$` stands for itself.
    let mut is_plain = false;
    if !is_function {
        cx.flatten(replacement)?;
        is_plain = !cx.text(replacement).units().any(|unit| unit == u16::from(b'$'));
    }
    // 14. to 16.
    let mut replaced = Units::default();
    let mut next = 0;
    for found in &matches {
        let mut cx = cx.open();
        replaced.push(cx.text(string).part(next, found.start()));
        next = found.end();
        if is_plain {
            replaced.push(cx.text(replacement));
            continue;
        }
        let (string, replacement) = (cx.same(string), cx.same(replacement));
        match is_function {
            true => {
                let value = call_replacement(&mut cx, &matcher, string, found, replacement)?;
                cx.flatten(value)?;
                replaced.push(cx.text(value));
            }
            false => replaced.push(Text::Utf16(&substitution(&mut cx, &matcher, string, found, replacement)?)),
        }
    }
    let text = cx.text(string);
    replaced.push(text.part(next, text.len()));
    cx.string_of(replaced.text())
}

/// 15.k. of it: what a function gives for a match, as a string.
fn call_replacement<'s>(
    cx: &mut Cx<'s>,
    matcher: &Matcher,
    string: Local<'s>,
    found: &Found,
    function: Local<'s>,
) -> Completion<Local<'s>> {
    let mut args = Vec::with_capacity(found.count() + 3);
    for place in found.groups() {
        args.push(cx.group_string(string, place)?);
    }
    args.extend([Local::number(found.start() as f64), string]);
    let groups = cx.groups_object(matcher, found, |cx, place| cx.group_string(string, place))?;
    if !groups.is_undefined() {
        args.push(groups);
    }
    let value = cx.call(function, Local::UNDEFINED, &args)?;
    cx.to_string(value)
}

/// 15.l. of it: what a template gives for a match.
fn substitution<'s>(
    cx: &mut Cx<'s>,
    matcher: &Matcher,
    string: Local<'s>,
    found: &Found,
    template: Local<'s>,
) -> Completion<Vec<u16>> {
    let mut strings = Vec::with_capacity(found.count());
    for place in found.groups() {
        strings.push(cx.group_string(string, place)?);
    }
    let groups = cx.groups_object(matcher, found, |cx, place| cx.group_string(string, place))?;
    let matched = strings.first().copied().unwrap_or(Local::UNDEFINED);
    cx.get_substitution(matched, string, found.start(), strings.get(1..).unwrap_or_default(), groups, template)
}
