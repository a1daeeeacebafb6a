//! The bodies of the benchmarks, run small, so that they cannot rot.

#[path = "../../benches/common/mod.rs"]
mod common;

use deltic::{Config, WasmEngine};

fn engine() -> WasmEngine {
    WasmEngine::new(&Config::default()).expect("an engine")
}

#[test]
fn asyncs() {
    common::asyncs::smoke(&engine());
}

#[test]
fn cache() {
    common::cache::smoke();
}

#[test]
fn calls() {
    common::calls::smoke(&engine());
}

#[test]
fn instantiate() {
    common::instantiate::smoke(&engine());
}

#[test]
fn compile() {
    common::compile::smoke();
}

#[test]
fn scopes() {
    common::scopes::smoke();
}

#[test]
fn exceptions() {
    common::exceptions::smoke(&engine());
}

#[test]
fn drops() {
    common::drops::smoke();
}

#[test]
fn streaming() {
    common::streaming::smoke();
}

#[test]
fn tiering() {
    common::tiering::smoke();
}
