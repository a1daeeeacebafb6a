//! Giving up a module while it is compiled: the distribution of how long that takes, and until all workers are off the module.
//!
//! `cargo bench --bench drops [-- FILE|BYTES [ROUNDS [TASKS]]]`

mod common;

use std::time::Duration;

use common::{drops, modules};
use deltic::Strategy;

/// Picks a time.
type Of = fn(&drops::Cost) -> Duration;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |position: usize, normal: usize| args.get(position).and_then(|arg| arg.parse().ok()).unwrap_or(normal);
    let bytes = match args.first().filter(|arg| arg.parse::<usize>().is_err()) {
        Some(path) => std::fs::read(path).expect("a module"),
        None => modules::mixed(number(0, 10 << 20)),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (rounds, tasks) = (number(1, 200), number(2, cores));
    println!("giving up a module of {} bytes, {tasks} tasks, {rounds} rounds; µs", bytes.len());
    for strategy in [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime] {
        let engine = drops::engine(strategy, tasks);
        for way in drops::WAYS {
            let costs = drops::many(&engine, &bytes, way, rounds as u32, Duration::from_millis(20));
            print!("{strategy:?} {way:?} ({} in mid-compile):", costs.len());
            let kinds: [(&str, Of); 3] = [
                ("took", |cost| cost.took),
                ("took, less the wait for a processor", |cost| cost.took.saturating_sub(cost.queued)),
                ("workers off after", |cost| cost.idle),
            ];
            for (name, of) in kinds {
                let times = drops::sorted(&costs, of);
                let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| drops::quantile(&times, share).as_secs_f64() * 1e6);
                print!("  {name}: p50 {p50:.0} p99 {p99:.0} max {max:.0}");
            }
            println!();
        }
    }
}
