//! Loops that run in baseline code go on in optimized code.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::{Compiler, UnitError};
use deltic::codegen::optimizing::Optimizing;
use deltic::{CompileStats, Config, Isolate, Linker, Module, Val, WasmEngine};

use crate::events::{Step, Steps, Trace};
use crate::support::{around, engine_with, instance_with};

fn dynamic() -> Config {
    Config::default().with_tier_up_calls(1)
}

/// Calls a function of a module in an engine that compiles where it stands; gives its results, or the trap, and what compiling cost.
fn run(config: Config, text: &str, args: &[Val]) -> (String, CompileStats) {
    let engine = engine_with(config);
    let module = Module::new(&engine, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let func = instance.get_func(&mut isolate, "f").expect("a function");
    let result = match func.call(&mut isolate, args) {
        Ok(values) => format!("{values:?}"),
        Err(error) => error.to_string(),
    };
    (result, module.compile_stats())
}

fn seeded(seed: u64) -> Config {
    Config::default().with_tier_up_stress(seed)
}

/// The same answer with loops that go on in optimized code, once for each seed, as without; says how often that happened.
fn same_with_entries(text: &str, args: &[Val]) -> usize {
    let (wanted, _) = run(Config::default(), text, args);
    let mut entries = 0;
    for seed in 0..24 {
        let (found, stats) = run(seeded(seed), text, args);
        assert_eq!(found, wanted, "seed {seed}\n{text}");
        entries += stats.loop_entries;
    }
    let (found, stats) = run(dynamic(), text, args);
    assert_eq!(found, wanted, "{text}");
    entries + stats.loop_entries
}

const SUM: &str = r#"(module (func (export "f") (param $n i32) (result i64) (local $sum i64)
    (loop $l
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))"#;

#[test]
fn a_loop_of_a_function_that_is_called_once_goes_on_in_optimized_code() {
    let (found, stats) = run(dynamic(), SUM, &[Val::I32(1_000_000)]);
    assert_eq!(found, "[I64(500000500000)]");
    assert_eq!((stats.loop_versions, stats.loop_entries, stats.finished_by_tier), (1, 1, [1, 1]));
    let (found, stats) = run(dynamic().with_loop_versions(false), SUM, &[Val::I32(1_000_000)]);
    assert_eq!(found, "[I64(500000500000)]");
    assert_eq!((stats.loop_versions, stats.loop_entries), (0, 0));
}

#[test]
fn with_threads_the_version_comes_while_the_loop_runs() {
    let engine = WasmEngine::new(&dynamic().with_num_compilation_tasks(2)).expect("an engine");
    let begun = Instant::now();
    loop {
        let module = Module::new(&engine, SUM).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let sum = instance.get_typed_func::<i32, i64>(&mut isolate, "f").expect("a function");
        assert_eq!(sum.call(&mut isolate, 10_000_000).expect("a call"), 50_000_005_000_000);
        if module.compile_stats().loop_entries == 1 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no loop went on in better code");
    }
}

/// Operands of every type lie below the loops, which have parameters too, and what is read of them later depends on the way: past the
/// loop, through it, or through an iteration of the loop around.
#[test]
fn operands_below_a_loop_are_what_they_were() {
    let text = r#"(module
        (type $pair (func (param i32 f64) (result i32 f64)))
        (func (export "f") (param $n i32) (result f64) (local $i i32) (local $j i32) (local $x f64) (local $sum f64) (local $v v128)
            (i64.const 7) (f32.const 1.5) (local.get $n)
            (loop $outer (param i32) (result i32)
                (local.set $i)
                (f64.convert_i32_u (local.get $i))
                (i32x4.splat (local.get $i))
                (block $around (result f64)
                    (br_if $around (f64.const 0.25) (i32.eq (local.get $i) (i32.const 2)))
                    (drop)
                    (i32.const 3) (f64.const 0.125)
                    (loop $inner (type $pair)
                        (f64.add (f64.const 1))
                        (local.set $x)
                        (local.set $j (i32.sub (i32.const 1)))
                        (local.get $j) (local.get $x)
                        (br_if $inner (local.get $j)))
                    (local.set $x) (drop)
                    (local.get $x))
                (local.set $x) (local.set $v)
                (f64.add (local.get $x))
                (f64.add (f64.convert_i32_u (i32x4.extract_lane 2 (local.get $v))))
                (local.set $sum (f64.add (local.get $sum)))
                (i32.sub (local.get $i) (i32.const 1))
                (br_if $outer (i32.gt_s (local.get $i) (i32.const 1))))
            (local.set $i)
            (f64.promote_f32) (local.set $sum (f64.add (local.get $sum)))
            (f64.convert_i64_u) (f64.add (local.get $sum)) (f64.add (f64.convert_i32_u (local.get $i)))))"#;
    assert!(same_with_entries(text, &[Val::I32(9)]) > 20);
}

