//! Modules from bytes to code and to their end: S1-10 to S1-16, S1-30 to S1-38.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use cranelift_entity::EntityRef;
use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::compile::events::EventSink;
use deltic::compile::{CompileEvent, Module, WasmEngine};
use deltic::wasm::decode;
use deltic::wasm::error::CompileErrorKind;

use super::fake::*;

fn func(n: usize) -> DefinedFuncIndex {
    DefinedFuncIndex::new(n)
}

#[test]
fn a_module_has_all_its_code_when_new_returns() {
    for tasks in [0, 1, 2, 8] {
        let compiler = Arc::new(FakeCompiler::new());
        let engine = engine(tasks, &compiler);
        let module = Module::new(&engine, module_of(&[20; 100])).unwrap();
        assert_eq!(compiler.finished(), 100);
        for n in 0..100 {
            assert_eq!(module.tier(CodeVariant::Guarded, func(n)), Some(Tier::Optimized), "function {n}");
        }
        let stats = module.compile_stats();
        assert_eq!((stats.functions, stats.finished_by_tier), (100, [0, 100]));
        assert_eq!(stats.workers.iter().map(|worker| worker.unit_count).sum::<usize>(), 100);
    }
}

#[test]
fn text_binary_and_decoded_are_taken_and_modules_without_bodies_too() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let module = Module::new(&engine, "(module (func (export \"f\")) (memory 1))").unwrap();
    assert_eq!((module.decoded().exports.len(), module.type_ids().len()), (1, module.canonical_types().ids().len()));
    assert!(module.wire_bytes().starts_with(b"\0asm"));
    let decoded = decode::decode(module.wire_bytes().clone()).unwrap();
    let again = Module::from_decoded(&engine, decoded).unwrap();
    assert_eq!(again.type_ids(), module.type_ids(), "canonical in the engine");
    assert!(again.engine().is_same(&engine) && !again.is_same(&module) && module.clone().is_same(&module));
    let empty = Module::new(&engine, "(module)").unwrap();
    assert_eq!(empty.compile_stats().functions, 0);
    empty.ensure_variant(CodeVariant::Checked).unwrap();
    let pending = Module::compile_in_background(&engine, "(module)").unwrap();
    assert!(pending.is_finished());
    pending.wait().unwrap();
}

#[test]
fn what_is_wrong_with_bytes_is_told() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    assert_eq!(Module::new(&engine, "(module (func").unwrap_err().kind, CompileErrorKind::Text);
    assert_eq!(Module::new(&engine, b"\0asm\x01\0\0").unwrap_err().kind, CompileErrorKind::Invalid);
    assert!(Module::compile_in_background(&engine, b"nonsense").is_err());
    assert!(engine.live_module_count() == 0, "nothing is left behind");
}

#[test]
fn a_variant_is_compiled_on_demand_and_once() {
    for tasks in [0, 1, 2, 8] {
        let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_micros(100))));
        let engine = engine(tasks, &compiler);
        let module = Module::new(&engine, module_of(&[20; 50])).unwrap();
        assert!(module.tier(CodeVariant::Checked, func(0)).is_none());
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| module.ensure_variant(CodeVariant::Checked).unwrap());
            }
        });
        assert_eq!(compiler.finished(), 100, "{tasks} tasks");
        assert!(module.tier(CodeVariant::Checked, func(49)).is_some());
        assert_ne!(module.slot(CodeVariant::Checked, func(0)), module.slot(CodeVariant::Guarded, func(0)));
    }
}

#[test]
fn guards_decide_which_variant_comes_first() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine_with(&config(0).with_memory_guards(false), &compiler);
    let module = Module::new(&engine, module_of(&[20; 3])).unwrap();
    assert!(module.tier(CodeVariant::Checked, func(0)).is_some() && module.tier(CodeVariant::Guarded, func(0)).is_none());
}

/// S1-10, S1-11: background jobs hold the token, not the module: a module whose units wait in queues and run on workers dies with its
/// last handle. S1-16, S1-24: what a unit holds is plain data; it goes on without the module. S1-25: its result is dropped.
/// S1-32: the drop does not wait for it. S1-36: the environment does not imply the module.
#[test]
fn s1_10_s1_11_s1_16_s1_24_s1_25_s1_32_s1_36_a_unit_outlives_its_module() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().every(Act::Door(Arc::clone(&door))));
    let engine = engine(2, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 100])).unwrap();
    door.wait_for(2);
    drop(pending);
    assert_eq!(engine.live_module_count(), 0);
    assert_eq!(compiler.running.load(Ordering::SeqCst), 2, "both units still run");
    door.open();
    until("the end of the tasks", || engine.active_task_count() == 0);
    assert_eq!(compiler.begun_funcs().len(), 2, "no other unit was begun");
    assert_eq!(compiler.finished(), 2, "they read wire bytes and module to the end");
    assert_eq!(engine.feature_count(deltic::wasm::validate::Features::all()), 0);
}

