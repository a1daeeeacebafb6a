//! Instances and isolates. Each instance is made in a scope of its own, so that freeing it is part of the time: an isolate frees many at once, so that
//! a sample of `in_warm_isolate` and `prepared` is 128 instances, shown as items. `in_new_isolate` makes and
//! frees an isolate for each. `prepared` finds imports out once. `on_threads` makes 100,000 instances with one memory in all, in an isolate
//! for each thread: its items a second are what to compare.

mod common;

use common::instantiate::Template;
use deltic::{Config, Isolate, Strategy, WasmEngine};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

const KINDS: [&str; 5] = ["empty", "one memory", "20 imports", "256 KiB of data", "1000 functions"];

fn template(engine: &WasmEngine, kind: &str) -> Template {
    match kind {
        "empty" => Template::empty(engine),
        "one memory" => Template::one_memory(engine),
        "256 KiB of data" => Template::with_image(engine),
        "1000 functions" => Template::with_table(engine),
        _ => Template::imports(engine),
    }
}

fn engine() -> WasmEngine {
    WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).expect("an engine")
}

/// Instances in one sample.
const INSTANCES: u32 = 128;

fn repeat(bencher: Bencher<'_, '_>, mut make: impl FnMut()) {
    let mut sample = || (0..INSTANCES).for_each(|_| make());
    // What is made once and used again is there before the first sample.
    sample();
    bencher.counter(ItemsCount::from(INSTANCES)).bench_local(sample);
}

#[divan::bench(args = KINDS)]
fn in_warm_isolate(bencher: Bencher<'_, '_>, kind: &str) {
    let engine = engine();
    let template = template(&engine, kind);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    repeat(bencher, || template.instantiate_in_scope(&mut isolate));
}

#[divan::bench(args = KINDS)]
fn prepared(bencher: Bencher<'_, '_>, kind: &str) {
    let engine = engine();
    let template = template(&engine, kind);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let pre = template.prepare(&mut isolate);
    repeat(bencher, || {
        isolate.root_scope(|isolate| pre.instantiate(isolate).expect("an instance"));
    });
}

#[divan::bench(args = [1, 2, 4, 8], sample_count = 10, sample_size = 1)]
fn on_threads(bencher: Bencher<'_, '_>, threads: usize) {
    const INSTANCES: usize = 100_000;
    let engine = engine();
    let template = Template::one_memory(&engine);
    bencher.counter(ItemsCount::from(INSTANCES)).bench_local(|| template.instantiate_on_threads(&engine, threads, INSTANCES));
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
