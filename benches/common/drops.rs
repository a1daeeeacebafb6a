//! How long it takes to drop a module while it is being compiled.

use std::time::{Duration, Instant};

use deltic::{Module, WasmEngine};

/// Begins to compile a module, and drops it after a while: how long the drop took.
pub fn one(engine: &WasmEngine, bytes: &[u8], after: Duration) -> Duration {
    let pending = Module::compile_in_background(engine, bytes).expect("a valid module");
    std::thread::sleep(after);
    assert!(!pending.is_finished(), "compiled before it was dropped: take a larger module");
    let began = Instant::now();
    drop(pending);
    began.elapsed()
}

/// So many drops at moments spread over a span of time; sorted.
pub fn many(engine: &WasmEngine, bytes: &[u8], rounds: u32, span: Duration) -> Vec<Duration> {
    // The golden ratio spreads moments evenly whatever their number.
    let moment = |round: u32| span.mul_f64((f64::from(round) * 0.618_033_988_749_895).fract());
    let mut times: Vec<Duration> = (0..rounds).map(|round| one(engine, bytes, moment(round))).collect();
    times.sort_unstable();
    times
}

/// A time that a share of sorted times does not exceed.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let position = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[position - 1]
}

/// A few drops of a module that takes long enough. Nothing of it is left behind.
pub fn smoke() {
    let engine = super::compile::engine(2);
    let bytes = super::modules::mixed(1 << 20);
    let times = many(&engine, &bytes, 5, Duration::from_millis(10));
    assert_eq!(times.len(), 5);
    assert!(quantile(&times, 0.5) <= quantile(&times, 0.99));
    assert_eq!(engine.live_module_count(), 0);
    engine.shutdown();
    assert_eq!(engine.active_task_count(), 0);
}
