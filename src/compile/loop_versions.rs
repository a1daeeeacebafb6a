//! Loop versions: code in which a loop goes on that runs in baseline code ([`abi::osr`](crate::abi::osr)).
//!
//! *Problem.* A loop that runs for long does not come by the dispatch slot, where better code is. *Idea.* A loop asks when its function's
//! budget is used up, as calls do. Twice in the same frame, or with better code of the function there, means that this loop is what takes the
//! time: then a version of the function for it is compiled, once, before anything that waits. When it asks again it is in it.
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
use crate::base::tuning::LOOP_VERSIONS_MAX;
use crate::code::CodeSpace;
use crate::code::loops::LoopCode;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::observer::TierEventKind;

/// The loops that versions were asked for, and what became of them.
#[derive(Debug)]
pub(super) struct LoopVersions {
    asked: RankedMutex<HashMap<DefinedFuncIndex, Vec<u32>>>,
    /// How many versions there are.
    pub published: AtomicUsize,
    /// How often a loop went on in one.
    pub entered: AtomicUsize,
}

impl Default for LoopVersions {
    fn default() -> Self {
        LoopVersions {
            asked: RankedMutex::new(Rank::Slot, HashMap::new()),
            published: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
        }
    }
}

impl LoopVersions {
    /// True for the first who asks for a version that the function may still have.
    fn ask(&self, func: DefinedFuncIndex, wasm_offset: u32, max: usize) -> bool {
        let mut asked = self.asked.lock();
        let asked = asked.entry(func).or_default();
        let may = asked.len() < max && !asked.contains(&wasm_offset);
        if may {
            asked.push(wasm_offset);
        }
        may
    }

    /// A version was compiled and published, or not.
    pub(super) fn settle(&self, is_published: bool) {
        if is_published {
            // Relaxed: a figure.
            self.published.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Module {
    /// A loop has used its function's budget up, in the frame that did so the last time or in another one. Gives the version that it
    /// shall go on in, if there is one.
    pub(crate) fn poll_loop(
        &self,
        variant: CodeVariant,
        func: DefinedFuncIndex,
        wasm_offset: u32,
        is_repeated: bool,
    ) -> Option<LoopCode> {
        let code = self.native().variant(variant)?;
        let (job, space) = (&code.job, code.space.as_ref()?);
        let entry = Entry::Loop(wasm_offset);
        job.tell(func, entry, TierEventKind::Asked);
        if let Some(choice) = self.engine().config().tier_choice() {
            let is_chosen = choice.choose(&job.tier_event(func, entry, TierEventKind::Asked));
            return if is_chosen { self.make_loop_version(job, space, func, wasm_offset) } else { None };
        }
        let present = space.loop_code(func, wasm_offset);
        if present.is_some() {
            return present;
        }
        let is_old = job.states.reached(func) >= job.shared.best_tier() as u8;
        self.ask_for_better(job, space, func);
        if !(is_old || is_repeated) || !self.engine().config().loop_versions() {
            return None;
        }
        if self.compiles_itself() {
            return self.make_loop_version(job, space, func, wasm_offset);
        }
        if job.loops.ask(func, wasm_offset, LOOP_VERSIONS_MAX) {
            self.queue_better(job, (func, entry), true);
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
        let is_chosen = self.engine().config().tier_choice().is_some();
        let max = if is_chosen { usize::MAX } else { LOOP_VERSIONS_MAX };
        if job.loops.ask(func, wasm_offset, max) {
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
