//! The process's allocator.

/// Gives memory that was freed back to the system, as far as the allocator can. It walks over everything that is free: for rare occasions.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time, by any thread; it changes no memory that is allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}
