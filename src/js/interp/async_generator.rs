//! Async generators (§27.6.3). The queue is an array with five elements for each request.

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::activation::{COMPLETED, FRAME, ResumeMode, STATE, SUSPENDED_START, SUSPENDED_YIELD};
use crate::js::interp::frame::Flow;
use crate::js::interp::promises::Capability;
use crate::js::local::{Args, Local};
use crate::js::value::Value;

/// Internal slot: the requests.
const QUEUE: u32 = 3;
/// The state awaiting-return, and draining-queue.
const DRAINING: i32 = 4;

/// A request (§27.6.3.1).
#[derive(Clone, Copy)]
struct Request<'s> {
    mode: ResumeMode,
    value: Local<'s>,
    capability: Capability<'s>,
}

fn return_fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (generator, value) = (cx.captured(args, 0), cx.arg(args, 0));
    cx.complete_step(generator, Ok(value), true)?;
    cx.drain(generator)?;
    Ok(Local::UNDEFINED)
}

fn return_rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (generator, value) = (cx.captured(args, 0), cx.arg(args, 0));
    cx.complete_step(generator, Err(value), true)?;
    cx.drain(generator)?;
    Ok(Local::UNDEFINED)
}

impl<'s> Cx<'s> {
    fn generator_requests(&mut self, generator: Local<'_>) -> Completion<Vec<Local<'s>>> {
        let queue = self.field(generator, QUEUE);
        Ok(if queue.is_object() { self.plain_elements(queue).unwrap_or_default() } else { Vec::new() })
    }

    fn first_request(&mut self, generator: Local<'_>) -> Completion<Option<Request<'s>>> {
        Ok(match *self.generator_requests(generator)? {
            [mode, value, promise, resolve, reject, ..] => {
                let mode = match mode.as_int() {
                    Some(0) => ResumeMode::Next,
                    Some(1) => ResumeMode::Return,
                    _ => ResumeMode::Throw,
                };
                Some(Request { mode, value, capability: Capability { promise, resolve, reject } })
            }
            _ => None,
        })
    }

    fn remove_first(&mut self, generator: Local<'_>) -> Completion<()> {
        let rest: Vec<Local<'s>> = self.generator_requests(generator)?.into_iter().skip(5).collect();
        let queue = self.array_from(&rest)?;
        self.set_field(generator, QUEUE, queue);
        Ok(())
    }

    /// AsyncGeneratorEnqueue (§27.6.3.4).
    fn enqueue(&mut self, generator: Local<'_>, request: Request<'s>) -> Completion<()> {
        let mut all = self.generator_requests(generator)?;
        let Capability { promise, resolve, reject } = request.capability;
        all.extend([Local::int(request.mode as i32), request.value, promise, resolve, reject]);
        let queue = self.array_from(&all)?;
        self.set_field(generator, QUEUE, queue);
        Ok(())
    }

    /// AsyncGeneratorCompleteStep (§27.6.3.5).
    fn complete_step(&mut self, generator: Local<'_>, result: Result<Local<'s>, Local<'s>>, done: bool) -> Completion<()> {
        let Some(request) = self.first_request(generator)? else { return Ok(()) };
        self.remove_first(generator)?;
        match result {
            Ok(value) => {
                let result = self.iterator_result(value, done)?;
                self.call(request.capability.resolve, Local::UNDEFINED, &[result])?;
            }
            Err(error) => {
                self.call(request.capability.reject, Local::UNDEFINED, &[error])?;
            }
        }
        Ok(())
    }

    /// AsyncGeneratorDrainQueue (§27.6.3.10).
    fn drain(&mut self, generator: Local<'_>) -> Completion<()> {
        loop {
            let Some(request) = self.first_request(generator)? else {
                self.set_activation_state(generator, COMPLETED);
                return Ok(());
            };
            match request.mode {
                ResumeMode::Return => {
                    self.set_field_value(generator, STATE, Value::int(DRAINING));
                    return self.await_return(generator);
                }
                ResumeMode::Next => self.complete_step(generator, Ok(Local::UNDEFINED), true)?,
                ResumeMode::Throw => self.complete_step(generator, Err(request.value), true)?,
            }
        }
    }

    /// AsyncGeneratorAwaitReturn (§27.6.3.9).
    fn await_return(&mut self, generator: Local<'_>) -> Completion<()> {
        let Some(request) = self.first_request(generator)? else { return Ok(()) };
        let promise = match self.async_resolve(request.value) {
            Ok(promise) => promise,
            Err(thrown) => {
                let error = self.take_exception(thrown)?;
                self.complete_step(generator, Err(error), true)?;
                return self.drain(generator);
            }
        };
        let on_fulfilled = self.new_capturing(return_fulfilled, 1, &[generator])?;
        let on_rejected = self.new_capturing(return_rejected, 1, &[generator])?;
        self.async_then(promise, on_fulfilled, on_rejected)
    }

    /// %AsyncGeneratorPrototype%.next, return and throw (§27.6.1.2 to 4).
    pub(in crate::js) fn async_generator_request(
        &mut self,
        generator: Local<'s>,
        value: Local<'s>,
        mode: ResumeMode,
    ) -> Completion<Local<'s>> {
        let capability = self.async_capability()?;
        if !self.is(generator, Class::AsyncGenerator) {
            let thrown = self.type_error("next method called on an object that is no async generator");
            let error = self.take_exception(thrown)?;
            self.call(capability.reject, Local::UNDEFINED, &[error])?;
            return Ok(capability.promise);
        }
        let mut state = self.activation_state(generator);
        if mode == ResumeMode::Throw && state == SUSPENDED_START {
            self.set_activation_state(generator, COMPLETED);
            state = COMPLETED;
        }
        if state == COMPLETED && mode != ResumeMode::Return {
            if mode == ResumeMode::Next {
                let result = self.iterator_result(Local::UNDEFINED, true)?;
                self.call(capability.resolve, Local::UNDEFINED, &[result])?;
            } else {
                self.call(capability.reject, Local::UNDEFINED, &[value])?;
            }
            return Ok(capability.promise);
        }
        self.enqueue(generator, Request { mode, value, capability })?;
        if mode == ResumeMode::Return && (state == SUSPENDED_START || state == COMPLETED) {
            self.set_field_value(generator, STATE, Value::int(DRAINING));
            self.set_field_value(generator, FRAME, Value::UNDEFINED);
            self.await_return(generator)?;
        } else if state == SUSPENDED_YIELD || state == SUSPENDED_START {
            self.resume(generator, value, mode)?;
        }
        Ok(capability.promise)
    }

    /// AsyncGeneratorYield (§27.6.3.8), after its Await.
    pub(super) fn async_generator_yield(&mut self, word: crate::js::bytecode::Instruction) -> Completion<Flow> {
        let next = {
            let mut cx = self.open();
            let fp = cx.frame().fp;
            let value = cx.register(fp, word.b());
            let generator = cx.frame().activation;
            let generator = cx.local(generator);
            cx.complete_step(generator, Ok(value), false)?;
            match cx.first_request(generator)? {
                Some(request) => {
                    if request.mode == ResumeMode::Throw && word.op() == crate::js::bytecode::Op::Yield {
                        return Err(cx.throw(request.value));
                    }
                    cx.write_register(fp, word.a(), request.value);
                    cx.write_register(fp, word.a() + 1, Local::int(request.mode as i32));
                    true
                }
                None => false,
            }
        };
        if next {
            return Ok(Flow::Continue);
        }
        self.keep_frame()?;
        self.set_own_field(STATE, Value::int(SUSPENDED_YIELD));
        Ok(self.leave_frame(Value::UNDEFINED))
    }

    fn end_async_generator(&mut self, value: Value, is_error: bool) -> Completion<Flow> {
        {
            let mut cx = self.open();
            let value = cx.local(value);
            let generator = cx.frame().activation;
            let generator = cx.local(generator);
            cx.set_field_value(generator, STATE, Value::int(DRAINING));
            cx.set_field_value(generator, FRAME, Value::UNDEFINED);
            cx.complete_step(generator, if is_error { Err(value) } else { Ok(value) }, true)?;
            cx.drain(generator)?;
        }
        Ok(self.leave_frame(Value::UNDEFINED))
    }

    pub(super) fn async_generator_return(&mut self, value: Value) -> Completion<Flow> {
        self.end_async_generator(value, false)
    }

    pub(super) fn async_generator_throw(&mut self) -> Completion<Flow> {
        let error = self.pending_exception();
        self.end_async_generator(error, true)
    }
}
