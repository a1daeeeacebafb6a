//! A check of the whole heap, for tests and for hunting.
//!
//! Every object has a descriptor, every reference leads to a live object, every old object with a young reference lies on a dirty
//! card, and no word of any object, data included, is an address into the cage or of the heap's own state.

use crate::heap::cage::{BLOCK_BYTES, block_start};
use crate::heap::heap::Heap;
use crate::heap::reference::{HeapRef, boxed_ref};
use crate::heap::trace::{Visitor, object_bytes, visit_object};
use crate::layout::heap::{DESCRIPTOR, FIELDS};

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A word of an object is an address.
    #[error("the object at {object:#x} holds a native address at +{offset}")]
    NativeAddress {
        /// The object.
        object: u32,
        /// Where in it.
        offset: u32,
    },
    /// A slot leads to what is not an object.
    #[error("the object at {object:#x} has {reference:?} at +{offset}, where no object is")]
    BadReference {
        /// The object.
        object: u32,
        /// Where in it.
        offset: u32,
        /// What it holds.
        reference: HeapRef,
    },
    /// The barrier was forgotten.
    #[error("the object at {object:#x} has the younger {reference:?} at +{offset} on a clean card")]
    CleanCard {
        /// The object.
        object: u32,
        /// Where in it.
        offset: u32,
        /// What it holds.
        reference: HeapRef,
    },
}

struct Verifier<'h> {
    heap: &'h Heap,
    young: Vec<u32>,
    object: u32,
    violations: Vec<Violation>,
}

impl Verifier<'_> {
    fn check(&mut self, slot: u32, reference: HeapRef) {
        if !reference.is_object() {
            return;
        }
        let (bits, heap, object, offset) = (reference.bits(), self.heap, self.object, slot - self.object);
        let memory = heap.cage.memory();
        let is_object = if bits < heap.image_end() {
            heap.image.is_some() && bits.is_multiple_of(8)
        } else if bits < heap.nursery.start {
            heap.old.is_object(memory, &heap.side, bits)
        } else {
            self.young.binary_search(&bits).is_ok()
        };
        if !is_object {
            self.violations.push(Violation::BadReference { object, offset, reference });
        }
        let is_younger =
            object < heap.nursery.start && bits >= heap.nursery.start || object < heap.image_end() && bits >= heap.image_end();
        if is_younger && !heap.side.is_dirty(slot) {
            self.violations.push(Violation::CleanCard { object, offset, reference });
        }
    }

    fn object(&mut self, object: u32) {
        let memory = self.heap.cage.memory();
        self.object = object;
        let bytes = object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
        let base = memory.base() as u64;
        let cage = base..base + self.heap.cage.bytes();
        for at in (FIELDS..bytes).step_by(8) {
            if cage.contains(&memory.read64(object + at)) {
                self.violations.push(Violation::NativeAddress { object, offset: at });
            }
        }
        visit_object(memory, object, self);
    }
}

impl Visitor for Verifier<'_> {
    fn reference(&mut self, slot: u32) {
        self.check(slot, HeapRef::from_bits(self.heap.cage.memory().read(slot)));
    }

    fn boxed(&mut self, slot: u32) {
        if let Some(reference) = boxed_ref(self.heap.cage.memory().read64(slot)) {
            self.check(slot, reference);
        }
    }

    fn func(&mut self, _slot: u32) {}
}

impl Heap {
    /// Checks everything that is alive or not known to be dead.
    ///
    /// # Errors
    ///
    /// All violations.
    pub fn verify(&self) -> Result<(), Vec<Violation>> {
        let memory = self.cage.memory();
        let mut young = Vec::new();
        let mut object = self.nursery.from();
        while object < self.top() {
            if object >= self.nursery.marked_below || self.side.is_marked(object) {
                young.push(object);
            }
            object += object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
        }
        let mut verifier = Verifier { heap: self, young: young.clone(), object: 0, violations: Vec::new() };
        young.into_iter().for_each(|object| verifier.object(object));
        self.old.objects(memory, &self.side, |object| verifier.object(object));
        let mut object = block_start(1);
        while object < self.image_end() && self.image.is_some() && memory.read(object + DESCRIPTOR) != 0 {
            verifier.object(object);
            object += object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
        }
        debug_assert!(BLOCK_BYTES == block_start(1));
        if verifier.violations.is_empty() { Ok(()) } else { Err(verifier.violations) }
    }
}
