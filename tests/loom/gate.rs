//! The task gate: statements S1-41 and S1-42.

use deltic::base::sync::model::Mutex;
use deltic::tasks::gate::TaskGate;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::model;

/// When teardown returns, nobody is inside, and nobody comes in.
#[test]
fn close_waits_for_those_inside() {
    model(|| {
        let gate = Arc::new(TaskGate::new());
        let running = Arc::new(AtomicUsize::new(0));
        let task = {
            let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
            thread::spawn(move || {
                if gate.enter() {
                    running.fetch_add(1, Ordering::Relaxed);
                    running.fetch_sub(1, Ordering::Relaxed);
                    gate.leave();
                }
            })
        };
        gate.close();
        gate.wait_idle();
        assert_eq!(running.load(Ordering::Relaxed), 0);
        assert!(!gate.enter());
        task.join().unwrap();
    });
}

/// Two teardowns at once: both return, and only then.
#[test]
fn two_teardowns() {
    model(|| {
        let gate = Arc::new(TaskGate::new());
        let inside = Arc::new(AtomicBool::new(true));
        assert!(gate.enter());
        let teardown = |gate: &TaskGate, inside: &AtomicBool| {
            let first = gate.close();
            gate.wait_idle();
            assert!(!inside.load(Ordering::Relaxed));
            first
        };
        let other = {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            thread::spawn(move || teardown(&gate, &inside))
        };
        let task = {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            thread::spawn(move || {
                inside.store(false, Ordering::Relaxed);
                gate.leave();
            })
        };
        let mine = teardown(&gate, &inside);
        assert!(mine ^ other.join().unwrap(), "one of them closed it");
        task.join().unwrap();
    });
}

/// The manager's protocol around the gate: a post that races with teardown leaves nothing in the queue, and teardown returns.
#[test]
fn a_late_post_is_dropped() {
    struct Manager {
        gate: TaskGate,
        queue: Mutex<usize>,
    }

    impl Manager {
        fn post(&self) -> bool {
            if !self.gate.enter() {
                return false;
            }
            *self.queue.lock() += 1;
            if self.gate.is_closed() {
                self.drop_queued();
            }
            true
        }

        fn drop_queued(&self) {
            let dropped = std::mem::take(&mut *self.queue.lock());
            for _ in 0..dropped {
                self.gate.leave();
            }
        }

        /// A worker thread, once.
        fn run_one(&self) {
            let popped = {
                let mut queue = self.queue.lock();
                let some = *queue > 0;
                *queue -= usize::from(some);
                some
            };
            if popped {
                self.gate.leave();
            }
        }
    }

    model(|| {
        let manager = Arc::new(Manager { gate: TaskGate::new(), queue: Mutex::new(0) });
        let poster = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || manager.post())
        };
        let worker = {
            let manager = Arc::clone(&manager);
            thread::spawn(move || manager.run_one())
        };
        manager.gate.close();
        manager.drop_queued();
        manager.gate.wait_idle();
        assert_eq!(*manager.queue.lock(), 0);
        assert!(!manager.post());
        poster.join().unwrap();
        worker.join().unwrap();
    });
}
