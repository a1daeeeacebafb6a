//! What AddressSanitizer is told of memory that it did not allocate: which parts of a mapping are nobody's for now.
//!
//! With the feature `asan` an access of Rust to a closed range is reported. Generated code is not instrumented, and sees nothing of this.
//! Without the feature both functions are empty.

pub use imp::{close, open};

#[cfg(feature = "asan")]
mod imp {
    use std::ffi::c_void;

    unsafe extern "C" {
        fn __asan_poison_memory_region(address: *const c_void, bytes: usize);
        fn __asan_unpoison_memory_region(address: *const c_void, bytes: usize);
    }

    /// Nobody is to access the range, until it is opened. Its borders are multiples of 8.
    pub fn close(address: *mut u8, bytes: usize) {
        // SAFETY: the sanitizer's runtime is linked; it marks the range in memory of its own.
        unsafe { __asan_poison_memory_region(address.cast(), bytes) }
    }

    /// The range may be accessed again.
    pub fn open(address: *mut u8, bytes: usize) {
        // SAFETY: as for `close`.
        unsafe { __asan_unpoison_memory_region(address.cast(), bytes) }
    }
}

#[cfg(not(feature = "asan"))]
mod imp {
    /// Nobody is to access the range, until it is opened.
    #[inline(always)]
    pub fn close(_address: *mut u8, _bytes: usize) {}

    /// The range may be accessed again.
    #[inline(always)]
    pub fn open(_address: *mut u8, _bytes: usize) {}
}
