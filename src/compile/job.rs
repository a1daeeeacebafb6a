//! A job: one variant of one module on its way to code.
//!
//! Everything here is plain data that outlives the module if a task still has it: bytes, decoded module, units, counters. The code
//! and the callbacks are not here; a worker reaches them through the token only (S1-24).
//!
//! A job is started once, by the owner who made it. Owners who wait *join*: they work on it in slot 0 and park when nothing is left
//! to fetch (see [`progress`](crate::compile::progress)). With no background tasks, the one who joins does it all.
//!
//! The job of a module that is still coming counts one more: the stream itself, which is done with when the last byte was decoded. So
//! it does not end before (see [`streaming`](crate::compile::streaming)).

#![forbid(unsafe_code)]

use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{CodeVariant, Entry, Tier};
use crate::base::DefinedFuncIndex;
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::base::tuning;
use crate::cache::file::CodeFile;
use crate::cache::fingerprint::Fingerprint;
use crate::cache::module_file::KnownFile;
use crate::codegen::env::CompileEnv;
use crate::compile::budget::{CpuBudget, MemoryBudget};
use crate::compile::cached::CacheUse;
use crate::compile::code_cache::CodeCache;
use crate::compile::config::OverBudget;
use crate::compile::cursor::EagerOrder;
use crate::compile::engine::{EngineShared, WasmEngine};
use crate::compile::events::{CompileEvent, EventQueue};
use crate::compile::first_error::FirstError;
use crate::compile::loop_versions::LoopVersions;
use crate::compile::native_module::NativeModule;
use crate::compile::observer::{TierEvent, TierEventKind};
use crate::compile::parking::Parking;
use crate::compile::pending::CompileProgress;
use crate::compile::policy;
use crate::compile::progress::{JobState, Progress};
use crate::compile::queue::UnitSource;
use crate::compile::resting::RestingTasks;
use crate::compile::state::UnitStates;
use crate::compile::stats::{UnitRecord, WorkerStats};
use crate::compile::tier_up::TierUpQueue;
use crate::compile::token::BackgroundCompileToken;
use crate::compile::unit::{Unit, UnitFlags};
use crate::compile::validation;
use crate::compile::worker::{self, CompileTask};
use crate::tasks::manager::{TaskPoster, TaskPriority};
use crate::wasm::error::{CompileError, CompileErrorKind};

/// How a job gets its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobKind {
    /// All functions, from the cursor, with events: the module's first variant.
    Eager,
    /// All functions, through the queues: a variant that turned out to be needed.
    OnDemand,
    /// All functions, as their bodies come, with events: see [`streaming`](crate::compile::streaming).
    Streamed,
    /// No function, until it is called: see [`lazy`](crate::compile::lazy).
    Lazy,
}

/// One variant of one module on its way to code.
#[derive(Debug)]
pub struct CompileJob {
    pub(super) token: Arc<BackgroundCompileToken>,
    pub(super) env: Arc<CompileEnv>,
    pub(super) shared: Arc<EngineShared>,
    pub(super) variant: CodeVariant,
    pub(super) units: UnitSource,
    pub(super) states: UnitStates,
    pub(super) progress: Progress,
    pub(super) first_error: FirstError,
    pub(super) unit_count: usize,
    /// The tier that units ask for.
    pub(super) tier: Tier,
    /// Whether the bodies were validated before.
    pub(super) is_valid: bool,
    /// Where those wait who call a function that another thread compiles.
    pub(super) parking: Parking,
    /// What waits for a better tier.
    pub(super) tier_ups: TierUpQueue,
    /// Versions of functions for their loops.
    pub(super) loops: LoopVersions,
    pub(super) stats: JobStats,
    /// What the module may take.
    pub(super) memory: MemoryBudget,
    pub(super) cpu: CpuBudget,
    /// What another process has left.
    pub(super) cached: Option<Arc<CodeFile>>,
    pub(super) cache_use: CacheUse,
    /// Where its code is kept, and what it is good for.
    pub(super) kept_as: OnceLock<(CodeCache, Fingerprint)>,
    /// What is to be kept of the module's file, with its code.
    pub(super) news_of_file: Mutex<Option<KnownFile>>,
    /// Slots of a streamed job whose tasks wait for more bodies.
    pub(super) resting: Option<RestingTasks>,
    events: Option<Arc<EventQueue>>,
    is_unattended: AtomicBool,
    outcome: OnceLock<Result<(), CompileError>>,
}

