//! Files, pipes, terminals and sockets of the host behind a descriptor.
//!
//! Problem: a call may wait for ever on a pipe, a terminal or a socket, but must come back when the guest is cancelled.
//! Idea: before each operation that can wait, the descriptor is polled in slices (`wait`); then the operation does not wait:
//! what `path_open` opens is non-blocking on the host, sockets are used with `MSG_DONTWAIT`, and on inherited standard
//! streams (whose flags belong to other processes too) at most `PIPE_BUF` bytes are written after the poll, which a pipe that
//! is writable takes at once.

use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::io::Errno as HostErrno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags};

use super::errno::{Errno, Fail, Outcome};
use super::memory;
use super::types::{FdFlags, FileType, Rights};
use super::wait;

/// What a writable pipe takes without waiting (POSIX).
const PIPE_BUF_BYTES: usize = 4096;

/// How a descriptor of the host behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Has an offset, never waits.
    Regular,
    /// Pipe, terminal or other device: may wait.
    Stream,
    /// Connected or listening.
    Socket,
}

/// Anything of the host that is not a directory.
pub(crate) struct HostFile {
    pub(crate) fd: OwnedFd,
    pub(crate) filetype: FileType,
    pub(crate) class: Class,
    /// Whether there is a file offset.
    pub(crate) seekable: bool,
    /// It was opened through a read-only directory: not even its times may change.
    pub(crate) read_only: bool,
    /// The flags among SYNC and DSYNC that the host applies by itself.
    pub(crate) host_sync: FdFlags,
}

impl HostFile {
    /// Looks at an open descriptor; directories are the caller's affair.
    pub(crate) fn new(fd: OwnedFd, read_only: bool, host_sync: FdFlags) -> Result<HostFile, Errno> {
        let host = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        let class = match host {
            rustix::fs::FileType::RegularFile | rustix::fs::FileType::BlockDevice => Class::Regular,
            rustix::fs::FileType::Socket => Class::Socket,
            _ => Class::Stream,
        };
        let filetype = match (class, FileType::from(host)) {
            (Class::Socket, _) => match rustix::net::sockopt::socket_type(&fd)? {
                rustix::net::SocketType::DGRAM => FileType::SocketDgram,
                _ => FileType::SocketStream,
            },
            (_, filetype) => filetype,
        };
        // A device other than a terminal takes seeks, if only to ignore them.
        let device = filetype == FileType::CharacterDevice && !std::io::IsTerminal::is_terminal(&fd.as_fd());
        let seekable = class == Class::Regular || device;
        Ok(HostFile { fd, filetype, class, seekable, read_only, host_sync })
    }

    /// All rights that make sense for it.
    pub(crate) fn rights(&self) -> Rights {
        match self.class {
            Class::Regular => Rights::REGULAR,
            // C libraries take a character device without seek and tell for a terminal.
            Class::Stream if self.seekable => Rights::STREAM | Rights::FD_SEEK | Rights::FD_TELL,
            Class::Stream => Rights::STREAM,
            Class::Socket => Rights::SOCKET,
        }
    }

