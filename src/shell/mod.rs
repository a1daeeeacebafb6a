//! The shell: what a script may expect around the language, and the loop that runs it to its end.
//!
//! | file | what |
//! |---|---|
//! | `console` | `console` and its formats |
//! | `inspect` | values as people read them |
//! | `wasm` | `WebAssembly` |
//! | `timers` | `setTimeout` and its like, and the event loop |
//! | `process` | `process`, `performance` |
//! | `files`, `descriptors` | `require("fs")` |
//! | `url`, `url.js` | `URL`, `URLSearchParams` |
//! | `crypto` | random bytes |
//! | `builtin_modules` | modules that are the shell's own |
//! | `path` | `require("path")` |
//! | `text_coding` | `TextEncoder`, `TextDecoder` |
//! | `modules` | where modules are: paths, `node_modules`, `package.json` |
//! | `require` | CommonJS |
//! | `report` | errors as they are printed |
//!
//! **Invariant:** the shell uses the engine through its public functions only.
#![forbid(unsafe_code)]

mod builtin_modules;
mod console;
mod crypto;
mod descriptors;
mod files;
mod inspect;
mod modules;
mod path;
mod process;
mod report;
mod require;
mod text_coding;
mod timers;
mod url;
#[cfg(any(feature = "baseline", feature = "optimizing"))]
mod wasm;
#[cfg(not(any(feature = "baseline", feature = "optimizing")))]
#[path = "wasm_absent.rs"]
mod wasm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::sync::{Arc, Condvar, Mutex, thread};
use crate::heap::HeapConfig;
use crate::js::agent::{Agent, AgentConfig, Interrupt, Termination};
use crate::js::cx::{Completion, Cx, Native, Thrown};
use crate::js::global::Global;
use crate::js::local::Local;
use crate::js::module::compile_module;
use crate::js::object::Attributes;
use crate::js::script::compile_script;
use crate::js::source::SourceText;

use self::timers::Timers;
pub use self::wasm::{GUEST_STACK_BYTES, WasmSettings};

/// How a shell is made.
#[derive(Debug, Clone, Default)]
pub struct ShellConfig {
    /// What `process.argv` has behind the program and the file.
    pub args: Vec<String>,
    /// Most bytes of the heap.
    pub max_memory: Option<u64>,
    /// How long a program may run.
    pub timeout: Option<Duration>,
    /// Collect garbage at every allocation.
    pub gc_stress: bool,
    /// What runs WebAssembly.
    pub wasm: WasmSettings,
}

/// Why a program did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// A file could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The text is no program; the message has the place and the line.
    #[error("{0}")]
    Syntax(String),
    /// An exception that nobody caught; the message has the place and the stack.
    #[error("{0}")]
    Uncaught(String),
    /// Its time was over.
    #[error("the time is over")]
    TimedOut,
    /// It was ended from outside.
    #[error("terminated")]
    Terminated,
    /// The heap's limit is reached, or the engine could not be made.
    #[error("{0}")]
    Memory(String),
}

/// What the shell keeps with the agent.
struct State {
    timers: Timers,
    args: Vec<String>,
    /// What the program asked to exit with.
    exit: Option<i32>,
    /// CommonJS modules by path: their `module` objects.
    required: std::collections::HashMap<String, Global>,
    started: std::time::Instant,
    /// Running clocks of `console.time`.
    clocks: std::collections::HashMap<String, std::time::Instant>,
    /// Rejected promises that nobody handles, by the engine's count.
    rejections: Vec<(Global, Global)>,
    descriptors: descriptors::Descriptors,
    /// The object with the classes of URLs, once a program has asked for one.
    url_classes: Option<Global>,
}

/// A program's surroundings: an agent with the shell's globals.
#[derive(Debug)]
pub struct Shell {
    agent: Agent,
    timeout: Option<Duration>,
}

/// Ends a program when its time is over, unless it is dropped before.
struct Watch {
    state: Arc<(Mutex<WatchState>, Condvar)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WatchState {
    Running,
    Ended,
    TimedOut,
}

impl Watch {
    fn start(timeout: Duration, interrupt: Interrupt) -> Self {
        let state = Arc::new((Mutex::new(WatchState::Running), Condvar::new()));
        let watched = Arc::clone(&state);
        thread::spawn(move || {
            let (state, changed) = &*watched;
            let mut state = state.lock();
            if *state == WatchState::Running && changed.wait_for(&mut state, timeout).timed_out() {
                *state = WatchState::TimedOut;
                interrupt.terminate();
            }
        });
        Watch { state }
    }

