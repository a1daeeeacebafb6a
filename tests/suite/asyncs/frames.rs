//! What walks the frames of guests that wait on stacks of their own: collections, exceptions, traps, on-stack replacement and the freeing of
//! code.

use std::pin::pin;

use deltic::{CallError, Config, ExternRef, HeapSettings, Isolate, Linker, Strategy, Thrown, TrapCode, TypedFunc, Val};

use super::{Gate, assert_at_rest, block_on, count_polls, define_waits, engines, pending, poll_once, waiting_instance};
use crate::support::{engine_with, module};

/// Objects that only frames refer to, above and below hosts that wait; the host allocates meanwhile through guests, both ways.
#[test]
fn frames_keep_objects_while_they_wait() {
    let text = r#"(module
        (type $cell (struct (field $value (mut i32)) (field $next (ref null $cell))))
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (import "host" "nest" (func $nest (param i32) (result i32)))
        (import "host" "call" (func $call (param i32) (result i32)))
        (func $churn (param $n i32)
            (loop $l (drop (struct.new $cell (local.get $n) (ref.null $cell)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (func $list (param $n i32) (result (ref null $cell)) (local $list (ref null $cell))
            (loop $l
                (local.set $list (struct.new $cell (local.get $n) (local.get $list)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $list))
        (func $sum (param $list (ref null $cell)) (result i32) (local $sum i32)
            (block $end (loop $l
                (br_if $end (ref.is_null (local.get $list)))
                (local.set $sum (i32.add (local.get $sum) (struct.get $cell $value (local.get $list))))
                (local.set $list (struct.get $cell $next (local.get $list)))
                (br $l)))
            (local.get $sum))
        (func $nested (export "nested") (param $n i32) (result i32)
            (call $churn (i32.const 20))
            (if (result i32) (local.get $n) (then (call $work (local.get $n))) (else (i32.const 0))))
        (func $work (export "work") (param $n i32) (result i32)
            (local $a (ref null $cell)) (local $b (ref null $cell))
            (local.set $a (call $list (i32.const 10)))
            (drop (call $wait (i32.const 2)))
            (local.set $b (call $list (i32.const 4)))
            (drop (call $nest (i32.sub (local.get $n) (i32.const 1))))
            (call $churn (i32.const 20))
            (drop (call $call (i32.const 0)))
            (drop (call $wait (i32.const 1)))
            (i32.add (call $sum (local.get $a)) (call $sum (local.get $b))))
        (func (export "keep") (param externref) (result externref)
            (drop (call $nest (i32.const 1))) (call $churn (i32.const 50)) (local.get 0)))"#;
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    for engine in engines(&Config::default().with_heap(heap)) {
        let (mut isolate, instance) = waiting_instance(&engine, text);
        let work = instance.get_typed_func::<i32, i32>(&mut isolate, "work").unwrap();
        for n in [1, 2, 4] {
            assert_eq!(block_on(work.call_async(&mut isolate, n)).unwrap(), 65);
        }
        let keep: TypedFunc<Option<ExternRef>, Option<ExternRef>> = instance.get_typed_func(&mut isolate, "keep").unwrap();
        let value = ExternRef::new(&mut isolate, "kept".to_owned()).unwrap();
        let back = block_on(keep.call_async(&mut isolate, Some(value))).unwrap().unwrap();
        assert_eq!(back.data(&isolate).and_then(|data| data.downcast_ref::<String>()).map(String::as_str), Some("kept"));
        // Given up half-way: nothing is kept, and nothing is lost that is held elsewhere.
        let mut future = Box::pin(work.call_async(&mut isolate, 3));
        (0..4).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
        drop(future);
        isolate.collect_garbage();
        assert_eq!(block_on(work.call_async(&mut isolate, 1)).unwrap(), 65);
        assert_at_rest(&engine);
    }
}

/// A function of an instance that nothing holds but the frame of a guest that waits.
#[test]
fn frames_keep_instances_while_they_wait() {
    let user = r#"(module
        (type $f (func (result i32)))
        (import "host" "collect" (func $collect))
        (import "host" "call" (func $call))
        (table (export "table") 1 funcref)
        (func (export "collect") (call $collect))
        (func (export "f") (param $by_call i32) (result i32) (local $f (ref null $f))
            (local.set $f (ref.cast (ref $f) (table.get (i32.const 0))))
            (table.set (i32.const 0) (ref.null func))
            (if (local.get $by_call) (then (call $call)) (else (call $collect)))
            (call_ref $f (local.get $f))))"#;
    let other = r#"(module (type $f (func (result i32))) (memory 1) (data (i32.const 8) "\2a")
        (func (export "f") (type $f) (i32.load8_u (i32.const 8))))"#;
    let small = r#"(module (func (export "f")))"#;
    for engine in engines(&Config::default()) {
        let mut linker = Linker::new(&engine);
        let small = module(&engine, small);
        linker
            .func_wrap_async("host", "collect", move |mut caller, (): ()| {
                let small = small.clone();
                Box::pin(async move {
                    pending(1).await;
                    let linker = Linker::new(small.engine());
                    for _ in 0..3_000 {
                        linker.instantiate(&mut caller, &small).expect("an instance");
                    }
                    pending(1).await;
                })
            })
            .unwrap();
        linker
            .func_wrap("host", "call", |mut caller: deltic::Caller<'_>| {
                // One guest's stack above another's, and the collection in the upper one's host function.
                let instance = caller.instance().unwrap();
                let collect = instance.get_typed_func::<(), ()>(&mut caller, "collect")?;
                block_on(collect.call_async(&mut caller, ()))
            })
            .unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let (user, other) = (module(&engine, user), module(&engine, other));
        let user = linker.instantiate(&mut isolate, &user).unwrap();
        for by_call in [0, 1] {
            let table = user.get_table(&mut isolate, "table").unwrap();
            isolate.root_scope(|isolate| {
                let made = linker.instantiate(&mut *isolate, &other).unwrap();
                let func = made.get_func(isolate, "f");
                table.set(isolate, 0, Val::FuncRef(func)).unwrap();
            });
            let f = user.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
            assert_eq!(block_on(f.call_async(&mut isolate, by_call)).unwrap(), 42);
            isolate.collect_garbage();
            assert_eq!(isolate.instance_count(), 1, "then it is freed");
        }
        assert_at_rest(&engine);
    }
}

#[test]
fn exceptions_pass_hosts_that_wait() {
    let text = r#"(module
        (tag $t (export "t") (param i32))
        (import "host" "throw" (func $throw (param i32)))
        (import "host" "nest" (func $nest (param i32) (result i32)))
        (func $nested (export "nested") (param i32) (result i32)
            (call $throw (local.get 0)) (i32.const -1))
        (func (export "catch") (param i32) (result i32)
            (block $caught (result i32)
                (try_table (result i32) (catch $t $caught) (call $nested (local.get 0)))
                (return))
            (i32.add (i32.const 1)))
        (func (export "catch_nested") (param i32) (result i32)
            (block $caught (result i32)
                (try_table (result i32) (catch $t $caught) (call $nest (local.get 0)))
                (return))
            (i32.add (i32.const 2))))"#;
    for engine in engines(&Config::default()) {
        let mut linker = Linker::new(&engine);
        define_waits(&mut linker);
        linker
            .func_wrap_async("host", "throw", |mut caller, value: i32| {
                Box::pin(async move {
                    pending(2).await;
                    let tag = match caller.get_export("t") {
                        Some(deltic::Extern::Tag(tag)) => tag,
                        other => panic!("{other:?}"),
                    };
                    let exception = deltic::ExnRef::new(&mut caller, tag, &[Val::I32(value)]).expect("it fits");
                    pending(1).await;
                    Err::<(), _>(Thrown(exception))
                })
            })
            .unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
        for (name, wanted) in [("catch", 6), ("catch_nested", 7)] {
            let f = instance.get_typed_func::<i32, i32>(&mut isolate, name).unwrap();
            assert_eq!(block_on(f.call_async(&mut isolate, 5)).unwrap(), wanted);
        }
        let nested = instance.get_typed_func::<i32, i32>(&mut isolate, "nested").unwrap();
        let Err(CallError::Trap(trap)) = block_on(nested.call_async(&mut isolate, 5)) else { panic!("it is not caught") };
        let exception = trap.exception().expect("an exception");
        assert!(matches!(exception.payload(&mut isolate).as_deref(), Some([Val::I32(5)])));
        assert_at_rest(&engine);
    }
}

const DEEP: &str = r#"(module
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "nest" (func $nest (param i32) (result i32)))
    (memory 1)
    (func $deep (export "deep") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (else (call $wait (i32.const 1)))))
    (func $endless (export "endless") (param i32) (result i32)
        (i32.add (call $endless (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func $nested (export "nested") (param i32) (result i32) (call $nest (i32.add (local.get 0) (i32.const 1))))
    (func (export "outside") (param i32) (result i32) (i32.load (i32.add (call $wait (local.get 0)) (i32.const 65536)))))"#;

#[test]
fn a_stack_that_is_used_up_is_a_trap() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, DEEP);
        let [deep, endless, outside] =
            ["deep", "endless", "outside"].map(|name| instance.get_typed_func::<i32, i32>(&mut isolate, name).unwrap());
        for _ in 0..3 {
            assert_eq!(block_on(deep.call_async(&mut isolate, 8_000)).unwrap(), 8_002);
            for (func, code) in [(endless, TrapCode::StackOverflow), (outside, TrapCode::MemoryOutOfBounds)] {
                match block_on(func.call_async(&mut isolate, 1)) {
                    Err(CallError::Trap(trap)) => assert_eq!(trap.code(), code),
                    other => panic!("{other:?}"),
                }
            }
            match endless.call(&mut isolate, 0) {
                Err(CallError::Trap(trap)) => assert_eq!(trap.code(), TrapCode::StackOverflow, "the thread's own is as it was"),
                other => panic!("{other:?}"),
            }
        }
        assert_at_rest(&engine);
        assert!(engine.async_stacks().spare >= 1);
    }
}

