//! Life cycles of modules: schedules of beginning, waiting, dropping (here or on another thread), calling, and shutting engines down,
//! in an order that random bytes choose.
//!
//! Checked on the way: a valid module compiles and answers, an invalid one always gives the same error; callbacks hear of the end once,
//! and are released with the module. In the end: no module and no task is left.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};

use deltic::compile::events::CompileEvent;
use deltic::compile::pending::PendingModule;
use deltic::wasm::error::{CompileError, CompileErrorKind};
use deltic::{Config, Isolate, Linker, Module, WasmEngine};

use super::modules;

/// A module whose second and last body is invalid.
const INVALID: &str = r#"(module
    (func (export "run") (param i32) (result i32) local.get 0)
    (func (result i32))
    (func (result i32) i32.const 1)
    (func (result i64) i32.const 1))"#;

/// What a canary has wrong; the check must find each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The module answers something else.
    Answer,
    /// The invalid module gets the error of another one.
    ErrorText,
    /// The invalid module is accepted.
    Accepts,
    /// A valid module is refused.
    Refuses,
    /// Callbacks hear of the end twice.
    EndToldTwice,
    /// Callbacks are never released.
    CallbackKept,
    /// Modules are never released.
    ModuleKept,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Flaw; 7] =
        [Flaw::Answer, Flaw::ErrorText, Flaw::Accepts, Flaw::Refuses, Flaw::EndToldTwice, Flaw::CallbackKept, Flaw::ModuleKept];
}

/// The modules that schedules use.
#[derive(Debug)]
pub struct Modules {
    small: Vec<u8>,
    large: Vec<u8>,
    invalid: Vec<u8>,
    invalid_text: String,
    flaw: Option<Flaw>,
}

impl Modules {
    /// Makes them, and learns the error of the invalid one.
    pub fn new() -> Modules {
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(0)).expect("an engine");
        let invalid_text = Module::new(&engine, INVALID).expect_err("an invalid module").to_string();
        let (small, large, invalid) = (modules::uniform(10, 50), modules::mixed(12_000), INVALID.into());
        Modules { small, large, invalid, invalid_text, flaw: None }
    }

    /// The same with something wrong, in the modules or in what schedules do with them.
    pub fn with_flaw(flaw: Flaw) -> Modules {
        let mut modules = Modules { flaw: Some(flaw), ..Modules::new() };
        match flaw {
            Flaw::Answer => modules.small = br#"(module (func (export "run") (param i32) (result i32) local.get 0))"#.into(),
            Flaw::ErrorText => modules.invalid = b"(module (func (result i64) i32.const 1))".into(),
            Flaw::Accepts => modules.invalid.clone_from(&modules.small),
            Flaw::Refuses => modules.large.clone_from(&modules.invalid),
            Flaw::EndToldTwice | Flaw::CallbackKept | Flaw::ModuleKept => {}
        }
        modules
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn bytes(&self, kind: Kind) -> &[u8] {
        match kind {
            Kind::Small => &self.small,
            Kind::Large => &self.large,
            Kind::Invalid => &self.invalid,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Large,
    Invalid,
}

/// What a schedule did, so that one can see that it did something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub begun: usize,
    pub compiled: usize,
    pub refused: usize,
    pub dropped: usize,
    pub called: usize,
    pub shut_down: usize,
}

impl Report {
    /// All of another one.
    pub fn merge(&mut self, other: Report) {
        self.begun += other.begun;
        self.compiled += other.compiled;
        self.refused += other.refused;
        self.dropped += other.dropped;
        self.called += other.called;
        self.shut_down += other.shut_down;
    }
}

/// A compilation that was begun.
struct Begun {
    pending: PendingModule,
    kind: Kind,
    /// How often its callback heard of the end. The callback holds the other reference.
    ends: Arc<AtomicUsize>,
}

struct Schedule<'m> {
    modules: &'m Modules,
    steps: VecDeque<u8>,
    engine: WasmEngine,
    begun: Vec<Begun>,
    compiled: Vec<Module>,
    released: Vec<Arc<AtomicUsize>>,
    threads: Vec<JoinHandle<()>>,
    report: Report,
    /// What the canaries keep.
    kept: (Vec<Module>, Vec<Arc<AtomicUsize>>),
}

