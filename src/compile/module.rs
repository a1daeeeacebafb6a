//! What a user holds: a compiled module.
//!
//! A [`Module`] is a counted handle of a [`ModuleOwner`]; the last one drops it, on whatever thread of the owner that is. The drop
//! cancels the token, drops the callbacks, and frees the native module, in this order. It waits for nobody: not for units, and where a scope is
//! open (one batch being published, by a thread that may not be running) a background task waits for that, and frees.
//!
//! **Invariant:** no background task has a `Module`, a `ModuleOwner` or a weak reference to one.

#![forbid(unsafe_code)]

use std::any::Any;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::abi::artifact::{CodeVariant, Tier};
use crate::abi::vmctx::VmLayout;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Arc, OnceLock, Weak};
use crate::base::{DefinedFuncIndex, tuning};
use crate::cache::file::CodeFile;
use crate::cache::module_file::{self, Opened};
use crate::code::space::CodeSpace;
use crate::codegen::env::{CodeSettings, CompileEnv};
use crate::compile::cached::{Loaded, Loader, ModuleCode};
use crate::compile::config::Strategy;
use crate::compile::engine::WasmEngine;
use crate::compile::events::{Callback, CompileEvent, EventQueue, EventSink};
use crate::compile::job::{CompileJob, JobKind};
use crate::compile::module_cache::EntryId;
use crate::compile::native_module::NativeModule;
use crate::compile::pending::PendingModule;
use crate::compile::refusal;
use crate::compile::stats::CompileStats;
use crate::compile::token::TokenOwner;
use crate::compile::validation;
use crate::platform::file::read_shared;
use crate::tasks::manager::DroppedElsewhere;
use crate::wasm::canonical::CanonicalTypes;
use crate::wasm::decode::{Decoded, decode_with, to_binary, translated};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::WasmModule;
use crate::wasm::wire_bytes::WireBytes;

/// A compiled module. A handle: clones are the same module. Keeps its engine alive.
#[derive(Debug, Clone)]
pub struct Module(Arc<ModuleOwner>);

/// The owner of a native module.
struct ModuleOwner {
    /// Holds the native module by raw pointer; dropped, and so freed, before the engine.
    native: Arc<TokenOwner<NativeModule>>,
    token_id: u64,
    canonical_types: CanonicalTypes,
    type_ids: Box<[u32]>,
    validate_wall: Duration,
    /// Of what comes behind that: the bodies of a lazily compiled module, which are validated first, or the end of a stream.
    validate_bodies_wall: OnceLock<Duration>,
    image_cache: OnceLock<Box<dyn Any + Send + Sync>>,
    instance_count: AtomicUsize,
    /// What files have of it.
    code: OnceLock<ModuleCode>,
    /// Where others find it.
    cache_entry: OnceLock<EntryId>,
    /// Nothing until this is dropped; then what others free, behind all that is freed here.
    remains: Option<DroppedElsewhere>,
    engine: WasmEngine,
}

/// A module that may be gone. For the [cache](crate::compile::module_cache) alone, which upgrades it where a user asks for a module.
#[derive(Debug, Clone)]
pub(super) struct WeakModule(Weak<ModuleOwner>);

impl WeakModule {
    /// The module, if it is there.
    pub(super) fn upgrade(&self) -> Option<Module> {
        self.0.upgrade().map(Module)
    }
}

impl std::fmt::Debug for ModuleOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModuleOwner").field("token", self.native.token()).finish_non_exhaustive()
    }
}

impl Drop for ModuleOwner {
    fn drop(&mut self) {
        if let (Some(&entry), Some(cache)) = (self.cache_entry.get(), self.engine.module_cache()) {
            cache.forget(entry);
        }
        self.engine.tokens().remove(self.token_id);
        let leaving = (!self.native.try_cancel()).then(|| Leaving(Arc::clone(&self.native)));
        if let (Some(saver), Some(_)) = (&self.engine.shared().saver, self.code.get()) {
            saver.forget(self.native.token());
        }
        let native = self.native.get();
        native.callbacks.abort();
        let is_large = native.env().wire_bytes.len() >= tuning::FREE_ELSEWHERE_BYTES;
        // The code has files, and may be the last to have them.
        let parts =
            is_large.then(|| (self.code.take(), std::mem::take(&mut self.canonical_types), std::mem::take(&mut self.type_ids)));
        if leaving.is_some() || is_large {
            self.remains = Some(self.engine.poster().to_drop((leaving, parts)));
        }
        // Running units see the flag that was set; what they make is dropped. Then `native` is freed, here or by who waits for scopes.
    }
}

