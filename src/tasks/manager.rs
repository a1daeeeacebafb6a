//! The task manager: queues, threads, and a teardown after which nothing runs.
//!
//! Problem: background work must go on without its requester, end on command, and leave neither a thread nor a queued task
//! behind; and an engine that compiles nothing must cost no thread.
//!
//! Idea: tasks wait in one queue per priority, under one lock (a task runs for milliseconds, so the lock is not contended).
//! Threads start when a task finds none idle. A host's executor gets *tickets* for the same queue instead.
//!
//! Teardown, in this order:
//! 1. [`TaskManager::close`]: the gate closes; a task posted later is handed back to its poster on the spot.
//! 2. [`TaskManager::finish`]: what is queued is dropped, unrun; the caller parks until what runs has ended; threads are joined.
//!
//! A post that entered the gate just before it closed may queue its task after step 2 emptied the queue. It therefore looks at
//! the gate once more after queueing and, if closed, empties the queue itself: either it sees the closed gate or step 2 sees
//! its task, as both pass the queue's lock.
//!
//! **Invariant:** a registered task is inside the gate until after it was dropped. **Invariant:** threads are only started
//! inside the gate, so that `finish` joins them all.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::thread::{self, JoinHandle};
use crate::base::sync::{Arc, Condvar, Mutex, OnceLock};
use crate::base::{trace, tuning};
use crate::platform::thread as thread_policy;
use crate::tasks::executor::{Executor, Ticket};
use crate::tasks::gate::TaskGate;

/// What a task's run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It gives its thread back and wants to run again, behind the others of its priority (statement S1-28).
    Again,
}

/// A piece of background work, run in slices.
pub trait Task: Send {
    /// Runs one slice.
    fn run(&mut self) -> Outcome;
}

/// The task that runs a closure once.
struct Once<F>(Option<F>);

impl<F: FnOnce() + Send> Task for Once<F> {
    fn run(&mut self) -> Outcome {
        if let Some(work) = self.0.take() {
            work();
        }
        Outcome::Done
    }
}

/// The order in which queued tasks start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPriority {
    /// Freeing memory: short, and what others need.
    Cleanup = 0,
    /// Somebody waits for the result.
    UserBlocking = 1,
    /// Nice to have.
    Background = 2,
}

const PRIORITY_COUNT: usize = 3;

/// What a thread does next.
enum Work {
    Task(Queued),
    Rest,
    End,
}

struct Queued {
    task: Box<dyn Task>,
    priority: TaskPriority,
}

#[derive(Default)]
struct Queues {
    waiting: [VecDeque<Queued>; PRIORITY_COUNT],
    idle_count: usize,
    thread_count: usize,
    /// Tasks of the lowest priority start only while fewer threads are busy: one processor is for who posts them.
    background_max: usize,
    /// Threads leave when nothing is queued.
    exit: bool,
}

impl Queues {
    /// The next task for a thread that is not idle.
    fn pop(&mut self) -> Option<Queued> {
        let others = self.busy_count().saturating_sub(1);
        let count = if others < self.background_max { PRIORITY_COUNT } else { TaskPriority::Background as usize };
        self.waiting[..count].iter_mut().find_map(VecDeque::pop_front)
    }

    /// Threads that run a task or will look for one.
    fn busy_count(&self) -> usize {
        self.thread_count - self.idle_count
    }

    fn len(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}

/// What threads, tickets and posters share. Plain data: whoever lets go last may free it.
pub(super) struct TaskShared {
    gate: TaskGate,
    queues: RankedMutex<Queues>,
    work: Condvar,
    /// Locked after `queues`. Held while joining.
    threads: RankedMutex<Vec<JoinHandle<()>>>,
    thread_max: usize,
    thread_name: String,
    executor: Option<Arc<dyn Executor>>,
    /// Called when no thread has had anything to do for a while.
    on_idle: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for TaskShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskShared").field("gate", &self.gate).field("thread_max", &self.thread_max).finish_non_exhaustive()
    }
}

/// Posts tasks; does not keep the manager's threads alive.
#[derive(Debug, Clone)]
pub struct TaskPoster(Arc<TaskShared>);

impl TaskPoster {
    /// Queues a task.
    ///
    /// # Errors
    ///
    /// The task itself, when the manager is shut down or has no thread: the caller may run it, or drop it.
    pub fn post(&self, priority: TaskPriority, task: Box<dyn Task>) -> Result<(), Box<dyn Task>> {
        TaskShared::post(&self.0, priority, task)
    }

