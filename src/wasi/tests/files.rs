//! Data and attributes of files.

use super::{ALL, APPEND, BUF, CREAT, EXCL, FD_READ, FD_WRITE, Guest, IOVS, OUT, PATH, Place, ROOT, TRUNC};
use crate::wasi::Errno;

#[test]
fn vectored_data_arrives_in_the_order_of_the_iovecs() {
    let place = Place::new();
    let mut guest = place.guest();
    let fd = guest.create("file");
    guest.put(BUF, b"abcdefghij");
    // Not in the order of their places, one empty, one used twice.
    guest.iovs(&[(BUF + 5, 3), (BUF, 2), (BUF + 9, 0), (BUF, 2)]);
    assert_eq!(guest.counted("fd_write", fd, 4), Ok(7));
    assert_eq!(std::fs::read(place.root().join("file")).expect("a file"), b"fghabab");

    guest.ok("fd_seek", &[fd, 0, 0, OUT]);
    guest.iovs(&[(BUF + 100, 2), (BUF + 50, 3), (BUF + 90, 9)]);
    assert_eq!(guest.counted("fd_read", fd, 3), Ok(7));
    assert_eq!((guest.bytes(BUF + 100, 2), guest.bytes(BUF + 50, 3)), (&b"fg"[..], &b"hab"[..]));
    assert_eq!(guest.bytes(BUF + 90, 3), b"ab\0");
}

#[test]
fn overlapping_iovecs_read_like_one_after_the_other() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    guest.write(fd, b"0123456789").expect("a write");
    guest.iovs(&[(BUF, 4), (BUF + 2, 4)]);
    guest.ok("fd_pread", &[fd, IOVS, 2, 0, OUT]);
    assert_eq!(guest.u32(OUT), 8);
    assert_eq!(guest.bytes(BUF, 6), b"014567");
    // The array of iovecs is itself the target.
    guest.iovs(&[(IOVS, 8)]);
    guest.ok("fd_pread", &[fd, IOVS, 1, 0, OUT]);
    assert_eq!(guest.bytes(IOVS, 8), b"01234567");
}

#[test]
fn offsets_move_and_are_checked() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    guest.write(fd, b"0123456789").expect("a write");
    guest.ok("fd_seek", &[fd, -4_i64 as u64, 2, OUT]);
    assert_eq!(guest.u64(OUT), 6);
    assert_eq!(guest.read(fd, 100).as_deref(), Ok(&b"6789"[..]));
    assert_eq!(guest.call("fd_seek", &[fd, -1_i64 as u64, 0, OUT]), Errno::Inval);
    assert_eq!(guest.call("fd_seek", &[fd, -100_i64 as u64, 1, OUT]), Errno::Inval);
    assert_eq!(guest.call("fd_seek", &[fd, 0, 3, OUT]), Errno::Inval);
    guest.iovs(&[(BUF, 1)]);
    assert_eq!(guest.call("fd_pread", &[fd, IOVS, 1, u64::MAX, OUT]), Errno::Inval);
    assert_eq!(guest.call("fd_pwrite", &[fd, IOVS, 1, u64::MAX, OUT]), Errno::Inval);
    assert_eq!(guest.call("fd_filestat_set_size", &[fd, u64::MAX]), Errno::Inval);
    guest.ok("fd_tell", &[fd, OUT]);
    assert_eq!(guest.u64(OUT), 10);
}

#[test]
fn append_can_be_set_and_cleared_and_cut() {
    let place = Place::new();
    let mut guest = place.guest();
    std::fs::write(place.root().join("file"), "old").expect("a file");
    let fd = guest.open_full(ROOT, 1, "file", TRUNC, ALL, APPEND).expect("a file");
    guest.write(fd, b"one").expect("a write");
    guest.ok("fd_seek", &[fd, 0, 0, OUT]);
    guest.write(fd, b"two").expect("a write");
    guest.ok("fd_fdstat_set_flags", &[fd, 0]);
    guest.ok("fd_seek", &[fd, 0, 0, OUT]);
    guest.write(fd, b"ONE").expect("a write");
    assert_eq!(std::fs::read(place.root().join("file")).expect("a file"), b"ONEtwo");
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 1 << 5]), Errno::Inval);
    // Synchronous from now on: at least nothing breaks.
    guest.ok("fd_fdstat_set_flags", &[fd, 0b11010]);
    guest.write(fd, b"!").expect("a write");
    guest.ok("fd_fdstat_get", &[fd, OUT]);
    assert_eq!(guest.bytes(OUT + 2, 2), [0b11010, 0]);
}

