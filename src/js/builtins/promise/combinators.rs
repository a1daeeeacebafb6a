//! `Promise.all` (§27.2.4.1), `allSettled` (§27.2.4.2), `any` (§27.2.4.3), `race` (§27.2.4.5).
//!
//! What the functions for the elements share is one array of values in the heap: the results, how many are missing, and the capability.
#![forbid(unsafe_code)]

use super::operations::PromiseCapability;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::function::NATIVE_DATA;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::object::iteration::IteratorRecord;
use crate::js::value::Value;

/// Words of what is shared.
const RESULTS: u32 = 0;
const REMAINING: u32 = 1;
const RESOLVE: u32 = 2;
const REJECT: u32 = 3;

/// Which combinator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    AllSettled,
    Any,
    Race,
}

/// Promise.all ( iterable ) (§27.2.4.1).
pub(super) fn all<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    combine(cx, this, args, Kind::All)
}

/// Promise.allSettled ( iterable ) (§27.2.4.2).
pub(super) fn all_settled<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    combine(cx, this, args, Kind::AllSettled)
}

/// Promise.any ( iterable ) (§27.2.4.3).
pub(super) fn any<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    combine(cx, this, args, Kind::Any)
}

/// Promise.race ( iterable ) (§27.2.4.5).
pub(super) fn race<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    combine(cx, this, args, Kind::Race)
}

fn combine<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, kind: Kind) -> Completion<Local<'s>> {
    // 1. and 2.
    let capability = cx.new_promise_capability(this)?;
    // 3. to 8. What goes wrong rejects the promise.
    let mut started = || {
        // GetPromiseResolve (§27.2.4.1.1)
        let resolve = cx.get(this, Name::resolve.key())?;
        if !cx.is_callable(resolve) {
            return Err(cx.type_error("Promise resolve or reject function is not callable"));
        }
        let record = cx.get_iterator(cx.arg(args, 0))?;
        perform(cx, this, resolve, record, capability, kind)
    };
    match started() {
        Ok(promise) => Ok(promise),
        Err(thrown) => {
            let error = cx.take_exception(thrown)?;
            cx.call(capability.reject, Local::UNDEFINED, &[error])?;
            Ok(capability.promise)
        }
    }
}

/// PerformPromiseAll (§27.2.4.1.2) and its like.
fn perform<'s>(
    cx: &mut Cx<'s>,
    constructor: Local<'s>,
    resolve: Local<'s>,
    record: IteratorRecord<'s>,
    capability: PromiseCapability<'s>,
    kind: Kind,
) -> Completion<Local<'s>> {
    let results = cx.new_array(0)?;
    let shared = cx.allocate_values(4, Value::UNDEFINED)?;
    let words = [cx.value(results), Value::int(1), cx.value(capability.resolve), cx.value(capability.reject)];
    for (nth, word) in words.into_iter().enumerate() {
        cx.write_value(shared, nth as u32, word);
    }
    let shared = cx.root_value(Value::object(shared));
    let mut index = 0;
    loop {
        let mut cx = cx.open();
        let Some(next) = cx.iterator_step_value(record)? else {
            drop(cx);
            break;
        };
        let mut add = || -> Completion<()> {
            cx.array_push(results, Local::UNDEFINED)?;
            let promise = cx.call(resolve, constructor, &[next])?;
            let (on_fulfilled, on_rejected) = element_functions(&mut cx, kind, shared, index, capability)?;
            if kind != Kind::Race {
                let words = cx.reference(shared);
                let remaining = cx.read_value(words, REMAINING).as_int().unwrap_or(0);
                cx.write_value(words, REMAINING, Value::int(remaining + 1));
            }
            cx.invoke(promise, Name::then.key(), &[on_fulfilled, on_rejected])?;
            Ok(())
        };
        if let Err(thrown) = add() {
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
        index += 1;
    }
    if kind != Kind::Race {
        one_less(cx, shared, kind)?;
    }
    Ok(capability.promise)
}

