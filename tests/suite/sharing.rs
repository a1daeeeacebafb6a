//! Modules with the same bytes are one module of their engine, as long as somebody has it.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use deltic::{CompileErrorKind, Config, Isolate, Linker, Module, Strategy, StreamingCompiler, WasmEngine};

use crate::support::around;

const STRATEGIES: [Strategy; 3] = [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime];

fn engine(strategy: Strategy, tasks: usize) -> WasmEngine {
    WasmEngine::new(&Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks)).expect("an engine")
}

/// A module that is large enough to be shared, of which the last function, or its data, is not that of others.
fn text(answer: u32, data: &str) -> String {
    let mut text = String::from("(module (memory (export \"memory\") 1)");
    for n in 0..400 {
        write!(
            text,
            "(func (export \"f{n}\") (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const {n})) (i32.const 9)))"
        )
        .unwrap();
    }
    write!(text, "(func (export \"answer\") (result i32) (i32.const {answer})) (data (i32.const 0) \"{data}\"))").unwrap();
    text
}

fn bytes(answer: u32, data: &str) -> Vec<u8> {
    wat::parse_str(text(answer, data)).unwrap()
}

fn streamed(engine: &WasmEngine, bytes: &[u8], chunk_bytes: usize) -> Module {
    let mut stream = StreamingCompiler::new(engine);
    bytes.chunks(chunk_bytes).for_each(|chunk| stream.push(chunk).unwrap());
    stream.finish().unwrap()
}

fn answer(module: &Module) -> i32 {
    let engine = module.engine();
    let mut isolate = Isolate::new(engine).unwrap();
    let instance = Linker::new(engine).instantiate(&mut isolate, module).unwrap();
    instance.get_typed_func::<(), i32>(&mut isolate, "answer").unwrap().call(&mut isolate, ()).unwrap()
}

#[test]
fn equal_modules_are_one() {
    for (strategy, tasks) in STRATEGIES.into_iter().flat_map(|strategy| [(strategy, 0), (strategy, 2)]) {
        let engine = engine(strategy, tasks);
        let first = Module::new(&engine, bytes(1, "a")).unwrap();
        for again in [
            Module::new(&engine, bytes(1, "a")).unwrap(),
            Module::new(&engine, text(1, "a")).unwrap(),
            Module::from_shared(&engine, bytes(1, "a").into()).unwrap(),
            streamed(&engine, &bytes(1, "a"), 100),
            streamed(&engine, &bytes(1, "a"), 1 << 20),
            streamed(&engine, text(1, "a").as_bytes(), 999),
            Module::compile_in_background(&engine, bytes(1, "a")).unwrap().wait().unwrap(),
        ] {
            // A module that a lazy engine has may have no code, which is what is asked for in the background; who comes later is adopted.
            assert!(first.is_same(&again), "{strategy:?}");
        }
        let other = Module::new(&engine, bytes(2, "a")).unwrap();
        assert!(!first.is_same(&other));
        assert_eq!((answer(&first), answer(&other)), (1, 2));
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (2, 2));
        drop((first, other));
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (0, 0), "nobody has them");
    }
}

#[test]
fn engines_share_nothing_and_may_be_told_not_to() {
    let bytes = bytes(1, "a");
    let engines = [
        engine(Strategy::Eager, 0),
        engine(Strategy::AheadOfTime, 0),
        WasmEngine::new(&Config::default().with_module_sharing(false)).unwrap(),
    ];
    let modules = engines.each_ref().map(|engine| Module::new(engine, &bytes).unwrap());
    assert!(!modules[0].is_same(&modules[1]));
    assert!(!Module::new(&engines[2], &bytes).unwrap().is_same(&modules[2]));
    assert!(!streamed(&engines[2], &bytes, 100).is_same(&modules[2]));
    let small = "(module (func))";
    assert!(!Module::new(&engines[0], small).unwrap().is_same(&Module::new(&engines[0], small).unwrap()), "not worth a look");
}

