//! What calls give and take, and what nests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use deltic::{
    CallError, Config, Func, FuncType, HostFuture, Isolate, LinkError, Linker, Module, SynchronousCall, Trap, TrapCode,
    TypedFunc, Val, ValType, WasmEngine,
};

use super::{assert_at_rest, block_on, count_polls, engines, pending, poll_once, waiting_instance};
use crate::support::{engine, instance_with, module};

#[track_caller]
fn trap(result: Result<impl std::fmt::Debug, CallError>) -> Trap {
    match result {
        Err(CallError::Trap(trap)) => trap,
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_of_all_kinds_go_in_and_come_out() {
    let text = r#"(module
        (func (export "one") (param i32 i64) (result i64) (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
        (func (export "float") (param f32 f64) (result f64) (f64.mul (f64.promote_f32 (local.get 0)) (local.get 1)))
        (func (export "many") (param i32 i32 i32 i32 i32 i32 i32 i64 f32 v128) (result i64 f32 v128 i32 i32 i32 i32 i32 i32 i32)
            local.get 7 local.get 8 local.get 9 local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6)
        (func (export "none")))"#;
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = instance_with(&engine, text);
        let isolate = &mut isolate;
        let one = instance.get_typed_func::<(i32, i64), i64>(isolate, "one").unwrap();
        assert_eq!(block_on(one.call_async(&mut *isolate, (-5, 1 << 40))).unwrap(), (1 << 40) - 5);
        let float = instance.get_typed_func::<(f32, f64), f64>(isolate, "float").unwrap();
        assert_eq!(block_on(float.call_async(&mut *isolate, (1.5, 4.0))).unwrap(), 6.0);
        type In = (i32, i32, i32, i32, i32, i32, i32, i64, f32, u128);
        type Out = (i64, f32, u128, i32, i32, i32, i32, i32, i32, i32);
        let many: TypedFunc<In, Out> = instance.get_typed_func(isolate, "many").unwrap();
        let given = (1, 2, 3, 4, 5, 6, 7, -8, 0.25, 1 << 100);
        let wanted = (-8, 0.25, 1 << 100, 1, 2, 3, 4, 5, 6, 7);
        assert_eq!(block_on(many.call_async(&mut *isolate, given)).unwrap(), wanted);
        let args = [1, 2, 3, 4, 5, 6, 7].map(Val::I32).into_iter();
        let args: Vec<Val> = args.chain([Val::I64(-8), Val::F32(0.25f32.to_bits()), Val::V128(1 << 100)]).collect();
        let found = block_on(many.func().call_async(&mut *isolate, &args)).unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", many.func().call(&mut *isolate, &args).unwrap()));
        assert!(block_on(instance.get_func(isolate, "none").unwrap().call_async(&mut *isolate, &[])).unwrap().is_empty());
        let wrong = block_on(one.func().call_async(&mut *isolate, &[Val::I32(1)]));
        assert!(matches!(wrong, Err(CallError::Signature { .. })), "{wrong:?}");
        let mut other = Isolate::new(&engine).unwrap();
        assert!(matches!(block_on(one.call_async(&mut other, (1, 2))), Err(CallError::Foreign)));
        assert_at_rest(&engine);
    }
}

#[test]
fn nothing_happens_before_the_first_poll_and_nothing_after_the_last() {
    let (mut isolate, instance) = waiting_instance(
        &engine(),
        r#"(module (import "host" "wait" (func $wait (param i32) (result i32)))
            (global $g (export "g") (mut i32) (i32.const 0))
            (func (export "f") (global.set $g (i32.const 1)) (global.set $g (call $wait (i32.const 2)))))"#,
    );
    let f = instance.get_typed_func::<(), ()>(&mut isolate, "f").unwrap();
    let global = instance.get_global(&mut isolate, "g").unwrap();
    drop(f.call_async(&mut isolate, ()));
    assert!(matches!(global.get(&mut isolate), Some(Val::I32(0))));
    assert_eq!(isolate.engine().async_stacks().in_use, 0);
    let mut future = pin!(f.call_async(&mut isolate, ()));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(poll_once(future.as_mut()).is_ready());
    let again = catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut())));
    let message = *again.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "an asynchronous call was polled after its end");
}

