//! The engine: what all modules share, and the teardown of background work.
//!
//! Problem: workers need compilers, scratch memory and the configuration, and must not own the engine: if the last handle went
//! on a worker, that worker would have to wait for itself.
//!
//! Idea: [`WasmEngine`] is a handle of owners (users, modules, isolates). What workers need is in [`EngineShared`], plain data
//! that anybody may free. The last handle shuts the engine down where it is dropped.
//!
//! Teardown (statements S1-41, S1-42): the task gate closes; every live token is asked to stop, so that units end at their next
//! poll; queued tasks are dropped unrun; the caller parks until none runs; threads are joined. Modules and isolates stay usable: what has
//! no code yet is compiled by the caller who asks for it. New isolates are refused.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::abi::artifact::{CodeVariant, Tier};
use crate::abi::cpu::CpuFeatures;
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::Arc;
use crate::base::tuning::{SPARE_FUNC_TABLES_MAX, SPARE_STACKS_MAX};
use crate::codegen::compiler::{Compiler, Scratch};
use crate::compile::budget::{CpuBudget, Estimates, MemoryBudget};
use crate::compile::compilers;
use crate::compile::config::{Config, EngineError, OverBudget, Strategy};
use crate::compile::features::FeatureCounts;
use crate::compile::module::Module;
use crate::compile::module_cache::ModuleCache;
use crate::compile::observer::TierObserver;
use crate::compile::saver::Saver;
use crate::compile::token::BackgroundCompileToken;
use crate::platform::exec;
use crate::platform::fiber::{StackCounts, StackPool};
use crate::platform::heap;
use crate::platform::spare::SlotPool;
use crate::tasks::clock::Clock;
use crate::tasks::manager::{TaskManager, TaskPoster};
use crate::wasm::canonical::TypeRegistry;
use crate::wasm::validate::Features;

/// An engine: compilers, background threads and the types that modules share. A handle; clones are the same engine.
#[derive(Debug, Clone)]
pub struct WasmEngine(Arc<EngineInner>);

#[derive(Debug)]
struct EngineInner {
    config: Arc<Config>,
    cpu_features: CpuFeatures,
    shared: Arc<EngineShared>,
    types: TypeRegistry,
    tokens: TokenRegistry,
    /// `None` if equal modules are different.
    modules: Option<ModuleCache>,
    features: FeatureCounts,
    spare_memories: Arc<SlotPool>,
    /// The same for what isolates keep functions in.
    spare_func_tables: Arc<SlotPool>,
    async_stacks: Arc<StackPool>,
    /// Owned here, and by nothing that runs on it (S1-40).
    tasks: TaskManager,
}

impl WasmEngine {
    /// An engine with the compilers of this build.
    ///
    /// # Errors
    ///
    /// No compiler takes this machine, or code is asked for that it cannot run.
    pub fn new(config: &Config) -> Result<WasmEngine, EngineError> {
        Self::with_compilers(config, compilers::built_in(config.cpu_features())?)
    }

