//! Validating all bodies without compiling them: in parallel where there are workers, with the same answer everywhere.
//!
//! The same parts as a compile job, without a module to publish to, and so without a token: a cursor over the functions in natural
//! order, a progress word, and the lowest error. After an error only lower functions are still looked at.

#![forbid(unsafe_code)]

use cranelift_entity::EntityRef;

use crate::base::sync::Arc;
use crate::base::{DefinedFuncIndex, tuning};
use crate::codegen::env::CompileEnv;
use crate::compile::cursor::Cursor;
use crate::compile::engine::{EngineShared, WasmEngine};
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
    let module = &env.module;
    let config = engine.config();
    let task_max = config.num_compilation_tasks().saturating_sub(1);
    let bytes_per_task = if config.task_body_bytes() == 0 { 0 } else { tuning::VALIDATE_TASK_BODY_BYTES };
    let tasks = policy::task_count(task_max, module.bodies.len(), module.code_section_bytes, bytes_per_task);
    let job = Arc::new(ValidateJob {
        env: Arc::clone(env),
        shared: Arc::clone(engine.shared()),
        cursor: Cursor::new(module.bodies.len(), 0, tasks + 1),
        progress: Progress::new(module.bodies.len()),
        first_error: FirstError::default(),
    });
    for _ in 0..tasks {
        let task = Box::new(ValidateTask { job: Arc::clone(&job) });
        if engine.poster().post(TaskPriority::UserBlocking, task).is_err() {
            break;
        }
    }
    let mut memory = BodyMemory::default();
    while job.run_chunk(&mut memory) {}
    while !job.progress.is_settled() {
        let epoch = job.progress.epoch();
        job.progress.park(epoch);
    }
    job.first_error.get().map_or(Ok(()), Err)
}

struct ValidateJob {
    env: Arc<CompileEnv>,
    shared: Arc<EngineShared>,
    cursor: Cursor,
    progress: Progress,
    first_error: FirstError,
}

impl ValidateJob {
    /// False when nothing is left.
    fn run_chunk(&self, memory: &mut BodyMemory) -> bool {
        let Some(range) = self.cursor.take() else { return false };
        let env = &self.env;
        let count = range.len();
        for func in range.map(DefinedFuncIndex::new).filter(|&func| self.first_error.matters(func)) {
            if let Err(error) = validate_body(&env.wire_bytes, &env.module, &env.validation, func, memory) {
                self.first_error.record(func, error);
            }
        }
        if self.progress.complete(count) {
            self.progress.announce();
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
