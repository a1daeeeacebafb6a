//! One script: its names, and what each directive does.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{self, Poll, Waker};
use std::thread::Scope;

use wasmparser::WasmFeatures;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, Wat};

use super::threads::Threads;
use super::{Failure, Report, Settings, spectest, value};
use crate::api::{
    CallError, Extern, Instance, Isolate, LinkError, Linker, Module, SharedMemory, Trap, TrapCode, Val, WasmEngine,
};

/// A script in progress.
pub(super) struct Script<'r> {
    pub(super) engine: &'r WasmEngine,
    pub(super) features: WasmFeatures,
    /// See [`Settings`].
    pub(super) reload: bool,
    pub(super) chunk_bytes: Option<usize>,
    isolate: Isolate,
    is_async: bool,
    linker: Linker,
    /// By name; `None` is the latest one.
    instances: HashMap<Option<String>, Instance>,
    definitions: HashMap<Option<String>, Module>,
    /// What other threads' instances share with this one, by the names of those.
    shared: HashMap<String, Exports>,
}

/// The shared memories among the exports of an instance.
pub(super) type Exports = Vec<(String, SharedMemory)>;

enum Outcome {
    Passed,
    Skipped,
}

type Done = Result<Outcome, String>;

/// How executing something ended, apart from mistakes of the script.
type Executed = Result<Vec<Val>, Trap>;

/// What a script and its threads have in common.
pub(super) struct Context<'r> {
    pub(super) engine: &'r WasmEngine,
    pub(super) features: WasmFeatures,
    pub(super) settings: &'r Settings,
    pub(super) path: &'r str,
    pub(super) source: &'r str,
}

impl Context<'_> {
    fn line(&self, span: Span) -> usize {
        span.linecol_in(self.source).0 + 1
    }

    pub(super) fn failure(&self, line: usize, message: String) -> Failure {
        Failure { file: self.path.to_owned(), line, message }
    }
}

/// Runs a whole script.
pub(super) fn run(context: &Context<'_>) -> Report {
    let stop = |line, message| Report { failed: vec![context.failure(line, message)], ..Report::default() };
    let mut lexer = Lexer::new(context.source);
    lexer.allow_confusing_unicode(true);
    let buffer = match ParseBuffer::new_with_lexer(lexer) {
        Ok(buffer) => buffer,
        Err(error) => return stop(context.line(error.span()), error.message()),
    };
    let directives = match parser::parse::<Wast<'_>>(&buffer) {
        Ok(parsed) => parsed.directives,
        Err(error) => return stop(context.line(error.span()), error.message()),
    };
    match Script::new(context, HashMap::new()) {
        Ok(script) => std::thread::scope(|scope| run_directives(context, script, directives, scope)),
        Err(message) => stop(1, message),
    }
}

