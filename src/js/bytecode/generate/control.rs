//! What control passes on its way out: targets of `break` and `continue`, handlers, `finally`, iterators to close.
//!
//! A way out walks from the innermost control to its target. On its way it emits what is to be done (closing an iterator) outside the
//! ranges of the handlers it passes, or hands itself over to a `finally`: its number goes to `kind`, its value to `value`, and behind
//! the `finally` a jump table continues it.

use super::{Generator, Label, Register};
use crate::js::bytecode::code::Handler;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Disposal, FunctionKind, StringId};

pub(super) struct Control {
    kind: ControlKind,
    env_depth: u32,
}

enum ControlKind {
    Target { labels: Vec<StringId>, plain: bool, to_break: Option<Label>, to_continue: Option<Label> },
    Region { start: u32, ranges: Vec<(u32, u32)>, cleanup: Cleanup },
}

/// What is done when control leaves a region.
pub(super) enum Cleanup {
    /// Nothing.
    None,
    /// A sync iterator is closed.
    Iterator(Register),
    /// An async iterator is closed.
    AsyncIterator(Register),
    /// `finally` runs.
    Finally { kind: Register, value: Register, env: Register, label: Label, exits: Vec<Exit> },
}

/// A way out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// To the end of that control.
    Break(usize),
    /// To its next round.
    Continue(usize),
    /// Out of the function.
    Return,
}

