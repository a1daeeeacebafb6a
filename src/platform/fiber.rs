//! Stacks beside those of threads, for calls that are left in the middle and gone on with later, on any thread.
//!
//! *Problem.* A guest that waits must not keep an executor's thread, and its frames must stay where they are meanwhile. *Idea.* It runs on a
//! stack of its own. [`Fiber::resume`] changes to that stack, [`Suspender::suspend`] back to whoever resumed; the change itself is that of the
//! crate `corosensei`. Stacks are mapped with an inaccessible page below, and kept in a [`StackPool`] when a call is over.
//!
//! Memory: a stack takes pages as they are touched. What a call has touched below the first pages is given back when the stack
//! is: at once if it is one of many, else every few calls, for the system call costs more than a change of stacks.
//!
//! **Invariants:** a fiber's body returns and never unwinds. What runs on a fiber must not keep the address of anything thread-local
//! across a suspension, because it may go on on another thread. A fiber that is dropped before its body has returned keeps its stack for
//! ever: what is on it may not be run again, and may be referred to.

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;

use corosensei::stack::Stack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::base::sync::{Arc, Mutex};
use crate::base::tuning::{STACK_KEPT_BYTES, STACK_USES_MAX, WARM_STACKS_MAX};
use crate::platform::memory::{MemoryError, Reservation, page_bytes};
use crate::platform::stack::StackBounds;

/// Addresses below a function's frame that a change of stacks may still write to, and then some: where a scan of a stack that was left begins.
const SWITCH_BYTES: usize = 1024;

/// Memory for one fiber.
#[derive(Debug)]
struct FiberStack {
    memory: Reservation,
    /// Calls since untouched pages were last made sure of.
    uses: u32,
}

impl FiberStack {
    fn new(bytes: usize) -> Result<Self, MemoryError> {
        let guard = page_bytes();
        let memory = Reservation::new(guard + bytes)?;
        memory.commit(guard..memory.len_bytes())?;
        Ok(FiberStack { memory, uses: 0 })
    }

    fn bounds(&self) -> StackBounds {
        let addresses = self.memory.addresses();
        StackBounds { low: addresses.start + page_bytes(), high: addresses.end }
    }

    /// Gives back the pages that only deep calls touch.
    fn discard(&mut self) {
        self.uses = 0;
        let end = self.memory.len_bytes().saturating_sub(STACK_KEPT_BYTES);
        if end > page_bytes() {
            // SAFETY: nothing runs on the stack, and nobody refers to it.
            if let Err(error) = unsafe { self.memory.discard(page_bytes()..end) } {
                tracing::debug!(%error, "a stack keeps its pages");
            }
        }
    }
}

// SAFETY: below the stack lies an inaccessible page, and bounds are multiples of pages.
unsafe impl Stack for FiberStack {
    fn base(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(self.memory.addresses().end - 1)
    }

    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(self.memory.addresses().start - 1)
    }
}

/// Stacks of one size: those that are in use, counted, and some that are not.
#[derive(Debug)]
pub struct StackPool {
    stack_bytes: usize,
    spare_max: usize,
    spare: Mutex<Vec<FiberStack>>,
    in_use: AtomicUsize,
}

/// How many stacks a pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackCounts {
    /// Those of calls that have begun and not ended.
    pub in_use: usize,
    /// Those that the next calls will get.
    pub spare: usize,
}

impl StackPool {
    /// A pool of stacks of so many bytes, which keeps so many that are not in use.
    pub fn new(stack_bytes: usize, spare_max: usize) -> Self {
        StackPool { stack_bytes, spare_max, spare: Mutex::new(Vec::new()), in_use: AtomicUsize::new(0) }
    }

    /// How many stacks there are.
    pub fn counts(&self) -> StackCounts {
        // Relaxed: a figure.
        StackCounts { in_use: self.in_use.load(Ordering::Relaxed), spare: self.spare.lock().len() }
    }

    fn take(&self) -> Result<FiberStack, MemoryError> {
        let spare = self.spare.lock().pop();
        let stack = spare.map_or_else(|| FiberStack::new(self.stack_bytes), Ok)?;
        // Relaxed: a figure.
        self.in_use.fetch_add(1, Ordering::Relaxed);
        Ok(stack)
    }

