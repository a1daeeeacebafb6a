//! Reservations, regions, images and executable memory.

use rustix::io::Errno;

use crate::platform::exec::{ExecError, ExecMemory, ExecStrategy, Refusal};
use crate::platform::image::{ImageError, MemoryImage};
use crate::platform::memory::{GrowableRegion, MemoryError, Reservation, page_bytes};

fn read(reservation: &Reservation, offset: usize) -> u8 {
    assert!(offset < reservation.len_bytes());
    // SAFETY: the tests read what they have committed.
    unsafe { reservation.base().add(offset).read_volatile() }
}

fn write(reservation: &Reservation, offset: usize, byte: u8) {
    assert!(offset < reservation.len_bytes());
    // SAFETY: the tests write what they have committed.
    unsafe { reservation.base().add(offset).write_volatile(byte) }
}

/// Whether the system can read a byte, found out without a fault.
fn is_readable(address: *const u8) -> bool {
    let (_reader, writer) = std::io::pipe().unwrap();
    // SAFETY: the system checks the address; the length is 1.
    unsafe { libc::write(std::os::fd::AsRawFd::as_raw_fd(&writer), address.cast(), 1) == 1 }
}

#[test]
fn reserve_commit_decommit() {
    let page = page_bytes();
    let reservation = Reservation::new(1 << 33).unwrap();
    assert!(!is_readable(reservation.base()));
    reservation.commit(page..page + 1).unwrap();
    assert!(!is_readable(reservation.base()));
    assert_eq!(read(&reservation, 2 * page - 1), 0);
    write(&reservation, page, 7);
    reservation.commit(0..3 * page).unwrap();
    assert_eq!((read(&reservation, 0), read(&reservation, page)), (0, 7));
    // SAFETY: the test has no references.
    unsafe {
        reservation.discard(page..2 * page).unwrap();
        assert_eq!(read(&reservation, page), 0);
        write(&reservation, page, 8);
        reservation.decommit(page..2 * page).unwrap();
    }
    assert!(!is_readable(reservation.base().wrapping_add(page)));
    reservation.commit(page..2 * page).unwrap();
    assert_eq!(read(&reservation, page), 0);
    reservation.commit(5 * page..5 * page).unwrap();
    assert!(!is_readable(reservation.base().wrapping_add(5 * page)));
}

#[test]
fn alignment_and_refusal() {
    for log2 in [12, 16, 20, 32] {
        let reservation = Reservation::new_aligned(3 * page_bytes(), 1 << log2).unwrap();
        assert_eq!(reservation.base().addr() % (1 << log2), 0);
        assert_eq!(reservation.len_bytes(), 3 * page_bytes());
        reservation.commit(0..3 * page_bytes()).unwrap();
        write(&reservation, 3 * page_bytes() - 1, 1);
    }
    assert!(matches!(Reservation::new(1 << 60), Err(MemoryError::Reserve { errno: Errno::NOMEM, .. })));
    assert!(matches!(Reservation::new(usize::MAX), Err(MemoryError::TooLarge { .. })));
    assert!(matches!(Reservation::new_aligned(usize::MAX - 8192, 1 << 32), Err(MemoryError::TooLarge { .. })));
}

#[test]
#[should_panic(expected = "inside the reservation")]
fn ranges_outside_are_noticed() {
    let reservation = Reservation::new(1).unwrap();
    let _ = reservation.commit(0..2 * page_bytes());
}

#[test]
fn regions_grow_in_place() {
    let mut region = GrowableRegion::new(1 << 30).unwrap();
    let base = region.base();
    for bytes in [0, 1, 10, 4097, 1 << 20] {
        region.grow_to(bytes).unwrap();
        assert_eq!((region.base(), region.len_bytes()), (base, bytes.next_multiple_of(page_bytes())));
    }
    region.grow_to(1).unwrap();
    assert_eq!(region.len_bytes(), 1 << 20);
    assert!(matches!(region.grow_to((1 << 30) + 1), Err(MemoryError::TooLarge { .. })));
    // SAFETY: grown to this.
    unsafe { assert_eq!(base.add((1 << 20) - 1).read_volatile(), 0) };
}