#[test]
fn stacks_have_the_size_that_the_configuration_says() {
    let depth = |bytes: usize| {
        let engine = engine_with(Config::default().with_async_stack_bytes(bytes).with_max_wasm_stack_bytes(64 << 20));
        let text = r#"(module (global $g (export "g") (mut i32) (i32.const 0))
            (func $f (export "f") (param i32) (result i32)
                (global.set $g (i32.add (global.get $g) (i32.const 1)))
                (i32.add (call $f (local.get 0)) (i32.const 1))))"#;
        let (mut isolate, instance) = waiting_instance(&engine, text);
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        let found = block_on(f.call_async(&mut isolate, 0));
        assert!(matches!(&found, Err(CallError::Trap(trap)) if trap.code() == TrapCode::StackOverflow), "{found:?}");
        let global = instance.get_global(&mut isolate, "g").unwrap().get(&mut isolate);
        if let Some(Val::I32(depth)) = global { depth } else { panic!("{global:?}") }
    };
    let (least, small, large) = (depth(0), depth(1 << 20), depth(16 << 20));
    assert!(least > 500 && small > 8 * least && large > 12 * small, "{least} {small} {large}");
}

/// Functions and loops come to run in optimized code while they wait, or because they have run.
#[test]
fn code_is_replaced_on_a_stack_of_its_own() {
    let text = r#"(module
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (func $work (param $n i32) (result i32) (local $sum i32)
            (loop $l
                (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (local.get $n)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
        (func (export "f") (param $n i32) (result i32) (local $sum i32)
            (loop $l
                (local.set $sum (i32.xor (local.get $sum) (call $work (i32.const 1000))))
                (local.set $sum (i32.add (local.get $sum) (call $wait (i32.rem_u (local.get $n) (i32.const 3)))))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#;
    let run = |config: Config| {
        let engine = engine_with(config);
        let (mut isolate, instance) = waiting_instance(&engine, text);
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        let found: Vec<_> = [1, 10, 300].into_iter().map(|n| count_polls(f.call_async(&mut isolate, n))).collect();
        let stats = instance.module(&isolate).unwrap().compile_stats();
        let found: Vec<_> = found.into_iter().map(|(result, polls)| (result.unwrap(), polls)).collect();
        (found, stats.tier_ups, stats.loop_entries)
    };
    let (wanted, _, _) = run(Config::default().with_strategy(Strategy::AheadOfTime));
    for calls in [0, 1, 100] {
        let (found, tier_ups, loop_entries) = run(Config::default().with_tier_up_calls(calls));
        assert_eq!(found, wanted);
        assert!(tier_ups > 0 && loop_entries > 0, "{tier_ups} {loop_entries}");
    }
}

/// Another isolate makes a function hot whose old code waits here: it stays until this guest has left it.
#[test]
fn code_stays_while_a_guest_waits_in_it() {
    let text = r#"(module
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (func $f (export "f") (param i32) (result i32) (i32.add (call $wait (local.get 0)) (i32.const 5)))
        (func (export "outer") (param i32) (result i32) (i32.mul (call $f (local.get 0)) (i32.const 2)))
        (func (export "trap") (param i32) (result i32) (call $f (local.get 0)) unreachable))"#;
    let engine = engine_with(Config::default().with_tier_up_calls(100).with_inlining(false));
    let module = module(&engine, text);
    let gate = Gate::default();
    let mut linker = Linker::new(&engine);
    let passes = gate.clone();
    linker
        .func_wrap_async("host", "wait", move |_, n: i32| {
            let passes = passes.clone();
            Box::pin(async move {
                if n == 1 {
                    passes.passed().await;
                }
                n
            })
        })
        .unwrap();
    let isolates = [(); 2].map(|()| {
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module).unwrap();
        (isolate, instance)
    });
    let [(mut waiting, first), (mut busy, second)] = isolates;
    let outer = first.get_typed_func::<i32, i32>(&mut waiting, "outer").unwrap();
    let mut call = pin!(outer.call_async(&mut waiting, 1));
    assert!(poll_once(call.as_mut()).is_pending());
    assert!(gate.is_awaited());
    for name in ["outer", "f"] {
        let hot = second.get_typed_func::<i32, i32>(&mut busy, name).unwrap();
        for _ in 0..5_000 {
            block_on(hot.call_async(&mut busy, 0)).unwrap();
        }
    }
    let before = module.compile_stats().native_bytes;
    assert!(module.compile_stats().tier_ups >= 2);
    assert_eq!(busy.release_old_code(), 0, "a guest waits in it");
    assert_eq!(module.compile_stats().native_bytes, before);
    gate.open();
    let std::task::Poll::Ready(result) = poll_once(call.as_mut()) else { panic!("it waits for nothing") };
    assert_eq!(result.unwrap(), 12);
    busy.release_old_code();
    assert!(module.compile_stats().native_bytes < before, "the old code of both functions is free");
}

/// Each call is on a stack of its own, but the polls are inside of one another on the executor's.
#[test]
fn endless_nesting_is_a_trap() {
    let text = r#"(module
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (import "host" "nest" (func $nest (param i32) (result i32)))
        (func $nested (export "nested") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (call $wait (i32.const 1)))))
            (i32.add (call $nest (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))"#;
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, text);
        let nested = instance.get_typed_func::<i32, i32>(&mut isolate, "nested").unwrap();
        assert_eq!(block_on(nested.call_async(&mut isolate, 200)).unwrap(), 202);
        let mut given_up = Box::pin(nested.call_async(&mut isolate, 200));
        assert!(poll_once(given_up.as_mut()).is_pending());
        assert_eq!(engine.async_stacks().in_use, 201);
        drop(given_up);
        match block_on(nested.call_async(&mut isolate, -1)) {
            Err(CallError::Trap(trap)) => assert_eq!(trap.code(), TrapCode::StackOverflow),
            other => panic!("{other:?}"),
        }
        assert_eq!(block_on(nested.call_async(&mut isolate, 3)).unwrap(), 5);
        assert_at_rest(&engine);
    }
}
