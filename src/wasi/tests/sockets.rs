//! Sockets of the embedder, over the loopback interface.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::{BUF, Guest, IOVS, NONBLOCK, OUT, Place, ROOT};
use crate::wasi::{Errno, Stop, WasiCtxBuilder};

/// The listener's descriptor.
const LISTENER: u64 = 3;

fn pair() -> (Guest, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a client");
    let guest = Guest::new(WasiCtxBuilder::new().preopen_listener(listener).expect("a listener for the guest"));
    (guest, client)
}

fn accept(guest: &mut Guest, flags: u64) -> u64 {
    guest.ok("sock_accept", &[LISTENER, flags, OUT]);
    u64::from(guest.u32(OUT))
}

#[test]
fn data_goes_both_ways() {
    let (mut guest, mut client) = pair();
    let fd = accept(&mut guest, 0);
    client.write_all(b"hello guest").expect("sent");
    guest.iovs(&[(BUF, 5), (BUF + 100, 100)]);
    // A look first, then all.
    guest.ok("sock_recv", &[fd, IOVS, 1, 1, OUT, OUT + 4]);
    assert_eq!(guest.bytes(BUF, 5), b"hello");
    guest.ok("sock_recv", &[fd, IOVS, 2, 0, OUT, OUT + 4]);
    assert_eq!((guest.u32(OUT), guest.bytes(OUT + 4, 2)), (11, &[0, 0][..]));
    assert_eq!(guest.bytes(BUF + 100, 6), b" guest");
    guest.put(BUF, b"hello client");
    guest.iovs(&[(BUF, 6), (BUF + 6, 6)]);
    guest.ok("sock_send", &[fd, IOVS, 2, 0, OUT]);
    assert_eq!(guest.write(fd, b"!"), Ok(1));
    guest.ok("sock_shutdown", &[fd, 2]);
    let mut all = String::new();
    client.read_to_string(&mut all).expect("received");
    assert_eq!(all, "hello client!");
    drop(client);
    assert_eq!(guest.read(fd, 10).as_deref(), Ok(&b""[..]));
}

#[test]
fn waiting_for_all_waits_for_all() {
    let (mut guest, mut client) = pair();
    let fd = accept(&mut guest, 0);
    client.write_all(b"123").expect("sent");
    guest.iovs(&[(BUF, 2), (BUF + 2, 4)]);
    guest.interrupt_after(Duration::from_millis(30));
    assert_eq!(guest.try_call("sock_recv", &[fd, IOVS, 2, 2, OUT, OUT + 4]), Err(Stop::Interrupted));
    guest.deadline = None;
    client.write_all(b"abcdefgh").expect("sent");
    guest.ok("sock_recv", &[fd, IOVS, 2, 2, OUT, OUT + 4]);
    assert_eq!((guest.u32(OUT), guest.bytes(BUF, 6)), (6, &b"abcdef"[..]));
    drop(client);
    guest.ok("sock_recv", &[fd, IOVS, 2, 2, OUT, OUT + 4]);
    assert_eq!((guest.u32(OUT), guest.bytes(BUF, 2)), (2, &b"gh"[..]));
}

#[test]
fn nothing_to_accept_or_receive() {
    let (mut guest, _client) = pair();
    let fd = accept(&mut guest, NONBLOCK);
    guest.iovs(&[(BUF, 2)]);
    assert_eq!(guest.call("sock_recv", &[fd, IOVS, 1, 0, OUT, OUT + 4]), Errno::Again);
    guest.interrupt_after(Duration::from_millis(30));
    assert_eq!(guest.try_call("sock_accept", &[LISTENER, 0, OUT]), Err(Stop::Interrupted));
    guest.deadline = None;
    guest.ok("fd_fdstat_set_flags", &[LISTENER, NONBLOCK]);
    assert_eq!(guest.call("sock_accept", &[LISTENER, 0, OUT]), Errno::Again);
    assert_eq!(guest.call("sock_accept", &[LISTENER, 1, OUT]), Errno::Inval);
}

#[test]
fn a_closed_peer_is_an_error_not_a_signal() {
    let (mut guest, client) = pair();
    let fd = accept(&mut guest, 0);
    drop(client);
    let errors = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        guest.write(fd, b"anyone?").err()
    });
    assert!(matches!(errors, Some(Errno::Pipe | Errno::Connreset)), "{errors:?}");
}

#[test]
fn other_descriptors_are_no_sockets() {
    let mut guest = Place::new().into_guest();
    for fd in [0, 1, ROOT] {
        assert_eq!(guest.call("sock_accept", &[fd, 0, OUT]), Errno::Notsock);
        assert_eq!(guest.call("sock_recv", &[fd, IOVS, 0, 0, OUT, OUT + 4]), Errno::Notsock);
        assert_eq!(guest.call("sock_send", &[fd, IOVS, 0, 0, OUT]), Errno::Notsock);
        assert_eq!(guest.call("sock_shutdown", &[fd, 3]), Errno::Notsock);
    }
    assert_eq!(guest.call("sock_shutdown", &[9, 3]), Errno::Badf);
    let (mut guest, _client) = pair();
    let fd = accept(&mut guest, 0);
    assert_eq!(guest.call("sock_shutdown", &[fd, 0]), Errno::Inval);
    assert_eq!(guest.call("sock_shutdown", &[fd, 4]), Errno::Inval);
    assert_eq!(guest.call("sock_send", &[fd, IOVS, 0, 1, OUT]), Errno::Inval);
    assert_eq!(guest.call("fd_seek", &[fd, 0, 0, OUT]), Errno::Spipe);
}
