//! What the engine asks of the operating system: address space, executable memory, faults, stacks, clocks,
//! threads.
//!
//! **Invariants:** nothing here knows WebAssembly or generated code; what is unsafe about a system call stays inside the module
//! that makes it; no mapping is ever writable and executable at once; the fault handler allocates nothing and takes no lock.

pub mod clock;
pub mod counting;
pub mod deferred_file;
pub mod exec;
pub mod fiber;
pub mod file;
pub mod fork;
pub mod growing_bytes;
pub mod heap;
pub mod image;
pub mod jitdump;
pub mod memory;
pub mod page_map;
pub mod perf_map;
pub mod poison;
pub mod prepared;
pub mod profile;
pub mod second_stack;
pub mod signals;
pub mod spare;
pub mod stack;
pub mod thread;

#[cfg(all(test, not(feature = "loom")))]
pub(crate) mod tests;
