//! Random graphs against a model, with small nurseries and in stress mode.

use std::collections::HashMap;

use super::{Client, FAR, LEFT, NUMBER, RIGHT, Types, VALUE, small, stress};
use crate::heap::handles::Local;
use crate::heap::reference::{HeapRef, box_ref, boxed_ref};
use crate::heap::{HandleScope, HeapConfig, NoRoots};
use crate::layout::heap::{FIELDS, LENGTH};

/// A linear congruential generator (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// What the heap should hold, by number of object.
#[derive(Default)]
struct Model {
    /// Slots of each object: the number of the object in it.
    slots: HashMap<u32, Vec<Option<u32>>>,
}

/// Offsets of the reference slots of an object with its number in the model, by its kind.
fn slots_of(kind: usize, length: u32) -> Vec<u32> {
    match kind {
        0 => vec![LEFT, RIGHT],
        1 => (0..length).map(|nth| FIELDS + 4 * nth).collect(),
        2 => (0..length).map(|nth| FIELDS + 8 * nth).collect(),
        3 => vec![FAR],
        _ => vec![LENGTH, LEFT],
    }
}

const ROOTS: usize = 40;

struct Run<'a, 's, 'i> {
    scope: &'a mut HandleScope<'s, 'i>,
    types: Types,
    random: Random,
    model: Model,
    roots: Vec<Local<'s, 'i>>,
    held: Vec<Option<u32>>,
    /// Of each object: its kind. Numbers are kept in a node beside each root.
    kinds: HashMap<u32, (usize, u32)>,
    next: u32,
}

impl Run<'_, '_, '_> {
    fn allocate(&mut self) {
        let (kind, number) = (self.random.below(5), self.next);
        let length = if self.random.below(50) == 0 { 5000 } else { self.random.below(20) as u32 + 1 };
        let object = match kind {
            0 => self.scope.allocate(self.types.node),
            1 => self.scope.allocate_array(self.types.refs, length),
            2 => self.scope.allocate_array(self.types.values, length),
            3 => self.scope.allocate(self.types.wide),
            _ => self.scope.allocate(self.types.headed),
        };
        let object = object.expect("room");
        self.next += 1;
        let length = if kind == 1 || kind == 2 { length } else { 0 };
        self.kinds.insert(number, (kind, length));
        self.model.slots.insert(number, vec![None; slots_of(kind, length).len()]);
        let root = self.random.below(ROOTS);
        self.scope.set(self.roots[root], object);
        self.held[root] = Some(number);
    }

    fn connect(&mut self) {
        let (from, to) = (self.random.below(ROOTS), self.random.below(ROOTS));
        let Some(number) = self.held[from] else { return };
        let (kind, length) = self.kinds[&number];
        let offsets = slots_of(kind, length);
        let slot = self.random.below(offsets.len());
        if kind == 2 {
            let value = match self.held[to] {
                Some(_) => box_ref(1, self.scope.no_gc().get(self.roots[to]).reference()),
                None => 1.5_f64.to_bits(),
            };
            let object = self.scope.no_gc().get(self.roots[from]).reference();
            self.scope.heap_for_test().write_boxed(object, offsets[slot], value);
        } else {
            self.scope.set_ref(self.roots[from], offsets[slot], self.roots[to]);
        }
        self.model.slots.get_mut(&number).expect("it was made")[slot] = self.held[to];
    }

    fn forget(&mut self) {
        let root = self.random.below(ROOTS);
        let null = self.scope.root();
        self.scope.set(self.roots[root], null);
        self.held[root] = None;
    }

    /// Walks both graphs together. Each object of the heap has one number, and the other way round.
    fn compare(&self) {
        let heap = self.scope.heap();
        let mut seen: HashMap<u32, HeapRef> = HashMap::new();
        let mut stack: Vec<(u32, HeapRef)> = Vec::new();
        let visit = |number: Option<u32>, reference: HeapRef, stack: &mut Vec<(u32, HeapRef)>| match number {
            Some(number) => stack.push((number, reference)),
            None => assert!(reference.is_null(), "{reference:?}"),
        };
        for (root, &number) in self.roots.iter().zip(&self.held) {
            visit(number, self.scope.no_gc().get(*root).reference(), &mut stack);
        }
        while let Some((number, reference)) = stack.pop() {
            if let Some(&before) = seen.get(&number) {
                assert_eq!(before, reference, "object {number} is in two places");
                continue;
            }
            seen.insert(number, reference);
            let (kind, length) = self.kinds[&number];
            assert_eq!(heap.client_of(heap.descriptor(reference)), [1, 2, 3, 5, 6][kind], "object {number}");
            assert!(length == 0 || heap.length(reference) == length);
            for (slot, &target) in slots_of(kind, length).into_iter().zip(&self.model.slots[&number]) {
                let held = if kind == 2 {
                    boxed_ref(heap.read_boxed(reference, slot)).unwrap_or(HeapRef::NULL)
                } else {
                    heap.read_ref(reference, slot)
                };
                visit(target, held, &mut stack);
            }
        }
    }
}