const WAITS: &str = r#"(module
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "call" (func $call (param i32) (result i32)))
    (import "host" "nest" (func $nest (param i32) (result i32)))
    (func $sum (export "sum") (param $n i32) (result i32) (local $sum i32)
        (loop $l
            (local.set $sum (i32.add (local.get $sum) (call $wait (local.get $n))))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export "by_host") (param i32) (result i32) (i32.add (call $call (local.get 0)) (i32.const 1)))
    (func (export "by_nest") (param i32) (result i32) (i32.add (call $nest (local.get 0)) (i32.const 1)))
    (func $nested (export "nested") (param i32) (result i32)
        (if (result i32) (i32.le_s (local.get 0) (i32.const 0))
            (then (i32.div_u (i32.const 7) (i32.add (local.get 0) (i32.const 1))))
            (else (i32.add (call $wait (i32.const 1)) (call $nest (i32.sub (local.get 0) (i32.const 1))))))))"#;

#[test]
fn a_guest_waits_as_often_as_its_host_functions() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WAITS);
        let sum = instance.get_typed_func::<i32, i32>(&mut isolate, "sum").unwrap();
        for n in 1..20 {
            let (result, polls) = count_polls(sum.call_async(&mut isolate, n));
            assert_eq!((result.unwrap(), polls as i32), (n * (n + 3) / 2, n * (n + 1) / 2 + 1));
        }
        assert_at_rest(&engine);
        assert_eq!(engine.async_stacks().spare, 1, "one stack has served all");
    }
}

#[test]
fn host_functions_call_guests_asynchronously_to_any_depth() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WAITS);
        let nested = instance.get_typed_func::<i32, i32>(&mut isolate, "nested").unwrap();
        for depth in [0, 1, 2, 30] {
            let (result, polls) = count_polls(nested.call_async(&mut isolate, depth));
            assert_eq!((result.unwrap(), polls as i32), (7 + 2 * depth, depth + 1));
        }
        assert_at_rest(&engine);
        assert_eq!(engine.async_stacks().spare, 31);
    }
}

#[test]
fn a_guest_that_was_called_synchronously_does_not_wait() {
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, WAITS);
        let sum = instance.get_typed_func::<i32, i32>(&mut isolate, "sum").unwrap();
        let found = trap(sum.call(&mut isolate, 1));
        assert!(found.downcast_ref::<SynchronousCall>().is_some(), "{found}");
        let text = found.to_string();
        assert!(
            text.starts_with("an asynchronous host function was called in a synchronous call: enter the guest by call_async")
        );
        // The same below a host function that an asynchronous call has called: its frames are on the guest's stack.
        let by_host = instance.get_typed_func::<i32, i32>(&mut isolate, "by_host").unwrap();
        let found = trap(block_on(by_host.call_async(&mut isolate, 1)));
        assert!(found.downcast_ref::<SynchronousCall>().is_some(), "{found}");
        assert_eq!(block_on(by_host.call_async(&mut isolate, 0)).unwrap(), 8, "that may call guests that do not wait");
        // An asynchronous host function may call guests either way, and one that is called by Rust is the same.
        let by_nest = instance.get_typed_func::<i32, i32>(&mut isolate, "by_nest").unwrap();
        assert_eq!(block_on(by_nest.call_async(&mut isolate, 3)).unwrap(), 14);
        let direct = Func::wrap_async(&mut isolate, |_, (a, b): (i32, i64)| {
            Box::pin(async move {
                pending(3).await;
                i64::from(a) + b
            })
        });
        let direct = direct.unwrap().typed::<(i32, i64), i64>(&isolate).unwrap();
        assert!(trap(direct.call(&mut isolate, (1, 2))).downcast_ref::<SynchronousCall>().is_some());
        let (result, polls) = count_polls(direct.call_async(&mut isolate, (1, 2)));
        assert_eq!((result.unwrap(), polls), (3, 4));
        assert_at_rest(&engine);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the host is tired")]
struct Tired;

