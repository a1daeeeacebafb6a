//! Stopping a guest from outside: termination by another thread, and deadlines.
//!
//! Problem: a guest polls at loop headers, and compares its stack pointer with a limit at function entries. Baseline code looks whether a word
//! is zero, optimized code [reads a page](crate::runtime::isolate_block). Another thread must be able to stop both at any moment, and to do
//! nothing once the isolate is gone.
//!
//! Idea: an [`InterruptHandle`] shares a small lock with the isolate; under it lies the block's address while the isolate lives.
//! Interrupting sets the word, takes the page away, then lifts the stack limit to the top; entering sets the limit, then looks at the word
//! again, so one of the two sees the other. **Invariant:** under the lock, the page is there if and only if the word is zero. The trap that follows is told from a real stack overflow by the word.
//!
//! A guest of an asynchronous call is also asked to *yield* when a slice of time is over, by the same means; it takes that back itself and goes
//! on. While such a call is suspended, an interrupt that ends guests wakes its task.

use crate::base::sync::atomic::Ordering;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ptr::NonNull;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::abi::trap::TrapCode;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, model};
use crate::base::trace;
use crate::layout::IsolateBlock;
use crate::layout::block::NO_STACK;
use crate::layout::block::interrupt::{DEADLINE, ENDING, TERMINATE, YIELD};
use crate::runtime::isolate_block::{BlockMemory, set_polls_fault};
use crate::runtime::waiters::Waiter;

/// What a host function returns when it has waited, and has seen by [`InterruptHandle::is_pending`] that it shall not wait on: the
/// guest stops as if it had noticed the interrupt itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted in a host function")]
pub struct Interrupted;

/// The isolate's end.
#[derive(Debug)]
pub struct InterruptTarget {
    shared: Arc<Shared>,
}

/// Stops the guest of an isolate, from any thread, at any time; harmless once the isolate is gone.
#[derive(Debug, Clone)]
pub struct InterruptHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    block: Option<NonNull<IsolateBlock>>,
    /// Deadlines set before this generation are void.
    generation: u64,
    /// The isolate's thread waits at a shared memory, or is about to. It takes the waiter's lock under this one, never the reverse.
    waiter: Option<model::Arc<Waiter>>,
    /// The task of a suspended call.
    waker: Option<Waker>,
    /// The slice of time of the call that runs, or ran last.
    slice: Slice,
}

/// A guest's time until it shall yield.
#[derive(Debug, Default)]
struct Slice {
    /// When it ends; `None` while no call runs that yields.
    end: Option<Instant>,
    /// Whether the watchdog has an entry for this isolate's slices. It is one, however many slices there are: it looks at the end that is
    /// current when its own time has come.
    is_watched: bool,
}

// SAFETY: the pointer is used only under the lock, and only while the isolate has not taken it back; the fields reached through
// it are atomics.
unsafe impl Send for State {}

impl InterruptTarget {
    /// # Safety
    ///
    /// The block outlives the target.
    pub(crate) unsafe fn new(block: &BlockMemory) -> Self {
        let state =
            State { block: Some(NonNull::from(&**block)), generation: 0, waiter: None, waker: None, slice: Slice::default() };
        InterruptTarget { shared: Arc::new(Shared { state: Mutex::new(state) }) }
    }

    /// A handle for other threads.
    pub fn handle(&self) -> InterruptHandle {
        InterruptHandle { shared: Arc::clone(&self.shared) }
    }

    /// Sets the stack limit unless an interrupt is pending.
    #[inline]
    pub(crate) fn set_stack_limit(&self, block: &IsolateBlock, limit: usize) {
        // Relaxed: only this thread writes limits. Whoever still reads its last one has it before an interrupter's write, if there is
        // any, which the guest will find; and the store, which waits for all before it, would be half the cost of a short call.
        if block.stack_limit.load(Ordering::Relaxed) == limit {
            return;
        }
        // SeqCst on both sides: the interrupter writes the word and then the limit, this writes the limit and then reads the word.
        block.stack_limit.store(limit, Ordering::SeqCst);
        if block.interrupt.load(Ordering::SeqCst) != 0 {
            block.stack_limit.store(NO_STACK, Ordering::SeqCst);
        }
    }

