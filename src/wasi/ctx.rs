//! What a program runs with: arguments, environment, standard streams, directories, sockets.
//!
//! The embedder describes it with a [`WasiCtxBuilder`]; nothing is inherited that was not asked for.

use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use thiserror::Error;

use super::errno::Errno;
use super::fds::{Descriptor, DirHandle, FdTable, Kind, Sink};
use super::host::{Class, HostFile};
use super::slots::CAPACITY_MAX;
use super::types::{FdFlags, Rights};

/// How many descriptors a guest may have open if the embedder says nothing.
const FD_COUNT_DEFAULT: usize = 4096;

/// How much output is captured of one stream if the embedder says nothing.
const CAPTURE_BYTES_DEFAULT: usize = 256 << 20;

/// What a guest may do below a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DirAccess {
    /// Look only; changes are answered with `EROFS`.
    ReadOnly,
    /// Everything that the host's permissions allow.
    ReadWrite,
}

/// Why a context could not be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A string that programs get NUL-terminated contains a NUL.
    #[error("{what} {value:?} contains a NUL byte")]
    Nul {
        /// Which kind of string.
        what: &'static str,
        /// The string, with replacement characters where it is not UTF-8.
        value: String,
    },
    /// A variable's name is empty or contains `=`.
    #[error("environment variable name {name:?} is empty or contains '='")]
    VariableName {
        /// The name.
        name: String,
    },
    /// A directory could not be opened.
    #[error("cannot open directory {} for the guest's {guest:?}: {source}", .host.display())]
    Directory {
        /// Where it is on the host.
        host: PathBuf,
        /// What it is for the guest.
        guest: String,
        /// The host's reason.
        source: io::Error,
    },
    /// A standard stream or socket of the host could not be used.
    #[error("cannot use {name} of the host: {source}")]
    Stream {
        /// Which one.
        name: &'static str,
        /// The host's reason.
        source: io::Error,
    },
    /// There are more directories and sockets than the guest may have descriptors.
    #[error("more preopened directories and sockets than the {limit} descriptors of the guest")]
    TooManyDescriptors {
        /// The limit.
        limit: usize,
    },
}

/// Captured output: one buffer each for standard output and standard error.
#[derive(Default)]
pub(crate) struct Captures {
    buffers: [Vec<u8>; 2],
    limit_bytes: usize,
}

impl Captures {
    /// Adds output; `ENOSPC` when there would be too much.
    pub(crate) fn push(&mut self, number: usize, data: &[u8]) -> Result<(), Errno> {
        let buffer = self.buffers.get_mut(number).ok_or(Errno::Badf)?;
        if data.len() > self.limit_bytes.saturating_sub(buffer.len()) {
            return Err(Errno::Nospc);
        }
        buffer.extend_from_slice(data);
        Ok(())
    }
}

/// The state of one program: what its WASI functions work on.
pub struct WasiCtx {
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) fds: FdTable,
    pub(crate) captures: Captures,
}

impl WasiCtx {
    /// What the guest wrote to a captured standard output since the last time.
    pub fn take_stdout(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.captures.buffers[0])
    }

    /// What the guest wrote to a captured standard error since the last time.
    pub fn take_stderr(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.captures.buffers[1])
    }
}

impl std::fmt::Debug for WasiCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtx").field("args", &self.args.len()).field("env", &self.env.len()).finish_non_exhaustive()
    }
}

/// Where a standard stream leads.
enum Stdio {
    Inherit,
    Bytes(Vec<u8>),
    Sink(Sink),
}

/// Describes a [`WasiCtx`].
///
/// Without calls it has no arguments, no variables, an empty standard input, an output that goes nowhere, and no files.
pub struct WasiCtxBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    stdio: [Stdio; 3],
    preopens: Vec<Descriptor>,
    fd_count_max: usize,
    capture_bytes_max: usize,
}

impl Default for WasiCtxBuilder {
    fn default() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }
}

impl WasiCtxBuilder {
    /// Nothing yet.
    pub fn new() -> WasiCtxBuilder {
        WasiCtxBuilder {
            args: Vec::new(),
            env: Vec::new(),
            stdio: [Stdio::Bytes(Vec::new()), Stdio::Sink(Sink::Null), Stdio::Sink(Sink::Null)],
            preopens: Vec::new(),
            fd_count_max: FD_COUNT_DEFAULT,
            capture_bytes_max: CAPTURE_BYTES_DEFAULT,
        }
    }

