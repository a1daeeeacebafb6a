//! Calls that are dropped: at each place where they can be, with all that they have begun.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use deltic::{AsyncYield, CallError, CodeSettings, Config, Instance, Isolate, Linker, WasmEngine};

use super::{assert_at_rest, block_on, engines, pending, poll_once};
use crate::support::{engine, module};

/// Counts those that live.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `f(n)` waits, computes, nests asynchronously and counts what it has done, in a global and in memory.
const TEXT: &str = r#"(module
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "nest" (func $nest (param i32) (result i32)))
    (global $entered (export "entered") (mut i32) (i32.const 0))
    (global $left (export "left") (mut i32) (i32.const 0))
    (func $f (export "f") (param $n i32) (result i32) (local $i i32)
        (global.set $entered (i32.add (global.get $entered) (i32.const 1)))
        (drop (call $wait (i32.const 2)))
        (local.set $i (i32.const 100))
        (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (if (local.get $n) (then (drop (call $nest (i32.sub (local.get $n) (i32.const 1))))))
        (drop (call $wait (i32.const 1)))
        (global.set $left (i32.add (global.get $left) (i32.const 1)))
        (local.get $n)))"#;

fn setting(engine: &WasmEngine, live: &Arc<AtomicUsize>) -> (Isolate, Instance) {
    let mut linker = Linker::new(engine);
    let (waits, nests) = (Arc::clone(live), Arc::clone(live));
    linker
        .func_wrap_async("host", "wait", move |_, times: i32| {
            let (argument, waits) = (Counted::new(&waits), Arc::clone(&waits));
            Box::pin(async move {
                let kept = Counted::new(&waits);
                pending(times.cast_unsigned()).await;
                drop((argument, kept));
                times
            })
        })
        .unwrap();
    linker
        .func_wrap_async("host", "nest", move |mut caller, n: i32| {
            let kept = Counted::new(&nests);
            Box::pin(async move {
                pending(1).await;
                let instance = caller.instance().unwrap();
                let f = instance.get_typed_func::<i32, i32>(&mut caller, "f").unwrap();
                let result = f.call_async(&mut caller, n).await;
                drop(kept);
                result
            })
        })
        .unwrap();
    let mut isolate = Isolate::new(engine).unwrap();
    let instance = linker.instantiate(&mut isolate, &module(engine, TEXT)).unwrap();
    (isolate, instance)
}

#[test]
fn a_call_can_be_dropped_at_every_await_point() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    for engine in engines(&Config::default().with_code_settings(settings)) {
        let live = Arc::new(AtomicUsize::new(0));
        let (mut isolate, instance) = setting(&engine, &live);
        isolate.set_fuel(u64::MAX);
        isolate.set_async_yield(AsyncYield::Fuel(60.try_into().unwrap()));
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        let global = |isolate: &mut Isolate, name| {
            let value = instance.get_global(isolate, name).unwrap().get(isolate).unwrap();
            if let deltic::Val::I32(value) = value { value } else { panic!("{value:?}") }
        };
        let mut polls = 0;
        let mut last = 0;
        loop {
            polls += 1;
            let mut future = Box::pin(f.call_async(&mut isolate, 3));
            let done = (0..polls).any(|_| poll_once(future.as_mut()).is_ready());
            drop(future);
            assert_eq!(live.load(Ordering::Relaxed), 0, "all was dropped after {polls} polls");
            assert_at_rest(&engine);
            let entered = global(&mut isolate, "entered");
            assert!(entered > last, "it ran");
            last = entered;
            if done {
                break;
            }
            if polls % 5 == 0 {
                assert_eq!(block_on(f.call_async(&mut isolate, 1)).unwrap(), 1, "the isolate can be used on");
            }
        }
        assert!(polls > 20, "{polls}");
        let (entered, left) = (global(&mut isolate, "entered"), global(&mut isolate, "left"));
        assert!(left >= 4 + (polls - 1) / 5 * 2 && left < entered, "{left} of {entered}");
    }
}

