//! `require("fs")`: reading and writing whole files, synchronously.

use crate::js::cx::{Completion, Cx, Native, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::shell::{define, modules};

/// Its functions.
pub(super) const FUNCTIONS: &[(&str, u32, Native)] =
    &[("readFileSync", 2, read_file), ("writeFileSync", 2, write_file), ("existsSync", 1, exists), ("readdirSync", 1, read_dir)];

pub(super) fn path_arg<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<String> {
    let value = cx.arg(args, 0);
    let text = if value.is_object() {
        // A URL.
        let href = cx.key("href")?;
        let href = cx.get(value, href)?;
        cx.to_rust_text(href)?
    } else if value.is_string() {
        cx.rust_text(value)?
    } else {
        return Err(cx.type_error("The \"path\" argument must be of type string or an instance of URL"));
    };
    Ok(modules::path_of_url(&text).map_or(text, |path| path.to_string_lossy().into_owned()))
}

/// The encoding that an option names: as a string, or as the property of an object.
fn encoding<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<Option<String>> {
    let value = if value.is_object() {
        let key = cx.key("encoding")?;
        cx.get(value, key)?
    } else {
        value
    };
    if value.is_string() { cx.rust_text(value).map(Some) } else { Ok(None) }
}

pub(super) fn failed(cx: &mut Cx<'_>, error: &std::io::Error, call: &str, path: &str) -> Thrown {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => "ENOENT",
        std::io::ErrorKind::PermissionDenied => "EACCES",
        std::io::ErrorKind::IsADirectory => "EISDIR",
        std::io::ErrorKind::NotADirectory => "ENOTDIR",
        std::io::ErrorKind::AlreadyExists => "EEXIST",
        std::io::ErrorKind::DirectoryNotEmpty => "ENOTEMPTY",
        std::io::ErrorKind::InvalidInput => "EINVAL",
        _ if error.raw_os_error() == Some(libc::EBADF) => "EBADF",
        _ => "EIO",
    };
    let mut cx = cx.open();
    let mut make = || -> Completion<Thrown> {
        let place = if path.is_empty() { String::new() } else { format!(" '{path}'") };
        let error = cx.new_error(Intrinsic::ErrorPrototype, &format!("{code}: {error}, {call}{place}"))?;
        for (name, text) in [("code", code), ("syscall", call), ("path", path)].into_iter().filter(|(_, text)| !text.is_empty()) {
            let mut cx = cx.open();
            let text = cx.string(text)?;
            define(&mut cx, error, name, text)?;
        }
        Ok(cx.throw(error))
    };
    make().unwrap_or_else(|thrown| thrown)
}

fn read_file<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let encoding = encoding(cx, cx.arg(args, 1))?;
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(failed(cx, &error, "open", &path)),
    };
    match encoding.as_deref() {
        None => cx.new_uint8_array(&bytes),
        Some("utf8" | "utf-8") => cx.string(&String::from_utf8_lossy(&bytes)),
        Some("latin1" | "binary") => cx.string_of(crate::js::string::Text::Latin1(&bytes)),
        Some("ascii") => cx.string_of(crate::js::string::Text::Latin1(&bytes.iter().map(|byte| byte & 127).collect::<Vec<_>>())),
        Some(other) => Err(cx.type_error(&format!("Unknown encoding: {other}"))),
    }
}

fn write_file<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let data = cx.arg(args, 1);
    let bytes = match cx.bytes_of_view(data) {
        Some(bytes) => bytes,
        None => cx.to_rust_text(data)?.into_bytes(),
    };
    match std::fs::write(&path, bytes) {
        Ok(()) => Ok(Local::UNDEFINED),
        Err(error) => Err(failed(cx, &error, "open", &path)),
    }
}

fn exists<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    match path_arg(cx, args) {
        Ok(path) => Ok(Local::bool(std::path::Path::new(&path).exists())),
        Err(thrown) => {
            cx.take_exception(thrown)?;
            Ok(Local::FALSE)
        }
    }
}

fn read_dir<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let read = std::fs::read_dir(&path).and_then(|entries| {
        let name = |entry: std::io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        entries.map(name).collect::<std::io::Result<Vec<String>>>()
    });
    let mut names = match read {
        Ok(names) => names,
        Err(error) => return Err(failed(cx, &error, "scandir", &path)),
    };
    names.sort();
    let list = cx.new_array(0)?;
    for name in names {
        let mut cx = cx.open();
        let name = cx.string(&name)?;
        cx.array_push(list, name)?;
    }
    Ok(list)
}
