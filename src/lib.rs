//! Deltic, a WebAssembly-first engine.

pub mod abi;
pub mod base;
pub mod code;
pub mod codegen;
pub mod compile;
pub mod layout;
pub mod platform;
pub mod tasks;
pub mod wasm;
