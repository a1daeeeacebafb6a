//! Exceptions: thrown across ten frames and caught, and what a `try` costs in which nothing is thrown. Every sample is a thousand rounds,
//! shown as items.

mod common;

use common::exceptions::Exceptions;
use deltic::{Config, Strategy, WasmEngine};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

#[divan::bench(args = ["throw", "never", "plain"])]
fn rounds(bencher: Bencher<'_, '_>, name: &str) {
    const ROUNDS: i32 = 1_000;
    let mut exceptions =
        Exceptions::new(&WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).expect("an engine"));
    let func = exceptions.func(name);
    bencher
        .counter(ItemsCount::from(ROUNDS.unsigned_abs()))
        .bench_local(|| black_box(func.call(&mut exceptions.isolate, black_box(ROUNDS))).is_ok());
}
