//! `fd_readdir`: cookies, small buffers, changes while listing.

use std::collections::BTreeSet;

use super::{BUF, FD_READ, Guest, OUT, Place, ROOT};
use crate::wasi::Errno;

/// One call; the whole entries as (cookie of the next, inode, type, name), and whether the end was seen.
fn list(guest: &mut Guest, fd: u64, cookie: u64, len: u64) -> (Vec<(u64, u64, u8, String)>, bool) {
    guest.ok("fd_readdir", &[fd, BUF, len, cookie, OUT]);
    let used = u64::from(guest.u32(OUT));
    assert!(used <= len);
    let (mut entries, mut at) = (Vec::new(), 0);
    while at + 24 <= used {
        let name_len = u64::from(guest.u32(BUF + at + 16));
        if at + 24 + name_len > used {
            break;
        }
        let name = String::from_utf8_lossy(guest.bytes(BUF + at + 24, name_len as usize)).into_owned();
        let record = BUF + at;
        entries.push((guest.u64(record), guest.u64(record + 8), guest.bytes(record + 20, 1)[0], name));
        at += 24 + name_len;
    }
    (entries, used < len)
}

fn list_all(guest: &mut Guest, fd: u64, len: u64) -> Vec<String> {
    let (mut cookie, mut names) = (0, Vec::new());
    loop {
        let (entries, end) = list(guest, fd, cookie, len);
        let Some(last) = entries.last() else { return names };
        cookie = last.0;
        names.extend(entries.into_iter().map(|entry| entry.3));
        if end {
            return names;
        }
    }
}

fn fill(place: &Place, count: usize) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [".", ".."].map(str::to_owned).into();
    for number in 0..count {
        let name = format!("file-{number}{}", "x".repeat(number % 40));
        std::fs::write(place.root().join(&name), "").expect("a file");
        names.insert(name);
    }
    names
}

#[test]
fn every_buffer_size_finds_every_entry_once() {
    let place = Place::new();
    let expected = fill(&place, 150);
    let mut guest = place.guest();
    for len in [80, 81, 100, 255, 256, 1000, 4096, 40_000] {
        let names = list_all(&mut guest, ROOT, len);
        assert_eq!(names.len(), expected.len(), "buffer of {len}");
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected, "buffer of {len}");
    }
}

#[test]
fn a_buffer_too_small_for_one_entry_is_filled() {
    let place = Place::new();
    fill(&place, 3);
    let mut guest = place.guest();
    for len in [0, 1, 8, 23, 24] {
        guest.ok("fd_readdir", &[ROOT, BUF, len, 0, OUT]);
        assert_eq!(u64::from(guest.u32(OUT)), len);
    }
}

#[test]
fn cookies_stay_while_names_come_and_go() {
    let place = Place::new();
    let expected = fill(&place, 100);
    let mut guest = place.guest();
    let (mut cookie, mut seen) = (0, Vec::new());
    loop {
        let (entries, end) = list(&mut guest, ROOT, cookie, 300);
        // Removes what was just seen and adds something new, as a program that clears a directory does.
        for (next, _, filetype, name) in entries {
            cookie = next;
            if filetype == 4 {
                assert_eq!(guest.path("path_unlink_file", ROOT, &name), Errno::Success);
                std::fs::write(place.root().join(format!("new-{name}")), "").expect("a file");
            }
            seen.push(name);
        }
        if end {
            break;
        }
    }
    let unique: BTreeSet<String> = seen.iter().filter(|name| !name.starts_with("new-")).cloned().collect();
    assert_eq!(unique, expected);
    assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len());
    // An old cookie still names what it named; zero starts again.
    let (again, _) = list(&mut guest, ROOT, 5, 300);
    assert_eq!(again[0].3, seen[5]);
    assert_eq!(list_all(&mut guest, ROOT, 4000).len(), 102);
}

#[test]
fn entries_tell_inode_and_type() {
    let place = Place::new();
    std::fs::create_dir(place.root().join("dir")).expect("a directory");
    std::os::unix::fs::symlink("dir", place.root().join("link")).expect("a link");
    let mut guest = place.guest();
    guest.ok("fd_filestat_get", &[ROOT, BUF]);
    let own = guest.u64(BUF + 8);
    let (entries, end) = list(&mut guest, ROOT, 0, 4000);
    assert!(end);
    for (_, inode, filetype, name) in entries {
        match name.as_str() {
            // The parent of a preopened directory is the host's affair.
            "." | ".." => assert_eq!((inode, filetype), (own, 3)),
            "dir" => assert_eq!(filetype, 3),
            "link" => assert_eq!(filetype, 7),
            other => panic!("unexpected entry {other}"),
        }
    }
}

#[test]
fn cookies_of_nowhere_end_the_listing() {
    let place = Place::new();
    fill(&place, 10);
    let mut guest = place.guest();
    for cookie in [12, 13, 1 << 40, u64::MAX] {
        assert!(list(&mut guest, ROOT, cookie, 4000).0.is_empty());
    }
    assert_eq!(list(&mut guest, ROOT, 11, 4000).0.len(), 1);
}

#[test]
fn only_directories_are_listed() {
    let mut guest = Place::new().into_guest();
    guest.create("file");
    let fd = guest.open_full(ROOT, 0, "file", 0, FD_READ | 1 << 14, 0).expect("a file");
    assert_eq!(guest.call("fd_readdir", &[fd, BUF, 100, 0, OUT]), Errno::Notdir);
    let dir = guest.open_full(ROOT, 0, ".", 2, FD_READ, 0).expect("a directory");
    assert_eq!(guest.call("fd_readdir", &[dir, BUF, 100, 0, OUT]), Errno::Notcapable);
    // A name that ends with a slash opens a directory that can be listed.
    guest.path("path_create_directory", ROOT, "sub");
    let sub = guest.open_dir("sub/");
    assert_eq!(list(&mut guest, sub, 0, 4000).0.len(), 2);
}
