//! A module that compiles as a future.
//!
//! *Problem.* An executor's thread must not decode, validate or compile, and who drops the future shall have it back at once. *Idea.* Each
//! phase is work of background tasks, and the future only goes from one to the next:
//!
//! ```text
//! New ── post ──> Decoding ── prepare ──> Validating (lazy) ────────────────> ready
//!                                 └─────> Compiling ── settled ─────────────> ready
//!                                             └──────── failed ─> Validating > error
//! ```
//!
//! Whoever ends a phase rings a [`Bell`], which wakes the task that polled last. Bodies are validated again when a compilation fails, so that the
//! error is the one that [`Module::new`] gives, whatever the workers came upon first.
//!
//! Where there are no background tasks, or they were given up, a poll does a part of the work, wakes its own task and returns: how
//! much follows from the module and not from time.
//!
//! **Invariants:** tasks have plain data: what they decode is the owner's when the owner polls, and the module is made and freed by the owner. A
//! future that is dropped waits for nothing: tasks leave after the body that they validate, or at the next poll of a compiler.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Arc, Mutex, thread};
use crate::base::tuning::{FREE_ELSEWHERE_BYTES, POLL_BODY_BYTES};
use crate::compile::cached::{Loaded, Loader};
use crate::compile::config::Strategy;
use crate::compile::engine::WasmEngine;
use crate::compile::events::{CompileEvent, EventSink};
use crate::compile::job::JobKind;
use crate::compile::module::Module;
use crate::compile::pending::CompileProgress;
use crate::compile::progress::JobState;
use crate::compile::runner::panic_text;
use crate::compile::validation::ValidateJob;
use crate::compile::worker;
use crate::tasks::manager::{Outcome, Task, TaskPriority};
use crate::wasm::decode::to_binary;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::BodyMemory;

impl Module {
    /// Compiles a module, of the binary or the text format, as a future: in background tasks, on the engine's threads. It needs no executor of
    /// a kind, and its polls do no more than go from one phase to the next. Strategies mean what they mean for [`Module::new`].
    ///
    /// Without [background tasks](crate::Config::with_num_compilation_tasks) polls decode, validate and compile, part by part, in one order.
    /// Dropping the future gives the compilation up, and returns at once.
    ///
    /// ```
    /// use deltic::{Config, Module, WasmEngine};
    ///
    /// async fn load(engine: &WasmEngine, bytes: Vec<u8>) -> Result<Module, deltic::CompileError> {
    ///     Module::compile_async(engine, bytes).on_progress(|so_far| println!("{} of {}", so_far.done, so_far.total)).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn compile_async(engine: &WasmEngine, bytes: impl AsRef<[u8]> + Send + 'static) -> CompileFuture {
        let loader = Loader::of(engine);
        let byte_count = bytes.as_ref().len();
        let decode = Decode { byte_count, run: Box::new(move || loader.load(to_binary(bytes.as_ref())?)) };
        CompileFuture {
            engine: engine.clone(),
            bell: Arc::new(Bell::default()),
            phase: Phase::New(decode),
            observer: None,
            told: CompileProgress::default(),
        }
    }
}

type DecodeResult = Result<Loaded, CompileError>;

/// Decoding that nobody has begun. It owns the bytes.
struct Decode {
    byte_count: usize,
    run: Box<dyn FnOnce() -> DecodeResult + Send>,
}

impl Decode {
    /// Does not decode. Many bytes take time to free.
    fn give_up(self, engine: &WasmEngine) {
        if self.byte_count >= FREE_ELSEWHERE_BYTES {
            engine.poster().drop_elsewhere(self.run);
        }
    }
}

/// A module on its way; see [`Module::compile_async`].
#[must_use = "futures do nothing unless they are polled"]
pub struct CompileFuture {
    engine: WasmEngine,
    bell: Arc<Bell>,
    phase: Phase,
    observer: Option<Box<dyn FnMut(CompileProgress) + Send>>,
    /// What the observer knows.
    told: CompileProgress,
}

enum Phase {
    New(Decode),
    Decoding(Arc<DecodeJob>),
    /// Bodies, for a module that is compiled as it is called, or to find out why compilation has failed.
    Validating {
        module: Module,
        job: Arc<ValidateJob>,
        begun: Duration,
        has_failed: bool,
    },
    Compiling(Module),
    /// Its code is there.
    Ready(Module),
    Over,
}

