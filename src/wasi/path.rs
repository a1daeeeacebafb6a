//! Names below a directory (WASI snapshot preview1 document, `path_*` without the attributes).
//!
//! Invariant: a path of the guest reaches the host only as an argument of `cap_std::fs::Dir`, which resolves it without
//! leaving the directory, whatever links and `..` it meets.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::dir;
use super::errno::{Errno, Outcome};
use super::fds::{Descriptor, DirHandle, Kind};
use super::host::{Class, HostFile};
use super::memory;
use super::table::WasiCall;
use super::types::{self, Fd, FdFlags, LookupFlags, OpenFlags, Rights};

/// `path_create_directory`: makes a directory.
pub(crate) fn path_create_directory(call: &mut WasiCall<'_>, fd: Fd, path: u32, len: u32) -> Outcome {
    let handle = call.ctx.fds.dir(fd, Rights::PATH_CREATE_DIRECTORY)?;
    let path = &*memory::path(call.memory, path, len)?;
    Ok(handle.writable()?.create_dir(path)?)
}

/// `path_remove_directory`: removes an empty directory.
pub(crate) fn path_remove_directory(call: &mut WasiCall<'_>, fd: Fd, path: u32, len: u32) -> Outcome {
    let handle = call.ctx.fds.dir(fd, Rights::PATH_REMOVE_DIRECTORY)?;
    let path = &*memory::path(call.memory, path, len)?;
    Ok(handle.writable()?.remove_dir(path)?)
}

/// `path_unlink_file`: removes a name that is not a directory.
pub(crate) fn path_unlink_file(call: &mut WasiCall<'_>, fd: Fd, path: u32, len: u32) -> Outcome {
    let handle = call.ctx.fds.dir(fd, Rights::PATH_UNLINK_FILE)?;
    let path = &*memory::path(call.memory, path, len)?;
    Ok(handle.writable()?.remove_file(path)?)
}

/// `path_link`: makes a second name.
///
/// Both directories must be writable: through a second name a file of a read-only directory could be changed.
#[allow(clippy::too_many_arguments)] // The document's.
pub(crate) fn path_link(
    call: &mut WasiCall<'_>,
    old_fd: Fd,
    old_flags: u32,
    old: u32,
    old_len: u32,
    new_fd: Fd,
    new: u32,
    new_len: u32,
) -> Outcome {
    let flags: LookupFlags = types::flags(old_flags)?;
    let old_handle = call.ctx.fds.dir(old_fd, Rights::PATH_LINK_SOURCE)?;
    let new_handle = call.ctx.fds.dir(new_fd, Rights::PATH_LINK_TARGET)?;
    let old = &*memory::path(call.memory, old, old_len)?;
    let new = &*memory::path(call.memory, new, new_len)?;
    let (old_dir, new_dir) = (old_handle.writable()?, new_handle.writable()?);
    if flags.contains(LookupFlags::SYMLINK_FOLLOW) {
        // Hosts link the symbolic link itself; resolved inside the sandbox, the name is none.
        return Ok(old_dir.hard_link(old_dir.canonicalize(old)?, new_dir, new)?);
    }
    Ok(old_dir.hard_link(old, new_dir, new)?)
}

/// `path_rename`: gives a file or directory another name.
pub(crate) fn path_rename(
    call: &mut WasiCall<'_>,
    fd: Fd,
    old: u32,
    old_len: u32,
    new_fd: Fd,
    new: u32,
    new_len: u32,
) -> Outcome {
    let old_handle = call.ctx.fds.dir(fd, Rights::PATH_RENAME_SOURCE)?;
    let new_handle = call.ctx.fds.dir(new_fd, Rights::PATH_RENAME_TARGET)?;
    let old = &*memory::path(call.memory, old, old_len)?;
    let new = &*memory::path(call.memory, new, new_len)?;
    Ok(old_handle.writable()?.rename(old, new_handle.writable()?, new)?)
}

/// `path_symlink`: makes a symbolic link. An absolute target is refused: it would lead the host's other programs outside.
pub(crate) fn path_symlink(call: &mut WasiCall<'_>, old: u32, old_len: u32, fd: Fd, new: u32, new_len: u32) -> Outcome {
    let handle = call.ctx.fds.dir(fd, Rights::PATH_SYMLINK)?;
    let target = &*memory::path(call.memory, old, old_len)?;
    let new = &*memory::path(call.memory, new, new_len)?;
    Ok(DirExt::symlink(handle.writable()?, target, new)?)
}

