//! Modules that compile as futures.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use deltic::codegen::baseline::Baseline;
use deltic::{CompileErrorKind, CompileProgress, Config, Isolate, Linker, Module, Strategy, WasmEngine};

use super::{block_on, count_polls, poll_once};
use crate::support::{Random, around, module};

const STRATEGIES: [Strategy; 3] = [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime];

fn engine(strategy: Strategy, tasks: usize) -> WasmEngine {
    let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks).with_task_body_bytes(0);
    WasmEngine::new(&config).unwrap()
}

/// A module of so many functions; the last gives the sum of what all give. One of them may be invalid.
fn text(count: usize, invalid: Option<usize>) -> String {
    let mut text = String::from("(module");
    for number in 0..count {
        let wrong = if invalid == Some(number) { "(drop (f32.neg (i32.const 1)))" } else { "" };
        let before = if number == 0 { "(i32.const 0)".to_owned() } else { format!("(call {})", number - 1) };
        text += &format!("(func (result i32) {wrong} (i32.add {before} (i32.const {number})))");
    }
    text + &format!(r#"(export "f" (func {})))"#, count - 1)
}

/// No module is left, and after a while no task.
#[track_caller]
fn assert_at_rest(engine: &WasmEngine) {
    assert_eq!(engine.live_module_count(), 0);
    let begun = Instant::now();
    while engine.active_task_count() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "tasks do not leave");
        std::thread::yield_now();
    }
}

#[test]
fn s1_37_a_module_is_ready_when_its_future_is() {
    for strategy in STRATEGIES {
        for tasks in [0, 1, 4] {
            let engine = engine(strategy, tasks);
            let (module, polls) = count_polls(Module::compile_async(&engine, text(300, None)));
            let module = module.unwrap();
            assert!(polls > 1, "{strategy:?} {tasks}: it is never ready at once");
            let functions = if strategy == Strategy::Lazy { 0 } else { 300 };
            assert_eq!(module.compile_stats().finished_by_tier.iter().sum::<usize>(), functions);
            let mut isolate = Isolate::new(&engine).unwrap();
            let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
            let f = instance.get_typed_func::<(), i32>(&mut isolate, "f").unwrap();
            assert_eq!(f.call(&mut isolate, ()).unwrap(), 299 * 300 / 2);
            if tasks == 0 {
                let again = count_polls(Module::compile_async(&engine, text(300, None)));
                assert_eq!(again.1, polls, "{strategy:?}: each poll does the same");
                assert_eq!(engine.thread_count(), 0);
            }
            drop((isolate, module));
            assert_at_rest(&engine);
        }
    }
}

