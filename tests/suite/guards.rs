//! Indirect calls with bodies of the functions that they mostly go to: the same answers and traps whatever a call goes to in the end.

use std::sync::Barrier;

use deltic::{Config, Isolate, Linker, Module, TaskPriority, Tier, Val};

use crate::inlining::same;
use crate::support::{engine_with, instance_with};

/// Functions in a table, called in turn: as many as are told apart, more, and one that it goes to rarely. Several parameters and results, locals,
/// and a callee that is too large for a place of its own.
#[test]
fn calls_go_where_the_table_says() {
    let found = same(
        r#"(module
            (type $op (func (param i32 i64) (result i64 i32)))
            (table funcref (elem $add $twice $both $rare $never))
            (func $add (type $op) (i64.add (local.get 1) (i64.extend_i32_u (local.get 0))) (local.get 0))
            (func $twice (type $op) (local $x i64)
                (local.set $x (i64.add (local.get $x) (local.get 1)))
                (i64.mul (local.get $x) (i64.const 2)) (i32.const 1))
            (func $both (type $op)
                (if (i32.and (local.get 0) (i32.const 1)) (then (return (i64.const 7) (i32.const 8))))
                (local.get 1) (i32.const 0))
            (func $rare (type $op) (i64.xor (local.get 1) (i64.const 0x5555)) (i32.const 100))
            (func $never (type $op) (unreachable))
            (func $step (param $n i32) (param $sum i64) (result i64) (local $at i32)
                (local.set $at (i32.rem_u (local.get $n) (i32.const 3)))
                (if (i32.eq (i32.rem_u (local.get $n) (i32.const 17)) (i32.const 16)) (then (local.set $at (i32.const 3))))
                (call_indirect (type $op) (local.get $n) (local.get $sum) (local.get $at))
                (i64.extend_i32_u) (i64.add))
            (func (export "f") (param $n i32) (result i64) (local $sum i64)
                (loop $l
                    (local.set $sum (call $step (local.get $n) (local.get $sum)))
                    (local.set $sum (i64.add (local.get $sum)
                        (call_indirect (type $op) (local.get $n) (local.get $sum) (i32.and (local.get $n) (i32.const 1)))
                        (drop)))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum)))"#,
        &[1, 5, 60, 200],
    );
    assert_eq!(found[0], "[I64(3)]");
}

