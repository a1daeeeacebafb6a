//! Ranks of locks: in which order they may be taken, checked in debug builds.
//!
//! Problem: two locks taken in two orders by two threads are a deadlock that shows once a year (import wrappers against the engine, callbacks
//! against allocation: C1).
//!
//! Idea: every lock of the service has a rank. A thread takes locks in rising order only; what it holds is a set of bits of its own. All but
//! a few are leaves: nothing else is taken while one is held, and their order does not matter as long as there is one.
//!
//! Modelled locks have their own models instead; the token's scope takes part, as code runs inside of it.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::base::sync::model::thread_local;
use crate::base::sync::{Mutex, MutexGuard};

/// All ranks, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    /// The modules that may be found by their bytes.
    Modules,
    /// The registry of live tokens.
    Tokens,
    /// Making a variant of a module.
    Making,
    /// A compile scope.
    Scope,
    /// A vacant slot's queues.
    Slot,
    /// Scratch memory.
    Scratch,
    /// Figures.
    Stats,
    /// The text of the first error.
    Errors,
    /// Events on their way.
    Events,
    /// Callbacks.
    Callbacks,
    /// Queued tasks.
    TaskQueues,
    /// Threads: taken inside `TaskQueues` when one is started.
    TaskThreads,
}

thread_local! {
    /// A bit for every rank that this thread holds. (No `const` block, as loom's macro takes none.)
    #[allow(clippy::missing_const_for_thread_local)]
    static HELD: Cell<u16> = Cell::new(0);
}

/// That this thread holds a rank, until dropped.
#[derive(Debug)]
pub struct Held {
    rank: Rank,
    _on_this_thread: PhantomData<*const ()>,
}

impl Held {
    /// Says that a lock of this rank is about to be taken.
    ///
    /// # Panics
    ///
    /// In debug builds, if the thread holds this rank or a higher one.
    #[inline]
    pub fn new(rank: Rank) -> Held {
        if cfg!(debug_assertions) {
            assert_may_take(rank);
            HELD.with(|held| held.set(held.get() | 1 << rank as u8));
        }
        Held { rank, _on_this_thread: PhantomData }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            HELD.with(|held| held.set(held.get() & !(1 << self.rank as u8)));
        }
    }
}

/// In debug builds, panics if the thread holds this rank or a higher one.
#[inline]
pub fn assert_may_take(rank: Rank) {
    if cfg!(debug_assertions) {
        HELD.with(|held| {
            let inner = held.get() >> rank as u8;
            assert!(inner == 0, "{rank:?} is taken while {:#b} (from it up) are held", inner);
        });
    }
}

/// A mutex with a rank.
#[derive(Debug)]
pub struct RankedMutex<T> {
    rank: Rank,
    mutex: Mutex<T>,
}

impl<T> RankedMutex<T> {
    /// A new mutex.
    pub fn new(rank: Rank, value: T) -> Self {
        RankedMutex { rank, mutex: Mutex::new(value) }
    }

    /// Locks.
    #[inline]
    pub fn lock(&self) -> RankedGuard<'_, T> {
        let held = Held::new(self.rank);
        RankedGuard { guard: self.mutex.lock(), _held: held }
    }
}

/// See `parking_lot::MutexGuard`.
#[derive(Debug)]
pub struct RankedGuard<'a, T> {
    guard: MutexGuard<'a, T>,
    _held: Held,
}

impl<'a, T> RankedGuard<'a, T> {
    /// The guard itself, for a condition variable. The rank counts as held meanwhile, which is right: the thread sleeps.
    pub fn inner(&mut self) -> &mut MutexGuard<'a, T> {
        &mut self.guard
    }
}

impl<T> Deref for RankedGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for RankedGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(all(test, debug_assertions, not(feature = "loom")))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn c1_locks_are_taken_in_order() {
        let (outer, inner) = (RankedMutex::new(Rank::Making, ()), RankedMutex::new(Rank::Events, ()));
        let wrong = catch_unwind(AssertUnwindSafe(|| {
            let _inner = inner.lock();
            let _outer = outer.lock();
        }));
        assert!(wrong.is_err());
        // What the panic unwound is not held any more.
        let _outer = outer.lock();
        let _inner = inner.lock();
        assert!(catch_unwind(|| drop(RankedMutex::new(Rank::Events, ()).lock())).is_err(), "not even another of the same rank");
    }
}
