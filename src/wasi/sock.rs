//! Sockets that the embedder opened (WASI snapshot preview1 document, `sock_*`).
//!
//! Preview 1 has no way to make a socket: there are listeners of the embedder, and what they accept.

use rustix::event::PollFlags;
use rustix::net::{RecvFlags, Shutdown, SocketFlags};

use super::errno::{Errno, Fail, Outcome};
use super::fds::{Descriptor, FdTable, Kind};
use super::host::{Class, HostFile};
use super::memory;
use super::table::WasiCall;
use super::types::{self, Fd, FdFlags, FileType, RiFlags, Rights, SdFlags};

/// `roflags::RECV_DATA_TRUNCATED`.
const RECV_DATA_TRUNCATED: u16 = 1;

/// `sock_accept`: takes a connection.
pub(crate) fn sock_accept(call: &mut WasiCall<'_>, fd: Fd, flags: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let flags: FdFlags = types::flags(flags)?;
    let (host, descriptor) = socket(&call.ctx.fds, fd, Rights::SOCK_ACCEPT)?;
    // The only flag that a new connection can have.
    if !FdFlags::NONBLOCK.contains(flags) {
        return Err(Errno::Inval.into());
    }
    call.ctx.fds.next()?;
    let accepted = host.when_ready(PollFlags::IN, descriptor.nonblocking(), call.interrupted, || {
        rustix::net::accept_with(&host.fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
    })?;
    let host = HostFile::new(accepted, false, FdFlags::empty())?;
    let rights = Rights::SOCKET;
    let descriptor = Descriptor { kind: Kind::Host(host), rights, inheriting: Rights::empty(), flags };
    let opened = call.ctx.fds.insert(descriptor)?;
    Ok(memory::write_u32(call.memory, out, opened.0)?)
}

/// `sock_recv`: receives.
pub(crate) fn sock_recv(
    call: &mut WasiCall<'_>,
    fd: Fd,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    out: u32,
    out_flags: u32,
) -> Outcome {
    memory::range(call.memory, out, 4)?;
    memory::range(call.memory, out_flags, 2)?;
    let flags: RiFlags = types::flags(flags)?;
    let (host, descriptor) = socket(&call.ctx.fds, fd, Rights::FD_READ)?;
    let ranges = memory::iovecs(call.memory, iovs, iovs_len)?;
    let peeks = flags.contains(RiFlags::RECV_PEEK);
    // With a peek the same bytes would come again; a datagram comes as a whole.
    let waits_all = flags.contains(RiFlags::RECV_WAITALL) && !peeks && host.filetype == FileType::SocketStream;
    let host_flags = if peeks { RecvFlags::PEEK } else { RecvFlags::empty() };
    let (nonblocking, interrupted) = (descriptor.nonblocking(), call.interrupted);
    let mut cut = false;
    let mut count = 0;
    if waits_all {
        for range in &ranges {
            let filled = memory::fill(call.memory, range.clone(), &mut |part| {
                receive_all(host, part, nonblocking, interrupted, count > 0)
            })?;
            count += filled;
            if filled < range.len() {
                break;
            }
        }
    } else {
        count = memory::scatter(call.memory, &ranges, &mut |slices| {
            let (count, was_cut) = host.receive(slices, host_flags, nonblocking, interrupted)?;
            cut = was_cut;
            Ok(count)
        })?;
    }
    memory::write(call.memory, out_flags, &(if cut { RECV_DATA_TRUNCATED } else { 0 }).to_le_bytes())?;
    Ok(memory::write_size(call.memory, out, count)?)
}

/// Fills a buffer unless the stream ends. An error after the first byte waits for the next call.
fn receive_all(
    host: &HostFile,
    buffer: &mut [u8],
    nonblocking: bool,
    interrupted: &dyn Fn() -> bool,
    some_before: bool,
) -> Outcome<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let mut slices = [std::io::IoSliceMut::new(&mut buffer[filled..])];
        match host.receive(&mut slices, RecvFlags::empty(), nonblocking, interrupted) {
            Ok((0, _)) => break,
            Ok((count, _)) => filled += count,
            Err(Fail::Errno(_)) if filled > 0 || some_before => break,
            Err(fail) => return Err(fail),
        }
    }
    Ok(filled)
}

/// `sock_send`: sends. There are no flags in this version.
pub(crate) fn sock_send(call: &mut WasiCall<'_>, fd: Fd, iovs: u32, iovs_len: u32, flags: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let (host, descriptor) = socket(&call.ctx.fds, fd, Rights::FD_WRITE)?;
    if flags != 0 {
        return Err(Errno::Inval.into());
    }
    let data = memory::outgoing(call.memory, iovs, iovs_len)?;
    let slices = memory::gather(&data.bytes, &data.ranges, 0, usize::MAX);
    let count = host.send(&slices, descriptor.nonblocking(), call.interrupted)?;
    drop(slices);
    Ok(memory::write_size(call.memory, out, count)?)
}

/// `sock_shutdown`: closes one direction or both.
pub(crate) fn sock_shutdown(call: &mut WasiCall<'_>, fd: Fd, how: u32) -> Outcome {
    let (host, _) = socket(&call.ctx.fds, fd, Rights::SOCK_SHUTDOWN)?;
    let how: SdFlags = types::flags(how)?;
    let how = match (how.contains(SdFlags::RD), how.contains(SdFlags::WR)) {
        (true, true) => Shutdown::Both,
        (true, false) => Shutdown::Read,
        (false, true) => Shutdown::Write,
        (false, false) => return Err(Errno::Inval.into()),
    };
    Ok(rustix::net::shutdown(&host.fd, how)?)
}

/// The socket behind a descriptor. What is none says so before its rights are asked: `ENOTSOCK`.
fn socket(fds: &FdTable, fd: Fd, rights: Rights) -> Result<(&HostFile, &Descriptor), Errno> {
    let descriptor = fds.any(fd)?;
    match &descriptor.kind {
        Kind::Host(host) if host.class == Class::Socket => {
            descriptor.require(rights)?;
            Ok((host, descriptor))
        }
        _ => Err(Errno::Notsock),
    }
}
