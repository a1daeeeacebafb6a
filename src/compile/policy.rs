//! When a worker publishes: one small function of counts and times, shared by the workers and the simulator.
//!
//! Problem: each publish opens a scope, and a canceller waits for open scopes; publishing one by one costs shared writes,
//! publishing late keeps results from those who wait.
//!
//! Idea: a batch is due when it holds enough functions (staggered by slot, so that workers who began together do not publish
//! together), enough machine code, or for long enough; and when the slice ends. A scope then lasts about as long as it takes to copy
//! [`tuning::PUBLISH_BATCH_BYTES`].

#![forbid(unsafe_code)]

use std::time::Duration;

use crate::base::tuning;

/// Limits of a batch, for one slot of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Functions.
    pub count_limit: usize,
    /// Bytes of machine code.
    pub byte_limit: usize,
    /// Time since the batch was begun; `None` where decisions must not depend on time.
    pub interval: Option<Duration>,
}

/// What a batch holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// Functions.
    pub count: usize,
    /// Bytes of machine code.
    pub bytes: usize,
}

impl FlushPolicy {
    /// The policy for a slot of a job of so many units and slots.
    pub fn for_slot(unit_count: usize, slot_count: usize, slot: usize) -> Self {
        let slots = slot_count.max(1);
        let base = tuning::PUBLISH_BATCH_MIN.max(unit_count / slots / 8);
        FlushPolicy {
            count_limit: base + base * (slot % slots) / slots,
            byte_limit: tuning::PUBLISH_BATCH_BYTES,
            interval: Some(tuning::PUBLISH_INTERVAL),
        }
    }

    /// The same without a clock, for one thread alone (statement S1-37).
    pub fn without_clock(self) -> Self {
        FlushPolicy { interval: None, ..self }
    }

    /// Whether the batch must be published now; `elapsed` since it was begun.
    pub fn is_due(&self, pending: Pending, elapsed: Duration) -> bool {
        pending.count >= self.count_limit
            || pending.bytes >= self.byte_limit
            || (pending.count > 0 && self.interval.is_some_and(|interval| elapsed >= interval))
    }
}

/// How many background tasks a job is worth.
pub fn task_count(task_max: usize, unit_count: usize, body_bytes: usize, bytes_per_task: usize) -> usize {
    let worth = body_bytes.checked_div(bytes_per_task).unwrap_or(usize::MAX);
    task_max.min(unit_count).min(worth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_staggered_up_to_twice_the_least() {
        let limits: Vec<_> = (0..4).map(|slot| FlushPolicy::for_slot(40, 4, slot).count_limit).collect();
        assert_eq!(limits, [10, 12, 15, 17]);
        assert_eq!(FlushPolicy::for_slot(8_000, 4, 0).count_limit, 250);
        assert!((0..64).all(|slot| FlushPolicy::for_slot(0, 64, slot).count_limit < 2 * tuning::PUBLISH_BATCH_MIN));
    }

    #[test]
    fn due_by_count_bytes_or_time() {
        let policy = FlushPolicy::for_slot(1, 1, 0);
        let pending = |count, bytes| Pending { count, bytes };
        assert!(!policy.is_due(pending(9, 100), Duration::ZERO));
        assert!(policy.is_due(pending(10, 100), Duration::ZERO));
        assert!(policy.is_due(pending(1, tuning::PUBLISH_BATCH_BYTES), Duration::ZERO));
        assert!(policy.is_due(pending(1, 1), tuning::PUBLISH_INTERVAL));
        assert!(!policy.is_due(pending(0, 0), tuning::PUBLISH_INTERVAL), "nothing to publish");
        assert!(!policy.without_clock().is_due(pending(1, 1), Duration::MAX));
    }

    #[test]
    fn small_jobs_wake_nobody() {
        assert_eq!(task_count(8, 3, 700, 1_024), 0);
        assert_eq!(task_count(8, 100, 5_000, 1_024), 4);
        assert_eq!(task_count(8, 5, 50_000, 1_024), 5);
        assert_eq!(task_count(8, 100, 50_000_000, 1_024), 8);
        assert_eq!(task_count(8, 100, 0, 0), 8, "no threshold");
    }
}
