//! The native module: the code of one module, and what else workers reach through the token.
//!
//! Scopes share it, so everything here is read-only, atomic, or has a short lock of its own.
//!
//! **Invariant:** it is created, and dropped, by an owner. Its drop hands what is large to another thread as plain data, so that
//! dropping a module returns at once.

#![forbid(unsafe_code)]

use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{Artifact, CodeVariant, Entry, Tier};
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Arc, OnceLock};
use crate::base::{DefinedFuncIndex, tuning};
use crate::code::error::CodeError;
use crate::code::space::{CodeSpace, CodeSpaceOptions};
use crate::codegen::env::CompileEnv;
use crate::compile::events::{Callbacks, EventQueue};
use crate::compile::features::DetectedFeatures;
use crate::compile::job::CompileJob;
use crate::compile::tier_up;
use crate::platform::clock;
use crate::platform::exec::ExecStrategy;
use crate::platform::profile::{CodeSink, NamedCode};
use crate::tasks::manager::{DroppedElsewhere, TaskPoster};
use crate::wasm::module::WasmModule;
use crate::wasm::wire_bytes::WireBytes;

/// What a backtrace needs of a module. The owner that a code space keeps alive.
#[derive(Debug)]
pub struct ModuleDebug {
    /// The decoded module.
    pub module: Arc<WasmModule>,
    /// Its bytes.
    pub wire_bytes: WireBytes,
}

/// The code of one module.
#[derive(Debug)]
pub struct NativeModule {
    /// Gone when this is being dropped, and not before.
    env: Option<Arc<CompileEnv>>,
    variants: [OnceLock<VariantCode>; 2],
    published_by_tier: [AtomicUsize; 2],
    inlined_sites: AtomicUsize,
    /// Held while a variant is made.
    making: RankedMutex<()>,
    pub(super) features: DetectedFeatures,
    pub(super) callbacks: Callbacks,
    pub(super) events: Arc<EventQueue>,
    code_sinks: Box<[Arc<dyn CodeSink>]>,
    graveyard: TaskPoster,
    /// As a module's: nothing until this is dropped.
    remains: Option<DroppedElsewhere>,
}

/// One variant of a module.
pub(super) struct VariantCode {
    /// `None` for a module without bodies.
    pub(super) space: Option<CodeSpace>,
    pub(super) job: Arc<CompileJob>,
}

impl std::fmt::Debug for VariantCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VariantCode").field("job", &self.job).finish_non_exhaustive()
    }
}

impl NativeModule {
    pub(super) fn new(
        env: Arc<CompileEnv>,
        events: EventQueue,
        code_sinks: Box<[Arc<dyn CodeSink>]>,
        graveyard: TaskPoster,
    ) -> Self {
        NativeModule {
            env: Some(env),
            variants: [OnceLock::new(), OnceLock::new()],
            published_by_tier: Default::default(),
            inlined_sites: AtomicUsize::new(0),
            making: RankedMutex::new(Rank::Making, ()),
            features: DetectedFeatures::default(),
            callbacks: Callbacks::default(),
            events: Arc::new(events),
            code_sinks,
            graveyard,
            remains: None,
        }
    }

    /// What its units read.
    pub fn env(&self) -> &Arc<CompileEnv> {
        self.env.as_ref().expect("it is there until this is dropped")
    }

    pub(super) fn variant(&self, variant: CodeVariant) -> Option<&VariantCode> {
        self.variants[variant as usize].get()
    }

    /// The variant, made on first need: an empty code space and a job that nobody has started. A lazy one has thunks; if
    /// functions may change their tier, they have budgets. True for the caller who made it, and
    /// must start the job.
    pub(super) fn make_variant(
        &self,
        variant: CodeVariant,
        is_lazy: bool,
        job: impl FnOnce() -> CompileJob,
    ) -> Result<(&VariantCode, bool), CodeError> {
        let cell = &self.variants[variant as usize];
        if let Some(made) = cell.get() {
            return Ok((made, false));
        }
        let _making = self.making.lock();
        if let Some(made) = cell.get() {
            return Ok((made, false));
        }
        let job = Arc::new(job());
        let made = VariantCode { space: self.new_code_space(is_lazy, job.tier_up_calls())?, job };
        Ok((cell.get_or_init(|| made), true))
    }

    fn new_code_space(&self, thunks: bool, calls: u32) -> Result<Option<CodeSpace>, CodeError> {
        let module = &self.env().module;
        if module.bodies.is_empty() {
            return Ok(None);
        }
        let debug = ModuleDebug { module: Arc::clone(module), wire_bytes: self.env().wire_bytes.clone() };
        let usual = CodeSpaceOptions::new(module.bodies.len(), module.code_section_bytes);
        let wants_new_addresses = self.code_sinks.iter().any(|sink| sink.wants_new_addresses());
        let strategies = if wants_new_addresses { &[ExecStrategy::Protect] } else { usual.strategies };
        let options = CodeSpaceOptions {
            thunks,
            budgets: self.env().settings.tier_up,
            profiles: self.env().settings.profile,
            strategies,
            ..usual
        };
        let space = CodeSpace::with_options(&options, Arc::new(debug))?;
        self.fill_budgets(&space, calls);
        Ok(Some(space))
    }

