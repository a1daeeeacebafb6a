//! One unit through the compilers: the tier that is asked for, and if that is unable, the better ones.
//!
//! **Invariant:** a panic of a compiler is caught here, as an error of its function; what it left of its memory is not used again.

#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cranelift_entity::EntityRef;
use smallvec::SmallVec;
use tracing::Level;

use crate::abi::artifact::{Artifact, Entry};
use crate::base::trace;
use crate::codegen::compiler::{Compiler, Feedback, Scratch, UnitContext, UnitError};
use crate::compile::budget::{Admitted, MemoryBudget};
use crate::compile::feedback::JobFeedback;
use crate::compile::job::CompileJob;
use crate::compile::phases::Phases;
use crate::compile::unit::Unit;
use crate::platform::{counting, heap};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::Features;

/// What runs units of one job, one after the other.
pub(super) struct Runner<'j> {
    job: &'j CompileJob,
    /// Memory of each compiler that was used.
    scratch: SmallVec<[Option<Scratch>; 2]>,
    /// Features of all units so far.
    pub detected: Features,
    /// Time that units took to be validated.
    pub validate: Duration,
    /// Whether hot functions are put in the place of their calls.
    pub inlines: bool,
    /// Whether spans are wanted: asked once, as asking costs.
    traced: bool,
}

impl<'j> Runner<'j> {
    pub(super) fn new(job: &'j CompileJob) -> Self {
        Runner {
            job,
            scratch: (0..job.shared.compiler_count()).map(|_| None).collect(),
            detected: Features::empty(),
            validate: Duration::ZERO,
            inlines: false,
            traced: tracing::enabled!(target: trace::COMPILE, Level::DEBUG),
        }
    }

    /// For functions that do much.
    pub(super) fn inlining(job: &'j CompileJob) -> Self {
        let mut runner = Runner::new(job);
        runner.inlines = job.shared.inlines;
        runner
    }

    /// The compiler of the tier; if it is unable, the better ones, and for a function that has no code yet any other.
    pub(super) fn run(&mut self, unit: Unit, entry: Entry, stop: &dyn Fn() -> bool) -> Result<Artifact, UnitError> {
        let job = self.job;
        job.check_body(unit.func)?;
        let has_code = entry != Entry::Call || job.states.reached(unit.func) > 0;
        let mut result = Err(UnitError::TierUnable(format!("no compiler for tier {:?}", unit.tier)));
        for (index, compiler) in job.shared.compilers_for(unit.tier) {
            if has_code && compiler.tier() < unit.tier {
                break;
            }
            let body_bytes = job.env.module.bodies[unit.func].len();
            if compiler.tier() > job.shared.first_tier() && body_bytes > job.shared.optimized_body_limit {
                let most = job.shared.optimized_body_limit;
                result = Err(UnitError::TierUnable(format!("a body of {body_bytes} bytes, more than {most}")));
                continue;
            }
            // A clock of processor time is a system call, for who wants it.
            let begun = self.traced.then(|| job.shared.timing.clock.thread_cpu());
            result = self.run_compiler(index, &**compiler, (unit, entry), stop);
            if let (Ok(artifact), Some(begun)) = (&result, begun) {
                self.trace_compiled(artifact, job.shared.timing.clock.thread_cpu().saturating_sub(begun));
            }
            let Err(UnitError::TierUnable(reason)) = &result else { break };
            let function = job.env.module.func_index(unit.func).index();
            tracing::debug!(target: trace::COMPILE, function, tier = ?compiler.tier(), reason, "bailout");
        }
        result
    }

    /// Tells of code, and of the processor time that its compiler took, in microseconds.
    fn trace_compiled(&self, artifact: &Artifact, cpu: Duration) {
        let function = self.job.env.module.func_index(artifact.func).index();
        let (tier, entry, code_bytes, count) = (artifact.tier, artifact.entry, artifact.code.len(), artifact.inlined.len());
        let cpu_us = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(target: trace::COMPILE, function, ?tier, ?entry, code_bytes, cpu_us, "compiled");
        if count > 0 {
            tracing::debug!(target: trace::COMPILE, function, ?entry, count, "bodies in the place of calls");
        }
    }

