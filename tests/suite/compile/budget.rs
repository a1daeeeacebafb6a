//! Budgets of memory and time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::compile::Module;
use deltic::wasm::error::CompileErrorKind;
use deltic::{Config, FuncIndex, Isolate, Linker, OverBudget, Strategy, TaskPriority, WasmEngine};

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

/// The same bound for each module by itself.
#[test]
fn memory_of_a_module_is_bounded_by_itself() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_millis(2))));
    let engine = engine_with(&config(4).with_module_compile_memory_limit(ROOM_FOR_ONE), &compiler);
    Module::new(&engine, module_of(&[40; 20])).unwrap();
    assert_eq!(compiler.most_running.load(Ordering::SeqCst), 1);
    let both = [(); 2].map(|()| Module::compile_in_background(&engine, module_of(&[40; 20])).unwrap());
    both.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
    let running = compiler.most_running.load(Ordering::SeqCst);
    assert!(running <= 2, "one of each module: {running}");
    assert_eq!(compiler.finished(), 60);
}

/// When the processor time is spent, the lowest function that has no code is named; modules of an engine have each their own, or one together.
#[test]
fn processor_time_is_bounded() {
    let limit = Duration::from_millis(100);
    let clock = Arc::new(FakeClock::default());
    let advance = Act::Advance(Arc::clone(&clock), Duration::from_millis(70));
    let compiler = Arc::new(FakeCompiler::new().at(3, advance.clone()).at(5, advance));
    let config = || config(0).with_clock(Arc::clone(&clock) as Arc<_>);
    let engine = engine_with(&config().with_compile_cpu_limit(limit), &compiler);
    for _ in 0..2 {
        let error = Module::new(&engine, module_of(&[40; 20])).unwrap_err();
        let text = "function 6: no processor time is left for compiling";
        assert_eq!((error.kind, error.message.as_str()), (CompileErrorKind::Budget, text));
        assert!(error.offset.is_some() && error.to_string().starts_with("budget: function 6"));
        Module::new(&engine, module_of(&[40; 5])).unwrap();
    }
    let engine = engine_with(&config().with_engine_compile_cpu_limit(limit), &compiler);
    Module::new(&engine, module_of(&[40; 5])).unwrap();
    assert!(Module::new(&engine, module_of(&[40; 20])).unwrap_err().to_string().starts_with("budget: function 4"));
    assert!(Module::new(&engine, module_of(&[40; 1])).unwrap_err().to_string().starts_with("budget: function 0"));
}

/// Or the functions that are left are compiled in the lowest tier.
#[test]
fn what_is_over_budget_may_be_compiled_in_the_lowest_tier() {
    let clock = Arc::new(FakeClock::default());
    let advance = Act::Advance(Arc::clone(&clock), Duration::from_millis(70));
    let best = Arc::new(FakeCompiler::new().at(3, advance.clone()).at(5, advance));
    let lowest = Arc::new(FakeCompiler::new().tier(Tier::Baseline));
    let config = config(0).with_clock(clock).with_strategy(Strategy::AheadOfTime);
    let config = config.with_compile_cpu_limit(Duration::from_millis(100)).with_over_budget(OverBudget::LowestTier);
    let engine = WasmEngine::with_compilers(&config, vec![lowest.clone(), best.clone()]).unwrap();
    Module::new(&engine, module_of(&[40; 9])).unwrap();
    assert_eq!((best.begun_funcs(), lowest.begun_funcs()), (vec![0, 1, 2, 3, 4, 5], vec![6, 7, 8]));
}

const GUEST: &str = r#"(module
    (func $small (export "small") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "large") (param i32) (result i32)
        (local.set 0 (i32.add (local.get 0) (i32.const 1000000))) (local.set 0 (i32.add (local.get 0) (i32.const 1000000)))
        (local.set 0 (i32.add (local.get 0) (i32.const 1000000))) (local.set 0 (i32.add (local.get 0) (i32.const 1000000)))
        (local.get 0)))"#;

/// A first call for which there is no time left says so, and the next one as well; or functions stay in the lowest tier for good.
#[test]
fn lazy_modules_have_budgets_too() {
    let config = Config::default().with_num_compilation_tasks(0).with_tier_up_calls(2).with_compile_cpu_limit(Duration::ZERO);
    let run = |config: &Config| {
        let engine = WasmEngine::new(config).unwrap();
        let module = Module::new(&engine, GUEST).unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "small").unwrap();
        let answers: Vec<Result<i32, String>> =
            (0..20).map(|n| func.call(&mut isolate, n).map_err(|error| error.to_string())).collect();
        (answers, module.compile_stats())
    };
    let (answers, stats) = run(&config);
    assert_eq!(stats.finished_by_tier, [0, 0]);
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.contains("budget: function 0 (small): no processor time is left for compiling"), "{error}");
    }
    let (answers, stats) = run(&config.with_over_budget(OverBudget::LowestTier));
    assert_eq!(answers, (0..20).map(|n| Ok(n + 1)).collect::<Vec<_>>());
    assert_eq!((stats.finished_by_tier, stats.tier_ups), ([1, 0], 0));
}