/// A module whose owner is gone, and of which scopes were open then.
struct Leaving(Arc<TokenOwner<NativeModule>>);

impl Drop for Leaving {
    /// Before the owner, who is gone or will find no scope.
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Module {
    /// Compiles a module from the binary or the text format. The caller works along until it is done. If the configuration
    /// [says so](crate::compile::config::Strategy) the module is validated, and its functions are compiled when they are called.
    ///
    /// # Errors
    ///
    /// The module is malformed, invalid, or cannot be compiled. The text is the same for any number of compile tasks.
    pub fn new(engine: &WasmEngine, bytes: impl AsRef<[u8]>) -> Result<Module, CompileError> {
        let bytes = bytes.as_ref();
        Self::find_or_compile(engine, bytes, || WireBytes::from(bytes))
    }

    /// The same of bytes that the module keeps as they are, without a copy.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn from_shared(engine: &WasmEngine, bytes: Arc<[u8]>) -> Result<Module, CompileError> {
        Self::find_or_compile(engine, &bytes, || WireBytes::from(Arc::clone(&bytes)))
    }

    /// The same of a file. Of a large one whose code is in the [code cache](crate::compile::code_cache::CodeCache) no more than what a module needs is kept
    /// in memory: its bodies, and the sections that only debuggers read, are read when a body is to be compiled or somebody asks for all bytes. Such a module is one
    /// of its own, also if the engine has an equal one.
    ///
    /// The file may be replaced by another one, but not be written to while the module is in use: what was not read yet would be refused, with an error
    /// that says so. See also [`with_file_times`](crate::compile::code_cache::CodeCache::with_file_times).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new); the file cannot be read.
    pub fn from_file(engine: &WasmEngine, path: impl AsRef<Path>) -> Result<Module, CompileError> {
        let path = path.as_ref();
        let unreadable =
            |error| CompileError::new(CompileErrorKind::File, format!("cannot read {}: {error}", path.display()), None);
        if let Some(cache) = engine.config().code_cache() {
            let others = engine.config().other_threads();
            let open = |trusts: bool| {
                let known = |key: &_| cache.find_file(key).filter(|_| trusts);
                File::open(path).and_then(|file| module_file::open(file, others, known)).map_err(unreadable)
            };
            for trusts in [true, false] {
                let Some(opened) = open(trusts)? else { break };
                let was_known = opened.was_known;
                match Self::of_opened(engine, opened) {
                    // Its times do not tell what it is.
                    Err(error) if was_known && error.kind == CompileErrorKind::File => {}
                    loaded => return loaded,
                }
            }
        }
        Self::from_shared(engine, read_shared(path).map_err(unreadable)?)
    }

    fn of_opened(engine: &WasmEngine, Opened { wire_bytes, news, .. }: Opened) -> Result<Module, CompileError> {
        let module = Self::load(engine, wire_bytes, None)?.compiled()?;
        if let Some(job) = module.job() {
            *job.news_of_file.lock() = news;
        }
        Ok(module)
    }

    /// A module of the engine with these bytes, of either format, or a new one. `keep` gives binary ones as a module keeps them.
    fn find_or_compile(engine: &WasmEngine, bytes: &[u8], keep: impl FnOnce() -> WireBytes) -> Result<Module, CompileError> {
        match translated(bytes)? {
            Some(binary) => Self::find_or_compile_binary(engine, &binary.clone(), || binary),
            None => Self::find_or_compile_binary(engine, bytes, keep),
        }
    }

    fn find_or_compile_binary(
        engine: &WasmEngine,
        bytes: &[u8],
        keep: impl FnOnce() -> WireBytes,
    ) -> Result<Module, CompileError> {
        let compile = |wire_bytes| Self::load(engine, wire_bytes, None)?.compiled();
        match engine.module_cache() {
            Some(cache) => cache.find_or_compile(bytes, keep, compile),
            None => compile(keep()),
        }
    }

    /// Compiles a decoded module.
    ///
    /// # Errors
    ///
    /// A body is invalid, or cannot be compiled.
    pub fn from_decoded(engine: &WasmEngine, decoded: Decoded) -> Result<Module, CompileError> {
        Self::prepare(engine, decoded, Duration::ZERO, None, None)?.compiled()
    }