#[test]
fn errors_and_panics_come_out_with_the_guests_frames() {
    let text = r#"(module $m
        (import "host" "fail" (func $fail (param i32)))
        (memory (export "memory") 1)
        (func $inner (param i32) (call $fail (local.get 0)) unreachable)
        (func $outer (export "f") (param i32) (call $inner (local.get 0)))
        (func (export "fine") (result i32) (i32.const 6)))"#;
    for engine in engines(&Config::default().with_inlining(false)) {
        let mut linker = Linker::new(&engine);
        let defined = linker.func_wrap_async("host", "fail", |mut caller, how: i32| {
            assert_ne!(how, 3, "before it waits");
            let memory = caller.memory().expect("the guest has one");
            memory.write(&mut caller, 0, b"here").expect("it has room");
            Box::pin(async move {
                pending(2).await;
                assert!(caller.memory().is_some());
                match how {
                    0 => Err(Tired),
                    1 => panic!("the host panics"),
                    _ => Ok(()),
                }
            })
        });
        defined.unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
        let f = instance.get_typed_func::<i32, ()>(&mut isolate, "f").unwrap();
        let fine = instance.get_typed_func::<(), i32>(&mut isolate, "fine").unwrap();
        for round in 0..3 {
            let found = trap(block_on(f.call_async(&mut isolate, 0)));
            assert!(found.downcast_ref::<Tired>().is_some());
            let names: Vec<_> = found.frames().iter().map(|frame| frame.func_name.as_deref().unwrap()).collect();
            assert_eq!(names, ["inner", "outer"], "round {round}");
            for (how, message) in [(1, "the host panics"), (3, "before it waits")] {
                let caught = catch_unwind(AssertUnwindSafe(|| block_on(f.call_async(&mut isolate, how))));
                let panic = caught.unwrap_err();
                let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()).unwrap();
                assert!(text.contains(message), "{text}");
            }
            let found = trap(block_on(f.call_async(&mut isolate, 2)));
            assert_eq!((found.code(), found.frames().len()), (TrapCode::Unreachable, 2));
            assert_eq!(block_on(fine.call_async(&mut isolate, ())).unwrap(), 6);
            assert_eq!(fine.call(&mut isolate, ()).unwrap(), 6);
        }
        assert_at_rest(&engine);
    }
}

#[test]
fn frames_outside_are_named_through_nested_calls() {
    let engine = engine();
    let text = r#"(module
        (import "host" "nest" (func $nest (param i32) (result i32)))
        (func $nested (export "nested") (param i32) (result i32) unreachable)
        (func $first (export "f") (param i32) (result i32) (call $nest (local.get 0))))"#;
    let (mut isolate, instance) = waiting_instance(&engine, text);
    let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
    let found = trap(block_on(f.call_async(&mut isolate, 1)));
    let names: Vec<_> = found.frames().iter().map(|frame| frame.func_name.as_deref().unwrap()).collect();
    assert_eq!((found.code(), &names[..]), (TrapCode::Unreachable, &["nested", "first"][..]));
}

#[test]
fn types_known_at_run_time_only() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    let ty = FuncType::new([ValType::I32, ValType::F64, ValType::I64], [ValType::I64, ValType::I64, ValType::F64]);
    linker
        .func_new_async("host", "swap", ty, |mut caller, args| {
            Box::pin(async move {
                pending(1).await;
                *caller.data_mut::<usize>().unwrap() += 1;
                match args[0] {
                    Val::I32(0) => Ok(vec![args[2], args[2], args[1]]),
                    _ => Ok(vec![args[0]]),
                }
            })
        })
        .unwrap();
    let text = r#"(module (import "host" "swap" (func $swap (param i32 f64 i64) (result i64 i64 f64)))
        (func (export "f") (param i32) (result i64 i64 f64) (call $swap (local.get 0) (f64.const 2.5) (i64.const 9))))"#;
    let mut isolate = Isolate::new(&engine).unwrap();
    isolate.set_data(0usize);
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
    let f = instance.get_typed_func::<i32, (i64, i64, f64)>(&mut isolate, "f").unwrap();
    assert_eq!(block_on(f.call_async(&mut isolate, 0)).unwrap(), (9, 9, 2.5));
    let found = trap(block_on(f.call_async(&mut isolate, 1))).to_string();
    assert!(found.contains("returned (i32)"), "{found}");
    assert_eq!(isolate.data::<usize>(), Some(&2));
}

