//! Weak cells, ephemerons, finalization, values of the host.

use super::{Client, LEFT, small, stress};
use crate::base::sync::Arc;
use crate::heap::reference::{HeapRef, box_ref, boxed_ref};
use crate::heap::{DescriptorRef, HeapConfig, NoRoots, ObjectKind, SlotKind, TypeDesc};
use crate::layout::heap::FIELDS;

fn weak_type(client: &mut Client) -> DescriptorRef {
    client.heap.add_type(&TypeDesc { kind: ObjectKind::Weak, ..TypeDesc::fixed(16, &[]) }).expect("a type")
}

fn table_type(client: &mut Client) -> DescriptorRef {
    client.heap.add_type(&TypeDesc { kind: ObjectKind::Ephemerons, ..TypeDesc::array(4, SlotKind::Data) }).expect("a type")
}

#[test]
fn a_weak_cell_is_cleared_when_its_target_dies() {
    let mut client = Client::new(small());
    let weak = weak_type(&mut client);
    let types = client.types;
    client.heap.enter(&mut NoRoots, |scope| {
        let cell = scope.allocate(weak).expect("room");
        let target = scope.allocate(types.node).expect("room");
        scope.set_ref(cell, FIELDS, target);
        scope.collect();
        let held = scope.get_ref(cell, FIELDS);
        assert_eq!(scope.no_gc().get(held).reference(), scope.no_gc().get(target).reference());
        let null = scope.root();
        scope.set(target, null);
        scope.set(held, null);
        scope.collect();
        let held = scope.get_ref(cell, FIELDS);
        assert!(scope.no_gc().get(held).reference().is_null());
    });
}

#[test]
fn an_ephemeron_keeps_its_value_while_its_key_lives() {
    let mut client = Client::new(small());
    let (ty, node) = (table_type(&mut client), client.types.node);
    let heap = &mut client.heap;
    let table = heap.allocate_array(ty, 4, &mut NoRoots).expect("room");
    let table = heap.global(table);
    let mut keys = Vec::new();
    for _ in 0..4 {
        let key = heap.allocate(node, &mut NoRoots).expect("room");
        keys.push(heap.global(key));
    }
    // Pair n's value is what keeps key n + 1 alive: a chain that only a fixed point follows, and backwards in the table.
    for nth in 0..4_u32 {
        let value = heap.allocate(node, &mut NoRoots).expect("room");
        let (table, key) = (heap.global_ref(&table), heap.global_ref(&keys[nth as usize]));
        let next = keys.get(nth as usize + 1).map_or(HeapRef::NULL, |key| heap.global_ref(key));
        heap.write_ref(value, LEFT, next);
        let at = FIELDS + 16 * (3 - nth);
        heap.write_ref(table, at, key);
        heap.write_boxed(table, at + 8, box_ref(0, value));
    }
    let first = keys.remove(0);
    keys.clear();
    let live = |heap: &crate::heap::Heap| {
        let table = heap.global_ref(&table);
        (0..4).filter(|nth| !heap.read_ref(table, FIELDS + 16 * nth).is_null()).count()
    };
    heap.collect_major(&mut NoRoots);
    assert_eq!(live(heap), 4, "the chain hangs on its first key");
    assert!(boxed_ref(heap.read_boxed(heap.global_ref(&table), FIELDS + 8)).is_some());
    heap.verify().expect("a sound heap");
    drop(first);
    heap.collect_major(&mut NoRoots);
    assert_eq!(live(heap), 0);
    assert_eq!(heap.read_boxed(heap.global_ref(&table), FIELDS + 8), 0);
}

#[test]
fn what_was_held_for_a_dead_target_is_queued_once() {
    let mut client = Client::new(small());
    let node = client.types.node;
    let heap = &mut client.heap;
    let target = heap.allocate(node, &mut NoRoots).expect("room");
    let target = heap.global(target);
    let held = heap.allocate(node, &mut NoRoots).expect("room");
    heap.write_u32(held, 24, 99);
    heap.register_finalization(heap.global_ref(&target), box_ref(0, held), 5);
    heap.register_finalization(heap.global_ref(&target), 0, 6);
    heap.collect_major(&mut NoRoots);
    assert_eq!(heap.next_finalized(), None);
    assert_eq!(heap.unregister_finalization(6), 1);
    drop(target);
    heap.collect_major(&mut NoRoots);
    heap.collect_major(&mut NoRoots);
    let finalized = heap.next_finalized().expect("the target is dead");
    assert_eq!(finalized.token, 5);
    assert_eq!(heap.read_u32(boxed_ref(finalized.held).expect("a reference"), 24), 99);
    assert_eq!(heap.next_finalized(), None);
}

#[test]
fn values_of_the_host_are_dropped_with_their_objects() {
    let mut client = Client::new(small());
    let value = Arc::new(17_u64);
    let heap = &mut client.heap;
    let mut kept = Vec::new();
    for nth in 0..1000 {
        let object = heap.allocate_host(Box::new(Arc::clone(&value)), &mut NoRoots).expect("room");
        if nth % 10 == 0 {
            kept.push(heap.global(object));
        }
    }
    heap.collect_minor(&mut NoRoots);
    assert_eq!(Arc::strong_count(&value), 101, "the young ones go at once");
    assert_eq!(heap.host_value_count(), 100);
    for global in &kept {
        let object = heap.global_ref(global);
        let value = heap.host_value(object).and_then(|value| value.downcast_ref::<Arc<u64>>());
        assert_eq!(value.map(|value| **value), Some(17));
    }
    heap.collect_minor(&mut NoRoots);
    kept.truncate(40);
    heap.collect_minor(&mut NoRoots);
    assert_eq!(Arc::strong_count(&value), 101, "the old ones wait for a major collection");
    heap.collect_major(&mut NoRoots);
    assert_eq!(Arc::strong_count(&value), 41);
    drop(client);
    drop(kept);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_value_of_the_host_is_there_though_its_place_was_anothers() {
    let config = HeapConfig { stress_major_every: 1, ..stress() };
    let mut client = Client::new(config);
    let heap = &mut client.heap;
    for round in 0..50u64 {
        // The last one's object is dead, and found so by the collection that comes before this one's object is there.
        let object = heap.allocate_host(Box::new(round), &mut NoRoots).expect("room");
        let value = heap.host_value(object).and_then(|value| value.downcast_ref::<u64>());
        assert_eq!(value, Some(&round));
        heap.collect_major(&mut NoRoots);
    }
}
