//! Scopes, functions and references while a text is lowered, and their resolution when all of it is.
//!
//! Problem: where a name leads is known only when everything around it is: declarations are hoisted, a direct eval or a
//! closure further down
//! decides where a variable lives.
//!
//! Idea: lowering gives each [`Name`] the index of a [`Reference`] in place of its resolution; [`Builder::resolve`] decides
//! all of them at the end, and
//! [`super::patch`] writes the decisions into the tree.

use rustc_hash::FxHashMap;

use super::ast::*;
use super::strings::Interner;

/// A variable while its uses are collected.
#[derive(Debug)]
pub(super) struct VariableBuilder {
    pub(super) name: StringId,
    pub(super) kind: VariableKind,
    pub(super) captured: bool,
    pub(super) dead_zone: bool,
    /// The offset behind which code of the same scope finds it initialised.
    pub(super) initialized_at: u32,
}

/// A scope while it grows.
#[derive(Debug)]
pub(super) struct ScopeBuilder {
    pub(super) kind: ScopeKind,
    pub(super) parent: Option<ScopeId>,
    pub(super) function: FunctionId,
    pub(super) variables: Vec<VariableBuilder>,
    pub(super) names: FxHashMap<StringId, u32>,
    pub(super) functions: Vec<(u32, FunctionId)>,
    pub(super) disposal: Disposal,
    pub(super) strict: bool,
    pub(super) extensible: bool,
    /// A catch parameter that is one identifier: vars may have its name.
    pub(super) simple_catch: bool,
}

/// What must be known of a function around.
#[derive(Debug)]
pub(super) struct FunctionBuilder {
    pub(super) kind: FunctionKind,
    pub(super) parent: Option<FunctionId>,
    pub(super) strict: bool,
    pub(super) scope: ScopeId,
    pub(super) body_scope: ScopeId,
    /// Where `var` goes now (a static block's scope while in one).
    pub(super) var_scope: ScopeId,
    /// Instantiated at the entry of its scope.
    pub(super) hoisted: bool,
    pub(super) simple_parameters: bool,
    pub(super) has_direct_eval: bool,
    pub(super) uses_super: bool,
    pub(super) has_children: bool,
    /// The variables that the formal parameters are, if they are simple.
    pub(super) parameter_names: Vec<StringId>,
}

/// How a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Read, assigned, called.
    Normal,
    /// Initialised by its declaration.
    Initialize,
    /// B.3.2's copy to the var.
    BlockFunctionVar,
    /// A pseudo-variable or private name.
    Pseudo,
}

/// A use of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub(super) name: StringId,
    pub(super) scope: ScopeId,
    pub(super) position: u32,
    pub(super) usage: Use,
}

/// A function in a block, of sloppy code.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockFunction {
    pub(super) name: StringId,
    pub(super) scope: ScopeId,
    pub(super) function: FunctionId,
    pub(super) var_scope: ScopeId,
    /// The reference to the var.
    pub(super) reference: u32,
}

/// Names with a meaning.
#[derive(Debug)]
pub(super) struct WellKnown {
    pub(super) arguments: StringId,
    pub(super) eval: StringId,
    pub(super) this: StringId,
    pub(super) new_target: StringId,
    pub(super) active_function: StringId,
    pub(super) default: StringId,
    pub(super) default_export: StringId,
}

/// Where a reference leads, places undecided.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Variable {
        scope: ScopeId,
        variable: u32,
        check: bool,
    },
    Global,
    Dynamic,
    /// The statement must go.
    Rejected,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) goal: Goal,
    /// Names that are not found are looked up in the scopes around a direct eval.
    pub(super) outer_dynamic: bool,
    pub(super) strings: Interner,
    pub(super) known: WellKnown,
    pub(super) scopes: Vec<ScopeBuilder>,
    pub(super) functions: Vec<FunctionBuilder>,
    pub(super) references: Vec<Reference>,
    pub(super) block_functions: Vec<BlockFunction>,
    /// Scopes with direct evals.
    pub(super) evals: Vec<ScopeId>,
    /// Top-level vars and functions of scripts and sloppy eval code, in source order.
    pub(super) global_vars: Vec<StringId>,
    pub(super) global_functions: Vec<(StringId, FunctionId)>,
    pub(super) global_block_functions: Vec<StringId>,
    internal_count: u32,
}

