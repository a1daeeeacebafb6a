//! The way back: work that is posted to the thread that owns things.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::base::sync::{Condvar, Mutex};

/// A piece of work for a foreground. It holds plain data: a queue that is closed drops it on the thread that posted it.
pub type ForegroundTask = Box<dyn FnOnce() + Send>;

/// A foreground that takes work from any thread and runs it on its own.
pub trait ForegroundRunner: Send + Sync + fmt::Debug {
    /// Queues a task behind those already there. False, with the task dropped, once the foreground takes no more.
    fn post(&self, task: ForegroundTask) -> bool;
}

/// A foreground whose owner turns the crank.
#[derive(Default)]
pub struct ForegroundQueue {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    tasks: VecDeque<ForegroundTask>,
    closed: bool,
}

impl fmt::Debug for ForegroundQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForegroundQueue").field("len", &self.inner.lock().tasks.len()).finish_non_exhaustive()
    }
}

impl ForegroundRunner for ForegroundQueue {
    fn post(&self, task: ForegroundTask) -> bool {
        let mut inner = self.inner.lock();
        if inner.closed {
            return false;
        }
        inner.tasks.push_back(task);
        drop(inner);
        self.arrived.notify_one();
        true
    }
}

impl ForegroundQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs what is queued now, in order; tells how many tasks that were. Tasks that these post wait for the next call.
    pub fn run_pending(&self) -> usize {
        let tasks = std::mem::take(&mut self.inner.lock().tasks);
        let count = tasks.len();
        for task in tasks {
            task();
        }
        count
    }

    /// Parks until a task is queued; false when none came in time.
    pub fn wait(&self, timeout: Duration) -> bool {
        let mut inner = self.inner.lock();
        if inner.tasks.is_empty() && !inner.closed {
            self.arrived.wait_for(&mut inner, timeout);
        }
        !inner.tasks.is_empty()
    }

    /// Takes no more, and drops what is queued, here.
    pub fn close(&self) {
        let tasks = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            std::mem::take(&mut inner.tasks)
        };
        self.arrived.notify_all();
        drop(tasks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sync::Arc;
    use crate::base::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn order_and_close() {
        let queue = ForegroundQueue::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for n in 0..3 {
            let seen = Arc::clone(&seen);
            assert!(queue.post(Box::new(move || seen.lock().push(n))));
        }
        assert!(queue.wait(Duration::ZERO));
        assert_eq!(queue.run_pending(), 3);
        assert_eq!(*seen.lock(), [0, 1, 2]);
        assert!(!queue.wait(Duration::ZERO));
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        queue.post(Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
        queue.close();
        assert_eq!(Arc::strong_count(&count), 1, "dropped unrun");
        assert!(!queue.post(Box::new(|| {})));
        assert_eq!(queue.run_pending(), 0);
    }
}
