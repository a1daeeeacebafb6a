//! The table of descriptors: numbers, limits, rights.

use super::{ALL, BUF, CREAT, DIRECTORY, FD_READ, FD_SEEK, FD_WRITE, Guest, OUT, PATH, Place, ROOT, TRUNC};
use crate::wasi::{BuildError, DirAccess, Errno, WasiCtxBuilder};

#[test]
fn numbers_run_out_and_come_back_lowest_first() {
    let place = Place::new();
    let builder = WasiCtxBuilder::new().max_fds(8).preopen(place.root(), "/", DirAccess::ReadWrite);
    let mut guest = Guest::new(builder.expect("a root"));
    for expected in 4..8 {
        assert_eq!(guest.open("."), Ok(expected));
    }
    assert_eq!(guest.open("."), Err(Errno::Mfile));
    // Nothing is made on the host when there is no number for it.
    assert_eq!(guest.open_full(ROOT, 1, "new", CREAT, ALL, 0), Err(Errno::Mfile));
    assert!(!place.root().join("new").exists());
    guest.ok("fd_close", &[6]);
    guest.ok("fd_close", &[5]);
    assert_eq!(guest.call("fd_close", &[5]), Errno::Badf);
    assert_eq!(guest.open("."), Ok(5));
    assert_eq!(guest.open("."), Ok(6));
    assert_eq!(guest.open("."), Err(Errno::Mfile));
}

#[test]
fn too_many_preopens_are_refused() {
    let place = Place::new();
    let builder = WasiCtxBuilder::new().max_fds(3).preopen(place.root(), "/", DirAccess::ReadWrite).expect("a root");
    assert!(matches!(builder.build(), Err(BuildError::TooManyDescriptors { limit: 3 })));
}

#[test]
fn renumbering_moves_and_closes() {
    let place = Place::new();
    let mut guest = place.guest();
    let (from, to) = (guest.create("from"), guest.create("to"));
    guest.write(from, b"one").expect("a write");
    guest.ok("fd_renumber", &[from, to]);
    guest.write(to, b" two").expect("a write");
    assert_eq!(std::fs::read(place.root().join("from")).expect("a file"), b"one two");
    assert_eq!(guest.call("fd_renumber", &[from, to]), Errno::Badf);
    assert_eq!(guest.call("fd_renumber", &[to, from]), Errno::Badf);
    assert_eq!(guest.call("fd_renumber", &[to, 0xffff_ffff]), Errno::Badf);
    guest.ok("fd_renumber", &[to, to]);
    guest.ok("fd_renumber", &[to, ROOT]);
    assert_eq!(guest.open("from"), Err(Errno::Notdir));
    assert_eq!(guest.call("fd_prestat_get", &[ROOT, OUT]), Errno::Badf);
}

#[test]
fn preopens_tell_their_names() {
    let mut guest = Place::new().into_guest();
    guest.ok("fd_prestat_get", &[ROOT, OUT]);
    assert_eq!((guest.bytes(OUT, 1), guest.u32(OUT + 4)), (&[0][..], 1));
    guest.ok("fd_prestat_dir_name", &[ROOT, BUF, 1]);
    assert_eq!(guest.bytes(BUF, 1), b"/");
    assert_eq!(guest.call("fd_prestat_dir_name", &[ROOT, BUF, 0]), Errno::Nametoolong);
    assert_eq!(guest.call("fd_prestat_get", &[0, OUT]), Errno::Badf);
    assert_eq!(guest.call("fd_prestat_get", &[4, OUT]), Errno::Badf);
}

#[test]
fn rights_only_shrink() {
    let mut guest = Place::new().into_guest();
    let fd = guest.create("file");
    guest.ok("fd_fdstat_set_rights", &[fd, FD_READ | FD_SEEK, 0]);
    assert_eq!(guest.write(fd, b"x"), Err(Errno::Notcapable));
    assert_eq!(guest.call("fd_sync", &[fd]), Errno::Notcapable);
    assert_eq!(guest.call("fd_fdstat_set_rights", &[fd, FD_READ | FD_WRITE, 0]), Errno::Notcapable);
    assert_eq!(guest.call("fd_fdstat_set_rights", &[fd, u64::MAX, u64::MAX]), Errno::Notcapable);
    guest.ok("fd_fdstat_get", &[fd, OUT]);
    assert_eq!((guest.u64(OUT + 8), guest.u64(OUT + 16)), (FD_READ | FD_SEEK, 0));
    // FD_SEEK includes telling; telling does not include seeking.
    guest.ok("fd_tell", &[fd, OUT]);
    guest.ok("fd_fdstat_set_rights", &[fd, 0, 0]);
    assert_eq!(guest.call("fd_tell", &[fd, OUT]), Errno::Notcapable);
}

