//! Code of a module that another process has left: found with the module, taken function by function, kept again with what is new.
//!
//! *Problem.* A module with code in the cache should run at once, whatever its size, and no damage to a file may show. *Idea.* Its job is a
//! [lazy](crate::compile::lazy) one in which "compile" begins with a look at the file: the function's record is copied, verified, and
//! published. What is not there, or not sound, is compiled as usual, since the module's bytes are at hand. The functions that
//! a module has in the end, from either source, are [kept](Module::keep_code) as a file that replaces the one before.
//!
//! **Invariants:** a record is verified and decoded outside of scopes; what it lacks never fails a call. A module whose bytes come from the file itself
//! does not compile any of its bodies before all are verified.

#![forbid(unsafe_code)]

use std::time::Duration;

use cranelift_entity::EntityRef;
use wasmparser::WasmFeatures;

use crate::abi::artifact::{CodeVariant, Tier};
use crate::base::DefinedFuncIndex;
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::base::sync::{Arc, OnceLock};
use crate::base::{trace, tuning};
use crate::cache::data_file;
pub(crate) use crate::cache::data_file::{DataFile, KeptImage};
use crate::cache::file::{CodeFile, CodeFileBuilder};
use crate::cache::fingerprint::{Fingerprint, build_hash, module_hash};
use crate::cache::record::Record;
use crate::code::CodeError;
use crate::code::space::CodeSpace;
use crate::codegen::env::CodeSettings;
use crate::compile::code_cache::CodeCache;
use crate::compile::config::{Config, Strategy};
use crate::compile::engine::WasmEngine;
use crate::compile::job::CompileJob;
use crate::compile::module::{Module, code_settings};
use crate::compile::native_module::NativeModule;
use crate::compile::tier_up;
use crate::store::error::Rejected;
use crate::store::key::MacKey;
use crate::wasm::decode::{Decoded, decode_trusted, decode_with};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::wire_bytes::WireBytes;

/// What a module has of files, by variant.
#[derive(Debug)]
pub(super) struct ModuleCode {
    cache: Option<CodeCache>,
    /// Of the default variant.
    fingerprint: Fingerprint,
    files: [OnceLock<Option<Arc<CodeFile>>>; 2],
    data: OnceLock<Option<DataFile>>,
    /// Whether that was found to be damaged later.
    is_data_lost: AtomicBool,
}

impl ModuleCode {
    /// Of a module of which nothing was looked for yet.
    fn new(cache: Option<CodeCache>, fingerprint: Fingerprint) -> Self {
        ModuleCode { cache, fingerprint, files: Default::default(), data: OnceLock::new(), is_data_lost: AtomicBool::new(false) }
    }

    /// Decodes a module of which the default variant's file is there: it is valid.
    fn decode(&self, wire_bytes: &WireBytes, features: WasmFeatures) -> Option<Decoded> {
        let file = self.file(self.fingerprint.variant)?;
        let bodies = file.bodies().map_err(|rejected| rejected.to_string());
        let decoded =
            bodies.and_then(|bodies| decode_trusted(wire_bytes.clone(), bodies, features).map_err(|error| error.to_string()));
        decoded.map_err(|reason| tracing::warn!(target: trace::CACHE, reason, "validated again")).ok()
    }

    /// The settings of the file that a module was made from; of others, the engine's hold.
    pub(super) fn settings(&self) -> Option<CodeSettings> {
        CodeSettings::from_bits(self.fingerprint.settings)
    }

    /// Of a module that was made from a file.
    pub(super) fn of_file(file: Arc<CodeFile>) -> Self {
        let fingerprint = *file.fingerprint();
        let code = Self::new(None, fingerprint);
        code.files[fingerprint.variant as usize].get_or_init(|| Some(file));
        code
    }

    /// The file with a variant's code, looked for once.
    pub(super) fn file(&self, variant: CodeVariant) -> Option<&Arc<CodeFile>> {
        let find = || self.cache.as_ref()?.find(&self.fingerprint_of(variant)).map(Arc::new);
        self.files[variant as usize].get_or_init(find).as_ref()
    }

    /// The file with the module's data, looked for once.
    fn data(&self, others: usize) -> Option<&DataFile> {
        let has_data = || self.file(self.fingerprint.variant).is_some_and(|file| file.has_data());
        let find = || self.cache.as_ref().filter(|_| has_data())?.find_data(&self.fingerprint.module, others);
        let is_there = !self.is_data_lost.load(Ordering::Relaxed); // who is late finds out as well
        self.data.get_or_init(find).as_ref().filter(|_| is_there)
    }

