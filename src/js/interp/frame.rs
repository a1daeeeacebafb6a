//! Frames: pushing, popping, returning, unwinding.

use crate::heap::{HeapRef, RootVisitor};
use crate::js::bytecode::FunctionCode;
use crate::js::class::{Class, FIRST_FIELD, INLINE_SLOTS, SHAPE};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::function::{CLOSURE_CODE, CLOSURE_ENVIRONMENT, CLOSURE_FLAGS, CLOSURE_REALM, CONSTRUCTS, IS_CLASS, IS_DERIVED};
use crate::js::interp::loaded::FUNCTION_CODE;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::shape::Shape;
use crate::js::value::Value;

/// The loop that runs the frame ends with it.
pub(super) const ENTRY: u8 = 1;
/// It was called by [[Construct]] of a base constructor: what is no object makes way for `this`.
pub(super) const CONSTRUCT: u8 = 2;
/// A generator or async function that was suspended before.
pub(super) const RESUMED: u8 = 4;

/// Most frames.
const MAX_FRAMES: usize = 1 << 18;

/// The record of a frame.
#[derive(Debug, Clone, Copy)]
pub(in crate::js) struct Frame {
    /// Address of the code, which the function thing holds.
    pub code: usize,
    /// The function thing. It never moves.
    pub function: HeapRef,
    /// The instruction after the one that runs; written before anything that may look at it.
    pub pc: u32,
    /// How many arguments were passed.
    pub argc: u32,
    /// The first register.
    pub fp: usize,
    /// The end of the stack while it runs.
    pub top: usize,
    /// The first argument.
    pub args: usize,
    /// The current Environment.
    pub environment: Value,
    pub new_target: Value,
    /// The generator or async function whose frame it is.
    pub activation: Value,
    /// The caller's realm.
    pub realm: HeapRef,
    /// The caller's register for the result.
    pub to: u16,
    pub flags: u8,
}

impl Frame {
    pub fn visit(&mut self, visitor: &mut dyn RootVisitor) {
        visitor.reference(&mut self.function);
        visitor.reference(&mut self.realm);
        for value in [&mut self.environment, &mut self.new_target, &mut self.activation] {
            let mut bits = value.bits();
            visitor.boxed(&mut bits);
            *value = Value::from_bits(bits);
        }
    }

    pub fn code(&self) -> &FunctionCode {
        // SAFETY: the frame holds the function thing, which holds the script's bytecode, whose code is never replaced.
        unsafe { &*(self.code as *const FunctionCode) }
    }
}

/// What happens after a frame has ended or an exception found its handler.
pub(super) enum Flow {
    /// The top frame goes on.
    Continue,
    /// The loop ends with a value.
    Done(Value),
}

impl<'s> Cx<'s> {
    /// The running frame.
    #[inline(always)]
    pub(super) fn frame(&self) -> &Frame {
        self.agent.roots.machine.frames.last().expect("code runs in a frame")
    }

    #[inline(always)]
    pub(super) fn frame_mut(&mut self) -> &mut Frame {
        self.agent.roots.machine.frames.last_mut().expect("code runs in a frame")
    }

    /// Pushes a frame for the closure at a place of the stack, with its arguments behind. `to` is the caller's register.
    pub(super) fn push_frame(&mut self, callee: usize, argc: u32, new_target: Value, to: u16, flags: u8) -> Completion<()> {
        let closure = Value::from_bits(self.agent.roots.stack[callee]).heap_ref();
        let field = |cx: &Self, nth: u32| Value::from_bits(cx.agent.heap.read_boxed(closure, FIRST_FIELD + 8 * nth));
        let closure_flags = field(self, CLOSURE_FLAGS).as_int().unwrap_or(0);
        if closure_flags & (IS_CLASS | IS_DERIVED) != 0 || !new_target.is_undefined() {
            return self.push_special(callee, argc, new_target, to, flags);
        }
        self.push_plain(callee, argc, new_target, to, flags)
    }

