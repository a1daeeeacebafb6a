//! Scopes and the names in them.

use super::{Generator, Register};
use crate::js::bytecode::code::{Constant, NamePrefix, SiteKind};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{FunctionId, Name, Place, Resolution, ScopeId, ScopeKind, StringId, Variable, VariableKind};

/// What to restore when a scope is left.
#[must_use]
pub(super) struct Entered {
    previous: ScopeId,
    mark: u32,
    pushed: bool,
}

/// Where a name is, with all that matters for instructions.
#[derive(Clone, Copy)]
pub(super) enum Location {
    Register(Register),
    Slot(u16, u16),
    Global,
    Dynamic,
    Import(u32),
}

impl Generator<'_> {
    /// Enters a scope that has variables: registers, Environment, functions.
    pub(super) fn enter(&mut self, scope: Option<ScopeId>) -> Entered {
        let entered = Entered { previous: self.scope, mark: self.mark(), pushed: false };
        let Some(id) = scope else { return entered };
        let pushed = self.open(id);
        self.instantiate(id);
        Entered { pushed, ..entered }
    }

    /// Registers and the Environment of a scope.
    pub(super) fn open(&mut self, id: ScopeId) -> bool {
        let scope = self.script.scope(id);
        self.scope = id;
        for (index, variable) in scope.variables.iter().enumerate() {
            let key = (id, index as u32);
            if variable.place != Place::Register || self.locals.contains_key(&key) {
                continue;
            }
            let register = self.temp();
            self.locals.insert(key, register);
            if variable.needs_dead_zone {
                self.emit(Op::LoadUninitialized, register, 0, 0);
            } else if variable.kind == VariableKind::Var {
                self.emit(Op::LoadUndefined, register, 0, 0);
            }
        }
        let pushed = scope.environment && scope.kind != ScopeKind::With;
        if pushed {
            self.emit_x(Op::PushEnv, 0, id.0);
            self.env_depth += 1;
        }
        pushed
    }

    /// The function declarations of a scope.
    pub(super) fn instantiate(&mut self, id: ScopeId) {
        let script = self.script;
        for &(variable, function) in &script.scope(id).functions {
            let mark = self.mark();
            let place = self.variable_location(id, variable);
            let register = match place {
                Location::Register(register) => register,
                _ => self.temp(),
            };
            self.closure(register, function, None, NamePrefix::None);
            self.init_variable(id, variable, register);
            self.release(mark);
        }
    }

    pub(super) fn leave(&mut self, entered: Entered) {
        if entered.pushed {
            self.emit(Op::PopEnv, 1, 0, 0);
            self.env_depth -= 1;
        }
        self.forget(entered);
    }

    fn forget(&mut self, entered: Entered) {
        // A class or block is generated once more for each copy of a `finally`; its registers are then new ones.
        if self.scope != entered.previous {
            let id = self.scope;
            for index in 0..self.script.scope(id).variables.len() {
                self.locals.remove(&(id, index as u32));
            }
        }
        self.scope = entered.previous;
        self.release(entered.mark);
    }

    pub(super) fn closure(&mut self, to: Register, function: FunctionId, name: Option<StringId>, prefix: NamePrefix) {
        let constant = self.constant(Constant::Function { function, name, prefix });
        self.emit_x(Op::Closure, to, constant);
    }

    /// How many Environments are between the current scope and that one.
    fn hops(&mut self, to: ScopeId) -> u16 {
        let mut hops = 0;
        let mut scope = self.scope;
        while scope != to {
            let here = self.script.scope(scope);
            hops += u32::from(here.environment);
            match here.parent {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        self.operand(hops)
    }

    pub(super) fn variable_location(&mut self, scope: ScopeId, variable: u32) -> Location {
        match self.script.scope(scope).variables[variable as usize].place {
            Place::Register => match self.locals.get(&(scope, variable)) {
                Some(&register) => Location::Register(register),
                None => {
                    // A scope is always entered before its names are used; a register keeps the program well-formed if not.
                    debug_assert!(false, "a variable outside its scope");
                    let register = self.temp();
                    self.locals.insert((scope, variable), register);
                    Location::Register(register)
                }
            },
            Place::Slot(slot) => {
                let hops = self.hops(scope);
                let slot = self.operand(slot);
                Location::Slot(hops, slot)
            }
            Place::Global => Location::Global,
            Place::Import(index) => Location::Import(index),
        }
    }

    pub(super) fn location(&mut self, name: Name) -> Location {
        match name.resolution {
            Resolution::Local { scope, variable } | Resolution::Environment { scope, variable } => {
                self.variable_location(scope, variable)
            }
            Resolution::Global => Location::Global,
            Resolution::Dynamic => Location::Dynamic,
            Resolution::Import(index) => Location::Import(index),
        }
    }

    pub(super) fn variable_of(&self, name: Name) -> Option<&Variable> {
        match name.resolution {
            Resolution::Local { scope, variable } | Resolution::Environment { scope, variable } => {
                self.script.scope(scope).variables.get(variable as usize)
            }
            _ => None,
        }
    }

    /// The register of a variable that needs no check, if it has one.
    pub(super) fn local(&mut self, name: Name) -> Option<Register> {
        match self.location(name) {
            Location::Register(register) => Some(register),
            _ => None,
        }
    }

    fn check_init(&mut self, register: Register, name: StringId) {
        let constant = self.string_constant(name);
        self.emit_x(Op::CheckInit, register, constant);
    }

    /// The value of a name.
    pub(super) fn load_name(&mut self, name: Name, wanted: Option<Register>) -> Register {
        let location = self.location(name);
        if let Location::Register(register) = location {
            if name.check {
                self.at(name.position);
                self.check_init(register, name.name);
            }
            return match wanted {
                Some(to) => {
                    self.move_to(to, register);
                    to
                }
                None => register,
            };
        }
        let to = self.destination(wanted);
        match location {
            Location::Slot(hops, slot) if name.check => {
                self.at(name.position);
                self.emit(Op::LoadEnvChecked, to, hops, slot);
            }
            Location::Slot(hops, slot) => self.emit(Op::LoadEnv, to, hops, slot),
            Location::Global => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Global, Op::LoadGlobal);
                self.emit(Op::LoadGlobal, to, site, 0);
            }
            Location::Dynamic => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::LoadName, to, site, 0);
            }
            Location::Import(index) => {
                self.at(name.position);
                self.emit_x(Op::LoadImport, to, index);
            }
            Location::Register(_) => {}
        }
        to
    }

    /// `this`, with its check in derived constructors.
    pub(super) fn load_this(&mut self, name: Name, wanted: Option<Register>) -> Register {
        if name.resolution == Resolution::Global {
            let to = self.destination(wanted);
            self.emit(Op::GlobalThis, to, 0, 0);
            return to;
        }
        self.load_name(name, wanted)
    }

    /// Assignment to a name that was not resolved before.
    pub(super) fn store_name(&mut self, name: Name, value: Register) {
        let kind = self.variable_of(name).map(|variable| variable.kind);
        let location = self.location(name);
        let constant = kind.is_some_and(VariableKind::is_constant) || matches!(location, Location::Import(_));
        if constant {
            self.at(name.position);
            if name.check && !matches!(location, Location::Import(_)) {
                let mark = self.mark();
                self.load_name(name, None);
                self.release(mark);
            }
            return self.throw_const(name.name);
        }
        if kind == Some(VariableKind::FunctionName) {
            if self.strict() {
                self.at(name.position);
                self.throw_const(name.name);
            }
            return;
        }
        match location {
            Location::Register(register) => {
                if name.check {
                    self.at(name.position);
                    self.check_init(register, name.name);
                }
                self.move_to(register, value);
            }
            Location::Slot(hops, slot) if name.check => {
                self.at(name.position);
                self.emit(Op::StoreEnvChecked, value, hops, slot);
            }
            Location::Slot(hops, slot) => self.emit(Op::StoreEnv, value, hops, slot),
            Location::Global => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Global, Op::StoreGlobal);
                self.emit(Op::StoreGlobal, value, site, 0);
            }
            Location::Dynamic => {
                self.at(name.position);
                let resolved = self.temp();
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::ResolveName, resolved, site, 0);
                self.emit(Op::StoreResolved, value, resolved, site);
                self.next -= 1;
            }
            Location::Import(_) => {}
        }
    }

    fn throw_const(&mut self, name: StringId) {
        let constant = self.string_constant(name);
        self.emit_x(Op::ThrowConstAssign, 0, constant);
    }

    /// Initialises a variable.
    pub(super) fn init_name(&mut self, name: Name, value: Register) {
        match self.location(name) {
            Location::Register(register) => self.move_to(register, value),
            Location::Slot(hops, slot) => self.emit(Op::StoreEnv, value, hops, slot),
            Location::Global | Location::Import(_) => {
                let site = self.site(name.name, SiteKind::Global, Op::InitGlobal);
                self.emit(Op::InitGlobal, value, site, 0);
            }
            Location::Dynamic => {
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::InitName, value, site, 0);
            }
        }
    }

    pub(super) fn init_variable(&mut self, scope: ScopeId, variable: u32, value: Register) {
        let name = self.script.scope(scope).variables[variable as usize].name;
        let resolution = Resolution::Environment { scope, variable };
        self.init_name(Name { name, position: 0, resolution, check: false }, value);
    }

    pub(super) fn load_variable(&mut self, scope: ScopeId, variable: u32, wanted: Option<Register>) -> Register {
        let name = self.script.scope(scope).variables[variable as usize].name;
        let resolution = Resolution::Environment { scope, variable };
        self.load_name(Name { name, position: 0, resolution, check: false }, wanted)
    }
}
