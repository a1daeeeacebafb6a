//! Types as the heap knows them: how large an object is, and which of its slots the collector follows. Data, never code.

use crate::heap::error::HeapError;
use crate::layout::heap::{DESCRIPTOR_DISPLAY, Descriptor, FIELDS, HEADER_REF_BIT, KIND_ARRAY, KIND_STRUCT, LENGTH, MIN_DISPLAY};

/// How an object's bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ObjectKind {
    /// Fields at fixed offsets.
    Fixed = KIND_STRUCT,
    /// Elements of one size behind the header, whose second word is their number.
    Array = KIND_ARRAY,
    /// One reference at `FIELDS` that does not keep its target alive: see [`weak`](crate::heap::weak).
    Weak = 2,
    /// An array of pairs (key, boxed value), each 16 bytes: the value is alive while the key and the table are.
    Ephemerons = 3,
    /// A value of the host: the word at `FIELDS` is its index in [`resources`](crate::heap::resources).
    Resource = 4,
    /// A descriptor.
    Descriptor = 5,
    /// As `Fixed`, but of a language whose objects guests cannot look into: no cast to a structure succeeds.
    OpaqueFixed = 6,
    /// As `Array`, but opaque in the same way.
    OpaqueArray = 7,
}

impl ObjectKind {
    #[inline(always)]
    pub(in crate::heap) fn of(descriptor: &Descriptor) -> Self {
        match descriptor.kind {
            0 | 6 => ObjectKind::Fixed,
            1 | 7 => ObjectKind::Array,
            2 => ObjectKind::Weak,
            3 => ObjectKind::Ephemerons,
            4 => ObjectKind::Resource,
            _ => ObjectKind::Descriptor,
        }
    }
}

/// Objects up to this size are copied word by word.
pub(in crate::heap) const SMALL_BYTES: u32 = 64;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SlotKind {
    /// Bytes that the collector does not look at.
    Data = 0,
    /// 4 bytes: a reference.
    Ref = 1,
    /// 4 bytes: an index into the isolate's function table.
    Func = 2,
    /// 8 bytes: a boxed value that may be a reference.
    Boxed = 3,
}

impl SlotKind {
    #[inline(always)]
    pub(in crate::heap) fn from_bits(bits: u8) -> Self {
        match bits {
            1 => SlotKind::Ref,
            2 => SlotKind::Func,
            3 => SlotKind::Boxed,
            _ => SlotKind::Data,
        }
    }

    fn log2(self) -> Option<u8> {
        match self {
            SlotKind::Data => None,
            SlotKind::Ref | SlotKind::Func => Some(2),
            SlotKind::Boxed => Some(3),
        }
    }
}

/// A descriptor in a heap. It never moves and is never collected, so that generated code may keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DescriptorRef(u32);

impl DescriptorRef {
    /// Its reference.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From what [`bits`](DescriptorRef::bits) gave for the same heap, or the header of one of its objects holds.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        DescriptorRef(bits)
    }
}

/// A type to make a descriptor of.
#[derive(Debug, Clone)]
pub struct TypeDesc<'a> {
    /// The layout.
    pub kind: ObjectKind,
    /// Bytes of an object, header included; for arrays the header alone.
    pub fixed_bytes: u32,
    /// Offset and kind of every slot that is not data, for [`ObjectKind::Fixed`]. The header's second word may be a reference.
    pub slots: &'a [(u32, SlotKind)],
    /// Binary logarithm of an element's bytes, and what it holds, for [`ObjectKind::Array`].
    pub element: (u8, SlotKind),
    /// What the owner of the type calls it.
    pub client: u32,
    /// The supertype.
    pub parent: Option<DescriptorRef>,
}

impl<'a> TypeDesc<'a> {
    /// A type with fields. `fixed_bytes` counts the header.
    pub fn fixed(fixed_bytes: u32, slots: &'a [(u32, SlotKind)]) -> Self {
        TypeDesc { kind: ObjectKind::Fixed, fixed_bytes, slots, element: (0, SlotKind::Data), client: 0, parent: None }
    }

    /// An array of elements of `1 << log2` bytes.
    pub fn array(log2: u8, element: SlotKind) -> Self {
        TypeDesc { kind: ObjectKind::Array, fixed_bytes: FIELDS, slots: &[], element: (log2, element), client: 0, parent: None }
    }

    /// The same, with what the owner calls it.
    pub fn client(self, client: u32) -> Self {
        TypeDesc { client, ..self }
    }

    /// The same, of objects that guests hold and pass on, and never look into.
    pub fn opaque(self) -> Self {
        let kind = match self.kind {
            ObjectKind::Fixed => ObjectKind::OpaqueFixed,
            ObjectKind::Array => ObjectKind::OpaqueArray,
            kind => kind,
        };
        TypeDesc { kind, ..self }
    }

    /// The same, below a supertype.
    pub fn below(self, parent: DescriptorRef) -> Self {
        TypeDesc { parent: Some(parent), ..self }
    }
}

/// Slots that the bit sets cannot hold stand in a list: an offset, a multiple of 4, and the kind in its low bits.
pub(in crate::heap) const fn slot_word(offset: u32, kind: SlotKind) -> u32 {
    offset | kind as u32
}

pub(in crate::heap) const fn slot_of_word(word: u32) -> (u32, u8) {
    (word & !3, (word & 3) as u8)
}

/// A descriptor as words, ready to be written.
pub(in crate::heap) struct Encoded {
    pub fixed: Descriptor,
    pub slots: Vec<u32>,
}

