//! Ways out of a directory, none of which may work.

use std::os::unix::fs::symlink;

use super::{ALL, BUF, CREAT, DIRECTORY, FD_READ, OUT, PATH, Place, ROOT, TRUNC};
use crate::wasi::Errno;

/// Names of the secret beside the root, and of the way there through links that the host made.
const ESCAPES: &[&str] = &[
    "../outside/secret",
    "../inside/../outside/secret",
    "dir/../../outside/secret",
    "./././../outside/secret",
    "dir/./../.././outside//secret",
    "to_outside/secret",
    "to_secret",
    "absolute/secret",
    "dir/up/outside/secret",
    "chain_1",
    "/etc/passwd",
    "//etc/passwd",
];

fn place() -> Place {
    let place = Place::new();
    let root = place.root();
    std::fs::create_dir(root.join("dir")).expect("a directory");
    std::fs::write(root.join("file"), "inside").expect("a file");
    symlink("../outside", root.join("to_outside")).expect("a link");
    symlink("../outside/secret", root.join("to_secret")).expect("a link");
    symlink(place.outside(), root.join("absolute")).expect("a link");
    symlink("../..", root.join("dir/up")).expect("a link");
    symlink("chain_2", root.join("chain_1")).expect("a link");
    symlink("dir/../to_secret", root.join("chain_2")).expect("a link");
    place
}

#[test]
fn no_path_leads_outside() {
    let place = place();
    let mut guest = place.guest();
    for escape in ESCAPES {
        assert_eq!(guest.open(escape), Err(Errno::Notcapable), "open {escape}");
        let stat = [ROOT, 1, PATH, escape.len() as u64, 8192];
        guest.put(PATH, escape.as_bytes());
        assert_eq!(guest.call("path_filestat_get", &stat), Errno::Notcapable, "stat {escape}");
        let times = [ROOT, 1, PATH, escape.len() as u64, 1, 1, 5];
        assert_eq!(guest.call("path_filestat_set_times", &times), Errno::Notcapable, "times {escape}");
    }
}

#[test]
fn nothing_is_made_outside() {
    let place = place();
    let mut guest = place.guest();
    for parent in ["..", "dir/../..", "to_outside", "absolute", "dir/up", "../outside"] {
        let path = format!("{parent}/new");
        assert_eq!(guest.open_full(ROOT, 1, &path, CREAT, ALL, 0), Err(Errno::Notcapable), "{path}");
        assert_eq!(guest.path("path_create_directory", ROOT, &path), Errno::Notcapable, "{path}");
        assert_eq!(guest.link("path_symlink", 0, "file", ROOT, &path), Errno::Notcapable, "{path}");
        assert_eq!(guest.link("path_link", ROOT, "file", ROOT, &path), Errno::Notcapable, "{path}");
        assert_eq!(guest.link("path_rename", ROOT, "file", ROOT, &path), Errno::Notcapable, "{path}");
    }
    assert_eq!(std::fs::read_dir(place.outside()).expect("the outside").count(), 1);
    assert_eq!(std::fs::read_dir(place.dir.path()).expect("above").count(), 2);
}

#[test]
fn nothing_outside_is_taken_or_removed() {
    let place = place();
    let mut guest = place.guest();
    for path in ["../outside/secret", "to_outside/secret", "absolute/secret", "dir/up/outside/secret"] {
        assert_eq!(guest.link("path_link", ROOT, path, ROOT, "mine"), Errno::Notcapable, "{path}");
        assert_eq!(guest.link("path_rename", ROOT, path, ROOT, "mine"), Errno::Notcapable, "{path}");
        assert_eq!(guest.path("path_unlink_file", ROOT, path), Errno::Notcapable, "{path}");
        guest.put(PATH, path.as_bytes());
        let follow = [ROOT, 1, PATH, path.len() as u64, ROOT, PATH, 4];
        assert_eq!(guest.call("path_link", &follow), Errno::Notcapable, "{path}");
    }
    assert_eq!(guest.path("path_remove_directory", ROOT, "../outside"), Errno::Notcapable);
    assert!(place.outside().join("secret").exists());
}

