//! Exceptions: throwing, and the handlers of `try_table`.
//!
//! *Problem.* Code that throws nothing shall pay nothing for being ready to catch, and a handler has to know where values are,
//! whichever call the exception came out of. *Idea.* All handlers begin alike: every local is in its slot, and so is every operand below
//! the `try` that is not known; the exception is in rax. Operands go to their slots when the `try` begins, locals before each call
//! and each throw inside of it, if they are not there already. Of the registers that calls preserve a handler needs only those
//! that are the same throughout the function.
//!
//! There is one handler for all calls in a `try`, behind its body. It compares the exception's tag with the clauses' in order, and goes to
//! their labels or, if none fits, to the handler of the next `try` outside. Where there is none, it throws again: the runtime
//! looks on in the caller. What is thrown right inside of a `try` is a jump to its handler.
//!
//! **Invariant:** builtins called within a `try` throw nothing; they trap at most, and that is not caught.

use wasmparser::{BlockType, Catch, Operator, TryTable};

use crate::abi::builtins::Builtin;
use crate::abi::exception::{EXCEPTION_TAG, ExceptionLayout};
use crate::abi::trap::TrapCode;
use crate::asm::buffer::Label;
use crate::asm::x64::integer::{Alu, Load};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::TagIndex;
use crate::codegen::baseline::control::FrameKind;
use crate::codegen::baseline::function::{Function, vmctx};
use crate::codegen::baseline::moves::Target;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc};

/// Where a handler finds the exception.
const EXCEPTION: Gpr = Gpr::RAX;

/// A `try` whose body is open: its handler is in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    /// Position of its frame.
    frame: usize,
    /// Where its handler begins, once something goes there.
    handler: Option<Label>,
    /// Where the clauses of a `try_table` begin in [`Buffers::catches`](super::function::Buffers).
    catches: usize,
}

