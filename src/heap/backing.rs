//! Bytes outside of the heap, which array buffers show: fixed, resizable up to a maximum, or shared between threads.
//!
//! The whole maximum is reserved at once and zeroed by the system when it is first touched, so that the address never changes and views
//! need no lock. The length may change; it only grows while several threads know the bytes.
//!
//! **Invariants:**
//! - Bytes from the length to the maximum are zero.
//! - Single elements are read and written by relaxed atomics, in parts if they lie across their alignment. Bulk operations do so only when
//!   the bytes are shared: what is not shared belongs to one agent, and is used by one thread at a time.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Most bytes of one backing: every index of a byte is an array index.
pub const MAX_BYTES: usize = 0xffff_fffe;

const ALIGNMENT: usize = 16;

/// A byte store.
#[derive(Debug)]
pub struct Backing {
    bytes: NonNull<u8>,
    length: AtomicUsize,
    max: usize,
    is_resizable: bool,
    is_shared: bool,
    /// Whether the bytes are somebody else's, who may keep them by this.
    is_foreign: bool,
    _owner: Option<Box<dyn std::any::Any + Send + Sync>>,
}

// SAFETY: the bytes are allocated memory that the backing owns; see the invariants for how threads use it.
unsafe impl Send for Backing {}
// SAFETY: what is shared is only used by atomics; what is not shared is used by one thread at a time.
unsafe impl Sync for Backing {}

/// An unsigned integer that a backing can read and write at once.
pub trait Word: Copy + Eq + 'static {
    /// How many bytes it has.
    const BYTES: usize;
    /// From its low bytes.
    fn from_u64(bits: u64) -> Self;
    /// To the low bytes of more.
    fn to_u64(self) -> u64;
    /// Reads an aligned word.
    ///
    /// # Safety
    ///
    /// `at` is aligned and allocated for [`BYTES`](Word::BYTES).
    unsafe fn load(at: *mut u8, ordering: Ordering) -> Self;
    /// Writes an aligned word.
    ///
    /// # Safety
    ///
    /// As for [`load`](Word::load).
    unsafe fn store(at: *mut u8, value: Self, ordering: Ordering);
    /// Exchanges an aligned word if it is what is expected; gives what was there, and whether it was exchanged.
    ///
    /// # Safety
    ///
    /// As for [`load`](Word::load).
    unsafe fn exchange(at: *mut u8, expected: Self, new: Self) -> (Self, bool);
}

macro_rules! words {
    ($($word:ident $atomic:ident,)*) => { $(
        impl Word for $word {
            const BYTES: usize = size_of::<$word>();
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, reason = "the low bytes are wanted")]
            fn from_u64(bits: u64) -> Self {
                bits as $word
            }
            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            unsafe fn load(at: *mut u8, ordering: Ordering) -> Self {
                // SAFETY: the caller's; the memory is only used by atomics meanwhile.
                unsafe { $atomic::from_ptr(at.cast()) }.load(ordering)
            }
            #[inline(always)]
            unsafe fn store(at: *mut u8, value: Self, ordering: Ordering) {
                // SAFETY: the caller's; the memory is only used by atomics meanwhile.
                unsafe { $atomic::from_ptr(at.cast()) }.store(value, ordering);
            }
            #[inline(always)]
            unsafe fn exchange(at: *mut u8, expected: Self, new: Self) -> (Self, bool) {
                // SAFETY: the caller's; the memory is only used by atomics meanwhile.
                match unsafe { $atomic::from_ptr(at.cast()) }.compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(old) => (old, true),
                    Err(old) => (old, false),
                }
            }
        }
    )* };
}

words! { u8 AtomicU8, u16 AtomicU16, u32 AtomicU32, u64 AtomicU64, }

impl Drop for Backing {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.max).filter(|_| !self.is_foreign) {
            // SAFETY: allocated in `new` with the same layout, and nobody else knows the backing any more.
            unsafe { dealloc(self.bytes.as_ptr(), layout) };
        }
    }
}

