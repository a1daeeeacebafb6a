//! The eager list of work and the cursor over it.
//!
//! Problem: when a whole module is compiled, the work is known beforehand. Queues would cost an allocation and two
//! synchronised operations per function; one lock per function is what made V8's first token slower at 16 threads than at 8.
//!
//! Idea: sort once, then hand out ranges of the sorted list with one atomic position.
//!
//! Order: bodies above [`tuning::BIG_BODY_BYTES`] come first, largest first, so that none of them is started last and leaves
//! the other workers without work; the rest in their natural order, for the locality of wire bytes and code.
//!
//! Chunks are guided: `max(1, remaining / (4 · workers))`, at most [`tuning::FETCH_CHUNK_MAX`]: few operations while there is
//! much to do, even shares at the end. Big bodies are handed out one by one. A worker alone need not share.
//!
//! Of a module that is still coming, the functions come in their natural order, and so the list is known beforehand here too: what is not is
//! how much of it may be handed out. The one who reads the stream raises that, and whoever is handed a position finds its body.
//!
//! **Invariants:** every position is handed out once, and none that has not arrived; after [`Cursor::close`] none is. Model:
//! `tests/loom/cursor.rs`.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::ops::Range;

use cranelift_entity::EntityRef;

use crate::base::sync::model::atomic::{AtomicUsize, Ordering};
use crate::base::{DefinedFuncIndex, tuning};
use crate::wasm::bodies::Bodies;

/// The order in which a module's functions are compiled when all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EagerOrder {
    /// All functions, big bodies first.
    pub funcs: Box<[DefinedFuncIndex]>,
    /// How many of them are big.
    pub big_count: usize,
}

impl EagerOrder {
    /// The order for bodies that stand at these ranges.
    pub fn new(bodies: &Bodies) -> Self {
        let bytes = |func: DefinedFuncIndex| bodies[func].len();
        let mut funcs: Vec<_> = bodies.keys().filter(|&func| bytes(func) > tuning::BIG_BODY_BYTES).collect();
        let big_count = funcs.len();
        funcs.sort_by_key(|&func| (Reverse(bytes(func)), func));
        funcs.extend(bodies.keys().filter(|&func| bytes(func) <= tuning::BIG_BODY_BYTES));
        EagerOrder { funcs: funcs.into(), big_count }
    }

    /// The order of so many bodies that come one after the other.
    pub fn natural(count: usize) -> Self {
        EagerOrder { funcs: (0..count).map(DefinedFuncIndex::new).collect(), big_count: 0 }
    }
}

/// Hands out positions `0..len`, in order, in chunks.
#[derive(Debug)]
pub struct Cursor {
    next: AtomicUsize,
    /// Positions below this may be handed out.
    arrived: AtomicUsize,
    len: usize,
    big_count: usize,
    worker_count: usize,
}

impl Cursor {
    /// A cursor over `len` positions, of which the first `big_count` go out one by one, for so many workers.
    pub fn new(len: usize, big_count: usize, worker_count: usize) -> Self {
        let big_count = big_count.min(len);
        Cursor { next: AtomicUsize::new(0), arrived: AtomicUsize::new(len), len, big_count, worker_count: worker_count.max(1) }
    }

    /// A cursor over `len` positions of which none has arrived.
    pub fn arriving(len: usize, worker_count: usize) -> Self {
        Cursor { arrived: AtomicUsize::new(0), ..Cursor::new(len, 0, worker_count) }
    }

    /// So many positions have arrived, in all. Said by one thread at a time, and never less than before.
    pub fn arrive(&self, count: usize) {
        // Release: partner of the acquire in `arrived`.
        self.arrived.store(count.min(self.len), Ordering::Release);
    }

    fn arrived(&self) -> usize {
        // Acquire: partner of the release in `arrive`: who is handed a position sees what was written before it arrived.
        self.arrived.load(Ordering::Acquire)
    }

