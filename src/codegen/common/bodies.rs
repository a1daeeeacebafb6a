//! A body up to its first operator, and what the types in it mean to a tier.

use wasmparser::{AbstractHeapType, BinaryReader, FunctionBody, HeapType, ValType};

use crate::base::{DefinedFuncIndex, TypeIndex, limits};
use crate::codegen::env::CompileEnv;
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;
use crate::wasm::types::CompositeType;
use crate::wasm::validate::body_reader;

/// A body, and its byte offset in the module.
///
/// # Errors
///
/// The body is not within the bytes, or larger than the limit.
pub(in crate::codegen) fn read(env: &CompileEnv, func: DefinedFuncIndex) -> Result<(FunctionBody<'_>, usize), CompileError> {
    let body = body_reader(env.bodies(), &env.module, func)?;
    let offset = usize::try_from(body.get_binary_reader().original_position()).unwrap_or(usize::MAX);
    Ok((body, offset))
}

/// Reads the declarations of the locals behind so many parameters: each run of one type goes to `declare`.
///
/// # Errors
///
/// There are more than the limit, or what `declare` says.
pub(in crate::codegen) fn read_locals<E: From<CompileError>>(
    reader: &mut BinaryReader<'_>,
    params: usize,
    mut declare: impl FnMut(ValType, u32) -> Result<(), E>,
) -> Result<(), E> {
    let mut total = params;
    for _ in 0..reader.read_var_u32().map_err(CompileError::from)? {
        let position = reader.original_position();
        let count = reader.read_var_u32().map_err(CompileError::from)?;
        let ty = reader.read().map_err(CompileError::from)?;
        total = total.saturating_add(count as usize);
        if total > limits::LOCAL_COUNT {
            let message = format!("{total} locals in a function, more than {}", limits::LOCAL_COUNT);
            return Err(CompileError::limit(message, usize::try_from(position).ok()).into());
        }
        declare(ty, count)?;
    }
    Ok(())
}

/// Whether references of a heap type are the collector's: all but those to functions.
pub(in crate::codegen) fn is_in_heap(module: &WasmModule, heap: HeapType) -> bool {
    let is_func = match heap {
        HeapType::Abstract { ty, .. } => matches!(ty, AbstractHeapType::Func | AbstractHeapType::NoFunc),
        HeapType::Concrete(index) | HeapType::Exact(index) => index
            .as_module_index()
            .is_some_and(|index| matches!(module.types[TypeIndex::from_u32(index)].composite, CompositeType::Func(_))),
    };
    !is_func
}
