//! What a stream has begun: bodies that arrive, and the work on them.

#![forbid(unsafe_code)]

use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::base::sync::Arc;
use crate::base::{DefinedFuncIndex, tuning};
use crate::compile::config::Strategy;
use crate::compile::engine::WasmEngine;
use crate::compile::job::{CompileJob, JobKind};
use crate::compile::module::Module;
use crate::compile::validation::ValidateJob;
use crate::compile::worker;
use crate::wasm::error::CompileError;

/// A module that is complete but for its tail, and whose bodies are still coming.
#[derive(Debug)]
pub(super) struct InProgress {
    pub(super) work: Work,
    pub(super) module: Module,
    /// Functions whose bodies have arrived for the work.
    arrived: usize,
    /// Bytes of bodies that arrived since tasks were last woken.
    unseen_bytes: usize,
}

/// What is done with bodies.
#[derive(Debug)]
pub(super) enum Work {
    /// They are compiled.
    Compile(Arc<CompileJob>),
    /// They are validated, to be compiled when they are called.
    Validate(Validating),
}

/// Bodies of a stream that are being validated; they need not be, once this is dropped.
#[derive(Debug)]
pub(in crate::compile) struct Validating(Arc<ValidateJob>);

impl Validating {
    /// The job.
    pub(in crate::compile) fn job(&self) -> &ValidateJob {
        &self.0
    }
}

impl Drop for Validating {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Plain data that is left of work which was given up.
pub(super) enum Remains {
    Compile { _job: Arc<CompileJob> },
    Validate { _job: Arc<ValidateJob> },
}

impl InProgress {
    /// Work that has not begun with any body.
    pub(super) fn new(engine: &WasmEngine, module: Module) -> Result<Self, CompileError> {
        let work = if engine.config().strategy() == Strategy::Lazy {
            let native = module.native();
            Work::Validate(Validating(ValidateJob::arriving(engine, native.env(), &native.events)))
        } else {
            Work::Compile(Arc::clone(module.begin(engine.default_variant(), JobKind::Streamed, false)?))
        };
        Ok(InProgress { work, module, arrived: 0, unseen_bytes: 0 })
    }

    /// So many bodies have come, the last of them with so many bytes.
    pub(super) fn feed(&mut self, engine: &WasmEngine, body_count: usize, pushed_bytes: usize) {
        if engine.config().num_compilation_tasks() == 0 {
            // About as much as came: so nothing is left behind, and no call takes long.
            self.arrive(body_count, pushed_bytes.max(tuning::STREAM_PORTION_BYTES));
            self.run_here();
            return;
        }
        self.unseen_bytes += self.arrive(body_count, usize::MAX);
        let is_last = body_count == self.module.decoded().bodies.len();
        if self.unseen_bytes >= tuning::STREAM_WAKE_BYTES || is_last {
            self.wake(engine);
        }
    }

    /// The last byte was decoded; what was not known before took so long.
    pub(super) fn end(&mut self, engine: &WasmEngine, decode_wall: Duration) {
        self.unseen_bytes += self.arrive(self.module.decoded().bodies.len(), usize::MAX);
        self.wake(engine);
        match &self.work {
            Work::Compile(job) => {
                self.module.native().refill_budgets(job.variant);
                self.module.validated(decode_wall);
                job.end_stream();
            }
            Work::Validate(validating) => validating.job().end_stream(),
        }
    }

    /// Works along until the module is ready.
    pub(super) fn wait(self, engine: &WasmEngine) -> Result<Module, CompileError> {
        let InProgress { work, module, .. } = self;
        match work {
            Work::Compile(job) => job.wait(engine)?,
            Work::Validate(validating) => validating.wait(&module)?,
        }
        module.ready()
    }

    /// What is left when this, and with it the module, is let go of: plain data.
    pub(super) fn remains(&self) -> Remains {
        match &self.work {
            Work::Compile(job) => Remains::Compile { _job: Arc::clone(job) },
            Work::Validate(validating) => Remains::Validate { _job: Arc::clone(&validating.0) },
        }
    }

    /// Bodies arrive, of so many bytes at most, but at least one; gives the bytes.
    fn arrive(&mut self, body_count: usize, most_bytes: usize) -> usize {
        let bodies = &self.module.decoded().bodies;
        let mut bytes = 0;
        while self.arrived < body_count && bytes < most_bytes {
            bytes += bodies[DefinedFuncIndex::new(self.arrived)].len();
            self.arrived += 1;
        }
        match &self.work {
            Work::Compile(job) => job.units.arrive(self.arrived),
            Work::Validate(validating) => validating.job().arrive(self.arrived),
        }
        bytes
    }

    fn run_here(&self) {
        match &self.work {
            Work::Compile(job) => worker::run_foreground_slice(job),
            Work::Validate(validating) => validating.job().run_here(),
        }
    }

    /// Wakes as many tasks as there is work for.
    fn wake(&mut self, engine: &WasmEngine) {
        let count = self.unseen_bytes.div_ceil(tuning::STREAM_WAKE_BYTES);
        self.unseen_bytes = 0;
        match &self.work {
            Work::Compile(job) => job.wake(engine.poster(), count),
            Work::Validate(validating) => validating.0.wake(engine.poster(), count),
        }
    }
}

impl Validating {
    /// Works along until it is known whether the bodies are valid.
    pub(in crate::compile) fn wait(&self, module: &Module) -> Result<(), CompileError> {
        let clock = module.engine().config().clock();
        let begun = clock.now();
        self.0.join()?;
        module.validated(clock.now().saturating_sub(begun));
        Ok(())
    }
}