/// A function of a lazy module has the whole time by itself: one that is late fails who waits for it, and the next one tries again.
#[test]
fn a_function_of_a_lazy_module_has_a_deadline_of_its_own() {
    let clock = Arc::new(FakeClock::default());
    let late = Act::Advance(Arc::clone(&clock), Duration::from_millis(150));
    let compiler =
        Arc::new(FakeCompiler::new().at(1, Act::AdvancePolling(Arc::clone(&clock), Duration::from_millis(150))).at(2, late));
    let config = config(0).with_clock(clock.clone()).with_strategy(Strategy::Lazy);
    let engine = engine_with(&config.with_compile_timeout(Duration::from_millis(100)), &compiler);
    let module = Module::new(&engine, module_of(&[40; 4])).unwrap();
    // The module was ready long ago.
    clock.advance(Duration::from_secs(9));
    let call = |func| module.warm_up([FuncIndex::from_u32(func)], Tier::Optimized, TaskPriority::UserBlocking).unwrap().wait();
    for _ in 0..2 {
        let error = call(1).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (CompileErrorKind::Timeout, "function 1: not compiled within 100ms"));
    }
    assert_eq!(compiler.stopped.load(Ordering::SeqCst), 2, "at a poll");
    call(0).unwrap();
    call(2).expect("it is noticed between passes, and there was none");
}

/// A call that is a function's first fails when its time is over before there is code; better code that is late is none.
#[test]
fn calls_have_deadlines() {
    let config = Config::default().with_num_compilation_tasks(0).with_tier_up_calls(2).with_compile_timeout(Duration::ZERO);
    let engine = WasmEngine::new(&config).unwrap();
    let module = Module::new(&engine, GUEST).unwrap();
    let mut isolate = Isolate::new(&engine).unwrap();
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&mut isolate, "small").unwrap();
    for _ in 0..2 {
        let error = func.call(&mut isolate, 1).unwrap_err().to_string();
        assert!(error.contains("timeout: function 0 (small): not compiled within 0ns"), "{error}");
    }
    assert_eq!(module.compile_stats().finished_by_tier, [0, 0]);

    let clock = Arc::new(FakeClock::default());
    let lowest = Arc::new(FakeCompiler::new().tier(Tier::Baseline));
    let late = Act::AdvancePolling(Arc::clone(&clock), Duration::from_millis(150));
    let best = Arc::new(FakeCompiler::new().every(late));
    let config = config.with_clock(clock).with_compile_timeout(Duration::from_millis(100));
    let engine = WasmEngine::with_compilers(&config, vec![lowest, best]).unwrap();
    let module = Module::new(&engine, module_of(&[40; 2])).unwrap();
    let warm_up = |tier| module.warm_up([FuncIndex::from_u32(0)], tier, TaskPriority::UserBlocking).unwrap().wait();
    warm_up(Tier::Baseline).unwrap();
    warm_up(Tier::Optimized).unwrap();
    assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(0)), Some(Tier::Baseline), "stays in its tier");
}

/// A body above the limit is compiled in the baseline tier, whatever is asked for, and stays in it; the others are not concerned.
#[test]
fn the_optimizing_tier_leaves_large_bodies_alone() {
    let config = Config::default().with_num_compilation_tasks(0).with_tier_up_calls(2).with_optimized_body_limit(20);
    for strategy in [Strategy::AheadOfTime, Strategy::Eager, Strategy::Lazy] {
        let engine = WasmEngine::new(&config.clone().with_strategy(strategy)).unwrap();
        let module = Module::new(&engine, GUEST).unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
        for name in ["small", "large"] {
            let func = instance.get_typed_func::<i32, i32>(&mut isolate, name).unwrap();
            (0..50).for_each(|n| assert!(func.call(&mut isolate, n).is_ok()));
        }
        let tier = |func| module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func));
        assert_eq!((tier(0), tier(1)), (Some(Tier::Optimized), Some(Tier::Baseline)), "{strategy:?}");
    }
}

/// So is one of more basic blocks than the optimizing tier takes, however large its body may be.
#[test]
fn the_optimizing_tier_leaves_functions_of_many_blocks_alone() {
    let config = Config::default().with_num_compilation_tasks(0).with_strategy(Strategy::AheadOfTime);
    let engine = WasmEngine::new(&config.with_optimized_body_limit(4 << 20)).unwrap();
    let module = Module::new(&engine, format!("(module (func) (func {}))", "(loop)".repeat(500_000))).unwrap();
    let tier = |func| module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func));
    assert_eq!((tier(0), tier(1)), (Some(Tier::Optimized), Some(Tier::Baseline)));
}

/// What threads keep to compile with is given back when nothing has been compiled for a while, and taken anew after that.
#[test]
fn scratch_memory_is_given_back_when_nobody_compiles() {
    let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(2).with_strategy(Strategy::Eager)).unwrap();
    for _ in 0..2 {
        Module::compile_in_background(&engine, module_of(&[4_000; 40])).unwrap().wait().unwrap();
        assert!(engine.scratch_count() > 0);
        until("rest", || engine.scratch_count() == 0);
    }
}
