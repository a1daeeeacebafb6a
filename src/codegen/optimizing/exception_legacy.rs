//! Exceptions in the form before WebAssembly 3.0: `try`, `catch`, `delegate`, `rethrow`.
//!
//! The clauses follow the body, so the handler is filled as they come: each compares the tag and leaves a block for exceptions of
//! other tags, which the next clause continues. What no clause took is thrown on at the end.

use cranelift_codegen::ir::{Block, Value};
use smallvec::SmallVec;
use wasmparser::{BlockType, Operator};

use crate::base::TagIndex;
use crate::codegen::optimizing::exception::Try;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::Translator;

/// Where the clauses of a `try` are, whose body is closed.
#[derive(Copy, Clone, Debug)]
pub(super) struct Clauses {
    /// The exception that is being handled; nothing if the body throws none.
    pub exception: Option<Value>,
    /// Where exceptions are that no clause took so far.
    pub rest: Option<Block>,
}

impl Translator<'_> {
    pub(super) fn legacy_exception_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Try { blockty } => self.begin_try(blockty),
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

    fn begin_try(&mut self, ty: BlockType) {
        self.begin_block(FrameKind::Try, ty, true);
        self.state.tries.push(Try { frame: self.frame_at(0), handler: None, catches: SmallVec::new() });
    }

    fn begin_catch(&mut self, tag: Option<TagIndex>) {
        let position = self.frame_at(0);
        let clauses = match self.state.frames[position].kind {
            FrameKind::Try => {
                self.leave_to_label(position);
                self.begin_clauses()
            }
            FrameKind::Catch(clauses) => {
                self.leave_to_label(position);
                if let Some(rest) = clauses.rest {
                    self.builder.switch_to_block(rest);
                }
                clauses
            }
            // Nothing in here is reached.
            _ => return,
        };
        let height = self.state.frames[position].height;
        self.state.values.truncate(height);
        let mut rest = None;
        if let (Some(exception), Some(_)) = (clauses.exception, clauses.rest) {
            self.reachable = true;
            self.reload_operands(position);
            if let Some(variable) = self.exception_variable(position) {
                self.builder.def_var(variable, exception);
            }
            rest = tag.map(|tag| self.begin_clause(exception, tag));
        }
        self.state.frames[position].kind = FrameKind::Catch(Clauses { rest, ..clauses });
    }

    /// Ends the body of the innermost `try`, and continues in its handler, if it has one.
    fn begin_clauses(&mut self) -> Clauses {
        let handler = self.state.tries.pop().and_then(|open| open.handler);
        let exception = handler.map(|handler| self.begin_handler(handler));
        Clauses { exception, rest: handler }
    }

    /// Throws on what a `try` has not caught. Its frame is the innermost one.
    pub(super) fn end_try(&mut self, position: usize) {
        self.leave_to_label(position);
        let clauses = match self.state.frames[position].kind {
            FrameKind::Try => self.begin_clauses(),
            FrameKind::Catch(clauses) => {
                if let Some(rest) = clauses.rest {
                    self.builder.switch_to_block(rest);
                }
                clauses
            }
            _ => return,
        };
        if let (Some(exception), Some(_)) = (clauses.exception, clauses.rest) {
            self.throw(exception);
        }
    }

    /// The end of a `try` whose exceptions go to the handler that is in force at an outer label.
    fn delegate(&mut self, relative_depth: u32) {
        let position = self.frame_at(0);
        if let FrameKind::Try = self.state.frames[position].kind {
            self.leave_to_label(position);
            if let Clauses { exception: Some(exception), .. } = self.begin_clauses() {
                // Labels count from outside of the `try`, and a `try` at the label is one whose handlers count.
                let outside = self.frame_at(relative_depth + 1);
                self.throw_below(exception, outside + 1);
            }
            self.state.frames[position].kind = FrameKind::Block;
        }
        self.end();
    }

    fn rethrow(&mut self, relative_depth: u32) {
        let position = self.frame_at(relative_depth);
        if let FrameKind::Catch(Clauses { exception: Some(exception), .. }) = self.state.frames[position].kind {
            self.flush_fuel();
            let variable = self.exception_variable(position);
            let exception = variable.map_or(exception, |variable| self.builder.use_var(variable));
            self.throw(exception);
        }
    }
}
