//! The instructions that a pattern becomes.
#![forbid(unsafe_code)]

use super::set::CodeSet;

/// No set: any character, and none, may follow. No hint.
pub(super) const NONE: u32 = u32::MAX;

/// How a run of single characters is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As many as possible first.
    Greedy,
    /// As few as possible first.
    Lazy,
    /// As many as possible: with fewer, what follows cannot match.
    Possessive,
}

/// From `min` to `max` characters of a set. `hint` is the code unit that must follow, or [`NONE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub set: u32,
    pub min: u32,
    pub max: u32,
    pub mode: Mode,
    pub hint: u32,
}

/// One instruction. A place among the others, a set and a slot are numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    /// The whole has matched.
    Match,
    /// Nothing matches here.
    Fail,
    /// One code unit.
    Unit(u16),
    /// Several code units, which lie in the program's text.
    Units {
        from: u32,
        to: u32,
    },
    /// One of two code units.
    EitherUnit(u16, u16),
    /// One character of a set.
    Set(u32),
    /// The same, before this place.
    UnitBack(u16),
    SetBack(u32),
    /// The run of that number.
    Run(u32),
    Jump(u32),
    /// Goes on here, and if that fails at `other`; unless the next character tells which of the two cannot be: `first` has those that may
    /// come here, `rest` those that may come there.
    Branch {
        other: u32,
        first: u32,
        rest: u32,
    },
    /// Writes this place into a slot.
    Save(u32),
    /// Forgets the slots from one up to another.
    Clear(u32, u32),
    /// Writes 0 into a slot.
    Zero(u32),
    /// Adds 1 to a slot.
    Increment(u32),
    /// A loop's head: enters the body behind it, or goes to `exit`, as the number of rounds so far says.
    Repeat {
        count: u32,
        limits: u32,
        exit: u32,
    },
    /// Fails if this place is in the slot: an empty round (§22.2.2.3.1, 2.b).
    Progress(u32),
    /// The same, but only in a round beyond the fewest.
    ProgressBeyond {
        place: u32,
        count: u32,
        min: u32,
    },
    /// What a group has matched; `groups` is a place in the program's list.
    Reference {
        groups: u32,
        ignore_case: bool,
        back: bool,
    },
    LineStart {
        multiline: bool,
    },
    LineEnd {
        multiline: bool,
    },
    WordBoundary {
        negative: bool,
        extended: bool,
    },
    /// Begins to look ahead or behind. The slot has this place, and the next the backtrack stack's height. `other` is where a negative
    /// one goes on when its part has not matched.
    Look {
        slot: u32,
        other: u32,
    },
    /// The part has matched.
    LookEnd {
        slot: u32,
        negative: bool,
    },
}

const _: () = assert!(size_of::<Op>() == 16);

/// A set as it is asked: a bit for each character of Latin-1, and ranges.
#[derive(Debug, Clone)]
pub(super) struct CompiledSet {
    latin1: [u64; 4],
    others: Box<[(u32, u32)]>,
    /// Whether all above Latin-1 are in it.
    has_all_others: bool,
}

impl CompiledSet {
    pub fn new(set: &CodeSet) -> Self {
        let mut latin1 = [0; 4];
        for point in set.intersection(&CodeSet::range(0, 255)).members() {
            latin1[point as usize >> 6] |= 1 << (point & 63);
        }
        let others: Box<[(u32, u32)]> = set.intersection(&CodeSet::range(256, super::set::MAX)).ranges().into();
        let has_all_others = *others == [(256, super::set::MAX)];
        CompiledSet { latin1, others, has_all_others }
    }

    #[inline(always)]
    pub fn has_byte(&self, byte: u8) -> bool {
        self.latin1[usize::from(byte >> 6)] & 1 << (byte & 63) != 0
    }

    /// Whether a character is in it.
    #[inline(always)]
    pub fn contains(&self, point: u32) -> bool {
        match u8::try_from(point) {
            Ok(byte) => self.has_byte(byte),
            Err(_) => self.has_all_others || self.contains_other(point),
        }
    }

    fn contains_other(&self, point: u32) -> bool {
        let after = self.others.partition_point(|&(first, _)| first <= point);
        after.checked_sub(1).and_then(|at| self.others.get(at)).is_some_and(|&(_, last)| point <= last)
    }
}

/// Where a match can begin.
#[derive(Debug)]
pub(super) enum Start {
    Anywhere,
    /// Only where the text begins.
    Beginning,
    /// At a character of a set.
    Set(u32),
    /// At one of up to three bytes; other code units are not in it.
    Bytes(Box<[u8]>),
    /// Near a text of Latin-1: so many code units before it, at least and at most.
    Text {
        text: Box<memchr::memmem::Finder<'static>>,
        fewest: u32,
        most: u32,
    },
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub ops: Vec<Op>,
    pub sets: Vec<CompiledSet>,
    pub runs: Vec<Run>,
    /// Of counted loops: the fewest rounds, the most, and whether more are tried first.
    pub limits: Vec<(u32, u32, bool)>,
    /// What several code units are compared with.
    pub text: Vec<u16>,
    /// Lists of groups, for references.
    pub groups: Vec<Vec<u32>>,
    /// Two for each group, then those of loops.
    pub slot_count: u32,
    pub group_count: u32,
    /// Characters are code points.
    pub unicode: bool,
    pub start: Start,
}