    /// The same, whose bytes are what they should be where they are in the file.
    fn sound_data(&self, others: usize) -> Option<&DataFile> {
        let data = self.data(others)?;
        if data.is_sound(others) {
            return Some(data);
        }
        // Relaxed: whoever is first says so.
        if !self.is_data_lost.swap(true, Ordering::Relaxed)
            && let Some(cache) = &self.cache
        {
            cache.refuse_data(&self.fingerprint.module, "its data is damaged");
        }
        None
    }

    /// Whether the file with the module's data was looked for, and was damaged or not there.
    fn has_lost_data(&self, variant: CodeVariant) -> bool {
        let is_lost = matches!(self.data.get(), Some(None)) || self.is_data_lost.load(Ordering::Relaxed); // as above
        is_lost && self.file(variant).is_some_and(|file| file.has_data())
    }

    /// Where a variant's code is kept.
    pub(super) fn kept_as(&self, variant: CodeVariant) -> Option<(CodeCache, Fingerprint)> {
        Some((self.cache.clone()?, self.fingerprint_of(variant)))
    }

    fn fingerprint_of(&self, variant: CodeVariant) -> Fingerprint {
        Fingerprint { variant, ..self.fingerprint }
    }
}

/// What code of an engine is good for, of a module with that hash.
pub(super) fn fingerprint(engine: &WasmEngine, settings: &CodeSettings, module: [u8; 32]) -> Fingerprint {
    let config = engine.config();
    Fingerprint {
        build: build_hash(),
        module,
        cpu: engine.cpu_features(),
        wasm_features: config.features().bits(),
        settings: settings.bits(),
        variant: engine.default_variant(),
        tier: config.tier(),
        ahead_of_time: config.strategy() == Strategy::AheadOfTime,
    }
}

/// What makes modules of bytes, apart from the engine: background tasks may have it.
#[derive(Debug)]
pub(super) struct Loader {
    config: Arc<Config>,
    /// Without a module.
    fingerprint: Fingerprint,
}

/// A decoded module.
pub(super) struct Loaded {
    pub decoded: Decoded,
    /// What another process has left of it.
    pub code: Option<ModuleCode>,
    /// How long it took.
    pub wall: Duration,
}

impl Loader {
    pub(super) fn of(engine: &WasmEngine) -> Loader {
        let settings = code_settings(engine);
        // Of no module yet.
        let fingerprint = fingerprint(engine, &settings, [0; 32]);
        Loader { config: engine.shared_config(), fingerprint }
    }

    /// Finds what another process has left of a module, and decodes it.
    ///
    /// # Errors
    ///
    /// The module is malformed, or invalid outside of its bodies.
    pub(super) fn load(&self, wire_bytes: WireBytes) -> Result<Loaded, CompileError> {
        let Loader { config, .. } = self;
        let begun = config.clock().now();
        let code = self.find(&wire_bytes);
        let known = code.as_ref().and_then(|code| code.decode(&wire_bytes, config.features()));
        let decoded = match known {
            Some(decoded) => {
                // Now, while no other thread has anything to do.
                if let Some(code) = code.as_ref().filter(|_| decoded.module.has_late_datas()) {
                    code.data(config.other_threads());
                }
                decoded
            }
            None if !wire_bytes.complete(config.other_threads()) => return Err(changed()),
            None => decode_with(wire_bytes, config.features())?,
        };
        Ok(Loaded { decoded, code, wall: config.clock().now().saturating_sub(begun) })
    }

    /// Of a module that was not looked at yet, unless it is small or there is no cache.
    pub(super) fn find(&self, wire_bytes: &WireBytes) -> Option<ModuleCode> {
        let cache = self.config.code_cache()?;
        if wire_bytes.len() < cache.module_bytes_min() {
            return None;
        }
        let module = wire_bytes.known_hash().unwrap_or_else(|| module_hash(wire_bytes, self.config.other_threads()));
        let fingerprint = Fingerprint { module, ..self.fingerprint };
        Some(ModuleCode::new(Some(cache.clone()), fingerprint))
    }
}

/// What to say of a module's file that is another one by now.
pub(super) fn changed() -> CompileError {
    CompileError::new(CompileErrorKind::File, "the module's file was changed while it was in use", None)
}

