//! The minor collection: what is reachable in the nursery goes to its other half, or, if it went there before, to the old generation.
//!
//! Breadth first, as Cheney's algorithm (CACM 13/11, 1970), so that what the guest reaches first stays together; but the work list is a
//! queue of slots and not the copies themselves. A slot's object is fetched into the cache when the slot is queued, and its bytes
//! are read when the slot's turn comes (Cher, Hosking and Vitek, ASPLOS 2004). Roots are the heap's handles, what the layers above
//! show, and dirty cards of older objects. A copied object leaves its new place, with bit 0 set, where its descriptor was.
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
use crate::heap::trace::{Visitor, object_bytes, visit_all_slots, visit_slots};
use crate::layout::heap::{DESCRIPTOR, I31_TAG};

/// Set in word 0 of an object that was copied.
const FORWARDED: u32 = 1;

/// Set in an entry of the queue whose slot holds a boxed value.
const BOXED: u32 = 1;

/// Entries that the queue has room for between two collections.
const QUEUE_KEPT: usize = 1 << 16;

/// A slot that refers to where a young object was.
#[derive(Debug, Clone, Copy)]
pub(in crate::heap) struct Entry {
    /// The slot, with [`BOXED`].
    slot: u32,
    reference: u32,
}

struct Minor<'h> {
    memory: Memory,
    cage: &'h mut Cage,
    side: &'h Side,
    old: &'h mut OldSpace,
    /// Lowest young reference.
    young: u32,
    age_mark: u32,
    to_top: u32,
    queue: Vec<Entry>,
    moved: u64,
    promoted_bytes: u64,
}

impl Minor<'_> {
    /// Whether a reference is to a young object.
    #[inline(always)]
    fn is_young(&self, reference: u32) -> bool {
        reference >= self.young && reference & I31_TAG == 0
    }

    /// The place of a young object after this collection.
    #[inline(always)]
    fn forward(&mut self, reference: u32) -> u32 {
        let header = self.memory.read(reference + DESCRIPTOR);
        if header & FORWARDED != 0 { header & !FORWARDED } else { self.copy(reference, header) }
    }

    #[inline(always)]
    fn copy(&mut self, object: u32, header: u32) -> u32 {
        let descriptor = self.memory.descriptor(header);
        let bytes = object_bytes(self.memory, object, descriptor);
        // When the old generation is full an object stays young: the other half has room for all.
        let is_old = object < self.age_mark;
        let place = match is_old.then(|| self.old.allocate(self.cage, self.side, bytes)).flatten() {
            Some(place) => {
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
        visit_all_slots(self.memory, place, descriptor, &mut Slots(self));
        place
    }

    /// Copies until everything that is copied refers to copies.
    fn drain(&mut self) {
        let mut next = 0;
        while let Some(&entry) = self.queue.get(next) {
            next += 1;
            self.update(entry);
        }
        self.queue.clear();
    }

    /// Lets a slot refer to the copy. If it is a slot of an old object, a card is dirtied where the copy is still young.
    #[inline(always)]
    fn update(&mut self, entry: Entry) {
        let after = self.forward(entry.reference);
        let slot = entry.slot & !BOXED;
        if entry.slot & BOXED == 0 {
            self.memory.write(slot, after);
        } else {
            self.memory.write64(slot, rebox(self.memory.read64(slot), after));
        }
        if slot < self.young && after >= self.young {
            self.side.dirty(slot);
        }
    }
}

/// Queues the slots of an object that refer to young ones.
struct Slots<'a, 'h>(&'a mut Minor<'h>);

impl Slots<'_, '_> {
    #[inline(always)]
    fn queue(&mut self, slot: u32, reference: u32) {
        if self.0.is_young(reference) {
            self.0.memory.prefetch(reference);
            self.0.queue.push(Entry { slot, reference });
        }
    }
}

impl Visitor for Slots<'_, '_> {
    #[inline(always)]
    fn reference(&mut self, slot: u32) {
        self.queue(slot, self.0.memory.read(slot));
    }

    #[inline(always)]
    fn boxed(&mut self, slot: u32) {
        if let Some(reference) = boxed_ref(self.0.memory.read64(slot)) {
            self.queue(slot | BOXED, reference.bits());
        }
    }

    fn func(&mut self, _slot: u32) {}
}

impl RootVisitor for Minor<'_> {
    fn reference(&mut self, slot: &mut HeapRef) {
        if self.is_young(slot.bits()) {
            *slot = HeapRef::from_bits(self.forward(slot.bits()));
        }
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
        self.cage.open(to, self.nursery.half_bytes);
        let image_end = self.image_end();
        let mut minor = Minor {
            memory,
            cage: &mut self.cage,
            side: &self.side,
            old: &mut self.old,
            young: self.nursery.start,
            age_mark: self.nursery.age_mark,
            to_top: to,
            queue: std::mem::take(&mut self.queue),
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
            visit_slots(memory, object, descriptor, range, &mut Slots(&mut minor));
        }
        self.handles.visit(&mut minor);
        self.weak.visit_strong(&mut minor);
        roots.visit_roots(&mut minor);
        minor.drain();
        let (moved, promoted_bytes, to_top) = (minor.moved, minor.promoted_bytes, minor.to_top);
        self.queue = minor.queue;
        self.queue.shrink_to(QUEUE_KEPT);
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
        self.cage.close(self.nursery.from(), self.nursery.half_bytes);
        self.nursery.upper = !self.nursery.upper;
        self.nursery.age_mark = to_top;
        self.nursery.marked_below = to;
        self.nursery.adapt(to_top, moved, promoted_bytes + u64::from(to_top - to));
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
