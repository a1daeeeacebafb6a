//! How far a job is: the units that are outstanding, how it ended, and the parking place of those who wait for it.
//!
//! Problem: workers publish batches at any time, units fail, the owner cancels; exactly one of them must announce the end, and
//! a foreground that has nothing left to help with must sleep and be woken for the end, or for work that came back.
//!
//! Idea: one word. The low bits count outstanding units, the top bits say that the job failed, was cancelled, or will fail.
//!
//! ```text
//!            complete(k), k < n                              complete(k), k < n
//!  Running(n) -----------------> Running(n-k)     Failing(n) -----------------> Failing(n-k)
//!  Running(n) -- taint --------> Failing(n)
//!  Running(k) -- complete(k) --> Finished         Failing(k) -- complete(k) --> Failed
//!  Running(n), Failing(n) ------ fail ----------> Failed(n)        further units are still counted, and change nothing
//!  Running(n), Failing(n) ------ cancel --------> Cancelled(n)
//! ```
//!
//! The arrows into `Finished`, `Failed` and `Cancelled` are taken at most once in all; whoever takes one announces the end.
//! `Failing` is for a unit whose error need not be the one that is reported: units with a lower index must be seen first.
//!
//! The end of the job and every unit that comes back begin a new epoch of its [parking place](crate::compile::parking).
//!
//! **Invariant:** who sees `Finished` sees all that was published before (partners below). Model: `tests/loom/progress.rs`.

#![forbid(unsafe_code)]

use crate::base::sync::model::atomic::{AtomicUsize, Ordering};
use crate::compile::parking::Parking;

const FAILED: usize = 1 << (usize::BITS - 1);
const CANCELLED: usize = 1 << (usize::BITS - 2);
const FAILING: usize = 1 << (usize::BITS - 3);
const COUNT_MASK: usize = FAILING - 1;

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Units are outstanding.
    Running,
    /// All units have their code.
    Finished,
    /// A unit failed.
    Failed,
    /// The owner gave it up.
    Cancelled,
}

/// Progress of one job.
#[derive(Debug)]
pub struct Progress {
    word: AtomicUsize,
    parking: Parking,
}

impl Progress {
    /// A job of so many units; one of none is finished.
    pub fn new(unit_count: usize) -> Self {
        debug_assert!(unit_count <= COUNT_MASK);
        Progress { word: AtomicUsize::new(unit_count), parking: Parking::default() }
    }

    /// How it stands.
    pub fn state(&self) -> JobState {
        // Acquire: partner of the releases in `complete` and `end`; who sees the end sees what led to it.
        match self.word.load(Ordering::Acquire) {
            0 => JobState::Finished,
            FAILING => JobState::Failed,
            word if word & FAILED != 0 => JobState::Failed,
            word if word & CANCELLED != 0 => JobState::Cancelled,
            _ => JobState::Running,
        }
    }

    /// Whether it ended, one way or another.
    pub fn is_settled(&self) -> bool {
        self.state() != JobState::Running
    }

    /// How many units others may still see: none once the job failed or was cancelled.
    pub fn outstanding(&self) -> usize {
        // Relaxed: a figure for people and for how many tasks to post.
        let word = self.word.load(Ordering::Relaxed);
        if word & (FAILED | CANCELLED) == 0 { word & COUNT_MASK } else { 0 }
    }

    /// So many units are done. True for the one who ended the job by that, and must [`announce`](Self::announce) it.
    #[must_use]
    pub fn complete(&self, unit_count: usize) -> bool {
        if unit_count == 0 {
            return false;
        }
        // AcqRel: release, for `state`; acquire, so that who takes the count to zero has seen what all others did before.
        let before = self.word.fetch_sub(unit_count, Ordering::AcqRel);
        debug_assert!(before & COUNT_MASK >= unit_count, "more units completed than there were");
        before & !FAILING == unit_count
    }

    /// A unit that is still to be completed has failed: the job will, when no unit is outstanding.
    pub fn taint(&self) {
        // Release: partner of the acquire in `state`; the error was recorded before.
        self.word.fetch_or(FAILING, Ordering::Release);
    }

    /// A unit failed, and the others no longer matter. True for the one who ended the job by that, and must announce it.
    #[must_use]
    pub fn fail(&self) -> bool {
        self.end(FAILED)
    }

    /// The owner gives the job up. True as for `fail`.
    #[must_use]
    pub fn cancel(&self) -> bool {
        self.end(CANCELLED)
    }

    fn end(&self, flag: usize) -> bool {
        // AcqRel: release, for `state` and `complete`; acquire, as its partner.
        let ended = |word| (word & COUNT_MASK != 0 && word & (FAILED | CANCELLED) == 0).then_some(word | flag);
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, ended).is_ok()
    }

    /// The present epoch: read before looking for work, and given to [`park`](Self::park).
    pub fn epoch(&self) -> u64 {
        self.parking.epoch()
    }

    /// Wakes all who wait: the job ended, or units came back.
    pub fn announce(&self) {
        self.parking.announce();
    }

    /// Parks until the epoch is another one, or the job has ended.
    pub fn park(&self, seen: u64) {
        self.parking.park(seen, || self.is_settled());
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_announced_once() {
        let progress = Progress::new(3);
        assert!(!progress.complete(0));
        assert!(!progress.complete(2));
        assert_eq!((progress.state(), progress.outstanding()), (JobState::Running, 1));
        assert!(progress.complete(1));
        assert_eq!(progress.state(), JobState::Finished);
        assert!(!progress.fail() && !progress.cancel(), "finished for good");
        assert_eq!(Progress::new(0).state(), JobState::Finished);
    }

    #[test]
    fn a_tainted_job_fails_at_its_end() {
        let progress = Progress::new(3);
        progress.taint();
        assert_eq!((progress.state(), progress.outstanding()), (JobState::Running, 3));
        assert!(!progress.complete(2));
        assert!(progress.complete(1));
        assert_eq!(progress.state(), JobState::Failed);
        assert!(!progress.fail() && !progress.cancel());
    }

    #[test]
    fn after_a_failure_nothing_is_outstanding() {
        let progress = Progress::new(3);
        assert!(progress.fail());
        assert!(!progress.fail() && !progress.cancel());
        assert_eq!(progress.outstanding(), 0, "v8:13858: visible work is zero at once");
        assert!(!progress.complete(3), "late units change nothing");
        assert_eq!(progress.state(), JobState::Failed);
        let progress = Progress::new(1);
        assert!(progress.cancel());
        assert!(!progress.complete(1));
        assert_eq!(progress.state(), JobState::Cancelled);
    }
}
