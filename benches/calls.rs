//! Calls between Rust and guests, in both directions. Every sample is a thousand calls, shown as items: one call is shorter than what a
//! clock can tell.

mod common;

use common::calls::Calls;
use deltic::{Config, Strategy, Val, WasmEngine};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

/// Calls in one sample.
const CALLS: u32 = 1_000;

fn calls() -> Calls {
    Calls::new(&WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).expect("an engine"))
}

#[divan::bench]
fn typed_nop(bencher: Bencher<'_, '_>) {
    let mut calls = calls();
    let func = calls.nop();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(func.call(&mut calls.isolate, ()));
        }
    });
}

#[divan::bench]
fn typed_add(bencher: Bencher<'_, '_>) {
    let mut calls = calls();
    let func = calls.add();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(func.call(&mut calls.isolate, black_box((40, 2))));
        }
    });
}

#[divan::bench]
fn typed_mixed(bencher: Bencher<'_, '_>) {
    let mut calls = calls();
    let func = calls.mixed();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(func.call(&mut calls.isolate, black_box((1, 2, 3.0, 4.0))));
        }
    });
}

#[divan::bench]
fn typed_pair(bencher: Bencher<'_, '_>) {
    let mut calls = calls();
    let func = calls.pair();
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(func.call(&mut calls.isolate, black_box(7)));
        }
    });
}

#[divan::bench]
fn untyped_add(bencher: Bencher<'_, '_>) {
    let mut calls = calls();
    let func = calls.untyped("add");
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| {
        for _ in 0..CALLS {
            let _ = black_box(func.call(&mut calls.isolate, black_box(&[Val::I32(40), Val::I32(2)])));
        }
    });
}

/// "empty" is the same loop without a call.
#[divan::bench(args = ["typed", "caller", "untyped", "empty"])]
fn to_host(bencher: Bencher<'_, '_>, name: &str) {
    let mut calls = calls();
    let func = calls.host_func(name);
    bencher.counter(ItemsCount::from(CALLS)).bench_local(|| func.call(&mut calls.isolate, black_box(CALLS as i32)));
}
