//! Threads that wait at addresses of one shared memory (threads proposal, `memory.atomic.wait` and `notify`).
//!
//! Problem: a thread compares a value and goes to sleep; another changes the value and wakes it. No wake-up may fall between the
//! comparison and the sleep, a thread is woken once for each count of a `notify`, and an interrupt of its isolate must wake it too.
//!
//! Idea: one lock over queues by address. The comparison and the queueing are one step under that lock, and so is a `notify`. A
//! [`Waiter`] sleeps on a condition of its own, and its state says why it was woken:
//!
//! ```text
//!            notify: taken off its queue
//! WAITING ─────────────────────────────────► WOKEN
//!    │  interrupt                              (a later interrupt changes nothing)
//!    └──────────► INTERRUPTED                  takes itself off its queue, as when its time is up
//! ```
//!
//! **Invariants:** the state changes under the lock only. A waiter in a queue is not `WOKEN`. Queues are not empty. A waiter never
//! takes another lock while it holds this one, so that who interrupts may hold one of its own.

#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::base::sync::model::atomic::{AtomicU8, Ordering};
use crate::base::sync::model::{Arc, Condvar, Mutex};

const WAITING: u8 = 0;
const WOKEN: u8 = 1;
const INTERRUPTED: u8 = 2;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitEnd {
    /// By a `notify`.
    Woken,
    /// At once: the value was another.
    NotEqual,
    /// Its time was up.
    TimedOut,
    /// The isolate is to stop.
    Interrupted,
}

/// The waiters of one memory.
#[derive(Debug, Default)]
pub struct WaiterTable {
    queues: Mutex<HashMap<u64, VecDeque<Arc<Waiter>>>>,
}

/// One wait of one thread.
#[derive(Debug)]
pub struct Waiter {
    table: Arc<WaiterTable>,
    changed: Condvar,
    /// All accesses are ordered by the table's lock; an atomic only because it is shared.
    state: AtomicU8,
}

impl Waiter {
    /// A wait that is about to begin.
    pub fn new(table: &Arc<WaiterTable>) -> Arc<Waiter> {
        Arc::new(Waiter { table: Arc::clone(table), changed: Condvar::new(), state: AtomicU8::new(WAITING) })
    }

    /// Ends the wait, now or as soon as it begins; from any thread.
    pub fn interrupt(&self) {
        let _queues = self.table.queues.lock();
        if self.state.load(Ordering::SeqCst) == WAITING {
            self.state.store(INTERRUPTED, Ordering::SeqCst);
            self.changed.notify_one();
        }
    }

    /// Waits at an address while nothing else happens, if the value there is what is expected.
    pub fn wait(this: &Arc<Self>, address: u64, deadline: Option<Instant>, is_expected: impl FnOnce() -> bool) -> WaitEnd {
        let mut queues = this.table.queues.lock();
        if this.state.load(Ordering::SeqCst) == INTERRUPTED {
            return WaitEnd::Interrupted;
        }
        if !is_expected() {
            return WaitEnd::NotEqual;
        }
        queues.entry(address).or_default().push_back(Arc::clone(this));
        let end = loop {
            let timed_out = match deadline {
                Some(deadline) => this.changed.wait_until(&mut queues, deadline).timed_out(),
                None => {
                    this.changed.wait(&mut queues);
                    false
                }
            };
            match this.state.load(Ordering::SeqCst) {
                WOKEN => return WaitEnd::Woken,
                INTERRUPTED => break WaitEnd::Interrupted,
                _ if timed_out => break WaitEnd::TimedOut,
                // Woken for no reason: conditions may do that, the proposal may not.
                _ => {}
            }
        };
        if let Some(queue) = queues.get_mut(&address) {
            queue.retain(|waiter| !Arc::ptr_eq(waiter, this));
            if queue.is_empty() {
                queues.remove(&address);
            }
        }
        end
    }
}

impl WaiterTable {
    /// Wakes so many of those who wait at an address, the first first, and says how many it woke.
    pub fn notify(&self, address: u64, count: u32) -> u32 {
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(&address) else { return 0 };
        let mut woken = 0;
        while woken < count
            && let Some(waiter) = queue.pop_front()
        {
            // One that was interrupted is awake already: the wake-up is for the next.
            if waiter.state.load(Ordering::SeqCst) == WAITING {
                waiter.state.store(WOKEN, Ordering::SeqCst);
                waiter.changed.notify_one();
                woken += 1;
            }
        }
        if queue.is_empty() {
            queues.remove(&address);
        }
        woken
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.queues.lock().is_empty()
    }
}
