//! The task loop: S1-20 to S1-29, S1-35, S1-38.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cranelift_entity::EntityRef;
use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::base::{DefinedFuncIndex, tuning};
use deltic::codegen::compiler::Compiler;
use deltic::compile::{Module, WasmEngine};
use deltic::wasm::error::CompileErrorKind;
use deltic::wasm::validate::Features;

use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::fake::*;

/// S1-20, S1-28, S1-29, acceptance test 9: a task's deadline is 50 ms after its start; at the first publish after that it reports what it
/// detected and is run again, in its own place. With a clock that units turn by 20 ms each, a slice is three units.
#[test]
fn s1_20_s1_28_s1_29_a_task_yields_after_its_slice() {
    assert_eq!(tuning::TASK_SLICE, Duration::from_millis(50));
    let clock = Arc::new(FakeClock::default());
    let compiler = FakeCompiler::new().every(Act::Advance(Arc::clone(&clock), Duration::from_millis(20)));
    let door = Door::new();
    let compiler = Arc::new(compiler.at(3, Act::Door(Arc::clone(&door))).at(0, Act::Detect(Features::SIMD)));
    let engine = engine_with(&config(1).with_clock(clock), &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 12])).unwrap();
    door.wait_for(1);
    assert_eq!(engine.active_task_count(), 1, "the restarted task has taken the place of the first");
    door.open();
    until("the end", || pending.is_finished());
    let module = pending.wait().unwrap();
    let stats = module.compile_stats();
    assert_eq!(compiler.threads().len(), 1);
    assert_eq!(compiler.begun_funcs(), (0..12).collect::<Vec<_>>(), "what was fetched is not lost by yielding");
    let yields = stats.workers[1].yield_count;
    assert!((3..=4).contains(&yields), "12 units in slices of 3: {yields} yields");
    assert_eq!(stats.detected, Features::SIMD);
}

/// A yielding task lets other modules' tasks on.
#[test]
fn s1_28_slices_of_two_modules_take_turns() {
    let clock = Arc::new(FakeClock::default());
    let door = Door::new();
    let compiler = FakeCompiler::new().every(Act::Advance(Arc::clone(&clock), Duration::from_millis(60)));
    let compiler = Arc::new(compiler.at(0, Act::Door(Arc::clone(&door))));
    let engine = engine_with(&config(1).with_clock(clock), &compiler);
    let small = module_of(&[20; 4]);
    let one = Module::compile_in_background(&engine, &small).unwrap();
    door.wait_for(1);
    let two = Module::compile_in_background(&engine, &small).unwrap();
    door.open();
    until("the end", || one.is_finished() && two.is_finished());
    assert_eq!(compiler.begun_funcs(), [0, 0, 1, 1, 2, 2, 3, 3], "a unit each in turn, as a unit is longer than a slice");
}

/// S1-21: a task of a module that is gone returns at once: no unit, no bookkeeping, no report.
#[test]
fn s1_21_a_task_that_starts_too_late_does_nothing() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().at(0, Act::Door(Arc::clone(&door))));
    let engine = engine(1, &compiler);
    let blocking = Module::compile_in_background(&engine, module_of(&[20])).unwrap();
    door.wait_for(1);
    let late = Module::compile_in_background(&engine, module_of(&[20; 8])).unwrap();
    assert_eq!(engine.active_task_count(), 2);
    drop(late);
    door.open();
    blocking.wait().unwrap();
    until("the late task", || engine.active_task_count() == 0);
    assert_eq!(compiler.begun_funcs(), [0]);
}

