//! What asynchronous calls cost. Every sample is a thousand calls, or one call with a thousand calls of the host in it, shown as items.

mod common;

use common::asyncs::{Asyncs, complete};
use deltic::{Config, Strategy, WasmEngine};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

/// Calls in one sample.
const CALLS: u32 = 1_000;

fn asyncs() -> Asyncs {
    Asyncs::new(&WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).expect("an engine"))
}

#[divan::bench]
fn call(bencher: Bencher<'_, '_>) {
    let mut asyncs = asyncs();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(asyncs.add.call(&mut asyncs.isolate, black_box((40, 2))));
        }
    });
}

#[divan::bench]
fn call_async(bencher: Bencher<'_, '_>) {
    let mut asyncs = asyncs();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(complete(asyncs.add.call_async(&mut asyncs.isolate, black_box((40, 2)))));
        }
    });
}

#[divan::bench]
fn host_function(bencher: Bencher<'_, '_>) {
    let mut asyncs = asyncs();
    let sync = asyncs.sync;
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| complete(sync.call_async(&mut asyncs.isolate, CALLS as i32)));
}

#[divan::bench]
fn async_host_function_that_is_ready(bencher: Bencher<'_, '_>) {
    let mut asyncs = asyncs();
    let ready = asyncs.ready;
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| complete(ready.call_async(&mut asyncs.isolate, CALLS as i32)));
}

#[divan::bench]
fn async_host_function_that_is_pending_once(bencher: Bencher<'_, '_>) {
    let mut asyncs = asyncs();
    let wait = asyncs.wait;
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| complete(wait.call_async(&mut asyncs.isolate, CALLS as i32)));
}
