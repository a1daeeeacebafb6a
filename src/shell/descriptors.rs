//! The parts of `require("fs")` that work on file descriptors and on names: `openSync` and its like.
//!
//! A program's descriptors are numbers of the shell's: 0, 1 and 2 are the process's own, the others stand in a table.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::time::UNIX_EPOCH;

use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::shell::files::{failed, path_arg};
use crate::shell::{State, define, define_functions};

/// Flags of `open`, as Linux has them.
pub(super) const CONSTANTS: &[(&str, i32)] = &[
    ("O_RDONLY", libc::O_RDONLY),
    ("O_WRONLY", libc::O_WRONLY),
    ("O_RDWR", libc::O_RDWR),
    ("O_CREAT", libc::O_CREAT),
    ("O_EXCL", libc::O_EXCL),
    ("O_TRUNC", libc::O_TRUNC),
    ("O_APPEND", libc::O_APPEND),
    ("O_DIRECTORY", libc::O_DIRECTORY),
    ("O_SYNC", libc::O_SYNC),
    ("F_OK", libc::F_OK),
    ("R_OK", libc::R_OK),
    ("W_OK", libc::W_OK),
    ("X_OK", libc::X_OK),
    ("S_IFMT", libc::S_IFMT as i32),
    ("S_IFREG", libc::S_IFREG as i32),
    ("S_IFDIR", libc::S_IFDIR as i32),
    ("S_IFLNK", libc::S_IFLNK as i32),
];

/// Its functions. Each has a form with a callback, whose name lacks the `Sync`.
pub(super) const FUNCTIONS: &[(&str, u32, Native)] = &[
    ("openSync", 3, open),
    ("closeSync", 1, close),
    ("readSync", 5, read),
    ("writeSync", 5, write),
    ("fstatSync", 1, fstat),
    ("statSync", 1, stat),
    ("lstatSync", 1, lstat),
    ("accessSync", 2, access),
    ("mkdirSync", 2, mkdir),
    ("rmdirSync", 1, rmdir),
    ("unlinkSync", 1, unlink),
    ("renameSync", 2, rename),
    ("fsyncSync", 1, fsync),
    ("ftruncateSync", 2, ftruncate),
    ("realpathSync", 1, realpath),
];

/// Files that a program has open.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    files: BTreeMap<i32, File>,
}

impl Descriptors {
    fn add(&mut self, file: File) -> i32 {
        let number = (3..).find(|number| !self.files.contains_key(number)).unwrap_or(i32::MAX);
        self.files.insert(number, file);
        number
    }
}

/// The error of a number that is no open file's.
fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// Does something with an open file.
fn with_file<R>(cx: &mut Cx<'_>, number: i32, run: impl FnOnce(&mut File) -> io::Result<R>) -> io::Result<R> {
    let file = cx.embedder_data::<State>().and_then(|state| state.descriptors.files.get_mut(&number));
    run(file.ok_or_else(bad_descriptor)?)
}

fn descriptor<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<i32> {
    let value = cx.arg(args, 0);
    if !value.is_number() {
        return Err(cx.type_error("The \"fd\" argument must be of type number"));
    }
    cx.to_int32(value)
}

/// A number that may be missing.
fn optional<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<Option<u64>> {
    if value.is_nullish() {
        return Ok(None);
    }
    let number = if value.is_bigint() { cx.to_rust_text(value)?.parse().unwrap_or(-1.0) } else { cx.to_number(value)? };
    // A negative position is the current one.
    Ok((number >= 0.0).then_some(number as u64))
}

fn flags_of(text: &str) -> Option<i32> {
    Some(match text {
        "r" | "rs" => libc::O_RDONLY,
        "r+" | "rs+" => libc::O_RDWR,
        "w" => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
        "wx" | "xw" => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_EXCL,
        "w+" => libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC,
        "wx+" | "xw+" => libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_EXCL,
        "a" => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
        "ax" | "xa" => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_EXCL,
        "a+" => libc::O_RDWR | libc::O_CREAT | libc::O_APPEND,
        _ => return None,
    })
}

fn open<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let flags = match cx.arg(args, 1) {
        flags if flags.is_undefined() => libc::O_RDONLY,
        flags if flags.is_number() => cx.to_int32(flags)?,
        flags => {
            let text = cx.to_rust_text(flags)?;
            match flags_of(&text) {
                Some(flags) => flags,
                None => return Err(cx.type_error(&format!("The argument 'flags' is invalid. Received '{text}'"))),
            }
        }
    };
    let mode = optional(cx, cx.arg(args, 2))?.unwrap_or(0o666) as u32;
    let access = flags & libc::O_ACCMODE;
    let has = |flag: i32| flags & flag != 0;
    let mut options = OpenOptions::new();
    options.read(access != libc::O_WRONLY).write(access != libc::O_RDONLY && !has(libc::O_APPEND)).append(has(libc::O_APPEND));
    options.truncate(has(libc::O_TRUNC)).create(has(libc::O_CREAT)).create_new(has(libc::O_CREAT) && has(libc::O_EXCL));
    options.mode(mode).custom_flags(flags & (libc::O_DIRECTORY | libc::O_SYNC | libc::O_NOFOLLOW));
    match options.open(&path) {
        Ok(file) => {
            let number = cx.embedder_data::<State>().map_or(-1, |state| state.descriptors.add(file));
            Ok(Local::int(number))
        }
        Err(error) => Err(failed(cx, &error, "open", &path)),
    }
}