    fn run_compiler(
        &mut self,
        index: usize,
        compiler: &dyn Compiler,
        (unit, entry): (Unit, Entry),
        stop: &dyn Fn() -> bool,
    ) -> Result<Artifact, UnitError> {
        let job = self.job;
        let mut scratch = self.scratch[index].take().unwrap_or_else(|| job.shared.take_scratch(index));
        let detected = &mut self.detected;
        let mut phases = Phases::new(&*job.shared.timing.clock, self.traced);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut phase = |phase| phases.begin(phase);
            let is_valid = job.is_valid;
            let recorded = JobFeedback::new(job);
            let feedback: Option<&dyn Feedback> = if self.inlines { Some(&recorded) } else { None };
            let mut context = UnitContext { scratch: &mut scratch, detected, entry, feedback, is_valid, stop, phase: &mut phase };
            counting::peak_of(|| compiler.compile(&job.env, unit.func, unit.variant, &mut context))
        }));
        self.validate += phases.end();
        match result {
            Ok((result, peak_bytes)) => {
                if let Some(peak_bytes) = peak_bytes {
                    job.shared.estimates.learn(compiler.tier(), job.env.module.bodies[unit.func].len(), peak_bytes);
                }
                if job.shared.keeps_scratch(job.memory_bytes(unit)) {
                    self.scratch[index] = Some(scratch);
                } else {
                    drop(scratch);
                    // Or the allocator keeps it for this thread, and the next unit runs on another.
                    heap::trim();
                }
                result
            }
            Err(panic) => {
                // The scratch may be in any state: it goes.
                let message = format!("{}: the compiler panicked: {}", job.describe(unit.func), panic_text(&*panic));
                let offset = Some(job.env.module.bodies[unit.func].start as usize);
                Err(UnitError::Module(CompileError::new(CompileErrorKind::EngineBug, message, offset)))
            }
        }
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        for (index, scratch) in self.scratch.iter_mut().enumerate() {
            if let Some(scratch) = scratch.take() {
                self.job.shared.give_scratch(index, scratch);
            }
        }
    }
}

/// Room for a unit in its module's budget and in the engine's.
pub(super) type Room<'b> = (Admitted<'b>, Admitted<'b>);

impl CompileJob {
    /// Room for so many bytes, or the budget that has none now.
    pub(super) fn admit(&self, bytes: usize) -> Result<Room<'_>, &MemoryBudget> {
        let of_module = self.memory.admit(bytes).ok_or(&self.memory)?;
        let of_engine = self.shared.memory.admit(bytes).ok_or(&self.shared.memory)?;
        Ok((of_module, of_engine))
    }

    /// What a unit may take while it is compiled.
    pub(super) fn memory_bytes(&self, unit: Unit) -> usize {
        self.shared.estimates.of(unit.tier, self.env.module.bodies[unit.func].len())
    }

    /// Room in the budget of memory for a unit; `None` if it need not be compiled any more.
    pub(super) fn wait_for_room(&self, unit: Unit, stop: &dyn Fn() -> bool) -> Option<Room<'_>> {
        let bytes = self.memory_bytes(unit);
        while !stop() {
            match self.admit(bytes) {
                Ok(room) => return Some(room),
                Err(full) => full.wait(bytes),
            }
        }
        None
    }

    /// When a unit that begins now, and is not of a list that is compiled before anything is called, should have ended.
    pub(super) fn unit_deadline(&self) -> Option<Duration> {
        Some(self.shared.timing.clock.now().saturating_add(self.shared.timeout?))
    }

    /// Whether that is past. Looks at the clock only if there is a deadline.
    pub(super) fn is_past(&self, deadline: Option<Duration>) -> bool {
        deadline.is_some_and(|deadline| self.shared.timing.clock.now() >= deadline)
    }

    /// What a unit is told that was not compiled in time.
    pub(super) fn timeout_of(&self, unit: Unit) -> CompileError {
        let timeout = self.shared.timeout.unwrap_or_default();
        let message = format!("{}: not compiled within {timeout:?}", self.describe(unit.func));
        CompileError::new(CompileErrorKind::Timeout, message, Some(self.env.module.bodies[unit.func].start as usize))
    }

    /// A unit's error for people.
    pub(super) fn error_of(&self, unit: Unit, error: UnitError) -> CompileError {
        let offset = Some(self.env.module.bodies[unit.func].start as usize);
        let name = || self.describe(unit.func);
        match error {
            UnitError::Module(error) => error,
            UnitError::TierUnable(reason) => {
                CompileError::new(CompileErrorKind::Unsupported, format!("{}: {reason}", name()), offset)
            }
            UnitError::Stopped => {
                CompileError::new(CompileErrorKind::EngineBug, format!("{}: the unit stopped unasked", name()), offset)
            }
        }
    }
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
