//! Methods that take a pattern (§22.1.3): a string is searched for here, all else says itself what it does.
#![forbid(unsafe_code)]

use super::search::is_regexp;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::string::Text;

/// The method by which a pattern object does what is asked for, if it has one.
fn handed_over<'s>(cx: &mut Cx<'s>, pattern: Local<'s>, method: Name, args: &[Local<'s>]) -> Completion<Option<Local<'s>>> {
    if !pattern.is_object() {
        return Ok(None);
    }
    let function = cx.get_method(pattern, method.key())?;
    if function.is_undefined() { Ok(None) } else { cx.call(function, pattern, args).map(Some) }
}

fn require<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<()> {
    if this.is_nullish() {
        return Err(cx.type_error(&format!("String.prototype.{method} called on null or undefined")));
    }
    Ok(())
}

/// A regular expression made of a pattern, and one of its methods called with the string.
fn by_regexp<'s>(cx: &mut Cx<'s>, this: Local<'s>, pattern: Local<'s>, flags: &str, method: Name) -> Completion<Local<'s>> {
    let string = cx.to_string(this)?;
    let flags = if flags.is_empty() { Local::UNDEFINED } else { cx.string(flags)? };
    let regexp = cx.regexp_create(pattern, flags)?;
    cx.invoke(regexp, method.key(), &[string])
}

/// String.prototype.match ( regexp ) (§22.1.3.13).
pub(super) fn r#match<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "match")?;
    let pattern = cx.arg(args, 0);
    match handed_over(cx, pattern, Name::sym_match, &[this])? {
        Some(result) => Ok(result),
        None => by_regexp(cx, this, pattern, "", Name::sym_match),
    }
}

/// A pattern of matchAll and replaceAll must have the flag `g` if it is a regular expression.
fn require_global<'s>(cx: &mut Cx<'s>, pattern: Local<'s>, method: &str) -> Completion<()> {
    if !pattern.is_object() || !is_regexp(cx, pattern)? {
        return Ok(());
    }
    let flags = cx.get(pattern, Name::flags.key())?;
    require(cx, flags, method)?;
    if !cx.to_rust_text(flags)?.contains('g') {
        return Err(cx.type_error(&format!("String.prototype.{method} called with a non-global RegExp argument")));
    }
    Ok(())
}

/// String.prototype.matchAll ( regexp ) (§22.1.3.14).
pub(super) fn match_all<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "matchAll")?;
    let pattern = cx.arg(args, 0);
    require_global(cx, pattern, "matchAll")?;
    match handed_over(cx, pattern, Name::sym_matchAll, &[this])? {
        Some(result) => Ok(result),
        None => by_regexp(cx, this, pattern, "g", Name::sym_matchAll),
    }
}

/// String.prototype.search ( regexp ) (§22.1.3.21).
pub(super) fn search<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "search")?;
    let pattern = cx.arg(args, 0);
    match handed_over(cx, pattern, Name::sym_search, &[this])? {
        Some(result) => Ok(result),
        None => by_regexp(cx, this, pattern, "", Name::sym_search),
    }
}

/// String.prototype.replace ( searchValue, replaceValue ) (§22.1.3.19).
pub(super) fn replace<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    replace_with(cx, this, args, false)
}

/// String.prototype.replaceAll ( searchValue, replaceValue ) (§22.1.3.20).
pub(super) fn replace_all<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    replace_with(cx, this, args, true)
}

fn replace_with<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, all: bool) -> Completion<Local<'s>> {
    require(cx, this, if all { "replaceAll" } else { "replace" })?;
    let (pattern, replacement) = (cx.arg(args, 0), cx.arg(args, 1));
    // 2.
    if all {
        require_global(cx, pattern, "replaceAll")?;
    }
    if let Some(result) = handed_over(cx, pattern, Name::sym_replace, &[this, replacement])? {
        return Ok(result);
    }
    // 3. to 6.
    let string = cx.to_string(this)?;
    let searched = cx.to_string(pattern)?;
    let is_function = cx.is_callable(replacement);
    let replacement = if is_function { replacement } else { cx.to_string(replacement)? };
    cx.flatten(string)?;
    cx.flatten(searched)?;
    let step = cx.string_length(searched).max(1);
    // 7. to 10. Where it stands
    let mut places = Vec::new();
    let mut next = cx.text(string).index_of(cx.text(searched), 0);
    while let Some(place) = next {
        places.push(place);
        next = if all { cx.text(string).index_of(cx.text(searched), place + step) } else { None };
    }
    if places.is_empty() {
        return Ok(string);
    }
    // 11. to 15.
    let mut result: Vec<u16> = Vec::new();
    let mut end = 0;
    let searched_length = cx.string_length(searched);
    for place in places {
        let mut cx = cx.open();
        let units = if is_function {
            let value = cx.call(replacement, Local::UNDEFINED, &[searched, Local::number(place as f64), string])?;
            let value = cx.to_string(value)?;
            cx.code_units(value)?
        } else {
            cx.get_substitution(searched, string, place, &[], Local::UNDEFINED, replacement)?
        };
        cx.flatten(string)?;
        result.extend(cx.text(string).part(end, place).units());
        result.extend(units);
        end = place + searched_length;
        cx.poll()?;
    }
    cx.flatten(string)?;
    let rest = cx.text(string);
    result.extend(rest.part(end, rest.len()).units());
    cx.string_utf16(&result)
}

