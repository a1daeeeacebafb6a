//! Validating all bodies without compiling them: in parallel where there are workers, with the same answer everywhere.
//!
//! The same parts as a compile job, without a module to publish to, and so without a token: a cursor over the functions in natural
//! order, a progress word, and the lowest error. After an error only lower functions are still looked at.
//!
//! Bodies may be [arriving](ValidateJob::arrive) while they are validated. The job counts one more then: the stream itself.

#![forbid(unsafe_code)]

use std::fmt;

use cranelift_entity::EntityRef;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::{DefinedFuncIndex, tuning};
use crate::codegen::env::CompileEnv;
use crate::compile::cursor::Cursor;
use crate::compile::engine::{EngineShared, WasmEngine};
use crate::compile::events::{CompileEvent, EventQueue, EventSink};
use crate::compile::first_error::FirstError;
use crate::compile::policy;
use crate::compile::progress::Progress;
use crate::compile::resting::RestingTasks;
use crate::tasks::manager::{Outcome, Task, TaskPoster, TaskPriority};
use crate::wasm::error::CompileError;
use crate::wasm::validate::{BodyMemory, validate_body};

/// Validates every body; the error is the one of the lowest function index.
///
/// # Errors
///
/// The first invalid body.
pub(super) fn validate(engine: &WasmEngine, env: &Arc<CompileEnv>) -> Result<(), CompileError> {
    ValidateJob::begin(engine, env, true, None).join()
}

fn task_count(engine: &WasmEngine, env: &CompileEnv, task_max: usize) -> usize {
    let bytes_per_task = if engine.config().task_body_bytes() == 0 { 0 } else { tuning::VALIDATE_TASK_BODY_BYTES };
    policy::task_count(task_max, env.module.bodies.len(), env.module.code_section_bytes, bytes_per_task)
}

/// The validation of all bodies of a module. Plain data: a task may let go of it last.
pub(super) struct ValidateJob {
    env: Arc<CompileEnv>,
    shared: Arc<EngineShared>,
    cursor: Cursor,
    progress: Progress,
    first_error: FirstError,
    resting: RestingTasks,
    /// Who is told of the end.
    events: Option<Arc<EventQueue>>,
    /// Rung after each chunk, and at the end.
    bell: Option<Arc<dyn EventSink>>,
    /// Whether background tasks may leave some of it to the owner: there are none, or one was given up.
    is_unattended: AtomicBool,
}

