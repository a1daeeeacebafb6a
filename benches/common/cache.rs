//! Modules whose code is there already: loaded from a file of their own, from a cache, and not at all.

use std::path::Path;
use std::time::{Duration, Instant};

use deltic::{CodeCache, Config, Isolate, Linker, MacKey, Module, Strategy, TaskPriority, Tier, WasmEngine};

#[path = "../../src/bin/deltic/stubs.rs"]
mod stubs;

/// How long each way takes from bytes to an instance that can be called, medians; what becomes of it is not counted.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Compiled as it is called, nothing is kept.
    pub lazy: Duration,
    /// From its bytes, with a cache that has its code.
    pub cached: Duration,
    /// From a file with its code, which anybody may have made.
    pub file: Duration,
    /// From a file that was made with a key.
    pub keyed: Duration,
    /// To load a function that is called for the first time, on average over all.
    pub function: Duration,
}

/// Makes an instance; gives what it is in, and what it was made with.
fn instantiate(module: &Module) -> (Isolate, Linker) {
    let mut isolate = Isolate::new(module.engine()).expect("an isolate");
    let mut linker = Linker::new(module.engine());
    stubs::define_missing(&mut linker, &mut isolate, module).expect("stubs");
    // A start function may miss what a stub does not do.
    let _ = std::hint::black_box(linker.instantiate(&mut isolate, module));
    (isolate, linker)
}

fn median(rounds: usize, mut run: impl FnMut() -> Module) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            let module = run();
            let instance = instantiate(&module);
            let time = begun.elapsed();
            drop((instance, module));
            time
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Measures a module.
pub fn measure(wasm: &[u8], rounds: usize, folder: &Path) -> Times {
    // Each round is to load the module again.
    let config = Config::default().with_num_compilation_tasks(0).with_module_sharing(false);
    let everything = Config::default().with_strategy(Strategy::AheadOfTime).with_tier(Tier::Baseline);
    let compiled = Module::new(&WasmEngine::new(&everything).expect("an engine"), wasm).expect("a module");
    let (key, file, keyed) = (MacKey::new([1; 32]), folder.join("file"), folder.join("keyed"));
    std::fs::write(&file, compiled.serialize().expect("bytes")).expect("written");
    std::fs::write(&keyed, compiled.serialize_with_key(&key).expect("bytes")).expect("written");

    let cache = CodeCache::in_directory(folder.join("cache")).expect("a directory").with_module_bytes_min(0);
    let caching = WasmEngine::new(&config.clone().with_code_cache(cache)).expect("an engine");
    let module = Module::new(&caching, wasm).expect("a module");
    module.warm_up(module.funcs(), Tier::Baseline, TaskPriority::UserBlocking).expect("functions").wait().expect("code");
    module.keep_code();

    let engine = WasmEngine::new(&config).expect("an engine");
    // SAFETY: the files were written above.
    let load = || unsafe { Module::deserialize_file(&engine, &file) }.expect("a module");
    let begun = Instant::now();
    let module = load();
    module.warm_up(module.funcs(), Tier::Baseline, TaskPriority::UserBlocking).expect("functions").wait().expect("code");
    let functions = u32::try_from(module.compile_stats().loaded.max(1)).unwrap_or(u32::MAX);
    let function = begun.elapsed() / functions;
    Times {
        lazy: median(rounds.min(11), || Module::new(&engine, wasm).expect("a module")),
        cached: median(rounds, || Module::new(&caching, wasm).expect("a module")),
        file: median(rounds, load),
        keyed: median(rounds, || Module::deserialize_file_with_key(&engine, &keyed, &key).expect("a module")),
        function,
    }
}

/// Runs it small.
pub fn smoke() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = measure(&super::modules::uniform(20, 60), 3, folder.path());
    assert!(times.lazy > Duration::ZERO && times.function > Duration::ZERO, "{times:?}");
}
