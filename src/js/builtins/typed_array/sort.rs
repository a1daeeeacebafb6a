//! sort and toSorted of typed arrays (§23.2.3.29, §23.2.3.33).
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use crate::js::builtins::array::sort::{check_comparator, compare_with, merge_sort};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::element::Element;

/// %TypedArray%.prototype.sort (§23.2.3.29).
pub(super) fn sort<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If comparator is not undefined and IsCallable(comparator) is false, throw a TypeError exception.
    let comparator = cx.arg(args, 0);
    check_comparator(cx, comparator)?;
    cx.validate_typed_array(this, "%TypedArray%.prototype.sort")?;
    let sorted = sorted_bits(cx, this, comparator)?;
    // 7. to 9. The comparator may have changed the buffer: what is not there is not written.
    if let Some(view) = cx.view(this) {
        sorted.into_iter().enumerate().for_each(|(index, bits)| view.store(index, bits));
    }
    Ok(this)
}

/// %TypedArray%.prototype.toSorted (§23.2.3.33).
pub(super) fn to_sorted<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If comparator is not undefined and IsCallable(comparator) is false, throw a TypeError exception.
    let comparator = cx.arg(args, 0);
    check_comparator(cx, comparator)?;
    let length = cx.validate_typed_array(this, "%TypedArray%.prototype.toSorted")?;
    let element = cx.element_of(this);
    let array = cx.new_typed_array(element, length)?;
    let sorted = sorted_bits(cx, this, comparator)?;
    if let Some(view) = cx.view(array) {
        sorted.into_iter().enumerate().for_each(|(index, bits)| view.store(index, bits));
    }
    Ok(array)
}

/// The elements' bits in order (§23.2.4.7).
fn sorted_bits<'s>(cx: &mut Cx<'s>, array: Local<'s>, comparator: Local<'s>) -> Completion<Vec<u64>> {
    let Some(view) = cx.view(array) else { return Ok(Vec::new()) };
    let mut all: Vec<u64> = (0..view.length).map_while(|index| view.load(index)).collect();
    let element = view.element;
    if comparator.is_undefined() {
        all.sort_by(|left, right| compare(element, *left, *right));
        return Ok(all);
    }
    let mut order: Vec<u32> = (0..all.len() as u32).collect();
    merge_sort(&mut order, &mut |left, right| {
        let mut cx = cx.open();
        let left = cx.element_value(element, all[left as usize])?;
        let right = cx.element_value(element, all[right as usize])?;
        compare_with(&mut cx, comparator, left, right)
    })?;
    Ok(order.into_iter().map(|place| all[place as usize]).collect())
}

/// CompareTypedArrayElements (§23.2.4.7) without a comparator: NaN is last, −0 before +0.
fn compare(element: Element, left: u64, right: u64) -> Ordering {
    match element {
        Element::BigInt64 => left.cast_signed().cmp(&right.cast_signed()),
        Element::BigUint64 => left.cmp(&right),
        _ => {
            let number = |bits| element.number(bits).as_number().unwrap_or(f64::NAN);
            number(left).total_cmp(&number(right))
        }
    }
}
