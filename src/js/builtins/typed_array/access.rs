//! Accessors, `at`, `with` and iterators of typed arrays (§23.2.3).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::operations::PropertyPart;
use crate::js::object::typed_array::{VIEW_BUFFER, VIEW_OFFSET};

fn require<'s>(cx: &mut Cx<'s>, this: Local<'s>, name: &str) -> Completion<()> {
    if cx.is(this, Class::TypedArray) {
        return Ok(());
    }
    let text = cx.display(this);
    Err(cx.type_error(&format!("Method get TypedArray.prototype.{name} called on incompatible receiver {text}")))
}

/// get %TypedArray%.prototype.buffer (§23.2.3.2).
pub(super) fn buffer<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "buffer")?;
    Ok(cx.field(this, VIEW_BUFFER))
}

/// get %TypedArray%.prototype.byteLength (§23.2.3.3).
pub(super) fn byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "byteLength")?;
    Ok(Local::number(cx.view_bytes(this).map_or(0, |(_, _, bytes)| bytes) as f64))
}

/// get %TypedArray%.prototype.byteOffset (§23.2.3.4).
pub(super) fn byte_offset<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "byteOffset")?;
    Ok(if cx.view_bytes(this).is_some() { cx.field(this, VIEW_OFFSET) } else { Local::ZERO })
}

/// get %TypedArray%.prototype.length (§23.2.3.21).
pub(super) fn length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "length")?;
    Ok(Local::number(f64::from(cx.typed_array_length_now(this))))
}

/// get %TypedArray%.prototype \[ %Symbol.toStringTag% \] (§23.2.3.38).
pub(super) fn to_string_tag<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::TypedArray) {
        return Ok(Local::UNDEFINED);
    }
    let (name, _, _) = cx.element_of(this).constructor();
    Ok(name.local())
}

/// %TypedArray%.prototype.at (§23.2.3.1).
pub(super) fn at<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.at")? as f64;
    // 4. Let relativeIndex be ? ToIntegerOrInfinity(index).
    let relative = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    let index = if relative >= 0.0 { relative } else { length + relative };
    if index < 0.0 || index >= length {
        return Ok(Local::UNDEFINED);
    }
    cx.typed_array_at(this, index as usize)
}

/// %TypedArray%.prototype.with (§23.2.3.36).
pub(super) fn with<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.with")?;
    // 4. to 6.
    let relative = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    let index = if relative >= 0.0 { relative } else { length as f64 + relative };
    // 7. and 8. Convert the value.
    let element = cx.element_of(this);
    let bits = cx.element_bits(element, cx.arg(args, 1))?;
    // 9. If IsValidIntegerIndex(O, actualIndex) is false, throw a RangeError exception.
    if !cx.is_valid_integer_index(this, index + 0.0) {
        return Err(cx.range_error("Invalid typed array index"));
    }
    // 10. to 13. What has been cut off meanwhile reads as undefined, which is converted.
    let array = cx.new_typed_array(element, length)?;
    let there = cx.typed_array_length(this).unwrap_or(0).min(length);
    if there < length {
        for nth in there..length {
            let bits = cx.element_bits(element, Local::UNDEFINED)?;
            cx.typed_array_put(array, nth, bits);
        }
    }
    if let (Some(to), Some(from)) = (cx.view(array), cx.view(this)) {
        to.backing.copy(0, &from.backing, from.offset, there << element.shift());
        to.store(index as usize, bits);
    }
    Ok(array)
}

/// %TypedArray%.prototype.entries (§23.2.3.7).
pub(super) fn entries<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.validate_typed_array(this, "%TypedArray%.prototype.entries")?;
    cx.create_array_iterator(this, PropertyPart::Both)
}

/// %TypedArray%.prototype.keys (§23.2.3.19).
pub(super) fn keys<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.validate_typed_array(this, "%TypedArray%.prototype.keys")?;
    cx.create_array_iterator(this, PropertyPart::Key)
}

/// %TypedArray%.prototype.values (§23.2.3.35).
pub(super) fn values<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.validate_typed_array(this, "%TypedArray%.prototype.values")?;
    cx.create_array_iterator(this, PropertyPart::Value)
}