/// Figures of a job.
#[derive(Debug)]
pub(super) struct JobStats {
    /// Of a stream, when its last byte was decoded: it is not to blame for the time before.
    begun: OnceLock<Duration>,
    ended: OnceLock<Duration>,
    published_bytes: AtomicUsize,
    pub(super) finished_by_tier: [AtomicUsize; 2],
    /// Functions that got better code.
    pub(super) tier_ups: AtomicUsize,
    /// By slot; locked by the slot's occupant once per batch.
    pub(super) workers: Box<[RankedMutex<WorkerStats>]>,
    /// Every unit, when the configuration asks.
    pub(super) records: Option<RankedMutex<Vec<UnitRecord>>>,
}

impl CompileJob {
    /// A job for all functions of a module.
    pub(super) fn new(
        engine: &WasmEngine,
        native: &NativeModule,
        token: &Arc<BackgroundCompileToken>,
        (variant, kind): (CodeVariant, JobKind),
        (cached, kept_as): (Option<Arc<CodeFile>>, Option<(CodeCache, Fingerprint)>),
        joined: bool,
    ) -> Self {
        let env = native.env();
        let func_count = env.module.bodies.len();
        let (unit_count, tier, slot_count) = match kind {
            JobKind::Lazy => (0, engine.shared().called_tier(), 1),
            JobKind::Eager | JobKind::Streamed | JobKind::OnDemand => {
                (func_count, engine.shared().eager_tier(), 1 + task_count(engine, env, joined))
            }
        };
        let units = match kind {
            JobKind::Lazy => UnitSource::new(slot_count),
            JobKind::Eager => UnitSource::eager(EagerOrder::new(&env.module.bodies), tier, variant, slot_count),
            JobKind::Streamed => UnitSource::arriving(func_count, tier, variant, slot_count),
            JobKind::OnDemand => {
                let units = UnitSource::new(slot_count);
                for &func in &EagerOrder::new(&env.module.bodies).funcs {
                    units.push(Unit { func, tier, variant, bucket: 0, flags: UnitFlags::empty() });
                }
                units
            }
        };
        let is_streamed = kind == JobKind::Streamed;
        let begun = if is_streamed { OnceLock::new() } else { OnceLock::from(engine.config().clock().now()) };
        CompileJob {
            token: Arc::clone(token),
            env: Arc::clone(env),
            shared: Arc::clone(engine.shared()),
            variant,
            units,
            states: if kind == JobKind::Lazy { UnitStates::new(func_count) } else { UnitStates::all_queued(func_count, tier) },
            progress: Progress::new(unit_count + usize::from(is_streamed)),
            first_error: FirstError::default(),
            unit_count,
            tier,
            // The first variant of an eager module validates as it compiles, unless that was done in another process.
            is_valid: !matches!(kind, JobKind::Eager | JobKind::Streamed) || env.validation.is_of_valid(),
            parking: Parking::default(),
            tier_ups: TierUpQueue::default(),
            loops: LoopVersions::default(),
            stats: JobStats {
                begun,
                ended: OnceLock::new(),
                published_bytes: AtomicUsize::new(0),
                finished_by_tier: Default::default(),
                tier_ups: AtomicUsize::new(0),
                workers: (0..slot_count).map(|_| RankedMutex::new(Rank::Stats, WorkerStats::default())).collect(),
                records: engine.config().unit_recording().then(|| RankedMutex::new(Rank::Stats, Vec::new())),
            },
            memory: MemoryBudget::new(engine.config().module_compile_memory_limit()),
            cpu: CpuBudget::new(engine.config().compile_cpu_limit()),
            cached,
            cache_use: CacheUse::default(),
            kept_as: kept_as.map(OnceLock::from).unwrap_or_default(),
            news_of_file: Mutex::default(),
            resting: is_streamed.then(|| RestingTasks::new(1..slot_count)),
            events: (variant == engine.default_variant()).then(|| Arc::clone(&native.events)),
            // Without tasks the owner does it all.
            is_unattended: AtomicBool::new(slot_count == 1),
            outcome: OnceLock::new(),
        }
    }

    /// Posts the background tasks, one for each slot but the caller's.
    pub(super) fn start(self: &Arc<Self>, engine: &WasmEngine) {
        if self.resting.is_some() {
            // Tasks are posted as bodies come.
            return;
        }
        if self.unit_count == 0 {
            self.ended();
            return;
        }
        for slot in 1..self.units.slot_count() {
            let task = CompileTask::new(Arc::clone(self), slot);
            if engine.poster().post(TaskPriority::UserBlocking, Box::new(task)).is_err() {
                // Shut down, or no thread to be had: who waits compiles. The task was dropped, and has said so.
                return;
            }
        }
    }

    /// Posts tasks for so many slots that are without, as far as there are any.
    pub(super) fn wake(self: &Arc<Self>, poster: &TaskPoster, count: usize) {
        let Some(resting) = &self.resting else { return };
        for slot in resting.wake(count) {
            if poster.post(TaskPriority::UserBlocking, Box::new(CompileTask::new(Arc::clone(self), slot))).is_err() {
                // Shut down, or no thread to be had: who waits compiles.
                return;
            }
        }
    }

