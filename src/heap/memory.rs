//! The bytes of a cage: every read and write of the heap goes through here.
//!
//! Slots are relaxed atomics and never `&mut`: generated code writes to them between any two calls of Rust, and a marker
//! on another thread may read them.

use std::ptr;

use crate::base::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::heap::descriptor::SMALL_BYTES;
use crate::layout::heap::Descriptor;
use crate::platform::memory::prefetch;

/// Access to a cage by offset. Copied freely; whoever has one is part of the heap that owns the cage.
///
/// **Invariant:** offsets come from the heap's own spaces and from objects, so they lie in the cage's committed part. A reference
/// that a root forgot can be stale, but it is never outside of the reservation, which spans all 32-bit offsets or is checked.
#[derive(Debug, Clone, Copy)]
pub(in crate::heap) struct Memory {
    base: *mut u8,
}

// SAFETY: a base address; the accesses are atomic, or to memory that only the owner of the heap reaches.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    pub fn new(base: *mut u8) -> Self {
        Memory { base }
    }

    pub fn base(self) -> *mut u8 {
        self.base
    }

    #[inline(always)]
    pub fn at(self, offset: u32) -> *mut u8 {
        self.base.wrapping_add(offset as usize)
    }

    #[inline(always)]
    pub fn read(self, offset: u32) -> u32 {
        debug_assert!(offset.is_multiple_of(4));
        // SAFETY: the module's invariant; 4-byte slots are aligned, and are only accessed atomically or by copies of whole objects that
        // nobody else sees.
        unsafe { (*self.at(offset).cast::<AtomicU32>()).load(Ordering::Relaxed) } // Relaxed: a slot orders nothing.
    }

    #[inline(always)]
    pub fn write(self, offset: u32, value: u32) {
        debug_assert!(offset.is_multiple_of(4));
        // SAFETY: as for `read`.
        unsafe { (*self.at(offset).cast::<AtomicU32>()).store(value, Ordering::Relaxed) } // Relaxed: a slot orders nothing.
    }

    #[inline(always)]
    pub fn read64(self, offset: u32) -> u64 {
        debug_assert!(offset.is_multiple_of(8));
        // SAFETY: as for `read`; slots of 8 bytes are aligned to 8.
        unsafe { (*self.at(offset).cast::<AtomicU64>()).load(Ordering::Relaxed) } // Relaxed: a slot orders nothing.
    }

    #[inline(always)]
    pub fn write64(self, offset: u32, value: u64) {
        debug_assert!(offset.is_multiple_of(8));
        // SAFETY: as for `read64`.
        unsafe { (*self.at(offset).cast::<AtomicU64>()).store(value, Ordering::Relaxed) } // Relaxed: a slot orders nothing.
    }

    /// The descriptor at an offset. Descriptors are written once and stay.
    #[inline(always)]
    pub fn descriptor<'a>(self, offset: u32) -> &'a Descriptor {
        // SAFETY: the module's invariant: the offset is that of a descriptor, which is immutable and lives as long as the cage; the
        // result is used within the heap, which owns the cage.
        unsafe { &*self.at(offset).cast::<Descriptor>() }
    }

    #[inline(always)]
    pub fn copy(self, from: u32, to: u32, bytes: u32) {
        // SAFETY: the module's invariant; both ranges belong to the heap, and nobody else accesses them during a copy.
        unsafe { ptr::copy(self.at(from), self.at(to), bytes as usize) }
    }

    /// Copies an object to where none is. Most are small, and a call of `memmove` costs more than their words.
    #[inline(always)]
    pub fn copy_object(self, from: u32, to: u32, bytes: u32) {
        if bytes <= SMALL_BYTES {
            self.copy_words(from, to, bytes / 8);
        } else {
            self.copy(from, to, bytes);
        }
    }

    /// Copies words of 8 bytes, one at least.
    #[inline(always)]
    pub fn copy_words(self, mut from: u32, mut to: u32, mut words: u32) {
        loop {
            self.write64(to, self.read64(from));
            words -= 1;
            if words == 0 {
                break;
            }
            (from, to) = (from + 8, to + 8);
        }
    }

    /// Says that an object will be read soon.
    #[inline(always)]
    pub fn prefetch(self, offset: u32) {
        prefetch(self.at(offset));
    }

    #[inline(always)]
    pub fn zero(self, offset: u32, bytes: u32) {
        // SAFETY: as for `copy`.
        unsafe { ptr::write_bytes(self.at(offset), 0, bytes as usize) }
    }

    pub fn fill(self, offset: u32, bytes: u32, byte: u8) {
        // SAFETY: as for `copy`.
        unsafe { ptr::write_bytes(self.at(offset), byte, bytes as usize) }
    }

    pub fn read_bytes(self, offset: u32, into: &mut [u8]) {
        // SAFETY: as for `copy`; `into` is Rust's memory and does not overlap the cage.
        unsafe { ptr::copy_nonoverlapping(self.at(offset), into.as_mut_ptr(), into.len()) }
    }

    pub fn write_bytes(self, offset: u32, from: &[u8]) {
        // SAFETY: as for `read_bytes`.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.at(offset), from.len()) }
    }
}
