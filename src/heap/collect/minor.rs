//! The minor collection: what is reachable in the nursery goes to its other half, or, if it went there before, to the old generation.
//!
//! Cheney's algorithm (CACM 13/11, 1970): the copies are their own work list, and promoted objects have one beside. Roots are the
//! heap's handles, what the layers above show, and dirty cards of older objects. A copied object leaves its new place, with bit 0 set,
//! where its descriptor was.
//!
//! Weak things are strong here: they are cleared by major collections only. That keeps this loop short, and what it keeps alive
//! too long dies when it is old. Values of the host are the exception: they are let go as soon as their object is not copied.

use crate::heap::cage::Cage;
use crate::heap::heap::Heap;
use crate::heap::memory::Memory;
use crate::heap::reference::{HeapRef, boxed_ref, rebox};
use crate::heap::roots::{RootSource, RootVisitor};
use crate::heap::side::Side;
use crate::heap::space::old::OldSpace;
use crate::heap::trace::{Visitor, object_bytes, visit_all_slots, visit_object, visit_slots};
use crate::layout::heap::{DESCRIPTOR, I31_TAG};

/// Set in word 0 of an object that was copied.
const FORWARDED: u32 = 1;

struct Minor<'h> {
    memory: Memory,
    cage: &'h mut Cage,
    side: &'h Side,
    old: &'h mut OldSpace,
    /// Lowest young reference.
    young: u32,
    age_mark: u32,
    to_top: u32,
    promoted: Vec<u32>,
    moved: u64,
    promoted_bytes: u64,
}

impl Minor<'_> {
    /// The place of an object after this collection.
    #[inline(always)]
    fn forward(&mut self, reference: u32) -> u32 {
        if reference < self.young || reference & I31_TAG != 0 {
            return reference;
        }
        let header = self.memory.read(reference + DESCRIPTOR);
        if header & FORWARDED != 0 { header & !FORWARDED } else { self.copy(reference, header) }
    }

    #[inline]
    fn copy(&mut self, object: u32, header: u32) -> u32 {
        let bytes = object_bytes(self.memory, object, self.memory.descriptor(header));
        // When the old generation is full an object stays young: the other half has room for all.
        let is_old = object < self.age_mark;
        let place = match is_old.then(|| self.old.allocate(self.cage, self.side, bytes)).flatten() {
            Some(place) => {
                self.promoted.push(place);
                self.promoted_bytes += u64::from(bytes);
                place
            }
            None => {
                let place = self.to_top;
                self.to_top += bytes;
                place
            }
        };
        self.memory.copy_object(object, place, bytes);
        self.memory.write(object + DESCRIPTOR, place | FORWARDED);
        self.moved += 1;
        place
    }

    /// Copies until everything that is copied refers to copies.
    fn drain(&mut self, mut scan: u32) -> u32 {
        loop {
            if let Some(object) = self.promoted.pop() {
                visit_object(self.memory, object, &mut Slots::<true>(self));
            } else if scan < self.to_top {
                let descriptor = self.memory.descriptor(self.memory.read(scan + DESCRIPTOR));
                visit_all_slots(self.memory, scan, descriptor, &mut Slots::<false>(self));
                scan += object_bytes(self.memory, scan, descriptor);
            } else {
                return scan;
            }
        }
    }
}

/// The slots of one object. If `OLD`, it is old, and a card is dirtied where it still refers to a young object.
struct Slots<'a, 'h, const OLD: bool>(&'a mut Minor<'h>);

impl<const OLD: bool> Visitor for Slots<'_, '_, OLD> {
    #[inline(always)]
    fn reference(&mut self, slot: u32) {
        let before = self.0.memory.read(slot);
        if before >= self.0.young {
            let after = self.0.forward(before);
            self.0.memory.write(slot, after);
            if OLD && after >= self.0.young {
                self.0.side.dirty(slot);
            }
        }
    }

    #[inline(always)]
    fn boxed(&mut self, slot: u32) {
        let value = self.0.memory.read64(slot);
        if let Some(before) = boxed_ref(value)
            && before.bits() >= self.0.young
        {
            let after = self.0.forward(before.bits());
            self.0.memory.write64(slot, rebox(value, after));
            if OLD && after >= self.0.young {
                self.0.side.dirty(slot);
            }
        }
    }

    fn func(&mut self, _slot: u32) {}
}

impl RootVisitor for Minor<'_> {
    fn reference(&mut self, slot: &mut HeapRef) {
        *slot = HeapRef::from_bits(self.forward(slot.bits()));
    }

    fn func(&mut self, _func: u32) {}
}

impl Heap {
    pub(in crate::heap) fn minor(&mut self, roots: &mut dyn RootSource) {
        let memory = self.cage.memory();
        let old_top = self.top();
        let mut dirty = std::mem::take(&mut self.dirty);
        self.old.dirty_objects(memory, &self.side, |object, card| dirty.push((object, card.start)));
        if let Some(image) = &self.image {
            image.dirty_objects(memory, &self.side, |object, card| dirty.push((object, card.start)));
        }
        let to = self.nursery.to();
        let image_end = self.image_end();
        let mut minor = Minor {
            memory,
            cage: &mut self.cage,
            side: &self.side,
            old: &mut self.old,
            young: self.nursery.start,
            age_mark: self.nursery.age_mark,
            to_top: to,
            promoted: Vec::new(),
            moved: 0,
            promoted_bytes: 0,
        };
        for &(_, card) in &dirty {
            // Cards of an image say more than "young": they stay.
            if card >= image_end {
                minor.side.clean(card);
            }
        }
        for &(object, card) in &dirty {
            let descriptor = memory.descriptor(memory.read(object + DESCRIPTOR));
            let range = card..card + (crate::heap::side::CARD_BYTES - 1);
            visit_slots(memory, object, descriptor, range, &mut Slots::<true>(&mut minor));
        }
        self.handles.visit(&mut minor);
        self.weak.visit_strong(&mut minor);
        roots.visit_roots(&mut minor);
        let scan = minor.drain(to);
        debug_assert_eq!(scan, minor.to_top);
        let (moved, promoted_bytes, to_top) = (minor.moved, minor.promoted_bytes, minor.to_top);
        self.resources.after_minor(self.nursery.start, |object| {
            let header = memory.read(object + DESCRIPTOR);
            (header & FORWARDED != 0).then_some(header & !FORWARDED)
        });
        dirty.clear();
        self.dirty = dirty;
        self.stats.moved_objects += moved;
        self.stats.promoted_bytes += promoted_bytes;
        if self.config.stress || cfg!(debug_assertions) {
            self.poison(self.nursery.from(), old_top);
        }
        self.nursery.upper = !self.nursery.upper;
        self.nursery.age_mark = to_top;
        self.nursery.marked_below = to;
        self.set_top(to_top);
    }

    /// Overwrites what was left behind, so that a reference that no root held is seen at its next use.
    fn poison(&self, from: u32, to: u32) {
        let memory = self.cage.memory();
        for word in (from..to).step_by(4) {
            memory.write(word, 0xdead_beec);
        }
    }
}
