//! The isolate's heap: one cage for the objects of every language, collected precisely.
//!
//! *Problem.* Wasm's structs and arrays, host references and, later, JavaScript's objects refer to one another in cycles, are
//! allocated by the million from generated code, and must be written to an image and mapped back at another address.
//!
//! *Idea.* A [`Cage`](cage::Cage) is 4 GiB of aligned address space; a reference is a 32-bit offset in it. From its start:
//!
//! | part | what it is |
//! |---|---|
//! | null page | 64 KiB that are never mapped |
//! | image | an immortal generation, mapped copy-on-write from a file; never moved, never marked, its cards never cleaned |
//! | old generation | blocks of 64 KiB: cells of one size, or a large object over several; and descriptors, which are immortal |
//! | nursery | two halves at the top; objects are born by moving a pointer, copied once, then promoted |
//!
//! The order is the point: *older is lower*. The write barrier is two comparisons ([`HeapState`](crate::layout::HeapState)), and a
//! reference is young if it is not below the nursery's start.
//!
//! What the collector knows of an object stands in its descriptor: size, and which slots are references (data, not code: [`trace`]).
//! Mark bits and cards lie beside the cage ([`side`]). A minor collection ([`collect::minor`]) copies what is reachable
//! in the nursery; a major one ([`collect::major`]) empties the nursery, marks everything else, and sweeps blocks when they are
//! next allocated from.
//!
//! **Invariants:**
//! - No address is ever in the cage: what an object has outside of it is an index into [`resources`].
//! - A collection happens in the allocating calls and in `collect_*` only. Whoever holds a reference across one of them has
//!   it in a root: a handle ([`handles`]), or a slot that a [`RootSource`] shows.
//! - Every store of a reference goes through a barrier, in Rust [`Heap::write_ref`] and its like.
//! - The heap knows no language: types come as [`TypeDesc`], stacks and tables as [`RootSource`].

pub mod backing;
pub mod cage;
pub mod collect;
pub mod descriptor;
pub mod error;
pub mod handles;
#[allow(clippy::module_inception)]
mod heap;
pub mod image;
mod memory;
pub mod reference;
pub mod resources;
pub mod roots;
mod side;
mod space;
pub mod stats;
mod trace;
pub mod verify;
mod view;
pub mod weak;

pub use descriptor::{DescriptorRef, ObjectKind, SlotKind, TypeDesc};
pub use error::HeapError;
pub use handles::{EscapableHandleScope, Global, HandleScope, Local, NoGc};
pub use heap::{Heap, HeapConfig, NO_CLIENT};
pub use reference::HeapRef;
pub use roots::{NoRoots, RootSource, RootVisitor};
pub use stats::HeapStats;
pub use view::HeapView;

#[cfg(test)]
mod tests;
