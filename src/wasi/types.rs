//! The ABI of preview 1: numbers, flag sets and record layouts (WASI snapshot preview1 document, section "Types").
//!
//! Records are little-endian and have the sizes and offsets of the document. They are written and read byte by byte, so
//! that the guest may place them at any alignment.

use bitflags::bitflags;

use super::errno::Errno;

/// A file descriptor of the guest (`fd`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fd(pub(crate) u32);

bitflags! {
    /// What a descriptor may be used for (`rights`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct Rights: u64 {
        const FD_DATASYNC = 1 << 0;
        const FD_READ = 1 << 1;
        const FD_SEEK = 1 << 2;
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        const FD_SYNC = 1 << 4;
        const FD_TELL = 1 << 5;
        const FD_WRITE = 1 << 6;
        const FD_ADVISE = 1 << 7;
        const FD_ALLOCATE = 1 << 8;
        const PATH_CREATE_DIRECTORY = 1 << 9;
        const PATH_CREATE_FILE = 1 << 10;
        const PATH_LINK_SOURCE = 1 << 11;
        const PATH_LINK_TARGET = 1 << 12;
        const PATH_OPEN = 1 << 13;
        const FD_READDIR = 1 << 14;
        const PATH_READLINK = 1 << 15;
        const PATH_RENAME_SOURCE = 1 << 16;
        const PATH_RENAME_TARGET = 1 << 17;
        const PATH_FILESTAT_GET = 1 << 18;
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        const FD_FILESTAT_GET = 1 << 21;
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        const PATH_SYMLINK = 1 << 24;
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        const PATH_UNLINK_FILE = 1 << 26;
        const POLL_FD_READWRITE = 1 << 27;
        const SOCK_SHUTDOWN = 1 << 28;
        const SOCK_ACCEPT = 1 << 29;
    }
}

impl Rights {
    /// What applies to a regular file.
    pub(crate) const REGULAR: Rights = Rights::FD_DATASYNC
        .union(Rights::FD_READ)
        .union(Rights::FD_SEEK)
        .union(Rights::FD_FDSTAT_SET_FLAGS)
        .union(Rights::FD_SYNC)
        .union(Rights::FD_TELL)
        .union(Rights::FD_WRITE)
        .union(Rights::FD_ADVISE)
        .union(Rights::FD_ALLOCATE)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::FD_FILESTAT_SET_SIZE)
        .union(Rights::FD_FILESTAT_SET_TIMES)
        .union(Rights::POLL_FD_READWRITE);

    /// What applies to a directory. No seeking: directory positions are the cookies of `fd_readdir`.
    pub(crate) const DIRECTORY: Rights = Rights::FD_FDSTAT_SET_FLAGS
        .union(Rights::FD_DATASYNC)
        .union(Rights::FD_SYNC)
        .union(Rights::PATH_CREATE_DIRECTORY)
        .union(Rights::PATH_CREATE_FILE)
        .union(Rights::PATH_LINK_SOURCE)
        .union(Rights::PATH_LINK_TARGET)
        .union(Rights::PATH_OPEN)
        .union(Rights::FD_READDIR)
        .union(Rights::PATH_READLINK)
        .union(Rights::PATH_RENAME_SOURCE)
        .union(Rights::PATH_RENAME_TARGET)
        .union(Rights::PATH_FILESTAT_GET)
        .union(Rights::PATH_FILESTAT_SET_SIZE)
        .union(Rights::PATH_FILESTAT_SET_TIMES)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::FD_FILESTAT_SET_TIMES)
        .union(Rights::PATH_SYMLINK)
        .union(Rights::PATH_REMOVE_DIRECTORY)
        .union(Rights::PATH_UNLINK_FILE)
        .union(Rights::POLL_FD_READWRITE);

    /// What applies to a pipe or a terminal. Without seek and tell, by which C libraries recognise a terminal.
    pub(crate) const STREAM: Rights = Rights::FD_READ
        .union(Rights::FD_WRITE)
        .union(Rights::FD_FDSTAT_SET_FLAGS)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::POLL_FD_READWRITE);

    /// What applies to a connected socket.
    pub(crate) const SOCKET: Rights = Rights::STREAM.union(Rights::SOCK_SHUTDOWN);

    /// What applies to a listening socket.
    pub(crate) const LISTENER: Rights = Rights::SOCK_ACCEPT
        .union(Rights::FD_READ)
        .union(Rights::FD_FDSTAT_SET_FLAGS)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::POLL_FD_READWRITE)
        .union(Rights::SOCK_SHUTDOWN);
}

