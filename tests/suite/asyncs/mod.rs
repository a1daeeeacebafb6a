//! Asynchronous calls: what guests and host functions see, and what becomes of stacks, in executors of several kinds.

mod calls;
mod cancel;
mod compile;
mod frames;
mod threads;
mod yields;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use deltic::{Config, Instance, Isolate, Linker, StackCounts, Strategy, Tier, WasmEngine};

use crate::support::{engine_with, module};

/// Unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor: polls when it was woken. Gives how often it polled, too.
pub fn count_polls<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut polls = 0;
    loop {
        polls += 1;
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (result, polls);
        }
        thread::park();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    count_polls(future).0
}

/// Polls a future once, with a waker that does nothing.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is pending so often, and wakes at once.
pub async fn pending(mut times: u32) {
    std::future::poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Something that other threads open for who waits.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<(bool, Option<Waker>)>>);

impl Gate {
    pub fn open(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether somebody waits.
    pub fn is_awaited(&self) -> bool {
        self.0.lock().unwrap().1.is_some()
    }

    pub async fn passed(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Engines whose code is made in all ways.
pub fn engines(config: &Config) -> [WasmEngine; 3] {
    [
        engine_with(config.clone().with_tier(Tier::Baseline)),
        engine_with(config.clone().with_strategy(Strategy::AheadOfTime)),
        engine_with(config.clone().with_tier_up_calls(0)),
    ]
}

/// An isolate with an instance of a module that may import `wait: [i32] -> [i32]`, which is pending as often as its argument says and gives
/// one more, `host: [i32] -> [i32]`, which calls the export "nested" synchronously if there is one, and `nest: [i32] -> [i32]`, which
/// calls it asynchronously.
pub fn waiting_instance(engine: &WasmEngine, text: &str) -> (Isolate, Instance) {
    let mut linker = Linker::new(engine);
    define_waits(&mut linker);
    let mut isolate = Isolate::new(engine).unwrap();
    let instance = linker.instantiate(&mut isolate, &module(engine, text)).unwrap();
    (isolate, instance)
}

pub fn define_waits(linker: &mut Linker) {
    linker
        .func_wrap_async("host", "wait", |_, times: i32| {
            Box::pin(async move {
                pending(times.cast_unsigned()).await;
                times + 1
            })
        })
        .unwrap();
    linker
        .func_wrap("host", "call", |mut caller: deltic::Caller<'_>, value: i32| {
            let instance = caller.instance().expect("a guest has called");
            let nested = instance.get_typed_func::<i32, i32>(&mut caller, "nested")?;
            nested.call(&mut caller, value)
        })
        .unwrap();
    linker
        .func_wrap_async("host", "nest", |mut caller, value: i32| {
            Box::pin(async move {
                let instance = caller.instance().expect("a guest has called");
                let nested = instance.get_typed_func::<i32, i32>(&mut caller, "nested")?;
                nested.call_async(&mut caller, value).await
            })
        })
        .unwrap();
}

/// No call is under way.
pub fn assert_at_rest(engine: &WasmEngine) {
    let StackCounts { in_use, spare } = engine.async_stacks();
    assert!(in_use == 0 && spare <= 256, "{in_use} stacks are in use, {spare} spare");
}
