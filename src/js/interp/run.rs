//! The loop.
//!
//! A slow path may collect, run scripts and make the stack longer: nothing that was read before is used after it but by what the frame says
//! anew. The address of the registers is taken again then.

use crate::heap::{DescriptorRef, HeapRef, HeapView};
use crate::js::bytecode::{Instruction, Op};
use crate::js::class::{Class, ELEMENTS, FIRST_FIELD, STRING_FLAGS, Thing, class_of};
use crate::js::convert::primitive::to_int32;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::interp::environment::{PARENT, SLOTS as ENVIRONMENT_SLOTS};
use crate::js::interp::frame::{Flow, Frame};
use crate::js::interp::loaded::{FUNCTION_CONSTANTS, FUNCTION_SITES};
use crate::js::intrinsic::Intrinsic;
use crate::js::object::shape::Shape;
use crate::js::string::atoms::ATOM;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// What the loop has at hand of the running frame. It is never lent: it lies in the machine's registers.
struct At {
    /// The registers.
    registers: *mut u64,
    /// The first instruction.
    start: *const Instruction,
    /// The next instruction.
    next: *const Instruction,
    /// The frame's record.
    frame: *mut Frame,
    /// The caches of the function's sites, and its constants. They never move.
    sites: HeapRef,
    constants: HeapRef,
}

/// What the loop has at hand of the heap.
struct Fixed {
    view: HeapView<'static>,
    closure: DescriptorRef,
    array: DescriptorRef,
    values: DescriptorRef,
}

impl At {
    #[inline(always)]
    fn get(&self, nth: u16) -> Value {
        // SAFETY: the generator's code names registers below the frame's count, whose words push_frame has reserved below the stack's end; the address is
        // taken anew after everything that may move the stack.
        Value::from_bits(unsafe { *self.registers.add(usize::from(nth)) })
    }

    #[inline(always)]
    fn set(&mut self, nth: u16, value: Value) {
        // SAFETY: as in `get`.
        unsafe { *self.registers.add(usize::from(nth)) = value.bits() }
    }

    #[inline(always)]
    fn fetch(&mut self) -> Instruction {
        // SAFETY: code ends with an instruction that does not go on (a return, a throw or a jump), and jumps stay inside, as the generator's verifier says.
        unsafe {
            let word = *self.next;
            self.next = self.next.add(1);
            word
        }
    }

    #[inline(always)]
    fn jump(&mut self, offset: i32) {
        // SAFETY: as in `fetch`.
        self.next = unsafe { self.next.offset(offset as isize) };
    }

    /// Keeps the place of the running instruction for traces, handlers and calls.
    #[inline(always)]
    fn save(&mut self) {
        // SAFETY: both are addresses in the same code; the record's address is taken anew after everything that pushes frames.
        unsafe { (*self.frame).pc = self.next.offset_from(self.start) as u32 };
    }

    #[inline(always)]
    fn frame(&mut self) -> &mut Frame {
        // SAFETY: as in `save`.
        unsafe { &mut *self.frame }
    }

    /// The Environment so many hops up from the current one.
    #[inline(always)]
    fn environment(&mut self, view: HeapView<'_>, hops: u16) -> HeapRef {
        let mut environment = self.frame().environment.heap_ref();
        for _ in 0..hops {
            environment = value_at(view, environment, PARENT).heap_ref();
        }
        environment
    }
}

/// An integer comparison and one of doubles, else nothing.
macro_rules! fast_compare {
    ($left:expr, $right:expr, $operator:tt) => {{
        let (left, right): (Value, Value) = ($left, $right);
        match (left.as_int(), right.as_int()) {
            (Some(left), Some(right)) => Some(left $operator right),
            _ => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => Some(left $operator right),
                _ => None,
            },
        }
    }};
}

impl<'s> Cx<'s> {
    /// The top frame's data for the loop.
    #[inline(always)]
    fn at(&mut self, fixed: &Fixed) -> At {
        let roots = &mut self.agent.roots;
        let frame = roots.machine.frames.last_mut().expect("code runs in a frame");
        let (pc, start, function) = (frame.pc, frame.code().code.as_ptr(), frame.function);
        // SAFETY: `pc` was taken in this code; `fp` lies inside the stack.
        let (next, registers) = unsafe { (start.add(pc as usize), roots.stack.as_mut_ptr().add(frame.fp)) };
        let sites = value_at(fixed.view, function, FUNCTION_SITES).heap_ref();
        let constants = value_at(fixed.view, function, FUNCTION_CONSTANTS).heap_ref();
        At { registers, start, next, frame, sites, constants }
    }

    /// The addresses of the top frame's registers and record, after something that may have moved them.
    #[inline(always)]
    fn addresses(&mut self) -> (*mut u64, *mut Frame) {
        let roots = &mut self.agent.roots;
        let frame = roots.machine.frames.last_mut().expect("code runs in a frame");
        // SAFETY: `fp` is of a frame, which lies inside the stack.
        (unsafe { roots.stack.as_mut_ptr().add(frame.fp) }, frame)
    }

