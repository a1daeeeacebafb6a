//! The public face: what `lib.rs` re-exports, and the tools that compose several layers.
//!
//! **Invariant:** nothing below this folder imports it. Layers do not re-export each other; this file does it for them.
#![forbid(unsafe_code)]

pub mod inspect;
#[cfg(doctest)]
mod readme;
#[cfg(feature = "js")]
mod suites;
#[cfg(feature = "js")]
pub mod test262;
pub mod wast;
#[cfg(all(feature = "js", any(feature = "baseline", feature = "optimizing")))]
pub mod wpt;

pub use crate::abi::artifact::{Entry, Tier};
pub use crate::abi::cpu::CpuFeatures;
pub use crate::abi::trap::TrapCode;
pub use crate::base::FuncIndex;
pub use crate::base::trace;
pub use crate::codegen::env::CodeSettings;
pub use crate::compile::code_cache::{CodeCache, CodeCacheStats};
pub use crate::compile::compile_async::CompileFuture;
pub use crate::compile::config::{Config, EngineError, HeapSettings, OverBudget, Strategy};
pub use crate::compile::engine::WasmEngine;
pub use crate::compile::module::Module;
pub use crate::compile::observer::{SeededChoice, TierChoice, TierEvent, TierEventKind, TierObserver};
pub use crate::compile::pending::{CompileProgress, PendingModule};
pub use crate::compile::stats::CompileStats;
pub use crate::compile::streaming::StreamingCompiler;
pub use crate::compile::warm_up::{UnknownFunc, WantedFunc, WarmUp};
pub use crate::heap::HeapStats;
pub use crate::isolate::{
    AsScope, AsyncCaller, Caller, HostFuture, InstancePre, IntoFunc, IntoResult, Isolate, Linker, TypedFunc, WasmParams,
    WasmResults, WasmType,
};
pub use crate::platform::counting::{CountingAllocator, HeapBytes};
pub use crate::platform::fiber::StackCounts;
pub use crate::platform::file::{SharedBytes, read_shared};
pub use crate::platform::jitdump::JitDump;
pub use crate::platform::perf_map::PerfMap;
pub use crate::platform::profile::{CodeSink, NamedCode};
pub use crate::runtime::error::{CallError, LinkError, MemoryAccessError, ResourceError};
pub use crate::runtime::exception::Thrown;
pub use crate::runtime::fiber::{AsyncYield, SynchronousCall};
pub use crate::runtime::interrupt::{InterruptHandle, Interrupted};
pub use crate::runtime::limiter::{ResourceLimiter, StaticLimits};
pub use crate::runtime::link::{Extern, ExternType};
pub use crate::runtime::shared::SharedMemory;
pub use crate::runtime::trap::{Frame, HostError, Trap};
pub use crate::runtime::value::{AnyRef, ExnRef, ExternRef, Func, Global, Instance, Memory, Table, Tag, Val};
pub use crate::store::container::is_container as is_precompiled_bytes;
pub use crate::store::directory::{DirectoryStats, DirectoryStore};
pub use crate::store::error::StoreError;
pub use crate::store::key::MacKey;
#[cfg(feature = "object-store")]
pub use crate::store::objects::ObjectCacheStore;
pub use crate::store::{Blob, CacheKey, CacheStore};
pub use crate::tasks::manager::TaskPriority;
pub use crate::wasm::canonical::{CanonicalType, TypeHandle};
pub use crate::wasm::error::{CompileError, CompileErrorKind};
pub use crate::wasm::types::{
    ArrayType, Clauses, CompositeKind, CompositeType, FieldType, FuncType, GlobalType, HeapType, MemoryType, RefType,
    StorageType, StructType, SubType, TableType, ValType,
};
pub use crate::wasm::validate::Features;
pub use crate::wasm::wire_bytes::WireBytes;