/// `path_readlink`: the target of a symbolic link, cut to the buffer.
pub(crate) fn path_readlink(call: &mut WasiCall<'_>, fd: Fd, path: u32, len: u32, buf: u32, buf_len: u32, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    memory::array(call.memory, buf, buf_len, 1)?;
    let handle = call.ctx.fds.dir(fd, Rights::PATH_READLINK)?;
    let path = &*memory::path(call.memory, path, len)?;
    let target = handle.dir.read_link_contents(path)?;
    let target = target.as_os_str().as_bytes();
    let part = &target[..target.len().min(buf_len as usize)];
    memory::write(call.memory, buf, part)?;
    Ok(memory::write_size(call.memory, out, part.len())?)
}

/// `path_open`: opens a file or directory.
#[allow(clippy::too_many_arguments)] // The document's.
pub(crate) fn path_open(
    call: &mut WasiCall<'_>,
    fd: Fd,
    dirflags: u32,
    path: u32,
    len: u32,
    oflags: u32,
    base: u64,
    inheriting: u64,
    fdflags: u32,
    out: u32,
) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let request = Request {
        lookup: types::flags(dirflags)?,
        open: types::flags(oflags)?,
        flags: types::flags(fdflags)?,
        // Bits that no right has (some programs ask for all) mean nothing.
        rights: Rights::from_bits_truncate(base),
        inheriting: Rights::from_bits_truncate(inheriting),
    };
    let table = &call.ctx.fds;
    let handle = table.dir(fd, Rights::PATH_OPEN)?;
    request.check_rights(table.any(fd)?)?;
    let path = &*memory::path(call.memory, path, len)?;
    // Before the host has made a file that nobody could close.
    table.next()?;
    let descriptor = request.open(handle, path)?;
    let opened = call.ctx.fds.insert(descriptor)?;
    Ok(memory::write_u32(call.memory, out, opened.0)?)
}

/// The arguments of a `path_open`.
struct Request {
    lookup: LookupFlags,
    open: OpenFlags,
    flags: FdFlags,
    rights: Rights,
    inheriting: Rights,
}

impl Request {
    /// The document: what is opened has no rights that the directory does not hand on, and the flags that change a file
    /// need rights of the directory.
    fn check_rights(&self, dir: &Descriptor) -> Result<(), Errno> {
        let mut needed = Rights::empty();
        needed.set(Rights::PATH_CREATE_FILE, self.open.contains(OpenFlags::CREAT));
        needed.set(Rights::PATH_FILESTAT_SET_SIZE, self.open.contains(OpenFlags::TRUNC));
        dir.require(needed)?;
        let handed_on = dir.inheriting;
        let syncs = self.flags.intersects(FdFlags::SYNC | FdFlags::RSYNC) && !handed_on.contains(Rights::FD_SYNC);
        let data_syncs = self.flags.contains(FdFlags::DSYNC) && !handed_on.intersects(Rights::FD_SYNC | Rights::FD_DATASYNC);
        if !handed_on.contains(self.rights | self.inheriting) || syncs || data_syncs {
            return Err(Errno::Notcapable);
        }
        Ok(())
    }

    fn truncates(&self) -> bool {
        self.open.contains(OpenFlags::TRUNC)
    }

    fn follows(&self) -> bool {
        self.lookup.contains(LookupFlags::SYMLINK_FOLLOW)
    }

    /// Whether the host's descriptor must be writable.
    fn writes(&self) -> bool {
        self.rights.intersects(Rights::FD_WRITE | Rights::FD_ALLOCATE) || self.truncates()
    }

    fn open(&self, handle: &DirHandle, path: &Path) -> Outcome<Descriptor> {
        let (path, wants_dir) = strip_slashes(path);
        if wants_dir && self.open.contains(OpenFlags::CREAT) {
            return Err(Errno::Isdir.into());
        }
        if self.open.contains(OpenFlags::DIRECTORY) && self.open.intersects(OpenFlags::CREAT | OpenFlags::TRUNC) {
            return Err(Errno::Inval.into());
        }
        if handle.read_only && self.writes() {
            if !self.open.contains(OpenFlags::CREAT) {
                // What is not there is not read-only either.
                handle.dir.symlink_metadata(path)?;
            }
            return Err(Errno::Rofs.into());
        }
        let mut options = self.options(wants_dir);
        let file = if self.open.contains(OpenFlags::CREAT) && !self.writes() {
            self.create_for_reading(handle, path, &mut options)?
        } else {
            options.create(self.open.contains(OpenFlags::CREAT));
            options.create_new(self.open.contains(OpenFlags::CREAT | OpenFlags::EXCL));
            open_through_links(&handle.dir, path, &options, wants_dir || self.follows())?
        };
        self.descriptor(handle, file.into_std())
    }

