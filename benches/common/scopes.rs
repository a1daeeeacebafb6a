//! How long workers wait for the scopes of a module's token, and how long they hold them.

use std::time::Duration;

use deltic::{CompileStats, Config, Module, Strategy, WasmEngine};

use super::modules;

/// Compiles a module with so many tasks and measures its scopes.
pub fn compile(tasks: usize, bytes: &[u8]) -> CompileStats {
    let config = Config::default().with_strategy(Strategy::AheadOfTime).with_num_compilation_tasks(tasks).with_scope_timing(true);
    let engine = WasmEngine::new(&config).expect("an engine");
    Module::new(&engine, bytes).expect("a valid module").compile_stats()
}

/// One line of the table: counts, times, and which share of the compile time went into waiting and holding.
pub fn line(tasks: usize, stats: &CompileStats) -> String {
    let scopes = stats.scopes();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let share = |time: Duration| 100.0 * time.as_secs_f64() / stats.compile_cpu.as_secs_f64().max(1e-9);
    let quantiles = [scopes.wait.quantile(0.5), scopes.wait.quantile(0.99), scopes.wait.max()].map(micros);
    let held = [scopes.hold.quantile(0.5), scopes.hold.quantile(0.99), scopes.hold.max()].map(micros);
    format!(
        "{tasks:5} {:7.1} {:7.1} {:7} | {:8.2} {:8.2} {:8.1} {:6.3} % | {:8.2} {:8.2} {:8.1} {:6.3} %",
        stats.compile_wall.as_secs_f64() * 1e3,
        stats.compile_cpu.as_secs_f64() * 1e3,
        scopes.hold.count(),
        quantiles[0],
        quantiles[1],
        quantiles[2],
        share(scopes.wait.sum()),
        held[0],
        held[1],
        held[2],
        share(scopes.hold.sum()),
    )
}

/// Heads the table.
pub const HEADER: &str =
    "tasks wall ms  cpu ms  scopes | wait p50   p99 µs      max    share | hold p50   p99 µs      max    share";

/// The table for these numbers of tasks.
pub fn table(tasks: &[usize], bytes: &[u8]) -> String {
    let lines = tasks.iter().map(|&tasks| line(tasks, &compile(tasks, bytes)));
    std::iter::once(HEADER.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// A small module, alone and with two tasks: scopes were counted.
pub fn smoke() {
    let bytes = modules::mixed(30_000);
    for tasks in [0, 2] {
        let stats = compile(tasks, &bytes);
        assert!(stats.scopes().hold.count() > 0, "{tasks} tasks: no scope was timed");
        assert_eq!(line(tasks, &stats).matches('|').count(), HEADER.matches('|').count());
    }
}
