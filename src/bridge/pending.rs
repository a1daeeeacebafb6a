//! What works in the background, or is to be done later, and settles a promise: the event loop of whoever runs the agent asks for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::base::sync::{Arc, Condvar, Mutex};
use crate::bridge::companion::Bridge;
use crate::bridge::errors::throw;
use crate::bridge::idl::Kind;
use crate::bridge::module::{self, Compiled, Options, error_text};
use crate::bridge::{imports, instance};
use crate::compile::compile_async::CompileFuture;
use crate::compile::module::Module;
use crate::js::cx::{Completion, Cx};
use crate::js::global::Global;
use crate::js::local::Local;
use crate::wasm::error::CompileError;

/// What becomes of a module when it is compiled.
pub(super) enum Then {
    /// It is what the promise gives.
    Give,
    /// It is instantiated with an object of imports.
    Instantiate(Global),
}

enum Work {
    Compile(CompileFuture, Arc<Options>, Then),
    /// It was refused at once.
    Refused(CompileError),
    /// An instance of a module, with the values of its imports.
    Instantiate(Compiled, Vec<Global>),
}

struct Task {
    work: Work,
    promise: Global,
    what: &'static str,
}

/// Rings when a task in the background has gone on.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock() = true;
        self.changed.notify_all();
    }
}

/// The tasks of an agent.
#[derive(Default)]
pub(super) struct Pending {
    tasks: Vec<Task>,
    bell: Arc<Bell>,
}

fn add(cx: &mut Cx<'_>, work: Work, promise: Local<'_>, what: &'static str) {
    let promise = cx.new_global(promise);
    if let Some(bridge) = cx.companion::<Bridge>() {
        bridge.pending.tasks.push(Task { work, promise, what });
        Arc::clone(&bridge.pending.bell).wake();
    }
}

/// "Asynchronously compile a WebAssembly module": settles a promise.
pub(super) fn compile(
    cx: &mut Cx<'_>,
    bytes: Vec<u8>,
    options: Options,
    then: Then,
    promise: Local<'_>,
    what: &'static str,
) -> Completion<()> {
    let engine = super::companion::engine(cx)?;
    let work = match module::check_binary(&bytes) {
        Ok(()) => Work::Compile(Module::compile_async(&engine, bytes), Arc::new(options), then),
        Err(error) => Work::Refused(error),
    };
    add(cx, work, promise, what);
    Ok(())
}

/// "Asynchronously instantiate a WebAssembly module", whose imports were read.
pub(super) fn instantiate(cx: &mut Cx<'_>, compiled: Compiled, values: &[Local<'_>], promise: Local<'_>, what: &'static str) {
    let values = values.iter().map(|&value| cx.new_global(value)).collect();
    add(cx, Work::Instantiate(compiled, values), promise, what);
}

/// Whether something is under way that will settle a promise.
pub fn has_pending(cx: &mut Cx<'_>) -> bool {
    cx.companion::<Bridge>().is_some_and(|bridge| !bridge.pending.tasks.is_empty())
}

/// Waits until something may have become ready, or so long.
pub fn wait(cx: &mut Cx<'_>, at_most: Duration) {
    let Some(bridge) = cx.companion::<Bridge>().filter(|bridge| !bridge.pending.tasks.is_empty()) else {
        crate::base::sync::thread::sleep(at_most);
        return;
    };
    let bell = Arc::clone(&bridge.pending.bell);
    let mut rung = bell.rung.lock();
    if !*rung {
        bell.changed.wait_for(&mut rung, at_most);
    }
}

/// Settles the promises of what is ready. Gives whether there was something.
///
/// # Errors
///
/// Only a termination.
pub fn run_ready(cx: &mut Cx<'_>) -> Completion<bool> {
    let Some(bridge) = cx.companion::<Bridge>() else { return Ok(false) };
    if bridge.pending.tasks.is_empty() {
        return Ok(false);
    }
    *bridge.pending.bell.rung.lock() = false;
    let waker = Waker::from(Arc::clone(&bridge.pending.bell));
    let tasks = std::mem::take(&mut bridge.pending.tasks);
    let (mut waiting, mut some_ready) = (Vec::new(), false);
    let mut failed = None;
    for mut task in tasks {
        let result = match &mut task.work {
            _ if failed.is_some() => None,
            Work::Compile(future, options, _) => match Pin::new(future).poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => None,
                Poll::Ready(result) => Some(result.and_then(|module| module::finish(module, Arc::clone(options))).map(Some)),
            },
            Work::Refused(error) => Some(Err(error.clone())),
            Work::Instantiate(..) => Some(Ok(None)),
        };
        match result {
            None => waiting.push(task),
            Some(result) => {
                some_ready = true;
                let mut inner = cx.open();
                let settled = settle(&mut inner, task, result);
                // What hangs on one promise is done before the next one is settled.
                failed = settled.and_then(|()| inner.run_jobs()).err();
            }
        }
    }
    if let Some(bridge) = cx.companion::<Bridge>() {
        waiting.append(&mut bridge.pending.tasks);
        bridge.pending.tasks = waiting;
    }
    failed.map_or(Ok(some_ready), Err)
}

fn settle(cx: &mut Cx<'_>, task: Task, result: Result<Option<Compiled>, CompileError>) -> Completion<()> {
    let promise = cx.read_global(&task.promise);
    let value = match result {
        Err(error) => Err(throw(cx, Kind::CompileError, &error_text(task.what, &error))),
        Ok(compiled) => finish(cx, task.work, compiled, task.what),
    };
    match value {
        Ok(value) => cx.resolve_promise(promise, value),
        Err(thrown) => {
            let reason = cx.take_exception(thrown)?;
            cx.reject_promise(promise, reason)
        }
    }
}

/// What a promise gets of work that has succeeded so far.
fn finish<'s>(cx: &mut Cx<'s>, work: Work, compiled: Option<Compiled>, what: &str) -> Completion<Local<'s>> {
    match (work, compiled) {
        (Work::Compile(_, _, Then::Give), Some(compiled)) => module::object(cx, compiled),
        (Work::Compile(_, _, Then::Instantiate(object)), Some(compiled)) => {
            let object = cx.read_global(&object);
            let module = module::object(cx, compiled.clone())?;
            let values = imports::read(cx, &compiled, object, what)?;
            let instance = instance::instantiate(cx, &compiled, &values, what)?;
            let result = cx.new_object()?;
            for (name, value) in [("module", module), ("instance", instance)] {
                let key = cx.key(name)?;
                cx.create_data_property_or_throw(result, key, value)?;
            }
            Ok(result)
        }
        (Work::Instantiate(compiled, values), _) => {
            let values: Vec<Local<'s>> = values.iter().map(|value| cx.read_global(value)).collect();
            instance::instantiate(cx, &compiled, &values, what)
        }
        _ => Ok(Local::UNDEFINED),
    }
}
