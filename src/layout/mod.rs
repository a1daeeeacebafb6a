//! What generated code, naked stubs and Rust agree on: structures whose field offsets are baked into machine code.
//!
//! Every offset is taken with `offset_of!` and exported as a constant, so that a field may move and all three follow.
//! **Invariant:** nothing here has behaviour; a type with a `Drop` does not belong here.

pub mod block;
pub mod frame;
pub mod heap;
pub mod objects;

pub use block::IsolateBlock;
pub use frame::EntryFrame;
pub use heap::HeapState;
pub use objects::{FuncEntry, ImportedFunc, MemoryDef, TableDef, V128Cell};
