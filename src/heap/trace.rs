//! From an object to its slots, by its descriptor.
//!
//! The visitor is a type parameter: each collector has its own copy of these loops, without a call for each slot.

use std::ops::Range;

use crate::heap::descriptor::{ObjectKind, SlotKind, slot_of_word};
use crate::heap::memory::Memory;
use crate::layout::heap::{DESCRIPTOR, DESCRIPTOR_DISPLAY, Descriptor, FIELDS, LENGTH, OBJECT_ALIGN};

/// Bytes of a pair in an ephemeron table: key, padding, boxed value.
pub(in crate::heap) const PAIR_LOG2: u32 = 4;

/// What a collector does with slots. Offsets are in the cage.
pub(in crate::heap) trait Visitor {
    /// A 4-byte reference.
    fn reference(&mut self, slot: u32);
    /// An 8-byte boxed value.
    fn boxed(&mut self, slot: u32);
    /// An index into the function table.
    fn func(&mut self, slot: u32);
    /// The slot of a weak cell. As any other, unless the visitor knows better.
    #[inline(always)]
    fn weak(&mut self, object: u32, slot: u32) {
        let _ = object;
        self.reference(slot);
    }
    /// A table of pairs, of which those in the range are asked for. As slots like any other, unless the visitor knows better.
    #[inline(always)]
    fn ephemerons(&mut self, object: u32, pairs: Range<u32>) {
        for pair in pairs {
            let at = object + FIELDS + (pair << PAIR_LOG2);
            self.reference(at);
            self.boxed(at + 8);
        }
    }
}

/// Bytes of an object, rounded up to where the next may start.
#[inline(always)]
pub(in crate::heap) fn object_bytes(memory: Memory, object: u32, descriptor: &Descriptor) -> u32 {
    let bytes = match ObjectKind::of(descriptor) {
        ObjectKind::Fixed | ObjectKind::OpaqueFixed | ObjectKind::Weak | ObjectKind::Resource => descriptor.fixed_bytes,
        ObjectKind::Array | ObjectKind::OpaqueArray => {
            descriptor.fixed_bytes + (memory.read(object + LENGTH) << descriptor.element_log2)
        }
        ObjectKind::Ephemerons => descriptor.fixed_bytes + (memory.read(object + LENGTH) << PAIR_LOG2),
        ObjectKind::Descriptor => memory.read(object + LENGTH),
    };
    bytes.next_multiple_of(OBJECT_ALIGN)
}

/// Visits all slots of an object.
#[inline(always)]
pub(in crate::heap) fn visit_object<V: Visitor>(memory: Memory, object: u32, visitor: &mut V) {
    let descriptor = memory.descriptor(memory.read(object + DESCRIPTOR));
    visit_all_slots(memory, object, descriptor, visitor);
}

/// Visits all slots of an object of a known type.
#[inline(always)]
pub(in crate::heap) fn visit_all_slots<V: Visitor>(memory: Memory, object: u32, descriptor: &Descriptor, visitor: &mut V) {
    visit(memory, object, descriptor, &Everywhere, visitor);
}

/// Visits the slots of an object that lie in a range of the cage.
pub(in crate::heap) fn visit_slots<V: Visitor>(
    memory: Memory,
    object: u32,
    descriptor: &Descriptor,
    range: Range<u32>,
    visitor: &mut V,
) {
    visit(memory, object, descriptor, &range, visitor);
}

/// Which slots are asked for. A type of its own for "all", so that the loops over whole objects compare nothing.
trait Within {
    fn has(&self, slot: u32) -> bool;
    /// Which of `count` elements behind an object's header have a byte there.
    fn elements(&self, object: u32, count: u32, log2: u32) -> Range<u32>;
}

struct Everywhere;

impl Within for Everywhere {
    #[inline(always)]
    fn has(&self, _slot: u32) -> bool {
        true
    }

    #[inline(always)]
    fn elements(&self, _object: u32, count: u32, _log2: u32) -> Range<u32> {
        0..count
    }
}

