//! The table of open descriptors, with their rights.
//!
//! Invariant: a function gets at a descriptor only by naming the rights that it needs ([`FdTable::get`]); rights are only
//! ever taken away (`fd_fdstat_set_rights`), and what is opened through a directory has no rights that the directory does
//! not hand on (`inheriting`).

use std::io::Write;

use cap_std::fs::Dir;

use super::dir::Listing;
use super::errno::Errno;
use super::host::HostFile;
use super::slots::{CAPACITY_MAX, FreeSlots};
use super::types::{Fd, FdFlags, FileType, Rights};

/// An open descriptor.
pub(crate) struct Descriptor {
    pub(crate) kind: Kind,
    /// What it may be used for.
    pub(crate) rights: Rights,
    /// What may be handed on to descriptors opened through it.
    pub(crate) inheriting: Rights,
    /// The guest's view of its state.
    pub(crate) flags: FdFlags,
}

/// What a descriptor stands for.
pub(crate) enum Kind {
    /// Anything of the host that is not a directory.
    Host(HostFile),
    Dir(DirHandle),
    /// Bytes of the embedder, read once from front to back.
    Input {
        data: Vec<u8>,
        position: usize,
    },
    /// Where the embedder wants the guest's output.
    Output(Sink),
}

/// Where output goes that does not go to the host.
pub(crate) enum Sink {
    Null,
    /// Into the buffer of this number in the context.
    Capture(usize),
    Writer(Box<dyn Write + Send>),
}

/// An open directory.
pub(crate) struct DirHandle {
    pub(crate) dir: Dir,
    /// Nothing below may be changed.
    pub(crate) read_only: bool,
    /// The guest's name for it, when the embedder opened it.
    pub(crate) preopen_name: Option<Vec<u8>>,
    /// The entries read so far, which the cookies of `fd_readdir` number.
    pub(crate) listing: Option<Listing>,
}

impl DirHandle {
    /// Answers `EROFS` when nothing below may be changed.
    pub(crate) fn writable(&self) -> Result<&Dir, Errno> {
        if self.read_only { Err(Errno::Rofs) } else { Ok(&self.dir) }
    }
}

impl Descriptor {
    pub(crate) fn filetype(&self) -> FileType {
        match &self.kind {
            Kind::Host(host) => host.filetype,
            Kind::Dir(_) => FileType::Directory,
            // Not a terminal: a program should buffer what it writes.
            Kind::Input { .. } | Kind::Output(_) => FileType::Unknown,
        }
    }

    /// Whether there is a file offset.
    pub(crate) fn seekable(&self) -> bool {
        match &self.kind {
            Kind::Host(host) => host.seekable,
            // Directories lack the right, which says more than `ESPIPE`.
            Kind::Dir(_) => true,
            Kind::Input { .. } | Kind::Output(_) => false,
        }
    }

    pub(crate) fn nonblocking(&self) -> bool {
        self.flags.contains(FdFlags::NONBLOCK)
    }

    /// Answers `ENOTCAPABLE` when one of the rights is missing.
    pub(crate) fn require(&self, rights: Rights) -> Result<(), Errno> {
        if self.rights.contains(rights) { Ok(()) } else { Err(Errno::Notcapable) }
    }
}

/// The table.
pub(crate) struct FdTable {
    slots: Vec<Option<Descriptor>>,
    free: FreeSlots,
}

impl FdTable {
    /// An empty table for at most `capacity` descriptors.
    pub(crate) fn new(capacity: usize) -> FdTable {
        FdTable { slots: Vec::new(), free: FreeSlots::new(capacity.min(CAPACITY_MAX)) }
    }

    /// The number that [`FdTable::insert`] would give.
    pub(crate) fn next(&self) -> Result<Fd, Errno> {
        let number = self.free.lowest().ok_or(Errno::Mfile)?;
        u32::try_from(number).map(Fd).map_err(|_| Errno::Mfile)
    }

    /// Opens a descriptor under the lowest free number.
    pub(crate) fn insert(&mut self, descriptor: Descriptor) -> Result<Fd, Errno> {
        let number = self.free.lowest().ok_or(Errno::Mfile)?;
        let fd = u32::try_from(number).map(Fd).map_err(|_| Errno::Mfile)?;
        if number >= self.slots.len() {
            // The lowest free number is at most one past those ever used.
            self.slots.resize_with(number + 1, || None);
        }
        self.slots[number] = Some(descriptor);
        self.free.take(number);
        Ok(fd)
    }

    fn slot(&mut self, fd: Fd) -> Result<&mut Option<Descriptor>, Errno> {
        let number = usize::try_from(fd.0).map_err(|_| Errno::Badf)?;
        self.slots.get_mut(number).filter(|slot| slot.is_some()).ok_or(Errno::Badf)
    }

    /// The descriptor, whatever its rights.
    pub(crate) fn any(&self, fd: Fd) -> Result<&Descriptor, Errno> {
        let number = usize::try_from(fd.0).map_err(|_| Errno::Badf)?;
        self.slots.get(number).and_then(Option::as_ref).ok_or(Errno::Badf)
    }

    /// The descriptor, whatever its rights.
    pub(crate) fn any_mut(&mut self, fd: Fd) -> Result<&mut Descriptor, Errno> {
        self.slot(fd)?.as_mut().ok_or(Errno::Badf)
    }

    /// The descriptor, if it has the rights.
    pub(crate) fn get(&self, fd: Fd, rights: Rights) -> Result<&Descriptor, Errno> {
        let descriptor = self.any(fd)?;
        descriptor.require(rights)?;
        Ok(descriptor)
    }

    /// The descriptor, if it has the rights.
    pub(crate) fn get_mut(&mut self, fd: Fd, rights: Rights) -> Result<&mut Descriptor, Errno> {
        let descriptor = self.any_mut(fd)?;
        descriptor.require(rights)?;
        Ok(descriptor)
    }

    /// The directory, if it is one and has the rights.
    pub(crate) fn dir(&self, fd: Fd, rights: Rights) -> Result<&DirHandle, Errno> {
        let descriptor = self.any(fd)?;
        let Kind::Dir(handle) = &descriptor.kind else { return Err(Errno::Notdir) };
        descriptor.require(rights)?;
        Ok(handle)
    }

    /// Closes a descriptor.
    pub(crate) fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        *self.slot(fd)? = None;
        self.free.give(fd.0 as usize);
        Ok(())
    }

    /// Moves a descriptor over another, which is closed.
    pub(crate) fn renumber(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        self.slot(to)?;
        if from == to {
            return Ok(());
        }
        let moved = self.slot(from)?.take();
        self.free.give(from.0 as usize);
        *self.slot(to)? = moved;
        Ok(())
    }
}
