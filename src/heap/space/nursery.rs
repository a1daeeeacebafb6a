//! The nursery: two halves at the top of the cage, one in use.
//!
//! What lies below the *age mark* has survived one collection already and is promoted by the next; what lies above it was born since.
//! So ages need no bits.
//!
//! *Problem.* A pause is as long as what survives is much, which is at most what was given out since the last collection. Small nurseries
//! pause shortly, but in them things survive that would be dead in a large one. *Idea.* How much is given out follows from what the
//! last collection cost: half as much as before when it was long, twice as much when it was short, up to a whole half. Cost is
//! counted and not measured, so that the same program collects at the same places.

use crate::heap::cage::BLOCK_BYTES;

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::heap) struct Nursery {
    /// First byte of the lower half: the lowest young reference.
    pub start: u32,
    /// Bytes of a half.
    pub half_bytes: u32,
    /// Whether the upper half is in use.
    pub upper: bool,
    /// Objects below it, in the half in use, have survived once.
    pub age_mark: u32,
    /// Objects below it, in the half in use, were there when the last major collection marked: those that it did not mark are dead.
    pub marked_below: u32,
    /// Bytes that are given out between two collections.
    room_bytes: u32,
    /// Objects end at or below it until the next collection, which is in the half in use.
    pub limit: u32,
}

/// The least that is given out between two collections, if the half is not smaller.
const MIN_ROOM_BYTES: u32 = 128 << 10;
/// What a collection may cost before less is given out.
const TARGET_NANOS: u64 = 500_000;

/// About what a collection costs that moves so many objects of so many bytes.
fn nanos(moved: u64, moved_bytes: u64) -> u64 {
    20 * moved + moved_bytes / 4
}

impl Nursery {
    pub fn new(start: u32, half_bytes: u32) -> Self {
        debug_assert!(half_bytes.is_multiple_of(BLOCK_BYTES));
        let room_bytes = MIN_ROOM_BYTES.min(half_bytes);
        let mut nursery =
            Nursery { start, half_bytes, upper: false, age_mark: start, marked_below: start, room_bytes, limit: start };
        nursery.limit = nursery.limit_above(start);
        nursery
    }

    /// After a collection that has moved so many objects of so many bytes: how much is given out before the next. The half now in use is
    /// occupied up to `top`.
    pub fn adapt(&mut self, top: u32, moved: u64, moved_bytes: u64) {
        let nanos = nanos(moved, moved_bytes);
        if nanos > TARGET_NANOS {
            self.room_bytes = (self.room_bytes / 2).max(MIN_ROOM_BYTES.min(self.half_bytes));
        } else if nanos < TARGET_NANOS / 4 {
            self.room_bytes = (self.room_bytes * 2).min(self.half_bytes);
        }
        self.limit = self.limit_above(top);
    }

    fn limit_above(&self, top: u32) -> u32 {
        self.end().min(top.saturating_add(self.room_bytes)).max(top)
    }

    /// First byte of the half in use.
    pub fn from(&self) -> u32 {
        if self.upper { self.start + self.half_bytes } else { self.start }
    }

    /// First byte of the other half.
    pub fn to(&self) -> u32 {
        if self.upper { self.start } else { self.start + self.half_bytes }
    }

    /// Last byte that may be given out in the half in use, rounded down to where no object ends. The topmost 8 bytes of a
    /// 4 GiB cage stay free, so that ends of objects are 32-bit offsets.
    pub fn end(&self) -> u32 {
        (self.from() - 8) + self.half_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{MIN_ROOM_BYTES, Nursery};

    const START: u32 = 0xff80_0000;

    #[test]
    fn what_survives_makes_it_smaller() {
        let mut nursery = Nursery::new(START, 4 << 20);
        assert_eq!(nursery.limit, START + MIN_ROOM_BYTES);
        for _ in 0..10 {
            nursery.adapt(START, 10, 1000);
        }
        assert_eq!(nursery.limit, nursery.end());
        for halvings in 1..10 {
            nursery.adapt(START, 100_000, 1 << 20);
            assert_eq!(nursery.limit - START, ((4 << 20) >> halvings).max(MIN_ROOM_BYTES), "{halvings}");
        }
        nursery.adapt(nursery.end() - 16, 10_000, 1 << 20);
        assert_eq!(nursery.limit, nursery.end(), "what is occupied leaves no room");
    }

    #[test]
    fn a_small_nursery_is_used_whole() {
        let mut nursery = Nursery::new(START, 64 << 10);
        assert_eq!(nursery.limit, nursery.end());
        nursery.adapt(START, 100_000, 1 << 20);
        assert_eq!(nursery.limit, nursery.end());
    }
}