    fn fixed(&self) -> Fixed {
        let types = &self.agent.types;
        // SAFETY: it is used by `run_code` only, and the agent, which has the heap, is borrowed meanwhile.
        let view = unsafe { self.agent.heap.view().unbound() };
        Fixed { view, closure: types.class(Class::Closure), array: types.class(Class::Array), values: types.thing(Thing::Values) }
    }

    /// A register of the top frame.
    #[inline(always)]
    fn register_value(&self, nth: u16) -> Value {
        Value::from_bits(self.agent.roots.stack[self.frame().fp + usize::from(nth)])
    }

    #[inline(always)]
    fn set_register(&mut self, nth: u16, value: Value) {
        let fp = self.frame().fp;
        self.agent.roots.stack[fp + usize::from(nth)] = value.bits();
    }

    /// Runs the top frame, and those it calls, until it ends. With `thrown`, its first act is to throw that.
    pub(super) fn run(&mut self, thrown: Option<Thrown>) -> Completion<Value> {
        let mut pending = thrown;
        loop {
            if let Some(thrown) = pending.take() {
                match self.unwind(thrown)? {
                    Flow::Continue => {}
                    Flow::Done(value) => return Ok(value),
                }
            }
            match self.run_code() {
                Ok(value) => return Ok(value),
                Err(thrown) => pending = Some(thrown),
            }
        }
    }

    /// Runs a slow instruction with one output.
    #[inline(never)]
    fn run_value(&mut self, word: Instruction) -> Completion<()> {
        let fp = self.frame().fp;
        let value = {
            let mut cx = self.open();
            let result = cx.slow_value(fp, word)?;
            cx.value(result)
        };
        self.set_register(word.a(), value);
        Ok(())
    }

    #[inline(never)]
    fn run_effect(&mut self, word: Instruction) -> Completion<()> {
        let fp = self.frame().fp;
        self.open().slow_effect(fp, word)
    }

    /// A comparison that the loop does not do at once, of registers or of a register and an integer.
    #[inline(never)]
    fn run_compare(&mut self, op: Op, left: u16, right: Result<u16, i16>) -> Completion<bool> {
        let fp = self.frame().fp;
        let mut cx = self.open();
        let left = cx.register(fp, left);
        let right = match right {
            Ok(register) => cx.register(fp, register),
            Err(int) => crate::js::local::Local::int(i32::from(int)),
        };
        match op {
            Op::Equal => cx.is_loosely_equal(left, right),
            Op::StrictEqual => Ok(cx.is_strictly_equal(left, right)),
            op => cx.compare(op, left, right),
        }
    }

    #[inline]
    fn truth(&self, value: Value) -> bool {
        if let Some(bool) = value.as_bool() {
            return bool;
        }
        if let Some(number) = value.as_number() {
            return number != 0.0 && !number.is_nan();
        }
        if value.is_object() {
            return true;
        }
        match value.reference() {
            Some(reference) if value.is_string() || value.is_bigint() => self.agent.heap.length(reference) != 0,
            Some(_) => true,
            None => false,
        }
    }

    /// A call of what is no closure, from the running frame: whether a frame was pushed. Otherwise A has the result.
    #[inline(never)]
    fn run_call(&mut self, word: Instruction) -> Completion<bool> {
        let fp = self.frame().fp;
        if self.push_indirect(fp + usize::from(word.b()), u32::from(word.c()), word.a())? {
            return Ok(true);
        }
        let value = {
            let mut cx = self.open();
            cx.poll()?;
            let result = cx.call_on_stack(fp + usize::from(word.b()), u32::from(word.c()))?;
            cx.value(result)
        };
        self.set_register(word.a(), value);
        Ok(false)
    }

    /// `New`, `SuperCall`: whether a frame was pushed. Otherwise A has the result.
    #[inline(never)]
    fn run_construct(&mut self, word: Instruction, new_target: Value) -> Completion<bool> {
        let callee = self.frame().fp + usize::from(word.b());
        if self.push_construct(callee, u32::from(word.c()), new_target, word.a())? {
            return Ok(true);
        }
        let function = Value::from_bits(self.agent.roots.stack[callee]);
        let slot = crate::js::local::Local::of_slot(function, callee);
        if self.is(slot, Class::Closure) && self.is_constructor(slot) {
            self.push_frame(callee, u32::from(word.c()), new_target, word.a(), 0)?;
            return Ok(true);
        }
        let value = {
            let mut cx = self.open();
            let new_target = cx.local(new_target);
            let result = cx.construct_on_stack(callee, u32::from(word.c()), new_target)?;
            cx.value(result)
        };
        self.set_register(word.a(), value);
        Ok(false)
    }

    /// The elements of a plain array that are dense, and how many are in use.
    fn dense(&self, object: Value) -> Option<(HeapRef, u32)> {
        self.fixed().dense(object)
    }

