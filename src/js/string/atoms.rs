//! The intern table: equal property names are one string, so that keys are compared by reference.
//!
//! Atoms are old from the start and never move. The table does not keep them alive: a major collection takes the dead ones out.
#![forbid(unsafe_code)]

use crate::heap::{HeapError, HeapRef};
use crate::js::agent::Agent;
use crate::js::class::{HASH, STRING_DATA, STRING_FLAGS, Thing};
use crate::js::string::text::Text;

/// The flag of strings in the table, and of symbols.
pub(in crate::js) const ATOM: u32 = 1;

/// A hash table with linear probing; 0 is an empty place.
#[derive(Debug)]
pub(in crate::js) struct AtomTable {
    places: Vec<(u32, HeapRef)>,
    count: usize,
}

impl Default for AtomTable {
    fn default() -> Self {
        AtomTable { places: vec![(0, HeapRef::NULL); 2048], count: 0 }
    }
}

impl AtomTable {
    fn find(&self, hash: u32, mut is_it: impl FnMut(HeapRef) -> bool) -> Result<HeapRef, usize> {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.places[at] {
                (0, _) => return Err(at),
                (other, atom) if other == hash && is_it(atom) => return Ok(atom),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn insert(&mut self, hash: u32, atom: HeapRef) {
        if self.count * 2 >= self.places.len() {
            let size = self.places.len() * 2;
            self.rebuild(size, &|_| true);
        }
        if let Err(at) = self.find(hash, |_| false) {
            self.places[at] = (hash, atom);
            self.count += 1;
        }
    }

    fn rebuild(&mut self, size: usize, keep: &dyn Fn(HeapRef) -> bool) {
        let old = std::mem::replace(&mut self.places, vec![(0, HeapRef::NULL); size]);
        self.count = 0;
        for (hash, atom) in old {
            if hash != 0
                && keep(atom)
                && let Err(at) = self.find(hash, |_| false)
            {
                self.places[at] = (hash, atom);
                self.count += 1;
            }
        }
    }

    /// How many atoms there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the dead out.
    pub fn retain(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        self.rebuild(self.places.len(), is_live);
    }
}

impl Agent {
    /// The atom of a text.
    pub(in crate::js) fn intern(&mut self, text: Text<'_>) -> Result<HeapRef, HeapError> {
        let hash = text.hash();
        let heap = &self.heap;
        if let Ok(atom) = self.roots.atoms.find(hash, |atom| Text::of_flat(heap, atom).is_some_and(|other| other == text)) {
            return Ok(atom);
        }
        let narrow = text.narrow();
        let atom = match narrow.as_deref().map_or(text, Text::Latin1) {
            Text::Latin1(bytes) => {
                let atom = self.heap.allocate_old(self.types.thing(Thing::Latin1), bytes.len() as u32)?;
                self.heap.write_data(atom, STRING_DATA, bytes);
                atom
            }
            Text::Utf16(units) => {
                let atom = self.heap.allocate_old(self.types.thing(Thing::TwoByte), units.len() as u32)?;
                self.heap.write_data16(atom, STRING_DATA, units);
                atom
            }
        };
        self.heap.write_u32(atom, HASH, hash);
        self.heap.write_u32(atom, STRING_FLAGS, ATOM);
        self.roots.atoms.insert(hash, atom);
        Ok(atom)
    }

    /// The atom of a text in UTF-8.
    pub(in crate::js) fn intern_text(&mut self, text: &str) -> Result<HeapRef, HeapError> {
        match text.is_ascii() {
            true => self.intern(Text::Latin1(text.as_bytes())),
            false => self.intern(Text::Utf16(&text.encode_utf16().collect::<Vec<u16>>())),
        }
    }
}
