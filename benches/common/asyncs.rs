//! Asynchronous calls, beside synchronous ones of the same functions.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use deltic::{Isolate, Linker, Module, TypedFunc, WasmEngine};

const TEXT: &str = r#"(module
    (import "host" "ready" (func $ready))
    (import "host" "wait" (func $wait))
    (import "host" "sync" (func $sync))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "ready") (param $n i32)
        (loop $l (call $ready) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "sync") (param $n i32)
        (loop $l (call $sync) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "wait") (param $n i32)
        (loop $l (call $wait) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;

/// Is pending once.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Polls until it is ready, and waits for nothing.
pub fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}

/// An instance and its functions.
pub struct Asyncs {
    pub isolate: Isolate,
    pub add: TypedFunc<(i32, i32), i32>,
    /// Calls a host function so often that is ready at once,
    pub ready: TypedFunc<i32, ()>,
    /// that is pending once,
    pub wait: TypedFunc<i32, ()>,
    /// that is not asynchronous.
    pub sync: TypedFunc<i32, ()>,
}

impl Asyncs {
    pub fn new(engine: &WasmEngine) -> Asyncs {
        let mut linker = Linker::new(engine);
        linker.func_wrap_async("host", "ready", |_, (): ()| Box::pin(std::future::ready(()))).expect("a new name");
        linker.func_wrap_async("host", "wait", |_, (): ()| Box::pin(Once(false))).expect("a new name");
        linker.func_wrap("host", "sync", || ()).expect("a new name");
        let mut isolate = Isolate::new(engine).expect("an isolate");
        let module = Module::new(engine, TEXT).expect("valid");
        let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
        let add = instance.get_typed_func(&mut isolate, "add").expect("exported");
        let [ready, wait, sync] =
            ["ready", "wait", "sync"].map(|name| instance.get_typed_func(&mut isolate, name).expect("exported"));
        Asyncs { isolate, add, ready, wait, sync }
    }
}

/// Every body once.
pub fn smoke(engine: &WasmEngine) {
    let Asyncs { mut isolate, add, ready, wait, sync } = Asyncs::new(engine);
    assert_eq!(add.call(&mut isolate, (40, 2)).expect("no trap"), 42);
    assert_eq!(complete(add.call_async(&mut isolate, (40, 2))).expect("no trap"), 42);
    for func in [ready, wait, sync] {
        complete(func.call_async(&mut isolate, 3)).expect("no trap");
    }
}
