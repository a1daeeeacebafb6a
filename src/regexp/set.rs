//! Sets of code points (§22.2.2.1 CharSet), as sorted ranges that neither overlap nor touch.
#![forbid(unsafe_code)]

/// The last code point.
pub(super) const MAX: u32 = 0x10_ffff;

/// A set of code points, or of code units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct CodeSet(Vec<(u32, u32)>);

impl CodeSet {
    /// The set of one range.
    pub fn range(first: u32, last: u32) -> Self {
        CodeSet(vec![(first, last)])
    }

    /// The set of one.
    pub fn one(point: u32) -> Self {
        CodeSet::range(point, point)
    }

    /// All there are.
    pub fn all() -> Self {
        CodeSet::range(0, MAX)
    }

    /// The set of some ranges, in any order.
    pub fn of(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(end) if first <= end.1.saturating_add(1) => end.1 = end.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        CodeSet(merged)
    }

    /// Its ranges, both ends included.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only member, if there is but one.
    pub fn single(&self) -> Option<u32> {
        match *self.0 {
            [(first, last)] if first == last => Some(first),
            _ => None,
        }
    }

    /// How many are in it.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|&(first, last)| last - first + 1).sum()
    }

    /// All members in turn.
    pub fn members(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|&(first, last)| first..=last)
    }

    /// Whether one is in it.
    pub fn contains(&self, point: u32) -> bool {
        let after = self.0.partition_point(|&(first, _)| first <= point);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|&(_, last)| point <= last)
    }

    /// CharacterComplement (§22.2.2.9.6).
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut from = 0;
        for &(first, last) in &self.0 {
            if first > from {
                ranges.push((from, first - 1));
            }
            from = last + 1;
        }
        if from <= MAX {
            ranges.push((from, MAX));
        }
        CodeSet(ranges)
    }

    /// What is in either.
    pub fn union(&self, other: &CodeSet) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        CodeSet::of(self.0.iter().chain(&other.0).copied().collect())
    }

    /// What is in both.
    pub fn intersection(&self, other: &CodeSet) -> Self {
        let (mut ranges, mut a, mut b) = (Vec::new(), 0, 0);
        while let (Some(&left), Some(&right)) = (self.0.get(a), other.0.get(b)) {
            let (first, last) = (left.0.max(right.0), left.1.min(right.1));
            if first <= last {
                ranges.push((first, last));
            }
            if left.1 < right.1 { a += 1 } else { b += 1 }
        }
        CodeSet(ranges)
    }

    /// What is in this one only.
    pub fn difference(&self, other: &CodeSet) -> Self {
        self.intersection(&other.complement())
    }

    /// Whether nothing is in both.
    pub fn is_disjoint(&self, other: &CodeSet) -> bool {
        let (mut a, mut b) = (0, 0);
        while let (Some(&left), Some(&right)) = (self.0.get(a), other.0.get(b)) {
            if left.0.max(right.0) <= left.1.min(right.1) {
                return false;
            }
            if left.1 < right.1 { a += 1 } else { b += 1 }
        }
        true
    }
}
