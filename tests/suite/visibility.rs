//! What compiling says of itself: figures that are exact where no thread decides, and events.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::UnitError;
use deltic::codegen::optimizing::Optimizing;
use deltic::{CompileStats, Config, Isolate, Linker, Module, Strategy, Val, WasmEngine, trace};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::support::{around, engine_with};

/// `f` calls two small functions in a loop, `$leaf` twice; `never` is not called.
const GUEST: &str = r#"(module
    (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $other (param i32) (result i32) (i32.xor (local.get 0) (i32.const 5)))
    (func (export "never") (result i32) (call $leaf (i32.const 1)))
    (func (export "f") (param $n i32) (result i32) (local $x i32)
        (loop $next
            (local.set $x (call $other (call $leaf (call $leaf (local.get $x)))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $x)))"#;

/// Calls `f` so often, each time with so many iterations, where all is compiled on this thread.
fn run(config: Config, calls: usize, iterations: i32) -> CompileStats {
    run_in(&engine_with(config), calls, iterations)
}

fn run_in(engine: &WasmEngine, calls: usize, iterations: i32) -> CompileStats {
    let module = Module::new(engine, GUEST).expect("a module");
    let mut isolate = Isolate::new(engine).expect("an isolate");
    let instance = Linker::new(engine).instantiate(&mut isolate, &module).expect("an instance");
    let func = instance.get_func(&mut isolate, "f").expect("a function");
    for _ in 0..calls {
        func.call(&mut isolate, &[Val::I32(iterations)]).expect("no trap");
    }
    module.compile_stats()
}

fn counts(stats: &CompileStats) -> [usize; 4] {
    [stats.tier_ups, stats.inlined_sites, stats.loop_versions, stats.loop_entries]
}

#[test]
fn figures_are_exact_where_no_thread_decides() {
    // One call each of the functions, and no more: nothing is worth better code.
    assert_eq!(counts(&run(Config::default().with_tier_up_calls(1000), 1, 1)), [0, 0, 0, 0]);
    // All three functions, and the loop once, each with three bodies in the place of calls where there are calls.
    let dynamic = Config::default().with_tier_up_calls(20);
    let stats = run(dynamic.clone(), 1, 100_000);
    assert_eq!((counts(&stats), stats.finished_by_tier), ([3, 6, 1, 1], [3, 3]));
    let stats = run(dynamic.clone().with_inlining(false), 1, 100_000);
    assert_eq!(counts(&stats), [3, 0, 1, 1]);
    let stats = run(dynamic.with_loop_versions(false), 1, 100_000);
    assert_eq!(counts(&stats), [3, 3, 0, 0]);
    // Compiled ahead of time, all functions are as good as they get, and none is known to be hot.
    let stats = run(Config::default().with_strategy(Strategy::AheadOfTime), 5, 1000);
    assert_eq!((counts(&stats), stats.finished_by_tier), ([0, 0, 0, 0], [0, 4]));
}

#[test]
fn processor_time_is_known_by_what_it_was_for() {
    let stats = run(Config::default().with_tier_up_calls(20), 1, 100_000);
    let times = stats.cpu_times;
    assert_eq!(times.sum(), stats.compile_cpu);
    assert!(times.baseline > Duration::ZERO && times.optimized > times.loop_versions, "{times:?}");
    assert!(times.loop_versions > Duration::ZERO, "{times:?}");
    let times = run(Config::default().with_strategy(Strategy::Eager), 1, 1).cpu_times;
    assert!(times.baseline > Duration::ZERO && times.optimized == Duration::ZERO, "{times:?}");
    let times = run(Config::default().with_strategy(Strategy::AheadOfTime), 1, 1).cpu_times;
    assert!(times.baseline == Duration::ZERO && times.optimized > Duration::ZERO, "{times:?}");
}

/// How often each event of the engine came.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<BTreeMap<String, usize>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if trace::ALL.contains(&event.metadata().target()) {
            let mut message = Message(String::new());
            event.record(&mut message);
            *self.0.lock().expect("no panic").entry(message.0).or_default() += 1;
        }
    }
}

#[test]
fn each_step_has_an_event() {
    let counter = Counter::default();
    let subscriber = Registry::default().with(counter.clone());
    // With one subscriber alone, events that another thread comes to first are off for all (`tracing_core::callsite`).
    let _other = tracing::Dispatch::new(Registry::default());
    let stats = tracing::subscriber::with_default(subscriber, || run(Config::default().with_tier_up_calls(20), 1, 100_000));
    let events = counter.0.lock().expect("no panic").clone();
    let count = |message: &str| events.get(message).copied().unwrap_or(0);
    assert_eq!(stats.finished_by_tier, [3, 3]);
    assert_eq!(count("compiled"), 3 + 3 + 1, "{events:?}");
    assert_eq!(count("code published"), 3 + 3 + 1, "{events:?}");
    assert_eq!(count("bodies in the place of calls"), 2, "{events:?}");
    assert_eq!(count("a loop goes on in optimized code"), 1, "{events:?}");
    // Of `$leaf` and `$other`; `f` is called once, and its loop asks.
    assert_eq!(count("better code is asked for"), 2, "{events:?}");
    assert!(count("a loop asks for better code") > 1, "{events:?}");
    assert_eq!(count("bailout"), 0, "{events:?}");
}

/// A function that a tier does not take, and the next one does, is told of with each.
#[test]
fn a_bail_out_has_an_event() {
    let counter = Counter::default();
    let subscriber = Registry::default().with(counter.clone());
    let _other = tracing::Dispatch::new(Registry::default());
    let unable = around(
        Baseline::new(),
        |func, compile| {
            if func.as_u32() == 0 { Err(UnitError::TierUnable("no".into())) } else { compile() }
        },
    );
    let compilers = vec![unable, Arc::new(Optimizing::new().expect("a processor")) as _];
    let config = Config::default().with_num_compilation_tasks(0).with_tier_up_calls(u32::MAX);
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    let stats = tracing::subscriber::with_default(subscriber, || run_in(&engine, 1, 1));
    let events = counter.0.lock().expect("no panic").clone();
    assert_eq!((events.get("bailout"), events.get("compiled")), (Some(&1), Some(&3)), "{events:?}");
    assert_eq!((stats.finished_by_tier, counts(&stats)), ([3, 0], [0; 4]));
}
