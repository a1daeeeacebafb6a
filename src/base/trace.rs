//! Trace categories: the `target` of every `tracing` span and event of this crate.
//!
//! `deltic run --trace FILE` turns these into what Perfetto opens.

/// Decoding and validating modules.
pub const DECODE: &str = "deltic::decode";
/// Compile jobs, units and their workers.
pub const COMPILE: &str = "deltic::compile";
/// Code that is kept between processes.
pub const CACHE: &str = "deltic::cache";
/// Publication of machine code.
pub const PUBLISH: &str = "deltic::publish";
/// Instantiation and linking.
pub const INSTANTIATE: &str = "deltic::instantiate";
/// Collections of instances and the heap.
pub const GC: &str = "deltic::gc";
/// Running guests.
pub const RUN: &str = "deltic::run";
/// WASI calls.
pub const WASI: &str = "deltic::wasi";

/// All categories, in data-path order.
pub const ALL: [&str; 8] = [DECODE, COMPILE, CACHE, PUBLISH, INSTANTIATE, GC, RUN, WASI];
