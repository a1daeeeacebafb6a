//! What every layer may use: typed indices, the synchronisation facade, limits, tuning constants and trace categories.
//!
//! **Invariant:** nothing here knows a WebAssembly module, generated code or the operating system.
#![forbid(unsafe_code)]

pub mod index;
pub mod limits;
pub mod rank;
pub mod sync;
pub mod trace;
pub mod tuning;

pub use index::*;
