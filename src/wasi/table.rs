//! The one table of functions: names, Wasm signatures and where each is written.

use super::ctx::WasiCtx;
use super::errno::{Errno, Fail, Outcome};
use super::memory::GuestMemory;
use super::types::Fd;
use super::{clock, dir, environ, fdstat, file, path, poll, process, random, sock, stat};

/// The import module under which programs ask for the functions.
pub const MODULE_NAME: &str = "wasi_snapshot_preview1";

/// One call's view: the context, the caller's linear memory, and a cancellation probe.
///
/// Calls that wait ask the probe at least every 10 ms; when it says true they return [`Stop::Interrupted`].
pub struct WasiCall<'a> {
    /// The program's arguments, environment and open descriptors.
    pub ctx: &'a mut WasiCtx,
    /// The memory that the guest's pointers point into (the caller's export `memory`).
    pub memory: &'a mut GuestMemory<'a>,
    /// True when the guest must stop.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// Why the guest must not go on after the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The guest ended itself (`proc_exit`, or `proc_raise` of a signal that ends a process) with this status.
    Exit(u32),
    /// The cancellation probe said so.
    Interrupted,
}

/// What a call answers.
pub type WasiResult = Result<Errno, Stop>;

/// The Wasm type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamType {
    /// `i32`: the low half of the argument's word counts.
    I32,
    /// `i64`.
    I64,
}

/// A function of [`MODULE_NAME`].
pub struct WasiFunction {
    /// Its import name.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [ParamType],
    /// Whether it has one `i32` result, the errno; `proc_exit` has none.
    pub returns_errno: bool,
    /// The call; arguments that are missing count as zero.
    pub call: fn(&mut WasiCall<'_>, &[u64]) -> WasiResult,
}

/// All functions, in the order of their names.
pub fn functions() -> &'static [WasiFunction] {
    FUNCTIONS
}

/// The function with this import name.
pub fn function(name: &str) -> Option<&'static WasiFunction> {
    let at = FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
    FUNCTIONS.get(at)
}

/// How a Wasm argument becomes a Rust one.
trait Argument {
    const PARAM: ParamType;
    fn from_word(word: u64) -> Self;
}

impl Argument for u32 {
    const PARAM: ParamType = ParamType::I32;
    fn from_word(word: u64) -> u32 {
        word as u32
    }
}

impl Argument for Fd {
    const PARAM: ParamType = ParamType::I32;
    fn from_word(word: u64) -> Fd {
        Fd(word as u32)
    }
}

impl Argument for u64 {
    const PARAM: ParamType = ParamType::I64;
    fn from_word(word: u64) -> u64 {
        word
    }
}

impl Argument for i64 {
    const PARAM: ParamType = ParamType::I64;
    fn from_word(word: u64) -> i64 {
        word as i64
    }
}

fn finish(outcome: Outcome) -> WasiResult {
    match outcome {
        Ok(()) => Ok(Errno::Success),
        Err(Fail::Errno(errno)) => Ok(errno),
        Err(Fail::Stop(stop)) => Err(stop),
    }
}

const ERRNO: bool = true;
const NOTHING: bool = false;

macro_rules! functions {
    ($($name:ident ($($arg:ident: $ty:ty),*) -> $returns:expr, $path:path;)*) => {
        &[$(WasiFunction {
            name: stringify!($name),
            params: &[$(<$ty as Argument>::PARAM),*],
            returns_errno: $returns,
            #[allow(unused_mut, unused_variables)] // One function has no parameters.
            call: |call, args| {
                let mut words = args.iter().copied();
                $(let $arg = <$ty as Argument>::from_word(words.next().unwrap_or(0));)*
                finish($path(call, $($arg),*))
            },
        }),*]
    };
}

