//! Unrolling: several iterations of a short loop, one after the other.
//!
//! *Problem.* Each iteration of a loop polls, and moves what the next one needs to where the header expects it; many loops do little more. *Idea.* The body
//! is translated several times: a branch to the label goes to the next copy, and from the last one to the header. Nothing is known of how often the loop
//! runs, so each copy leaves it where the body does; what they share is the poll, the header, and whatever Cranelift finds to be the same.
//!
//! Loops without loops and calls in them, of a few dozen bytes, in functions that are compiled because they do much: what [inlining](super::inline) asks for,
//! too. Not where fuel is counted, which every header looks at.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Block, InstBuilder, InstructionData, Opcode, Value, ValueDef};
use wasmparser::{BlockType, Operator, OperatorsReader};

use crate::base::tuning::{UNROLLED_COPIES, UNROLLED_TOTAL_BYTES};
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::Translator;

/// A loop whose body is translated several times.
#[derive(Debug)]
pub(super) struct Unrolling {
    /// Where the last copy goes on.
    header: Block,
    /// How many copies follow this one.
    copies_left: u32,
    /// Where copies go that fall through the end of the body.
    exit: Option<Block>,
}

impl Translator<'_> {
    /// Behind the operator of a loop, whose body follows: whether that is to be translated several times.
    pub(super) fn begin_unrolling(&mut self, body: &OperatorsReader<'_>) -> bool {
        let frame = self.state.frames.last_mut().expect("the loop's frame is open");
        if self.feedback.is_none() || self.env.settings.fuel || frame.ty != BlockType::Empty || frame.copy.is_some() {
            return false;
        }
        let copies = copies_of(body.clone());
        if copies < 2 || self.is_before_arrival() {
            return false;
        }
        let frame = self.state.frames.last_mut().expect("the loop's frame is open");
        let Some(header) = frame.label.take() else { return false };
        frame.unrolling = Some(Unrolling { header, copies_left: copies - 1, exit: None });
        self.state.unrolled = Some(self.frame_at(0));
        true
    }

    /// At an `end`: if it is that of a body with copies to come, begins the next one where branches to the label go. The body is to be read again.
    pub(super) fn begin_iteration(&mut self) -> bool {
        let Some(frame) = self.state.frames.last_mut() else { return false };
        let height = frame.height;
        let Some(unrolling) = frame.unrolling.as_mut().filter(|unrolling| unrolling.copies_left > 0) else { return false };
        // Without a branch to the label this was the last iteration.
        let Some(next) = frame.label.take() else { return false };
        unrolling.copies_left -= 1;
        if unrolling.copies_left == 0 {
            frame.label = Some(unrolling.header);
        }
        self.leave_iteration();
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.state.values.truncate(height);
        self.reachable = true;
        true
    }

    /// A condition to branch on in an unrolled loop: whether a difference to a constant is zero is asked of what it was subtracted from. Copies count from
    /// the first one's counter, and so most need no difference at all.
    pub(super) fn as_countdown(&mut self, condition: Value) -> Value {
        // Noted, since to look for it among the frames would take as long as blocks are nested deep, at each branch.
        let unrolled = self.state.unrolled.and_then(|position| self.state.frames[position].unrolling.as_ref());
        if unrolled.is_none_or(|unrolling| unrolling.copies_left == 0) {
            return condition;
        }
        let dfg = &self.builder.func.dfg;
        let ValueDef::Result(inst, _) = dfg.value_def(condition) else { return condition };
        let InstructionData::Binary { opcode, args: [counter, step] } = dfg.insts[inst] else { return condition };
        let Some(step) = self.constant_of(step) else { return condition };
        let end = match opcode {
            Opcode::Isub => step,
            Opcode::Iadd => step.wrapping_neg(),
            _ => return condition,
        };
        let ty = self.builder.func.dfg.value_type(counter);
        let end = if ty == I32 { i64::from(end as u32) } else { end.cast_signed() };
        let end = self.builder.ins().iconst(ty, end);
        self.builder.ins().icmp(IntCC::NotEqual, counter, end)
    }

    /// Goes to the loop's exit if the end of a copy is reached.
    fn leave_iteration(&mut self) {
        if !self.reachable {
            return;
        }
        let frame = self.state.frames.last_mut().expect("the loop's frame is open");
        if let Some(unrolling) = &mut frame.unrolling {
            let exit = *unrolling.exit.get_or_insert_with(|| self.builder.create_block());
            self.builder.ins().jump(exit, &[]);
        }
    }

    /// Behind the last copy. False if the innermost frame is no unrolled loop.
    pub(super) fn end_unrolling(&mut self) -> bool {
        let frame = self.state.frames.last().expect("a frame is open");
        let (FrameKind::Loop, Some(Unrolling { header, exit, .. }), height) = (&frame.kind, &frame.unrolling, frame.height)
        else {
            return false;
        };
        let (header, exit) = (*header, *exit);
        self.state.unrolled = None;
        self.builder.seal_block(header);
        if let Some(exit) = exit {
            self.leave_iteration();
            self.builder.seal_block(exit);
            self.builder.switch_to_block(exit);
            self.state.values.truncate(height);
            self.reachable = true;
        }
        true
    }
}

/// How many times a body is translated that begins here.
fn copies_of(mut operators: OperatorsReader<'_>) -> u32 {
    let start = operators.original_position();
    let mut depth = 0_u32;
    loop {
        let Ok(operator) = operators.read() else { return 1 };
        let bytes = operators.original_position() - start;
        if bytes > UNROLLED_TOTAL_BYTES / 2 {
            return 1;
        }
        match operator {
            Operator::Block { .. } | Operator::If { .. } => depth += 1,
            Operator::End if depth == 0 => {
                let copies = UNROLLED_TOTAL_BYTES / bytes.max(1);
                return u32::try_from(copies).unwrap_or(UNROLLED_COPIES).min(UNROLLED_COPIES);
            }
            Operator::End => depth -= 1,
            Operator::Loop { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. }
            | Operator::BrTable { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => return 1,
            _ => {}
        }
    }
}