impl fmt::Debug for ValidateJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidateJob").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl ValidateJob {
    /// Begins to validate in background tasks; fewer if the owner joins. One who does not is rung for.
    pub(super) fn begin(engine: &WasmEngine, env: &Arc<CompileEnv>, joined: bool, bell: Option<Arc<dyn EventSink>>) -> Arc<Self> {
        let func_count = env.module.bodies.len();
        let task_max = engine.config().num_compilation_tasks().saturating_sub(usize::from(joined));
        let tasks = task_count(engine, env, task_max);
        // A job that nobody joins needs somebody.
        let tasks = if joined { tasks } else { tasks.max(task_max.min(1)) };
        let job = Arc::new(ValidateJob {
            env: Arc::clone(env),
            shared: Arc::clone(engine.shared()),
            cursor: Cursor::new(func_count, 0, tasks + usize::from(joined)),
            progress: Progress::new(func_count),
            first_error: FirstError::default(),
            resting: RestingTasks::new(0..tasks),
            events: None,
            bell,
            is_unattended: AtomicBool::new(tasks == 0),
        });
        job.wake(engine.poster(), tasks);
        job
    }

    /// A job for bodies that are still to come, and have tasks of their own.
    pub(super) fn arriving(engine: &WasmEngine, env: &Arc<CompileEnv>, events: &Arc<EventQueue>) -> Arc<Self> {
        let func_count = env.module.bodies.len();
        let tasks = task_count(engine, env, engine.config().num_compilation_tasks());
        Arc::new(ValidateJob {
            env: Arc::clone(env),
            shared: Arc::clone(engine.shared()),
            cursor: Cursor::arriving(func_count, tasks + 1),
            progress: Progress::new(func_count + 1),
            first_error: FirstError::default(),
            resting: RestingTasks::new(0..tasks),
            events: Some(Arc::clone(events)),
            bell: None,
            is_unattended: AtomicBool::new(false),
        })
    }

    /// The bodies of so many functions are there, from the first on.
    pub(super) fn arrive(&self, func_count: usize) {
        self.cursor.arrive(func_count);
    }

    /// Posts tasks for so many slots, as far as there are any without.
    pub(super) fn wake(self: &Arc<Self>, poster: &TaskPoster, count: usize) {
        for slot in self.resting.wake(count) {
            let task = ValidateTask { job: Arc::clone(self), slot };
            if poster.post(TaskPriority::UserBlocking, Box::new(task)).is_err() {
                // Who waits validates: the task that was dropped has said so.
                return;
            }
        }
    }

    /// The last byte was decoded, and all bodies have arrived.
    pub(super) fn end_stream(&self) {
        self.complete(1);
    }

    /// Whether nothing is left to do, for anybody.
    pub(super) fn is_settled(&self) -> bool {
        self.progress.is_settled()
    }

    /// Whether the owner should [do some of it](Self::run_chunk).
    pub(super) fn is_unattended(&self) -> bool {
        // Acquire: partner of the release in the task's drop, which has rung before somebody looks.
        self.is_unattended.load(Ordering::Acquire)
    }

    /// Works on what has arrived, and returns.
    pub(super) fn run_here(&self) {
        let mut memory = BodyMemory::default();
        while self.run_chunk(&mut memory) {}
    }

    /// Works along until all is known.
    pub(super) fn join(&self) -> Result<(), CompileError> {
        self.run_here();
        while !self.progress.is_settled() {
            let epoch = self.progress.epoch();
            self.progress.park(epoch);
        }
        self.result()
    }

    /// Nobody wants to know: tasks end with the body that they are at. Waits for nothing.
    pub(super) fn give_up(&self) {
        self.cursor.close();
        let _ = self.progress.cancel();
    }

    /// What is wrong, of a job that is settled.
    pub(super) fn result(&self) -> Result<(), CompileError> {
        self.first_error.get().map_or(Ok(()), Err)
    }

    /// How many bodies were looked at.
    pub(super) fn done_count(&self) -> usize {
        self.env.module.bodies.len().saturating_sub(self.progress.outstanding())
    }

    /// False when nothing is left.
    pub(super) fn run_chunk(&self, memory: &mut BodyMemory) -> bool {
        let Some(range) = self.cursor.take() else { return false };
        let env = &self.env;
        let count = range.len();
        for func in range.map(DefinedFuncIndex::new).filter(|&func| self.first_error.matters(func)) {
            if self.progress.is_settled() {
                return false;
            }
            if let Err(error) = validate_body(env.bodies(), &env.module, &env.validation, func, memory) {
                self.first_error.record(func, error);
            }
        }
        self.complete(count);
        true
    }

    fn complete(&self, count: usize) {
        let has_ended = self.progress.complete(count);
        if has_ended {
            self.progress.announce();
            if let Some(events) = &self.events {
                let is_valid = !self.first_error.is_some();
                events.post(if is_valid { CompileEvent::FinishedCompilation } else { CompileEvent::Failed });
            }
        }
        match &self.bell {
            Some(bell) if has_ended => bell.wake(),
            Some(bell) => bell.progressed(),
            None => {}
        }
    }
}

struct ValidateTask {
    job: Arc<ValidateJob>,
    slot: usize,
}

impl Task for ValidateTask {
    fn run(&mut self) -> Outcome {
        let job = &*self.job;
        let timing = &job.shared.timing;
        let deadline = timing.clock.now() + timing.slice;
        let mut memory = BodyMemory::default();
        loop {
            if !job.run_chunk(&mut memory) && job.resting.rest(self.slot, || job.cursor.remaining() > 0) {
                return Outcome::Done;
            }
            if timing.clock.now() >= deadline {
                return Outcome::Again;
            }
        }
    }
}

impl Drop for ValidateTask {
    /// The end of a task, run or not, may leave chunks to others.
    fn drop(&mut self) {
        if self.job.cursor.remaining() > 0 {
            // Release: partner of the acquire in `is_unattended`.
            self.job.is_unattended.store(true, Ordering::Release);
            if let Some(bell) = &self.job.bell {
                bell.wake();
            }
        }
    }
}
