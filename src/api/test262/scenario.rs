//! One test in one mode: what is run before it, and whether it did what it should.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Settings;
use super::host::{self, Printed};
use super::metadata::{Metadata, Phase};
use crate::base::sync::{Arc, Mutex, OnceLock, thread};
use crate::heap::HeapConfig;
use crate::js::agent::{Agent, AgentConfig, Interrupt};
use crate::js::bytecode::ScriptCode;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::script::compile_script;
use crate::js::source::SourceText;

/// Bytes that a test may have of the heap.
const HEAP_BYTES: u64 = 512 << 20;

/// A mode in which a test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sloppy,
    Strict,
    Module,
}

/// The files of the suite's `harness`, compiled when they are first needed.
pub(super) struct Harness {
    folder: PathBuf,
    compiled: Mutex<HashMap<String, Arc<ScriptCode>>>,
}

impl Harness {
    pub fn new(folder: PathBuf) -> Self {
        Harness { folder, compiled: Mutex::new(HashMap::new()) }
    }

    fn script(&self, name: &str) -> Result<Arc<ScriptCode>, String> {
        if let Some(script) = self.compiled.lock().get(name) {
            return Ok(Arc::clone(script));
        }
        let path = self.folder.join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("harness/{name}: {error}"))?;
        let script =
            compile_script(SourceText::from_utf8(name, &text)).map_err(|error| format!("harness/{name}: {}", error.message))?;
        self.compiled.lock().insert(name.to_owned(), Arc::clone(&script));
        Ok(script)
    }

    /// Runs a test in all its modes.
    pub fn run(&self, file: &Path, source: &str, metadata: &Metadata, settings: &Settings) -> Result<(), String> {
        let modes: &[Mode] = match () {
            () if metadata.has_flag("module") => &[Mode::Module],
            () if metadata.has_flag("raw") || metadata.has_flag("noStrict") => &[Mode::Sloppy],
            () if metadata.has_flag("onlyStrict") => &[Mode::Strict],
            () => &[Mode::Sloppy, Mode::Strict],
        };
        for &mode in modes {
            // A panic is a defect of this one test's.
            let result = catch_unwind(AssertUnwindSafe(|| self.run_in(file, source, metadata, settings, mode)));
            result.unwrap_or_else(|_| Err("panic".to_owned())).map_err(|cause| format!("{mode:?}: {cause}"))?;
        }
        Ok(())
    }

    fn run_in(&self, file: &Path, source: &str, metadata: &Metadata, settings: &Settings, mode: Mode) -> Result<(), String> {
        let heap = HeapConfig { limit_bytes: HEAP_BYTES, stress: settings.gc_stress, ..HeapConfig::default() };
        let config = AgentConfig { heap, native_stack_bytes: 32 << 20, ..AgentConfig::default() };
        let mut agent = Agent::new(config).map_err(|error| error.to_string())?;
        let printed = Printed::default();
        agent.set_host(Box::new(host::TestHost::new(printed.clone(), file)));
        let alarm = Alarm::set(settings.timeout, agent.interrupt());
        let outcome = agent.enter(|cx| self.evaluate(cx, file, source, metadata, mode));
        drop(alarm);
        judge(metadata, outcome, &printed)
    }

    fn evaluate(&self, cx: &mut Cx<'_>, file: &Path, source: &str, metadata: &Metadata, mode: Mode) -> Outcome {
        let fail = |cx: &mut Cx<'_>, phase, thrown| {
            let (name, text) = describe(cx, thrown);
            Outcome::Threw { phase, name, text }
        };
        if let Err(thrown) = host::install(cx) {
            return fail(cx, Phase::Runtime, thrown);
        }
        if !metadata.has_flag("raw") {
            let mut files = vec!["assert.js", "sta.js"];
            if metadata.has_flag("async") {
                files.push("doneprintHandle.js");
            }
            files.extend(metadata.includes.iter().map(String::as_str));
            for name in files {
                let script = match self.script(name) {
                    Ok(script) => script,
                    Err(error) => return Outcome::Harness(error),
                };
                let run = cx.open().run_script(&script).map(|_| ());
                if let Err(thrown) = run {
                    let (_, text) = describe(cx, thrown);
                    return Outcome::Harness(format!("{name}: {text}"));
                }
            }
        }
        let name = file.to_string_lossy();
        let result = match mode {
            Mode::Module => host::run_module(cx, file, source),
            Mode::Sloppy | Mode::Strict => {
                let text = if mode == Mode::Strict { format!("\"use strict\";\n{source}") } else { source.to_owned() };
                match compile_script(SourceText::from_utf8(&name, &text)) {
                    Ok(script) => cx.open().run_script(&script).map(|_| ()).map_err(|thrown| (Phase::Runtime, thrown)),
                    Err(error) => {
                        return Outcome::Threw {
                            phase: Phase::Parse,
                            name: "SyntaxError".to_owned(),
                            text: error.message.to_string(),
                        };
                    }
                }
            }
        };
        if let Err((phase, thrown)) = result {
            return fail(cx, phase, thrown);
        }
        match cx.run_jobs() {
            Ok(()) => host::after_jobs(cx).map_or_else(|thrown| fail(cx, Phase::Runtime, thrown), |()| Outcome::Ended),
            Err(thrown) => fail(cx, Phase::Runtime, thrown),
        }
    }
}