    /// The caches of the running function's sites.
    fn sites(&self) -> HeapRef {
        self.read_value(self.frame().function, FUNCTION_SITES).heap_ref()
    }

    #[inline(never)]
    fn get_named_slow(&mut self, word: Instruction) -> Completion<()> {
        let object = self.register_value(word.b());
        // A primitive value's property is its prototype's.
        let holder = match object {
            _ if object.is_object() => Some(object),
            _ if object.is_string() => Some(self.read_value(self.agent.roots.realm, Intrinsic::StringPrototype as u32)),
            _ if object.is_number() => Some(self.read_value(self.agent.roots.realm, Intrinsic::NumberPrototype as u32)),
            _ => None,
        };
        if let Some(holder) = holder.and_then(Value::reference) {
            let cached = self.agent.cached_get(self.agent.heap.view(), self.sites(), word.c(), holder);
            if let Some(value) = cached.or_else(|| self.agent.get_again(self.sites(), word.c(), holder)) {
                self.set_register(word.a(), value);
                return Ok(());
            }
        }
        self.run_value(word)
    }

    #[inline(never)]
    fn set_named_slow(&mut self, word: Instruction) -> Completion<()> {
        let object = self.register_value(word.a());
        if !object.is_object() {
            return self.run_effect(word);
        }
        if self.agent.set_again(self.sites(), word.c(), object.heap_ref(), self.register_value(word.b())) {
            return Ok(());
        }
        self.run_addition(word, object.heap_ref(), false)
    }

    /// A write that may add a property.
    fn run_addition(&mut self, word: Instruction, object: HeapRef, by_define: bool) -> Completion<()> {
        let before = Shape::of(&self.agent.heap, object);
        self.run_effect(word)?;
        self.agent.added(self.sites(), word.c(), before, self.register_value(word.a()).heap_ref(), by_define);
        Ok(())
    }

    #[inline(never)]
    fn define_named_slow(&mut self, word: Instruction) -> Completion<()> {
        let object = self.register_value(word.a());
        if !object.is_object() {
            return self.run_effect(word);
        }
        self.run_addition(word, object.heap_ref(), true)
    }

    #[inline(never)]
    fn load_global_slow(&mut self, word: Instruction) -> Completion<()> {
        self.fill_global(self.sites(), word.b(), false);
        self.run_value(word)
    }

    #[inline(never)]
    fn store_global_slow(&mut self, word: Instruction) -> Completion<()> {
        self.fill_global(self.sites(), word.b(), true);
        self.run_effect(word)
    }

    /// An element that is not of a dense array: of a typed array, a character, or a property by an interned name.
    #[inline(never)]
    fn get_keyed_slow(&mut self, word: Instruction) -> Completion<()> {
        let (object, key) = (self.register_value(word.b()), self.register_value(word.c()));
        if object.is_object() {
            let value = match key.as_int() {
                Some(index @ 0..) if class_of(&self.agent.heap, object.heap_ref()) == Class::TypedArray => {
                    self.typed_array_get_index(object.heap_ref(), index.cast_unsigned())
                }
                None if key.is_string() => self.agent.get_by_key(object.heap_ref(), key.heap_ref()),
                _ => None,
            };
            if let Some(value) = value {
                self.set_register(word.a(), value);
                return Ok(());
            }
        }
        self.run_value(word)
    }

    #[inline(never)]
    fn set_keyed_slow(&mut self, word: Instruction) -> Completion<()> {
        let (object, key) = (self.register_value(word.a()), self.register_value(word.b()));
        if object.is_object()
            && let Some(index @ 0..) = key.as_int()
        {
            let (reference, index, value) = (object.heap_ref(), index.cast_unsigned(), self.register_value(word.c()));
            let done = match class_of(&self.agent.heap, reference) {
                Class::TypedArray => self.typed_array_set_index(reference, index, value),
                Class::Array => self.append_dense(reference, index, value),
                _ => false,
            };
            if done {
                return Ok(());
            }
        }
        self.run_effect(word)
    }

    #[inline(always)]
    fn write_dense(&mut self, fixed: &Fixed, object: Value, key: Value, value: Value) -> bool {
        let (true, Some(index)) = (object.is_object(), key.as_int()) else { return false };
        let index = index.cast_unsigned();
        match fixed.dense(object) {
            Some((elements, length)) if index < length && !value_at(fixed.view, elements, index).is_hole() => {
                self.write_value(elements, index, value);
                true
            }
            _ => false,
        }
    }

    /// Writes a new element behind the last of an array, where there is a place for it: whether it could.
    fn append_dense(&mut self, array: HeapRef, index: u32, value: Value) -> bool {
        let Some((elements, places)) = self.dense(Value::object(array)) else { return false };
        let object = Value::object(array);
        let is_next = self.field_of(object, 0) == Value::int(index.cast_signed()) || self.read_hole(elements, places, index);
        if index >= places || !is_next || !self.agent.may_append(array) {
            return false;
        }
        self.write_value(elements, index, value);
        if self.field_of(object, 0).as_int().is_none_or(|length| length.cast_unsigned() <= index) {
            self.agent.heap.write_boxed(array, FIRST_FIELD, Value::number(f64::from(index) + 1.0).bits());
        }
        true
    }