    fn give(&self, mut stack: FiberStack) {
        // Relaxed: a figure.
        self.in_use.fetch_sub(1, Ordering::Relaxed);
        stack.uses += 1;
        let mut spare = self.spare.lock();
        if spare.len() >= self.spare_max {
            // Unmapped without the lock.
            drop(spare);
            return;
        }
        if spare.len() >= WARM_STACKS_MAX || stack.uses >= STACK_USES_MAX {
            drop(spare);
            stack.discard();
            spare = self.spare.lock();
        }
        spare.push(stack);
    }
}

/// By which a fiber's body leaves its stack.
pub struct Suspender<In: 'static> {
    yielder: *const Yielder<In, ()>,
    /// Where the fiber's stack was left last: a word's address.
    left_at: Cell<usize>,
}

impl<In> Suspender<In> {
    /// The address of a word above which everything lies that the fiber's body has on its stack, while it is suspended.
    pub fn left_at(&self) -> usize {
        self.left_at.get()
    }

    /// Goes on behind [`Fiber::resume`], and comes back with what the next call of it passes, maybe on another thread.
    ///
    /// # Safety
    ///
    /// Called on the fiber's own stack. No frame between here and the fiber's body holds anything that is not `Send`, or has cached the
    /// address of something thread-local.
    #[inline(never)]
    pub unsafe fn suspend(&self) -> In {
        let here = 0usize;
        self.left_at.set((&raw const here).addr() - SWITCH_BYTES);
        // SAFETY: the yielder lives on the fiber's stack as long as its body runs, which has called this.
        unsafe { &*self.yielder }.suspend(())
    }
}

/// A function that runs on a stack of its own.
pub struct Fiber<In: 'static, Out: 'static> {
    coroutine: ManuallyDrop<Coroutine<In, (), Out, FiberStack>>,
    suspender: Box<Suspender<In>>,
    bounds: StackBounds,
    pool: Arc<StackPool>,
}

impl<In: 'static, Out: 'static> Fiber<In, Out> {
    /// A fiber that has not begun.
    ///
    /// # Errors
    ///
    /// The system has no memory for another stack.
    ///
    /// # Safety
    ///
    /// The body does not unwind, and what it refers to lives as long as it runs.
    pub unsafe fn new(
        pool: &Arc<StackPool>,
        body: impl FnOnce(&Suspender<In>, In) -> Out + 'static,
    ) -> Result<Self, MemoryError> {
        let stack = pool.take()?;
        let bounds = stack.bounds();
        let mut suspender = Box::new(Suspender { yielder: std::ptr::null(), left_at: Cell::new(bounds.high) });
        let place: *mut Suspender<In> = &raw mut *suspender;
        let run = move |yielder: &Yielder<In, ()>, first: In| {
            // SAFETY: the fiber owns the box for as long as the body runs; whoever resumes waits meanwhile.
            unsafe {
                (*place).yielder = yielder;
                body(&*place, first)
            }
        };
        let coroutine = ManuallyDrop::new(Coroutine::with_stack(stack, run));
        Ok(Fiber { coroutine, suspender, bounds, pool: Arc::clone(pool) })
    }

    /// Goes on with the body until it suspends (`None`) or returns.
    ///
    /// # Panics
    ///
    /// The body has returned before.
    #[inline(never)]
    pub fn resume(&mut self, input: In) -> Option<Out> {
        match self.coroutine.resume(input) {
            CoroutineResult::Yield(()) => None,
            CoroutineResult::Return(out) => Some(out),
        }
    }

    /// The addresses of its stack.
    pub fn bounds(&self) -> StackBounds {
        self.bounds
    }

    /// By what the body suspends; the address stays the same while the fiber lives.
    pub fn suspender(&self) -> &Suspender<In> {
        &self.suspender
    }

    /// Whether it was resumed before.
    pub fn has_begun(&self) -> bool {
        self.coroutine.started()
    }
}