#[test]
fn creating_is_exclusive_when_asked_and_opens_what_is_there() {
    let place = Place::new();
    let mut guest = place.guest();
    guest.create("file");
    assert_eq!(guest.open_full(ROOT, 0, "file", CREAT | EXCL, ALL, 0), Err(Errno::Exist));
    assert_eq!(guest.open_full(ROOT, 0, "file", CREAT | EXCL, 0, 0), Err(Errno::Exist));
    // Reading rights alone may create, and may open again.
    assert!(guest.open_full(ROOT, 0, "new", CREAT, FD_READ, 0).is_ok());
    assert!(guest.open_full(ROOT, 0, "new", CREAT, FD_READ, 0).is_ok());
    assert_eq!(guest.open_full(ROOT, 0, "new", CREAT | 2, FD_READ, 0), Err(Errno::Inval));
    assert_eq!(guest.open_full(ROOT, 0, ".", CREAT, FD_READ, 0), Err(Errno::Isdir));
    assert_eq!(guest.open_full(ROOT, 0, "file", 1 << 4, ALL, 0), Err(Errno::Inval));
    assert_eq!(guest.open_full(ROOT, 2, "file", 0, ALL, 0), Err(Errno::Inval));
    assert_eq!(guest.open_full(ROOT, 0, "file", 0, ALL, 1 << 5), Err(Errno::Inval));
}

#[test]
fn a_writer_does_not_read() {
    let mut guest = Place::new().into_guest();
    guest.create("file");
    let fd = guest.open_full(ROOT, 0, "file", 0, FD_WRITE, 0).expect("a file");
    guest.write(fd, b"x").expect("a write");
    assert_eq!(guest.read(fd, 1), Err(Errno::Notcapable));
    guest.iovs(&[(BUF, 1)]);
    assert_eq!(guest.call("fd_pwrite", &[fd, IOVS, 1, 0, OUT]), Errno::Notcapable);
}

fn stat(guest: &mut Guest, lookup: u64, path: &str) -> [u64; 8] {
    guest.put(PATH, path.as_bytes());
    guest.ok("path_filestat_get", &[ROOT, lookup, PATH, path.len() as u64, BUF]);
    std::array::from_fn(|field| guest.u64(BUF + field as u64 * 8))
}

#[test]
fn attributes_are_the_files() {
    let place = Place::new();
    let mut guest = place.guest();
    let fd = guest.create("file");
    guest.write(fd, b"12345").expect("a write");
    assert_eq!(guest.link("path_link", ROOT, "file", ROOT, "second"), Errno::Success);
    let by_path = stat(&mut guest, 0, "second");
    guest.ok("fd_filestat_get", &[fd, BUF]);
    let by_fd: [u64; 8] = std::array::from_fn(|field| guest.u64(BUF + field as u64 * 8));
    assert_eq!(by_path, by_fd);
    assert_eq!((by_path[2] & 0xff, by_path[3], by_path[4]), (4, 2, 5));
    assert_eq!(guest.link("path_symlink", 0, "file", ROOT, "link"), Errno::Success);
    assert_eq!((stat(&mut guest, 0, "link")[2] & 0xff, stat(&mut guest, 1, "link")[2] & 0xff), (7, 4));
}

#[test]
fn times_are_set_one_by_one() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    assert_eq!(guest.link("path_symlink", 0, "file", ROOT, "link"), Errno::Success);
    guest.ok("fd_filestat_set_times", &[fd, 1_000_000_007, 2_000_000_009, 5]);
    assert_eq!(stat(&mut guest, 0, "file")[5..7], [1_000_000_007, 2_000_000_009]);
    guest.put(PATH, b"link");
    guest.ok("path_filestat_set_times", &[ROOT, 1, PATH, 4, 3, 4, 4]);
    assert_eq!(stat(&mut guest, 0, "file")[5..7], [1_000_000_007, 4]);
    guest.put(PATH, b"link");
    guest.ok("path_filestat_set_times", &[ROOT, 0, PATH, 4, 5, 6, 5]);
    assert_eq!(stat(&mut guest, 0, "link")[5..7], [5, 6]);
    assert_eq!(stat(&mut guest, 0, "file")[5..7], [1_000_000_007, 4]);
    for both in [3, 12, 15, 16] {
        assert_eq!(guest.call("fd_filestat_set_times", &[fd, 1, 1, both]), Errno::Inval);
    }
    guest.ok("fd_filestat_set_times", &[fd, 0, 0, 10]);
    assert!(stat(&mut guest, 0, "file")[6] > 1_000_000_000_000_000_000);
}

#[test]
fn room_and_size() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    guest.ok("fd_filestat_set_size", &[fd, 100]);
    assert_eq!(stat(&mut guest, 0, "file")[4], 100);
    match guest.call("fd_allocate", &[fd, 90, 20]) {
        Errno::Success => assert_eq!(stat(&mut guest, 0, "file")[4], 110),
        errno => assert_eq!(errno, Errno::Notsup),
    }
    guest.ok("fd_advise", &[fd, 0, 0, 5]);
    assert_eq!(guest.call("fd_advise", &[fd, 0, 0, 6]), Errno::Inval);
    guest.ok("fd_sync", &[fd]);
    guest.ok("fd_datasync", &[fd]);
    guest.ok("fd_sync", &[ROOT]);
}

#[test]
fn names_that_are_not_utf8_are_bytes() {
    let mut guest = Place::new().into_guest();
    guest.put(PATH, b"\xff\xfe");
    guest.ok("path_create_directory", &[ROOT, PATH, 2]);
    guest.ok("path_filestat_get", &[ROOT, 0, PATH, 2, BUF]);
    guest.ok("path_remove_directory", &[ROOT, PATH, 2]);
}
