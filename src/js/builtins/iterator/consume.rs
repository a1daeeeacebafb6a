//! Methods of iterators that run them to their end: reduce, toArray, forEach, some, every, find, includes, join (§27.1.4).
#![forbid(unsafe_code)]

use crate::js::builtins::array::text::TextBuilder;
use crate::js::builtins::iterator::{check_receiver, close_with, with_function};
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};

/// Calls a function with each value and its number, until `ends` is given a result that it likes. The value then lies in a root.
fn call_each<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    args: Args<'s>,
    method: &str,
    ends: impl Fn(bool) -> bool,
) -> Completion<Option<Local<'s>>> {
    // 1. to 5.
    let function = cx.arg(args, 0);
    let record = with_function(cx, this, function, method)?;
    // 6. and 7.
    let found = cx.root(Local::UNDEFINED);
    let mut counter = 0.0;
    let mut has_ended = false;
    while !has_ended {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { return Ok(None) };
        match cx.call(function, Local::UNDEFINED, &[value, Local::number(counter)]) {
            Err(thrown) => return close_with(&mut cx, record.iterator, thrown),
            Ok(result) if ends(cx.to_boolean(result)) => {
                cx.set_root(found, value);
                has_ended = true;
                cx.iterator_close(record.iterator)?;
            }
            Ok(_) => counter += 1.0,
        }
    }
    Ok(Some(cx.get_root(found)))
}

/// Iterator.prototype.every (§27.1.4.3).
pub(super) fn every<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(call_each(cx, this, args, "every", |result| !result)?.is_none()))
}

/// Iterator.prototype.some (§27.1.4.10).
pub(super) fn some<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(call_each(cx, this, args, "some", |result| result)?.is_some()))
}

/// Iterator.prototype.find (§27.1.4.5).
pub(super) fn find<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(call_each(cx, this, args, "find", |result| result)?.unwrap_or(Local::UNDEFINED))
}

/// Iterator.prototype.forEach (§27.1.4.7).
pub(super) fn for_each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    call_each(cx, this, args, "forEach", |_| false)?;
    Ok(Local::UNDEFINED)
}

/// Iterator.prototype.reduce (§27.1.4.9).
pub(super) fn reduce<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 5.
    let function = cx.arg(args, 0);
    let record = with_function(cx, this, function, "reduce")?;
    // 6. and 7.
    let accumulator = cx.root(cx.arg(args, 1));
    let mut counter = 0.0;
    if args.len() < 2 {
        let Some(first) = cx.iterator_step_value(record)? else {
            return Err(cx.type_error("Reduce of a done iterator with no initial value"));
        };
        cx.set_root(accumulator, first);
        counter = 1.0;
    }
    // 8.
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        let so_far = cx.get_root(accumulator);
        match cx.call(function, Local::UNDEFINED, &[so_far, value, Local::number(counter)]) {
            Err(thrown) => return close_with(&mut cx, record.iterator, thrown),
            Ok(result) => cx.set_root(accumulator, result),
        }
        counter += 1.0;
    }
    Ok(cx.get_root(accumulator))
}

/// Iterator.prototype.toArray (§27.1.4.12).
pub(super) fn to_array<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_receiver(cx, this, "toArray")?;
    let record = cx.get_iterator_direct(this)?;
    // 4. and 5.
    let items = cx.new_array(0)?;
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        cx.array_push(items, value)?;
    }
    Ok(items)
}

/// Iterator.prototype.includes ( searchElement [ , skippedElements ] ), §27.1.4 with the proposal of that name.
pub(super) fn includes<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_receiver(cx, this, "includes")?;
    let wanted = cx.arg(args, 0);
    let skipped = cx.arg(args, 1);
    // 4. to 6.
    let to_skip = match skipped.as_number() {
        None if skipped.is_undefined() => 0.0,
        Some(number) if number.is_infinite() || number.fract() == 0.0 => number,
        _ => {
            let thrown = cx.type_error("The number of elements to skip must be an integer");
            return close_with(cx, this, thrown);
        }
    };
    // 7. and 8.
    if to_skip < 0.0 || (to_skip.is_finite() && to_skip > MAX_SAFE_INTEGER) {
        let thrown = cx.range_error("The number of elements to skip is out of range");
        return close_with(cx, this, thrown);
    }
    // 9. to 11.
    let record = cx.get_iterator_direct(this)?;
    let mut count = 0.0;
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { return Ok(Local::FALSE) };
        if count < to_skip {
            count += 1.0;
        } else if cx.same_value_zero(value, wanted) {
            cx.iterator_close(record.iterator)?;
            return Ok(Local::TRUE);
        }
    }
}

/// Iterator.prototype.join ( separator ), §27.1.4 with the proposal of that name.
pub(super) fn join<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check_receiver(cx, this, "join")?;
    // The separator is converted before anything is asked of the iterator, which is closed when that fails.
    let separator = cx.arg(args, 0);
    let separator = if separator.is_undefined() { cx.string(",") } else { cx.to_string(separator) };
    let separator = match separator {
        Ok(separator) => separator,
        Err(thrown) => return close_with(cx, this, thrown),
    };
    let record = cx.get_iterator_direct(this)?;
    let mut text = TextBuilder::default();
    let mut is_first = true;
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        let appended = (|| {
            if !std::mem::replace(&mut is_first, false) {
                cx.append_string(&mut text, separator)?;
            }
            if value.is_nullish() {
                return Ok(());
            }
            let string = cx.to_string(value)?;
            cx.append_string(&mut text, string)
        })();
        if let Err(thrown) = appended {
            return close_with(&mut cx, record.iterator, thrown);
        }
    }
    cx.string_of(text.text())
}
