//! The WebAssembly JavaScript API (<https://webassembly.github.io/spec/js-api/>): `WebAssembly` for scripts, on the runtime that Rust uses.
//!
//! | file | what |
//! |---|---|
//! | `companion` | what the bridge keeps with an agent: engine, store, which object stands for what |
//! | `values` | ToJSValue and ToWebAssemblyValue (§5.6) |
//! | `call` | calls of guests by scripts, and of scripts by guests |
//! | `ended` | what a trap or an exception is to scripts |
//! | `idl` | tools of WebIDL: interfaces, dictionaries, conversions |
//! | `namespace` | the namespace object, and its asynchronous functions |
//! | `module`, `instance`, `imports` | modules and instances |
//! | `memory`, `table`, `global`, `tag` | the other objects |
//! | `errors` | CompileError, LinkError, RuntimeError |
//! | `js_string` | builtins for strings |
//! | `pending` | what background work has to tell |
//!
//! **Invariants:** JavaScript and WebAssembly share one heap, the agent's; nothing is made for WebAssembly before a script uses it. What this layer
//! knows of a store's objects is kept alive by the objects of JavaScript that stand for them: each holds an entry of the function table.
#![forbid(unsafe_code)]

mod call;
mod companion;
mod ended;
mod errors;
mod global;
mod idl;
mod imports;
mod instance;
mod js_string;
mod memory;
mod module;
mod namespace;
mod pending;
mod table;
mod tag;
mod values;

pub use companion::EngineSource;
pub use namespace::install;
pub use pending::{has_pending, run_ready, wait};
