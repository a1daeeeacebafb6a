//! The scheduler without threads: the same queues and policies, in virtual time, for any number of workers.
//!
//! Problem: how a policy scales to 64 workers cannot be seen on a machine with two processors, and a run with threads is never
//! the same twice.
//!
//! Idea: units become times that were recorded ([`UnitRecord`]), workers become state machines, and an event queue replaces the
//! clock. What is simulated is only time: the units come out of the real [`UnitSource`] (cursor, chunks, stealing), and batches end
//! when the real [`FlushPolicy`] says so. One seed decides every tie and each worker's start, so that a run can be repeated.
//!
//! ```text
//!          ask            has it: fetch    its end: count
//!  start ------> waiting ------> in scope ---------------> compiling ---> (batch due, or nothing fetched) --+
//!                   ^                            | nothing left               | else: next fetched unit     |
//!                   |                            v                            +--> compiling                |
//!                   |                           end                                                         |
//!                   +---------------------------------------------------------------------------------------+
//! ```
//!
//! The cost of a scope is a model: so much to open it, so much per function and per byte to publish.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{CodeVariant, Tier};
use crate::compile::cursor::EagerOrder;
use crate::compile::policy::{FlushPolicy, Pending};
use crate::compile::queue::{Appetite, LocalQueue, UnitSource};
use crate::compile::stats::{ScopeTimes, UnitRecord};
use crate::compile::unit::Unit;
use crate::wasm::bodies::Bodies;

/// What publishing costs.
#[derive(Debug, Clone, Copy)]
pub struct PublishCost {
    /// To open and close a scope, and fetch.
    pub per_scope: Duration,
    /// For each function.
    pub per_function: Duration,
    /// For each KiB of machine code.
    pub per_kib: Duration,
}

/// Which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// Scopes share, as readers.
    Shared,
    /// Scopes exclude each other (S1-15, and the feature `mutex-token`).
    Exclusive,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Scenario<'u> {
    /// The units, by function index.
    pub units: &'u [UnitRecord],
    /// How many workers.
    pub worker_count: usize,
    /// Decides ties and when each worker starts.
    pub seed: u64,
    /// Workers start at random within this time.
    pub start_spread: Duration,
    /// Which token.
    pub scopes: ScopeKind,
    /// What publishing costs.
    pub cost: PublishCost,
    /// When the owner drops the module, if it does.
    pub cancel_at: Option<Duration>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// When the last batch was published, or the last worker stopped.
    pub total: Duration,
    /// Units compiled.
    pub compiled: usize,
    /// Units published.
    pub published: usize,
    /// Time spent compiling, all workers together.
    pub compiling: Duration,
    /// How scopes were waited for and held.
    pub scopes: ScopeTimes,
    /// How long the owner's drop waited, when there was one in time.
    pub cancel_wait: Option<Duration>,
}

impl Report {
    /// How many workers' worth of compiling was got out of the time.
    pub fn speed_up(&self) -> f64 {
        if self.total.is_zero() { 1.0 } else { self.compiling.as_secs_f64() / self.total.as_secs_f64() }
    }
}

/// Runs a scenario to its end.
pub fn simulate(scenario: &Scenario<'_>) -> Report {
    let bodies: Bodies = scenario.units.iter().map(|unit| 0..u32::try_from(unit.body_bytes).unwrap_or(u32::MAX)).collect();
    let source = UnitSource::eager(EagerOrder::new(&bodies), Tier::Optimized, CodeVariant::Guarded, scenario.worker_count);
    Simulation::new(scenario, &source).run()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Asks for a scope, to publish its batch and to fetch.
    Ask,
    /// The scope ends.
    Leave,
    /// The unit is compiled.
    Compiled,
}

struct VirtualWorker<'s> {
    local: LocalQueue<'s>,
    policy: FlushPolicy,
    /// Fetched, and to be compiled after the scope.
    next: Option<Unit>,
    /// Whether its batch is due.
    is_due: bool,
    /// How much its present scope publishes.
    publishes: Pending,
    pending: Pending,
    batch_begun: Duration,
    /// Since when it has had, or has been waiting for, its present scope.
    scope_begun: Duration,
}

