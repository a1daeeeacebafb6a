//! Environments (§9.1): arrays of values in the heap.

use crate::heap::HeapRef;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::Local;
use crate::js::parse::ast::{Place, Scope, ScopeId, StringId, VariableKind};
use crate::js::value::Value;

/// The Environment around it, or null.
pub(super) const PARENT: u32 = 0;
/// The script thing and the scope whose layout it has.
pub(super) const SCRIPT: u32 = 1;
pub(super) const SCOPE: u32 = 2;
/// The object of a `with`, or one with the variables that evals have made.
pub(super) const EXTENSION: u32 = 3;
/// The first slot.
pub(super) const SLOTS: u32 = 4;

impl<'s> Cx<'s> {
    /// A new Environment of a scope inside another (or null).
    pub(in crate::js) fn new_environment(&mut self, script: HeapRef, id: ScopeId, parent: Local<'_>) -> Completion<HeapRef> {
        let scope = self.script_code(script).scope(id);
        let environment = self.allocate_values(SLOTS + scope.slot_count, Value::UNDEFINED)?;
        let parent = self.value(parent);
        self.write_value(environment, PARENT, parent);
        self.write_value(environment, SCRIPT, Value::object(script));
        self.write_value(environment, SCOPE, Value::int(id.0.cast_signed()));
        for variable in &scope.variables {
            if variable.needs_dead_zone
                && let Place::Slot(slot) = variable.place
            {
                self.write_value(environment, SLOTS + slot, Value::UNINITIALIZED);
            }
        }
        Ok(environment)
    }

    /// `PushEnv`.
    pub(super) fn push_environment(&mut self, id: ScopeId) -> Completion<()> {
        let script = self.script_of(self.frame().function);
        let parent = self.frame().environment;
        let mut cx = self.open();
        let parent = cx.local(parent);
        let environment = cx.new_environment(script, id, parent)?;
        cx.frame_mut().environment = Value::object(environment);
        Ok(())
    }

    /// `PushWith`.
    pub(super) fn push_with(&mut self, object: Local<'_>, id: ScopeId) -> Completion<()> {
        self.push_environment(id)?;
        let (environment, object) = (self.frame().environment.heap_ref(), self.value(object));
        self.write_value(environment, EXTENSION, object);
        Ok(())
    }

    /// `CopyEnv`: CreatePerIterationEnvironment (§14.7.4.4).
    pub(super) fn copy_environment(&mut self) -> Completion<()> {
        let length = self.agent.heap.length(self.frame().environment.heap_ref());
        let copy = self.allocate_values(length, Value::UNDEFINED)?;
        let old = self.frame().environment.heap_ref();
        for nth in 0..length {
            let value = self.read_value(old, nth);
            self.write_value(copy, nth, value);
        }
        self.frame_mut().environment = Value::object(copy);
        Ok(())
    }

    /// The layout of an Environment.
    pub(super) fn layout(&self, environment: HeapRef) -> &'s Scope {
        let script = self.read_value(environment, SCRIPT).heap_ref();
        let scope = self.read_value(environment, SCOPE).as_int().unwrap_or(0);
        self.script_code(script).scope(ScopeId(scope.cast_unsigned()))
    }

    /// The ReferenceError of a variable that is not initialized, by its slot.
    #[cold]
    pub(super) fn slot_uninitialized(&mut self, environment: HeapRef, slot: u16) -> Thrown {
        let layout = self.layout(environment);
        let variable = layout.variables.iter().find(|variable| variable.place == Place::Slot(u32::from(slot)));
        let Some(variable) = variable else { return self.reference_error("Variable is not initialized") };
        let script = self.read_value(environment, SCRIPT).heap_ref();
        self.uninitialized(script, variable.name, variable.kind)
    }

    /// The ReferenceError of a variable that is not initialized.
    #[cold]
    pub(super) fn uninitialized(&mut self, script: HeapRef, name: StringId, kind: VariableKind) -> Thrown {
        let name = self.script_code(script).string(name).to_utf8_lossy();
        if kind == VariableKind::This { self.no_this() } else { self.not_initialized(&name) }
    }

    #[cold]
    pub(super) fn not_initialized(&mut self, name: &str) -> Thrown {
        if name == "this" {
            return self.no_this();
        }
        self.reference_error(&format!("Cannot access '{name}' before initialization"))
    }

    #[cold]
    pub(super) fn no_this(&mut self) -> Thrown {
        self.reference_error(
            "Must call super constructor in derived class before accessing 'this' or returning from derived constructor",
        )
    }
}
