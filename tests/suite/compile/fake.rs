//! A compiler that pretends, modules for it, and a clock that is turned by hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use deltic::Strategy;
use deltic::abi::artifact::{Artifact, CodeVariant, Reloc, RelocTarget, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::codegen::compiler::{Compiler, Phase, Scratch, UnitContext, UnitError};
use deltic::codegen::env::CompileEnv;
use deltic::compile::{Config, WasmEngine};
use deltic::tasks::clock::Clock;
use deltic::wasm::error::{CompileError, CompileErrorKind};
use deltic::wasm::validate::{Features, validate_body};
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, TypeSection};

/// What the fake does at a function, besides what it does at all.
#[derive(Clone, Debug)]
pub enum Act {
    /// Takes so long, deaf to `stop`.
    Sleep(Duration),
    /// Takes so long, unless it is told to stop.
    SleepPolling(Duration),
    /// Waits at a door, deaf to `stop`.
    Door(Arc<Door>),
    Panic,
    /// Fails as a module error of this kind.
    Fail(CompileErrorKind),
    Unable,
    /// Says it was stopped when it was not.
    StopUnasked,
    /// Makes so many bytes of machine code.
    Code(usize),
    /// Makes code with a displacement outside of it.
    Malformed,
    /// Meets these features.
    Detect(Features),
    /// Turns the fake clock.
    Advance(Arc<FakeClock>, Duration),
    /// Turns the fake clock, and asks whether to stop.
    AdvancePolling(Arc<FakeClock>, Duration),
}

#[derive(Debug)]
pub struct FakeCompiler {
    pub tier: Tier,
    pub acts: HashMap<u32, Act>,
    pub every: Option<Act>,
    /// Function and thread of every unit that was begun, in order.
    pub begun: Mutex<Vec<(u32, ThreadId)>>,
    pub finished: AtomicUsize,
    pub stopped: AtomicUsize,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    pub scratches: AtomicUsize,
}

impl FakeCompiler {
    pub fn new() -> Self {
        FakeCompiler {
            tier: Tier::Optimized,
            acts: HashMap::new(),
            every: None,
            begun: Mutex::default(),
            finished: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            scratches: AtomicUsize::new(0),
        }
    }

    pub fn tier(mut self, tier: Tier) -> Self {
        self.tier = tier;
        self
    }

    pub fn at(mut self, func: u32, act: Act) -> Self {
        self.acts.insert(func, act);
        self
    }

    pub fn every(mut self, act: Act) -> Self {
        self.every = Some(act);
        self
    }

    pub fn begun_funcs(&self) -> Vec<u32> {
        self.begun.lock().unwrap().iter().map(|&(func, _)| func).collect()
    }

    pub fn threads(&self) -> Vec<ThreadId> {
        let mut threads: Vec<_> = Vec::new();
        for &(_, thread) in self.begun.lock().unwrap().iter() {
            if !threads.contains(&thread) {
                threads.push(thread);
            }
        }
        threads
    }

    pub fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    fn act(&self, func: u32, act: &Act, unit: &mut UnitContext<'_>) -> Result<(), UnitError> {
        match act {
            Act::Sleep(time) => thread::sleep(*time),
            Act::SleepPolling(time) => {
                let end = Instant::now() + *time;
                while Instant::now() < end {
                    if (unit.stop)() {
                        self.stopped.fetch_add(1, Ordering::SeqCst);
                        return Err(UnitError::Stopped);
                    }
                    thread::sleep(Duration::from_micros(200));
                }
            }
            Act::Door(door) => door.pass(),
            Act::Panic => panic!("pretended panic in {func}"),
            Act::Fail(kind) => return Err(CompileError::new(*kind, format!("pretended failure of {func}"), None).into()),
            Act::Unable => return Err(UnitError::TierUnable(format!("pretended weakness at {func}"))),
            Act::StopUnasked => return Err(UnitError::Stopped),
            Act::Code(_) | Act::Malformed => {}
            Act::Detect(features) => *unit.detected |= *features,
            Act::Advance(clock, time) => clock.advance(*time),
            Act::AdvancePolling(clock, time) => {
                clock.advance(*time);
                if (unit.stop)() {
                    self.stopped.fetch_add(1, Ordering::SeqCst);
                    return Err(UnitError::Stopped);
                }
            }
        }
        Ok(())
    }
}

