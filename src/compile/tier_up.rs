//! Dynamic tier-up: functions that do much in baseline code are compiled again, by the optimizing tier, while they run on.
//!
//! *Problem.* Which functions are worth optimizing shows only as they run, and optimizing takes a thousand times longer than a call may
//! wait. *Idea.* Each function has a *budget* beside its dispatch slot, which its baseline code lowers at every call and every iteration of a loop by a
//! [weight](crate::codegen::weight), one instruction each. Code that finds it below zero says so and goes on; the function is queued, and
//! a background task compiles it. Publication swaps the slot: later calls run the better code, frames of the old one end in it.
//!
//! A function that uses its budget up again while it waits goes before those that have asked once; else the oldest is first. Loops that
//! go on in old code may have versions of their own, see [`loop_versions`](crate::compile::loop_versions). Tasks are
//! posted when there is something to do, one less than the engine has threads, since one is for the guest. With no threads the caller compiles.
//!
//! **Invariants:** a function is in the queue or with a task once, by its [state byte](crate::compile::state); what is found in the
//! queue beyond that is skipped. A function that no better tier takes stays as it is and is not asked about again. Tasks hold the
//! job and the token, never the module.

#![forbid(unsafe_code)]

use std::collections::BinaryHeap;
use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{Artifact, CodeVariant, Entry};
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering;
use crate::base::{DefinedFuncIndex, trace};
use crate::cache::record::KeptBudget;
use crate::code::space::CodeSpace;
use crate::codegen::compiler::UnitError;
use crate::codegen::weight;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::native_module::NativeModule;
use crate::compile::observer::TierEventKind;
use crate::compile::runner::Runner;
use crate::compile::state::{UnitPhase, UnitStates};
use crate::compile::unit::{Unit, UnitFlags};
use crate::tasks::manager::{Outcome, Task, TaskPriority};

/// A budget that lasts: of functions that have all there is to have. Who uses it up all the same gets another.
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
    /// The loop that a version is asked for.
    loop_offset: Option<u32>,
}

impl Default for TierUpQueue {
    fn default() -> Self {
        TierUpQueue(RankedMutex::new(Rank::Slot, Waiting::default()))
    }
}

impl TierUpQueue {
    /// Adds a function, again if it is there already, or its version for a loop. True if the caller must post a task.
    fn push(&self, func: DefinedFuncIndex, entry: Entry, is_repeated: bool, task_max: usize) -> bool {
        let mut waiting = self.0.lock();
        waiting.count += 1;
        let age = std::cmp::Reverse(waiting.count);
        let loop_offset = match entry {
            Entry::Call => None,
            Entry::Loop(offset) => Some(offset),
        };
        waiting.heap.push(Request { is_repeated, age, func: func.as_u32(), loop_offset });
        let posts = waiting.tasks < task_max;
        waiting.tasks += usize::from(posts);
        posts
    }

    /// The most urgent code that nobody has begun with; nothing ends the task that asks.
    fn start_next(&self, states: &UnitStates) -> Option<(DefinedFuncIndex, Entry)> {
        loop {
            let (func, entry) = self.pop()?;
            // Of a function that asked again there are several.
            if entry != Entry::Call || states.start(func) {
                return Some((func, entry));
            }
        }
    }

