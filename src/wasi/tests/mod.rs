//! Tests of the whole folder: the functions are called as an engine calls them, on a memory that is a `Vec<u8>`.
//!
//! The folder is there twice, the second time as `tests_shared`: every call goes to a shared memory of the same contents then.

mod descriptors;
mod faults;
mod files;
mod hammer;
mod listing;
mod polling;
mod read_only;
mod sandbox;
mod signatures;
mod sockets;
mod streams;

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::runtime::shared::SharedMemory;
use crate::wasi::{DirAccess, Errno, GuestMemory, Stop, WasiCall, WasiCtx, WasiCtxBuilder, WasiResult, function};
use crate::wasm::types::MemoryType;

/// Which of the two this is.
const ON_SHARED_MEMORY: bool = module_path!().len() == "deltic::wasi::tests_shared".len();

#[test]
fn the_folder_is_there_for_both_kinds_of_memory() {
    assert_eq!(ON_SHARED_MEMORY, module_path!().ends_with("::tests_shared"));
}

/// All 30 rights.
const ALL: u64 = (1 << 30) - 1;
const FD_READ: u64 = 1 << 1;
const FD_SEEK: u64 = 1 << 2;
const FD_WRITE: u64 = 1 << 6;
const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;

const CREAT: u64 = 1;
const DIRECTORY: u64 = 2;
const EXCL: u64 = 4;
const TRUNC: u64 = 8;

const APPEND: u64 = 1;
const NONBLOCK: u64 = 4;

/// The number of the first preopened directory.
const ROOT: u64 = 3;

/// Where a test's data lie in the guest's memory.
const PATH: u64 = 1024;
const PATH_2: u64 = 4096 + 1024;
const OUT: u64 = 16;
const IOVS: u64 = 64;
const BUF: u64 = 16 * 1024;

/// A guest without a program.
struct Guest {
    ctx: WasiCtx,
    memory: Vec<u8>,
    /// When the cancellation probe begins to say true.
    deadline: Option<Instant>,
    probes: Cell<u32>,
    /// Kept until the guest is done.
    place: Option<Place>,
}

impl Guest {
    fn new(builder: WasiCtxBuilder) -> Guest {
        let ctx = builder.build().expect("the context of a test");
        Guest { ctx, memory: vec![0; 64 * 1024], deadline: None, probes: Cell::new(0), place: None }
    }

    /// With a directory of the host as descriptor 3.
    fn with_root(root: &Path) -> Guest {
        let builder = WasiCtxBuilder::new().preopen(root, "/", DirAccess::ReadWrite);
        Guest::new(builder.expect("the root of a test"))
    }

    fn interrupt_after(&mut self, time: Duration) {
        self.deadline = Some(Instant::now() + time);
    }

    fn try_call(&mut self, name: &str, args: &[u64]) -> WasiResult {
        let (deadline, probes) = (self.deadline, &self.probes);
        let interrupted = || {
            probes.set(probes.get() + 1);
            deadline.is_some_and(|deadline| Instant::now() >= deadline)
        };
        let function = function(name).expect("a function of the table");
        assert_eq!(function.params.len(), args.len(), "arguments of {name}");
        if !ON_SHARED_MEMORY {
            let mut memory = GuestMemory::Own(&mut self.memory);
            return (function.call)(&mut WasiCall { ctx: &mut self.ctx, memory: &mut memory, interrupted: &interrupted }, args);
        }
        let bytes = self.memory.len() as u64;
        let ty = MemoryType { min: bytes, max: Some(bytes), memory64: false, shared: true, page_size_log2: 0 };
        let shared = SharedMemory::with_guards(ty, false).expect("a shared memory");
        shared.write(0, &self.memory).expect("it is as long");
        let mut memory = GuestMemory::Shared(&shared);
        let result = (function.call)(&mut WasiCall { ctx: &mut self.ctx, memory: &mut memory, interrupted: &interrupted }, args);
        shared.read(0, &mut self.memory).expect("it is as long");
        result
    }

    #[track_caller]
    fn call(&mut self, name: &str, args: &[u64]) -> Errno {
        match self.try_call(name, args) {
            Ok(errno) => errno,
            Err(stop) => panic!("{name} stopped the guest: {stop:?}"),
        }
    }

    #[track_caller]
    fn ok(&mut self, name: &str, args: &[u64]) {
        assert_eq!(self.call(name, args), Errno::Success, "{name}");
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        self.memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    fn put_u32(&mut self, at: u64, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().expect("four bytes"))
    }

