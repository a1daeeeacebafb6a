//! A parking place: who waits for something to change sleeps, and misses no change.
//!
//! An epoch under a lock. A waiter reads the epoch, looks whether there is anything to do, and parks only if the epoch is still the
//! same; who changes something begins a new one. So no wake-up is lost, and nobody spins.

#![forbid(unsafe_code)]

use crate::base::sync::model::{Condvar, Mutex};

/// See the module's documentation.
#[derive(Debug)]
pub struct Parking {
    epoch: Mutex<u64>,
    changed: Condvar,
}

impl Default for Parking {
    fn default() -> Self {
        Parking { epoch: Mutex::new(0), changed: Condvar::new() }
    }
}

impl Parking {
    /// The present epoch: read before looking for something to do, and given to [`park`](Self::park).
    pub fn epoch(&self) -> u64 {
        *self.epoch.lock()
    }

    /// Wakes all who wait.
    pub fn announce(&self) {
        let mut epoch = self.epoch.lock();
        *epoch += 1;
        self.changed.notify_all();
    }

    /// Parks until the epoch is another one, or it is over.
    pub fn park(&self, seen: u64, is_over: impl Fn() -> bool) {
        let mut epoch = self.epoch.lock();
        while *epoch == seen && !is_over() {
            self.changed.wait(&mut epoch);
        }
    }
}
