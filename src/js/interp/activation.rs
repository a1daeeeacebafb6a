//! Generators (§27.5): frames that are kept in the heap while they do not run.

use crate::js::bytecode::{Instruction, Op};
use crate::js::class::{Class, FIRST_FIELD};
use crate::js::cx::{Completion, Cx};
use crate::js::function::CLOSURE_REALM;
use crate::js::interp::frame::{ENTRY, Flow, Frame, RESUMED};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::value::Value;

/// Internal slots of generators, async generators and async functions: the state, the frame.
pub(super) const STATE: u32 = 0;
pub(super) const FRAME: u32 = 1;
/// Whether what a generator yielded is a result object of its own.
pub(super) const DELEGATES: u32 = 2;

/// States.
pub(super) const SUSPENDED_START: i32 = 0;
pub(super) const SUSPENDED_YIELD: i32 = 1;
pub(super) const EXECUTING: i32 = 2;
pub(super) const COMPLETED: i32 = 3;

/// Words of a kept frame before its registers.
const KEPT_FUNCTION: u32 = 0;
const KEPT_PC: u32 = 1;
const KEPT_ENVIRONMENT: u32 = 2;
const KEPT_NEW_TARGET: u32 = 3;
const KEPT_REGISTERS: u32 = 4;

/// How a generator is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) enum ResumeMode {
    Next,
    Return,
    Throw,
}

impl<'s> Cx<'s> {
    /// The state of an activation.
    pub(super) fn activation_state(&self, activation: Local<'_>) -> i32 {
        self.field_value(activation, STATE).as_int().unwrap_or(COMPLETED)
    }

    pub(super) fn set_activation_state(&mut self, activation: Local<'_>, state: i32) {
        self.set_field_value(activation, STATE, Value::int(state));
        if state == COMPLETED {
            self.set_field_value(activation, FRAME, Value::UNDEFINED);
        }
    }

    /// Sets a field of the running frame's activation.
    pub(super) fn set_own_field(&mut self, nth: u32, value: Value) {
        let activation = self.frame().activation.heap_ref();
        self.agent.heap.write_boxed(activation, FIRST_FIELD + 8 * nth, value.bits());
    }

    pub(super) fn own_activation_class(&self) -> Class {
        crate::js::class::class_of(&self.agent.heap, self.frame().activation.heap_ref())
    }

    /// Keeps the running frame in its activation.
    pub(super) fn keep_frame(&mut self) -> Completion<()> {
        let count = u32::from(self.frame().code().register_count).max(2);
        let mut kept = self.field_of(self.frame().activation, FRAME);
        if !kept.is_object() {
            kept = Value::object(self.allocate_values(KEPT_REGISTERS + count, Value::UNDEFINED)?);
            self.set_own_field(FRAME, kept);
        }
        let (kept, frame) = (kept.heap_ref(), *self.frame());
        self.write_value(kept, KEPT_FUNCTION, Value::object(frame.function));
        self.write_value(kept, KEPT_PC, Value::int(frame.pc.cast_signed()));
        self.write_value(kept, KEPT_ENVIRONMENT, frame.environment);
        self.write_value(kept, KEPT_NEW_TARGET, frame.new_target);
        for nth in 0..count {
            let value = Value::from_bits(self.agent.roots.stack[frame.fp + nth as usize]);
            self.write_value(kept, KEPT_REGISTERS + nth, value);
        }
        Ok(())
    }

    /// Runs an activation's kept frame on, in a loop of its own, up to where it ends or is suspended again.
    pub(super) fn resume(&mut self, activation: Local<'_>, value: Local<'_>, mode: ResumeMode) -> Completion<Value> {
        let top = self.agent.roots.top;
        self.check_stack(0)?;
        let kept = self.field_value(activation, FRAME).heap_ref();
        let count = self.agent.heap.length(kept) - KEPT_REGISTERS;
        self.check_stack(count as usize)?;
        let kept = self.field_value(activation, FRAME).heap_ref();
        let function = self.read_value(kept, KEPT_FUNCTION).heap_ref();
        let pc = self.read_value(kept, KEPT_PC).as_int().unwrap_or(0).cast_unsigned();
        for nth in 0..count {
            let word = self.read_value(kept, KEPT_REGISTERS + nth);
            self.agent.roots.stack[top + nth as usize] = word.bits();
        }
        let code = self.code_of(function)?;
        let closure = Value::from_bits(self.agent.roots.stack[top]);
        let realm = self.field_of(closure, CLOSURE_REALM).heap_ref();
        let frame = Frame {
            code: std::ptr::from_ref(code) as usize,
            function,
            pc,
            argc: 0,
            fp: top,
            top: top + count as usize,
            args: top + 2,
            environment: self.read_value(kept, KEPT_ENVIRONMENT),
            new_target: self.read_value(kept, KEPT_NEW_TARGET),
            activation: self.value(activation),
            realm: self.agent.roots.realm,
            to: 0,
            flags: ENTRY | RESUMED,
        };
        let given = self.value(value);
        self.set_field_value(activation, STATE, Value::int(EXECUTING));
        let roots = &mut self.agent.roots;
        roots.realm = realm;
        roots.top = frame.top;
        roots.machine.frames.push(frame);
        let word = code.code.get(pc.saturating_sub(1) as usize).copied();
        let word = word.unwrap_or(Instruction::abc(Op::Nop, 0, 0, 0));
        if word.op() == Op::ModuleReady {
            // From here on it is no activation any more, or becomes one of its own.
            let frame = self.frame_mut();
            (frame.activation, frame.flags) = (Value::UNDEFINED, ENTRY);
        }
        let (throws, to) = (mode == ResumeMode::Throw && word.op() != Op::YieldDelegate, top + usize::from(word.a()));
        let thrown = if throws {
            self.agent.roots.exception = given.bits();
            let exception = self.local(given);
            Some(self.throw(exception))
        } else {
            if matches!(word.op(), Op::Await | Op::Yield | Op::YieldDelegate) {
                self.agent.roots.stack[to] = given.bits();
            }
            if matches!(word.op(), Op::Yield | Op::YieldDelegate) {
                self.agent.roots.stack[to + 1] = Value::int(mode as i32).bits();
            }
            None
        };
        let result = self.run(thrown);
        self.agent.roots.top = top;
        result
    }

