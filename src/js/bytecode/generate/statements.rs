//! Statements but for loops.

use super::control::Cleanup;
use super::expressions::GivenName;
use super::{Generator, Register};
use crate::js::bytecode::code::SiteKind;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{
    Catch, Declaration, DeclarationKind, Expression, Name, Resolution, ScopeId, Statement, StringId, Switch, Target, Try,
};

impl Generator<'_> {
    pub(super) fn statements(&mut self, statements: &[Statement]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    /// The completion value so far is undefined.
    pub(super) fn complete_undefined(&mut self) {
        if let Some(completion) = self.completion {
            self.emit(Op::LoadUndefined, completion, 0, 0);
        }
    }

    pub(super) fn statement(&mut self, statement: &Statement) {
        let mark = self.mark();
        match statement {
            Statement::Empty => {}
            Statement::Debugger => self.emit(Op::Debugger, 0, 0, 0),
            Statement::Expression(expression) => match self.completion {
                Some(completion) => {
                    let value = self.expression(expression, None);
                    self.move_to(completion, value);
                }
                None => self.effect(expression),
            },
            Statement::Declaration(declaration) => self.declaration(declaration),
            Statement::Class { name, class } => {
                let value = self.temp();
                self.class(class, None, value);
                self.init_name(*name, value);
            }
            Statement::ExportDefault { name, value } => self.export_default(*name, value),
            Statement::BlockFunction { block, var } => self.block_function(*block, *var),
            Statement::Block { scope, body } => self.scoped_block(*scope, body),
            Statement::If { test, consequent, alternate } => self.if_statement(test, consequent, alternate.as_deref()),
            Statement::For(statement) => self.for_loop(statement, &[]),
            Statement::ForEach(statement) => self.for_each(statement, &[]),
            Statement::While { test, body } => self.while_loop(test, body, &[]),
            Statement::DoWhile { body, test } => self.do_while(body, test, &[]),
            Statement::Continue(label) => self.continue_to(*label),
            Statement::Break(label) => self.break_to(*label),
            Statement::Return(value) => self.return_statement(value.as_ref()),
            Statement::With { object, scope, body, position } => self.with(object, *scope, body, *position),
            Statement::Switch(switch) => self.switch(switch),
            Statement::Labelled { labels, body } => self.labelled(labels, body),
            Statement::Throw { value, position } => {
                let value = self.expression(value, None);
                self.at(*position);
                self.emit(Op::Throw, value, 0, 0);
            }
            Statement::Try(statement) => self.try_statement(statement),
        }
        self.release(mark);
    }

    pub(super) fn scoped_block(&mut self, scope: Option<ScopeId>, body: &[Statement]) {
        let entered = self.enter(scope);
        let disposal = scope.map(|scope| self.script.scope(scope).disposal).unwrap_or_default();
        self.disposing(disposal, &mut |this| this.statements(body));
        self.leave(entered);
    }

    fn labelled(&mut self, labels: &[StringId], body: &Statement) {
        match body {
            Statement::For(statement) => self.for_loop(statement, labels),
            Statement::ForEach(statement) => self.for_each(statement, labels),
            Statement::While { test, body } => self.while_loop(test, body, labels),
            Statement::DoWhile { body, test } => self.do_while(body, test, labels),
            _ => {
                let end = self.label();
                self.open_target(labels, false, Some(end), None);
                self.statement(body);
                self.close_target();
                self.bind(end);
            }
        }
    }

    pub(super) fn declaration(&mut self, declaration: &Declaration) {
        for declarator in &declaration.declarators {
            let mark = self.mark();
            self.at(declarator.position);
            match (&declarator.value, &declarator.target) {
                (None, _) if declaration.kind == DeclarationKind::Var => {}
                (None, target) => {
                    let value = self.direct(target).unwrap_or_else(|| self.temp());
                    self.emit(Op::LoadUndefined, value, 0, 0);
                    self.init_target(target, value);
                }
                (Some(value), target) => self.declare(declaration.kind, target, value),
            }
            self.release(mark);
        }
    }

    /// The register of a name that nothing reads before it is initialised.
    fn direct(&mut self, target: &Target) -> Option<Register> {
        let Target::Name(name) = target else { return None };
        let variable = self.variable_of(*name)?;
        if variable.needs_dead_zone {
            return None;
        }
        self.local(*name)
    }

    fn declare(&mut self, kind: DeclarationKind, target: &Target, value: &Expression) {
        if kind == DeclarationKind::Var {
            if let Target::Name(name) = target {
                if let Some(local) = self.plain_local(*name)
                    && super::expressions::atomic(value)
                {
                    self.named(value, GivenName::Known(name.name), Some(local));
                    return;
                }
                let reference = self.reference(target, false);
                let value = self.named(value, GivenName::Known(name.name), None);
                return self.put(reference, value);
            }
            let value = self.kept(value, true);
            return self.assign_target(target, value);
        }
        let wanted = self.direct(target);
        let value = match target {
            Target::Name(name) => self.named(value, GivenName::Known(name.name), wanted),
            _ => self.kept(value, true),
        };
        if matches!(kind, DeclarationKind::Using | DeclarationKind::AwaitUsing) {
            self.add_resource(value, kind);
        }
        self.init_target(target, value);
    }

    pub(super) fn add_resource(&mut self, value: Register, kind: DeclarationKind) {
        if let Some(&list) = self.resources.last() {
            self.emit(Op::DisposeAdd, list, value, u16::from(kind == DeclarationKind::AwaitUsing));
        }
    }

    fn export_default(&mut self, name: Name, value: &Expression) {
        let to = self.temp();
        match self.default_name() {
            Some(given) => self.named(value, GivenName::Known(given), Some(to)),
            None => self.expression(value, Some(to)),
        };
        self.init_name(name, to);
    }

    /// The string "default": the export entry has it.
    fn default_name(&self) -> Option<StringId> {
        let module = self.script.module.as_deref()?;
        let is_default = |name: &StringId| self.script.strings.get(*name).is_ascii_text("default");
        module.local_exports.iter().map(|export| export.export_name).find(is_default)
    }

    fn block_function(&mut self, block: Name, var: Name) {
        let value = self.load_name(block, None);
        match var.resolution {
            Resolution::Global | Resolution::Dynamic => {
                let site = self.site(var.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::StoreBlockFunction, value, site, 0);
            }
            _ => self.init_name(var, value),
        }
    }

    fn if_statement(&mut self, test: &Expression, consequent: &Statement, alternate: Option<&Statement>) {
        let (other, end) = (self.label(), self.label());
        self.condition(test, other, false);
        self.complete_undefined();
        self.statement(consequent);
        match alternate {
            Some(alternate) => {
                self.jump(end);
                self.bind(other);
                self.complete_undefined();
                self.statement(alternate);
            }
            None if self.completion.is_some() => {
                self.jump(end);
                self.bind(other);
                self.complete_undefined();
            }
            None => self.bind(other),
        }
        self.bind(end);
    }

    fn return_statement(&mut self, value: Option<&Expression>) {
        let Some(value) = value else {
            if self.controls.is_empty() {
                return self.return_value(None);
            }
            let none = self.temp();
            self.emit(Op::LoadUndefined, none, 0, 0);
            return self.exit_return(none);
        };
        let mut register = self.expression(value, None);
        if self.info.is_async && self.info.is_generator {
            let awaited = self.temp();
            self.emit(Op::Await, awaited, register, 0);
            register = awaited;
        } else if !self.controls.is_empty() && matches!(value, Expression::Name(_)) {
            // A `finally` may assign to the variable.
            let kept = self.temp();
            self.move_to(kept, register);
            register = kept;
        }
        self.exit_return(register);
    }

    fn with(&mut self, object: &Expression, scope: ScopeId, body: &Statement, position: u32) {
        let value = self.expression(object, None);
        let object = self.temp();
        self.at(position);
        self.emit(Op::ToObject, object, value, 0);
        self.complete_undefined();
        let previous = self.scope;
        self.emit_x(Op::PushWith, object, scope.0);
        self.env_depth += 1;
        self.scope = scope;
        self.statement(body);
        self.scope = previous;
        self.env_depth -= 1;
        self.emit(Op::PopEnv, 1, 0, 0);
    }

    fn switch(&mut self, switch: &Switch) {
        let value = self.kept(&switch.discriminant, true);
        self.complete_undefined();
        let end = self.label();
        self.open_target(&[], true, Some(end), None);
        let entered = self.enter(switch.scope);
        let disposal = switch.scope.map(|scope| self.script.scope(scope).disposal).unwrap_or_default();
        self.disposing(disposal, &mut |this| this.cases(switch, value));
        self.leave(entered);
        self.close_target();
        self.bind(end);
    }

    fn cases(&mut self, switch: &Switch, value: Register) {
        let labels: Vec<_> = switch.cases.iter().map(|_| self.label()).collect();
        let after = self.label();
        let mut default = after;
        for (case, &label) in switch.cases.iter().zip(&labels) {
            let Some(test) = &case.test else {
                default = label;
                continue;
            };
            let mark = self.mark();
            if !self.long_jumps {
                match super::operators::small_integer(test) {
                    Some(integer) => {
                        self.fixups.push((self.here(), label));
                        self.emit(Op::JumpIfStrictEqualInt, value, integer, 0);
                    }
                    None => {
                        let test = self.expression(test, None);
                        self.fixups.push((self.here(), label));
                        self.emit(Op::JumpIfStrictEqual, value, test, 0);
                    }
                }
            } else {
                let test = self.expression(test, None);
                let equal = self.temp();
                self.emit(Op::StrictEqual, equal, value, test);
                self.jump_if(Op::JumpIfTrue, equal, label);
            }
            self.release(mark);
        }
        self.jump(default);
        for (case, label) in switch.cases.iter().zip(labels) {
            self.bind(label);
            self.statements(&case.body);
        }
        self.bind(after);
    }

    fn try_statement(&mut self, statement: &Try) {
        self.complete_undefined();
        let Some(finalizer) = &statement.finalizer else {
            return self.try_catch(&statement.block, statement.handler.as_ref());
        };
        self.finally(&mut |this| this.try_catch(&statement.block, statement.handler.as_ref()), &mut |this, _, _| {
            let saved = this.completion.map(|completion| {
                let saved = this.temp();
                this.move_to(saved, completion);
                this.emit(Op::LoadUndefined, completion, 0, 0);
                saved
            });
            this.statement(finalizer);
            if let (Some(saved), Some(completion)) = (saved, this.completion) {
                this.move_to(completion, saved);
            }
        });
    }

    fn try_catch(&mut self, block: &Statement, handler: Option<&Catch>) {
        let Some(handler) = handler else { return self.statement(block) };
        let mark = self.mark();
        let env = self.temp();
        let exception = self.temp();
        self.emit(Op::SaveEnv, env, 0, 0);
        self.open_region(Cleanup::None);
        self.statement(block);
        let (ranges, _) = self.close_region();
        let end = self.label();
        self.jump(end);
        self.handle(&ranges, exception);
        self.emit(Op::RestoreEnv, env, 0, 0);
        self.complete_undefined();
        let entered = self.enter(handler.scope);
        if let Some(parameter) = &handler.parameter {
            self.init_target(parameter, exception);
        }
        self.statement(&handler.body);
        self.leave(entered);
        self.bind(end);
        self.release(mark);
    }
}