    /// An engine with compilers of the caller's choice, at most one per tier.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn with_compilers(config: &Config, mut compilers: Vec<Arc<dyn Compiler>>) -> Result<WasmEngine, EngineError> {
        compilers.sort_by_key(|compiler| compiler.tier());
        if compilers.is_empty() {
            return Err(EngineError::NoCompiler);
        }
        let tasks = match config.executor() {
            Some(executor) if config.num_compilation_tasks() > 0 => TaskManager::with_executor(Arc::clone(executor)),
            _ => TaskManager::new(config.num_compilation_tasks(), config.thread_name()),
        };
        exec::prepare_to_serialize_if_alone();
        let shared = Arc::new(EngineShared::new(config, compilers));
        let idle = Arc::clone(&shared);
        tasks.on_idle(move || {
            idle.release_scratch();
            exec::prepare_to_serialize();
        });
        Ok(WasmEngine(Arc::new(EngineInner {
            config: Arc::new(config.clone()),
            cpu_features: config.cpu_features().unwrap_or_else(CpuFeatures::host),
            shared,
            types: TypeRegistry::default(),
            tokens: TokenRegistry::default(),
            modules: config.module_sharing().then(ModuleCache::default),
            features: FeatureCounts::default(),
            spare_memories: Arc::new(SlotPool::new(config.spare_memories())),
            spare_func_tables: Arc::new(SlotPool::new(SPARE_FUNC_TABLES_MAX.min(config.spare_memories()))),
            async_stacks: Arc::new(StackPool::new(config.async_stack_bytes(), SPARE_STACKS_MAX)),
            tasks,
        })))
    }

    /// Its configuration.
    #[inline]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The same for who outlives the engine.
    pub(super) fn shared_config(&self) -> Arc<Config> {
        Arc::clone(&self.0.config)
    }

    /// What code of this engine may use of the processor.
    pub(super) fn cpu_features(&self) -> CpuFeatures {
        self.0.cpu_features
    }

    /// Its registry of types.
    pub fn types(&self) -> &TypeRegistry {
        &self.0.types
    }

    /// The variant that a module is compiled for at once.
    pub fn default_variant(&self) -> CodeVariant {
        if self.0.config.memory_guards() { CodeVariant::Guarded } else { CodeVariant::Checked }
    }

    /// Whether functions begin in a low tier, and those that do much are compiled again in the best.
    pub fn tiers_up(&self) -> bool {
        let shared = &self.0.shared;
        let config = &self.0.config;
        config.strategy() != Strategy::AheadOfTime && config.tier().is_none() && shared.first_tier() < shared.best_tier()
    }

    /// Whether code of a low tier records its calls, for the best to inline by.
    pub(super) fn records_calls(&self) -> bool {
        self.tiers_up() && self.0.config.inlining() && self.0.config.call_profiles()
    }

    /// How many modules of this engine were seen to use a proposal.
    pub fn feature_count(&self, feature: Features) -> usize {
        self.0.features.get(feature)
    }

    /// Ends background work: returns when no task is left, queued or running, and every thread has ended. Modules and isolates live on,
    /// and compile on their callers; new isolates are refused. Dropping the last handle does the same.
    pub fn shutdown(&self) {
        self.0.shutdown();
    }

    /// Whether background work was ended.
    pub fn is_shut_down(&self) -> bool {
        !self.0.tasks.poster().is_open()
    }

    /// How many background threads were started.
    pub fn thread_count(&self) -> usize {
        self.0.tasks.thread_count()
    }

    /// How many sets of memory to compile with are kept for the next functions; none when there was nothing to compile for a while.
    pub fn scratch_count(&self) -> usize {
        self.0.shared.scratch_count()
    }

    /// How many background tasks are registered, queued or running.
    pub fn active_task_count(&self) -> usize {
        self.0.tasks.active_count()
    }

    /// How many stacks there are for asynchronous calls.
    pub fn async_stacks(&self) -> StackCounts {
        self.0.async_stacks.counts()
    }

    pub(crate) fn async_stack_pool(&self) -> &Arc<StackPool> {
        &self.0.async_stacks
    }

    /// How many modules are alive.
    pub fn live_module_count(&self) -> usize {
        self.0.tokens.live.lock().tokens.len()
    }

    /// How many modules may be found by their bytes, see [`Config::with_module_sharing`].
    pub fn shared_module_count(&self) -> usize {
        self.module_cache().map_or(0, ModuleCache::len)
    }

    /// How many slots of memories that are gone are [kept](Config::with_spare_memories) now.
    pub fn spare_memory_count(&self) -> usize {
        self.0.spare_memories.len()
    }

    /// Gives them back to the system. That happens by itself to those that are not needed for a second while others come and go, to most when the
    /// last isolate goes, and to all with the engine; a host that expects to rest for long does well to say so.
    pub fn release_spare_memories(&self) {
        self.0.spare_memories.release();
        self.0.spare_func_tables.release();
    }

    pub(crate) fn spare_func_tables(&self) -> &Arc<SlotPool> {
        &self.0.spare_func_tables
    }

    pub(crate) fn spare_memories(&self) -> &Arc<SlotPool> {
        &self.0.spare_memories
    }

    /// Whether two handles are the same engine.
    pub fn is_same(&self, other: &WasmEngine) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn shared(&self) -> &Arc<EngineShared> {
        &self.0.shared
    }

    pub(super) fn poster(&self) -> &TaskPoster {
        self.0.tasks.poster()
    }

    pub(super) fn tokens(&self) -> &TokenRegistry {
        &self.0.tokens
    }

    pub(super) fn module_cache(&self) -> Option<&ModuleCache> {
        self.0.modules.as_ref()
    }

    /// The module that others with the same bytes are from now on.
    pub(super) fn adopt(&self, module: Module) -> Module {
        match self.module_cache() {
            Some(cache) => cache.adopt(module),
            None => module,
        }
    }

    pub(super) fn count_features(&self, features: Features) {
        self.0.features.add(features);
    }
}

