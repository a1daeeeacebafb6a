//! Emitters of machine code, for compilers that write their instructions themselves.
//!
//! One folder for each instruction set, with the same file names in each: registers, operands, and instructions by family. What they
//! share is the [`buffer`]: bytes, labels, and the displacements that wait for them.
//!
//! **Invariant:** an emitter knows nothing of WebAssembly, and nothing here can fail: sizes are the callers' to bound.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod x64;