    /// Drops a value of plain data on another thread, or here when there is none.
    pub fn drop_elsewhere<T: Send + 'static>(&self, value: T) {
        drop(self.to_drop(value));
    }

    /// The same for when what this gives is dropped.
    pub fn to_drop<T: Send + 'static>(&self, value: T) -> DroppedElsewhere {
        DroppedElsewhere { poster: self.clone(), task: Mutex::new(Some(Box::new(Once(Some(move || drop(value)))))) }
    }

    /// Whether tasks may be posted.
    pub fn is_open(&self) -> bool {
        !self.0.gate.is_closed()
    }
}

/// A value that goes to [another thread](TaskPoster::drop_elsewhere) when this is dropped. As an owner's last field it goes when all else is
/// freed: allocators have locks, and who frees something while that thread does the same waits for it, and then for a processor.
#[must_use]
pub struct DroppedElsewhere {
    poster: TaskPoster,
    /// There until this is dropped. Never locked: a task is one thread's, and owners of this may be shared.
    task: Mutex<Option<Box<dyn Task>>>,
}

impl fmt::Debug for DroppedElsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DroppedElsewhere").finish_non_exhaustive()
    }
}

impl Drop for DroppedElsewhere {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().take() {
            // Where there is no thread it is dropped here.
            let _ = self.poster.post(TaskPriority::Cleanup, task);
        }
    }
}

/// Owner of background work. Dropping it shuts it down.
#[derive(Debug)]
pub struct TaskManager {
    poster: TaskPoster,
}

impl TaskManager {
    /// A manager with at most so many threads of its own, by this name and a number; none are started yet.
    pub fn new(thread_max: usize, thread_name: &str) -> Self {
        Self::build(thread_max, thread_name, None)
    }

    /// A manager that runs everything on the host's threads.
    pub fn with_executor(executor: Arc<dyn Executor>) -> Self {
        Self::build(0, "", Some(executor))
    }

    fn build(thread_max: usize, thread_name: &str, executor: Option<Arc<dyn Executor>>) -> Self {
        // How many tickets it runs at once is the host's business.
        let background_max = if executor.is_some() { usize::MAX } else { thread_max.saturating_sub(1).max(1) };
        let shared = TaskShared {
            gate: TaskGate::new(),
            queues: RankedMutex::new(Rank::TaskQueues, Queues { background_max, ..Queues::default() }),
            work: Condvar::new(),
            threads: RankedMutex::new(Rank::TaskThreads, Vec::new()),
            thread_max,
            thread_name: thread_name.to_owned(),
            executor,
            on_idle: OnceLock::new(),
        };
        TaskManager { poster: TaskPoster(Arc::new(shared)) }
    }

    /// Has somebody called, by one of its threads, when none has had anything to do for [a while](tuning::IDLE_AFTER). Said once.
    pub fn on_idle(&self, idle: impl Fn() + Send + Sync + 'static) {
        self.poster.0.on_idle.get_or_init(|| Box::new(idle));
    }

    /// A handle to post with.
    pub fn poster(&self) -> &TaskPoster {
        &self.poster
    }

    /// Queues a closure; see [`TaskPoster::post`].
    ///
    /// # Errors
    ///
    /// The manager is shut down or has no thread. The closure was dropped.
    pub fn post_fn(&self, priority: TaskPriority, work: impl FnOnce() + Send + 'static) -> Result<(), Cancelled> {
        self.poster.post(priority, Box::new(Once(Some(work)))).map_err(|_task| Cancelled)
    }

    /// How many threads were started.
    pub fn thread_count(&self) -> usize {
        self.poster.0.queues.lock().thread_count
    }

    /// How many tasks are registered: queued or running.
    pub fn active_count(&self) -> usize {
        self.poster.0.gate.active()
    }

    /// Step 1 of teardown: later tasks are refused.
    pub fn close(&self) {
        self.poster.0.gate.close();
    }

    /// Step 2 of teardown: drops what is queued, parks until nothing runs, and joins the threads. Any number of threads may
    /// call this; each returns only then. Not to be called by a task.
    pub fn finish(&self) {
        let shared = &self.poster.0;
        shared.gate.close();
        shared.drop_queued();
        shared.gate.wait_idle();
        shared.queues.lock().exit = true;
        shared.work.notify_all();
        let mut threads = shared.threads.lock();
        let this = thread::current().id();
        for handle in threads.drain(..) {
            debug_assert_ne!(handle.thread().id(), this, "a task shuts its own manager down");
            if handle.thread().id() != this {
                // A thread catches the panics of its tasks; it has none of its own to report.
                let _ = handle.join();
            }
        }
    }
}

