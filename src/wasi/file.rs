//! Data of a descriptor (WASI snapshot preview1 document, `fd_read`, `fd_write` and their kin).

use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::ops::Range;

use rustix::fs::{Advice, FallocateFlags, SeekFrom};

use super::ctx::Captures;
use super::errno::{Errno, Outcome};
use super::fds::{FdTable, Kind, Sink};
use super::host::HostFile;
use super::memory;
use super::table::WasiCall;
use super::types::{Fd, Rights};
use super::wait;

/// `fd_read`: reads at the offset, or from the stream.
pub(crate) fn fd_read(call: &mut WasiCall<'_>, fd: Fd, iovs: u32, iovs_len: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let descriptor = call.ctx.fds.get_mut(fd, Rights::FD_READ)?;
    let nonblocking = descriptor.nonblocking();
    let ranges = memory::iovecs(call.memory, iovs, iovs_len)?;
    let interrupted = call.interrupted;
    let count = match &mut descriptor.kind {
        _ if ranges.is_empty() => 0,
        Kind::Host(host) => memory::scatter(call.memory, &ranges, &mut |slices| host.read(slices, nonblocking, interrupted))?,
        Kind::Input { data, position } => {
            memory::scatter(call.memory, &ranges, &mut |slices| Ok(read_bytes(data, position, slices)))?
        }
        Kind::Dir(_) => return Err(Errno::Isdir.into()),
        Kind::Output(_) => return Err(Errno::Badf.into()),
    };
    Ok(memory::write_size(call.memory, out, count)?)
}

fn read_bytes(data: &[u8], position: &mut usize, slices: &mut [IoSliceMut<'_>]) -> usize {
    let mut count = 0;
    for slice in slices {
        let rest = data.get(*position..).unwrap_or(&[]);
        let part = &rest[..rest.len().min(slice.len())];
        slice[..part.len()].copy_from_slice(part);
        *position += part.len();
        count += part.len();
    }
    count
}

/// `fd_pread`: reads at a given offset.
pub(crate) fn fd_pread(call: &mut WasiCall<'_>, fd: Fd, iovs: u32, iovs_len: u32, offset: u64, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let host = seekable(&call.ctx.fds, fd, Rights::FD_READ | Rights::FD_SEEK)?;
    let ranges = memory::iovecs(call.memory, iovs, iovs_len)?;
    let interrupted = call.interrupted;
    let count = match ranges.len() {
        0 => 0,
        _ => memory::scatter(call.memory, &ranges, &mut |slices| host.read_at(slices, offset, interrupted))?,
    };
    Ok(memory::write_size(call.memory, out, count)?)
}

/// `fd_write`: writes at the offset, or to the stream.
pub(crate) fn fd_write(call: &mut WasiCall<'_>, fd: Fd, iovs: u32, iovs_len: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let descriptor = call.ctx.fds.get_mut(fd, Rights::FD_WRITE)?;
    let flags = descriptor.flags;
    let data = memory::outgoing(call.memory, iovs, iovs_len)?;
    let count = match &mut descriptor.kind {
        _ if data.ranges.is_empty() => 0,
        Kind::Host(host) => host.write(&data.bytes, &data.ranges, flags, call.interrupted)?,
        Kind::Output(sink) => write_sink(sink, &mut call.ctx.captures, &data.bytes, &data.ranges)?,
        Kind::Dir(_) => return Err(Errno::Isdir.into()),
        Kind::Input { .. } => return Err(Errno::Badf.into()),
    };
    Ok(memory::write_size(call.memory, out, count)?)
}

fn write_sink(sink: &mut Sink, captures: &mut Captures, memory: &[u8], ranges: &[Range<usize>]) -> Outcome<usize> {
    let mut count: usize = 0;
    for slice in memory::gather(memory, ranges, 0, usize::MAX) {
        let written = match sink {
            Sink::Null => Ok(()),
            Sink::Capture(number) => captures.push(*number, &slice),
            Sink::Writer(writer) => writer.write_all(&slice).and_then(|()| writer.flush()).map_err(Errno::from),
        };
        match written {
            Ok(()) => {}
            // What was written already must be told; the error will come again.
            Err(_) if count > 0 => break,
            Err(error) => return Err(error.into()),
        }
        count += slice.len();
    }
    Ok(count)
}

/// `fd_pwrite`: writes at a given offset.
pub(crate) fn fd_pwrite(call: &mut WasiCall<'_>, fd: Fd, iovs: u32, iovs_len: u32, offset: u64, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let flags = call.ctx.fds.any(fd)?.flags;
    let host = seekable(&call.ctx.fds, fd, Rights::FD_WRITE | Rights::FD_SEEK)?;
    let data = memory::outgoing(call.memory, iovs, iovs_len)?;
    let slices = memory::gather(&data.bytes, &data.ranges, 0, usize::MAX);
    let count = match slices.len() {
        0 => 0,
        _ => host.write_at(&slices, offset, flags, call.interrupted)?,
    };
    drop(slices);
    Ok(memory::write_size(call.memory, out, count)?)
}

/// `fd_seek`: moves the offset.
pub(crate) fn fd_seek(call: &mut WasiCall<'_>, fd: Fd, offset: i64, whence: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 8)?;
    let target = match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(Errno::Inval.into()),
    };
    // The document: FD_TELL is enough to ask where one is, and FD_SEEK includes it.
    let asks_only = whence == 1 && offset == 0 && call.ctx.fds.any(fd)?.rights.contains(Rights::FD_TELL);
    let host = seekable(&call.ctx.fds, fd, if asks_only { Rights::FD_TELL } else { Rights::FD_SEEK })?;
    let position = rustix::fs::seek(&host.fd, target)?;
    Ok(memory::write_u64(call.memory, out, position)?)
}

