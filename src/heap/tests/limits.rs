//! Limits: what is too large or too much is an error, and the heap goes on.

use super::{Client, LEFT, NUMBER, RIGHT, small};
use crate::base::sync::{Arc, atomic::AtomicU32, atomic::Ordering};
use crate::heap::verify::Violation;
use crate::heap::{HeapConfig, HeapError, NoRoots, TypeDesc};

fn limited(limit_bytes: u64) -> Client {
    Client::new(HeapConfig { limit_bytes, ..small() })
}

/// Allocates a list until there is no room: how many nodes there were.
fn fill(client: &mut Client) -> (u32, HeapError) {
    let types = client.types;
    client.heap.enter(&mut NoRoots, |scope| {
        let head = scope.root();
        for count in 0.. {
            let mut inner = scope.open();
            let made = inner.allocate(types.node).and_then(|node| {
                let bytes = inner.allocate_array(types.bytes, 1000)?;
                inner.set_ref(node, RIGHT, bytes);
                Ok(node)
            });
            match made {
                Ok(node) => {
                    inner.set_ref(node, LEFT, head);
                    inner.set(head, node);
                }
                Err(error) => return (count, error),
            }
        }
        unreachable!("the heap has a limit")
    })
}

#[test]
fn a_full_heap_says_so_and_goes_on() {
    let mut client = limited(4 << 20);
    for _ in 0..3 {
        let (count, error) = fill(&mut client);
        assert!(matches!(error, HeapError::OutOfMemory { limit_bytes, .. } if limit_bytes == 4 << 20), "{error}");
        assert!((3000..5000).contains(&count), "{count} nodes of a kilobyte in four megabytes");
        client.heap.verify().expect("a sound heap");
    }
}

#[test]
fn the_limit_may_be_raised_at_the_last_moment() {
    let mut client = limited(1 << 20);
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    client.heap.set_near_limit(Some(Box::new(move |_, limit| {
        counter.fetch_add(1, Ordering::SeqCst);
        if limit < 4 << 20 { limit + (1 << 20) } else { limit }
    })));
    let (count, error) = fill(&mut client);
    assert!(count > 3000, "{count}");
    assert!(asked.load(Ordering::SeqCst) >= 4);
    assert!(matches!(error, HeapError::OutOfMemory { limit_bytes, .. } if limit_bytes == 4 << 20), "{error}");
}

#[test]
fn a_full_cage_says_so() {
    let mut client = limited(1 << 40);
    let (count, error) = fill(&mut client);
    assert!(matches!(error, HeapError::OutOfMemory { .. }), "{error}");
    assert!(count > 50_000, "{count} nodes of a kilobyte in a cage of 64 MiB");
    client.heap.verify().expect("a sound heap");
    let (again, _) = fill(&mut client);
    assert!(again > count / 10 * 9, "{again} after {count}");
}

#[test]
fn arrays_that_no_heap_holds_are_refused() {
    let mut client = Client::new(small());
    let types = client.types;
    for (ty, length) in [(types.bytes, u32::MAX), (types.refs, u32::MAX), (types.values, u32::MAX), (types.values, 1 << 29)] {
        let refused = client.heap.allocate_array(ty, length, &mut NoRoots);
        assert_eq!(refused, Err(HeapError::TooLarge { length }));
    }
    let refused = client.heap.allocate_array(types.bytes, 1 << 30, &mut NoRoots);
    assert!(matches!(refused, Err(HeapError::OutOfMemory { .. })));
    let large = client.heap.allocate_array(types.bytes, 8 << 20, &mut NoRoots).expect("room");
    assert_eq!(client.heap.length(large), 8 << 20);
    client.heap.collect_major(&mut NoRoots);
    assert_eq!(client.heap.stats().live_bytes, 0);
}

#[test]
fn deep_chains_of_types_have_long_displays() {
    let mut client = Client::new(small());
    let mut chain = vec![client.types.node];
    for _ in 0..60 {
        let parent = chain[chain.len() - 1];
        chain.push(client.heap.add_type(&TypeDesc::fixed(16, &[]).below(parent)).expect("a type"));
    }
    for (depth, &ty) in chain.iter().enumerate() {
        for (other, &of) in chain.iter().enumerate() {
            assert_eq!(client.heap.is_subtype(ty, of), other <= depth);
        }
        assert!(!client.heap.is_subtype(ty, client.types.refs));
    }
}

#[test]
fn an_address_in_the_heap_is_found() {
    let mut client = Client::new(small());
    let node = client.heap.allocate(client.types.node, &mut NoRoots).expect("room");
    assert_eq!(client.heap.verify(), Ok(()));
    let address = client.heap.base() as u64 + 0x12345;
    client.heap.write_data(node, NUMBER, &address.to_le_bytes());
    let found = client.heap.verify().expect_err("an address");
    assert_eq!(found, [Violation::NativeAddress { object: node.bits(), offset: NUMBER }]);
}
