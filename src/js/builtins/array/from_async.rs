//! Array.fromAsync (§23.1.2.2).
//!
//! The specification writes it as an async function. Here it is a state machine: what it awaits goes on with [`resume`], and what an
//! async function would keep in variables lies in a list of the engine's own. An iterator that is synchronous is awaited value by value
//! here, as %AsyncFromSyncIteratorPrototype% (§27.1.6.2) would do.
#![forbid(unsafe_code)]

use crate::js::builtins::array::construct::make;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;
use crate::js::value::Value;

/// Places of the list: the promise, what is thrown after the iterator was closed, the array.
const PROMISE: u32 = 0;
const ERROR: u32 = 1;
const RESULT: u32 = 2;
/// The iterator, or what is like an array, and its `next`, or the length.
const SOURCE: u32 = 3;
const NEXT: u32 = 4;
const INDEX: u32 = 5;
const MAPPER: u32 = 6;
const THIS: u32 = 7;
/// Where it goes on.
const STATE: u32 = 8;
/// Whether the iterator is synchronous.
const IS_SYNC: u32 = 9;
const PLACES: u32 = 10;

/// What is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The result of an asynchronous iterator.
    Next,
    /// A value of a synchronous iterator.
    SyncValue,
    /// The last value of a synchronous iterator.
    SyncEnd,
    /// What the function gave for a value of an iterator.
    Mapped,
    /// An element.
    Element,
    /// What the function gave for an element.
    MappedElement,
    /// The end of an iterator whose value failed.
    Closing,
}

const STATES: [State; 7] =
    [State::Next, State::SyncValue, State::SyncEnd, State::Mapped, State::Element, State::MappedElement, State::Closing];

fn read<'s>(cx: &mut Cx<'s>, list: Local<'_>, place: u32) -> Local<'s> {
    let value = cx.dense_at(list, u64::from(place)).unwrap_or(Value::UNDEFINED);
    cx.local(value)
}

fn write(cx: &mut Cx<'_>, list: Local<'_>, place: u32, value: Local<'_>) {
    let (list, value) = (cx.reference(list), cx.value(value));
    cx.write_element(list, place, value);
}

fn index_of(cx: &mut Cx<'_>, list: Local<'_>) -> u64 {
    read(cx, list, INDEX).as_number().unwrap_or(0.0) as u64
}

/// Array.fromAsync (§23.1.2.2).
pub(super) fn from_async<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let list = cx.new_array(0)?;
    for _ in 0..PLACES {
        cx.array_push(list, Local::UNDEFINED)?;
    }
    let promise = cx.new_promise()?;
    write(cx, list, PROMISE, promise);
    // 3. and 4.
    write(cx, list, MAPPER, cx.arg(args, 1));
    write(cx, list, THIS, cx.arg(args, 2));
    write(cx, list, INDEX, Local::ZERO);
    let started = start(cx, list, this, cx.arg(args, 0));
    or_reject(cx, list, started)?;
    // 5.
    Ok(promise)
}

/// Rejects the promise with what was thrown.
fn or_reject<'s>(cx: &mut Cx<'s>, list: Local<'s>, result: Completion<()>) -> Completion<()> {
    if let Err(thrown) = result {
        let error = cx.take_exception(thrown)?;
        let promise = read(cx, list, PROMISE);
        cx.reject_promise(promise, error)?;
    }
    Ok(())
}

/// 3.a to k, up to what is awaited first.
fn start<'s>(cx: &mut Cx<'s>, list: Local<'s>, constructor: Local<'s>, items: Local<'s>) -> Completion<()> {
    // a. and b.
    let mapper = read(cx, list, MAPPER);
    if !mapper.is_undefined() && !cx.is_callable(mapper) {
        let text = cx.display(mapper);
        return Err(cx.type_error(&format!("{text} is not a function")));
    }
    // c. to h.
    let mut method = cx.get_method(items, Name::sym_asyncIterator.key())?;
    let is_sync = method.is_undefined();
    if is_sync {
        method = cx.get_method(items, Name::sym_iterator.key())?;
    }
    if !method.is_undefined() {
        // i.
        let result = make(cx, constructor, None)?;
        let record = cx.get_iterator_from_method(items, method)?;
        write(cx, list, RESULT, result);
        write(cx, list, SOURCE, record.iterator);
        write(cx, list, NEXT, record.next);
        write(cx, list, IS_SYNC, Local::bool(is_sync));
        return ask_next(cx, list);
    }
    // j.
    let array_like = cx.to_object(items)?;
    let length = cx.length_of_array_like(array_like)?;
    let result = make(cx, constructor, Some(length))?;
    write(cx, list, RESULT, result);
    write(cx, list, SOURCE, array_like);
    write(cx, list, NEXT, Local::number(length as f64));
    next_element(cx, list)
}

