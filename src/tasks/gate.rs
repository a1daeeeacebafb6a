//! The task gate: who is registered, and when the last one is gone.
//!
//! Problem: teardown must refuse newcomers and return only when no task is left, running or queued, without a spinning wait.
//!
//! Idea: one word. The top bit says closed, the rest counts those inside. A task is inside from its registration until it was
//! dropped, so "idle" means that not even a destructor runs any more.
//!
//! ```text
//!            enter                        leave
//!  Open(n) --------> Open(n+1)  Open(n) --------> Open(n-1)
//!     |
//!     | close                             leave
//!     v                                 --------> Closed(n-1)
//!  Closed(n)   (enter is refused)
//!     |
//!     | the last leave
//!     v
//!  Closed(0) = idle, for ever
//! ```
//!
//! **Invariant:** after `Closed(0)` nothing enters. **Invariant:** only the leave that makes `Closed(0)`, and `close` itself when
//! nobody is inside, wake those who wait. Model: `tests/loom/gate.rs`.

use crate::base::sync::model::atomic::{AtomicUsize, Ordering};
use crate::base::sync::model::{Condvar, Mutex};

const CLOSED: usize = 1 << (usize::BITS - 1);

/// The gate of one task manager.
#[derive(Debug)]
pub struct TaskGate {
    state: AtomicUsize,
    parked: Mutex<()>,
    idle: Condvar,
}

impl Default for TaskGate {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskGate {
    /// An open gate with nobody inside.
    pub fn new() -> Self {
        TaskGate { state: AtomicUsize::new(0), parked: Mutex::new(()), idle: Condvar::new() }
    }

    /// Goes in; false when the gate is closed. Whoever went in must [`leave`](Self::leave).
    #[must_use]
    pub fn enter(&self) -> bool {
        let mut state = self.state.load(Ordering::SeqCst);
        loop {
            if state & CLOSED != 0 {
                return false;
            }
            match self.state.compare_exchange_weak(state, state + 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// Goes out.
    pub fn leave(&self) {
        let before = self.state.fetch_sub(1, Ordering::SeqCst);
        debug_assert_ne!(before & !CLOSED, 0, "leave without enter");
        if before == CLOSED | 1 {
            self.wake();
        }
    }

    /// Refuses everybody from now on. True for the caller who closed it.
    pub fn close(&self) -> bool {
        let before = self.state.fetch_or(CLOSED, Ordering::SeqCst);
        if before == 0 {
            self.wake();
        }
        before & CLOSED == 0
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// How many are inside.
    pub fn active(&self) -> usize {
        self.state.load(Ordering::SeqCst) & !CLOSED
    }

    /// Parks until the gate is closed and nobody is inside.
    pub fn wait_idle(&self) {
        let mut guard = self.parked.lock();
        while self.state.load(Ordering::SeqCst) != CLOSED {
            self.idle.wait(&mut guard);
        }
    }

    /// The lock orders this behind the check of one who is about to wait.
    fn wake(&self) {
        let guard = self.parked.lock();
        self.idle.notify_all();
        drop(guard);
    }
}