/// S1-12: cancel is done when `drop` returns, whether it comes before the first scope, between scopes, or while others publish.
#[test]
fn s1_12_a_drop_at_any_time() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::SleepPolling(Duration::from_micros(30))));
    let engine = engine(4, &compiler);
    let bytes = module_of(&[20; 200]);
    for round in 0..200 {
        let pending = Module::compile_in_background(&engine, &bytes).unwrap();
        let wait = Duration::from_micros(17 * round);
        let begun = Instant::now();
        while begun.elapsed() < wait {
            thread::yield_now();
        }
        drop(pending);
        assert_eq!(engine.live_module_count(), 0);
    }
}

/// S1-14, S1-15: the foreground takes scopes like everybody: it publishes while workers do. (That scopes of one token exclude each other is
/// an implementation fact that we do without.)
#[test]
fn s1_14_s1_15_foreground_and_workers_publish_together() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_micros(200))));
    let engine = engine_with(&config(3).with_scope_timing(true), &compiler);
    let module = Module::new(&engine, module_of(&[20; 300])).unwrap();
    let stats = module.compile_stats();
    let busy = stats.workers.iter().filter(|worker| worker.unit_count > 0).count();
    assert!(busy >= 2, "{:?}", stats.workers);
    assert!(stats.workers[0].unit_count > 0, "the caller is slot 0");
    assert!(stats.scopes().hold.count() > 0);
}

/// S1-13, departure: nobody but the owner cancels. A worker that meets an error sets a flag, and the module lives until its owner lets go.
#[test]
fn s1_13_an_error_stops_and_does_not_cancel() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let pending = Module::compile_in_background(&engine, module_with_invalid(&[20; 100], &[50])).unwrap();
    until("the failure", || pending.is_finished());
    assert_eq!(engine.live_module_count(), 1);
    assert_eq!(pending.wait().unwrap_err().kind, CompileErrorKind::Invalid);
    assert_eq!(engine.live_module_count(), 0);
}

/// What the owner's callback leaves behind: where it was dropped.
struct DropPlace(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for DropPlace {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

/// S1-30, S1-31: dropping a module aborts: no callback is called after it, and no error is set. S1-33: the callbacks are destroyed on
/// the thread that drops, not on a worker.
#[test]
fn s1_30_s1_31_s1_33_callbacks_die_with_the_module_on_its_thread() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().every(Act::Door(Arc::clone(&door))));
    let engine = engine(2, &compiler);
    let places = Arc::new(Mutex::new(Vec::new()));
    let called = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let pending = Module::compile_in_background(&engine, module_of(&[20; 10])).unwrap();
        let (place, called) = (DropPlace(Arc::clone(&places)), Arc::clone(&called));
        pending.add_callback(move |_| {
            let _ = &place;
            called.fetch_add(1, Ordering::SeqCst);
        });
        drop(pending);
    }
    assert_eq!(*places.lock().unwrap(), [thread::current().id(); 2]);
    door.open();
    until("the end of the tasks", || engine.active_task_count() == 0);
    assert_eq!(called.load(Ordering::SeqCst), 0);
}

/// The same when everything is over: the last event releases them, on the thread that dispatches.
#[test]
fn s1_33_callbacks_are_released_after_the_last_event() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let places = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::new(Mutex::new(Vec::new()));
    let pending = Module::compile_in_background(&engine, module_of(&[20; 10])).unwrap();
    let (place, seen) = (DropPlace(Arc::clone(&places)), Arc::clone(&events));
    pending.add_callback(move |event| {
        let _ = &place;
        seen.lock().unwrap().push((event, thread::current().id()));
    });
    until("the end", || pending.is_finished());
    assert!(places.lock().unwrap().is_empty() || !events.lock().unwrap().is_empty());
    let module = pending.wait().unwrap();
    let here = thread::current().id();
    assert_eq!(*events.lock().unwrap(), [(CompileEvent::FinishedCompilation, here)]);
    assert_eq!(*places.lock().unwrap(), [here]);
    let late = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&late);
    module.add_callback(move |event| told.store(event == CompileEvent::FinishedCompilation, Ordering::SeqCst));
    assert!(late.load(Ordering::SeqCst), "called for what has happened already");
}

/// S1-34: a failure is seen by the foreground at once, through `is_finished` and the event `Failed`, which comes alone.
#[test]
fn s1_34_failure_is_visible_and_told_alone() {
    #[derive(Debug, Default)]
    struct Bell(AtomicUsize);
    impl EventSink for Bell {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let bell = Arc::new(Bell::default());
    let bytes = module_with_invalid(&[20; 50], &[3, 30]);
    let pending = Module::compile_in_background_with(&engine, bytes, Some(bell.clone())).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    pending.add_callback(move |event| seen.lock().unwrap().push(event));
    until("the failure", || bell.0.load(Ordering::SeqCst) > 0);
    assert!(pending.is_finished());
    pending.dispatch_events();
    assert_eq!(*events.lock().unwrap(), [CompileEvent::Failed]);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert!(pending.wait().is_err());
}

/// An event comes for every further megabyte of machine code.
#[test]
fn chunks_are_told() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(0, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[300_000; 12])).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    pending.add_callback(move |event| seen.lock().unwrap().push(event));
    pending.wait().unwrap();
    let events = events.lock().unwrap();
    let chunks = events.iter().filter(|&&event| event == CompileEvent::FinishedChunk).count();
    assert_eq!((chunks, events.last()), (3, Some(&CompileEvent::FinishedCompilation)));
}

