//! The sources of units: the cursor, priority buckets, and one pair of stealable queues per slot.
//!
//! Problem: eager work is a list, other work arrives one unit at a time with different urgency; a worker that stops in
//! the middle of what it fetched must not keep it from others; and finding work must not touch shared memory for each unit.
//!
//! Idea: a *slot* is a place of a job that one thread at a time occupies: 0 for a foreground that joins, 1 and up for background
//! tasks. It has two `crossbeam_deque` queues: first in first out for what is *needed* (bucket 0), last in first out for what would
//! make code *better* (buckets above). A fetch fills the local queue with a chunk, and the rest of the chunk stays visible to
//! thieves. A thread occupies a slot through [`LocalQueue`], and leaves the queues with their contents behind when it goes.
//!
//! Order of a fetch (S1-22, per choice of a worker): own needed, cursor, bucket 0, others' needed; then own better, the buckets
//! from the most urgent down, others' better. Victims are tried from a random one on, half of a victim's queue at a time.
//!
//! **Invariants:** a unit is in one place: the cursor, a bucket, a slot's queue, or one thread's hands. Duplicates do not get in:
//! [`state`](crate::compile::state) says who may push. After [`UnitSource::close`] nothing is given out.

#![forbid(unsafe_code)]

use std::fmt;

use crossbeam_deque::{Injector, Steal, Stealer, Worker};

use crate::abi::artifact::{CodeVariant, Tier};
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::tuning;
use crate::compile::cursor::{Cursor, EagerOrder};
use crate::compile::unit::{Unit, UnitFlags};

/// Buckets: 0 is needed, above that urgency grows by powers of two.
pub const BUCKET_COUNT: usize = 6;

/// The bucket of a unit that nobody waits for and that was asked for so many times.
pub fn bucket_for_priority(priority: u32) -> u8 {
    let log = priority.max(1).ilog2() as usize;
    (log.min(BUCKET_COUNT - 2) + 1) as u8
}

/// Which units a thread wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// Only what somebody waits for: a foreground that joins.
    Needed,
    /// Anything: background tasks.
    All,
}

/// All units of one job.
pub struct UnitSource {
    eager: Option<Eager>,
    buckets: [Injector<Unit>; BUCKET_COUNT],
    slots: Box<[Slot]>,
    closed: AtomicBool,
}

/// The list of an eager job.
struct Eager {
    order: EagerOrder,
    cursor: Cursor,
    tier: Tier,
    variant: CodeVariant,
}

struct Slot {
    needed: Stealer<Unit>,
    better: Stealer<Unit>,
    /// `None` while a thread occupies the slot.
    vacant: RankedMutex<Option<Queues>>,
}

struct Queues {
    needed: Worker<Unit>,
    better: Worker<Unit>,
}

impl fmt::Debug for UnitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitSource").field("slots", &self.slots.len()).field("has_work", &self.has_work()).finish_non_exhaustive()
    }
}

impl UnitSource {
    /// An empty source with so many slots.
    pub fn new(slot_count: usize) -> Self {
        let slots = (0..slot_count)
            .map(|_| {
                let queues = Queues { needed: Worker::new_fifo(), better: Worker::new_lifo() };
                Slot {
                    needed: queues.needed.stealer(),
                    better: queues.better.stealer(),
                    vacant: RankedMutex::new(Rank::Slot, Some(queues)),
                }
            })
            .collect();
        UnitSource { eager: None, buckets: Default::default(), slots, closed: AtomicBool::new(false) }
    }

    /// A source that begins with every function of a module.
    pub fn eager(order: EagerOrder, tier: Tier, variant: CodeVariant, slot_count: usize) -> Self {
        let cursor = Cursor::new(order.funcs.len(), order.big_count, slot_count);
        UnitSource { eager: Some(Eager { order, cursor, tier, variant }), ..Self::new(slot_count) }
    }

    /// A source of so many functions, in their order, that gives out those whose bodies have [arrived](Self::arrive).
    pub fn arriving(func_count: usize, tier: Tier, variant: CodeVariant, slot_count: usize) -> Self {
        let (order, cursor) = (EagerOrder::natural(func_count), Cursor::arriving(func_count, slot_count));
        UnitSource { eager: Some(Eager { order, cursor, tier, variant }), ..Self::new(slot_count) }
    }

    /// The bodies of so many functions are there, from the first on. Said by one thread at a time.
    pub fn arrive(&self, func_count: usize) {
        if let Some(eager) = &self.eager {
            eager.cursor.arrive(func_count);
        }
    }

    /// Adds a unit for anybody.
    pub fn push(&self, unit: Unit) {
        self.buckets[usize::from(unit.bucket).min(BUCKET_COUNT - 1)].push(unit);
    }

