//! Running modules: instances and what they share, traps, and the crossings between Rust and generated code.
//!
//! Everything that the instances of one isolate own lives in a [`store::Store`]. **Invariant:** addresses that generated code
//! holds (vmctx, definitions, function table, host contexts) are stable as long as what they are of is alive ([`liveness`]).

pub mod activation;
pub(crate) mod arena;
pub mod backtrace;
pub mod builtins;
pub(crate) mod call_shapes;
pub mod const_eval;
pub mod error;
pub mod exception;
pub mod fault;
pub(crate) mod fiber;
mod func_image;
pub mod func_table;
pub(crate) mod gc;
pub mod global;
pub(crate) mod heap;
pub mod host;
pub mod image;
pub mod instance;
pub mod instantiate;
pub mod interrupt;
mod isolate_block;
mod lazy;
pub mod limiter;
pub mod link;
pub(crate) mod liveness;
pub mod memory;
mod osr;
pub(crate) mod partner;
pub(crate) mod racy;
pub(crate) mod reports;
pub(crate) mod rooted;
pub mod shared;
pub mod store;
pub mod stubs;
pub mod table;
pub mod trap;
pub mod value;
pub mod wait;
pub mod waiters;
