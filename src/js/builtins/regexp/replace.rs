//! RegExp.prototype \[ %Symbol.replace% \] (§22.2.6.11) and \[ %Symbol.split% \] (§22.2.6.14).
#![forbid(unsafe_code)]

use super::methods::{flags_text, receiver};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;

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
    let mut replaced: Vec<u16> = Vec::new();
    let mut next = 0;
    for nth in 0..count {
        let mut cx = cx.open();
        let result = cx.get(results, Key::Index(nth))?;
        let (matched, position, units) = one_replacement(&mut cx, string, result, replacement, is_function)?;
        if position >= next {
            cx.flatten(string)?;
            replaced.extend(cx.text(string).part(next, position).units());
            replaced.extend(units);
            next = position + matched;
        }
    }
    cx.flatten(string)?;
    let text = cx.text(string);
    if next < text.len() {
        replaced.extend(text.part(next, text.len()).units());
    }
    cx.string_utf16(&replaced)
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

/// RegExp.prototype \[ %Symbol.split% \] ( string, limit ) (§22.2.6.14).
pub(super) fn symbol_split<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.split]")?;
    // 3. to 10.
    let string = cx.to_string(cx.arg(args, 0))?;
    let constructor = cx.species_constructor(this, Intrinsic::RegExp)?;
    let flags = flags_text(cx, this)?;
    let unicode = flags.contains(['u', 'v']);
    let new_flags = cx.string(&if flags.contains('y') { flags } else { flags + "y" })?;
    let splitter = cx.construct(constructor, &[this, new_flags], constructor)?;
    let parts = cx.new_array(0)?;
    let limit = match cx.arg(args, 1) {
        limit if limit.is_undefined() => u32::MAX,
        limit => cx.to_uint32(limit)?,
    };
    // 11. to 16.
    if limit == 0 {
        return Ok(parts);
    }
    let size = cx.string_length(string) as u64;
    if size == 0 {
        let result = cx.regexp_exec(splitter, string)?;
        if result.is_null() {
            cx.array_push(parts, string)?;
        }
        return Ok(parts);
    }
    // 17. to 20.
    let (mut from, mut at) = (0, 0);
    while at < size {
        let mut cx = cx.open();
        cx.set(splitter, Name::lastIndex.key(), Local::number(at as f64))?;
        let result = cx.regexp_exec(splitter, string)?;
        if result.is_null() {
            at = cx.advance_index(string, at, unicode)?;
            continue;
        }
        let end = cx.get(splitter, Name::lastIndex.key())?;
        let end = cx.to_length(end)?.min(size);
        if end == from {
            at = cx.advance_index(string, at, unicode)?;
            continue;
        }
        let part = cx.substring(string, from as usize, at as usize)?;
        cx.array_push(parts, part)?;
        if cx.array_length(parts) == limit {
            drop(cx);
            return Ok(parts);
        }
        from = end;
        let captures = cx.length_of_array_like(result)?.saturating_sub(1);
        for nth in 1..=captures {
            let key = cx.key_of_number(nth as f64)?;
            let capture = cx.get(result, key)?;
            cx.array_push(parts, capture)?;
            if cx.array_length(parts) == limit {
                drop(cx);
                return Ok(parts);
            }
        }
        at = from;
    }
    let rest = cx.substring(string, from as usize, size as usize)?;
    cx.array_push(parts, rest)?;
    Ok(parts)
}
