//! The Array constructor and its functions: from, of, isArray (§23.1.1, §23.1.2).
#![forbid(unsafe_code)]

use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Array (§23.1.1.1).
pub(super) fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let new_target = args.new_target();
    let prototype = if new_target.is_undefined() {
        cx.intrinsic(Intrinsic::ArrayPrototype)
    } else {
        cx.prototype_from_constructor(new_target, Intrinsic::ArrayPrototype)?
    };
    // 4. and 5.
    let first = cx.arg(args, 0);
    if let (1, Some(length)) = (args.len(), first.as_number()) {
        if length != f64::from(length as u32) {
            return Err(cx.range_error("Invalid array length"));
        }
        return cx.array_create(length as u32, prototype);
    }
    // 6.
    let count = args.len() as u32;
    let array = cx.array_create(0, prototype)?;
    cx.reserve_elements(array, count)?;
    for nth in 0..args.len() {
        cx.array_push(array, cx.arg(args, nth))?;
    }
    Ok(array)
}

/// Array.isArray (§23.1.2.2).
pub(super) fn is_array<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.is_array(cx.arg(args, 0))?))
}

/// Array.of (§23.1.2.3).
pub(super) fn of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 5.
    let length = args.len();
    let array = make(cx, this, Some(length as u64))?;
    // 6. and 7.
    for nth in 0..length {
        let mut cx = cx.open();
        let value = cx.arg(args, nth);
        cx.create_at(array, nth as u64, value)?;
    }
    // 8. and 9.
    cx.set_length(array, length as u64)?;
    Ok(array)
}

/// An object by the constructor `this`, or an array. The constructor gets the length, if there is one.
pub(super) fn make<'s>(cx: &mut Cx<'s>, this: Local<'s>, length: Option<u64>) -> Completion<Local<'s>> {
    let number = Local::number(length.unwrap_or(0) as f64);
    if cx.is_constructor(this) {
        let args = [number];
        return cx.construct(this, if length.is_some() { &args } else { &[] }, this);
    }
    match u32::try_from(length.unwrap_or(0)) {
        Ok(length) => cx.new_array(length),
        Err(_) => Err(cx.range_error("Invalid array length")),
    }
}

/// Array.from (§23.1.2.1).
pub(super) fn from<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (items, mapper, this_arg) = (cx.arg(args, 0), cx.arg(args, 1), cx.arg(args, 2));
    // 2. and 3.
    if !mapper.is_undefined() && !cx.is_callable(mapper) {
        let text = cx.display(mapper);
        return Err(cx.type_error(&format!("{text} is not a function")));
    }
    // 4. and 5.
    let method = cx.get_method(items, Name::sym_iterator.key())?;
    if !method.is_undefined() {
        return from_iterable(cx, this, (items, method), mapper, this_arg);
    }
    // 7. to 11.
    let array_like = cx.to_object(items)?;
    let length = cx.length_of_array_like(array_like)?;
    let array = make(cx, this, Some(length))?;
    // 12. and 13.
    for index in 0..length {
        let mut cx = cx.open();
        let mut value = cx.get_at(array_like, index)?;
        if !mapper.is_undefined() {
            value = cx.call(mapper, this_arg, &[value, Local::number(index as f64)])?;
        }
        cx.create_at(array, index, value)?;
    }
    // 14. and 15.
    cx.set_length(array, length)?;
    Ok(array)
}

/// 5. of Array.from.
fn from_iterable<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    (items, method): (Local<'s>, Local<'s>),
    mapper: Local<'s>,
    this_arg: Local<'s>,
) -> Completion<Local<'s>> {
    // a. to d.
    let array = make(cx, this, None)?;
    let record = cx.get_iterator_from_method(items, method)?;
    // e.
    let mut index = 0u64;
    loop {
        let mut cx = cx.open();
        if index as f64 >= MAX_SAFE_INTEGER {
            let thrown = cx.type_error("Invalid array length");
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
        let Some(next) = cx.iterator_step_value(record)? else { break };
        let mapped =
            if mapper.is_undefined() { Ok(next) } else { cx.call(mapper, this_arg, &[next, Local::number(index as f64)]) };
        let defined = mapped.and_then(|value| cx.create_at(array, index, value));
        if let Err(thrown) = defined {
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
        index += 1;
    }
    cx.set_length(array, index)?;
    Ok(array)
}

/// The object behind `Symbol.unscopables` (§23.1.3.41).
pub(super) fn unscopables<'s>(cx: &mut Cx<'s>) -> Completion<Local<'s>> {
    let list = cx.new_object_with(Local::NULL)?;
    for name in [
        Name::at,
        Name::copyWithin,
        Name::entries,
        Name::fill,
        Name::find,
        Name::findIndex,
        Name::findLast,
        Name::findLastIndex,
        Name::flat,
        Name::flatMap,
        Name::includes,
        Name::keys,
        Name::toReversed,
        Name::toSorted,
        Name::toSpliced,
        Name::values,
    ] {
        cx.create_data_property_or_throw(list, name.key(), Local::TRUE)?;
    }
    Ok(list)
}