/// The layout of so many bytes; none is allocated for none.
fn layout(bytes: usize) -> Option<Layout> {
    (bytes != 0).then(|| Layout::from_size_align(bytes.next_multiple_of(ALIGNMENT), ALIGNMENT).ok()).flatten()
}

impl Backing {
    /// Zeros. With a maximum the length can change. `None` when there is not so much memory.
    pub fn new(length: usize, max: Option<usize>, is_shared: bool) -> Option<Arc<Backing>> {
        let capacity = max.unwrap_or(length);
        if capacity > MAX_BYTES || length > capacity {
            return None;
        }
        let bytes = match layout(capacity) {
            // SAFETY: the layout's size is not zero.
            Some(layout) => NonNull::new(unsafe { alloc_zeroed(layout) })?,
            None if capacity == 0 => NonNull::<u128>::dangling().cast(),
            None => return None,
        };
        let length = AtomicUsize::new(length);
        Some(Arc::new(Backing {
            bytes,
            length,
            max: capacity,
            is_resizable: max.is_some(),
            is_shared,
            is_foreign: false,
            _owner: None,
        }))
    }

    /// Bytes of somebody else, who sets their length: it is 0 from when they are gone. `None` when there are too many.
    ///
    /// # Safety
    ///
    /// As long as the backing lives, so many bytes as its length says are there, at most `max`; those up to the first length are. The owner keeps
    /// them there, if there is one. Of bytes that are not shared no reference is held while the backing is used.
    pub unsafe fn foreign(
        bytes: NonNull<u8>,
        length: usize,
        max: Option<usize>,
        is_shared: bool,
        owner: Option<Box<dyn std::any::Any + Send + Sync>>,
    ) -> Option<Arc<Backing>> {
        if max.unwrap_or(length) > MAX_BYTES || length > MAX_BYTES {
            return None;
        }
        let (is_resizable, max) = (max.is_some(), max.unwrap_or(length));
        let length = AtomicUsize::new(length);
        Some(Arc::new(Backing { bytes, length, max, is_resizable, is_shared, is_foreign: true, _owner: owner }))
    }

    /// Says how many of somebody else's bytes there are now.
    ///
    /// # Safety
    ///
    /// The backing is of [`foreign`](Self::foreign), and they are there.
    pub unsafe fn set_foreign_len(&self, length: usize) {
        debug_assert!(self.is_foreign && length <= self.max);
        // Release: partner of the Acquire in `len`.
        self.length.store(length.min(self.max), Ordering::Release);
    }

    /// Whether the bytes are somebody else's.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// How many bytes there are now.
    #[inline(always)]
    pub fn len(&self) -> usize {
        // The order is that of the growing, so that who sees a length sees the zeros.
        self.length.load(Ordering::Acquire)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The greatest length it can get.
    pub fn max(&self) -> usize {
        self.max
    }

    /// Whether the length can change.
    pub fn is_resizable(&self) -> bool {
        self.is_resizable
    }

    /// Whether several threads may know the bytes.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// A number by which the place of a byte is known in the whole process.
    pub fn address(&self, at: usize) -> usize {
        self.bytes.as_ptr().addr().wrapping_add(at)
    }

    /// Changes the length of bytes that are not shared. `false` if that is not possible.
    pub fn resize(&self, length: usize) -> bool {
        if self.is_shared || !self.is_resizable || self.is_foreign || length > self.max {
            return false;
        }
        let old = self.len();
        if length < old {
            self.fill(length, old - length, 0);
        }
        // Release: whoever reads the length with Acquire finds the bytes behind it zero.
        self.length.store(length, Ordering::Release);
        true
    }

    /// Lets shared bytes grow. `false` if it is too much, or less than there are.
    pub fn grow(&self, length: usize) -> bool {
        if !self.is_shared || !self.is_resizable || self.is_foreign || length > self.max {
            return false;
        }
        let grown = |old| (old <= length).then_some(length);
        self.length.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grown).is_ok()
    }