impl EngineInner {
    fn shutdown(&self) {
        self.tasks.close();
        self.tokens.request_stop();
        self.tasks.finish();
        if let Some(saver) = &self.shared.saver {
            saver.close();
        }
    }
}

impl Drop for EngineInner {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// What workers share: plain data.
pub struct EngineShared {
    /// Lowest tier first.
    compilers: Box<[Arc<dyn Compiler>]>,
    /// Scratch memory that no worker uses now, by compiler.
    scratch: Box<[RankedMutex<Vec<Scratch>>]>,
    scratch_max: usize,
    tier: Option<Tier>,
    strategy: Strategy,
    pub(super) memory: MemoryBudget,
    /// What units take of it.
    pub(super) estimates: Estimates,
    pub(super) cpu: CpuBudget,
    pub(super) over_budget: OverBudget,
    pub(super) optimized_body_limit: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) tier_up_calls: u32,
    pub(super) kept_tier_up_calls: u32,
    pub(super) inlines: bool,
    pub(super) tier_observer: Option<Arc<dyn TierObserver>>,
    /// Of an engine with a code cache, and with threads.
    pub(super) saver: Option<Saver>,
    /// The parts of the configuration that a slice looks at.
    pub(super) timing: Timing,
}

/// How a slice sees time.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) slice: Duration,
    pub(super) scopes: bool,
}

impl fmt::Debug for EngineShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineShared").field("compilers", &self.compilers).field("timing", &self.timing).finish_non_exhaustive()
    }
}

impl EngineShared {
    fn new(config: &Config, compilers: Vec<Arc<dyn Compiler>>) -> Self {
        EngineShared {
            scratch: compilers.iter().map(|_| RankedMutex::new(Rank::Scratch, Vec::new())).collect(),
            tier: config.tier(),
            strategy: config.strategy(),
            memory: MemoryBudget::new(config.compile_memory_limit()),
            estimates: Estimates::default(),
            cpu: CpuBudget::new(config.engine_compile_cpu_limit()),
            over_budget: config.over_budget(),
            optimized_body_limit: config.optimized_body_limit(),
            timeout: config.compile_timeout(),
            scratch_max: config.num_compilation_tasks() + 1,
            compilers: compilers.into(),
            tier_up_calls: config.tier_up_calls(),
            kept_tier_up_calls: config.kept_tier_up_calls(),
            inlines: config.inlining(),
            tier_observer: config.tier_observer().cloned(),
            saver: config
                .code_cache()
                .filter(|_| config.num_compilation_tasks() > 0)
                .map(|cache| Saver::new(cache.quiet(), config.thread_name())),
            timing: Timing { clock: Arc::clone(config.clock()), slice: config.task_slice(), scopes: config.scope_timing() },
        }
    }

