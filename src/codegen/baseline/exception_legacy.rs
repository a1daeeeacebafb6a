//! Exceptions in the form before WebAssembly 3.0: `try`, `catch`, `delegate`, `rethrow`.
//!
//! The clauses follow the body, so the handler is emitted as they come: each compares the tag and leaves a label for exceptions of
//! other tags, which the next clause binds. What no clause took is thrown on at the end. While a clause is open, its exception is an
//! operand below those of the program.

use wasmparser::Operator;

use crate::asm::buffer::Label;
use crate::base::TagIndex;
use crate::codegen::baseline::control::FrameKind;
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::RegSet;
use crate::codegen::baseline::state::{Kind, Loc};

/// Where the clauses of a `try` are, whose body is closed.
#[derive(Copy, Clone, Debug)]
pub(super) struct Clauses {
    /// Whether the body throws anything: else no clause is reached.
    is_reached: bool,
    /// Where exceptions are that no clause took so far.
    rest: Option<Label>,
}

impl Function<'_> {
    pub(super) fn legacy_exception_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Try { blockty } => self.open_try(blockty, FrameKind::Try),
            Operator::Catch { .. } | Operator::CatchAll | Operator::Delegate { .. } => self.close_try_part(operator),
            Operator::Rethrow { relative_depth } => self.rethrow(relative_depth),
            _ => return false,
        }
        true
    }

    /// What ends the body of a `try` or a clause, whether its end is reached or not.
    pub(super) fn close_try_part(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::Catch { tag_index } => self.begin_catch(Some(TagIndex::from_u32(tag_index))),
            Operator::CatchAll => self.begin_catch(None),
            Operator::Delegate { relative_depth } => self.delegate(relative_depth),
            _ => {}
        }
    }

    fn begin_catch(&mut self, tag: Option<TagIndex>) {
        let position = self.frame_at(0);
        self.leave_to_label(position);
        let (is_reached, exception) = self.enter_rest(position);
        let rest = match (exception, tag) {
            (Some(exception), Some(tag)) => Some(self.begin_clause(exception, tag)),
            (Some(_), None) => None,
            (None, _) => {
                let height = self.buffers.frames[position].height;
                self.buffers.values.truncate(height);
                None
            }
        };
        self.buffers.frames[position].kind = FrameKind::Catch(Clauses { is_reached, rest });
    }

    /// Goes on where exceptions are that no clause of the `try` took so far: gives whether there are any in the first place, and the
    /// operand that they are.
    fn enter_rest(&mut self, position: usize) -> (bool, Option<usize>) {
        match self.buffers.frames[position].kind {
            FrameKind::Try => {
                let (handler, _) = self.close_try();
                let exception = handler.map(|handler| self.begin_handler(handler, position));
                (handler.is_some(), exception)
            }
            FrameKind::Catch(Clauses { is_reached, rest }) => {
                let exception = rest.map(|rest| {
                    self.buffers.asm.buffer.bind(rest);
                    self.enter_handler(position)
                });
                (is_reached, exception)
            }
            _ => (false, None),
        }
    }

    /// Throws on what a `try` has not caught. Its frame is the innermost one.
    pub(super) fn end_try(&mut self, position: usize) {
        // In a clause what is on the stack is above its exception.
        self.leave_to_label(position);
        if let (_, Some(exception)) = self.enter_rest(position) {
            self.throw_below(exception, usize::MAX);
        }
    }

    /// The end of a `try` whose exceptions go to the handler that is in force at an outer label.
    fn delegate(&mut self, relative_depth: u32) {
        let position = self.frame_at(0);
        if let FrameKind::Try = self.buffers.frames[position].kind {
            self.leave_to_label(position);
            if let (_, Some(exception)) = self.enter_rest(position) {
                // Labels count from outside of the `try`, and a `try` at the label is one whose handlers count.
                let outside = self.frame_at(relative_depth + 1);
                self.throw_below(exception, outside + 1);
            }
            self.buffers.frames[position].kind = FrameKind::Block;
        }
        self.end();
    }

    fn rethrow(&mut self, relative_depth: u32) {
        let position = self.frame_at(relative_depth);
        if let FrameKind::Catch(Clauses { is_reached: true, .. }) = self.buffers.frames[position].kind {
            self.flush_fuel();
            let exception = self.buffers.values.list[self.buffers.frames[position].height];
            let reg = self.in_reg(&exception, RegSet::EMPTY);
            self.push(Kind::Ref, Loc::Reg(reg));
            self.throw();
        }
    }
}