/// How the code of a test ended.
enum Outcome {
    Ended,
    Threw { phase: Phase, name: String, text: String },
    Harness(String),
}

fn judge(metadata: &Metadata, outcome: Outcome, printed: &Printed) -> Result<(), String> {
    match (&metadata.negative, outcome) {
        (_, Outcome::Harness(error)) => Err(error),
        (Some((phase, kind)), Outcome::Threw { phase: at, name, text }) => {
            if *phase == at && *kind == name {
                return Ok(());
            }
            Err(format!("wanted {kind} ({phase:?}), but it threw {name} ({at:?}): {text}"))
        }
        (Some((_, kind)), Outcome::Ended) => Err(format!("wanted {kind}, but it ended")),
        (None, Outcome::Threw { text, .. }) => Err(text),
        (None, Outcome::Ended) if metadata.has_flag("async") => match printed.first_verdict() {
            Some(line) if line == "Test262:AsyncTestComplete" => Ok(()),
            Some(line) => Err(line),
            None => Err("$DONE was not called".to_owned()),
        },
        (None, Outcome::Ended) => Ok(()),
    }
}

/// The name of a thrown error's constructor, and what it says.
fn describe(cx: &mut Cx<'_>, thrown: Thrown) -> (String, String) {
    let mut cx = cx.open();
    match cx.take_exception(thrown) {
        Ok(error) => error_text(&mut cx, error).unwrap_or_else(|_| ("?".to_owned(), "an error whose text throws".to_owned())),
        Err(_) => {
            let why = cx.take_termination().map(|why| why.to_string()).unwrap_or_default();
            ("termination".to_owned(), why)
        }
    }
}

fn error_text<'s>(cx: &mut Cx<'s>, error: Local<'s>) -> Completion<(String, String)> {
    if !error.is_object() {
        return Ok((String::new(), format!("threw {}", cx.display(error))));
    }
    let constructor = cx.get(error, Name::constructor.key())?;
    let name = if constructor.is_object() { cx.get(constructor, Name::name.key())? } else { Local::UNDEFINED };
    let name = cx.to_rust_text(name)?;
    let message = cx.get(error, Name::message.key())?;
    let message = cx.to_rust_text(message)?;
    let text = format!("{name}: {message}");
    Ok((name, text))
}

/// Ends a test that takes too long, unless it is dropped before.
struct Alarm(u64);

impl Alarm {
    fn set(timeout: Duration, interrupt: Interrupt) -> Self {
        let mut watched = watched().lock();
        watched.count += 1;
        let number = watched.count;
        watched.tests.push((Instant::now() + timeout, interrupt, number));
        Alarm(number)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        watched().lock().tests.retain(|(_, _, number)| *number != self.0);
    }
}

/// Tests that run, and when each must have ended.
#[derive(Default)]
struct Watched {
    tests: Vec<(Instant, Interrupt, u64)>,
    count: u64,
}

/// What one thread looks at every tenth of a second.
fn watched() -> &'static Mutex<Watched> {
    static WATCHED: OnceLock<Arc<Mutex<Watched>>> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let watched = Arc::<Mutex<Watched>>::default();
        let seen = Arc::clone(&watched);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(100));
                let now = Instant::now();
                seen.lock().tests.iter().filter(|(end, _, _)| *end <= now).for_each(|(_, interrupt, _)| interrupt.terminate());
            }
        });
        watched
    })
}