/// What is dropped with a call may use the isolate for the last time, and may panic.
#[test]
fn what_is_dropped_may_call_and_panic() {
    struct CallOnDrop<'a>(deltic::AsyncCaller<'a>, bool);
    impl Drop for CallOnDrop<'_> {
        fn drop(&mut self) {
            let instance = self.0.instance().unwrap();
            let add = instance.get_typed_func::<(), ()>(&mut self.0, "add").unwrap();
            add.call(&mut self.0, ()).unwrap();
            assert!(!self.1, "dropped badly");
        }
    }
    let text = r#"(module (import "host" "wait" (func $wait (param i32)))
        (global $g (export "g") (mut i32) (i32.const 0))
        (func (export "add") (global.set $g (i32.add (global.get $g) (i32.const 1))))
        (func (export "f") (param i32) (call $wait (local.get 0))))"#;
    for engine in engines(&Config::default()) {
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap_async("host", "wait", |caller, bad: i32| {
                let kept = CallOnDrop(caller, bad != 0);
                Box::pin(async move {
                    pending(3).await;
                    drop(kept);
                })
            })
            .unwrap();
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
        let f = instance.get_typed_func::<i32, ()>(&mut isolate, "f").unwrap();
        for polls in 1..4 {
            let mut future = Box::pin(f.call_async(&mut isolate, 0));
            (0..polls).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
            drop(future);
            let mut future = Box::pin(f.call_async(&mut isolate, 1));
            (0..polls).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
            let caught = catch_unwind(AssertUnwindSafe(|| drop(future)));
            assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"dropped badly"));
            assert_at_rest(&engine);
        }
        let global = instance.get_global(&mut isolate, "g").unwrap().get(&mut isolate);
        assert!(matches!(global, Some(deltic::Val::I32(6))), "{global:?}");
        block_on(f.call_async(&mut isolate, 0)).unwrap();
    }
}

/// A future that is forgotten keeps its stack, and is in nobody's way.
#[test]
fn a_forgotten_call_is_not_in_the_way() {
    for engine in engines(&Config::default()) {
        let live = Arc::new(AtomicUsize::new(0));
        let (mut isolate, instance) = setting(&engine, &live);
        let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
        for polls in 1..5 {
            let mut future = Box::pin(f.call_async(&mut isolate, 1));
            (0..polls).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
            std::mem::forget(future);
            isolate.collect_garbage();
            assert_eq!(block_on(f.call_async(&mut isolate, 2)).unwrap(), 2);
            assert!(matches!(f.call(&mut isolate, 0), Err(CallError::Trap(_))), "it cannot wait");
        }
        assert!(engine.async_stacks().in_use >= 4);
    }
}

/// Calls that a host function gives up while it goes on itself.
#[test]
fn a_host_function_may_give_a_call_up() {
    let engine = engine();
    let text = r#"(module
        (import "host" "race" (func $race (param i32) (result i32)))
        (import "host" "wait" (func $wait (param i32) (result i32)))
        (func (export "slow") (param i32) (result i32) (call $wait (local.get 0)))
        (func (export "f") (param i32) (result i32) (i32.add (call $race (local.get 0)) (call $race (i32.const 0)))))"#;
    let mut linker = Linker::new(&engine);
    super::define_waits(&mut linker);
    linker
        .func_wrap_async("host", "race", |mut caller, n: i32| {
            Box::pin(async move {
                let instance = caller.instance().unwrap();
                let slow = instance.get_typed_func::<i32, i32>(&mut caller, "slow").unwrap();
                let mut lost = 0;
                loop {
                    let mut timeout = pin!(pending(3));
                    let mut call = pin!(slow.call_async(&mut caller, n - lost));
                    let first = std::future::poll_fn(|context| {
                        if let Poll::Ready(result) = call.as_mut().poll(context) {
                            return Poll::Ready(Some(result));
                        }
                        timeout.as_mut().poll(context).map(|()| None)
                    });
                    match first.await {
                        Some(result) => break result.map(|result| result + lost * 100),
                        None => lost += 1,
                    }
                }
            })
        })
        .unwrap();
    let mut isolate = Isolate::new(&engine).unwrap();
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").unwrap();
    assert_eq!(block_on(f.call_async(&mut isolate, 2)).unwrap(), 4);
    assert_eq!(block_on(f.call_async(&mut isolate, 8)).unwrap(), 505);
    assert_at_rest(&engine);
}