/// `fd_tell`: the offset.
pub(crate) fn fd_tell(call: &mut WasiCall<'_>, fd: Fd, out: u32) -> Outcome {
    memory::range(call.memory, out, 8)?;
    let may_seek = call.ctx.fds.any(fd)?.rights.contains(Rights::FD_SEEK);
    let host = seekable(&call.ctx.fds, fd, if may_seek { Rights::FD_SEEK } else { Rights::FD_TELL })?;
    let position = rustix::fs::tell(&host.fd)?;
    Ok(memory::write_u64(call.memory, out, position)?)
}

/// `fd_advise`: how the file will be used.
pub(crate) fn fd_advise(call: &mut WasiCall<'_>, fd: Fd, offset: u64, len: u64, advice: u32) -> Outcome {
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::Inval.into()),
    };
    let host = seekable(&call.ctx.fds, fd, Rights::FD_ADVISE)?;
    Ok(rustix::fs::fadvise(&host.fd, offset, NonZeroU64::new(len), advice)?)
}

/// `fd_allocate`: makes sure that there is room.
pub(crate) fn fd_allocate(call: &mut WasiCall<'_>, fd: Fd, offset: u64, len: u64) -> Outcome {
    let host = seekable(&call.ctx.fds, fd, Rights::FD_ALLOCATE)?;
    Ok(rustix::fs::fallocate(host.writable()?, FallocateFlags::empty(), offset, len)?)
}

/// `fd_filestat_set_size`: makes the file shorter, or longer by zeros.
pub(crate) fn fd_filestat_set_size(call: &mut WasiCall<'_>, fd: Fd, size: u64) -> Outcome {
    let host = seekable(&call.ctx.fds, fd, Rights::FD_FILESTAT_SET_SIZE)?;
    Ok(rustix::fs::ftruncate(host.writable()?, size)?)
}

/// `fd_sync`: data and metadata are on the disk.
pub(crate) fn fd_sync(call: &mut WasiCall<'_>, fd: Fd) -> Outcome {
    let descriptor = call.ctx.fds.get(fd, Rights::FD_SYNC)?;
    match &descriptor.kind {
        Kind::Host(host) => Ok(rustix::fs::fsync(&host.fd)?),
        Kind::Dir(handle) => Ok(rustix::fs::fsync(&handle.dir)?),
        // As on a pipe.
        Kind::Input { .. } | Kind::Output(_) => Err(Errno::Inval.into()),
    }
}

/// `fd_datasync`: data is on the disk.
pub(crate) fn fd_datasync(call: &mut WasiCall<'_>, fd: Fd) -> Outcome {
    let descriptor = call.ctx.fds.get(fd, Rights::FD_DATASYNC)?;
    wait::check(call.interrupted)?;
    match &descriptor.kind {
        Kind::Host(host) => Ok(rustix::fs::fdatasync(&host.fd)?),
        Kind::Dir(handle) => Ok(rustix::fs::fdatasync(&handle.dir)?),
        Kind::Input { .. } | Kind::Output(_) => Err(Errno::Inval.into()),
    }
}

/// The host's file behind a descriptor that has an offset; `ESPIPE` when there is none.
fn seekable(fds: &FdTable, fd: Fd, rights: Rights) -> Result<&HostFile, Errno> {
    let descriptor = fds.any(fd)?;
    if !descriptor.seekable() {
        return Err(Errno::Spipe);
    }
    descriptor.require(rights)?;
    match &descriptor.kind {
        Kind::Host(host) => Ok(host),
        _ => Err(Errno::Isdir),
    }
}
