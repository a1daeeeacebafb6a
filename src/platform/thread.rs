//! Threads by name, how many are worth having, and how they share processors.

use std::io;
use std::num::NonZeroUsize;

use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Mutex, OnceLock};

/// Threads that can run at once, as far as the system tells; at least 1. It is asked once: the answer takes it several files.
pub fn available_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Does something with each part, on this thread and on so many others at most, which end with it; gives the results in the order of the parts.
/// Where no thread can be started this one does more.
pub fn share_out<P: Send, R: Send>(parts: Vec<P>, others: usize, run: impl Fn(P) -> R + Sync) -> Vec<R> {
    let others = others.min(parts.len().saturating_sub(1));
    let left = Mutex::new(parts.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = left.lock().next();
            let Some((position, part)) = next else { return };
            let result = run(part);
            done.lock().push((position, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..others {
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut done = std::mem::take(&mut *done.lock());
    done.sort_unstable_by_key(|&(position, _)| position);
    done.into_iter().map(|(_, result)| result).collect()
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