/// S1-23, S1-27, acceptance test 8: a unit that the baseline does not take is compiled by the other tier, and what is reported is the
/// tier that was asked for.
#[test]
fn s1_23_s1_27_the_requested_tier_is_reported() {
    let lower = Arc::new(FakeCompiler::new().tier(Tier::Baseline));
    let upper = Arc::new(FakeCompiler::new().tier(Tier::Optimized).at(2, Act::Unable));
    let compilers: Vec<Arc<dyn Compiler>> = vec![lower.clone(), upper];
    let engine = WasmEngine::with_compilers(&config(2), compilers).unwrap();
    let module = Module::new(&engine, module_of(&[20; 4])).unwrap();
    assert_eq!(lower.begun_funcs(), [2], "where there is no better one");
    assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::new(2)), Some(Tier::Baseline), "what compiled it");
    assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::new(1)), Some(Tier::Optimized));
    assert_eq!(module.compile_stats().finished_by_tier, [0, 4], "what was asked for");

    let lower = Arc::new(FakeCompiler::new().tier(Tier::Baseline).at(2, Act::Unable));
    let upper = Arc::new(FakeCompiler::new().tier(Tier::Optimized).at(2, Act::Unable));
    let engine = WasmEngine::with_compilers(&config(2), vec![lower, upper]).unwrap();
    let error = Module::new(&engine, module_of(&[20; 4])).unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::Unsupported, "neither takes it");
    assert!(error.message.contains("function 2") && error.message.contains("pretended weakness"), "{error}");

    let lower = Arc::new(FakeCompiler::new().tier(Tier::Baseline).at(2, Act::Unable));
    let upper = Arc::new(FakeCompiler::new().tier(Tier::Optimized));
    let compilers: Vec<Arc<dyn Compiler>> = vec![lower, upper.clone()];
    let engine = WasmEngine::with_compilers(&config(2).with_tier(Tier::Baseline), compilers).unwrap();
    let module = Module::new(&engine, module_of(&[20; 4])).unwrap();
    assert_eq!(upper.begun_funcs(), [2]);
    assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::new(2)), Some(Tier::Optimized), "what compiled it");
    assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::new(1)), Some(Tier::Baseline));
    assert_eq!(module.compile_stats().finished_by_tier, [4, 0], "what was asked for");
}

/// S1-22, S1-38: see `compile::queue`: needed units before better ones; here: the list is in natural order within a tier (a departure:
/// last in first out in the original).
#[test]
fn s1_22_s1_38_natural_order_with_big_bodies_first() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(1, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20, 30, 6_000, 20, 8_000])).unwrap();
    until("the end", || pending.is_finished());
    assert_eq!(compiler.begun_funcs(), [4, 2, 0, 1, 3]);
}

/// S1-26, S1-34, acceptance test 7: after an invalid body the other workers stop after their present unit.
#[test]
fn s1_26_others_stop_after_their_present_unit() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().at(0, Act::Door(Arc::clone(&door))).at(1, Act::Sleep(Duration::from_millis(20))));
    let engine = engine(2, &compiler);
    let bytes = module_with_invalid(&[20_000; 200], &[1]);
    let pending = Module::compile_in_background(&engine, bytes).unwrap();
    door.wait_for(1);
    until("the failure", || pending.is_finished());
    let begun = compiler.begun_funcs().len();
    door.open();
    until("the end of the tasks", || engine.active_task_count() == 0);
    assert_eq!(compiler.begun_funcs().len(), begun, "none was begun after the failure");
    assert!(pending.wait().is_err());
}

/// S1-35: features are the union over all tasks, each kind counted once per module, with any number of tasks; and complete when the module
/// is there.
#[test]
fn s1_35_features_once_per_kind() {
    for tasks in [0, 1, 2, 8] {
        let compiler = FakeCompiler::new().every(Act::Detect(Features::MULTI_VALUE));
        let compiler = compiler.at(3, Act::Detect(Features::THREADS)).at(77, Act::Detect(Features::SIMD));
        let compiler = Arc::new(compiler.at(199, Act::Detect(Features::TAIL_CALL)));
        let engine = engine(tasks, &compiler);
        let module = Module::new(&engine, module_of(&[20; 200])).unwrap();
        let all = Features::MULTI_VALUE | Features::THREADS | Features::SIMD | Features::TAIL_CALL;
        assert_eq!(module.compile_stats().detected, all);
        module.ensure_variant(CodeVariant::Checked).unwrap();
        for feature in all.iter() {
            assert_eq!(engine.feature_count(feature), 1, "{feature:?} with {tasks} tasks");
        }
        assert_eq!(engine.feature_count(Features::MEMORY64), 0);
        let _second = Module::new(&engine, module_of(&[20; 200])).unwrap();
        assert_eq!(engine.feature_count(Features::THREADS), 2, "per module");
    }
}

