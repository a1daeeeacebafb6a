//! The barrier: a young, an old and an image value, stored into a young, an old and an image object of each kind.

use super::{Client, FAR, LEFT, VALUE, small};
use crate::heap::image::Image;
use crate::heap::reference::{HeapRef, box_ref, boxed_ref};
use crate::heap::tests::Types;
use crate::heap::{DescriptorRef, Heap, NoRoots};
use crate::layout::HeapState;
use crate::layout::heap::{FIELDS, LENGTH};

/// An object of each kind that can hold a reference, with the slot.
fn kinds(types: &Types) -> [(DescriptorRef, u32, u32); 6] {
    [
        (types.node, 0, LEFT),
        (types.node, 0, VALUE),
        (types.refs, 6000, FIELDS + 4 * 5999),
        (types.values, 3, FIELDS + 8),
        (types.wide, 0, FAR),
        (types.headed, 0, LENGTH),
    ]
}

fn make(heap: &mut Heap, ty: DescriptorRef, length: u32) -> HeapRef {
    let object = if length == 0 { heap.allocate(ty, &mut NoRoots) } else { heap.allocate_array(ty, length, &mut NoRoots) };
    object.expect("room")
}

fn store(heap: &mut Heap, object: HeapRef, kind: usize, slot: u32, value: HeapRef) {
    match kind {
        1 | 3 => heap.write_boxed(object, slot, box_ref(2, value)),
        _ => heap.write_ref(object, slot, value),
    }
}

fn load(heap: &Heap, object: HeapRef, kind: usize, slot: u32) -> HeapRef {
    match kind {
        1 | 3 => boxed_ref(heap.read_boxed(object, slot)).expect("a reference"),
        _ => heap.read_ref(object, slot),
    }
}

/// An image with one object of each kind, and their types.
fn image() -> Image {
    let mut client = Client::new(small());
    let types = client.types;
    let mut roots: Vec<HeapRef> = [types.node, types.refs, types.values, types.bytes, types.wide, types.headed]
        .into_iter()
        .map(|ty| HeapRef::from_bits(ty.bits()))
        .collect();
    for (ty, length, _) in kinds(&types) {
        roots.push(make(&mut client.heap, ty, length));
    }
    client.heap.write_image(&roots).expect("an image")
}

#[test]
fn every_store_of_something_younger_is_seen() {
    let image = image();
    for target in ["young", "old", "image"] {
        for value in ["young", "old", "image"] {
            for kind in 0..6 {
                check(&image, target, value, kind);
            }
        }
    }
}

fn check(image: &Image, target: &str, value: &str, kind: usize) {
    let mut state = Box::new(HeapState::none());
    // SAFETY: the box outlives the heap, which is its only writer.
    let mut heap = unsafe { Heap::from_image(small(), (&mut *state).into(), image) }.expect("a heap");
    let roots = heap.image_roots().to_vec();
    let ty = |nth: usize| heap.as_descriptor(roots[nth]).expect("a descriptor");
    let types = Types { node: ty(0), refs: ty(1), values: ty(2), bytes: ty(3), wide: ty(4), headed: ty(5) };
    let (descriptor, length, slot) = kinds(&types)[kind];
    let aged = |heap: &mut Heap, descriptor, length, times: u32| {
        let object = make(heap, descriptor, length);
        let global = heap.global(object);
        for _ in 0..times {
            heap.collect_minor(&mut NoRoots);
        }
        global
    };
    // Old ones first: what is made last is still young.
    let old_object = aged(&mut heap, descriptor, length, 2);
    let old_value = aged(&mut heap, types.node, 0, 2);
    let young_value = aged(&mut heap, types.node, 0, 0);
    let young_object = aged(&mut heap, descriptor, length, 0);
    let object = match target {
        "young" => heap.global_ref(&young_object),
        "old" => heap.global_ref(&old_object),
        _ => roots[6 + kind],
    };
    let stored = match value {
        "young" => heap.global_ref(&young_value),
        "old" => heap.global_ref(&old_value),
        _ => roots[6],
    };
    assert!(length > 100 || heap.is_young(object) == (target == "young"));
    heap.write_u32(stored, 24, 77);
    store(&mut heap, object, kind, slot, stored);
    heap.verify().unwrap_or_else(|violations| panic!("{target} ← {value}, kind {kind}: {violations:?}"));
    // Only the slot holds the value now.
    drop((young_value, old_value));
    for round in 0..4 {
        if round % 2 == 0 {
            heap.collect_minor(&mut NoRoots)
        } else {
            heap.collect_major(&mut NoRoots)
        }
        heap.verify().unwrap_or_else(|violations| panic!("{target} ← {value}, kind {kind}, {round}: {violations:?}"));
        let object = match target {
            "young" => heap.global_ref(&young_object),
            "old" => heap.global_ref(&old_object),
            _ => object,
        };
        let found = load(&heap, object, kind, slot);
        assert_eq!(heap.read_u32(found, 24), 77, "{target} ← {value}, kind {kind}, after {round}");
    }
}

#[test]
fn a_forgotten_barrier_is_found() {
    let mut client = Client::new(small());
    let old = make(&mut client.heap, client.types.node, 0);
    let old = client.heap.global(old);
    client.heap.collect_minor(&mut NoRoots);
    client.heap.collect_minor(&mut NoRoots);
    let young = make(&mut client.heap, client.types.node, 0);
    let object = client.heap.global_ref(&old);
    // The same store, without the barrier.
    client.heap.write_u32(object, LEFT, young.bits());
    assert!(client.heap.verify().is_err());
    client.heap.write_ref(object, LEFT, young);
    assert_eq!(client.heap.verify(), Ok(()));
}

#[test]
fn generated_code_sees_where_to_allocate() {
    let mut client = Client::new(small());
    let object = make(&mut client.heap, client.types.node, 0);
    assert_eq!(client.state().top, object.bits() + 32);
    assert_eq!(client.state().cage, client.heap.base());
    assert!(client.state().limit > client.state().top);
    let stressed = Client::new(super::stress());
    assert_eq!(stressed.state().limit, stressed.state().top, "every allocation asks");
}