/// After many calls of one function the table has null, a function of another type, none at all, and a callee that traps, in
/// whose place bodies stand: with the frames of the call.
#[test]
fn traps_are_those_of_the_call() {
    let found = same(
        r#"(module
            (type $op (func (param i32) (result i32)))
            (type $other (func (param i32) (result i64)))
            (table 8 funcref)
            (elem (i32.const 0) $fine $divides $wrong)
            (func $fine (type $op) (i32.add (local.get 0) (i32.const 1)))
            (func $divides (type $op) (i32.div_u (i32.const 100) (local.get 0)))
            (func $wrong (type $other) (i64.const 0))
            (func $calls (param i32 i32) (result i32) (i32.add (i32.const 1) (call_indirect (type $op) (local.get 0) (local.get 1))))
            (func (export "f") (param $which i32) (result i32) (local $n i32) (local $sum i32)
                (local.set $n (i32.const 50))
                (loop $l
                    (local.set $sum (i32.add (local.get $sum) (call $calls (local.get $n) (i32.and (local.get $n) (i32.const 1)))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.add (local.get $sum) (call $calls (i32.const 0) (local.get $which)))))"#,
        &[0, 1, 2, 3, 100, -1],
    );
    for part in ["divide by zero", "type mismatch", "uninitialized element", "undefined element"] {
        assert!(found.iter().any(|answer| answer.contains(part)), "{part}: {found:?}");
    }
    assert!(found.iter().any(|answer| answer.contains("divides") && answer.contains("calls")), "{found:?}");
}

/// Typed references, null among them; subtypes where a supertype is expected; arguments on the stack, references among them; and a function
/// that calls itself so.
#[test]
fn references_are_called_alike() {
    let found = same(
        r#"(module
            (rec (type $op (sub (func (param i32) (result i32)))))
            (rec (type $sub (sub $op (func (param i32) (result i32)))))
            (type $box (struct (field i32)))
            (type $many (func (param i32 i64 f64 i32 i32 i32 i32 i32 (ref null $box)) (result i32)))
            (table $ops 2 (ref null $op))
            (table funcref (elem $plain $finer $down))
            (elem declare func $plain $finer $spread)
            (func $plain (type $op) (i32.mul (local.get 0) (i32.const 3)))
            (func $finer (type $sub) (i32.sub (local.get 0) (i32.const 1)))
            (func $down (type $op)
                (if (result i32) (local.get 0)
                    (then (i32.add (i32.const 2) (call_indirect 1 (type $op) (i32.sub (local.get 0) (i32.const 1)) (i32.const 2))))
                    (else (i32.const 5))))
            (func $spread (type $many)
                (i32.add (struct.get $box 0 (local.get 8)) (i32.add (local.get 7) (i32.trunc_f64_s (local.get 2)))))
            (func $pick (param i32) (result (ref null $op))
                (if (i32.eq (local.get 0) (i32.const -1)) (then (return (ref.null $op))))
                (select (result (ref null $op)) (ref.func $plain) (ref.func $finer) (i32.and (local.get 0) (i32.const 1))))
            (func (export "f") (param $last i32) (result i32) (local $n i32) (local $sum i32) (local $g (ref $many))
                (local.set $g (ref.func $spread))
                (local.set $n (i32.const 40))
                (loop $l
                    (local.set $sum (i32.add (local.get $sum) (call_ref $op (local.get $n) (call $pick (local.get $n)))))
                    (local.set $sum (i32.add (local.get $sum)
                        (call_indirect 1 (type $op) (i32.and (local.get $n) (i32.const 3)) (i32.rem_u (local.get $n) (i32.const 3)))))
                    (local.set $sum (i32.add (local.get $sum)
                        (call_ref $many (local.get $n) (i64.const 1) (f64.const 2.5) (i32.const 3) (i32.const 4) (i32.const 5)
                            (i32.const 6) (local.get $sum) (struct.new $box (local.get $n)) (local.get $g))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.add (local.get $sum) (call_ref $op (i32.const 0) (call $pick (local.get $last))))))"#,
        &[0, 1, -1],
    );
    assert!(found[2].contains("null function reference"), "{found:?}");
}

/// What a body behind a guard throws is caught where the call stands, in either form of `try`; and a loop around it is entered in
/// its version.
#[test]
fn exceptions_leave_guarded_bodies() {
    for form in [
        "(block $h (result i32) (try_table (result i32) (catch $t $h) (call_indirect (type $op) (local.get 0) (local.get 1))))",
        "try (result i32) (call_indirect (type $op) (local.get 0) (local.get 1)) catch $t end",
    ] {
        let text = format!(
            r#"(module
                (type $op (func (param i32) (result i32)))
                (tag $t (param i32))
                (table funcref (elem $throws $keeps))
                (func $throws (type $op) (if (i32.and (local.get 0) (i32.const 4)) (then (throw $t (i32.const 99)))) (i32.const 1))
                (func $keeps (type $op) (local.get 0))
                (func $catches (param i32 i32) (result i32) {form} (i32.mul (i32.const 3)))
                (func (export "f") (param $n i32) (result i32) (local $sum i32)
                    (loop $l
                        (local.set $sum (i32.add (local.get $sum) (call $catches (local.get $n) (i32.and (local.get $n) (i32.const 1)))))
                        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                    (local.get $sum)))"#
        );
        same(&text, &[1, 20, 100]);
    }
}

/// Two instances of one module share their code and have tables of their own: a function of the other one works on the other's memory and globals,
/// although its slot is the same.
#[test]
fn functions_of_other_instances_are_others() {
    let text = r#"(module
        (type $op (func (param i32) (result i32)))
        (import "" "table" (table 2 funcref))
        (global $own (mut i32) (i32.const 0))
        (func $count (export "count") (type $op) (global.set $own (i32.add (global.get $own) (i32.const 1))) (global.get $own))
        (func $calls (param i32 i32) (result i32) (call_indirect (type $op) (local.get 0) (local.get 1)))
        (func (export "put") (param i32) (table.set (local.get 0) (ref.func $count)))
        (func (export "own") (result i32) (global.get $own))
        (func (export "run") (param $n i32) (param $which i32) (local $at i32)
            (loop $l
                (drop (call $calls (i32.const 0) (local.get $which)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;
    let engine = engine_with(Config::default().with_tier_up_calls(20));
    let module = Module::new(&engine, text).expect("a module");
    let holder = Module::new(&engine, r#"(module (table (export "table") 2 funcref))"#).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let holder = Linker::new(&engine).instantiate(&mut isolate, &holder).expect("an instance");
    let table = holder.get_export(&mut isolate, "table").expect("a table");
    let mut linker = Linker::new(&engine);
    linker.define("", "table", table).expect("a definition");
    let instances = [0, 1].map(|_| linker.instantiate(&mut isolate, &module).expect("an instance"));
    let mut call = |instance: usize, name: &str, args: &[i32]| {
        let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg)).collect();
        let func = instances[instance].get_func(&mut isolate, name).expect("a function");
        func.call(&mut isolate, &args).expect("an answer").first().map(|value| format!("{value:?}"))
    };
    call(0, "put", &[0]);
    call(1, "put", &[1]);
    call(0, "run", &[1000, 0]);
    call(0, "run", &[100, 1]);
    call(1, "run", &[10, 0]);
    assert_eq!((call(0, "own", &[]), call(1, "own", &[])), (Some("I32(1010)".into()), Some("I32(100)".into())));
}

/// A call of two or three functions has all their bodies, a fourth has none, one of a hundred functions has none at all, and without profiles no
/// call has any.
#[test]
fn bodies_stand_in_the_place_of_few_targets() {
    let sites = |config: Config, count: u32| {
        let text = format!(
            r#"(module
                (type $op (func (param i32) (result i32)))
                (table funcref (elem {all}))
                {functions}
                (func (export "f") (param $n i32) (result i32) (local $sum i32)
                    (loop $l
                        (local.set $sum (i32.add (local.get $sum)
                            (call_indirect (type $op) (local.get $n) (i32.rem_u (local.get $n) (i32.const {count})))))
                        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                    (local.get $sum)))"#,
            all = (0..count).map(|nth| format!("$f{nth} ")).collect::<String>(),
            functions = (0..count)
                .map(|nth| format!("(func $f{nth} (type $op) (i32.add (local.get 0) (i32.const {nth})))"))
                .collect::<String>(),
        );
        let engine = engine_with(config.with_tier_up_calls(300));
        let module = Module::new(&engine, &text).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        func.call(&mut isolate, &[Val::I32(20_000)]).expect("an answer");
        module.compile_stats().inlined_sites
    };
    // In the function, and in its version for the loop.
    assert_eq!([1, 2, 3, 4].map(|count| sites(Config::default(), count)), [2, 4, 6, 6]);
    assert_eq!(sites(Config::default(), 128), 0);
    for count in [2, 3] {
        assert_eq!(sites(Config::default().with_call_profiles(false), count), 0);
        assert_eq!(sites(Config::default().with_inlining(false), count), 0);
    }
}

/// Fuel is used up at the same operator, with guards and without.
#[test]
fn fuel_is_counted_alike() {
    let text = r#"(module
        (type $op (func (param i32) (result i32)))
        (table funcref (elem $a $b))
        (global $steps (export "steps") (mut i32) (i32.const 0))
        (func $a (type $op) (global.set $steps (i32.add (global.get $steps) (i32.const 1))) (local.get 0))
        (func $b (type $op) (global.set $steps (i32.add (global.get $steps) (i32.const 3))) (i32.const 1))
        (func (export "f") (param $n i32) (result i32)
            (loop $l
                (drop (call_indirect (type $op) (local.get $n) (i32.and (local.get $n) (i32.const 1))))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (i32.const 0)))"#;
    let run = |calls: u32| {
        let settings = deltic::CodeSettings { fuel: true, ..deltic::CodeSettings::default() };
        let config = Config::default().with_code_settings(settings).with_tier_up_calls(calls);
        let (mut isolate, instance) = instance_with(&engine_with(config), text);
        isolate.set_fuel(20_000);
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        let trap = func.call(&mut isolate, &[Val::I32(100_000)]).expect_err("no fuel").to_string();
        let steps = instance.get_global(&mut isolate, "steps").expect("a global");
        (trap.lines().next().map(str::to_owned), isolate.fuel(), format!("{:?}", steps.get(&mut isolate)))
    };
    let wanted = run(u32::MAX);
    for calls in [0, 3, 50] {
        assert_eq!(run(calls), wanted, "{calls} calls");
    }
}

/// A profile is recorded without locks by all threads that run a module. Each thread here calls functions of its own through one call: both are
/// seen, and what is made of it is right for either.
#[test]
fn threads_record_their_calls_in_one_profile() {
    let text = r#"(module
        (type $op (func (param i32) (result i32)))
        (table funcref (elem $plus $twice))
        (func $plus (type $op) (i32.add (local.get 0) (i32.const 1)))
        (func $twice (type $op) (i32.mul (local.get 0) (i32.const 3)))
        (func (export "f") (param $which i32) (param $n i32) (result i32) (local $x i32)
            (loop $l
                (local.set $x (call_indirect (type $op) (local.get $x) (local.get $which)))
                (local.set $x (i32.xor (local.get $x) (local.get $n)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $x)))"#;
    let wanted = |which: i32, count: i32| {
        let op = |x: i32| if which == 0 { x.wrapping_add(1) } else { x.wrapping_mul(3) };
        (1..=count).rev().fold(0, |x, n| op(x) ^ n)
    };
    // Nothing is compiled again but what is asked for in the end.
    let engine = engine_with(Config::default().with_tier_up_calls(u32::MAX));
    let sites = |threads: &[i32]| {
        let module = Module::new(&engine, text).expect("a module");
        let barrier = Barrier::new(threads.len());
        let check = |which: i32, counts: &[i32]| {
            let mut isolate = Isolate::new(&engine).expect("an isolate");
            let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
            let func = instance.get_typed_func::<(i32, i32), i32>(&mut isolate, "f").expect("a function");
            barrier.wait();
            for &count in counts {
                assert_eq!(func.call(&mut isolate, (which, count)).expect("an answer"), wanted(which, count), "{which}");
            }
        };
        let on_threads = |counts: &[i32]| {
            let check = &check;
            std::thread::scope(|scope| threads.iter().for_each(|&which| drop(scope.spawn(move || check(which, counts)))));
        };
        on_threads(&[1, 10, 100_000, 200_000]);
        let warm = module.warm_up(module.funcs(), Tier::Optimized, TaskPriority::UserBlocking).expect("functions");
        assert_eq!(warm.wait(), Ok(()));
        on_threads(&[1000, 100_000]);
        let stats = module.compile_stats();
        assert_eq!((stats.finished_by_tier[1], stats.loop_versions), (3, 0));
        stats.inlined_sites
    };
    // One thread alone has recorded one function.
    assert_eq!([sites(&[0]), sites(&[1])], [1, 1]);
    assert_eq!(sites(&[0, 1]), 2);
    assert_eq!(sites(&[0, 1, 0, 1]), 2);
}
