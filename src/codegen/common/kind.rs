//! What a tier has to know of the type of a value.

use crate::abi::osr::slot_bytes;
use crate::wasm::types::ValType;

/// What the compiler has to know of a type.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::codegen) enum Kind {
    I32,
    I64,
    F32,
    F64,
    V128,
    /// A reference that is an index, of no interest to the collector.
    Func,
    /// A reference of the heap.
    Ref,
}

impl Kind {
    /// The kind with a number.
    #[inline]
    pub(in crate::codegen) fn of_number(number: u8) -> Kind {
        match number & 7 {
            0 => Kind::I32,
            1 => Kind::I64,
            2 => Kind::F32,
            3 => Kind::F64,
            4 => Kind::V128,
            5 => Kind::Func,
            _ => Kind::Ref,
        }
    }

    pub(in crate::codegen) fn of(ty: ValType) -> Kind {
        match ty {
            ValType::I32 => Kind::I32,
            ValType::I64 => Kind::I64,
            ValType::F32 => Kind::F32,
            ValType::F64 => Kind::F64,
            ValType::V128 => Kind::V128,
            ValType::Ref(ty) if ty.heap.is_in_heap() => Kind::Ref,
            ValType::Ref(_) => Kind::Func,
        }
    }

    /// Whether vector registers hold it.
    #[inline]
    pub(in crate::codegen) fn is_float_or_vector(self) -> bool {
        matches!(self, Kind::F32 | Kind::F64 | Kind::V128)
    }

    /// Bits that it has in a register.
    pub(in crate::codegen) fn bits(self) -> u32 {
        match self {
            Kind::V128 => 128,
            kind if kind.is_wide() => 64,
            _ => 32,
        }
    }

    /// Bytes of its slot, which is aligned to 8 whatever the kind.
    #[inline]
    pub(in crate::codegen) fn slot_bytes(self) -> u32 {
        slot_bytes(self == Kind::V128)
    }

    /// Whether it has 64 bits.
    #[inline]
    pub(in crate::codegen) fn is_wide(self) -> bool {
        matches!(self, Kind::I64 | Kind::F64)
    }
}