bitflags! {
    /// State of an open descriptor (`fdflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct FdFlags: u32 {
        const APPEND = 1 << 0;
        const DSYNC = 1 << 1;
        const NONBLOCK = 1 << 2;
        const RSYNC = 1 << 3;
        const SYNC = 1 << 4;
    }

    /// How `path_open` opens (`oflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct OpenFlags: u32 {
        const CREAT = 1 << 0;
        const DIRECTORY = 1 << 1;
        const EXCL = 1 << 2;
        const TRUNC = 1 << 3;
    }

    /// How a path is looked up (`lookupflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct LookupFlags: u32 {
        const SYMLINK_FOLLOW = 1 << 0;
    }

    /// Which timestamps to set, and to what (`fstflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct FstFlags: u32 {
        const ATIM = 1 << 0;
        const ATIM_NOW = 1 << 1;
        const MTIM = 1 << 2;
        const MTIM_NOW = 1 << 3;
    }

    /// How `sock_recv` reads (`riflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct RiFlags: u32 {
        const RECV_PEEK = 1 << 0;
        const RECV_WAITALL = 1 << 1;
    }

    /// What `sock_shutdown` closes (`sdflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct SdFlags: u32 {
        const RD = 1 << 0;
        const WR = 1 << 1;
    }

    /// How a clock subscription's timeout is read (`subclockflags`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct SubClockFlags: u32 {
        const ABSTIME = 1 << 0;
    }
}

/// Decodes a flag argument; an unknown bit is `EINVAL`.
pub(crate) fn flags<F: bitflags::Flags<Bits = u32>>(bits: u32) -> Result<F, Errno> {
    F::from_bits(bits).ok_or(Errno::Inval)
}

/// What a descriptor or directory entry is (`filetype`). Pipes have no number of their own in the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum FileType {
    Unknown = 0,
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketDgram = 5,
    SocketStream = 6,
    SymbolicLink = 7,
}

impl From<rustix::fs::FileType> for FileType {
    fn from(host: rustix::fs::FileType) -> FileType {
        match host {
            rustix::fs::FileType::RegularFile => FileType::RegularFile,
            rustix::fs::FileType::Directory => FileType::Directory,
            rustix::fs::FileType::Symlink => FileType::SymbolicLink,
            rustix::fs::FileType::CharacterDevice => FileType::CharacterDevice,
            rustix::fs::FileType::BlockDevice => FileType::BlockDevice,
            // A directory entry does not say which kind of socket it is.
            rustix::fs::FileType::Socket => FileType::SocketStream,
            _ => FileType::Unknown,
        }
    }
}

/// `fdstat`.
pub(crate) struct FdStat {
    pub(crate) filetype: FileType,
    pub(crate) flags: FdFlags,
    pub(crate) rights: Rights,
    pub(crate) inheriting: Rights,
}

impl FdStat {
    pub(crate) const BYTES: usize = 24;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        record[0] = self.filetype as u8;
        // The flags have five bits: the low half of the word is all of them.
        put(&mut record, 2, &(self.flags.bits() as u16).to_le_bytes());
        put(&mut record, 8, &self.rights.bits().to_le_bytes());
        put(&mut record, 16, &self.inheriting.bits().to_le_bytes());
        record
    }
}

/// `filestat`.
pub(crate) struct FileStat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) filetype: FileType,
    pub(crate) link_count: u64,
    pub(crate) size_bytes: u64,
    pub(crate) accessed_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) changed_ns: u64,
}

