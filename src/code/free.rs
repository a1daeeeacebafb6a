//! Ranges of a code space that were freed, for later code: best fit, neighbours joined.
//!
//! **Invariant:** the two maps hold the same ranges, and no two of them touch.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Free ranges, by start and by size. All bounds are multiples of [`FreeRanges::UNIT`].
#[derive(Debug, Default)]
pub(in crate::code) struct FreeRanges {
    by_start: BTreeMap<u32, u32>,
    by_size: BTreeSet<(u32, u32)>,
}

impl FreeRanges {
    /// Entries, and so ranges, are aligned to this.
    pub const UNIT: u32 = 16;
    /// A rest smaller than this stays with the range that was taken: no function with its header is that small.
    const REST_MIN: u32 = 2 * FreeRanges::UNIT;

    /// Adds a range, which nothing in the set overlaps.
    pub fn add(&mut self, range: Range<u32>) {
        debug_assert!(range.start.is_multiple_of(Self::UNIT) && range.end.is_multiple_of(Self::UNIT));
        let mut joined = range;
        if let Some((&start, &end)) = self.by_start.range(..joined.start).next_back() {
            assert!(end <= joined.start, "a range is freed once");
            if end == joined.start {
                self.remove(start..end);
                joined.start = start;
            }
        }
        if let Some((&start, &end)) = self.by_start.range(joined.end..).next()
            && start == joined.end
        {
            self.remove(start..end);
            joined.end = end;
        }
        self.insert(joined);
    }

    /// Takes a range of at least `bytes`, the smallest that there is.
    pub fn take(&mut self, bytes: u32) -> Option<Range<u32>> {
        let bytes = bytes.checked_next_multiple_of(Self::UNIT)?;
        let &(size, start) = self.by_size.range((bytes, 0)..).next()?;
        self.remove(start..start + size);
        let taken = if size - bytes < Self::REST_MIN { size } else { bytes };
        if taken < size {
            self.insert(start + taken..start + size);
        }
        Some(start..start + taken)
    }

    /// Bytes in all ranges.
    #[cfg(test)]
    pub fn total_bytes(&self) -> usize {
        self.by_size.iter().map(|&(size, _)| size as usize).sum()
    }

    fn insert(&mut self, range: Range<u32>) {
        self.by_start.insert(range.start, range.end);
        self.by_size.insert((range.end - range.start, range.start));
    }

    fn remove(&mut self, range: Range<u32>) {
        self.by_start.remove(&range.start);
        self.by_size.remove(&(range.end - range.start, range.start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_join_and_the_best_fit_is_taken() {
        let mut free = FreeRanges::default();
        free.add(0..64);
        free.add(128..192);
        free.add(1024..1024 + 96);
        free.add(64..128);
        assert_eq!(free.by_start.len(), 2);
        assert_eq!(free.take(80), Some(1024..1120));
        assert_eq!(free.take(100), Some(0..112));
        assert_eq!(free.total_bytes(), 80);
        assert_eq!(free.take(96), None);
        assert_eq!(free.take(64), Some(112..192));
        assert_eq!(free.total_bytes(), 0);
    }

    #[test]
    #[should_panic(expected = "freed once")]
    fn freeing_twice_is_noticed() {
        let mut free = FreeRanges::default();
        free.add(0..64);
        free.add(32..64);
    }
}