/// What begins alike and goes on otherwise is another module, wherever the stream is cut.
#[test]
fn streams_that_begin_as_a_known_module() {
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let known = Module::new(&engine, bytes(1, "some data")).unwrap();
        let same_length = bytes(2, "some data");
        let other_data = bytes(1, "some more data that differs");
        for (bytes, expected) in [(&same_length, 2), (&other_data, 1)] {
            for chunk_bytes in [1, 100, 1 << 20] {
                let module = streamed(&engine, bytes, chunk_bytes);
                assert!(!module.is_same(&known));
                assert_eq!((answer(&module), module.wire_bytes().len()), (expected, bytes.len()), "{strategy:?}");
            }
        }
        let whole = bytes(1, "some data");
        for len in [whole.len() - 1, whole.len() - 20, whole.len() / 2, whole.len() / 4] {
            let error = Module::new(&engine, &whole[..len]).unwrap_err();
            let mut stream = StreamingCompiler::new(&engine);
            whole[..len].chunks(64).for_each(|chunk| stream.push(chunk).unwrap());
            assert_eq!(stream.finish().unwrap_err(), error, "{len} bytes of a known module");
        }
        // Longer than the known one, by a custom section.
        let longer = [&whole[..], &[0, 2, 1, b'x']].concat();
        assert_eq!(streamed(&engine, &longer, 50).wire_bytes().len(), longer.len());
        let mut stream = StreamingCompiler::new(&engine);
        stream.push(&whole[..whole.len() / 2]).unwrap();
        drop(known);
        assert_eq!(engine.live_module_count(), 1, "who follows a module has it");
        stream.abort();
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (0, 0));
    }
}

/// C1 (v8:11858): who asks for what another compiles waits for that one, who is at work; it is compiled once, and one who gives up disturbs
/// nobody.
#[cfg(feature = "baseline")]
#[test]
fn c1_threads_that_want_the_same_module_compile_it_once() {
    for tasks in [0, 2] {
        let compiled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&compiled);
        let counting = around(deltic::codegen::baseline::Baseline::new(), move |_, compile| {
            count.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_micros(50));
            compile()
        });
        let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(tasks);
        let engine = WasmEngine::with_compilers(&config, vec![counting]).unwrap();
        let (bytes, barrier) = (Arc::new(bytes(7, "x")), Arc::new(Barrier::new(6)));
        let threads: Vec<_> = (0..6)
            .map(|n| {
                let (engine, bytes, barrier) = (engine.clone(), Arc::clone(&bytes), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    if n == 5 {
                        // A stream claims nothing, and is given up.
                        let mut stream = StreamingCompiler::new(&engine);
                        stream.push(&bytes[..200]).unwrap();
                        stream.abort();
                    }
                    Module::new(&engine, &*bytes).unwrap()
                })
            })
            .collect();
        let modules: Vec<Module> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(modules.iter().all(|module| module.is_same(&modules[0])));
        assert_eq!(compiled.load(Ordering::SeqCst), 401, "each function once, with {tasks} tasks");
        drop(modules);
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (0, 0));
    }
}

/// An error is everybody's who wanted the module, and leaves nothing.
#[test]
fn errors_are_told_to_all_who_wait() {
    let text = text(1, "a").replacen("(i32.const 1)", "(i64.const 1)", 1);
    let bytes = Arc::new(wat::parse_str(text).unwrap());
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (engine, bytes) = (engine.clone(), Arc::clone(&bytes));
                std::thread::spawn(move || Module::new(&engine, &*bytes).unwrap_err())
            })
            .collect();
        let errors: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(errors.iter().all(|error| error.kind == CompileErrorKind::Invalid && *error == errors[0]));
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (0, 0));
    }
}

/// Modules come and go on several threads, under few names.
#[test]
fn hammer_equal_modules() {
    let kinds: Arc<Vec<Vec<u8>>> = Arc::new((0..3).map(|n| bytes(n, "z")).collect());
    for strategy in [Strategy::Lazy, Strategy::Eager] {
        let engine = engine(strategy, 2);
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let (engine, kinds) = (engine.clone(), Arc::clone(&kinds));
                std::thread::spawn(move || {
                    let mut random = crate::support::Random::new(seed + 3);
                    let mut kept: Vec<Option<(usize, Module)>> = vec![None; 4];
                    for _ in 0..60 {
                        let kind = random.below(kinds.len());
                        let module = match random.below(4) {
                            0 => streamed(&engine, &kinds[kind], 1 + random.below(9_000)),
                            1 => Module::compile_in_background(&engine, &kinds[kind]).unwrap().wait().unwrap(),
                            _ => Module::new(&engine, &kinds[kind]).unwrap(),
                        };
                        assert!(**module.wire_bytes() == *kinds[kind]);
                        kept[random.below(4)] = Some((kind, module));
                        let (kind, module) = kept.iter().flatten().next().unwrap();
                        assert_eq!(answer(module), *kind as i32);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((engine.live_module_count(), engine.shared_module_count()), (0, 0), "{strategy:?}");
        engine.shutdown();
        assert_eq!(engine.active_task_count(), 0);
    }
}
