//! What a cast looks for.

use wasmparser::{AbstractHeapType, HeapType};

use crate::base::TypeIndex;
use crate::layout::heap::{KIND_ARRAY, KIND_STRUCT};
use crate::wasm::module::WasmModule;
use crate::wasm::types::CompositeType;

/// What a reference is tested for, null apart.
#[derive(Copy, Clone, Debug)]
pub(in crate::codegen) enum Test {
    /// Every reference is one.
    Everything,
    /// None is.
    Nothing,
    I31,
    /// An `i31`, a structure or an array.
    Eq,
    /// An object whose descriptor has this kind.
    Kind(u8),
    /// A structure or array type, and those that extend it unless it is exact.
    Object {
        ty: TypeIndex,
        exact: bool,
    },
    /// A function type, likewise.
    Func {
        ty: TypeIndex,
        exact: bool,
    },
}

impl Test {
    /// The test for a heap type.
    pub(in crate::codegen) fn of(module: &WasmModule, heap: HeapType) -> Test {
        use AbstractHeapType::{Any, Array, Cont, Eq, Exn, Extern, Func, I31, NoCont, NoExn, NoExtern, NoFunc, None, Struct};
        match heap {
            HeapType::Abstract { ty, .. } => match ty {
                Any | Extern | Func | Exn | Cont => Test::Everything,
                None | NoExtern | NoFunc | NoExn | NoCont => Test::Nothing,
                Eq => Test::Eq,
                I31 => Test::I31,
                Struct => Test::Kind(KIND_STRUCT),
                Array => Test::Kind(KIND_ARRAY),
            },
            HeapType::Concrete(index) | HeapType::Exact(index) => {
                let ty = TypeIndex::from_u32(index.as_module_index().unwrap_or(u32::MAX));
                let exact = module.types[ty].is_final || matches!(heap, HeapType::Exact(_));
                match module.types[ty].composite {
                    CompositeType::Func(_) => Test::Func { ty, exact },
                    _ => Test::Object { ty, exact },
                }
            }
        }
    }
}

/// Whether all references of a type but null are to objects with a custom descriptor.
pub(in crate::codegen) fn is_described(module: &WasmModule, heap: HeapType) -> bool {
    match heap {
        HeapType::Concrete(index) | HeapType::Exact(index) => {
            let ty = index.as_module_index().and_then(|index| module.types.get(TypeIndex::from_u32(index)));
            ty.is_some_and(|ty| ty.clauses.descriptor.is_some())
        }
        HeapType::Abstract { .. } => false,
    }
}
