//! Loop versions: code in which a loop goes on that runs in baseline code ([`abi::osr`](crate::abi::osr)).
//!
//! *Problem.* A loop that runs for long does not come by the dispatch slot, where better code is, and which of several loops around each other
//! is the one to leave by? *Idea.* A loop asks when its function's budget is used up, as calls do. If better code of the function has been there
//! for a whole budget, this frame does not end soon. From then on its iterations ask in bursts, further and further apart, until the outermost of
//! the loops around has asked as well, or for some thousand budgets; the outermost that has gets a version: entered there, the loops inside
//! have the shape that they have in the function's code, and it comes by soon. If it does not, the same begins anew, with the loops inside of it.
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
use crate::compile::tier_up;
use crate::wasm::loops;

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
    /// Loops that have asked in the present round.
    seen: Vec<u32>,
    /// How often loops have asked in the present burst.
    count: u32,
    /// Bursts of the present round.
    bursts: u32,
    /// The loop that ended a burst last, and those around it.
    around: (u32, Vec<u32>),
}

/// What is to be done about a loop that has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It and others ask again with their next iterations.
    Watch,
    /// A version is chosen.
    Choose,
    /// One is on its way, or none is to be had: until the budget is used up again.
    Rest,
}

/// How often loops ask in a burst.
const WATCHED: u32 = 128;
/// Bursts before a loop is chosen, if the outermost does not come by. The budget between them doubles.
const BURSTS: u32 = 10;
/// How often they ask after that for a version that is there, before another is chosen.
const AWAITED: u32 = 1024;

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
        loops.count += 1;
        match loops.count {
            0..WATCHED => {
                if !loops.seen.contains(&wasm_offset) {
                    loops.seen.push(wasm_offset);
                }
                Step::Watch
            }
            WATCHED if loops.asked.len() < LOOP_VERSIONS_MAX => Step::Choose,
            _ if !loops.asked.iter().any(|&asked| is_there(asked)) => Step::Rest,
            WATCHED..AWAITED => Step::Watch,
            _ => {
                if loops.asked.len() < LOOP_VERSIONS_MAX {
                    (loops.count, loops.bursts, loops.seen) = (0, 0, Vec::new());
                }
                Step::Rest
            }
        }
    }

    /// The end of a burst: gives the loop that gets a version, or after how many budgets the next burst begins.
    fn choose(&self, func: DefinedFuncIndex, wasm_offset: u32, around: impl FnOnce() -> Vec<u32>) -> Result<u32, u32> {
        let mut functions = self.functions.lock();
        let loops = functions.entry(func).or_default();
        if loops.around.0 != wasm_offset {
            loops.around = (wasm_offset, around());
        }
        let mut candidates = loops.around.1.iter().copied().filter(|at| !loops.asked.contains(at));
        let outermost = candidates.clone().next();
        let seen = candidates.find(|at| loops.seen.contains(at));
        if seen == outermost || loops.bursts == BURSTS {
            return Ok(seen.unwrap_or(wasm_offset));
        }
        loops.bursts += 1;
        loops.count = 0;
        Err(1 << loops.bursts)
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
    pub(super) fn settle(&self, is_published: bool) {
        if is_published {
            // Relaxed: a figure.
            self.published.fetch_add(1, Ordering::Relaxed);
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
        if !is_old || !config.loop_versions() {
            return None;
        }
        match job.loops.step(func, wasm_offset, |asked| space.loop_code(func, asked).is_some()) {
            Step::Watch => tier_up::ask_at_once(space, func),
            Step::Choose => return self.choose_loop(job, space, func, wasm_offset),
            Step::Rest => {}
        }
        None
    }

    /// Has a version compiled for the loop that asks, or for one around it.
    fn choose_loop(
        &self,
        job: &Arc<CompileJob>,
        space: &CodeSpace,
        func: DefinedFuncIndex,
        wasm_offset: u32,
    ) -> Option<LoopCode> {
        let around = || loops::around(&job.env.wire_bytes, &job.env.module, func, wasm_offset).unwrap_or_default();
        let chosen = match job.loops.choose(func, wasm_offset, around) {
            Ok(chosen) => chosen,
            Err(budgets) => {
                let calls = job.shared.tier_up_calls.saturating_mul(budgets);
                tier_up::refill(space, func, job.env.module.bodies[func].len(), calls);
                return None;
            }
        };
        if self.compiles_itself() {
            let made = self.make_loop_version(job, space, func, chosen);
            return made.filter(|_| chosen == wasm_offset);
        }
        if job.loops.ask(func, chosen) {
            self.queue_better(job, (func, Entry::Loop(chosen)), true);
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