/// S1-37: with no compile tasks everything runs on the caller, in one order, and gives the same.
#[test]
fn s1_37_no_tasks_no_threads_one_order() {
    let bytes = module_of(&[20, 9_000, 30, 5_000, 10, 40]);
    let mut orders = Vec::new();
    for _ in 0..2 {
        let compiler = Arc::new(FakeCompiler::new());
        let engine = engine(0, &compiler);
        let pending = Module::compile_in_background(&engine, &bytes).unwrap();
        assert!(compiler.begun_funcs().is_empty() && !pending.is_finished(), "nobody works before the caller does");
        let module = pending.wait().unwrap();
        module.ensure_variant(CodeVariant::Checked).unwrap();
        assert_eq!(compiler.threads(), [thread::current().id()]);
        assert_eq!(engine.thread_count(), 0);
        orders.push(compiler.begun_funcs());
    }
    assert_eq!(orders[0], [1, 3, 0, 2, 4, 5, 1, 3, 0, 2, 4, 5], "big bodies first, then the natural order; both variants");
    assert_eq!(orders[0], orders[1]);
}

/// S1-01, C1 (v8:8916): a foreground that waits joins the work, and when nothing is left for it, it parks: no processor time passes.
#[test]
fn s1_01_c1_the_foreground_joins_and_parks() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().at(0, Act::Door(Arc::clone(&door))));
    let engine = engine(2, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 40])).unwrap();
    door.wait_for(1);
    let opener = {
        let door = Arc::clone(&door);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            door.open();
        })
    };
    let cpu = deltic::platform::clock::thread_cpu_time();
    let module = pending.wait().unwrap();
    let cpu = deltic::platform::clock::thread_cpu_time() - cpu;
    opener.join().unwrap();
    assert!(cpu < Duration::from_millis(100), "the wait of 300 ms took {cpu:?} of processor time");
    assert_eq!(module.compile_stats().finished_by_tier, [0, 40]);
}

/// C1 (v8:11858): who waits for a compilation that another thread has begun runs it where there is nobody else.
#[test]
fn c1_waiting_for_another_compile_runs_it() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(0, &compiler);
    let module = Module::new(&engine, module_of(&[20; 30])).unwrap();
    let others: Vec<_> = (0..3)
        .map(|_| {
            let module = module.clone();
            thread::spawn(move || module.ensure_variant(CodeVariant::Checked))
        })
        .collect();
    module.ensure_variant(CodeVariant::Checked).unwrap();
    others.into_iter().for_each(|other| other.join().unwrap().unwrap());
    assert_eq!(compiler.finished(), 60);
}

/// S1-32, acceptance test 6: dropping a module in the middle of 16 workers' units of 100 ms returns at once.
#[test]
fn s1_32_c3_a_drop_in_mid_compile_returns_at_once() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::SleepPolling(Duration::from_millis(100))));
    let engine = engine(16, &compiler);
    let bytes = module_of(&[20_000; 64]);
    let mut times = Vec::new();
    for _ in 0..20 {
        let pending = Module::compile_in_background(&engine, &bytes).unwrap();
        until("the first units", || compiler.running.load(Ordering::SeqCst) > 0);
        thread::sleep(Duration::from_millis(2));
        let begun = Instant::now();
        drop(pending);
        times.push(begun.elapsed());
    }
    times.sort();
    // The machine is shared: what other processes take from us is not ours.
    assert!(times[10] < Duration::from_millis(1), "median {:?}, all {times:?}", times[10]);
}

/// S1-02, C1 (crrev 1400420): modules are freed by their owners only, whoever drops the last handle; the engine lives as long.
#[test]
fn s1_02_c1_the_last_handle_frees_and_keeps_the_engine() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let module = Module::new(&engine, module_of(&[20; 10])).unwrap();
    let watch: WasmEngine = module.engine().clone();
    drop(engine);
    assert!(!watch.is_shut_down());
    let other = module.clone();
    drop(module);
    assert_eq!(watch.live_module_count(), 1);
    thread::spawn(move || drop(other)).join().unwrap();
    assert_eq!(watch.live_module_count(), 0);
}

#[test]
fn the_image_cache_is_a_place_for_the_runtime() {
    let compiler = Arc::new(FakeCompiler::new());
    let module = Module::new(&engine(0, &compiler), module_of(&[20; 1])).unwrap();
    assert!(module.image_cache().set(Box::new(7_u32)).is_ok());
    let image = module.image_cache().get().and_then(|image| image.downcast_ref::<u32>());
    assert_eq!(image, Some(&7));
}
