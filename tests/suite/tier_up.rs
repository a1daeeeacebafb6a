//! Functions that do much are compiled again, while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deltic::base::DefinedFuncIndex;
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::{Compiler, UnitError};
use deltic::codegen::optimizing::Optimizing;
use deltic::{Config, Isolate, Linker, Module, TaskPriority, Tier, Val, WasmEngine};

use crate::events::{Step, Steps, Trace};
use crate::support::{Random, around, engine_with, instance_with};

fn dynamic(calls: u32) -> Config {
    Config::default().with_tier_up_calls(calls)
}

const FIB: &str = r#"(module
    (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "once") (param i32) (result i32) (local.get 0)))"#;

fn tier(module: &Module, func: u32) -> Option<Tier> {
    module.tier(module.engine().default_variant(), DefinedFuncIndex::from_u32(func))
}

#[test]
fn without_threads_the_caller_compiles_at_the_given_call() {
    let engine = engine_with(dynamic(10));
    let module = Module::new(&engine, FIB).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").expect("a function");
    assert_eq!(tier(&module, 0), None);
    for _ in 0..10 {
        fib.call(&mut isolate, 1).expect("a call");
        assert_eq!(tier(&module, 0), Some(Tier::Baseline));
    }
    assert_eq!(fib.call(&mut isolate, 1).expect("a call"), 1);
    assert_eq!(tier(&module, 0), Some(Tier::Optimized));
    assert_eq!(fib.call(&mut isolate, 20).expect("a call"), 6765);
    assert_eq!((tier(&module, 1), module.compile_stats().finished_by_tier), (None, [1, 1]));
}

/// Calls go on in the code that there is, and later ones find the better code; functions that do little stay as they are.
#[test]
fn with_threads_better_code_comes_while_the_guest_runs() {
    let engine = WasmEngine::new(&dynamic(500).with_num_compilation_tasks(2)).expect("an engine");
    let module = Module::new(&engine, FIB).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").expect("a function");
    let once = instance.get_typed_func::<i32, i32>(&mut isolate, "once").expect("a function");
    assert_eq!(once.call(&mut isolate, 3).expect("a call"), 3);
    let begun = Instant::now();
    while tier(&module, 0) != Some(Tier::Optimized) {
        assert_eq!(fib.call(&mut isolate, 15).expect("a call"), 610);
        assert!(begun.elapsed() < Duration::from_secs(60), "no better code");
    }
    assert_eq!(fib.call(&mut isolate, 20).expect("a call"), 6765);
    assert_eq!((tier(&module, 1), module.compile_stats().finished_by_tier), (Some(Tier::Baseline), [2, 1]));
}

/// A loop asks too, and every register is what it was when it goes on.
#[test]
fn values_survive_the_question() {
    let count = 14;
    let params: String = (0..count).map(|_| "(param i64)").collect();
    let sums: String = (1..count)
        .map(|n| format!("(local.set {n} (i64.add (i64.mul (local.get {n}) (i64.const 3)) (local.get {})))", n - 1))
        .collect();
    let text = format!(
        "(module (func (export \"f\") {params} (param f64) (result i64 f64) (local f64 v128)
            (loop $l
                (local.set 0 (i64.sub (local.get 0) (i64.const 1))) {sums}
                (local.set {float} (f64.add (local.get {float}) (local.get {step})))
                (br_if $l (i64.gt_s (local.get 0) (i64.const 0))))
            (i64.add (local.get 5) (local.get {last})) (local.get {float})))",
        float = count + 1,
        step = count,
        last = count - 1
    );
    let args: Vec<Val> = std::iter::once(Val::I64(20_000))
        .chain((1..count).map(|n| Val::I64(n * 77)))
        .chain([Val::F64(0.5f64.to_bits())])
        .collect();
    let run = |engine: &WasmEngine| {
        let (mut isolate, instance) = instance_with(engine, &text);
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        format!("{:?}", func.call(&mut isolate, &args).expect("a call"))
    };
    let wanted = run(&engine_with(Config::default()));
    for calls in [0, 1, 3, 100] {
        assert_eq!(run(&engine_with(dynamic(calls))), wanted, "{calls} calls");
    }
}

/// Modules and engines go at any time, with functions in the queue and with a task.
#[test]
fn dropped_while_functions_are_compiled_again() {
    let mut random = Random::new(7);
    let bodies: String = (0..40)
        .map(|n| {
            let work = "(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 0)) (i32.const 7)))".repeat(20 + n);
            format!("(func (export \"f{n}\") (param i32) (result i32) {work} (local.get 0))")
        })
        .collect();
    let text = wat::parse_str(format!("(module {bodies})")).expect("text");
    for _ in 0..60 {
        let engine = WasmEngine::new(&dynamic(1).with_num_compilation_tasks(1 + random.below(3))).expect("an engine");
        let module = Module::new(&engine, &text).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        for n in 0..=random.below(40) {
            let func = instance.get_typed_func::<i32, i32>(&mut isolate, &format!("f{n}")).expect("a function");
            for _ in 0..4 {
                func.call(&mut isolate, 3).expect("a call");
            }
        }
        match random.below(3) {
            0 => engine.shutdown(),
            1 => drop((isolate, module)),
            _ => drop((engine, module)),
        }
    }
}