/// Runs directives in order, and waits for the threads that they started.
pub(super) fn run_directives<'scope, 'env>(
    context: &'env Context<'env>,
    mut script: Script<'env>,
    directives: Vec<WastDirective<'env>>,
    scope: &'scope Scope<'scope, 'env>,
) -> Report {
    let mut report = Report::default();
    let mut threads = Threads::new(context, scope);
    for directive in directives {
        let line = context.line(directive.span());
        let done = catch_unwind(AssertUnwindSafe(|| match directive {
            WastDirective::Thread(thread) => threads.start(&mut script, thread, line).map(|()| Outcome::Passed),
            WastDirective::Wait { thread, .. } => threads.wait(thread.name(), &mut report).map(|()| Outcome::Passed),
            directive => script.directive(directive),
        }));
        match done.unwrap_or_else(|panic| Err(format!("engine bug: {}", panic_message(&*panic)))) {
            Ok(Outcome::Passed) => report.passed += 1,
            Ok(Outcome::Skipped) => report.skipped += 1,
            Err(message) => report.failed.push(context.failure(line, message)),
        }
    }
    threads.wait_all(&mut report);
    report
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

fn name(id: Id<'_>) -> String {
    id.name().to_owned()
}

impl<'r> Script<'r> {
    pub(super) fn new(context: &Context<'r>, shared: HashMap<String, Exports>) -> Result<Self, String> {
        let Context { engine, features, settings, .. } = *context;
        let mut isolate = Isolate::new(engine).map_err(|error| error.to_string())?;
        isolate.set_deadline(Some(settings.timeout));
        isolate.set_fuel(settings.fuel.unwrap_or(u64::MAX));
        isolate.set_async_yield(settings.async_yield.unwrap_or_default());
        let is_async = settings.async_yield.is_some();
        let mut linker = Linker::new(engine);
        spectest::define(&mut linker, &mut isolate, features).map_err(|error| error.to_string())?;
        let Settings { reload, chunk_bytes, .. } = *settings;
        let (instances, definitions) = (HashMap::new(), HashMap::new());
        Ok(Script { engine, features, reload, chunk_bytes, isolate, is_async, linker, instances, definitions, shared })
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Done {
        match directive {
            WastDirective::Module(mut module) => {
                let id = module.name();
                let instance = self.compile(&mut module).and_then(|compiled| self.instantiate(&compiled));
                self.keep(id, instance)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let id = module.name();
                let compiled = self.compile(&mut module)?;
                for key in [None, id.map(name)] {
                    self.definitions.insert(key, compiled.clone());
                }
                Ok(Outcome::Passed)
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let key = module.map(name);
                let definition = self.definitions.get(&key).cloned().ok_or("no such module definition");
                let made = definition.map_err(str::to_owned).and_then(|compiled| self.instantiate(&compiled));
                self.keep(instance, made)
            }
            WastDirective::Register { name, module, .. } => {
                if let Some(exports) = module.and_then(|id| self.shared.get(id.name())) {
                    for (field, memory) in exports {
                        self.linker.define_shared(name, field, memory).map_err(|error| error.to_string())?;
                    }
                    return Ok(Outcome::Passed);
                }
                let instance = self.instance(module)?;
                self.linker.instance(&mut self.isolate, name, instance);
                Ok(Outcome::Passed)
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke)?.map(|_| Outcome::Passed).map_err(|trap| trap.to_string()),
            assertion => self.assertion(assertion),
        }
    }

    fn assertion(&mut self, directive: WastDirective<'_>) -> Done {
        let done = match directive {
            WastDirective::AssertReturn { exec, results, .. } => match self.execute(exec)? {
                Ok(found) => value::compare(&self.isolate, &found, &results),
                Err(trap) => Err(trap.to_string()),
            },
            WastDirective::AssertTrap { exec, message, .. } => expect_trap(self.execute(exec)?, message),
            WastDirective::AssertExhaustion { call, message, .. } => expect_trap(self.invoke(&call)?, message),
            WastDirective::AssertInvalid { mut module, .. } | WastDirective::AssertMalformed { mut module, .. } => {
                self.refuse(&mut module)
            }
            WastDirective::AssertUnlinkable { module, .. } => self.expect_unlinkable(module),
            WastDirective::AssertInvalidCustom { mut module, .. } | WastDirective::AssertMalformedCustom { mut module, .. } => {
                // Custom sections do not change what a module means (§2.5, appendix 7.4): only the text format can refuse them.
                return Ok(if module.encode().is_err() { Outcome::Passed } else { Outcome::Skipped });
            }
            WastDirective::AssertException { exec, .. } => match self.execute(exec)? {
                Ok(results) => Err(format!("expected an exception, returned {results:?}")),
                Err(trap) if trap.exception().is_some() => Ok(()),
                Err(trap) => Err(format!("expected an exception, found: {trap}")),
            },
            WastDirective::AssertSuspension { .. } => Err("stack switching is not supported".into()),
            _ => Err("a directive that is not known".into()),
        };
        done.map(|()| Outcome::Passed)
    }

    /// Names an instance; a failed one leaves its name, and "the latest", without instance.
    fn keep(&mut self, id: Option<Id<'_>>, instance: Result<Instance, String>) -> Done {
        for key in [None, id.map(name)] {
            match &instance {
                Ok(instance) => self.instances.insert(key, *instance),
                Err(_) => self.instances.remove(&key),
            };
        }
        instance.map(|_| Outcome::Passed)
    }

    fn instance(&self, id: Option<Id<'_>>) -> Result<Instance, String> {
        let instance = self.instances.get(&id.map(name)).copied();
        instance.ok_or_else(|| id.map_or("no instance".into(), |id| format!("no instance ${}", id.name())))
    }

    /// What a thread may have of an instance.
    pub(super) fn shared_exports(&mut self, id: Id<'_>) -> Result<Exports, String> {
        let instance = self.instance(Some(id))?;
        let exports = instance.exports(&mut self.isolate).into_iter();
        let shared = exports.filter_map(|(name, export)| match export {
            Extern::Memory(memory) => Some((name, memory.as_shared(&self.isolate)?)),
            _ => None,
        });
        Ok(shared.collect())
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, String> {
        self.link(module).map_err(|error| error.to_string())
    }

    fn link(&mut self, module: &Module) -> Result<Instance, LinkError> {
        if self.is_async {
            return complete(self.linker.instantiate_async(&mut self.isolate, module));
        }
        self.linker.instantiate(&mut self.isolate, module)
    }

    fn expect_unlinkable(&mut self, module: Wat<'_>) -> Result<(), String> {
        let compiled = self.compile(&mut QuoteWat::Wat(module))?;
        match self.link(&compiled) {
            Ok(_) => Err("the module links".into()),
            Err(LinkError::MissingImport { .. } | LinkError::IncompatibleImport { .. }) => Ok(()),
            // Before bulk memory, a segment that does not fit was an error of linking.
            Err(LinkError::Trap(_)) if !self.features.contains(WasmFeatures::BULK_MEMORY) => Ok(()),
            Err(error) => Err(format!("expected an error of linking, found: {error}")),
        }
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Executed, String> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => {
                let compiled = self.compile(&mut QuoteWat::Wat(module))?;
                match self.link(&compiled) {
                    Ok(_) => Ok(Ok(Vec::new())),
                    Err(LinkError::Trap(trap)) => Ok(Err(trap)),
                    Err(error) => Err(error.to_string()),
                }
            }
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                let found = instance.get_global(&mut self.isolate, global).and_then(|global| global.get(&mut self.isolate));
                found.map(|value| Ok(vec![value])).ok_or_else(|| format!("no global \"{global}\""))
            }
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Executed, String> {
        let instance = self.instance(invoke.module)?;
        let func = instance.get_func(&mut self.isolate, invoke.name);
        let func = func.ok_or_else(|| format!("no exported function \"{}\"", invoke.name))?;
        let args = invoke.args.iter().map(|arg| value::argument(&mut self.isolate, arg));
        let args = args.collect::<Result<Vec<_>, _>>()?;
        let called =
            if self.is_async { complete(func.call_async(&mut self.isolate, &args)) } else { func.call(&mut self.isolate, &args) };
        match called {
            Ok(results) => Ok(Ok(results)),
            Err(CallError::Trap(trap)) => Ok(Err(trap)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Polls a call until it is over. It waits for nothing: when it is pending it has yielded.
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = task::Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}

/// Checks the kind of a trap. The suite writes some messages longer than we do ("uninitialized element 2"), some shorter.
fn expect_trap(executed: Executed, message: &str) -> Result<(), String> {
    let trap = match executed {
        Ok(results) => return Err(format!("expected the trap \"{message}\", returned {results:?}")),
        Err(trap) => trap,
    };
    let found = trap.code().message();
    let same = found.starts_with(message) || message.starts_with(found) || is_null_trap(trap.code(), message);
    if same { Ok(()) } else { Err(format!("expected the trap \"{message}\", found \"{found}\"")) }
}

/// "null function reference", "null structure reference", … are one trap to us.
fn is_null_trap(code: TrapCode, message: &str) -> bool {
    code == TrapCode::NullReference && message.starts_with("null ") && message.ends_with(" reference")
}
