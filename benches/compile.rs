//! Compile throughput on generated modules: whole modules from bytes to published code, in bytes of the module.

mod common;

use common::{
    compile::{compile, engine},
    modules,
};
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

const TASKS: [usize; 3] = [0, 1, 2];

fn bench(bencher: Bencher<'_, '_>, tasks: usize, bytes: &[u8]) {
    let engine = engine(tasks);
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| compile(&engine, bytes));
}

#[divan::bench(sample_count = 50)]
fn tiny(bencher: Bencher<'_, '_>) {
    bench(bencher, 0, &modules::one_memory());
}

#[divan::bench(args = TASKS, sample_count = 10)]
fn many_small_functions(bencher: Bencher<'_, '_>, tasks: usize) {
    bench(bencher, tasks, &modules::uniform(4_000, 60));
}

#[divan::bench(args = TASKS, sample_count = 10)]
fn few_large_functions(bencher: Bencher<'_, '_>, tasks: usize) {
    bench(bencher, tasks, &modules::uniform(4, 60_000));
}

#[divan::bench(args = TASKS, sample_count = 10)]
fn as_in_programs(bencher: Bencher<'_, '_>, tasks: usize) {
    bench(bencher, tasks, &modules::mixed(500_000));
}