impl fmt::Debug for CompileFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompileFuture").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl CompileFuture {
    /// How far it is. For the strategies that compile before anything is called these are functions that have code, for the others
    /// those that were validated.
    pub fn progress(&self) -> CompileProgress {
        match &self.phase {
            Phase::New(_) | Phase::Decoding(_) => CompileProgress::default(),
            Phase::Validating { module, has_failed: true, .. } | Phase::Compiling(module) => {
                module.job().map_or_else(CompileProgress::default, |job| job.compile_progress())
            }
            Phase::Validating { module, job, .. } => {
                CompileProgress { done: job.done_count(), total: module.decoded().bodies.len() }
            }
            Phase::Ready(_) | Phase::Over => self.told,
        }
    }

    /// Has this closure called in polls, each time that there is progress, with the last one before the module is ready. The future is woken for
    /// that, once for each batch of functions.
    pub fn on_progress(mut self, observer: impl FnMut(CompileProgress) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        // Release: partner of the acquire in `Bell::progressed`, and nothing is published by it.
        self.bell.is_observed.store(true, Ordering::Release);
        self
    }

    /// Waits on this thread until the module is ready, for programs that have no executor but an observer.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn wait(mut self) -> Result<Module, CompileError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => return result,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn tell(&mut self) {
        self.tell_of(self.progress());
    }

    fn tell_of(&mut self, progress: CompileProgress) {
        if progress != self.told {
            self.told = progress;
            if let Some(observer) = &mut self.observer {
                observer(progress);
            }
        }
    }

    /// Goes on as far as possible without waiting; `None` when there is something to wait for.
    fn advance(&mut self) -> Option<Result<Module, CompileError>> {
        loop {
            self.tell();
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::New(decode) => {
                    self.phase = Phase::Decoding(DecodeJob::begin(&self.engine, decode, Arc::clone(&self.bell)))
                }
                Phase::Decoding(job) => match job.take() {
                    Some(Ok(loaded)) => {
                        if let Some(known) =
                            self.engine.module_cache().and_then(|cache| cache.find_ready(&loaded.decoded.wire_bytes))
                        {
                            return Some(Ok(known));
                        }
                        match self.loaded(loaded) {
                            Ok(phase) => self.phase = phase,
                            Err(error) => return Some(Err(error)),
                        }
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => {
                        self.phase = Phase::Decoding(job);
                        return None;
                    }
                },
                Phase::Validating { module, job, begun, has_failed } => {
                    if !job.is_settled() {
                        self.phase = Phase::Validating { module, job, begun, has_failed };
                        return None;
                    }
                    let wall = self.now().saturating_sub(begun);
                    return Some(match (job.result(), module.job()) {
                        (result, Some(failed)) if has_failed => {
                            let error = failed.fail_validated(result);
                            module.dispatch_end(CompileEvent::Failed);
                            error.map(|()| module)
                        }
                        (Ok(()), _) => {
                            // What was told above may be from before the end.
                            self.tell_of(CompileProgress { done: job.done_count(), total: module.decoded().bodies.len() });
                            module.validated(wall);
                            module.ready()
                        }
                        (Err(error), _) => Err(error),
                    });
                }
                Phase::Compiling(module) => match module.job().map_or(JobState::Finished, |job| job.progress.state()) {
                    JobState::Running => {
                        self.phase = Phase::Compiling(module);
                        return None;
                    }
                    JobState::Failed => self.phase = self.validating(module, true),
                    JobState::Finished | JobState::Cancelled => {
                        let result = module.begin(self.engine.default_variant(), JobKind::Eager, false);
                        let result = result.and_then(|job| job.wait(&self.engine));
                        // As above.
                        if result.is_ok()
                            && let Some(job) = module.job()
                        {
                            self.tell_of(job.compile_progress());
                        }
                        module.count_features();
                        return Some(result.map(|()| module));
                    }
                },
                Phase::Ready(module) => return Some(module.ready()),
                Phase::Over => panic!("a compilation was polled after its end"),
            }
        }
    }

    /// What comes after decoding.
    fn loaded(&self, Loaded { decoded, code, wall }: Loaded) -> Result<Phase, CompileError> {
        let sink: Arc<dyn EventSink> = Arc::clone(&self.bell) as Arc<dyn EventSink>;
        let is_valid = decoded.validation.is_of_valid();
        let module = Module::prepare(&self.engine, decoded, wall, Some(sink), code)?;
        if is_valid {
            return Ok(Phase::Ready(module));
        }
        if self.engine.config().strategy() == Strategy::Lazy {
            return Ok(self.validating(module, false));
        }
        module.begin(self.engine.default_variant(), JobKind::Eager, false)?;
        Ok(Phase::Compiling(module))
    }

    fn validating(&self, module: Module, has_failed: bool) -> Phase {
        let bell: Arc<dyn EventSink> = Arc::clone(&self.bell) as Arc<dyn EventSink>;
        let begun = self.now();
        let job = ValidateJob::begin(&self.engine, module.native().env(), false, Some(bell));
        Phase::Validating { module, job, begun, has_failed }
    }

    fn now(&self) -> Duration {
        self.engine.config().clock().now()
    }

    /// Does a part of the work, if no task does. Whether there was any.
    fn work(&mut self) -> bool {
        match &self.phase {
            Phase::Decoding(job) => job.is_unattended() && job.run(),
            Phase::Validating { job, .. } => job.is_unattended() && job.run_chunk(&mut BodyMemory::default()),
            Phase::Compiling(module) => match module.job() {
                Some(job) if job.is_unattended() && job.units.has_work() => {
                    worker::run_foreground_part(job, POLL_BODY_BYTES);
                    true
                }
                _ => false,
            },
            Phase::New(_) | Phase::Ready(_) | Phase::Over => false,
        }
    }
}

