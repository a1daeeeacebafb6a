//! Images: written, mapped in another process at another base, changed, collected, and written again.

use std::path::Path;
use std::process::Command;

use super::{Client, LEFT, NUMBER, RIGHT, VALUE, small};
use crate::heap::image::Image;
use crate::heap::reference::{HeapRef, box_ref, boxed_ref};
use crate::heap::{Heap, HeapError, NoRoots};
use crate::layout::HeapState;

const COUNT: u32 = 3000;
const FILE: &str = "DELTIC_TEST_HEAP_IMAGE";

/// A list of `COUNT` numbered nodes; each one's boxed value is the first, each one's right a byte array.
fn list(client: &mut Client) -> HeapRef {
    let types = client.types;
    let head = client.heap.enter(&mut NoRoots, |scope| {
        let head = scope.root();
        let first = scope.root();
        for number in 0..COUNT {
            let mut inner = scope.open();
            let node = inner.allocate(types.node).expect("room");
            inner.set_ref(node, LEFT, head);
            inner.set(head, node);
            if number == 0 {
                inner.set(first, node);
            }
            let bytes = inner.allocate_array(types.bytes, number % 90).expect("room");
            inner.set_ref(node, RIGHT, bytes);
            let (object, first) = (inner.no_gc().get(node).reference(), inner.no_gc().get(first).reference());
            inner.heap_for_test().write_boxed(object, VALUE, box_ref(3, first));
            inner.heap_for_test().write_u32(object, NUMBER, number);
        }
        scope.global(head)
    });
    client.heap.global_ref(&head)
}

/// Checks the list from its head: numbers from `COUNT - 1` down to 0.
fn check(heap: &Heap, head: HeapRef) {
    let (mut node, mut number) = (head, COUNT);
    let mut firsts = Vec::new();
    while !node.is_null() {
        number -= 1;
        assert_eq!(heap.read_u32(node, NUMBER), number);
        assert_eq!(heap.length(heap.read_ref(node, RIGHT)), number % 90);
        firsts.push(boxed_ref(heap.read_boxed(node, VALUE)).expect("a reference"));
        if number == 0 {
            assert!(firsts.iter().all(|&first| first == node));
        }
        node = heap.read_ref(node, LEFT);
    }
    assert_eq!(number, 0);
}

fn restore(image: &Image, state: &mut HeapState) -> Heap {
    // SAFETY: the state outlives the heap in every test here, and the heap is its only writer.
    unsafe { Heap::from_image(small(), state.into(), image) }.expect("a heap")
}

/// Changes a mapped list: its head's right becomes a new array, held by nothing else, and every other node is unlinked.
fn mutate(heap: &mut Heap) -> HeapRef {
    let (head, bytes) = (heap.image_roots()[0], heap.as_descriptor(heap.image_roots()[1]).expect("a descriptor"));
    let fresh = heap.allocate_array(bytes, (COUNT - 1) % 90, &mut NoRoots).expect("room");
    heap.write_data(fresh, 8, b"fresh");
    heap.write_ref(head, RIGHT, fresh);
    for _ in 0..10_000 {
        heap.allocate_array(bytes, 40, &mut NoRoots).expect("room");
    }
    heap.collect_major(&mut NoRoots);
    heap.verify().expect("a sound heap");
    let fresh = heap.read_ref(head, RIGHT);
    let mut contents = [0; 5];
    heap.read_data(fresh, 8, &mut contents);
    assert_eq!(&contents, b"fresh");
    head
}

#[test]
fn an_image_is_mapped_changed_and_written_again_in_another_process() {
    // The other process runs this very test.
    if let Some(path) = std::env::var_os(FILE) {
        return the_other_process(path.as_ref());
    }
    let mut client = Client::new(small());
    let head = list(&mut client);
    let roots = [head, HeapRef::from_bits(client.types.bytes.bits())];
    let image = client.heap.write_image(&roots).expect("an image");
    assert_eq!(image, client.heap.write_image(&roots).expect("an image"), "the same graph is the same bytes");
    let path = std::env::temp_dir().join(format!("deltic-heap-image-{}", std::process::id()));
    std::fs::write(&path, image.to_bytes()).expect("a file");
    let child = Command::new(std::env::current_exe().expect("a path"))
        .args(["heap::tests::image::an_image_is_mapped_changed_and_written_again_in_another_process", "--exact", "--nocapture"])
        .env(FILE, &path)
        .output()
        .expect("a child");
    let bytes = std::fs::read(&path).expect("the file");
    std::fs::remove_file(&path).expect("the file goes");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let again = Image::from_bytes(&bytes).expect("what the child wrote");
    assert_ne!(again, image, "the child changed the list");
    let mut state = HeapState::none();
    check(&restore(&again, &mut state), HeapRef::from_bits(again_root(&again)));
}

fn again_root(image: &Image) -> u32 {
    let mut state = HeapState::none();
    restore(image, &mut state).image_roots()[0].bits()
}

fn the_other_process(path: &Path) {
    let image = Image::from_bytes(&std::fs::read(path).expect("the file")).expect("an image");
    // Somebody else's cages first, so that the base is another one even without randomization.
    let _others: Vec<_> = (0..3).map(|_| Client::new(small())).collect();
    let mut state = HeapState::none();
    let mut heap = restore(&image, &mut state);
    check(&heap, heap.image_roots()[0]);
    let head = mutate(&mut heap);
    check(&heap, head);
    let roots = [head, heap.image_roots()[1]];
    let again = heap.write_image(&roots).expect("an image");
    std::fs::write(path, again.to_bytes()).expect("the file");
}

#[test]
fn each_flipped_bit_and_each_missing_byte_is_refused() {
    let mut client = Client::new(small());
    let node = client.heap.allocate(client.types.node, &mut NoRoots).expect("room");
    let bytes = client.heap.write_image(&[node]).expect("an image").to_bytes();
    assert!(Image::from_bytes(&bytes).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(Image::from_bytes(&damaged), Err(HeapError::BadImage(_))), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(matches!(Image::from_bytes(&bytes[..len]), Err(HeapError::BadImage(_))), "{len} bytes");
    }
}

#[test]
fn an_image_holds_nothing_of_the_host() {
    let mut client = Client::new(small());
    let host = client.heap.allocate_host(Box::new(1), &mut NoRoots).expect("room");
    let refused = client.heap.write_image(&[host]);
    assert!(matches!(refused, Err(HeapError::BadImage(_))), "{refused:?}");
}
