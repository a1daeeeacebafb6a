//! WASI snapshot preview 1 (`wasi_snapshot_preview1`) as host functions over `cap-std`.
//!
//! Problem: a guest asks for files, clocks and sockets in terms of numbers and pointers of its own, all of which may be
//! hostile. Idea: one table ([`functions`]) names every function with its Wasm signature; a function decodes its
//! arguments, checks every guest pointer against the caller's memory, looks its descriptor up *with the rights it needs*,
//! and only then touches the host.
//!
//! Invariants, and where each is kept:
//! - No path leaves the directory that it is relative to: paths reach the host only through `cap_std::fs::Dir` (`path`).
//! - No guest pointer is used before it was checked: the guest's memory is only ever a slice, or copied (`memory`).
//! - Out-pointers are checked before the effect, so that a call that answers `EFAULT` has not consumed data.
//! - No call blocks for more than 10 ms without asking the cancellation probe (`wait`).
//! - A directory that the host opened read-only is never changed, neither through its files nor through links (`path`,
//!   `file`): the answer is `EROFS`.
//!
//! Reading order: `table`, `types`, `errno`, `memory`, `fds`, `ctx`, then one file a subject.
#![forbid(unsafe_code)]

mod clock;
mod ctx;
mod dir;
mod environ;
mod errno;
mod fds;
mod fdstat;
mod file;
mod host;
mod link;
mod memory;
mod path;
mod poll;
mod process;
mod random;
mod slots;
mod sock;
mod stat;
mod table;
mod types;
mod wait;

#[cfg(test)]
mod tests;
#[cfg(test)]
#[allow(clippy::duplicate_mod)]
#[path = "tests/mod.rs"]
mod tests_shared;

pub use ctx::{BuildError, DirAccess, WasiCtx, WasiCtxBuilder};
pub use errno::Errno;
pub use link::{Exit, add_to_linker};
pub use memory::GuestMemory;
pub use table::{MODULE_NAME, ParamType, Stop, WasiCall, WasiFunction, WasiResult, function, functions};
