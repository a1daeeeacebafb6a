//! Async functions (§27.7) and Await (§27.7.5.3).

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::activation::{COMPLETED, FRAME, ResumeMode, STATE};
use crate::js::interp::frame::{Flow, RESUMED};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;
use crate::js::value::Value;

/// Internal slot of an async function's state: its promise.
const PROMISE: u32 = 3;
/// What an awaited promise calls; of async generators too.
const ON_FULFILLED: u32 = 6;
const ON_REJECTED: u32 = 7;

/// Await's fulfilledClosure.
fn fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (activation, value) = (cx.captured(args, 0), cx.arg(args, 0));
    cx.resume(activation, value, ResumeMode::Next)?;
    Ok(Local::UNDEFINED)
}

/// Await's rejectedClosure.
fn rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (activation, value) = (cx.captured(args, 0), cx.arg(args, 0));
    cx.resume(activation, value, ResumeMode::Throw)?;
    Ok(Local::UNDEFINED)
}

impl<'s> Cx<'s> {
    /// `AsyncStart`.
    pub(super) fn start_async(&mut self) -> Completion<()> {
        let mut cx = self.open();
        let promise = cx.new_promise()?;
        let activation = cx.make_object(Class::AsyncFunction, Local::NULL)?;
        cx.set_field(activation, PROMISE, promise);
        let value = cx.value(activation);
        cx.frame_mut().activation = value;
        Ok(())
    }

    /// `Await`.
    pub(super) fn await_value(&mut self, from: u16) -> Completion<Flow> {
        {
            let mut cx = self.open();
            let value = cx.register(cx.frame().fp, from);
            let promise = cx.async_resolve(value)?;
            let activation = cx.frame().activation;
            let activation = cx.local(activation);
            if cx.field_value(activation, ON_FULFILLED).is_undefined() {
                let on_fulfilled = cx.new_capturing(fulfilled, 1, &[activation])?;
                cx.set_field(activation, ON_FULFILLED, on_fulfilled);
                let on_rejected = cx.new_capturing(rejected, 1, &[activation])?;
                cx.set_field(activation, ON_REJECTED, on_rejected);
            }
            let (on_fulfilled, on_rejected) = (cx.field(activation, ON_FULFILLED), cx.field(activation, ON_REJECTED));
            cx.async_then(promise, on_fulfilled, on_rejected)?;
        }
        self.keep_frame()?;
        Ok(self.leave_async())
    }

    /// The frame of an async function goes: its caller gets the promise, a job nothing.
    fn leave_async(&mut self) -> Flow {
        let frame = self.frame();
        let is_function = self.own_activation_class() == Class::AsyncFunction;
        let value =
            if frame.flags & RESUMED == 0 && is_function { self.field_of(frame.activation, PROMISE) } else { Value::UNDEFINED };
        self.leave_frame(value)
    }

    fn settle_async(&mut self, value: Value, fulfils: bool) -> Completion<Flow> {
        {
            let mut cx = self.open();
            let value = cx.local(value);
            let activation = cx.frame().activation;
            let activation = cx.local(activation);
            let promise = cx.field(activation, PROMISE);
            match fulfils {
                true => cx.resolve_promise(promise, value)?,
                false => cx.reject_promise(promise, value)?,
            }
        }
        self.set_own_field(STATE, Value::int(COMPLETED));
        self.set_own_field(FRAME, Value::UNDEFINED);
        Ok(self.leave_async())
    }

    pub(super) fn async_return(&mut self, value: Value) -> Completion<Flow> {
        self.settle_async(value, true)
    }

    pub(super) fn async_throw(&mut self) -> Completion<Flow> {
        let error = self.pending_exception();
        self.settle_async(error, false)
    }

    /// Takes what was thrown.
    pub(super) fn pending_exception(&mut self) -> Value {
        Value::from_bits(std::mem::replace(&mut self.agent.roots.exception, Value::UNDEFINED.bits()))
    }

    /// GetIterator (§7.4.4), asynchronous.
    ///
    /// # Errors
    ///
    /// A TypeError when it is not iterable.
    pub fn get_async_iterator(&mut self, value: Local<'s>) -> Completion<IteratorRecord<'s>> {
        let method = self.get_method(value, Name::sym_asyncIterator.key())?;
        if !method.is_undefined() {
            return self.get_iterator_from_method(value, method);
        }
        let method = self.get_method(value, Name::sym_iterator.key())?;
        if method.is_undefined() {
            let text = self.display(value);
            return Err(self.type_error(&format!("{text} is not async iterable")));
        }
        let record = self.get_iterator_from_method(value, method)?;
        self.async_from_sync(record)
    }

    /// CreateAsyncFromSyncIterator (§27.1.6.1).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn async_from_sync(&mut self, record: IteratorRecord<'s>) -> Completion<IteratorRecord<'s>> {
        let iterator = self.make_of(Class::AsyncFromSyncIterator, Intrinsic::AsyncFromSyncIteratorPrototype)?;
        self.set_field(iterator, 0, record.iterator);
        self.set_field(iterator, 1, record.next);
        self.get_iterator_direct(iterator)
    }
}
