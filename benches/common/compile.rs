//! Compiling modules.

use deltic::{Config, Isolate, Linker, Module, Strategy, WasmEngine};

use super::modules;

/// An engine that compiles with so many tasks; 0 compiles on the caller.
pub fn engine(tasks: usize) -> WasmEngine {
    WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime).with_num_compilation_tasks(tasks)).expect("an engine")
}

/// Compiles a module, and drops it.
pub fn compile(engine: &WasmEngine, bytes: &[u8]) -> usize {
    Module::new(engine, bytes).expect("a valid module").compile_stats().native_bytes
}

/// Modules of a few functions through every path, and the answer of one.
pub fn smoke() {
    for tasks in [0, 2] {
        let engine = engine(tasks);
        for bytes in [modules::empty(), modules::uniform(100, 60), modules::uniform(2, 10_000), modules::mixed(20_000)] {
            let module = Module::new(&engine, &bytes).expect("a valid module");
            let stats = module.compile_stats();
            assert_eq!(stats.functions > 0, stats.native_bytes > 0);
            if stats.functions > 0 {
                let mut isolate = Isolate::new(&engine).expect("an isolate");
                let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
                let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
                assert_eq!(run.call(&mut isolate, 5).expect("no trap"), modules::run(5));
            }
        }
    }
}
