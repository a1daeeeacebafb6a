//! The loop that runs units: fetch, compile, publish, until there is nothing left or the slice is over.
//!
//! Statements S1-20 to S1-29, with batches:
//! 1. In a scope: if the module is gone, return at once. Fetch a unit.
//! 2. Without any scope or lock: compile it, holding the token and plain data only.
//! 3. When the batch is due (see [`policy`](crate::compile::policy)), when the slice is over, or when what was fetched is used up: in one
//!    scope fetch, and publish and count the batch if it is due or nothing is left. If the module is gone, drop it all and report
//!    nothing.
//! 4. A background slice that is over its deadline puts back what it fetched and asks to run again.
//!
//! A foreground that joins runs the same loop in slot 0, takes needed units only, has no deadline, and does not heed
//! `request_stop`, which is for background work.
//!
//! **Invariants:** nothing is compiled or logged inside a scope. A unit's panic is caught here: the job fails, the thread
//! lives. Features are reported in a scope, with a batch or at the end of the slice, and not after a cancel.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cranelift_entity::EntityRef;
use tracing::Level;
use tracing::span::EnteredSpan;

use crate::abi::artifact::{Artifact, Entry, Tier};
use crate::base::sync::{Arc, thread};
use crate::base::{DefinedFuncIndex, trace};
use crate::code::error::CodeError;
use crate::codegen::compiler::UnitError;
use crate::compile::job::CompileJob;
use crate::compile::native_module::NativeModule;
use crate::compile::policy::{FlushPolicy, Pending};
use crate::compile::queue::{Appetite, LocalQueue};
use crate::compile::refusal;
use crate::compile::runner::{Room, Runner, panic_text};
use crate::compile::stats::WorkerStats;
use crate::compile::unit::{Unit, UnitFlags};
use crate::tasks::manager::{Outcome, Task};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::Features;

/// How a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
enum SliceEnd {
    /// Nothing left to fetch.
    NoUnit,
    /// Its time is over.
    Deadline,
    /// Background work was told to stop.
    Stopped,
    /// The module is gone.
    Cancelled,
}

/// The background task of one slot of one job.
#[derive(Debug)]
pub(super) struct CompileTask {
    job: Arc<CompileJob>,
    slot: usize,
    /// Whether it has fetched until nothing was left. Else what is left when it is dropped may be the owner's to do.
    is_done: bool,
}

impl CompileTask {
    pub(super) fn new(job: Arc<CompileJob>, slot: usize) -> Self {
        CompileTask { job, slot, is_done: false }
    }
}

impl CompileTask {
    /// Whether it is over. One of a stream is until more bodies come.
    fn rests(&self) -> bool {
        let job = &*self.job;
        job.resting.as_ref().is_none_or(|resting| resting.rest(self.slot, || job.units.has_work()))
    }
}

impl Task for CompileTask {
    fn run(&mut self) -> Outcome {
        match run_slice(&self.job, self.slot, true, None) {
            Some(SliceEnd::Deadline) => {
                // Others of the pool may be served first; who waits need not.
                announce_leftovers(&self.job);
                Outcome::Again
            }
            Some(SliceEnd::NoUnit) if !self.rests() => Outcome::Again,
            end => {
                self.is_done = end == Some(SliceEnd::NoUnit);
                Outcome::Done
            }
        }
    }
}

impl Drop for CompileTask {
    /// The end of a task, run or not, may leave units behind: who waits looks again.
    fn drop(&mut self) {
        announce_leftovers(&self.job);
        if !self.is_done && !self.job.progress.is_settled() {
            self.job.leave();
        }
    }
}

fn announce_leftovers(job: &CompileJob) {
    if !job.progress.is_settled() && job.units.has_work() {
        job.progress.announce();
    }
}

/// Works on a job for its owner, until there is nothing left to fetch.
pub(super) fn run_foreground_slice(job: &CompileJob) {
    run_slice(job, 0, false, None);
}

/// Works on a job for its owner for a while: on so many bytes of bodies, and one unit at least. What is left depends on no time.
pub(super) fn run_foreground_part(job: &CompileJob, body_bytes: usize) {
    run_slice(job, 0, false, Some(body_bytes));
}