    /// Adds an argument; the first one is the program's name.
    pub fn arg(mut self, arg: impl AsRef<[u8]>) -> WasiCtxBuilder {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<[u8]>>(self, args: impl IntoIterator<Item = S>) -> WasiCtxBuilder {
        args.into_iter().fold(self, WasiCtxBuilder::arg)
    }

    /// Sets an environment variable, in place of an earlier one of this name.
    pub fn env(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> WasiCtxBuilder {
        let (name, value) = (name.as_ref().to_vec(), value.as_ref().to_vec());
        match self.env.iter_mut().find(|(known, _)| *known == name) {
            Some(variable) => variable.1 = value,
            None => self.env.push((name, value)),
        }
        self
    }

    /// Sets environment variables.
    pub fn envs<N: AsRef<[u8]>, V: AsRef<[u8]>>(self, env: impl IntoIterator<Item = (N, V)>) -> WasiCtxBuilder {
        env.into_iter().fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Gives the host process's standard input to the guest.
    pub fn inherit_stdin(mut self) -> WasiCtxBuilder {
        self.stdio[0] = Stdio::Inherit;
        self
    }

    /// Gives the host process's standard output to the guest.
    pub fn inherit_stdout(mut self) -> WasiCtxBuilder {
        self.stdio[1] = Stdio::Inherit;
        self
    }

    /// Gives the host process's standard error to the guest.
    pub fn inherit_stderr(mut self) -> WasiCtxBuilder {
        self.stdio[2] = Stdio::Inherit;
        self
    }

    /// Gives all three standard streams to the guest.
    pub fn inherit_stdio(self) -> WasiCtxBuilder {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Lets the guest read these bytes, then the end of file.
    pub fn stdin_bytes(mut self, data: impl Into<Vec<u8>>) -> WasiCtxBuilder {
        self.stdio[0] = Stdio::Bytes(data.into());
        self
    }

    /// Keeps standard output for [`WasiCtx::take_stdout`].
    pub fn capture_stdout(mut self) -> WasiCtxBuilder {
        self.stdio[1] = Stdio::Sink(Sink::Capture(0));
        self
    }

    /// Keeps standard error for [`WasiCtx::take_stderr`].
    pub fn capture_stderr(mut self) -> WasiCtxBuilder {
        self.stdio[2] = Stdio::Sink(Sink::Capture(1));
        self
    }

    /// Keeps at most this much of each captured stream; the guest then gets `ENOSPC`.
    pub fn capture_limit(mut self, bytes: usize) -> WasiCtxBuilder {
        self.capture_bytes_max = bytes;
        self
    }

    /// Writes standard output to a writer, which must not wait long: it cannot be cancelled.
    pub fn stdout_writer(mut self, writer: Box<dyn Write + Send>) -> WasiCtxBuilder {
        self.stdio[1] = Stdio::Sink(Sink::Writer(writer));
        self
    }

    /// Writes standard error to a writer, which must not wait long: it cannot be cancelled.
    pub fn stderr_writer(mut self, writer: Box<dyn Write + Send>) -> WasiCtxBuilder {
        self.stdio[2] = Stdio::Sink(Sink::Writer(writer));
        self
    }

    /// Lets the guest have at most this many descriptors (at most 262,144).
    pub fn max_fds(mut self, count: usize) -> WasiCtxBuilder {
        self.fd_count_max = count.min(CAPACITY_MAX);
        self
    }

    /// Opens a directory of the host for the guest. Directories get the numbers from 3 on, in order.
    pub fn preopen(
        self,
        host: impl AsRef<Path>,
        guest: impl Into<String>,
        access: DirAccess,
    ) -> Result<WasiCtxBuilder, BuildError> {
        let (host, guest) = (host.as_ref(), guest.into());
        match Dir::open_ambient_dir(host, ambient_authority()) {
            Ok(dir) => Ok(self.preopen_dir(dir, guest, access)),
            Err(source) => Err(BuildError::Directory { host: host.to_path_buf(), guest, source }),
        }
    }

    /// Gives an open directory to the guest.
    pub fn preopen_dir(mut self, dir: Dir, guest: impl Into<String>, access: DirAccess) -> WasiCtxBuilder {
        let handle = DirHandle {
            dir: super::dir::readable(dir),
            read_only: access == DirAccess::ReadOnly,
            preopen_name: Some(guest.into().into_bytes()),
            listing: None,
        };
        self.preopens.push(Descriptor {
            kind: Kind::Dir(handle),
            rights: Rights::DIRECTORY,
            inheriting: Rights::all(),
            flags: FdFlags::empty(),
        });
        self
    }

    /// Gives a listening socket to the guest, for `sock_accept`.
    pub fn preopen_listener(mut self, listener: TcpListener) -> Result<WasiCtxBuilder, BuildError> {
        let named = |source| BuildError::Stream { name: "a listener", source };
        listener.set_nonblocking(true).map_err(named)?;
        let host = host_file(OwnedFd::from(listener)).map_err(named)?;
        self.preopens.push(Descriptor {
            kind: Kind::Host(host),
            rights: Rights::LISTENER,
            inheriting: Rights::SOCKET,
            flags: FdFlags::empty(),
        });
        Ok(self)
    }

    /// Makes the context.
    pub fn build(self) -> Result<WasiCtx, BuildError> {
        let mut env = Vec::with_capacity(self.env.len());
        for (name, value) in self.env {
            if name.is_empty() || name.contains(&b'=') {
                return Err(BuildError::VariableName { name: String::from_utf8_lossy(&name).into_owned() });
            }
            env.push([&name[..], b"=", &value].concat());
        }
        no_nul("argument", &self.args)?;
        no_nul("environment variable", &env)?;
        let mut fds = FdTable::new(self.fd_count_max);
        let limit = self.fd_count_max;
        for (number, stdio) in self.stdio.into_iter().enumerate() {
            let descriptor = stdio_descriptor(number, stdio)?;
            fds.insert(descriptor).map_err(|_| BuildError::TooManyDescriptors { limit })?;
        }
        for descriptor in self.preopens {
            fds.insert(descriptor).map_err(|_| BuildError::TooManyDescriptors { limit })?;
        }
        let captures = Captures { buffers: Default::default(), limit_bytes: self.capture_bytes_max };
        Ok(WasiCtx { args: self.args, env, fds, captures })
    }
}

fn no_nul(what: &'static str, strings: &[Vec<u8>]) -> Result<(), BuildError> {
    match strings.iter().find(|string| string.contains(&0)) {
        Some(string) => Err(BuildError::Nul { what, value: String::from_utf8_lossy(string).into_owned() }),
        None => Ok(()),
    }
}

fn host_file(fd: OwnedFd) -> io::Result<HostFile> {
    HostFile::new(fd, false, FdFlags::empty()).map_err(|errno| io::Error::other(errno.name()))
}

fn stdio_descriptor(number: usize, stdio: Stdio) -> Result<Descriptor, BuildError> {
    let direction = if number == 0 { Rights::FD_READ } else { Rights::FD_WRITE };
    let streams = Rights::STREAM - Rights::FD_READ - Rights::FD_WRITE;
    let (kind, rights) = match stdio {
        Stdio::Bytes(data) => (Kind::Input { data, position: 0 }, streams),
        Stdio::Sink(sink) => (Kind::Output(sink), streams),
        Stdio::Inherit => {
            let host = inherit(number)?;
            // Which way a stream goes is fixed; a terminal would allow both.
            let rights = host.rights() - Rights::FD_READ - Rights::FD_WRITE;
            (Kind::Host(host), rights)
        }
    };
    let flags = match &kind {
        Kind::Host(host) if host.class == Class::Regular => match rustix::fs::fcntl_getfl(&host.fd) {
            Ok(state) if state.contains(rustix::fs::OFlags::APPEND) => FdFlags::APPEND,
            _ => FdFlags::empty(),
        },
        _ => FdFlags::empty(),
    };
    Ok(Descriptor { kind, rights: rights | direction, inheriting: Rights::empty(), flags })
}

/// A descriptor of our own for a standard stream: the guest may close it, the process's one stays open.
fn inherit(number: usize) -> Result<HostFile, BuildError> {
    let (name, stream): (_, BorrowedFd<'static>) = match number {
        0 => ("standard input", rustix::stdio::stdin()),
        1 => ("standard output", rustix::stdio::stdout()),
        _ => ("standard error", rustix::stdio::stderr()),
    };
    let own = rustix::io::fcntl_dupfd_cloexec(stream, 3);
    own.map_err(io::Error::from).and_then(host_file).map_err(|source| BuildError::Stream { name, source })
}