    /// Gives nothing out from now on.
    pub fn close(&self) {
        // Release: partner of the acquire in `is_closed`.
        self.closed.store(true, Ordering::Release);
        if let Some(eager) = &self.eager {
            eager.cursor.close();
        }
    }

    fn is_closed(&self) -> bool {
        // Acquire: partner of `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a fetch might find something. A hint: others fetch too.
    pub fn has_work(&self) -> bool {
        !self.is_closed()
            && (self.eager.as_ref().is_some_and(|eager| eager.cursor.remaining() > 0)
                || self.buckets.iter().any(|bucket| !bucket.is_empty())
                || self.slots.iter().any(|slot| !slot.needed.is_empty() || !slot.better.is_empty()))
    }

    /// How many slots there are.
    pub fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Occupies a slot; `None` while another thread does, or when there is no such slot.
    pub fn occupy(&self, slot: usize, appetite: Appetite) -> Option<LocalQueue<'_>> {
        let queues = self.slots.get(slot)?.vacant.lock().take()?;
        let seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(slot as u64 + 1) | 1;
        Some(LocalQueue { source: self, slot, queues: Some(queues), appetite, random: seed })
    }
}

/// A thread's hold of a slot.
pub struct LocalQueue<'s> {
    source: &'s UnitSource,
    slot: usize,
    /// `Some` until dropped.
    queues: Option<Queues>,
    appetite: Appetite,
    random: u64,
}

impl fmt::Debug for LocalQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalQueue").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl Drop for LocalQueue<'_> {
    fn drop(&mut self) {
        *self.source.slots[self.slot].vacant.lock() = self.queues.take();
    }
}

impl LocalQueue<'_> {
    /// The slot.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// A unit that this slot fetched before and that is needed. Touches no memory that others write.
    pub fn pop_fetched(&mut self) -> Option<Unit> {
        if self.source.is_closed() {
            return None;
        }
        self.queues.as_ref()?.needed.pop()
    }

    /// A unit from anywhere, in the order that the module documentation gives.
    pub fn fetch(&mut self) -> Option<Unit> {
        if self.source.is_closed() {
            return None;
        }
        let random = self.next_random();
        let source = self.source;
        let queues = self.queues.as_ref()?;
        let needed = &queues.needed;
        let found = needed
            .pop()
            .or_else(|| source.next_chunk(needed))
            .or_else(|| retry(|| source.buckets[0].steal_batch_with_limit_and_pop(needed, tuning::FETCH_CHUNK_MAX)))
            .or_else(|| self.steal(random, |slot| &slot.needed, needed));
        if found.is_some() || self.appetite == Appetite::Needed {
            return found;
        }
        let better = &queues.better;
        let most_urgent_first = source.buckets[1..].iter().rev();
        better
            .pop()
            .or_else(|| most_urgent_first.into_iter().find_map(|bucket| retry(|| bucket.steal())))
            .or_else(|| self.steal(random, |slot| &slot.better, better))
    }

    /// Puts back a unit that was fetched and not begun; anybody may take it.
    pub fn put_back(&self, unit: Unit) {
        if unit.bucket != 0 {
            self.source.push(unit);
        } else if let Some(queues) = &self.queues {
            queues.needed.push(unit);
        }
    }

    /// Whether something that was fetched is left here.
    pub fn has_fetched(&self) -> bool {
        self.queues.as_ref().is_some_and(|queues| !queues.needed.is_empty() || !queues.better.is_empty())
    }

    fn steal(&self, random: u64, of: impl Fn(&Slot) -> &Stealer<Unit>, into: &Worker<Unit>) -> Option<Unit> {
        let slots = &self.source.slots;
        let first = (random % slots.len() as u64) as usize;
        let victims = (0..slots.len()).map(|n| (first + n) % slots.len()).filter(|&victim| victim != self.slot);
        for victim in victims {
            let stealer = of(&slots[victim]);
            if let Some(unit) = retry(|| stealer.steal_batch_with_limit_and_pop(into, tuning::FETCH_CHUNK_MAX)) {
                return Some(unit);
            }
        }
        None
    }

    /// xorshift64: any generator does, the seed is the slot.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl UnitSource {
    /// A chunk of the eager list: its first unit, with the rest behind in the local queue.
    fn next_chunk(&self, rest_into: &Worker<Unit>) -> Option<Unit> {
        let eager = self.eager.as_ref()?;
        let range = eager.cursor.take()?;
        let mut units = eager.order.funcs[range].iter().map(|&func| Unit {
            func,
            tier: eager.tier,
            variant: eager.variant,
            bucket: 0,
            flags: UnitFlags::empty(),
        });
        let first = units.next();
        units.for_each(|unit| rest_into.push(unit));
        first
    }
}

