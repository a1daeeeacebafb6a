//! Dynamic tier-up: functions that do much in baseline code are compiled again, by the optimizing tier, while they run on.
//!
//! *Problem.* Which functions are worth optimizing shows only as they run, and optimizing takes a thousand times longer than a call may
//! wait. *Idea.* Each function has a *budget* beside its dispatch slot, which its baseline code lowers at every call and every iteration of a loop by a
//! [weight](crate::codegen::weight), one instruction each. Code that finds it below zero says so and goes on; the function is queued, and
//! a background task compiles it. Publication swaps the slot: later calls run the better code, frames of the old one end in it.
//!
//! A function that uses its budget up again while it waits goes before those that have asked once; else the oldest is first. Tasks are
//! posted when there is something to do, as many as the engine has threads at most. With no threads the caller compiles.
//!
//! **Invariants:** a function is in the queue or with a task once, by its [state byte](crate::compile::state); what is found in the
//! queue beyond that is skipped. A function that no better tier takes stays as it is and is not asked about again. Tasks hold the
//! job and the token, never the module.

#![forbid(unsafe_code)]

use std::collections::BinaryHeap;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{Artifact, CodeVariant};
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering;
use crate::base::{DefinedFuncIndex, trace};
use crate::code::space::CodeSpace;
use crate::codegen::compiler::UnitError;
use crate::codegen::weight;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::native_module::NativeModule;
use crate::compile::runner::Runner;
use crate::compile::state::UnitPhase;
use crate::compile::unit::{Unit, UnitFlags};
use crate::tasks::manager::{Outcome, Task, TaskPriority};

/// A budget that is never used up: of functions that have all there is to have.
const UNLIMITED: i32 = i32::MAX;

/// Functions that wait for better code.
#[derive(Debug)]
pub(super) struct TierUpQueue(RankedMutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    heap: BinaryHeap<Request>,
    /// How many requests there were: among those of equal urgency the earlier goes first.
    count: u64,
    /// Tasks that are posted or run.
    tasks: usize,
}

/// Ordered by urgency, then by age.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    is_repeated: bool,
    age: std::cmp::Reverse<u64>,
    func: u32,
}

impl Default for TierUpQueue {
    fn default() -> Self {
        TierUpQueue(RankedMutex::new(Rank::Slot, Waiting::default()))
    }
}

impl TierUpQueue {
    /// Adds a function, again if it is there already. True if the caller must post a task.
    fn push(&self, func: DefinedFuncIndex, is_repeated: bool, task_max: usize) -> bool {
        let mut waiting = self.0.lock();
        waiting.count += 1;
        let age = std::cmp::Reverse(waiting.count);
        waiting.heap.push(Request { is_repeated, age, func: func.as_u32() });
        let posts = waiting.tasks < task_max;
        waiting.tasks += usize::from(posts);
        posts
    }

    /// The most urgent function; nothing ends the task that asks.
    fn pop(&self) -> Option<DefinedFuncIndex> {
        let mut waiting = self.0.lock();
        match waiting.heap.pop() {
            Some(request) => Some(DefinedFuncIndex::from_u32(request.func)),
            None => {
                waiting.tasks -= 1;
                None
            }
        }
    }

    /// A task is gone without having found the queue empty.
    fn task_gone(&self) {
        self.0.lock().tasks -= 1;
    }
}

/// Sets a function's budget to what it may do before it asks for better code.
pub(super) fn refill(space: &CodeSpace, func: DefinedFuncIndex, body_bytes: usize, calls: u32) {
    let budget = i64::from(weight::of_call(body_bytes)) * i64::from(calls);
    set_budget(space, func, i32::try_from(budget).unwrap_or(UNLIMITED));
}

fn set_budget(space: &CodeSpace, func: DefinedFuncIndex, value: i32) {
    if let Some(budget) = space.budget(func) {
        // Relaxed: a figure. Code that lowers it at the same time may undo this once.
        budget.store(value, Ordering::Relaxed);
    }
}

impl Module {
    /// A function has used its budget up.
    pub(crate) fn tier_up(&self, variant: CodeVariant, func: DefinedFuncIndex) {
        let Some(code) = self.native().variant(variant) else { return };
        let Some(space) = &code.space else { return };
        let (job, config) = (&code.job, self.engine().config());
        let best = job.shared.best_tier();
        if job.states.reached(func) >= best as u8 {
            // Frames of the old code.
            set_budget(space, func, UNLIMITED);
            return;
        }
        refill(space, func, job.env.module.bodies[func].len(), config.tier_up_calls());
        let is_new = job.states.request(func, best);
        if !is_new && job.states.phase(func) != UnitPhase::Queued {
            return;
        }
        if config.num_compilation_tasks() == 0 || self.engine().is_shut_down() {
            job.compile_better(self.native(), space, func);
            return;
        }
        if job.tier_ups.push(func, !is_new, config.num_compilation_tasks()) {
            let task = TierUpTask { job: Arc::clone(job), ended: false };
            // A task that cannot be posted says so as it is dropped.
            let _ = self.engine().poster().post(TaskPriority::Background, Box::new(task));
        }
    }
}

