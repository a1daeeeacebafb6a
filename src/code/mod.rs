//! Where machine code lives: published function by function, found by address, replaced by better code, and freed.
//!
//! In the order in which code passes through: [`space`] owns the memory and the dispatch slots, `publish` brings
//! [`Artifact`](crate::abi::artifact::Artifact)s into it, [`registry`] says which function an address belongs to (signal handlers ask),
//! [`reclaim`] frees code that better code has replaced once no stack refers to it (a [`bell`] says when to look). What is compiled at its first call has a
//! thunk until then ([`thunks`]). Code that takes over from a running loop is found in a table of its own ([`loops`]). [`helpers`] are the library functions that code
//! calls where the processor lacks an instruction.
//!
//! **Invariants:** the code of a function changes only by a compare-and-swap of its dispatch slot, from a tier to one that is not
//! lower; code is never patched after it was published; generated code and its callers load an entry address from a slot
//! immediately before they use it and keep none across a call, so that what is on no stack is in no register either.

pub mod bell;
pub mod error;
mod free;
pub mod helpers;
pub mod loops;
pub mod metadata;
pub mod missing;
mod profiles;
mod publish;
pub mod reclaim;
mod recover;
pub mod registry;
pub mod space;
mod thunks;

pub use error::CodeError;
pub use metadata::FunctionMetadata;
pub use reclaim::{LiveCode, ReporterId};
pub use registry::{CodeSite, lookup, trap_at};
pub use space::{CodeSpace, CodeSpaceOptions};

#[cfg(all(test, not(feature = "loom")))]
mod tests;
