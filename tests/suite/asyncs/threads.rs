//! Calls that are polled by one thread after another, by executors of their own and by common ones, and many of them at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deltic::{AsyncYield, CallError, Config, Isolate, Linker, Module, TrapCode, Val, WasmEngine};

use super::{Gate, assert_at_rest, block_on, define_waits, engines, pending, poll_once, waiting_instance};
use crate::support::{engine, module};

/// Traps, waits, nests, allocates and recurses: all that asks something of the thread.
const TEXT: &str = r#"(module
    (type $cell (struct (field (mut i32)) (field (ref null $cell))))
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "call" (func $call (param i32) (result i32)))
    (import "host" "nest" (func $nest (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $deep (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (else (call $wait (i32.const 1)))))
    (func $churn (param $n i32)
        (loop $l (drop (struct.new $cell (local.get $n) (ref.null $cell)))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func $nested (export "nested") (param i32) (result i32)
        (call $churn (i32.const 100))
        (if (result i32) (local.get 0) (then (call $deep (i32.and (local.get 0) (i32.const 7)))) (else (i32.const 0))))
    (func $endless (result i32) (i32.add (call $endless) (i32.const 1)))
    (func (export "f") (param $n i32) (result i32) (local $cell (ref null $cell)) (local $sum i32)
        (loop $l
            (local.set $cell (struct.new $cell (local.get $n) (local.get $cell)))
            (local.set $sum (i32.add (local.get $sum) (call $nest (local.get $n))))
            (local.set $sum (i32.add (local.get $sum) (call $call (i32.const 0))))
            (local.set $sum (i32.add (local.get $sum) (struct.get $cell 0 (local.get $cell))))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export "trap") (param i32) (result i32)
        (drop (call $wait (i32.const 1)))
        (if (i32.eqz (local.get 0)) (then (return (i32.load (i32.const 100000)))))
        (if (i32.eq (local.get 0) (i32.const 1)) (then (return (call $endless))))
        (i32.div_u (i32.const 1) (i32.const 0))))"#;

/// What `f(n)` gives: each round adds `nested(n)`, and n.
fn wanted(n: i32) -> i32 {
    (1..=n).map(|n| (n & 7) + 2 + n).sum()
}

/// Polls each time on a new thread.
fn poll_on_many_threads<F: Future + Send>(future: F) -> (F::Output, usize)
where
    F::Output: Send,
{
    let mut future = Box::pin(future);
    for polls in 1.. {
        let polled = std::thread::scope(|scope| {
            let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            scope.spawn(poll).join().expect("the poll does not panic")
        });
        if let Poll::Ready(result) = polled {
            return (result, polls);
        }
    }
    unreachable!("a call is over some time")
}

#[test]
fn each_poll_is_on_another_thread() {
    let heap = deltic::HeapSettings { stress: true, nursery_bytes: 1 << 20, ..deltic::HeapSettings::default() };
    for engine in engines(&Config::default().with_heap(heap)) {
        let (mut isolate, instance) = waiting_instance(&engine, TEXT);
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        let (result, polls) = poll_on_many_threads(f.call_async(&mut isolate, 20));
        assert_eq!((result.unwrap(), polls), (wanted(20), 21));
        let trap = instance.get_typed_func::<i32, i32>(&mut isolate, "trap").unwrap();
        for (which, code) in [(0, TrapCode::MemoryOutOfBounds), (1, TrapCode::StackOverflow), (2, TrapCode::IntegerDivideByZero)]
        {
            match poll_on_many_threads(trap.call_async(&mut isolate, which)) {
                (Err(CallError::Trap(trap)), 2) => assert_eq!((trap.code(), trap.frames().is_empty()), (code, false)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(block_on(f.call_async(&mut isolate, 5)).unwrap(), wanted(5), "and here again");
        assert_at_rest(&engine);
    }
}

#[test]
fn yields_move_from_thread_to_thread() {
    let text = r#"(module
        (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;
    for engine in engines(&Config::default()) {
        let (mut isolate, instance) = waiting_instance(&engine, text);
        isolate.set_async_yield(AsyncYield::Every(Duration::from_micros(200)));
        let fib = instance.get_typed_func::<i32, i32>(&mut isolate, "fib").unwrap();
        let mut polls = 0;
        while polls < 10 {
            // How often depends on the machine.
            let (result, more) = poll_on_many_threads(fib.call_async(&mut isolate, 25));
            assert_eq!(result.unwrap(), 75_025);
            polls += more - 1;
        }
    }
}

/// Runs a call in an isolate of its own.
async fn run(module: Module, n: i32) -> i32 {
    let engine = module.engine().clone();
    let mut linker = Linker::new(&engine);
    define_waits(&mut linker);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    isolate.set_async_yield(AsyncYield::Every(Duration::from_micros(100)));
    let instance = linker.instantiate_async(&mut isolate, &module).await.expect("an instance");
    let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
    f.call_async(&mut isolate, n).await.expect("no trap")
}

#[test]
fn on_the_threads_of_tokio() {
    let engine = WasmEngine::new(&Config::default().with_tier_up_calls(50)).unwrap();
    let module = module(&engine, TEXT);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..40).map(|task| (task, tokio::spawn(run(module.clone(), task % 7 + 1)))).collect();
        for (task, handle) in tasks {
            assert_eq!(handle.await.unwrap(), wanted(task % 7 + 1));
        }
        // Tokio drops what takes too long.
        let late = tokio::time::timeout(Duration::from_millis(5), run(module.clone(), 1_000_000));
        assert!(late.await.is_err());
        let given_up = tokio::spawn(run(module.clone(), 1_000_000));
        tokio::time::sleep(Duration::from_millis(5)).await;
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
    });
    assert_at_rest(&engine);
}

#[test]
fn on_the_threads_of_smol() {
    let engine = engine();
    let module = module(&engine, TEXT);
    let executor = smol::Executor::new();
    std::thread::scope(|scope| {
        let (stop, stopped) = smol::channel::unbounded::<()>();
        for _ in 0..3 {
            let (executor, stopped) = (&executor, stopped.clone());
            scope.spawn(move || smol::block_on(executor.run(stopped.recv())));
        }
        let tasks: Vec<_> = (0..30).map(|task| (task, executor.spawn(run(module.clone(), task % 5 + 1)))).collect();
        smol::block_on(async {
            for (task, handle) in tasks {
                assert_eq!(handle.await, wanted(task % 5 + 1));
            }
        });
        drop(stop);
    });
    assert_at_rest(&engine);
}

#[test]
fn thousands_of_guests_wait_at_once() {
    const COUNT: usize = 3_000;
    let engine = engine();
    let text = r#"(module (import "host" "pass" (func $pass (result i32)))
        (func (export "f") (param i32) (result i32) (i32.add (call $pass) (i32.add (call $pass) (local.get 0)))))"#;
    let module = module(&engine, text);
    let (gate, entered) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let mut linker = Linker::new(&engine);
    let (passed, counter) = (gate.clone(), Arc::clone(&entered));
    linker
        .func_wrap_async("host", "pass", move |_, (): ()| {
            let passed = passed.clone();
            counter.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                passed.passed().await;
                1
            })
        })
        .unwrap();
    let mut isolates: Vec<Isolate> = (0..COUNT).map(|_| Isolate::new(&engine).unwrap()).collect();
    let mut calls: Vec<_> = isolates
        .iter_mut()
        .enumerate()
        .map(|(number, isolate)| {
            let instance = linker.instantiate(&mut *isolate, &module).unwrap();
            let f = instance.get_typed_func::<i32, i32>(isolate, "f").unwrap();
            Box::pin(f.call_async(isolate, number as i32))
        })
        .collect();
    calls.iter_mut().for_each(|call| assert!(poll_once(call.as_mut()).is_pending()));
    assert_eq!((engine.async_stacks().in_use, entered.load(Ordering::Relaxed)), (COUNT, COUNT));
    gate.open();
    // Every third is given up, the others are polled by several threads, in another order.
    let calls: Vec<_> = calls.into_iter().enumerate().filter(|(number, _)| number % 3 != 0).collect();
    assert_eq!(engine.async_stacks().in_use, calls.len());
    let parts: Vec<_> = {
        let mut parts: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
        calls.into_iter().for_each(|(number, call)| parts[number % 4].push((number, call)));
        parts
    };
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || {
                for (number, mut call) in part.into_iter().rev() {
                    match poll_once(call.as_mut()) {
                        Poll::Ready(Ok(result)) => assert_eq!(result, number as i32 + 2),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert_at_rest(&engine);
}

/// What a caller gives access to belongs to who polls.
#[test]
fn a_caller_is_of_use_on_the_thread_that_polls() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    let defined = linker.func_wrap_async("host", "elsewhere", |mut caller, (): ()| {
        Box::pin(async move {
            pending(1).await;
            assert!(caller.memory().is_some());
            let panic = std::thread::scope(|scope| {
                let used = || catch_unwind(AssertUnwindSafe(|| caller.memory().is_some()));
                scope.spawn(used).join().unwrap().unwrap_err()
            });
            let text = *panic.downcast::<&str>().unwrap();
            assert_eq!(text, "an AsyncCaller was used on a thread that does not poll the call");
            assert!(caller.memory().is_some());
            1
        })
    });
    defined.unwrap();
    let text =
        r#"(module (import "host" "elsewhere" (func $f (result i32))) (memory 1) (func (export "f") (result i32) (call $f)))"#;
    let mut isolate = Isolate::new(&engine).unwrap();
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
    let f = instance.get_typed_func::<(), i32>(&mut isolate, "f").unwrap();
    assert_eq!(poll_on_many_threads(f.call_async(&mut isolate, ())).0.unwrap(), 1);
    assert!(matches!(block_on(f.func().call_async(&mut isolate, &[])).as_deref(), Ok([Val::I32(1)])));
}