/// How much a job has that no file has, and what it has from one.
#[derive(Debug, Default)]
pub(super) struct CacheUse {
    /// Bytes of code that were compiled since the last time that all was kept.
    pub unkept_bytes: AtomicUsize,
    /// Functions that came from the file.
    pub loaded_count: AtomicUsize,
    /// Bytes of their code.
    pub loaded_bytes: AtomicUsize,
}

impl CompileJob {
    /// Calls of a function in baseline code after which it is worth the best: fewer where its code is kept, since other processes have it too.
    pub(super) fn tier_up_calls(&self) -> u32 {
        if self.kept_as.get().is_some() { self.shared.kept_tier_up_calls } else { self.shared.tier_up_calls }
    }

    /// Has the code kept in the background, if there is a place for it.
    pub(super) fn watch(self: &Arc<Self>) {
        if let (Some(saver), Some(_)) = (&self.shared.saver, self.kept_as.get()) {
            saver.watch(self);
        }
    }

    /// A function as another process has left it, if that is known and sound.
    pub(super) fn read_record(&self, func: DefinedFuncIndex) -> Option<Record> {
        let file = self.cached.as_ref()?;
        self.sound(func, file, file.record(func)).flatten()
    }

    /// What was read of a function, unless it is damaged.
    pub(super) fn sound<T>(&self, func: DefinedFuncIndex, file: &CodeFile, read: Result<T, Rejected>) -> Option<T> {
        let function = self.env.module.func_index(func).index();
        read.inspect_err(|rejected| {
            tracing::warn!(target: trace::CACHE, function, %rejected, "compiled again");
            self.note_damage(file);
        })
        .ok()
    }

    /// A file is to be replaced.
    pub(super) fn note_damage(&self, file: &CodeFile) {
        self.note_unkept(tuning::KEPT_BYTES_MIN.max(usize::try_from(file.record_bytes()).unwrap_or(usize::MAX)));
    }

    /// So many bytes of code are in no file.
    pub(super) fn note_unkept(&self, bytes: usize) {
        if self.kept_as.get().is_none() {
            return;
        }
        self.cache_use.unkept_bytes.fetch_add(bytes, Ordering::Relaxed); // a figure
        if let Some(saver) = &self.shared.saver {
            saver.note();
        }
    }

    /// So many bytes of better code are in no file: what makes the next process run faster from its beginning is worth a new one, however little
    /// it is beside what is kept.
    pub(super) fn note_better(&self, bytes: usize) {
        self.note_unkept(bytes.saturating_mul(tuning::KEPT_SHARE));
    }

    /// How many there are.
    pub(super) fn unkept_bytes(&self) -> usize {
        self.cache_use.unkept_bytes.load(Ordering::Relaxed) // a figure
    }

    /// Makes a record the function's code; gives its tier.
    ///
    /// # Errors
    ///
    /// As for publication.
    pub(super) fn publish_record(&self, native: &NativeModule, record: Record) -> Result<Tier, CodeError> {
        let tier = record.artifact.tier;
        self.publish_records(native, vec![record])?;
        Ok(tier)
    }

    /// Makes records the code of their functions: all of them, or none.
    ///
    /// # Errors
    ///
    /// As for publication.
    pub(super) fn publish_records(&self, native: &NativeModule, records: Vec<Record>) -> Result<(), CodeError> {
        let count = records.len();
        let mut artifacts = Vec::with_capacity(count);
        let mut recorded = Vec::with_capacity(count);
        for Record { artifact, budget, profile } in records {
            recorded.push((artifact.func, budget, profile));
            artifacts.push(artifact);
        }
        // Before anybody can run them, and ask. Relaxed: figures.
        self.cache_use.loaded_count.fetch_add(count, Ordering::Relaxed);
        let published = native.publish(self.variant, artifacts);
        let bytes = published.inspect_err(|_| {
            self.cache_use.loaded_count.fetch_sub(count, Ordering::Relaxed);
        })?;
        if let Some(space) = native.variant(self.variant).and_then(|code| code.space.as_ref()) {
            for (func, budget, profile) in recorded {
                space.restore_profile(func, &profile);
                if let Some(kept) = budget {
                    tier_up::restore_budget(space, func, self.env.module.bodies[func].len(), self.tier_up_calls(), kept);
                }
            }
        }
        self.cache_use.loaded_bytes.fetch_add(bytes, Ordering::Relaxed); // a figure
        Ok(())
    }

