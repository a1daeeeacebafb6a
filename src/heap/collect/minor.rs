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
use crate::heap::trace::{Visitor, for_bits, object_bytes, visit_all_slots, visit_slots};
use crate::layout::heap::{DESCRIPTOR, Descriptor, I31_TAG, LENGTH};

/// Set in word 0 of an object that was copied.
const FORWARDED: u32 = 1;

/// Set in an entry of the queue whose slot holds a boxed value.
const BOXED: u32 = 1;

/// Entries that the queue has room for between two collections.
const QUEUE_KEPT: usize = 1 << 16;

/// How many entries before its own an object is fetched.
const FETCH_AHEAD: usize = 8;

/// The least that it grows by.
const QUEUE_LEAST: usize = 1 << 10;

/// A slot that refers to where a young object was.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The slot, with [`BOXED`].
    slot: u32,
    reference: u32,
}

/// What is to be copied, first come first served. What was served goes when there is no room left, so that memory is wanted for
/// what waits at one time and not for all that is copied.
#[derive(Debug, Default)]
pub(in crate::heap) struct Queue {
    entries: Vec<Entry>,
    /// Entries that were served.
    served: usize,
}

impl Queue {
    #[inline(always)]
    fn push(&mut self, entry: Entry) {
        if self.entries.len() == self.entries.capacity() {
            self.make_room();
        }
        self.entries.push(entry);
    }

    /// The next entry; and what a later one refers to is asked for from memory.
    #[inline(always)]
    fn next(&mut self, memory: Memory) -> Option<Entry> {
        let entry = self.entries.get(self.served).copied()?;
        if let Some(later) = self.entries.get(self.served + FETCH_AHEAD) {
            memory.prefetch(later.reference);
        }
        self.served += 1;
        Some(entry)
    }

    /// At most three entries are moved for each that was served.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        if self.served >= self.entries.len().div_ceil(4) {
            self.entries.drain(..self.served);
            self.served = 0;
        } else {
            self.entries.reserve(QUEUE_LEAST);
        }
    }

    /// Forgets everything, and memory that few collections need.
    fn clear(&mut self) {
        self.entries.clear();
        self.served = 0;
        self.entries.shrink_to(QUEUE_KEPT);
    }
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
    queue: Queue,
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
        let memory = self.memory;
        let descriptor = memory.descriptor(header);
        // Most objects are small, and have no slots but references.
        if descriptor.small_words == 0 {
            return self.copy_any(object, descriptor);
        }
        let words = u32::from(descriptor.small_words);
        let place = self.place(object, 8 * words);
        memory.copy_words(object, place, words);
        for_bits(descriptor.ref_bits, |bit| {
            let offset = LENGTH + 4 * bit;
            // Not from the copy, which is on its way to memory.
            Slots(self).queue(place + offset, memory.read(object + offset));
        });
        memory.write(object + DESCRIPTOR, place | FORWARDED);
        place
    }

    #[inline(never)]
    fn copy_any(&mut self, object: u32, descriptor: &Descriptor) -> u32 {
        let bytes = object_bytes(self.memory, object, descriptor);
        let place = self.place(object, bytes);
        self.memory.copy_object(object, place, bytes);
        self.memory.write(object + DESCRIPTOR, place | FORWARDED);
        visit_all_slots(self.memory, place, descriptor, &mut Slots(self));
        place
    }

    /// Where an object of so many bytes goes.
    #[inline(always)]
    fn place(&mut self, object: u32, bytes: u32) -> u32 {
        self.moved += 1;
        // When the old generation is full an object stays young: the other half has room for all.
        if object < self.age_mark
            && let Some(place) = self.old.allocate(self.cage, self.side, bytes)
        {
            self.promoted_bytes += u64::from(bytes);
            return place;
        }
        let place = self.to_top;
        self.to_top += bytes;
        place
    }

    /// Copies until everything that is copied refers to copies.
    fn drain(&mut self) {
        while let Some(entry) = self.queue.next(self.memory) {
            self.update(entry);
        }
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
        self.queue.clear();
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

#[cfg(test)]
mod tests {
    use super::{Entry, Queue};
    use crate::heap::memory::Memory;

    #[test]
    fn a_queue_needs_room_for_what_waits() {
        let memory = Memory::new(std::ptr::null_mut());
        let mut queue = Queue::default();
        let mut pushed = 0..;
        let mut push = |queue: &mut Queue| queue.push(Entry { slot: pushed.next().unwrap_or(0), reference: 0 });
        for _ in 0..100 {
            push(&mut queue);
        }
        // Two come for each of the first that goes, then one.
        for served in 0..100_000 {
            assert_eq!(queue.next(memory).map(|entry| entry.slot), Some(served));
            push(&mut queue);
            if served < 100 {
                push(&mut queue);
            }
        }
        assert!(queue.entries.capacity() < 4096, "{}", queue.entries.capacity());
        for served in 100_000..100_200 {
            assert_eq!(queue.next(memory).map(|entry| entry.slot), Some(served));
        }
        assert!(queue.next(memory).is_none());
    }
}