struct Simulation<'s> {
    scenario: &'s Scenario<'s>,
    workers: Vec<VirtualWorker<'s>>,
    /// Time, tie-breaker, worker, event; earliest first.
    events: BinaryHeap<Reverse<(Duration, u64, usize, Event)>>,
    random: u64,
    /// Until when an exclusive token is taken.
    taken_until: Duration,
    report: Report,
}

impl<'s> Simulation<'s> {
    fn new(scenario: &'s Scenario<'s>, source: &'s UnitSource) -> Self {
        let worker_count = scenario.worker_count;
        let workers = (0..worker_count)
            .filter_map(|slot| {
                Some(VirtualWorker {
                    local: source.occupy(slot, Appetite::All)?,
                    policy: FlushPolicy::for_slot(scenario.units.len(), worker_count, slot),
                    next: None,
                    is_due: false,
                    publishes: Pending::default(),
                    pending: Pending::default(),
                    batch_begun: Duration::ZERO,
                    scope_begun: Duration::ZERO,
                })
            })
            .collect();
        let mut simulation = Simulation {
            scenario,
            workers,
            events: BinaryHeap::new(),
            random: scenario.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            taken_until: Duration::ZERO,
            report: Report::default(),
        };
        for worker in 0..worker_count {
            let share = (simulation.next_random() >> 40) as u32;
            let start = scenario.start_spread.mul_f64(f64::from(share) / f64::from(1 << 24));
            simulation.schedule(start, worker, Event::Ask);
        }
        simulation
    }

    fn run(mut self) -> Report {
        while let Some(Reverse((now, _, worker, event))) = self.events.pop() {
            match event {
                Event::Ask => self.ask(now, worker),
                Event::Leave => self.leave(now, worker),
                Event::Compiled => self.compiled(now, worker),
            }
        }
        self.report
    }

    fn is_cancelled(&self, now: Duration) -> bool {
        self.scenario.cancel_at.is_some_and(|cancel| now >= cancel)
    }

    fn ask(&mut self, now: Duration, index: usize) {
        let begins = match self.scenario.scopes {
            ScopeKind::Shared => now,
            ScopeKind::Exclusive => now.max(self.taken_until),
        };
        if self.is_cancelled(begins) {
            self.report.total = self.report.total.max(now);
            return;
        }
        let cost = &self.scenario.cost;
        let worker = &mut self.workers[index];
        worker.next = worker.next.take().or_else(|| worker.local.fetch());
        if worker.is_due || worker.next.is_none() {
            worker.publishes = std::mem::take(&mut worker.pending);
        }
        let count = u32::try_from(worker.publishes.count).unwrap_or(u32::MAX);
        let bytes = cost.per_kib.mul_f64(worker.publishes.bytes as f64 / 1024.0);
        let hold = cost.per_scope + cost.per_function * count + bytes;
        worker.scope_begun = begins;
        self.taken_until = begins + hold;
        self.report.scopes.wait.add(begins - now);
        self.report.scopes.hold.add(hold);
        self.schedule(begins + hold, index, Event::Leave);
    }

    fn leave(&mut self, now: Duration, index: usize) {
        if let Some(cancel) = self.scenario.cancel_at
            && self.workers[index].scope_begun < cancel
            && now > cancel
        {
            let wait = self.report.cancel_wait.unwrap_or_default();
            self.report.cancel_wait = Some(wait.max(now - cancel));
        }
        let worker = &mut self.workers[index];
        self.report.published += std::mem::take(&mut worker.publishes).count;
        self.report.total = self.report.total.max(now);
        if let Some(unit) = worker.next.take() {
            self.begin(now, index, unit);
        }
    }

    fn begin(&mut self, now: Duration, index: usize, unit: Unit) {
        let record = self.scenario.units[unit.func.index()];
        let worker = &mut self.workers[index];
        let pending = worker.pending;
        worker.pending = Pending { count: pending.count + 1, bytes: pending.bytes + record.code_bytes };
        let done = now + record.cpu;
        if worker.pending.count == 1 {
            worker.batch_begun = done;
        }
        self.report.compiling += record.cpu;
        self.schedule(done, index, Event::Compiled);
    }

