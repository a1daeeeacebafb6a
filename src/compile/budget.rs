//! How much memory and processor time compiling may take.
//!
//! *Memory*: units are admitted as long as what they are expected to take fits.
//!
//! Problem: a compiler's memory grows with the body, several units compile at once, and nobody can take memory away from a unit that runs.
//!
//! Idea: a unit's need is estimated from its body before it begins. Workers ask for admission, and those who find no room publish what
//! they have and wait, a little at a time, so that they notice a cancel, a stop or the end of their slice. A unit that is alone is always
//! admitted: a budget slows compilation down and never fails it. Where the program [counts](crate::platform::counting) what it allocates,
//! each unit tells what it took at most, and estimates that turn out too small are larger from then on. A part of the budget is set apart for
//! memory that threads keep from one unit to the next; larger memory is given back at once.
//!
//! **Invariants:** the estimates of all units that run, and the memory that is kept, do not exceed the limit together, unless there is one unit.
//! What was admitted is given back when the unit ends, however it does.
//!
//! *Processor time* is counted when a unit ends: a budget is spent when what has ended has taken so long, and what runs then is finished. What
//! is spent does not come back.

#![forbid(unsafe_code)]

use std::time::Duration;

use crate::abi::artifact::Tier;
use crate::base::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::base::sync::{Condvar, Mutex};
use crate::base::tuning;

/// How long a worker waits for room before it looks around.
const WAIT: Duration = Duration::from_millis(2);

/// The budget of an engine: all its modules together.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    /// `None`: no bound, and nothing is counted.
    limit_bytes: Option<usize>,
    used_bytes: Mutex<usize>,
    freed: Condvar,
}

/// Room for one unit.
#[derive(Debug)]
#[must_use]
pub(super) struct Admitted<'b> {
    budget: &'b MemoryBudget,
    bytes: usize,
}

/// Processor time that compiling may take, of a module or of an engine.
#[derive(Debug)]
pub(super) struct CpuBudget {
    /// `None`: no bound, and nothing is counted.
    limit: Option<Duration>,
    used_nanos: AtomicU64,
}

impl CpuBudget {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        CpuBudget { limit, used_nanos: AtomicU64::new(0) }
    }

    /// Whether there is a bound, and so somebody wants to know.
    pub(super) fn is_bounded(&self) -> bool {
        self.limit.is_some()
    }

    /// A unit has taken so long.
    pub(super) fn spend(&self, time: Duration) {
        if self.is_bounded() {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            // Relaxed: a figure. Five hundred years do not overflow it.
            self.used_nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        // Relaxed: as in `spend`.
        self.limit.is_some_and(|limit| Duration::from_nanos(self.used_nanos.load(Ordering::Relaxed)) >= limit)
    }
}

/// What units take, by tier and size.
#[derive(Debug)]
pub(super) struct Estimates {
    /// Bytes for each byte of a body, by tier.
    ratios: [AtomicUsize; 2],
}

impl Default for Estimates {
    fn default() -> Self {
        let ratios = [tuning::BASELINE_COMPILE_BYTES_PER_BODY_BYTE, tuning::OPTIMIZED_COMPILE_BYTES_PER_BODY_BYTE];
        Estimates { ratios: ratios.map(AtomicUsize::new) }
    }
}

impl Estimates {
    /// Bytes that compiling a body takes, about.
    pub(super) fn of(&self, tier: Tier, body_bytes: usize) -> usize {
        // Relaxed: a figure.
        let ratio = self.ratio(tier).load(Ordering::Relaxed);
        body_bytes.saturating_mul(ratio).saturating_add(tuning::COMPILE_BYTES_PER_UNIT)
    }

    /// Compiling a body took so much at most. If that is more than it was expected to take, others are expected to take more as well.
    pub(super) fn learn(&self, tier: Tier, body_bytes: usize, peak_bytes: usize) {
        if peak_bytes > self.of(tier, body_bytes) {
            let ratio = (peak_bytes - tuning::COMPILE_BYTES_PER_UNIT).div_ceil(body_bytes.max(1));
            // Relaxed: a figure.
            self.ratio(tier).fetch_max(ratio, Ordering::Relaxed);
        }
    }

    fn ratio(&self, tier: Tier) -> &AtomicUsize {
        match tier {
            Tier::Baseline => &self.ratios[0],
            Tier::Optimized => &self.ratios[1],
        }
    }
}