#[test]
fn start_functions_wait() {
    let text = |end: &str| {
        format!(
            r#"(module (import "host" "wait" (func $wait (param i32) (result i32)))
                (global (export "g") (mut i32) (i32.const 0))
                (func $start (global.set 0 (call $wait (i32.const 3))) {end}) (start $start))"#
        )
    };
    for engine in engines(&Config::default()) {
        let mut linker = Linker::new(&engine);
        super::define_waits(&mut linker);
        let mut isolate = Isolate::new(&engine).unwrap();
        let good = module(&engine, &text(""));
        let refused = linker.instantiate(&mut isolate, &good).unwrap_err();
        assert!(matches!(&refused, LinkError::Trap(trap) if trap.downcast_ref::<SynchronousCall>().is_some()), "{refused}");
        let (instance, polls) = count_polls(linker.instantiate_async(&mut isolate, &good));
        let global = instance.unwrap().get_global(&mut isolate, "g").unwrap();
        assert!(matches!(global.get(&mut isolate), Some(Val::I32(4))));
        assert_eq!(polls, 4);
        let found = block_on(linker.instantiate_async(&mut isolate, &module(&engine, &text("unreachable"))));
        assert!(matches!(&found, Err(LinkError::Trap(trap)) if trap.code() == TrapCode::Unreachable), "{found:?}");
        let unlinked = module(&engine, r#"(module (import "a" "b" (func)))"#);
        assert!(matches!(block_on(linker.instantiate_async(&mut isolate, &unlinked)), Err(LinkError::MissingImport { .. })));
        let without = module(&engine, r#"(module (func (export "f")))"#);
        assert_eq!(count_polls(linker.instantiate_async(&mut isolate, &without)).1, 1);
        // Given up while it starts: no instance is left.
        isolate.collect_garbage();
        let before = isolate.instance_count();
        for polls in 0..4 {
            let mut future = pin!(linker.instantiate_async(&mut isolate, &good));
            (0..polls).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
        }
        isolate.collect_garbage();
        assert_eq!(isolate.instance_count(), before);
        assert_at_rest(&engine);
    }
}

/// Guests of one isolate are called by host functions of another, on each other's stacks, in all ways.
#[test]
fn isolates_nest_in_one_another() {
    let engine = engine();
    let text = r#"(module
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (import "host" "other" (func $other (param i32) (result i32)))
        (func (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (call $wait (i32.const 1)) (call $other (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 100)))))"#;
    let module = module(&engine, text);
    let calls = Arc::new(AtomicUsize::new(0));
    assert_eq!(block_on(run(engine.clone(), module, Arc::clone(&calls), 7)), 114);
    assert_eq!(calls.load(Ordering::Relaxed), 8);
    assert_at_rest(&engine);
}

/// Runs a guest in an isolate of its own, whose host function does the same.
fn run(engine: WasmEngine, module: Module, calls: Arc<AtomicUsize>, n: i32) -> HostFuture<'static, i32> {
    let mut linker = Linker::new(&engine);
    super::define_waits(&mut linker);
    let (inner_engine, inner_module, inner_calls) = (engine.clone(), module.clone(), Arc::clone(&calls));
    linker
        .func_wrap_async("host", "other", move |_, n: i32| {
            let inside = run(inner_engine.clone(), inner_module.clone(), Arc::clone(&inner_calls), n);
            Box::pin(async move {
                pending(1).await;
                // On the executor's stack or by a blocking call inside of the poll, by turns.
                if n % 2 == 0 { inside.await } else { block_on(inside) }
            })
        })
        .unwrap();
    Box::pin(async move {
        calls.fetch_add(1, Ordering::Relaxed);
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module).unwrap();
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        f.call_async(&mut isolate, n).await.unwrap()
    })
}

/// A host function that is not asynchronous blocks on an asynchronous call of its own guest: one guest's stack above another's.
#[test]
fn a_synchronous_host_function_blocks_on_an_asynchronous_call() {
    let text = r#"(module
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (import "host" "block" (func $block (param i32) (result i32)))
        (func (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (call $wait (i32.const 1)) (call $block (i32.sub (local.get 0) (i32.const 1)))))
                (else (call $wait (i32.const 0))))))"#;
    for engine in engines(&Config::default()) {
        let mut linker = Linker::new(&engine);
        super::define_waits(&mut linker);
        linker
            .func_wrap("host", "block", |mut caller: deltic::Caller<'_>, n: i32| {
                let instance = caller.instance().unwrap();
                let f = instance.get_typed_func::<i32, i32>(&mut caller, "f")?;
                block_on(f.call_async(&mut caller, n))
            })
            .unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        assert_eq!(block_on(f.call_async(&mut isolate, 9)).unwrap(), 19);
        assert_at_rest(&engine);
    }
}

#[test]
fn futures_are_send_where_the_scope_is() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let (mut isolate, instance) = waiting_instance(&engine(), WAITS);
    let sum = instance.get_typed_func::<i32, i32>(&mut isolate, "sum").unwrap();
    let mut future = pin!(send(sum.call_async(&mut isolate, 1)));
    assert!(matches!(poll_once(future.as_mut()), Poll::Pending));
    let _ = send(sum.func());
}
