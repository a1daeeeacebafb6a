//! The integration tests, in one binary: linking is slow, running is not.

mod allocations;
mod asyncs;
mod bad_input;
mod benches;
mod cache;
mod cli;
mod compile;
mod disas;
mod events;
mod exceptions;
mod fuzz;
mod guards;
mod host;
mod inlining;
mod instances;
#[cfg(feature = "js")]
mod js;
mod lazy;
mod limits;
mod link;
mod liveness;
mod memory;
mod module_limits;
mod osr;
mod processors;
mod profile;
mod rare_calls;
mod sharing;
mod spec;
mod streaming;
mod support;
mod threads;
mod tidy;
mod tier_up;
mod tiers;
mod types;
mod unrolling;
mod vectors;
mod visibility;
mod warm_up;
#[cfg(feature = "wasi")]
mod wasi;