impl Builder {
    pub(super) fn new(goal: Goal, outer_dynamic: bool) -> Self {
        let mut strings = Interner::default();
        let known = WellKnown {
            arguments: strings.intern_str("arguments"),
            eval: strings.intern_str("eval"),
            this: strings.intern_str("this"),
            new_target: strings.intern_str("new.target"),
            active_function: strings.intern_str("%function"),
            default: strings.intern_str("default"),
            default_export: strings.intern_str("*default*"),
        };
        Self {
            goal,
            outer_dynamic,
            strings,
            known,
            scopes: Vec::new(),
            functions: Vec::new(),
            references: Vec::new(),
            block_functions: Vec::new(),
            evals: Vec::new(),
            global_vars: Vec::new(),
            global_functions: Vec::new(),
            global_block_functions: Vec::new(),
            internal_count: 0,
        }
    }

    pub(super) fn scope(&self, id: ScopeId) -> &ScopeBuilder {
        &self.scopes[id.0 as usize]
    }

    pub(super) fn scope_mut(&mut self, id: ScopeId) -> &mut ScopeBuilder {
        &mut self.scopes[id.0 as usize]
    }

    pub(super) fn function(&self, id: FunctionId) -> &FunctionBuilder {
        &self.functions[id.0 as usize]
    }

    pub(super) fn function_mut(&mut self, id: FunctionId) -> &mut FunctionBuilder {
        &mut self.functions[id.0 as usize]
    }

