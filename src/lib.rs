//! Deltic, a WebAssembly-first engine.

pub mod abi;
pub mod base;
pub mod codegen;
pub mod layout;
pub mod wasm;
