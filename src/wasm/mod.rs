//! WebAssembly as data: types, the module model, decoding and validation.
//!
//! **Invariant:** no machine code and no runtime object is named here.
#![forbid(unsafe_code)]

pub mod bodies;
pub mod canonical;
pub mod data_layout;
pub mod decode;
pub mod error;
pub mod module;
pub(crate) mod opcode;
mod quick;
pub mod types;
pub mod validate;
pub mod wire_bytes;
pub(crate) mod words;
