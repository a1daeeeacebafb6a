//! Standard streams and pipes.

use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{BUF, FD_READ, FD_WRITE, Guest, IOVS, NONBLOCK, OUT, Place, ROOT};
use crate::wasi::{Errno, Stop, WasiCtxBuilder};

#[test]
fn input_is_read_once_and_output_is_kept() {
    let builder = WasiCtxBuilder::new().stdin_bytes("some input").capture_stdout().capture_stderr();
    let mut guest = Guest::new(builder);
    assert_eq!(guest.read(0, 4).as_deref(), Ok(&b"some"[..]));
    guest.iovs(&[(BUF, 3), (BUF + 3, 100)]);
    assert_eq!(guest.counted("fd_read", 0, 2), Ok(6));
    assert_eq!(guest.bytes(BUF, 6), b" input");
    assert_eq!(guest.read(0, 4).as_deref(), Ok(&b""[..]));
    guest.put(BUF, b"hello");
    guest.iovs(&[(BUF, 5), (BUF, 1)]);
    assert_eq!(guest.counted("fd_write", 1, 2), Ok(6));
    assert_eq!(guest.write(2, b"error"), Ok(5));
    assert_eq!((guest.ctx.take_stdout(), guest.ctx.take_stderr()), (b"helloh".to_vec(), b"error".to_vec()));
    assert!(guest.ctx.take_stdout().is_empty());
}

#[test]
fn streams_go_one_way_and_have_no_offset() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    assert_eq!(guest.write(0, b"x"), Err(Errno::Notcapable));
    assert_eq!(guest.read(1, 1), Err(Errno::Notcapable));
    for fd in 0..3 {
        assert_eq!(guest.call("fd_seek", &[fd, 0, 1, OUT]), Errno::Spipe);
        assert_eq!(guest.call("fd_pread", &[fd, IOVS, 0, 0, OUT]), Errno::Spipe);
        assert_eq!(guest.call("fd_filestat_set_size", &[fd, 0]), Errno::Spipe);
        assert_eq!(guest.call("sock_shutdown", &[fd, 1]), Errno::Notsock);
        guest.ok("fd_filestat_get", &[fd, BUF]);
    }
}

#[test]
fn captured_output_has_a_limit() {
    let mut guest = Guest::new(WasiCtxBuilder::new().capture_stdout().capture_limit(8));
    assert_eq!(guest.write(1, b"12345"), Ok(5));
    assert_eq!(guest.write(1, b"67890"), Err(Errno::Nospc));
    guest.put(BUF, b"abcdef");
    guest.iovs(&[(BUF, 3), (BUF + 3, 3)]);
    assert_eq!(guest.counted("fd_write", 1, 2), Ok(3));
    assert_eq!(guest.ctx.take_stdout(), b"12345abc");
}

#[test]
fn output_goes_to_a_writer() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let writer = file.reopen().expect("the file again");
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout_writer(Box::new(writer)));
    assert_eq!(guest.write(1, b"to a writer"), Ok(11));
    assert_eq!(std::fs::read(file.path()).expect("a file"), b"to a writer");
}

fn pipe(place: &Place) {
    mknodat(CWD, place.root().join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

#[test]
fn a_pipe_without_a_writer_waits_until_interrupted() {
    let place = Place::new();
    pipe(&place);
    let mut guest = place.guest();
    let start = Instant::now();
    let fd = guest.open("pipe").expect("opening does not wait");
    guest.interrupt_after(Duration::from_millis(40));
    guest.iovs(&[(BUF, 1)]);
    assert_eq!(guest.try_call("fd_read", &[fd, IOVS, 1, OUT]), Err(Stop::Interrupted));
    assert!(start.elapsed() >= Duration::from_millis(40) && start.elapsed() < Duration::from_secs(5));
    // At least every 10 ms, give or take a busy machine.
    assert!(guest.probes.get() >= 3, "{} probes", guest.probes.get());
    guest.deadline = None;
    let nonblocking = guest.open_full(ROOT, 0, "pipe", 0, FD_READ, NONBLOCK).expect("a pipe");
    assert_eq!(guest.read(nonblocking, 1), Err(Errno::Again));
}

#[test]
fn a_pipe_takes_more_than_it_holds_when_someone_reads() {
    let place = Place::new();
    pipe(&place);
    let mut guest = place.guest();
    guest.memory.resize(1 << 20, 0);
    let reader = guest.open("pipe").expect("a reader");
    let writer = guest.open_full(ROOT, 0, "pipe", 0, FD_WRITE, 0).expect("a writer");
    assert_eq!(guest.write(writer, b"through a pipe"), Ok(14));
    assert_eq!(guest.read(reader, 100).as_deref(), Ok(&b"through a pipe"[..]));
    // Full: a blocking writer waits; a non-blocking one says how much went through, then EAGAIN.
    guest.interrupt_after(Duration::from_millis(60));
    guest.iovs(&[(BUF, 500_000)]);
    assert_eq!(guest.try_call("fd_write", &[writer, IOVS, 1, OUT]), Err(Stop::Interrupted));
    guest.deadline = None;
    assert_eq!(guest.read(reader, 4096).map(|data| data.len()), Ok(4096));
    let again = guest.open_full(ROOT, 0, "pipe", 0, FD_WRITE, NONBLOCK).expect("a writer");
    guest.iovs(&[(BUF, 500_000)]);
    assert_eq!(guest.counted("fd_write", again, 1), Ok(4096));
    assert_eq!(guest.counted("fd_write", again, 1), Err(Errno::Again));
}