impl MemoryBudget {
    pub(super) fn new(limit_bytes: Option<usize>) -> Self {
        MemoryBudget { limit_bytes, used_bytes: Mutex::new(0), freed: Condvar::new() }
    }

    /// Room for so many bytes, if there is any now.
    pub(super) fn admit(&self, bytes: usize) -> Option<Admitted<'_>> {
        if self.limit_bytes.is_some() {
            let mut used = self.used_bytes.lock();
            if !self.fits(*used, bytes) {
                return None;
            }
            *used += bytes;
        }
        Some(Admitted { budget: self, bytes })
    }

    /// Waits until there may be room, for a short time.
    pub(super) fn wait(&self, bytes: usize) {
        let mut used = self.used_bytes.lock();
        if !self.fits(*used, bytes) {
            self.freed.wait_for(&mut used, WAIT);
        }
    }

    /// Whether a worker may keep the memory of a unit for the next one, when so many workers may do that.
    pub(super) fn may_keep(&self, bytes: usize, worker_count: usize) -> bool {
        self.limit_bytes.is_none_or(|limit| bytes <= limit / tuning::KEPT_SCRATCH_SHARE / worker_count.max(1))
    }

    fn fits(&self, used: usize, bytes: usize) -> bool {
        let share = |limit: usize| limit - limit / tuning::KEPT_SCRATCH_SHARE;
        used == 0 || self.limit_bytes.is_none_or(|limit| used.saturating_add(bytes) <= share(limit))
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.budget.limit_bytes.is_some() {
            *self.budget.used_bytes.lock() -= self.bytes;
            self.budget.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_admitted_and_one_unit_always() {
        let budget = MemoryBudget::new(Some(100));
        let huge = budget.admit(1_000).expect("alone");
        assert!(budget.admit(1).is_none());
        drop(huge);
        let first = budget.admit(60).expect("room");
        let second = budget.admit(15).expect("just");
        assert!(budget.admit(1).is_none());
        drop(first);
        let third = budget.admit(60).expect("room again");
        drop((second, third));
        assert_eq!(*budget.used_bytes.lock(), 0);
        assert!(budget.may_keep(12, 2) && !budget.may_keep(13, 2));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let budget = MemoryBudget::new(None);
        let _first = budget.admit(usize::MAX).expect("no bound");
        let _second = budget.admit(usize::MAX).expect("no bound");
        assert_eq!(*budget.used_bytes.lock(), 0);
        assert!(budget.may_keep(usize::MAX, 9));
        budget.wait(usize::MAX);
    }

    #[test]
    fn time_that_is_spent_does_not_come_back() {
        let budget = CpuBudget::new(Some(Duration::from_millis(3)));
        for _ in 0..2 {
            budget.spend(Duration::from_millis(1));
            assert!(!budget.is_spent());
        }
        budget.spend(Duration::from_millis(1));
        assert!(budget.is_spent() && CpuBudget::new(Some(Duration::ZERO)).is_spent());
        let without = CpuBudget::new(None);
        without.spend(Duration::MAX);
        assert!(!without.is_spent() && !without.is_bounded());
    }

    #[test]
    fn estimates_do_not_overflow() {
        let estimates = Estimates::default();
        assert_eq!(estimates.of(Tier::Optimized, 0), tuning::COMPILE_BYTES_PER_UNIT);
        assert_eq!(estimates.of(Tier::Baseline, usize::MAX), usize::MAX);
        estimates.learn(Tier::Baseline, 0, usize::MAX);
        assert_eq!(estimates.of(Tier::Baseline, 2), usize::MAX);
    }

    #[test]
    fn estimates_that_were_too_small_grow() {
        let estimates = Estimates::default();
        let before = estimates.of(Tier::Optimized, 1_000);
        estimates.learn(Tier::Optimized, 1_000, before);
        estimates.learn(Tier::Baseline, 1_000, before);
        assert_eq!(estimates.of(Tier::Optimized, 1_000), before);
        estimates.learn(Tier::Optimized, 500, before);
        assert_eq!(estimates.of(Tier::Optimized, 1_000), 2 * before - tuning::COMPILE_BYTES_PER_UNIT);
        estimates.learn(Tier::Optimized, 500, 1);
        assert_eq!(estimates.of(Tier::Optimized, 500), before, "and do not shrink");
    }
}
