//! `process` and `performance`.

use std::io::Write;

use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::shell::{State, define, define_functions, define_global};

/// The version of Node.js whose functions these are, as far as they go.
const NODE_VERSION: &str = "22.0.0";

pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let process = cx.new_object()?;
    let argv = cx.new_array(0)?;
    let program = std::env::args().next().unwrap_or_else(|| "deltic".to_owned());
    let program = cx.string(&program)?;
    cx.array_push(argv, program)?;
    define(&mut cx, process, "argv", argv)?;
    let env = cx.new_object()?;
    for (name, value) in std::env::vars() {
        let mut cx = cx.open();
        let value = cx.string(&value)?;
        define(&mut cx, env, &name, value)?;
    }
    define(&mut cx, process, "env", env)?;
    for (name, text) in [("platform", "linux"), ("arch", "x64"), ("version", concat!("v", env!("CARGO_PKG_VERSION")))] {
        let mut cx = cx.open();
        let text = cx.string(text)?;
        define(&mut cx, process, name, text)?;
    }
    let versions = cx.new_object()?;
    let version = cx.string(env!("CARGO_PKG_VERSION"))?;
    define(&mut cx, versions, "deltic", version)?;
    // Programs look for it to find out that there are files and `require`.
    let node = cx.string(NODE_VERSION)?;
    define(&mut cx, versions, "node", node)?;
    define(&mut cx, process, "versions", versions)?;
    define(&mut cx, process, "pid", Local::number(f64::from(std::process::id())))?;
    define_functions(
        &mut cx,
        process,
        &[("exit", 1, exit), ("cwd", 0, cwd), ("hrtime", 1, hrtime), ("nextTick", 1, next_tick), ("uptime", 0, uptime)],
    )?;
    for (name, native) in [("stdout", write_stdout as crate::js::cx::Native), ("stderr", write_stderr)] {
        let mut cx = cx.open();
        let stream = cx.new_object()?;
        define_functions(&mut cx, stream, &[("write", 1, native)])?;
        define(&mut cx, process, name, stream)?;
    }
    define_global(&mut cx, "process", process)?;
    let performance = cx.new_object()?;
    define_functions(&mut cx, performance, &[("now", 0, now)])?;
    let origin = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    define(&mut cx, performance, "timeOrigin", Local::number(origin))?;
    define_global(&mut cx, "performance", performance)
}

/// Puts the arguments into `process.argv`, when it is known which file is run.
pub(super) fn set_args(cx: &mut Cx<'_>) -> Completion<()> {
    let args = cx.embedder_data::<State>().map(|state| state.args.clone()).unwrap_or_default();
    let mut cx = cx.open();
    let (global, process) = (cx.global(), cx.key("process")?);
    let process = cx.get(global, process)?;
    let argv = cx.key("argv")?;
    let argv = cx.get(process, argv)?;
    for arg in args {
        let mut cx = cx.open();
        let arg = cx.string(&arg)?;
        cx.array_push(argv, arg)?;
    }
    Ok(())
}

/// `process.exitCode`, or 0.
pub(super) fn exit_code(cx: &mut Cx<'_>) -> i32 {
    let mut cx = cx.open();
    let mut read = || -> Completion<i32> {
        let (global, process, code) = (cx.global(), cx.key("process")?, cx.key("exitCode")?);
        let process = cx.get(global, process)?;
        if !process.is_object() {
            return Ok(0);
        }
        let code = cx.get(process, code)?;
        cx.to_int32(code)
    };
    read().unwrap_or(0)
}

fn exit<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let status = match cx.arg(args, 0) {
        code if code.is_undefined() => exit_code(cx),
        code => cx.to_int32(code)?,
    };
    if let Some(state) = cx.embedder_data::<State>() {
        state.exit = Some(status);
    }
    // Nothing catches a termination.
    cx.interrupt().terminate();
    cx.poll()?;
    Ok(Local::UNDEFINED)
}

fn cwd<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    match std::env::current_dir() {
        Ok(path) => cx.string(&path.to_string_lossy()),
        Err(error) => Err(cx.type_error(&format!("the working directory cannot be read: {error}"))),
    }
}

fn elapsed(cx: &mut Cx<'_>) -> std::time::Duration {
    cx.embedder_data::<State>().map(|state| state.started.elapsed()).unwrap_or_default()
}

fn hrtime<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let time = elapsed(cx);
    cx.array_from(&[Local::number(time.as_secs() as f64), Local::number(f64::from(time.subsec_nanos()))])
}

fn uptime<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(elapsed(cx).as_secs_f64()))
}

fn now<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::number(elapsed(cx).as_secs_f64() * 1e3))
}

fn next_tick<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fn run<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
        let (callback, list) = (cx.captured(args, 0), cx.captured(args, 1));
        let list = cx.list_from_array_like(list)?;
        cx.call(callback, Local::UNDEFINED, &list)
    }
    let callback = cx.arg(args, 0);
    if !cx.is_callable(callback) {
        return Err(cx.type_error("The \"callback\" argument must be of type function"));
    }
    let rest = cx.args_from(args, 1);
    let rest = cx.array_from(&rest)?;
    let job = cx.new_capturing(run, 0, &[callback, rest])?;
    cx.enqueue_microtask(job);
    Ok(Local::UNDEFINED)
}

fn write_to<'s>(cx: &mut Cx<'s>, args: Args<'s>, to: &mut dyn Write) -> Completion<Local<'s>> {
    let text = cx.arg(args, 0);
    let text = cx.to_rust_text(text)?;
    // Whoever reads may have gone: the program goes on.
    let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    Ok(Local::bool(written.is_ok()))
}

fn write_stdout<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    write_to(cx, args, &mut std::io::stdout())
}

fn write_stderr<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    write_to(cx, args, &mut std::io::stderr())
}

/// A rejected promise that nobody handles by the time that all jobs are done ends the program.
pub(super) fn check_rejections(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let Some(state) = cx.embedder_data::<State>() else { return Ok(()) };
    let mut rejections = std::mem::take(&mut state.rejections);
    if rejections.is_empty() {
        return Ok(());
    }
    let (_, reason) = rejections.swap_remove(0);
    let reason = cx.read_global(&reason);
    Err(cx.throw(reason))
}
