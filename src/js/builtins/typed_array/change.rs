//! fill, reverse, copyWithin and set of typed arrays (§23.2.3).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::element::Element;
use crate::js::object::typed_array::View;

/// The bits of an element as those of another type with the same kind of content.
pub(super) fn convert_bits(from: Element, to: Element, bits: u64) -> u64 {
    if from == to || from.is_bigint() {
        return bits;
    }
    to.bits_of_number(from.number(bits).as_number().unwrap_or(f64::NAN))
}

/// %TypedArray%.prototype.fill (§23.2.3.9).
pub(super) fn fill<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.fill";
    let length = cx.validate_typed_array(this, METHOD)? as u64;
    // 4. and 5. Convert the value.
    let element = cx.element_of(this);
    let bits = cx.element_bits(element, cx.arg(args, 0))?;
    let start = cx.to_relative(cx.arg(args, 1), length)? as usize;
    let end = cx.to_relative_end(cx.arg(args, 2), length)? as usize;
    // 14. and 15. The conversions may have changed the buffer.
    let now = cx.validate_typed_array(this, METHOD)?;
    let end = end.min(now);
    if let Some(view) = cx.view(this)
        && start < end
    {
        if element.size() == 1 {
            view.backing.fill(view.at(start), end - start, bits as u8);
        } else {
            (start..end).for_each(|index| view.store(index, bits));
        }
    }
    Ok(this)
}

/// %TypedArray%.prototype.reverse (§23.2.3.25).
pub(super) fn reverse<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.reverse")?;
    if let Some(view) = cx.view(this) {
        for low in 0..length / 2 {
            let high = length - 1 - low;
            if let (Some(first), Some(last)) = (view.load(low), view.load(high)) {
                view.store(low, last);
                view.store(high, first);
            }
        }
    }
    Ok(this)
}

/// %TypedArray%.prototype.copyWithin (§23.2.3.6).
pub(super) fn copy_within<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.copyWithin";
    let length = cx.validate_typed_array(this, METHOD)? as u64;
    let target = cx.to_relative(cx.arg(args, 0), length)?;
    let start = cx.to_relative(cx.arg(args, 1), length)?;
    let end = cx.to_relative_end(cx.arg(args, 2), length)?;
    let count = end.saturating_sub(start).min(length - target);
    if count == 0 {
        return Ok(this);
    }
    // 17. The conversions may have changed the buffer.
    let now = cx.validate_typed_array(this, METHOD)?.min(length as usize);
    if let Some(view) = cx.view(this) {
        let (target, start) = ((target as usize).min(now), (start as usize).min(now));
        let count = (count as usize).min(now - start).min(now - target);
        view.backing.copy(view.at(target), &view.backing, view.at(start), count << view.element.shift());
    }
    Ok(this)
}

/// %TypedArray%.prototype.set (§23.2.3.26).
pub(super) fn set<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.set";
    if !cx.is(this, Class::TypedArray) {
        return Err(cx.type_error(&format!("{METHOD}: this is not a typed array.")));
    }
    // 4. Let targetOffset be ? ToIntegerOrInfinity(offset).
    let offset = cx.to_integer_or_infinity(cx.arg(args, 1))?;
    if offset < 0.0 {
        return Err(cx.range_error("offset is out of bounds"));
    }
    let source = cx.arg(args, 0);
    if cx.is(source, Class::TypedArray) {
        set_from_typed_array(cx, this, offset, source)?;
    } else {
        set_from_array_like(cx, this, offset, source)?;
    }
    Ok(Local::UNDEFINED)
}

/// SetTypedArrayFromTypedArray (§23.2.3.26.1).
fn set_from_typed_array<'s>(cx: &mut Cx<'s>, target: Local<'s>, offset: f64, source: Local<'s>) -> Completion<()> {
    let (Some(to), Some(from)) = (cx.view(target), cx.view(source)) else {
        return Err(cx.type_error("Cannot perform %TypedArray%.prototype.set on a detached ArrayBuffer"));
    };
    // 11. If target.[[ContentType]] is not source.[[ContentType]], throw a TypeError exception.
    if to.element.is_bigint() != from.element.is_bigint() {
        return Err(cx.type_error("Cannot mix BigInt and other types, use explicit conversions"));
    }
    if offset + from.length as f64 > to.length as f64 {
        return Err(cx.range_error("offset is out of bounds"));
    }
    copy_elements(&to, offset as usize, &from, 0, from.length);
    Ok(())
}

/// Copies elements, which may lie in the same bytes, converted.
pub(super) fn copy_elements(to: &View, to_index: usize, from: &View, from_index: usize, count: usize) {
    if to.element == from.element {
        to.backing.copy(to.at(to_index), &from.backing, from.at(from_index), count << from.element.shift());
        return;
    }
    let is_same = to.backing.address(0) == from.backing.address(0);
    if !is_same {
        for nth in 0..count {
            let Some(bits) = from.load(from_index + nth) else { return };
            to.store(to_index + nth, convert_bits(from.element, to.element, bits));
        }
        return;
    }
    // As if the source were cloned first.
    let all: Vec<u64> = (0..count).map_while(|nth| from.load(from_index + nth)).collect();
    for (nth, bits) in all.into_iter().enumerate() {
        to.store(to_index + nth, convert_bits(from.element, to.element, bits));
    }
}

/// SetTypedArrayFromArrayLike (§23.2.3.26.2).
fn set_from_array_like<'s>(cx: &mut Cx<'s>, target: Local<'s>, offset: f64, source: Local<'s>) -> Completion<()> {
    let length = cx.validate_typed_array(target, "%TypedArray%.prototype.set")?;
    let source = cx.to_object(source)?;
    let count = cx.length_of_array_like(source)?;
    if offset + count as f64 > length as f64 {
        return Err(cx.range_error("offset is out of bounds"));
    }
    let element = cx.element_of(target);
    for nth in 0..count {
        let mut cx = cx.open();
        let key = cx.key_of_number(nth as f64)?;
        let value = cx.get(source, key)?;
        let bits = cx.element_bits(element, value)?;
        cx.typed_array_put(target, offset as usize + nth as usize, bits);
    }
    Ok(())
}
