//! Isolates and the typed doors into them: what a Rust program holds, calls and is called by.
//!
//! An [`Isolate`] owns its instances and all their memories, tables, globals and functions; handles name them. It is
//! `Send`: it may move to another thread between calls, and in the middle of an asynchronous one.

pub mod async_func;
pub mod call_async;
pub mod caller;
pub mod func;
pub mod handles;
pub mod instance_pre;
#[allow(clippy::module_inception)]
pub mod isolate;
pub mod linker;
pub mod marshal;
pub(crate) mod objects;
pub(crate) mod raw;
pub mod scope;
pub mod typed;

pub use async_func::{AsyncCaller, HostFuture};
pub use caller::Caller;
pub use func::{IntoFunc, IntoResult};
pub use instance_pre::InstancePre;
pub use isolate::Isolate;
pub use linker::Linker;
pub use marshal::{WasmParams, WasmResults, WasmType};
pub use scope::AsScope;
pub use typed::TypedFunc;

#[cfg(all(test, feature = "optimizing", not(feature = "loom")))]
mod tests;
