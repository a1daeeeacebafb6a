//! The bodies of the benchmarks, apart from the harness that times them, so that the tests can run each of them small.
//!
//! A module each with a `smoke` function: [`asyncs`], [`cache`], [`calls`], [`instantiate`], [`compile`], [`scopes`], [`drops`], [`exceptions`],
//! [`streaming`], [`tiering`]; [`modules`]
//! makes what they compile.

// Every benchmark uses a part of it.
#![allow(dead_code)]

pub mod asyncs;
pub mod cache;
pub mod calls;
pub mod compile;
pub mod drops;
pub mod exceptions;
pub mod instantiate;
pub mod modules;
pub mod scopes;
pub mod streaming;
pub mod tiering;
