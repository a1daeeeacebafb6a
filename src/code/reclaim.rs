//! Freeing code that better code has replaced.
//!
//! *Problem.* A thread may be inside of old code, or return to it, long after its slot leads elsewhere. *Idea.* Whoever runs code of a space
//! (an isolate, with all its stacks) is a reporter. From time to time, on its own thread and while it is in Rust, it reports the code
//! addresses on its stacks. Old code is freed when every reporter that was there when the code was replaced has reported since, and
//! its latest report did not show the code.
//!
//! *Why that is enough.* Replaced code is in no slot; a thread gets an entry address from a slot only, uses it at once, and keeps none
//! across a call (invariant of [`code`](crate::code)). So a reporter whose stacks do not show the code after the replacement cannot
//! come into it again, and a reporter that came later never could. The lock of the lists orders the two: the slot is changed before
//! the code is listed as retired, and a report is made behind the same lock.
//!
//! *Epochs.* Each batch of retired code has a number; a reporter remembers the number at its last report. Code is free when all reporters
//! have reached its number and none has shown it since.
//!
//! **Invariants:** nothing is freed except by [`CodeSpace::report`] and [`CodeSpace::remove_reporter`]: who takes no part in the protocol
//! keeps all code. Lock order: `installing` before the lists; a report takes one after the other, never both. Code that a forked
//! child may run is retired but its bytes are not used again.

use std::ops::Range;

use smallvec::SmallVec;

use crate::abi::artifact::Tier;
use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering;
use crate::code::bell::ReportBell;
use crate::code::free::FreeRanges;
use crate::code::metadata::FunctionMetadata;
use crate::code::space::CodeSpace;

/// Knows which code is on a set of stacks: declared here, implemented by whoever owns stacks.
pub trait LiveCode {
    /// Calls `visit` with every code address that is on the stacks: interrupted instructions and return addresses. Addresses of
    /// other code do no harm.
    fn visit_pcs(&self, visit: &mut dyn FnMut(usize));
}

/// One who runs code of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReporterId(u64);

/// Reporters, retired code and free ranges of a space.
#[derive(Debug, Default)]
pub(in crate::code) struct Reclaim {
    epoch: u64,
    next_reporter: u64,
    reporters: Vec<Reporter>,
    retired: Vec<Retired>,
    pub free: FreeRanges,
}

#[derive(Debug)]
struct Reporter {
    id: ReporterId,
    /// The epoch that was current at the last report.
    epoch: u64,
    bell: Arc<ReportBell>,
}

/// Code that no slot leads to.
#[derive(Debug)]
pub(in crate::code) struct Retired {
    pub func: DefinedFuncIndex,
    /// Whether its frames may go on in loop versions.
    pub is_baseline: bool,
    entry_offset: u32,
    range: Range<u32>,
    epoch: u64,
    /// Who has shown it in their latest report.
    live_in: SmallVec<[ReporterId; 2]>,
}

impl Retired {
    /// Code that was just replaced.
    pub fn new(metadata: &FunctionMetadata) -> Self {
        Retired {
            func: metadata.func,
            is_baseline: metadata.tier == Tier::Baseline,
            entry_offset: metadata.entry_offset,
            range: metadata.range.clone(),
            epoch: 0,
            live_in: SmallVec::new(),
        }
    }

    /// Bytes that it occupies.
    pub fn range_bytes(&self) -> usize {
        self.range.len()
    }
}

impl Reclaim {
    /// Lists code as retired, after its slots were changed.
    pub fn retire(&mut self, batch: impl IntoIterator<Item = Retired>) {
        self.epoch += 1;
        let epoch = self.epoch;
        self.retired.extend(batch.into_iter().map(|retired| Retired { epoch, ..retired }));
        self.reporters.iter().for_each(|reporter| reporter.bell.ring());
    }