    /// The next chunk; `None` when all was handed out.
    pub fn take(&self) -> Option<Range<usize>> {
        // Relaxed, here and below: what a position stands for is in the list, which is shared before the cursor is, or has arrived.
        let mut start = self.next.load(Ordering::Relaxed);
        loop {
            let arrived = self.arrived();
            if start >= arrived {
                return None;
            }
            let end = start + self.chunk_len(start, arrived);
            match self.next.compare_exchange_weak(start, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(start..end),
                Err(now) => start = now,
            }
        }
    }

    /// Length of the chunk that starts here, below what has arrived.
    pub fn chunk_len(&self, start: usize, arrived: usize) -> usize {
        if start < self.big_count {
            return 1;
        }
        let left = arrived - start;
        let guided = if self.worker_count == 1 { left } else { left / (4 * self.worker_count) };
        guided.clamp(1, tuning::FETCH_CHUNK_MAX)
    }

    /// Takes all that is left, so that nobody else gets any: how much that was. No outstanding work stays visible (a joiner
    /// that counted it would wait for ever).
    pub fn close(&self) -> usize {
        self.len - self.next.swap(self.len, Ordering::Relaxed).min(self.len)
    }

    /// How many positions have arrived and are left.
    pub fn remaining(&self) -> usize {
        self.arrived().saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn big_bodies_first_largest_first_then_natural_order() {
        let bodies = [10, 5_000, 20, 9_000, 4_096, 5_000, 4_097].into_iter().map(|bytes| 0..bytes).collect();
        let order = EagerOrder::new(&bodies);
        let funcs: Vec<_> = order.funcs.iter().map(|f| f.index()).collect();
        assert_eq!(funcs, [3, 1, 5, 6, 0, 2, 4]);
        assert_eq!(order.big_count, 4);
    }

    #[test]
    fn chunks_are_guided_and_cover_everything_once() {
        for workers in [2, 8, 64] {
            let cursor = Cursor::new(1_000, 3, workers);
            let mut expected = 0;
            let mut last = usize::MAX;
            while let Some(range) = cursor.take() {
                assert_eq!(range.start, expected);
                assert!(range.len() <= tuning::FETCH_CHUNK_MAX);
                if range.start < 3 {
                    assert_eq!(range.len(), 1, "big bodies one by one");
                } else {
                    assert!(range.len() <= last, "chunks shrink");
                    last = range.len();
                }
                expected = range.end;
            }
            assert_eq!(expected, 1_000);
            assert_eq!(last, 1);
        }
    }

    #[test]
    fn a_worker_alone_takes_whole_chunks() {
        let cursor = Cursor::new(100, 0, 1);
        let chunks: Vec<_> = std::iter::from_fn(|| cursor.take()).map(|range| range.len()).collect();
        assert_eq!(chunks, [32, 32, 32, 4]);
    }

    #[test]
    fn nothing_is_handed_out_before_it_arrives() {
        let cursor = Cursor::arriving(10, 1);
        assert!(cursor.take().is_none() && cursor.remaining() == 0);
        cursor.arrive(3);
        assert_eq!((cursor.remaining(), cursor.take(), cursor.take()), (3, Some(0..3), None));
        cursor.arrive(4);
        cursor.arrive(99);
        assert_eq!((cursor.take(), cursor.take(), cursor.remaining()), (Some(3..10), None, 0));
        let cursor = Cursor::arriving(10, 2);
        cursor.arrive(2);
        assert_eq!(cursor.close(), 10, "what has not arrived, too");
        cursor.arrive(5);
        assert!(cursor.take().is_none() && cursor.remaining() == 0);
    }

    #[test]
    fn close_takes_the_rest() {
        let cursor = Cursor::new(10, 0, 2);
        let taken = cursor.take().map_or(0, |range| range.len());
        assert_eq!(cursor.remaining(), 10 - taken);
        assert_eq!(cursor.close(), 10 - taken);
        assert_eq!((cursor.remaining(), cursor.close()), (0, 0));
        assert!(cursor.take().is_none());
        assert!(Cursor::new(0, 0, 0).take().is_none());
    }
}
