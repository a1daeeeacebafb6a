//! Loops: the test is at the bottom, a copy of the Environment per round only where closures may have captured it.

use super::control::Cleanup;
use super::{Generator, Label, Register};
use crate::js::bytecode::code::Handler;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{
    DeclarationKind, Expression, For, ForEach, ForEachHead, ForEachKind, ForInit, Statement, StringId, Target,
};

impl Generator<'_> {
    pub(super) fn while_loop(&mut self, test: &Expression, body: &Statement, labels: &[StringId]) {
        self.complete_undefined();
        let (start, next, end) = (self.label(), self.label(), self.label());
        self.jump(next);
        self.bind(start);
        self.open_target(labels, true, Some(end), Some(next));
        self.statement(body);
        self.close_target();
        self.bind(next);
        self.emit(Op::LoopHint, 0, 0, 0);
        self.condition(test, start, true);
        self.bind(end);
    }

    pub(super) fn do_while(&mut self, body: &Statement, test: &Expression, labels: &[StringId]) {
        self.complete_undefined();
        let (start, next, end) = (self.label(), self.label(), self.label());
        self.bind(start);
        self.open_target(labels, true, Some(end), Some(next));
        self.statement(body);
        self.close_target();
        self.bind(next);
        self.emit(Op::LoopHint, 0, 0, 0);
        self.condition(test, start, true);
        self.bind(end);
    }

    pub(super) fn for_loop(&mut self, statement: &For, labels: &[StringId]) {
        let entered = self.enter(statement.scope);
        let disposal = statement.scope.map(|scope| self.script.scope(scope).disposal).unwrap_or_default();
        self.disposing(disposal, &mut |this| this.for_parts(statement, labels));
        self.leave(entered);
    }

    fn for_parts(&mut self, statement: &For, labels: &[StringId]) {
        let mut copies = false;
        match &statement.init {
            Some(ForInit::Expression(init)) => self.effect(init),
            Some(ForInit::Declaration(declaration)) => {
                self.declaration(declaration);
                copies = declaration.kind == DeclarationKind::Let
                    && statement.scope.is_some_and(|scope| self.script.scope(scope).environment);
            }
            None => {}
        }
        self.complete_undefined();
        let (start, next, test, end) = (self.label(), self.label(), self.label(), self.label());
        if copies {
            self.emit(Op::CopyEnv, 0, 0, 0);
        }
        if statement.test.is_some() {
            self.jump(test);
        }
        self.bind(start);
        self.open_target(labels, true, Some(end), Some(next));
        self.statement(&statement.body);
        self.close_target();
        self.bind(next);
        if copies {
            self.emit(Op::CopyEnv, 0, 0, 0);
        }
        if let Some(update) = &statement.update {
            self.effect(update);
        }
        self.emit(Op::LoopHint, 0, 0, 0);
        self.bind(test);
        match &statement.test {
            Some(test) => self.condition(test, start, true),
            None => self.jump(start),
        }
        self.bind(end);
    }

    /// The right-hand side, in the scope of the head's names, uninitialized for ever.
    fn right(&mut self, statement: &ForEach, to: Register) {
        if let ForEachHead::Declaration { target, initializer: Some(initializer), .. } = &statement.head {
            let mark = self.mark();
            let value = match target {
                Target::Name(name) => self.named(initializer, super::expressions::GivenName::Known(name.name), None),
                _ => self.expression(initializer, None),
            };
            self.assign_target(target, value);
            self.release(mark);
        }
        let entered = self.enter(statement.head_scope);
        self.expression(&statement.right, Some(to));
        self.leave(entered);
    }

    pub(super) fn for_each(&mut self, statement: &ForEach, labels: &[StringId]) {
        let mark = self.mark();
        match statement.kind {
            ForEachKind::In => self.for_in(statement, labels),
            ForEachKind::Of | ForEachKind::AwaitOf => self.for_of(statement, labels),
        }
        self.release(mark);
    }

    fn for_in(&mut self, statement: &ForEach, labels: &[StringId]) {
        let object = self.temp();
        self.right(statement, object);
        self.complete_undefined();
        let (start, next, end) = (self.label(), self.label(), self.label());
        let value = self.temp();
        self.at(statement.position);
        self.jump_if(Op::JumpIfNullish, object, end);
        self.emit(Op::ToObject, object, object, 0);
        self.emit(Op::ForInPrepare, object, object, 0);
        self.jump(next);
        self.bind(start);
        self.open_target(labels, true, Some(end), Some(next));
        self.round(statement, value);
        self.close_target();
        self.bind(next);
        self.emit(Op::LoopHint, 0, 0, 0);
        self.emit(Op::ForInNext, value, object, 0);
        self.jump_if(Op::JumpIfNotUndefined, value, start);
        self.bind(end);
    }

    fn for_of(&mut self, statement: &ForEach, labels: &[StringId]) {
        let is_async = statement.kind == ForEachKind::AwaitOf;
        let base = self.temps(3);
        self.right(statement, base);
        self.complete_undefined();
        let value = self.temp();
        let (start, next, end) = (self.label(), self.label(), self.label());
        self.at(statement.position);
        self.emit(if is_async { Op::GetAsyncIterator } else { Op::GetIterator }, base, base, 0);
        self.jump(next);
        self.bind(start);
        self.open_target(labels, true, Some(end), None);
        self.open_region(if is_async { Cleanup::AsyncIterator(base) } else { Cleanup::Iterator(base) });
        self.open_target(labels, true, None, Some(next));
        self.round(statement, value);
        self.close_target();
        let (ranges, _) = self.close_region();
        self.close_target();
        self.bind(next);
        self.emit(Op::LoopHint, 0, 0, 0);
        self.at(statement.position);
        if is_async {
            self.async_step(value, base, end, start);
        } else {
            self.emit(Op::IteratorStep, value, base, 0);
            self.jump_if(Op::JumpIfFalse, base + 2, start);
            self.jump(end);
        }
        if is_async {
            self.async_iterator_handler(&ranges, base);
        } else {
            self.iterator_handler(&ranges, base);
        }
        self.bind(end);
    }

    /// The next value of an async iterator.
    fn async_step(&mut self, value: Register, base: Register, end: Label, start: Label) {
        let mark = self.mark();
        let callee = self.temps(2);
        self.move_to(callee, base + 1);
        self.move_to(callee + 1, base);
        self.emit(Op::Call, callee, callee, 0);
        self.emit(Op::Await, callee, callee, 0);
        self.emit(Op::ResultDone, callee + 1, callee, 0);
        self.jump_if(Op::JumpIfTrue, callee + 1, end);
        self.emit(Op::ResultValue, value, callee, 0);
        self.jump(start);
        self.release(mark);
    }

    /// One round of a loop over values.
    fn round(&mut self, statement: &ForEach, value: Register) {
        let entered = self.enter(statement.scope);
        let disposal = statement.scope.map(|scope| self.script.scope(scope).disposal).unwrap_or_default();
        self.disposing(disposal, &mut |this| {
            match &statement.head {
                ForEachHead::Target(target) => this.assign_target(target, value),
                ForEachHead::Declaration { kind: DeclarationKind::Var, target, .. } => this.assign_target(target, value),
                ForEachHead::Declaration { kind, target, .. } => {
                    if matches!(kind, DeclarationKind::Using | DeclarationKind::AwaitUsing) {
                        this.add_resource(value, *kind);
                    }
                    this.init_target(target, value);
                }
            }
            this.statement(&statement.body);
        });
        self.leave(entered);
    }

    /// A handler for one range.
    pub(super) fn handler(&mut self, start: u32, end: u32, exception: Register) {
        if start < end {
            let target = self.here();
            self.handlers.push(Handler { start, end, target, exception });
        }
    }
}
