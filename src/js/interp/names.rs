//! Names that are looked up at run time: through layouts, objects of `with`, variables of evals, then globally (§9.1.2.1).

use crate::heap::HeapRef;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::environment::{EXTENSION, PARENT, SCRIPT, SLOTS};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::parse::ast::{Place, ScopeKind, Variable, VariableKind};
use crate::js::value::Value;

/// Where a name was found.
pub(super) enum Binding<'s> {
    /// A slot of an Environment.
    Slot(Local<'s>, &'s Variable),
    /// A variable that an eval has made, of this object, in this Environment.
    Eval(Local<'s>, Local<'s>),
    /// A property of the object of a `with`, in this Environment.
    With(Local<'s>, Local<'s>),
    /// A global.
    Global,
    /// Nowhere.
    Nowhere,
}

impl<'s> Cx<'s> {
    /// The variable of that name in the layout of an Environment.
    pub(super) fn variable_in(&mut self, environment: HeapRef, name: Value) -> Completion<Option<&'s Variable>> {
        let script = self.read_value(environment, SCRIPT).heap_ref();
        for variable in &self.layout(environment).variables {
            if matches!(variable.place, Place::Slot(_)) && self.script_string(script, variable.name)? == name {
                return Ok(Some(variable));
            }
        }
        Ok(None)
    }

    /// Whether the name is the program's: not a private name, `this` and the like.
    fn is_ordinary_name(&self, name: Local<'_>) -> bool {
        let text = self.text(name);
        !(text.get(0).is_some_and(|unit| unit == u16::from(b'#') || unit == u16::from(b'%'))
            || text == *"this"
            || text == *"new.target")
    }

    /// ResolveBinding (§9.4.2) from the current Environment.
    pub(super) fn resolve(&mut self, name: Local<'s>) -> Completion<Binding<'s>> {
        let ordinary = self.is_ordinary_name(name);
        let mut environment = self.frame().environment;
        while environment.is_object() {
            let here = self.local(environment);
            let reference = environment.heap_ref();
            let layout = self.layout(reference);
            if layout.kind == ScopeKind::With {
                if ordinary {
                    let object = self.extension(here);
                    if self.with_has(object, name)? {
                        return Ok(Binding::With(object, here));
                    }
                }
            } else {
                let value = self.value(name);
                if let Some(variable) = self.variable_in(reference, value)? {
                    return Ok(Binding::Slot(here, variable));
                }
                let extension = self.extension(here);
                if ordinary && extension.is_object() && self.own_slot(self.reference(extension), Key::Name(name)).is_some() {
                    return Ok(Binding::Eval(extension, here));
                }
            }
            environment = self.read_value(self.reference(here), PARENT);
        }
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        if self.own_slot(self.reference(lexical), Key::Name(name)).is_some() {
            return Ok(Binding::Global);
        }
        let (global, key) = (self.global(), self.name_key(name));
        Ok(if self.has_property(global, key)? { Binding::Global } else { Binding::Nowhere })
    }

    /// The property key of an atom.
    pub(super) fn name_key(&self, name: Local<'s>) -> Key<'s> {
        Key::Name(name)
    }

    fn extension(&mut self, environment: Local<'_>) -> Local<'s> {
        let extension = self.read_value(self.reference(environment), EXTENSION);
        self.local(extension)
    }

    /// HasBinding of an object Environment of a `with` (§9.1.1.2.1).
    fn with_has(&mut self, object: Local<'s>, name: Local<'s>) -> Completion<bool> {
        if !self.has_property(object, Key::Name(name))? {
            return Ok(false);
        }
        let unscopables = self.get(object, Name::sym_unscopables.key())?;
        if unscopables.is_object() {
            let blocked = self.get(unscopables, Key::Name(name))?;
            return Ok(!self.to_boolean(blocked));
        }
        Ok(true)
    }

    fn slot_value_of(&mut self, environment: Local<'s>, variable: &Variable) -> Completion<Local<'s>> {
        let Place::Slot(slot) = variable.place else { return Ok(Local::UNDEFINED) };
        let environment = self.reference(environment);
        let value = self.read_value(environment, SLOTS + slot);
        if value.is_uninitialized() {
            let script = self.read_value(environment, SCRIPT).heap_ref();
            return Err(self.uninitialized(script, variable.name, variable.kind));
        }
        Ok(self.local(value))
    }

    /// GetValue of a name that was found.
    fn binding_value(&mut self, binding: Binding<'s>, name: Local<'s>, strict: bool) -> Completion<Local<'s>> {
        match binding {
            Binding::Slot(environment, variable) => self.slot_value_of(environment, variable),
            Binding::Eval(object, _) => self.get(object, Key::Name(name)),
            Binding::With(object, _) => {
                // GetBindingValue (§9.1.1.2.6)
                if !self.has_property(object, Key::Name(name))? {
                    return if strict { Err(self.not_defined(name)) } else { Ok(Local::UNDEFINED) };
                }
                self.get(object, Key::Name(name))
            }
            Binding::Global => self.global_value(name),
            Binding::Nowhere if self.text(name) == *"this" => Ok(self.intrinsic(Intrinsic::GlobalThis)),
            Binding::Nowhere if self.text(name) == *"new.target" => Ok(Local::UNDEFINED),
            Binding::Nowhere => Err(self.not_defined(name)),
        }
    }

    /// The ReferenceError of a name that is nowhere.
    #[cold]
    pub(super) fn not_defined(&mut self, name: Local<'_>) -> crate::js::cx::Thrown {
        let text = self.text(name).to_rust();
        self.reference_error(&format!("{text} is not defined"))
    }

    /// `LoadName`.
    pub(super) fn load_name(&mut self, name: Local<'s>, strict: bool) -> Completion<Local<'s>> {
        let binding = self.resolve(name)?;
        self.binding_value(binding, name, strict)
    }

    /// `TypeofName`.
    pub(super) fn typeof_name(&mut self, name: Local<'s>, strict: bool) -> Completion<Local<'s>> {
        match self.resolve(name)? {
            Binding::Nowhere => Ok(Name::undefined.local()),
            binding => {
                let value = self.binding_value(binding, name, strict)?;
                Ok(self.type_of(value))
            }
        }
    }

    /// `LoadNameCall`: the value, and the `this` of a call.
    pub(super) fn load_name_call(&mut self, name: Local<'s>, strict: bool) -> Completion<(Local<'s>, Local<'s>)> {
        let binding = self.resolve(name)?;
        let this = if let Binding::With(object, _) = binding { object } else { Local::UNDEFINED };
        Ok((self.binding_value(binding, name, strict)?, this))
    }

    /// `ResolveName`.
    pub(super) fn resolve_name(&mut self, name: Local<'s>) -> Completion<Local<'s>> {
        Ok(match self.resolve(name)? {
            Binding::Slot(environment, _) | Binding::Eval(_, environment) | Binding::With(_, environment) => environment,
            Binding::Global => Local::NULL,
            Binding::Nowhere => Local::UNDEFINED,
        })
    }

    /// What an Environment that `ResolveName` gave has of the name.
    fn resolved(&mut self, resolved: Local<'s>, name: Local<'s>) -> Completion<Binding<'s>> {
        if resolved.is_null() {
            return Ok(Binding::Global);
        }
        if !resolved.is_object() {
            return Ok(Binding::Nowhere);
        }
        let extension = self.extension(resolved);
        if self.layout(self.reference(resolved)).kind == ScopeKind::With {
            return Ok(Binding::With(extension, resolved));
        }
        let (reference, value) = (self.reference(resolved), self.value(name));
        Ok(match self.variable_in(reference, value)? {
            Some(variable) => Binding::Slot(resolved, variable),
            None if extension.is_object() => Binding::Eval(extension, resolved),
            None => Binding::Nowhere,
        })
    }

    /// `LoadResolved`.
    pub(super) fn load_resolved(&mut self, resolved: Local<'s>, name: Local<'s>, strict: bool) -> Completion<Local<'s>> {
        let binding = self.resolved(resolved, name)?;
        self.binding_value(binding, name, strict)
    }

    /// `StoreResolved`: PutValue (§6.2.5.6).
    pub(super) fn store_resolved(
        &mut self,
        value: Local<'s>,
        resolved: Local<'s>,
        name: Local<'s>,
        strict: bool,
    ) -> Completion<()> {
        match self.resolved(resolved, name)? {
            Binding::Slot(environment, variable) => {
                self.slot_value_of(environment, variable)?;
                if variable.kind.is_constant() {
                    return Err(self.const_assignment(name));
                }
                if variable.kind == VariableKind::FunctionName {
                    return if strict { Err(self.const_assignment(name)) } else { Ok(()) };
                }
                self.write_slot(environment, variable, value);
                Ok(())
            }
            Binding::Eval(object, _) => {
                // A variable that was deleted meanwhile is made anew in sloppy code.
                if strict && self.own_slot(self.reference(object), Key::Name(name)).is_none() {
                    return Err(self.not_defined(name));
                }
                self.set(object, Key::Name(name), value)
            }
            Binding::With(object, _) => {
                // SetMutableBinding (§9.1.1.2.5)
                let there = self.has_property(object, Key::Name(name))?;
                if !there && strict {
                    return Err(self.not_defined(name));
                }
                self.put(object, Key::Name(name), value, strict)
            }
            Binding::Global => self.set_global(value, name, strict),
            Binding::Nowhere if strict => Err(self.not_defined(name)),
            Binding::Nowhere => {
                let global = self.global();
                self.put(global, Key::Name(name), value, false)
            }
        }
    }

    fn write_slot(&mut self, environment: Local<'_>, variable: &Variable, value: Local<'_>) {
        if let Place::Slot(slot) = variable.place {
            let (environment, value) = (self.reference(environment), self.value(value));
            self.write_value(environment, SLOTS + slot, value);
        }
    }

    #[cold]
    pub(super) fn const_assignment(&mut self, name: Local<'_>) -> crate::js::cx::Thrown {
        let _ = name;
        self.type_error("Assignment to constant variable.")
    }

    /// `InitName`: the nearest Environment that declares it, without objects.
    pub(super) fn init_name(&mut self, value: Local<'s>, name: Local<'s>) -> Completion<()> {
        let mut environment = self.frame().environment;
        while environment.is_object() {
            let here = self.local(environment);
            let name = self.value(name);
            if self.layout(environment.heap_ref()).kind != ScopeKind::With
                && let Some(variable) = self.variable_in(environment.heap_ref(), name)?
            {
                if let (VariableKind::This, Place::Slot(slot)) = (variable.kind, variable.place)
                    && !self.read_value(self.reference(here), SLOTS + slot).is_uninitialized()
                {
                    return Err(self.reference_error("Super constructor may only be called once"));
                }
                self.write_slot(here, variable, value);
                return Ok(());
            }
            environment = self.read_value(self.reference(here), PARENT);
        }
        let lexical = self.intrinsic(Intrinsic::GlobalLexical);
        let lexical = self.reference(lexical);
        if self.own_slot(lexical, Key::Name(name)).is_some() {
            self.write_own(lexical, Key::Name(name), value);
        }
        Ok(())
    }

    /// `DeleteName`.
    pub(super) fn delete_name(&mut self, name: Local<'s>) -> Completion<bool> {
        match self.resolve(name)? {
            Binding::Slot(..) => Ok(false),
            Binding::Eval(object, _) | Binding::With(object, _) => self.delete(object, Key::Name(name)),
            Binding::Global => {
                let lexical = self.intrinsic(Intrinsic::GlobalLexical);
                if self.own_slot(self.reference(lexical), Key::Name(name)).is_some() {
                    return Ok(false);
                }
                let global = self.global();
                self.delete(global, Key::Name(name))
            }
            Binding::Nowhere => Ok(true),
        }
    }

    /// The variables that evals have made in an Environment: an object, made now if there is none.
    pub(super) fn eval_variables(&mut self, environment: Local<'_>) -> Completion<Local<'s>> {
        let known = self.extension(environment);
        if known.is_object() {
            return Ok(known);
        }
        let object = self.make_object(Class::Internal, Local::NULL)?;
        let (environment, value) = (self.reference(environment), self.value(object));
        self.write_value(environment, EXTENSION, value);
        Ok(object)
    }
}
