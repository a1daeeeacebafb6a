//! Loading ahead: what earlier processes have called is there before it is called again.
//!
//! *Problem.* A function that another process has left could be taken from the file at its first call; but that is a read, a hash and a
//! publication for each of thousands, on the thread that has better things to do. *Idea.* A background task goes through the records in the order of
//! their first calls and takes many at a time: one read, one publication, one announcement. The first batches are small, so that a program that is fast
//! finds its beginning, and later ones larger, since who calls a function of a batch waits for all of it.
//!
//! **Invariants:** a function of a batch is the task's alone from its claim until its code is there or it was given up; each record is
//! verified by itself, and one that is damaged is left to its first call, which compiles. The task owns the job and the file, never the module.

#![forbid(unsafe_code)]

use std::fmt;

use crate::abi::artifact::Tier;
use crate::base::sync::Arc;
use crate::base::{DefinedFuncIndex, trace, tuning};
use crate::cache::file::{CodeFile, RecordOrder};
use crate::cache::record::Record;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::native_module::NativeModule;
use crate::tasks::manager::{Outcome, Task, TaskPriority};

impl Module {
    /// Has functions that earlier processes have used loaded in the background, in the order of their first calls.
    pub(super) fn follow_file(&self) {
        let (engine, variant) = (self.engine(), self.engine().default_variant());
        let (Some(file), Some(code)) = (self.file(variant), self.native().variant(variant)) else { return };
        if self.compiles_itself() || file.wire_bytes().is_some() || file.record_bytes() > tuning::PRELOADED_BYTES_MAX {
            return;
        }
        let task = Preload {
            order: None,
            file: Arc::clone(file),
            job: Arc::clone(&code.job),
            tier: engine.shared().first_tier(),
            next: 0,
            batch_bytes: tuning::PRELOADED_BATCH_MIN,
        };
        // Nobody waits: what is not loaded ahead is loaded when it is called.
        let _ = engine.poster().post(TaskPriority::UserBlocking, Box::new(task));
    }
}

/// Loads the functions of a file.
struct Preload {
    job: Arc<CompileJob>,
    file: Arc<CodeFile>,
    /// Made by the task: the index is read for it.
    order: Option<RecordOrder>,
    /// Code of a lower one is no use.
    tier: Tier,
    /// Position of the next record.
    next: usize,
    batch_bytes: usize,
}

impl fmt::Debug for Preload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preload").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Preload {
    /// What is kept of the next functions that have no code yet. They are nobody's meanwhile: who calls one does not wait for the others.
    fn read_batch(&mut self, order: &RecordOrder) -> Vec<Record> {
        let positions = order.run_from(self.next, self.batch_bytes);
        self.next = positions.end;
        self.batch_bytes = (self.batch_bytes * 2).min(tuning::PRELOADED_BATCH_MAX);
        let run = match self.file.read_run(order, positions.clone()) {
            Ok(run) => run,
            Err(rejected) => {
                // Who calls one of them looks again.
                tracing::warn!(target: trace::CACHE, %rejected, "not loaded ahead");
                return Vec::new();
            }
        };
        let is_wanted = |(func, tier): (DefinedFuncIndex, Tier)| tier >= self.tier && self.job.states.reached(func) == 0;
        let record = |position: usize| {
            let (func, _) = order.func(positions.start + position).filter(|&kept| is_wanted(kept))?;
            self.job.sound(func, &self.file, self.file.record_of(&run, position))
        };
        (0..positions.len()).filter_map(record).collect()
    }

    /// The order of records, read once.
    fn take_order(&mut self) -> Option<RecordOrder> {
        self.order.take().or_else(|| match self.file.in_order() {
            Ok(order) => Some(order),
            Err(rejected) => {
                tracing::warn!(target: trace::CACHE, %rejected, "compiled again");
                self.job.note_damage(&self.file);
                None
            }
        })
    }
}

impl CompileJob {
    /// Publishes what was read, unless somebody else has come first.
    fn settle_batch(&self, native: &NativeModule, tier: Tier, mut records: Vec<Record>) {
        records.retain(|record| self.claim_kept(record.artifact.func, tier));
        let claimed: Vec<(DefinedFuncIndex, Tier)> =
            records.iter().map(|record| (record.artifact.func, record.artifact.tier)).collect();
        let published = self.publish_records(native, records);
        for (func, tier) in claimed {
            if published.is_ok() { self.states.finish_in(func, tier) } else { self.states.give_up(func) }
        }
        self.parking.announce();
        if let Err(error) = published {
            // One of them makes no sense, or there is no room: who calls one finds out.
            tracing::warn!(target: trace::CACHE, %error, "not loaded ahead");
        }
    }
}

impl Task for Preload {
    fn run(&mut self) -> Outcome {
        let timing = &self.job.shared.timing;
        let deadline = timing.clock.now() + timing.slice;
        let Some(order) = self.take_order() else { return Outcome::Done };
        while self.next < order.count() && !self.job.token.stop_requested() {
            let records = self.read_batch(&order);
            if records.is_empty() {
                continue;
            }
            let Some(scope) = self.job.token.enter() else { return Outcome::Done };
            self.job.settle_batch(scope.native_module(), self.tier, records);
            drop(scope);
            if self.job.shared.timing.clock.now() >= deadline {
                self.order = Some(order);
                return Outcome::Again;
            }
        }
        Outcome::Done
    }
}
