//! Iterator helpers (§27.1.2.1): objects that give the values of other iterators, changed.
//!
//! The specification writes their bodies as generators. Here a helper is a state machine: `next` runs [`step`] until it gives a value, and
//! the slots hold what a generator would keep in variables.
#![forbid(unsafe_code)]

use crate::js::builtins::iterator::{check_receiver, chunks, close_with, get_iterator_flattenable, with_function, zip};
use crate::js::class::Class;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::object::iteration::IteratorRecord;

/// Which helper it is.
const KIND: u32 = 0;
/// [[GeneratorState]].
const STATE: u32 = 1;
/// The underlying iterator and its `next`.
const ITERATOR: u32 = 2;
const NEXT: u32 = 3;
/// The function, or a number of elements.
pub(super) const FUNCTION: u32 = 4;
pub(super) const COUNTER: u32 = 5;
/// The inner iterator of flatMap and concat: undefined if there is none.
pub(super) const INNER: u32 = 6;
pub(super) const INNER_NEXT: u32 = 7;
/// Lists of the engine's own.
pub(super) const LIST: u32 = 8;
pub(super) const SECOND_LIST: u32 = 9;

const SUSPENDED_START: i32 = 0;
const SUSPENDED_YIELD: i32 = 1;
const EXECUTING: i32 = 2;
const COMPLETED: i32 = 3;

/// The helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Map,
    Filter,
    Take,
    Drop,
    FlatMap,
    Concat,
    Zip,
    Chunks,
    Windows,
}

const KINDS: [Kind; 9] =
    [Kind::Map, Kind::Filter, Kind::Take, Kind::Drop, Kind::FlatMap, Kind::Concat, Kind::Zip, Kind::Chunks, Kind::Windows];

/// CreateIteratorFromClosure for a helper.
pub(super) fn make<'s>(cx: &mut Cx<'s>, kind: Kind, record: Option<IteratorRecord<'s>>) -> Completion<Local<'s>> {
    let helper = cx.make_of(Class::IteratorHelper, Intrinsic::IteratorHelperPrototype)?;
    cx.set_field(helper, KIND, Local::int(kind as i32));
    cx.set_field(helper, STATE, Local::int(SUSPENDED_START));
    cx.set_field(helper, COUNTER, Local::ZERO);
    if let Some(record) = record {
        cx.set_field(helper, ITERATOR, record.iterator);
        cx.set_field(helper, NEXT, record.next);
    }
    Ok(helper)
}

/// The underlying iterator.
pub(super) fn underlying<'s>(cx: &mut Cx<'s>, helper: Local<'_>) -> IteratorRecord<'s> {
    IteratorRecord { iterator: cx.field(helper, ITERATOR), next: cx.field(helper, NEXT) }
}

fn of_function<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, kind: Kind, name: &str) -> Completion<Local<'s>> {
    // 1. to 5.
    let function = cx.arg(args, 0);
    let record = with_function(cx, this, function, name)?;
    // 6. to 8.
    let helper = make(cx, kind, Some(record))?;
    cx.set_field(helper, FUNCTION, function);
    Ok(helper)
}

/// Iterator.prototype.map (§27.1.4.8).
pub(super) fn map<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    of_function(cx, this, args, Kind::Map, "map")
}

/// Iterator.prototype.filter (§27.1.4.4).
pub(super) fn filter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    of_function(cx, this, args, Kind::Filter, "filter")
}

/// Iterator.prototype.flatMap (§27.1.4.6).
pub(super) fn flat_map<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    of_function(cx, this, args, Kind::FlatMap, "flatMap")
}