/// `None` if the slot is occupied, or the slice itself panicked.
fn run_slice(job: &CompileJob, slot: usize, background: bool, allowance: Option<usize>) -> Option<SliceEnd> {
    let run = || Some(Slice::new(job, slot, background, allowance)?.run());
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = format!("a compile task panicked: {}", panic_text(&*panic));
        job.fail_general(CompileError::new(CompileErrorKind::EngineBug, message, None));
        None
    })
}

struct Slice<'j> {
    job: &'j CompileJob,
    local: LocalQueue<'j>,
    background: bool,
    policy: FlushPolicy,
    /// `None` in the foreground.
    deadline: Option<Duration>,
    /// Bytes of bodies that it may still compile, if they are counted.
    allowance: Option<usize>,
    runner: Runner<'j>,
    batch: Batch,
    /// The part of the features detected that the module knows.
    reported: Features,
    /// Not yet merged into the job's.
    stats: WorkerStats,
    cpu_mark: Duration,
    /// Of the units since then.
    cpu_tier: Tier,
    /// Whether spans are wanted: asked once, as asking costs.
    traced: bool,
}

/// What waits to be published.
#[derive(Default)]
struct Batch {
    artifacts: Vec<Artifact>,
    /// Function and the tier that was asked for, one for each artifact.
    finished: Vec<(DefinedFuncIndex, Tier)>,
    bytes: usize,
    /// Units that gave no code and are done with all the same.
    settled: usize,
    begun: Duration,
}

/// A batch that was not published.
struct Refused {
    error: CodeError,
    finished: Vec<(DefinedFuncIndex, Tier)>,
    settled: usize,
}

/// What came of publishing.
#[derive(Default)]
struct Flushed {
    native_bytes: usize,
    /// Whether the job ended by it.
    ended: bool,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.artifacts.is_empty() && self.settled == 0
    }

    fn pending(&self) -> Pending {
        Pending { count: self.artifacts.len() + self.settled, bytes: self.bytes }
    }
}

impl<'j> Slice<'j> {
    fn new(job: &'j CompileJob, slot: usize, background: bool, allowance: Option<usize>) -> Option<Self> {
        let local = job.units.occupy(slot, if background { Appetite::All } else { Appetite::Needed })?;
        let timing = &job.shared.timing;
        let slot_count = job.units.slot_count();
        let policy = FlushPolicy::for_slot(job.unit_count, slot_count, slot);
        Some(Slice {
            job,
            local,
            background,
            policy: if slot_count == 1 { policy.without_clock() } else { policy },
            deadline: background.then(|| timing.clock.now() + timing.slice),
            allowance,
            runner: Runner::new(job),
            batch: Batch::default(),
            reported: Features::empty(),
            stats: WorkerStats::default(),
            cpu_mark: timing.clock.thread_cpu(),
            cpu_tier: job.tier,
            traced: tracing::enabled!(target: trace::COMPILE, Level::DEBUG)
                || tracing::enabled!(target: trace::PUBLISH, Level::DEBUG),
        })
    }

    fn run(&mut self) -> SliceEnd {
        match self.run_units() {
            // Told to stop it fetches nothing, whatever there is: that is for the owner to look at.
            Ok(()) if self.is_stopped() => SliceEnd::Stopped,
            Ok(()) => SliceEnd::NoUnit,
            Err(end) => end,
        }
    }

    fn run_units(&mut self) -> Result<(), SliceEnd> {
        let mut unit = self.exchange(None, false)?;
        while let Some(present) = unit {
            if self.is_stopped() {
                self.local.put_back(present);
                self.exchange(None, true)?;
                return Err(SliceEnd::Stopped);
            }
            let room = self.admit(present)?;
            self.compile(present);
            drop(room);
            if let Some(left) = &mut self.allowance {
                *left = left.saturating_sub(self.job.env.module.bodies[present.func].len());
            }
            let next = self.local.pop_fetched();
            let is_due = self.is_flush_due(next);
            unit = if next.is_some() && !is_due { next } else { self.exchange(next, is_due)? };
        }
        Ok(())
    }

