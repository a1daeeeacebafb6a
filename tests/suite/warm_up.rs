//! Functions that are compiled before they are called, or better than they are, because somebody asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deltic::abi::artifact::CodeVariant;
use deltic::base::DefinedFuncIndex;
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::UnitError;
use deltic::codegen::optimizing::Optimizing;
use deltic::{
    CodeSink, CompileErrorKind, Config, FuncIndex, Isolate, Linker, Module, NamedCode, Strategy, TaskPriority, Tier, UnknownFunc,
    Val, WantedFunc, WasmEngine,
};

use crate::support::{around, engine_with};

const GUEST: &str = r#"(module
    (import "host" "f" (func $host))
    (func $a (export "a") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $b (param i32) (result i32) (call $a (local.get 0)))
    (func (export "c") (param i32) (result i32) (call $b (local.get 0)))
    (export "host" (func $host))
    (memory (export "memory") 1))"#;

/// The tiers of the three functions.
fn tiers(module: &Module) -> [Option<Tier>; 3] {
    [0, 1, 2].map(|func| module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func)))
}

const NONE: Option<Tier> = None;
const BASELINE: Option<Tier> = Some(Tier::Baseline);
const OPTIMIZED: Option<Tier> = Some(Tier::Optimized);

fn engines() -> [WasmEngine; 3] {
    [0, 1, 2].map(|tasks| WasmEngine::new(&Config::default().with_num_compilation_tasks(tasks)).expect("an engine"))
}

#[test]
fn functions_have_the_tier_that_was_asked_for() {
    for engine in engines() {
        let module = Module::new(&engine, GUEST).expect("a module");
        assert_eq!(tiers(&module), [NONE; 3]);
        let warm = module.warm_up(["a"], Tier::Baseline, TaskPriority::Background).expect("a function");
        assert_eq!(warm.wait(), Ok(()));
        assert!(warm.is_finished());
        assert_eq!(tiers(&module), [BASELINE, NONE, NONE]);
        // What is there is passed over; what is exported is warmed up, the import left out.
        let warm = module.warm_up(module.exported_funcs(), Tier::Baseline, TaskPriority::UserBlocking).expect("functions");
        assert_eq!(warm.wait(), Ok(()));
        assert_eq!(tiers(&module), [BASELINE, NONE, BASELINE]);
        assert_eq!(module.compile_stats().finished_by_tier, [2, 0]);
        // All, from their tier or from nothing.
        let warm = module.warm_up(module.funcs(), Tier::Optimized, TaskPriority::Background).expect("functions");
        assert_eq!(warm.wait(), Ok(()));
        assert_eq!(tiers(&module), [OPTIMIZED; 3]);
        let stats = module.compile_stats();
        assert_eq!((stats.finished_by_tier, stats.tier_ups), ([2, 3], 2));
        assert_eq!(stats.cpu_times.sum(), stats.compile_cpu);
        // A lower tier is no progress.
        assert_eq!(module.warm_up(["c"], Tier::Baseline, TaskPriority::Background).expect("a function").wait(), Ok(()));
        assert_eq!((tiers(&module), module.compile_stats().finished_by_tier), ([OPTIMIZED; 3], [2, 3]));
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let mut linker = Linker::new(&engine);
        linker.stub_missing_funcs(true);
        let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "c").expect("a function");
        assert_eq!(func.call(&mut isolate, 41).expect("no trap"), 42);
    }
}

/// `GUEST`, with hints: `c` before `a`, which is worth better code, `b` runs once; and one of a function that there is not.
fn hinted() -> String {
    let hints = r#"(@custom "metadata.code.compilation_priority" "\04\01\01\00\02\09\00\02\01\00\02\05\7f\03\01\00\01\02\20\01\00\01\00")"#;
    format!("{}{hints})", GUEST.strip_suffix(')').expect("a module"))
}

/// Who is told of code, and notes the names.
#[derive(Debug, Default)]
struct Published(Mutex<Vec<String>>);

impl CodeSink for Published {
    fn add(&self, _: Duration, code: &[NamedCode]) {
        self.0.lock().expect("no panic").extend(code.iter().map(|code| code.name.clone()));
    }

    fn wants_bytes(&self) -> bool {
        false
    }

    fn wants_new_addresses(&self) -> bool {
        false
    }
}

