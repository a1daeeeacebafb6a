//! Threads by name, how many are worth having, and how they share processors.

use std::io;
use std::num::NonZeroUsize;

use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, OnceLock};

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
    let mut helpers = Helpers(Vec::with_capacity(others));
    for _ in 0..others {
        // SAFETY: `helpers` waits for the thread to end as it is dropped, before what `work` borrows is.
        helpers.0.extend(unsafe { spawn_apart(Builder::new(), work) });
    }
    work();
    drop(helpers);
    let mut done = std::mem::take(&mut *done.lock());
    done.sort_unstable_by_key(|&(position, _)| position);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Threads that end before this does.
struct Helpers(Vec<JoinHandle<()>>);

impl Drop for Helpers {
    fn drop(&mut self) {
        let mut panicked = None;
        for helper in self.0.drain(..) {
            panicked = helper.join().err().or(panicked);
        }
        // When all have ended.
        if let Some(panic) = panicked.filter(|_| !std::thread::panicking()) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Starts a thread with a name (Linux shows its first 15 bytes).
///
/// # Errors
///
/// The system's, when it has no room for another thread.
pub fn spawn_named<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    spawn(Builder::new().name(name.to_owned()), run)
}

/// Starts a thread, on another processor than this one.
///
/// # Errors
///
/// The system's, when it has no room for another thread.
pub fn spawn<T: Send + 'static>(builder: Builder, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    // SAFETY: the closure borrows nothing.
    unsafe { spawn_apart(builder, run) }
}

/// Starts a thread on another processor than this one, if there is one for it; later it runs where the system likes.
///
/// Schedulers do not always: a Linux in a virtual machine takes processors that sleep for ones that another guest has, and starts
/// threads behind the one that started them, which has its turn of milliseconds first. A thread that is on a processor of its own stays there.
///
/// # Safety
///
/// What the closure borrows outlives the thread.
unsafe fn spawn_apart<T: Send>(builder: Builder, run: impl FnOnce() -> T + Send) -> io::Result<JoinHandle<T>> {
    #[cfg(target_os = "linux")]
    {
        let home = Arc::new(Mutex::new(Home::NotYet));
        let at_home = Arc::clone(&home);
        let begin = move || {
            // What was asked for the beginning does not hold later.
            if let Home::Elsewhere(allowed) = std::mem::replace(&mut *at_home.lock(), Home::Running) {
                let _ = rustix::thread::sched_setaffinity(None, &allowed);
            }
            run()
        };
        // SAFETY: by contract.
        let handle = unsafe { builder.spawn_unchecked(begin) }?;
        let mut home = home.lock();
        if matches!(*home, Home::NotYet)
            && let Some(allowed) = send_elsewhere(&handle)
        {
            *home = Home::Elsewhere(allowed);
        }
        drop(home);
        Ok(handle)
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: by contract.
    unsafe {
        builder.spawn_unchecked(run)
    }
}

/// Where a thread that was started may run.
#[cfg(target_os = "linux")]
enum Home {
    /// It does not run yet, and may anywhere.
    NotYet,
    /// It does not run yet, and may on other processors than its creator's; later on these.
    Elsewhere(rustix::thread::CpuSet),
    /// It does.
    Running,
}

/// Has a thread run on any processor that this one may use, but not on its own; gives the processors that this one may use. Nothing is changed where there is no other.
#[cfg(target_os = "linux")]
fn send_elsewhere<T>(handle: &JoinHandle<T>) -> Option<rustix::thread::CpuSet> {
    use std::os::unix::thread::JoinHandleExt;

    let allowed = rustix::thread::sched_getaffinity(None).ok()?;
    let mut others = allowed;
    let this = rustix::thread::sched_getcpu();
    if this >= rustix::thread::CpuSet::MAX_CPU {
        return None;
    }
    others.unset(this);
    if others.count() == 0 {
        return None;
    }
    // SAFETY: the handle is there, so that the thread was not joined; a set of the crate is one of the system.
    let refused = unsafe {
        libc::pthread_setaffinity_np(handle.as_pthread_t(), size_of_val(&others), (&raw const others).cast::<libc::cpu_set_t>())
    };
    (refused == 0).then_some(allowed)
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