    fn pop(&self) -> Option<(DefinedFuncIndex, Entry)> {
        let mut waiting = self.0.lock();
        match waiting.heap.pop() {
            Some(request) => {
                Some((DefinedFuncIndex::from_u32(request.func), request.loop_offset.map_or(Entry::Call, Entry::Loop)))
            }
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
    set_budget(space, func, full_budget(body_bytes, calls));
}

/// What a function with such a body does in so many calls.
fn full_budget(body_bytes: usize, calls: u32) -> i32 {
    let budget = weight::of_body(body_bytes).saturating_mul(i64::from(calls));
    i32::try_from(budget).unwrap_or(UNLIMITED)
}

/// What a function has done of so many calls, to be kept; nothing if functions have no budgets.
pub(super) fn kept_budget(space: &CodeSpace, func: DefinedFuncIndex, body_bytes: usize, calls: u32) -> Option<KeptBudget> {
    let (full, left) = (full_budget(body_bytes, calls), space.budget(func)?.load(Ordering::Relaxed)); // a figure
    Some(u32::try_from(i64::from(full) - i64::from(left)).map_or(KeptBudget::Lasting, KeptBudget::Used))
}

/// Goes on from there, with so many calls.
pub(super) fn restore_budget(space: &CodeSpace, func: DefinedFuncIndex, body_bytes: usize, calls: u32, kept: KeptBudget) {
    let value = match kept {
        KeptBudget::Used(used) => full_budget(body_bytes, calls).saturating_sub_unsigned(used),
        KeptBudget::Lasting => UNLIMITED,
    };
    set_budget(space, func, value);
}

/// Lets a function ask with its next call or iteration.
pub(super) fn ask_at_once(space: &CodeSpace, func: DefinedFuncIndex) {
    set_budget(space, func, 0);
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
        let job = &code.job;
        job.tell(func, Entry::Call, TierEventKind::Asked);
        let function = job.env.module.func_index(func).index();
        tracing::debug!(target: trace::COMPILE, function, "better code is asked for");
        let choice = self.engine().config().tier_choice();
        if choice.is_none_or(|choice| choice.choose(&job.tier_event(func, Entry::Call, TierEventKind::Asked))) {
            self.ask_for_better(job, space, func);
        }
    }

    /// Has a function compiled again, if that was not done. Its budget is full again.
    pub(super) fn ask_for_better(&self, job: &Arc<CompileJob>, space: &CodeSpace, func: DefinedFuncIndex) {
        if self.engine().config().compilation_hints() && job.env.module.runs_once(func) {
            set_budget(space, func, UNLIMITED);
            return;
        }
        let best = job.shared.best_tier();
        // What is spent does not come back.
        if job.states.is_refused(func, best) || job.is_over_budget() {
            set_budget(space, func, UNLIMITED);
            return;
        }
        refill(space, func, job.env.module.bodies[func].len(), job.tier_up_calls());
        if job.states.reached(func) >= best as u8 {
            // A frame of the old code.
            return;
        }
        let is_new = job.states.request(func, best);
        if !is_new && job.states.phase(func) != UnitPhase::Queued {
            return;
        }
        if self.compiles_itself() {
            if job.states.start(func) {
                job.compile_better(self.native(), space, (func, Entry::Call));
            }
        } else {
            self.queue_better(job, (func, Entry::Call), !is_new);
        }
    }

    /// Whether no thread compiles in the background.
    pub(super) fn compiles_itself(&self) -> bool {
        let config = self.engine().config();
        config.num_compilation_tasks() == 0 || config.tier_choice().is_some() || self.engine().is_shut_down()
    }

    /// Adds to the queue, and posts a task for it if there may be one more.
    pub(super) fn queue_better(&self, job: &Arc<CompileJob>, (func, entry): (DefinedFuncIndex, Entry), is_repeated: bool) {
        // One processor is the guest's.
        let task_max = self.engine().config().num_compilation_tasks().saturating_sub(1).max(1);
        if job.tier_ups.push(func, entry, is_repeated, task_max) {
            let task = TierUpTask { job: Arc::clone(job), ended: false };
            // A task that cannot be posted says so as it is dropped.
            let _ = self.engine().poster().post(TaskPriority::Background, Box::new(task));
        }
    }
}

impl CompileJob {
    /// Compiles in the best tier on the owner's thread. Nobody else has begun to.
    pub(super) fn compile_better(&self, native: &NativeModule, space: &CodeSpace, code: (DefinedFuncIndex, Entry)) {
        let mut runner = Runner::inlining(self);
        let (unit, entry) = (self.better_unit(code.0), code.1);
        let (made, cpu) = self.run_unit(&mut runner, unit, entry, &|| false);
        let settled = self.settle_better(native, space, (unit, entry), made, &runner);
        self.tell_of(Told { unit, entry, settled, cpu });
    }

    fn better_unit(&self, func: DefinedFuncIndex) -> Unit {
        Unit { func, tier: self.shared.best_tier(), variant: self.variant, bucket: 1, flags: UnitFlags::empty() }
    }

