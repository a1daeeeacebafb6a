//! Methods that make another array: concat, slice, toReversed, toSpliced, with (§23.1.3).
#![forbid(unsafe_code)]

use crate::js::builtins::array::change::deleted_count;
use crate::js::class::ELEMENTS;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::layout::heap::FIELDS;

/// IsConcatSpreadable (§23.1.3.2.1).
fn is_concat_spreadable<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<bool> {
    // 1. to 3.
    if !value.is_object() {
        return Ok(false);
    }
    let spreadable = cx.get(value, Name::sym_isConcatSpreadable.key())?;
    if !spreadable.is_undefined() {
        return Ok(cx.to_boolean(spreadable));
    }
    // 4.
    cx.is_array(value)
}

/// Array.prototype.concat (§23.1.3.2).
pub(super) fn concat<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let result = cx.array_species_create(object, 0)?;
    // 3. to 5.
    let mut next = 0u64;
    for nth in 0..=args.len() {
        let mut cx = cx.open();
        let item = if nth == 0 { object } else { cx.arg(args, nth - 1) };
        if !is_concat_spreadable(&mut cx, item)? {
            if next as f64 >= MAX_SAFE_INTEGER {
                return Err(cx.type_error("Invalid array length"));
            }
            cx.create_at(result, next, item)?;
            next += 1;
            continue;
        }
        let length = cx.length_of_array_like(item)?;
        if (next + length) as f64 > MAX_SAFE_INTEGER {
            return Err(cx.type_error("Invalid array length"));
        }
        if !append_plain(&mut cx, result, next, item)? {
            for index in 0..length {
                let mut cx = cx.open();
                if let Some(value) = cx.get_present(item, index)? {
                    cx.create_at(result, next + index, value)?;
                }
            }
        }
        next += length;
    }
    // 6. and 7.
    cx.set_length(result, next)?;
    Ok(result)
}

/// Copies the elements of a plain array behind those of another that has none from `at` on. Whether both are so and it was done.
fn append_plain<'s>(cx: &mut Cx<'s>, target: Local<'s>, at: u64, source: Local<'s>) -> Completion<bool> {
    let (Some(to), Some(from), Ok(at)) = (cx.growing_array(target), cx.plain_array(source), u32::try_from(at)) else {
        return Ok(false);
    };
    let used = from.used();
    let Some(length) = at.checked_add(from.length) else { return Ok(false) };
    // Holes behind `at` would be filled by holes; far away from all others they are not dense.
    let is_free = (at..to.places).all(|index| cx.read_value(to.elements, index).is_hole());
    if cx.same_value(target, source) || !is_free || to.length > at || (at > to.places && at - to.places > 1 << 12) {
        return Ok(false);
    }
    if used != 0 {
        cx.grow_dense(target, at + used - 1)?;
        let (target, source) = (cx.reference(target), cx.reference(source));
        let heap = &mut cx.agent.heap;
        let (target, source) = (heap.read_ref(target, ELEMENTS), heap.read_ref(source, ELEMENTS));
        heap.copy_slots(target, FIELDS + 8 * at, source, FIELDS, 8 * used, true);
    }
    cx.set_array_length(target, length);
    Ok(true)
}

/// Array.prototype.slice (§23.1.3.28).
pub(super) fn slice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 8.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let start = cx.to_relative(cx.arg(args, 0), length)?;
    let end = cx.to_relative_end(cx.arg(args, 1), length)?;
    // 9. and 10.
    let count = end.saturating_sub(start);
    let result = cx.array_species_create(object, count)?;
    if cx.copy_plain(object, start, count, result)? {
        return Ok(result);
    }
    // 11. and 12.
    for nth in 0..count {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(object, start + nth)? {
            cx.create_at(result, nth, value)?;
        }
    }
    // 13. and 14.
    cx.set_length(result, count)?;
    Ok(result)
}

/// ArrayCreate (§10.4.2.2) of a length that may be too large. The array is made empty: elements are pushed.
pub(super) fn array_for<'s>(cx: &mut Cx<'s>, length: u64) -> Completion<Local<'s>> {
    if length > u64::from(u32::MAX) {
        return Err(cx.range_error("Invalid array length"));
    }
    let array = cx.new_array(0)?;
    cx.reserve_elements(array, length.min(1 << 16) as u32)?;
    Ok(array)
}

/// Array.prototype.toReversed (§23.1.3.33).
pub(super) fn to_reversed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let result = array_for(cx, length)?;
    // 4. and 5.
    for index in (0..length).rev() {
        let mut cx = cx.open();
        let value = cx.get_at(object, index)?;
        cx.array_push(result, value)?;
    }
    Ok(result)
}

/// Array.prototype.toSpliced (§23.1.3.35).
pub(super) fn to_spliced<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 10.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let start = cx.to_relative(cx.arg(args, 0), length)?;
    let items = args.len().saturating_sub(2);
    let skipped = deleted_count(cx, args, length, start)?;
    // 11. and 12.
    let new_length = length + items as u64 - skipped;
    if new_length as f64 > MAX_SAFE_INTEGER {
        return Err(cx.type_error("Invalid array length"));
    }
    // 13. to 18.
    let result = array_for(cx, new_length)?;
    copy_range(cx, object, 0, start, result)?;
    for nth in 0..items {
        let item = cx.arg(args, nth + 2);
        cx.array_push(result, item)?;
    }
    copy_range(cx, object, start + skipped, length, result)?;
    // 19.
    Ok(result)
}

fn copy_range<'s>(cx: &mut Cx<'s>, object: Local<'s>, from: u64, to: u64, result: Local<'s>) -> Completion<()> {
    for index in from..to {
        let mut cx = cx.open();
        let value = cx.get_at(object, index)?;
        cx.array_push(result, value)?;
    }
    Ok(())
}

/// Array.prototype.with (§23.1.3.39).
pub(super) fn with<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 5.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let relative = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    let index = if relative >= 0.0 { relative } else { length as f64 + relative };
    // 6.
    if index < 0.0 || index >= length as f64 {
        return Err(cx.range_error("Invalid index"));
    }
    // 7. to 9.
    let index = index as u64;
    let result = array_for(cx, length)?;
    copy_range(cx, object, 0, index, result)?;
    let value = cx.arg(args, 1);
    cx.array_push(result, value)?;
    copy_range(cx, object, index + 1, length, result)?;
    Ok(result)
}
