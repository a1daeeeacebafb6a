//! A set of free numbers that gives its lowest member in constant time.
//!
//! Problem: a new descriptor takes the lowest free number, and guests open and close many. Idea: a bitmap in which a set bit
//! means "free", with two levels of summary above it; a summary bit is set when the word below it is not zero. Three
//! `trailing_zeros` find the lowest free number, three words change when one is taken or given back.
//!
//! Invariant (kept by `take` and `give`, the only writers): a summary bit is set exactly when its word is not zero.

/// Bits of a word.
const WORD_BITS: usize = u64::BITS as usize;

/// The most numbers that three levels can hold.
pub(crate) const CAPACITY_MAX: usize = WORD_BITS * WORD_BITS * WORD_BITS;

/// Free numbers below a capacity.
pub(crate) struct FreeSlots {
    /// Bit per number.
    leaves: Vec<u64>,
    /// Bit per word of `leaves`.
    groups: Vec<u64>,
    /// Bit per word of `groups`.
    top: u64,
}

impl FreeSlots {
    /// All numbers below `capacity` (at most [`CAPACITY_MAX`]) are free.
    pub(crate) fn new(capacity: usize) -> FreeSlots {
        let leaves = full(capacity.min(CAPACITY_MAX));
        let groups = full(leaves.len());
        let top = full(groups.len()).first().copied().unwrap_or(0);
        FreeSlots { leaves, groups, top }
    }

    /// The lowest free number.
    pub(crate) fn lowest(&self) -> Option<usize> {
        let group = lowest_bit(self.top)?;
        let leaf = group * WORD_BITS + lowest_bit(*self.groups.get(group)?)?;
        Some(leaf * WORD_BITS + lowest_bit(*self.leaves.get(leaf)?)?)
    }

    /// Takes a number out of the set.
    pub(crate) fn take(&mut self, number: usize) {
        let (leaf, group) = (number / WORD_BITS, number / WORD_BITS / WORD_BITS);
        self.leaves[leaf] &= !bit(number);
        if self.leaves[leaf] == 0 {
            self.groups[group] &= !bit(leaf);
        }
        if self.groups[group] == 0 {
            self.top &= !bit(group);
        }
    }

    /// Puts a number back.
    pub(crate) fn give(&mut self, number: usize) {
        let (leaf, group) = (number / WORD_BITS, number / WORD_BITS / WORD_BITS);
        self.leaves[leaf] |= bit(number);
        self.groups[group] |= bit(leaf);
        self.top |= bit(group);
    }
}

/// Words whose first `count` bits are set.
fn full(count: usize) -> Vec<u64> {
    let mut words = vec![u64::MAX; count / WORD_BITS];
    if !count.is_multiple_of(WORD_BITS) {
        words.push((1 << (count % WORD_BITS)) - 1);
    }
    words
}

fn bit(number: usize) -> u64 {
    1 << (number % WORD_BITS)
}

fn lowest_bit(word: u64) -> Option<usize> {
    if word == 0 { None } else { Some(word.trailing_zeros() as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_lowest_first_and_run_out() {
        for capacity in [0, 1, 63, 64, 65, 4096, 4097, 10_000] {
            let mut slots = FreeSlots::new(capacity);
            for expected in 0..capacity {
                assert_eq!(slots.lowest(), Some(expected));
                slots.take(expected);
            }
            assert_eq!(slots.lowest(), None);
        }
    }

    #[test]
    fn a_number_given_back_is_found_again() {
        let mut slots = FreeSlots::new(10_000);
        for number in 0..10_000 {
            slots.take(number);
        }
        for number in [9_999, 4_096, 64, 63, 0] {
            slots.give(number);
            assert_eq!(slots.lowest(), Some(number));
        }
        for number in [0, 63, 64, 4_096, 9_999] {
            assert_eq!(slots.lowest(), Some(number));
            slots.take(number);
        }
        assert_eq!(slots.lowest(), None);
    }
}
