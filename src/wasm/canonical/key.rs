//! Recursion groups as word strings: equal strings are equal groups.
//!
//! Every item begins with a word that says what follows, so that no string is the beginning of another. A reference is two words:
//! inside the group or outside, and the position there or the canonical id.

use crate::base::{CanonicalTypeId, TypeIndex};
use crate::wasm::types::{CompositeType, FieldType, HeapType, StorageType, SubType, ValType};

/// What a reference of a group leads to.
#[derive(Copy, Clone, Debug)]
pub(super) enum Reference {
    /// A position in the group.
    Inside(u32),
    /// Another group's type.
    Outside(CanonicalTypeId),
}

const FINAL: u32 = 1;
const EXTENDS: u32 = 1 << 1;
const KIND_SHIFT: u32 = 2;
const DESCRIBES: u32 = 1 << 4;
const DESCRIBED: u32 = 1 << 5;
/// Tags of storage types. Whether null belongs to a reference type is bit 0 of its tag, whether it is exact [`EXACT`]; an abstract heap
/// type is added to the last.
const I8: u32 = 5;
const I16: u32 = 6;
const INSIDE: u32 = 8;
const OUTSIDE: u32 = 10;
const EXACT: u32 = 4;
const ABSTRACT: u32 = 16;

/// Writes a group in place of what the string holds.
pub(super) fn write(key: &mut Vec<u32>, definitions: &[SubType], resolve: &dyn Fn(TypeIndex) -> Reference) {
    key.clear();
    key.push(len(definitions.len()));
    for definition in definitions {
        let clauses = definition.clauses;
        let flags = [
            (definition.is_final, FINAL),
            (definition.supertype.is_some(), EXTENDS),
            (clauses.describes.is_some(), DESCRIBES),
            (clauses.descriptor.is_some(), DESCRIBED),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag);
        key.push(flags | (definition.composite.kind() as u32) << KIND_SHIFT);
        for index in definition.supertype.into_iter().chain(clauses.types()) {
            reference(key, 0, resolve(index));
        }
        match &definition.composite {
            CompositeType::Func(ty) => {
                key.extend([len(ty.params.len()), len(ty.results.len())]);
                ty.params.iter().chain(&ty.results).for_each(|&ty| val_type(key, ty, resolve));
            }
            CompositeType::Struct(ty) => {
                key.push(len(ty.fields.len()));
                ty.fields.iter().for_each(|field| field_type(key, field, resolve));
            }
            CompositeType::Array(ty) => field_type(key, &ty.element, resolve),
        }
    }
}

fn len(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn field_type(key: &mut Vec<u32>, field: &FieldType, resolve: &dyn Fn(TypeIndex) -> Reference) {
    key.push(u32::from(field.mutable));
    match field.storage {
        StorageType::I8 => key.push(I8),
        StorageType::I16 => key.push(I16),
        StorageType::Val(ty) => val_type(key, ty, resolve),
    }
}

fn val_type(key: &mut Vec<u32>, ty: ValType, resolve: &dyn Fn(TypeIndex) -> Reference) {
    let ty = match ty {
        ValType::I32 => return key.push(0),
        ValType::I64 => return key.push(1),
        ValType::F32 => return key.push(2),
        ValType::F64 => return key.push(3),
        ValType::V128 => return key.push(4),
        ValType::Ref(ty) => ty,
    };
    let nullable = u32::from(ty.nullable);
    let heap = match ty.heap {
        HeapType::Func => 0,
        HeapType::NoFunc => 1,
        HeapType::Extern => 2,
        HeapType::NoExtern => 3,
        HeapType::Any => 4,
        HeapType::Eq => 5,
        HeapType::I31 => 6,
        HeapType::Struct => 7,
        HeapType::Array => 8,
        HeapType::None => 9,
        HeapType::Exn => 10,
        HeapType::NoExn => 11,
        HeapType::Concrete(_, index) => return reference(key, nullable, resolve(index)),
        HeapType::Canonical(_, id) => return reference(key, nullable, Reference::Outside(id)),
        HeapType::Exact(_, index) => return reference(key, EXACT + nullable, resolve(index)),
        HeapType::CanonicalExact(_, id) => return reference(key, EXACT + nullable, Reference::Outside(id)),
    };
    key.push(ABSTRACT + 2 * heap + nullable);
}

fn reference(key: &mut Vec<u32>, flags: u32, reference: Reference) {
    match reference {
        Reference::Inside(position) => key.extend([INSIDE + flags, position]),
        Reference::Outside(id) => key.extend([OUTSIDE + flags, id.as_u32()]),
    }
}