    /// Works on the job until it has ended. Parks when others have the rest.
    pub(super) fn join(&self) {
        while !self.progress.is_settled() {
            let epoch = self.progress.epoch();
            worker::run_foreground_slice(self);
            self.progress.park(epoch);
        }
    }

    /// Joins, and says how it ended. The text of an error is made here, on the owner, and is the same for any number of workers.
    pub(super) fn wait(&self, engine: &WasmEngine) -> Result<(), CompileError> {
        self.join();
        self.stats.ended.get_or_init(|| self.shared.timing.clock.now());
        self.outcome.get_or_init(|| self.find_outcome(engine)).clone()
    }

    fn find_outcome(&self, engine: &WasmEngine) -> Result<(), CompileError> {
        match self.progress.state() {
            JobState::Finished | JobState::Running => Ok(()),
            JobState::Cancelled => Err(CompileError::new(CompileErrorKind::Cancelled, "the module was given up", None)),
            JobState::Failed if self.is_valid => self.failure(Ok(())),
            JobState::Failed => self.failure(validation::validate(engine, &self.env)),
        }
    }

    /// Why the job failed: the first body that is invalid, or else what the compilers said.
    fn failure(&self, validated: Result<(), CompileError>) -> Result<(), CompileError> {
        validated?;
        let without = || CompileError::new(CompileErrorKind::EngineBug, "compilation failed without an error", None);
        Err(self.first_error.get_by(|func| self.described(func)).unwrap_or_else(without))
    }

    /// Keeps why the job failed, for an owner who has had the bodies validated.
    pub(super) fn fail_validated(&self, validated: Result<(), CompileError>) -> Result<(), CompileError> {
        self.outcome.get_or_init(|| self.failure(validated)).clone()
    }

    /// How far the job is.
    pub(super) fn compile_progress(&self) -> CompileProgress {
        CompileProgress { done: self.unit_count - self.progress.outstanding().min(self.unit_count), total: self.unit_count }
    }

    /// Whether background tasks may have left units to the owner: none could be posted, or one was given up.
    pub(super) fn is_unattended(&self) -> bool {
        // Acquire: partner of the release in `leave`.
        self.is_unattended.load(Ordering::Acquire)
    }

    /// A background task was given up: units that are left may be the owner's now.
    pub(super) fn leave(&self) {
        // Release: partner of the acquire in `is_unattended`.
        self.is_unattended.store(true, Ordering::Release);
        if let Some(events) = &self.events {
            events.ring();
        }
    }

    /// A unit failed. Invalid bodies end the job at once; for other errors the units below still count.
    pub(super) fn fail_unit(&self, func: DefinedFuncIndex, error: CompileError) {
        let invalid = error.kind == CompileErrorKind::Invalid;
        self.first_error.record(func, error);
        if invalid {
            self.fail_at_once();
        } else {
            self.progress.taint();
        }
    }

    /// Something failed that is no function's fault.
    pub(super) fn fail_general(&self, error: CompileError) {
        self.first_error.record_general(error);
        self.fail_at_once();
    }

    fn fail_at_once(&self) {
        self.units.close();
        if self.progress.fail() {
            self.ended();
        }
    }

    /// Tells of the end; called by the one who brought it about.
    pub(super) fn ended(&self) {
        self.stats.ended.get_or_init(|| self.shared.timing.clock.now());
        let event = match self.progress.state() {
            JobState::Finished => Some(CompileEvent::FinishedCompilation),
            JobState::Failed => Some(CompileEvent::Failed),
            JobState::Running | JobState::Cancelled => None,
        };
        self.progress.announce();
        if let (Some(events), Some(event)) = (&self.events, event) {
            events.post(event);
        }
    }

    /// So many bytes of machine code were published.
    pub(super) fn published(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.note_unkept(bytes);
        // Relaxed: a figure.
        let before = self.stats.published_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(events) = &self.events {
            events.progressed();
        }
        if let Some(events) = &self.events
            && (before + bytes) / tuning::EVENT_CHUNK_BYTES > before / tuning::EVENT_CHUNK_BYTES
            && !self.progress.is_settled()
        {
            events.post(CompileEvent::FinishedChunk);
        }
    }

    /// Whether a unit's worker should give the unit up.
    pub(super) fn should_stop(&self, func: DefinedFuncIndex, background: bool) -> bool {
        (background && self.token.stop_requested())
            || !self.first_error.matters(func)
            || self.progress.is_settled()
            || self.is_out_of_time()
    }