/// Await (§27.7.5.3): goes on in a state when a value is there.
fn await_in<'s>(cx: &mut Cx<'s>, list: Local<'s>, value: Local<'s>, state: State) -> Completion<()> {
    write(cx, list, STATE, Local::int(state as i32));
    let promise = cx.intrinsic(Intrinsic::Promise);
    let awaited = cx.promise_resolve(promise, value)?;
    let fulfilled = cx.new_capturing(fulfilled, 1, &[list])?;
    let rejected = cx.new_capturing(rejected, 1, &[list])?;
    cx.perform_promise_then(awaited, fulfilled, rejected, None)?;
    Ok(())
}

/// Await fulfilled (§27.7.5.3, 3.): goes on with the value.
fn fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let list = cx.captured(args, 0);
    let result = resume(cx, list, Ok(cx.arg(args, 0)));
    or_reject(cx, list, result)?;
    Ok(Local::UNDEFINED)
}

/// Await rejected (§27.7.5.3, 5.): goes on with the exception.
fn rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let list = cx.captured(args, 0);
    let thrown = cx.throw(cx.arg(args, 0));
    let result = resume(cx, list, Err(thrown));
    or_reject(cx, list, result)?;
    Ok(Local::UNDEFINED)
}

/// Goes on with what was awaited.
fn resume<'s>(cx: &mut Cx<'s>, list: Local<'s>, awaited: Completion<Local<'s>>) -> Completion<()> {
    let state = read(cx, list, STATE).as_int().unwrap_or(0).cast_unsigned() as usize;
    match STATES[state.min(STATES.len() - 1)] {
        State::Next => {
            let result = awaited?;
            // i.4.d to g
            if !result.is_object() {
                let text = cx.display(result);
                return Err(cx.type_error(&format!("Iterator result {text} is not an object")));
            }
            if cx.iterator_complete(result)? {
                return finish(cx, list);
            }
            let value = cx.get(result, Name::value.key())?;
            map_value(cx, list, value)
        }
        State::SyncValue => match awaited {
            Ok(value) => map_value(cx, list, value),
            Err(thrown) => close(cx, list, thrown),
        },
        State::SyncEnd => {
            awaited?;
            finish(cx, list)
        }
        State::Mapped => match awaited {
            Ok(value) => define(cx, list, value),
            Err(thrown) => close(cx, list, thrown),
        },
        State::Element => {
            let value = awaited?;
            let mapper = read(cx, list, MAPPER);
            if mapper.is_undefined() {
                define_element(cx, list, value)?;
                return next_element(cx, list);
            }
            let mapped = call_mapper(cx, list, value)?;
            await_in(cx, list, mapped, State::MappedElement)
        }
        State::MappedElement => {
            let value = awaited?;
            define_element(cx, list, value)?;
            next_element(cx, list)
        }
        State::Closing => {
            // What closing gives counts for nothing.
            if let Err(thrown) = awaited {
                cx.take_exception(thrown)?;
            }
            let error = read(cx, list, ERROR);
            Err(cx.throw(error))
        }
    }
}

