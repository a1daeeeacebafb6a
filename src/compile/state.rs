//! One byte per function and variant: where the function is on its way to code.
//!
//! Problem: the same function is asked for by several parties (a call to code that is not there yet, a counter that ran over, a
//! variant on demand), but must be compiled once; and a unit that was given up must be asked for again some day.
//!
//! Idea: whoever moves the byte from idle or done to queued puts the unit into a queue; nobody else does. The byte also holds
//! the tier that was asked for and the one that was reached.
//!
//! ```text
//!             request(t), r < t            start                    finish
//!  Idle ------------------> Queued(t, r) -------> Compiling(t, r) ---------> Done(max(t, r))
//!   ^                        ^    ^                |      |                    |  |
//!   |                        |    +-- give_back ---+      |                    |  |
//!   |                        +---- request(t), r < t -----|--------------------+  |
//!   +------------------------------- give_up, r = none ---+                       |
//!   |                                       give_up, r = some: Done(r)            |
//!   |                                       refuse, r = some: Done(r), t refused  |
//!   +------------------------------- reopen(r) -----------------------------------+
//! ```
//!
//! **Invariants:** between a successful `request` and the next `finish`, `give_up` there is one unit of the function, in one queue
//! or with one worker; `start` succeeds once for it. Model: `tests/loom/state.rs`.

#![forbid(unsafe_code)]

use cranelift_entity::EntityRef;

use crate::abi::artifact::Tier;
use crate::base::DefinedFuncIndex;
use crate::base::sync::model::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const COMPILING: u8 = 2;
const DONE: u8 = 3;
const PHASE_MASK: u8 = 3;
const WANTED_SHIFT: u32 = 2;
const REACHED_SHIFT: u32 = 4;
const TIER_MASK: u8 = 3;

/// Where a function is on its way to code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPhase {
    /// Nobody asked for it, or what was asked for was given up.
    Idle,
    /// A unit for it is in a queue.
    Queued,
    /// A worker has its unit.
    Compiling,
    /// It has code.
    Done,
}

/// The state bytes of one variant of one module.
#[derive(Debug)]
pub struct UnitStates(Box<[AtomicU8]>);

impl UnitStates {
    /// All idle.
    pub fn new(func_count: usize) -> Self {
        UnitStates((0..func_count).map(|_| AtomicU8::new(IDLE)).collect())
    }

    /// All queued for a tier, as by a successful [`request`](Self::request) for each.
    pub fn all_queued(func_count: usize, tier: Tier) -> Self {
        let state = QUEUED | (tier as u8) << WANTED_SHIFT;
        UnitStates((0..func_count).map(|_| AtomicU8::new(state)).collect())
    }

    /// Where a function is.
    pub fn phase(&self, func: DefinedFuncIndex) -> UnitPhase {
        // Acquire: partner of the release in `step` by `finish`: who sees `Done` sees what was published before.
        match self.0[func.index()].load(Ordering::Acquire) & PHASE_MASK {
            IDLE => UnitPhase::Idle,
            QUEUED => UnitPhase::Queued,
            COMPILING => UnitPhase::Compiling,
            _ => UnitPhase::Done,
        }
    }

    /// The tier that a function's code has, by number; 0 for none.
    pub fn reached(&self, func: DefinedFuncIndex) -> u8 {
        // Acquire: as in `phase`.
        reached(self.0[func.index()].load(Ordering::Acquire))
    }

    /// Whether a function has code of a tier, or was asked for in it and not given up.
    pub fn is_wanted(&self, func: DefinedFuncIndex, tier: Tier) -> bool {
        // Relaxed: a hint.
        let state = self.0[func.index()].load(Ordering::Relaxed);
        let is_on_its_way = matches!(state & PHASE_MASK, QUEUED | COMPILING) && wanted(state) >= tier as u8;
        is_on_its_way || reached(state) >= tier as u8
    }

