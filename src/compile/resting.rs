//! Tasks of a stream that have nothing to do until more of it comes.
//!
//! *Problem.* Bodies come more slowly than they are compiled. A task that waits would keep a thread from others; a task that ends must be posted
//! again, once, when there is something to do, and must not miss it. *Idea.* A task that finds nothing looks once more, under a lock, and ends
//! with its slot in a list. Who reads the stream takes slots off the list, under the same lock, after the bodies have arrived.
//!
//! So either the task sees the body, or the reader sees the slot: whoever has the lock second.
//!
//! **Invariants:** a slot is in the list, or its task is posted or runs. Bodies arrive before the reader looks at the list.

#![forbid(unsafe_code)]

use std::ops::Range;

use smallvec::SmallVec;

use crate::base::rank::{Rank, RankedMutex};

/// Slots without a task.
#[derive(Debug)]
pub(super) struct RestingTasks(RankedMutex<Vec<usize>>);

impl RestingTasks {
    /// All of these slots are without a task.
    pub(super) fn new(slots: Range<usize>) -> Self {
        RestingTasks(RankedMutex::new(Rank::Slot, slots.rev().collect()))
    }

    /// A task found nothing to do. True if that is still so: the task must end. False if it must look again.
    #[must_use]
    pub(super) fn rest(&self, slot: usize, has_work: impl FnOnce() -> bool) -> bool {
        let mut resting = self.0.lock();
        if has_work() {
            return false;
        }
        resting.push(slot);
        true
    }

    /// At most so many slots, for each of which the caller must post a task.
    #[must_use]
    pub(super) fn wake(&self, count: usize) -> SmallVec<[usize; 4]> {
        let mut resting = self.0.lock();
        let kept = resting.len().saturating_sub(count);
        resting.drain(kept..).rev().collect()
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::base::sync::atomic::{AtomicUsize, Ordering};
    use crate::base::sync::{Arc, thread};

    #[test]
    fn slots_are_woken_once() {
        let resting = RestingTasks::new(1..4);
        assert_eq!(resting.wake(2)[..], [1, 2]);
        assert_eq!((&resting.wake(9)[..], resting.wake(1).len()), (&[3][..], 0));
        assert!(!resting.rest(2, || true) && resting.wake(1).is_empty(), "it looks again");
        assert!(resting.rest(2, || false));
        assert_eq!(resting.wake(1)[..], [2]);
    }

    /// Nothing that arrives is left while all tasks rest.
    #[test]
    fn nothing_is_missed() {
        const COUNT: usize = 20_000;
        let (resting, arrived, done) = (Arc::new(RestingTasks::new(0..2)), Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let done = Arc::new(done);
        let mut threads = Vec::new();
        let run = |slot: usize| {
            let (resting, arrived, done) = (Arc::clone(&resting), Arc::clone(&arrived), Arc::clone(&done));
            thread::spawn(move || {
                let has_work = || done.load(Ordering::SeqCst) < arrived.load(Ordering::SeqCst);
                loop {
                    let taken = done.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| {
                        (now < arrived.load(Ordering::SeqCst)).then_some(now + 1)
                    });
                    if taken.is_err() && resting.rest(slot, has_work) {
                        return;
                    }
                }
            })
        };
        for n in 1..=COUNT {
            arrived.store(n, Ordering::SeqCst);
            if n % 10 == 0 {
                threads.extend(resting.wake(1).into_iter().map(run));
            }
        }
        threads.extend(resting.wake(2).into_iter().map(run));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(done.load(Ordering::SeqCst), COUNT);
    }
}
