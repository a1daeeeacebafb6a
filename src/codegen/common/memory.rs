//! Which accesses to linear memory need a check.

use crate::abi::artifact::CodeVariant;
use crate::wasm::types::MemoryType;

/// Whether a reservation with guard pages catches accesses to memories of a type, whose base is constant then.
pub(in crate::codegen) fn is_guarded(variant: CodeVariant, ty: &MemoryType) -> bool {
    variant == CodeVariant::Guarded && !ty.memory64 && ty.page_size_log2 == 16
}

/// The offset behind an access, relative to its index. `None` when no memory of the type can ever reach so far.
pub(in crate::codegen) fn access_end(ty: &MemoryType, offset: u64, bytes: u64) -> Option<u64> {
    // A guarded memory needs no early verdict, but it costs nothing either.
    let reach = ty.max_bytes().max(ty.min.saturating_mul(ty.page_bytes()));
    offset.checked_add(bytes).filter(|&end| end <= reach)
}