static FUNCTIONS: &[WasiFunction] = functions! {
    args_get(argv: u32, buf: u32) -> ERRNO, environ::args_get;
    args_sizes_get(count: u32, size: u32) -> ERRNO, environ::args_sizes_get;
    clock_res_get(id: u32, out: u32) -> ERRNO, clock::clock_res_get;
    clock_time_get(id: u32, precision: u64, out: u32) -> ERRNO, clock::clock_time_get;
    environ_get(environ: u32, buf: u32) -> ERRNO, environ::environ_get;
    environ_sizes_get(count: u32, size: u32) -> ERRNO, environ::environ_sizes_get;
    fd_advise(fd: Fd, offset: u64, len: u64, advice: u32) -> ERRNO, file::fd_advise;
    fd_allocate(fd: Fd, offset: u64, len: u64) -> ERRNO, file::fd_allocate;
    fd_close(fd: Fd) -> ERRNO, fdstat::fd_close;
    fd_datasync(fd: Fd) -> ERRNO, file::fd_datasync;
    fd_fdstat_get(fd: Fd, out: u32) -> ERRNO, fdstat::fd_fdstat_get;
    fd_fdstat_set_flags(fd: Fd, flags: u32) -> ERRNO, fdstat::fd_fdstat_set_flags;
    fd_fdstat_set_rights(fd: Fd, base: u64, inheriting: u64) -> ERRNO, fdstat::fd_fdstat_set_rights;
    fd_filestat_get(fd: Fd, out: u32) -> ERRNO, stat::fd_filestat_get;
    fd_filestat_set_size(fd: Fd, size: u64) -> ERRNO, file::fd_filestat_set_size;
    fd_filestat_set_times(fd: Fd, atim: u64, mtim: u64, flags: u32) -> ERRNO, stat::fd_filestat_set_times;
    fd_pread(fd: Fd, iovs: u32, iovs_len: u32, offset: u64, out: u32) -> ERRNO, file::fd_pread;
    fd_prestat_dir_name(fd: Fd, path: u32, path_len: u32) -> ERRNO, fdstat::fd_prestat_dir_name;
    fd_prestat_get(fd: Fd, out: u32) -> ERRNO, fdstat::fd_prestat_get;
    fd_pwrite(fd: Fd, iovs: u32, iovs_len: u32, offset: u64, out: u32) -> ERRNO, file::fd_pwrite;
    fd_read(fd: Fd, iovs: u32, iovs_len: u32, out: u32) -> ERRNO, file::fd_read;
    fd_readdir(fd: Fd, buf: u32, buf_len: u32, cookie: u64, out: u32) -> ERRNO, dir::fd_readdir;
    fd_renumber(from: Fd, to: Fd) -> ERRNO, fdstat::fd_renumber;
    fd_seek(fd: Fd, offset: i64, whence: u32, out: u32) -> ERRNO, file::fd_seek;
    fd_sync(fd: Fd) -> ERRNO, file::fd_sync;
    fd_tell(fd: Fd, out: u32) -> ERRNO, file::fd_tell;
    fd_write(fd: Fd, iovs: u32, iovs_len: u32, out: u32) -> ERRNO, file::fd_write;
    path_create_directory(fd: Fd, path: u32, len: u32) -> ERRNO, path::path_create_directory;
    path_filestat_get(fd: Fd, flags: u32, path: u32, len: u32, out: u32) -> ERRNO, stat::path_filestat_get;
    path_filestat_set_times(fd: Fd, flags: u32, path: u32, len: u32, atim: u64, mtim: u64, fst_flags: u32)
        -> ERRNO, stat::path_filestat_set_times;
    path_link(old_fd: Fd, old_flags: u32, old: u32, old_len: u32, new_fd: Fd, new: u32, new_len: u32)
        -> ERRNO, path::path_link;
    path_open(fd: Fd, dirflags: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, out: u32)
        -> ERRNO, path::path_open;
    path_readlink(fd: Fd, path: u32, len: u32, buf: u32, buf_len: u32, out: u32) -> ERRNO, path::path_readlink;
    path_remove_directory(fd: Fd, path: u32, len: u32) -> ERRNO, path::path_remove_directory;
    path_rename(fd: Fd, old: u32, old_len: u32, new_fd: Fd, new: u32, new_len: u32) -> ERRNO, path::path_rename;
    path_symlink(old: u32, old_len: u32, fd: Fd, new: u32, new_len: u32) -> ERRNO, path::path_symlink;
    path_unlink_file(fd: Fd, path: u32, len: u32) -> ERRNO, path::path_unlink_file;
    poll_oneoff(subscriptions: u32, events: u32, count: u32, out: u32) -> ERRNO, poll::poll_oneoff;
    proc_exit(status: u32) -> NOTHING, process::proc_exit;
    proc_raise(signal: u32) -> ERRNO, process::proc_raise;
    random_get(buf: u32, len: u32) -> ERRNO, random::random_get;
    sched_yield() -> ERRNO, process::sched_yield;
    sock_accept(fd: Fd, flags: u32, out: u32) -> ERRNO, sock::sock_accept;
    sock_recv(fd: Fd, iovs: u32, iovs_len: u32, flags: u32, out: u32, out_flags: u32) -> ERRNO, sock::sock_recv;
    sock_send(fd: Fd, iovs: u32, iovs_len: u32, flags: u32, out: u32) -> ERRNO, sock::sock_send;
    sock_shutdown(fd: Fd, how: u32) -> ERRNO, sock::sock_shutdown;
};
