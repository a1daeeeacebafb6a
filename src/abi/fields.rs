//! Where the fields of structures and the elements of arrays lie in an object of the heap.
//!
//! Fields follow one another in their order, each at the next multiple of its size (8 for vectors): a subtype, which adds fields
//! behind, has those of its supertype where that has them.

use crate::layout::heap::FIELDS;
use crate::wasm::types::{FieldType, StorageType, StructType, ValType};

/// What the collector makes of a field.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Nothing.
    Data,
    /// A reference of the heap.
    Ref,
    /// A function reference.
    Func,
}

/// Binary logarithm of the bytes that a field takes.
pub fn storage_log2(storage: StorageType) -> u8 {
    match storage {
        StorageType::I8 => 0,
        StorageType::I16 => 1,
        StorageType::Val(ValType::I32 | ValType::F32 | ValType::Ref(_)) => 2,
        StorageType::Val(ValType::I64 | ValType::F64) => 3,
        StorageType::Val(ValType::V128) => 4,
    }
}

/// What the collector makes of a field.
pub fn field_kind(field: &FieldType) -> FieldKind {
    match field.storage {
        StorageType::Val(ValType::Ref(ty)) if ty.heap.is_in_heap() => FieldKind::Ref,
        StorageType::Val(ValType::Ref(_)) => FieldKind::Func,
        _ => FieldKind::Data,
    }
}

/// Where the fields of a structure lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// Offset of each field from the start of the object.
    pub offsets: Vec<u32>,
    /// Bytes of the object, header included, a multiple of 8.
    pub bytes: u32,
}

impl StructLayout {
    /// The layout of a type. Validation bounds the number of fields, so offsets are small.
    pub fn new(ty: &StructType) -> Self {
        let mut layout = StructLayout { offsets: Vec::new(), bytes: 0 };
        layout.become_of(ty);
        layout
    }

    /// Becomes that of another type, in the same memory.
    pub fn become_of(&mut self, ty: &StructType) {
        let mut end = FIELDS;
        let place = |field: &FieldType| {
            let bytes = 1 << storage_log2(field.storage);
            let offset = end.next_multiple_of(bytes.min(8));
            end = offset + bytes;
            offset
        };
        self.offsets.clear();
        self.offsets.extend(ty.fields.iter().map(place));
        self.bytes = end.next_multiple_of(8);
    }
}

#[cfg(test)]
mod tests {
    use super::StructLayout;
    use crate::wasm::types::{FieldType, StorageType, StructType, ValType};

    #[test]
    fn fields_are_aligned_and_in_order() {
        let storages = [
            StorageType::I8,
            StorageType::I16,
            StorageType::Val(ValType::I64),
            StorageType::I8,
            StorageType::Val(ValType::V128),
            StorageType::Val(ValType::FUNCREF),
        ];
        let fields = storages.map(|storage| FieldType { storage, mutable: true });
        let mut layout = StructLayout::new(&StructType { fields: fields[..2].into() });
        assert_eq!((&*layout.offsets, layout.bytes), (&[8, 10][..], 16));
        layout.become_of(&StructType { fields: fields.into() });
        assert_eq!(*layout.offsets, [8, 10, 16, 24, 32, 48]);
        assert_eq!(layout.bytes, 56);
    }
}
