//! Calls that were never made when their function was compiled, and are made afterwards: everything around them is as it was.

use deltic::{Caller, Config, HostError, Isolate, Linker, Module, Val};

use crate::inlining::same;
use crate::support::{engine_with, instance_with};

/// A module whose `f` makes many usual calls in a loop, with an integer, a float, a vector and two objects in use, and a rare one if its argument
/// says so. The text has the rare call, which leaves an `i32` from the argument, and the functions that it needs.
fn module(functions: &str, rare: &str) -> String {
    format!(
        r#"(module
            (type $box (struct (field (mut i32))))
            (type $op (func (param i32) (result i32)))
            (tag $t (param i32))
            (table 4 funcref)
            (elem (i32.const 0) $usual $second)
            (func $usual (type $op) (i32.add (local.get 0) (i32.const 1)))
            (func $second (type $op) (i32.xor (local.get 0) (i32.const 5)))
            {functions}
            (func $work (param $n i32) (param $at i32) (result i32)
                (local $sum i32) (local $wide i64) (local $x f64) (local $y f32) (local $v v128) (local $a (ref null $box)) (local $b (ref null $box))
                (local.set $x (f64.const 0.5))
                (local.set $a (struct.new $box (i32.const 3)))
                (loop $l
                    (local.set $b (struct.new $box (local.get $n)))
                    (local.set $sum (i32.add (local.get $sum)
                        (call_indirect (type $op) (local.get $n) (i32.and (local.get $n) (i32.const 1)))))
                    (local.set $wide (i64.add (local.get $wide) (i64.extend_i32_u (local.get $sum))))
                    (local.set $x (f64.add (local.get $x) (f64.convert_i32_u (local.get $n))))
                    (local.set $y (f32.add (local.get $y) (f32.const 0.25)))
                    (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $n))))
                    (if (i32.eq (local.get $n) (local.get $at))
                        (then (local.set $sum (i32.add (local.get $sum) {rare}))))
                    (struct.set $box 0 (local.get $a)
                        (i32.add (struct.get $box 0 (local.get $a)) (struct.get $box 0 (local.get $b))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.add (i32.add (local.get $sum) (struct.get $box 0 (local.get $a)))
                    (i32.add (i32.add (i32.wrap_i64 (local.get $wide)) (i32.trunc_f64_s (local.get $x)))
                        (i32.add (i32.trunc_f32_s (local.get $y)) (i32x4.extract_lane 2 (local.get $v))))))
            (func (export "f") (param $at i32) (result i32) (call $work (i32.const 300) (local.get $at))))"#
    )
}

/// Never at first, then in the last iteration, in the first, in the middle.
const ARGS: [i32; 8] = [0, 0, 0, 0, 1, 300, 150, 0];

#[test]
fn results_of_every_kind_come_back() {
    for (callee, rare) in [
        ("(func $rare (param i32))", "(block (result i32) (call $rare (local.get $at)) (i32.const 7))"),
        ("(func $rare (param i32) (result i32) (i32.mul (local.get 0) (i32.const 100)))", "(call $rare (local.get $at))"),
        ("(func $rare (param i32) (result i64) (i64.const -5))", "(i32.wrap_i64 (call $rare (local.get $at)))"),
        (
            "(func $rare (param f64) (result f64) (f64.mul (local.get 0) (f64.const 3)))",
            "(i32.trunc_f64_s (call $rare (local.get $x)))",
        ),
        (
            "(func $rare (param v128 i32) (result v128) (i32x4.splat (local.get 1)))",
            "(i32x4.extract_lane 1 (call $rare (local.get $v) (local.get $at)))",
        ),
        (
            "(func $rare (param (ref null $box)) (result (ref null $box)) (struct.new $box (i32.const 77)))",
            "(struct.get $box 0 (call $rare (local.get $b)))",
        ),
        // More than one result, and arguments on the stack: calls like any other.
        (
            "(func $rare (param i32) (result i32 i32) (i32.const 3) (local.get 0))",
            "(block (result i32) (call $rare (local.get $at)) (i32.add))",
        ),
        (
            "(func $rare (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.sub (local.get 6) (local.get 0)))",
            "(call $rare (local.get $at) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (i32.const 1000))",
        ),
        // Through the table, to a function that was not called there before.
        (
            "(func $rare (type $op) (i32.const 42)) (elem (i32.const 2) $rare)",
            "(call_indirect (type $op) (local.get $at) (i32.const 2))",
        ),
    ] {
        same(&module(callee, rare), &ARGS);
    }
}

