//! The loop.
//!
//! A slow path may collect, run scripts and make the stack longer: nothing that was read before is used after it but by what the frame says
//! anew. The address of the registers is taken again then.

use crate::heap::HeapRef;
use crate::js::bytecode::{Instruction, Op};
use crate::js::class::{Class, ELEMENTS, FIRST_FIELD, Thing, class_of};
use crate::js::convert::primitive::to_int32;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::interp::environment::{PARENT, SLOTS as ENVIRONMENT_SLOTS};
use crate::js::interp::frame::Flow;
use crate::js::interp::loaded::{FUNCTION_CONSTANTS, FUNCTION_SITES};
use crate::js::intrinsic::Intrinsic;
use crate::js::object::shape::Shape;
use crate::js::value::Value;

/// What the loop has at hand of the running frame.
struct At {
    /// The registers.
    registers: *mut u64,
    /// The first instruction.
    start: *const Instruction,
    /// The next instruction.
    next: *const Instruction,
    /// Index of the first register.
    fp: usize,
    /// The caches of the function's sites. They never move.
    sites: HeapRef,
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

    #[inline(always)]
    fn pc(&self) -> u32 {
        // SAFETY: both are addresses in the same code.
        unsafe { self.next.offset_from(self.start) as u32 }
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
    fn at(&mut self) -> At {
        let frame = self.frame();
        let (fp, pc, start) = (frame.fp, frame.pc, frame.code().code.as_ptr());
        let sites = self.read_value(frame.function, FUNCTION_SITES).heap_ref();
        // SAFETY: `pc` was taken in this code; `fp` lies inside the stack.
        let (next, registers) = unsafe { (start.add(pc as usize), self.agent.roots.stack.as_mut_ptr().add(fp)) };
        At { registers, start, next, fp, sites }
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

    /// Keeps the place of the running instruction for traces, handlers and calls.
    #[inline(always)]
    fn save(&mut self, at: &At) {
        self.frame_mut().pc = at.pc();
    }

    /// Runs a slow instruction with one output.
    #[inline(never)]
    fn run_value(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        self.save(at);
        let value = {
            let mut cx = self.open();
            let result = cx.slow_value(at.fp, word)?;
            cx.value(result)
        };
        at.registers = self.registers(at.fp);
        at.set(word.a(), value);
        Ok(())
    }

    #[inline(never)]
    fn run_effect(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        self.save(at);
        self.open().slow_effect(at.fp, word)?;
        at.registers = self.registers(at.fp);
        Ok(())
    }

    #[inline(always)]
    fn registers(&mut self, fp: usize) -> *mut u64 {
        // SAFETY: `fp` is of a frame, which lies inside the stack.
        unsafe { self.agent.roots.stack.as_mut_ptr().add(fp) }
    }

    /// A comparison that the loop does not do at once, of registers or of a register and an integer.
    #[inline(never)]
    fn run_compare(&mut self, at: &mut At, op: Op, left: u16, right: Result<u16, i16>) -> Completion<bool> {
        self.save(at);
        let result = {
            let mut cx = self.open();
            let left = cx.register(at.fp, left);
            let right = match right {
                Ok(register) => cx.register(at.fp, register),
                Err(int) => crate::js::local::Local::int(i32::from(int)),
            };
            match op {
                Op::Equal => cx.is_loosely_equal(left, right)?,
                Op::StrictEqual => cx.is_strictly_equal(left, right),
                op => cx.compare(op, left, right)?,
            }
        };
        at.registers = self.registers(at.fp);
        Ok(result)
    }

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

    /// Whether it is a closure.
    #[inline(always)]
    fn is_closure(&self, value: Value) -> bool {
        value.is_object() && self.agent.heap.descriptor(value.heap_ref()) == self.agent.types.class(Class::Closure)
    }

    /// A call of what is no closure, from the running frame.
    #[inline(never)]
    fn run_call(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        self.save(at);
        let value = {
            let mut cx = self.open();
            cx.poll()?;
            let result = cx.call_on_stack(at.fp + usize::from(word.b()), u32::from(word.c()))?;
            cx.value(result)
        };
        at.registers = self.registers(at.fp);
        at.set(word.a(), value);
        Ok(())
    }

    /// `New`, `SuperCall`: whether a frame was pushed. Otherwise A has the result.
    #[inline(never)]
    fn run_construct(&mut self, at: &mut At, word: Instruction, new_target: Value) -> Completion<bool> {
        self.save(at);
        let callee = at.fp + usize::from(word.b());
        let function = Value::from_bits(self.agent.roots.stack[callee]);
        if self.push_construct(callee, u32::from(word.c()), new_target, word.a())? {
            return Ok(true);
        }
        if self.is_closure(function) && self.is_constructor(crate::js::local::Local::of_slot(function, callee)) {
            self.push_frame(callee, u32::from(word.c()), new_target, word.a(), 0)?;
            return Ok(true);
        }
        let value = {
            let mut cx = self.open();
            let new_target = cx.local(new_target);
            let result = cx.construct_on_stack(callee, u32::from(word.c()), new_target)?;
            cx.value(result)
        };
        at.registers = self.registers(at.fp);
        at.set(word.a(), value);
        Ok(false)
    }

    /// The elements of a plain array that are dense, and how many are in use.
    #[inline(always)]
    fn dense(&self, object: Value) -> Option<(HeapRef, u32)> {
        let heap = &self.agent.heap;
        let reference = object.heap_ref();
        if !object.is_object() || heap.descriptor(reference) != self.agent.types.class(Class::Array) {
            return None;
        }
        let elements = heap.read_ref(reference, ELEMENTS);
        if elements.is_null() || heap.descriptor(elements) != self.agent.types.thing(Thing::Values) {
            return None;
        }
        Some((elements, heap.length(elements)))
    }

    #[inline(always)]
    fn dense_element(&self, object: Value, key: Value) -> Option<Value> {
        let index = key.as_int()?.cast_unsigned();
        if !object.is_object() {
            return None;
        }
        let (elements, length) = self.dense(object)?;
        if index >= length {
            return None;
        }
        let value = self.read_value(elements, index);
        (!value.is_hole()).then_some(value)
    }

    #[inline(always)]
    fn write_dense(&mut self, object: Value, key: Value, value: Value) -> bool {
        if !object.is_object() {
            return false;
        }
        let Some(index) = key.as_int() else { return false };
        let index = index.cast_unsigned();
        match self.dense(object) {
            Some((elements, length)) if index < length && !self.read_value(elements, index).is_hole() => {
                self.write_value(elements, index, value);
                true
            }
            _ => false,
        }
    }

    #[inline(never)]
    fn get_named_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        let object = at.get(word.b());
        // A primitive value's property is its prototype's.
        let holder = match object {
            _ if object.is_object() => Some(object),
            _ if object.is_string() => Some(self.read_value(self.agent.roots.realm, Intrinsic::StringPrototype as u32)),
            _ if object.is_number() => Some(self.read_value(self.agent.roots.realm, Intrinsic::NumberPrototype as u32)),
            _ => None,
        };
        if let Some(holder) = holder.and_then(Value::reference) {
            let cached = self.agent.cached_get(at.sites, word.c(), holder);
            if let Some(value) = cached.or_else(|| self.agent.get_again(at.sites, word.c(), holder)) {
                at.set(word.a(), value);
                return Ok(());
            }
        }
        self.run_value(at, word)
    }

    #[inline(never)]
    fn set_named_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        let object = at.get(word.a());
        if !object.is_object() {
            return self.run_effect(at, word);
        }
        if self.agent.set_again(at.sites, word.c(), object.heap_ref(), at.get(word.b())) {
            return Ok(());
        }
        self.run_addition(at, word, object.heap_ref(), false)
    }