    pub(super) fn add_scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>, function: FunctionId, strict: bool) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        self.scopes.push(ScopeBuilder {
            kind,
            parent,
            function,
            variables: Vec::new(),
            names: FxHashMap::default(),
            functions: Vec::new(),
            disposal: Disposal::None,
            strict,
            extensible: false,
            simple_catch: false,
        });
        id
    }

    /// Declares a variable in a scope; an existing one of that name stays, and becomes a function if this is one and that a
    /// var.
    pub(super) fn declare(&mut self, scope: ScopeId, name: StringId, kind: VariableKind, initialized_at: u32) -> u32 {
        let scope = self.scope_mut(scope);
        if let Some(&index) = scope.names.get(&name) {
            let old = &mut scope.variables[index as usize];
            if kind == VariableKind::Function && old.kind == VariableKind::Var {
                old.kind = kind;
            }
            return index;
        }
        let index = scope.variables.len() as u32;
        scope.variables.push(VariableBuilder { name, kind, captured: false, dead_zone: false, initialized_at });
        scope.names.insert(name, index);
        index
    }

    /// A variable of the front end's own.
    pub(super) fn declare_internal(&mut self, scope: ScopeId) -> StringId {
        let name = self.strings.intern_str(&format!("%{}", self.internal_count));
        self.internal_count += 1;
        self.declare(scope, name, VariableKind::Internal, 0);
        name
    }

    /// Whether vars of this scope are properties of the global object, or go to the scopes around a direct eval.
    pub(super) fn vars_are_outside(&self, scope: ScopeId) -> bool {
        let scope = self.scope(scope);
        match scope.kind {
            ScopeKind::Script => true,
            ScopeKind::Eval => !scope.strict,
            _ => false,
        }
    }

    /// `var name` in a function.
    pub(super) fn declare_var(&mut self, function: FunctionId, name: StringId) {
        let scope = self.function(function).var_scope;
        if self.vars_are_outside(scope) {
            self.global_vars.push(name);
        } else {
            self.declare(scope, name, VariableKind::Var, 0);
        }
    }

    /// Makes the use of a name that is to be patched later.
    pub(super) fn refer(&mut self, name: StringId, scope: ScopeId, position: u32, usage: Use) -> Name {
        let index = self.references.len() as u32;
        self.references.push(Reference { name, scope, position, usage });
        Name { name, position, resolution: Resolution::Import(index), check: false }
    }

    /// The function around whose `this` is seen.
    pub(super) fn this_function(&self, mut function: FunctionId) -> FunctionId {
        while self.function(function).kind == FunctionKind::Arrow {
            match self.function(function).parent {
                Some(parent) => function = parent,
                None => break,
            }
        }
        function
    }

    /// Whether it has no `this` of its own: function 0.
    pub(super) fn is_top_level(&self, function: FunctionId) -> bool {
        matches!(self.function(function).kind, FunctionKind::Script | FunctionKind::Module | FunctionKind::Eval)
    }

    /// Makes sure that the function whose `this` is seen has the pseudo-variable.
    pub(super) fn ensure_pseudo(&mut self, function: FunctionId, name: StringId, kind: VariableKind) {
        let function = self.this_function(function);
        if !self.is_top_level(function) {
            let scope = self.function(function).scope;
            self.declare(scope, name, kind, 0);
        }
    }

    /// Notes a direct eval: it may use everything around it.
    pub(super) fn note_eval(&mut self, function: FunctionId, scope: ScopeId) {
        self.evals.push(scope);
        let (this, new_target, active) = (self.known.this, self.known.new_target, self.known.active_function);
        self.ensure_pseudo(function, this, VariableKind::This);
        self.ensure_pseudo(function, new_target, VariableKind::NewTarget);
        let around = self.this_function(function);
        if !matches!(self.function(around).kind, FunctionKind::Normal) {
            self.ensure_pseudo(function, active, VariableKind::ActiveFunction);
        }
        let mut current = function;
        loop {
            self.function_mut(current).has_direct_eval = true;
            if current == around {
                break;
            }
            match self.function(current).parent {
                Some(parent) => current = parent,
                None => break,
            }
        }
        self.ensure_arguments(around);
    }

    fn has_own_arguments(&self, function: FunctionId) -> bool {
        !matches!(
            self.function(function).kind,
            FunctionKind::Script
                | FunctionKind::Module
                | FunctionKind::Eval
                | FunctionKind::Arrow
                | FunctionKind::FieldInitializer
                | FunctionKind::StaticInitializer
        )
    }

    fn ensure_arguments(&mut self, function: FunctionId) {
        if self.has_own_arguments(function) {
            let (scope, name) = (self.function(function).scope, self.known.arguments);
            self.declare(scope, name, VariableKind::Arguments, 0);
        }
    }

    // Resolution.

    /// Decides where every reference leads.
    pub(super) fn resolve(&mut self) -> Vec<Found> {
        let rejected = self.resolve_block_functions();
        self.settle_arguments();
        self.apply_evals();
        let found: Vec<Found> = (0..self.references.len())
            .map(|index| {
                let reference = self.references[index];
                match reference.usage {
                    Use::BlockFunctionVar if rejected.contains_key(&(index as u32)) => Found::Rejected,
                    _ => self.find(reference),
                }
            })
            .collect();
        self.capture_mapped_parameters();
        self.settle_dead_zones();
        for scope in &mut self.scopes {
            if scope.kind == ScopeKind::Module {
                scope.variables.iter_mut().for_each(|variable| variable.captured = true);
            }
        }
        found
    }

    /// B.3.2: which functions in blocks have a var too; returns the references of those that have not.
    fn resolve_block_functions(&mut self) -> FxHashMap<u32, ()> {
        let mut rejected = FxHashMap::default();
        for candidate in std::mem::take(&mut self.block_functions) {
            if !self.may_be_var(&candidate) {
                rejected.insert(candidate.reference, ());
                continue;
            }
            if self.vars_are_outside(candidate.var_scope) {
                let declared = self.global_vars.contains(&candidate.name)
                    || self.global_functions.iter().any(|(name, _)| *name == candidate.name);
                if !declared && !self.global_block_functions.contains(&candidate.name) {
                    self.global_block_functions.push(candidate.name);
                }
            } else if candidate.name == self.known.arguments && self.has_own_arguments(candidate.function) {
                self.ensure_arguments(candidate.function);
            } else {
                self.declare(candidate.var_scope, candidate.name, VariableKind::Var, 0);
            }
        }
        rejected
    }

    fn may_be_var(&self, candidate: &BlockFunction) -> bool {
        let mut current = self.scope(candidate.scope).parent;
        while let Some(id) = current {
            let scope = self.scope(id);
            if let Some(&index) = scope.names.get(&candidate.name) {
                let conflict = match scope.variables[index as usize].kind {
                    VariableKind::Let | VariableKind::Const | VariableKind::Using | VariableKind::Class => true,
                    VariableKind::Function => id != candidate.var_scope,
                    VariableKind::CatchParameter => !scope.simple_catch,
                    VariableKind::Parameter => true,
                    _ => false,
                };
                if conflict {
                    return false;
                }
            }
            if id == candidate.var_scope {
                break;
            }
            current = scope.parent;
        }
        let parameters = self.function(candidate.function).scope;
        let parameter = self.scope(parameters).names.get(&candidate.name);
        !parameter.is_some_and(|&index| self.scope(parameters).variables[index as usize].kind == VariableKind::Parameter)
    }

    /// A `var arguments` is the arguments object.
    fn settle_arguments(&mut self) {
        for index in 0..self.functions.len() {
            let function = FunctionId(index as u32);
            if !self.has_own_arguments(function) {
                continue;
            }
            let (scope, body_scope, name) =
                (self.function(function).scope, self.function(function).body_scope, self.known.arguments);
            let kind_in = |builder: &Self, scope: ScopeId| {
                builder.scope(scope).names.get(&name).map(|&index| builder.scope(scope).variables[index as usize].kind)
            };
            if kind_in(self, body_scope) == Some(VariableKind::Var) {
                if scope == body_scope {
                    let index = self.scope(scope).names[&name] as usize;
                    self.scope_mut(scope).variables[index].kind = VariableKind::Arguments;
                } else {
                    self.ensure_arguments(function);
                }
            }
        }
    }

    /// Everything that a direct eval may see is in Environments, and in sloppy code var scopes can grow.
    fn apply_evals(&mut self) {
        let mut evals = std::mem::take(&mut self.evals);
        evals.sort_unstable();
        evals.dedup();
        for eval in evals {
            let function = self.scope(eval).function;
            let mut in_var_scope = self.scope(eval).strict;
            let mut current = Some(eval);
            while let Some(id) = current {
                let scope = self.scope_mut(id);
                for variable in &mut scope.variables {
                    variable.captured = true;
                    variable.dead_zone |= variable.kind.has_dead_zone() || variable.kind == VariableKind::Parameter;
                }
                current = scope.parent;
                if !in_var_scope {
                    match scope.kind {
                        ScopeKind::Body | ScopeKind::Function | ScopeKind::StaticBlock if scope.function == function => {
                            scope.extensible = true;
                            in_var_scope = true;
                        }
                        ScopeKind::Script | ScopeKind::Module => in_var_scope = true,
                        _ => {}
                    }
                }
            }
        }
    }

    /// Parameters have a dead zone only among expressions; `this` of a derived class's constructor always.
    fn settle_dead_zones(&mut self) {
        for index in 0..self.functions.len() {
            let FunctionBuilder { kind, scope, body_scope, .. } = self.functions[index];
            let has_expressions = scope != body_scope;
            for variable in &mut self.scope_mut(scope).variables {
                match variable.kind {
                    VariableKind::Parameter => variable.dead_zone &= has_expressions,
                    VariableKind::This => variable.dead_zone = kind == FunctionKind::DerivedConstructor,
                    _ => {}
                }
            }
        }
    }

    fn find(&mut self, reference: Reference) -> Found {
        let mut current = Some(reference.scope);
        if reference.usage == Use::BlockFunctionVar {
            let function = self.scope(reference.scope).function;
            current = Some(self.function(function).var_scope);
        }
        let from = self.scope(reference.scope).function;
        let lookup = reference.usage == Use::Normal;
        let mut dynamic = false;
        while let Some(id) = current {
            if let Some(&index) = self.scope(id).names.get(&reference.name) {
                return self.found(reference, from, id, index, dynamic);
            }
            let scope = self.scope(id);
            let (kind, parent, function) = (scope.kind, scope.parent, scope.function);
            dynamic |= lookup && (scope.extensible || kind == ScopeKind::With);
            if kind == ScopeKind::Function && reference.name == self.known.arguments && self.has_own_arguments(function) {
                self.ensure_arguments(function);
                continue;
            }
            current = parent;
        }
        if dynamic || self.outer_dynamic { Found::Dynamic } else { Found::Global }
    }

    fn found(&mut self, reference: Reference, from: FunctionId, id: ScopeId, index: u32, dynamic: bool) -> Found {
        let check = self.needs_check(reference, from, id, index);
        let scope = self.scope_mut(id);
        let variable = &mut scope.variables[index as usize];
        variable.captured |= dynamic || scope.function != from;
        variable.dead_zone |= check || (dynamic && variable.kind.has_dead_zone());
        if dynamic {
            return Found::Dynamic;
        }
        if scope.kind == ScopeKind::Script {
            return Found::Global;
        }
        Found::Variable { scope: id, variable: index, check }
    }

    /// Whether the reference may run before the variable is initialised.
    fn needs_check(&self, reference: Reference, from: FunctionId, id: ScopeId, index: u32) -> bool {
        let scope = self.scope(id);
        let variable = &scope.variables[index as usize];
        if reference.usage == Use::Initialize {
            return false;
        }
        match variable.kind {
            VariableKind::This => return self.function(scope.function).kind == FunctionKind::DerivedConstructor,
            VariableKind::Parameter => {
                return !self.function(scope.function).simple_parameters && reference.position < variable.initialized_at;
            }
            kind if !kind.has_dead_zone() => return false,
            _ => {}
        }
        if scope.kind == ScopeKind::ForHead || scope.kind == ScopeKind::Switch || reference.position < variable.initialized_at {
            return true;
        }
        let mut current = from;
        while current != scope.function {
            if self.function(current).hoisted {
                return true;
            }
            match self.function(current).parent {
                Some(parent) => current = parent,
                None => return true,
            }
        }
        false
    }

    fn capture_mapped_parameters(&mut self) {
        for index in 0..self.functions.len() {
            let function = FunctionId(index as u32);
            if self.has_mapped_arguments(function) {
                let scope = self.function(function).scope;
                for variable in &mut self.scope_mut(scope).variables {
                    variable.captured |= variable.kind == VariableKind::Parameter;
                }
            }
        }
    }

    /// Whether the function has an arguments object that is mapped to its parameters.
    pub(super) fn has_mapped_arguments(&self, function: FunctionId) -> bool {
        let info = self.function(function);
        self.has_own_arguments(function)
            && !info.strict
            && info.simple_parameters
            && self.pseudo(function, self.known.arguments, VariableKind::Arguments).is_some()
    }

    /// The index of a pseudo-variable in a function's scope.
    pub(super) fn pseudo(&self, function: FunctionId, name: StringId, kind: VariableKind) -> Option<u32> {
        let scope = self.scope(self.function(function).scope);
        let index = *scope.names.get(&name)?;
        (scope.variables[index as usize].kind == kind).then_some(index)
    }

    /// Variables of a body that begin as the parameters do.
    pub(super) fn parameter_copies(&self, function: FunctionId) -> Box<[(u32, u32)]> {
        let info = self.function(function);
        if info.scope == info.body_scope {
            return Box::default();
        }
        let (outer, body) = (self.scope(info.scope), self.scope(info.body_scope));
        let copied = |kind| matches!(kind, VariableKind::Parameter | VariableKind::Arguments);
        body.variables
            .iter()
            .enumerate()
            .filter(|(_, variable)| variable.kind == VariableKind::Var)
            .filter_map(|(index, variable)| {
                let from = *outer.names.get(&variable.name)?;
                copied(outer.variables[from as usize].kind).then_some((index as u32, from))
            })
            .collect()
    }

    /// The finished scopes.
    pub(super) fn finish_scopes(&mut self) -> Box<[Scope]> {
        std::mem::take(&mut self.scopes).into_iter().map(finish_scope).collect()
    }
}

