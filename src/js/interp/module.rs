//! What instructions of modules do, and how a module's code runs in two parts.
//!
//! A module's function 0 runs up to its mark (`ModuleReady`) when it is linked: its functions are made then, since modules in a circle call one
//! another before they are evaluated. There its frame is kept, as a generator's is, and evaluation resumes it.

use crate::base::sync::Arc;
use crate::js::bytecode::ScriptCode;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::interp::activation::ResumeMode;
use crate::js::interp::environment::SLOTS;
use crate::js::interp::frame::{ENTRY, Flow};
use crate::js::interp::loaded::SCRIPT_HOST;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::module::ModuleId;
use crate::js::module::dynamic::Referrer;
use crate::js::parse::ast::FunctionId;
use crate::js::value::Value;

impl<'s> Cx<'s> {
    /// The module whose code runs; of a script nothing.
    fn running_module(&self) -> Option<ModuleId> {
        let script = self.script_of(self.frame().function);
        let number = self.read_value(script, SCRIPT_HOST).as_int()?;
        Some(ModuleId(number.cast_unsigned()))
    }

    /// `LoadImport`.
    pub(super) fn load_import(&mut self, index: u16) -> Completion<Local<'s>> {
        match self.running_module() {
            Some(id) => self.module_import(id, u32::from(index)),
            None => Err(self.syntax_error("Cannot use import statement outside a module")),
        }
    }

    /// `ImportMeta`.
    pub(super) fn import_meta(&mut self) -> Completion<Local<'s>> {
        match self.running_module() {
            Some(id) => self.module_meta(id),
            None => Err(self.syntax_error("Cannot use 'import.meta' outside a module")),
        }
    }

    /// `ImportCall`.
    pub(super) fn import_call(&mut self, specifier: Local<'s>, options: Local<'s>) -> Completion<Local<'s>> {
        if let Some(id) = self.running_module() {
            return self.call_import(Referrer::Module(id), specifier, options);
        }
        let script = self.script_of(self.frame().function);
        let host = self.read_value(script, SCRIPT_HOST);
        let name = if host.is_string() {
            // Code that an eval has made imports as the code around it does.
            let name = self.local(host);
            self.rust_text(name)?
        } else {
            self.script_code(script).source().name().to_owned()
        };
        self.call_import(Referrer::Script(&name), specifier, options)
    }

    /// What code that is made by the running code has as its referrer.
    pub(super) fn inherited_host(&mut self) -> Completion<Value> {
        let Some(frame) = self.agent.roots.machine.frames.last() else { return Ok(Value::UNDEFINED) };
        let script = self.script_of(frame.function);
        let host = self.read_value(script, SCRIPT_HOST);
        let name = self.script_code(script).source().name();
        if !host.is_undefined() || name.is_empty() {
            return Ok(host);
        }
        let atom = self.agent.intern_text(name);
        atom.map(Value::string).map_err(|error| self.heap_error(error))
    }

    /// Makes a module's Environment and runs its code up to the mark. Gives both: the Environment, and what [`run_module`](Cx::run_module)
    /// takes.
    pub(in crate::js) fn begin_module(&mut self, code: &Arc<ScriptCode>, id: ModuleId) -> Completion<(Local<'s>, Local<'s>)> {
        let script = self.load_script(code)?;
        let thing = self.reference(script);
        self.write_value(thing, SCRIPT_HOST, Value::int(id.0.cast_signed()));
        let environment = self.new_environment(thing, code.info(FunctionId(0)).scope, Local::NULL)?;
        let environment = self.local(Value::object(environment));
        let function = self.function_thing(thing, FunctionId(0))?;
        let prototype = self.intrinsic(Intrinsic::FunctionPrototype);
        let closure = self.bare_closure(function, environment, prototype)?;
        let activation = self.make_object(Class::AsyncFunction, Local::NULL)?;
        {
            let mut cx = self.open();
            cx.check_stack(2)?;
            let at = cx.push_call(closure, Local::UNDEFINED, &[]);
            let top = cx.agent.roots.top;
            cx.push_frame(at, 0, Value::UNDEFINED, 0, ENTRY)?;
            let value = cx.value(activation);
            cx.frame_mut().activation = value;
            let result = cx.run(None);
            cx.agent.roots.top = top;
            result?;
        }
        Ok((environment, activation))
    }

    /// `ModuleReady`: the frame is kept, the part of linking ends. A frame that goes on from here is an ordinary one.
    pub(super) fn module_ready(&mut self) -> Completion<Flow> {
        self.keep_frame()?;
        Ok(self.leave_frame(Value::UNDEFINED))
    }

    /// Runs a module's code from its mark on. What it gives is a promise if the module waits for promises.
    pub(in crate::js) fn run_module(&mut self, suspended: Local<'_>) -> Completion<Local<'s>> {
        let value = self.resume(suspended, Local::UNDEFINED, ResumeMode::Next)?;
        Ok(self.local(value))
    }

    /// A variable in an Environment.
    pub(in crate::js) fn environment_slot(&self, environment: Local<'_>, slot: u32) -> Value {
        self.read_value(self.reference(environment), SLOTS + slot)
    }
}
