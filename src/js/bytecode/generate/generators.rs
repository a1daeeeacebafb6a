//! `yield` and `yield*`.

use super::{Generator, Label, Register};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::Expression;

impl Generator<'_> {
    fn is_async_generator(&self) -> bool {
        self.info.is_async && self.info.is_generator
    }

    pub(super) fn yield_value(&mut self, argument: Option<&Expression>, position: u32, to: Register) {
        let received = self.temps(2);
        let value = self.temp();
        match argument {
            Some(argument) => {
                self.expression(argument, Some(value));
            }
            None => self.emit(Op::LoadUndefined, value, 0, 0),
        }
        self.at(position);
        if self.is_async_generator() {
            self.emit(Op::Await, value, value, 0);
        }
        self.emit(Op::Yield, received, value, 0);
        let next = self.label();
        self.jump_if(Op::JumpIfFalse, received + 1, next);
        if self.is_async_generator() {
            self.emit(Op::Await, received, received, 0);
        }
        self.exit_return(received);
        self.bind(next);
        self.move_to(to, received);
    }

    /// The inner iterator's method in `callee` is called with what was received; `callee` becomes its result.
    fn delegate_call(&mut self, callee: Register, base: Register, received: Register, done: Label) {
        let mark = self.mark();
        self.move_to(callee + 1, base);
        self.move_to(callee + 2, received);
        self.emit(Op::Call, callee, callee, 1);
        if self.is_async_generator() {
            self.emit(Op::Await, callee, callee, 0);
        }
        self.emit(Op::ResultDone, callee + 1, callee, 0);
        self.jump_if(Op::JumpIfTrue, callee + 1, done);
        self.release(mark);
    }

    pub(super) fn yield_delegate(&mut self, argument: &Expression, position: u32, to: Register) {
        let is_async = self.is_async_generator();
        let base = self.temps(3);
        let received = self.temps(2);
        let callee = self.temps(3);
        self.expression(argument, Some(base));
        self.at(position);
        self.emit(if is_async { Op::GetAsyncIterator } else { Op::GetIterator }, base, base, 0);
        self.emit(Op::LoadUndefined, received, 0, 0);
        self.load_int(received + 1, 0);
        let (again, next, returned, thrown) = (self.label(), self.label(), self.label(), self.label());
        let (give, done, return_done) = (self.label(), self.label(), self.label());
        self.bind(again);
        self.emit(Op::LoopHint, 0, 0, 0);
        self.emit(Op::JumpTable, received + 1, 3, 0);
        self.jump(next);
        self.jump(returned);
        self.jump(thrown);
        self.bind(next);
        self.move_to(callee, base + 1);
        self.delegate_call(callee, base, received, done);
        self.bind(give);
        self.delegate_yield(received, callee, is_async);
        self.jump(again);
        // A throw: the inner iterator's own method, or it is closed and this is a TypeError.
        self.bind(thrown);
        let missing = self.label();
        self.emit(Op::IteratorMethod, callee, base, 1);
        self.jump_if(Op::JumpIfUndefined, callee, missing);
        self.delegate_call(callee, base, received, done);
        self.jump(give);
        self.bind(missing);
        if is_async {
            self.close_async_iterator(base);
        } else {
            self.emit(Op::IteratorClose, base, 0, 0);
        }
        self.throw_error(2, position);
        // A return.
        self.bind(returned);
        let no_return = self.label();
        self.emit(Op::IteratorMethod, callee, base, 0);
        self.jump_if(Op::JumpIfUndefined, callee, no_return);
        self.delegate_call(callee, base, received, return_done);
        self.jump(give);
        self.bind(return_done);
        self.emit(Op::ResultValue, callee, callee, 0);
        self.exit_return(callee);
        self.bind(no_return);
        if is_async {
            self.emit(Op::Await, received, received, 0);
        }
        self.exit_return(received);
        self.bind(done);
        self.emit(Op::ResultValue, to, callee, 0);
    }

    /// Yields the inner result; of an async generator a received return is awaited first, and is a throw if that rejects.
    fn delegate_yield(&mut self, received: Register, callee: Register, is_async: bool) {
        if !is_async {
            return self.emit(Op::YieldDelegate, received, callee, 0);
        }
        self.emit(Op::ResultValue, callee, callee, 0);
        self.emit(Op::YieldDelegate, received, callee, 0);
        let (over, is_return) = (self.label(), self.label());
        self.load_int(callee, 1);
        self.emit(Op::StrictEqual, callee, callee, received + 1);
        self.jump_if(Op::JumpIfTrue, callee, is_return);
        self.jump(over);
        self.bind(is_return);
        let start = self.here();
        self.emit(Op::Await, received, received, 0);
        let end = self.here();
        self.jump(over);
        self.handler(start, end, received);
        self.load_int(received + 1, 2);
        self.bind(over);
    }
}
