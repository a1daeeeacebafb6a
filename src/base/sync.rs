//! The only door to synchronisation: the real thing, or loom's model of it when the feature `loom` is on.
//!
//! Code that is modelled (the token, the cursor, the state byte, publication) takes every atomic, lock and thread from here.
//! Locks have `parking_lot`'s shape (no poisoning): a panicking unit must not take the engine with it.

#[cfg(not(feature = "loom"))]
mod real {
    pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use std::sync::atomic;
    pub use std::sync::{Arc, OnceLock, Weak};
    pub use std::thread;

    /// A hint that this thread is spinning.
    #[inline]
    pub fn spin_loop() {
        std::hint::spin_loop();
    }
}

#[cfg(feature = "loom")]
mod modelled {
    //! loom's primitives in `parking_lot`'s shape.

    pub use loom::sync::atomic;
    pub use loom::sync::{Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard};
    pub use loom::thread;
    pub use std::sync::{OnceLock, Weak};

    /// See `parking_lot::Mutex`.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A new mutex.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }
        /// Locks.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
        /// Takes the value out.
        pub fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {}
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
    #[derive(Debug, Default)]
    pub struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// A new lock.
        pub fn new(value: T) -> Self {
            Self(loom::sync::RwLock::new(value))
        }
        /// Locks for reading.
        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
        /// Locks for writing.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// A hint that this thread is spinning.
    pub fn spin_loop() {
        loom::thread::yield_now();
    }
}

#[cfg(not(feature = "loom"))]
pub use real::*;

#[cfg(feature = "loom")]
pub use modelled::*;