    /// Gives functions budgets for so many calls: those whose bodies have come.
    fn fill_budgets(&self, space: &CodeSpace, calls: u32) {
        if self.env().settings.tier_up {
            for (func, body) in self.env().module.bodies.iter() {
                tier_up::refill(space, func, body.len(), calls);
            }
        }
    }

    /// The same, when all have come, for a variant that was made before.
    pub(super) fn refill_budgets(&self, variant: CodeVariant) {
        if let Some(VariantCode { space: Some(space), job }) = self.variant(variant) {
            self.fill_budgets(space, job.tier_up_calls());
        }
    }

    /// Publishes a batch; gives the bytes that it took.
    pub(super) fn publish(&self, variant: CodeVariant, artifacts: Vec<Artifact>) -> Result<usize, CodeError> {
        let Some(space) = self.variant(variant).and_then(|code| code.space.as_ref()) else { return Ok(0) };
        if artifacts.is_empty() {
            return Ok(0);
        }
        let by_tier = TIERS.map(|tier| code_bytes(&artifacts, tier));
        let inlined = artifacts.iter().map(|artifact| artifact.inlined.len()).sum();
        let told = (!self.code_sinks.is_empty()).then(|| {
            let entries: Vec<(DefinedFuncIndex, Entry)> = artifacts.iter().map(|it| (it.func, it.entry)).collect();
            (clock::monotonic(), entries)
        });
        let added = space.publish(artifacts)?;
        if let Some((since, entries)) = told {
            self.tell(space, since, &entries);
        }
        for (total, bytes) in self.published_by_tier.iter().zip(by_tier) {
            // Relaxed: a figure.
            total.fetch_add(bytes, Ordering::Relaxed);
        }
        self.inlined_sites.fetch_add(inlined, Ordering::Relaxed); // a figure
        Ok(added)
    }

    /// Tells profilers of code that was just published, as far as it is still there.
    fn tell(&self, space: &CodeSpace, since: Duration, entries: &[(DefinedFuncIndex, Entry)]) {
        let with_bytes = self.code_sinks.iter().any(|sink| sink.wants_bytes());
        let describe = |&(func, entry): &(DefinedFuncIndex, Entry)| {
            let code = space.present_code(func, entry, with_bytes)?;
            Some(NamedCode { addresses: code.addresses, name: self.name_of_code(func, entry, code.tier), bytes: code.bytes })
        };
        let code: Vec<NamedCode> = entries.iter().filter_map(describe).collect();
        for sink in &self.code_sinks {
            sink.add(since, &code);
        }
    }

    /// What a profiler calls a function's code.
    fn name_of_code(&self, func: DefinedFuncIndex, entry: Entry, tier: Tier) -> String {
        let (module, index) = (&self.env().module, self.env().module.func_index(func));
        let names = module.names(&self.env().wire_bytes);
        let func = names.funcs.get(&index).map_or_else(|| format!("func[{}]", index.index()), |name| name.to_string());
        let module = names.module.as_deref().unwrap_or("wasm");
        let tier = match tier {
            Tier::Baseline => "baseline",
            Tier::Optimized => "optimized",
        };
        let place = match entry {
            Entry::Call => String::new(),
            Entry::Loop(wasm_offset) => format!(", loop at {wasm_offset:#x}"),
        };
        format!("{module}!{func} [{tier}{place}]")
    }

    /// Bytes of machine code that were published so far, by tier.
    pub(super) fn published_by_tier(&self) -> [usize; 2] {
        // Relaxed: a figure.
        self.published_by_tier.each_ref().map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// Bodies in the place of calls, in what was published so far.
    pub(super) fn inlined_sites(&self) -> usize {
        self.inlined_sites.load(Ordering::Relaxed) // a figure
    }

    /// Bytes of machine code of all variants.
    pub fn native_bytes(&self) -> usize {
        let spaces = self.variants.iter().filter_map(|cell| cell.get()?.space.as_ref());
        spaces.map(CodeSpace::code_bytes).sum()
    }
}

const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Optimized];

fn code_bytes(artifacts: &[Artifact], tier: Tier) -> usize {
    artifacts.iter().filter(|artifact| artifact.tier == tier).map(|artifact| artifact.code.len()).sum()
}

impl Drop for NativeModule {
    fn drop(&mut self) {
        self.callbacks.abort();
        if self.native_bytes() + self.env().wire_bytes.len() >= tuning::FREE_ELSEWHERE_BYTES {
            // Nothing is kept here: who lets go of it last frees it.
            self.remains = Some(self.graveyard.to_drop((std::mem::take(&mut self.variants), self.env.take())));
        }
    }
}
