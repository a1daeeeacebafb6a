//! GlobalDeclarationInstantiation (§16.1.7) and EvalDeclarationInstantiation (§19.2.1.3).

use crate::heap::HeapRef;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::interp::environment::{PARENT, SCRIPT, SLOTS};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::Attributes;
use crate::js::parse::ast::{FunctionId, Place, ScopeKind, StringId, VariableKind};
use crate::js::value::Value;

impl<'s> Cx<'s> {
    fn declared(&mut self, script: HeapRef, id: StringId) -> Completion<Local<'s>> {
        let name = self.script_string(script, id)?;
        Ok(self.local(name))
    }

    /// The key of a declared name. None is an index.
    fn lexical_has(&mut self, name: Local<'s>) -> bool {
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        self.own_slot(self.reference(lexical), Key::Name(name)).is_some()
    }

    #[cold]
    fn redeclared(&mut self, name: Local<'_>) -> Thrown {
        let text = self.text(name).to_rust();
        self.syntax_error(&format!("Identifier '{text}' has already been declared"))
    }

    /// HasRestrictedGlobalProperty (§9.1.1.4.14).
    fn is_restricted(&mut self, name: Local<'s>) -> Completion<bool> {
        let global = self.global();
        let own = self.get_own_property(global, Key::Name(name))?;
        Ok(own.is_some_and(|own| own.configurable != Some(true)))
    }

    /// CanDeclareGlobalVar (§9.1.1.4.15).
    fn can_declare_var(&mut self, name: Local<'s>) -> Completion<bool> {
        let global = self.global();
        Ok(self.has_own_property(global, Key::Name(name))? || self.is_extensible(global)?)
    }

    /// CanDeclareGlobalFunction (§9.1.1.4.16).
    fn can_declare_function(&mut self, name: Local<'s>) -> Completion<bool> {
        let global = self.global();
        let Some(own) = self.get_own_property(global, Key::Name(name))? else { return self.is_extensible(global) };
        Ok(own.configurable == Some(true) || (own.is_data() && own.writable == Some(true) && own.enumerable == Some(true)))
    }

    /// CreateGlobalVarBinding (§9.1.1.4.17).
    fn create_global_var(&mut self, name: Local<'s>, deletable: bool) -> Completion<()> {
        let global = self.global();
        if !self.has_own_property(global, Key::Name(name))? && self.is_extensible(global)? {
            let attributes = if deletable { Attributes::ALL } else { Attributes::ALL.without(Attributes::CONFIGURABLE) };
            self.define_data(global, Key::Name(name), Local::UNDEFINED, attributes)?;
        }
        Ok(())
    }

    /// CreateGlobalFunctionBinding (§9.1.1.4.18).
    fn create_global_function(&mut self, name: Local<'s>, value: Local<'s>, deletable: bool) -> Completion<()> {
        let global = self.global();
        let own = self.get_own_property(global, Key::Name(name))?;
        let descriptor = match own {
            Some(own) if own.configurable != Some(true) => PropertyDescriptor { value: Some(value), ..Default::default() },
            _ => {
                let attributes = if deletable { Attributes::ALL } else { Attributes::ALL.without(Attributes::CONFIGURABLE) };
                PropertyDescriptor::data(value, attributes)
            }
        };
        self.define_property_or_throw(global, Key::Name(name), descriptor)?;
        self.set(global, Key::Name(name), value)
    }

    /// `DeclareGlobals`.
    pub(super) fn declare_globals(&mut self) -> Completion<()> {
        let script = self.script_of(self.frame().function);
        let declarations = self.script_code(script).declarations();
        // 3. and 4.
        for &(id, _) in &declarations.lexical {
            let name = self.declared(script, id)?;
            if self.lexical_has(name) || self.is_restricted(name)? {
                return Err(self.redeclared(name));
            }
        }
        let functions = declarations.functions.iter().map(|&(id, _)| id);
        for id in functions.clone().chain(declarations.vars.iter().copied()) {
            let name = self.declared(script, id)?;
            if self.lexical_has(name) {
                return Err(self.redeclared(name));
            }
        }
        self.check_globals(script)?;
        // 12., 13. and 16. come first here: they change nothing that scripts see in between.
        self.declare_block_functions(script, false)?;
        // 15.
        for &(id, is_constant) in &declarations.lexical {
            let name = self.declared(script, id)?;
            let lexical = self.intrinsic(Intrinsic::GlobalLexical);
            let attributes = if is_constant { Attributes::NONE } else { Attributes::WRITABLE };
            self.add_named(lexical, name, Local::of_plain(Value::UNINITIALIZED), attributes)?;
        }
        self.make_globals(script, false)
    }

    /// 8. to 10. of §16.1.7: whether all can be made.
    fn check_globals(&mut self, script: HeapRef) -> Completion<()> {
        let declarations = self.script_code(script).declarations();
        for &(id, _) in declarations.functions.iter().rev() {
            let name = self.declared(script, id)?;
            if !self.can_declare_function(name)? {
                let text = self.text(name).to_rust();
                return Err(self.type_error(&format!("Cannot declare global function '{text}'")));
            }
        }
        for &id in &declarations.vars {
            let name = self.declared(script, id)?;
            if !self.can_declare_var(name)? {
                let text = self.text(name).to_rust();
                return Err(self.type_error(&format!("Cannot declare global variable '{text}'")));
            }
        }
        Ok(())
    }

    /// B.3.2.2 and the global part of B.3.2.3.
    fn declare_block_functions(&mut self, script: HeapRef, deletable: bool) -> Completion<()> {
        let declarations = self.script_code(script).declarations();
        for &id in &declarations.block_functions {
            let name = self.declared(script, id)?;
            if declarations.lexical.iter().any(|&(other, _)| other == id) || self.lexical_has(name) {
                continue;
            }
            if self.can_declare_var(name)? {
                self.create_global_var(name, deletable)?;
            }
        }
        Ok(())
    }

    /// Functions and vars of the global object.
    fn make_globals(&mut self, script: HeapRef, deletable: bool) -> Completion<()> {
        let declarations = self.script_code(script).declarations();
        for &(id, function) in &declarations.functions {
            let name = self.declared(script, id)?;
            let closure = self.declared_closure(script, function)?;
            self.create_global_function(name, closure, deletable)?;
        }
        for &id in &declarations.vars {
            let name = self.declared(script, id)?;
            self.create_global_var(name, deletable)?;
        }
        Ok(())
    }

    fn declared_closure(&mut self, script: HeapRef, function: FunctionId) -> Completion<Local<'s>> {
        let thing = self.function_thing(script, function)?;
        let environment = self.frame().environment;
        let environment = self.local(environment);
        self.new_closure(thing, environment)
    }

    /// The Environment where `var`s of this eval go: the nearest extensible one outside of this eval's own, or null for the global one.
    fn var_environment(&mut self, script: HeapRef) -> Local<'s> {
        let mut environment = self.frame().environment;
        while environment.is_object() {
            let reference = environment.heap_ref();
            if self.read_value(reference, SCRIPT).heap_ref() != script && self.layout(reference).extensible {
                return self.local(environment);
            }
            environment = self.read_value(reference, PARENT);
        }
        Local::NULL
    }

    /// Whether a lexical variable of that name stands between this eval and where its `var`s go.
    fn conflicts(&mut self, script: HeapRef, target: Local<'_>, name: Local<'_>) -> Completion<bool> {
        let mut environment = self.frame().environment;
        let name = self.value(name);
        while environment.is_object() {
            let reference = environment.heap_ref();
            let layout = self.layout(reference);
            let own = self.read_value(reference, SCRIPT).heap_ref() == script;
            if !own
                && layout.kind != ScopeKind::With
                && let Some(variable) = self.variable_in(reference, name)?
            {
                let block_function = variable.kind == VariableKind::Function && !layout.is_var_scope();
                if variable.kind.is_lexical() && variable.kind != VariableKind::ClassName || block_function {
                    return Ok(true);
                }
                if environment == self.value(target)
                    && layout.kind == ScopeKind::Function
                    && matches!(variable.kind, VariableKind::Parameter | VariableKind::Arguments)
                {
                    let holder = self.read_value(reference, SCRIPT).heap_ref();
                    let code = self.script_code(holder);
                    let info = code.info(layout.function);
                    return Ok(info.body_scope != info.scope);
                }
            }
            if environment == self.value(target) {
                return Ok(false);
            }
            environment = self.read_value(reference, PARENT);
        }
        Ok(false)
    }

    /// `DeclareEval`.
    pub(super) fn declare_eval(&mut self) -> Completion<()> {
        let script = self.script_of(self.frame().function);
        let declarations = self.script_code(script).declarations();
        let target = self.var_environment(script);
        // 3.
        let functions = declarations.functions.iter().map(|&(id, _)| id);
        for id in functions.chain(declarations.vars.iter().copied()) {
            let name = self.declared(script, id)?;
            if (target.is_null() && self.lexical_has(name)) || self.conflicts(script, target, name)? {
                return Err(self.redeclared(name));
            }
        }
        if target.is_null() {
            self.check_globals(script)?;
            for &id in &declarations.block_functions {
                let name = self.declared(script, id)?;
                if !self.lexical_has(name) && !self.conflicts(script, target, name)? && self.can_declare_var(name)? {
                    self.create_global_var(name, true)?;
                }
            }
            return self.make_globals(script, true);
        }
        for &id in &declarations.block_functions {
            let name = self.declared(script, id)?;
            if !self.conflicts(script, target, name)? {
                self.declare_in(target, name, None)?;
            }
        }
        for &(id, function) in &declarations.functions {
            let name = self.declared(script, id)?;
            let closure = self.declared_closure(script, function)?;
            self.declare_in(target, name, Some(closure))?;
        }
        for &id in &declarations.vars {
            let name = self.declared(script, id)?;
            self.declare_in(target, name, None)?;
        }
        Ok(())
    }

    /// Makes a `var` in a function's Environment, if it has none of that name, and sets it if there is a value.
    fn declare_in(&mut self, target: Local<'s>, name: Local<'s>, value: Option<Local<'s>>) -> Completion<()> {
        let (reference, atom) = (self.reference(target), self.value(name));
        if let Some(variable) = self.variable_in(reference, atom)? {
            if let (Some(value), Place::Slot(slot)) = (value, variable.place) {
                let (reference, value) = (self.reference(target), self.value(value));
                self.write_value(reference, SLOTS + slot, value);
            }
            return Ok(());
        }
        let object = self.eval_variables(target)?;
        if value.is_none() && self.own_slot(self.reference(object), Key::Name(name)).is_some() {
            return Ok(());
        }
        self.create_data_property(object, Key::Name(name), value.unwrap_or(Local::UNDEFINED))?;
        Ok(())
    }

    /// `StoreBlockFunction`: B.3.2's copy.
    pub(super) fn store_block_function(&mut self, value: Local<'s>, name: Local<'s>) -> Completion<()> {
        let script = self.script_of(self.frame().function);
        let is_eval = matches!(self.script_code(script).parsed().goal, crate::js::parse::ast::Goal::Eval { .. });
        let target = if is_eval { self.var_environment(script) } else { Local::NULL };
        if self.conflicts(script, target, name)? {
            return Ok(());
        }
        if target.is_null() {
            if self.lexical_has(name) {
                return Ok(());
            }
            let global = self.global();
            if self.has_property(global, Key::Name(name))? {
                return self.put(global, Key::Name(name), value, false);
            }
            return Ok(());
        }
        let (reference, atom) = (self.reference(target), self.value(name));
        if let Some(variable) = self.variable_in(reference, atom)? {
            if let Place::Slot(slot) = variable.place {
                let (reference, value) = (self.reference(target), self.value(value));
                self.write_value(reference, SLOTS + slot, value);
            }
            return Ok(());
        }
        let object = self.eval_variables(target)?;
        if self.own_slot(self.reference(object), Key::Name(name)).is_some() {
            self.set(object, Key::Name(name), value)?;
        }
        Ok(())
    }
}