fn close<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let file = cx.embedder_data::<State>().and_then(|state| state.descriptors.files.remove(&number));
    match file {
        None if !(0..=2).contains(&number) => Err(failed(cx, &bad_descriptor(), "close", "")),
        _ => Ok(Local::UNDEFINED),
    }
}

/// Offset and length in a buffer of so many bytes.
fn range<'s>(cx: &mut Cx<'s>, offset: Local<'s>, length: Local<'s>, bytes: usize) -> Completion<std::ops::Range<usize>> {
    let offset = optional(cx, offset)?.unwrap_or(0);
    let length = optional(cx, length)?.unwrap_or((bytes as u64).saturating_sub(offset));
    let end = offset.checked_add(length).filter(|&end| end <= bytes as u64);
    match end {
        Some(end) => Ok(offset as usize..end as usize),
        None => Err(cx.range_error("The value of \"length\" is out of range")),
    }
}

fn read<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let buffer = cx.arg(args, 1);
    let Some(length) = cx.view_length(buffer) else {
        return Err(cx.type_error("The \"buffer\" argument must be an instance of Buffer, TypedArray, or DataView"));
    };
    let range = range(cx, cx.arg(args, 2), cx.arg(args, 3), length)?;
    let position = optional(cx, cx.arg(args, 4))?;
    let mut bytes = vec![0; range.len()];
    let count = match number {
        0 => io::stdin().read(&mut bytes),
        _ => with_file(cx, number, |file| match position {
            Some(position) => file.read_at(&mut bytes, position),
            None => file.read(&mut bytes),
        }),
    };
    match count {
        Ok(count) => {
            cx.write_view_at(buffer, range.start, &bytes[..count]);
            Ok(Local::number(count as f64))
        }
        Err(error) => Err(failed(cx, &error, "read", "")),
    }
}

fn write<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let data = cx.arg(args, 1);
    let (bytes, position) = match cx.view_length(data) {
        Some(length) => {
            let range = range(cx, cx.arg(args, 2), cx.arg(args, 3), length)?;
            (cx.read_view(data, range), optional(cx, cx.arg(args, 4))?)
        }
        None => (cx.to_rust_text(data)?.into_bytes(), optional(cx, cx.arg(args, 2))?),
    };
    let count = match number {
        1 => io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()).map(|()| bytes.len()),
        2 => io::stderr().write_all(&bytes).map(|()| bytes.len()),
        _ => with_file(cx, number, |file| match position {
            Some(position) => file.write_at(&bytes, position),
            None => file.write(&bytes),
        }),
    };
    match count {
        Ok(count) => Ok(Local::number(count as f64)),
        Err(error) => Err(failed(cx, &error, "write", "")),
    }
}

fn is_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, kind: u32) -> Completion<Local<'s>> {
    let mode = cx.key("mode")?;
    let mode = cx.get(this, mode)?;
    let mode = cx.to_uint32(mode)?;
    Ok(Local::bool(mode & libc::S_IFMT == kind))
}

fn is_file<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    is_of(cx, this, libc::S_IFREG)
}

fn is_directory<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    is_of(cx, this, libc::S_IFDIR)
}

fn is_link<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    is_of(cx, this, libc::S_IFLNK)
}

/// A Stats object.
fn stats<'s>(cx: &mut Cx<'s>, of: &Metadata) -> Completion<Local<'s>> {
    let stats = cx.new_object()?;
    let ms = |time: io::Result<std::time::SystemTime>| {
        time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let numbers = [
        ("dev", of.dev() as f64),
        ("mode", f64::from(of.mode())),
        ("nlink", of.nlink() as f64),
        ("uid", f64::from(of.uid())),
        ("gid", f64::from(of.gid())),
        ("rdev", of.rdev() as f64),
        ("blksize", of.blksize() as f64),
        ("ino", of.ino() as f64),
        ("size", of.len() as f64),
        ("blocks", of.blocks() as f64),
        ("atimeMs", ms(of.accessed())),
        ("mtimeMs", ms(of.modified())),
        ("ctimeMs", of.ctime() as f64 * 1e3 + of.ctime_nsec() as f64 / 1e6),
    ];
    for (name, number) in numbers {
        define(cx, stats, name, Local::number(number))?;
    }
    let methods: [(&str, u32, Native); 3] =
        [("isFile", 0, is_file), ("isDirectory", 0, is_directory), ("isSymbolicLink", 0, is_link)];
    define_functions(cx, stats, &methods)?;
    Ok(stats)
}