fn of_limit<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, kind: Kind, name: &str) -> Completion<Local<'s>> {
    // 1. to 3.
    check_receiver(cx, this, name)?;
    let limit = cx.arg(args, 0);
    // 4. and 5.
    let number = match cx.to_number(limit) {
        Ok(number) => number,
        Err(thrown) => return close_with(cx, this, thrown),
    };
    // 6. to 9.
    if number.is_nan() || number.trunc() < 0.0 || (number.is_finite() && number > MAX_SAFE_INTEGER) {
        let text = cx.display(limit);
        let thrown = cx.range_error(&format!("{text} must be an integer from 0 to 2 ** 53 - 1"));
        return close_with(cx, this, thrown);
    }
    // 10. to 13.
    let record = cx.get_iterator_direct(this)?;
    let helper = make(cx, kind, Some(record))?;
    cx.set_field(helper, FUNCTION, Local::number(number.trunc() + 0.0));
    Ok(helper)
}

/// Iterator.prototype.take (§27.1.4.11).
pub(super) fn take<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    of_limit(cx, this, args, Kind::Take, "take")
}

/// Iterator.prototype.drop (§27.1.4.2).
pub(super) fn drop<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    of_limit(cx, this, args, Kind::Drop, "drop")
}

/// Which helper it is, and its state.
fn check<'s>(cx: &mut Cx<'s>, this: Local<'s>) -> Completion<(Kind, i32)> {
    if !cx.is(this, Class::IteratorHelper) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("{text} is not an iterator helper")));
    }
    let kind = cx.field_value(this, KIND).as_int().unwrap_or(0) as usize;
    let state = cx.field_value(this, STATE).as_int().unwrap_or(COMPLETED);
    if state == EXECUTING {
        return Err(cx.type_error("Generator is already running"));
    }
    Ok((KINDS[kind.min(KINDS.len() - 1)], state))
}

/// Lets go of what a helper at its end needs no more.
fn complete(cx: &mut Cx<'_>, helper: Local<'_>) {
    cx.set_field(helper, STATE, Local::int(COMPLETED));
    for field in [ITERATOR, NEXT, FUNCTION, COUNTER, INNER, INNER_NEXT, LIST, SECOND_LIST] {
        cx.set_field(helper, field, Local::UNDEFINED);
    }
}

/// %IteratorHelperPrototype%.next (§27.1.2.1.1).
pub(super) fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let (kind, state) = check(cx, this)?;
    if state == COMPLETED {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    cx.set_field(this, STATE, Local::int(EXECUTING));
    match step(cx, this, kind) {
        Ok(Some(value)) => {
            cx.set_field(this, STATE, Local::int(SUSPENDED_YIELD));
            cx.iterator_result(value, false)
        }
        Ok(None) => {
            complete(cx, this);
            cx.iterator_result(Local::UNDEFINED, true)
        }
        Err(thrown) => {
            complete(cx, this);
            Err(thrown)
        }
    }
}

/// %IteratorHelperPrototype%.return (§27.1.2.1.2).
pub(super) fn r#return<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let (kind, state) = check(cx, this)?;
    if state == COMPLETED {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    // 4. Before the start it is completed at once; 5. and 6. after a yield it runs while it closes.
    let state = if state == SUSPENDED_START { COMPLETED } else { EXECUTING };
    cx.set_field(this, STATE, Local::int(state));
    let closed = close(cx, this, kind);
    complete(cx, this);
    closed?;
    cx.iterator_result(Local::UNDEFINED, true)
}

/// Closes what a helper iterates.
fn close<'s>(cx: &mut Cx<'s>, helper: Local<'s>, kind: Kind) -> Completion<()> {
    let inner = cx.field(helper, INNER);
    let record = underlying(cx, helper);
    match kind {
        Kind::Zip => zip::close_all(cx, helper, Ok(())),
        Kind::Concat => {
            if inner.is_undefined() {
                return Ok(());
            }
            cx.iterator_close(inner)
        }
        Kind::FlatMap if !inner.is_undefined() => match cx.iterator_close(inner) {
            Ok(()) => cx.iterator_close(record.iterator),
            Err(thrown) => close_with(cx, record.iterator, thrown),
        },
        _ => cx.iterator_close(record.iterator),
    }
}

