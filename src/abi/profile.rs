//! What calls in baseline code record, for the optimizing tier to inline by.
//!
//! *Problem.* Which calls of a function are worth inlining, and where an indirect call goes, shows only as it runs. *Idea.* Each call of a function has
//! a few words beside the module's dispatch slots, which its baseline code counts in without any lock: a lost count changes nothing but speed. The
//! words of a function follow each other in the order of the calls in its body, whether they can be reached or not ([`words`]): both tiers count
//! alike, and nobody keeps a table of calls. Tail calls have none, since they are not inlined.
//!
//! ```text
//! direct call          { 0, count }
//! indirect call        { target, count } × 3, { 0, count of all other targets }
//! ```
//!
//! A target is the low half of the address of the callee's dispatch slot, which says which function of this module it is, or that it is none
//! ([`Profile`]); 0 is nobody's.

use wasmparser::Operator;

use crate::base::DefinedFuncIndex;

/// Words of a direct call.
pub const COUNT_WORDS: u32 = 2;
/// Targets of an indirect call that are told apart.
pub const TARGETS: usize = 3;
/// Words of an indirect call.
pub const TARGETS_WORDS: u32 = 2 * TARGETS as u32 + 2;
/// Behind a target stands its count.
pub const COUNT: u32 = 1;

/// How many words an operator has.
pub fn words(operator: &Operator<'_>) -> u32 {
    match operator {
        Operator::Call { .. } => COUNT_WORDS,
        Operator::CallIndirect { .. } | Operator::CallRef { .. } => TARGETS_WORDS,
        _ => 0,
    }
}

/// What was recorded of one function's calls up to some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The words of its calls.
    words: Box<[u32]>,
    /// Low half of the address of the module's first dispatch slot, and how many there are.
    slots: (u32, u32),
    evidence: u32,
}

/// Where an indirect call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Functions of the same module, and how often each was called: the most frequent first, nothing where there are fewer.
    pub funcs: [Option<(DefinedFuncIndex, u32)>; TARGETS],
    /// How often the call was made at all.
    pub total: u32,
}

impl Profile {
    /// From words as they are in memory, in a module with slots from `first_slot` on.
    pub fn new(words: Box<[u32]>, first_slot: usize, slot_count: usize) -> Profile {
        // Asked for at every call: the largest count is looked for once.
        let evidence = words.iter().skip(COUNT as usize).step_by(2).copied().max().unwrap_or(0);
        Profile { words, slots: (first_slot as u32, u32::try_from(slot_count).unwrap_or(u32::MAX)), evidence }
    }

    /// The words with targets as functions of the module, counted from 1; 0 for others. They mean the same wherever the slots are.
    pub fn portable(&self) -> Box<[u32]> {
        // Of each two words the first is a target, or 0.
        let word = |(at, &word): (usize, &u32)| match at % 2 {
            0 => self.func(word).map_or(0, |func| func.as_u32() + 1),
            _ => word,
        };
        self.words.iter().enumerate().map(word).collect()
    }

    /// Such words as they are in memory, in a module with slots from `first_slot` on.
    pub fn localized(portable: &[u32], first_slot: usize) -> impl Iterator<Item = u32> {
        portable.iter().enumerate().map(move |(at, &word)| match (at % 2, word) {
            (0, 1..) => (first_slot as u32).wrapping_add((word - 1).wrapping_mul(8)),
            _ => word,
        })
    }

    /// How often the most frequent call was made: how much the profile has to say.
    pub fn evidence(&self) -> u32 {
        self.evidence
    }

    /// How often a direct call was made whose words begin with the `word`th.
    pub fn count(&self, word: u32) -> Option<u32> {
        self.words.get((word + COUNT) as usize).copied()
    }

    /// Where an indirect call went whose words begin with the `word`th.
    pub fn targets(&self, word: u32) -> Option<Targets> {
        let words = self.words.get(word as usize..)?.get(..TARGETS_WORDS as usize)?;
        let (&[_, other], pairs) = words.as_chunks::<2>().0.split_last()?;
        let mut targets = Targets { total: other, ..Targets::default() };
        for (place, &[target, count]) in targets.funcs.iter_mut().zip(pairs) {
            targets.total = targets.total.saturating_add(count);
            *place = self.func(target).map(|func| (func, count));
        }
        targets.funcs.sort_by_key(|found| std::cmp::Reverse(found.map_or(0, |(_, count)| count)));
        Some(targets)
    }

    /// The function whose slot has an address with this low half. Another module's slot may have the same one: who relies on it compares
    /// the whole address.
    fn func(&self, target: u32) -> Option<DefinedFuncIndex> {
        let (first, count) = self.slots;
        let distance = target.wrapping_sub(first);
        (target != 0 && distance.is_multiple_of(8) && distance / 8 < count).then(|| DefinedFuncIndex::from_u32(distance / 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_functions_of_the_module_or_none() {
        let first = 0x7fff_ffff_ffe0;
        // The second is behind the last slot, the third between two; slots go on where the low half begins anew.
        let words = [0, 5, 0xffff_ffe8, 10, 0x20, 30, 0xffff_fff4, 1, 0, 7, 0x8, 2, 0xffff_ffe0, 3, 0, 0, 0, 0];
        let profile = Profile::new(words.into(), first, 8);
        let func = DefinedFuncIndex::from_u32;
        assert_eq!(profile.count(0), Some(5));
        assert_eq!(profile.evidence(), 30);
        let found = profile.targets(2).expect("words");
        assert_eq!((found.funcs, found.total), ([Some((func(1), 10)), None, None], 48));
        let found = profile.targets(10).expect("words");
        assert_eq!((found.funcs, found.total), ([Some((func(0), 3)), Some((func(5), 2)), None], 5));
        assert_eq!((profile.targets(12), profile.count(17)), (None, None));
        // Elsewhere it says the same.
        let elsewhere = 0x1234_5678_0000;
        let moved = Profile::new(Profile::localized(&profile.portable(), elsewhere).collect(), elsewhere, 8);
        assert_eq!((moved.targets(2), moved.targets(10)), (profile.targets(2), profile.targets(10)));
        assert_eq!((moved.count(0), moved.portable()), (profile.count(0), profile.portable()));
    }
}