    /// A function that nobody is at, from the file, if its code there is of a tier or better: it is the caller's, who must
    /// [settle](Self::settle_record) it.
    pub(super) fn claim_record(&self, func: DefinedFuncIndex, tier: Tier) -> Option<Record> {
        let kept = self.cached.as_ref()?.tier(func)?;
        if kept < tier || !self.claim_kept(func, tier) {
            return None;
        }
        let record = self.read_record(func);
        if record.is_none() {
            self.states.give_up(func);
            self.parking.announce();
        }
        record
    }

    /// Takes a function over that is in the file and nobody is at.
    pub(super) fn claim_kept(&self, func: DefinedFuncIndex, tier: Tier) -> bool {
        func.index() < self.env.module.bodies.len() && self.states.request(func, tier) && self.states.start(func)
    }

    /// Publishes a function that was claimed.
    pub(super) fn settle_record(&self, native: &NativeModule, record: Record) {
        let func = record.artifact.func;
        match self.publish_record(native, record) {
            Ok(tier) => self.states.finish_in(func, tier),
            Err(error) => {
                tracing::warn!(target: trace::CACHE, ?func, %error, "left for who calls it");
                self.states.give_up(func);
            }
        }
        self.parking.announce();
    }

    /// Whether a body may be compiled: of a module whose bytes come from the file of its code, all are verified before the first is; of one whose
    /// bodies were not kept, they are read.
    ///
    /// # Errors
    ///
    /// They are damaged.
    pub(super) fn check_body(&self, func: DefinedFuncIndex) -> Result<(), CompileError> {
        self.check_own_bodies()?;
        let bodies = &self.env.module.bodies;
        let first = bodies.values().next().map_or(0, |body| body.start as usize);
        if self.env.wire_bytes.want(first..bodies[func].end as usize) { Ok(()) } else { Err(changed()) }
    }

    /// Whether the bodies in the file of its code, if it has some, are what was written.
    ///
    /// # Errors
    ///
    /// They are damaged.
    pub(super) fn check_own_bodies(&self) -> Result<(), CompileError> {
        if self.cached.as_ref().is_none_or(|file| file.is_intact()) {
            return Ok(());
        }
        let message = "the module's bytes in the file of its code are damaged";
        Err(CompileError::new(CompileErrorKind::Precompiled, message, None))
    }

    /// The present code of some functions, with what they have recorded.
    fn records(&self, space: &CodeSpace, funcs: &[DefinedFuncIndex]) -> Vec<Record> {
        let record = |&func: &DefinedFuncIndex| {
            let artifact = space.recover(func)?;
            // What better code is there for records nothing, and asks for nothing.
            let is_baseline = artifact.tier == Tier::Baseline;
            let kept = || tier_up::kept_budget(space, func, self.env.module.bodies[func].len(), self.tier_up_calls());
            let budget = is_baseline.then(kept).flatten();
            let profile = space.profile(func).filter(|_| is_baseline).map(|profile| profile.portable()).unwrap_or_default();
            Some(Record { artifact, budget, profile })
        };
        funcs.iter().filter_map(record).collect()
    }