    fn u64(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().expect("eight bytes"))
    }

    fn bytes(&self, at: u64, len: usize) -> &[u8] {
        &self.memory[at as usize..at as usize + len]
    }

    /// Puts a path at its place and calls a function that begins with descriptor, path and length.
    #[track_caller]
    fn path(&mut self, name: &str, fd: u64, path: &str) -> Errno {
        self.put(PATH, path.as_bytes());
        self.call(name, &[fd, PATH, path.len() as u64])
    }

    #[track_caller]
    fn open_full(&mut self, fd: u64, lookup: u64, path: &str, oflags: u64, rights: u64, flags: u64) -> Result<u64, Errno> {
        self.put(PATH, path.as_bytes());
        let inheriting = if rights == 0 { 0 } else { ALL };
        let args = [fd, lookup, PATH, path.len() as u64, oflags, rights, inheriting, flags, OUT];
        match self.call("path_open", &args) {
            Errno::Success => Ok(u64::from(self.u32(OUT))),
            errno => Err(errno),
        }
    }

    /// Opens below the root, following links, for reading.
    #[track_caller]
    fn open(&mut self, path: &str) -> Result<u64, Errno> {
        self.open_full(ROOT, 1, path, 0, FD_READ | FD_SEEK, 0)
    }

    /// Creates a file below the root and opens it with the rights of a file.
    #[track_caller]
    fn create(&mut self, path: &str) -> u64 {
        self.open_full(ROOT, 1, path, CREAT, ALL, 0).expect("a new file")
    }

    #[track_caller]
    fn open_dir(&mut self, path: &str) -> u64 {
        self.open_full(ROOT, 1, path, DIRECTORY, ALL & !(FD_WRITE | 1 << 8), 0).expect("a directory")
    }

    #[track_caller]
    fn link(&mut self, name: &str, fd: u64, old: &str, new_fd: u64, new: &str) -> Errno {
        self.put(PATH, old.as_bytes());
        self.put(PATH_2, new.as_bytes());
        let (old_len, new_len) = (old.len() as u64, new.len() as u64);
        match name {
            "path_link" => self.call(name, &[fd, 0, PATH, old_len, new_fd, PATH_2, new_len]),
            "path_rename" => self.call(name, &[fd, PATH, old_len, new_fd, PATH_2, new_len]),
            _ => self.call("path_symlink", &[PATH, old_len, new_fd, PATH_2, new_len]),
        }
    }

    /// Writes through one iovec.
    #[track_caller]
    fn write(&mut self, fd: u64, data: &[u8]) -> Result<usize, Errno> {
        self.put(BUF, data);
        self.iovs(&[(BUF, data.len() as u32)]);
        self.counted("fd_write", fd, 1)
    }

    /// Reads through one iovec.
    #[track_caller]
    fn read(&mut self, fd: u64, len: u32) -> Result<Vec<u8>, Errno> {
        self.iovs(&[(BUF, len)]);
        let count = self.counted("fd_read", fd, 1)?;
        Ok(self.bytes(BUF, count).to_vec())
    }

    fn iovs(&mut self, iovs: &[(u64, u32)]) {
        for (place, (buf, len)) in (IOVS..).step_by(8).zip(iovs) {
            self.put_u32(place, *buf as u32);
            self.put_u32(place + 4, *len);
        }
    }

    #[track_caller]
    fn counted(&mut self, name: &str, fd: u64, iov_count: u64) -> Result<usize, Errno> {
        match self.call(name, &[fd, IOVS, iov_count, OUT]) {
            Errno::Success => Ok(self.u32(OUT) as usize),
            errno => Err(errno),
        }
    }
}

/// A directory with a `root` for the guest, and something beside it that the guest must not reach.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory for a test");
        std::fs::create_dir(dir.path().join("inside")).expect("the root");
        std::fs::create_dir(dir.path().join("outside")).expect("the outside");
        std::fs::write(dir.path().join("outside/secret"), "secret").expect("the secret");
        Place { dir }
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("inside")
    }

    fn outside(&self) -> std::path::PathBuf {
        self.dir.path().join("outside")
    }

    fn guest(&self) -> Guest {
        Guest::with_root(&self.root())
    }

    /// For tests that do not look at the host's side.
    fn into_guest(self) -> Guest {
        let mut guest = self.guest();
        guest.place = Some(self);
        guest
    }
}

#[test]
fn a_context_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<WasiCtx>();
    is_send::<WasiCtxBuilder>();
}

#[test]
fn exits_unwind() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    assert_eq!(guest.try_call("proc_exit", &[33]), Err(Stop::Exit(33)));
    assert_eq!(guest.try_call("proc_raise", &[6]), Err(Stop::Exit(134)));
    assert_eq!(guest.try_call("proc_raise", &[0]), Ok(Errno::Success));
    assert_eq!(guest.try_call("proc_raise", &[99]), Ok(Errno::Inval));
}