/// The buffer that a state travels in has 16 KiB: a loop with more goes on where it is, and its function is optimized all the same.
#[test]
fn a_loop_with_too_large_a_state_stays_in_its_frame() {
    for (locals, entries) in [(2_000, 1), (2_100, 0)] {
        let text = format!(
            r#"(module (func (export "f") (param $n i32) (result i64) {} (local $sum i64)
                (loop $l
                    (local.set {locals} (i64.add (local.get {locals}) (i64.const 1)))
                    (local.set $sum (i64.add (local.get $sum) (local.get {locals})))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum)))"#,
            "(local i64) ".repeat(locals)
        );
        let (found, stats) = run(dynamic(), &text, &[Val::I32(100_000)]);
        assert_eq!(found, "[I64(5000050000)]");
        assert_eq!((stats.loop_entries, stats.finished_by_tier[1]), (entries, 1), "{locals} locals");
    }
}

/// The parts of an `if` with parameters, around a loop, in a loop.
#[test]
fn an_if_around_a_loop_keeps_its_parameters() {
    let text = r#"(module
        (type $two (func (param i32 i64) (result i64)))
        (func (export "f") (param $n i32) (result i64) (local $i i32) (local $sum i64)
            (loop $outer
                (i64.extend_i32_u (local.get $n))
                (i32.add (local.get $n) (i32.const 40)) (i64.const 3) (i32.and (local.get $n) (i32.const 1))
                (if (type $two)
                    (then
                        (local.set $sum (i64.add (local.get $sum)))
                        (local.set $i)
                        (loop $l
                            (local.set $sum (i64.add (local.get $sum) (i64.const 1)))
                            (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                        (i64.const 1))
                    (else
                        (local.set $sum (i64.mul (local.get $sum)))
                        (local.set $i (i32.const 5)) (drop)
                        (loop $l
                            (local.set $sum (i64.add (local.get $sum) (i64.const 2)))
                            (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                        (i64.const 2)))
                (i64.add)
                (local.set $sum (i64.add (local.get $sum)))
                (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#;
    assert!(same_with_entries(text, &[Val::I32(7)]) > 20);
}

/// Registers that the caller has values in, arguments on the stack, results through memory, and values in all registers at the loop.
#[test]
fn the_caller_finds_its_registers_and_results() {
    let count = 14;
    let params: String = (0..count).map(|_| "(param i64)").collect();
    let results: String = (0..count).map(|_| " i64").collect();
    let sums: String = (1..count)
        .map(|n| format!("(local.set {n} (i64.add (i64.mul (local.get {n}) (i64.const 3)) (local.get {})))", n - 1))
        .collect();
    let gets: String = (0..count).map(|n| format!("(local.get {n})")).collect();
    let text = format!(
        r#"(module
        (func $many {params} (param f64) (result{results} f64) (local $x f64)
            (loop $l
                (local.set 0 (i64.sub (local.get 0) (i64.const 1))) {sums}
                (local.set $x (f64.add (local.get $x) (local.get {count})))
                (br_if $l (i64.gt_s (local.get 0) (i64.const 0))))
            {gets} (local.get $x))
        (func $sum (param{results} f64) (result i64)
            {gets} {adds} (i64.add (i64.trunc_f64_s (local.get {count}))))
        (func (export "f") (param i64) (result i64) (local i64 i64 i64 i64)
            (local.set 1 (i64.mul (local.get 0) (i64.const 3)))
            (local.set 2 (i64.mul (local.get 0) (i64.const 5)))
            (local.set 3 (i64.mul (local.get 0) (i64.const 7)))
            (local.set 4 (i64.mul (local.get 0) (i64.const 11)))
            (call $sum (call $many (local.get 0) {constants} (f64.const 0.5)))
            (i64.add (local.get 1)) (i64.mul (local.get 2)) (i64.xor (local.get 3)) (i64.sub (local.get 4))))"#,
        adds = "(i64.add)".repeat(count - 1),
        constants = (1..count).map(|n| format!("(i64.const {})", 77 * n)).collect::<String>(),
    );
    assert!(same_with_entries(&text, &[Val::I64(500)]) > 20);
}

/// A trap behind the entry is at the operator where it is in all code, with the frames of its callers.
#[test]
fn a_trap_has_its_place_and_its_callers() {
    let text = r#"(module (memory 1)
        (func $deep (param $i i32) (result i32)
            (loop $l
                (drop (i32.load (local.get $i)))
                (local.set $i (i32.add (local.get $i) (i32.const 64)))
                (br $l))
            (unreachable))
        (func $outer (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
        (func (export "f") (param i32) (result i32) (call $outer (local.get 0))))"#;
    let (wanted, stats) = run(Config::default().with_loop_versions(false), text, &[Val::I32(0)]);
    assert!(wanted.contains("out of bounds") && wanted.contains("deep") && wanted.contains("outer"), "{wanted}");
    assert_eq!(stats.loop_entries, 0);
    for config in (0..12).map(seeded).chain([dynamic()]) {
        let (found, stats) = run(config, text, &[Val::I32(0)]);
        assert_eq!((found.as_str(), stats.loop_entries), (wanted.as_str(), 1));
    }
}

/// References are reloaded before anything can move what they refer to.
#[test]
fn references_in_locals_and_operands_survive() {
    let text = r#"(module
        (type $list (struct (field $value i32) (field $next (ref null $list))))
        (func (export "f") (param $n i32) (result i32) (local $list (ref null $list)) (local $sum i32) (local $k i32)
            (loop $outer
                (struct.new $list (local.get $n) (local.get $list))
                (struct.new $list (i32.const 1000) (ref.null $list))
                (local.set $k (i32.const 3))
                (loop $l
                    (local.set $list (struct.new $list (local.get $k) (local.get $list)))
                    (br_if $l (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
                (struct.get $list $value) (local.set $sum (i32.add (local.get $sum)))
                (struct.get $list $value) (local.set $sum (i32.add (local.get $sum)))
                (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (loop $count
                (if (ref.is_null (local.get $list)) (then (return (local.get $sum))))
                (local.set $sum (i32.add (local.get $sum) (struct.get $list $value (local.get $list))))
                (local.set $list (struct.get $list $next (local.get $list)))
                (br $count))
            (unreachable)))"#;
    for stress in [false, true] {
        let heap = deltic::HeapSettings { stress, nursery_bytes: 64 << 10, ..deltic::HeapSettings::default() };
        let (wanted, _) = run(Config::default().with_heap(heap), text, &[Val::I32(60)]);
        let mut entries = 0;
        for seed in 0..16 {
            let config = seeded(seed).with_heap(heap);
            let (found, stats) = run(config, text, &[Val::I32(60)]);
            assert_eq!(found, wanted, "seed {seed}");
            entries += stats.loop_entries;
        }
        assert!(entries > 10, "{entries}");
    }
}

/// Loops around the one that is entered begin their next iterations in copies of the body: by their ends, from inside of a loop in them, and past
/// one of them, with parameters and with operands below. One version does for all.
#[test]
fn loops_around_go_on_in_copies() {
    let text = r#"(module
        (type $pair (func (param i32 i64) (result i64)))
        (func (export "f") (param $n i32) (result i64) (local $j i32) (local $k i32) (local $sum i64)
            (f64.const 0.5) (i64.const 3)
            (local.get $n) (i64.const 1)
            (loop $a (type $pair)
                (local.set $sum (i64.add (local.get $sum)))
                (local.set $n)
                (local.set $j (i32.const 3))
                (f32.const 4)
                (loop $b
                    (local.set $j (i32.sub (local.get $j) (i32.const 1)))
                    (local.set $k (i32.and (local.get $n) (i32.const 7)))
                    (i32.const 9) (local.get $k)
                    (loop $c (param i32) (result i32)
                        (local.set $k (i32.sub (i32.const 1)))
                        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 3)) (i64.extend_i32_s (local.get $k))))
                        (if (i32.and (i32.eq (local.get $k) (i32.const 2)) (i32.and (local.get $n) (i32.const 1)))
                            (then (br $a (i32.sub (local.get $n) (i32.const 1)) (i64.const 10))))
                        (br_if $b (i32.and (i32.eq (local.get $k) (i32.const 1)) (i32.gt_s (local.get $j) (i32.const 1))))
                        (local.get $k)
                        (br_if $c (i32.gt_s (local.get $k) (i32.const 0))))
                    (i32.add)
                    (i64.extend_i32_s) (local.set $sum (i64.xor (local.get $sum)))
                    (br_if $b (i32.gt_s (local.get $j) (i32.const 0))))
                (i64.trunc_f32_s) (local.set $sum (i64.add (local.get $sum)))
                (i32.sub (local.get $n) (i32.const 1)) (i64.const 5)
                (br_if $a (i32.gt_s (local.get $n) (i32.const 1)))
                (local.set $sum (i64.add (local.get $sum))) (drop)
                (local.get $sum))
            (i64.add)
            (local.set $sum) (i64.trunc_f64_s)
            (i64.add (local.get $sum))))"#;
    assert!(same_with_entries(text, &[Val::I32(50)]) > 20);
    let (wanted, _) = run(Config::default().with_tier_up_calls(u32::MAX), text, &[Val::I32(3000)]);
    let (found, stats) = run(dynamic(), text, &[Val::I32(3000)]);
    assert_eq!((found, stats.loop_versions, stats.loop_entries), (wanted, 1, 1));
}

/// An exception that the frame's caller catches, one that a `try_table` around the loop catches past it, and a legacy clause around a loop
/// that throws again what it handles.
#[test]
fn exceptions_find_their_handlers() {
    let text = r#"(module
        (tag $t (param i32))
        (func $throws (param $n i32) (param $at i32) (local $i i32)
            (loop $l
                (if (i32.eq (local.get $i) (local.get $at)) (then (throw $t (i32.mul (local.get $n) (local.get $i)))))
                (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))
        (func (export "f") (param $n i32) (result i32) (local $i i32) (local $sum i32)
            (loop $outer
                (local.set $i (i32.const 4))
                (i32.mul (local.get $n) (i32.const 3))
                (block $h (result i32)
                    (i32.const 17)
                    (try_table (result i32) (catch $t $h)
                        (call $throws (local.get $n) (i32.const 2))
                        (loop $l
                            (call $throws (local.get $i) (i32.const 3))
                            (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
                            (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                        (i32.const 1))
                    (i32.add))
                (i32.add)
                (local.set $sum (i32.add (local.get $sum)))
                (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#;
    assert!(same_with_entries(text, &[Val::I32(9)]) > 20);
    let text = r#"(module
        (tag $t (param i32))
        (func $again (param $n i32) (local $i i32)
            (i64.const 5)
            try
                (throw $t (local.get $n))
            catch $t
                (local.set $i (i32.const 6))
                drop
                (loop $l
                    (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                (if (i32.gt_u (local.get $n) (i32.const 3)) (then (rethrow 1)))
            end
            drop)
        (func (export "f") (param $n i32) (result i32) (local $sum i32)
            (loop $outer
                (i32.const 100)
                try (result i32)
                    (call $again (local.get $n))
                    (i32.const 50)
                catch $t
                end
                (i32.add)
                (local.set $sum (i32.add (local.get $sum)))
                (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#;
    assert!(same_with_entries(text, &[Val::I32(9)]) > 20);
}

/// Fuel is counted as in code that is not left, and a loop without end is stopped in the code that it has gone on in.
#[test]
fn loops_are_stopped_where_they_would_be() {
    let endless =
        r#"(module (func (export "f") (param $n i32) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l))))"#;
    let left = |config: Config| {
        let settings = deltic::CodeSettings { fuel: true, ..deltic::CodeSettings::default() };
        let engine = engine_with(config.with_code_settings(settings));
        let module = Module::new(&engine, endless).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        isolate.set_fuel(50_000);
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        let trap = func.call(&mut isolate, &[Val::I32(0)]).expect_err("no fuel").to_string();
        (trap, isolate.fuel(), module.compile_stats().loop_entries)
    };
    let (trap, fuel, entries) = left(Config::default().with_loop_versions(false));
    assert_eq!(entries, 0);
    for config in (0..4).map(seeded).chain([dynamic()]) {
        assert_eq!(left(config), (trap.clone(), fuel, 1));
    }
}

/// What the optimizing tier does not take stays in its frame, and is asked for once.
#[test]
fn a_version_that_is_refused_is_not_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let optimizing = Optimizing::new().expect("this machine is supported");
    // First the function is asked for, then its version.
    let unable = around(optimizing, move |_, compile| match count.fetch_add(1, Ordering::Relaxed) {
        0 => compile(),
        _ => Err(UnitError::TierUnable("too much".into())),
    });
    let compilers: Vec<Arc<dyn Compiler>> = vec![Arc::new(Baseline::new()), unable];
    let engine = WasmEngine::with_compilers(&dynamic().with_num_compilation_tasks(0), compilers).expect("an engine");
    let (mut isolate, instance) = instance_with(&engine, SUM);
    let sum = instance.get_typed_func::<i32, i64>(&mut isolate, "f").expect("a function");
    assert_eq!(sum.call(&mut isolate, 100_000).expect("a call"), 5_000_050_000);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// The function has better code already when the compiler panics at its version: the loop ends where it began, and later calls are as good as
/// they get.
#[test]
fn a_loop_at_which_the_compiler_panics_stays_in_its_frame() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let optimizing = Optimizing::new().expect("this machine is supported");
    let panics = around(optimizing, move |_, compile| match count.fetch_add(1, Ordering::Relaxed) {
        0 => compile(),
        _ => panic!("a defect of loop versions"),
    });
    let compilers: Vec<Arc<dyn Compiler>> = vec![Arc::new(Baseline::new()), panics];
    let steps = Arc::new(Steps::default());
    let config = dynamic().with_num_compilation_tasks(0).with_tier_observer(steps.clone());
    let engine = WasmEngine::with_compilers(&config, compilers).expect("an engine");
    let module = Module::new(&engine, SUM).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let sum = instance.get_typed_func::<i32, i64>(&mut isolate, "f").expect("a function");
    let (result, events) = Trace::of(|| sum.call(&mut isolate, 100_000).expect("a call"));
    assert_eq!((result, asked.load(Ordering::Relaxed)), (5_000_050_000, 2));
    let stats = module.compile_stats();
    assert_eq!((stats.finished_by_tier, stats.loop_versions, stats.loop_entries), ([1, 1], 0, 0));
    let [refusal] = &steps.refusals()[..] else { panic!("{:?}", steps.all()) };
    assert!(refusal.starts_with("engine bug: function 0: the compiler panicked: a defect of loop versions"), "{refusal}");
    let refused = Step::Refused(refusal.clone());
    assert!(steps.of_loops(0).contains(&refused) && !steps.of(0).contains(&refused), "{:?}", steps.all());
    let [stays] = events.named("stays in its tier")[..] else { panic!("{events:?}") };
    assert_eq!(["function", "reason"].map(|name| stays.field(name)), ["0", refusal.as_str()]);
    assert!(stays.field("entry").starts_with("Loop("), "{stays:?}");
    let asked_before = steps.all().len();
    assert_eq!(sum.call(&mut isolate, 100_000).expect("a call"), 5_000_050_000);
    assert_eq!((steps.all().len(), asked.load(Ordering::Relaxed)), (asked_before, 2), "the better code asks for nothing");
}
