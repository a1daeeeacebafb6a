//! Structured control: blocks, branches, and where values are when control comes together.
//!
//! The first branch to a label decides where values are there: where they are at that branch, each register for one of them only. Later
//! ones move what is elsewhere. A loop's header is decided when the loop is entered, and there locals that are known are put into
//! registers, since most of them are counters.

use wasmparser::{BlockType, BrTable, Operator};

use crate::abi::call::Place;
use crate::asm::buffer::Label;
use crate::asm::x64::Xmm;
use crate::asm::x64::integer::{Alu, Load, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::TypeIndex;
use crate::codegen::baseline::exception_legacy::Clauses;
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::moves::Target;
use crate::codegen::baseline::registers::{GPRS, INT_RESULTS, Reg, RegSet, SCRATCH, XMMS};
use crate::codegen::baseline::state::{Bits, Kind, Loc, TRACKED_OPERANDS, Value, Values, slot};
use crate::wasm::error::CompileError;
use crate::wasm::validate::check_targets;

/// Registers of each sort that a loop's header leaves free.
const FREE_IN_LOOPS: usize = 4;

/// An open block.
#[derive(Debug)]
pub(super) struct Frame {
    pub kind: FrameKind,
    /// Operands below the block's parameters, and the locals.
    pub height: usize,
    /// The first operand that could be in a register when the block began: below it, all ways to the label agree.
    pub window: usize,
    /// How many operands a branch to the label has.
    pub arity: usize,
    pub label: Label,
    /// Where values are at the label, once that is decided.
    pub target: Option<Saved>,
    /// Where the last `br_table` that named the label goes for it: number of the table, and the place.
    pub table: (u32, Option<Label>),
}

/// Kinds of [`Frame`].
#[derive(Debug)]
pub(super) enum FrameKind {
    Body,
    Block,
    Loop,
    /// `if`: where its `else` begins, and where values are there.
    If(Label, Saved),
    Else,
    TryTable,
    /// `try`, in its body.
    Try,
    /// `try`, in one of its clauses.
    Catch(Clauses),
}

/// Where values are at a place.
#[derive(Debug)]
pub(super) struct Saved {
    window: usize,
    height: usize,
    /// Locals that are not in their slots.
    outside: Bits,
    /// Those locals, and the operands from the window on.
    values: Vec<Value>,
}

impl Function<'_> {
    fn saved(&mut self) -> Saved {
        let mut values = self.buffers.spare.pop().unwrap_or_default();
        self.buffers.values.save(&mut values);
        let Values { window, ref list, .. } = self.buffers.values;
        Saved { window, height: list.len(), outside: self.buffers.values.outside(), values }
    }

    fn restore(&mut self, saved: &Saved) {
        self.buffers.values.restore(saved.window, saved.height, saved.outside, &saved.values);
    }

    fn spare(&mut self, saved: Saved) {
        let Saved { mut values, .. } = saved;
        values.clear();
        self.buffers.spare.push(values);
    }

    pub(super) fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = self.module.signature(TypeIndex::from_u32(index));
                (ty.params.len(), ty.results.len())
            }
        }
    }

    /// Operands deep below a block's start, and not its parameters, go to their slots.
    pub(super) fn raise_window(&mut self, params: usize) {
        let values = &self.buffers.values;
        let len = values.list.len();
        // Parameters may be taken off before an `else` needs them again: they are saved with the registers, wherever they are.
        let height = len - params;
        let window = len.saturating_sub(TRACKED_OPERANDS).min(height);
        for index in values.window.max(values.local_count)..window {
            self.save(index);
            self.buffers.values.set_loc(index, Loc::Slot);
        }
        let values = &mut self.buffers.values;
        values.raise_window(window);
        values.window = values.window.min(height);
    }

    pub(super) fn push_body(&mut self) {
        let label = self.exit;
        self.push_frame(FrameKind::Body, 0, self.func_type.results.len(), label, None);
    }

    pub(super) fn begin_block(&mut self, ty: BlockType) {
        let (params, arity) = self.arity(ty);
        self.raise_window(params);
        let label = self.buffers.asm.buffer.new_label();
        self.push_frame(FrameKind::Block, params, arity, label, None);
    }

    pub(super) fn push_frame(&mut self, kind: FrameKind, params: usize, arity: usize, label: Label, target: Option<Saved>) {
        let values = &self.buffers.values;
        let (height, window) = (values.list.len() - params, values.window);
        self.buffers.frames.push(Frame { kind, height, window, arity, label, target, table: (0, None) });
    }

    pub(super) fn begin_loop(&mut self, ty: BlockType) {
        self.flush_fuel();
        let (arity, _) = self.arity(ty);
        self.raise_window(arity);
        let height = self.buffers.values.list.len() - arity;
        let target = self.decide(self.buffers.values.window, height, arity, true);
        self.add_moves(&target, arity);
        self.do_moves();
        self.restore(&target);
        let label = self.buffers.asm.buffer.here();
        self.push_frame(FrameKind::Loop, arity, arity, label, Some(target));
        self.enter_loop();
    }

    pub(super) fn begin_if(&mut self, ty: BlockType) {
        self.flush_fuel();
        let condition = self.pop_condition();
        let otherwise = self.buffers.asm.buffer.new_label();
        // Before the branch: both ways begin with the same values in the same places.
        self.raise_window(self.arity(ty).0);
        self.buffers.asm.jcc(condition.negated(), otherwise);
        let saved = self.saved();
        self.begin_block(ty);
        if let Some(frame) = self.buffers.frames.last_mut() {
            frame.kind = FrameKind::If(otherwise, saved);
        }
    }

    pub(super) fn begin_else(&mut self) {
        let position = self.frame_at(0);
        if self.reachable {
            self.flush_fuel();
            self.jump_to(position);
        }
        self.take_else(position);
    }

    /// Goes on where the condition of an `if` does not hold.
    fn take_else(&mut self, position: usize) {
        let kind = std::mem::replace(&mut self.buffers.frames[position].kind, FrameKind::Else);
        if let FrameKind::If(otherwise, saved) = kind {
            self.buffers.asm.buffer.bind(otherwise);
            self.restore(&saved);
            self.spare(saved);
            self.reachable = true;
        }
    }

    pub(super) fn end(&mut self) {
        let position = self.frame_at(0);
        match self.buffers.frames[position].kind {
            FrameKind::Body => {
                if self.reachable {
                    self.flush_fuel();
                    self.move_results();
                }
                // Whatever comes to the exit has its results in place.
                self.reachable = false;
            }
            FrameKind::Loop => self.end_loop(),
            // Without an `else`, parameters are results.
            FrameKind::If(..) => {
                self.begin_else();
                self.end_label(position);
            }
            FrameKind::TryTable => {
                self.end_try_table(position);
                self.end_label(position);
            }
            FrameKind::Try | FrameKind::Catch(_) => {
                self.end_try(position);
                self.end_label(position);
            }
            FrameKind::Block | FrameKind::Else => self.end_label(position),
        }
    }

    /// Branches to a loop go to its beginning: nothing comes together here.
    fn end_loop(&mut self) {
        let Some(frame) = self.buffers.frames.pop() else { return };
        if !self.reachable {
            self.buffers.values.truncate(frame.height);
        }
        if let Some(target) = frame.target {
            self.spare(target);
        }
    }

    fn end_label(&mut self, position: usize) {
        if self.reachable && self.buffers.frames[position].target.is_some() {
            self.flush_fuel();
            self.aim(position);
            self.do_moves();
        }
        let Some(Frame { height, label, target, .. }) = self.buffers.frames.pop() else { return };
        self.buffers.asm.buffer.bind(label);
        match target {
            Some(target) => {
                self.restore(&target);
                self.spare(target);
                self.reachable = true;
            }
            None if !self.reachable => self.buffers.values.truncate(height),
            // Nobody went there: what is on the stack is the block's result.
            None => {}
        }
    }

    /// Collects the moves to a frame's label, and gives it; decides where values are there, if nobody has.
    fn aim(&mut self, position: usize) -> Label {
        let Frame { height, window, arity, label, .. } = self.buffers.frames[position];
        let decided = self.buffers.frames[position].target.take();
        let target = decided.unwrap_or_else(|| self.decide(window, height, arity, false));
        self.add_moves(&target, arity);
        self.buffers.frames[position].target = Some(target);
        label
    }

    /// Where values shall be at a label that is reached from here.
    fn decide(&mut self, window: usize, height: usize, arity: usize, is_loop: bool) -> Saved {
        let mut values = self.buffers.spare.pop().unwrap_or_default();
        let list = &self.buffers.values.list;
        let mut taken = RegSet::EMPTY;
        let mut outside = Bits::default();
        // Registers that nothing holds here may be given out anew.
        let mut free = GPRS.union(XMMS).minus(self.buffers.values.used());
        for index in self.buffers.values.outside() {
            let value = &list[index];
            let reg = match value.loc() {
                Loc::Reg(reg) if !taken.contains(reg) => Some(reg),
                Loc::Const(_) if is_loop => spare_register(value.kind(), &mut free, FREE_IN_LOOPS),
                _ => None,
            };
            if let Some(reg) = reg {
                taken = taken.union(reg.set());
                outside.set(index, true);
                values.push(value.only_at(Loc::Reg(reg)));
            }
        }
        for value in &list[window..height] {
            let loc = match value.loc() {
                Loc::Reg(reg) if !taken.contains(reg) => Loc::Reg(reg),
                Loc::Reg(_) => Loc::Slot,
                // Who goes on in better code finds it there.
                Loc::Const(_) if is_loop && self.env.settings.tier_up => Loc::Slot,
                other => other,
            };
            if let Loc::Reg(reg) = loc {
                taken = taken.union(reg.set());
            }
            values.push(value.only_at(loc));
        }
        let mut offset = self.buffers.values.bytes_below(height);
        let operands = &list[list.len() - arity..];
        for value in operands {
            offset += value.kind().slot_bytes();
            let loc = match value.loc() {
                // Several would have to be ordered among themselves.
                _ if arity > 1 => Loc::Slot,
                Loc::Reg(reg) if !taken.contains(reg) => Loc::Reg(reg),
                Loc::Slot => Loc::Slot,
                _ => spare_register(value.kind(), &mut free, 0).map_or(Loc::Slot, Loc::Reg),
            };
            values.push(Value::new(value.kind(), loc, offset));
        }
        for value in &values {
            if let Loc::Reg(reg) = value.loc() {
                self.buffers.values.touched = self.buffers.values.touched.union(reg.set());
            }
        }
        Saved { window, height: height + arity, outside, values }
    }

    fn add_moves(&mut self, target: &Saved, arity: usize) {
        let (of_locals, of_operands) = target.values.split_at(target.outside.count());
        let (below, operands) = of_operands.split_at(of_operands.len() - arity);
        let mut of_locals = of_locals.iter();
        for index in self.buffers.values.outside().union(target.outside) {
            let wanted = if target.outside.contains(index) { of_locals.next() } else { None };
            match wanted {
                Some(wanted) => self.add_move_to(wanted, index),
                None => {
                    let value = self.buffers.values.list[index];
                    self.add_move(Target::Memory(value.slot()), value);
                }
            }
        }
        for (index, wanted) in (target.window..).zip(below) {
            self.add_move_to(wanted, index);
        }
        let first = self.buffers.values.list.len() - arity;
        for (index, wanted) in (first..).zip(operands) {
            self.add_move_to(wanted, index);
        }
    }

    #[inline(always)]
    fn add_move_to(&mut self, wanted: &Value, index: usize) {
        // Most are where they shall be, in registers.
        if !wanted.is_in_register_of(&self.buffers.values.list[index]) {
            self.add_other_move_to(*wanted, index);
        }
    }

    fn add_other_move_to(&mut self, wanted: Value, index: usize) {
        let value = self.buffers.values.list[index];
        match wanted.loc() {
            Loc::Reg(reg) => self.add_move(Target::Reg(reg), value),
            Loc::Slot if value.loc() == Loc::Slot && wanted.offset() == value.offset() => {}
            Loc::Slot => self.add_move(Target::Memory(slot(wanted.offset())), value),
            Loc::Const(_) => {}
        }
    }

    // ---- Branches ----

    pub(super) fn frame_at(&self, relative_depth: u32) -> usize {
        self.buffers.frames.len() - 1 - relative_depth as usize
    }

    pub(super) fn branch(&mut self, relative_depth: u32) {
        self.flush_fuel();
        self.jump_to(self.frame_at(relative_depth));
        self.reachable = false;
    }

    /// Moves values to where a frame's label wants them, and goes there.
    pub(super) fn jump_to(&mut self, position: usize) {
        if let FrameKind::Body = self.buffers.frames[position].kind {
            self.move_results();
            self.buffers.asm.jmp(self.exit);
            return;
        }
        let label = self.aim(position);
        self.do_moves();
        self.buffers.asm.jmp(label);
    }

    pub(super) fn branch_if(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let condition = self.pop_condition();
        self.branch_on(condition, relative_depth);
    }

    /// Branches if the flags fulfil a condition.
    pub(super) fn branch_on(&mut self, condition: Condition, relative_depth: u32) {
        let position = self.frame_at(relative_depth);
        if let FrameKind::Body = self.buffers.frames[position].kind {
            let next = self.buffers.asm.buffer.new_label();
            if self.func_type.results.is_empty() {
                self.buffers.asm.jcc(condition, self.exit);
                return;
            }
            self.buffers.asm.jcc(condition.negated(), next);
            self.jump_to(position);
            self.buffers.asm.buffer.bind(next);
            return;
        }
        if self.buffers.frames[position].target.is_none() {
            self.save_constants();
        }
        let label = self.aim(position);
        if self.buffers.moves.is_empty() {
            self.buffers.asm.jcc(condition, label);
            return;
        }
        let next = self.buffers.asm.buffer.new_label();
        self.buffers.asm.jcc(condition.negated(), next);
        self.do_moves();
        self.buffers.asm.jmp(label);
        self.buffers.asm.buffer.bind(next);
    }

    /// Writes locals that are known into their slots, where a label will want them: once, and not at every branch.
    fn save_constants(&mut self) {
        for index in self.buffers.values.outside() {
            if let Loc::Const(_) = self.buffers.values.list[index].loc() {
                self.save(index);
            }
        }
    }

    pub(super) fn branch_table(&mut self, targets: &BrTable<'_>) -> Result {
        check_targets(targets.len(), Some(self.position as usize))?;
        self.flush_fuel();
        let index = self.pop_owned(RegSet::EMPTY).gpr();
        self.buffers.table_stamp += 1;
        let mut ways = std::mem::take(&mut self.buffers.ways);
        ways.clear();
        let default = self.table_way(targets.default(), &mut ways);
        if !targets.is_empty() {
            let asm = &mut self.buffers.asm;
            asm.alu_ri(Alu::Cmp, Width::W32, index, targets.len().cast_signed());
            asm.jcc(Condition::AboveEqual, default);
            let table = asm.buffer.new_label();
            asm.lea_label(SCRATCH, table);
            asm.lea(Width::W64, SCRATCH, Mem::indexed(SCRATCH, index, 2, 0));
            asm.load(Load::WordSigned, index, Mem::at(SCRATCH, 0));
            // Entries are relative to their own ends.
            asm.lea(Width::W64, index, Mem::indexed(SCRATCH, index, 0, 4));
            asm.jmp_r(index);
            asm.buffer.bind(table);
            for target in targets.targets() {
                let target = target.map_err(CompileError::from)?;
                let way = self.table_way(target, &mut ways);
                self.buffers.asm.buffer.put_displacement(way);
            }
        }
        for &(position, way) in &ways {
            self.buffers.asm.buffer.bind(way);
            self.jump_to(position);
        }
        self.buffers.ways = ways;
        self.reachable = false;
        Ok(())
    }

    /// Where a table goes for a label: there values are moved to where the label wants them.
    fn table_way(&mut self, relative_depth: u32, ways: &mut Vec<(usize, Label)>) -> Label {
        let position = self.frame_at(relative_depth);
        let stamp = self.buffers.table_stamp;
        if let (known, Some(way)) = self.buffers.frames[position].table
            && known == stamp
        {
            return way;
        }
        let way = self.buffers.asm.buffer.new_label();
        self.buffers.frames[position].table = (stamp, Some(way));
        ways.push((position, way));
        way
    }

    pub(super) fn return_(&mut self) {
        self.flush_fuel();
        self.move_results();
        self.buffers.asm.jmp(self.exit);
        self.reachable = false;
    }

    /// Moves the topmost operands to where the caller wants the results.
    fn move_results(&mut self) {
        let count = self.layout.results.len();
        let first = self.buffers.values.list.len() - count;
        let area: Option<Gpr> = self.own_area.map(|offset| {
            // No operand is needed in a register afterwards.
            self.buffers.asm.load(Load::Double, SCRATCH, slot(offset));
            SCRATCH
        });
        for position in 0..count {
            let place = self.layout.results[position];
            let value = self.buffers.values.list[first + position];
            match (place, area) {
                (Place::Int(nth), _) => self.add_move(Target::Reg(INT_RESULTS[usize::from(nth)].into()), value),
                (Place::Float(nth), _) => self.add_move(Target::Reg(Xmm(nth).into()), value),
                (Place::Area(offset), Some(area)) => self.store_in_area(area, offset, &value),
                _ => {}
            }
        }
        self.do_moves();
    }

    /// Writes a value through a pointer that is in the scratch register, which is loaded anew where it was needed.
    fn store_in_area(&mut self, area: Gpr, offset: u32, value: &Value) {
        let mem = Mem::at(area, offset.cast_signed());
        match value.loc() {
            Loc::Reg(reg) => self.store_reg(value.kind(), mem, reg),
            Loc::Const(_) if value.kind() == Kind::V128 => self.store_const(Kind::V128, mem, 0),
            Loc::Const(bits) => {
                self.buffers.asm.store_imm(Store::Word, mem, (bits as u32).cast_signed());
                let high = Mem::at(area, offset.cast_signed() + 4);
                self.buffers.asm.store_imm(Store::Word, high, ((bits >> 32) as u32).cast_signed());
            }
            Loc::Slot => {
                let kind = match value.kind() {
                    Kind::V128 => Kind::V128,
                    kind if kind.is_wide() => Kind::F64,
                    _ => Kind::F32,
                };
                let reg: Reg = crate::codegen::baseline::registers::FLOAT_SCRATCH.into();
                self.load_reg(kind, reg, value.slot());
                self.store_reg(kind, mem, reg);
            }
        }
    }

    // ---- Conditions ----

    /// Takes a condition off: the flags of the comparison before, or those of an integer that is not zero.
    pub(super) fn pop_condition(&mut self) -> Condition {
        if let Some(condition) = self.flags.take() {
            return condition;
        }
        let value = self.pop();
        self.test_zero(&value);
        Condition::NotEqual
    }

    /// A comparison has set the flags: its result is left there for the next operator, if that wants it, or pushed.
    pub(super) fn push_condition(&mut self, condition: Condition) {
        const IF: u8 = 0x04;
        const BR_IF: u8 = 0x0d;
        const SELECT: u8 = 0x1b;
        const I32_EQZ: u8 = 0x45;
        // Counting fuel changes the flags.
        if matches!(self.next, IF | BR_IF | SELECT | I32_EQZ) && !self.env.settings.fuel {
            self.flags = Some(condition);
            return;
        }
        let reg = self.alloc_gpr(RegSet::EMPTY);
        self.buffers.asm.setcc(condition, reg);
        self.buffers.asm.extend(Load::Byte, reg, reg);
        self.push_gpr(Kind::I32, reg);
    }

    /// Those that are rare, or have an unusual form.
    pub(super) fn control_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match *operator {
            Operator::Block { blockty } => self.begin_block(blockty),
            Operator::Loop { blockty } => self.begin_loop(blockty),
            Operator::If { blockty } => self.begin_if(blockty),
            Operator::BrTable { ref targets } => self.branch_table(targets)?,
            Operator::BrOnNull { relative_depth } => self.branch_on_null(relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.branch_on_non_null(relative_depth),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Keeps track of blocks in code that cannot be reached, and finds its end.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.skipped += 1,
            Operator::Else if self.skipped == 0 => self.begin_else(),
            Operator::End | Operator::Delegate { .. } if self.skipped > 0 => self.skipped -= 1,
            Operator::End => self.end(),
            _ if self.skipped == 0 => self.close_try_part(operator),
            _ => {}
        }
    }

    /// The reference is no operand of the branch, and stays where there is none.
    fn branch_on_null(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let value = self.pop();
        let reg = self.in_reg(&value, RegSet::EMPTY);
        self.buffers.asm.test_rr(Width::W32, reg.gpr(), reg.gpr());
        self.branch_on(Condition::Equal, relative_depth);
        self.push(value.kind(), Loc::Reg(reg));
    }

    /// The reference is the branch's last operand, and gone where there is no branch.
    fn branch_on_non_null(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let value = self.pop();
        let reg = self.in_reg(&value, RegSet::EMPTY);
        self.push(value.kind(), Loc::Reg(reg));
        self.buffers.asm.test_rr(Width::W32, reg.gpr(), reg.gpr());
        self.branch_on(Condition::NotEqual, relative_depth);
        self.pop();
    }
}

/// A register of the right sort, if more than so many are free.
fn spare_register(kind: Kind, free: &mut RegSet, keep: usize) -> Option<Reg> {
    let sort = if kind.is_float_or_vector() { XMMS } else { GPRS };
    let among = free.intersection(sort);
    if among.count() <= keep {
        return None;
    }
    let reg = among.first()?;
    *free = free.minus(reg.set());
    Some(reg)
}