/// Counts a value; gives its number.
fn count<'s>(cx: &mut Cx<'s>, helper: Local<'_>) -> Local<'s> {
    let number = cx.field_value(helper, COUNTER).as_number().unwrap_or(0.0);
    cx.set_field(helper, COUNTER, Local::number(number + 1.0));
    Local::number(number)
}

/// Calls the function with a value and its number; the underlying iterator is closed when that throws.
fn call_function<'s>(cx: &mut Cx<'s>, helper: Local<'s>, record: IteratorRecord<'s>, value: Local<'s>) -> Completion<Local<'s>> {
    let function = cx.field(helper, FUNCTION);
    let number = count(cx, helper);
    match cx.call(function, Local::UNDEFINED, &[value, number]) {
        Ok(result) => Ok(result),
        Err(thrown) => close_with(cx, record.iterator, thrown),
    }
}

/// Runs a helper up to its next value; `None` at its end.
fn step<'s>(cx: &mut Cx<'s>, helper: Local<'s>, kind: Kind) -> Completion<Option<Local<'s>>> {
    let record = underlying(cx, helper);
    match kind {
        Kind::Map => match cx.iterator_step_value(record)? {
            Some(value) => call_function(cx, helper, record, value).map(Some),
            None => Ok(None),
        },
        Kind::Filter => step_filter(cx, helper, record),
        Kind::Take => {
            let remaining = cx.field_value(helper, FUNCTION).as_number().unwrap_or(0.0);
            if remaining == 0.0 {
                cx.iterator_close(record.iterator)?;
                return Ok(None);
            }
            cx.set_field(helper, FUNCTION, Local::number(remaining - 1.0));
            cx.iterator_step_value(record)
        }
        Kind::Drop => {
            loop {
                let mut cx = cx.open();
                let remaining = cx.field_value(helper, FUNCTION).as_number().unwrap_or(0.0);
                if remaining == 0.0 {
                    break;
                }
                cx.set_field(helper, FUNCTION, Local::number(remaining - 1.0));
                if cx.iterator_step(record)?.is_none() {
                    return Ok(None);
                }
            }
            cx.iterator_step_value(record)
        }
        Kind::FlatMap => step_flat_map(cx, helper, record),
        Kind::Concat => zip::step_concat(cx, helper),
        Kind::Zip => zip::step_zip(cx, helper),
        Kind::Chunks => chunks::step_chunks(cx, helper, record),
        Kind::Windows => chunks::step_windows(cx, helper, record),
    }
}

fn step_filter<'s>(cx: &mut Cx<'s>, helper: Local<'s>, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
    let found = cx.root(Local::UNDEFINED);
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { return Ok(None) };
        let selected = call_function(&mut cx, helper, record, value)?;
        if cx.to_boolean(selected) {
            cx.set_root(found, value);
            break;
        }
    }
    Ok(Some(cx.get_root(found)))
}

fn step_flat_map<'s>(cx: &mut Cx<'s>, helper: Local<'s>, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
    let found = cx.root(Local::UNDEFINED);
    loop {
        let mut cx = cx.open();
        let iterator = cx.field(helper, INNER);
        if iterator.is_undefined() {
            // b.i to v.
            let Some(value) = cx.iterator_step_value(record)? else { return Ok(None) };
            let mapped = call_function(&mut cx, helper, record, value)?;
            match get_iterator_flattenable(&mut cx, mapped, false) {
                Err(thrown) => return close_with(&mut cx, record.iterator, thrown),
                Ok(inner) => {
                    cx.set_field(helper, INNER, inner.iterator);
                    cx.set_field(helper, INNER_NEXT, inner.next);
                }
            }
            continue;
        }
        // b.ix
        let inner = IteratorRecord { iterator, next: cx.field(helper, INNER_NEXT) };
        match cx.iterator_step_value(inner) {
            Err(thrown) => return close_with(&mut cx, record.iterator, thrown),
            Ok(None) => cx.set_field(helper, INNER, Local::UNDEFINED),
            Ok(Some(value)) => {
                cx.set_root(found, value);
                break;
            }
        }
    }
    Ok(Some(cx.get_root(found)))
}