    /// A write that may add a property.
    fn run_addition(&mut self, at: &mut At, word: Instruction, object: HeapRef, by_define: bool) -> Completion<()> {
        let before = Shape::of(&self.agent.heap, object);
        self.run_effect(at, word)?;
        self.agent.added(at.sites, word.c(), before, at.get(word.a()).heap_ref(), by_define);
        Ok(())
    }

    #[inline(never)]
    fn define_named_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        let object = at.get(word.a());
        if !object.is_object() {
            return self.run_effect(at, word);
        }
        self.run_addition(at, word, object.heap_ref(), true)
    }

    #[inline(never)]
    fn load_global_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        self.fill_global(at.sites, word.b(), false);
        self.run_value(at, word)
    }

    #[inline(never)]
    fn store_global_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        self.fill_global(at.sites, word.b(), true);
        self.run_effect(at, word)
    }

    /// An element that is not of a dense array: of a typed array, a character, or a property by an interned name.
    #[inline(never)]
    fn get_keyed_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        let (object, key) = (at.get(word.b()), at.get(word.c()));
        if object.is_object() {
            let value = match key.as_int() {
                Some(index @ 0..) if class_of(&self.agent.heap, object.heap_ref()) == Class::TypedArray => {
                    self.typed_array_get_index(object.heap_ref(), index.cast_unsigned())
                }
                None if key.is_string() => self.agent.get_by_key(object.heap_ref(), key.heap_ref()),
                _ => None,
            };
            if let Some(value) = value {
                at.set(word.a(), value);
                return Ok(());
            }
        }
        self.run_value(at, word)
    }

    #[inline(never)]
    fn set_keyed_slow(&mut self, at: &mut At, word: Instruction) -> Completion<()> {
        let (object, key) = (at.get(word.a()), at.get(word.b()));
        if object.is_object()
            && let Some(index @ 0..) = key.as_int()
        {
            let (reference, index, value) = (object.heap_ref(), index.cast_unsigned(), at.get(word.c()));
            let done = match class_of(&self.agent.heap, reference) {
                Class::TypedArray => self.typed_array_set_index(reference, index, value),
                Class::Array => self.append_dense(reference, index, value),
                _ => false,
            };
            if done {
                return Ok(());
            }
        }
        self.run_effect(at, word)
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
        let mut at = self.at();
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
                    None => self.run_compare(&mut at, $op, $word.a(), Ok($word.b()))?,
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
                    None => self.run_compare(&mut at, $op, $word.a(), Err($word.signed_b()))?,
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
                    None => self.run_value(&mut at, $word)?,
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
                        _ => self.run_value(&mut at, $word)?,
                    },
                }
            }};
        }
        macro_rules! numbers {
            ($word:expr, $right:expr, $operator:tt) => {
                match (at.get($word.b()).as_number(), $right.as_number()) {
                    (Some(left), Some(right)) => at.set($word.a(), Value::number(left $operator right)),
                    _ => self.run_value(&mut at, $word)?,
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
                    _ => self.run_value(&mut at, $word)?,
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
                    Flow::Continue => at = self.at(),
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
                    let constants = self.read_value(self.frame().function, FUNCTION_CONSTANTS).heap_ref();
                    at.set(word.a(), self.read_value(constants, word.bc()));
                }
                Op::Move => at.set(word.a(), at.get(word.b())),
                Op::NewTarget => at.set(word.a(), self.frame().new_target),
                Op::CoerceThis if at.get(1).is_object() => at.set(word.a(), at.get(1)),
                Op::CheckInit => {
                    if at.get(word.a()).is_uninitialized() {
                        self.run_effect(&mut at, word)?;
                    }
                }
                Op::CheckUninit => {
                    if !at.get(word.a()).is_uninitialized() {
                        self.run_effect(&mut at, word)?;
                    }
                }
                Op::PopEnv => {
                    for _ in 0..word.a() {
                        let parent = self.read_value(self.frame().environment.heap_ref(), PARENT);
                        self.frame_mut().environment = parent;
                    }
                }
                Op::SaveEnv => at.set(word.a(), self.frame().environment),
                Op::RestoreEnv => self.frame_mut().environment = at.get(word.a()),
                Op::LoadEnv => {
                    let environment = self.environment_at(word.b());
                    at.set(word.a(), self.read_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c())));
                }
                Op::LoadEnvChecked => {
                    let environment = self.environment_at(word.b());
                    let value = self.read_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c()));
                    if value.is_uninitialized() {
                        self.save(&at);
                        return Err(self.slot_uninitialized(environment, word.c()));
                    }
                    at.set(word.a(), value);
                }
                Op::StoreEnv => {
                    let environment = self.environment_at(word.b());
                    self.write_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c()), at.get(word.a()));
                }
                Op::StoreEnvChecked => {
                    let environment = self.environment_at(word.b());
                    if self.read_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c())).is_uninitialized() {
                        self.save(&at);
                        return Err(self.slot_uninitialized(environment, word.c()));
                    }
                    self.write_value(environment, ENVIRONMENT_SLOTS + u32::from(word.c()), at.get(word.a()));
                }
                Op::GetNamed => {
                    let object = at.get(word.b());
                    let cached =
                        if object.is_object() { self.agent.cached_get(at.sites, word.c(), object.heap_ref()) } else { None };
                    match cached {
                        Some(value) => at.set(word.a(), value),
                        None => self.get_named_slow(&mut at, word)?,
                    }
                }
                Op::LoadGlobal => match self.agent.cached_global(at.sites, word.b()) {
                    Some(value) => at.set(word.a(), value),
                    None => self.load_global_slow(&mut at, word)?,
                },
                Op::StoreGlobal => {
                    if !self.agent.cached_set_global(at.sites, word.b(), at.get(word.a())) {
                        self.store_global_slow(&mut at, word)?;
                    }
                }
                Op::GetLength => {
                    let object = at.get(word.b());
                    let is_array = object.is_object()
                        && self.agent.heap.descriptor(object.heap_ref()) == self.agent.types.class(Class::Array);
                    if is_array {
                        at.set(word.a(), self.field_of(object, 0));
                    } else if object.is_string() {
                        let length = self.agent.heap.length(object.heap_ref());
                        at.set(word.a(), Value::number(f64::from(length)));
                    } else {
                        self.run_value(&mut at, word)?;
                    }
                }
                Op::SetNamed => {
                    let object = at.get(word.a());
                    let is_done =
                        object.is_object() && self.agent.cached_set(at.sites, word.c(), object.heap_ref(), at.get(word.b()));
                    if !is_done {
                        self.set_named_slow(&mut at, word)?;
                    }
                }
                Op::DefineNamed => {
                    let object = at.get(word.a());
                    let is_done =
                        object.is_object() && self.agent.cached_set(at.sites, word.c(), object.heap_ref(), at.get(word.b()));
                    if !is_done {
                        self.define_named_slow(&mut at, word)?;
                    }
                }
                Op::GetKeyed => match self.dense_element(at.get(word.b()), at.get(word.c())) {
                    Some(value) => at.set(word.a(), value),
                    None => self.get_keyed_slow(&mut at, word)?,
                },
                Op::SetKeyed | Op::SetKeyedStrict => {
                    if !self.write_dense(at.get(word.a()), at.get(word.b()), at.get(word.c())) {
                        self.set_keyed_slow(&mut at, word)?;
                    }
                }
                Op::Call => {
                    if self.is_closure(at.get(word.b())) {
                        self.save(&at);
                        let callee = at.fp + usize::from(word.b());
                        self.push_frame(callee, u32::from(word.c()), Value::UNDEFINED, word.a(), 0)?;
                        at = self.at();
                    } else {
                        self.run_call(&mut at, word)?;
                    }
                }
                Op::New => {
                    let new_target = at.get(word.b());
                    if self.run_construct(&mut at, word, new_target)? {
                        at = self.at();
                    }
                }
                Op::SuperCall => {
                    let new_target = at.get(word.b() + 1);
                    if self.run_construct(&mut at, word, new_target)? {
                        at = self.at();
                    }
                }
                Op::CallSpread | Op::NewSpread | Op::SuperCallSpread | Op::CallEval | Op::CallEvalSpread => {
                    self.save(&at);
                    let value = self.open().spread_call(at.fp, word)?;
                    at.registers = self.registers(at.fp);
                    at.set(word.a(), value);
                }
                Op::Return => {
                    if self.return_plain(at.get(word.a())) {
                        at = self.at();
                    } else {
                        self.save(&at);
                        flow!(self.return_value(at.get(word.a()))?);
                    }
                }
                Op::ReturnUndefined => {
                    if self.return_plain(Value::UNDEFINED) {
                        at = self.at();
                    } else {
                        self.save(&at);
                        flow!(self.return_value(Value::UNDEFINED)?);
                    }
                }
                Op::ReturnDerived => {
                    self.save(&at);
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
                    None => self.run_value(&mut at, word)?,
                },
                Op::RemainderInt => match remainder(at.get(word.b()), int!(word)) {
                    Some(value) => at.set(word.a(), value),
                    None => self.run_value(&mut at, word)?,
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
                    None => self.run_value(&mut at, word)?,
                },
                Op::Decrement => match at.get(word.b()).as_int().and_then(|int| int.checked_sub(1)) {
                    Some(int) => at.set(word.a(), Value::int(int)),
                    None => self.run_value(&mut at, word)?,
                },
                Op::ToNumber | Op::ToNumeric if at.get(word.b()).is_number() => at.set(word.a(), at.get(word.b())),
                Op::Not => at.set(word.a(), Value::bool(!self.truth(at.get(word.b())))),
                Op::CheckCoercible => {
                    if at.get(word.a()).is_nullish() {
                        self.run_effect(&mut at, word)?;
                    }
                }
                Op::CheckObject => {
                    if !at.get(word.a()).is_object() {
                        self.run_effect(&mut at, word)?;
                    }
                }
                Op::StrictEqual => {
                    let equal = self.run_strict(&at, word.b(), word.c());
                    at.set(word.a(), Value::bool(equal));
                }
                Op::StrictNotEqual => {
                    let equal = self.run_strict(&at, word.b(), word.c());
                    at.set(word.a(), Value::bool(!equal));
                }
                Op::Equal => compare_value!(word, ==),
                Op::NotEqual => compare_value!(word, !=),
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
                Op::JumpIfEqual => compare_jump!(word, Op::Equal, ==, true),
                Op::JumpIfNotEqual => compare_jump!(word, Op::Equal, ==, false),
                Op::JumpIfStrictEqual => compare_jump!(word, Op::StrictEqual, ==, true),
                Op::JumpIfStrictNotEqual => compare_jump!(word, Op::StrictEqual, ==, false),
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
                        self.save(&at);
                        self.poll()?;
                    }
                }
                Op::Throw => {
                    self.save(&at);
                    let mut cx = self.open();
                    let value = cx.register(at.fp, word.a());
                    return Err(cx.throw(value));
                }
                Op::AsyncStart | Op::InitialYield | Op::ModuleReady | Op::Await | Op::Yield | Op::YieldDelegate => {
                    self.save(&at);
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
                | Op::Suppress => self.run_effect(&mut at, word)?,
                _ => self.run_value(&mut at, word)?,
            }
        }
    }

    fn run_strict(&mut self, at: &At, left: u16, right: u16) -> bool {
        let (a, b) = (at.get(left), at.get(right));
        match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => a == b,
            _ if a == b => true,
            _ if a.is_object() || b.is_object() => false,
            _ => {
                let (left, right) = (self.register(at.fp, left), self.register(at.fp, right));
                self.is_strictly_equal(left, right)
            }
        }
    }
}

/// The operation of an instruction, without a table.
#[inline(always)]
fn op_of(word: Instruction) -> Op {
    let number = word.0 as u16;
    if usize::from(number) < Op::COUNT {
        // SAFETY: the enumeration has the numbers from 0 to `COUNT`, in 16 bits.
        unsafe { std::mem::transmute::<u16, Op>(number) }
    } else {
        Op::Nop
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
