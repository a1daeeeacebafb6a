//! `console`: prints to standard output and standard error, with the formats of the console standard (§2.2).

use std::io::Write;

use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::shell::inspect::inspect;
use crate::shell::{State, define_functions, define_global};

pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let console = cx.new_object()?;
    let table: [(&str, u32, crate::js::cx::Native); 10] = [
        ("log", 0, log),
        ("info", 0, log),
        ("debug", 0, log),
        ("dir", 0, dir),
        ("error", 0, error),
        ("warn", 0, error),
        ("trace", 0, trace),
        ("assert", 0, assert),
        ("time", 0, time),
        ("timeEnd", 0, time_end),
    ];
    define_functions(&mut cx, console, &table)?;
    define_global(&mut cx, "console", console)?;
    let print_key = cx.key("print")?;
    let print = cx.new_native(log, print_key, 0, false)?;
    define_global(&mut cx, "print", print)
}

fn print(to: &mut dyn Write, mut line: String) {
    line.push('\n');
    // Whoever reads may have gone: the program goes on.
    let _ = to.write_all(line.as_bytes());
}

fn log<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let values = cx.args_from(args, 0);
    let line = format(cx, &values)?;
    print(&mut std::io::stdout(), line);
    Ok(Local::UNDEFINED)
}

fn error<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let values = cx.args_from(args, 0);
    let line = format(cx, &values)?;
    print(&mut std::io::stderr(), line);
    Ok(Local::UNDEFINED)
}

fn dir<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    let line = inspect(cx, value)?;
    print(&mut std::io::stdout(), line);
    Ok(Local::UNDEFINED)
}

fn trace<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let values = cx.args_from(args, 0);
    let text = format(cx, &values)?;
    let error = cx.new_error(crate::js::intrinsic::Intrinsic::ErrorPrototype, &text)?;
    let stack = cx.get(error, Name::stack.key())?;
    let stack = if stack.is_string() { cx.rust_text(stack)? } else { String::new() };
    let frames = stack.split_once('\n').map_or("", |(_, frames)| frames);
    print(&mut std::io::stderr(), format!("Trace: {text}\n{frames}"));
    Ok(Local::UNDEFINED)
}

fn assert<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let condition = cx.arg(args, 0);
    if cx.to_boolean(condition) {
        return Ok(Local::UNDEFINED);
    }
    let values = cx.args_from(args, 1);
    let text = format(cx, &values)?;
    let line = if text.is_empty() { "Assertion failed".to_owned() } else { format!("Assertion failed: {text}") };
    print(&mut std::io::stderr(), line);
    Ok(Local::UNDEFINED)
}

fn label<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<String> {
    match cx.arg(args, 0) {
        label if label.is_undefined() => Ok("default".to_owned()),
        label => cx.to_rust_text(label),
    }
}

fn time<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let label = label(cx, args)?;
    if let Some(state) = cx.embedder_data::<State>() {
        state.clocks.insert(label, std::time::Instant::now());
    }
    Ok(Local::UNDEFINED)
}

fn time_end<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let label = label(cx, args)?;
    if let Some(start) = cx.embedder_data::<State>().and_then(|state| state.clocks.remove(&label)) {
        print(&mut std::io::stdout(), format!("{label}: {:.3}ms", start.elapsed().as_secs_f64() * 1e3));
    }
    Ok(Local::UNDEFINED)
}

/// Formatter and the joining of Logger: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%`; what is left over follows after spaces.
pub(super) fn format<'s>(cx: &mut Cx<'s>, values: &[Local<'s>]) -> Completion<String> {
    let mut rest = values.iter().copied();
    let mut line = String::new();
    let mut is_first = true;
    if let Some(first) = values.first().copied().filter(|first| first.is_string() && values.len() > 1) {
        rest.next();
        is_first = false;
        let text = cx.rust_text(first)?;
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            let Some(kind) = chars.peek().copied().filter(|_| char == '%') else {
                line.push(char);
                continue;
            };
            if kind == '%' {
                chars.next();
                line.push('%');
                continue;
            }
            if !"sdifjoOc".contains(kind) || rest.len() == 0 {
                line.push('%');
                continue;
            }
            chars.next();
            if let Some(value) = rest.next() {
                line.push_str(&substitute(cx, kind, value)?);
            }
        }
    }
    for value in rest {
        if !std::mem::take(&mut is_first) {
            line.push(' ');
        }
        line.push_str(&if value.is_string() { cx.rust_text(value)? } else { inspect(cx, value)? });
    }
    Ok(line)
}

fn substitute<'s>(cx: &mut Cx<'s>, kind: char, value: Local<'s>) -> Completion<String> {
    let mut cx = cx.open();
    match kind {
        's' if value.is_string() => cx.rust_text(value),
        'd' | 'i' | 'f' if value.is_symbol() || value.is_object() => Ok("NaN".to_owned()),
        'd' | 'i' if value.is_bigint() => inspect(&mut cx, value),
        'd' | 'f' => {
            let number = cx.to_number(value)?;
            inspect(&mut cx, Local::number(number))
        }
        'i' => {
            let number = cx.to_number(value)?;
            inspect(&mut cx, Local::number(number.trunc()))
        }
        'j' => {
            let (global, json) = (cx.global(), cx.key("JSON")?);
            let json = cx.get(global, json)?;
            let text = cx.invoke(json, Name::stringify.key(), &[value])?;
            cx.to_rust_text(text)
        }
        'c' => Ok(String::new()),
        _ => inspect(&mut cx, value),
    }
}