    /// What a trap really means: an overflow while an interrupt is pending is that interrupt. The interrupt is spent when the
    /// outermost activation ends with it.
    pub(crate) fn translate(&self, block: &IsolateBlock, code: TrapCode, outermost: bool) -> TrapCode {
        if !matches!(code, TrapCode::StackOverflow | TrapCode::Interrupted) {
            return code;
        }
        let mut pending = block.interrupt.load(Ordering::SeqCst);
        if outermost && pending != 0 {
            // Under the lock, so that whoever interrupted has lifted the limit already, and does not lift the next guest's.
            pending = self.shared.state.lock().take_back(ENDING);
        }
        if pending & TERMINATE != 0 {
            TrapCode::Interrupted
        } else if pending & DEADLINE != 0 {
            TrapCode::DeadlineExceeded
        } else {
            code
        }
    }

    /// Whether the guest shall end.
    #[inline]
    pub(crate) fn is_ending(block: &IsolateBlock) -> bool {
        block.interrupt.load(Ordering::SeqCst) & ENDING != 0
    }

    /// Has the guest asked to yield so long from now. Called before it runs, or runs on.
    pub(crate) fn begin_slice(&self, length: Duration) {
        let Some(end) = Instant::now().checked_add(length) else { return };
        let mut state = self.shared.state.lock();
        state.slice.end = Some(end);
        if !std::mem::replace(&mut state.slice.is_watched, true) {
            drop(state);
            watchdog().add(Entry { due: end, kind: Due::Slice, shared: Arc::clone(&self.shared) });
        }
    }

    /// The guest has left before its slice was over.
    pub(crate) fn end_slice(&self, block: &IsolateBlock, stack_limit: usize) {
        self.shared.state.lock().slice.end = None;
        self.take_back_yield(block, stack_limit);
    }

    /// Takes back what asked the guest to yield, so that it runs on within its limit.
    pub(crate) fn take_back_yield(&self, block: &IsolateBlock, stack_limit: usize) {
        let state = self.shared.state.lock();
        if state.take_back(YIELD) & YIELD != 0 && block.interrupt.load(Ordering::SeqCst) == 0 {
            // Under the lock: nobody is about to lift it.
            block.stack_limit.store(stack_limit, Ordering::SeqCst);
        }
    }

    /// Has interrupts that end guests wake this task, from now on; false when one is pending already.
    pub(crate) fn wake_on_end(&self, block: &IsolateBlock, waker: &Waker) -> bool {
        if !self.shared.state.lock().waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            // Cloning and dropping are the host's code: without the lock.
            let new = Some(waker.clone());
            let old = std::mem::replace(&mut self.shared.state.lock().waker, new);
            drop(old);
        }
        // After the waker is there: who interrupts later finds it.
        !Self::is_ending(block)
    }

    /// The call is over.
    pub(crate) fn forget_waker(&self) {
        let waker = self.shared.state.lock().waker.take();
        drop(waker);
    }

    /// Stops the guest this long from now, unless another deadline or none is set before.
    pub fn set_deadline(&self, after: Option<Duration>) {
        let mut state = self.shared.state.lock();
        state.generation += 1;
        state.take_back(DEADLINE);
        if let Some(after) = after {
            let due = Instant::now().checked_add(after);
            let generation = state.generation;
            drop(state);
            if let Some(due) = due {
                watchdog().add(Entry { due, kind: Due::Deadline { generation }, shared: Arc::clone(&self.shared) });
            }
        }
    }
}

impl Drop for InterruptTarget {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.block = None;
        state.generation += 1;
        let waker = state.waker.take();
        drop(state);
        drop(waker);
    }
}

