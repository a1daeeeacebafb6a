//! The binary interface of generated code: vmctx layout, calling convention, traps, builtins, the
//! processor that code is for, and what a tier hands over.
//!
//! **Invariant:** a compiler reads only this, `layout` and `wasm`; it never names a runtime type.
#![forbid(unsafe_code)]

pub mod artifact;
pub mod builtins;
pub mod call;
pub mod cpu;
pub mod exception;
pub mod fields;
pub mod osr;
pub mod profile;
pub mod trap;
pub mod vmctx;
