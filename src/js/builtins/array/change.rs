//! Methods that change their array: push, pop, shift, unshift, splice, reverse, fill, copyWithin (§23.1.3).
#![forbid(unsafe_code)]

use crate::js::class::ELEMENTS;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// Array.prototype.push (§23.1.3.23).
pub(super) fn push<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if let Some(plain) = cx.growing_array(this)
        && let Some(length) = plain.length.checked_add(args.len() as u32)
    {
        for nth in 0..args.len() {
            let value = cx.arg(args, nth);
            cx.put_element(this, plain.length + nth as u32, value, Attributes::ALL)?;
        }
        cx.set_array_length(this, length);
        return Ok(Local::number(f64::from(length)));
    }
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3. and 4.
    check_length(cx, length as f64 + args.len() as f64)?;
    // 5.
    for nth in 0..args.len() {
        let mut cx = cx.open();
        let value = cx.arg(args, nth);
        cx.set_at(object, length + nth as u64, value)?;
    }
    // 6. and 7.
    let length = length + args.len() as u64;
    cx.set_length(object, length)?;
    Ok(Local::number(length as f64))
}

fn check_length(cx: &mut Cx<'_>, length: f64) -> Completion<()> {
    if length > MAX_SAFE_INTEGER {
        return Err(cx.type_error("Pushing elements makes an array-like's length surpass 2 ** 53 - 1"));
    }
    Ok(())
}

/// Array.prototype.pop (§23.1.3.22).
pub(super) fn pop<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if let Some(plain) = cx.growing_array(this)
        && let Some(last) = plain.length.checked_sub(1)
    {
        let mut value = Value::UNDEFINED;
        if last < plain.places {
            let element = cx.read_value(plain.elements, last);
            cx.write_value(plain.elements, last, Value::HOLE);
            if !element.is_hole() {
                value = element;
            }
        }
        cx.set_array_length(this, last);
        return Ok(cx.local(value));
    }
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3.
    let Some(last) = length.checked_sub(1) else {
        cx.set_length(object, 0)?;
        return Ok(Local::UNDEFINED);
    };
    // 4.
    let element = cx.get_at(object, last)?;
    cx.delete_at(object, last)?;
    cx.set_length(object, last)?;
    Ok(element)
}

/// Array.prototype.shift (§23.1.3.27).
pub(super) fn shift<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if let Some(plain) = cx.growing_array(this)
        && plain.length != 0
    {
        let used = plain.used();
        let mut first = Value::UNDEFINED;
        if used != 0 {
            let element = cx.read_value(plain.elements, 0);
            if !element.is_hole() {
                first = element;
            }
            cx.move_elements(plain.elements, 0, 1, used - 1);
            cx.write_value(plain.elements, used - 1, Value::HOLE);
        }
        cx.set_array_length(this, plain.length - 1);
        return Ok(cx.local(first));
    }
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3.
    if length == 0 {
        cx.set_length(object, 0)?;
        return Ok(Local::UNDEFINED);
    }
    // 4.
    let first = cx.get_at(object, 0)?;
    // 5. and 6.
    for from in 1..length {
        move_one(cx, object, from, from - 1)?;
    }
    // 7. to 9.
    cx.delete_at(object, length - 1)?;
    cx.set_length(object, length - 1)?;
    Ok(first)
}

/// Moves an element, or deletes the one at `to` if there is none at `from`.
fn move_one(cx: &mut Cx<'_>, object: Local<'_>, from: u64, to: u64) -> Completion<()> {
    let mut cx = cx.open();
    match cx.get_present(object, from)? {
        Some(value) => cx.set_at(object, to, value),
        None => cx.delete_at(object, to),
    }
}

/// Array.prototype.unshift (§23.1.3.35).
pub(super) fn unshift<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let count = args.len() as u32;
    if let Some(plain) = cx.growing_array(this)
        && let Some(length) = plain.length.checked_add(count)
        && count != 0
    {
        let used = plain.used();
        cx.grow_dense(this, used + count - 1)?;
        let elements = cx.agent.heap.read_ref(cx.reference(this), ELEMENTS);
        cx.move_elements(elements, count, 0, used);
        for nth in 0..count {
            let value = cx.value(cx.arg(args, nth as usize));
            cx.write_value(elements, nth, value);
        }
        cx.set_array_length(this, length);
        return Ok(Local::number(f64::from(length)));
    }
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3. and 4.
    if count != 0 {
        check_length(cx, length as f64 + f64::from(count))?;
        for from in (0..length).rev() {
            move_one(cx, object, from, from + u64::from(count))?;
        }
        for nth in 0..args.len() {
            let mut cx = cx.open();
            let value = cx.arg(args, nth);
            cx.set_at(object, nth as u64, value)?;
        }
    }
    // 5. and 6.
    let length = length + u64::from(count);
    cx.set_length(object, length)?;
    Ok(Local::number(length as f64))
}

