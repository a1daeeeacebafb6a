//! Objects of the heap: which are made inline, how large they are, where null faults by itself.

use crate::abi::fields::{StructLayout, storage_log2};
use crate::base::TypeIndex;
use crate::layout::heap::{FIELDS, MAX_YOUNG_BYTES, NULL_PAGE_BYTES};
use crate::wasm::module::WasmModule;
use crate::wasm::types::{ArrayType, CompositeType, StorageType, StructType};

/// Larger structures, and arrays with more bytes of elements, are zeroed by the runtime, not by inline stores.
const INLINE_ZERO_BYTES: u32 = 256;
/// Arrays with more operands, of `array.new_fixed`, are made by the runtime.
const INLINE_FIXED_MAX: u32 = 256;
/// Arrays with so many elements are filled by inline stores.
pub(in crate::codegen) const INLINE_FILL_MAX: u32 = 16;

/// Validation has asked for a structure type here.
pub(in crate::codegen) fn struct_type(module: &WasmModule, ty: TypeIndex) -> &StructType {
    match &module.types[ty].composite {
        CompositeType::Struct(ty) => ty,
        _ => unreachable!("validation asks for a structure type here"),
    }
}

/// Validation has asked for an array type here.
pub(in crate::codegen) fn array_type(module: &WasmModule, ty: TypeIndex) -> ArrayType {
    match module.types[ty].composite {
        CompositeType::Array(ty) => ty,
        _ => unreachable!("validation asks for an array type here"),
    }
}

/// Whether a structure is always born young: then it is made inline, and initializing it needs no barrier.
pub(in crate::codegen) fn is_young(layout: &StructLayout) -> bool {
    layout.bytes <= MAX_YOUNG_BYTES
}

/// Whether a structure of zeros is made inline.
pub(in crate::codegen) fn is_zeroed_inline(layout: &StructLayout) -> bool {
    layout.bytes <= INLINE_ZERO_BYTES
}

/// Bytes of an array, header included.
fn array_bytes(storage: StorageType, count: u32) -> u32 {
    (FIELDS + (count << storage_log2(storage))).next_multiple_of(8)
}

/// Elements and bytes of an array of a length that is known, if it is small enough to be zeroed inline.
pub(in crate::codegen) fn small_array(storage: StorageType, length: u64) -> Option<(u32, u32)> {
    let most = INLINE_ZERO_BYTES >> storage_log2(storage);
    let count = u32::try_from(length).ok().filter(|&count| count <= most)?;
    Some((count, array_bytes(storage, count)))
}

/// Bytes of an array of so many operands, if it is made inline. It is born young then.
pub(in crate::codegen) fn fixed_array(storage: StorageType, count: u32) -> Option<u32> {
    Some(array_bytes(storage, count)).filter(|&bytes| bytes <= MAX_YOUNG_BYTES && count <= INLINE_FIXED_MAX)
}

/// Whether an access at an offset checks for null, since the first page of the cage does not reach so far.
pub(in crate::codegen) fn needs_null_check(offset: u32) -> bool {
    offset >= NULL_PAGE_BYTES - 16
}

/// Two indices as one argument of a builtin.
pub(in crate::codegen) fn two_indices(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}
