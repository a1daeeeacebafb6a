//! The only door to synchronisation.
//!
//! Problem: a handful of protocols (the token, the cursor, the state byte, publication, the task gate) must be checked by loom,
//! and everything else must go on compiling, and running, while they are. Loom's primitives work only inside a model, cost far
//! more, and lack what ordinary code needs (`Arc<[u8]>`, `const` atomics).
//!
//! Idea: two names for two uses.
//!
//! * `base::sync::{Mutex, Arc, atomic, …}` ([`real`]) is the real thing, always.
//! * [`model`] is the real thing too, and becomes loom's model of it when the feature `loom` is on. A file that takes its
//!   primitives from there contains a protocol and nothing else, and has a model in `tests/loom/`.
//!
//! Locks have `parking_lot`'s shape in both (no poisoning): a panicking unit must not take the engine with it.
//!
//! **Invariant:** no other file of this crate names `std::sync::atomic`, `std::sync::Mutex`, `parking_lot` or `loom`.

pub use real::*;

/// The real primitives.
pub mod real {
    pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use std::sync::atomic;
    pub use std::sync::{Arc, Once, OnceLock, Weak};
    pub use std::thread;

    /// A hint that this thread is spinning.
    #[inline]
    pub fn spin_loop() {
        std::hint::spin_loop();
    }
}

/// The primitives of modelled protocols: the real ones.
#[cfg(not(feature = "loom"))]
pub mod model {
    pub use super::real::{
        Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic, spin_loop, thread,
    };
    pub use std::thread_local;
}

/// The primitives of modelled protocols: loom's, in `parking_lot`'s shape.
#[cfg(feature = "loom")]
pub mod model {
    use std::fmt;
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;

    pub use loom::sync::atomic;
    pub use loom::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};
    pub use loom::{thread, thread_local};

    /// See `parking_lot::Mutex`.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    /// See `parking_lot::MutexGuard`. Empty only while a [`Condvar`] has it.
    pub struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>, &'a Mutex<T>);

    impl<T> Mutex<T> {
        /// A new mutex.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Locks.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)), self)
        }

        /// Locks, unless somebody has.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard), self))
        }

        /// Takes the value out.
        pub fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_deref().expect("a guard is empty only inside Condvar::wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_deref_mut().expect("a guard is empty only inside Condvar::wait")
        }
    }

    impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    /// See `parking_lot::WaitTimeoutResult`.
    #[derive(Debug, Clone, Copy)]
    pub struct WaitTimeoutResult;

    impl WaitTimeoutResult {
        /// Whether the deadline passed.
        pub fn timed_out(self) -> bool {
            true
        }
    }

    /// See `parking_lot::Condvar`.
    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    impl Condvar {
        /// A new condition variable.
        pub fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        /// Waits, releasing the guard meanwhile.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            if let Some(inner) = guard.0.take() {
                guard.0 = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
            }
        }

        /// Waits with a deadline, which always passes as soon as the others had their turn.
        pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _deadline: std::time::Instant) -> WaitTimeoutResult {
            let Some(inner) = guard.0.take() else { return WaitTimeoutResult };
            let mutex = guard.1;
            drop(inner);
            thread::yield_now();
            guard.0 = Some(mutex.0.lock().unwrap_or_else(PoisonError::into_inner));
            WaitTimeoutResult
        }

        /// Wakes all.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }

        /// Wakes one.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }
    }

    /// See `parking_lot::RwLock`.
    #[derive(Debug)]
    pub struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// A new lock.
        pub fn new(value: T) -> Self {
            Self(loom::sync::RwLock::new(value))
        }

        /// Locks for reading.
        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        /// Locks for writing.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }

        /// Locks for writing, unless somebody has locked it.
        pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
            self.0.try_write().ok()
        }
    }

    /// A hint that this thread is spinning: lets another one run.
    pub fn spin_loop() {
        loom::thread::yield_now();
    }
}
