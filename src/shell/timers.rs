//! Timers, and the event loop: jobs first, then what is due, in order of time and of its making.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::js::cx::{Completion, Cx};
use crate::js::global::Global;
use crate::js::local::{Args, Local};
use crate::shell::{MAX_SLEEP, State, define_global};

/// The longest delay; longer ones are 1 ms, as everywhere.
const MAX_DELAY_MS: f64 = 2147483647.0;

struct Timer {
    callback: Global,
    args: Vec<Global>,
    /// Of one that comes again.
    interval: Option<Duration>,
}

/// What waits: by due time and number.
#[derive(Default)]
pub(super) struct Timers {
    waiting: BTreeMap<(Instant, u32), Timer>,
    due: std::collections::HashMap<u32, Instant>,
    count: u32,
}

impl Timers {
    fn add(&mut self, number: u32, due: Instant, timer: Timer) {
        self.due.insert(number, due);
        self.waiting.insert((due, number), timer);
    }

    fn remove(&mut self, number: u32) {
        if let Some(due) = self.due.remove(&number) {
            self.waiting.remove(&(due, number));
        }
    }
}

pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    for (name, length, native) in [
        ("setTimeout", 2, set_timeout as crate::js::cx::Native),
        ("setInterval", 2, set_interval),
        ("setImmediate", 1, set_immediate),
        ("clearTimeout", 1, clear),
        ("clearInterval", 1, clear),
        ("clearImmediate", 1, clear),
        ("queueMicrotask", 1, queue_microtask),
    ] {
        let mut cx = cx.open();
        let key = cx.key(name)?;
        let function = cx.new_native(native, key, length, false)?;
        define_global(&mut cx, name, function)?;
    }
    Ok(())
}

fn add<'s>(cx: &mut Cx<'s>, args: Args<'s>, first: usize, delay: Duration, repeats: bool) -> Completion<Local<'s>> {
    let callback = cx.arg(args, 0);
    if !cx.is_callable(callback) {
        return Err(cx.type_error("The \"callback\" argument must be of type function"));
    }
    let callback = cx.new_global(callback);
    let args = cx.args_from(args, first).into_iter().map(|arg| cx.new_global(arg)).collect();
    let timer = Timer { callback, args, interval: repeats.then_some(delay) };
    let Some(state) = cx.embedder_data::<State>() else { return Ok(Local::UNDEFINED) };
    state.timers.count += 1;
    let number = state.timers.count;
    state.timers.add(number, Instant::now() + delay, timer);
    Ok(Local::number(f64::from(number)))
}

/// Has a function called in a later turn of the loop.
pub(super) fn post(cx: &mut Cx<'_>, callback: Local<'_>, args: &[Local<'_>]) {
    let callback = cx.new_global(callback);
    let args = args.iter().map(|&arg| cx.new_global(arg)).collect();
    if let Some(state) = cx.embedder_data::<State>() {
        state.timers.count += 1;
        let number = state.timers.count;
        state.timers.add(number, Instant::now(), Timer { callback, args, interval: None });
    }
}

fn delay<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<Duration> {
    let ms = cx.to_number(value)?;
    let ms = if (1.0..=MAX_DELAY_MS).contains(&ms) { ms.trunc() } else { 1.0 };
    Ok(Duration::from_secs_f64(ms / 1000.0))
}

fn set_timeout<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let delay = delay(cx, cx.arg(args, 1))?;
    add(cx, args, 2, delay, false)
}

fn set_interval<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let delay = delay(cx, cx.arg(args, 1))?;
    add(cx, args, 2, delay, true)
}

fn set_immediate<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    add(cx, args, 1, Duration::ZERO, false)
}

fn clear<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = cx.arg(args, 0).as_number().unwrap_or(0.0) as u32;
    if let Some(state) = cx.embedder_data::<State>() {
        state.timers.remove(number);
    }
    Ok(Local::UNDEFINED)
}

fn queue_microtask<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let callback = cx.arg(args, 0);
    if !cx.is_callable(callback) {
        return Err(cx.type_error("The \"callback\" argument must be of type function"));
    }
    cx.enqueue_microtask(callback);
    Ok(Local::UNDEFINED)
}

/// Runs jobs and timers until there are none, or the program asked to exit.
pub(super) fn run_loop(cx: &mut Cx<'_>) -> Completion<()> {
    loop {
        cx.run_jobs()?;
        super::process::check_rejections(cx)?;
        cx.poll()?;
        if super::wasm::run_ready(cx)? {
            continue;
        }
        let now = Instant::now();
        let Some(state) = cx.embedder_data::<State>() else { return Ok(()) };
        let Some((&(due, number), _)) = state.timers.waiting.first_key_value() else {
            if !super::wasm::has_pending(cx) {
                return Ok(());
            }
            super::wasm::wait(cx, MAX_SLEEP);
            continue;
        };
        if due > now {
            super::wasm::wait(cx, (due - now).min(MAX_SLEEP));
            continue;
        }
        let Some((_, timer)) = state.timers.waiting.pop_first() else { return Ok(()) };
        state.timers.due.remove(&number);
        let mut cx = cx.open();
        let callback = cx.read_global(&timer.callback);
        let args: Vec<Local<'_>> = timer.args.iter().map(|arg| cx.read_global(arg)).collect();
        // It may clear itself while it runs: it is there again before.
        if let Some(interval) = timer.interval
            && let Some(state) = cx.embedder_data::<State>()
        {
            state.timers.add(number, now + interval, timer);
        }
        cx.call(callback, Local::UNDEFINED, &args)?;
    }
}