    fn read_hole(&self, elements: HeapRef, places: u32, index: u32) -> bool {
        index < places && self.read_value(elements, index).is_hole()
    }

    /// The loop itself: ends with the frame it began with, or at an exception of the top frame.
    fn run_code(&mut self) -> Completion<Value> {
        let fixed = self.fixed();
        let view = fixed.view;
        let mut at = self.at(&fixed);
        macro_rules! slow {
            ($call:expr) => {{
                at.save();
                let result = $call?;
                (at.registers, at.frame) = self.addresses();
                result
            }};
        }
        macro_rules! jump_if {
            ($word:expr, $condition:expr) => {
                if $condition {
                    at.jump($word.signed_bc());
                }
            };
        }
        macro_rules! compare_jump {
            ($word:expr, $op:expr, $operator:tt, $wanted:expr) => {{
                let holds = match fast_compare!(at.get($word.a()), at.get($word.b()), $operator) {
                    Some(holds) => holds,
                    None => slow!(self.run_compare($op, $word.a(), Ok($word.b()))),
                };
                if holds == $wanted {
                    at.jump(i32::from($word.signed_c()));
                }
            }};
        }
        macro_rules! equal_jump {
            ($word:expr, $op:expr, $at_once:ident, $wanted:expr) => {{
                let holds = match self.$at_once(at.get($word.a()), at.get($word.b())) {
                    Some(holds) => holds,
                    None => slow!(self.run_compare($op, $word.a(), Ok($word.b()))),
                };
                if holds == $wanted {
                    at.jump(i32::from($word.signed_c()));
                }
            }};
        }
        macro_rules! compare_int_jump {
            ($word:expr, $op:expr, $operator:tt, $wanted:expr) => {{
                let holds = match fast_compare!(at.get($word.a()), Value::int(i32::from($word.signed_b())), $operator) {
                    Some(holds) => holds,
                    None => slow!(self.run_compare($op, $word.a(), Err($word.signed_b()))),
                };
                if holds == $wanted {
                    at.jump(i32::from($word.signed_c()));
                }
            }};
        }
        macro_rules! compare_value {
            ($word:expr, $operator:tt) => {
                match fast_compare!(at.get($word.b()), at.get($word.c()), $operator) {
                    Some(holds) => at.set($word.a(), Value::bool(holds)),
                    None => slow!(self.run_value($word)),
                }
            };
        }
        macro_rules! checked {
            ($word:expr, $right:expr, $checked:ident, $operator:tt) => {{
                let (left, right): (Value, Value) = (at.get($word.b()), $right);
                let int = match (left.as_int(), right.as_int()) {
                    (Some(left), Some(right)) => left.$checked(right).map(Value::int),
                    _ => None,
                };
                match int {
                    Some(value) => at.set($word.a(), value),
                    None => match (left.as_number(), right.as_number()) {
                        (Some(left), Some(right)) => at.set($word.a(), Value::number(left $operator right)),
                        _ => slow!(self.run_value($word)),
                    },
                }
            }};
        }
        macro_rules! numbers {
            ($word:expr, $right:expr, $operator:tt) => {
                match (at.get($word.b()).as_number(), $right.as_number()) {
                    (Some(left), Some(right)) => at.set($word.a(), Value::number(left $operator right)),
                    _ => slow!(self.run_value($word)),
                }
            };
        }
        macro_rules! bits {
            ($word:expr, $right:expr, |$left:ident, $other:ident| $result:expr) => {
                match (at.get($word.b()).as_number(), $right.as_number()) {
                    (Some(left), Some(right)) => {
                        let ($left, $other) = (to_int32(left), to_int32(right));
                        at.set($word.a(), $result);
                    }
                    _ => slow!(self.run_value($word)),
                }
            };
        }
        macro_rules! int {
            ($word:expr) => {
                Value::int(i32::from($word.signed_c()))
            };
        }
        macro_rules! flow {
            ($flow:expr) => {
                match $flow {
                    Flow::Continue => at = self.at(&fixed),
                    Flow::Done(value) => return Ok(value),
                }
            };
        }
        loop {
            let word = at.fetch();
            match op_of(word) {
                Op::Nop | Op::Extra | Op::Debugger => {}
                Op::LoadUndefined => at.set(word.a(), Value::UNDEFINED),
                Op::LoadNull => at.set(word.a(), Value::NULL),
                Op::LoadTrue => at.set(word.a(), Value::TRUE),
                Op::LoadFalse => at.set(word.a(), Value::FALSE),
                Op::LoadUninitialized => at.set(word.a(), Value::UNINITIALIZED),
                Op::LoadInt => at.set(word.a(), Value::int(word.signed_bc())),
                Op::LoadConst => {
                    at.set(word.a(), value_at(view, at.constants, word.bc()));
                }
                Op::Move => at.set(word.a(), at.get(word.b())),
                Op::NewTarget => {
                    let target = at.frame().new_target;
                    at.set(word.a(), target);
                }
                Op::CoerceThis if at.get(1).is_object() => at.set(word.a(), at.get(1)),
                Op::CheckInit => {
                    if at.get(word.a()).is_uninitialized() {
                        slow!(self.run_effect(word));
                    }
                }
                Op::CheckUninit => {
                    if !at.get(word.a()).is_uninitialized() {
                        slow!(self.run_effect(word));
                    }
                }
                Op::PopEnv => {
                    for _ in 0..word.a() {
                        let parent = value_at(view, at.frame().environment.heap_ref(), PARENT);
                        at.frame().environment = parent;
                    }
                }
                Op::SaveEnv => {
                    let environment = at.frame().environment;
                    at.set(word.a(), environment);
                }
                Op::RestoreEnv => at.frame().environment = at.get(word.a()),
                Op::LoadEnv => {
                    let environment = at.environment(view, word.b());
                    at.set(word.a(), value_at(view, environment, ENVIRONMENT_SLOTS + u32::from(word.c())));
                }
                Op::LoadEnvChecked => {
                    let environment = at.environment(view, word.b());
                    let value = value_at(view, environment, ENVIRONMENT_SLOTS + u32::from(word.c()));
                    if value.is_uninitialized() {
                        at.save();
                        return Err(self.slot_uninitialized(environment, word.c()));
                    }
                    at.set(word.a(), value);
                }
                Op::StoreEnv => {
                    let environment = at.environment(view, word.b());
                    self.write_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c()), at.get(word.a()));
                }
                Op::StoreEnvChecked => {
                    let environment = at.environment(view, word.b());
                    if value_at(view, environment, ENVIRONMENT_SLOTS + u32::from(word.c())).is_uninitialized() {
                        at.save();
                        return Err(self.slot_uninitialized(environment, word.c()));
                    }
                    self.write_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c()), at.get(word.a()));
                }
                Op::GetNamed => {
                    let object = at.get(word.b());
                    let cached = if object.is_object() {
                        self.agent.cached_get(view, at.sites, word.c(), object.heap_ref())
                    } else {
                        None
                    };
                    match cached {
                        Some(value) => at.set(word.a(), value),
                        None => slow!(self.get_named_slow(word)),
                    }
                }
                Op::InstanceOf => match self.instance_at_once(at.get(word.b()), at.get(word.c())) {
                    Some(is_instance) => at.set(word.a(), Value::bool(is_instance)),
                    None => slow!(self.run_value(word)),
                },
                Op::LoadGlobal => match self.agent.cached_global(view, at.sites, word.b()) {
                    Some(value) => at.set(word.a(), value),
                    None => slow!(self.load_global_slow(word)),
                },
                Op::StoreGlobal => {
                    if !self.agent.cached_set_global(view, at.sites, word.b(), at.get(word.a())) {
                        slow!(self.store_global_slow(word));
                    }
                }
                Op::GetLength => {
                    let object = at.get(word.b());
                    if object.is_object() && view.descriptor(object.heap_ref()) == fixed.array {
                        at.set(word.a(), Value::from_bits(view.read_boxed(object.heap_ref(), FIRST_FIELD)));
                    } else if object.is_string() {
                        let length = self.agent.heap.length(object.heap_ref());
                        at.set(word.a(), Value::number(f64::from(length)));
                    } else {
                        slow!(self.run_value(word));
                    }
                }
                Op::SetNamed => {
                    let object = at.get(word.a());
                    let is_done = object.is_object()
                        && self.agent.cached_set(view, at.sites, word.c(), object.heap_ref(), at.get(word.b()));
                    if !is_done {
                        slow!(self.set_named_slow(word));
                    }
                }
                Op::DefineNamed => {
                    let object = at.get(word.a());
                    let is_done = object.is_object()
                        && self.agent.cached_set(view, at.sites, word.c(), object.heap_ref(), at.get(word.b()));
                    if !is_done {
                        slow!(self.define_named_slow(word));
                    }
                }
                Op::GetKeyed => match fixed.element(at.get(word.b()), at.get(word.c())) {
                    Some(value) => at.set(word.a(), value),
                    None => slow!(self.get_keyed_slow(word)),
                },
                Op::SetKeyed | Op::SetKeyedStrict => {
                    if !self.write_dense(&fixed, at.get(word.a()), at.get(word.b()), at.get(word.c())) {
                        slow!(self.set_keyed_slow(word));
                    }
                }
                // A call of the name `eval` may lead to a closure; the word behind it does nothing then.
                Op::Call | Op::CallEval if fixed.is_closure(at.get(word.b())) => {
                    at.save();
                    let callee = at.frame().fp + usize::from(word.b());
                    self.push_frame(callee, u32::from(word.c()), Value::UNDEFINED, word.a(), 0)?;
                    at = self.at(&fixed);
                }
                Op::Call => {
                    if slow!(self.run_call(word)) {
                        at = self.at(&fixed);
                    }
                }
                Op::New => {
                    let new_target = at.get(word.b());
                    if slow!(self.run_construct(word, new_target)) {
                        at = self.at(&fixed);
                    }
                }
                Op::SuperCall => {
                    let new_target = at.get(word.b() + 1);
                    if slow!(self.run_construct(word, new_target)) {
                        at = self.at(&fixed);
                    }
                }
                Op::CallSpread | Op::NewSpread | Op::SuperCallSpread | Op::CallEval | Op::CallEvalSpread => {
                    let fp = at.frame().fp;
                    let value = slow!(self.open().spread_call(fp, word));
                    at.set(word.a(), value);
                }
                Op::Return => {
                    if self.return_plain(at.get(word.a())) {
                        at = self.at(&fixed);
                    } else {
                        at.save();
                        flow!(self.return_value(at.get(word.a()))?);
                    }
                }
                Op::ReturnUndefined => {
                    if self.return_plain(Value::UNDEFINED) {
                        at = self.at(&fixed);
                    } else {
                        at.save();
                        flow!(self.return_value(Value::UNDEFINED)?);
                    }
                }
                Op::ReturnDerived => {
                    at.save();
                    let value = self.derived_result(at.get(word.a()), at.get(word.b()))?;
                    flow!(self.return_value(value)?);
                }
                Op::Add => checked!(word, at.get(word.c()), checked_add, +),
                Op::AddInt => checked!(word, int!(word), checked_add, +),
                Op::Subtract => checked!(word, at.get(word.c()), checked_sub, -),
                Op::SubtractInt => checked!(word, int!(word), checked_sub, -),
                Op::Multiply => numbers!(word, at.get(word.c()), *),
                Op::MultiplyInt => numbers!(word, int!(word), *),
                Op::Divide => numbers!(word, at.get(word.c()), /),
                Op::DivideInt => numbers!(word, int!(word), /),
                Op::Remainder => match remainder(at.get(word.b()), at.get(word.c())) {
                    Some(value) => at.set(word.a(), value),
                    None => slow!(self.run_value(word)),
                },
                Op::RemainderInt => match remainder(at.get(word.b()), int!(word)) {
                    Some(value) => at.set(word.a(), value),
                    None => slow!(self.run_value(word)),
                },
                Op::BitAnd => bits!(word, at.get(word.c()), |a, b| Value::int(a & b)),
                Op::BitAndInt => bits!(word, int!(word), |a, b| Value::int(a & b)),
                Op::BitOr => bits!(word, at.get(word.c()), |a, b| Value::int(a | b)),
                Op::BitOrInt => bits!(word, int!(word), |a, b| Value::int(a | b)),
                Op::BitXor => bits!(word, at.get(word.c()), |a, b| Value::int(a ^ b)),
                Op::BitXorInt => bits!(word, int!(word), |a, b| Value::int(a ^ b)),
                Op::ShiftLeft => bits!(word, at.get(word.c()), |a, b| Value::int(a << (b & 31))),
                Op::ShiftLeftInt => bits!(word, int!(word), |a, b| Value::int(a << (b & 31))),
                Op::ShiftRight => bits!(word, at.get(word.c()), |a, b| Value::int(a >> (b & 31))),
                Op::ShiftRightInt => bits!(word, int!(word), |a, b| Value::int(a >> (b & 31))),
                Op::ShiftRightUnsigned => {
                    bits!(word, at.get(word.c()), |a, b| Value::number(f64::from(a.cast_unsigned() >> (b & 31))))
                }
                Op::ShiftRightUnsignedInt => {
                    bits!(word, int!(word), |a, b| Value::number(f64::from(a.cast_unsigned() >> (b & 31))))
                }
                Op::Increment => match at.get(word.b()).as_int().and_then(|int| int.checked_add(1)) {
                    Some(int) => at.set(word.a(), Value::int(int)),
                    None => slow!(self.run_value(word)),
                },
                Op::Decrement => match at.get(word.b()).as_int().and_then(|int| int.checked_sub(1)) {
                    Some(int) => at.set(word.a(), Value::int(int)),
                    None => slow!(self.run_value(word)),
                },
                Op::ToNumber | Op::ToNumeric if at.get(word.b()).is_number() => at.set(word.a(), at.get(word.b())),
                Op::Not => at.set(word.a(), Value::bool(!self.truth(at.get(word.b())))),
                Op::CheckCoercible => {
                    if at.get(word.a()).is_nullish() {
                        slow!(self.run_effect(word));
                    }
                }
                Op::CheckObject => {
                    if !at.get(word.a()).is_object() {
                        slow!(self.run_effect(word));
                    }
                }
                Op::StrictEqual | Op::StrictNotEqual => {
                    let equal = match self.equal_at_once(at.get(word.b()), at.get(word.c())) {
                        Some(equal) => equal,
                        None => slow!(self.run_compare(Op::StrictEqual, word.b(), Ok(word.c()))),
                    };
                    at.set(word.a(), Value::bool(equal == (op_of(word) == Op::StrictEqual)));
                }
                Op::Equal | Op::NotEqual => {
                    let equal = match self.loosely_equal_at_once(at.get(word.b()), at.get(word.c())) {
                        Some(equal) => equal,
                        None => slow!(self.run_compare(Op::Equal, word.b(), Ok(word.c()))),
                    };
                    at.set(word.a(), Value::bool(equal == (op_of(word) == Op::Equal)));
                }
                Op::Less => compare_value!(word, <),
                Op::LessEqual => compare_value!(word, <=),
                Op::Greater => compare_value!(word, >),
                Op::GreaterEqual => compare_value!(word, >=),
                Op::Jump => at.jump(word.signed_bc()),
                Op::JumpIfTrue => jump_if!(word, self.truth(at.get(word.a()))),
                Op::JumpIfFalse => jump_if!(word, !self.truth(at.get(word.a()))),
                Op::JumpIfUndefined => jump_if!(word, at.get(word.a()).is_undefined()),
                Op::JumpIfNotUndefined => jump_if!(word, !at.get(word.a()).is_undefined()),
                Op::JumpIfNullish => jump_if!(word, at.get(word.a()).is_nullish()),
                Op::JumpIfNotNullish => jump_if!(word, !at.get(word.a()).is_nullish()),
                Op::JumpIfObject => jump_if!(word, at.get(word.a()).is_object()),
                Op::JumpIfLess => compare_jump!(word, Op::Less, <, true),
                Op::JumpIfNotLess => compare_jump!(word, Op::Less, <, false),
                Op::JumpIfLessEqual => compare_jump!(word, Op::LessEqual, <=, true),
                Op::JumpIfNotLessEqual => compare_jump!(word, Op::LessEqual, <=, false),
                Op::JumpIfGreater => compare_jump!(word, Op::Greater, >, true),
                Op::JumpIfNotGreater => compare_jump!(word, Op::Greater, >, false),
                Op::JumpIfGreaterEqual => compare_jump!(word, Op::GreaterEqual, >=, true),
                Op::JumpIfNotGreaterEqual => compare_jump!(word, Op::GreaterEqual, >=, false),
                Op::JumpIfEqual => equal_jump!(word, Op::Equal, loosely_equal_at_once, true),
                Op::JumpIfNotEqual => equal_jump!(word, Op::Equal, loosely_equal_at_once, false),
                Op::JumpIfStrictEqual => equal_jump!(word, Op::StrictEqual, equal_at_once, true),
                Op::JumpIfStrictNotEqual => equal_jump!(word, Op::StrictEqual, equal_at_once, false),
                Op::JumpIfLessInt => compare_int_jump!(word, Op::Less, <, true),
                Op::JumpIfNotLessInt => compare_int_jump!(word, Op::Less, <, false),
                Op::JumpIfLessEqualInt => compare_int_jump!(word, Op::LessEqual, <=, true),
                Op::JumpIfNotLessEqualInt => compare_int_jump!(word, Op::LessEqual, <=, false),
                Op::JumpIfGreaterInt => compare_int_jump!(word, Op::Greater, >, true),
                Op::JumpIfNotGreaterInt => compare_int_jump!(word, Op::Greater, >, false),
                Op::JumpIfGreaterEqualInt => compare_int_jump!(word, Op::GreaterEqual, >=, true),
                Op::JumpIfNotGreaterEqualInt => compare_int_jump!(word, Op::GreaterEqual, >=, false),
                Op::JumpIfEqualInt => compare_int_jump!(word, Op::Equal, ==, true),
                Op::JumpIfNotEqualInt => compare_int_jump!(word, Op::Equal, ==, false),
                Op::JumpIfStrictEqualInt => compare_int_jump!(word, Op::StrictEqual, ==, true),
                Op::JumpIfStrictNotEqualInt => compare_int_jump!(word, Op::StrictEqual, ==, false),
                Op::JumpTable => {
                    let case = at.get(word.a()).as_number().unwrap_or(-1.0) as i32;
                    let count = i32::from(word.b());
                    at.jump(if (0..count).contains(&case) { case } else { count });
                }
                Op::LoopHint => {
                    if self.agent.interrupt.is_set() {
                        at.save();
                        self.poll()?;
                    }
                }
                Op::Throw => {
                    at.save();
                    let value = at.get(word.a());
                    let value = self.local(value);
                    return Err(self.throw(value));
                }
                Op::AsyncStart | Op::InitialYield | Op::ModuleReady | Op::Await | Op::Yield | Op::YieldDelegate => {
                    at.save();
                    flow!(self.suspend(word)?);
                }
                Op::DeclareGlobals
                | Op::DeclareEval
                | Op::PushEnv
                | Op::PushWith
                | Op::CopyEnv
                | Op::InitGlobal
                | Op::StoreBlockFunction
                | Op::LoadNameCall
                | Op::StoreResolved
                | Op::InitName
                | Op::SetNamedThis
                | Op::SetKeyedThis
                | Op::SetKeyedThisStrict
                | Op::SetPrivate
                | Op::DefinePrivateField
                | Op::DefinePrivateMethod
                | Op::DefinePrivateGetter
                | Op::DefinePrivateSetter
                | Op::InitInstance
                | Op::ArrayPush
                | Op::ArrayPushHole
                | Op::ArraySpread
                | Op::DefineKeyed
                | Op::DefineMethod
                | Op::DefineGetter
                | Op::DefineSetter
                | Op::DefineClassGetter
                | Op::DefineClassSetter
                | Op::SetPrototype
                | Op::ObjectSpread
                | Op::SetHome
                | Op::SetName
                | Op::Class
                | Op::ClassDerived
                | Op::SetInitializer
                | Op::GetIterator
                | Op::GetAsyncIterator
                | Op::IteratorClose
                | Op::IteratorCloseThrow
                | Op::ThrowError
                | Op::ThrowConstAssign
                | Op::DisposeAdd
                | Op::DisposeNext
                | Op::Suppress => slow!(self.run_effect(word)),
                _ => slow!(self.run_value(word)),
            }
        }
    }

    /// Whether values are strictly equal, if that is seen at once.
    #[inline(always)]
    fn equal_at_once(&self, left: Value, right: Value) -> Option<bool> {
        match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => return Some(left == right),
            (None, None) => {}
            _ => return Some(false),
        }
        if left == right {
            return Some(true);
        }
        if left.is_string() && right.is_string() {
            let heap = &self.agent.heap;
            let flags = heap.read_u32(left.heap_ref(), STRING_FLAGS) & heap.read_u32(right.heap_ref(), STRING_FLAGS);
            let differ = flags & ATOM != 0 || heap.length(left.heap_ref()) != heap.length(right.heap_ref());
            return if differ { Some(false) } else { None };
        }
        if left.is_bigint() && right.is_bigint() { None } else { Some(false) }
    }

    /// The same for loose equality.
    #[inline(always)]
    fn loosely_equal_at_once(&self, left: Value, right: Value) -> Option<bool> {
        if left.is_nullish() || right.is_nullish() {
            // [[IsHTMLDDA]] is the host's; there is none.
            return Some(left.is_nullish() && right.is_nullish());
        }
        let alike = left.is_object() && right.is_object()
            || left.is_string() && right.is_string()
            || left.is_number() && right.is_number();
        if alike { self.equal_at_once(left, right) } else { None }
    }
}