impl Within for Range<u32> {
    #[inline(always)]
    fn has(&self, slot: u32) -> bool {
        self.contains(&slot)
    }

    #[inline(always)]
    fn elements(&self, object: u32, count: u32, log2: u32) -> Range<u32> {
        let first = object + FIELDS;
        let start = self.start.saturating_sub(first) >> log2;
        let end = self.end.saturating_sub(first).div_ceil(1 << log2).min(count);
        start.min(end)..end
    }
}

#[inline(always)]
fn visit<V: Visitor, W: Within>(memory: Memory, object: u32, descriptor: &Descriptor, within: &W, visitor: &mut V) {
    match ObjectKind::of(descriptor) {
        ObjectKind::Fixed | ObjectKind::OpaqueFixed => visit_fixed(memory, object, descriptor, within, visitor),
        ObjectKind::Array | ObjectKind::OpaqueArray => visit_array(memory, object, descriptor, within, visitor),
        ObjectKind::Weak => {
            if within.has(object + FIELDS) {
                visitor.weak(object, object + FIELDS);
            }
        }
        ObjectKind::Ephemerons => {
            let pairs = within.elements(object, memory.read(object + LENGTH), PAIR_LOG2);
            visitor.ephemerons(object, pairs);
        }
        ObjectKind::Resource | ObjectKind::Descriptor => {}
    }
}

#[inline(always)]
fn visit_fixed<V: Visitor, W: Within>(memory: Memory, object: u32, descriptor: &Descriptor, within: &W, visitor: &mut V) {
    let slot_at = |bit: u32| object + LENGTH + 4 * bit;
    for_bits(descriptor.ref_bits, |bit| {
        if within.has(slot_at(bit)) {
            visitor.reference(slot_at(bit));
        }
    });
    if descriptor.boxed_bits | descriptor.func_bits | u64::from(descriptor.slot_count) == 0 {
        return;
    }
    for_bits(descriptor.boxed_bits, |bit| {
        if within.has(slot_at(bit)) {
            visitor.boxed(slot_at(bit));
        }
    });
    for_bits(descriptor.func_bits, |bit| {
        if within.has(slot_at(bit)) {
            visitor.func(slot_at(bit));
        }
    });
    let list = memory.read(object + DESCRIPTOR) + DESCRIPTOR_DISPLAY + 4 * descriptor.display_count;
    for nth in 0..descriptor.slot_count {
        let (offset, kind) = slot_of_word(memory.read(list + 4 * nth));
        let slot = object + offset;
        if within.has(slot) {
            match SlotKind::from_bits(kind) {
                SlotKind::Data => {}
                SlotKind::Ref => visitor.reference(slot),
                SlotKind::Func => visitor.func(slot),
                SlotKind::Boxed => visitor.boxed(slot),
            }
        }
    }
}

#[inline(always)]
fn visit_array<V: Visitor, W: Within>(memory: Memory, object: u32, descriptor: &Descriptor, within: &W, visitor: &mut V) {
    let kind = SlotKind::from_bits(descriptor.element_slot);
    if kind == SlotKind::Data {
        return;
    }
    let log2 = u32::from(descriptor.element_log2);
    let elements = within.elements(object, memory.read(object + LENGTH), log2);
    let slots = elements.map(|nth| object + FIELDS + (nth << log2));
    match kind {
        SlotKind::Data => {}
        SlotKind::Ref => slots.for_each(|slot| visitor.reference(slot)),
        SlotKind::Func => slots.for_each(|slot| visitor.func(slot)),
        SlotKind::Boxed => slots.for_each(|slot| visitor.boxed(slot)),
    }
}

#[inline(always)]
pub(in crate::heap) fn for_bits(mut bits: u64, mut visit: impl FnMut(u32)) {
    while bits != 0 {
        visit(bits.trailing_zeros());
        bits &= bits - 1;
    }
}
