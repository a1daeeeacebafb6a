//! Deltic, a WebAssembly-first engine: modules compile in the background behind a token, are published function by function, and run in
//! isolates.
//!
//! The layers, bottom-up, which is also the reading order. `ARCHITECTURE.md` is the map.

pub mod base;
pub mod platform;

pub mod layout;

pub mod tasks;

/// The verified container of everything that outlives a process.
pub mod store;

pub mod wasm;

pub mod heap;

pub mod abi;
/// Emitters of machine code.
#[cfg(feature = "baseline")]
pub mod asm;

pub mod codegen;

pub mod code;

/// Compiled code as bytes: what a process leaves for the next.
pub mod cache;

pub mod compile;

pub mod runtime;

pub mod isolate;

#[cfg(feature = "wasi")]
pub mod wasi;

#[cfg(feature = "js")]
pub mod js;
#[cfg(feature = "js")]
pub mod regexp;

#[cfg(all(feature = "js", any(feature = "baseline", feature = "optimizing")))]
pub mod bridge;

pub mod api;
/// What a script may expect around the language.
#[cfg(feature = "js")]
pub mod shell;

pub use api::*;
