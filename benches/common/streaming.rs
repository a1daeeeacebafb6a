//! Modules that come from a source of some speed: how long after the last byte they are ready, and how long giving one up takes.

use std::time::{Duration, Instant};

use deltic::{Config, Module, Strategy, StreamingCompiler, WasmEngine};

/// An engine of a strategy.
pub fn engine(strategy: Strategy, tasks: usize) -> WasmEngine {
    WasmEngine::new(&Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks)).expect("an engine")
}

/// What a stream took.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From the first byte to the last.
    pub transfer: Duration,
    /// From the last byte to the module.
    pub ready: Duration,
}

/// Compiles a module that comes in chunks, at so many bytes a second.
pub fn streamed(engine: &WasmEngine, bytes: &[u8], chunk_bytes: usize, bytes_per_second: f64) -> (Times, Module) {
    let mut stream = StreamingCompiler::new(engine);
    let begun = Instant::now();
    let mut sent = 0;
    for chunk in bytes.chunks(chunk_bytes) {
        sent += chunk.len();
        let due = Duration::from_secs_f64(sent as f64 / bytes_per_second);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        stream.push(chunk).expect("a valid module");
    }
    let transfer = Duration::from_secs_f64(bytes.len() as f64 / bytes_per_second);
    let last = begun + transfer;
    let module = stream.finish().expect("a valid module");
    (Times { transfer, ready: last.elapsed() }, module)
}

/// Compiles a module that is there.
pub fn whole(engine: &WasmEngine, bytes: &[u8]) -> (Duration, Module) {
    let begun = Instant::now();
    let module = Module::new(engine, bytes).expect("a valid module");
    (begun.elapsed(), module)
}

/// Asks for a module that the engine has.
pub fn known(engine: &WasmEngine, bytes: &[u8], module: &Module) -> Duration {
    let begun = Instant::now();
    let again = Module::new(engine, bytes).expect("a valid module");
    let time = begun.elapsed();
    assert!(again.is_same(module));
    time
}

/// Pushes a part of a module at once, and gives it up after a while: how long that took.
pub fn aborted(engine: &WasmEngine, bytes: &[u8], upto: usize, after: Duration) -> Duration {
    let mut stream = StreamingCompiler::new(engine);
    for chunk in bytes[..upto].chunks(64 << 10) {
        stream.push(chunk).expect("a valid module");
    }
    std::thread::sleep(after);
    let begun = Instant::now();
    stream.abort();
    begun.elapsed()
}

/// So many streams, given up at moments that are spread over the module and over a span of time behind; sorted.
pub fn aborts(engine: &WasmEngine, bytes: &[u8], rounds: u32, span: Duration) -> Vec<Duration> {
    // Two ratios that spread moments evenly whatever their number.
    let share = |round: u32, ratio: f64| (f64::from(round) * ratio).fract();
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let upto = (bytes.len() as f64 * share(round + 1, 0.754_877_666_246_692)) as usize;
            aborted(engine, bytes, upto, span.mul_f64(share(round, 0.569_840_290_998_053)))
        })
        .collect();
    times.sort_unstable();
    times
}

/// Until no task works on anything that was given up: how long.
pub fn until_idle(engine: &WasmEngine) -> Duration {
    let begun = Instant::now();
    while engine.active_task_count() > 0 {
        std::thread::sleep(Duration::from_micros(100));
    }
    begun.elapsed()
}

/// A small module in every way. Nothing is left behind.
pub fn smoke() {
    let bytes = super::modules::mixed(200_000);
    for strategy in [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime] {
        for tasks in [0, 2] {
            let engine = engine(strategy, tasks);
            let (times, module) = streamed(&engine, &bytes, 10_000, 20e6);
            assert_eq!(times.transfer, Duration::from_secs_f64(bytes.len() as f64 / 20e6));
            known(&engine, &bytes, &module);
            let native_bytes = module.compile_stats().native_bytes;
            drop(module);
            assert_eq!(whole(&engine, &bytes).1.compile_stats().native_bytes, native_bytes);
            let times = aborts(&engine, &bytes, 5, Duration::from_millis(2));
            assert!(super::drops::quantile(&times, 0.5) <= super::drops::quantile(&times, 0.99));
            until_idle(&engine);
            assert_eq!(engine.live_module_count(), 0);
        }
    }
}
