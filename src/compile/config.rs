//! What a host may choose about an engine.

#![forbid(unsafe_code)]

use std::time::Duration;

use wasmparser::WasmFeatures;

use crate::abi::artifact::Tier;
use crate::abi::cpu::CpuFeatures;
use crate::base::sync::Arc;
use crate::base::tuning;
use crate::codegen::env::CodeSettings;
use crate::compile::code_cache::CodeCache;
use crate::compile::observer::{SeededChoice, TierChoice, TierObserver};
use crate::platform::jitdump::JitDump;
use crate::platform::perf_map::PerfMap;
use crate::platform::profile::CodeSink;
use crate::platform::thread::available_count;
use crate::tasks::clock::{Clock, SystemClock};
use crate::tasks::executor::Executor;
use crate::wasm::validate::accepted_features;

/// How the heap of an isolate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapSettings {
    /// Most bytes of objects that are old.
    pub limit_bytes: u64,
    /// Bytes in which objects are born: rounded to 64 KiB, and at least that.
    pub nursery_bytes: u32,
    /// Collect at every allocation: for tests of whoever holds references.
    pub stress: bool,
}

impl Default for HeapSettings {
    fn default() -> Self {
        HeapSettings { limit_bytes: 1 << 32, nursery_bytes: 4 << 20, stress: false }
    }
}

/// When functions are compiled, and in which tiers unless [one is given](Config::with_tier).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// [`Module::new`](crate::compile::Module::new) validates, and each function is compiled when it is first called, by the thread that
    /// calls it: in the lowest tier. Those that [do much](Config::with_tier_up_calls) are compiled again in the best, in the background,
    /// while they run on.
    #[default]
    Lazy,
    /// `Module::new` compiles everything in the lowest tier; then as above.
    Eager,
    /// `Module::new` compiles everything in the best tier.
    AheadOfTime,
}

/// What becomes of a function for which there is no processor time left: see [`Config::with_compile_cpu_limit`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OverBudget {
    /// It is not compiled. A module that is compiled before it runs fails, and so does the call that is a function's first
    /// ([`CompileErrorKind::Budget`](crate::wasm::error::CompileErrorKind)).
    #[default]
    Fail,
    /// It is compiled in the lowest tier that there is, and stays in it.
    LowestTier,
}

