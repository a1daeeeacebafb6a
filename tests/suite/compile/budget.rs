//! Budgets of memory and time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use deltic::compile::Module;
use deltic::wasm::error::CompileErrorKind;

use super::fake::*;

/// More than one small unit is estimated at, less than two.
const ROOM_FOR_ONE: usize = 900 << 10;

/// Units wait for room; one runs always, whatever the limit; the result is the same.
#[test]
fn memory_bounds_the_units_that_run_at_a_time() {
    for (limit, most) in [(1, 1), (ROOM_FOR_ONE, 1), (2 * ROOM_FOR_ONE, 3)] {
        for tasks in [0, 2, 8] {
            let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_millis(1))));
            let engine = engine_with(&config(tasks).with_compile_memory_limit(limit), &compiler);
            let mut sizes = [40; 40];
            sizes[20] = 100_000;
            let module = Module::new(&engine, module_of(&sizes)).unwrap();
            assert_eq!((compiler.finished(), module.compile_stats().functions), (40, 40));
            let running = compiler.most_running.load(Ordering::SeqCst);
            assert!(running <= most, "{running} at a time with {limit} bytes and {tasks} tasks");
        }
    }
}

/// Modules of one engine share the budget; a worker that waits for room lets a module go at once, and an engine too.
#[test]
fn who_waits_for_room_notices_the_end() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().every(Act::Door(Arc::clone(&door))));
    let engine = engine_with(&config(4).with_compile_memory_limit(1), &compiler);
    let first = Module::compile_in_background(&engine, module_of(&[40; 20])).unwrap();
    door.wait_for(1);
    let second = Module::compile_in_background(&engine, module_of(&[40; 20])).unwrap();
    let begun = Instant::now();
    drop(first);
    drop(second);
    until("the end of all tasks but the one that compiles", || engine.active_task_count() == 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(compiler.begun_funcs().len(), 1);
    let third = Module::compile_in_background(&engine, module_of(&[40; 20])).unwrap();
    door.open();
    third.wait().unwrap();
    assert_eq!(compiler.most_running.load(Ordering::SeqCst), 1);
}

/// A failure ends the waiting too, and is told as ever.
#[test]
fn a_failure_under_a_budget_is_the_same() {
    for tasks in [0, 2, 8] {
        let compiler = Arc::new(FakeCompiler::new().at(7, Act::Panic).every(Act::Sleep(Duration::from_millis(1))));
        let engine = engine_with(&config(tasks).with_compile_memory_limit(1), &compiler);
        let error = Module::new(&engine, module_of(&[40; 20])).unwrap_err();
        assert_eq!(error.message, "function 7: the compiler panicked: pretended panic in 7");
        until("the end of the tasks", || engine.active_task_count() == 0);
    }
}

/// When the time is over, the lowest function that has no code is named.
#[test]
fn a_timeout_names_function_and_cause() {
    let clock = Arc::new(FakeClock::default());
    let advance = Act::Advance(Arc::clone(&clock), Duration::from_millis(70));
    let compiler = Arc::new(FakeCompiler::new().at(3, advance.clone()).at(5, advance));
    let config = config(0).with_clock(clock).with_compile_timeout(Duration::from_millis(100));
    let engine = engine_with(&config, &compiler);
    let error = Module::new(&engine, module_of(&[40; 20])).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (CompileErrorKind::Timeout, "function 6: not compiled within 100ms"));
    assert!(error.offset.is_some() && error.to_string().starts_with("timeout: function 6"));
    assert_eq!(compiler.begun_funcs(), [0, 1, 2, 3, 4, 5], "nothing is begun after");
    Module::new(&engine, module_of(&[40; 3])).unwrap();
}

/// A unit that polls is stopped by the timeout, at any number of workers.
#[test]
fn a_timeout_stops_units() {
    for tasks in [0, 1, 4] {
        let compiler = Arc::new(FakeCompiler::new().every(Act::SleepPolling(Duration::from_secs(20))));
        let engine = engine_with(&config(tasks).with_compile_timeout(Duration::from_millis(30)), &compiler);
        let error = Module::new(&engine, module_of(&[40; 20])).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (CompileErrorKind::Timeout, "function 0: not compiled within 30ms"));
        assert!(compiler.stopped.load(Ordering::SeqCst) > 0);
        assert_eq!(compiler.finished(), 0);
    }
}

/// An invalid body is told all the same, if the time was up before it was met.
#[test]
fn an_invalid_body_wins_over_a_timeout() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine_with(&config(2).with_compile_timeout(Duration::ZERO), &compiler);
    let error = Module::new(&engine, module_with_invalid(&[40; 20], &[9])).unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::Invalid);
    assert!(Module::new(&engine, module_of(&[40; 20])).unwrap_err().to_string().starts_with("timeout: function 0:"));
}