    #[inline(always)]
    fn has(&self, at: usize, count: usize) -> bool {
        let length = self.len();
        at <= length && count <= length - at
    }

    #[inline(always)]
    fn place(&self, at: usize) -> *mut u8 {
        debug_assert!(at <= self.max);
        self.bytes.as_ptr().wrapping_add(at)
    }

    /// Reads a word in the machine's order of bytes. `None` behind the end.
    #[inline]
    pub fn load<W: Word>(&self, at: usize) -> Option<W> {
        if !self.has(at, W::BYTES) {
            return None;
        }
        if at.is_multiple_of(W::BYTES) {
            // SAFETY: the bytes are there, and their start is aligned for every word. Relaxed: plain accesses promise no order.
            return Some(unsafe { W::load(self.place(at), Ordering::Relaxed) });
        }
        let mut bytes = [0; 8];
        self.read(at, &mut bytes[..W::BYTES]);
        Some(W::from_u64(u64::from_le_bytes(bytes)))
    }

    /// Writes a word in the machine's order of bytes. `false` behind the end.
    #[inline]
    pub fn store<W: Word>(&self, at: usize, value: W) -> bool {
        if !self.has(at, W::BYTES) {
            return false;
        }
        if at.is_multiple_of(W::BYTES) {
            // SAFETY: the bytes are there, and their start is aligned for every word. Relaxed: plain accesses promise no order.
            unsafe { W::store(self.place(at), value, Ordering::Relaxed) };
            return true;
        }
        self.write(at, &value.to_u64().to_le_bytes()[..W::BYTES])
    }

    /// Reads an aligned word in the order that all threads agree on.
    pub fn load_ordered<W: Word>(&self, at: usize) -> Option<W> {
        let is_good = self.has(at, W::BYTES) && at.is_multiple_of(W::BYTES);
        // SAFETY: the bytes are there and aligned.
        is_good.then(|| unsafe { W::load(self.place(at), Ordering::SeqCst) })
    }

    /// Writes an aligned word in the order that all threads agree on.
    pub fn store_ordered<W: Word>(&self, at: usize, value: W) -> bool {
        let is_good = self.has(at, W::BYTES) && at.is_multiple_of(W::BYTES);
        if is_good {
            // SAFETY: the bytes are there and aligned.
            unsafe { W::store(self.place(at), value, Ordering::SeqCst) };
        }
        is_good
    }

    /// Replaces an aligned word by what a function makes of it (nothing: it stays), at once. Gives what was there.
    pub fn update<W: Word>(&self, at: usize, change: impl Fn(W) -> Option<W>) -> Option<W> {
        let mut old = self.load_ordered::<W>(at)?;
        loop {
            let Some(new) = change(old) else { return Some(old) };
            // SAFETY: the bytes were there and aligned when they were loaded; the memory stays allocated.
            let (now, is_done) = unsafe { W::exchange(self.place(at), old, new) };
            if is_done {
                return Some(old);
            }
            old = now;
        }
    }

    /// Reads bytes. `false`, and nothing is read, if not all are there.
    pub fn read(&self, at: usize, into: &mut [u8]) -> bool {
        if !self.has(at, into.len()) {
            return false;
        }
        if self.is_shared || into.len() < 8 {
            for (nth, byte) in into.iter_mut().enumerate() {
                // SAFETY: the byte is there. Relaxed: plain accesses promise no order.
                *byte = unsafe { u8::load(self.place(at + nth), Ordering::Relaxed) };
            }
            return true;
        }
        // SAFETY: the bytes are there, and no other thread uses them; `into` is somebody else's memory.
        unsafe { std::ptr::copy_nonoverlapping(self.place(at), into.as_mut_ptr(), into.len()) };
        true
    }

