//! %AsyncGeneratorPrototype% (§27.6.1) and %AsyncFromSyncIteratorPrototype% (§27.1.6.2).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::interp::{Capability, ResumeMode};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;

/// Makes %AsyncIteratorPrototype% (§27.1.5), which the others are below.
pub(in crate::js) fn install_iterator(cx: &mut Cx<'_>) -> Completion<()> {
    if cx.intrinsic(Intrinsic::AsyncIteratorPrototype).is_object() {
        return Ok(());
    }
    let prototype = cx.new_object()?;
    cx.set_intrinsic(Intrinsic::AsyncIteratorPrototype, prototype);
    cx.install_method(prototype, Name::sym_asyncIterator, 0, itself)?;
    cx.install_method(prototype, Name::sym_asyncDispose, 0, dispose)
}

/// %AsyncIteratorPrototype%[@@asyncIterator] (§27.1.5.1).
fn itself<'s>(_: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(this)
}

/// %AsyncIteratorPrototype%[@@asyncDispose] (§27.1.5.2).
fn dispose<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 2. to 6. `return` is called, if there is one, and its result is awaited.
    let capability = cx.async_capability()?;
    let result = match cx.get_method(this, Name::r#return.key()) {
        Ok(method) if method.is_undefined() => {
            cx.call(capability.resolve, Local::UNDEFINED, &[Local::UNDEFINED])?;
            return Ok(capability.promise);
        }
        Ok(method) => cx.call(method, this, &[Local::UNDEFINED]),
        Err(thrown) => Err(thrown),
    };
    let wrapper = result.and_then(|result| cx.async_resolve(result));
    let wrapper = match wrapper {
        Ok(wrapper) => wrapper,
        Err(thrown) => return reject(cx, capability, thrown),
    };
    let fulfilled = cx.new_capturing(resolve_undefined, 1, &[capability.resolve])?;
    cx.async_then(wrapper, fulfilled, capability.reject)?;
    Ok(capability.promise)
}

fn resolve_undefined<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let resolve = cx.captured(args, 0);
    cx.call(resolve, Local::UNDEFINED, &[Local::UNDEFINED])
}

/// Makes and fills them.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let prototype = cx.intrinsic(Intrinsic::AsyncGeneratorPrototype);
    cx.install_methods(prototype, &[(Name::next, 1, next), (Name::r#return, 1, r#return), (Name::throw, 1, throw)])?;
    cx.install_tag(prototype, "AsyncGenerator")?;
    let above = cx.intrinsic(Intrinsic::AsyncIteratorPrototype);
    let above = if above.is_object() { above } else { cx.intrinsic(Intrinsic::ObjectPrototype) };
    let prototype = cx.make_object(Class::Ordinary, above)?;
    cx.set_intrinsic(Intrinsic::AsyncFromSyncIteratorPrototype, prototype);
    cx.install_methods(prototype, &[(Name::next, 1, sync_next), (Name::r#return, 1, sync_return), (Name::throw, 1, sync_throw)])
}

/// %AsyncGeneratorPrototype%.next (§27.6.1.2).
fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.async_generator_request(this, value, ResumeMode::Next)
}

/// %AsyncGeneratorPrototype%.return (§27.6.1.3).
fn r#return<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.async_generator_request(this, value, ResumeMode::Return)
}

/// %AsyncGeneratorPrototype%.throw (§27.6.1.4).
fn throw<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.async_generator_request(this, value, ResumeMode::Throw)
}

fn record_of<'s>(cx: &mut Cx<'s>, this: Local<'s>) -> IteratorRecord<'s> {
    IteratorRecord { iterator: cx.field(this, 0), next: cx.field(this, 1) }
}

/// IfAbruptRejectPromise (§27.2.1.1.1).
fn reject<'s>(cx: &mut Cx<'s>, capability: Capability<'s>, thrown: Thrown) -> Completion<Local<'s>> {
    let error = cx.take_exception(thrown)?;
    cx.call(capability.reject, Local::UNDEFINED, &[error])?;
    Ok(capability.promise)
}

/// %AsyncFromSyncIteratorPrototype%.next (§27.1.6.2.1).
fn sync_next<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let capability = cx.async_capability()?;
    let record = record_of(cx, this);
    // 5. and 6. A value is passed only if there is one.
    let value = (!args.is_empty()).then(|| cx.arg(args, 0));
    match cx.iterator_next(record, value) {
        Ok(result) => go_on(cx, result, capability, record, true),
        Err(thrown) => reject(cx, capability, thrown),
    }
}

/// %AsyncFromSyncIteratorPrototype%.return (§27.1.6.2.2).
fn sync_return<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let capability = cx.async_capability()?;
    let record = record_of(cx, this);
    let list = cx.args_from(args, 0);
    let result = match cx.get_method(record.iterator, Name::r#return.key()) {
        Ok(method) if method.is_undefined() => {
            let value = cx.arg(args, 0);
            let result = cx.iterator_result(value, true)?;
            cx.call(capability.resolve, Local::UNDEFINED, &[result])?;
            return Ok(capability.promise);
        }
        Ok(method) => cx.call(method, record.iterator, list.get(..1).unwrap_or_default()),
        Err(thrown) => Err(thrown),
    };
    finish(cx, result, capability, record, false)
}

