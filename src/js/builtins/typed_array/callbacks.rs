//! Methods of typed arrays that call a function for each element (§23.2.3).
#![forbid(unsafe_code)]

use std::ops::ControlFlow;

use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};

/// Calls the first argument for each element, until `then` is content.
fn each<'s, R>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    args: Args<'s>,
    (method, is_backwards): (&str, bool),
    mut then: impl for<'t> FnMut(&mut Cx<'t>, usize, Local<'t>, Local<'t>) -> Completion<ControlFlow<R>>,
) -> Completion<Option<R>> {
    let length = cx.validate_typed_array(this, method)?;
    let (callback, callback_this) = (cx.arg(args, 0), cx.arg(args, 1));
    cx.require_callable(callback)?;
    for round in 0..length {
        let index = if is_backwards { length - 1 - round } else { round };
        let mut cx = cx.open();
        let value = cx.typed_array_at(this, index)?;
        let result = cx.call(callback, callback_this, &[value, Local::number(index as f64), this])?;
        if let ControlFlow::Break(result) = then(&mut cx, index, value, result)? {
            return Ok(Some(result));
        }
    }
    Ok(None)
}

/// %TypedArray%.prototype.every (§23.2.3.8).
pub(super) fn every<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let found = each(cx, this, args, ("%TypedArray%.prototype.every", false), |cx, _, _, result| {
        Ok(if cx.to_boolean(result) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(Local::bool(found.is_none()))
}

/// %TypedArray%.prototype.some (§23.2.3.28).
pub(super) fn some<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let found = each(cx, this, args, ("%TypedArray%.prototype.some", false), |cx, _, _, result| {
        Ok(if cx.to_boolean(result) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(Local::bool(found.is_some()))
}

/// %TypedArray%.prototype.forEach (§23.2.3.15).
pub(super) fn for_each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    each::<()>(cx, this, args, ("%TypedArray%.prototype.forEach", false), |_, _, _, _| Ok(ControlFlow::Continue(())))?;
    Ok(Local::UNDEFINED)
}

/// FindViaPredicate (§23.1.3.12.1): the element's number and the element.
fn find_via<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, how: (&str, bool)) -> Completion<Option<(usize, Local<'s>)>> {
    let kept = cx.root(Local::UNDEFINED);
    let found = each(cx, this, args, how, |cx, index, value, result| {
        if !cx.to_boolean(result) {
            return Ok(ControlFlow::Continue(()));
        }
        cx.set_root(kept, value);
        Ok(ControlFlow::Break(index))
    })?;
    Ok(found.map(|index| (index, cx.get_root(kept))))
}

fn value_of<'s>(found: Option<(usize, Local<'s>)>) -> Local<'s> {
    found.map_or(Local::UNDEFINED, |(_, value)| value)
}

fn index_of<'s>(found: Option<(usize, Local<'s>)>) -> Local<'s> {
    found.map_or(Local::int(-1), |(index, _)| Local::number(index as f64))
}

/// %TypedArray%.prototype.find (§23.2.3.11).
pub(super) fn find<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    find_via(cx, this, args, ("%TypedArray%.prototype.find", false)).map(value_of)
}

/// %TypedArray%.prototype.findIndex (§23.2.3.12).
pub(super) fn find_index<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    find_via(cx, this, args, ("%TypedArray%.prototype.findIndex", false)).map(index_of)
}

/// %TypedArray%.prototype.findLast (§23.2.3.13).
pub(super) fn find_last<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    find_via(cx, this, args, ("%TypedArray%.prototype.findLast", true)).map(value_of)
}

/// %TypedArray%.prototype.findLastIndex (§23.2.3.14).
pub(super) fn find_last_index<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    find_via(cx, this, args, ("%TypedArray%.prototype.findLastIndex", true)).map(index_of)
}

/// %TypedArray%.prototype.filter (§23.2.3.10).
pub(super) fn filter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.filter";
    let list = cx.new_array(0)?;
    each::<()>(cx, this, args, (METHOD, false), |cx, _, value, result| {
        if cx.to_boolean(result) {
            cx.array_push(list, value)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // 9. Let A be ? TypedArraySpeciesCreate(O, « captured »).
    let count = cx.array_length(list);
    let array = cx.create_typed_array_species(this, &[Local::number(f64::from(count))], Some(u64::from(count)), METHOD)?;
    for index in 0..count {
        let mut cx = cx.open();
        let value = cx.get(list, index.into())?;
        cx.set(array, index.into(), value)?;
    }
    Ok(array)
}

/// %TypedArray%.prototype.map (§23.2.3.22).
pub(super) fn map<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.prototype.map";
    let length = cx.validate_typed_array(this, METHOD)?;
    let (callback, callback_this) = (cx.arg(args, 0), cx.arg(args, 1));
    cx.require_callable(callback)?;
    // 5. Let A be ? TypedArraySpeciesCreate(O, « len »).
    let array = cx.create_typed_array_species(this, &[Local::number(length as f64)], Some(length as u64), METHOD)?;
    for index in 0..length {
        let mut cx = cx.open();
        let value = cx.typed_array_at(this, index)?;
        let number = Local::number(index as f64);
        let mapped = cx.call(callback, callback_this, &[value, number, this])?;
        let key = cx.key_of_number(index as f64)?;
        cx.set(array, key, mapped)?;
    }
    Ok(array)
}

/// %TypedArray%.prototype.reduce (§23.2.3.23).
pub(super) fn reduce<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fold(cx, this, args, "%TypedArray%.prototype.reduce", false)
}

/// %TypedArray%.prototype.reduceRight (§23.2.3.24).
pub(super) fn reduce_right<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fold(cx, this, args, "%TypedArray%.prototype.reduceRight", true)
}

fn fold<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, method: &str, is_backwards: bool) -> Completion<Local<'s>> {
    let length = cx.validate_typed_array(this, method)?;
    let callback = cx.arg(args, 0);
    cx.require_callable(callback)?;
    let place = |round: usize| if is_backwards { length - 1 - round } else { round };
    let has_start = args.len() > 1;
    // 4. If len = 0 and initialValue is not present, throw a TypeError exception.
    if length == 0 && !has_start {
        return Err(cx.type_error("Reduce of empty array with no initial value"));
    }
    let start = if has_start { cx.arg(args, 1) } else { cx.typed_array_at(this, place(0))? };
    let total = cx.root(start);
    for round in usize::from(!has_start)..length {
        let mut cx = cx.open();
        let (before, value) = (cx.get_root(total), cx.typed_array_at(this, place(round))?);
        let number = Local::number(place(round) as f64);
        let after = cx.call(callback, Local::UNDEFINED, &[before, value, number, this])?;
        cx.set_root(total, after);
    }
    Ok(cx.get_root(total))
}
