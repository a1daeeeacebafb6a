//! Modules that are compiled as they come.
//!
//! `cargo bench --bench streaming [-- FILE [MEGABYTES_PER_SECOND [TASKS [ROUNDS]]]]`

mod common;

use std::time::Duration;

use common::{drops, modules, streaming};
use deltic::Strategy;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |position: usize, normal: f64| args.get(position).and_then(|arg| arg.parse().ok()).unwrap_or(normal);
    let bytes = match args.first() {
        Some(path) => std::fs::read(path).expect("a module"),
        None => modules::mixed(10 << 20),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (speed, tasks, rounds) = (number(1, 20.0) * 1e6, number(2, cores as f64) as usize, number(3, 5.0) as usize);
    println!("{} bytes, {:.0} MB/s, {tasks} tasks, medians of {rounds}", bytes.len(), speed / 1e6);
    for strategy in [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime] {
        let engine = streaming::engine(strategy, tasks);
        let mut ready: Vec<Duration> = Vec::new();
        let mut whole: Vec<Duration> = Vec::new();
        let mut known: Vec<Duration> = Vec::new();
        let mut transfer = Duration::ZERO;
        for _ in 0..rounds {
            let (times, _) = streaming::streamed(&engine, &bytes, 64 << 10, speed);
            transfer = times.transfer;
            ready.push(times.ready);
            let (time, module) = streaming::whole(&engine, &bytes);
            whole.push(time);
            known.push(streaming::known(&engine, &bytes, &module));
        }
        ready.sort_unstable();
        whole.sort_unstable();
        known.sort_unstable();
        let [ready, whole, known] = [&ready, &whole, &known].map(|times| drops::quantile(times, 0.5));
        println!(
            "{strategy:?}: transfer {:.1} ms, ready {:.2} ms after the last byte ({:.1} %); whole, {:.1} ms; known, {:.2} ms",
            transfer.as_secs_f64() * 1e3,
            ready.as_secs_f64() * 1e3,
            100.0 * ready.as_secs_f64() / transfer.as_secs_f64(),
            whole.as_secs_f64() * 1e3,
            known.as_secs_f64() * 1e3
        );
    }
}
