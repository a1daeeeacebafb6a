//! Error numbers (WASI snapshot preview1 document, `errno`) and how host errors become one.

use std::io;

use super::table::Stop;

/// One table for the numbers, their names and the host's errors that mean them.
macro_rules! errnos {
    ($($number:literal $variant:ident $name:literal $(= $host:ident)?;)*) => {
        /// The answer of a WASI function: `Errno::Success` or why not.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u16)]
        #[allow(missing_docs)] // The names are the document's.
        pub enum Errno {
            $($variant = $number,)*
        }

        impl Errno {
            /// The name in the document.
            pub fn name(self) -> &'static str {
                match self {
                    $(Errno::$variant => $name,)*
                }
            }

            fn from_host(host: rustix::io::Errno) -> Errno {
                match host {
                    $($(rustix::io::Errno::$host => Errno::$variant,)?)*
                    _ => Errno::Io,
                }
            }
        }
    };
}

errnos! {
    0 Success "success";
    1 TooBig "2big" = TOOBIG;
    2 Acces "acces" = ACCESS;
    3 Addrinuse "addrinuse" = ADDRINUSE;
    4 Addrnotavail "addrnotavail" = ADDRNOTAVAIL;
    5 Afnosupport "afnosupport" = AFNOSUPPORT;
    6 Again "again" = AGAIN;
    7 Already "already" = ALREADY;
    8 Badf "badf" = BADF;
    9 Badmsg "badmsg" = BADMSG;
    10 Busy "busy" = BUSY;
    11 Canceled "canceled" = CANCELED;
    12 Child "child" = CHILD;
    13 Connaborted "connaborted" = CONNABORTED;
    14 Connrefused "connrefused" = CONNREFUSED;
    15 Connreset "connreset" = CONNRESET;
    16 Deadlk "deadlk" = DEADLK;
    17 Destaddrreq "destaddrreq" = DESTADDRREQ;
    18 Dom "dom" = DOM;
    19 Dquot "dquot" = DQUOT;
    20 Exist "exist" = EXIST;
    21 Fault "fault" = FAULT;
    22 Fbig "fbig" = FBIG;
    23 Hostunreach "hostunreach" = HOSTUNREACH;
    24 Idrm "idrm" = IDRM;
    25 Ilseq "ilseq" = ILSEQ;
    26 Inprogress "inprogress" = INPROGRESS;
    27 Intr "intr" = INTR;
    28 Inval "inval" = INVAL;
    29 Io "io" = IO;
    30 Isconn "isconn" = ISCONN;
    31 Isdir "isdir" = ISDIR;
    32 Loop "loop" = LOOP;
    33 Mfile "mfile" = MFILE;
    34 Mlink "mlink" = MLINK;
    35 Msgsize "msgsize" = MSGSIZE;
    36 Multihop "multihop" = MULTIHOP;
    37 Nametoolong "nametoolong" = NAMETOOLONG;
    38 Netdown "netdown" = NETDOWN;
    39 Netreset "netreset" = NETRESET;
    40 Netunreach "netunreach" = NETUNREACH;
    41 Nfile "nfile" = NFILE;
    42 Nobufs "nobufs" = NOBUFS;
    43 Nodev "nodev" = NODEV;
    44 Noent "noent" = NOENT;
    45 Noexec "noexec" = NOEXEC;
    46 Nolck "nolck" = NOLCK;
    47 Nolink "nolink" = NOLINK;
    48 Nomem "nomem" = NOMEM;
    49 Nomsg "nomsg" = NOMSG;
    50 Noprotoopt "noprotoopt" = NOPROTOOPT;
    51 Nospc "nospc" = NOSPC;
    52 Nosys "nosys" = NOSYS;
    53 Notconn "notconn" = NOTCONN;
    54 Notdir "notdir" = NOTDIR;
    55 Notempty "notempty" = NOTEMPTY;
    56 Notrecoverable "notrecoverable" = NOTRECOVERABLE;
    57 Notsock "notsock" = NOTSOCK;
    58 Notsup "notsup" = NOTSUP;
    59 Notty "notty" = NOTTY;
    60 Nxio "nxio" = NXIO;
    61 Overflow "overflow" = OVERFLOW;
    62 Ownerdead "ownerdead" = OWNERDEAD;
    63 Perm "perm" = PERM;
    64 Pipe "pipe" = PIPE;
    65 Proto "proto" = PROTO;
    66 Protonosupport "protonosupport" = PROTONOSUPPORT;
    67 Prototype "prototype" = PROTOTYPE;
    68 Range "range" = RANGE;
    69 Rofs "rofs" = ROFS;
    70 Spipe "spipe" = SPIPE;
    71 Srch "srch" = SRCH;
    72 Stale "stale" = STALE;
    73 Timedout "timedout" = TIMEDOUT;
    74 Txtbsy "txtbsy" = TXTBSY;
    75 Xdev "xdev" = XDEV;
    76 Notcapable "notcapable";
}

impl Errno {
    /// The number that the guest sees.
    pub fn code(self) -> u16 {
        self as u16
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(host: rustix::io::Errno) -> Errno {
        Errno::from_host(host)
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        if let Some(host) = rustix::io::Errno::from_io_error(&error) {
            return Errno::from_host(host);
        }
        // Errors without a number are made by libraries. cap-std's refusal of a path that leads out of its directory is
        // one of them: no capability, rather than no permission.
        match error.kind() {
            io::ErrorKind::PermissionDenied => Errno::Notcapable,
            io::ErrorKind::NotFound => Errno::Noent,
            io::ErrorKind::AlreadyExists => Errno::Exist,
            io::ErrorKind::InvalidInput => Errno::Inval,
            io::ErrorKind::WouldBlock => Errno::Again,
            io::ErrorKind::BrokenPipe => Errno::Pipe,
            io::ErrorKind::StorageFull => Errno::Nospc,
            io::ErrorKind::OutOfMemory => Errno::Nomem,
            io::ErrorKind::Unsupported => Errno::Notsup,
            _ => Errno::Io,
        }
    }
}

/// Why a function did not finish: the guest is told, or the guest is stopped.
#[derive(Debug)]
pub(crate) enum Fail {
    Errno(Errno),
    Stop(Stop),
}

/// What the functions of this folder return before the table turns it into the ABI's answer.
pub(crate) type Outcome<T = ()> = Result<T, Fail>;

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Fail {
        Fail::Errno(errno)
    }
}

impl From<Stop> for Fail {
    fn from(stop: Stop) -> Fail {
        Fail::Stop(stop)
    }
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Fail {
        Fail::Errno(error.into())
    }
}

impl From<rustix::io::Errno> for Fail {
    fn from(error: rustix::io::Errno) -> Fail {
        Fail::Errno(error.into())
    }
}
