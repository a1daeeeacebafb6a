//! Where the current thread's stack is.
//!
//! The answer costs a parse of `/proc/self/maps` on the main thread, and is therefore kept per thread. It is the answer for the stack
//! that the thread was born with: whoever switches stacks knows the bounds of the others.

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
