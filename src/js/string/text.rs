//! The code units of a flat string, borrowed.
#![forbid(unsafe_code)]

use crate::heap::{Heap, HeapRef};
use crate::js::class::{STRING_DATA, Thing, is_thing};

/// Code units (§6.1.4), one or two bytes each.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Code units below 256.
    Latin1(&'a [u8]),
    /// Any code units.
    Utf16(&'a [u16]),
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Text::Latin1(a), Text::Latin1(b)) => a == b,
            (Text::Utf16(a), Text::Utf16(b)) => a == b,
            (Text::Latin1(a), Text::Utf16(b)) | (Text::Utf16(b), Text::Latin1(a)) => {
                a.len() == b.len() && a.iter().zip(*b).all(|(&a, &b)| u16::from(a) == b)
            }
        }
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        other.encode_utf16().eq(self.units())
    }
}

impl<'a> Text<'a> {
    /// The text of a flat string in the heap; `None` if it is a rope or a slice.
    pub(in crate::js) fn of_flat(heap: &'a Heap, string: HeapRef) -> Option<Text<'a>> {
        let length = heap.length(string);
        if is_thing(heap, string, Thing::Latin1) {
            Some(Text::Latin1(heap.data(string, STRING_DATA, length)))
        } else if is_thing(heap, string, Thing::TwoByte) {
            Some(Text::Utf16(heap.data16(string, STRING_DATA, length)))
        } else {
            None
        }
    }

    /// How many code units there are.
    pub fn len(self) -> usize {
        match self {
            Text::Latin1(bytes) => bytes.len(),
            Text::Utf16(units) => units.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The code unit at a place, which must be inside.
    pub fn at(self, place: usize) -> u16 {
        match self {
            Text::Latin1(bytes) => u16::from(bytes[place]),
            Text::Utf16(units) => units[place],
        }
    }

    /// The code unit at a place, if it is inside.
    pub fn get(self, place: usize) -> Option<u16> {
        (place < self.len()).then(|| self.at(place))
    }

    /// All code units in turn.
    pub fn units(self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |place| self.at(place))
    }

    /// A part.
    pub fn part(self, from: usize, to: usize) -> Text<'a> {
        match self {
            Text::Latin1(bytes) => Text::Latin1(&bytes[from..to]),
            Text::Utf16(units) => Text::Utf16(&units[from..to]),
        }
    }

    /// All code units, owned.
    pub fn to_vec(self) -> Vec<u16> {
        match self {
            Text::Latin1(bytes) => bytes.iter().map(|&byte| u16::from(byte)).collect(),
            Text::Utf16(units) => units.to_vec(),
        }
    }

    /// The code units as bytes, if they are wide and need not be.
    pub fn narrow(self) -> Option<Vec<u8>> {
        match self {
            Text::Utf16(units) if units.iter().all(|&unit| unit < 256) => Some(units.iter().map(|&unit| unit as u8).collect()),
            _ => None,
        }
    }

    /// As Rust's text; surrogates without a partner become U+FFFD.
    pub fn to_rust(self) -> String {
        match self {
            Text::Latin1(bytes) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Text::Utf16(units) => String::from_utf16_lossy(units),
        }
    }

    /// The code point at a place (§11.1.4 CodePointAt), and how many code units it takes.
    pub fn code_point(self, place: usize) -> (u32, usize) {
        let first = self.at(place);
        if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, self.get(place + 1)) {
            return (0x10000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00), 2);
        }
        (u32::from(first), 1)
    }

    /// StringIndexOf (§6.1.4.1): the first place from `from` on where `what` stands.
    pub fn index_of(self, what: Text<'_>, from: usize) -> Option<usize> {
        let last = self.len().checked_sub(what.len())?;
        if what.is_empty() {
            return (from <= self.len()).then_some(from);
        }
        if let (Text::Latin1(bytes), Text::Latin1([byte])) = (self, what) {
            return bytes.get(from..)?.iter().position(|other| other == byte).map(|at| from + at);
        }
        let first = what.at(0);
        (from..=last).find(|&at| self.at(at) == first && self.part(at, at + what.len()) == what)
    }

    /// StringLastIndexOf (§6.1.4.2): the last place up to `from` where `what` stands.
    pub fn last_index_of(self, what: Text<'_>, from: usize) -> Option<usize> {
        let last = self.len().checked_sub(what.len())?;
        (0..=from.min(last)).rev().find(|&at| self.part(at, at + what.len()) == what)
    }

    /// A hash that does not depend on the width; never 0.
    pub(in crate::js) fn hash(self) -> u32 {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, unit: u16| (hash.rotate_left(7) ^ u64::from(unit)).wrapping_mul(FACTOR);
        let hash = match self {
            Text::Latin1(bytes) => bytes.iter().fold(FACTOR, |hash, &byte| mix(hash, u16::from(byte))),
            Text::Utf16(units) => units.iter().fold(FACTOR, |hash, &unit| mix(hash, unit)),
        };
        (hash >> 32) as u32 | 1
    }

    /// The array index that it is the decimal form of (§6.1.7).
    pub fn as_index(self) -> Option<u32> {
        if self.is_empty() || self.len() > 10 || (self.at(0) == u16::from(b'0') && self.len() > 1) {
            return None;
        }
        let mut index = 0u64;
        for unit in self.units() {
            index = index * 10 + u64::from(unit.checked_sub(u16::from(b'0')).filter(|&digit| digit < 10)?);
        }
        u32::try_from(index).ok().filter(|&index| index != u32::MAX)
    }

    /// Lexicographic order by code units (§7.2.12).
    pub fn compare(self, other: Text<'_>) -> std::cmp::Ordering {
        match (self, other) {
            (Text::Latin1(a), Text::Latin1(b)) => a.cmp(b),
            (a, b) => a.units().cmp(b.units()),
        }
    }
}