/// An element of an array of values.
#[inline(always)]
fn value_at(view: HeapView<'_>, array: HeapRef, nth: u32) -> Value {
    Value::from_bits(view.read_boxed(array, FIELDS + 8 * nth))
}

impl Fixed {
    #[inline(always)]
    fn is_closure(&self, value: Value) -> bool {
        value.is_object() && self.view.descriptor(value.heap_ref()) == self.closure
    }

    /// The elements of a plain array that are dense, and how many are in use.
    #[inline(always)]
    fn dense(&self, object: Value) -> Option<(HeapRef, u32)> {
        let (view, reference) = (self.view, object.heap_ref());
        if view.descriptor(reference) != self.array {
            return None;
        }
        let elements = view.read_ref(reference, ELEMENTS);
        if elements.is_null() || view.descriptor(elements) != self.values {
            return None;
        }
        Some((elements, view.length(elements)))
    }

    #[inline(always)]
    fn element(&self, object: Value, key: Value) -> Option<Value> {
        let index = key.as_int()?.cast_unsigned();
        if !object.is_object() {
            return None;
        }
        let (elements, length) = self.dense(object)?;
        if index >= length {
            return None;
        }
        let value = value_at(self.view, elements, index);
        (!value.is_hole()).then_some(value)
    }
}

/// The operation of an instruction, without a table.
#[inline(always)]
fn op_of(word: Instruction) -> Op {
    let number = word.0 as u16;
    // SAFETY: the generator's words begin with an operation, as its verifier says, whose numbers are those of the enumeration.
    unsafe {
        std::hint::assert_unchecked(usize::from(number) < Op::COUNT);
        std::mem::transmute::<u16, Op>(number)
    }
}

/// The remainder of numbers.
#[inline(always)]
fn remainder(left: Value, right: Value) -> Option<Value> {
    if let (Some(left @ 0..), Some(right @ 1..)) = (left.as_int(), right.as_int()) {
        return Some(Value::int(left % right));
    }
    Some(Value::number(left.as_number()? % right.as_number()?))
}