impl Compiler for FakeCompiler {
    fn tier(&self) -> Tier {
        self.tier
    }

    fn new_scratch(&self) -> Scratch {
        self.scratches.fetch_add(1, Ordering::SeqCst);
        Scratch::new(Vec::<u8>::new())
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        self.begun.lock().unwrap().push((func.as_u32(), thread::current().id()));
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        let _leave = Leave(&self.running);
        let mut acts = self.every.iter().chain(self.acts.get(&func.as_u32()));
        for act in acts.clone() {
            self.act(func.as_u32(), act, unit)?;
        }
        (unit.phase)(Phase::Validate);
        validate_body(&env.wire_bytes, &env.module, &env.validation, func, &mut Default::default())?;
        (unit.phase)(Phase::Compile);
        self.finished.fetch_add(1, Ordering::SeqCst);
        let mut made = artifact(env, func, self.tier, variant);
        match acts.next_back() {
            Some(Act::Code(bytes)) => made.code = vec![0xcc; *bytes].into(),
            Some(Act::Malformed) => {
                let code_offset = u32::try_from(made.code.len()).unwrap();
                made.relocs = [Reloc { code_offset, target: RelocTarget::Slot(func) }].into();
            }
            _ => {}
        }
        Ok(made)
    }
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// "Code" that tells from which body, for what, it was made.
pub fn artifact(env: &CompileEnv, func: DefinedFuncIndex, tier: Tier, variant: CodeVariant) -> Artifact {
    let range = env.module.bodies[func].clone();
    let body = &env.wire_bytes[range.start as usize..range.end as usize];
    let mut code = code_header(func, tier, variant, body.len()).to_vec();
    code.extend(body.iter().map(|byte| byte ^ 0x5a));
    Artifact::new(func, tier, variant, code.into())
}

fn code_header(func: DefinedFuncIndex, tier: Tier, variant: CodeVariant, len: usize) -> [u8; 12] {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&func.as_u32().to_le_bytes());
    header[4] = tier as u8;
    header[5] = variant as u8;
    header[8..].copy_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
    header
}

/// A module of functions `[] -> []` with bodies of about these many bytes.
pub fn module_of(body_bytes: &[usize]) -> Vec<u8> {
    module_with_invalid(body_bytes, &[])
}

/// The same, in which some bodies do not validate.
pub fn module_with_invalid(body_bytes: &[usize], invalid: &[usize]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut funcs = FunctionSection::new();
    let mut code = CodeSection::new();
    for (n, &bytes) in body_bytes.iter().enumerate() {
        funcs.function(0);
        let mut body = Function::new([]);
        if invalid.contains(&n) {
            body.instruction(&Instruction::Drop);
        }
        for _ in 0..bytes.saturating_sub(2) / 3 {
            body.instruction(&Instruction::I32Const((n % 50) as i32));
            body.instruction(&Instruction::Drop);
        }
        body.instruction(&Instruction::End);
        code.function(&body);
    }
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&funcs).section(&code);
    module.finish()
}

/// An engine that uses as many background tasks as it may, whatever the size of a module.
pub fn engine(tasks: usize, compiler: &Arc<FakeCompiler>) -> WasmEngine {
    engine_with(&config(tasks), compiler)
}

pub fn config(tasks: usize) -> Config {
    // Tests compile the same bytes again and again, and count what is compiled.
    let config = Config::default().with_module_sharing(false);
    config.with_strategy(Strategy::AheadOfTime).with_num_compilation_tasks(tasks).with_task_body_bytes(0)
}

pub fn engine_with(config: &Config, compiler: &Arc<FakeCompiler>) -> WasmEngine {
    WasmEngine::with_compilers(config, vec![Arc::clone(compiler) as Arc<dyn Compiler>]).unwrap()
}

/// A door that is closed until it is opened.
#[derive(Debug, Default)]
pub struct Door {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Door {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        while !state.0 {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Until so many have come to the door.
    pub fn wait_for(&self, count: usize) {
        let mut state = self.state.lock().unwrap();
        while state.1 < count {
            state = self.changed.wait(state).unwrap();
        }
    }
}

/// Time that goes on only when told.
#[derive(Debug, Default)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    /// Of one thread, which does nothing else.
    fn thread_cpu(&self) -> Duration {
        self.now()
    }
}

/// Waits for something that must come soon.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "{what} did not come");
        thread::sleep(Duration::from_micros(500));
    }
}
