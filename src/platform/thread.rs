//! Threads by name, how many are worth having, and how they share processors.

use std::io;
use std::num::NonZeroUsize;

use crate::base::sync::thread::{Builder, JoinHandle};

/// Threads that can run at once, as far as the system tells; at least 1.
pub fn available_count() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Starts a thread with a name (Linux shows its first 15 bytes).
///
/// # Errors
///
/// The system's, when it has no room for another thread.
pub fn spawn_named<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(run)
}

/// Has the system treat this thread as one that works for long: it gets as much of a processor as others, and does not take one from another
/// thread by waking up. Where the system knows no such thing nothing changes.
pub fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: plain old data; every bit pattern is one of its values.
        let param: libc::sched_param = unsafe { std::mem::zeroed() };
        // SAFETY: 0 is this thread, and `param` is alive for the call. A policy that is refused leaves the thread as it was.
        let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const param) };
    }
}
