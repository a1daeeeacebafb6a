//! A directory that the host opened read-only stays as it is.

use super::{ALL, CREAT, EXCL, FD_FILESTAT_SET_TIMES, FD_READ, FD_WRITE, Guest, PATH, Place, ROOT, TRUNC};
use crate::wasi::{DirAccess, Errno, WasiCtxBuilder};

/// Descriptor 3 is read-only, 4 is not.
const OTHER: u64 = 4;

fn guest(place: &Place) -> Guest {
    std::fs::write(place.root().join("file"), "content").expect("a file");
    std::fs::create_dir(place.root().join("dir")).expect("a directory");
    std::fs::write(place.root().join("dir/file"), "content").expect("a file");
    let other = place.dir.path().join("other");
    std::fs::create_dir(&other).expect("a directory");
    std::fs::write(other.join("mine"), "").expect("a file");
    let builder = WasiCtxBuilder::new()
        .preopen(place.root(), "/ro", DirAccess::ReadOnly)
        .and_then(|builder| builder.preopen(other, "/rw", DirAccess::ReadWrite));
    Guest::new(builder.expect("the directories"))
}

#[test]
fn names_are_not_changed() {
    let place = Place::new();
    let mut guest = guest(&place);
    assert_eq!(guest.path("path_create_directory", ROOT, "new"), Errno::Rofs);
    assert_eq!(guest.path("path_remove_directory", ROOT, "dir"), Errno::Rofs);
    assert_eq!(guest.path("path_unlink_file", ROOT, "file"), Errno::Rofs);
    assert_eq!(guest.link("path_symlink", 0, "file", ROOT, "new"), Errno::Rofs);
    assert_eq!(guest.link("path_rename", ROOT, "file", ROOT, "new"), Errno::Rofs);
    assert_eq!(guest.link("path_rename", ROOT, "file", OTHER, "new"), Errno::Rofs);
    assert_eq!(guest.link("path_rename", OTHER, "mine", ROOT, "new"), Errno::Rofs);
    assert_eq!(guest.link("path_link", OTHER, "mine", ROOT, "new"), Errno::Rofs);
    // Through a second name the file could be written.
    assert_eq!(guest.link("path_link", ROOT, "file", OTHER, "new"), Errno::Rofs);
    assert_eq!(std::fs::read_dir(place.root()).expect("the root").count(), 2);
}

#[test]
fn files_are_not_changed() {
    let place = Place::new();
    let mut guest = guest(&place);
    assert_eq!(guest.open_full(ROOT, 0, "file", 0, FD_WRITE, 0), Err(Errno::Rofs));
    assert_eq!(guest.open_full(ROOT, 0, "file", TRUNC, 0, 0), Err(Errno::Rofs));
    assert_eq!(guest.open_full(ROOT, 0, "new", CREAT, ALL, 0), Err(Errno::Rofs));
    assert_eq!(guest.open_full(ROOT, 0, "new", CREAT, FD_READ, 0), Err(Errno::Rofs));
    assert_eq!(guest.open_full(ROOT, 0, "file", CREAT | EXCL, FD_READ, 0), Err(Errno::Exist));
    assert_eq!(guest.open_full(ROOT, 0, "missing", 0, ALL, 0), Err(Errno::Noent));
    let dir = guest.open_dir("dir");
    assert_eq!(guest.open_full(dir, 0, "file", 0, FD_WRITE, 0), Err(Errno::Rofs));
    guest.put(PATH, b"file");
    assert_eq!(guest.call("path_filestat_set_times", &[ROOT, 0, PATH, 4, 1, 1, 5]), Errno::Rofs);
    assert_eq!(guest.call("fd_filestat_set_times", &[ROOT, 1, 1, 5]), Errno::Rofs);
    // Hosts let an owner set the times through a descriptor that only reads.
    let fd = guest.open_full(ROOT, 0, "file", CREAT, FD_READ | FD_FILESTAT_SET_TIMES, 0).expect("a file");
    assert_eq!(guest.call("fd_filestat_set_times", &[fd, 1, 1, 5]), Errno::Rofs);
    assert_eq!(guest.read(fd, 100).as_deref(), Ok(&b"content"[..]));
    assert_eq!(std::fs::read(place.root().join("file")).expect("a file"), b"content");
}