/// Tries again while another thief is in the way: one of the two always gets on.
fn retry(mut steal: impl FnMut() -> Steal<Unit>) -> Option<Unit> {
    loop {
        match steal() {
            Steal::Success(unit) => return Some(unit),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::base::DefinedFuncIndex;
    use crate::base::sync::{Arc, thread};
    use crate::wasm::bodies::Bodies;
    use cranelift_entity::EntityRef;

    fn unit(n: u32, bucket: u8) -> Unit {
        let func = DefinedFuncIndex::from_u32(n);
        Unit { func, tier: Tier::Optimized, variant: CodeVariant::Guarded, bucket, flags: UnitFlags::empty() }
    }

    fn order(count: u32) -> EagerOrder {
        let bodies: Bodies = (0..count).map(|_| 0..10).collect();
        EagerOrder::new(&bodies)
    }

    fn drain(local: &mut LocalQueue<'_>) -> Vec<usize> {
        std::iter::from_fn(|| local.fetch()).map(|unit| unit.func.index()).collect()
    }

    /// Statement S1-22: what is needed comes before what makes code better.
    #[test]
    fn s1_22_needed_before_better_and_urgent_before_less_so() {
        let source = UnitSource::eager(order(3), Tier::Baseline, CodeVariant::Guarded, 2);
        for (n, priority) in [(10, 1), (11, 8), (12, 2), (13, 1_000)] {
            source.push(unit(n, bucket_for_priority(priority)));
        }
        source.push(unit(20, 0));
        assert!(source.has_work());
        let mut background = source.occupy(1, Appetite::All).unwrap();
        assert_eq!(drain(&mut background), [0, 1, 2, 20, 13, 11, 12, 10]);
        assert!(!source.has_work());
    }

    #[test]
    fn c1_a_foreground_takes_needed_units_only() {
        let source = UnitSource::new(1);
        source.push(unit(1, 1));
        source.push(unit(2, 0));
        let mut foreground = source.occupy(0, Appetite::Needed).unwrap();
        assert_eq!(drain(&mut foreground), [2]);
        assert!(source.has_work());
    }

    #[test]
    fn a_slot_has_one_occupant_and_keeps_its_units() {
        let source = UnitSource::eager(order(64), Tier::Baseline, CodeVariant::Guarded, 2);
        let mut one = source.occupy(1, Appetite::All).unwrap();
        assert!(source.occupy(1, Appetite::All).is_none() && source.occupy(7, Appetite::All).is_none());
        let first = one.fetch().unwrap();
        assert!(one.has_fetched(), "the rest of the chunk");
        one.put_back(first);
        drop(one);
        let mut thief = source.occupy(0, Appetite::Needed).unwrap();
        let mut all = drain(&mut thief);
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<_>>(), "what slot 1 left was stolen");
        drop(thief);
        assert!(source.occupy(1, Appetite::All).is_some());
    }

    #[test]
    fn closed_gives_nothing() {
        let source = UnitSource::eager(order(64), Tier::Baseline, CodeVariant::Guarded, 1);
        source.push(unit(99, 0));
        let mut local = source.occupy(0, Appetite::All).unwrap();
        assert!(local.fetch().is_some());
        source.close();
        assert!(local.fetch().is_none() && local.pop_fetched().is_none() && !source.has_work());
    }

    #[test]
    fn buckets_by_power_of_two() {
        let buckets: Vec<_> = [0, 1, 2, 3, 4, 8, 16, 1 << 30].into_iter().map(bucket_for_priority).collect();
        assert_eq!(buckets, [1, 1, 2, 2, 3, 4, 5, 5]);
    }

    #[test]
    fn every_unit_once_under_stealing() {
        let source = Arc::new(UnitSource::eager(order(5_000), Tier::Baseline, CodeVariant::Guarded, 5));
        for n in 0..1_000 {
            source.push(unit(5_000 + n, (n % 6) as u8));
        }
        let threads: Vec<_> = (0..5)
            .map(|slot| {
                let source = Arc::clone(&source);
                thread::spawn(move || {
                    let mut taken = Vec::new();
                    // Come and go, as slices do, now and then with units left behind.
                    while source.has_work() {
                        let mut local = source.occupy(slot, Appetite::All).unwrap();
                        for _ in 0..7 {
                            taken.extend(local.fetch().map(|unit| unit.func.index()));
                        }
                    }
                    taken
                })
            })
            .collect();
        let mut all: Vec<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..6_000).collect::<Vec<_>>());
    }
}