    /// Whether the time that the configuration gives is over. Looks at the clock only if it gives any.
    pub(super) fn is_out_of_time(&self) -> bool {
        let timing = &self.shared.timing;
        let begun = || self.stats.begun.get().copied();
        self.shared.timeout.zip(begun()).is_some_and(|(timeout, begun)| timing.clock.now().saturating_sub(begun) >= timeout)
    }

    /// Whether somebody wants to know what units take.
    pub(super) fn counts_cpu(&self) -> bool {
        self.cpu.is_bounded() || self.shared.cpu.is_bounded()
    }

    /// A unit has taken so long.
    pub(super) fn spend(&self, cpu: Duration) {
        self.cpu.spend(cpu);
        self.shared.cpu.spend(cpu);
    }

    /// Whether there is no processor time left, for the module or for the engine.
    pub(super) fn is_over_budget(&self) -> bool {
        self.cpu.is_spent() || self.shared.cpu.is_spent()
    }

    /// The unit that is compiled in the place of one that somebody waits for: another one, if there is no time left.
    pub(super) fn within_budget(&self, unit: Unit) -> Result<Unit, CompileError> {
        if !self.is_over_budget() {
            return Ok(unit);
        }
        match self.shared.over_budget {
            OverBudget::LowestTier => Ok(Unit { tier: self.shared.first_tier().min(unit.tier), ..unit }),
            OverBudget::Fail => {
                let message = format!("{}: no processor time is left for compiling", self.describe(unit.func));
                let offset = self.env.module.bodies[unit.func].start as usize;
                Err(CompileError::new(CompileErrorKind::Budget, message, Some(offset)))
            }
        }
    }

    /// What happened to a function.
    pub(super) fn tier_event<'a>(&'a self, func: DefinedFuncIndex, entry: Entry, kind: TierEventKind<'a>) -> TierEvent<'a> {
        TierEvent { wire_bytes: &self.env.wire_bytes, func: self.env.module.func_index(func), entry, kind }
    }

    /// Tells the observer, if there is one. Never inside of a scope.
    pub(super) fn tell(&self, func: DefinedFuncIndex, entry: Entry, kind: TierEventKind<'_>) {
        if let Some(observer) = &self.shared.tier_observer {
            observer.tier_event(&self.tier_event(func, entry, kind));
        }
    }

    /// A function for people: its index, and its name if it has one.
    pub(super) fn describe(&self, func: DefinedFuncIndex) -> String {
        let index = self.env.module.func_index(func);
        match self.env.module.names(&self.env.wire_bytes).funcs.get(&index) {
            Some(name) => format!("function {} ({name})", index.index()),
            None => self.describe_without_name(func),
        }
    }

    fn describe_without_name(&self, func: DefinedFuncIndex) -> String {
        format!("function {}", self.env.module.func_index(func).index())
    }

    /// How errors of a function begin that were worded when the names had not come yet, and how they should.
    fn described(&self, func: DefinedFuncIndex) -> (String, String) {
        (self.describe_without_name(func) + ": ", self.describe(func) + ": ")
    }

    /// The last byte of the stream was decoded, and all bodies have arrived.
    pub(super) fn end_stream(&self) {
        self.stats.begun.get_or_init(|| self.shared.timing.clock.now());
        if self.progress.complete(1) {
            self.ended();
        }
    }

    /// Keeps what a unit cost, when the configuration asks.
    pub(super) fn record(&self, func: DefinedFuncIndex, code_bytes: usize, cpu: Duration) {
        if let Some(records) = &self.stats.records {
            let body_bytes = self.env.module.bodies[func].len();
            records.lock().push(UnitRecord { func, body_bytes, code_bytes, cpu });
        }
    }

    /// Counts units by the tier that was asked for (S1-27).
    pub(super) fn count_finished(&self, finished: &[(DefinedFuncIndex, Tier)]) {
        for (tier, counter) in [Tier::Baseline, Tier::Optimized].into_iter().zip(&self.stats.finished_by_tier) {
            let count = finished.iter().filter(|&&(_, asked)| asked == tier).count();
            if count > 0 {
                // Relaxed: a figure; the count of outstanding units orders it before the end.
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// Wall time so far, or in all.
    pub(super) fn wall(&self) -> Duration {
        let Some(&begun) = self.stats.begun.get() else { return Duration::ZERO };
        let until = self.stats.ended.get().copied().unwrap_or_else(|| self.shared.timing.clock.now());
        until.saturating_sub(begun)
    }
}

fn task_count(engine: &WasmEngine, env: &CompileEnv, joined: bool) -> usize {
    let config = engine.config();
    let task_max = config.num_compilation_tasks().saturating_sub(usize::from(joined));
    let count = policy::task_count(task_max, env.module.bodies.len(), env.module.code_section_bytes, config.task_body_bytes());
    // A job that nobody joins needs somebody.
    if joined { count } else { count.max(task_max.min(1)) }
}