    fn options(&self, wants_dir: bool) -> OpenOptions {
        let mut options = OpenOptions::new();
        let mut custom = OFlags::NOCTTY;
        custom.set(OFlags::DIRECTORY, wants_dir || self.open.contains(OpenFlags::DIRECTORY));
        // A slash at the end asks for what the link leads to, as everywhere.
        let follows = wants_dir || self.follows();
        options
            .read(self.rights.contains(Rights::FD_READ) || !self.writes())
            .write(self.writes())
            .truncate(self.truncates())
            .follow(if follows { FollowSymlinks::Yes } else { FollowSymlinks::No })
            // Opening a pipe must not wait for its other end, and operations on it wait in slices.
            .nonblock(true)
            .sync(self.flags.contains(FdFlags::SYNC))
            .dsync(self.flags.contains(FdFlags::DSYNC))
            .rsync(self.flags.contains(FdFlags::RSYNC))
            .custom_flags(custom.bits().cast_signed());
        options
    }

    /// Creating needs a writable descriptor of the library; but a file that is there already may be read-only.
    fn create_for_reading(&self, handle: &DirHandle, path: &Path, options: &mut OpenOptions) -> Outcome<cap_std::fs::File> {
        let exclusive = self.open.contains(OpenFlags::EXCL);
        if !exclusive {
            match handle.dir.open_with(path, options) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => return self.not_a_dir(result?),
            }
        }
        if handle.read_only {
            let exists = exclusive && handle.dir.symlink_metadata(path).is_ok();
            return Err(if exists { Errno::Exist } else { Errno::Rofs }.into());
        }
        options.write(true).create(true).create_new(exclusive);
        Ok(handle.dir.open_with(path, options)?)
    }

    /// A directory cannot be created by opening it, even if it is there.
    fn not_a_dir(&self, file: cap_std::fs::File) -> Outcome<cap_std::fs::File> {
        if file.metadata()?.is_dir() { Err(Errno::Isdir.into()) } else { Ok(file) }
    }

    fn descriptor(&self, handle: &DirHandle, file: std::fs::File) -> Outcome<Descriptor> {
        if file.metadata()?.is_dir() {
            let dir = dir::readable(Dir::from_std_file(file));
            let kind = Kind::Dir(DirHandle { dir, read_only: handle.read_only, preopen_name: None, listing: None });
            return Ok(Descriptor {
                kind,
                rights: self.rights & Rights::DIRECTORY,
                inheriting: self.inheriting,
                flags: self.flags & FdFlags::NONBLOCK,
            });
        }
        let fd = OwnedFd::from(file);
        let host_sync = self.flags & (FdFlags::SYNC | FdFlags::DSYNC);
        let host = HostFile::new(fd, handle.read_only, host_sync)?;
        if host.class == Class::Regular && self.flags.contains(FdFlags::APPEND) {
            // Not at the open: the library refuses APPEND together with TRUNC.
            let state = rustix::fs::fcntl_getfl(&host.fd)?;
            rustix::fs::fcntl_setfl(&host.fd, state | OFlags::APPEND)?;
        }
        Ok(Descriptor {
            rights: self.rights & host.rights(),
            inheriting: Rights::empty(),
            flags: self.flags,
            kind: Kind::Host(host),
        })
    }
}

/// Opens; where the host has no `openat2`, cap-std takes a link at the end for "not a directory", and the link has to be
/// resolved first.
fn open_through_links(dir: &Dir, path: &Path, options: &OpenOptions, follows: bool) -> io::Result<cap_std::fs::File> {
    match dir.open_with(path, options) {
        Err(error)
            if error.kind() == io::ErrorKind::NotADirectory
                && follows
                && dir.symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) =>
        {
            dir.open_with(dir.canonicalize(path)?, options)
        }
        result => result,
    }
}

/// The path without slashes at its end, and whether there were any: then it must name a directory.
///
/// Given the slashes, cap-std would open the directory only as a place, which cannot be listed or synced.
fn strip_slashes(path: &Path) -> (&Path, bool) {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    (Path::new(std::ffi::OsStr::from_bytes(&bytes[..end])), end < bytes.len())
}