    /// Says whether bytes are a valid module, without compiling it.
    ///
    /// # Errors
    ///
    /// What is wrong with it first.
    pub fn validate(engine: &WasmEngine, bytes: impl AsRef<[u8]>) -> Result<(), CompileError> {
        let decoded = decode_with(to_binary(bytes.as_ref())?, engine.config().features())?;
        validation::validate(engine, &Arc::new(compile_env(decoded, code_settings(engine))))
    }

    /// Begins to compile a module, and returns when it is decoded. All of it is compiled, whatever the configuration says of functions that
    /// nobody calls.
    ///
    /// # Errors
    ///
    /// The module is malformed, or invalid outside of its bodies.
    pub fn compile_in_background(engine: &WasmEngine, bytes: impl AsRef<[u8]>) -> Result<PendingModule, CompileError> {
        Self::compile_in_background_with(engine, bytes, None)
    }

    /// The same, with a bell for [events](CompileEvent).
    ///
    /// # Errors
    ///
    /// As for `compile_in_background`.
    pub fn compile_in_background_with(
        engine: &WasmEngine,
        bytes: impl AsRef<[u8]>,
        sink: Option<Arc<dyn EventSink>>,
    ) -> Result<PendingModule, CompileError> {
        let wire_bytes = to_binary(bytes.as_ref())?;
        // Of a lazy engine all that are known may have no code.
        let shares = engine.config().strategy() != Strategy::Lazy;
        if let Some(module) = engine.module_cache().filter(|_| shares).and_then(|cache| cache.find_ready(&wire_bytes)) {
            return Ok(PendingModule::ready(module, sink.as_deref()));
        }
        let module = Self::load(engine, wire_bytes, sink)?;
        module.begin(engine.default_variant(), JobKind::Eager, false)?;
        Ok(PendingModule::new(module))
    }

    /// A module that is decoded, with what another process has left of it.
    fn load(engine: &WasmEngine, wire_bytes: WireBytes, sink: Option<Arc<dyn EventSink>>) -> Result<Module, CompileError> {
        let Loaded { decoded, code, wall } = Loader::of(engine).load(wire_bytes)?;
        Self::prepare(engine, decoded, wall, sink, code)
    }

    /// A module that has no code yet.
    pub(super) fn prepare(
        engine: &WasmEngine,
        decoded: Decoded,
        validate_wall: Duration,
        sink: Option<Arc<dyn EventSink>>,
        code: Option<ModuleCode>,
    ) -> Result<Module, CompileError> {
        let canonical_types = engine.types().intern_module(&decoded.module)?;
        let settings = code.as_ref().and_then(ModuleCode::settings).unwrap_or_else(|| code_settings(engine));
        let env = Arc::new(compile_env(decoded, settings));
        let native = NativeModule::new(env, EventQueue::new(sink), engine.config().code_sinks().into(), engine.poster().clone());
        let native = Arc::new(TokenOwner::new(native));
        let token_id = engine.tokens().insert(native.token());
        Ok(Module(Arc::new(ModuleOwner {
            native,
            token_id,
            type_ids: canonical_types.ids().map(|id| id.as_u32()).collect(),
            canonical_types,
            validate_wall,
            validate_bodies_wall: OnceLock::new(),
            image_cache: OnceLock::new(),
            instance_count: AtomicUsize::new(0),
            code: code.map(OnceLock::from).unwrap_or_default(),
            cache_entry: OnceLock::new(),
            remains: None,
            engine: engine.clone(),
        })))
    }

    pub(super) fn compiled(self) -> Result<Module, CompileError> {
        let engine = self.engine();
        if engine.config().strategy() == Strategy::Lazy && !self.native().env().validation.is_of_valid() {
            let begun = engine.config().clock().now();
            validation::validate(engine, self.native().env())?;
            self.validated(engine.config().clock().now().saturating_sub(begun));
        }
        self.ready()
    }

    /// Its bodies were validated, or what else was left of it, in so long.
    pub(super) fn validated(&self, wall: Duration) {
        self.0.validate_bodies_wall.get_or_init(|| wall);
    }

    /// The module, with code, or, if it gets that lazily, ready for it: then its bodies are known to be valid.
    pub(super) fn ready(self) -> Result<Module, CompileError> {
        let engine = self.engine();
        let kind = if engine.config().strategy() == Strategy::Lazy { JobKind::Lazy } else { JobKind::Eager };
        // Of a stream all bytes are known now.
        if self.code().is_none()
            && engine.config().code_cache().is_some()
            && let Some(code) = Loader::of(engine).find(self.wire_bytes())
        {
            self.0.code.get_or_init(|| code);
            self.keep_streamed();
        }
        self.ensure(engine.default_variant(), kind)?;
        self.follow_file();
        if kind == JobKind::Lazy {
            self.follow_hints();
        }
        Ok(self)
    }

