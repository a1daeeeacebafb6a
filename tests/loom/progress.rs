//! Publication and outstanding units: one end, announced once, seen by all who wait.

use deltic::base::sync::model::Mutex;
use deltic::compile::progress::{JobState, Progress};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::model;

struct Job {
    progress: Progress,
    /// What each worker publishes.
    code: [UnsafeCell<bool>; 2],
    ends: AtomicUsize,
}

impl Job {
    fn new(units: usize) -> Arc<Job> {
        Arc::new(Job {
            progress: Progress::new(units),
            code: [UnsafeCell::new(false), UnsafeCell::new(false)],
            ends: AtomicUsize::new(0),
        })
    }

    fn publish(&self, worker: usize, units: usize) {
        // SAFETY: loom checks that no read is concurrent.
        self.code[worker].with_mut(|code| unsafe { *code = true });
        self.end_if(self.progress.complete(units));
    }

    fn end_if(&self, ended: bool) {
        if ended {
            self.ends.fetch_add(1, Ordering::Relaxed);
            self.progress.announce();
        }
    }

    /// What a foreground does that has nothing left to help with.
    fn wait(&self) -> JobState {
        loop {
            let epoch = self.progress.epoch();
            if self.progress.is_settled() {
                return self.progress.state();
            }
            self.progress.park(epoch);
        }
    }

    fn spawn(job: &Arc<Job>, work: impl FnOnce(&Job) + 'static) -> thread::JoinHandle<()> {
        let job = Arc::clone(job);
        thread::spawn(move || work(&job))
    }
}

/// Two workers publish, the owner waits: it wakes, and sees all code.
#[test]
fn who_sees_the_end_sees_the_code() {
    model(|| {
        let job = Job::new(3);
        let workers = [Job::spawn(&job, |job| job.publish(0, 2)), Job::spawn(&job, |job| job.publish(1, 1))];
        assert_eq!(job.wait(), JobState::Finished);
        for code in &job.code {
            // SAFETY: loom checks that no write is concurrent.
            code.with(|code| assert!(unsafe { *code }));
        }
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(job.ends.load(Ordering::Relaxed), 1);
    });
}

/// One unit fails at once while the last others are published: the job ends once, and failed unless it had finished before.
#[test]
fn failure_against_the_last_publish() {
    model(|| {
        let job = Job::new(2);
        let failing = Job::spawn(&job, |job| job.end_if(job.progress.fail()));
        let other = Job::spawn(&job, |job| job.publish(1, 1));
        assert_eq!(job.wait(), JobState::Failed);
        assert_eq!(job.progress.outstanding(), 0, "nothing is left to wait for");
        failing.join().unwrap();
        other.join().unwrap();
        assert_eq!(job.ends.load(Ordering::Relaxed), 1);
    });
}

/// A unit fails softly: the job fails when the others are done, not before, and the last of them announces it.
#[test]
fn tainted_and_completed() {
    model(|| {
        let job = Job::new(2);
        let failing = Job::spawn(&job, |job| {
            // SAFETY: loom checks that no other access is concurrent. The "error" that was recorded.
            job.code[0].with_mut(|error| unsafe { *error = true });
            job.progress.taint();
            job.end_if(job.progress.complete(1));
        });
        let other = Job::spawn(&job, |job| job.end_if(job.progress.complete(1)));
        assert_eq!(job.wait(), JobState::Failed);
        // SAFETY: as above.
        job.code[0].with(|error| assert!(unsafe { *error }, "the error is seen"));
        failing.join().unwrap();
        other.join().unwrap();
        assert_eq!(job.ends.load(Ordering::Relaxed), 1);
    });
}

/// The owner cancels against a failure: one of them ends the job.
#[test]
fn cancel_against_failure() {
    model(|| {
        let job = Job::new(1);
        let failing = Job::spawn(&job, |job| job.end_if(job.progress.fail()));
        job.end_if(job.progress.cancel());
        assert_ne!(job.wait(), JobState::Running);
        failing.join().unwrap();
        assert_eq!(job.ends.load(Ordering::Relaxed), 1);
    });
}

/// A worker puts a unit back and leaves; the owner who had found nothing is woken, and does it.
#[test]
fn a_unit_that_comes_back_wakes_the_owner() {
    model(|| {
        let job = Job::new(1);
        let queued = Arc::new(Mutex::new(false));
        let worker = {
            let queued = Arc::clone(&queued);
            Job::spawn(&job, move |job| {
                *queued.lock() = true;
                job.progress.announce();
            })
        };
        while !job.progress.is_settled() {
            let epoch = job.progress.epoch();
            if std::mem::take(&mut *queued.lock()) {
                job.publish(0, 1);
            }
            job.progress.park(epoch);
        }
        worker.join().unwrap();
        assert_eq!(job.progress.state(), JobState::Finished);
    });
}
