//! The scheduler at widths that the machine does not have: units are compiled and timed on this thread, then replayed by the simulator.
//!
//! `cargo bench --bench simulate [-- FILE.wasm]`. For each number of workers and each kind of token: how many workers' worth of compiling is
//! got out of the time, what share of the time scopes are waited for and held, and how long a drop in mid-compile waits at most.
//! The cost of a scope is measured in the same run.

use std::fmt::Write as _;
use std::time::Duration;

use deltic::Strategy;
use deltic::compile::simulator::{PublishCost, Report, Scenario, ScopeKind, simulate};
use deltic::compile::stats::UnitRecord;
use deltic::compile::{Config, Module, WasmEngine};

fn main() {
    let file = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let bytes = match &file {
        Some(file) => std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}")),
        None => generated(1_500).into_bytes(),
    };
    let config = Config::default()
        .with_strategy(Strategy::AheadOfTime)
        .with_num_compilation_tasks(0)
        .with_unit_recording(true)
        .with_scope_timing(true);
    let engine = WasmEngine::new(&config).expect("an engine");
    let module = Module::new(&engine, &bytes).expect("a module");
    let stats = module.compile_stats();
    let mut units = stats.units.clone();
    units.sort_by_key(|unit| unit.func);
    let hold = stats.scopes().hold;
    println!("{} functions, {} bytes of machine code, {:?} of compiling", units.len(), stats.native_bytes, stats.compile_cpu);
    println!("{} scopes on this thread: held {:?} on average, {:?} at most", hold.count(), hold.mean(), hold.max());
    let per_kib = hold.sum() / u32::try_from(stats.native_bytes / 1024).unwrap_or(u32::MAX).max(1);
    let cost = PublishCost { per_scope: Duration::from_nanos(200), per_function: Duration::ZERO, per_kib };
    println!("{}", table(&units, cost));
}

fn table(units: &[UnitRecord], cost: PublishCost) -> String {
    let mut table = String::from("workers  token      speed-up  waited %    held %  drop waits at most\n");
    for worker_count in [1, 2, 4, 8, 16, 32, 64] {
        for scopes in [ScopeKind::Shared, ScopeKind::Exclusive] {
            let scenario = Scenario {
                units,
                worker_count,
                seed: 1,
                start_spread: Duration::from_micros(100),
                scopes,
                cost,
                cancel_at: None,
            };
            let report = simulate(&scenario);
            let drops = (1..100).map(|step| Scenario { cancel_at: Some(report.total * step / 100), ..scenario.clone() });
            let longest = drops.filter_map(|scenario| simulate(&scenario).cancel_wait).max().unwrap_or_default();
            let share = |time: Duration, report: &Report| 100.0 * time.as_secs_f64() / report.compiling.as_secs_f64();
            let (wait, hold) = (report.scopes.wait.sum(), report.scopes.hold.sum());
            let _ = writeln!(
                table,
                "{worker_count:7}  {:9}  {:8.2}  {:8.4}  {:8.4}  {longest:?}",
                format!("{scopes:?}"),
                report.speed_up(),
                share(wait, &report),
                share(hold, &report),
            );
        }
    }
    table
}

/// Functions of many sizes, in the text format.
fn generated(func_count: usize) -> String {
    let mut text = String::from("(module (memory 1)\n");
    for n in 0..func_count {
        let steps = 5 + (n * 7_919) % 60 + if n % 100 == 0 { 600 } else { 0 };
        text.push_str("(func (param i32) (result i32) (local i32)\n");
        for step in 0..steps {
            let _ = writeln!(
                text,
                "(local.set 1 (i32.add (i32.xor (local.get 1) (i32.load offset={step} (local.get 0))) (i32.const {step})))
                 (if (i32.lt_u (local.get 1) (local.get 0)) (then (i32.store (local.get 1) (local.get 0))))"
            );
        }
        text.push_str("(local.get 1))\n");
    }
    text.push(')');
    text
}
