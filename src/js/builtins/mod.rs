//! The builtin objects (§19 to §28, annex B), a file or folder for each chapter.
//!
//! A file has an `install` function that makes its constructor and prototype ([`install`](mod@install) has the tools), and a function of Rust for
//! each method, with the steps of the specification as comments.
#![forbid(unsafe_code)]

pub(in crate::js) mod array;
pub mod array_buffer;
mod atomics;
mod bigint;
mod boolean;
pub(in crate::js) mod collections;
mod data_view;
mod date;
mod disposable;
mod error;
mod eval;
mod function;
mod generator;
mod global;
pub mod install;
pub(in crate::js) mod iterator;
mod json;
pub(in crate::js) mod math;
mod number;
mod object;
pub mod promise;
mod proxy;
mod reflect;
pub(in crate::js) mod regexp;
mod string;
mod symbol;
pub mod typed_array;

use crate::js::cx::{Completion, Cx};

/// Makes all builtins of the current realm, in an order in which each finds what it needs.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    install::fundamentals(cx)?;
    object::install(cx)?;
    function::install(cx)?;
    global::install(cx)?;
    eval::install(cx)?;
    number::install(cx)?;
    error::install(cx)?;
    boolean::install(cx)?;
    symbol::install(cx)?;
    promise::install(cx)?;
    proxy::install(cx)?;
    reflect::install(cx)?;
    iterator::install(cx)?;
    array::install(cx)?;
    string::install(cx)?;
    regexp::install(cx)?;
    collections::install(cx)?;
    array_buffer::install(cx)?;
    typed_array::install(cx)?;
    data_view::install(cx)?;
    atomics::install(cx)?;
    disposable::install(cx)?;
    math::install(cx)?;
    json::install(cx)?;
    bigint::install(cx)?;
    date::install(cx)?;
    generator::install(cx)
}
