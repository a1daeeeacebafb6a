//! Exceptions as objects of the heap: where tag and payload stand.
//!
//! An object's first field is its tag's identity: the tag's position among the tags of its store, which each vmctx has for the
//! tags of its module. The payload follows in order, each value at a multiple of its size or, since objects are aligned to no more,
//! of 8. An exception never changes once it is made.

use smallvec::SmallVec;

use crate::layout::heap::{FIELDS, OBJECT_ALIGN};
use crate::wasm::types::ValType;

/// Offset of the tag's identity.
pub const EXCEPTION_TAG: u32 = FIELDS;

/// A value of an exception's payload.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PayloadField {
    /// Its type.
    pub ty: ValType,
    /// Where it is in the object.
    pub offset: u32,
}

/// The objects of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionLayout {
    /// The payload, in order.
    pub fields: SmallVec<[PayloadField; 2]>,
    /// Bytes of an object, header included.
    pub fixed_bytes: u32,
}

/// Bytes that a value takes.
pub fn payload_bytes(ty: ValType) -> u32 {
    match ty {
        ValType::I32 | ValType::F32 | ValType::Ref(_) => 4,
        ValType::I64 | ValType::F64 => 8,
        ValType::V128 => 16,
    }
}

impl ExceptionLayout {
    /// The layout for a tag's parameters, whose number `base::limits` bounds.
    pub fn new(params: &[ValType]) -> Self {
        let mut end = EXCEPTION_TAG + 4;
        let fields = params.iter().map(|&ty| {
            let bytes = payload_bytes(ty);
            let offset = end.next_multiple_of(bytes.min(OBJECT_ALIGN));
            end = offset + bytes;
            PayloadField { ty, offset }
        });
        let fields = fields.collect();
        ExceptionLayout { fields, fixed_bytes: end }
    }
}

#[cfg(test)]
mod tests {
    use super::ExceptionLayout;
    use crate::wasm::types::ValType;

    #[test]
    fn fields_are_aligned_and_do_not_overlap() {
        let layout = ExceptionLayout::new(&[ValType::I64, ValType::I32, ValType::V128, ValType::FUNCREF]);
        let offsets: Vec<u32> = layout.fields.iter().map(|field| field.offset).collect();
        assert_eq!((&offsets[..], layout.fixed_bytes), (&[16, 24, 32, 48][..], 52));
        assert_eq!(ExceptionLayout::new(&[]).fixed_bytes, 12);
    }
}
