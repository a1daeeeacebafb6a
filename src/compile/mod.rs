//! The compile service: from a decoded module to published code, in the background, cancellable, and never in the way.
//!
//! In reading order: [`config`] and [`engine`] say what there is for all modules; [`module`] is what a user holds, [`pending`] the
//! same while it compiles, [`compile_async`] as a future; [`native_module`] is what the [`token`] gives workers access to; a [`job`] is one variant of one module
//! on its way to code, its [`unit`]s come from [`queue`] (with [`cursor`] and [`state`]), a [`worker`] runs them, as `budget` admits, and publishes as
//! [`policy`] says (`refusal` words what publication may answer); [`progress`] and [`first_error`] say how a job ends, [`events`], [`features`] and [`stats`] what it tells.
//! [`streaming`] does all this while the bytes come, and `module_cache` finds a module that has been compiled.
//! [`validation`] is the same without code, and [`simulator`] runs the policies without threads.
//!
//! **Invariant:** a worker owns plain data and the token: it upgrades no weak reference, frees no module, runs no user code.
//! **Invariant:** nothing is compiled, hashed or logged inside a scope; only names for a profiler are written there, when a host asks for them.

pub mod config;
pub mod cursor;
pub mod engine;
pub mod events;
pub mod features;
mod feedback;
pub mod first_error;
pub mod job;
pub mod lazy;
mod loop_versions;
pub mod module;
mod module_cache;
pub mod native_module;
pub mod observer;
pub mod parking;
pub mod pending;
pub mod policy;
pub mod progress;
pub mod queue;
pub mod simulator;
pub mod state;
pub mod stats;
mod tier_up;
pub mod token;
pub mod unit;
pub mod validation;
pub mod worker;

mod budget;
pub(crate) mod cached;
pub mod code_cache;
pub mod compile_async;
mod compilers;
mod deserialize;
mod phases;
mod preload;
mod refusal;
mod resting;
mod runner;
mod saver;
pub mod streaming;
pub mod warm_up;

pub use compile_async::CompileFuture;
pub use config::{Config, EngineError};
pub use engine::WasmEngine;
pub use events::CompileEvent;
pub use module::Module;
pub use native_module::ModuleDebug;
pub use pending::{CompileProgress, PendingModule};
pub use stats::CompileStats;
pub use streaming::StreamingCompiler;