    fn has_timed_out(&self) -> bool {
        *self.state.0.lock() == WatchState::TimedOut
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.state.0.lock();
        if *state == WatchState::Running {
            *state = WatchState::Ended;
            self.state.1.notify_all();
        }
    }
}

impl Shell {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`ShellError::Memory`].
    pub fn new(config: &ShellConfig) -> Result<Self, ShellError> {
        let mut heap = HeapConfig { stress: config.gc_stress, ..HeapConfig::default() };
        if let Some(bytes) = config.max_memory {
            heap.limit_bytes = bytes;
        }
        // A deep recursion of builtins and scripts in turn may take most of a main thread's stack.
        let config_of_agent = AgentConfig { heap, native_stack_bytes: 6 << 20, ..AgentConfig::default() };
        let mut agent = Agent::new(config_of_agent).map_err(|error| ShellError::Memory(error.to_string()))?;
        agent.set_host(Box::new(modules::ShellHost));
        agent.set_embedder_data(Box::new(State {
            timers: Timers::default(),
            args: config.args.clone(),
            exit: None,
            required: std::collections::HashMap::new(),
            started: std::time::Instant::now(),
            clocks: std::collections::HashMap::new(),
            rejections: Vec::new(),
            descriptors: descriptors::Descriptors::default(),
            url_classes: None,
        }));
        let installed = agent.enter(|cx| install(cx, config).map_err(|thrown| end_of(cx, thrown)));
        installed?;
        Ok(Shell { agent, timeout: config.timeout })
    }

    /// A handle that ends the program, from any thread.
    pub fn interrupt(&self) -> Interrupt {
        self.agent.interrupt()
    }

    /// Runs a file to the end of its event loop: `.mjs` as a module, all else as a script with `require`. Gives the exit status.
    ///
    /// # Errors
    ///
    /// Why it did not end by itself.
    pub fn run_file(&mut self, path: &Path) -> Result<i32, ShellError> {
        let watch = self.timeout.map(|timeout| Watch::start(timeout, self.agent.interrupt()));
        let result = self.run_to_end(path);
        if result.is_err() && watch.is_some_and(|watch| watch.has_timed_out()) {
            return Err(ShellError::TimedOut);
        }
        result
    }

    fn run_to_end(&mut self, path: &Path) -> Result<i32, ShellError> {
        let read = |cause: std::io::Error| ShellError::Read { path: path.to_owned(), cause: cause.to_string() };
        let full = path.canonicalize().map_err(read)?;
        let bytes = std::fs::read(&full).map_err(read)?;
        let name = full.to_string_lossy().into_owned();
        let source = modules::decode(&name, &bytes).map_err(|cause| ShellError::Read { path: path.to_owned(), cause })?;
        let is_module = modules::is_module(&full);
        self.agent.enter(|cx| {
            if let Some(state) = cx.embedder_data::<State>() {
                state.args.insert(0, name.clone());
            }
            let result = if is_module { run_module(cx, &name, source) } else { run_script(cx, &full, source) };
            let ended = result.and_then(|()| timers::run_loop(cx).map_err(|thrown| end_of(cx, thrown)));
            match (ended, cx.embedder_data::<State>().and_then(|state| state.exit)) {
                (_, Some(status)) => Ok(status),
                (Ok(()), None) => {
                    let status = process::exit_code(cx);
                    Ok(status)
                }
                (Err(error), None) => Err(error),
            }
        })
    }

    /// Runs a text as a script, and gives its completion value as people read it.
    ///
    /// # Errors
    ///
    /// Why it did not end by itself.
    pub fn run_text(&mut self, name: &str, text: &str) -> Result<String, ShellError> {
        self.agent.enter(|cx| {
            let source = SourceText::from_utf8(name, text);
            let script = compile_script(source).map_err(|error| ShellError::Syntax(report::syntax_error(name, text, &error)))?;
            let mut cx = cx.open();
            let value = cx.run_script(&script).map_err(|thrown| end_of(&mut cx, thrown))?;
            let text = inspect::inspect(&mut cx, value);
            timers::run_loop(&mut cx).map_err(|thrown| end_of(&mut cx, thrown))?;
            text.map_err(|thrown| end_of(&mut cx, thrown))
        })
    }
}

