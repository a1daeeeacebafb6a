//! Instances and isolates. Each instance is made in a scope of its own, so that freeing it is part of the time; `in_new_isolate` makes and
//! frees an isolate for each.

mod common;

use common::instantiate::Template;
use deltic::{Config, Isolate, Strategy, WasmEngine};
use divan::Bencher;

fn main() {
    divan::main();
}

const KINDS: [&str; 3] = ["empty", "one memory", "20 imports"];

fn template(engine: &WasmEngine, kind: &str) -> Template {
    match kind {
        "empty" => Template::empty(engine),
        "one memory" => Template::one_memory(engine),
        _ => Template::imports(engine),
    }
}

fn engine() -> WasmEngine {
    WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).expect("an engine")
}

#[divan::bench(args = KINDS)]
fn in_warm_isolate(bencher: Bencher<'_, '_>, kind: &str) {
    let engine = engine();
    let template = template(&engine, kind);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    bencher.bench_local(|| template.instantiate_in_scope(&mut isolate));
}

#[divan::bench(args = KINDS)]
fn in_new_isolate(bencher: Bencher<'_, '_>, kind: &str) {
    let engine = engine();
    let template = template(&engine, kind);
    bencher.bench_local(|| template.instantiate(&mut Isolate::new(&engine).expect("an isolate")));
}

#[divan::bench]
fn isolate_alone(bencher: Bencher<'_, '_>) {
    let engine = engine();
    bencher.bench_local(|| Isolate::new(&engine).expect("an isolate"));
}
