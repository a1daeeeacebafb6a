//! Functions as a whole: FunctionDeclarationInstantiation, the bodies, and the top levels of scripts, modules and eval code.

use super::names::Location;
use super::{Generator, Register};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Body, FunctionKind, Place, Resolution, ScopeId, Target, VariableKind};

impl Generator<'_> {
    pub(super) fn function(&mut self) {
        let count = 2 + self.info.parameters.len() as u32;
        self.temps(count);
        match self.info.kind {
            FunctionKind::Script | FunctionKind::Eval => self.script(),
            FunctionKind::Module => self.module(),
            _ => self.plain_function(),
        }
        self.patch();
    }

    fn script(&mut self) {
        let completion = self.temp();
        self.completion = Some(completion);
        self.emit(Op::LoadUndefined, completion, 0, 0);
        let id = self.info.scope;
        self.open(id);
        let script = self.script;
        if self.info.kind == FunctionKind::Script {
            self.emit(Op::DeclareGlobals, 0, 0, 0);
        } else if !self.script.strict {
            self.emit(Op::DeclareEval, 0, 0, 0);
        }
        self.instantiate(id);
        if let Body::Statements(statements) = &self.info.body {
            self.disposing(script.scope(id).disposal, &mut |this| this.statements(statements));
        }
        self.emit(Op::Return, completion, 0, 0);
    }

    fn module(&mut self) {
        let id = self.info.scope;
        // The Environment was made at link time.
        self.scope = id;
        self.instantiate(id);
        self.emit(Op::ModuleReady, 0, 0, 0);
        if self.info.is_async {
            self.emit(Op::AsyncStart, 0, 0, 0);
        }
        if let Body::Statements(statements) = &self.info.body {
            self.disposing(self.script.scope(id).disposal, &mut |this| this.statements(statements));
        }
        self.emit(Op::ReturnUndefined, 0, 0, 0);
    }

    fn plain_function(&mut self) {
        let info = self.info;
        if info.is_async && !info.is_generator {
            self.emit(Op::AsyncStart, 0, 0, 0);
        }
        if let Some(scope) = info.name_scope {
            for (index, variable) in self.script.scope(scope).variables.iter().enumerate() {
                if variable.place == Place::Register {
                    self.locals.insert((scope, index as u32), 0);
                }
            }
            self.open(scope);
            for variable in 0..self.script.scope(scope).variables.len() as u32 {
                self.init_variable(scope, variable, 0);
            }
        }
        self.parameter_registers();
        self.open(info.scope);
        self.pseudo_variables();
        self.parameters();
        if info.body_scope != info.scope {
            self.open(info.body_scope);
            for &(to, from) in &info.parameter_copies {
                let mark = self.mark();
                let value = self.load_variable(info.scope, from, None);
                self.init_variable(info.body_scope, to, value);
                self.release(mark);
            }
        }
        self.instantiate(info.body_scope);
        if info.is_generator {
            self.emit(Op::InitialYield, 0, 0, 0);
        }
        if info.kind == FunctionKind::BaseConstructor && info.has_instance_elements {
            self.emit(Op::InitInstance, 1, 0, 0);
        }
        let disposal = self.script.scope(info.body_scope).disposal;
        self.disposing(disposal, &mut |this| this.body());
        self.return_value(None);
    }

    fn body(&mut self) {
        let info = self.info;
        match &info.body {
            Body::Statements(statements) => self.statements(statements),
            Body::Expression(value) => {
                let mark = self.mark();
                let value = self.expression(value, None);
                self.exit_return(value);
                self.release(mark);
            }
            Body::DefaultConstructor => {
                if info.kind == FunctionKind::DerivedConstructor {
                    self.default_derived();
                }
            }
            Body::Fields(fields) => self.fields(fields),
        }
    }

    /// `constructor(...args) { super(...args); }`, without iteration.
    fn default_derived(&mut self) {
        let base = self.temps(3);
        self.emit(Op::NewTarget, base + 1, 0, 0);
        self.emit(Op::SuperConstructor, base, 0, 0);
        self.emit(Op::Rest, base + 2, 0, 0);
        self.emit(Op::SuperCallSpread, base, base, 0);
        self.emit(Op::InitInstance, base, 0, 0);
        self.emit(Op::Return, base, 0, 0);
    }

    /// Parameters that are plain variables stay in the registers they arrive in.
    fn parameter_registers(&mut self) {
        let info = self.info;
        for (index, parameter) in info.parameters.iter().enumerate() {
            let Target::Name(name) = &parameter.target else { continue };
            let Resolution::Local { scope, variable } = name.resolution else { continue };
            let Some(known) = self.script.scope(scope).variables.get(variable as usize) else { continue };
            if known.place == Place::Register && !known.needs_dead_zone {
                self.locals.insert((scope, variable), index as Register + 2);
            }
        }
        let scope = self.script.scope(info.scope);
        let mut fixed = |variable: Option<u32>, register: Register| {
            if let Some(variable) = variable
                && scope.variables.get(variable as usize).is_some_and(|known| known.place == Place::Register)
            {
                self.locals.insert((info.scope, variable), register);
            }
        };
        fixed(info.this_variable, 1);
        fixed(info.active_function_variable, 0);
    }

    fn pseudo_variables(&mut self) {
        let info = self.info;
        let scope = info.scope;
        if let Some(variable) = info.this_variable {
            let sloppy = !info.strict
                && matches!(info.kind, FunctionKind::Normal | FunctionKind::Method | FunctionKind::Getter | FunctionKind::Setter);
            if sloppy {
                self.emit(Op::CoerceThis, 1, 0, 0);
            }
            self.init_variable(scope, variable, 1);
        }
        if let Some(variable) = info.active_function_variable {
            self.init_variable(scope, variable, 0);
        }
        if let Some(variable) = info.new_target_variable {
            let mark = self.mark();
            let to = match self.variable_location(scope, variable) {
                Location::Register(register) => register,
                _ => self.temp(),
            };
            self.emit(Op::NewTarget, to, 0, 0);
            self.init_variable(scope, variable, to);
            self.release(mark);
        }
    }

    fn arguments_object(&mut self, scope: ScopeId, variable: u32) {
        let mark = self.mark();
        let to = self.temp();
        self.emit(Op::Arguments, to, u16::from(self.info.mapped_arguments), 0);
        self.init_variable(scope, variable, to);
        self.release(mark);
    }

    fn parameters(&mut self) {
        let info = self.info;
        let arguments = info.arguments_variable;
        if let (Some(variable), false) = (arguments, info.mapped_arguments) {
            self.arguments_object(info.scope, variable);
        }
        for (index, parameter) in info.parameters.iter().enumerate() {
            let mark = self.mark();
            let register = index as Register + 2;
            if parameter.default.is_some() {
                self.default_value(parameter, register);
            }
            self.init_parameter(&parameter.target, register);
            self.release(mark);
        }
        if let Some(rest) = &info.rest {
            let mark = self.mark();
            let array = self.temp();
            let first = self.operand(info.parameters.len() as u32);
            self.emit(Op::Rest, array, first, 0);
            self.init_parameter(rest, array);
            self.release(mark);
        }
        if let (Some(variable), true) = (arguments, info.mapped_arguments) {
            self.arguments_object(info.scope, variable);
        }
    }

    fn init_parameter(&mut self, target: &Target, register: Register) {
        if let Target::Name(name) = target
            && self.variable_of(*name).is_some_and(|variable| variable.kind == VariableKind::Parameter)
            && let Some(local) = self.local(*name)
            && self.info.parameters.len() as Register + 2 > local
            && local != register
        {
            // Of two parameters of one name the later has the variable.
            return;
        }
        self.init_target(target, register);
    }
}