impl Shell {
    /// Runs texts as scripts, one behind the other, then the event loop to its end, and gives the value of one more script as a string.
    ///
    /// # Errors
    ///
    /// Why it did not end by itself.
    pub fn run_scripts(&mut self, texts: &[(String, String)], result: &str) -> Result<String, ShellError> {
        let watch = self.timeout.map(|timeout| Watch::start(timeout, self.agent.interrupt()));
        let done = self.agent.enter(|cx| {
            for (name, text) in texts {
                let mut cx = cx.open();
                let source = SourceText::from_utf8(name, text);
                let script =
                    compile_script(source).map_err(|error| ShellError::Syntax(report::syntax_error(name, text, &error)))?;
                cx.run_script(&script).map_err(|thrown| end_of(&mut cx, thrown))?;
            }
            timers::run_loop(cx).map_err(|thrown| end_of(cx, thrown))?;
            let mut cx = cx.open();
            let value = cx.eval_source("result", result).and_then(|value| cx.to_rust_text(value));
            value.map_err(|thrown| end_of(&mut cx, thrown))
        });
        if done.is_err() && watch.is_some_and(|watch| watch.has_timed_out()) {
            return Err(ShellError::TimedOut);
        }
        done
    }

    /// Whether a text is the beginning of a script, and not one yet.
    pub fn is_incomplete(text: &str) -> bool {
        match compile_script(SourceText::from_utf8("input", text)) {
            Ok(_) => false,
            Err(error) => error.offset as usize >= text.trim_end().encode_utf16().count(),
        }
    }

    /// What the program asked to exit with.
    pub fn exit_status(&mut self) -> Option<i32> {
        self.agent.enter(|cx| cx.embedder_data::<State>().and_then(|state| state.exit))
    }
}

/// What a completion means to the one who ran the program.
fn end_of(cx: &mut Cx<'_>, thrown: Thrown) -> ShellError {
    let mut cx = cx.open();
    match cx.take_exception(thrown) {
        Ok(error) => ShellError::Uncaught(report::uncaught(&mut cx, error)),
        Err(_) => match cx.take_termination() {
            Some(Termination::OutOfMemory(error)) => ShellError::Memory(error.to_string()),
            _ => ShellError::Terminated,
        },
    }
}

fn run_script(cx: &mut Cx<'_>, path: &Path, source: SourceText) -> Result<(), ShellError> {
    require::run_main(cx, path, source)
}

fn run_module(cx: &mut Cx<'_>, name: &str, source: SourceText) -> Result<(), ShellError> {
    let text = source.text().to_utf8_lossy();
    let code = compile_module(source).map_err(|error| ShellError::Syntax(report::syntax_error(name, &text, &error)))?;
    let mut cx = cx.open();
    let id = cx.add_source_module(name, code);
    let started = cx.load_requested(id).and_then(|()| cx.link_module(id)).and_then(|()| cx.evaluate_module(id));
    let promise = started.map_err(|thrown| end_of(&mut cx, thrown))?;
    timers::run_loop(&mut cx).map_err(|thrown| end_of(&mut cx, thrown))?;
    use crate::js::builtins::promise::PromiseState;
    if cx.promise_state(promise) == PromiseState::Rejected {
        let error = cx.promise_result(promise);
        let thrown = cx.throw(error);
        return Err(end_of(&mut cx, thrown));
    }
    Ok(())
}

fn install(cx: &mut Cx<'_>, config: &ShellConfig) -> Completion<()> {
    wasm::install(cx, config)?;
    console::install(cx)?;
    timers::install(cx)?;
    process::install(cx)?;
    text_coding::install(cx)?;
    crypto::install(cx)?;
    url::install(cx)
}

/// Defines functions of Rust on an object: name, length, function.
fn define_functions(cx: &mut Cx<'_>, on: Local<'_>, table: &[(&str, u32, Native)]) -> Completion<()> {
    for &(name, length, native) in table {
        let mut cx = cx.open();
        let key = cx.key(name)?;
        let function = cx.new_native(native, key, length, false)?;
        cx.define_data(on, key, function, Attributes::ALL)?;
    }
    Ok(())
}

/// Defines a value on an object.
fn define(cx: &mut Cx<'_>, on: Local<'_>, name: &str, value: Local<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let key = cx.key(name)?;
    cx.define_data(on, key, value, Attributes::ALL)
}

/// Defines a value on the global object, as a builtin's.
fn define_global(cx: &mut Cx<'_>, name: &str, value: Local<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let (global, key) = (cx.global(), cx.key(name)?);
    cx.define_data(global, key, value, Attributes::HIDDEN)
}

/// So long a loop sleeps at most before it looks whether it shall end.
const MAX_SLEEP: Duration = Duration::from_millis(50);
