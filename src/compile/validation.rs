//! Validating all bodies without compiling them: in parallel where there are workers, with the same answer everywhere.
//!
//! The same parts as a compile job, without a module to publish to, and so without a token: a cursor over the functions in natural
//! order, a progress word, and the lowest error. After an error only lower functions are still looked at.

#![forbid(unsafe_code)]

use cranelift_entity::EntityRef;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::{DefinedFuncIndex, tuning};
use crate::codegen::env::CompileEnv;
use crate::compile::cursor::Cursor;
use crate::compile::engine::{EngineShared, WasmEngine};
use crate::compile::events::EventSink;
use crate::compile::first_error::FirstError;
use crate::compile::policy;
use crate::compile::progress::Progress;
use crate::tasks::manager::{Outcome, Task, TaskPriority};
use crate::wasm::error::CompileError;
use crate::wasm::validate::{BodyMemory, validate_body};

/// Validates every body; the error is the one of the lowest function index.
///
/// # Errors
///
/// The first invalid body.
pub(super) fn validate(engine: &WasmEngine, env: &Arc<CompileEnv>) -> Result<(), CompileError> {
    let job = ValidateJob::begin(engine, env, true, None);
    let mut memory = BodyMemory::default();
    while job.run_chunk(&mut memory) {}
    while !job.progress.is_settled() {
        let epoch = job.progress.epoch();
        job.progress.park(epoch);
    }
    job.result()
}

/// The validation of all bodies of a module. Plain data: a task may let go of it last.
#[derive(Debug)]
pub(super) struct ValidateJob {
    env: Arc<CompileEnv>,
    shared: Arc<EngineShared>,
    cursor: Cursor,
    progress: Progress,
    first_error: FirstError,
    /// Rung after each chunk, and at the end.
    bell: Option<Arc<dyn EventSink>>,
    /// Whether background tasks may leave some of it to the owner: there are none, or one was given up.
    is_unattended: AtomicBool,
}

impl ValidateJob {
    /// Begins to validate in background tasks; fewer if the owner joins. One who does not is rung for.
    pub(super) fn begin(engine: &WasmEngine, env: &Arc<CompileEnv>, joined: bool, bell: Option<Arc<dyn EventSink>>) -> Arc<Self> {
        let module = &env.module;
        let config = engine.config();
        let task_max = config.num_compilation_tasks().saturating_sub(usize::from(joined));
        let bytes_per_task = if config.task_body_bytes() == 0 { 0 } else { tuning::VALIDATE_TASK_BODY_BYTES };
        let tasks = policy::task_count(task_max, module.bodies.len(), module.code_section_bytes, bytes_per_task);
        // A job that nobody joins needs somebody.
        let tasks = if joined { tasks } else { tasks.max(task_max.min(1)) };
        let job = Arc::new(ValidateJob {
            env: Arc::clone(env),
            shared: Arc::clone(engine.shared()),
            cursor: Cursor::new(module.bodies.len(), 0, tasks + usize::from(joined)),
            progress: Progress::new(module.bodies.len()),
            first_error: FirstError::default(),
            bell,
            is_unattended: AtomicBool::new(tasks == 0),
        });
        for _ in 0..tasks {
            // One that cannot be posted is dropped, which says so.
            if engine.poster().post(TaskPriority::UserBlocking, Box::new(ValidateTask { job: Arc::clone(&job) })).is_err() {
                break;
            }
        }
        job
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

    /// Nobody wants to know any more: tasks leave after the body that they are at.
    pub(super) fn cancel(&self) {
        self.cursor.close();
        let _ = self.progress.cancel();
    }

    /// What is wrong, of a job that is settled.
    pub(super) fn result(&self) -> Result<(), CompileError> {
        self.first_error.get().map_or(Ok(()), Err)
    }

    /// How many bodies were looked at.
    pub(super) fn done_count(&self) -> usize {
        self.env.module.bodies.len() - self.progress.outstanding()
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
            if let Err(error) = validate_body(&env.wire_bytes, &env.module, &env.validation, func, memory) {
                self.first_error.record(func, error);
            }
        }
        let ended = self.progress.complete(count);
        if ended {
            self.progress.announce();
        }
        match &self.bell {
            Some(bell) if ended => bell.wake(),
            Some(bell) => bell.progressed(),
            None => {}
        }
        true
    }
}

struct ValidateTask {
    job: Arc<ValidateJob>,
}

impl Task for ValidateTask {
    fn run(&mut self) -> Outcome {
        let timing = &self.job.shared.timing;
        let deadline = timing.clock.now() + timing.slice;
        let mut memory = BodyMemory::default();
        while self.job.run_chunk(&mut memory) {
            if timing.clock.now() >= deadline {
                return Outcome::Again;
            }
        }
        Outcome::Done
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
