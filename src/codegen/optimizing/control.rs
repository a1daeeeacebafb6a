//! Structured control: blocks, branches, `select`'s big sisters.
//!
//! A `loop` ends where it stands, since no branch leaves it by its label. A `block` continues in place unless a branch named
//! it. An `if` first sends its false edge to its label and takes the edge back when an `else` turns up.

use cranelift_codegen::ir::{BlockCall, InstBuilder, JumpTableData};
use wasmparser::{BlockType, BrTable, Operator};

use crate::abi::trap::TrapCode;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::codegen::optimizing::regions::trap_code;
use crate::wasm::error::CompileError;
use crate::wasm::validate::{Features, check_targets};

impl Translator<'_> {
    pub(super) fn control_operator(&mut self, operator: &Operator<'_>, position: u64) -> Result<bool> {
        match *operator {
            Operator::Nop => {}
            Operator::Unreachable => self.trap(TrapCode::Unreachable),
            Operator::Block { blockty } => self.begin_block(FrameKind::Block, blockty, true),
            Operator::Loop { blockty } => self.begin_loop(blockty, position),
            Operator::If { blockty } => self.begin_if(blockty, self.hint_at(position)),
            Operator::Else => self.begin_else(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.branch(relative_depth),
            Operator::BrIf { relative_depth } => self.branch_if(relative_depth, self.hint_at(position)),
            Operator::BrTable { ref targets } => self.branch_table(targets, position)?,
            Operator::Return => self.return_(),
            Operator::BrOnNull { relative_depth } => self.branch_on_null(relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.branch_on_non_null(relative_depth),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Keeps track of blocks in code that cannot be reached, and finds its end.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::Block { blockty }
            | Operator::Loop { blockty }
            | Operator::If { blockty }
            | Operator::Try { blockty }
            | Operator::TryTable { try_table: wasmparser::TryTable { ty: blockty, .. } } => {
                self.begin_block(FrameKind::Block, blockty, false);
            }
            Operator::Else => self.begin_else(),
            Operator::End => self.end(),
            _ => self.close_try_part(operator),
        }
    }

    /// A trap that ends reachable code.
    pub(super) fn trap(&mut self, code: TrapCode) {
        self.flush_fuel();
        self.builder.ins().trap(trap_code(code));
        self.reachable = false;
    }

    pub(super) fn begin_block(&mut self, kind: FrameKind, ty: BlockType, live: bool) {
        if let BlockType::FuncType(_) = ty
            && (self.param_count(ty) > 0 || self.result_count(ty) > 1)
        {
            self.state.detected |= Features::MULTI_VALUE;
        }
        self.push_frame(kind, ty, live);
    }

    fn begin_loop(&mut self, ty: BlockType, wasm_offset: u64) {
        self.flush_fuel();
        self.begin_block(FrameKind::Loop, ty, true);
        let position = self.frame_at(0);
        let label = self.aim(position);
        let header = self.begin_other_copy(position, wasm_offset).unwrap_or(label);
        self.builder.ins().jump(header, &[]);
        if header != label {
            self.builder.seal_block(header);
        }
        let arrives = self.is_arrival(wasm_offset);
        if arrives {
            self.arrive(header);
        }
        // Sealed at the loop's end, when all branches to it are known.
        self.builder.switch_to_block(header);
        self.state.values.truncate(self.state.frames[position].height);
        if arrives {
            self.reload_operands(position);
        }
        self.push_label_operands(position);
        self.enter_loop();
    }

    /// Whether the condition of the branch at a position mostly holds, as far as the module says.
    fn hint_at(&self, position: u64) -> Option<bool> {
        let (hints, start) = self.inside.hints;
        let found = hints.binary_search_by_key(&(position - start), |hint| u64::from(hint.body_offset)).ok()?;
        Some(hints[found].taken)
    }

    fn begin_if(&mut self, ty: BlockType, likely: Option<bool>) {
        self.flush_fuel();
        let condition = self.pop_condition();
        let params = self.param_count(ty);
        let start = self.canonical_top(params);
        // Only where the results are of the parameters' types may the `else` be missing: the false edge takes the parameters
        // along as results.
        let passes = params > 0 && self.params_are_results(ty);
        // A second copy of the parameters stays below for the `else`.
        self.state.values.extend_from_within(start..);
        self.begin_block(FrameKind::Block, ty, true);
        let position = self.frame_at(0);
        let label = if passes { self.define_operands(position) } else { self.label(position) };
        let then = self.builder.create_block();
        let branch = self.builder.ins().brif(condition, then, &[], label, &[]);
        self.state.frames[position].kind = FrameKind::If(branch);
        self.state.frames[position].else_is_cold = likely == Some(true);
        if likely == Some(false) {
            self.builder.set_cold_block(then);
        }
        self.builder.seal_block(then);
        self.builder.switch_to_block(then);
    }

    fn begin_else(&mut self) {
        let position = self.frame_at(0);
        let FrameKind::If(branch) = self.state.frames[position].kind else { return };
        let ty = self.state.frames[position].ty;
        let label = self.label(position);
        if self.reachable {
            self.flush_fuel();
            self.aim(position);
            self.builder.ins().jump(label, &[]);
        }
        let alternative = self.builder.create_block();
        self.builder.change_jump_destination(branch, label, alternative);
        if self.state.frames[position].else_is_cold {
            self.builder.set_cold_block(alternative);
        }
        self.builder.seal_block(alternative);
        self.builder.switch_to_block(alternative);
        let frame = &mut self.state.frames[position];
        frame.kind = FrameKind::Else;
        let height = frame.height;
        self.state.values.truncate(height);
        self.reload_operands(position);
        let params = self.param_count(ty);
        self.state.values.extend_from_within(height - params..);
        self.reachable = true;
    }

    pub(super) fn end(&mut self) {
        let position = self.frame_at(0);
        let is_unrolled = self.end_unrolling();
        let frame = &self.state.frames[position];
        match (&frame.kind, frame.live) {
            (_, false) => {}
            (FrameKind::Loop, true) if is_unrolled => {}
            (FrameKind::Loop, true) => {
                if let Some(label) = frame.label {
                    self.builder.seal_block(label);
                    self.note_landing(position);
                }
            }
            (FrameKind::TryTable, true) => {
                self.end_try_table(position);
                self.end_label(position);
            }
            (FrameKind::Try | FrameKind::Catch(_), true) => {
                self.end_try(position);
                self.end_label(position);
            }
            (_, true) => self.end_label(position),
        }
        let frame = self.pop_frame();
        self.leave_frame(position);
        if let FrameKind::Body = frame.kind {
            if self.reachable {
                self.return_();
            }
            return;
        }
        if !frame.live {
            return;
        }
        let below = if matches!(frame.kind, FrameKind::If(_) | FrameKind::Else) { self.param_count(frame.ty) } else { 0 };
        if !self.reachable {
            self.state.values.truncate(frame.height - below);
        } else if below > 0 {
            // The copy of the parameters goes.
            self.state.values.drain(frame.height - below..frame.height);
        }
    }

    /// Continues at the label of the innermost frame, if anything goes there.
    fn end_label(&mut self, position: usize) {
        let frame = &self.state.frames[position];
        let used = frame.used || matches!(frame.kind, FrameKind::If(_));
        let (Some(label), true) = (frame.label, used) else { return };
        let height = frame.height;
        if self.reachable {
            self.flush_fuel();
            self.aim(position);
            self.builder.ins().jump(label, &[]);
        }
        self.builder.seal_block(label);
        self.builder.switch_to_block(label);
        self.state.values.truncate(height);
        self.reload_operands(position);
        self.reachable = true;
        self.push_label_operands(position);
    }

    fn branch(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let label = self.aim(self.frame_at(relative_depth));
        self.builder.ins().jump(label, &[]);
        self.reachable = false;
    }

    fn branch_if(&mut self, relative_depth: u32, likely: Option<bool>) {
        self.flush_fuel();
        let condition = self.pop_condition();
        let label = self.aim(self.frame_at(relative_depth));
        let next = self.builder.create_block();
        if likely == Some(false) {
            // The label may be where others mostly go: only the way there is cold.
            let way = self.builder.create_block();
            self.builder.set_cold_block(way);
            self.builder.ins().brif(condition, way, &[], next, &[]);
            self.builder.seal_block(way);
            self.builder.switch_to_block(way);
            self.builder.ins().jump(label, &[]);
        } else {
            self.builder.ins().brif(condition, label, &[], next, &[]);
        }
        if likely == Some(true) {
            self.builder.set_cold_block(next);
        }
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// The reference is no operand of the branch, and stays where there is none.
    fn branch_on_null(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let reference = self.pop();
        let label = self.aim(self.frame_at(relative_depth));
        let next = self.builder.create_block();
        self.builder.ins().brif(reference, next, &[], label, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.push(reference);
    }

    /// The reference is the branch's last operand, and gone where there is no branch.
    fn branch_on_non_null(&mut self, relative_depth: u32) {
        self.flush_fuel();
        let reference = self.pop();
        self.push(reference);
        let label = self.aim(self.frame_at(relative_depth));
        let next = self.builder.create_block();
        self.builder.ins().brif(reference, label, &[], next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.pop_raw();
    }

    fn branch_table(&mut self, targets: &BrTable<'_>, position: u64) -> Result {
        check_targets(targets.len(), usize::try_from(position).ok())?;
        self.flush_fuel();
        let index = self.pop();
        self.state.table_stamp += 1;
        let mut blocks = Vec::with_capacity(targets.len() as usize);
        for target in targets.targets() {
            let target = target.map_err(CompileError::from)?;
            let call = self.table_target(target);
            blocks.push(call);
        }
        let default = self.table_target(targets.default());
        let table = self.builder.create_jump_table(JumpTableData::new(default, &blocks));
        self.builder.ins().br_table(index, table);
        self.reachable = false;
        Ok(())
    }

    /// Each distinct label gets its operands once, however often a table names it.
    fn table_target(&mut self, relative_depth: u32) -> BlockCall {
        let position = self.frame_at(relative_depth);
        let stamp = self.state.table_stamp;
        let label = if self.state.frames[position].table_stamp == stamp {
            self.label(position)
        } else {
            self.state.frames[position].table_stamp = stamp;
            self.aim(position)
        };
        self.builder.func.dfg.block_call(label, &[])
    }

    /// Returns what is on top of the stack.
    fn return_(&mut self) {
        if self.is_inside() {
            let body = self.state.frames.len() - 1 - self.inside.frame;
            return self.branch(u32::try_from(body).unwrap_or(u32::MAX));
        }
        self.flush_fuel();
        let count = self.func_type.results.len();
        let start = self.canonical_top(count);
        match self.area {
            None => {
                self.builder.ins().return_(&self.state.values[start..]);
            }
            Some(area) => {
                for position in 0..count {
                    let value = self.state.values[start + position];
                    self.builder.ins().store(self.flags.area, value, area, offset32(16 * position));
                }
                self.builder.ins().return_(&[]);
            }
        }
        self.reachable = false;
    }
}