fn run(config: HeapConfig, seed: u64, steps: usize) -> u64 {
    let mut client = Client::new(config);
    let types = client.types;
    client.heap.enter(&mut NoRoots, |scope| {
        let roots: Vec<_> = (0..ROOTS).map(|_| scope.root()).collect();
        let (model, kinds) = (Model::default(), HashMap::new());
        let mut inner = Run { scope, types, random: Random(seed), model, roots, held: vec![None; ROOTS], kinds, next: 0 };
        for step in 0..steps {
            match inner.random.below(10) {
                0..4 => inner.allocate(),
                4..9 => inner.connect(),
                _ => inner.forget(),
            }
            if step % 256 == 0 {
                inner.compare();
                inner.scope.heap().verify().expect("a sound heap");
            }
            if step % 1500 == 0 {
                inner.scope.collect();
                inner.compare();
                inner.scope.heap().verify().expect("a sound heap after a major collection");
            }
        }
        inner.compare();
    });
    client.heap.stats().moved_objects
}

#[test]
fn random_graphs_survive_collections() {
    for seed in 0..6 {
        let moved = run(small(), seed, 12_000);
        assert!(moved > 1_000, "only {moved} objects moved");
    }
}

#[test]
fn random_graphs_survive_a_collection_at_every_allocation() {
    for seed in 10..12 {
        let moved = run(stress(), seed, 4_000);
        assert!(moved > 1_000, "only {moved} objects moved");
    }
}

#[test]
fn a_list_of_all_sizes_survives_and_its_garbage_goes() {
    let mut client = Client::new(small());
    let types = client.types;
    client.heap.enter(&mut NoRoots, |scope| {
        let head = scope.root();
        for round in 0..3 {
            let null = scope.root();
            scope.set(head, null);
            for length in (0..6000).step_by(7) {
                let mut inner = scope.open();
                let node = inner.allocate(types.node).expect("room");
                let bytes = inner.allocate_array(types.bytes, length).expect("room");
                inner.set_ref(node, RIGHT, bytes);
                inner.set_ref(node, LEFT, head);
                inner.set(head, node);
            }
            let mut count = 0;
            let no_gc = scope.no_gc();
            let mut node = no_gc.get(head);
            while !node.reference().is_null() {
                let bytes = node.read_ref(RIGHT).expect("a slot");
                assert_eq!(bytes.length(), 7 * (857 - count), "round {round}");
                node = node.read_ref(LEFT).expect("a slot");
                count += 1;
            }
            assert_eq!(count, 858);
        }
        let null = scope.root();
        scope.set(head, null);
        scope.collect();
        scope.collect();
        assert_eq!(scope.heap().stats().live_bytes, 0);
        assert_eq!(scope.heap().stats().major_count, 2);
    });
}

#[test]
fn values_and_data_are_carried_along() {
    let mut client = Client::new(stress());
    let types = client.types;
    client.heap.enter(&mut NoRoots, |scope| {
        let node = scope.allocate(types.node).expect("room");
        let object = scope.no_gc().get(node).reference();
        scope.heap_for_test().write_boxed(object, VALUE, (-0.0_f64).to_bits());
        scope.heap_for_test().write_data(object, NUMBER, &0x1234_5678_u32.to_le_bytes());
        for _ in 0..100 {
            scope.allocate(types.node).expect("room");
        }
        let moved = scope.no_gc().get(node).reference();
        assert_ne!(object, moved);
        assert_eq!(scope.heap().read_boxed(moved, VALUE), (-0.0_f64).to_bits());
        assert_eq!(scope.no_gc().get(node).read_u32(NUMBER), Some(0x1234_5678));
        assert_eq!(scope.no_gc().get(node).read_u32(32), None, "behind the object");
    });
}