    /// Compiles the module for this variant if that was not done, or makes it ready to be compiled as it is called if the configuration
    /// [says so](crate::compile::config::Strategy). Callers at the same time do it together, once.
    ///
    /// # Errors
    ///
    /// The variant cannot be compiled.
    pub fn ensure_variant(&self, variant: CodeVariant) -> Result<(), CompileError> {
        let is_lazy = self.engine().config().strategy() == Strategy::Lazy;
        self.ensure(variant, if is_lazy { JobKind::Lazy } else { JobKind::OnDemand })
    }

    fn ensure(&self, variant: CodeVariant, kind: JobKind) -> Result<(), CompileError> {
        self.begin(variant, kind, true)?.wait(self.engine())?;
        self.count_features();
        Ok(())
    }

    /// Tells the engine of features that the module was not known to use.
    pub(super) fn count_features(&self) {
        self.engine().count_features(self.native().features.take_new());
    }

    /// The job of a variant, made and started on first need.
    pub(super) fn begin(&self, variant: CodeVariant, mut kind: JobKind, joined: bool) -> Result<&Arc<CompileJob>, CompileError> {
        let owner = &*self.0;
        let (engine, native, token) = (&owner.engine, owner.native.get(), owner.native.token());
        if native.variant(variant).is_none() && self.file(variant).is_some() {
            // What is there is taken as it is called, and what is not is few.
            kind = JobKind::Lazy;
        }
        let made = native.make_variant(variant, kind == JobKind::Lazy, || {
            let code = self.code();
            let files = (self.file(variant).map(Arc::clone), code.and_then(|code| code.kept_as(variant)));
            CompileJob::new(engine, native, token, (variant, kind), files, joined)
        });
        let (code, is_new) = made.map_err(|error| refusal::compile_error(&error, "the module"))?;
        if is_new {
            code.job.watch();
            code.job.start(engine);
        }
        Ok(&code.job)
    }

    /// The job of the default variant, if it was begun.
    pub(super) fn job(&self) -> Option<&Arc<CompileJob>> {
        self.native().variant(self.engine().default_variant()).map(|code| &code.job)
    }

    /// The decoded module.
    pub fn decoded(&self) -> &Arc<WasmModule> {
        &self.native().env().module
    }

    /// The module's bytes, in the binary format.
    pub fn wire_bytes(&self) -> &WireBytes {
        &self.native().env().wire_bytes
    }

    /// Layout of an instance's vmctx.
    pub fn layout(&self) -> &VmLayout {
        &self.native().env().layout
    }

    /// Its types in the engine.
    pub fn canonical_types(&self) -> &CanonicalTypes {
        &self.0.canonical_types
    }

    /// The same as numbers, in an array that stays where it is as long as the module: what a vmctx points to.
    pub fn type_ids(&self) -> &[u32] {
        &self.0.type_ids
    }

    /// Its engine.
    pub fn engine(&self) -> &WasmEngine {
        &self.0.engine
    }

    /// The dispatch slot of a function. It is there, at this address, as long as the module.
    ///
    /// # Panics
    ///
    /// [`ensure_variant`](Self::ensure_variant) was not called for the variant, or there is no such function.
    pub fn slot(&self, variant: CodeVariant, func: DefinedFuncIndex) -> *const AtomicUsize {
        match self.code_space(variant) {
            Some(space) => space.slot(func),
            None => panic!("no {variant:?} code was asked for before its slot"),
        }
    }

    /// The first dispatch slot, null for a module without bodies; the others follow it.
    pub(crate) fn slots(&self, variant: CodeVariant) -> *const AtomicUsize {
        self.code_space(variant).map_or(std::ptr::null(), |space| space.slot(DefinedFuncIndex::from_u32(0)))
    }

    /// The code of a variant that was made; `None` for a module without bodies, too. For whoever runs it, and must report.
    pub(crate) fn code_space(&self, variant: CodeVariant) -> Option<&CodeSpace> {
        self.native().variant(variant)?.space.as_ref()
    }

    /// The tier that a function's code has.
    pub fn tier(&self, variant: CodeVariant, func: DefinedFuncIndex) -> Option<Tier> {
        self.code_space(variant)?.tier(func)
    }

