//! `poll_oneoff` and clocks.

use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{ALL, BUF, FD_READ, FD_WRITE, Guest, OUT, Place, ROOT};
use crate::wasi::{Errno, Stop, WasiCtxBuilder};

const EVENTS: u64 = 32 * 1024;
const MILLISECOND: u64 = 1_000_000;

fn clock(guest: &mut Guest, number: u64, id: u32, timeout_ns: u64, flags: u16) {
    let at = BUF + number * 48;
    guest.put(at, &[0; 48]);
    guest.put(at, &(100 + number).to_le_bytes());
    guest.put_u32(at + 16, id);
    guest.put(at + 24, &timeout_ns.to_le_bytes());
    guest.put(at + 40, &flags.to_le_bytes());
}

fn descriptor(guest: &mut Guest, number: u64, tag: u8, fd: u32) {
    let at = BUF + number * 48;
    guest.put(at, &[0; 48]);
    guest.put(at, &(100 + number).to_le_bytes());
    guest.put(at + 8, &[tag]);
    guest.put_u32(at + 16, fd);
}

/// The events as (userdata, errno, type, bytes, flags).
fn poll(guest: &mut Guest, count: u64) -> Vec<(u64, u16, u8, u64, u8)> {
    guest.ok("poll_oneoff", &[BUF, EVENTS, count, OUT]);
    let found = u64::from(guest.u32(OUT));
    let event = |at: u64| {
        let error = u16::from_le_bytes([guest.bytes(at + 8, 1)[0], guest.bytes(at + 9, 1)[0]]);
        (guest.u64(at), error, guest.bytes(at + 10, 1)[0], guest.u64(at + 16), guest.bytes(at + 24, 1)[0])
    };
    (0..found).map(|number| event(EVENTS + number * 32)).collect()
}

#[test]
fn the_nearest_clock_rings_in_time() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    clock(&mut guest, 0, 1, 3_600_000 * MILLISECOND, 0);
    clock(&mut guest, 1, 0, 35 * MILLISECOND, 0);
    let start = Instant::now();
    assert_eq!(poll(&mut guest, 2), [(101, 0, 0, 0, 0)]);
    assert!(start.elapsed() >= Duration::from_millis(35) && start.elapsed() < Duration::from_secs(5));
}

#[test]
fn absolute_times_of_both_clocks() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    for id in [0, 1] {
        guest.ok("clock_time_get", &[id, 0, OUT]);
        let now = guest.u64(OUT);
        clock(&mut guest, 0, id as u32, now + 20 * MILLISECOND, 1);
        let start = Instant::now();
        assert_eq!(poll(&mut guest, 1).len(), 1);
        assert!(start.elapsed() >= Duration::from_millis(15));
        clock(&mut guest, 0, id as u32, now, 1);
        assert_eq!(poll(&mut guest, 1).len(), 1);
    }
}

#[test]
fn an_hour_is_interrupted() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    clock(&mut guest, 0, 1, u64::MAX, 0);
    guest.interrupt_after(Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(guest.try_call("poll_oneoff", &[BUF, EVENTS, 1, OUT]), Err(Stop::Interrupted));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(guest.probes.get() >= 3, "{} probes", guest.probes.get());
}

#[test]
fn errors_are_events() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    clock(&mut guest, 0, 9, 0, 0);
    clock(&mut guest, 1, 2, 0, 0);
    clock(&mut guest, 2, 1, 0, 2);
    descriptor(&mut guest, 3, 1, 77);
    descriptor(&mut guest, 4, 1, 1);
    let errors: Vec<(u64, u16)> = poll(&mut guest, 5).into_iter().map(|event| (event.0, event.1)).collect();
    let expected = [Errno::Inval, Errno::Notsup, Errno::Inval, Errno::Badf, Errno::Notcapable];
    assert_eq!(errors, (100..).zip(expected.map(Errno::code)).collect::<Vec<_>>());
}

#[test]
fn a_poll_of_nothing_or_of_nonsense_is_refused() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    assert_eq!(guest.call("poll_oneoff", &[BUF, EVENTS, 0, OUT]), Errno::Inval);
    assert_eq!(guest.call("poll_oneoff", &[BUF, EVENTS, 0xffff_ffff, OUT]), Errno::Inval);
    descriptor(&mut guest, 0, 3, 0);
    assert_eq!(guest.call("poll_oneoff", &[BUF, EVENTS, 1, OUT]), Errno::Inval);
}

#[test]
fn files_and_kept_streams_are_always_ready() {
    let place = Place::new();
    std::fs::write(place.root().join("file"), "0123456789").expect("a file");
    let mut guest = place.guest();
    let fd = guest.open_full(ROOT, 0, "file", 0, ALL, 0).expect("a file") as u32;
    guest.read(u64::from(fd), 3).expect("a read");
    descriptor(&mut guest, 0, 1, fd);
    descriptor(&mut guest, 1, 2, fd);
    descriptor(&mut guest, 2, 1, 0);
    descriptor(&mut guest, 3, 2, 1);
    clock(&mut guest, 4, 1, 3_600_000 * MILLISECOND, 0);
    let events = poll(&mut guest, 5);
    assert_eq!(events.iter().map(|event| (event.0, event.1)).collect::<Vec<_>>(), [(100, 0), (101, 0), (102, 0), (103, 0)]);
    assert_eq!(events[0].3, 7);
}

#[test]
fn a_pipe_is_ready_when_there_is_something() {
    let place = Place::new();
    mknodat(CWD, place.root().join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let mut guest = place.guest();
    let poll_right = 1 << 27;
    let reader = guest.open_full(ROOT, 0, "pipe", 0, FD_READ | poll_right, 0).expect("a pipe");
    let writer = guest.open_full(ROOT, 0, "pipe", 0, FD_WRITE | poll_right, 0).expect("a pipe");
    descriptor(&mut guest, 0, 1, reader as u32);
    clock(&mut guest, 1, 1, 15 * MILLISECOND, 0);
    assert_eq!(poll(&mut guest, 2), [(101, 0, 0, 0, 0)]);
    descriptor(&mut guest, 1, 2, writer as u32);
    assert_eq!(poll(&mut guest, 2), [(101, 0, 2, 4096, 0)]);
    guest.put(EVENTS, b"12345");
    guest.iovs(&[(EVENTS, 5)]);
    assert_eq!(guest.counted("fd_write", writer, 1), Ok(5));
    guest.ok("fd_close", &[writer]);
    assert_eq!(poll(&mut guest, 1), [(100, 0, 1, 5, 1)]);
}

#[test]
fn clocks_have_resolutions_and_go_on() {
    let mut guest = Guest::new(WasiCtxBuilder::new());
    for id in 0..4 {
        guest.ok("clock_res_get", &[id, OUT]);
        assert!(guest.u64(OUT) > 0);
        guest.ok("clock_time_get", &[id, 0, OUT]);
        let before = guest.u64(OUT);
        guest.ok("clock_time_get", &[id, u64::MAX, OUT]);
        assert!(id == 0 || guest.u64(OUT) >= before);
    }
    assert_eq!(guest.call("clock_time_get", &[4, 0, OUT]), Errno::Inval);
    assert_eq!(guest.call("clock_res_get", &[0xffff_ffff, OUT]), Errno::Inval);
}