#[test]
fn a_module_says_what_is_compiled_first() {
    let published = Arc::new(Published::default());
    let config = Config::default().with_num_compilation_tasks(2).with_code_sink(Arc::clone(&published) as _);
    let engine = WasmEngine::new(&config).expect("an engine");
    let module = Module::new(&engine, hinted()).expect("a module");
    let begun = Instant::now();
    let names = || published.0.lock().expect("no panic").clone();
    while names().len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "only {:?}", names());
        std::thread::yield_now();
    }
    assert_eq!(names(), ["wasm!func[3] [baseline]", "wasm!b [baseline]", "wasm!a [baseline]", "wasm!a [optimized]"]);
    assert_eq!(tiers(&module), [OPTIMIZED, BASELINE, BASELINE]);
}

#[test]
fn hints_are_followed_only_where_that_is_asked_and_possible() {
    let two = Config::default().with_num_compilation_tasks(2);
    for config in [two.clone().with_compilation_hints(false), two.with_num_compilation_tasks(0)] {
        let engine = WasmEngine::new(&config).expect("an engine");
        let module = Module::new(&engine, hinted()).expect("a module");
        assert_eq!((tiers(&module), engine.active_task_count()), ([NONE; 3], 0));
    }
    // A section that is cut short is as good as none, and the module is as good as any.
    let damaged = hinted().replace("\\20\\01\\00\\01\\00", "\\20");
    assert_ne!(damaged, hinted());
    let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(2)).expect("an engine");
    assert_eq!(tiers(&Module::new(&engine, damaged).expect("a module")), [NONE; 3]);
}

/// A function that runs once, as its module says, stays in its tier however often it runs; unless the host wants more.
#[test]
fn what_runs_once_is_not_made_better() {
    for (hints, tier) in [(true, BASELINE), (false, OPTIMIZED)] {
        let engine = engine_with(Config::default().with_tier_up_calls(10).with_compilation_hints(hints));
        let module = Module::new(&engine, hinted()).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let mut linker = Linker::new(&engine);
        linker.stub_missing_funcs(true);
        let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "c").expect("a function");
        for n in 0..1000 {
            assert_eq!(func.call(&mut isolate, n).expect("no trap"), n + 1);
        }
        assert_eq!(tiers(&module), [OPTIMIZED, tier, OPTIMIZED]);
        let warm = module.warm_up([FuncIndex::from_u32(2)], Tier::Optimized, TaskPriority::Background);
        assert_eq!(warm.expect("a function").wait(), Ok(()));
        assert_eq!(tiers(&module), [OPTIMIZED; 3]);
    }
}

/// Functions that are not there are told before any is compiled.
#[test]
fn functions_that_are_not_there() {
    let module = Module::new(&engine_with(Config::default()), GUEST).expect("a module");
    let priority = TaskPriority::Background;
    let unknown = |name: &str| Err(UnknownFunc::Export(name.to_owned()));
    for name in ["b", "memory", ""] {
        let warm = module.warm_up(["a", name], Tier::Baseline, priority).map(|_| ());
        assert_eq!(warm, unknown(name));
    }
    let beyond = [WantedFunc::Export("a"), WantedFunc::Index(FuncIndex::from_u32(4))];
    assert_eq!(module.warm_up(beyond, Tier::Baseline, priority).map(|_| ()), Err(UnknownFunc::Index(4)));
    assert_eq!(tiers(&module), [NONE; 3]);
    assert!(module.warm_up(["host"], Tier::Baseline, priority).expect("an import").is_finished());
    assert!(module.warm_up([] as [&str; 0], Tier::Baseline, priority).expect("nothing").is_finished());
}

/// An engine with one tier has no other; one that compiles ahead of time has nothing to do.
#[test]
fn the_tier_is_one_that_the_engine_uses() {
    let warmed = |config: Config, tier| {
        let module = Module::new(&engine_with(config), GUEST).expect("a module");
        assert_eq!(module.warm_up(["a"], tier, TaskPriority::Background).expect("a function").wait(), Ok(()));
        (tiers(&module)[0], module.compile_stats().finished_by_tier)
    };
    assert_eq!(warmed(Config::default().with_tier(Tier::Baseline), Tier::Optimized), (BASELINE, [1, 0]));
    assert_eq!(warmed(Config::default().with_tier(Tier::Optimized), Tier::Baseline), (OPTIMIZED, [0, 1]));
    assert_eq!(warmed(Config::default().with_strategy(Strategy::Eager), Tier::Optimized), (OPTIMIZED, [3, 1]));
    assert_eq!(warmed(Config::default().with_strategy(Strategy::AheadOfTime), Tier::Optimized), (OPTIMIZED, [0, 3]));
}

