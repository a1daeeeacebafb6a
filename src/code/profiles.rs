//! Where code records its calls ([`abi::profile`](crate::abi::profile)): words beside the dispatch slots, given out as code is published.
//!
//! ```text
//! starts     for each function the position of its first word, 0 if it has none
//! words      some that nobody reads; then for each function their number, and as many
//! ```
//!
//! A function keeps its words when its code is replaced or freed: what was recorded is read long after. If there are none left, code counts in
//! words that nobody reads, as it must count somewhere.

use crate::abi::profile::{Profile, TARGETS_WORDS};
use crate::base::DefinedFuncIndex;
use crate::base::sync::atomic::{AtomicU32, AtomicU32 as MappedU32, Ordering};
use crate::code::space::{CodeSpace, CodeSpaceOptions};

/// Positions that code of functions without words counts at.
const SHARED_WORDS: u32 = 64;
/// The first word of a function: what an indirect call has goes on behind the last position.
const FIRST: u32 = SHARED_WORDS + TARGETS_WORDS;

/// The words of one space.
pub(in crate::code) struct Profiles {
    starts: *const MappedU32,
    func_count: usize,
    /// How many words there are; 0 if nothing is recorded.
    word_count: u32,
    next: AtomicU32,
}

// SAFETY: `starts` leads to atomics inside the reservation of the space that this is a part of.
unsafe impl Send for Profiles {}
// SAFETY: as above.
unsafe impl Sync for Profiles {}

/// A byte for each byte of the bodies: calls stand far enough apart for three times as many.
fn word_count(options: &CodeSpaceOptions<'_>) -> u32 {
    if !options.profiles {
        return 0;
    }
    u32::try_from(options.wasm_code_bytes / 4).unwrap_or(u32::MAX / 2).min(u32::MAX / 16) + FIRST
}

impl Profiles {
    /// Bytes for a space that is made so; nothing if they are too many.
    pub fn bytes(options: &CodeSpaceOptions<'_>) -> Option<usize> {
        if !options.profiles {
            return Some(0);
        }
        options.slot_count.checked_add(word_count(options) as usize)?.checked_mul(4)
    }

    /// Over memory of so many bytes at an address, committed and zero, for as long as the space lives.
    pub fn new(options: &CodeSpaceOptions<'_>, memory: *const u8) -> Profiles {
        let (func_count, word_count) = (options.slot_count, word_count(options));
        Profiles { starts: memory.cast(), func_count, word_count, next: AtomicU32::new(FIRST) }
    }

    fn start(&self, func: DefinedFuncIndex) -> Option<&MappedU32> {
        let position = func.as_u32() as usize;
        let is_there = self.word_count > 0 && position < self.func_count;
        // SAFETY: there are as many starts as functions.
        is_there.then(|| unsafe { &*self.starts.add(position) })
    }

    fn word(&self, position: u32) -> Option<&MappedU32> {
        // SAFETY: the words are behind the starts.
        (position < self.word_count).then(|| unsafe { &*self.starts.add(self.func_count + position as usize) })
    }