    /// Calls of class constructors, and [[Construct]].
    fn push_special(&mut self, callee: usize, argc: u32, new_target: Value, to: u16, flags: u8) -> Completion<()> {
        let top = self.agent.roots.top;
        let function = Local::of_slot(Value::from_bits(self.agent.roots.stack[callee]), callee);
        let closure_flags = self.field_value(function, CLOSURE_FLAGS).as_int().unwrap_or(0);
        if new_target.is_undefined() {
            if closure_flags & IS_CLASS == 0 {
                return self.push_plain(callee, argc, new_target, to, flags);
            }
            let mut cx = self.open();
            let realm = cx.field(function, CLOSURE_REALM);
            let text = cx.display(function);
            let name = text.strip_prefix("function ").unwrap_or(&text);
            let message = format!("Class constructor {name} cannot be invoked without 'new'");
            return cx.in_realm(realm, |cx| Err(cx.type_error(&message)));
        }
        if closure_flags & IS_DERIVED != 0 {
            self.agent.roots.stack[callee + 1] = Value::UNINITIALIZED.bits();
            return self.push_plain(callee, argc, new_target, to, flags);
        }
        self.check_stack(0)?;
        let target = self.local(new_target);
        let this = self.create_from_constructor(Class::Ordinary, target, Intrinsic::ObjectPrototype)?;
        let (this, new_target) = (self.value(this), self.value(target));
        self.agent.roots.stack[callee + 1] = this.bits();
        self.agent.roots.top = top;
        self.push_plain(callee, argc, new_target, to, flags | CONSTRUCT)
    }

    #[inline(always)]
    fn push_plain(&mut self, callee: usize, argc: u32, new_target: Value, to: u16, flags: u8) -> Completion<()> {
        self.poll()?;
        let function = self.field_of(Value::from_bits(self.agent.roots.stack[callee]), CLOSURE_CODE).heap_ref();
        if self.read_value(function, FUNCTION_CODE).bits() == 0 {
            // What it makes is old or reached from what is: the closure moves, so it is read again.
            self.code_of(function)?;
        }
        let closure = Value::from_bits(self.agent.roots.stack[callee]).heap_ref();
        let field = |cx: &Self, nth: u32| Value::from_bits(cx.agent.heap.read_boxed(closure, FIRST_FIELD + 8 * nth));
        let code = self.code_of(function)?;
        let count = code.register_count as usize;
        let formals = u32::from(code.parameter_count);
        let args = callee + 2;
        let roots = &self.agent.roots;
        let fp = if argc <= formals { callee } else { roots.top.max(args + argc as usize) };
        let end = fp + count.max(2);
        if end + 16384 > roots.stack.len() || roots.machine.frames.len() >= MAX_FRAMES {
            // The words are there, but the limit is for calls: see `check_stack`.
            return Err(self.frames_overflow());
        }
        let (environment, realm) = (field(self, CLOSURE_ENVIRONMENT), field(self, CLOSURE_REALM).heap_ref());
        let roots = &mut self.agent.roots;
        let undefined = Value::UNDEFINED.bits();
        // What is not an argument is undefined; words between the caller's end and the arguments' are good values already.
        let defined = fp + 2 + formals as usize;
        let ranges = if argc <= formals {
            [args + argc as usize..defined.min(end), roots.top.max(defined)..end]
        } else {
            roots.stack.copy_within(callee..callee + 2 + formals as usize, fp);
            [0..0, roots.top.max(defined)..end]
        };
        let stack = roots.stack.as_mut_ptr();
        for range in ranges {
            for word in range {
                // SAFETY: both ranges end at `end` at most, which lies inside the stack.
                unsafe { *stack.add(word) = undefined };
            }
        }
        let top = roots.top.max(end);
        let caller_realm = std::mem::replace(&mut roots.realm, realm);
        roots.top = top;
        roots.machine.frames.push(Frame {
            code: std::ptr::from_ref(code) as usize,
            function,
            pc: 0,
            argc,
            fp,
            top,
            args,
            environment,
            new_target,
            activation: Value::UNDEFINED,
            realm: caller_realm,
            to,
            flags,
        });
        Ok(())
    }

    #[cold]
    fn frames_overflow(&mut self) -> Thrown {
        let limit = std::mem::take(&mut self.agent.native_limit);
        let thrown = self.range_error("Maximum call stack size exceeded");
        self.agent.native_limit = limit;
        thrown
    }

    /// Takes the top frame off: the caller's end of the stack and realm are restored.
    pub(super) fn pop_frame(&mut self) -> Frame {
        let roots = &mut self.agent.roots;
        let frame = roots.machine.frames.pop().expect("a frame ends once");
        roots.realm = frame.realm;
        if frame.flags & ENTRY == 0
            && let Some(caller) = roots.machine.frames.last()
        {
            roots.top = caller.top;
        }
        frame
    }

    /// Ends the top frame with a value for its caller.
    pub(super) fn leave_frame(&mut self, value: Value) -> Flow {
        let frame = self.pop_frame();
        if frame.flags & ENTRY != 0 {
            return Flow::Done(value);
        }
        let roots = &mut self.agent.roots;
        if let Some(caller) = roots.machine.frames.last() {
            roots.stack[caller.fp + usize::from(frame.to)] = value.bits();
        }
        Flow::Continue
    }

