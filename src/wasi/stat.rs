//! Attributes of files (WASI snapshot preview1 document, `fd_filestat_*`, `path_filestat_*`).

use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use cap_std::fs::{FileTypeExt, Metadata, MetadataExt};
use rustix::fs::{Stat, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::time::Timespec;

use super::clock::{SECOND_NS, timestamp_ns};
use super::errno::{Errno, Outcome};
use super::fds::Kind;
use super::memory;
use super::table::WasiCall;
use super::types::{self, Fd, FileStat, FileType, FstFlags, LookupFlags, Rights};

/// `fd_filestat_get`: the attributes of what is open.
pub(crate) fn fd_filestat_get(call: &mut WasiCall<'_>, fd: Fd, out: u32) -> Outcome {
    let descriptor = call.ctx.fds.get(fd, Rights::FD_FILESTAT_GET)?;
    let filetype = descriptor.filetype();
    let stat = match &descriptor.kind {
        Kind::Host(host) => from_stat(&rustix::fs::fstat(&host.fd)?, filetype),
        Kind::Dir(handle) => from_stat(&rustix::fs::fstat(&handle.dir)?, filetype),
        Kind::Input { .. } | Kind::Output(_) => FileStat {
            device: 0,
            inode: 0,
            filetype,
            link_count: 1,
            size_bytes: 0,
            accessed_ns: 0,
            modified_ns: 0,
            changed_ns: 0,
        },
    };
    Ok(memory::write(call.memory, out, &stat.encode())?)
}

/// `path_filestat_get`: the attributes of what a path names.
pub(crate) fn path_filestat_get(call: &mut WasiCall<'_>, fd: Fd, flags: u32, path: u32, len: u32, out: u32) -> Outcome {
    let flags: LookupFlags = types::flags(flags)?;
    let handle = call.ctx.fds.dir(fd, Rights::PATH_FILESTAT_GET)?;
    let path = &*memory::path(call.memory, path, len)?;
    let metadata = if flags.contains(LookupFlags::SYMLINK_FOLLOW) {
        handle.dir.metadata(path)?
    } else {
        handle.dir.symlink_metadata(path)?
    };
    Ok(memory::write(call.memory, out, &from_metadata(&metadata).encode())?)
}

/// `fd_filestat_set_times`: the timestamps of what is open.
pub(crate) fn fd_filestat_set_times(call: &mut WasiCall<'_>, fd: Fd, atim: u64, mtim: u64, flags: u32) -> Outcome {
    let descriptor = call.ctx.fds.get(fd, Rights::FD_FILESTAT_SET_TIMES)?;
    let flags: FstFlags = types::flags(flags)?;
    let (accessed, modified) = new_times(atim, mtim, flags)?;
    let times = Timestamps { last_access: accessed.timespec(), last_modification: modified.timespec() };
    match &descriptor.kind {
        Kind::Host(host) => Ok(rustix::fs::futimens(host.writable()?, &times)?),
        Kind::Dir(handle) => Ok(rustix::fs::futimens(handle.writable()?, &times)?),
        Kind::Input { .. } | Kind::Output(_) => Err(Errno::Inval.into()),
    }
}

/// `path_filestat_set_times`: the timestamps of what a path names.
#[allow(clippy::too_many_arguments)] // The document's.
pub(crate) fn path_filestat_set_times(
    call: &mut WasiCall<'_>,
    fd: Fd,
    flags: u32,
    path: u32,
    len: u32,
    atim: u64,
    mtim: u64,
    fst_flags: u32,
) -> Outcome {
    let flags: LookupFlags = types::flags(flags)?;
    let (accessed, modified) = new_times(atim, mtim, types::flags(fst_flags)?)?;
    let handle = call.ctx.fds.dir(fd, Rights::PATH_FILESTAT_SET_TIMES)?;
    let path = &*memory::path(call.memory, path, len)?;
    let dir = handle.writable()?;
    let (accessed, modified) = (accessed.spec(), modified.spec());
    // cap-std's `set_times` opens the file, which can wait (a pipe) and needs permissions; the symlink's own times are set
    // by name. So links are resolved first, and then the name is none.
    if flags.contains(LookupFlags::SYMLINK_FOLLOW) && dir.symlink_metadata(path)?.is_symlink() {
        let resolved = dir.canonicalize(path)?;
        return Ok(dir.set_symlink_times(resolved, accessed, modified)?);
    }
    Ok(dir.set_symlink_times(path, accessed, modified)?)
}

/// What becomes of a timestamp.
#[derive(Clone, Copy)]
enum NewTime {
    Keep,
    Now,
    At { ns: u64 },
}

impl NewTime {
    fn timespec(self) -> Timespec {
        let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        match self {
            NewTime::Keep => special(UTIME_OMIT),
            NewTime::Now => special(UTIME_NOW),
            // Both quotients fit by far.
            NewTime::At { ns } => Timespec { tv_sec: (ns / SECOND_NS) as i64, tv_nsec: (ns % SECOND_NS) as i64 },
        }
    }

    fn spec(self) -> Option<SystemTimeSpec> {
        match self {
            NewTime::Keep => None,
            NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
            NewTime::At { ns } => {
                let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(ns);
                Some(SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
            }
        }
    }
}

/// Setting a time both to a value and to now is `EINVAL`.
fn new_times(atim: u64, mtim: u64, flags: FstFlags) -> Result<(NewTime, NewTime), Errno> {
    let new = |at, now, ns| match (flags.contains(at), flags.contains(now)) {
        (false, false) => Ok(NewTime::Keep),
        (false, true) => Ok(NewTime::Now),
        (true, false) => Ok(NewTime::At { ns }),
        (true, true) => Err(Errno::Inval),
    };
    Ok((new(FstFlags::ATIM, FstFlags::ATIM_NOW, atim)?, new(FstFlags::MTIM, FstFlags::MTIM_NOW, mtim)?))
}

#[allow(clippy::unnecessary_cast)] // The fields' types differ between hosts.
fn from_stat(stat: &Stat, filetype: FileType) -> FileStat {
    FileStat {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        filetype,
        link_count: stat.st_nlink as u64,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        accessed_ns: timestamp_ns(stat.st_atime as i64, stat.st_atime_nsec as i64),
        modified_ns: timestamp_ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: timestamp_ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

fn from_metadata(metadata: &Metadata) -> FileStat {
    let host = metadata.file_type();
    let filetype = if host.is_file() {
        FileType::RegularFile
    } else if host.is_dir() {
        FileType::Directory
    } else if host.is_symlink() {
        FileType::SymbolicLink
    } else if host.is_char_device() {
        FileType::CharacterDevice
    } else if host.is_block_device() {
        FileType::BlockDevice
    } else if host.is_socket() {
        FileType::SocketStream
    } else {
        FileType::Unknown
    };
    FileStat {
        device: metadata.dev(),
        inode: metadata.ino(),
        filetype,
        link_count: metadata.nlink(),
        size_bytes: metadata.size(),
        accessed_ns: timestamp_ns(metadata.atime(), metadata.atime_nsec()),
        modified_ns: timestamp_ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: timestamp_ns(metadata.ctime(), metadata.ctime_nsec()),
    }
}
