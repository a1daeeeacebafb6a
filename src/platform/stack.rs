//! Where the current thread's stack is, and what is on it.
//!
//! The answer costs a parse of `/proc/self/maps` on the main thread, and is therefore kept per thread. It is the answer for the stack
//! that the thread was born with: whoever switches stacks knows the bounds of the others.

use std::arch::asm;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

/// Bounds of a stack that grows downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackBounds {
    /// The lowest usable address.
    pub low: usize,
    /// The address behind the highest.
    pub high: usize,
}

impl StackBounds {
    /// Bytes of the stack.
    pub fn len_bytes(self) -> usize {
        self.high - self.low
    }

    /// Whether an address is in the stack.
    pub fn contains(self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }
}

thread_local! {
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
}

/// The bounds of the current thread's own stack, or nothing where the system does not tell.
pub fn current() -> Option<StackBounds> {
    BOUNDS.with(|cached| {
        if cached.get().is_none() {
            cached.set(ask());
        }
        cached.get()
    })
}

/// Visits the words of this thread's stack from the present frame up to `end`, and before them the registers that callers may have left
/// values in.
///
/// # Safety
///
/// `end` is an address in the stack that this code runs on, and not below the present frame.
#[inline(never)]
pub unsafe fn visit_words(end: usize, mut visit: impl FnMut(u64)) {
    let mut registers = [0u64; 6];
    // SAFETY: the array has room for six words; nothing else is written.
    unsafe {
        asm!(
            "mov [{words}], rbx",
            "mov [{words} + 8], rbp",
            "mov [{words} + 16], r12",
            "mov [{words} + 24], r13",
            "mov [{words} + 32], r14",
            "mov [{words} + 40], r15",
            words = in(reg) registers.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    registers.into_iter().for_each(&mut visit);
    // SAFETY: by contract.
    unsafe { visit_range(registers.as_ptr().addr(), end, visit) }
}

/// Visits the words of a part of a stack.
///
/// # Safety
///
/// It is all of one stack, whose memory is there, and begins at a multiple of a word.
pub unsafe fn visit_range(start: usize, end: usize, mut visit: impl FnMut(u64)) {
    const WORD: usize = size_of::<u64>();
    debug_assert!(start.is_multiple_of(WORD), "{start:#x} is a word's address");
    for address in (start..end).step_by(WORD) {
        let word: u64;
        // SAFETY: the address lies in a stack, by contract. What is there need not be a value of any type, so that it is read by an
        // instruction and not by Rust.
        unsafe {
            asm!("mov {word}, [{address}]", word = out(reg) word, address = in(reg) address, options(nostack, readonly, preserves_flags));
        }
        visit(word);
    }
}

fn ask() -> Option<StackBounds> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the call initializes the attributes exactly when it returns 0.
    let failed = unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) };
    if failed != 0 {
        return None;
    }
    let mut low = ptr::null_mut();
    let (mut bytes, mut guard_bytes) = (0, 0);
    // SAFETY: the attributes are initialized, used by this thread only, and destroyed once.
    let failed = unsafe {
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut bytes)
            | libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard_bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        failed
    };
    // Some versions count the guard as part of the stack: leave it out always.
    let bounds = StackBounds { low: low.addr().checked_add(guard_bytes)?, high: low.addr().checked_add(bytes)? };
    (failed == 0 && bounds.low < bounds.high).then_some(bounds)
}