/// The Stats of what was found, or its error; with the option `throwIfNoEntry: false`, undefined for what is not there.
fn stats_of<'s>(cx: &mut Cx<'s>, args: Args<'s>, found: io::Result<Metadata>, call: &str, path: &str) -> Completion<Local<'s>> {
    match found {
        Ok(found) => stats(cx, &found),
        Err(error) => {
            let options = cx.arg(args, 1);
            if options.is_object() && error.kind() == io::ErrorKind::NotFound {
                let key = cx.key("throwIfNoEntry")?;
                let throws = cx.get(options, key)?;
                if throws.as_bool() == Some(false) {
                    return Ok(Local::UNDEFINED);
                }
            }
            Err(failed(cx, &error, call, path))
        }
    }
}

fn fstat<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let found = match number {
        // What the process has under this number.
        0..=2 => std::fs::metadata(format!("/proc/self/fd/{number}")),
        _ => with_file(cx, number, |file| file.metadata()),
    };
    stats_of(cx, args, found, "fstat", "")
}

fn stat<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    stats_of(cx, args, std::fs::metadata(&path), "stat", &path)
}

fn lstat<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    stats_of(cx, args, std::fs::symlink_metadata(&path), "lstat", &path)
}

/// What a call that gives nothing came to.
fn done<'s>(cx: &mut Cx<'s>, result: io::Result<()>, call: &str, path: &str) -> Completion<Local<'s>> {
    match result {
        Ok(()) => Ok(Local::UNDEFINED),
        Err(error) => Err(failed(cx, &error, call, path)),
    }
}

fn access<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let mode = optional(cx, cx.arg(args, 1))?.unwrap_or(0) as u32;
    let result = rustix::fs::access(&path, rustix::fs::Access::from_bits_truncate(mode)).map_err(io::Error::from);
    done(cx, result, "access", &path)
}

fn mkdir<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let options = cx.arg(args, 1);
    let (mut is_recursive, mut mode) = (false, options);
    if options.is_object() {
        let (recursive, key) = (cx.key("recursive")?, cx.key("mode")?);
        is_recursive = {
            let value = cx.get(options, recursive)?;
            cx.to_boolean(value)
        };
        mode = cx.get(options, key)?;
    }
    let mode = optional(cx, mode)?.unwrap_or(0o777) as u32;
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    done(cx, builder.recursive(is_recursive).create(&path), "mkdir", &path)
}

fn rmdir<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    done(cx, std::fs::remove_dir(&path), "rmdir", &path)
}

fn unlink<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    done(cx, std::fs::remove_file(&path), "unlink", &path)
}

fn rename<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    let to = cx.arg(args, 1);
    let to = cx.to_rust_text(to)?;
    done(cx, std::fs::rename(&path, &to), "rename", &path)
}

fn fsync<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let result = with_file(cx, number, |file| file.sync_all());
    done(cx, result, "fsync", "")
}

fn ftruncate<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let number = descriptor(cx, args)?;
    let length = optional(cx, cx.arg(args, 1))?.unwrap_or(0);
    let result = with_file(cx, number, |file| file.set_len(length));
    done(cx, result, "ftruncate", "")
}

fn realpath<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = path_arg(cx, args)?;
    match std::fs::canonicalize(&path) {
        Ok(full) => cx.string(&full.to_string_lossy()),
        Err(error) => Err(failed(cx, &error, "realpath", &path)),
    }
}

/// Gives each synchronous function a form that tells its result to a callback, in a later turn of the event loop.
pub(super) fn define_callbacks(cx: &mut Cx<'_>, on: Local<'_>, table: &[(&str, u32, Native)]) -> Completion<()> {
    for &(name, length, _) in table {
        let Some(short) = name.strip_suffix("Sync").filter(|&short| short != "exists") else { continue };
        let mut cx = cx.open();
        let key = cx.key(name)?;
        let on = cx.same(on);
        let function = cx.get(on, key)?;
        // Those that work on a buffer give it back.
        let gives_buffer = Local::bool(matches!(short, "read" | "write"));
        let with_callback = cx.new_capturing(call_back, length + 1, &[function, gives_buffer])?;
        define(&mut cx, on, short, with_callback)?;
    }
    Ok(())
}

fn call_back<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (function, gives_buffer) = (cx.captured(args, 0), cx.captured(args, 1));
    let mut all = cx.args_from(args, 0);
    // What follows the callback does not count.
    let Some(nth) = all.iter().rposition(|&arg| cx.is_callable(arg)) else {
        return Err(cx.type_error("The \"cb\" argument must be of type function"));
    };
    let callback = all[nth];
    all.truncate(nth);
    let mut results = match cx.call(function, this, &all) {
        Ok(value) => vec![Local::NULL, value],
        Err(thrown) => vec![cx.take_exception(thrown)?],
    };
    if gives_buffer.as_bool() == Some(true) && results.len() == 2 {
        results.extend(all.get(1));
    }
    super::timers::post(cx, callback, &results);
    Ok(Local::UNDEFINED)
}