/// i.4.a to c: asks the iterator for another value.
fn ask_next<'s>(cx: &mut Cx<'s>, list: Local<'s>) -> Completion<()> {
    if index_of(cx, list) as f64 >= MAX_SAFE_INTEGER {
        let thrown = cx.type_error("Invalid array length");
        return close(cx, list, thrown);
    }
    let record = IteratorRecord { iterator: read(cx, list, SOURCE), next: read(cx, list, NEXT) };
    if read(cx, list, IS_SYNC).as_bool() != Some(true) {
        let result = cx.call(record.next, record.iterator, &[])?;
        return await_in(cx, list, result, State::Next);
    }
    let result = cx.iterator_next(record, None)?;
    let is_done = cx.iterator_complete(result)?;
    let value = cx.get(result, Name::value.key())?;
    if is_done {
        return await_in(cx, list, value, State::SyncEnd);
    }
    match await_in(cx, list, value, State::SyncValue) {
        Ok(()) => Ok(()),
        Err(thrown) => close(cx, list, thrown),
    }
}

fn call_mapper<'s>(cx: &mut Cx<'s>, list: Local<'s>, value: Local<'s>) -> Completion<Local<'s>> {
    let (mapper, this, index) = (read(cx, list, MAPPER), read(cx, list, THIS), read(cx, list, INDEX));
    cx.call(mapper, this, &[value, index])
}

/// i.4.h: a value of the iterator goes through the function.
fn map_value<'s>(cx: &mut Cx<'s>, list: Local<'s>, value: Local<'s>) -> Completion<()> {
    if read(cx, list, MAPPER).is_undefined() {
        return define(cx, list, value);
    }
    let awaits = match call_mapper(cx, list, value) {
        Ok(mapped) => await_in(cx, list, mapped, State::Mapped),
        Err(thrown) => Err(thrown),
    };
    match awaits {
        Ok(()) => Ok(()),
        Err(thrown) => close(cx, list, thrown),
    }
}

fn define_element<'s>(cx: &mut Cx<'s>, list: Local<'s>, value: Local<'s>) -> Completion<()> {
    let (result, index) = (read(cx, list, RESULT), index_of(cx, list));
    cx.create_at(result, index, value)?;
    write(cx, list, INDEX, Local::number(index as f64 + 1.0));
    Ok(())
}

/// i.4.j: a value becomes an element, and the next one is asked for.
fn define<'s>(cx: &mut Cx<'s>, list: Local<'s>, value: Local<'s>) -> Completion<()> {
    match define_element(cx, list, value) {
        Ok(()) => ask_next(cx, list),
        Err(thrown) => close(cx, list, thrown),
    }
}

/// AsyncIteratorClose (§7.4.13) for a throw completion.
fn close<'s>(cx: &mut Cx<'s>, list: Local<'s>, thrown: Thrown) -> Completion<()> {
    let iterator = read(cx, list, SOURCE);
    if read(cx, list, IS_SYNC).as_bool() == Some(true) {
        return Err(cx.iterator_close_throw(iterator, thrown));
    }
    let error = cx.take_exception(thrown)?;
    write(cx, list, ERROR, error);
    let closed = cx.get_method(iterator, Name::r#return.key()).and_then(|method| {
        if method.is_undefined() {
            return Ok(false);
        }
        let result = cx.call(method, iterator, &[])?;
        await_in(cx, list, result, State::Closing)?;
        Ok(true)
    });
    match closed {
        Ok(true) => Ok(()),
        Ok(false) => Err(cx.throw(error)),
        Err(inner) => {
            cx.take_exception(inner)?;
            Err(cx.throw(error))
        }
    }
}

/// j.4: the next element.
fn next_element<'s>(cx: &mut Cx<'s>, list: Local<'s>) -> Completion<()> {
    let index = index_of(cx, list);
    if index as f64 >= read(cx, list, NEXT).as_number().unwrap_or(0.0) {
        return finish(cx, list);
    }
    let source = read(cx, list, SOURCE);
    let value = cx.get_at(source, index)?;
    await_in(cx, list, value, State::Element)
}

/// The end: the length is set, and the promise is resolved.
fn finish<'s>(cx: &mut Cx<'s>, list: Local<'s>) -> Completion<()> {
    let (result, length) = (read(cx, list, RESULT), index_of(cx, list));
    cx.set_length(result, length)?;
    let promise = read(cx, list, PROMISE);
    cx.resolve_promise(promise, result)
}
