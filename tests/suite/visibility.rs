//! What compiling says of itself: figures that are exact where no thread decides, and events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::UnitError;
use deltic::codegen::optimizing::Optimizing;
use deltic::{CompileStats, Config, Isolate, Linker, Module, Strategy, Tier, Val, WasmEngine};

use crate::events::{Step, Steps, Trace, Traced};
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

/// Which function, from which tier to which, for what reason: what stands beside the messages is asserted, too.
#[test]
fn each_step_has_an_event() {
    let (stats, events) = Trace::of(|| run(Config::default().with_tier_up_calls(20), 1, 100_000));
    assert_eq!(stats.finished_by_tier, [3, 3]);
    let functions = |message: &str| -> Vec<&str> { events.named(message).iter().map(|event| event.field("function")).collect() };
    let compiled = events.named("compiled");
    let made = |event: &&Traced| [event.field("function"), event.field("tier"), event.field("entry")].map(str::to_owned);
    let mut made: Vec<[String; 3]> = compiled.iter().map(made).collect();
    let offset = made.iter().find_map(|[_, _, entry]| entry.strip_prefix("Loop(")?.strip_suffix(')')).expect("a loop").to_owned();
    made.sort();
    let at_loop = format!("Loop({offset})");
    let wanted = [
        ["0", "Baseline", "Call"],
        ["0", "Optimized", "Call"],
        ["1", "Baseline", "Call"],
        ["1", "Optimized", "Call"],
        ["3", "Baseline", "Call"],
        ["3", "Optimized", "Call"],
        ["3", "Optimized", &at_loop],
    ];
    assert_eq!(made, wanted);
    let number = |event: &Traced, name: &str| event.field(name).parse::<u64>().expect("a number");
    assert!(compiled.iter().all(|event| number(event, "code_bytes") > 8), "{compiled:?}");
    // In microseconds, of which each of Cranelift's functions takes some.
    let micros = |tier: &str| -> u64 {
        compiled.iter().filter(|event| event.field("tier") == tier).map(|event| number(event, "cpu_us")).sum()
    };
    assert!(u128::from(micros("Optimized")) > 3, "{compiled:?}");
    assert!(u128::from(micros("Optimized") + micros("Baseline")) <= stats.compile_cpu.as_micros(), "{compiled:?}");
    assert_eq!(events.count("code published"), 3 + 3 + 1, "{events:?}");
    let places = events.named("bodies in the place of calls");
    let places: Vec<_> = places.iter().map(|event| ["function", "count"].map(|name| event.field(name))).collect();
    assert_eq!(places, [["3", "3"]; 2]);
    assert_eq!(functions("a loop goes on in optimized code"), ["3"]);
    assert_eq!(events.named("a loop goes on in optimized code")[0].field("wasm_offset"), offset);
    // Of `$leaf` and `$other`; `f` is called once, and its loop asks.
    let mut asked = functions("better code is asked for");
    asked.sort_unstable();
    assert_eq!(asked, ["0", "1"], "{events:?}");
    let loops = functions("a loop asks for better code");
    assert!(loops.len() > 1 && loops.iter().all(|&function| function == "3"), "{loops:?}");
    assert_eq!(events.count("bailout"), 0, "{events:?}");
}

/// A function that a tier does not take, and the next one does, is told of with each.
#[test]
fn a_bail_out_has_an_event() {
    let unable = around(
        Baseline::new(),
        |func, compile| {
            if func.as_u32() == 0 { Err(UnitError::TierUnable("no".into())) } else { compile() }
        },
    );
    let compilers = vec![unable, Arc::new(Optimizing::new().expect("a processor")) as _];
    let config = Config::default().with_num_compilation_tasks(0).with_tier_up_calls(u32::MAX);
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    let (stats, events) = Trace::of(|| run_in(&engine, 1, 1));
    let [bailout] = events.named("bailout")[..] else { panic!("{events:?}") };
    assert_eq!(["function", "tier", "reason"].map(|name| bailout.field(name)), ["0", "Baseline", "no"]);
    let compiled: BTreeMap<&str, &str> =
        events.named("compiled").iter().map(|event| (event.field("function"), event.field("tier"))).collect();
    assert_eq!(compiled, BTreeMap::from([("0", "Optimized"), ("1", "Baseline"), ("3", "Baseline")]));
    assert_eq!((stats.finished_by_tier, counts(&stats)), ([3, 0], [0; 4]));
}

/// An observer is told of each step of each function: that it has asked, what came of it and at which cost.
#[test]
fn an_observer_is_told_of_each_step() {
    let steps = Arc::new(Steps::default());
    let config = Config::default().with_tier_up_calls(20).with_tier_observer(steps.clone());
    let engine = engine_with(config);
    let stats = run_in(&engine, 1, 100_000);
    for leaf in [0, 1] {
        let told = steps.of(leaf);
        let [Step::Asked, Step::Compiled(Tier::Optimized, bytes)] = told[..] else { panic!("{told:?}") };
        assert!((8..200).contains(&bytes), "{told:?}");
    }
    assert_eq!(steps.of(2), []);
    // Called once, but its loop asks until it gets code, which begins with better code of the whole.
    let [Step::Compiled(Tier::Optimized, whole)] = steps.of(3)[..] else { panic!("{:?}", steps.of(3)) };
    let told = steps.of_loops(3);
    let (asked, [Step::Compiled(Tier::Optimized, version), Step::Entered]) = told.split_at(told.len() - 2) else {
        panic!("{told:?}")
    };
    assert!(asked.len() > 1 && asked.iter().all(|step| *step == Step::Asked), "{told:?}");
    let sum: usize = steps.all().iter().map(|step| if let Step::Compiled(_, bytes) = step.2 { bytes } else { 0 }).sum();
    assert_eq!(sum, stats.published_by_tier[1], "{:?}", steps.all());
    assert!(whole > 20 && *version > 20, "{told:?}");
    assert_eq!(steps.free(), 0, "all take time");
}