#[test]
fn errors_are_those_of_other_ways() {
    let malformed: &[&[u8]] = &[b"", b"\0asm\x01\0\0\0\xff", b"(module (func"];
    let invalid = [text(100, Some(0)), text(100, Some(57)), r#"(module (export "f" (func 3)))"#.into(), "(module)".into()];
    let mut cases: Vec<Vec<u8>> = malformed.iter().map(|bytes| bytes.to_vec()).collect();
    cases.extend(invalid.map(String::into_bytes));
    for strategy in STRATEGIES {
        for tasks in [0, 1, 4] {
            let engine = engine(strategy, tasks);
            for bytes in &cases {
                let wanted = Module::new(&engine, bytes).map(drop).map_err(|error| (error.kind, error.to_string()));
                let found = block_on(Module::compile_async(&engine, bytes.clone()));
                let found = found.map(drop).map_err(|error| (error.kind, error.to_string()));
                assert_eq!(found, wanted, "{strategy:?} {tasks} {}", String::from_utf8_lossy(bytes));
            }
            assert_at_rest(&engine);
        }
    }
}

#[test]
fn a_future_can_be_dropped_at_any_time() {
    let mut random = Random::new(7);
    for strategy in STRATEGIES {
        for tasks in [0, 1, 4] {
            let engine = engine(strategy, tasks);
            let bytes: Arc<[u8]> = wat::parse_str(text(2_000, None)).unwrap().into();
            for _ in 0..25 {
                let mut future = Box::pin(Module::compile_async(&engine, Arc::clone(&bytes)));
                for _ in 0..random.below(6) {
                    if poll_once(future.as_mut()).is_ready() {
                        break;
                    }
                    std::thread::sleep(Duration::from_micros(random.below(500) as u64));
                }
                drop(future);
                assert_eq!(engine.live_module_count(), 0);
            }
            assert_at_rest(&engine);
        }
    }
}

/// The drop returns while a unit compiles, and the task leaves when the unit asks.
#[test]
fn s1_32_dropping_a_future_waits_for_no_unit() {
    let (compiling, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begun, door) = (Arc::clone(&compiling), Arc::clone(&stop));
    let compiler = around(Baseline::new(), move |_, compile| {
        begun.store(true, Ordering::SeqCst);
        while !door.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        compile()
    });
    let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(1);
    let engine = WasmEngine::with_compilers(&config, vec![compiler]).unwrap();
    let mut future = Box::pin(Module::compile_async(&engine, text(50, None)));
    while !compiling.load(Ordering::SeqCst) {
        assert!(poll_once(future.as_mut()).is_pending());
        std::thread::yield_now();
    }
    drop(future);
    assert_eq!((engine.live_module_count(), engine.active_task_count()), (0, 1), "the unit still runs");
    stop.store(true, Ordering::SeqCst);
    assert_at_rest(&engine);
}

/// An engine is shut down while its only task compiles one of the units, whichever: what the task has not fetched is the polls' to do, and they are told.
#[test]
fn a_shutdown_within_a_unit_leaves_the_others_to_the_polls() {
    const COUNT: usize = 40;
    for last in 1..=COUNT {
        let (compiled, begun, door) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (has_begun, is_open) = (Arc::clone(&begun), Arc::clone(&door));
        let compiler = around(Baseline::new(), move |_, compile| {
            if compiled.fetch_add(1, Ordering::SeqCst) + 1 == last {
                has_begun.store(true, Ordering::SeqCst);
                while !is_open.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
            compile()
        });
        let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(1).with_task_body_bytes(0);
        let engine = WasmEngine::with_compilers(&config, vec![compiler]).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(async {
            let task = tokio::spawn(Module::compile_async(&engine, text(COUNT, None)));
            while !begun.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            std::thread::scope(|scope| {
                scope.spawn(|| engine.shutdown());
                while !engine.is_shut_down() {
                    std::thread::yield_now();
                }
                // Background work is told to stop right behind that.
                std::thread::sleep(Duration::from_millis(2));
                door.store(true, Ordering::SeqCst);
            });
            let module = tokio::time::timeout(Duration::from_secs(30), task).await;
            let module = module.unwrap_or_else(|_| panic!("unit {last}: the future was not woken")).unwrap().unwrap();
            assert_eq!(module.decoded().bodies.len(), COUNT);
        });
        assert_at_rest(&engine);
    }
}

#[test]
fn many_at_once_and_a_shutdown_in_the_middle() {
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> =
                (1..60).map(|count| (count, tokio::spawn(Module::compile_async(&engine, text(count * 5, None))))).collect();
            for (count, task) in tasks {
                let module = task.await.unwrap().unwrap();
                assert_eq!(module.decoded().bodies.len(), count * 5);
            }
            // What the engine's threads leave the polls do.
            let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(Module::compile_async(&engine, text(500, None)))).collect();
            engine.shutdown();
            for task in tasks {
                assert_eq!(task.await.unwrap().unwrap().decoded().bodies.len(), 500);
            }
            let late = Module::compile_async(&engine, text(3, Some(1))).await;
            assert_eq!(late.unwrap_err().kind, CompileErrorKind::Invalid);
        });
        assert_at_rest(&engine);
    }
}

#[test]
fn progress_goes_from_none_to_all() {
    for strategy in STRATEGIES {
        for tasks in [0, 2] {
            let engine = engine(strategy, tasks);
            let seen = Arc::new(Mutex::new(Vec::new()));
            let told = Arc::clone(&seen);
            let future = Module::compile_async(&engine, text(3_000, None));
            let future = future.on_progress(move |progress| told.lock().unwrap().push(progress));
            let mut future = pin!(future);
            assert_eq!(future.progress(), CompileProgress::default());
            let module = block_on(future.as_mut()).unwrap();
            assert!(Module::compile_async(&engine, text(20, None)).wait().is_ok());
            assert!(Module::compile_async(&engine, text(20, Some(9))).wait().is_err());
            let seen = seen.lock().unwrap();
            // With tasks, how often depends on the machine.
            assert!(seen.len() > if tasks == 0 { 2 } else { 0 }, "{seen:?}");
            assert!(seen.is_sorted_by_key(|progress| progress.done), "{seen:?}");
            assert!(seen.iter().all(|progress| progress.total == 3_000));
            assert_eq!(seen.last().map(|progress| progress.done), Some(3_000));
            assert_eq!(future.progress().done, 3_000);
            drop(module);
        }
    }
    let engine = engine(Strategy::Eager, 0);
    let pending = Module::compile_in_background(&engine, text(10, None)).unwrap();
    assert_eq!(pending.progress(), CompileProgress { done: 0, total: 10 });
    pending.wait().unwrap();
}

/// A task that never yields by itself is not kept by compilation, and is woken once for each phase at the least.
#[test]
fn the_executor_is_woken() {
    let wakes = Arc::new(AtomicUsize::new(0));
    struct Count(Arc<AtomicUsize>, std::thread::Thread);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            self.1.unpark();
        }
    }
    let engine = engine(Strategy::AheadOfTime, 1);
    let waker = std::task::Waker::from(Arc::new(Count(Arc::clone(&wakes), std::thread::current())));
    let mut future = Box::pin(Module::compile_async(&engine, text(50, None)));
    let mut polls = 0;
    let compiled = loop {
        polls += 1;
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            Poll::Ready(result) => break result,
            Poll::Pending => {
                while wakes.load(Ordering::SeqCst) < polls {
                    std::thread::park();
                }
            }
        }
    };
    assert!(compiled.is_ok() && polls >= 3, "{polls}");
    drop(future);
    drop(compiled);
    let same = module(&engine, &text(1, None));
    drop(same);
    assert_at_rest(&engine);
}
