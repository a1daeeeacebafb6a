//! What a compilation tells its owner, and on whose thread.
//!
//! Problem: callbacks belong to the owner's thread: they may touch an isolate, and dropping them may too. Workers finish a job.
//!
//! Idea: workers append to an [`EventQueue`], plain data, and ring a bell ([`EventSink`]); the owner takes the events out and calls
//! the [`Callbacks`], which live in the native module, out of every worker's reach.
//!
//! ```text
//!  worker:  post(event) ──> EventQueue ──> EventSink::wake ──> (the owner's loop)
//!  owner:   dispatch_events: EventQueue ──> Callbacks
//! ```
//!
//! **Invariants:** a callback runs and is dropped on a thread of the owner (S1-33); none is called after [`Callbacks::abort`] (S1-31);
//! a failure tells `Failed` and nothing else; the last event releases the callbacks.

#![forbid(unsafe_code)]

use std::fmt;

use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::Arc;

/// What happened to a compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompileEvent {
    /// Another megabyte of machine code was published.
    FinishedChunk,
    /// Every function has its code.
    FinishedCompilation,
    /// The module does not compile.
    Failed,
}

impl CompileEvent {
    fn is_last(self) -> bool {
        self != CompileEvent::FinishedChunk
    }
}

/// The owner's bell. Called by workers, outside of every lock and scope: it must return at once, and may post a task that
/// dispatches. Dropped by whoever lets go of it last.
pub trait EventSink: Send + Sync + fmt::Debug {
    /// Events are waiting to be dispatched, or there is work that background tasks have left.
    fn wake(&self);

    /// Another batch of functions is done. Does nothing, unless it says otherwise.
    fn progressed(&self) {}
}

/// Events on their way to the owner.
#[derive(Debug)]
pub struct EventQueue {
    pending: RankedMutex<Vec<CompileEvent>>,
    sink: Option<Arc<dyn EventSink>>,
}

impl EventQueue {
    /// A queue that rings this bell.
    pub fn new(sink: Option<Arc<dyn EventSink>>) -> Self {
        EventQueue { pending: RankedMutex::new(Rank::Events, Vec::new()), sink }
    }

    /// Appends.
    pub fn post(&self, event: CompileEvent) {
        self.pending.lock().push(event);
        if let Some(sink) = &self.sink {
            sink.wake();
        }
    }

    /// Rings without an event: there is work for the owner.
    pub fn ring(&self) {
        if let Some(sink) = &self.sink {
            sink.wake();
        }
    }

    /// Tells that another batch is done.
    pub fn progressed(&self) {
        if let Some(sink) = &self.sink {
            sink.progressed();
        }
    }

    /// Takes all out, oldest first.
    pub fn take(&self) -> Vec<CompileEvent> {
        std::mem::take(&mut self.pending.lock())
    }
}

/// What the owner wants called.
pub type Callback = Box<dyn FnMut(CompileEvent) + Send>;

/// The owner's callbacks.
pub struct Callbacks(RankedMutex<Inner>);

impl Default for Callbacks {
    fn default() -> Self {
        Callbacks(RankedMutex::new(Rank::Callbacks, Inner::default()))
    }
}

#[derive(Default)]
struct Inner {
    list: Vec<Callback>,
    last: Option<CompileEvent>,
    aborted: bool,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("len", &self.0.lock().list.len()).finish_non_exhaustive()
    }
}

impl Callbacks {
    /// Adds one. If the compilation has ended already, it is called now, and released.
    pub fn add(&self, mut callback: Callback) {
        let mut inner = self.0.lock();
        if inner.aborted {
            drop(inner);
            return;
        }
        match inner.last {
            None => inner.list.push(callback),
            Some(event) => {
                drop(inner);
                callback(event);
            }
        }
    }

    /// Calls all, outside of the lock, so that a callback may add others.
    pub fn fire(&self, event: CompileEvent) {
        let mut list = {
            let mut inner = self.0.lock();
            if inner.aborted || inner.last.is_some() {
                return;
            }
            if event.is_last() {
                inner.last = Some(event);
            }
            std::mem::take(&mut inner.list)
        };
        for callback in &mut list {
            callback(event);
        }
        let mut inner = self.0.lock();
        if !event.is_last() && !inner.aborted {
            list.append(&mut inner.list);
            inner.list = list;
        }
    }

    /// Drops all, on this thread, and calls none from now on.
    pub fn abort(&self) {
        let list = {
            let mut inner = self.0.lock();
            inner.aborted = true;
            std::mem::take(&mut inner.list)
        };
        drop(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sync::Mutex;

    fn recorder(seen: &Arc<Mutex<Vec<CompileEvent>>>) -> Callback {
        let seen = Arc::clone(seen);
        Box::new(move |event| seen.lock().push(event))
    }

    #[test]
    fn callbacks_end_with_the_last_event() {
        let (callbacks, seen) = (Callbacks::default(), Arc::default());
        callbacks.add(recorder(&seen));
        callbacks.fire(CompileEvent::FinishedChunk);
        callbacks.fire(CompileEvent::FinishedCompilation);
        assert_eq!(Arc::strong_count(&seen), 1, "released");
        callbacks.fire(CompileEvent::FinishedChunk);
        assert_eq!(*seen.lock(), [CompileEvent::FinishedChunk, CompileEvent::FinishedCompilation]);
        callbacks.add(recorder(&seen));
        assert_eq!(seen.lock().len(), 3, "called for what has happened");
        assert_eq!(Arc::strong_count(&seen), 1);
    }

    /// Statement S1-31.
    #[test]
    fn s1_31_none_is_called_after_abort() {
        let (callbacks, seen) = (Callbacks::default(), Arc::default());
        callbacks.add(recorder(&seen));
        callbacks.abort();
        assert_eq!(Arc::strong_count(&seen), 1, "dropped by abort");
        callbacks.fire(CompileEvent::Failed);
        callbacks.add(recorder(&seen));
        assert!(seen.lock().is_empty());
        assert_eq!(Arc::strong_count(&seen), 1);
    }

    #[test]
    fn the_bell_rings_for_each_event() {
        #[derive(Debug, Default)]
        struct Bell(Mutex<u32>);
        impl EventSink for Bell {
            fn wake(&self) {
                *self.0.lock() += 1;
            }
        }
        let bell = Arc::new(Bell::default());
        let queue = EventQueue::new(Some(bell.clone()));
        queue.post(CompileEvent::FinishedChunk);
        queue.post(CompileEvent::Failed);
        assert_eq!(*bell.0.lock(), 2);
        assert_eq!(queue.take(), [CompileEvent::FinishedChunk, CompileEvent::Failed]);
        assert!(queue.take().is_empty());
    }
}