/// What cannot be described is refused here, so that the collector need not ask.
pub(in crate::heap) fn encode(ty: &TypeDesc<'_>) -> Result<Encoded, HeapError> {
    let mut fixed = Descriptor {
        descriptor: 0,
        descriptor_bytes: 0,
        kind: ty.kind as u8,
        element_log2: ty.element.0,
        element_slot: ty.element.1 as u8,
        small_words: 0,
        fixed_bytes: ty.fixed_bytes,
        ref_bits: 0,
        func_bits: 0,
        boxed_bits: 0,
        client: ty.client,
        slot_count: 0,
        depth: 0,
        display_count: MIN_DISPLAY,
    };
    if ty.fixed_bytes < FIELDS || !ty.fixed_bytes.is_multiple_of(4) {
        return Err(HeapError::BadType("its size"));
    }
    if ty.element.0 > 4 || ty.element.1.log2().is_some_and(|log2| log2 != ty.element.0) {
        return Err(HeapError::BadType("the size of its elements"));
    }
    let mut slots = Vec::new();
    for &(offset, kind) in ty.slots {
        let Some(log2) = kind.log2() else { continue };
        let end = offset.checked_add(1 << log2);
        if (offset, kind) == (LENGTH, SlotKind::Ref) {
            // Never in the list: generated code looks at the bit.
            fixed.ref_bits = HEADER_REF_BIT;
            continue;
        }
        if offset < FIELDS || !offset.is_multiple_of(1 << log2) || end.is_none_or(|end| end > ty.fixed_bytes) {
            return Err(HeapError::BadType("the place of a slot"));
        }
        slots.push((offset, kind));
    }
    if slots.iter().all(|&(offset, _)| (offset - LENGTH) / 4 < u64::BITS) {
        for (offset, kind) in slots {
            let bit = 1 << ((offset - LENGTH) / 4);
            match kind {
                SlotKind::Data => {}
                SlotKind::Ref => fixed.ref_bits |= bit,
                SlotKind::Func => fixed.func_bits |= bit,
                SlotKind::Boxed => fixed.boxed_bits |= bit,
            }
        }
        if matches!(ty.kind, ObjectKind::Fixed | ObjectKind::OpaqueFixed)
            && ty.fixed_bytes <= SMALL_BYTES
            && fixed.boxed_bits == 0
        {
            fixed.small_words = ty.fixed_bytes.div_ceil(8) as u8;
        }
        return Ok(Encoded { fixed, slots: Vec::new() });
    }
    let slots: Vec<u32> = slots.into_iter().map(|(offset, kind)| slot_word(offset, kind)).collect();
    fixed.slot_count = u32::try_from(slots.len()).map_err(|_| HeapError::BadType("the number of its slots"))?;
    Ok(Encoded { fixed, slots })
}

/// Bytes of a descriptor with so many entries in its display and list.
pub(in crate::heap) fn encoded_bytes(display_count: u32, slot_count: u32) -> Option<u32> {
    let words = display_count.checked_add(slot_count)?;
    words.checked_mul(4)?.checked_add(DESCRIPTOR_DISPLAY)?.checked_next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::{SMALL_BYTES, SlotKind, TypeDesc, encode};
    use crate::heap::HeapError;
    use crate::layout::heap::{HEADER_REF_BIT, LENGTH};

    #[test]
    fn slots_that_do_not_fit_are_refused() {
        for slots in
            [[(0, SlotKind::Ref)], [(4, SlotKind::Func)], [(10, SlotKind::Ref)], [(16, SlotKind::Ref)], [(12, SlotKind::Boxed)]]
        {
            assert!(matches!(encode(&TypeDesc::fixed(16, &slots)), Err(HeapError::BadType(_))), "{slots:?}");
        }
        assert!(encode(&TypeDesc::fixed(7, &[])).is_err());
        assert!(encode(&TypeDesc::array(3, SlotKind::Ref)).is_err());
    }

    #[test]
    fn far_slots_go_to_the_list() {
        let near = encode(&TypeDesc::fixed(24, &[(8, SlotKind::Ref), (16, SlotKind::Boxed)])).expect("a type");
        assert_eq!((near.fixed.ref_bits, near.fixed.boxed_bits, near.slots.len()), (2, 8, 0));
        let far = encode(&TypeDesc::fixed(4096, &[(8, SlotKind::Ref), (4000, SlotKind::Func)])).expect("a type");
        assert_eq!((far.fixed.ref_bits, far.fixed.func_bits, far.slots.len()), (0, 0, 2));
    }

    #[test]
    fn small_objects_whose_slots_are_references_count_their_words() {
        let words = |ty: TypeDesc<'_>| encode(&ty).expect("a type").fixed.small_words;
        assert_eq!(words(TypeDesc::fixed(20, &[(8, SlotKind::Ref), (12, SlotKind::Func)])), 3);
        assert_eq!(words(TypeDesc::fixed(SMALL_BYTES, &[(8, SlotKind::Ref)])), 8);
        assert_eq!(words(TypeDesc::fixed(SMALL_BYTES + 4, &[(8, SlotKind::Ref)])), 0);
        assert_eq!(words(TypeDesc::fixed(24, &[(8, SlotKind::Boxed)])), 0);
        assert_eq!(words(TypeDesc::array(2, SlotKind::Ref)), 0);
    }

    #[test]
    fn the_second_word_of_the_header_may_be_a_reference() {
        let word = (LENGTH, SlotKind::Ref);
        let near = encode(&TypeDesc::fixed(16, &[word, (8, SlotKind::Ref)])).expect("a type");
        assert_eq!((near.fixed.ref_bits, near.slots.len()), (HEADER_REF_BIT | 2, 0));
        let far = encode(&TypeDesc::fixed(4096, &[word, (8, SlotKind::Ref), (4000, SlotKind::Ref)])).expect("a type");
        assert_eq!((far.fixed.ref_bits, far.slots.len()), (HEADER_REF_BIT, 2));
    }
}