    /// Compiles a unit that nobody waits for; gives what was made, and the processor time that it took.
    pub(super) fn run_unit(
        &self,
        runner: &mut Runner<'_>,
        unit: Unit,
        entry: Entry,
        stop: &dyn Fn() -> bool,
    ) -> (Result<Artifact, UnitError>, Duration) {
        let func = unit.func;
        let function = self.env.module.func_index(func).index();
        let _span = tracing::debug_span!(target: trace::COMPILE, "tier_up", function, tier = ?unit.tier, ?entry).entered();
        let deadline = self.unit_deadline();
        let is_late = || stop() || self.is_past(deadline);
        let Some(_room) = self.wait_for_room(unit, &is_late) else { return (Err(self.stopped(unit, stop)), Duration::ZERO) };
        let clock = &self.shared.timing.clock;
        let begun = clock.thread_cpu();
        let made = match runner.run(unit, entry, &is_late) {
            Err(UnitError::Stopped) => Err(self.stopped(unit, stop)),
            made => made,
        };
        let cpu = clock.thread_cpu().saturating_sub(begun);
        self.spend(cpu);
        let mut stats = self.stats.workers[0].lock();
        *stats.cpu.of(unit.tier, entry) += cpu;
        stats.unit_count += 1;
        drop(stats);
        if let Ok(artifact) = &made {
            self.record(func, artifact.code.len(), cpu);
        }
        (made, cpu)
    }

    /// Why a unit was stopped: somebody has said so, or it was late.
    fn stopped(&self, unit: Unit, stop: &dyn Fn() -> bool) -> UnitError {
        if stop() { UnitError::Stopped } else { UnitError::Module(self.timeout_of(unit)) }
    }

    /// Publishes what was made, or leaves the function in its tier for good, and says why.
    pub(super) fn settle_better(
        &self,
        native: &NativeModule,
        space: &CodeSpace,
        (Unit { func, tier, .. }, entry): (Unit, Entry),
        made: Result<Artifact, UnitError>,
        runner: &Runner<'_>,
    ) -> Result<usize, String> {
        native.features.report(runner.detected);
        let had_code = self.states.reached(func) > 0;
        let published = made
            .map_err(reason)
            .and_then(|artifact| native.publish(self.variant, vec![artifact]).map_err(|error| error.to_string()));
        let is_published = published.is_ok();
        match entry {
            Entry::Call if is_published => {
                self.count_finished(&[(func, tier)]);
                self.stats.tier_ups.fetch_add(usize::from(had_code), Ordering::Relaxed); // a figure
                self.states.finish(func);
            }
            Entry::Call => self.states.refuse(func),
            Entry::Loop(offset) => self.loops.settle(func, offset, is_published),
        }
        match entry {
            // A frame of the old code that uses this up as well does not end soon.
            Entry::Call if is_published => refill(space, func, self.env.module.bodies[func].len(), self.tier_up_calls()),
            Entry::Loop(_) if is_published => ask_at_once(space, func),
            // Another loop of the function may ask.
            Entry::Loop(_) => refill(space, func, self.env.module.bodies[func].len(), self.tier_up_calls()),
            Entry::Call => set_budget(space, func, UNLIMITED),
        }
        if let (&Ok(bytes), Entry::Call, true) = (&published, entry, had_code) {
            self.note_better(bytes);
        }
        published.inspect(|&bytes| self.published(bytes))
    }