/// What is given to an element's `then`.
fn element_functions<'t>(
    cx: &mut Cx<'t>,
    kind: Kind,
    shared: Local<'t>,
    index: i32,
    capability: PromiseCapability<'t>,
) -> Completion<(Local<'t>, Local<'t>)> {
    let captured = [shared, Local::int(index)];
    Ok(match kind {
        Kind::Race => (capability.resolve, capability.reject),
        Kind::All => (cx.new_capturing(all_element, 1, &captured)?, capability.reject),
        Kind::Any => (capability.resolve, cx.new_capturing(any_element, 1, &captured)?),
        Kind::AllSettled => {
            // Only the first of the two counts: they share an array with the index.
            let once = cx.allocate_values(1, Value::int(index))?;
            let once = cx.root_value(Value::object(once));
            let functions: [Native; 2] = [settled_fulfilled, settled_rejected];
            let captured = [shared, once];
            (cx.new_capturing(functions[0], 1, &captured)?, cx.new_capturing(functions[1], 1, &captured)?)
        }
    })
}

/// The index of an element whose function is called for the first time.
fn first_call<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Option<u32> {
    let (callee, index) = (cx.callee(args), cx.captured(args, 1));
    if let Some(index) = index.as_int() {
        cx.set_field_value(callee, NATIVE_DATA + 1, Value::UNDEFINED);
        return Some(index.cast_unsigned());
    }
    if !index.is_object() {
        return None;
    }
    let once = cx.reference(index);
    let index = cx.read_value(once, 0).as_int()?;
    cx.write_value(once, 0, Value::UNDEFINED);
    Some(index.cast_unsigned())
}

/// Stores an element's result.
fn finish<'s>(cx: &mut Cx<'s>, args: Args<'s>, index: u32, value: Local<'s>, kind: Kind) -> Completion<Local<'s>> {
    let shared = cx.captured(args, 0);
    let results = cx.read_value(cx.reference(shared), RESULTS);
    let results = cx.local(results);
    cx.put_element(results, index, value, Attributes::ALL)?;
    one_less(cx, shared, kind)?;
    Ok(Local::UNDEFINED)
}

/// When nothing is missing, the capability is settled.
fn one_less<'s>(cx: &mut Cx<'s>, shared: Local<'s>, kind: Kind) -> Completion<()> {
    let words = cx.reference(shared);
    let remaining = cx.read_value(words, REMAINING).as_int().unwrap_or(1) - 1;
    cx.write_value(words, REMAINING, Value::int(remaining));
    if remaining != 0 {
        return Ok(());
    }
    let (results, function) =
        (cx.read_value(words, RESULTS), cx.read_value(words, if kind == Kind::Any { REJECT } else { RESOLVE }));
    let (results, function) = (cx.local(results), cx.local(function));
    let value = if kind == Kind::Any {
        let error = cx.new_error(Intrinsic::AggregateErrorPrototype, "All promises were rejected")?;
        cx.define_data(error, Name::errors.key(), results, Attributes::HIDDEN)?;
        error
    } else {
        results
    };
    cx.call(function, Local::UNDEFINED, &[value])?;
    Ok(())
}

/// Promise.all Resolve Element Functions (§27.2.4.1.3).
fn all_element<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    match first_call(cx, args) {
        Some(index) => finish(cx, args, index, cx.arg(args, 0), Kind::All),
        None => Ok(Local::UNDEFINED),
    }
}

/// Promise.any Reject Element Functions (§27.2.4.3.2).
fn any_element<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    match first_call(cx, args) {
        Some(index) => finish(cx, args, index, cx.arg(args, 0), Kind::Any),
        None => Ok(Local::UNDEFINED),
    }
}

fn settled<'s>(cx: &mut Cx<'s>, args: Args<'s>, status: Name, part: Name) -> Completion<Local<'s>> {
    let Some(index) = first_call(cx, args) else { return Ok(Local::UNDEFINED) };
    let object = cx.new_object()?;
    cx.create_data_property_or_throw(object, Name::status.key(), status.local())?;
    cx.create_data_property_or_throw(object, part.key(), cx.arg(args, 0))?;
    finish(cx, args, index, object, Kind::AllSettled)
}

/// Promise.allSettled Resolve Element Functions (§27.2.4.2.2).
fn settled_fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    settled(cx, args, Name::fulfilled, Name::value)
}

/// Promise.allSettled Reject Element Functions (§27.2.4.2.3).
fn settled_rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    settled(cx, args, Name::rejected, Name::reason)
}