impl Future for CompileFuture {
    type Output = Result<Module, CompileError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Before anything is looked at: who ends a phase behind that rings for this task.
        this.bell.register(context.waker());
        if let Some(result) = this.advance() {
            this.bell.forget();
            return Poll::Ready(result.map(|module| this.engine.adopt(module)));
        }
        if this.work() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for CompileFuture {
    fn drop(&mut self) {
        self.bell.forget();
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::New(decode) => decode.give_up(&self.engine),
            Phase::Decoding(job) => job.give_up(&self.engine),
            // The module is freed next, which stops its tasks.
            Phase::Validating { job, .. } => job.give_up(),
            Phase::Compiling(_) | Phase::Ready(_) | Phase::Over => {}
        }
    }
}

/// Wakes a thread that waits.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Wakes the task that polled last.
#[derive(Debug, Default)]
struct Bell {
    waker: Mutex<Option<Waker>>,
    is_observed: AtomicBool,
}

impl Bell {
    fn register(&self, waker: &Waker) {
        if !self.waker.lock().as_ref().is_some_and(|known| known.will_wake(waker)) {
            // The host's code runs without the lock.
            let new = Some(waker.clone());
            let old = std::mem::replace(&mut *self.waker.lock(), new);
            drop(old);
        }
    }

    fn forget(&self) {
        let waker = self.waker.lock().take();
        drop(waker);
    }
}

impl EventSink for Bell {
    fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn progressed(&self) {
        // Acquire: partner of the release in `on_progress`.
        if self.is_observed.load(Ordering::Acquire) {
            self.wake();
        }
    }
}

/// The decoding of a module: plain data.
struct DecodeJob {
    /// Taken by who does it.
    work: Mutex<Option<Decode>>,
    result: Mutex<Option<DecodeResult>>,
    /// Whether no task does it: none could be posted, or it was dropped.
    is_unattended: AtomicBool,
    bell: Arc<Bell>,
}

impl DecodeJob {
    fn begin(engine: &WasmEngine, decode: Decode, bell: Arc<Bell>) -> Arc<Self> {
        let (work, result) = (Mutex::new(Some(decode)), Mutex::new(None));
        let job = Arc::new(DecodeJob { work, result, is_unattended: AtomicBool::new(false), bell });
        let task = DecodeTask(Arc::clone(&job));
        if engine.config().num_compilation_tasks() > 0 {
            // One that cannot be posted is dropped, which says so.
            drop(engine.poster().post(TaskPriority::UserBlocking, Box::new(task)));
        }
        job
    }

    /// Decodes, unless that was begun. Whether it did.
    fn run(&self) -> bool {
        let Some(work) = self.work.lock().take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(work.run)).unwrap_or_else(|panic| {
            let message = format!("decoding panicked: {}", panic_text(&*panic));
            Err(CompileError::new(CompileErrorKind::EngineBug, message, None))
        });
        *self.result.lock() = Some(result);
        true
    }

    fn take(&self) -> Option<DecodeResult> {
        self.result.lock().take()
    }

    /// Does not begin any more.
    fn give_up(&self, engine: &WasmEngine) {
        let work = self.work.lock().take();
        if let Some(work) = work {
            work.give_up(engine);
        }
        // What was decoded, and not looked at, takes time to free.
        if let Some(result) = self.take() {
            engine.poster().drop_elsewhere(result);
        }
    }

    fn is_unattended(&self) -> bool {
        // Acquire: partner of the release in the task's drop.
        self.is_unattended.load(Ordering::Acquire)
    }
}

struct DecodeTask(Arc<DecodeJob>);

impl Task for DecodeTask {
    fn run(&mut self) -> Outcome {
        self.0.run();
        Outcome::Done
    }
}

impl Drop for DecodeTask {
    /// The owner takes what there is, or does it.
    fn drop(&mut self) {
        // Release: partner of the acquire in `is_unattended`.
        self.0.is_unattended.store(true, Ordering::Release);
        self.0.bell.wake();
    }
}