    /// Answers `EROFS` when it may not be changed.
    pub(crate) fn writable(&self) -> Result<BorrowedFd<'_>, Errno> {
        if self.read_only { Err(Errno::Rofs) } else { Ok(self.fd.as_fd()) }
    }

    /// Reads at the file's offset, or from the stream.
    pub(crate) fn read(
        &self,
        slices: &mut [IoSliceMut<'_>],
        nonblocking: bool,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<usize> {
        match self.class {
            Class::Regular => retry(interrupted, || read_once(&self.fd, slices)),
            Class::Stream => self.when_ready(PollFlags::IN, nonblocking, interrupted, || read_once(&self.fd, slices)),
            Class::Socket => self.receive(slices, RecvFlags::empty(), nonblocking, interrupted).map(|(count, _)| count),
        }
    }

    /// Reads at an offset.
    pub(crate) fn read_at(&self, slices: &mut [IoSliceMut<'_>], offset: u64, interrupted: &dyn Fn() -> bool) -> Outcome<usize> {
        retry(interrupted, || match &mut *slices {
            [slice] => rustix::io::pread(&self.fd, &mut **slice, offset),
            slices => rustix::io::preadv(&self.fd, slices, offset),
        })
    }

    /// Writes the ranges of memory, at the file's offset or to the stream.
    pub(crate) fn write(
        &self,
        memory: &[u8],
        ranges: &[Range<usize>],
        flags: FdFlags,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<usize> {
        let count = match self.class {
            Class::Regular => {
                let slices = memory::gather(memory, ranges, 0, usize::MAX);
                retry(interrupted, || match &slices[..] {
                    [slice] => rustix::io::write(&self.fd, slice),
                    slices => rustix::io::writev(&self.fd, slices),
                })?
            }
            Class::Stream => self.write_stream(memory, ranges, flags, interrupted)?,
            Class::Socket => {
                let slices = memory::gather(memory, ranges, 0, usize::MAX);
                self.send(&slices, flags.contains(FdFlags::NONBLOCK), interrupted)?
            }
        };
        self.sync_if_asked(flags)?;
        Ok(count)
    }

    /// Writes at an offset.
    pub(crate) fn write_at(
        &self,
        slices: &[IoSlice<'_>],
        offset: u64,
        flags: FdFlags,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<usize> {
        let count = retry(interrupted, || match slices {
            [slice] => rustix::io::pwrite(&self.fd, slice, offset),
            slices => rustix::io::pwritev(&self.fd, slices, offset),
        })?;
        self.sync_if_asked(flags)?;
        Ok(count)
    }

    /// Receives from a socket; also says whether a datagram was cut.
    pub(crate) fn receive(
        &self,
        slices: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
        nonblocking: bool,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<(usize, bool)> {
        self.when_ready(PollFlags::IN, nonblocking, interrupted, || {
            let mut control = RecvAncillaryBuffer::default();
            let message = rustix::net::recvmsg(&self.fd, slices, &mut control, flags | RecvFlags::DONTWAIT)?;
            Ok((message.bytes, message.flags.contains(rustix::net::ReturnFlags::TRUNC)))
        })
    }

    /// Sends on a socket as much as it takes now.
    pub(crate) fn send(&self, slices: &[IoSlice<'_>], nonblocking: bool, interrupted: &dyn Fn() -> bool) -> Outcome<usize> {
        self.when_ready(PollFlags::OUT, nonblocking, interrupted, || {
            let mut control = SendAncillaryBuffer::default();
            // Without NOSIGNAL a closed peer would end the host process.
            rustix::net::sendmsg(&self.fd, slices, &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
        })
    }

    /// Writes everything, as a blocking descriptor would, a pipe's worth at a time.
    fn write_stream(
        &self,
        memory: &[u8],
        ranges: &[Range<usize>],
        flags: FdFlags,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<usize> {
        let total = memory::total_bytes(ranges);
        let nonblocking = flags.contains(FdFlags::NONBLOCK);
        let mut done = 0;
        while done < total {
            let slices = memory::gather(memory, ranges, done, PIPE_BUF_BYTES);
            let step = self.when_ready(PollFlags::OUT, nonblocking, interrupted, || match &slices[..] {
                [slice] => rustix::io::write(&self.fd, slice),
                slices => rustix::io::writev(&self.fd, slices),
            });
            match step {
                Ok(0) => break,
                Ok(count) => done += count,
                // What was written already must be told; the error will come again.
                Err(Fail::Errno(_)) if done > 0 => break,
                Err(fail) => return Err(fail),
            }
        }
        Ok(done)
    }

    /// Waits, then operates; again when the host's readiness was spurious.
    pub(crate) fn when_ready<T>(
        &self,
        events: PollFlags,
        nonblocking: bool,
        interrupted: &dyn Fn() -> bool,
        mut operate: impl FnMut() -> rustix::io::Result<T>,
    ) -> Outcome<T> {
        loop {
            wait::ready(&self.fd, events, nonblocking, interrupted)?;
            match operate() {
                Err(HostErrno::AGAIN) if !nonblocking => {}
                Err(HostErrno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Applies SYNC and DSYNC where the guest asked for them after the file was opened, which hosts do not support.
    fn sync_if_asked(&self, flags: FdFlags) -> Outcome {
        if self.class != Class::Regular || self.host_sync.contains(FdFlags::SYNC) {
            return Ok(());
        }
        if flags.contains(FdFlags::SYNC) {
            rustix::fs::fsync(&self.fd)?;
        } else if flags.contains(FdFlags::DSYNC) && !self.host_sync.contains(FdFlags::DSYNC) {
            rustix::fs::fdatasync(&self.fd)?;
        }
        Ok(())
    }
}

fn read_once(fd: &OwnedFd, slices: &mut [IoSliceMut<'_>]) -> rustix::io::Result<usize> {
    match slices {
        [slice] => rustix::io::read(fd, &mut **slice),
        slices => rustix::io::readv(fd, slices),
    }
}

/// Repeats an operation that a signal broke off.
fn retry(interrupted: &dyn Fn() -> bool, mut operate: impl FnMut() -> rustix::io::Result<usize>) -> Outcome<usize> {
    loop {
        match operate() {
            Err(HostErrno::INTR) => wait::check(interrupted)?,
            result => return Ok(result?),
        }
    }
}
