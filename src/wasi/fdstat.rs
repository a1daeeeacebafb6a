//! Descriptors as such (WASI snapshot preview1 document, `fd_close`, `fd_renumber`, `fd_fdstat_*`, `fd_prestat_*`).

use rustix::fs::OFlags;

use super::errno::{Errno, Outcome};
use super::fds::{FdTable, Kind};
use super::host::Class;
use super::memory;
use super::table::WasiCall;
use super::types::{self, Fd, FdFlags, FdStat, Prestat, Rights};

/// `fd_close`: closes a descriptor; directories of the embedder are no exception.
pub(crate) fn fd_close(call: &mut WasiCall<'_>, fd: Fd) -> Outcome {
    Ok(call.ctx.fds.close(fd)?)
}

/// `fd_renumber`: moves a descriptor over another open one.
pub(crate) fn fd_renumber(call: &mut WasiCall<'_>, from: Fd, to: Fd) -> Outcome {
    Ok(call.ctx.fds.renumber(from, to)?)
}

/// `fd_fdstat_get`: type, state and rights.
pub(crate) fn fd_fdstat_get(call: &mut WasiCall<'_>, fd: Fd, out: u32) -> Outcome {
    let descriptor = call.ctx.fds.any(fd)?;
    let stat = FdStat {
        filetype: descriptor.filetype(),
        flags: descriptor.flags,
        rights: descriptor.rights,
        inheriting: descriptor.inheriting,
    };
    Ok(memory::write(call.memory, out, &stat.encode())?)
}

/// `fd_fdstat_set_flags`: changes the state.
///
/// Only APPEND reaches the host. NONBLOCK is a promise of this folder (the host's flag would be shared with other
/// processes), and SYNC and DSYNC, which a host cannot change on an open file, become a sync after each write.
pub(crate) fn fd_fdstat_set_flags(call: &mut WasiCall<'_>, fd: Fd, flags: u32) -> Outcome {
    let descriptor = call.ctx.fds.get_mut(fd, Rights::FD_FDSTAT_SET_FLAGS)?;
    let flags: FdFlags = types::flags(flags)?;
    match &descriptor.kind {
        Kind::Host(host) if host.class == Class::Regular => {
            let (mut state, append) = (rustix::fs::fcntl_getfl(&host.fd)?, flags.contains(FdFlags::APPEND));
            if state.contains(OFlags::APPEND) != append {
                state.set(OFlags::APPEND, append);
                rustix::fs::fcntl_setfl(&host.fd, state)?;
            }
        }
        Kind::Dir(_) if !FdFlags::NONBLOCK.contains(flags) => return Err(Errno::Inval.into()),
        _ => {}
    }
    descriptor.flags = flags;
    Ok(())
}

/// `fd_fdstat_set_rights`: gives rights away; taking more is `ENOTCAPABLE`.
pub(crate) fn fd_fdstat_set_rights(call: &mut WasiCall<'_>, fd: Fd, base: u64, inheriting: u64) -> Outcome {
    let descriptor = call.ctx.fds.any_mut(fd)?;
    if base & !descriptor.rights.bits() != 0 || inheriting & !descriptor.inheriting.bits() != 0 {
        return Err(Errno::Notcapable.into());
    }
    descriptor.rights = Rights::from_bits_truncate(base);
    descriptor.inheriting = Rights::from_bits_truncate(inheriting);
    Ok(())
}

/// `fd_prestat_get`: whether the embedder opened it, and how long its name is.
pub(crate) fn fd_prestat_get(call: &mut WasiCall<'_>, fd: Fd, out: u32) -> Outcome {
    let name_bytes = u32::try_from(preopen_name(&call.ctx.fds, fd)?.len()).map_err(|_| Errno::Overflow)?;
    Ok(memory::write(call.memory, out, &Prestat { name_bytes }.encode())?)
}

/// `fd_prestat_dir_name`: the guest's name of a directory that the embedder opened.
pub(crate) fn fd_prestat_dir_name(call: &mut WasiCall<'_>, fd: Fd, path: u32, path_len: u32) -> Outcome {
    let name = preopen_name(&call.ctx.fds, fd)?;
    if name.len() > path_len as usize {
        return Err(Errno::Nametoolong.into());
    }
    Ok(memory::write(call.memory, path, name)?)
}

fn preopen_name(fds: &FdTable, fd: Fd) -> Result<&[u8], Errno> {
    match &fds.any(fd)?.kind {
        Kind::Dir(handle) => handle.preopen_name.as_deref().ok_or(Errno::Badf),
        _ => Err(Errno::Badf),
    }
}
