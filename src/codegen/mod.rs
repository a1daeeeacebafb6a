//! Code generation: from a validated body to an [`Artifact`](crate::abi::artifact::Artifact).
//!
//! **Invariant:** a compile unit is a pure function of `(CompileEnv, function, variant)`; it sees no module object, no code
//! memory and no lock, and may run on any thread.
#![forbid(unsafe_code)]

#[cfg(any(feature = "baseline", feature = "optimizing"))]
mod common;
pub mod compiler;
pub mod env;
pub mod weight;

#[cfg(feature = "baseline")]
pub mod baseline;

#[cfg(feature = "optimizing")]
pub mod optimizing;