impl InterruptHandle {
    /// Makes the guest trap with [`TrapCode::Interrupted`] at its next poll; the next guest, if none runs now.
    pub fn terminate(&self) {
        let waker = self.shared.state.lock().interrupt(TERMINATE);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether an interrupt waits to be noticed; a host function that blocks asks now and then.
    pub fn is_pending(&self) -> bool {
        let state = self.shared.state.lock();
        // SAFETY: under the lock, the isolate lives.
        state.block.is_some_and(|block| InterruptTarget::is_ending(unsafe { block.as_ref() }))
    }

    /// Has interrupts wake this waiter, until [`end_wait`](Self::end_wait); false when one is pending already. On the isolate's thread.
    pub(crate) fn begin_wait(&self, waiter: model::Arc<Waiter>) -> bool {
        let mut state = self.shared.state.lock();
        // SAFETY: under the lock, the isolate lives.
        if state.block.is_some_and(|block| InterruptTarget::is_ending(unsafe { block.as_ref() })) {
            return false;
        }
        state.waiter = Some(waiter);
        true
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.shared.state.lock().waiter = None;
    }
}

impl State {
    /// Interrupts the guest. Gives the task to be woken for it, without the lock.
    #[must_use]
    fn interrupt(&mut self, bit: u32) -> Option<Waker> {
        if let Some(block) = self.block {
            // SAFETY: under the lock, the isolate lives.
            let words = unsafe { block.as_ref() };
            if words.interrupt.fetch_or(bit, Ordering::SeqCst) == 0 {
                // SAFETY: as above; a poll that faults finds the word set.
                if let Err(error) = unsafe { set_polls_fault(block, true) } {
                    tracing::error!(target: trace::RUN, %error, "loops in optimized code are not interrupted");
                }
            }
            words.stack_limit.store(NO_STACK, Ordering::SeqCst);
            if bit & ENDING != 0
                && let Some(waiter) = &self.waiter
            {
                waiter.interrupt();
            }
        }
        if bit & ENDING == 0 { None } else { self.waker.take() }
    }

    /// What the watchdog has waited for is due. Gives a task to be woken, and when to look again.
    fn is_due(&mut self, kind: Due, now: Instant) -> (Option<Waker>, Option<Instant>) {
        match (kind, self.slice.end) {
            (Due::Deadline { generation }, _) if self.generation == generation => (self.interrupt(DEADLINE), None),
            (Due::Deadline { .. }, _) => (None, None),
            (Due::Slice, Some(end)) if self.block.is_some() && end > now => (None, Some(end)),
            (Due::Slice, end) => {
                self.slice.is_watched = false;
                (end.and_then(|_| self.interrupt(YIELD)), None)
            }
        }
    }
}

impl State {
    /// Clears some of the word's bits. Gives those that were set.
    fn take_back(&self, bits: u32) -> u32 {
        let Some(block) = self.block else { return 0 };
        // SAFETY: under the lock, the isolate lives.
        let word = &unsafe { block.as_ref() }.interrupt;
        let before = word.fetch_and(!bits, Ordering::SeqCst);
        if before != 0 && before & !bits == 0 {
            // SAFETY: as above.
            if let Err(error) = unsafe { set_polls_fault(block, false) } {
                // Polls fault still: better all that runs here is interrupted than that it faults for ever.
                tracing::error!(target: trace::RUN, %error, "the isolate stays interrupted");
                word.fetch_or(before, Ordering::SeqCst);
            }
        }
        before
    }
}

/// One thread for all deadlines of the process, started at the first one.
struct Watchdog {
    queue: Mutex<BinaryHeap<Reverse<Entry>>>,
    changed: Condvar,
}

struct Entry {
    due: Instant,
    kind: Due,
    shared: Arc<Shared>,
}

/// What ends when an entry is due.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// The time that guests have, unless another deadline was set since.
    Deadline { generation: u64 },
    /// The slice of a guest, unless that has left, or a new one has begun.
    Slice,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
    static STARTED: Once = Once::new();
    let watchdog = WATCHDOG.get_or_init(|| Watchdog { queue: Mutex::default(), changed: Condvar::new() });
    STARTED.call_once(|| {
        let spawned = std::thread::Builder::new().name("deltic-watchdog".into()).spawn(|| watchdog.run());
        if let Err(error) = spawned {
            tracing::error!(target: trace::RUN, %error, "no thread for deadlines");
        }
    });
    watchdog
}

