//! JavaScript: source, parser, bytecode, interpreter, objects, realms and builtins; nothing of WebAssembly.
// Names of the language are names of fields and variables as well.
#![allow(bindings_with_variant_name)]

pub mod agent;
pub mod builtins;
pub mod bytecode;
pub mod class;
pub mod convert;
pub mod cx;
pub(crate) mod embed;
pub mod errors;
pub mod function;
pub mod global;
pub mod host;
pub mod interp;
pub mod intrinsic;
pub mod local;
pub mod module;
pub mod names;
pub mod object;
pub mod parse;
pub mod realm;
pub mod script;
pub mod source;
pub mod string;
pub mod value;
