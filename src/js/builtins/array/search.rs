//! Methods that look for an element: at, indexOf, lastIndexOf, includes, find and its kin (§23.1.3).
#![forbid(unsafe_code)]

use crate::js::builtins::array::callbacks::Walk;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};

/// Array.prototype.at (§23.1.3.1).
pub(super) fn at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)? as f64;
    // 3. to 5.
    let relative = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    let index = if relative >= 0.0 { relative } else { length + relative };
    // 6.
    if index < 0.0 || index >= length {
        return Ok(Local::UNDEFINED);
    }
    // 7.
    cx.get_at(object, index as u64)
}

/// Array.prototype.indexOf (§23.1.3.17).
pub(super) fn index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    if length == 0 {
        return Ok(Local::int(-1));
    }
    // 4. to 9.
    let wanted = cx.arg(args, 0);
    let start = cx.to_relative(cx.arg(args, 1), length)?;
    if let Some(plain) = cx.plain_array(object) {
        for index in start..u64::from(plain.used()).min(length) {
            let value = cx.read_value(plain.elements, index as u32);
            if cx.equals_value(wanted, value) {
                return Ok(Local::number(index as f64));
            }
        }
        return Ok(Local::int(-1));
    }
    // 10.
    for index in start..length {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(object, index)?
            && cx.is_strictly_equal(wanted, value)
        {
            return Ok(Local::number(index as f64));
        }
    }
    // 11.
    Ok(Local::int(-1))
}

/// Array.prototype.lastIndexOf (§23.1.3.20).
pub(super) fn last_index_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    if length == 0 {
        return Ok(Local::int(-1));
    }
    // 4. to 7.
    let wanted = cx.arg(args, 0);
    let from = if args.len() > 1 { cx.to_integer_or_infinity(cx.arg(args, 1))? } else { length as f64 - 1.0 };
    let last = if from >= 0.0 { from.min(length as f64 - 1.0) } else { length as f64 + from };
    if last < 0.0 {
        return Ok(Local::int(-1));
    }
    // 8.
    for index in (0..=last as u64).rev() {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(object, index)?
            && cx.is_strictly_equal(value, wanted)
        {
            return Ok(Local::number(index as f64));
        }
    }
    // 9.
    Ok(Local::int(-1))
}

/// Array.prototype.includes (§23.1.3.16).
pub(super) fn includes<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    if length == 0 {
        return Ok(Local::FALSE);
    }
    // 4. to 9.
    let wanted = cx.arg(args, 0);
    let start = cx.to_relative(cx.arg(args, 1), length)?;
    if let Some(plain) = cx.plain_array(object) {
        let (end, is_nan) = (u64::from(plain.used()).min(length), wanted.as_number().is_some_and(f64::is_nan));
        for index in start..end {
            let value = cx.read_value(plain.elements, index as u32);
            let both_nan = is_nan && value.as_number().is_some_and(f64::is_nan);
            if both_nan || cx.equals_value(wanted, value) || (value.is_hole() && wanted.is_undefined()) {
                return Ok(Local::TRUE);
            }
        }
        // What is behind the elements is undefined.
        return Ok(Local::bool(wanted.is_undefined() && end.max(start) < length));
    }
    // 10.
    for index in start..length {
        let mut cx = cx.open();
        let value = cx.get_at(object, index)?;
        if cx.same_value_zero(wanted, value) {
            return Ok(Local::TRUE);
        }
    }
    // 11.
    Ok(Local::FALSE)
}

/// FindViaPredicate (§23.1.3.12.1): index and value.
fn find_via_predicate<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    args: Args<'s>,
    from_end: bool,
) -> Completion<(Local<'s>, Local<'s>)> {
    // 1. to 3.
    let walk = Walk::start(cx, this, args)?;
    // 4.
    let found = cx.root(Local::UNDEFINED);
    let mut place = None;
    for nth in 0..walk.length {
        let index = if from_end { walk.length - 1 - nth } else { nth };
        let mut cx = cx.open();
        let value = cx.get_at(walk.object, index)?;
        let result = walk.call(&mut cx, value, index)?;
        if cx.to_boolean(result) {
            cx.set_root(found, value);
            place = Some(index);
            break;
        }
    }
    // 5.
    match place {
        Some(index) => Ok((Local::number(index as f64), cx.get_root(found))),
        None => Ok((Local::int(-1), Local::UNDEFINED)),
    }
}

/// Array.prototype.find (§23.1.3.9).
pub(super) fn find<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(find_via_predicate(cx, this, args, false)?.1)
}

/// Array.prototype.findIndex (§23.1.3.10).
pub(super) fn find_index<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(find_via_predicate(cx, this, args, false)?.0)
}

/// Array.prototype.findLast (§23.1.3.11).
pub(super) fn find_last<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(find_via_predicate(cx, this, args, true)?.1)
}

/// Array.prototype.findLastIndex (§23.1.3.12).
pub(super) fn find_last_index<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(find_via_predicate(cx, this, args, true)?.0)
}