impl Watchdog {
    fn add(&self, entry: Entry) {
        self.queue.lock().push(Reverse(entry));
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut queue = self.queue.lock();
        loop {
            let now = Instant::now();
            while queue.peek().is_some_and(|Reverse(entry)| entry.due <= now) {
                let Some(Reverse(mut entry)) = queue.pop() else { break };
                let (waker, again) = entry.shared.state.lock().is_due(entry.kind, now);
                if let Some(due) = again {
                    entry.due = due;
                    queue.push(Reverse(entry));
                }
                if let Some(waker) = waker {
                    // It is the host's code, which may set deadlines.
                    MutexGuard::unlocked(&mut queue, || waker.wake());
                }
            }
            match queue.peek().map(|Reverse(entry)| entry.due) {
                Some(due) => {
                    self.changed.wait_until(&mut queue, due);
                }
                None => self.changed.wait(&mut queue),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::store::Store;
    use crate::{Config, Isolate, Linker, Module, Strategy, WasmEngine};

    /// The access to the page that polls read, as the system tells it.
    fn access(block: &IsolateBlock) -> String {
        let address = (&raw const *block).addr().wrapping_add_signed(crate::layout::block::POLL_OFFSET as isize);
        let maps = std::fs::read_to_string("/proc/self/maps").expect("the system's list");
        let is_at = |line: &&str| {
            let (start, rest) = line.split_once('-').expect("a range");
            let end = rest.split_once(' ').expect("a range").0;
            let number = |text| usize::from_str_radix(text, 16).expect("an address");
            (number(start)..number(end)).contains(&address)
        };
        let line = maps.lines().find(is_at).expect("a mapping");
        line.split(' ').nth(1).expect("an access")[..3].to_owned()
    }

    #[test]
    fn the_page_is_there_while_the_word_is_zero() {
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(0)).expect("an engine");
        let store = Store::new(&engine).expect("a store");
        let (target, block) = (&store.interrupts, &*store.block);
        assert_eq!(access(block), "r--");
        for _ in 0..3 {
            target.handle().terminate();
            assert!(target.shared.state.lock().interrupt(DEADLINE).is_none());
            assert_eq!((access(block), target.handle().is_pending()), ("---".into(), true));
            // One reason is left.
            target.set_deadline(None);
            assert_eq!(access(block), "---");
            assert_eq!(target.translate(block, TrapCode::Interrupted, false), TrapCode::Interrupted);
            assert_eq!(access(block), "---", "an outer activation shall end, too");
            assert_eq!(target.translate(block, TrapCode::Interrupted, true), TrapCode::Interrupted);
            assert_eq!((access(block), target.handle().is_pending()), ("r--".into(), false));
        }
        let handle = target.handle();
        drop(store);
        handle.terminate();
        assert!(!handle.is_pending(), "nobody is there");
    }

    /// A poll that faults while nothing is asked for is tried again until the page is back.
    #[test]
    fn a_loop_goes_on_when_an_interrupt_was_taken_back() {
        let config = Config::default().with_num_compilation_tasks(0).with_strategy(Strategy::AheadOfTime);
        let engine = WasmEngine::new(&config).expect("an engine");
        let text = r#"(module (func (export "f") (param i32) (result i32)
            (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))"#;
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let module = Module::new(&engine, text).expect("valid");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
        let shared = isolate.interrupt_handle().shared;
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                for _ in 0..50 {
                    let state = shared.state.lock();
                    let block = state.block.expect("the isolate lives");
                    // SAFETY: under the lock, the isolate lives.
                    unsafe { set_polls_fault(block, true) }.expect("a page");
                    std::thread::sleep(Duration::from_micros(100));
                    // SAFETY: as above.
                    unsafe { set_polls_fault(block, false) }.expect("a page");
                }
            });
            while !other.is_finished() {
                assert_eq!(func.call(&mut isolate, 1_000_000).expect("no trap"), 0);
            }
        });
    }

    /// Isolates get the pages of others, but not those of one that ended before it noticed an interrupt.
    #[test]
    fn no_isolate_begins_interrupted() {
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(0)).expect("an engine");
        for round in 0..200 {
            let store = Store::new(&engine).expect("a store");
            assert_eq!((access(&store.block), store.interrupts.handle().is_pending()), ("r--".into(), false), "round {round}");
            if round % 3 == 0 {
                store.interrupts.handle().terminate();
            }
        }
    }
}
