//! References as the host sees them: 32 bits that are null, an `i31`, or the place of an object in the cage.

use crate::layout::heap::{BOXED_REF_TAG, BOXED_TAG_SHIFT, I31_TAG, NULL};

/// A reference. It is only good until the next collection, unless a root holds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct HeapRef(u32);

impl HeapRef {
    /// Null.
    pub const NULL: HeapRef = HeapRef(NULL);

    /// From the bits that generated code passes.
    pub const fn from_bits(bits: u32) -> Self {
        HeapRef(bits)
    }

    /// The bits that generated code passes.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// An `i31` from the low 31 bits of a number.
    pub const fn i31(value: i32) -> Self {
        HeapRef(value.cast_unsigned() << 1 | I31_TAG)
    }

    /// The number of an `i31`, sign-extended.
    pub const fn as_i31(self) -> Option<i32> {
        if self.0 & I31_TAG != 0 { Some(self.0.cast_signed() >> 1) } else { None }
    }

    /// Whether it is null.
    pub const fn is_null(self) -> bool {
        self.0 == NULL
    }

    /// Whether it is the place of an object.
    pub const fn is_object(self) -> bool {
        self.0 != NULL && self.0 & I31_TAG == 0
    }
}

impl std::fmt::Debug for HeapRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_i31() {
            Some(value) => write!(f, "i31({value})"),
            None if self.is_null() => f.write_str("null"),
            None => write!(f, "@{:#x}", self.0),
        }
    }
}

/// The reference in a 64-bit boxed value, if it is one.
#[inline]
pub const fn boxed_ref(value: u64) -> Option<HeapRef> {
    if value >> BOXED_TAG_SHIFT >= BOXED_REF_TAG { Some(HeapRef(value as u32)) } else { None }
}

/// A boxed reference; `tag` is 0 to 3.
pub const fn box_ref(tag: u64, reference: HeapRef) -> u64 {
    (BOXED_REF_TAG + (tag & 3)) << BOXED_TAG_SHIFT | reference.0 as u64
}

/// The same box around another reference.
#[inline]
pub(in crate::heap) const fn rebox(value: u64, reference: u32) -> u64 {
    value & !(u32::MAX as u64) | reference as u64
}

#[cfg(test)]
mod tests {
    use super::{HeapRef, box_ref, boxed_ref};

    #[test]
    fn an_i31_keeps_31_bits_and_its_sign() {
        for value in [0, 1, -1, 0x3fff_ffff, -0x4000_0000] {
            assert_eq!(HeapRef::i31(value).as_i31(), Some(value));
            assert!(!HeapRef::i31(value).is_object());
        }
        assert_eq!(HeapRef::i31(0x4000_0000).as_i31(), Some(-0x4000_0000));
        assert_eq!(HeapRef::NULL.as_i31(), None);
    }

    #[test]
    fn numbers_are_never_boxed_references() {
        for number in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, f64::MAX, f64::MIN] {
            assert_eq!(boxed_ref(number.to_bits()), None, "{number}");
        }
        for tag in 0..4 {
            assert_eq!(boxed_ref(box_ref(tag, HeapRef::from_bits(0x12340))), Some(HeapRef::from_bits(0x12340)));
        }
    }
}