impl<In, Out> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        if self.coroutine.done() {
            // SAFETY: taken once, here.
            let coroutine = unsafe { ManuallyDrop::take(&mut self.coroutine) };
            self.pool.give(coroutine.into_stack());
        } else if !self.coroutine.started() {
            // SAFETY: taken once, here. There is nothing on the stack but the body itself, which is dropped.
            let mut coroutine = unsafe { ManuallyDrop::take(&mut self.coroutine) };
            coroutine.force_unwind();
            self.pool.give(coroutine.into_stack());
        }
    }
}

/// The address of a word a little below the present frame: the lowest that a scan of this stack has to begin at once it is left for another.
#[inline(never)]
pub fn address_below() -> usize {
    let here = 0usize;
    (&raw const here).addr() - SWITCH_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Arc<StackPool> {
        Arc::new(StackPool::new(256 << 10, 2))
    }

    /// A fiber whose body adds up what it is given until that is zero.
    fn adder(pool: &Arc<StackPool>) -> Fiber<u64, u64> {
        // SAFETY: the body does not unwind.
        unsafe {
            Fiber::new(pool, |suspender: &Suspender<u64>, first| {
                let (mut sum, mut next) = (0, first);
                while next != 0 {
                    sum += next;
                    // SAFETY: on the fiber's stack, with numbers in the frames.
                    next = suspender.suspend();
                }
                sum
            })
        }
        .unwrap()
    }

    #[test]
    fn a_fiber_goes_on_on_any_thread() {
        struct Moved(Fiber<u64, u64>);
        // SAFETY: there are numbers on its stack.
        unsafe impl Send for Moved {}
        let pool = pool();
        let mut fiber = adder(&pool);
        assert_eq!(fiber.resume(1), None);
        assert!(fiber.has_begun() && fiber.bounds().contains(fiber.suspender().left_at()));
        for number in 2..10 {
            let moved = Moved(fiber);
            let thread = std::thread::spawn(move || {
                let mut moved = moved;
                assert_eq!(moved.0.resume(number), None);
                moved
            });
            fiber = thread.join().unwrap().0;
        }
        assert_eq!(pool.counts(), StackCounts { in_use: 1, spare: 0 });
        assert_eq!(fiber.resume(0), Some(45));
        drop(fiber);
        assert_eq!(pool.counts(), StackCounts { in_use: 0, spare: 1 });
    }

    #[test]
    fn stacks_are_used_again_and_only_so_many_are_kept() {
        let pool = pool();
        let fibers: Vec<_> = (0..5).map(|_| adder(&pool)).collect();
        let first = fibers[0].bounds();
        assert_eq!(pool.counts(), StackCounts { in_use: 5, spare: 0 });
        drop(fibers);
        assert_eq!(pool.counts(), StackCounts { in_use: 0, spare: 2 });
        let again = [adder(&pool), adder(&pool)].map(|fiber| fiber.bounds());
        assert!(again.contains(&first), "of those that were dropped first");
    }

    #[test]
    fn the_page_below_is_not_accessible_and_deep_pages_go_back() {
        let pool = pool();
        for _ in 0..STACK_USES_MAX {
            let deep = |_: &Suspender<u64>, _| {
                fn deep(levels: u64) -> u64 {
                    let page = std::hint::black_box([levels as u8; 2048]);
                    if levels == 0 { 0 } else { deep(levels - 1) + u64::from(page[levels as usize]) }
                }
                deep(60)
            };
            // SAFETY: the body does not unwind.
            let mut fiber = unsafe { Fiber::new(&pool, deep) }.unwrap();
            assert!(fiber.resume(0).is_some());
        }
        let spare = pool.spare.lock();
        let [stack] = &spare[..] else { panic!("one stack serves all") };
        let (low, page) = (stack.bounds().low, page_bytes());
        let mut resident = [0u8; 1];
        for address in (low..stack.bounds().high - STACK_KEPT_BYTES).step_by(page) {
            // SAFETY: one page, one byte.
            let failed = unsafe { libc::mincore(address as *mut libc::c_void, page, resident.as_mut_ptr()) };
            assert_eq!((failed, resident[0] & 1), (0, 0), "{address:#x}");
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let below = format!("{:x}-{low:x} ---p", low - page);
        assert!(maps.lines().any(|line| line.contains(&format!("-{low:x} ---p"))), "{below}");
    }
}
