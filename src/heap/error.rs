//! Why the heap could not do what it was asked for.

use crate::platform::memory::MemoryError;

/// Errors of the heap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeapError {
    /// The system has no address space, not even for the smallest cage.
    #[error("no address space for a heap: {0}")]
    Reserve(MemoryError),
    /// The heap's limit is reached, and a collection did not help.
    #[error("out of memory: {wanted_bytes} bytes more, {used_bytes} in use, the limit is {limit_bytes}")]
    OutOfMemory {
        /// What was asked for.
        wanted_bytes: u64,
        /// What is alive, or not yet known to be dead.
        used_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// An object larger than any object may be.
    #[error("an array of {length} elements is larger than any object may be")]
    TooLarge {
        /// Elements that were asked for.
        length: u32,
    },
    /// A type that no object can have.
    #[error("a type that the heap cannot describe: {0}")]
    BadType(&'static str),
    /// An image that cannot be used.
    #[error("bad heap image: {0}")]
    BadImage(String),
}