    /// Whether a function that has code was [refused](Self::refuse) a tier.
    pub fn is_refused(&self, func: DefinedFuncIndex, tier: Tier) -> bool {
        // Relaxed: a hint.
        let state = self.0[func.index()].load(Ordering::Relaxed);
        state & PHASE_MASK == DONE && wanted(state) >= tier as u8
    }

    /// Asks for a function in a tier. True for the one who must now queue its unit; false when it has that tier or was refused it, or is
    /// on its way to any.
    #[must_use]
    pub fn request(&self, func: DefinedFuncIndex, tier: Tier) -> bool {
        self.step(func, |state| {
            let resting = matches!(state & PHASE_MASK, IDLE | DONE);
            // At rest a tier is wanted that was refused, or none.
            (resting && reached(state).max(wanted(state)) < tier as u8)
                .then_some(QUEUED | (tier as u8) << WANTED_SHIFT | reached(state) << REACHED_SHIFT)
        })
    }

    /// Begins a unit. True for the one who must compile it; false when it is a duplicate.
    #[must_use]
    pub fn start(&self, func: DefinedFuncIndex) -> bool {
        self.step(func, |state| (state & PHASE_MASK == QUEUED).then_some(state & !PHASE_MASK | COMPILING))
    }

    /// The unit's code was published.
    pub fn finish(&self, func: DefinedFuncIndex) {
        let done = self.step(func, |state| {
            let tier = reached(state).max(wanted(state));
            (state & PHASE_MASK == COMPILING).then_some(DONE | tier << REACHED_SHIFT)
        });
        debug_assert!(done, "finish without start");
    }

    /// The unit's code was published, and it is of another tier than the one that was asked for, or a better one.
    pub fn finish_in(&self, func: DefinedFuncIndex, tier: Tier) {
        let done = self.step(func, |state| {
            let tier = reached(state).max(tier as u8);
            (state & PHASE_MASK == COMPILING).then_some(DONE | tier << REACHED_SHIFT)
        });
        debug_assert!(done, "finish without start");
    }

    /// The unit was not finished and goes back into a queue.
    pub fn give_back(&self, func: DefinedFuncIndex) {
        let done = self.step(func, |state| (state & PHASE_MASK == COMPILING).then_some(state & !PHASE_MASK | QUEUED));
        debug_assert!(done, "give_back without start");
    }

    /// The unit gave no code, and the function stays in its present tier.
    pub fn give_up(&self, func: DefinedFuncIndex) {
        let done = self.step(func, |state| {
            let phase = if reached(state) == 0 { IDLE } else { DONE };
            (state & PHASE_MASK == COMPILING).then_some(phase | reached(state) << REACHED_SHIFT)
        });
        debug_assert!(done, "give_up without start");
    }

    /// The unit gave no code, and no other will: the function stays in its present tier, and is not asked for again in this one. One that
    /// has no code is as if [given up](Self::give_up).
    pub fn refuse(&self, func: DefinedFuncIndex) {
        let done = self.step(func, |state| {
            let rest = if reached(state) == 0 { IDLE } else { DONE | wanted(state) << WANTED_SHIFT };
            (state & PHASE_MASK == COMPILING).then_some(rest | reached(state) << REACHED_SHIFT)
        });
        debug_assert!(done, "refuse without start");
    }

    /// The function's code of this tier was thrown away; it may be asked for again. False when it has another state by now.
    pub fn reopen(&self, func: DefinedFuncIndex, tier: Tier, left: Option<Tier>) -> bool {
        let left = left.map_or(0, |tier| tier as u8);
        self.step(func, |state| {
            let phase = if left == 0 { IDLE } else { DONE };
            (state & PHASE_MASK == DONE && reached(state) == tier as u8).then_some(phase | left << REACHED_SHIFT)
        })
    }

    /// AcqRel: a step that takes the function over (`request`, `start`) sees what the step that let go of it (`finish`,
    /// `give_back`, `give_up`, `refuse`) left behind; each is the other's partner.
    fn step(&self, func: DefinedFuncIndex, next: impl Fn(u8) -> Option<u8>) -> bool {
        self.0[func.index()].fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }
}