impl FileStat {
    pub(crate) const BYTES: usize = 64;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        put(&mut record, 0, &self.device.to_le_bytes());
        put(&mut record, 8, &self.inode.to_le_bytes());
        record[16] = self.filetype as u8;
        put(&mut record, 24, &self.link_count.to_le_bytes());
        put(&mut record, 32, &self.size_bytes.to_le_bytes());
        put(&mut record, 40, &self.accessed_ns.to_le_bytes());
        put(&mut record, 48, &self.modified_ns.to_le_bytes());
        put(&mut record, 56, &self.changed_ns.to_le_bytes());
        record
    }
}

/// `dirent`; the name follows it.
pub(crate) struct Dirent {
    pub(crate) next_cookie: u64,
    pub(crate) inode: u64,
    pub(crate) name_bytes: u32,
    pub(crate) filetype: FileType,
}

impl Dirent {
    pub(crate) const BYTES: usize = 24;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        put(&mut record, 0, &self.next_cookie.to_le_bytes());
        put(&mut record, 8, &self.inode.to_le_bytes());
        put(&mut record, 16, &self.name_bytes.to_le_bytes());
        record[20] = self.filetype as u8;
        record
    }
}

/// `prestat`; directories are the only kind.
pub(crate) struct Prestat {
    pub(crate) name_bytes: u32,
}

impl Prestat {
    pub(crate) const BYTES: usize = 8;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        put(&mut record, 4, &self.name_bytes.to_le_bytes());
        record
    }
}

/// `clockid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClockId {
    Realtime,
    Monotonic,
    ProcessCpu,
    ThreadCpu,
}

impl ClockId {
    pub(crate) fn decode(number: u32) -> Result<ClockId, Errno> {
        match number {
            0 => Ok(ClockId::Realtime),
            1 => Ok(ClockId::Monotonic),
            2 => Ok(ClockId::ProcessCpu),
            3 => Ok(ClockId::ThreadCpu),
            _ => Err(Errno::Inval),
        }
    }
}

/// `eventtype`, which is also the tag of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum EventType {
    Clock = 0,
    FdRead = 1,
    FdWrite = 2,
}

/// `subscription`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) userdata: u64,
    pub(crate) kind: SubscriptionKind,
}

/// The union in a `subscription`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SubscriptionKind {
    /// The clock's number stays undecoded: a wrong one is the event's error, not the call's.
    Clock {
        clock: u32,
        timeout_ns: u64,
        flags: u32,
    },
    Fd {
        fd: Fd,
        event: EventType,
    },
}

impl Subscription {
    pub(crate) const BYTES: usize = 48;

    pub(crate) fn decode(record: &[u8; Self::BYTES]) -> Result<Subscription, Errno> {
        let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let kind = match record[8] {
            0 => SubscriptionKind::Clock {
                clock: word(16),
                timeout_ns: long(24),
                flags: u32::from(u16::from_le_bytes([record[40], record[41]])),
            },
            1 => SubscriptionKind::Fd { fd: Fd(word(16)), event: EventType::FdRead },
            2 => SubscriptionKind::Fd { fd: Fd(word(16)), event: EventType::FdWrite },
            _ => return Err(Errno::Inval),
        };
        Ok(Subscription { userdata: long(0), kind })
    }
}

/// `event`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) userdata: u64,
    pub(crate) error: Errno,
    pub(crate) event: EventType,
    pub(crate) available_bytes: u64,
    pub(crate) hangup: bool,
}

impl Event {
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        put(&mut record, 0, &self.userdata.to_le_bytes());
        put(&mut record, 8, &self.error.code().to_le_bytes());
        record[10] = self.event as u8;
        put(&mut record, 16, &self.available_bytes.to_le_bytes());
        record[24] = u8::from(self.hangup);
        record
    }
}

/// Copies a field into a record; the offsets are constants of this file.
fn put(record: &mut [u8], at: usize, field: &[u8]) {
    record[at..at + field.len()].copy_from_slice(field);
}
