//! wasmparser's types to ours.

use wasmparser as wp;

use crate::base::TypeIndex;
use crate::wasm::error::CompileError;
use crate::wasm::types::{FuncType, GlobalType, HeapType, MemoryType, RefType, TableType, ValType};

fn unsupported(what: impl std::fmt::Display, offset: usize) -> CompileError {
    CompileError::invalid(format!("{what} is not supported"), offset)
}

/// A value type. The validator has refused what the accepted features exclude; what is left over is named.
///
/// # Errors
///
/// A type of a proposal that is not supported.
pub fn val_type(ty: wp::ValType, offset: usize) -> Result<ValType, CompileError> {
    Ok(match ty {
        wp::ValType::I32 => ValType::I32,
        wp::ValType::I64 => ValType::I64,
        wp::ValType::F32 => ValType::F32,
        wp::ValType::F64 => ValType::F64,
        wp::ValType::V128 => ValType::V128,
        wp::ValType::Ref(ty) => ValType::Ref(ref_type(ty, offset)?),
    })
}

/// A reference type.
///
/// # Errors
///
/// A type of a proposal that is not supported.
pub fn ref_type(ty: wp::RefType, offset: usize) -> Result<RefType, CompileError> {
    let heap = match ty.heap_type() {
        wp::HeapType::Abstract { shared: false, ty: wp::AbstractHeapType::Func } => HeapType::Func,
        wp::HeapType::Abstract { shared: false, ty: wp::AbstractHeapType::Extern } => HeapType::Extern,
        wp::HeapType::Concrete(wp::UnpackedIndex::Module(index)) => HeapType::Concrete(TypeIndex::from_u32(index)),
        _ => return Err(unsupported(ty, offset)),
    };
    Ok(RefType { nullable: ty.is_nullable(), heap })
}

/// A function type.
///
/// # Errors
///
/// A type of a proposal that is not supported.
pub(super) fn func_type(ty: &wp::FuncType, offset: usize) -> Result<FuncType, CompileError> {
    let list = |types: &[wp::ValType]| types.iter().map(|&ty| val_type(ty, offset)).collect::<Result<Box<[_]>, _>>();
    Ok(FuncType { params: list(ty.params())?, results: list(ty.results())? })
}

/// A table type.
pub(super) fn table_type(ty: &wp::TableType, offset: usize) -> Result<TableType, CompileError> {
    if ty.shared {
        return Err(unsupported("a shared table", offset));
    }
    Ok(TableType { element: ref_type(ty.element_type, offset)?, min: ty.initial, max: ty.maximum, table64: ty.table64 })
}

/// A memory type.
pub(super) fn memory_type(ty: &wp::MemoryType) -> MemoryType {
    let page_size_log2 = ty.page_size_log2.and_then(|log2| u8::try_from(log2).ok()).unwrap_or(16);
    MemoryType { min: ty.initial, max: ty.maximum, memory64: ty.memory64, shared: ty.shared, page_size_log2 }
}

/// A global type.
pub(super) fn global_type(ty: &wp::GlobalType, offset: usize) -> Result<GlobalType, CompileError> {
    if ty.shared {
        return Err(unsupported("a shared global", offset));
    }
    Ok(GlobalType { content: val_type(ty.content_type, offset)?, mutable: ty.mutable })
}