/// String.prototype.split ( separator, limit ) (§22.1.3.23).
pub(super) fn split<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "split")?;
    let (separator, limit) = (cx.arg(args, 0), cx.arg(args, 1));
    if let Some(result) = handed_over(cx, separator, Name::sym_split, &[this, limit])? {
        return Ok(result);
    }
    // 3. to 5.
    let string = cx.to_string(this)?;
    let limit = if limit.is_undefined() { u32::MAX } else { cx.to_uint32(limit)? };
    let by = cx.to_string(separator)?;
    // 6. to 8.
    if limit == 0 {
        return cx.new_array(0);
    }
    if separator.is_undefined() {
        return cx.array_from(&[string]);
    }
    cx.flatten(string)?;
    cx.flatten(by)?;
    let (length, by_length) = (cx.string_length(string), cx.string_length(by));
    let parts = cx.new_array(0)?;
    if length == 0 {
        if by_length > 0 {
            cx.array_push(parts, string)?;
        }
        return Ok(parts);
    }
    // 9. Into code units
    if by_length == 0 {
        for place in 0..length.min(limit as usize) {
            let mut cx = cx.open();
            let unit = cx.text(string).at(place);
            let unit = cx.string_of(Text::Utf16(&[unit]))?;
            cx.array_push(parts, unit)?;
        }
        return Ok(parts);
    }
    // 10. to 17.
    let mut from = 0;
    while let Some(place) = cx.text(string).index_of(cx.text(by), from) {
        let mut cx = cx.open();
        let part = cx.substring(string, from, place)?;
        cx.array_push(parts, part)?;
        if cx.array_length(parts) == limit {
            drop(cx);
            return Ok(parts);
        }
        from = place + by_length;
    }
    let part = cx.substring(string, from, length)?;
    cx.array_push(parts, part)?;
    Ok(parts)
}

impl<'s> Cx<'s> {
    /// GetSubstitution (§22.1.3.19.1): a template's `$`-forms are replaced. Captures are strings or `undefined`.
    pub(in crate::js) fn get_substitution(
        &mut self,
        matched: Local<'s>,
        string: Local<'s>,
        position: usize,
        captures: &[Local<'s>],
        named: Local<'s>,
        template: Local<'s>,
    ) -> Completion<Vec<u16>> {
        let template = self.code_units(template)?;
        let dollar = u16::from(b'$');
        let mut result = Vec::with_capacity(template.len());
        let mut at = 0;
        let digit = |place: usize| template.get(place).and_then(|&unit| char::from_u32(u32::from(unit))?.to_digit(10));
        while at < template.len() {
            let next = template.get(at + 1).and_then(|&unit| u8::try_from(unit).ok());
            if template[at] != dollar || next.is_none() {
                result.push(template[at]);
                at += 1;
                continue;
            }
            match next {
                Some(b'$') => result.push(dollar),
                Some(b'&') => result.extend(self.code_units(matched)?),
                Some(b'`') => {
                    self.flatten(string)?;
                    result.extend(self.text(string).part(0, position).units());
                }
                Some(b'\'') => {
                    let end = (position + self.string_length(matched)).min(self.string_length(string));
                    self.flatten(string)?;
                    let text = self.text(string);
                    result.extend(text.part(end, text.len()).units());
                }
                Some(b'0'..=b'9') => {
                    // Two digits if there is such a capture, else one.
                    let one = digit(at + 1).unwrap_or(0) as usize;
                    let two = digit(at + 2).map(|second| 10 * one + second as usize);
                    let (index, length) = match two.filter(|two| (1..=captures.len()).contains(two)) {
                        Some(two) => (two, 3),
                        None => (one, 2),
                    };
                    if !(1..=captures.len()).contains(&index) {
                        result.push(dollar);
                        at += 1;
                        continue;
                    }
                    if !captures[index - 1].is_undefined() {
                        result.extend(self.code_units(captures[index - 1])?);
                    }
                    at += length;
                    continue;
                }
                Some(b'<') if !named.is_undefined() => {
                    let end = template[at..].iter().position(|&unit| unit == u16::from(b'>'));
                    let Some(end) = end else {
                        result.push(dollar);
                        at += 1;
                        continue;
                    };
                    let name = self.string_utf16(&template[at + 2..at + end])?;
                    let key = self.key_of_string(name)?;
                    let capture = self.get(named, key)?;
                    if !capture.is_undefined() {
                        let capture = self.to_string(capture)?;
                        result.extend(self.code_units(capture)?);
                    }
                    at += end + 1;
                    continue;
                }
                _ => {
                    result.push(dollar);
                    at += 1;
                    continue;
                }
            }
            at += 2;
        }
        Ok(result)
    }
}