/// A function that no compiler takes is an error; the others are compiled all the same, and one that has code keeps it.
#[test]
fn what_no_compiler_takes() {
    let refuse = |number: u32| {
        move |func: DefinedFuncIndex, compile: crate::support::Compile<'_>| {
            if func.as_u32() == number { Err(UnitError::TierUnable("no".into())) } else { compile() }
        }
    };
    for tasks in [0, 2] {
        let compilers = vec![around(Baseline::new(), refuse(1)), around(Optimizing::new().expect("a processor"), refuse(1))];
        let config = Config::default().with_num_compilation_tasks(tasks);
        let module = Module::new(&WasmEngine::with_compilers(&config, compilers).expect("an engine"), GUEST).expect("a module");
        let warm = module.warm_up(module.funcs(), Tier::Baseline, TaskPriority::Background).expect("functions");
        let error = warm.wait().expect_err("no compiler takes it");
        assert_eq!(error.kind, CompileErrorKind::Unsupported);
        assert!(error.to_string().contains("function 2"), "{error}");
        assert_eq!(tiers(&module), [BASELINE, NONE, BASELINE]);

        let compilers: Vec<_> = vec![Arc::new(Baseline::new()) as _, around(Optimizing::new().expect("a processor"), refuse(1))];
        let module = Module::new(&WasmEngine::with_compilers(&config, compilers).expect("an engine"), GUEST).expect("a module");
        for tier in [Tier::Baseline, Tier::Optimized] {
            assert_eq!(module.warm_up(module.funcs(), tier, TaskPriority::Background).expect("functions").wait(), Ok(()));
        }
        assert_eq!(tiers(&module), [OPTIMIZED, BASELINE, OPTIMIZED]);
    }
}

/// A module that goes while its list is long, and an engine that ends: who waits is told.
#[test]
fn a_list_ends_with_its_module() {
    let funcs: String = (0..400).map(|n| format!("(func (export \"{n}\") (result i64) (i64.const {n}))")).collect();
    let text = format!("(module {funcs})");
    for _ in 0..20 {
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(2)).expect("an engine");
        let module = Module::new(&engine, &text).expect("a module");
        let warm = module.warm_up(module.funcs(), Tier::Optimized, TaskPriority::Background).expect("functions");
        drop(module);
        match warm.wait() {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind, CompileErrorKind::Cancelled),
        }
        let module = Module::new(&engine, &text).expect("a module");
        let warm = module.warm_up(module.funcs(), Tier::Baseline, TaskPriority::Background).expect("functions");
        engine.shutdown();
        assert!(warm.is_finished());
        // What is called now is compiled by its caller.
        let mut isolate = None;
        assert!(Isolate::new(&engine).map(|it| isolate = Some(it)).is_err());
        assert_eq!(module.warm_up(["399"], Tier::Baseline, TaskPriority::Background).expect("a function").wait(), Ok(()));
    }
}

/// Calls, tier-ups and lists meet; each function is compiled once in each tier.
#[test]
fn callers_and_lists_meet() {
    let funcs: String = (0..200).map(|n| format!("(func (export \"{n}\") (result i64) (i64.const {n}))")).collect();
    let text = format!("(module {funcs})");
    let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(3).with_tier_up_calls(2)).expect("an engine");
    for round in 0..10 {
        let module = Module::new(&engine, &text).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let tier = if round % 2 == 0 { Tier::Baseline } else { Tier::Optimized };
        let warm = module.warm_up(module.funcs(), tier, TaskPriority::UserBlocking).expect("functions");
        for n in (0..200).rev() {
            let func = instance.get_func(&mut isolate, &n.to_string()).expect("a function");
            for _ in 0..4 {
                assert_eq!(format!("{:?}", func.call(&mut isolate, &[]).expect("no trap")), format!("{:?}", [Val::I64(n)]));
            }
        }
        assert_eq!(warm.wait(), Ok(()));
        let [baseline, optimized] = module.compile_stats().finished_by_tier;
        assert!(baseline <= 200 && optimized <= 200 && baseline + optimized >= 200, "{baseline} {optimized}");
    }
}