    /// Waits for room in the budget. Meanwhile what is done is not kept from others, and a cancel or the end of the slice is seen.
    fn admit(&mut self, unit: Unit) -> Result<Room<'j>, SliceEnd> {
        let job = self.job;
        let bytes = job.memory_bytes(unit);
        loop {
            let full = match job.admit(bytes) {
                Ok(room) => return Ok(room),
                Err(full) => full,
            };
            self.exchange(Some(unit), true)?;
            if job.progress.is_settled() {
                return Err(SliceEnd::NoUnit);
            }
            if self.is_stopped() {
                self.local.put_back(unit);
                return Err(SliceEnd::Stopped);
            }
            full.wait(bytes);
        }
    }

    fn is_stopped(&self) -> bool {
        self.background && self.job.token.stop_requested()
    }

    /// One look at the clock per unit, or none where time must not decide.
    fn is_flush_due(&self, next: Option<Unit>) -> bool {
        if self.is_stopped() || self.allowance == Some(0) {
            return true;
        }
        let elapsed = if self.policy.interval.is_some() {
            let now = self.job.shared.timing.clock.now();
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                return true;
            }
            now.saturating_sub(self.batch.begun)
        } else {
            Duration::ZERO
        };
        self.is_other_tier(next) || self.policy.is_due(self.batch.pending(), elapsed)
    }

    /// Batches are of one tier.
    fn is_other_tier(&self, next: Option<Unit>) -> bool {
        next.zip(self.batch.finished.last()).is_some_and(|(next, &(_, tier))| tier != next.tier)
    }

    /// Fetches the next unit, unless there is one that was fetched before, and publishes the batch if it is due or nothing is left to fetch:
    /// both in one scope (steps 1 and 3).
    fn exchange(&mut self, have: Option<Unit>, is_due: bool) -> Result<Option<Unit>, SliceEnd> {
        let job = self.job;
        let expired =
            self.allowance == Some(0) || self.deadline.is_some_and(|deadline| job.shared.timing.clock.now() >= deadline);
        if job.progress.is_settled() {
            // Failed: what was compiled since is of no use.
            self.batch = Batch::default();
        }
        self.merge_stats();
        let span = self.traced.then(|| self.exchange_span(is_due || expired));
        let asked = self.scope_time();
        let Some(scope) = job.token.enter() else {
            self.batch = Batch::default();
            return Err(SliceEnd::Cancelled);
        };
        let entered = self.scope_time();
        let native = scope.native_module();
        let next = have.or_else(|| if self.is_stopped() { None } else { self.local.fetch() });
        // Before the batch is counted, so that who sees the job's end sees all features.
        let detected = self.runner.detected;
        if !self.reported.contains(detected) {
            native.features.report(detected);
            self.reported = detected;
        }
        let flushes = is_due || expired || next.is_none() || self.is_other_tier(next);
        let flushed = if flushes { self.publish(native) } else { Ok(Flushed::default()) };
        drop(scope);
        self.add_scope_times(asked, entered);
        drop(span);
        match flushed {
            Ok(flushed) => {
                job.published(flushed.native_bytes);
                if flushed.ended {
                    job.ended();
                }
            }
            Err(refused) => self.settle_refused(refused),
        }
        if expired && let Some(unit) = next {
            self.local.put_back(unit);
            self.stats.yield_count += 1;
            return Err(SliceEnd::Deadline);
        }
        Ok(next)
    }

    /// Publishes the batch and counts it; in a scope.
    fn publish(&mut self, native: &NativeModule) -> Result<Flushed, Refused> {
        if self.batch.is_empty() {
            return Ok(Flushed::default());
        }
        let job = self.job;
        let batch = std::mem::take(&mut self.batch);
        let native_bytes = match native.publish(job.variant, batch.artifacts) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Refused { error, finished: batch.finished, settled: batch.settled }),
        };
        job.count_finished(&batch.finished);
        batch.finished.iter().for_each(|&(func, _)| job.states.finish(func));
        job.stats.workers[self.local.slot()].lock().flush_count += 1;
        let ended = job.progress.complete(batch.finished.len() + batch.settled);
        Ok(Flushed { native_bytes, ended })
    }

    /// Malformed code is its function's fault: units below that one still count. Nothing else is any function's fault.
    fn settle_refused(&self, refused: Refused) {
        let Refused { error, finished, settled } = refused;
        let job = self.job;
        finished.iter().for_each(|&(func, _)| job.states.give_up(func));
        match error {
            CodeError::Malformed { func, .. } => job.fail_unit(func, refusal::compile_error(&error, &job.describe(func))),
            _ => job.fail_general(refusal::compile_error(&error, "the module")),
        }
        if job.progress.complete(finished.len() + settled) {
            job.ended();
        }
    }

    /// Around the scope, as nothing is logged inside.
    fn exchange_span(&self, is_due: bool) -> EnteredSpan {
        let worker = self.local.slot();
        let functions = self.batch.artifacts.len();
        let span = if is_due && functions > 0 {
            tracing::debug_span!(target: trace::PUBLISH, "publish", worker, functions)
        } else {
            // What is fetched is not known yet: with nothing left, what the batch holds is published too.
            tracing::debug_span!(target: trace::PUBLISH, "fetch", worker, functions)
        };
        span.entered()
    }

    /// Step 2.
    fn compile(&mut self, unit: Unit) {
        let job = self.job;
        if !job.states.start(unit.func) {
            return;
        }
        if !job.first_error.matters(unit.func) {
            self.settle_without_code(unit);
            return;
        }
        if job.is_out_of_time() {
            job.fail_unit(unit.func, job.timeout_of(unit));
            self.settle_without_code(unit);
            return;
        }
        let span = self.traced.then(|| {
            let function = job.env.module.func_index(unit.func).index();
            tracing::debug_span!(target: trace::COMPILE, "unit", function, worker = self.local.slot(), tier = ?unit.tier)
                .entered()
        });
        // Before compiling, as another tier may do it (S1-23).
        let asked = unit.tier;
        self.cpu_tier = asked;
        let unit = match job.within_budget(unit) {
            Ok(unit) => unit,
            Err(error) => {
                job.fail_unit(unit.func, error);
                self.settle_without_code(unit);
                return;
            }
        };
        let is_timed = job.counts_cpu() || job.stats.records.is_some();
        let begun = is_timed.then(|| job.shared.timing.clock.thread_cpu());
        let background = self.background;
        let result = self.runner.run(unit, Entry::Call, &|| job.should_stop(unit.func, background));
        drop(span);
        if let Some(begun) = begun {
            let cpu = job.shared.timing.clock.thread_cpu().saturating_sub(begun);
            job.spend(cpu);
            if let Ok(artifact) = &result {
                job.record(unit.func, artifact.code.len(), cpu);
            }
        }
        self.stats.unit_count += 1;
        match result {
            Ok(artifact) => {
                if self.batch.artifacts.is_empty() && self.policy.interval.is_some() {
                    self.batch.begun = job.shared.timing.clock.now();
                }
                self.batch.bytes += artifact.code.len();
                self.batch.finished.push((unit.func, asked));
                self.batch.artifacts.push(artifact);
            }
            Err(UnitError::Stopped) if job.is_out_of_time() => {
                job.fail_unit(unit.func, job.timeout_of(unit));
                self.settle_without_code(unit);
            }
            Err(UnitError::Stopped) if job.should_stop(unit.func, self.background) => {
                if job.first_error.matters(unit.func) && !job.progress.is_settled() {
                    job.states.give_back(unit.func);
                    job.units.push(Unit { flags: unit.flags | UnitFlags::GIVEN_BACK, ..unit });
                } else {
                    self.settle_without_code(unit);
                }
            }
            Err(error) => {
                job.fail_unit(unit.func, job.error_of(unit, error));
                self.settle_without_code(unit);
            }
        }
    }

    fn settle_without_code(&mut self, unit: Unit) {
        self.job.states.give_up(unit.func);
        self.batch.settled += 1;
    }

    fn scope_time(&self) -> Option<Duration> {
        let timing = &self.job.shared.timing;
        timing.scopes.then(|| timing.clock.now())
    }

    fn add_scope_times(&mut self, asked: Option<Duration>, entered: Option<Duration>) {
        if let (Some(asked), Some(entered), Some(left)) = (asked, entered, self.scope_time()) {
            self.stats.scopes.wait.add(entered.saturating_sub(asked));
            self.stats.scopes.hold.add(left.saturating_sub(entered));
        }
    }

    /// Before the batch is counted, so that who sees the job's end sees its figures too.
    fn merge_stats(&mut self) {
        let cpu = self.job.shared.timing.clock.thread_cpu();
        // Units of another tier come after an exchange, which ends with this.
        *self.stats.cpu.of(self.cpu_tier, Entry::Call) += cpu.saturating_sub(self.cpu_mark);
        self.cpu_mark = cpu;
        self.stats.validate += std::mem::take(&mut self.runner.validate);
        let stats = std::mem::take(&mut self.stats);
        self.job.stats.workers[self.local.slot()].lock().merge(&stats);
    }
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        debug_assert!(self.batch.is_empty() || thread::panicking() || self.job.progress.is_settled(), "units were lost");
        self.merge_stats();
    }
}
