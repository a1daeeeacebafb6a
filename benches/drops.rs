//! Dropping a module while it is compiled: the distribution of how long it takes.
//!
//! `cargo bench --bench drops [-- ROUNDS BYTES TASKS]`

mod common;

use std::time::Duration;

use common::{compile::engine, drops, modules};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let number = |position: usize, normal: usize| numbers.get(position).copied().unwrap_or(normal);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (rounds, bytes, tasks) = (number(0, 200), number(1, 10 << 20), number(2, cores));
    let module = modules::mixed(bytes);
    let times = drops::many(&engine(tasks), &module, rounds as u32, Duration::from_millis(100));
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| micros(drops::quantile(&times, share)));
    println!("dropping a module of {} bytes in mid-compile, {tasks} tasks, {rounds} rounds", module.len());
    println!("p50 {p50:.1} µs  p90 {p90:.1} µs  p99 {p99:.1} µs  max {max:.1} µs");
}
