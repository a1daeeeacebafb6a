//! Guests that let others run though they wait for nothing, and guests that are ended.

use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use deltic::{AsyncYield, CallError, CodeSettings, Config, Isolate, Linker, Strategy, TrapCode, WasmEngine};

use super::{Gate, assert_at_rest, block_on, count_polls, engines, poll_once, waiting_instance};
use crate::support::{engine_with, module};

fn fuel(units: u64) -> AsyncYield {
    AsyncYield::Fuel(NonZeroU64::new(units).expect("not zero"))
}

#[track_caller]
fn code<R: std::fmt::Debug>(result: Result<R, CallError>) -> TrapCode {
    match result {
        Err(CallError::Trap(trap)) => trap.code(),
        other => panic!("{other:?}"),
    }
}

const WORK: &str = r#"(module
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "call" (func $call (param i32) (result i32)))
    (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func $loop (export "loop") (param $n i32) (result i32) (local $sum i32)
        (loop $l
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (local.get $n)))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export "endless") (loop $l (br $l)))
    (func (export "nested") (param i32) (result i32) (call $loop (local.get 0)))
    (func (export "by_host") (param i32) (result i32) (i32.add (call $call (local.get 0)) (call $loop (local.get 0))))
    (func (export "waits") (param i32) (result i32) (call $wait (local.get 0)))
    ;; Much that is alive in registers of all kinds across a loop's header.
    (func (export "mix") (param $n i32) (result i64)
        (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $f i64) (local $g i64)
        (local $x f64) (local $y f64) (local $z f32) (local $v v128) (local $w v128)
        (local.set $x (f64.const 1.25)) (local.set $y (f64.const 3.5)) (local.set $z (f32.const 0.5))
        (local.set $v (i32x4.splat (i32.const 7)))
        (loop $l
            (local.set $a (i64.add (local.get $a) (i64.extend_i32_u (local.get $n))))
            (local.set $b (i64.xor (local.get $b) (i64.rotl (local.get $a) (i64.const 7))))
            (local.set $c (i64.sub (local.get $c) (local.get $b)))
            (local.set $d (i64.mul (i64.add (local.get $d) (i64.const 3)) (local.get $c)))
            (local.set $e (i64.or (i64.and (local.get $d) (i64.const 0xffff)) (local.get $a)))
            (local.set $f (i64.add (local.get $f) (local.get $e)))
            (local.set $g (i64.rotr (i64.xor (local.get $g) (local.get $f)) (i64.const 3)))
            (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.5)) (f64.convert_i32_u (local.get $n))))
            (local.set $y (f64.max (local.get $x) (f64.sub (local.get $y) (f64.const 1))))
            (local.set $z (f32.add (local.get $z) (f32.demote_f64 (local.get $x))))
            (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $n))))
            (local.set $w (v128.xor (local.get $w) (local.get $v)))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (i64.add (i64.add (i64.add (local.get $g) (i64.reinterpret_f64 (local.get $y)))
            (i64.extend_i32_u (i32.reinterpret_f32 (local.get $z))))
            (i64.add (i64x2.extract_lane 0 (local.get $w)) (i64x2.extract_lane 1 (local.get $v))))))"#;

#[test]
fn yields_by_fuel_are_at_the_same_places_in_both_tiers() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    let run = |engine: &WasmEngine, yields: Option<AsyncYield>, given: u64| {
        let (mut isolate, instance) = waiting_instance(engine, WORK);
        isolate.set_fuel(given);
        isolate.set_async_yield(yields.unwrap_or_default());
        let mut seen = Vec::new();
        for name in ["fib", "loop", "by_host"] {
            let f = instance.get_typed_func::<i32, i32>(&mut isolate, name).unwrap();
            let (result, polls) = match yields {
                Some(_) => count_polls(f.call_async(&mut isolate, 15)),
                None => (f.call(&mut isolate, 15), 0),
            };
            seen.push((result.map_err(|error| error.to_string()), polls, isolate.fuel()));
        }
        assert_at_rest(engine);
        seen
    };
    let without_polls = |seen: Vec<(Result<i32, String>, usize, u64)>| -> Vec<_> {
        seen.into_iter().map(|(result, _, left)| (result, left)).collect()
    };
    let engines = engines(&Config::default().with_code_settings(settings).with_inlining(false));
    for given in [1_000_000, 4_000, 100, 1] {
        let wanted = without_polls(run(&engines[0], None, given));
        for portion in [1, 7, 100, 5_000, u64::MAX] {
            let [first, second, third] = [0, 1, 2].map(|which| run(&engines[which], Some(fuel(portion)), given));
            assert_eq!(first, second, "{given} {portion}");
            assert_eq!(first, third, "{given} {portion}");
            if given == 1_000_000 {
                let spent = given - first[0].2;
                let polls = first[0].1 as u64;
                assert!(polls <= spent / portion + 1 && polls >= spent / portion.saturating_add(40), "{polls} {spent} {portion}");
            }
            assert_eq!(without_polls(first), wanted, "{given} {portion}: fuel ends where it does in synchronous calls");
        }
    }
}

