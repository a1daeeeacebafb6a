//! Pointers that lead out of the memory: `EFAULT`, without an effect.

use super::{BUF, CREAT, IOVS, OUT, PATH, Place, ROOT};
use crate::wasi::Errno;

/// One past the memory, and as far as a pointer goes.
const BAD: [u64; 3] = [64 * 1024 - 1, 64 * 1024, 0xffff_ffff];

#[test]
fn out_pointers_are_checked_before_the_effect() {
    let place = Place::new();
    let mut guest = place.guest();
    let fd = guest.create("file");
    guest.write(fd, b"0123456789").expect("a write");
    guest.ok("fd_seek", &[fd, 0, 0, OUT]);
    for bad in BAD {
        guest.iovs(&[(BUF, 4)]);
        assert_eq!(guest.call("fd_read", &[fd, IOVS, 1, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_write", &[fd, IOVS, 1, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_pread", &[fd, IOVS, 1, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_pwrite", &[fd, IOVS, 1, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_seek", &[fd, 5, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_tell", &[fd, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_fdstat_get", &[fd, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_filestat_get", &[fd, bad]), Errno::Fault);
        guest.put(PATH, b"new");
        assert_eq!(guest.call("path_open", &[ROOT, 0, PATH, 3, CREAT, 0, 0, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("clock_time_get", &[0, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("random_get", &[bad, 8]), Errno::Fault);
        assert_eq!(guest.call("fd_readdir", &[ROOT, BUF, 100, 0, bad]), Errno::Fault);
        assert_eq!(guest.call("fd_readdir", &[ROOT, bad, 100, 0, OUT]), Errno::Fault);
        assert_eq!(guest.call("poll_oneoff", &[BUF, bad, 1, OUT]), Errno::Fault);
        assert_eq!(guest.call("poll_oneoff", &[bad, BUF, 1, OUT]), Errno::Fault);
    }
    guest.ok("fd_tell", &[fd, OUT]);
    assert_eq!(guest.u64(OUT), 0);
    assert!(!place.root().join("new").exists());
    assert_eq!(std::fs::read(place.root().join("file")).expect("a file"), b"0123456789");
}

#[test]
fn iovecs_are_checked() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    for name in ["fd_read", "fd_write"] {
        for bad in BAD {
            assert_eq!(guest.call(name, &[fd, bad, 1, OUT]), Errno::Fault, "array at {bad}");
            guest.iovs(&[(BUF, 4), (bad, 2)]);
            assert_eq!(guest.call(name, &[fd, IOVS, 2, OUT]), Errno::Fault, "buffer at {bad}");
            guest.iovs(&[(BUF, 0xffff_ffff)]);
            assert_eq!(guest.call(name, &[fd, IOVS, 1, OUT]), Errno::Fault, "length");
        }
        assert_eq!(guest.call(name, &[fd, 0, 0xffff_ffff, OUT]), Errno::Fault);
        assert_eq!(guest.call(name, &[fd, 0, 1 << 29, OUT]), Errno::Fault);
        guest.ok(name, &[fd, 64 * 1024, 0, OUT]);
    }
}

#[test]
fn a_million_iovecs_are_refused_and_a_thousand_are_used() {
    let mut guest = Place::new().into_guest();
    guest.memory.resize(32 << 20, 0);
    let fd = guest.create("file");
    assert_eq!(guest.call("fd_write", &[fd, 0, (1 << 20) + 1, OUT]), Errno::Inval);
    for number in 0..2000 {
        guest.put_u32(BUF + number * 8, 0);
        guest.put_u32(BUF + number * 8 + 4, 1);
    }
    guest.ok("fd_write", &[fd, BUF, 2000, OUT]);
    assert_eq!(guest.u32(OUT), 1024);
}

#[test]
fn paths_are_checked() {
    let mut guest = Place::new().into_guest();
    for bad in BAD {
        assert_eq!(guest.call("path_create_directory", &[ROOT, bad, 2]), Errno::Fault);
        assert_eq!(guest.call("path_unlink_file", &[ROOT, bad, 0xffff_ffff]), Errno::Fault);
        guest.put(PATH, b"x");
        assert_eq!(guest.call("path_rename", &[ROOT, PATH, 1, ROOT, bad, 2]), Errno::Fault);
        assert_eq!(guest.call("path_readlink", &[ROOT, PATH, 1, bad, 2, OUT]), Errno::Fault);
    }
    assert_eq!(guest.call("path_create_directory", &[ROOT, 0, 64 * 1024]), Errno::Nametoolong);
}

#[test]
fn the_last_bytes_of_the_memory_are_usable() {
    let mut guest = Place::new().into_guest();
    let end = guest.memory.len() as u64;
    guest.ok("clock_time_get", &[1, 0, end - 8]);
    guest.ok("random_get", &[end, 0]);
    guest.ok("random_get", &[0, end]);
    // A clock that has rung already, recorded in the very last bytes.
    guest.memory.fill(0);
    guest.ok("poll_oneoff", &[end - 48, end - 32, 1, 0]);
    assert_eq!(guest.u32(0), 1);
}

#[test]
fn an_empty_memory_faults() {
    let mut guest = Place::new().into_guest();
    guest.memory.clear();
    assert_eq!(guest.call("fd_read", &[0, 0, 1, 0]), Errno::Fault);
    assert_eq!(guest.call("args_sizes_get", &[0, 0]), Errno::Fault);
    guest.ok("args_get", &[0, 0]);
    assert_eq!(guest.call("poll_oneoff", &[0, 0, 1, 0]), Errno::Fault);
}