/// Choices for an engine. Built by its `with_…` methods:
///
/// ```
/// use deltic::compile::Config;
///
/// let config = Config::default().with_num_compilation_tasks(2).with_memory_guards(false);
/// assert_eq!(config.num_compilation_tasks(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    num_compilation_tasks: usize,
    code_settings: CodeSettings,
    memory_guards: bool,
    spare_memories: usize,
    max_wasm_stack_bytes: usize,
    async_stack_bytes: usize,
    features: WasmFeatures,
    executor: Option<Arc<dyn Executor>>,
    task_body_bytes: usize,
    task_slice: Duration,
    strategy: Strategy,
    tier: Option<Tier>,
    cpu_features: Option<CpuFeatures>,
    tier_up_calls: Option<u32>,
    loop_versions: bool,
    inlining: bool,
    call_profiles: bool,
    compilation_hints: bool,
    module_sharing: bool,
    tier_choice: Option<Arc<dyn TierChoice>>,
    tier_observer: Option<Arc<dyn TierObserver>>,
    compile_memory_limit: Option<usize>,
    heap: HeapSettings,
    module_compile_memory_limit: Option<usize>,
    compile_cpu_limit: Option<Duration>,
    engine_compile_cpu_limit: Option<Duration>,
    over_budget: OverBudget,
    optimized_body_limit: usize,
    compile_timeout: Option<Duration>,
    thread_name: String,
    scope_timing: bool,
    unit_recording: bool,
    code_sinks: Vec<Arc<dyn CodeSink>>,
    code_cache: Option<CodeCache>,
    clock: Arc<dyn Clock>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            num_compilation_tasks: available_count(),
            code_settings: CodeSettings::default(),
            memory_guards: true,
            spare_memories: tuning::SPARE_MEMORIES_MAX,
            max_wasm_stack_bytes: tuning::MAX_WASM_STACK_BYTES,
            async_stack_bytes: tuning::ASYNC_STACK_BYTES,
            features: accepted_features(),
            executor: None,
            task_body_bytes: tuning::TASK_BODY_BYTES,
            task_slice: tuning::TASK_SLICE,
            strategy: Strategy::default(),
            tier: None,
            cpu_features: None,
            tier_up_calls: None,
            loop_versions: true,
            inlining: true,
            call_profiles: true,
            compilation_hints: true,
            module_sharing: true,
            tier_choice: None,
            tier_observer: None,
            compile_memory_limit: None,
            heap: HeapSettings::default(),
            module_compile_memory_limit: None,
            compile_cpu_limit: None,
            engine_compile_cpu_limit: None,
            over_budget: OverBudget::default(),
            optimized_body_limit: tuning::OPTIMIZED_BODY_BYTES_MAX,
            compile_timeout: None,
            thread_name: "deltic-task".to_owned(),
            scope_timing: false,
            unit_recording: false,
            code_sinks: Vec::new(),
            code_cache: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads compile one module at most, a caller that waits for it included. Default: as many as there are
    /// processors. With 0, everything is compiled on the caller's thread, in one order, and no decision depends on time.
    #[must_use]
    pub fn with_num_compilation_tasks(mut self, count: usize) -> Self {
        self.num_compilation_tasks = count;
        self
    }

    /// Choices that change code.
    #[must_use]
    pub fn with_code_settings(mut self, settings: CodeSettings) -> Self {
        self.code_settings = settings;
        self
    }

    /// Whether memories are reserved with guard pages where the address space allows. Default: yes. Without, every access
    /// compares with the memory's length.
    #[must_use]
    pub fn with_memory_guards(mut self, guards: bool) -> Self {
        self.memory_guards = guards;
        self
    }

    /// How many memories of instances that are gone are kept at most, overwritten, for the instances to come, which take them in a fraction of
    /// the time that new ones take. Each holds 4 GiB of address space, and up to 128 KiB of memory. Default: 256; 0 keeps none.
    #[must_use]
    pub fn with_spare_memories(mut self, count: usize) -> Self {
        self.spare_memories = count;
        self
    }

    /// Stack that a guest may use in one activation. Default: 1 MiB.
    #[must_use]
    pub fn with_max_wasm_stack_bytes(mut self, bytes: usize) -> Self {
        self.max_wasm_stack_bytes = bytes;
        self
    }

    /// Bytes of the stack that each asynchronous call has for its guest and the host functions that it calls, of which some 160 KiB are kept
    /// back for host functions. Default: as much as a guest may use at most, and that. Memory is taken for what calls touch. Smaller values
    /// than 224 KiB mean 224 KiB.
    #[must_use]
    pub fn with_async_stack_bytes(mut self, bytes: usize) -> Self {
        self.async_stack_bytes = bytes.max(tuning::ASYNC_STACK_MIN_BYTES);
        self
    }

    /// The proposals that modules may use. Default: all that the engine runs. Others than those are refused all the same.
    #[must_use]
    pub fn with_features(mut self, features: WasmFeatures) -> Self {
        self.features = features & accepted_features();
        self
    }

    /// The host's threads, in place of the engine's own. How many tasks there are at a time is still
    /// [`with_num_compilation_tasks`](Self::with_num_compilation_tasks).
    #[must_use]
    pub fn with_executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// One background task is used for each so many bytes of function bodies, so that small modules wake no thread; 0 for as many
    /// tasks as are allowed, always.
    #[must_use]
    pub fn with_task_body_bytes(mut self, bytes: usize) -> Self {
        self.task_body_bytes = bytes;
        self
    }

    /// After how long a background task gives its thread back. Default: 50 ms.
    #[must_use]
    pub fn with_task_slice(mut self, slice: Duration) -> Self {
        self.task_slice = slice;
        self
    }

    /// When functions are compiled. Default: when they are first called.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The one tier that functions are compiled in; they stay in it. A function that it does not take is compiled by another one, a better one
    /// first. Default: as the [strategy](Strategy) says.
    #[must_use]
    pub fn with_tier(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }

    /// The extensions of the instruction set that code may use: code for an older processor than this one. The optimizing tier needs SSSE3 and
    /// SSE4.1; without them every function is compiled by the baseline tier, and operators on vectors are not supported. An engine is not made if
    /// this processor lacks one of them. Default: what this processor has.
    #[must_use]
    pub fn with_cpu_features(mut self, features: CpuFeatures) -> Self {
        self.cpu_features = Some(features);
        self
    }

    /// After how many calls a function that does nothing else is worth the best tier; iterations of loops count as well, by how long the
    /// function is. Default: 40,000; a fortieth of that for modules whose code is [kept](Self::with_code_cache), since other processes have it, too.
    #[must_use]
    pub fn with_tier_up_calls(mut self, calls: u32) -> Self {
        self.tier_up_calls = Some(calls);
        self
    }

    /// Whether a loop that runs for long goes on in optimized code without returning (on-stack replacement). Default: yes.
    #[must_use]
    pub fn with_loop_versions(mut self, versions: bool) -> Self {
        self.loop_versions = versions;
        self
    }

    /// Whether functions that are compiled because they do much have the bodies of others in the place of calls. Default: yes.
    #[must_use]
    pub fn with_inlining(mut self, inlining: bool) -> Self {
        self.inlining = inlining;
        self
    }

    /// Whether functions of a low tier record how often they make their calls, and what those call: what is inlined follows from that, and
    /// indirect calls that mostly go to few functions are inlined only then. Default: yes.
    #[must_use]
    pub fn with_call_profiles(mut self, call_profiles: bool) -> Self {
        self.call_profiles = call_profiles;
        self
    }

    /// Whether a module may say which functions are compiled first in the background, which are worth better code, and which are not (the section
    /// "metadata.code.compilation_priority"), where functions are compiled as they are called. Default: yes. Hints for branches are of the
    /// [`CodeSettings`].
    #[must_use]
    pub fn with_compilation_hints(mut self, hints: bool) -> Self {
        self.compilation_hints = hints;
        self
    }

    /// Whether modules of an engine that have the same bytes are one module, as long as somebody has it: compiled once, and with one state of
    /// tier-up. Small modules are not looked for. Default: yes.
    #[must_use]
    pub fn with_module_sharing(mut self, sharing: bool) -> Self {
        self.module_sharing = sharing;
        self
    }

    /// Has somebody told of functions that ask for better code, and get it.
    #[must_use]
    pub fn with_tier_observer(mut self, observer: Arc<dyn TierObserver>) -> Self {
        self.tier_observer = Some(observer);
        self
    }

    /// For tests: calls and loops of baseline code ask for better code each time, and somebody decides whether they get it, at once.
    #[must_use]
    pub fn with_tier_choice(mut self, choice: Arc<dyn TierChoice>) -> Self {
        (self.tier_choice, self.tier_up_calls) = (Some(choice), Some(0));
        self
    }

    /// How much memory compiling may take, in all modules of the engine together, code that is done not counted. What a function takes is
    /// expected from its tier and size, and from what earlier ones took in programs with a [`CountingAllocator`](crate::CountingAllocator): fewer
    /// functions are compiled at a time where they are large, and one always is, whatever it takes. Default: no bound.
    #[must_use]
    pub fn with_compile_memory_limit(mut self, bytes: usize) -> Self {
        self.compile_memory_limit = Some(bytes);
        self
    }

    /// How long compiling may take, by the clock. For a module that is compiled before it runs this counts from when it was decoded, in each
    /// variant, or, for a stream, from its last byte: functions that have no code by then fail the module with
    /// [`CompileErrorKind::Timeout`](crate::wasm::error::CompileErrorKind). A function that is compiled when it is first called has as much time by
    /// itself, and else the call fails so; the next one tries again. One that would get better code in as much time and does not stays in its
    /// tier. It is noticed between two passes of a compiler. Validation is not bounded: it takes some nanoseconds for each byte. Default: no bound.
    #[must_use]
    pub fn with_compile_timeout(mut self, timeout: Duration) -> Self {
        self.compile_timeout = Some(timeout);
        self
    }

    /// What background threads are called, before their number. Default: `deltic-task`. Linux shows 15 bytes of the whole.
    #[must_use]
    pub fn with_thread_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.thread_name);
        self
    }

    /// Whether [`CompileStats`](crate::compile::CompileStats) has the times of scopes. Default: no.
    #[must_use]
    pub fn with_scope_timing(mut self, timing: bool) -> Self {
        self.scope_timing = timing;
        self
    }

    /// Whether [`CompileStats`](crate::compile::CompileStats) lists every unit. Default: no.
    #[must_use]
    pub fn with_unit_recording(mut self, recording: bool) -> Self {
        self.unit_recording = recording;
        self
    }

    /// A file in which each function gets a line with its address, name and tier when its code is there, so that `perf report` knows it. Code is then
    /// in memory of which no address is used twice: it takes more of that, and of time to be published. Default: none.
    #[must_use]
    pub fn with_perf_map(mut self, map: PerfMap) -> Self {
        self.code_sinks.push(Arc::new(map));
        self
    }

    /// A file in which each function gets a record with its address, name, tier and instructions when its code is there: what `perf inject
    /// --jit` reads, so that `perf annotate` shows them. Default: none.
    #[must_use]
    pub fn with_jitdump(mut self, dump: JitDump) -> Self {
        self.code_sinks.push(Arc::new(dump));
        self
    }

    /// Somebody else who is told of code as it is published.
    #[must_use]
    pub fn with_code_sink(mut self, sink: Arc<dyn CodeSink>) -> Self {
        self.code_sinks.push(sink);
        self
    }

    /// The clock that slices and intervals go by. For tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same with the choices of a generator that begins with a seed.
    #[must_use]
    pub fn with_tier_up_stress(self, seed: u64) -> Self {
        self.with_tier_choice(Arc::new(SeededChoice::new(seed)))
    }

    /// See [`with_num_compilation_tasks`](Self::with_num_compilation_tasks).
    pub fn num_compilation_tasks(&self) -> usize {
        self.num_compilation_tasks
    }

    /// How many threads may do a part of what a thread does that loads a module.
    pub(crate) fn other_threads(&self) -> usize {
        self.num_compilation_tasks.saturating_sub(1)
    }

    /// See [`with_code_settings`](Self::with_code_settings).
    pub fn code_settings(&self) -> &CodeSettings {
        &self.code_settings
    }

    /// See [`with_spare_memories`](Self::with_spare_memories).
    pub fn spare_memories(&self) -> usize {
        self.spare_memories
    }

    /// See [`with_memory_guards`](Self::with_memory_guards).
    pub fn memory_guards(&self) -> bool {
        self.memory_guards
    }

    /// How the heaps of isolates are made.
    #[must_use]
    pub fn with_heap(mut self, heap: HeapSettings) -> Self {
        self.heap = heap;
        self
    }

    /// See [`with_heap`](Self::with_heap).
    pub fn heap(&self) -> HeapSettings {
        self.heap
    }

    /// See [`with_async_stack_bytes`](Self::with_async_stack_bytes).
    pub fn async_stack_bytes(&self) -> usize {
        self.async_stack_bytes
    }

    /// See [`with_max_wasm_stack_bytes`](Self::with_max_wasm_stack_bytes).
    #[inline]
    pub fn max_wasm_stack_bytes(&self) -> usize {
        self.max_wasm_stack_bytes
    }

    /// See [`with_features`](Self::with_features).
    pub fn features(&self) -> WasmFeatures {
        self.features
    }

    /// See [`with_executor`](Self::with_executor).
    pub fn executor(&self) -> Option<&Arc<dyn Executor>> {
        self.executor.as_ref()
    }

    /// See [`with_task_body_bytes`](Self::with_task_body_bytes).
    pub fn task_body_bytes(&self) -> usize {
        self.task_body_bytes
    }

    /// See [`with_task_slice`](Self::with_task_slice).
    pub fn task_slice(&self) -> Duration {
        self.task_slice
    }

    /// See [`with_tier`](Self::with_tier).
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }

    /// Where compiled code is kept from one process to the next; by default nowhere.
    #[must_use]
    pub fn with_code_cache(mut self, cache: CodeCache) -> Self {
        self.code_cache = Some(cache);
        self
    }

    /// See [`with_code_cache`](Self::with_code_cache).
    pub fn code_cache(&self) -> Option<&CodeCache> {
        self.code_cache.as_ref()
    }

    /// See [`with_cpu_features`](Self::with_cpu_features).
    pub fn cpu_features(&self) -> Option<CpuFeatures> {
        self.cpu_features
    }

    /// See [`with_strategy`](Self::with_strategy).
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// See [`with_loop_versions`](Self::with_loop_versions).
    pub fn loop_versions(&self) -> bool {
        self.loop_versions
    }

    /// See [`with_inlining`](Self::with_inlining).
    pub fn inlining(&self) -> bool {
        self.inlining
    }

    /// See [`with_call_profiles`](Self::with_call_profiles).
    pub fn call_profiles(&self) -> bool {
        self.call_profiles
    }

    /// See [`with_compilation_hints`](Self::with_compilation_hints).
    pub fn compilation_hints(&self) -> bool {
        self.compilation_hints
    }

    /// See [`with_module_sharing`](Self::with_module_sharing).
    pub fn module_sharing(&self) -> bool {
        self.module_sharing
    }

    /// See [`with_tier_choice`](Self::with_tier_choice).
    pub fn tier_choice(&self) -> Option<&Arc<dyn TierChoice>> {
        self.tier_choice.as_ref()
    }

    /// See [`with_tier_observer`](Self::with_tier_observer).
    pub fn tier_observer(&self) -> Option<&Arc<dyn TierObserver>> {
        self.tier_observer.as_ref()
    }

    /// See [`with_tier_up_calls`](Self::with_tier_up_calls).
    pub fn tier_up_calls(&self) -> u32 {
        self.tier_up_calls.unwrap_or(tuning::TIER_UP_CALLS)
    }

    /// The same of modules whose code is kept.
    pub(crate) fn kept_tier_up_calls(&self) -> u32 {
        self.tier_up_calls.unwrap_or(tuning::KEPT_TIER_UP_CALLS)
    }

    /// See [`with_compile_memory_limit`](Self::with_compile_memory_limit).
    pub fn compile_memory_limit(&self) -> Option<usize> {
        self.compile_memory_limit
    }

    /// Bounds the memory that compiling one module takes at a time, as [`with_compile_memory_limit`](Self::with_compile_memory_limit) does for all
    /// of an engine together. Default: no bound.
    #[must_use]
    pub fn with_module_compile_memory_limit(mut self, bytes: usize) -> Self {
        self.module_compile_memory_limit = Some(bytes);
        self
    }

    /// Bounds the processor time that compiling one module may take, all its functions and tiers together. What runs over it by is what
    /// is being compiled when it is spent. Functions that have code keep it, and get no better one; what becomes of the others
    /// says [`with_over_budget`](Self::with_over_budget). Default: no bound.
    #[must_use]
    pub fn with_compile_cpu_limit(mut self, limit: Duration) -> Self {
        self.compile_cpu_limit = Some(limit);
        self
    }

    /// The same for all modules of the engine together.
    #[must_use]
    pub fn with_engine_compile_cpu_limit(mut self, limit: Duration) -> Self {
        self.engine_compile_cpu_limit = Some(limit);
        self
    }

    /// What becomes of functions for which there is no processor time left. Default: they are not compiled.
    #[must_use]
    pub fn with_over_budget(mut self, over_budget: OverBudget) -> Self {
        self.over_budget = over_budget;
        self
    }

    /// The optimizing tier takes no body with more bytes: such a function is compiled in the baseline tier, and stays in it. Default: a megabyte.
    #[must_use]
    pub fn with_optimized_body_limit(mut self, bytes: usize) -> Self {
        self.optimized_body_limit = bytes;
        self
    }

    /// See [`with_module_compile_memory_limit`](Self::with_module_compile_memory_limit).
    pub fn module_compile_memory_limit(&self) -> Option<usize> {
        self.module_compile_memory_limit
    }

    /// See [`with_compile_cpu_limit`](Self::with_compile_cpu_limit).
    pub fn compile_cpu_limit(&self) -> Option<Duration> {
        self.compile_cpu_limit
    }

    /// See [`with_engine_compile_cpu_limit`](Self::with_engine_compile_cpu_limit).
    pub fn engine_compile_cpu_limit(&self) -> Option<Duration> {
        self.engine_compile_cpu_limit
    }

    /// See [`with_over_budget`](Self::with_over_budget).
    pub fn over_budget(&self) -> OverBudget {
        self.over_budget
    }

    /// See [`with_optimized_body_limit`](Self::with_optimized_body_limit).
    pub fn optimized_body_limit(&self) -> usize {
        self.optimized_body_limit
    }

    /// See [`with_compile_timeout`](Self::with_compile_timeout).
    pub fn compile_timeout(&self) -> Option<Duration> {
        self.compile_timeout
    }

    /// See [`with_thread_name`](Self::with_thread_name).
    pub fn thread_name(&self) -> &str {
        &self.thread_name
    }

    /// See [`with_scope_timing`](Self::with_scope_timing).
    pub fn scope_timing(&self) -> bool {
        self.scope_timing
    }

    /// See [`with_unit_recording`](Self::with_unit_recording).
    pub fn unit_recording(&self) -> bool {
        self.unit_recording
    }

    /// Who is told of code that is published: see [`with_perf_map`](Self::with_perf_map) and [`with_jitdump`](Self::with_jitdump).
    pub fn code_sinks(&self) -> &[Arc<dyn CodeSink>] {
        &self.code_sinks
    }

    /// See [`with_clock`](Self::with_clock).
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

/// Why there is no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The build has no compiler for this machine.
    #[error("this build has no compiler for this machine")]
    NoCompiler,
    /// A compiler does not take this machine or these settings.
    #[error("{0}")]
    Compiler(String),
}