#[test]
fn images_are_private_sparse_and_resettable() {
    let page = page_bytes();
    let parts: [(usize, &[u8]); 3] = [(1, b"abc"), (2, b"x"), (1 << 30, b"far")];
    let image = MemoryImage::new((1 << 30) + 3, parts).unwrap();
    assert_eq!(image.len_bytes(), (1 << 30) + page);
    let instances = [(); 2].map(|()| Reservation::new(1 << 31).unwrap());
    for instance in &instances {
        // SAFETY: the test has no references.
        unsafe { image.map_into(instance, page).unwrap() };
    }
    drop(image);
    let [one, two] = &instances;
    assert_eq!([0, 1, 2, 3, 4].map(|offset| read(one, page + offset)), *b"\0axc\0");
    assert_eq!(read(one, page + (1 << 30) + 2), b'r');
    assert!(!is_readable(one.base()) && !is_readable(one.base().wrapping_add(2 * page + (1 << 30))));
    write(one, page + 1, b'Z');
    assert_eq!((read(one, page + 1), read(two, page + 1)), (b'Z', b'a'));
    // SAFETY: the test has no references.
    unsafe {
        one.discard(page..2 * page).unwrap();
        assert_eq!(read(one, page + 1), b'a');
        // Decommitting takes the image away.
        one.decommit(page..2 * page).unwrap();
        one.commit(page..2 * page).unwrap();
        assert_eq!(read(one, page + 1), 0);
    }
    assert!(matches!(MemoryImage::new(10, [(4096, &b"a"[..])]), Err(ImageError::OutOfBounds { .. })));
    assert!(matches!(MemoryImage::new(usize::MAX, []), Err(ImageError::Unsupported(Errno::FBIG))));
}

/// Parts near each other are written together, in whatever order they come and however they overlap.
#[test]
fn images_of_many_parts_are_as_if_each_was_written_alone() {
    const LEN: usize = 2 << 20;
    let mut state = 1u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for round in 0..40 {
        let mut wanted = vec![0; LEN];
        let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut offset = 0;
        for number in 0..300 {
            let len = match below(30) {
                0 => below(400 << 10),
                1..4 => below(9_000),
                _ => below(60),
            };
            let (jump, step) = (below(8 + round), if below(4) == 0 { 9_000 } else { 40 });
            offset = if round % 2 == 0 && jump == 0 { below(LEN) } else { offset + below(step) };
            let len = len.min(LEN - offset.min(LEN));
            offset = offset.min(LEN - len);
            let bytes = vec![number as u8 | 1; len];
            wanted[offset..offset + len].copy_from_slice(&bytes);
            parts.push((offset, bytes));
            offset += len;
        }
        let image = MemoryImage::new(LEN, parts.iter().map(|(offset, bytes)| (*offset, &bytes[..]))).unwrap();
        let reservation = Reservation::new(LEN).unwrap();
        // SAFETY: the test has no references; the image is as long as the reservation.
        let found = unsafe {
            image.map_into(&reservation, 0).unwrap();
            std::slice::from_raw_parts(reservation.base(), LEN)
        };
        assert!(found == wanted, "round {round}: {:?}", found.iter().zip(&wanted).position(|(found, wanted)| found != wanted));
    }
}

fn exec(strategies: &[ExecStrategy]) -> Result<ExecMemory, ExecError> {
    ExecMemory::new(Reservation::new(1 << 20).unwrap(), page_bytes(), strategies)
}

#[test]
fn every_strategy_gives_memory_that_runs() {
    for strategy in ExecStrategy::ORDER {
        let memory = exec(&[strategy]).unwrap();
        assert_eq!((memory.strategy(), memory.len_bytes()), (strategy, (1 << 20) - page_bytes()));
        let granule = memory.granule_bytes().max(32);
        for position in [0, 1, memory.len_bytes() / granule - 1] {
            let range = position * granule..(position + 1) * granule;
            // SAFETY: each range is written once.
            unsafe {
                memory.write(range.clone(), |bytes| bytes[..6].copy_from_slice(&[0xb8, position as u8, 0, 0, 0, 0xc3])).unwrap();
            }
            let code = memory.base().wrapping_add(range.start);
            // SAFETY: `mov eax, position; ret`.
            let run = unsafe { std::mem::transmute::<*const u8, extern "sysv64" fn() -> u32>(code) };
            assert_eq!(run() as u8, position as u8);
        }
    }
}

#[test]
fn the_first_strategy_that_works_is_taken() {
    // As on a system that refuses memfd.
    assert_eq!(exec(&ExecStrategy::ORDER[1..]).unwrap().strategy(), ExecStrategy::TempFile);
    assert_eq!(exec(&ExecStrategy::ORDER).unwrap().strategy(), ExecStrategy::Memfd);
    let refused = exec(&[]).unwrap_err();
    assert_eq!(refused, ExecError::Refused(vec![]));
    let refused = ExecError::Refused(vec![
        Refusal { strategy: ExecStrategy::Memfd, errno: Errno::PERM },
        Refusal { strategy: ExecStrategy::Protect, errno: Errno::ACCESS },
    ]);
    let text = refused.to_string();
    assert!(text.contains("Memfd: ") && text.contains("; Protect: "), "{text}");
}
