//! One script: its names, and what each directive does.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmparser::WasmFeatures;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::Id;
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, Wat};

use super::{Failure, Report, Settings, spectest, value};
use crate::api::{CallError, Instance, Isolate, LinkError, Linker, Module, Trap, TrapCode, Val, WasmEngine};

/// A script in progress.
pub(super) struct Script<'r> {
    pub(super) engine: &'r WasmEngine,
    pub(super) features: WasmFeatures,
    isolate: Isolate,
    linker: Linker,
    /// By name; `None` is the latest one.
    instances: HashMap<Option<String>, Instance>,
    definitions: HashMap<Option<String>, Module>,
}

enum Outcome {
    Passed,
    Skipped,
}

type Done = Result<Outcome, String>;

/// How executing something ended, apart from mistakes of the script.
type Executed = Result<Vec<Val>, Trap>;

/// Runs a whole script.
pub(super) fn run(engine: &WasmEngine, features: WasmFeatures, settings: &Settings, path: &str, source: &str) -> Report {
    let mut report = Report::default();
    let fail = |report: &mut Report, line, message| report.failed.push(Failure { file: path.to_owned(), line, message });
    let mut lexer = Lexer::new(source);
    lexer.allow_confusing_unicode(true);
    let line = |span: wast::token::Span| span.linecol_in(source).0 + 1;
    let buffer = match ParseBuffer::new_with_lexer(lexer) {
        Ok(buffer) => buffer,
        Err(error) => {
            fail(&mut report, line(error.span()), error.message());
            return report;
        }
    };
    let parsed = parser::parse::<Wast<'_>>(&buffer);
    let (directives, mut script) = match (parsed, Script::new(engine, features, settings)) {
        (Ok(parsed), Ok(script)) => (parsed.directives, script),
        (Err(error), _) => {
            fail(&mut report, line(error.span()), error.message());
            return report;
        }
        (_, Err(message)) => {
            fail(&mut report, 1, message);
            return report;
        }
    };
    for directive in directives {
        let line = line(directive.span());
        let done = catch_unwind(AssertUnwindSafe(|| script.directive(directive)));
        match done.unwrap_or_else(|panic| Err(format!("engine bug: {}", panic_message(&*panic)))) {
            Ok(Outcome::Passed) => report.passed += 1,
            Ok(Outcome::Skipped) => report.skipped += 1,
            Err(message) => fail(&mut report, line, message),
        }
    }
    report
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

fn name(id: Id<'_>) -> String {
    id.name().to_owned()
}

impl<'r> Script<'r> {
    fn new(engine: &'r WasmEngine, features: WasmFeatures, settings: &Settings) -> Result<Self, String> {
        let mut isolate = Isolate::new(engine).map_err(|error| error.to_string())?;
        isolate.set_deadline(Some(settings.timeout));
        isolate.set_fuel(settings.fuel.unwrap_or(u64::MAX));
        let mut linker = Linker::new(engine);
        spectest::define(&mut linker, &mut isolate, features).map_err(|error| error.to_string())?;
        Ok(Script { engine, features, isolate, linker, instances: HashMap::new(), definitions: HashMap::new() })
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
                let instance = self.instance(module)?;
                self.linker.instance(&mut self.isolate, name, instance);
                Ok(Outcome::Passed)
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke)?.map(|_| Outcome::Passed).map_err(|trap| trap.to_string()),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => Ok(Outcome::Skipped),
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

    fn instantiate(&mut self, module: &Module) -> Result<Instance, String> {
        self.linker.instantiate(&mut self.isolate, module).map_err(|error| error.to_string())
    }

    fn expect_unlinkable(&mut self, module: Wat<'_>) -> Result<(), String> {
        let compiled = self.compile(&mut QuoteWat::Wat(module))?;
        match self.linker.instantiate(&mut self.isolate, &compiled) {
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
                match self.linker.instantiate(&mut self.isolate, &compiled) {
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
        match func.call(&mut self.isolate, &args) {
            Ok(results) => Ok(Ok(results)),
            Err(CallError::Trap(trap)) => Ok(Err(trap)),
            Err(error) => Err(error.to_string()),
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
