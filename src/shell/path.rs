//! `require("path")`, for POSIX paths.

use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};

/// Its functions.
pub(super) const FUNCTIONS: &[(&str, u32, Native)] = &[
    ("join", 2, join),
    ("resolve", 2, resolve),
    ("normalize", 1, normalize),
    ("dirname", 1, dirname),
    ("basename", 2, basename),
    ("extname", 1, extname),
    ("isAbsolute", 1, is_absolute),
    ("relative", 2, relative),
];

fn text<'s>(cx: &mut Cx<'s>, args: Args<'s>, nth: usize) -> Completion<String> {
    let value = cx.arg(args, nth);
    if !value.is_string() {
        let shown = cx.display(value);
        return Err(cx.type_error(&format!("The \"path\" argument must be of type string. Received {shown}")));
    }
    cx.rust_text(value)
}

fn texts<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<Vec<String>> {
    (0..args.len()).map(|nth| text(cx, args, nth)).collect()
}

/// A path without `.`, `..` and double slashes.
fn normalized(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let mut result = format!("{}{}", if is_absolute { "/" } else { "" }, parts.join("/"));
    if result.is_empty() {
        result.push('.');
    }
    if path.ends_with('/') && !result.ends_with('/') {
        result.push('/');
    }
    result
}

fn join<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let parts: Vec<String> = texts(cx, args)?.into_iter().filter(|part| !part.is_empty()).collect();
    cx.string(&normalized(&parts.join("/")))
}

fn resolved(parts: &[String]) -> String {
    let mut path = String::new();
    for part in parts.iter().rev().filter(|part| !part.is_empty()) {
        path = if path.is_empty() { part.clone() } else { format!("{part}/{path}") };
        if path.starts_with('/') {
            break;
        }
    }
    if !path.starts_with('/') {
        let here = std::env::current_dir().unwrap_or_default();
        path = format!("{}/{path}", here.to_string_lossy());
    }
    let path = normalized(&path);
    if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path }
}

fn resolve<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let parts = texts(cx, args)?;
    cx.string(&resolved(&parts))
}

fn normalize<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = text(cx, args, 0)?;
    cx.string(&normalized(&path))
}

fn dirname<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = text(cx, args, 0)?;
    let trimmed = path.trim_end_matches('/');
    let folder = match trimmed.rfind('/') {
        Some(0) => "/",
        Some(at) => trimmed[..at].trim_end_matches('/'),
        None if path.starts_with('/') => "/",
        None => ".",
    };
    cx.string(folder)
}

fn last(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    trimmed.rsplit('/').next().unwrap_or_default()
}

fn basename<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = text(cx, args, 0)?;
    let name = last(&path);
    let ending = if cx.arg(args, 1).is_undefined() { String::new() } else { text(cx, args, 1)? };
    let stem = name.strip_suffix(ending.as_str()).filter(|stem| !stem.is_empty()).unwrap_or(name);
    cx.string(stem)
}

fn extname<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = text(cx, args, 0)?;
    let name = last(&path);
    cx.string(name.rfind('.').filter(|&at| at > 0).map_or("", |at| &name[at..]))
}

fn is_absolute<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(text(cx, args, 0)?.starts_with('/')))
}

fn relative<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (from, to) = (resolved(&[text(cx, args, 0)?]), resolved(&[text(cx, args, 1)?]));
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(&from), parts(&to));
    let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let path: Vec<String> = up.chain(to[common..].iter().cloned()).collect();
    cx.string(&path.join("/"))
}