    /// Gives a function its words, if it has none and there are enough.
    pub fn make_room(&self, func: DefinedFuncIndex, words: u32) {
        let Some(start) = self.start(func).filter(|_| words > 0) else { return };
        if start.load(Ordering::Acquire) != 0 {
            return;
        }
        let advance = |next: u32| next.checked_add(words + 1).filter(|&end| end <= self.word_count);
        // Relaxed: it hands out disjoint ranges.
        let Ok(first) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance) else { return };
        if let Some(length) = self.word(first) {
            length.store(words, Ordering::Relaxed); // the exchange below publishes it
        }
        // Release: partner is the load in `read`. Who is late leaves its words unused.
        let _ = start.compare_exchange(0, first + 1, Ordering::Release, Ordering::Relaxed);
    }

    /// The address of the `word`th word of a function, or of one that nobody reads.
    pub fn word_address(&self, func: DefinedFuncIndex, word: u32) -> Option<usize> {
        let position = match self.start(func)?.load(Ordering::Acquire) {
            0 => word % SHARED_WORDS,
            first => first.checked_add(word)?,
        };
        Some(std::ptr::from_ref(self.word(position)?).addr())
    }

    /// Sets what a function has recorded, if it has words for that; what code counts at the same time may be lost.
    fn write(&self, func: DefinedFuncIndex, words: impl Iterator<Item = u32>) {
        let Some(first) = self.start(func).map(|start| start.load(Ordering::Acquire)) else { return }; // partner: as in `read`
        // Relaxed: as in `read`.
        let Some(length) = first.checked_sub(1).and_then(|at| Some(self.word(at)?.load(Ordering::Relaxed))) else { return };
        for (position, value) in (first..first.saturating_add(length)).zip(words) {
            if let Some(word) = self.word(position) {
                word.store(value, Ordering::Relaxed); // as in `read`
            }
        }
    }

    /// What a function has recorded.
    fn read(&self, func: DefinedFuncIndex) -> Option<Box<[u32]>> {
        let first = self.start(func)?.load(Ordering::Acquire); // partner: the exchange in `make_room`
        // Relaxed: code counts at the same time, and figures need not agree.
        let length = self.word(first.checked_sub(1)?)?.load(Ordering::Relaxed);
        (first..first.checked_add(length)?).map(|at| Some(self.word(at)?.load(Ordering::Relaxed))).collect()
    }
}

impl CodeSpace {
    /// What a function has recorded of its calls; nothing if it never had code that does.
    pub fn profile(&self, func: DefinedFuncIndex) -> Option<Profile> {
        let words = self.profiles.read(func)?;
        Some(Profile::new(words, self.slot(DefinedFuncIndex::from_u32(0)).addr(), self.slot_count()))
    }

    /// Lets a function go on with what it has recorded in another process: the [portable](Profile::portable) words.
    pub fn restore_profile(&self, func: DefinedFuncIndex, portable: &[u32]) {
        self.profiles.write(func, Profile::localized(portable, self.slot(DefinedFuncIndex::from_u32(0)).addr()));
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn functions_have_words_of_their_own_while_there_are_some() {
        let func = DefinedFuncIndex::from_u32;
        let options = CodeSpaceOptions { profiles: true, ..CodeSpaceOptions::new(3, 40) };
        let memory: Vec<MappedU32> = (0..Profiles::bytes(&options).expect("few") / 4).map(|_| MappedU32::new(0)).collect();
        let profiles = Profiles::new(&options, memory.as_ptr().cast());
        // Of ten words, four and its number, and three and its number: one is left.
        profiles.make_room(func(1), 4);
        profiles.make_room(func(0), 3);
        profiles.make_room(func(1), 4);
        profiles.make_room(func(2), 1);
        let position = |of: u32, word| profiles.word_address(func(of), word).map(|at| (at - memory.as_ptr().addr()) / 4);
        let first = 3 + FIRST as usize + 1;
        assert_eq!((position(1, 0), position(1, 3), position(0, 0)), (Some(first), Some(first + 3), Some(first + 5)));
        assert_eq!((position(2, 0), position(2, 70), position(3, 0)), (Some(3), Some(9), None));
        memory[first + 2].store(7, Ordering::Relaxed); // one thread
        assert_eq!(profiles.read(func(1)).as_deref(), Some(&[0, 0, 7, 0][..]));
        assert_eq!(profiles.read(func(0)).as_deref(), Some(&[0, 0, 0][..]));
        assert_eq!(profiles.read(func(2)), None);
        // No more than there is room for.
        profiles.write(func(0), [1, 2, 3, 4, 5].into_iter());
        profiles.write(func(2), [9].into_iter());
        assert_eq!(profiles.read(func(0)).as_deref(), Some(&[1, 2, 3][..]));
        assert_eq!(profiles.read(func(1)).as_deref(), Some(&[0, 0, 7, 0][..]));
    }
}