    fn note_report(&mut self, reporter: ReporterId, live_offsets: &[usize]) {
        let epoch = self.epoch;
        let entry = self.reporters.iter_mut().find(|entry| entry.id == reporter);
        let entry = entry.expect("a reporter reports before it is removed");
        entry.epoch = epoch;
        for retired in &mut self.retired {
            retired.live_in.retain(|id| *id != reporter);
            // A return address may be the end of the code; the range begins with the header, so the next function's is another.
            let range = retired.entry_offset as usize..retired.range.end as usize + 1;
            let first = live_offsets.partition_point(|&offset| offset < range.start);
            if live_offsets.get(first).is_some_and(|offset| range.contains(offset)) {
                retired.live_in.push(reporter);
                entry.bell.owe();
            }
        }
    }

    fn take_dead(&mut self) -> Vec<Retired> {
        let reached = self.reporters.iter().map(|reporter| reporter.epoch).min().unwrap_or(u64::MAX);
        self.retired.extract_if(.., |retired| retired.epoch <= reached && retired.live_in.is_empty()).collect()
    }
}

impl CodeSpace {
    /// Someone will run code of this space. Called before that. The bell rings when a report may free something.
    pub fn add_reporter(&self, bell: Arc<ReportBell>) -> ReporterId {
        let mut lists = self.reclaim.lock();
        let id = ReporterId(lists.next_reporter);
        lists.next_reporter += 1;
        let epoch = lists.epoch;
        lists.reporters.push(Reporter { id, epoch, bell });
        id
    }

    /// A reporter runs no code of this space any more: none is on its stacks.
    pub fn remove_reporter(&self, reporter: ReporterId) {
        let dead = {
            let mut lists = self.reclaim.lock();
            lists.reporters.retain(|entry| entry.id != reporter);
            for retired in &mut lists.retired {
                retired.live_in.retain(|id| *id != reporter);
            }
            lists.take_dead()
        };
        self.free(&dead);
    }

    /// A reporter says which code is on all its stacks, and old code that is on none is freed. Called on the thread that owns the
    /// stacks, or while they stand still. Returns the bytes freed.
    pub fn report(&self, reporter: ReporterId, live: &dyn LiveCode) -> usize {
        let exec = self.view().exec();
        let mut live_offsets = Vec::new();
        live.visit_pcs(&mut |pc| {
            // The end included: it is the return address of a call at the very end.
            if (exec.start..=exec.end).contains(&pc) {
                live_offsets.push(pc - exec.start);
            }
        });
        live_offsets.sort_unstable();
        let dead = {
            let mut lists = self.reclaim.lock();
            lists.note_report(reporter, &live_offsets);
            lists.take_dead()
        };
        self.free(&dead)
    }

    /// Bytes of code that is replaced and not yet freed: whether a report is worth its time.
    pub fn retired_bytes(&self) -> usize {
        self.retired_bytes.load(Ordering::Relaxed) // a statistic: orders nothing
    }

    /// Frees code that is in no slot and on no stack.
    fn free(&self, dead: &[Retired]) -> usize {
        if dead.is_empty() {
            return 0;
        }
        let bytes = dead.iter().map(|retired| retired.range.len()).sum();
        // Nobody comes to them any more, but some may still run: they wait for the next reports.
        let orphans = self.orphans(dead);
        {
            // A publication that looks at the header of code it is about to replace holds the other side of this lock.
            let _alone = self.installing.write();
            for retired in dead {
                // SAFETY: the code was published, is in no slot and on no stack, and no publication is under way.
                unsafe { self.free_function(retired.entry_offset) };
            }
        }
        self.retired_bytes.fetch_sub(bytes, Ordering::Relaxed); // a statistic: orders nothing
        if self.exec().may_rewrite() {
            for retired in dead {
                self.erase(&retired.range);
            }
            self.give_back(dead.iter().map(|retired| retired.range.clone()));
        }
        self.retire(orphans);
        tracing::debug!(target: crate::base::trace::PUBLISH, bytes, functions = dead.len(), "old code freed");
        bytes
    }
}