    fn compiled(&mut self, now: Duration, index: usize) {
        self.report.compiled += 1;
        let worker = &mut self.workers[index];
        worker.is_due = worker.policy.is_due(worker.pending, now - worker.batch_begun);
        match worker.local.pop_fetched() {
            Some(unit) if !worker.is_due => self.begin(now, index, unit),
            next => {
                worker.next = next;
                self.schedule(now, index, Event::Ask);
            }
        }
    }

    fn schedule(&mut self, time: Duration, worker: usize, event: Event) {
        let tie = self.next_random();
        self.events.push(Reverse((time, tie, worker, event)));
    }

    /// xorshift64.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::base::DefinedFuncIndex;

    /// Times like those of an optimizing tier: 100 µs and up, with a long tail.
    fn units(count: usize) -> Vec<UnitRecord> {
        let mut random = 7_u64;
        (0..count)
            .map(|n| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let tail = 1 + 200 / (1 + (random >> 33) as usize % 1_000);
                let body_bytes = 60 * tail + n % 50;
                let cpu = Duration::from_nanos(1_500) * u32::try_from(body_bytes).unwrap();
                UnitRecord { func: DefinedFuncIndex::new(n), body_bytes, code_bytes: 4 * body_bytes, cpu }
            })
            .collect()
    }

    fn scenario(units: &[UnitRecord], worker_count: usize) -> Scenario<'_> {
        Scenario {
            units,
            worker_count,
            seed: 1,
            start_spread: Duration::from_micros(50),
            scopes: ScopeKind::Shared,
            cost: PublishCost {
                per_scope: Duration::from_nanos(200),
                per_function: Duration::from_nanos(400),
                per_kib: Duration::from_nanos(500),
            },
            cancel_at: None,
        }
    }

    #[test]
    fn every_unit_once_at_any_width_and_the_same_twice() {
        let units = units(3_000);
        for workers in [1, 2, 3, 8, 16, 64] {
            let scenario = scenario(&units, workers);
            let report = simulate(&scenario);
            assert_eq!((report.compiled, report.published), (3_000, 3_000), "{workers} workers");
            assert_eq!(report, simulate(&scenario), "one seed, one run");
        }
        assert_ne!(simulate(&scenario(&units, 8)), simulate(&Scenario { seed: 2, ..scenario(&units, 8) }));
    }

    /// The targets of C3, as far as the scheduler is concerned.
    #[test]
    fn c3_the_scheduler_scales() {
        let units = units(10_000);
        for (workers, least) in [(2, 1.98), (4, 3.95), (8, 7.8), (16, 15.0), (64, 50.0)] {
            let report = simulate(&scenario(&units, workers));
            assert!(report.speed_up() >= least, "{workers} workers: {:.2}", report.speed_up());
            assert_eq!(report.scopes.wait.sum(), Duration::ZERO, "scopes share");
            let overhead = report.scopes.hold.sum().as_secs_f64() / report.compiling.as_secs_f64();
            assert!(overhead < 0.01, "{workers} workers: {overhead}");
        }
    }

    #[test]
    fn exclusive_scopes_are_waited_for() {
        let units = units(3_000);
        let exclusive = Scenario { scopes: ScopeKind::Exclusive, ..scenario(&units, 64) };
        let report = simulate(&exclusive);
        assert_eq!(report.published, 3_000);
        assert!(report.scopes.wait.sum() > Duration::ZERO);
    }

    /// Statement S1-32: a drop waits at most for one batch.
    #[test]
    fn s1_32_a_drop_in_mid_compile_waits_at_most_one_batch() {
        let units = units(3_000);
        let whole = simulate(&scenario(&units, 16));
        let mut waited = 0;
        for step in 1..200 {
            let cancel_at = Some(whole.total * step / 200);
            let report = simulate(&Scenario { cancel_at, seed: u64::from(step), ..scenario(&units, 16) });
            let wait = report.cancel_wait.unwrap_or_default();
            assert!(wait <= report.scopes.hold.max(), "{wait:?}");
            assert!(report.published < 3_000);
            waited += usize::from(!wait.is_zero());
        }
        assert!(waited > 0, "the test must see a wait");
    }
}