/// A call that goes to one function two hundred times and then to another goes past the body that stands for the first.
#[test]
fn the_rest_of_a_guarded_call() {
    let text =
        module("(func $rare (type $op) (i32.mul (local.get 0) (i32.const 9))) (elem (i32.const 2) $rare)", "(i32.const 0)")
            .replace(
                "(i32.and (local.get $n) (i32.const 1))",
                "(select (i32.const 2) (i32.const 1) (i32.eq (local.get $n) (local.get $at)))",
            );
    same(&text, &ARGS);
}

/// A callee that collects garbage, traps, throws to a function around, is called again and again by itself, or has a loop that goes on in other code.
#[test]
fn what_happens_inside() {
    let found = same(
        &module("(func $rare (param i32) (result i32) (i32.div_u (i32.const 1) (i32.const 0)))", "(call $rare (local.get $at))"),
        &ARGS,
    );
    assert!(found[4].contains("divide by zero") && found[4].contains("rare") && found[4].contains("work"), "{found:?}");
    same(
        &module(
            r#"(func $rare (param $n i32) (result i32) (local $sum i32) (local $a (ref null $box))
                (loop $l
                    (local.set $a (struct.new $box (local.get $n)))
                    (local.set $sum (i32.add (local.get $sum) (struct.get $box 0 (local.get $a))))
                    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
                (local.get $sum))"#,
            "(call $rare (local.get $at))",
        ),
        &[0, 0, 0, 1, 300, 0],
    );
    same(
        &module(
            r#"(func $rare (param $n i32) (result i32)
                (if (result i32) (i32.lt_u (local.get $n) (i32.const 4)) (then (local.get $n))
                    (else (call $work (i32.const 100) (i32.sub (local.get $n) (i32.const 70))))))"#,
            "(call $rare (local.get $at))",
        ),
        &[0, 0, 0, 300, 145, 1, 0],
    );
    for (inside, outside) in [
        (
            "(throw $t (local.get 0))",
            "(block $h (result i32) (try_table (result i32) (catch $t $h) (call $work (i32.const 300) (local.get $at))))",
        ),
        ("(throw $t (local.get 0))", "try (result i32) (call $work (i32.const 300) (local.get $at)) catch $t end"),
    ] {
        let text = module(&format!("(func $rare (param i32) (result i32) {inside})"), "(call $rare (local.get $at))")
            .replace("(call $work (i32.const 300) (local.get $at))))", &format!("{outside} (i32.mul (i32.const 3))))"));
        same(&text, &ARGS);
    }
}

/// Recursion without end through rare calls ends as any other does.
#[test]
fn the_stack_is_checked() {
    let text = module(
        "(func $rare (param i32) (result i32) (call $work (i32.const 300) (local.get 0)))",
        "(call $rare (local.get $at))",
    );
    let (mut isolate, instance) = instance_with(&engine_with(Config::default().with_tier_up_calls(2)), &text);
    let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
    for at in [0, 0, 0, 7, 0, 7] {
        match func.call(&mut isolate, at) {
            Ok(_) => assert_eq!(at, 0),
            Err(error) => assert!(at == 7 && error.to_string().contains("call stack exhausted"), "{at}"),
        }
    }
}

/// A host function at the end of a rare call sees its caller, calls back, and fails.
#[test]
fn host_functions_are_called() {
    let text = module("(import \"\" \"host\" (func $rare (param i32) (result i32)))", "(call $rare (local.get $at))");
    // Imports come first.
    let import = "(import \"\" \"host\" (func $rare (param i32) (result i32)))";
    let text = text.replacen(import, "", 1).replacen("(module", &format!("(module {import}"), 1);
    let run = |config: Config| {
        let engine = engine_with(config);
        let module = Module::new(&engine, &text).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let mut linker = Linker::new(&engine);
        let host = |mut caller: Caller<'_>, arg: i32| -> Result<i32, HostError> {
            if arg == 300 {
                return Err("no more".into());
            }
            let instance = caller.instance().ok_or("no instance")?;
            let again = instance.get_typed_func::<i32, i32>(&mut caller, "f")?;
            Ok(again.call(&mut caller, 0)? / 2)
        };
        linker.func_wrap("", "host", host).expect("a definition");
        let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        let mut call = |arg: i32| match func.call(&mut isolate, &[Val::I32(arg)]) {
            Ok(values) => format!("{values:?}"),
            Err(error) => error.to_string(),
        };
        ARGS.map(&mut call)
    };
    let wanted = run(Config::default().with_inlining(false).with_tier_up_calls(u32::MAX));
    assert!(wanted[5].contains("no more"), "{wanted:?}");
    for calls in [1, 2, 4] {
        assert_eq!(run(Config::default().with_tier_up_calls(calls)), wanted, "{calls} calls");
    }
}
