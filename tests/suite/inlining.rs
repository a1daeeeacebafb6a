//! Bodies of functions in the place of calls: the same answers, and the same traps with the same frames.

use std::sync::{Arc, Mutex};

use deltic::{Config, TierEvent, TierEventKind, TierObserver, Val};

use crate::support::{engine_with, instance_with};

/// What a function gives, or its trap with all frames, called so often that it is compiled again on the way.
fn answers(config: Config, text: &str, args: &[i32]) -> Vec<String> {
    let refusals = Arc::new(Refusals::default());
    let (mut isolate, instance) = instance_with(&engine_with(config.with_tier_observer(refusals.clone())), text);
    let func = instance.get_func(&mut isolate, "f").expect("a function");
    let mut call = |arg: i32| match func.call(&mut isolate, &[Val::I32(arg)]) {
        Ok(values) => format!("{values:?}"),
        Err(error) => error.to_string(),
    };
    let found = (0..3).flat_map(|_| args).map(|&arg| call(arg)).collect();
    assert_eq!(*refusals.0.lock().expect("no panic"), Vec::<String>::new(), "{text}");
    found
}

/// Why functions have stayed in baseline code.
#[derive(Debug, Default)]
struct Refusals(Mutex<Vec<String>>);

impl TierObserver for Refusals {
    fn tier_event(&self, event: &TierEvent<'_>) {
        if let TierEventKind::Refused { reason } = event.kind {
            self.0.lock().expect("no panic").push(format!("{}: {reason}", event.func.as_u32()));
        }
    }
}

pub(crate) fn same(text: &str, args: &[i32]) -> Vec<String> {
    let wanted = answers(Config::default().with_inlining(false).with_tier_up_calls(u32::MAX), text, args);
    for calls in [0, 1, 2, 5] {
        assert_eq!(answers(Config::default().with_tier_up_calls(calls), text, args), wanted, "{calls} calls\n{text}");
    }
    for seed in 0..4 {
        assert_eq!(answers(Config::default().with_tier_up_stress(seed), text, args), wanted, "seed {seed}\n{text}");
    }
    wanted
}

/// Parameters, locals that begin at zero in every iteration, several results, early returns, and a function in itself.
#[test]
fn calls_give_what_they_gave() {
    let found = same(
        r#"(module
            (func $sums (param i32 i64) (result i64 i32) (local $x i64) (local $y f64)
                (if (i32.eqz (local.get 0)) (then (return (i64.const -1) (i32.const 1))))
                (local.set $x (i64.add (local.get $x) (i64.mul (local.get 1) (i64.const 3))))
                (local.set $y (f64.add (local.get $y) (f64.const 1.5)))
                (i64.add (local.get $x) (i64.trunc_f64_s (local.get $y)))
                (i32.const 2))
            (func $fact (param i64) (result i64)
                (if (result i64) (i64.le_s (local.get 0) (i64.const 1))
                    (then (i64.const 1))
                    (else (i64.mul (local.get 0) (call $fact (i64.sub (local.get 0) (i64.const 1)))))))
            (func $nothing)
            (func $never (param i32) (if (local.get 0) (then (loop (br 0)))))
            (func (export "f") (param $n i32) (result i64) (local $sum i64)
                (loop $l
                    (call $nothing)
                    (call $sums (i32.rem_u (local.get $n) (i32.const 3)) (i64.extend_i32_u (local.get $n)))
                    (i64.extend_i32_u) (i64.add)
                    (local.set $sum (i64.add (local.get $sum)))
                    (call $never (i32.const 0))
                    (local.set $sum (i64.add (local.get $sum) (call $fact (i64.extend_i32_u (i32.and (local.get $n) (i32.const 7))))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum)))"#,
        &[1, 7, 40],
    );
    assert_eq!(found[0], "[I64(7)]");
}

/// A trap in an inlined body, two deep, and behind one, with the frames of all functions at their calls.
#[test]
fn traps_have_the_frames_of_calls() {
    let found = same(
        r#"(module
            (func $inner (param i32) (result i32) (i32.div_u (i32.const 100) (local.get 0)))
            (func $middle (param i32) (result i32) (i32.add (i32.const 1) (call $inner (i32.sub (local.get 0) (i32.const 5)))))
            (global $found (mut i32) (i32.const 0))
            (func $checks (param i32)
                (if (i32.eq (local.get 0) (i32.const 9)) (then (global.set $found (i32.const 1)) (unreachable))))
            (func (export "f") (param $n i32) (result i32) (local $sum i32)
                (loop $l
                    (call $checks (local.get $n))
                    (local.set $sum (i32.add (local.get $sum) (call $middle (local.get $n))))
                    (call $checks (local.get $n))
                    (br_if $l (i32.gt_u (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 2))))
                (i32.rem_u (i32.const 7) (i32.sub (local.get $sum) (local.get $sum)))))"#,
        &[4, 8, 12, 3],
    );
    for name in ["inner", "middle", "checks"] {
        assert!(found.iter().any(|answer| answer.contains(name)), "{name}: {found:?}");
    }
    // A function that calls itself without end, in as many bodies as the trace keeps.
    same(
        r#"(module
            (func $down (param i32) (result i32) (i32.add (i32.const 1) (call $down (i32.add (local.get 0) (i32.const 1)))))
            (func (export "f") (param i32) (result i32) (call $down (local.get 0))))"#,
        &[0],
    );
}

/// What is thrown in an inlined body is caught by the function that it is in, and what a callee of it throws as well.
#[test]
fn exceptions_leave_inlined_bodies() {
    same(
        r#"(module
            (tag $t (param i32))
            (func $throws (param i32) (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (local.get 0)))))
            (func $large (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (if (i32.and (local.get 7) (i32.const 2)) (then (throw $t (i32.const 1000))))
                (i32.add (local.get 0) (local.get 7)))
            (func $passes (param i32) (result i32)
                (call $throws (local.get 0))
                (call $large (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get 0)))
            (func $catches (param i32) (result i32)
                (block $h (result i32)
                    (try_table (result i32) (catch $t $h) (call $passes (local.get 0)))
                    (i32.mul (i32.const 3))))
            (func (export "f") (param $n i32) (result i32) (local $sum i32)
                (loop $l
                    (local.set $sum (i32.add (local.get $sum) (call $catches (local.get $n))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.add (local.get $sum) (call $passes (i32.const 5)))))"#,
        &[1, 9, 20],
    );
}

/// Tail calls of inlined candidates keep their promise.
#[test]
fn tail_calls_stay_tail_calls() {
    let found = same(
        r#"(module
            (func $even (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
                (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
            (func $odd (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
                (return_call $even (i32.sub (local.get 0) (i32.const 1))))
            (func (export "f") (param i32) (result i32) (call $even (local.get 0))))"#,
        &[1_000_000],
    );
    assert_eq!(found, ["[I32(1)]"; 3]);
}