impl Function<'_> {
    pub(super) fn exception_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Throw { tag_index } => {
                self.flush_fuel();
                self.new_exception(TagIndex::from_u32(tag_index));
                self.throw();
            }
            Operator::ThrowRef => {
                self.flush_fuel();
                let exception = self.buffers.values.list[self.buffers.values.list.len() - 1];
                self.test_zero(&exception);
                self.trap_if(Condition::Equal, TrapCode::NullReference);
                self.throw();
            }
            Operator::TryTable { ref try_table } => self.begin_try_table(try_table),
            _ => return self.legacy_exception_operator(operator),
        }
        true
    }

    // ---- Throwing ----

    /// Replaces a payload by a new exception.
    fn new_exception(&mut self, tag: TagIndex) {
        let params = &self.module.signature(self.module.tags[tag]).params;
        let first = self.buffers.values.list.len() - params.len();
        let tag = Some(u64::from(tag.as_u32()));
        if params.is_empty() {
            self.builtin(Builtin::NewException, &[tag, Some(0)], Some(Kind::Ref));
            return;
        }
        let bytes = 16 * params.len() as u32;
        self.area_bytes = self.area_bytes.max(bytes);
        for position in 0..params.len() {
            let value = self.buffers.values.list[first + position];
            self.add_move(Target::Memory(Mem::at(Gpr::RSP, 16 * position as i32)), value);
        }
        self.do_moves();
        self.buffers.values.truncate(first);
        let area = self.alloc_gpr(RegSet::EMPTY);
        self.buffers.asm.lea(Width::W64, area, Mem::at(Gpr::RSP, 0));
        self.push_gpr(Kind::I64, area);
        self.builtin(Builtin::NewException, &[tag, None], Some(Kind::Ref));
    }

    /// Throws the topmost operand, which is not null, to the handler in force.
    pub(super) fn throw(&mut self) {
        match self.handler_below(usize::MAX) {
            Some(handler) => {
                let exception = self.pop();
                self.save_locals();
                self.move_to(&exception, EXCEPTION);
                self.buffers.asm.jmp(handler);
            }
            None => self.throw_to_callers(),
        }
        self.reachable = false;
    }

    fn throw_to_callers(&mut self) {
        self.builtin(Builtin::Throw, &[None], None);
        self.note_trap(TrapCode::Unreachable);
        self.buffers.asm.ud2();
    }

    /// The handler of the innermost `try` whose frame is before a position; nothing where the function has none.
    fn handler_below(&mut self, position: usize) -> Option<Label> {
        let count = self.buffers.tries.partition_point(|found| found.frame < position);
        let found = count.checked_sub(1)?;
        if let Some(handler) = self.buffers.tries[found].handler {
            return Some(handler);
        }
        let handler = self.buffers.asm.buffer.new_label();
        self.buffers.tries[found].handler = Some(handler);
        Some(handler)
    }

    /// Before a call: where a handler is in force, it finds all locals in their slots.
    pub(super) fn save_for_handler(&mut self) {
        if !self.buffers.tries.is_empty() {
            self.save_locals();
        }
    }

    fn save_locals(&mut self) {
        for index in self.buffers.values.outside() {
            self.save(index);
        }
    }

    /// The instruction before was a call: an exception that comes out of it goes to the handler in force.
    pub(super) fn note_handler(&mut self) {
        if let Some(handler) = self.handler_below(usize::MAX) {
            let code_offset = self.buffers.asm.buffer.offset();
            self.buffers.handlers.push((code_offset, handler));
        }
    }

    // ---- Catching ----

    /// Opens the frame of a `try`, and puts its handler in force.
    pub(super) fn open_try(&mut self, ty: BlockType, kind: FrameKind) {
        let (params, arity) = self.arity(ty);
        self.raise_window(params);
        let height = self.buffers.values.list.len() - params;
        for index in self.buffers.values.operands().start..height {
            self.save(index);
            self.buffers.values.set_loc(index, Loc::Slot);
        }
        self.buffers.values.raise_window(height);
        let label = self.buffers.asm.buffer.new_label();
        self.push_frame(kind, params, arity, label, None);
        self.buffers.tries.push(Try { frame: self.frame_at(0), handler: None, catches: self.buffers.catches.len() });
    }

    fn begin_try_table(&mut self, table: &TryTable) {
        self.open_try(table.ty, FrameKind::TryTable);
        self.buffers.catches.extend_from_slice(&table.catches);
    }

    /// Ends the body of the innermost `try`: gives its handler, if anything goes there, and where its clauses begin.
    pub(super) fn close_try(&mut self) -> (Option<Label>, usize) {
        match self.buffers.tries.pop() {
            Some(Try { handler, catches, .. }) => (handler, catches),
            None => (None, self.buffers.catches.len()),
        }
    }

    /// Emits the handler of the innermost frame, a `try_table`, if anything goes there.
    pub(super) fn end_try_table(&mut self, position: usize) {
        let (handler, catches) = self.close_try();
        if let Some(handler) = handler {
            self.leave_to_label(position);
            let exception = self.begin_handler(handler, position);
            let is_complete = (catches..self.buffers.catches.len()).any(|nth| self.catch_clause(nth, exception));
            if !is_complete {
                self.throw_below(exception, usize::MAX);
            }
            self.reachable = false;
        }
        self.buffers.catches.truncate(catches);
    }

    /// Emits one clause of a `try_table`. Whether it catches everything.
    fn catch_clause(&mut self, nth: usize, exception: usize) -> bool {
        let (tag, label, with_exception) = match self.buffers.catches[nth] {
            Catch::One { tag, label } => (Some(tag), label, false),
            Catch::OneRef { tag, label } => (Some(tag), label, true),
            Catch::All { label } => (None, label, false),
            Catch::AllRef { label } => (None, label, true),
        };
        let next = tag.map(|tag| self.begin_clause(exception, TagIndex::from_u32(tag)));
        if with_exception {
            let from = self.buffers.values.list[exception].slot();
            self.push_copy(Kind::Ref, from);
        }
        // Labels count from outside of the `try_table`.
        self.jump_to(self.frame_at(label + 1));
        self.buffers.values.truncate(exception + 1);
        if let Some(next) = next {
            self.buffers.asm.buffer.bind(next);
        }
        next.is_none()
    }

    /// Goes to the label of a frame from its end, if that is reached.
    pub(super) fn leave_to_label(&mut self, position: usize) {
        if self.reachable {
            self.flush_fuel();
            self.jump_to(position);
            self.reachable = false;
        }
    }

    /// Begins the handler of the `try` whose frame is at a position. The exception becomes an operand, whose position it gives.
    pub(super) fn begin_handler(&mut self, handler: Label, position: usize) -> usize {
        self.buffers.asm.buffer.bind(handler);
        let exception = self.enter_handler(position);
        let slot = self.buffers.values.list[exception].slot();
        self.store_reg(Kind::Ref, slot, EXCEPTION.into());
        exception
    }

    /// Where values are in the handler of the `try` whose frame is at a position, between two clauses.
    pub(super) fn enter_handler(&mut self, position: usize) -> usize {
        let height = self.buffers.frames[position].height;
        self.buffers.values.truncate(height);
        for index in self.buffers.values.outside() {
            self.buffers.values.set_loc(index, Loc::Slot);
        }
        self.push(Kind::Ref, Loc::Slot);
        self.reachable = true;
        height
    }

    /// Begins what is done with an exception of a tag, with its payload on the stack; gives the label for others. No value is in a
    /// register.
    pub(super) fn begin_clause(&mut self, exception: usize, tag: TagIndex) -> Label {
        let next = self.buffers.asm.buffer.new_label();
        let home = self.buffers.values.list[exception].slot();
        self.load_cage(SCRATCH);
        let asm = &mut self.buffers.asm;
        asm.load(Load::Word, EXCEPTION, home);
        asm.alu_rr(Alu::Add, Width::W64, SCRATCH, EXCEPTION);
        asm.load(Load::Word, EXCEPTION, Mem::at(SCRATCH, EXCEPTION_TAG.cast_signed()));
        asm.alu_rm(Alu::Cmp, Width::W32, EXCEPTION, vmctx(self.env.layout.tag(tag)));
        asm.jcc(Condition::NotEqual, next);
        let module = self.module;
        for field in &ExceptionLayout::new(&module.signature(module.tags[tag]).params).fields {
            self.push_copy(Kind::of(field.ty), Mem::at(SCRATCH, field.offset.cast_signed()));
        }
        next
    }

    /// Pushes what memory holds, by way of its slot. Other registers stay as they are.
    fn push_copy(&mut self, kind: Kind, from: Mem) {
        self.push(kind, Loc::Slot);
        let to = self.buffers.values.list[self.buffers.values.list.len() - 1].slot();
        let bits = match kind {
            Kind::V128 => kind,
            kind if kind.is_wide() => Kind::F64,
            _ => Kind::F32,
        };
        self.load_reg(bits, FLOAT_SCRATCH.into(), from);
        self.store_reg(bits, to, FLOAT_SCRATCH.into());
    }

    /// Throws on the exception of a handler, to the handler that was in force when the frame at a position was opened.
    pub(super) fn throw_below(&mut self, exception: usize, position: usize) {
        let value = self.buffers.values.list[exception];
        match self.handler_below(position) {
            Some(handler) => {
                self.move_to(&value, EXCEPTION);
                self.buffers.asm.jmp(handler);
            }
            None => {
                self.buffers.values.truncate(exception + 1);
                self.throw_to_callers();
            }
        }
        self.reachable = false;
    }
}