    /// Ends the top frame with a value for its caller in the same loop, if it is a plain call's or a base constructor's: whether it was.
    #[inline(always)]
    pub(super) fn return_plain(&mut self, value: Value) -> bool {
        let roots = &mut self.agent.roots;
        let [.., caller, frame] = &roots.machine.frames[..] else { return false };
        if frame.flags & !CONSTRUCT != 0 || !frame.activation.is_undefined() {
            return false;
        }
        let this_wins = frame.flags & CONSTRUCT != 0 && !value.is_object();
        let value = if this_wins { roots.stack[frame.fp + 1] } else { value.bits() };
        roots.realm = frame.realm;
        roots.top = caller.top;
        roots.stack[caller.fp + usize::from(frame.to)] = value;
        roots.machine.frames.pop();
        true
    }

    /// Pushes the frame of a `new` of a base constructor whose prototype is found at once, with a new object for `this`. Whether it did.
    pub(super) fn push_construct(&mut self, callee: usize, argc: u32, new_target: Value, to: u16) -> Completion<bool> {
        let function = Value::from_bits(self.agent.roots.stack[callee]);
        let agent = &*self.agent;
        let ty = agent.types.class(Class::Closure);
        let is_closure = |value: Value| value.is_object() && agent.heap.descriptor(value.heap_ref()) == ty;
        if !is_closure(function) || !is_closure(new_target) {
            return Ok(false);
        }
        let flags = self.field_of(function, CLOSURE_FLAGS).as_int().unwrap_or(0);
        if flags & (CONSTRUCTS | IS_DERIVED) != CONSTRUCTS {
            return Ok(false);
        }
        let heap = &agent.heap;
        let found = Shape::of(heap, new_target.heap_ref()).find(heap, self.value(Name::prototype.local()));
        let Some(found) = found.filter(|found| !found.attributes.is_accessor()) else { return Ok(false) };
        let prototype = self.slot_value(new_target.heap_ref(), found.place);
        let Some(shape) = prototype.is_object().then(|| agent.known_root(prototype.heap_ref())).flatten() else {
            return Ok(false);
        };
        let Some(this) = heap.try_allocate(agent.types.class(Class::Ordinary)) else { return Ok(false) };
        let heap = &mut self.agent.heap;
        heap.write_ref(this, SHAPE, shape.0);
        for nth in 0..INLINE_SLOTS {
            heap.write_boxed(this, FIRST_FIELD + 8 * nth, Value::UNDEFINED.bits());
        }
        self.agent.roots.stack[callee + 1] = Value::object(this).bits();
        self.push_plain(callee, argc, new_target, to, CONSTRUCT)?;
        Ok(true)
    }

    /// `Return`.
    #[inline]
    pub(super) fn return_value(&mut self, value: Value) -> Completion<Flow> {
        let frame = self.frame();
        if !frame.activation.is_undefined() {
            return self.return_from_activation(value);
        }
        let value = if frame.flags & CONSTRUCT != 0 && !value.is_object() {
            Value::from_bits(self.agent.roots.stack[frame.fp + 1])
        } else {
            value
        };
        Ok(self.leave_frame(value))
    }

    /// Looks for the handler of what was thrown, and ends the frames that have none.
    pub(super) fn unwind(&mut self, thrown: Thrown) -> Completion<Flow> {
        loop {
            let frame = *self.frame();
            self.agent.roots.top = frame.top;
            if self.termination().is_none() {
                if let Some(handler) = frame.code().handler(frame.pc.saturating_sub(1)).copied() {
                    let roots = &mut self.agent.roots;
                    let exception = std::mem::replace(&mut roots.exception, Value::UNDEFINED.bits());
                    roots.stack[frame.fp + usize::from(handler.exception)] = exception;
                    self.frame_mut().pc = handler.target;
                    return Ok(Flow::Continue);
                }
                if !frame.activation.is_undefined() {
                    match self.throw_from_activation() {
                        Ok(Some(flow)) => return Ok(flow),
                        // It goes on to the caller; the frame is gone.
                        Ok(None) => {}
                        Err(_) => continue,
                    }
                    if frame.flags & ENTRY != 0 {
                        return Err(thrown);
                    }
                    continue;
                }
            }
            self.pop_frame();
            if frame.flags & ENTRY != 0 {
                return Err(thrown);
            }
        }
    }

    /// A register of the running frame, where it is.
    #[inline(always)]
    pub(super) fn register(&self, fp: usize, nth: u16) -> Local<'s> {
        let slot = fp + usize::from(nth);
        Local::of_slot(Value::from_bits(self.agent.roots.stack[slot]), slot)
    }
}