#[test]
fn a_directory_hands_on_no_more_than_it_has() {
    let mut guest = Place::new().into_guest();
    guest.create("file");
    guest.ok("fd_fdstat_set_rights", &[ROOT, ALL & DIR_RIGHTS, ALL & !FD_WRITE]);
    assert_eq!(guest.open_full(ROOT, 1, "file", 0, FD_WRITE, 0), Err(Errno::Notcapable));
    // Inheriting everything is more than the directory may hand on, too.
    guest.put(PATH, b"file");
    let args = [ROOT, 1, PATH, 4, 0, FD_READ, ALL, 0, OUT];
    assert_eq!(guest.call("path_open", &args), Errno::Notcapable);
    let args = [ROOT, 1, PATH, 4, 0, FD_READ, 0, 0, OUT];
    guest.ok("path_open", &args);
    // Making and cutting files are rights of the directory.
    guest.ok("fd_fdstat_set_rights", &[ROOT, (1 << 13) | (1 << 14), ALL & !FD_WRITE]);
    assert_eq!(guest.open_full(ROOT, 1, "new", CREAT, 0, 0), Err(Errno::Notcapable));
    assert_eq!(guest.open_full(ROOT, 1, "file", TRUNC, 0, 0), Err(Errno::Notcapable));
    assert_eq!(guest.path("path_unlink_file", ROOT, "file"), Errno::Notcapable);
}

/// What a preopened directory has.
const DIR_RIGHTS: u64 = 0x0fbf_fe19;

#[test]
fn preopens_have_the_rights_of_a_directory() {
    let mut guest = Place::new().into_guest();
    guest.ok("fd_fdstat_get", &[ROOT, OUT]);
    assert_eq!(guest.bytes(OUT, 1), [3]);
    assert_eq!((guest.u64(OUT + 8), guest.u64(OUT + 16)), (DIR_RIGHTS, ALL));
    assert_eq!(guest.open_full(ROOT, 1, ".", DIRECTORY, FD_READ | FD_WRITE, 0), Err(Errno::Isdir));
    assert_eq!(guest.call("fd_seek", &[ROOT, 0, 1, OUT]), Errno::Notcapable);
}

#[test]
fn errors_of_the_builder_name_what_is_wrong() {
    let missing = WasiCtxBuilder::new().preopen("/nowhere/at/all", "/data", DirAccess::ReadOnly);
    let message = missing.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("/nowhere/at/all") && message.contains("/data"), "{message}");
    assert!(matches!(WasiCtxBuilder::new().arg("a\0b").build(), Err(BuildError::Nul { .. })));
    assert!(matches!(WasiCtxBuilder::new().env("A", "\0").build(), Err(BuildError::Nul { .. })));
    assert!(matches!(WasiCtxBuilder::new().env("A=B", "").build(), Err(BuildError::VariableName { .. })));
}

#[test]
fn arguments_and_variables_arrive() {
    let builder = WasiCtxBuilder::new().args(["prog", "", "ü"]).env("A", "1").env("B", "2").env("A", "3");
    let mut guest = Guest::new(builder);
    guest.ok("args_sizes_get", &[OUT, OUT + 4]);
    assert_eq!((guest.u32(OUT), guest.u32(OUT + 4)), (3, 9));
    guest.ok("args_get", &[OUT, BUF]);
    assert_eq!(guest.bytes(BUF, 9), b"prog\0\0\xc3\xbc\0");
    assert_eq!([guest.u32(OUT), guest.u32(OUT + 4), guest.u32(OUT + 8)].map(u64::from), [BUF, BUF + 5, BUF + 6]);
    guest.ok("environ_sizes_get", &[OUT, OUT + 4]);
    assert_eq!((guest.u32(OUT), guest.u32(OUT + 4)), (2, 8));
    guest.ok("environ_get", &[OUT, BUF]);
    assert_eq!(guest.bytes(BUF, 8), b"A=3\0B=2\0");
}