/// Runs the schedule that these bytes mean.
pub fn check(modules: &Modules, data: &[u8]) -> Result<Report, String> {
    let mut steps: VecDeque<u8> = data.iter().copied().collect();
    let engine = engine(steps.pop_front().unwrap_or(0))?;
    let mut schedule = Schedule {
        modules,
        steps,
        engine,
        begun: Vec::new(),
        compiled: Vec::new(),
        released: Vec::new(),
        threads: Vec::new(),
        report: Report::default(),
        kept: Default::default(),
    };
    while let Some(step) = schedule.steps.pop_front() {
        schedule.step(step)?;
    }
    schedule.finish()
}

fn engine(choice: u8) -> Result<WasmEngine, String> {
    let tasks = [0, 1, 2, 4][usize::from(choice % 4)];
    let config = Config::default().with_num_compilation_tasks(tasks).with_memory_guards(choice & 4 == 0);
    WasmEngine::new(&config).map_err(|error| error.to_string())
}

impl Schedule<'_> {
    fn step(&mut self, step: u8) -> Result<(), String> {
        match step % 16 {
            0..=2 => self.begin(Kind::Small),
            3 | 4 => self.begin(Kind::Large),
            5 => self.begin(Kind::Invalid),
            6 | 7 => self.wait(),
            8 => self.drop_begun(false),
            9 => self.drop_begun(true),
            10 => self.compile(),
            11 => self.drop_compiled(),
            12 => self.call(),
            13 => self.look(),
            14 => {
                std::thread::yield_now();
                Ok(())
            }
            _ => self.change_engine(),
        }
    }

    /// One of so many things, by the next byte.
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.steps.pop_front().unwrap_or(0)) % count
    }

    fn begin(&mut self, kind: Kind) -> Result<(), String> {
        let pending = Module::compile_in_background(&self.engine, self.modules.bytes(kind)).map_err(|error| error.to_string())?;
        let ends = Arc::new(AtomicUsize::new(0));
        let heard = ends.clone();
        let times = if self.modules.has(Flaw::EndToldTwice) { 2 } else { 1 };
        if self.modules.has(Flaw::CallbackKept) {
            self.kept.1.push(ends.clone());
        }
        pending.add_callback(move |event| {
            if event != CompileEvent::FinishedChunk {
                // Relaxed: the same thread reads it, or one that was joined.
                heard.fetch_add(times, Ordering::Relaxed);
            }
        });
        self.begun.push(Begun { pending, kind, ends });
        self.report.begun += 1;
        Ok(())
    }

    fn take_begun(&mut self) -> Option<Begun> {
        if self.begun.is_empty() {
            return None;
        }
        let chosen = self.choose(self.begun.len());
        Some(self.begun.swap_remove(chosen))
    }

    fn wait(&mut self) -> Result<(), String> {
        let Some(Begun { pending, kind, ends }) = self.take_begun() else { return Ok(()) };
        match (pending.wait(), kind) {
            (Ok(_), Kind::Invalid) => return Err("an invalid module was compiled".into()),
            (Ok(module), _) => {
                self.compiled.push(module);
                self.report.compiled += 1;
            }
            (Err(error), kind) => self.refused(kind, &error)?,
        }
        // Relaxed: see `begin`.
        let heard = ends.load(Ordering::Relaxed);
        if heard > 1 {
            return Err(format!("the end was told {heard} times"));
        }
        if Arc::strong_count(&ends) != 1 {
            return Err("a callback outlives its last event".into());
        }
        Ok(())
    }

    fn refused(&mut self, kind: Kind, error: &CompileError) -> Result<(), String> {
        self.report.refused += 1;
        let cancelled = error.kind == CompileErrorKind::Cancelled && self.report.shut_down > 0;
        if cancelled || (kind == Kind::Invalid && error.to_string() == self.modules.invalid_text) {
            return Ok(());
        }
        Err(format!("{kind:?} gave: {error}"))
    }

    fn drop_begun(&mut self, elsewhere: bool) -> Result<(), String> {
        let Some(Begun { pending, ends, .. }) = self.take_begun() else { return Ok(()) };
        self.report.dropped += 1;
        if elsewhere {
            self.threads.push(spawn(move || drop(pending)));
            self.released.push(ends);
            return Ok(());
        }
        drop(pending);
        if Arc::strong_count(&ends) == 1 { Ok(()) } else { Err("a callback outlives its module".into()) }
    }

    fn compile(&mut self) -> Result<(), String> {
        let kind = [Kind::Small, Kind::Small, Kind::Large, Kind::Invalid][self.choose(4)];
        match (Module::new(&self.engine, self.modules.bytes(kind)), kind) {
            (Ok(_), Kind::Invalid) => Err("an invalid module was compiled".into()),
            (Ok(module), _) => {
                self.compiled.push(module);
                self.report.compiled += 1;
                Ok(())
            }
            (Err(error), kind) => self.refused(kind, &error),
        }
    }

    /// Drops a compiled module, sometimes by way of a clone on another thread.
    fn drop_compiled(&mut self) -> Result<(), String> {
        if self.compiled.is_empty() {
            return Ok(());
        }
        let chosen = self.choose(self.compiled.len());
        let module = self.compiled.swap_remove(chosen);
        if self.modules.has(Flaw::ModuleKept) {
            self.kept.0.push(module.clone());
        }
        if self.choose(2) == 0 {
            let clone = module.clone();
            self.threads.push(spawn(move || drop(clone)));
        }
        self.report.dropped += 1;
        Ok(())
    }

    fn call(&mut self) -> Result<(), String> {
        if self.compiled.is_empty() {
            return Ok(());
        }
        let chosen = self.choose(self.compiled.len());
        let module = self.compiled[chosen].clone();
        let engine = module.engine().clone();
        let mut isolate = match Isolate::new(&engine) {
            Ok(isolate) => isolate,
            Err(_) if engine.is_shut_down() => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).map_err(|error| error.to_string())?;
        // The instance keeps the module.
        drop(module);
        let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").map_err(|error| error.to_string())?;
        let answer = run.call(&mut isolate, 11).map_err(|error| error.to_string())?;
        self.report.called += 1;
        if answer == modules::run(11) { Ok(()) } else { Err(format!("run answered {answer}")) }
    }

    /// Looks at a compilation from the owner's thread.
    fn look(&mut self) -> Result<(), String> {
        if self.begun.is_empty() {
            return Ok(());
        }
        let chosen = self.choose(self.begun.len());
        let begun = &self.begun[chosen];
        begun.pending.dispatch_events();
        let heard = begun.ends.load(Ordering::Relaxed);
        if heard > 0 && !begun.pending.is_finished() { Err("the end was told before it came".into()) } else { Ok(()) }
    }

    /// Shuts the engine down, or lets its handle go, and goes on with another. What the old one compiled lives on.
    fn change_engine(&mut self) -> Result<(), String> {
        let choice = self.steps.pop_front().unwrap_or(0);
        if choice & 8 == 0 {
            self.engine.shutdown();
            self.report.shut_down += 1;
            if self.engine.active_task_count() != 0 {
                return Err("tasks are left after a shutdown".into());
            }
        }
        if choice & 16 == 0 {
            self.engine = engine(choice)?;
        }
        Ok(())
    }

    /// Ends everything, and looks for what is left.
    fn finish(mut self) -> Result<Report, String> {
        let engine = self.engine.clone();
        self.begun.clear();
        self.compiled.clear();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a drop panicked".to_owned())?;
        }
        if self.released.iter().any(|ends| Arc::strong_count(ends) != 1) {
            return Err("a callback outlives its module".into());
        }
        engine.shutdown();
        match (engine.live_module_count(), engine.active_task_count()) {
            (0, 0) => Ok(self.report),
            (modules, tasks) => Err(format!("{modules} modules and {tasks} tasks are left")),
        }
    }
}