    /// Writes bytes. `false`, and nothing is written, if there is no place for all.
    pub fn write(&self, at: usize, from: &[u8]) -> bool {
        if !self.has(at, from.len()) {
            return false;
        }
        if self.is_shared || from.len() < 8 {
            for (nth, &byte) in from.iter().enumerate() {
                // SAFETY: the byte is there. Relaxed: plain accesses promise no order.
                unsafe { u8::store(self.place(at + nth), byte, Ordering::Relaxed) };
            }
            return true;
        }
        // SAFETY: the bytes are there, and no other thread uses them; `from` is somebody else's memory.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), self.place(at), from.len()) };
        true
    }

    /// The bytes of a part. Empty if they are not all there.
    pub fn to_vec(&self, at: usize, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; if self.has(at, count) { count } else { 0 }];
        self.read(at, &mut bytes);
        bytes
    }

    /// Sets bytes to one value. `false` if they are not all there.
    pub fn fill(&self, at: usize, count: usize, byte: u8) -> bool {
        if !self.has(at, count) {
            return false;
        }
        if self.is_shared {
            for nth in at..at + count {
                // SAFETY: the byte is there. Relaxed: plain accesses promise no order.
                unsafe { u8::store(self.place(nth), byte, Ordering::Relaxed) };
            }
        } else {
            // SAFETY: the bytes are there, and no other thread uses them.
            unsafe { std::ptr::write_bytes(self.place(at), byte, count) };
        }
        true
    }

    /// Copies bytes, which may overlap, as if through a copy. `false` if they are not all there, here and in `from`.
    pub fn copy(&self, at: usize, from: &Backing, from_at: usize, count: usize) -> bool {
        if !self.has(at, count) || !from.has(from_at, count) {
            return false;
        }
        let (target, source) = (self.place(at), from.place(from_at));
        if !self.is_shared && !from.is_shared {
            // SAFETY: the bytes are there in both, no other thread uses them, and overlap is allowed.
            unsafe { std::ptr::copy(source, target, count) };
            return true;
        }
        let one = |nth: usize| {
            // SAFETY: `nth` is below `count`: the byte is there in both. Relaxed: plain accesses promise no order.
            unsafe {
                u8::store(target.wrapping_add(nth), u8::load(source.wrapping_add(nth), Ordering::Relaxed), Ordering::Relaxed)
            };
        };
        if target > source {
            (0..count).rev().for_each(one)
        } else {
            (0..count).for_each(one)
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Backing;

    #[test]
    fn words_and_bytes_are_the_same_memory() {
        let backing = Backing::new(20, None, false).expect("20 bytes");
        assert!(backing.store::<u32>(4, 0x0403_0201) && backing.load::<u16>(5) == Some(0x0302));
        assert!(backing.store::<u64>(9, u64::MAX) && backing.to_vec(8, 3) == [0, 255, 255]);
        assert!(!backing.store::<u32>(17, 1) && backing.load::<u8>(20).is_none() && backing.load::<u8>(usize::MAX).is_none());
        assert!(backing.copy(6, &backing, 4, 4) && backing.to_vec(4, 6) == [1, 2, 1, 2, 3, 4]);
    }

    #[test]
    fn what_was_cut_off_comes_back_as_zeros() {
        let backing = Backing::new(8, Some(16), false).expect("16 bytes");
        assert!(backing.fill(0, 8, 7) && backing.resize(2) && backing.load::<u8>(2).is_none());
        assert!(backing.resize(16) && !backing.resize(17) && !backing.grow(16));
        assert_eq!(backing.to_vec(0, 4), [7, 7, 0, 0]);
    }

    #[test]
    fn shared_bytes_only_grow() {
        let backing = Backing::new(8, Some(16), true).expect("16 bytes");
        assert!(backing.grow(12) && !backing.grow(8) && !backing.resize(4) && backing.len() == 12);
        assert_eq!(backing.update::<u32>(8, |old| Some(old + 5)), Some(0));
        assert_eq!(backing.load_ordered::<u32>(8), Some(5));
    }
}
