//! An allocator that counts what is allocated, for programs that want to know, or want budgets of memory to be exact.
//!
//! *Problem.* What a compiler takes is known to the allocator alone, which belongs to the program and not to a library. A counter that all threads
//! write at each allocation costs more than the allocation. *Idea.* The program installs [`CountingAllocator`]; a thread counts for itself, and tells the
//! process's count when its own has changed by [`TOLD_BYTES`]. What a thread has not told is what the process's count may be wrong by.
//!
//! **Invariant:** counting allocates nothing and takes no lock.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::base::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

/// A thread tells of its allocations when they have grown or shrunk by so many bytes.
const TOLD_BYTES: isize = 64 << 10;

/// The system's allocator, counted. A program installs it so:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: deltic::CountingAllocator = deltic::CountingAllocator::new();
///
/// let before = deltic::HeapBytes::now().expect("it counts").live;
/// let bytes = vec![0u8; 1 << 20];
/// assert!(deltic::HeapBytes::now().expect("it counts").live >= before + (1 << 19));
/// drop(bytes);
/// ```
#[derive(Debug, Default)]
pub struct CountingAllocator(());

/// What the process has allocated and not freed, where a [`CountingAllocator`] is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapBytes {
    /// Now, give or take 64 KiB for each thread.
    pub live: usize,
    /// The most since [`HeapBytes::forget_peak`].
    pub peak: usize,
}

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// One thread's count.
struct Local {
    untold: Cell<isize>,
    live: Cell<isize>,
    peak: Cell<isize>,
}

std::thread_local! {
    static LOCAL: Local = const { Local { untold: Cell::new(0), live: Cell::new(0), peak: Cell::new(0) } };
}

impl CountingAllocator {
    /// For a `static`.
    pub const fn new() -> Self {
        CountingAllocator(())
    }
}

impl HeapBytes {
    /// The counts; `None` if nobody counts.
    pub fn now() -> Option<HeapBytes> {
        // Relaxed: figures.
        let figure = |of: &AtomicIsize| usize::try_from(of.load(Ordering::Relaxed)).unwrap_or(0);
        is_installed().then(|| HeapBytes { live: figure(&LIVE), peak: figure(&PEAK).max(figure(&LIVE)) })
    }

    /// Begins the peak anew.
    pub fn forget_peak() {
        // Relaxed: a figure.
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// The most that this thread has at once, above what it has now, while the closure runs; `None` if nobody counts.
pub fn peak_of<T>(run: impl FnOnce() -> T) -> (T, Option<usize>) {
    if !is_installed() {
        return (run(), None);
    }
    let before = LOCAL.with(|local| {
        local.peak.set(local.live.get());
        local.live.get()
    });
    let result = run();
    (result, Some(usize::try_from(LOCAL.with(|local| local.peak.get()) - before).unwrap_or(0)))
}

/// Whether anything was counted: by any thread that has told, or by this one.
fn is_installed() -> bool {
    // Relaxed: a figure.
    IS_INSTALLED.load(Ordering::Relaxed) || LOCAL.with(|local| local.peak.get() != 0)
}

/// Counts bytes that were allocated, or, below zero, freed.
fn count(bytes: isize) {
    // A thread that ends has a count to the last: there is nothing to drop in it.
    let _ = LOCAL.try_with(|local| {
        let live = local.live.get() + bytes;
        local.live.set(live);
        if live > local.peak.get() {
            local.peak.set(live);
        }
        let untold = local.untold.get() + bytes;
        if untold.abs() < TOLD_BYTES {
            local.untold.set(untold);
        } else {
            local.untold.set(0);
            tell(untold);
        }
    });
}

#[cold]
fn tell(bytes: isize) {
    // Relaxed: figures.
    IS_INSTALLED.store(true, Ordering::Relaxed);
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting touches none of its memory.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller has promised.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            count(layout.size().cast_signed());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller has promised.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            count(layout.size().cast_signed());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as the caller has promised.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        if !moved.is_null() {
            count(new_size.cast_signed() - layout.size().cast_signed());
        }
        moved
    }
}