impl Generator<'_> {
    pub(super) fn open_target(&mut self, labels: &[StringId], plain: bool, to_break: Option<Label>, to_continue: Option<Label>) {
        let kind = ControlKind::Target { labels: labels.to_vec(), plain, to_break, to_continue };
        self.controls.push(Control { kind, env_depth: self.env_depth });
    }

    pub(super) fn close_target(&mut self) {
        self.controls.pop();
    }

    pub(super) fn open_region(&mut self, cleanup: Cleanup) {
        let kind = ControlKind::Region { start: self.here(), ranges: Vec::new(), cleanup };
        self.controls.push(Control { kind, env_depth: self.env_depth });
    }

    /// Ends the innermost region: what its handler covers, and what it was for.
    pub(super) fn close_region(&mut self) -> (Vec<(u32, u32)>, Cleanup) {
        let here = self.here();
        match self.controls.pop().map(|control| control.kind) {
            Some(ControlKind::Region { start, mut ranges, cleanup }) => {
                if start < here {
                    ranges.push((start, here));
                }
                (ranges, cleanup)
            }
            _ => (Vec::new(), Cleanup::None),
        }
    }

    pub(super) fn handle(&mut self, ranges: &[(u32, u32)], exception: Register) {
        let target = self.here();
        self.handlers.extend(ranges.iter().map(|&(start, end)| Handler { start, end, target, exception }));
    }

    pub(super) fn break_to(&mut self, label: Option<StringId>) {
        let found = self.controls.iter().rposition(|control| match &control.kind {
            ControlKind::Target { labels, plain, to_break: Some(_), .. } => match label {
                Some(label) => labels.contains(&label),
                None => *plain,
            },
            _ => false,
        });
        if let Some(index) = found {
            self.exit(Exit::Break(index), None);
        }
    }

    pub(super) fn continue_to(&mut self, label: Option<StringId>) {
        let found = self.controls.iter().rposition(|control| match &control.kind {
            ControlKind::Target { labels, to_continue: Some(_), .. } => label.is_none_or(|label| labels.contains(&label)),
            _ => false,
        });
        if let Some(index) = found {
            self.exit(Exit::Continue(index), None);
        }
    }

    /// Leaves with a return value.
    pub(super) fn exit_return(&mut self, value: Register) {
        self.exit(Exit::Return, Some(value));
    }

    fn exit(&mut self, exit: Exit, value: Option<Register>) {
        let floor = match exit {
            Exit::Break(index) | Exit::Continue(index) => index + 1,
            Exit::Return => 0,
        };
        let mut suspended = Vec::new();
        let mut handed_over = false;
        for index in (floor..self.controls.len()).rev() {
            let here = self.here();
            let ControlKind::Region { start, ranges, cleanup } = &mut self.controls[index].kind else { continue };
            if *start < here {
                ranges.push((*start, here));
            }
            *start = u32::MAX;
            suspended.push(index);
            match cleanup {
                Cleanup::None => {}
                Cleanup::Iterator(base) => {
                    let base = *base;
                    self.emit(Op::IteratorClose, base, 0, 0);
                }
                Cleanup::AsyncIterator(base) => {
                    let base = *base;
                    self.close_async_iterator(base);
                }
                Cleanup::Finally { kind, value: to, env, label, exits } => {
                    let (kind, to, env, label) = (*kind, *to, *env, *label);
                    let number = exits.iter().position(|known| *known == exit).unwrap_or_else(|| {
                        exits.push(exit);
                        exits.len() - 1
                    });
                    if let Some(value) = value {
                        self.move_to(to, value);
                    }
                    self.load_int(kind, number as i32 + 2);
                    self.emit(Op::RestoreEnv, env, 0, 0);
                    self.jump(label);
                    handed_over = true;
                    break;
                }
            }
        }
        if !handed_over {
            self.arrive(exit, value);
        }
        let here = self.here();
        for index in suspended {
            if let ControlKind::Region { start, .. } = &mut self.controls[index].kind {
                *start = here;
            }
        }
    }

    fn arrive(&mut self, exit: Exit, value: Option<Register>) {
        let index = match exit {
            Exit::Break(index) | Exit::Continue(index) => index,
            Exit::Return => return self.return_value(value),
        };
        let control = &self.controls[index];
        let pops = self.env_depth - control.env_depth;
        let ControlKind::Target { to_break, to_continue, .. } = &control.kind else { return };
        let label = if matches!(exit, Exit::Break(_)) { *to_break } else { *to_continue };
        if pops > 0 {
            let pops = self.operand(pops);
            self.emit(Op::PopEnv, pops, 0, 0);
        }
        if let Some(label) = label {
            self.jump(label);
        }
    }

    pub(super) fn return_value(&mut self, value: Option<Register>) {
        if self.info.kind == FunctionKind::DerivedConstructor {
            let mark = self.mark();
            let value = value.unwrap_or_else(|| {
                let none = self.temp();
                self.emit(Op::LoadUndefined, none, 0, 0);
                none
            });
            let this = match self.info.this_variable {
                Some(variable) => self.load_variable(self.info.scope, variable, None),
                None => 1,
            };
            self.emit(Op::ReturnDerived, value, this, 0);
            return self.release(mark);
        }
        match value {
            Some(value) => self.emit(Op::Return, value, 0, 0),
            None => self.emit(Op::ReturnUndefined, 0, 0, 0),
        }
    }

    /// Ends the region of a sync iterator: it is closed unless it is done.
    pub(super) fn close_iterator_region(&mut self, base: Register) {
        let (ranges, _) = self.close_region();
        self.emit(Op::IteratorClose, base, 0, 0);
        if ranges.is_empty() {
            return;
        }
        let over = self.label();
        self.jump(over);
        self.iterator_handler(&ranges, base);
        self.bind(over);
    }

    /// Closes the iterator after an exception and throws on.
    pub(super) fn iterator_handler(&mut self, ranges: &[(u32, u32)], base: Register) {
        if ranges.is_empty() {
            return;
        }
        let exception = self.temp();
        self.handle(ranges, exception);
        self.emit(Op::IteratorCloseThrow, base, 0, 0);
        self.emit(Op::Throw, exception, 0, 0);
        self.next -= 1;
    }

    /// AsyncIteratorClose with a completion that is no throw.
    pub(super) fn close_async_iterator(&mut self, base: Register) {
        let mark = self.mark();
        let callee = self.temps(2);
        let over = self.label();
        self.emit(Op::IteratorMethod, callee, base, 0);
        self.jump_if(Op::JumpIfUndefined, callee, over);
        self.move_to(callee + 1, base);
        self.emit(Op::Call, callee, callee, 0);
        self.emit(Op::Await, callee, callee, 0);
        self.emit(Op::CheckObject, callee, 0, 0);
        self.bind(over);
        self.release(mark);
    }

    /// AsyncIteratorClose with a throw completion; then throws on.
    pub(super) fn async_iterator_handler(&mut self, ranges: &[(u32, u32)], base: Register) {
        if ranges.is_empty() {
            return;
        }
        let mark = self.mark();
        let exception = self.temp();
        self.handle(ranges, exception);
        let callee = self.temps(2);
        let over = self.label();
        let start = self.here();
        self.emit(Op::IteratorMethod, callee, base, 0);
        self.jump_if(Op::JumpIfUndefined, callee, over);
        self.move_to(callee + 1, base);
        self.emit(Op::Call, callee, callee, 0);
        self.emit(Op::Await, callee, callee, 0);
        let end = self.here();
        self.handle(&[(start, end)], callee);
        self.bind(over);
        self.emit(Op::Throw, exception, 0, 0);
        self.release(mark);
    }

    /// `body`, then `finalizer` however control leaves it. The finalizer gets the registers of the kind (1: an exception) and the value.
    pub(super) fn finally(&mut self, body: &mut dyn FnMut(&mut Self), finalizer: &mut dyn FnMut(&mut Self, Register, Register)) {
        let mark = self.mark();
        let (kind, value, env) = (self.temp(), self.temp(), self.temp());
        let label = self.label();
        self.emit(Op::SaveEnv, env, 0, 0);
        self.open_region(Cleanup::Finally { kind, value, env, label, exits: Vec::new() });
        body(self);
        let (ranges, cleanup) = self.close_region();
        self.load_int(kind, 0);
        self.jump(label);
        self.handle(&ranges, value);
        self.emit(Op::RestoreEnv, env, 0, 0);
        self.load_int(kind, 1);
        self.bind(label);
        finalizer(self, kind, value);
        let exits = match cleanup {
            Cleanup::Finally { exits, .. } => exits,
            _ => Vec::new(),
        };
        let (end, throw) = (self.label(), self.label());
        let labels: Vec<Label> = exits.iter().map(|_| self.label()).collect();
        let count = self.operand(exits.len() as u32 + 2);
        self.emit(Op::JumpTable, kind, count, 0);
        self.jump(end);
        self.jump(throw);
        labels.iter().for_each(|&label| self.jump(label));
        self.bind(throw);
        self.emit(Op::Throw, value, 0, 0);
        for (exit, label) in exits.into_iter().zip(labels) {
            self.bind(label);
            self.exit(exit, (exit == Exit::Return).then_some(value));
        }
        self.bind(end);
        self.release(mark);
    }

    /// The statements of a scope with `using` declarations.
    pub(super) fn disposing(&mut self, disposal: Disposal, body: &mut dyn FnMut(&mut Self)) {
        if disposal == Disposal::None {
            return body(self);
        }
        let mark = self.mark();
        let list = self.temp();
        self.emit(Op::DisposeNew, list, 0, 0);
        self.resources.push(list);
        self.finally(body, &mut |this, kind, value| this.dispose(list, kind, value));
        self.resources.pop();
        self.release(mark);
    }

    /// DisposeResources.
    fn dispose(&mut self, list: Register, kind: Register, value: Register) {
        let mark = self.mark();
        let has_error = self.temp();
        let step = self.temps(2);
        let exception = self.temp();
        let (again, done, wait, end) = (self.label(), self.label(), self.label(), self.label());
        self.load_int(has_error, 1);
        self.emit(Op::StrictEqual, has_error, kind, has_error);
        self.bind(again);
        let start = self.here();
        self.emit(Op::DisposeNext, step, list, 0);
        self.emit(Op::JumpTable, step, 3, 0);
        self.jump(done);
        self.jump(wait);
        self.jump(again);
        self.bind(wait);
        self.emit(Op::Await, step + 1, step + 1, 0);
        self.jump(again);
        let covered = (start, self.here());
        self.handle(&[covered], exception);
        self.emit(Op::Suppress, has_error, value, exception);
        self.jump(again);
        self.bind(done);
        self.jump_if(Op::JumpIfFalse, has_error, end);
        self.load_int(kind, 1);
        self.bind(end);
        self.release(mark);
    }
}
