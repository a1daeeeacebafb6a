//! Listing directories (WASI snapshot preview1 document, `fd_readdir`).
//!
//! Problem: the guest reads a directory in pieces of any size and resumes at a cookie, while names come and go; the host's own
//! positions are only as stable as its file system. Idea: the entries are numbered in the order in which the host gave
//! them, and remembered; a cookie is the number of the next entry. The host is read only as far as the guest has asked.
//!
//! Invariants: an entry keeps its number until the guest starts again with cookie 0, which forgets the listing; a listing is
//! never longer than the host's directory was.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Dir as HostDir, Mode, OFlags};

use super::errno::{Errno, Outcome};
use super::fds::{DirHandle, Kind};
use super::memory::{self, GuestMemory};
use super::table::WasiCall;
use super::types::{Dirent, Fd, FileType, Rights};
use super::wait;

/// Entries read from the host between two looks at the cancellation probe.
const CHECK_EVERY: usize = 1024;

/// What is known of a directory's entries.
pub(crate) struct Listing {
    host: HostDir,
    entries: Vec<Entry>,
    /// All names, one after the other.
    names: Vec<u8>,
    complete: bool,
}

struct Entry {
    inode: u64,
    filetype: FileType,
    name_end: usize,
}

impl Listing {
    fn new(dir: impl AsFd) -> Outcome<Listing> {
        let host = HostDir::read_from(dir)?;
        Ok(Listing { host, entries: Vec::new(), names: Vec::new(), complete: false })
    }

    /// The entry of this number, read from the host if need be.
    fn entry(
        &mut self,
        dir: &cap_std::fs::Dir,
        number: usize,
        interrupted: &dyn Fn() -> bool,
    ) -> Outcome<Option<(&Entry, &[u8])>> {
        while !self.complete && self.entries.len() <= number {
            if self.entries.len().is_multiple_of(CHECK_EVERY) {
                wait::check(interrupted)?;
            }
            self.read_one(dir)?;
        }
        let Some(entry) = self.entries.get(number) else { return Ok(None) };
        let start = number.checked_sub(1).map_or(0, |before| self.entries[before].name_end);
        Ok(Some((entry, &self.names[start..entry.name_end])))
    }

    fn read_one(&mut self, dir: &cap_std::fs::Dir) -> Outcome {
        let Some(entry) = self.host.read() else {
            self.complete = true;
            return Ok(());
        };
        let entry = entry?;
        let name = entry.file_name();
        let (filetype, inode) = match name.to_bytes() {
            // Seen from inside there is nothing above; the parent's number is the host's affair.
            b".." => (FileType::Directory, rustix::fs::fstat(dir)?.st_ino),
            _ => match entry.file_type() {
                rustix::fs::FileType::Unknown => {
                    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    (rustix::fs::FileType::from_raw_mode(stat.st_mode).into(), entry.ino())
                }
                known => (known.into(), entry.ino()),
            },
        };
        self.names.extend_from_slice(name.to_bytes());
        self.entries.push(Entry { inode, filetype, name_end: self.names.len() });
        Ok(())
    }
}

/// The same directory, readable.
///
/// cap-std opens directories as mere places (`O_PATH`) where it can, which is enough to look names up in them, but not to list
/// or sync them. Without the permission to read, the place is what there is.
pub(crate) fn readable(dir: cap_std::fs::Dir) -> cap_std::fs::Dir {
    let is_place = rustix::fs::fcntl_getfl(&dir).is_ok_and(|state| state.contains(OFlags::PATH));
    if !is_place {
        return dir;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(&dir, c".", flags, Mode::empty()) {
        Ok(fd) => cap_std::fs::Dir::from_std_file(fd.into()),
        Err(_) => dir,
    }
}

/// `fd_readdir`: entries from a cookie on, as many as fit; the last one may be cut, which says that there are more.
pub(crate) fn fd_readdir(call: &mut WasiCall<'_>, fd: Fd, buf: u32, buf_len: u32, cookie: u64, out: u32) -> Outcome {
    memory::range(call.memory, out, 4)?;
    let place = memory::array(call.memory, buf, buf_len, 1)?;
    let descriptor = call.ctx.fds.any_mut(fd)?;
    let rights = descriptor.require(Rights::FD_READDIR);
    let Kind::Dir(handle) = &mut descriptor.kind else { return Err(Errno::Notdir.into()) };
    rights?;
    let mut buffer = Buffer { memory: call.memory, ptr: buf, len: place.len(), used: 0 };
    fill(handle, &mut buffer, cookie, call.interrupted)?;
    let used = buffer.used;
    Ok(memory::write_size(call.memory, out, used)?)
}

fn fill(handle: &mut DirHandle, buffer: &mut Buffer<'_, '_>, cookie: u64, interrupted: &dyn Fn() -> bool) -> Outcome {
    if cookie == 0 {
        handle.listing = None;
    }
    let listing = match &mut handle.listing {
        Some(listing) => listing,
        none => none.insert(Listing::new(&handle.dir)?),
    };
    let mut number = usize::try_from(cookie).map_err(|_| Errno::Inval)?;
    while buffer.used < buffer.len {
        let Some((entry, name)) = listing.entry(&handle.dir, number, interrupted)? else { break };
        number += 1;
        let dirent = Dirent {
            next_cookie: number as u64,
            inode: entry.inode,
            name_bytes: u32::try_from(name.len()).map_err(|_| Errno::Overflow)?,
            filetype: entry.filetype,
        };
        buffer.put(&dirent.encode())?;
        buffer.put(name)?;
    }
    Ok(())
}

/// A part of the guest's memory that is filled from its start.
struct Buffer<'c, 'm> {
    memory: &'c mut GuestMemory<'m>,
    ptr: u32,
    len: usize,
    used: usize,
}

impl Buffer<'_, '_> {
    /// Copies what fits.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let part = &bytes[..bytes.len().min(self.len - self.used)];
        if part.is_empty() {
            return Ok(());
        }
        let at = u32::try_from(self.ptr as usize + self.used).map_err(|_| Errno::Fault)?;
        memory::write(self.memory, at, part)?;
        self.used += part.len();
        Ok(())
    }
}
