//! Copies between the host's memory and memory that other threads may write at the same time.
//!
//! Problem: two threads that touch one byte, one of them writing and one of them without atomics, are undefined behaviour in Rust,
//! whatever the guest meant by it. Idea: every access from Rust to a shared memory is atomic and relaxed, by words where the address
//! allows. What a copy sees of a concurrent write may be torn, as the threads proposal has it for accesses that are not atomic.
//!
//! **Invariant:** no reference to the bytes of a shared memory is ever made.

use crate::base::sync::atomic::{AtomicU8, AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// Copies out of memory that others may write.
///
/// # Safety
///
/// `from` is valid for reads of `into.len()` bytes as long as this runs, and only accessed atomically or by generated code.
pub(crate) unsafe fn read(from: *const u8, into: &mut [u8]) {
    let from = from.cast_mut();
    let (mut at, len) = (0, into.len());
    while at < len {
        // Relaxed, both: bytes carry no order of their own; who wants one uses the guest's atomics.
        if from.wrapping_add(at).addr().is_multiple_of(WORD) && len - at >= WORD {
            // SAFETY: in bounds by the caller's promise, and aligned as was just seen.
            let word = unsafe { AtomicU64::from_ptr(from.add(at).cast()) }.load(Ordering::Relaxed);
            into[at..at + WORD].copy_from_slice(&word.to_ne_bytes());
            at += WORD;
        } else {
            // SAFETY: in bounds by the caller's promise.
            into[at] = unsafe { AtomicU8::from_ptr(from.add(at)) }.load(Ordering::Relaxed);
            at += 1;
        }
    }
}

/// Copies into memory that others may read and write.
///
/// # Safety
///
/// `to` is valid for writes of `bytes.len()` bytes as long as this runs, and only accessed atomically or by generated code.
pub(crate) unsafe fn write(to: *mut u8, bytes: &[u8]) {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.first_chunk::<WORD>() {
            // Relaxed, both: as in `read`.
            Some(word) if to.wrapping_add(at).addr().is_multiple_of(WORD) => {
                // SAFETY: in bounds by the caller's promise, and aligned as was just seen.
                unsafe { AtomicU64::from_ptr(to.add(at).cast()) }.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
                at += WORD;
            }
            _ => {
                // SAFETY: in bounds by the caller's promise.
                unsafe { AtomicU8::from_ptr(to.add(at)) }.store(rest[0], Ordering::Relaxed);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn every_alignment_and_length() {
        for start in 0..9 {
            for len in 0..40 {
                let mut memory = [0xee_u8; 64];
                let bytes: Vec<u8> = (1..=len).collect();
                let end = start + bytes.len();
                let mut back = vec![0; bytes.len()];
                // SAFETY: both ranges lie in the array, which this thread owns.
                unsafe {
                    write(memory.as_mut_ptr().add(start), &bytes);
                    read(memory.as_ptr().add(start), &mut back);
                }
                assert_eq!(back, bytes);
                assert_eq!(memory[start..end], bytes);
                assert!(memory[..start].iter().chain(&memory[end..]).all(|&byte| byte == 0xee));
            }
        }
    }
}
