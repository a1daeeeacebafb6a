//! Deltic, a WebAssembly-first engine.

pub mod abi;
pub mod base;
pub mod code;
pub mod codegen;
pub mod compile;
pub mod isolate;
pub mod layout;
pub mod platform;
pub mod runtime;
#[cfg(feature = "wasi")]
pub mod wasi;
pub mod wasm;

pub use compile::{config::Config, engine::WasmEngine, module::Module};
pub use isolate::*;
pub use runtime::{error::*, link::*, trap::*, value::*};