#[test]
fn a_directory_is_a_root_of_its_own() {
    let place = place();
    let mut guest = place.guest();
    let dir = guest.open_dir("dir");
    assert_eq!(guest.open_full(dir, 1, "../file", 0, FD_READ, 0), Err(Errno::Notcapable));
    assert_eq!(guest.open_full(dir, 1, "..", 0, 0, 0), Err(Errno::Notcapable));
    assert!(guest.open_full(dir, 1, ".", 0, 0, 0).is_ok());
}

#[test]
fn links_inside_are_followed_and_outside_ones_can_be_read_and_removed() {
    let place = place();
    let mut guest = place.guest();
    assert_eq!(guest.link("path_symlink", 0, "../file", ROOT, "dir/back"), Errno::Success);
    let fd = guest.open("dir/back").expect("a link inside");
    assert_eq!(guest.read(fd, 10).as_deref(), Ok(&b"inside"[..]));
    assert_eq!(guest.open_full(ROOT, 0, "dir/back", 0, FD_READ, 0), Err(Errno::Loop));
    guest.put(PATH, b"to_secret");
    guest.ok("path_readlink", &[ROOT, PATH, 9, BUF, 100, OUT]);
    assert_eq!(guest.bytes(BUF, guest.u32(OUT) as usize), b"../outside/secret");
    assert_eq!(guest.path("path_unlink_file", ROOT, "to_secret"), Errno::Success);
    assert!(place.outside().join("secret").exists());
}

#[test]
fn links_to_absolute_places_are_not_made() {
    let mut guest = place().into_guest();
    assert_eq!(guest.link("path_symlink", 0, "/etc/passwd", ROOT, "evil"), Errno::Notcapable);
}

#[test]
fn a_loop_ends() {
    let place = place();
    symlink("loop", place.root().join("loop")).expect("a link");
    assert_eq!(place.guest().open("loop"), Err(Errno::Loop));
}

#[test]
fn names_are_checked() {
    let mut guest = place().into_guest();
    assert_eq!(guest.open(""), Err(Errno::Noent));
    assert_eq!(guest.open("file\0"), Err(Errno::Inval));
    assert_eq!(guest.open("file/"), Err(Errno::Notdir));
    assert_eq!(guest.open("file/."), Err(Errno::Notdir));
    assert_eq!(guest.open(&"x/".repeat(2048)), Err(Errno::Nametoolong));
    assert_eq!(guest.open_full(ROOT, 1, "new/", CREAT, ALL, 0), Err(Errno::Isdir));
    assert_eq!(guest.open_full(9, 1, "file", 0, 0, 0), Err(Errno::Badf));
    assert_eq!(guest.open_full(0, 1, "file", 0, 0, 0), Err(Errno::Notdir));
}

#[test]
fn a_link_to_a_directory_opens_as_one() {
    let place = place();
    symlink("dir", place.root().join("to_dir")).expect("a link");
    symlink("file", place.root().join("to_file")).expect("a link");
    let mut guest = place.guest();
    let mut open = |lookup, path: &str, oflags| guest.open_full(ROOT, lookup, path, oflags, FD_READ, 0).map(|_| ());
    assert_eq!(open(1, "to_dir", DIRECTORY), Ok(()));
    assert_eq!(open(1, "to_dir/", 0), Ok(()));
    assert_eq!(open(0, "to_dir/", 0), Ok(()));
    assert_eq!(open(1, "to_file", DIRECTORY), Err(Errno::Notdir));
    assert_eq!(open(1, "to_file/", 0), Err(Errno::Notdir));
    assert_eq!(open(1, "to_file/", TRUNC), Err(Errno::Notdir));
    assert_eq!(open(1, "to_outside", DIRECTORY), Err(Errno::Notcapable));
    assert!(matches!(open(0, "to_dir", DIRECTORY), Err(Errno::Loop | Errno::Notdir)));
    assert_eq!(std::fs::read(place.root().join("file")).expect("a file"), b"inside");
}