/// %AsyncFromSyncIteratorPrototype%.throw (§27.1.6.2.3).
fn sync_throw<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let capability = cx.async_capability()?;
    let record = record_of(cx, this);
    let list = cx.args_from(args, 0);
    let result = match cx.get_method(record.iterator, Name::throw.key()) {
        Ok(method) if method.is_undefined() => {
            // 7. The iterator is closed, and this is a TypeError.
            match cx.iterator_close(record.iterator) {
                Ok(()) => Err(cx.type_error("The iterator does not provide a 'throw' method")),
                Err(thrown) => Err(thrown),
            }
        }
        Ok(method) => cx.call(method, record.iterator, list.get(..1).unwrap_or_default()),
        Err(thrown) => Err(thrown),
    };
    finish(cx, result, capability, record, true)
}

fn finish<'s>(
    cx: &mut Cx<'s>,
    result: Completion<Local<'s>>,
    capability: Capability<'s>,
    record: IteratorRecord<'s>,
    close: bool,
) -> Completion<Local<'s>> {
    match result {
        Ok(result) if result.is_object() => go_on(cx, result, capability, record, close),
        Ok(result) => {
            let text = cx.display(result);
            let thrown = cx.type_error(&format!("Iterator result {text} is not an object"));
            reject(cx, capability, thrown)
        }
        Err(thrown) => reject(cx, capability, thrown),
    }
}

/// AsyncFromSyncIteratorContinuation (§27.1.6.4).
fn go_on<'s>(
    cx: &mut Cx<'s>,
    result: Local<'s>,
    capability: Capability<'s>,
    record: IteratorRecord<'s>,
    close: bool,
) -> Completion<Local<'s>> {
    let (done, value) = match cx.result_parts(result) {
        Ok(parts) => parts,
        Err(thrown) => return reject(cx, capability, thrown),
    };
    let wrapper = match cx.async_resolve(value) {
        Ok(wrapper) => wrapper,
        Err(thrown) => {
            let thrown = if !done && close { cx.iterator_close_throw(record.iterator, thrown) } else { thrown };
            return reject(cx, capability, thrown);
        }
    };
    let kept = cx.array_from(&[capability.resolve, capability.reject, record.iterator])?;
    let fulfilled = cx.new_capturing(unwrap, 1, &[kept, Local::bool(done)])?;
    let rejected = cx.new_capturing(close_and_reject, 1, &[kept, Local::bool(!done && close)])?;
    cx.async_then(wrapper, fulfilled, rejected)?;
    Ok(capability.promise)
}

fn unwrap<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (kept, done, value) = (cx.captured(args, 0), cx.captured(args, 1), cx.arg(args, 0));
    let result = cx.iterator_result(value, done.as_bool() == Some(true))?;
    match *cx.plain_elements(kept).unwrap_or_default() {
        [resolve, ..] => cx.call(resolve, Local::UNDEFINED, &[result]),
        _ => Ok(Local::UNDEFINED),
    }
}

fn close_and_reject<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (kept, closes, error) = (cx.captured(args, 0), cx.captured(args, 1), cx.arg(args, 0));
    match *cx.plain_elements(kept).unwrap_or_default() {
        [_, reject, iterator] => {
            if closes.as_bool() == Some(true) {
                let thrown = cx.throw(error);
                let thrown = cx.iterator_close_throw(iterator, thrown);
                cx.take_exception(thrown)?;
            }
            cx.call(reject, Local::UNDEFINED, &[error])
        }
        _ => Ok(Local::UNDEFINED),
    }
}