    /// Tells what came of it. Not in a scope.
    pub(super) fn tell_of(&self, told: Told) {
        let Told { unit: Unit { func, tier, .. }, entry, settled, cpu } = told;
        match &settled {
            &Ok(code_bytes) => self.tell(func, entry, TierEventKind::Compiled { tier, code_bytes, cpu }),
            Err(reason) => {
                let function = self.env.module.func_index(func).index();
                tracing::warn!(target: trace::COMPILE, function, ?entry, reason, "stays in its tier");
                self.tell(func, entry, TierEventKind::Refused { reason });
            }
        }
    }
}

/// Why a unit gave no code, for people.
fn reason(error: UnitError) -> String {
    match error {
        UnitError::Module(error) => error.to_string(),
        UnitError::TierUnable(reason) => reason,
        UnitError::Stopped => "the unit stopped".to_owned(),
    }
}

/// What came of a unit, for who is told.
pub(super) struct Told {
    pub unit: Unit,
    pub entry: Entry,
    /// Bytes of code, or why there is none.
    pub settled: Result<usize, String>,
    /// Processor time.
    pub cpu: Duration,
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
        let mut runner = Runner::inlining(job);
        loop {
            let Some(code) = job.tier_ups.start_next(&job.states) else {
                self.ended = true;
                return Outcome::Done;
            };
            let (unit, entry) = (job.better_unit(code.0), code.1);
            let (made, cpu) = job.run_unit(&mut runner, unit, entry, &|| job.token.stop_requested());
            if matches!(made, Err(UnitError::Stopped)) {
                if code.1 == Entry::Call {
                    job.states.give_up(code.0);
                }
                return Outcome::Done;
            }
            let Some(scope) = job.token.enter() else { return Outcome::Done };
            let native = scope.native_module();
            let space = native.variant(job.variant).and_then(|code| code.space.as_ref());
            let settled = space.map(|space| job.settle_better(native, space, (unit, entry), made, &runner));
            drop(scope);
            if let Some(settled) = settled {
                job.tell_of(Told { unit, entry, settled, cpu });
            }
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

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::abi::artifact::Tier;

    fn func(n: u32) -> DefinedFuncIndex {
        DefinedFuncIndex::from_u32(n)
    }

    /// Statement S1-22, among functions that do much: who has asked again is more urgent than who has asked once; else the oldest is.
    #[test]
    fn s1_22_functions_that_ask_again_come_first_and_then_the_oldest() {
        let queue = TierUpQueue::default();
        let states = UnitStates::new(5);
        let push = |n: u32, entry: Entry, is_repeated: bool| {
            queue.push(func(n), entry, is_repeated, 1);
        };
        for n in [3, 0, 4, 1] {
            assert!(states.request(func(n), Tier::Optimized));
            push(n, Entry::Call, false);
        }
        // The younger one is the first to ask again; a loop does not wait for functions that have asked once, and comes after those two.
        push(1, Entry::Call, true);
        push(4, Entry::Call, true);
        push(2, Entry::Loop(70), true);
        push(1, Entry::Call, true);
        let order: Vec<_> = std::iter::from_fn(|| queue.start_next(&states)).collect();
        let call = |n: u32| (func(n), Entry::Call);
        // Each once, however often it has asked.
        assert_eq!(order, [call(1), call(4), (func(2), Entry::Loop(70)), call(3), call(0)]);
    }

    /// A warm-up takes functions that are queued; what it has begun with is passed over.
    #[test]
    fn functions_that_are_compiled_already_are_passed_over() {
        let queue = TierUpQueue::default();
        let states = UnitStates::new(2);
        for n in 0..2 {
            assert!(states.request(func(n), Tier::Optimized));
            queue.push(func(n), Entry::Call, false, 1);
        }
        assert!(states.start(func(0)));
        assert_eq!(queue.start_next(&states), Some((func(1), Entry::Call)));
        assert_eq!(queue.start_next(&states), None);
    }

    /// As many tasks as there may be are posted, one for each request, and another when one has ended in either way.
    #[test]
    fn tasks_are_posted_while_there_may_be_more() {
        let queue = TierUpQueue::default();
        let states = UnitStates::new(8);
        let push = |n: u32| {
            assert!(states.request(func(n), Tier::Optimized));
            queue.push(func(n), Entry::Call, false, 2)
        };
        assert_eq!([push(0), push(1), push(2)], [true, true, false]);
        queue.task_gone();
        assert_eq!([push(3), push(4)], [true, false]);
        for n in 0..5 {
            assert_eq!(queue.start_next(&states), Some((func(n), Entry::Call)));
            assert!(!queue.push(func(n), Entry::Call, true, 2), "tasks that find something go on");
            assert_eq!(queue.pop(), Some((func(n), Entry::Call)), "more urgent than the others");
        }
        assert_eq!(queue.start_next(&states), None);
        assert_eq!([push(5), push(6)], [true, false]);
    }
}