impl CompileJob {
    /// Compiles a function in the best tier on its owner's thread.
    fn compile_better(&self, native: &NativeModule, space: &CodeSpace, func: DefinedFuncIndex) {
        if self.states.start(func) {
            let mut runner = Runner::new(self);
            let made = self.run_better(&mut runner, func, &|| false);
            let refused = self.settle_better(native, space, func, made, &runner);
            self.tell_of_refusal(func, refused);
        }
    }

    fn run_better(
        &self,
        runner: &mut Runner<'_>,
        func: DefinedFuncIndex,
        stop: &dyn Fn() -> bool,
    ) -> Result<Artifact, UnitError> {
        let unit = Unit { func, tier: self.shared.best_tier(), variant: self.variant, bucket: 1, flags: UnitFlags::empty() };
        let function = self.env.module.func_index(func).index();
        let _span = tracing::debug_span!(target: trace::COMPILE, "tier_up", function, tier = ?unit.tier).entered();
        let _room = self.wait_for_room(unit);
        let clock = &self.shared.timing.clock;
        let begun = clock.thread_cpu();
        let made = runner.run(unit, stop);
        let cpu = clock.thread_cpu().saturating_sub(begun);
        let mut stats = self.stats.workers[0].lock();
        stats.cpu += cpu;
        stats.unit_count += 1;
        drop(stats);
        if let Ok(artifact) = &made {
            self.record(func, artifact.code.len(), cpu);
        }
        made
    }

    /// Publishes what was made, or leaves the function in its tier for good, and says why.
    fn settle_better(
        &self,
        native: &NativeModule,
        space: &CodeSpace,
        func: DefinedFuncIndex,
        made: Result<Artifact, UnitError>,
        runner: &Runner<'_>,
    ) -> Option<String> {
        native.features.report(runner.detected);
        let tier = self.shared.best_tier();
        let published = made
            .map_err(|error| format!("{error:?}"))
            .and_then(|artifact| native.publish(self.variant, vec![artifact]).map_err(|error| error.to_string()));
        set_budget(space, func, UNLIMITED);
        match published {
            Ok(bytes) => {
                self.published(bytes);
                self.count_finished(&[(func, tier)]);
                self.states.finish(func);
                None
            }
            Err(reason) => {
                self.states.give_up(func);
                Some(reason)
            }
        }
    }

    fn tell_of_refusal(&self, func: DefinedFuncIndex, refused: Option<String>) {
        if let Some(reason) = refused {
            let function = self.env.module.func_index(func).index();
            tracing::warn!(target: trace::COMPILE, function, reason, "stays in its tier");
        }
    }
}

/// Compiles what waits, the most urgent first.
struct TierUpTask {
    job: Arc<CompileJob>,
    /// Whether the queue knows that it is gone.
    ended: bool,
}

impl Task for TierUpTask {
    fn run(&mut self) -> Outcome {
        let job = &*self.job;
        let timing = &job.shared.timing;
        let deadline = timing.clock.now() + timing.slice;
        let mut runner = Runner::new(job);
        loop {
            let Some(func) = job.tier_ups.pop() else {
                self.ended = true;
                return Outcome::Done;
            };
            if !job.states.start(func) {
                continue;
            }
            let made = job.run_better(&mut runner, func, &|| job.token.stop_requested());
            if matches!(made, Err(UnitError::Stopped)) {
                job.states.give_up(func);
                return Outcome::Done;
            }
            let Some(scope) = job.token.enter() else { return Outcome::Done };
            let native = scope.native_module();
            let space = native.variant(job.variant).and_then(|code| code.space.as_ref());
            let refused = space.and_then(|space| job.settle_better(native, space, func, made, &runner));
            drop(scope);
            job.tell_of_refusal(func, refused);
            if timing.clock.now() >= deadline {
                return Outcome::Again;
            }
        }
    }
}

impl Drop for TierUpTask {
    fn drop(&mut self) {
        if !self.ended {
            self.job.tier_ups.task_gone();
        }
    }
}