fn wanted(state: u8) -> u8 {
    state >> WANTED_SHIFT & TIER_MASK
}

fn reached(state: u8) -> u8 {
    state >> REACHED_SHIFT & TIER_MASK
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    fn func(n: u32) -> DefinedFuncIndex {
        DefinedFuncIndex::from_u32(n)
    }

    #[test]
    fn life_of_a_function() {
        let f = func(1);
        let states = UnitStates::new(2);
        assert_eq!(states.phase(f), UnitPhase::Idle);
        assert!(!states.start(f), "nobody asked");
        assert!(states.request(f, Tier::Baseline));
        assert!(!states.request(f, Tier::Baseline), "one unit");
        assert!(!states.request(f, Tier::Optimized), "one unit");
        assert!(states.start(f));
        assert!(!states.start(f), "a duplicate");
        states.give_back(f);
        assert!(states.start(f));
        states.finish(f);
        assert_eq!((states.phase(f), states.reached(f)), (UnitPhase::Done, 1));
        assert!(!states.request(f, Tier::Baseline), "has it");
        assert!(states.request(f, Tier::Optimized));
        assert_eq!(states.reached(f), 1, "keeps its code meanwhile");
        assert!(states.start(f));
        states.give_up(f);
        assert_eq!((states.phase(f), states.reached(f)), (UnitPhase::Done, 1), "stays in its tier");
        assert!(states.request(f, Tier::Optimized) && states.start(f));
        states.finish(f);
        assert_eq!(states.reached(f), 2);
        assert!(!states.reopen(f, Tier::Baseline, None));
        assert!(states.reopen(f, Tier::Optimized, Some(Tier::Baseline)));
        assert_eq!((states.phase(f), states.reached(f)), (UnitPhase::Done, 1));
        assert!(states.request(f, Tier::Optimized));
        assert_eq!(states.phase(func(0)), UnitPhase::Idle);
    }

    #[test]
    fn a_tier_that_was_refused_is_not_asked_for_again() {
        let f = func(0);
        let states = UnitStates::new(1);
        assert!(states.request(f, Tier::Baseline) && states.start(f));
        states.finish(f);
        assert!(states.request(f, Tier::Optimized) && states.start(f));
        assert!(!states.is_refused(f, Tier::Optimized), "it is on its way");
        states.refuse(f);
        assert_eq!((states.phase(f), states.reached(f)), (UnitPhase::Done, 1), "keeps its code");
        assert!(states.is_refused(f, Tier::Optimized) && !states.is_wanted(f, Tier::Optimized));
        assert!(!states.request(f, Tier::Optimized));
        assert!(states.reopen(f, Tier::Baseline, None), "without code, all begins anew");
        assert!(states.request(f, Tier::Optimized) && states.start(f));
        states.refuse(f);
        assert_eq!((states.phase(f), states.is_refused(f, Tier::Optimized)), (UnitPhase::Idle, false), "nothing to stay in");
        assert!(states.request(f, Tier::Optimized));
    }

    #[test]
    fn code_that_was_kept_may_be_better_than_what_was_asked_for() {
        let states = UnitStates::new(2);
        for (f, tier, reached) in [(func(0), Tier::Optimized, 2), (func(1), Tier::Baseline, 1)] {
            assert!(states.request(f, Tier::Baseline) && states.start(f));
            states.finish_in(f, tier);
            assert_eq!((states.phase(f), states.reached(f)), (UnitPhase::Done, reached));
        }
        assert!(!states.request(func(0), Tier::Optimized) && states.request(func(1), Tier::Optimized));
    }

    #[test]
    fn given_up_before_any_code_is_idle_again() {
        let f = func(1);
        let states = UnitStates::all_queued(2, Tier::Optimized);
        assert_eq!(states.phase(f), UnitPhase::Queued);
        assert!(states.start(f));
        states.give_up(f);
        assert_eq!(states.phase(f), UnitPhase::Idle);
        assert!(states.request(f, Tier::Optimized));
    }
}
