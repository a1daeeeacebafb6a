//! slice, subarray and toReversed of typed arrays (§23.2.3).
#![forbid(unsafe_code)]

use crate::js::builtins::typed_array::change::copy_elements;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::typed_array::{VIEW_BUFFER, VIEW_LENGTH, VIEW_OFFSET};

/// %TypedArray%.prototype.slice (§23.2.3.27).
pub(super) fn slice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.slice";
    let length = cx.validate_typed_array(this, METHOD)? as u64;
    let start = cx.to_relative(cx.arg(args, 0), length)?;
    let end = cx.to_relative_end(cx.arg(args, 1), length)?;
    let count = end.saturating_sub(start);
    // 12. Let A be ? TypedArraySpeciesCreate(O, « countBytes »).
    let array = cx.create_typed_array_species(this, &[Local::number(count as f64)], Some(count), METHOD)?;
    if count == 0 {
        return Ok(array);
    }
    // 14.a. and b. The constructor may have changed the buffer.
    let now = cx.validate_typed_array(this, METHOD)?;
    let (start, end) = (start as usize, (end as usize).min(now));
    if start >= end {
        return Ok(array);
    }
    if let (Some(to), Some(from)) = (cx.view(array), cx.view(this)) {
        if to.element == from.element {
            let is_same = to.backing.address(0) == from.backing.address(0);
            let bytes = ((end - start) << from.element.shift()).min(to.length << to.element.shift());
            if is_same {
                // 14.f.ix. Byte after byte, in order.
                for nth in 0..bytes {
                    let Some(byte) = from.backing.load::<u8>(from.at(start) + nth) else { break };
                    to.backing.store(to.offset + nth, byte);
                }
            } else {
                to.backing.copy(to.offset, &from.backing, from.at(start), bytes);
            }
        } else {
            copy_elements(&to, 0, &from, start, end - start);
        }
    }
    Ok(array)
}

/// %TypedArray%.prototype.subarray (§23.2.3.30).
pub(super) fn subarray<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.subarray";
    if !cx.is(this, Class::TypedArray) {
        return Err(cx.type_error(&format!("{METHOD}: this is not a typed array.")));
    }
    let buffer = cx.field(this, VIEW_BUFFER);
    let length = u64::from(cx.typed_array_length_now(this));
    let start = cx.to_relative(cx.arg(args, 0), length)?;
    let size = cx.element_of(this).size() as u64;
    let offset = cx.field_value(this, VIEW_OFFSET).as_number().unwrap_or(0.0);
    let end = cx.arg(args, 1);
    let follows = cx.field_value(this, VIEW_LENGTH).is_undefined() && end.is_undefined();
    let count = if follows { 0 } else { cx.to_relative_end(end, length)?.saturating_sub(start) };
    let begin = Local::number(offset + (start * size) as f64);
    // 15. to 17. Without a length the new array follows the buffer's, too.
    if follows {
        return cx.create_typed_array_species(this, &[buffer, begin], None, METHOD);
    }
    cx.create_typed_array_species(this, &[buffer, begin, Local::number(count as f64)], None, METHOD)
}

/// %TypedArray%.prototype.toReversed (§23.2.3.32).
pub(super) fn to_reversed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.toReversed")?;
    let element = cx.element_of(this);
    let array = cx.new_typed_array(element, length)?;
    if let (Some(to), Some(from)) = (cx.view(array), cx.view(this)) {
        for index in 0..length {
            let Some(bits) = from.load(length - 1 - index) else { continue };
            to.store(index, bits);
        }
    }
    Ok(array)
}
