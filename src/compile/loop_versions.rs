//! Loop versions: code in which a loop goes on that runs in baseline code ([`abi::osr`](crate::abi::osr)).
//!
//! *Problem.* A loop that runs for long does not come by the dispatch slot, where better code is. *Idea.* A loop asks when its function's budget is
//! used up, as calls do. If better code of the function has been there for a whole budget, this frame does not end soon: the loop that asks gets a
//! version. Until it comes by, all loops of the function ask with each iteration; if it does not for a long time, it was left for good, and
//! the one that asks then gets one, too. The same if none could be made for it.
//!
//! Each version costs as much as the function, so that a function has at most [`LOOP_VERSIONS_MAX`]: most need one, since the
//! rest of the function runs in it as well.
//!
//! **Invariant:** a version is asked for once; what was refused is not asked for again.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{CodeVariant, Entry};
use crate::base::DefinedFuncIndex;
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::trace;
use crate::base::tuning::{LOOP_AWAITED, LOOP_VERSIONS_MAX};
use crate::code::CodeSpace;
use crate::code::loops::LoopCode;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::observer::TierEventKind;
use crate::compile::tier_up;

/// The loops that versions were asked for, and how many there are.
#[derive(Debug)]
pub(super) struct LoopVersions {
    functions: RankedMutex<HashMap<DefinedFuncIndex, Loops>>,
    /// How many versions there are.
    pub published: AtomicUsize,
    /// How often a loop went on in one.
    pub entered: AtomicUsize,
}

/// Those of one function.
#[derive(Debug, Default)]
struct Loops {
    /// Versions were asked for.
    asked: Vec<u32>,
    /// Of those, the ones that nothing came of.
    refused: Vec<u32>,
    /// How often other loops have asked since the last of them was there.
    count: u32,
}

/// What is to be done about a loop that has asked and has no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It gets one.
    Make,
    /// It and others ask again with their next iterations.
    Watch,
    /// One is on its way, or none is to be had: until the budget is used up again.
    Rest,
}

impl Default for LoopVersions {
    fn default() -> Self {
        LoopVersions {
            functions: RankedMutex::new(Rank::Slot, HashMap::new()),
            published: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
        }
    }
}

impl LoopVersions {
    /// A loop has asked that has no version. `is_there` says whether one is that was asked for.
    fn step(&self, func: DefinedFuncIndex, wasm_offset: u32, is_there: impl Fn(u32) -> bool) -> Step {
        let mut functions = self.functions.lock();
        let loops = functions.entry(func).or_default();
        if loops.asked.iter().any(|&asked| is_there(asked)) {
            if loops.count < LOOP_AWAITED {
                loops.count += 1;
                return Step::Watch;
            }
        } else if loops.asked.len() > loops.refused.len() {
            return Step::Rest;
        }
        if loops.asked.len() >= LOOP_VERSIONS_MAX || loops.asked.contains(&wasm_offset) {
            return Step::Rest;
        }
        loops.asked.push(wasm_offset);
        loops.count = 0;
        Step::Make
    }

    /// True for the first who asks for a version.
    fn ask(&self, func: DefinedFuncIndex, wasm_offset: u32) -> bool {
        let mut functions = self.functions.lock();
        let asked = &mut functions.entry(func).or_default().asked;
        let is_new = !asked.contains(&wasm_offset);
        if is_new {
            asked.push(wasm_offset);
        }
        is_new
    }

    /// A version was compiled and published, or not.
    pub(super) fn settle(&self, func: DefinedFuncIndex, wasm_offset: u32, is_published: bool) {
        if is_published {
            // Relaxed: a figure.
            self.published.fetch_add(1, Ordering::Relaxed);
        } else {
            self.functions.lock().entry(func).or_default().refused.push(wasm_offset);
        }
    }
}

