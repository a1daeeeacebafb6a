//! Modules that come from a source of some speed: how long after the last byte they are ready.

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
            assert_eq!(engine.live_module_count(), 0);
        }
    }
}