#[test]
fn fuel_can_be_set_and_read_between_yields_settings() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    let engine = engine_with(Config::default().with_code_settings(settings));
    let mut isolate = Isolate::new(&engine).unwrap();
    for fuel_given in [0, 5, 1 << 40, i64::MAX as u64] {
        isolate.set_fuel(fuel_given);
        for yields in [fuel(1), AsyncYield::Never, fuel(1 << 50), AsyncYield::Every(Duration::from_millis(1))] {
            isolate.set_async_yield(yields);
            assert_eq!(isolate.fuel(), fuel_given);
        }
    }
    isolate.set_fuel(u64::MAX);
    assert_eq!(isolate.fuel(), i64::MAX as u64);
}

#[test]
fn yields_by_time_keep_every_register() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WORK);
        let mix = instance.get_typed_func::<i32, i64>(&mut isolate, "mix").unwrap();
        let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").unwrap();
        let (wanted_mix, wanted_fib) = (mix.call(&mut isolate, 3_000_000).unwrap(), fib.call(&mut isolate, 27).unwrap());
        isolate.set_async_yield(AsyncYield::Every(Duration::from_micros(50)));
        // In a loop, and where functions begin. How often depends on the machine.
        let mut yields = [0, 0];
        while yields.iter().any(|&count| count < 10) {
            let (found, polls) = count_polls(mix.call_async(&mut isolate, 3_000_000));
            assert_eq!(found.unwrap(), wanted_mix);
            yields[0] += polls - 1;
            let (found, polls) = count_polls(fib.call_async(&mut isolate, 27));
            assert_eq!(found.unwrap(), wanted_fib);
            yields[1] += polls - 1;
        }
        // A short call has no time for that, and synchronous calls do as before.
        assert!((0..100).any(|_| count_polls(fib.call_async(&mut isolate, 1)).1 == 1));
        assert_eq!(mix.call(&mut isolate, 3_000_000).unwrap(), wanted_mix);
        assert_at_rest(&engine);
    }
}

#[test]
fn an_endless_guest_leaves_the_executor_its_thread() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WORK);
        let endless = instance.get_typed_func::<(), ()>(&mut isolate, "endless").unwrap();
        let work = instance.get_typed_func::<i32, i32>(&mut isolate, "loop").unwrap();
        let wanted = work.call(&mut isolate, 1000).unwrap();
        isolate.set_async_yield(AsyncYield::Every(Duration::from_millis(1)));
        for polls in 1..6 {
            let mut call = pin!(endless.call_async(&mut isolate, ()));
            (0..polls).for_each(|_| assert!(poll_once(call.as_mut()).is_pending()));
        }
        assert_at_rest(&engine);
        assert_eq!(work.call(&mut isolate, 1000).unwrap(), wanted);
    }
}

/// Below a host function that is not asynchronous a guest does not yield, and goes on behind.
#[test]
fn a_guest_below_a_synchronous_host_function_goes_on() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WORK);
        let by_host = instance.get_typed_func::<i32, i32>(&mut isolate, "by_host").unwrap();
        let wanted = by_host.call(&mut isolate, 20_000_000).unwrap();
        isolate.set_async_yield(AsyncYield::Every(Duration::from_millis(1)));
        let mut yields = 0;
        while yields < 2 {
            let (found, polls) = count_polls(by_host.call_async(&mut isolate, 20_000_000));
            assert_eq!(found.unwrap(), wanted);
            yields += polls - 1;
        }
        assert_at_rest(&engine);
    }
}