    /// Writes a file of all that this job has, and of what is in another one and not here; a few functions at a time, by way of `visit`,
    /// which lends the code space while it may. `None` if it may no longer.
    pub(super) fn build_file<'k>(
        &self,
        (key, with_wire): (&'k MacKey, bool),
        other: Option<&CodeFile>,
        visit: impl Fn(&mut dyn FnMut(&CodeSpace)) -> Option<()>,
    ) -> Option<CodeFileBuilder<'k>> {
        let mut builder = CodeFileBuilder::new(key, with_wire);
        other.into_iter().for_each(|other| builder.follows(other));
        let mut present = Vec::new();
        visit(&mut |space| present = space.present_funcs(Tier::Baseline))?;
        let mut is_here = vec![false; self.env.module.bodies.len()];
        for funcs in present.chunks(tuning::KEPT_TOGETHER) {
            let mut records = Vec::new();
            visit(&mut |space| records = self.records(space, funcs))?;
            for record in &records {
                let func = record.artifact.func;
                is_here[func.index()] = true;
                let is_worse = record.artifact.tier == Tier::Baseline
                    && other.is_some_and(|other| {
                        other.tier(func) == Some(Tier::Optimized) && other.copy(func, &mut builder).is_some()
                    });
                if !is_worse {
                    builder.add(record);
                }
            }
        }
        let others = other.map(|other| (other, other.funcs()));
        for (other, func) in others.iter().flat_map(|(other, funcs)| funcs.iter().map(move |&func| (other, func))) {
            if is_here.get(func.index()) == Some(&false) {
                // Damaged ones are left out.
                let _ = other.copy(func, &mut builder);
            }
        }
        Some(builder)
    }

    /// Whether so much was compiled that a new file is worth its time.
    pub(super) fn is_worth_keeping(&self) -> bool {
        let unkept = self.unkept_bytes();
        // The first file says that the module is valid, which is worth more than most code.
        self.cached.as_ref().map_or(unkept > 0, |file| {
            let kept = usize::try_from(file.record_bytes()).unwrap_or(usize::MAX);
            unkept >= tuning::KEPT_BYTES_MIN.max(kept / tuning::KEPT_SHARE)
        })
    }

    /// Writes what there is to keep of the module's file to a cache, once.
    fn keep_news(&self, cache: &CodeCache) {
        let news = self.news_of_file.lock().take();
        if let Some(known) = news {
            cache.keep_file(&known);
        }
    }

    /// Writes the module's data to a cache, unless it is there; says whether it is.
    fn keep_data(&self, cache: &CodeCache, fingerprint: &Fingerprint) -> bool {
        let (module, wire_bytes) = (&self.env.module, &self.env.wire_bytes);
        let build = |key: &MacKey| data_file::build(module, wire_bytes, &fingerprint.module, key);
        module.data_count() > 0 && cache.keep_data(&fingerprint.module, build)
    }

    /// Writes the job's code to a cache.
    pub(super) fn keep(
        &self,
        cache: &CodeCache,
        fingerprint: &Fingerprint,
        visit: impl Fn(&mut dyn FnMut(&CodeSpace)) -> Option<()>,
    ) -> bool {
        // What comes from here on is for the next time.
        self.cache_use.unkept_bytes.store(0, Ordering::Relaxed); // a figure
        // Another process may have added to what this one has read.
        let newest = cache.find(fingerprint);
        let other = newest.as_ref().or(self.cached.as_deref());
        let Some(builder) = self.build_file((cache.key(), false), other, visit) else { return false };
        if builder.is_empty() {
            return false;
        }
        let env = &self.env;
        self.keep_news(cache);
        let builder = builder.with_data(self.keep_data(cache, fingerprint));
        cache.keep(&fingerprint.key(), &builder.finish(fingerprint, &env.module, &env.wire_bytes))
    }
}

impl Module {
    /// Has the code kept of a module that was compiled before all its bytes were known, unless it is kept already.
    pub(super) fn keep_streamed(&self) {
        let variant = self.engine().default_variant();
        let Some(job) = self.job() else { return };
        let Some(place) = self.code().and_then(|code| code.kept_as(variant)) else { return };
        if job.kept_as.set(place).is_ok() {
            self.native().refill_budgets(variant);
            job.watch();
            if self.file(variant).is_none() {
                job.note_unkept(self.native().native_bytes());
            }
        }
    }

    /// What the module's memories begin with, if another process has left all of that.
    pub(crate) fn kept_data(&self) -> Option<&DataFile> {
        // Of others the segments are decoded already, or few.
        self.decoded().has_late_datas().then(|| self.code()?.data(self.engine().config().other_threads())).flatten()
    }

    /// The same, verified in its file: for more than one instance.
    pub(crate) fn sound_data(&self) -> Option<&DataFile> {
        self.kept_data()?;
        self.code()?.sound_data(self.engine().config().other_threads())
    }

    /// Keeps the code that the module has by now in the engine's [code cache](CodeCache), if it has one and if there is enough that is
    /// new. In the background this happens by itself, some time after the last function was compiled; before the process ends it
    /// is the host's to ask for it. True if something was written; what fails is told by the cache.
    pub fn keep_code(&self) -> bool {
        let native = self.native();
        let mut has_written = false;
        for variant in CodeVariant::ALL {
            let Some(made) = native.variant(variant) else { continue };
            let Some(space) = &made.space else { continue };
            let visit = |look: &mut dyn FnMut(&CodeSpace)| {
                look(space);
                Some(())
            };
            let Some((cache, fingerprint)) = made.job.kept_as.get() else { continue };
            if self.code().is_some_and(|code| code.has_lost_data(variant)) {
                made.job.keep_data(cache, fingerprint);
            }
            if made.job.cached.is_some() {
                made.job.keep_news(cache);
            }
            if !made.job.is_worth_keeping() || made.job.check_own_bodies().is_err() {
                continue;
            }
            has_written |= made.job.keep(cache, fingerprint, visit);
        }
        has_written
    }
}