/// S1-21, S1-25: a cancelled task reports nothing.
#[test]
fn s1_25_features_of_a_cancelled_module_are_not_reported() {
    let door = Door::new();
    let compiler = FakeCompiler::new().every(Act::Detect(Features::THREADS)).at(0, Act::Door(Arc::clone(&door)));
    let compiler = Arc::new(compiler);
    let engine = engine(1, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 10])).unwrap();
    door.wait_for(1);
    drop(pending);
    door.open();
    until("the end of the tasks", || engine.active_task_count() == 0);
    assert_eq!(engine.feature_count(Features::THREADS), 0);
}

/// C1 (7.4 token, c582eb4): scopes per batch, not per unit.
#[test]
fn c1_no_lock_per_unit() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine_with(&config(0).with_scope_timing(true), &compiler);
    let module = Module::new(&engine, module_of(&[20; 2_000])).unwrap();
    let scopes = module.compile_stats().scopes().hold.count();
    assert!(scopes < 120, "{scopes} scopes for 2,000 units");
}

/// Scratch memory is made once per worker at the most, and kept between modules.
#[test]
fn scratch_is_kept() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    for _ in 0..10 {
        Module::new(&engine, module_of(&[20; 50])).unwrap();
    }
    until("the end of the tasks", || engine.active_task_count() == 0);
    assert!(compiler.scratches.load(Ordering::SeqCst) <= 4, "{:?}", compiler.scratches);
}

/// Every unit is recorded when the configuration asks, for the simulator.
#[test]
fn units_are_recorded_on_request() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine_with(&config(2).with_unit_recording(true), &compiler);
    let module = Module::new(&engine, module_of(&[20; 64])).unwrap();
    let mut funcs: Vec<_> = module.compile_stats().units.iter().map(|unit| unit.func.index()).collect();
    funcs.sort_unstable();
    assert_eq!(funcs, (0..64).collect::<Vec<_>>());
}

/// What a subscriber is told: a span for every unit and for every scope, none inside a scope; nothing when nobody listens.
#[test]
fn units_and_scopes_have_spans() {
    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<&'static str>>>);
    impl<S: tracing::Subscriber> Layer<S> for Names {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            self.0.lock().unwrap().push(attributes.metadata().name());
        }
    }
    let names = Names::default();
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(0, &compiler);
    // `tracing` asks subscribers once about each place that tells something, and keeps the answer. A place that another test reaches for
    // the first time at this moment could keep the answer of before: all places have been reached, and are asked again, until
    // none of them has missed it.
    drop(Module::new(&engine, module_of(&[20; 25])).unwrap());
    let compile = || {
        names.0.lock().unwrap().clear();
        tracing::callsite::rebuild_interest_cache();
        Module::new(&engine, module_of(&[20; 25])).unwrap()
    };
    let module = tracing::subscriber::with_default(tracing_subscriber::registry().with(names.clone()), || {
        let is_whole = |_: &Module| names.0.lock().unwrap().contains(&"unit");
        (0..100).map(|_| compile()).find(is_whole).expect("the subscriber is asked in the end")
    });
    let names = names.0.lock().unwrap().clone();
    let count = |name| names.iter().filter(|&&other| other == name).count();
    assert_eq!((count("unit"), count("publish"), count("fetch")), (25, 2, 2), "{names:?}");
    assert_eq!((count("validate"), count("compile")), (25, 25), "the phases of a unit");
    assert_eq!(module.compile_stats().workers[0].flush_count, 3);
}