/// Array.prototype.splice (§23.1.3.31).
pub(super) fn splice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let start = cx.to_relative(cx.arg(args, 0), length)?;
    // 5. to 10.
    let item_count = args.len().saturating_sub(2) as u64;
    let deleted = deleted_count(cx, args, length, start)?;
    // 11.
    if (length + item_count - deleted) as f64 > MAX_SAFE_INTEGER {
        return Err(cx.type_error("Splicing elements makes an array-like's length surpass 2 ** 53 - 1"));
    }
    // 12. to 15.
    let removed = cx.array_species_create(object, deleted)?;
    if !cx.copy_plain(object, start, deleted, removed)? {
        for nth in 0..deleted {
            let mut cx = cx.open();
            if let Some(value) = cx.get_present(object, start + nth)? {
                cx.create_at(removed, nth, value)?;
            }
        }
        cx.set_length(removed, deleted)?;
    }
    // 16. to 20.
    if !splice_plain(cx, object, args, (length, start, deleted))? {
        if item_count < deleted {
            for from in start + deleted..length {
                move_one(cx, object, from, from - deleted + item_count)?;
            }
            for index in (length - deleted + item_count..length).rev() {
                let mut cx = cx.open();
                cx.delete_at(object, index)?;
            }
        } else if item_count > deleted {
            for from in (start + deleted..length).rev() {
                move_one(cx, object, from, from - deleted + item_count)?;
            }
        }
        for nth in 0..item_count {
            let mut cx = cx.open();
            let item = cx.arg(args, nth as usize + 2);
            cx.set_at(object, start + nth, item)?;
        }
        cx.set_length(object, length - deleted + item_count)?;
    }
    // 21.
    Ok(removed)
}

/// How many elements `splice` and `toSpliced` leave out.
pub(super) fn deleted_count<'s>(cx: &mut Cx<'s>, args: Args<'s>, length: u64, start: u64) -> Completion<u64> {
    match args.len() {
        0 => Ok(0),
        1 => Ok(length - start),
        _ => {
            let count = cx.to_integer_or_infinity(cx.arg(args, 1))?;
            Ok(count.clamp(0.0, (length - start) as f64) as u64)
        }
    }
}

/// Replaces elements of an array that is plain and has still the length that it had.
fn splice_plain<'s>(cx: &mut Cx<'s>, object: Local<'s>, args: Args<'s>, place: (u64, u64, u64)) -> Completion<bool> {
    let (length, start, deleted) = place;
    let items = args.len().saturating_sub(2) as u64;
    let Some(plain) = cx.growing_array(object) else { return Ok(false) };
    let new_length = length - deleted + items;
    if u64::from(plain.length) != length || plain.places < plain.length || new_length > u64::from(u32::MAX) {
        return Ok(false);
    }
    let (start, deleted, items) = (start as u32, deleted as u32, items as u32);
    let (old, new) = (plain.length, new_length as u32);
    if new > plain.places {
        cx.grow_dense(object, new - 1)?;
    }
    let elements = cx.agent.heap.read_ref(cx.reference(object), ELEMENTS);
    if !elements.is_null() {
        cx.move_elements(elements, start + items, start + deleted, old - start - deleted);
        cx.clear_elements(elements, new, old);
    }
    for nth in 0..items {
        let value = cx.value(cx.arg(args, nth as usize + 2));
        cx.write_value(elements, start + nth, value);
    }
    cx.set_array_length(object, new);
    Ok(true)
}

/// Array.prototype.reverse (§23.1.3.26).
pub(super) fn reverse<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    if let Some(plain) = cx.growing_array(object)
        && plain.length <= plain.places
    {
        for lower in 0..plain.length / 2 {
            let upper = plain.length - 1 - lower;
            let (left, right) = (cx.read_value(plain.elements, lower), cx.read_value(plain.elements, upper));
            cx.write_value(plain.elements, lower, right);
            cx.write_value(plain.elements, upper, left);
        }
        return Ok(object);
    }
    // 3. to 5.
    for lower in 0..length / 2 {
        let mut cx = cx.open();
        let upper = length - 1 - lower;
        let lower_value = cx.get_present(object, lower)?;
        match (lower_value, cx.get_present(object, upper)?) {
            (Some(left), Some(right)) => {
                cx.set_at(object, lower, right)?;
                cx.set_at(object, upper, left)?;
            }
            (None, Some(right)) => {
                cx.set_at(object, lower, right)?;
                cx.delete_at(object, upper)?;
            }
            (Some(left), None) => {
                cx.delete_at(object, lower)?;
                cx.set_at(object, upper, left)?;
            }
            (None, None) => {}
        }
    }
    // 6.
    Ok(object)
}

/// Array.prototype.fill (§23.1.3.7).
pub(super) fn fill<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3. to 10.
    let value = cx.arg(args, 0);
    let start = cx.to_relative(cx.arg(args, 1), length)?;
    let end = cx.to_relative_end(cx.arg(args, 2), length)?;
    // 11.
    if let Some(plain) = cx.growing_array(object)
        && end <= u64::from(plain.length)
        && end < 1 << 25
        && start < end
    {
        cx.grow_dense(object, end as u32 - 1)?;
        let elements = cx.agent.heap.read_ref(cx.reference(object), ELEMENTS);
        let value = cx.value(value);
        for index in start..end {
            cx.write_value(elements, index as u32, value);
        }
        return Ok(object);
    }
    for index in start..end {
        let mut cx = cx.open();
        cx.set_at(object, index, value)?;
    }
    Ok(object)
}

/// Array.prototype.copyWithin (§23.1.3.4).
pub(super) fn copy_within<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3. to 15.
    let to = cx.to_relative(cx.arg(args, 0), length)?;
    let from = cx.to_relative(cx.arg(args, 1), length)?;
    let end = cx.to_relative_end(cx.arg(args, 2), length)?;
    let count = end.saturating_sub(from).min(length - to);
    // 16. to 18.
    let backwards = from < to && to < from + count;
    for nth in 0..count {
        let nth = if backwards { count - 1 - nth } else { nth };
        move_one(cx, object, from + nth, to + nth)?;
    }
    Ok(object)
}
