//! What a process must know about `fork`: whether it is a child, and whether it has children.
//!
//! Memory of a file is shared with a forked child even where both believe it theirs, and a mapping marked `MADV_DONTFORK` is gone
//! in the child. Two counters, changed by `pthread_atfork` handlers, tell: [`generation`] differs in a child from what it was in
//! its parent; [`fork_count`] differs in a parent once it has forked. Children made by `vfork` or `posix_spawn` (as by
//! `std::process::Command`) run no engine code and count for nothing.

use crate::base::sync::Once;
use crate::base::sync::atomic::{AtomicUsize, Ordering};

static GENERATION: AtomicUsize = AtomicUsize::new(0);
static FORK_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Starts to count. Costs nothing when done already.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handlers are functions of this program that only change an atomic, which any context may do.
        let failed = unsafe { libc::pthread_atfork(Some(before), None, Some(in_child)) };
        if failed != 0 {
            // Out of memory at start: forks stay unknown, as in a program that never asked.
            tracing::warn!("forks are not counted");
        }
    });
}

/// How many forks lie between the first process and this one, as far as they were watched.
pub fn generation() -> usize {
    GENERATION.load(Ordering::Relaxed) // partner: `in_child`, on the only thread of a new process
}

/// How often this process or an ancestor has forked, as far as that was watched.
pub fn fork_count() -> usize {
    FORK_COUNT.load(Ordering::Acquire) // partner: `before`
}

/// Tests that fork hold it alone; tests of what happens without forks hold it shared.
#[cfg(test)]
pub(crate) static FORKING_IN_TESTS: std::sync::RwLock<()> = std::sync::RwLock::new(());

extern "C" fn before() {
    FORK_COUNT.fetch_add(1, Ordering::AcqRel); // partner: `fork_count`
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed); // partner: `generation`; a new process has one thread
}
