//! Keeping code in the background: some time after the last function of a module was compiled its code goes to the cache.
//!
//! *Problem.* A process that lives long learns which functions are hot, and may end without a word. Each new function is not worth a file.
//! *Idea.* Who publishes new code says so with one store. One thread is woken by that, waits until nothing was compiled for a while, and keeps the
//! code of those jobs that have enough that is new. With nothing to keep it sleeps.
//!
//! **Invariants:** the thread owns jobs and tokens, never a module: it looks at code in scopes, a few functions at a time, and hashes and writes
//! outside of them. It ends with the engine, without waiting for what is not quiet yet. Engines that compile on their callers have none.

#![forbid(unsafe_code)]

use std::fmt;
use std::time::Duration;

use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::thread::JoinHandle;
use crate::base::sync::{Arc, Condvar, Mutex};
use crate::base::trace;
use crate::code::space::CodeSpace;
use crate::compile::job::CompileJob;
use crate::compile::token::BackgroundCompileToken;
use crate::platform::thread::spawn_named;

/// What keeps the code of an engine's modules.
pub(super) struct Saver {
    shared: Arc<Shared>,
    /// Locked after the state.
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_name: String,
}

struct Shared {
    state: Mutex<State>,
    woken: Condvar,
    quiet: Duration,
    /// Whether code was published since the thread looked last.
    is_due: AtomicBool,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    is_closed: bool,
}

/// A job whose code is to be kept, and how much was new when it was looked at.
struct Watched {
    job: Arc<CompileJob>,
    unkept_bytes: usize,
}

impl fmt::Debug for Saver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saver").field("watched", &self.shared.state.lock().watched.len()).finish_non_exhaustive()
    }
}

impl Saver {
    /// One that keeps what was quiet for so long, by a thread with a name like this.
    pub(super) fn new(quiet: Duration, thread_name: &str) -> Self {
        let shared = Shared { state: Mutex::default(), woken: Condvar::new(), quiet, is_due: AtomicBool::new(false) };
        Saver { shared: Arc::new(shared), thread: Mutex::new(None), thread_name: format!("{thread_name}-keep") }
    }

    /// Looks after a job from here on.
    pub(super) fn watch(&self, job: &Arc<CompileJob>) {
        let mut state = self.shared.state.lock();
        if !state.is_closed {
            state.watched.push(Watched { job: Arc::clone(job), unkept_bytes: 0 });
        }
    }

    /// Looks after a module's jobs no longer.
    pub(super) fn forget(&self, token: &Arc<BackgroundCompileToken>) {
        let mut state = self.shared.state.lock();
        let (gone, left) =
            std::mem::take(&mut state.watched).into_iter().partition(|watched| Arc::ptr_eq(&watched.job.token, token));
        state.watched = left;
        drop(state);
        // Outside of the lock: it may be the last that has them.
        let gone: Vec<Watched> = gone;
        drop(gone);
    }

    /// There is new code. The thread is started when that is said first.
    pub(super) fn note(&self) {
        let shared = &self.shared;
        // AcqRel: partner of the exchange in `quiet_jobs`, which sees what is new before it, or finds this.
        if !shared.is_due.swap(true, Ordering::AcqRel) {
            // Under the lock, so that the thread is not about to sleep, and nobody is closing this.
            let state = shared.state.lock();
            shared.woken.notify_all();
            if !state.is_closed {
                self.start();
            }
        }
    }

    fn start(&self) {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            match spawn_named(&self.thread_name, move || shared.run()) {
                Ok(started) => *thread = Some(started),
                // Code is kept when somebody asks for it.
                Err(error) => tracing::warn!(target: trace::CACHE, %error, "no thread to keep code"),
            }
        }
    }

    /// Ends the thread; returns when it has ended, at most one file later.
    pub(super) fn close(&self) {
        self.shared.state.lock().is_closed = true;
        self.shared.woken.notify_all();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // A panic of it was told where it happened, and its work is a help only.
            let _ = thread.join();
        }
        // They have what has this.
        let watched = std::mem::take(&mut self.shared.state.lock().watched);
        drop(watched);
    }
}

impl Shared {
    fn run(&self) {
        while self.wait_until_due() {
            for job in self.quiet_jobs() {
                if self.state.lock().is_closed {
                    return;
                }
                keep(&job);
            }
        }
    }

    /// Sleeps while there is nothing new, and a while longer. False at the end.
    fn wait_until_due(&self) -> bool {
        let mut state = self.state.lock();
        // Relaxed: stored before the lock is taken that this holds.
        while !state.is_closed && !self.is_due.load(Ordering::Relaxed) {
            self.woken.wait(&mut state);
        }
        if !state.is_closed {
            self.woken.wait_for(&mut state, self.quiet);
        }
        !state.is_closed
    }

    /// The jobs that have new code, and had as much when this looked last. If others are not quiet it looks again.
    fn quiet_jobs(&self) -> Vec<Arc<CompileJob>> {
        // AcqRel: partner of `note`.
        self.is_due.swap(false, Ordering::AcqRel);
        let mut quiet = Vec::new();
        let mut is_due = false;
        for watched in &mut self.state.lock().watched {
            let unkept_bytes = watched.job.unkept_bytes();
            let is_new = unkept_bytes > 0;
            if is_new && unkept_bytes == watched.unkept_bytes {
                quiet.push(Arc::clone(&watched.job));
            }
            is_due |= unkept_bytes != watched.unkept_bytes && is_new;
            watched.unkept_bytes = unkept_bytes;
        }
        if is_due {
            self.is_due.store(true, Ordering::Release); // partner: the exchange above
        }
        quiet
    }
}

/// Keeps a job's code, if there is enough that is new.
fn keep(job: &CompileJob) {
    let Some((cache, fingerprint)) = job.kept_as.get() else { return };
    if !job.is_worth_keeping() {
        return;
    }
    let visit = |look: &mut dyn FnMut(&CodeSpace)| {
        let scope = job.token.enter()?;
        look(scope.native_module().variant(job.variant)?.space.as_ref()?);
        Some(())
    };
    job.keep(cache, fingerprint, visit);
}