#[test]
fn what_no_better_tier_takes_stays_and_does_not_ask_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let unable = around(Optimizing::new().expect("this machine is supported"), move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Err(UnitError::TierUnable("too much".into()))
    });
    let compilers: Vec<Arc<dyn Compiler>> = vec![Arc::new(Baseline::new()), unable];
    let engine = WasmEngine::with_compilers(&dynamic(3).with_num_compilation_tasks(0), compilers).expect("an engine");
    let (mut isolate, instance) = instance_with(&engine, FIB);
    let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").expect("a function");
    assert_eq!(fib.call(&mut isolate, 20).expect("a call"), 6765);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// Panics wherever the optimizing tier is asked, and counts that.
fn panicking() -> (Vec<Arc<dyn Compiler>>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let panics = around(Optimizing::new().expect("this machine is supported"), move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("a defect of the optimizing tier")
    });
    (vec![Arc::new(Baseline::new()), panics], asked)
}

/// What is told of a function at which the compiler panics.
fn defect(function: &str, offset: Option<&str>) -> String {
    let place = offset.map_or(String::new(), |offset| format!(" (at offset {offset})"));
    format!("engine bug: {function}: the compiler panicked: a defect of the optimizing tier{place}")
}

/// A defect of the optimizing tier costs speed and nothing else: the function stays in baseline code, and who listens learns which and why.
#[test]
fn a_function_at_which_the_compiler_panics_stays_in_its_tier() {
    let (compilers, asked) = panicking();
    let steps = Arc::new(Steps::default());
    let config = dynamic(3).with_num_compilation_tasks(0).with_tier_observer(steps.clone());
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    let module = Module::new(&engine, FIB).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").expect("a function");
    let (_, events) = Trace::of(|| {
        for _ in 0..3 {
            assert_eq!(fib.call(&mut isolate, 20).expect("a call"), 6765);
        }
    });
    assert_eq!((tier(&module, 0), asked.load(Ordering::Relaxed)), (Some(Tier::Baseline), 1));
    let stats = module.compile_stats();
    assert_eq!((stats.finished_by_tier, stats.tier_ups, stats.published_by_tier[1]), ([1, 0], 0, 0));
    // Thousands of calls have asked once.
    let told = steps.of(0);
    let [Step::Asked, Step::Refused(reason)] = &told[..] else { panic!("{told:?}") };
    assert!(reason.starts_with(&defect("function 0 (fib)", None)), "{reason}");
    let [stays] = events.named("stays in its tier")[..] else { panic!("{events:?}") };
    assert_eq!(["function", "entry", "reason"].map(|name| stays.field(name)), ["0", "Call", reason.as_str()]);
    // A host that asks again gets no other answer.
    let warm = module.warm_up(["fib"], Tier::Optimized, TaskPriority::Background).expect("a function");
    assert_eq!((warm.wait(), asked.load(Ordering::Relaxed)), (Ok(()), 1));
}

/// The task of one function's panic goes on with the next.
#[test]
fn a_task_survives_the_panics_of_the_compiler() {
    let (compilers, asked) = panicking();
    let steps = Arc::new(Steps::default());
    let config = dynamic(3).with_num_compilation_tasks(2).with_tier_observer(steps.clone());
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    let module = Module::new(&engine, FIB).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").expect("a function");
    let once = instance.get_typed_func::<i32, i32>(&mut isolate, "once").expect("a function");
    let begun = Instant::now();
    while steps.refusals().len() < 2 {
        assert_eq!(fib.call(&mut isolate, 12).expect("a call"), 144);
        assert_eq!(once.call(&mut isolate, 3).expect("a call"), 3);
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was refused");
    }
    for _ in 0..100 {
        assert_eq!(fib.call(&mut isolate, 12).expect("a call"), 144);
        assert_eq!(once.call(&mut isolate, 3).expect("a call"), 3);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!([0, 1].map(|func| tier(&module, func)), [Some(Tier::Baseline); 2]);
    let mut refusals = steps.refusals();
    refusals.sort();
    assert!(refusals[0].starts_with(&defect("function 0 (fib)", None)), "{refusals:?}");
    assert!(refusals[1].starts_with(&defect("function 1", None)), "{refusals:?}");
}

/// A budget is a number of 32 bits: code that runs for seconds uses up any, and what was refused stays refused.
#[test]
fn what_was_refused_is_not_compiled_again_when_the_largest_budget_is_used_up() {
    let (compilers, asked) = panicking();
    let steps = Arc::new(Steps::default());
    let config = dynamic(3).with_num_compilation_tasks(0).with_tier_observer(steps.clone());
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    // A call of a function of a kilobyte weighs as much, whatever it leaves out.
    let text = format!(
        r#"(module
            (func $large (param i32) (if (local.get 0) (then (return))) {})
            (func (export "f") (param $n i32) (result i32)
                (loop $l
                    (call $large (local.get $n))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $n)))"#,
        "(nop)".repeat(1024)
    );
    let (mut isolate, instance) = instance_with(&engine, &text);
    let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
    let calls = i32::MAX / 1024 + 1000;
    assert_eq!(func.call(&mut isolate, calls).expect("a call"), 0);
    assert_eq!(steps.of(0).iter().filter(|step| **step == Step::Asked).count(), 2, "the budget was used up");
    assert_eq!((asked.load(Ordering::Relaxed), steps.refusals().len()), (2, 2));
}