    /// The tier that eager compilation asks for.
    pub fn eager_tier(&self) -> Tier {
        match self.strategy {
            Strategy::Eager => self.first_tier(),
            Strategy::Lazy | Strategy::AheadOfTime => self.tier.unwrap_or_else(|| self.best_tier()),
        }
    }

    /// The best tier that there is.
    pub(super) fn best_tier(&self) -> Tier {
        self.compilers.last().map_or(Tier::Optimized, |compiler| compiler.tier())
    }

    /// The tier that functions begin in which may change it.
    pub(super) fn first_tier(&self) -> Tier {
        let first = self.compilers.first().map_or(Tier::Optimized, |compiler| compiler.tier());
        self.tier.unwrap_or(first)
    }

    /// The tier of functions that are compiled as they are called.
    pub(super) fn called_tier(&self) -> Tier {
        match self.strategy {
            Strategy::AheadOfTime => self.eager_tier(),
            Strategy::Lazy | Strategy::Eager => self.first_tier(),
        }
    }

    /// The compilers for a unit of a tier, in the order in which they are tried: the tier itself, then the better ones, then the others, the best
    /// first.
    pub(super) fn compilers_for(&self, tier: Tier) -> impl Iterator<Item = (usize, &Arc<dyn Compiler>)> {
        let compilers = || self.compilers.iter().enumerate();
        let others = compilers().rev().filter(move |(_, compiler)| compiler.tier() < tier);
        compilers().filter(move |(_, compiler)| compiler.tier() >= tier).chain(others)
    }

    pub(super) fn take_scratch(&self, compiler: usize) -> Scratch {
        let kept = self.scratch[compiler].lock().pop();
        kept.unwrap_or_else(|| self.compilers[compiler].new_scratch())
    }

    /// Whether the scratch of a unit that took so many bytes may be kept.
    pub(super) fn keeps_scratch(&self, bytes: usize) -> bool {
        self.memory.may_keep(bytes, self.scratch_max)
    }

    pub(super) fn give_scratch(&self, compiler: usize, scratch: Scratch) {
        let mut kept = self.scratch[compiler].lock();
        if kept.len() < self.scratch_max {
            kept.push(scratch);
        }
    }

    /// Gives back what is kept to compile with: nobody compiles.
    fn release_scratch(&self) {
        let kept: Vec<Scratch> = self.scratch.iter().flat_map(|kept| std::mem::take(&mut *kept.lock())).collect();
        if !kept.is_empty() {
            drop(kept);
            heap::trim();
        }
    }

    /// How many sets of memory to compile with are kept.
    fn scratch_count(&self) -> usize {
        self.scratch.iter().map(|kept| kept.lock().len()).sum()
    }

    pub(super) fn compiler_count(&self) -> usize {
        self.compilers.len()
    }
}

/// The tokens of living modules.
#[derive(Debug)]
pub(super) struct TokenRegistry {
    live: RankedMutex<LiveTokens>,
}

impl Default for TokenRegistry {
    fn default() -> Self {
        TokenRegistry { live: RankedMutex::new(Rank::Tokens, LiveTokens::default()) }
    }
}

#[derive(Debug, Default)]
struct LiveTokens {
    next: u64,
    tokens: HashMap<u64, Arc<BackgroundCompileToken>>,
}

impl TokenRegistry {
    /// Remembers a token; the id is for `remove`.
    pub(super) fn insert(&self, token: &Arc<BackgroundCompileToken>) -> u64 {
        let mut live = self.live.lock();
        let id = live.next;
        live.next += 1;
        live.tokens.insert(id, Arc::clone(token));
        id
    }

    pub(super) fn remove(&self, id: u64) {
        let removed = self.live.lock().tokens.remove(&id);
        drop(removed);
    }

    fn request_stop(&self) {
        for token in self.live.lock().tokens.values() {
            token.request_stop();
        }
    }
}