/// Runs a call that another thread ends when it has begun; how the call ended, and how often it was polled.
fn ended(engine: &WasmEngine, name: &str, yields: AsyncYield) -> (TrapCode, usize) {
    let gate = Gate::default();
    let mut linker = Linker::new(engine);
    let never = gate.clone();
    linker
        .func_wrap_async("host", "wait", move |_, _: i32| {
            let never = never.clone();
            Box::pin(async move {
                never.passed().await;
                0
            })
        })
        .unwrap();
    linker.func_wrap("host", "call", |value: i32| value).unwrap();
    let mut isolate = Isolate::new(engine).unwrap();
    isolate.set_async_yield(yields);
    let instance = linker.instantiate(&mut isolate, &module(engine, WORK)).unwrap();
    let handle = isolate.interrupt_handle();
    let (begin, begun) = mpsc::channel();
    let ender = std::thread::spawn(move || {
        begun.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        handle.terminate();
        handle.is_pending()
    });
    let result = if name == "waits" {
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, name).unwrap();
        begin.send(()).unwrap();
        let (result, polls) = count_polls(f.call_async(&mut isolate, 1));
        (code(result), polls)
    } else {
        let f = instance.get_typed_func::<(), ()>(&mut isolate, name).unwrap();
        begin.send(()).unwrap();
        let (result, polls) = count_polls(f.call_async(&mut isolate, ()));
        (code(result), polls)
    };
    let _ = ender.join().unwrap();
    // It is spent with the call.
    let work = instance.get_typed_func::<i32, i32>(&mut isolate, "loop").unwrap();
    assert!(block_on(work.call_async(&mut isolate, 10)).is_ok());
    assert!(work.call(&mut isolate, 10).is_ok());
    assert_at_rest(engine);
    result
}

#[test]
fn another_thread_ends_a_guest_that_runs_or_waits() {
    for engine in engines(&Config::default()) {
        assert_eq!(ended(&engine, "endless", AsyncYield::Never), (TrapCode::Interrupted, 1));
        let (code, polls) = ended(&engine, "endless", AsyncYield::Every(Duration::from_millis(1)));
        assert!(code == TrapCode::Interrupted && polls > 1, "{code:?} {polls}");
        // The task is woken: nothing else would.
        assert_eq!(ended(&engine, "waits", AsyncYield::Never), (TrapCode::Interrupted, 2));
        let (code, polls) = ended(&engine, "waits", AsyncYield::Every(Duration::from_millis(1)));
        assert!(code == TrapCode::Interrupted && polls > 1, "{code:?} {polls}");
    }
}

#[test]
fn a_deadline_ends_a_guest_that_waits() {
    for engine in engines(&Config::default().with_strategy(Strategy::Lazy)) {
        let (mut isolate, instance) = waiting_instance(&engine, WORK);
        let endless = instance.get_typed_func::<(), ()>(&mut isolate, "endless").unwrap();
        isolate.set_async_yield(AsyncYield::Every(Duration::from_millis(1)));
        isolate.set_deadline(Some(Duration::from_millis(20)));
        assert_eq!(code(block_on(endless.call_async(&mut isolate, ()))), TrapCode::DeadlineExceeded);
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "call", |value: i32| value).unwrap();
        linker.func_wrap_async("host", "wait", |_, _: i32| Box::pin(std::future::pending::<i32>())).unwrap();
        let instance = linker.instantiate(&mut isolate, &module(&engine, WORK)).unwrap();
        let waits = instance.get_typed_func::<i32, i32>(&mut isolate, "waits").unwrap();
        let begun = Instant::now();
        isolate.set_deadline(Some(Duration::from_millis(20)));
        assert_eq!(code(block_on(waits.call_async(&mut isolate, 0))), TrapCode::DeadlineExceeded);
        assert!(begun.elapsed() >= Duration::from_millis(20));
        // Asked to end before the call: it ends as soon as it polls.
        isolate.set_deadline(None);
        isolate.interrupt_handle().terminate();
        let mut call = pin!(waits.call_async(&mut isolate, 0));
        assert!(matches!(poll_once(call.as_mut()), Poll::Ready(Err(_))));
        assert_at_rest(&engine);
    }
}
