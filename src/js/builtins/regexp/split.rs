//! RegExp.prototype \[ %Symbol.split% \] (§22.2.6.14).
#![forbid(unsafe_code)]

use super::methods::{flags_text, receiver};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// RegExp.prototype \[ %Symbol.split% \] ( string, limit ) (§22.2.6.14).
pub(super) fn symbol_split<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    receiver(cx, this, "[Symbol.split]")?;
    // 3. to 10.
    let string = cx.to_string(cx.arg(args, 0))?;
    let constructor = cx.species_constructor(this, Intrinsic::RegExp)?;
    let builtin = cx.intrinsic(Intrinsic::RegExp);
    if cx.same_value(constructor, builtin) && cx.is_pristine(this) {
        return split_matches(cx, this, string, cx.arg(args, 1));
    }
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

/// The same for a regular expression that nobody has changed. The splitter would be one too, which no script sees; what it finds place
/// after place is found by one search.
fn split_matches<'s>(cx: &mut Cx<'s>, this: Local<'s>, string: Local<'s>, limit: Local<'s>) -> Completion<Local<'s>> {
    let matcher = cx.matcher(this)?;
    let parts = cx.new_array(0)?;
    let limit = if limit.is_undefined() { u32::MAX } else { cx.to_uint32(limit)? };
    // 12. to 16.
    if limit == 0 {
        return Ok(parts);
    }
    let size = cx.string_length(string);
    let unicode = matcher.flags.pattern.has_unicode();
    // 17. to 19.
    let (mut from, mut at) = (0, 0);
    while at < size || size == 0 {
        let mut cx = cx.open();
        cx.poll()?;
        let string = cx.same(string);
        let Some(found) = cx.find_match(&matcher, string, at, false)? else { break };
        if size == 0 {
            cx.remember_match(string, &found);
            return drop_scope(cx, parts);
        }
        if found.start() >= size {
            break;
        }
        cx.remember_match(string, &found);
        if found.end() == from {
            at = cx.advance_index(string, found.start() as u64, unicode)? as usize;
            continue;
        }
        let part = cx.substring(string, from, found.start())?;
        cx.array_push(parts, part)?;
        if cx.array_length(parts) == limit {
            return drop_scope(cx, parts);
        }
        for place in found.groups().skip(1) {
            let group = cx.group_string(string, place)?;
            cx.array_push(parts, group)?;
            if cx.array_length(parts) == limit {
                return drop_scope(cx, parts);
            }
        }
        from = found.end();
        at = from;
    }
    // 20. to 22.
    let rest = cx.substring(string, from, size)?;
    cx.array_push(parts, rest)?;
    Ok(parts)
}

/// Ends the scope of a round, whatever it holds.
fn drop_scope<'s>(cx: Cx<'_>, parts: Local<'s>) -> Completion<Local<'s>> {
    drop(cx);
    Ok(parts)
}