    /// What compiling has cost so far.
    pub fn compile_stats(&self) -> CompileStats {
        let native = self.native();
        let module = &native.env().module;
        let mut stats = CompileStats {
            functions: module.bodies.len(),
            code_bytes: module.code_section_bytes,
            native_bytes: native.native_bytes(),
            published_by_tier: native.published_by_tier(),
            inlined_sites: native.inlined_sites(),
            validate_wall: self.0.validate_wall + self.0.validate_bodies_wall.get().copied().unwrap_or_default(),
            detected: native.features.all(),
            ..CompileStats::default()
        };
        for job in CodeVariant::ALL.into_iter().filter_map(|variant| native.variant(variant)).map(|code| &code.job) {
            stats.compile_wall += job.wall();
            for (total, count) in stats.finished_by_tier.iter_mut().zip(&job.stats.finished_by_tier) {
                // Relaxed: a figure.
                *total += count.load(Ordering::Relaxed);
            }
            // Relaxed: figures.
            stats.tier_ups += job.stats.tier_ups.load(Ordering::Relaxed);
            stats.loaded += job.cache_use.loaded_count.load(Ordering::Relaxed);
            stats.loaded_bytes += job.cache_use.loaded_bytes.load(Ordering::Relaxed);
            stats.loop_versions += job.loops.published.load(Ordering::Relaxed);
            stats.loop_entries += job.loops.entered.load(Ordering::Relaxed);
            for (slot, worker) in job.stats.workers.iter().enumerate() {
                let worker = *worker.lock();
                stats.compile_cpu += worker.cpu.sum();
                stats.cpu_times.merge(&worker.cpu);
                stats.validate_bodies += worker.validate;
                stats.workers.resize_with(stats.workers.len().max(slot + 1), Default::default);
                stats.workers[slot].merge(&worker);
            }
            if let Some(records) = &job.stats.records {
                stats.units.extend_from_slice(&records.lock());
            }
        }
        stats
    }

    /// Counts an instance. Whether it is the first.
    pub(crate) fn count_instance(&self) -> bool {
        self.0.instance_count.fetch_add(1, Ordering::Relaxed) == 0 // orders nothing
    }

    /// A place for what the runtime makes of the module once: the image of its data.
    pub fn image_cache(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.0.image_cache
    }

    /// Has a callback called for what happens to the compilation; at once, if it has ended. See [`PendingModule`].
    pub fn add_callback(&self, callback: impl FnMut(CompileEvent) + Send + 'static) {
        self.dispatch_events();
        let callback: Callback = Box::new(callback);
        self.native().callbacks.add(callback);
    }

    /// Calls the callbacks for what has happened since the last time, on this thread.
    pub fn dispatch_events(&self) {
        let native = self.native();
        for event in native.events.take() {
            native.callbacks.fire(event);
        }
    }

    /// The same, for an owner who knows how the compilation ended: it ends before its last event is posted, and who waited for the
    /// end shall not have to dispatch again. The posted one is ignored when it comes.
    pub(super) fn dispatch_end(&self, end: CompileEvent) {
        self.dispatch_events();
        self.native().callbacks.fire(end);
    }

    /// Whether two handles are the same module.
    pub fn is_same(&self, other: &Module) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What tells it from other modules, while it lives.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// What files have of it.
    pub(super) fn code(&self) -> Option<&ModuleCode> {
        self.0.code.get()
    }

    pub(super) fn file(&self, variant: CodeVariant) -> Option<&Arc<CodeFile>> {
        self.code()?.file(variant)
    }

    /// A reference that does not keep it.
    pub(super) fn downgrade(&self) -> WeakModule {
        WeakModule(Arc::downgrade(&self.0))
    }

    /// Where others find it. It stands there once at most.
    pub(super) fn set_cache_entry(&self, entry: EntryId) {
        self.0.cache_entry.get_or_init(|| entry);
    }

    pub(super) fn native(&self) -> &NativeModule {
        self.0.native.get()
    }
}

/// The settings of an engine's code.
pub(super) fn code_settings(engine: &WasmEngine) -> CodeSettings {
    CodeSettings { tier_up: engine.tiers_up(), profile: engine.records_calls(), ..engine.config().code_settings().clone() }
}

fn compile_env(decoded: Decoded, settings: CodeSettings) -> CompileEnv {
    CompileEnv {
        layout: VmLayout::new(&decoded.module),
        wire_bytes: decoded.wire_bytes,
        module: decoded.module,
        validation: decoded.validation,
        settings,
    }
}