impl Drop for TaskManager {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The manager was shut down, or has no thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the task manager takes no tasks")]
pub struct Cancelled;

impl TaskShared {
    fn post(self: &Arc<Self>, priority: TaskPriority, task: Box<dyn Task>) -> Result<(), Box<dyn Task>> {
        if (self.thread_max == 0 && self.executor.is_none()) || !self.gate.enter() {
            return Err(task);
        }
        let queued = Queued { task, priority };
        match &self.executor {
            Some(executor) => {
                self.queues.lock().waiting[priority as usize].push_back(queued);
                executor.spawn(Ticket(Arc::clone(self)));
            }
            None => self.enqueue(queued)?,
        }
        if self.gate.is_closed() {
            self.drop_queued();
        }
        Ok(())
    }

    /// Queues for our own threads, and starts one if all are busy.
    fn enqueue(self: &Arc<Self>, queued: Queued) -> Result<(), Box<dyn Task>> {
        let mut queues = self.queues.lock();
        let may_start = queued.priority != TaskPriority::Background || queues.busy_count() < queues.background_max;
        if may_start && queues.len() >= queues.idle_count && queues.thread_count < self.thread_max {
            let shared = Arc::clone(self);
            let builder = thread::Builder::new()
                .name(format!("{}-{}", self.thread_name, queues.thread_count))
                .stack_size(tuning::TASK_STACK_BYTES);
            match thread_policy::spawn(builder, move || shared.run_thread()) {
                Ok(handle) => {
                    queues.thread_count += 1;
                    self.threads.lock().push(handle);
                }
                Err(_) if queues.thread_count == 0 => {
                    drop(queues);
                    self.gate.leave();
                    return Err(queued.task);
                }
                // Those that did start will do.
                Err(_) => {}
            }
        }
        queues.waiting[queued.priority as usize].push_back(queued);
        drop(queues);
        self.work.notify_one();
        Ok(())
    }

    fn run_thread(self: Arc<Self>) {
        thread_policy::yield_to_others();
        // Whether this thread has said that there was nothing to do, and nothing was since.
        let mut has_rested = false;
        loop {
            match self.next_work(has_rested) {
                Work::Task(queued) => {
                    has_rested = false;
                    self.run(queued);
                }
                Work::Rest => {
                    has_rested = true;
                    if let Some(on_idle) = self.on_idle.get() {
                        on_idle();
                    }
                }
                Work::End => return,
            }
        }
    }

    /// Waits for a task. The last thread to have waited for a while is told to rest, once.
    fn next_work(&self, has_rested: bool) -> Work {
        let mut queues = self.queues.lock();
        loop {
            if let Some(queued) = queues.pop() {
                return Work::Task(queued);
            }
            if queues.exit {
                return Work::End;
            }
            queues.idle_count += 1;
            let is_late = if has_rested || self.on_idle.get().is_none() {
                self.work.wait(queues.inner());
                false
            } else {
                self.work.wait_for(queues.inner(), tuning::IDLE_AFTER).timed_out()
            };
            queues.idle_count -= 1;
            if is_late && queues.len() == 0 && !queues.exit && queues.idle_count + 1 == queues.thread_count {
                return Work::Rest;
            }
        }
    }

    /// Runs one task if one is queued; for tickets.
    pub(super) fn run_one(self: &Arc<Self>) {
        let queued = self.queues.lock().pop();
        if let Some(queued) = queued {
            self.run(queued);
        }
    }

    fn run(self: &Arc<Self>, mut queued: Queued) {
        let outcome = catch_unwind(AssertUnwindSafe(|| queued.task.run())).unwrap_or_else(|_| {
            tracing::error!(target: trace::COMPILE, "a task panicked");
            Outcome::Done
        });
        if outcome == Outcome::Again && !self.gate.is_closed() {
            let priority = queued.priority as usize;
            self.queues.lock().waiting[priority].push_back(queued);
            match &self.executor {
                Some(executor) => executor.spawn(Ticket(Arc::clone(self))),
                None => {
                    self.work.notify_one();
                }
            }
            if self.gate.is_closed() {
                self.drop_queued();
            }
            return;
        }
        drop_task(queued.task);
        self.gate.leave();
    }

    fn drop_queued(&self) {
        let dropped: Vec<Queued> = {
            let mut queues = self.queues.lock();
            queues.waiting.iter_mut().flat_map(std::mem::take).collect()
        };
        for queued in dropped {
            drop_task(queued.task);
            self.gate.leave();
        }
    }
}

/// Drops a task; a panic in its destructor must not leave the gate occupied.
fn drop_task(task: Box<dyn Task>) {
    if catch_unwind(AssertUnwindSafe(|| drop(task))).is_err() {
        tracing::error!(target: trace::COMPILE, "the destructor of a task panicked");
    }
}