impl Module {
    /// A loop has used its function's budget up. Gives the version that it shall go on in, if there is one.
    pub(crate) fn poll_loop(&self, variant: CodeVariant, func: DefinedFuncIndex, wasm_offset: u32) -> Option<LoopCode> {
        let code = self.native().variant(variant)?;
        let (job, space) = (&code.job, code.space.as_ref()?);
        let entry = Entry::Loop(wasm_offset);
        job.tell(func, entry, TierEventKind::Asked);
        let function = job.env.module.func_index(func).index();
        // Loops ask in bursts.
        tracing::trace!(target: trace::COMPILE, function, wasm_offset, "a loop asks for better code");
        let config = self.engine().config();
        if let Some(choice) = config.tier_choice() {
            let is_chosen = choice.choose(&job.tier_event(func, entry, TierEventKind::Asked));
            return if is_chosen { self.make_loop_version(job, space, func, wasm_offset) } else { None };
        }
        let present = space.loop_code(func, wasm_offset);
        if present.is_some() {
            return present;
        }
        let is_old = job.states.reached(func) >= job.shared.best_tier() as u8;
        self.ask_for_better(job, space, func);
        if !is_old || !config.loop_versions() || job.is_over_budget() {
            return None;
        }
        match job.loops.step(func, wasm_offset, |asked| space.loop_code(func, asked).is_some()) {
            Step::Make if self.compiles_itself() => {
                job.compile_better(self.native(), space, (func, Entry::Loop(wasm_offset)));
                return space.loop_code(func, wasm_offset);
            }
            Step::Make => self.queue_better(job, (func, Entry::Loop(wasm_offset)), true),
            Step::Watch => tier_up::ask_at_once(space, func),
            Step::Rest => {}
        }
        None
    }

    fn make_loop_version(
        &self,
        job: &Arc<CompileJob>,
        space: &CodeSpace,
        func: DefinedFuncIndex,
        wasm_offset: u32,
    ) -> Option<LoopCode> {
        if job.loops.ask(func, wasm_offset) {
            job.compile_better(self.native(), space, (func, Entry::Loop(wasm_offset)));
        }
        space.loop_code(func, wasm_offset)
    }

    /// A loop goes on in its version.
    pub(crate) fn entered_loop(&self, variant: CodeVariant, func: DefinedFuncIndex, wasm_offset: u32) {
        if let Some(code) = self.native().variant(variant) {
            // Relaxed: a figure.
            code.job.loops.entered.fetch_add(1, Ordering::Relaxed);
            code.job.tell(func, Entry::Loop(wasm_offset), TierEventKind::Entered);
            let function = code.job.env.module.func_index(func).index();
            tracing::debug!(target: trace::COMPILE, function, wasm_offset, "a loop goes on in optimized code");
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    fn func() -> DefinedFuncIndex {
        DefinedFuncIndex::from_u32(7)
    }

    fn step(versions: &LoopVersions, loop_: u32, there: &[u32]) -> Step {
        versions.step(func(), loop_, |asked| there.contains(&asked))
    }

    /// Other loops watch for the version that is there until it is clear that it was left; returns what the last of them is told.
    fn wait(versions: &LoopVersions, loop_: u32, there: &[u32]) -> Step {
        for _ in 0..LOOP_AWAITED {
            assert_eq!(step(versions, loop_, there), Step::Watch);
        }
        step(versions, loop_, there)
    }

    #[test]
    fn a_function_has_few_versions_and_one_at_a_time() {
        let versions = LoopVersions::default();
        assert_eq!(step(&versions, 10, &[]), Step::Make);
        assert_eq!(step(&versions, 20, &[]), Step::Rest, "one is on its way");
        versions.settle(func(), 10, true);
        let mut there = vec![10];
        for next in 2..=LOOP_VERSIONS_MAX as u32 {
            assert_eq!(wait(&versions, 10 * next, &there), Step::Make);
            versions.settle(func(), 10 * next, true);
            there.push(10 * next);
        }
        assert_eq!(wait(&versions, 1_000, &there), Step::Rest, "as many as a function may have");
        // Relaxed: nobody else is there.
        assert_eq!(versions.published.load(Ordering::Relaxed), LOOP_VERSIONS_MAX);
    }

    #[test]
    fn what_was_refused_is_not_asked_for_again_and_is_in_nobodys_way() {
        let versions = LoopVersions::default();
        assert_eq!(step(&versions, 10, &[]), Step::Make);
        versions.settle(func(), 10, false);
        assert_eq!(step(&versions, 10, &[]), Step::Rest);
        assert_eq!(step(&versions, 20, &[]), Step::Make, "another loop of the function");
        versions.settle(func(), 20, true);
        assert_eq!(wait(&versions, 10, &[20]), Step::Rest, "refused still");
        assert_eq!(step(&versions, 30, &[20]), Step::Make);
        assert!(!versions.ask(func(), 10) && versions.ask(func(), 40));
    }
}