fn finish_scope(scope: ScopeBuilder) -> Scope {
    let mut slot_count = 0;
    let mut import_count = 0;
    let variables: Box<[Variable]> = scope
        .variables
        .iter()
        .map(|variable| {
            let place = if scope.kind == ScopeKind::Script {
                Place::Global
            } else if variable.kind == VariableKind::Import {
                import_count += 1;
                Place::Import(import_count - 1)
            } else if variable.captured {
                slot_count += 1;
                Place::Slot(slot_count - 1)
            } else {
                Place::Register
            };
            // Other modules may come before a module's own code.
            let needs_dead_zone = variable.dead_zone || (scope.kind == ScopeKind::Module && variable.kind.has_dead_zone());
            Variable { name: variable.name, kind: variable.kind, place, needs_dead_zone }
        })
        .collect();
    let always = matches!(scope.kind, ScopeKind::With | ScopeKind::Module);
    let mut functions: Vec<(u32, FunctionId)> = Vec::with_capacity(scope.functions.len());
    for (variable, function) in scope.functions.into_iter().rev() {
        if !functions.iter().any(|(other, _)| *other == variable) {
            functions.push((variable, function));
        }
    }
    functions.reverse();
    Scope {
        kind: scope.kind,
        parent: scope.parent,
        function: scope.function,
        environment: always || scope.extensible || slot_count > 0,
        slot_count,
        variables,
        functions: functions.into(),
        extensible: scope.extensible,
        disposal: scope.disposal,
        strict: scope.strict,
    }
}