    /// `AsyncStart`, `InitialYield`, `Await`, `Yield`, `YieldDelegate`.
    pub(super) fn suspend(&mut self, word: Instruction) -> Completion<Flow> {
        let fp = self.frame().fp;
        let value = Value::from_bits(self.agent.roots.stack[fp + usize::from(word.b())]);
        match word.op() {
            Op::AsyncStart => {
                self.start_async()?;
                Ok(Flow::Continue)
            }
            Op::InitialYield => self.initial_yield(),
            Op::ModuleReady => self.module_ready(),
            Op::Await => self.await_value(word.b()),
            op => {
                if self.own_activation_class() == Class::AsyncGenerator {
                    return self.async_generator_yield(word);
                }
                self.keep_frame()?;
                self.set_own_field(STATE, Value::int(SUSPENDED_YIELD));
                self.set_own_field(DELEGATES, Value::bool(op == Op::YieldDelegate));
                let value =
                    if value.is_object() { Value::from_bits(self.agent.roots.stack[fp + usize::from(word.b())]) } else { value };
                Ok(self.leave_frame(value))
            }
        }
    }

    /// `InitialYield`: the generator object.
    fn initial_yield(&mut self) -> Completion<Flow> {
        let info = self.info_of(self.frame().function);
        let fp = self.frame().fp;
        let (class, prototype) = match info.is_async {
            true => (Class::AsyncGenerator, Intrinsic::AsyncGeneratorPrototype),
            false => (Class::Generator, Intrinsic::GeneratorPrototype),
        };
        {
            let mut cx = self.open();
            let function = cx.register(fp, 0);
            let generator = cx.create_from_constructor(class, function, prototype)?;
            cx.set_field_value(generator, STATE, Value::int(SUSPENDED_START));
            let value = cx.value(generator);
            cx.frame_mut().activation = value;
        }
        self.keep_frame()?;
        let generator = self.frame().activation;
        Ok(self.leave_frame(generator))
    }

    /// A generator or async function returns.
    #[cold]
    pub(super) fn return_from_activation(&mut self, value: Value) -> Completion<Flow> {
        match self.own_activation_class() {
            Class::Generator => {
                self.set_own_field(STATE, Value::int(COMPLETED));
                self.set_own_field(FRAME, Value::UNDEFINED);
                Ok(self.leave_frame(value))
            }
            Class::AsyncGenerator => self.async_generator_return(value),
            _ => self.async_return(value),
        }
    }

    /// An exception leaves a generator or async function. Nothing if it goes on to the caller: then the frame is gone.
    #[cold]
    pub(super) fn throw_from_activation(&mut self) -> Completion<Option<Flow>> {
        match self.own_activation_class() {
            Class::Generator => {
                self.set_own_field(STATE, Value::int(COMPLETED));
                self.set_own_field(FRAME, Value::UNDEFINED);
                self.pop_frame();
                Ok(None)
            }
            Class::AsyncGenerator => self.async_generator_throw().map(Some),
            _ => self.async_throw().map(Some),
        }
    }

    /// GeneratorResume and GeneratorResumeAbrupt (§27.5.3.3, §27.5.3.4), with GeneratorValidate.
    pub(in crate::js) fn generator_resume(
        &mut self,
        generator: Local<'s>,
        value: Local<'s>,
        mode: ResumeMode,
    ) -> Completion<Local<'s>> {
        if !self.is(generator, Class::Generator) {
            let text = self.display(generator);
            return Err(self.type_error(&format!("next method called on incompatible receiver {text}")));
        }
        let mut state = self.activation_state(generator);
        if state == EXECUTING {
            return Err(self.type_error("Generator is already running"));
        }
        if state == SUSPENDED_START && mode != ResumeMode::Next {
            self.set_activation_state(generator, COMPLETED);
            state = COMPLETED;
        }
        if state == COMPLETED {
            return match mode {
                ResumeMode::Next => self.iterator_result(Local::UNDEFINED, true),
                ResumeMode::Return => self.iterator_result(value, true),
                ResumeMode::Throw => Err(self.throw(value)),
            };
        }
        let result = self.resume(generator, value, mode)?;
        let result = self.local(result);
        if self.activation_state(generator) == SUSPENDED_YIELD {
            if self.field_value(generator, DELEGATES) == Value::TRUE {
                return Ok(result);
            }
            return self.iterator_result(result, false);
        }
        self.iterator_result(result, true)
    }
}
