//! Which lanes an operator works on.

use cranelift_codegen::ir::Type;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use wasmparser::Operator;

/// The lanes that an integer operator takes its operands by.
pub(super) fn integer_lanes(operator: &Operator<'_>) -> Type {
    use Operator::*;
    match operator {
        I8x16Eq
        | I8x16Ne
        | I8x16LtS
        | I8x16LtU
        | I8x16GtS
        | I8x16GtU
        | I8x16LeS
        | I8x16LeU
        | I8x16GeS
        | I8x16GeU
        | I8x16Abs
        | I8x16Neg
        | I8x16Popcnt
        | I8x16AllTrue
        | I8x16Bitmask
        | I8x16Shl
        | I8x16ShrS
        | I8x16ShrU
        | I8x16Add
        | I8x16AddSatS
        | I8x16AddSatU
        | I8x16Sub
        | I8x16SubSatS
        | I8x16SubSatU
        | I8x16MinS
        | I8x16MinU
        | I8x16MaxS
        | I8x16MaxU
        | I8x16AvgrU
        | I16x8ExtMulLowI8x16S
        | I16x8ExtMulHighI8x16S
        | I16x8ExtMulLowI8x16U
        | I16x8ExtMulHighI8x16U
        | I16x8ExtAddPairwiseI8x16S
        | I16x8ExtAddPairwiseI8x16U
        | I16x8ExtendLowI8x16S
        | I16x8ExtendHighI8x16S
        | I16x8ExtendLowI8x16U
        | I16x8ExtendHighI8x16U
        | I8x16RelaxedLaneselect => I8X16,
        I16x8Eq
        | I16x8Ne
        | I16x8LtS
        | I16x8LtU
        | I16x8GtS
        | I16x8GtU
        | I16x8LeS
        | I16x8LeU
        | I16x8GeS
        | I16x8GeU
        | I16x8Abs
        | I16x8Neg
        | I16x8AllTrue
        | I16x8Bitmask
        | I16x8Shl
        | I16x8ShrS
        | I16x8ShrU
        | I16x8Add
        | I16x8AddSatS
        | I16x8AddSatU
        | I16x8Sub
        | I16x8SubSatS
        | I16x8SubSatU
        | I16x8Mul
        | I16x8MinS
        | I16x8MinU
        | I16x8MaxS
        | I16x8MaxU
        | I16x8AvgrU
        | I32x4ExtMulLowI16x8S
        | I32x4ExtMulHighI16x8S
        | I32x4ExtMulLowI16x8U
        | I32x4ExtMulHighI16x8U
        | I32x4ExtAddPairwiseI16x8S
        | I32x4ExtAddPairwiseI16x8U
        | I32x4ExtendLowI16x8S
        | I32x4ExtendHighI16x8S
        | I32x4ExtendLowI16x8U
        | I32x4ExtendHighI16x8U
        | I16x8Q15MulrSatS
        | I32x4DotI16x8S
        | I8x16NarrowI16x8S
        | I8x16NarrowI16x8U
        | I16x8RelaxedLaneselect => I16X8,
        I64x2Eq
        | I64x2Ne
        | I64x2LtS
        | I64x2GtS
        | I64x2LeS
        | I64x2GeS
        | I64x2Abs
        | I64x2Neg
        | I64x2AllTrue
        | I64x2Bitmask
        | I64x2Shl
        | I64x2ShrS
        | I64x2ShrU
        | I64x2Add
        | I64x2Sub
        | I64x2Mul
        | I64x2RelaxedLaneselect => I64X2,
        _ => I32X4,
    }
}

/// The lanes of a floating-point operator.
pub(in crate::codegen::optimizing) fn float_lanes(operator: &Operator<'_>) -> Type {
    use Operator::*;
    match operator {
        F64x2Eq | F64x2Ne | F64x2Lt | F64x2Gt | F64x2Le | F64x2Ge | F64x2Ceil | F64x2Floor | F64x2Trunc | F64x2Nearest
        | F64x2Abs | F64x2Neg | F64x2Sqrt | F64x2Add | F64x2Sub | F64x2Mul | F64x2Div | F64x2Min | F64x2Max | F64x2PMin
        | F64x2PMax | F64x2RelaxedMadd | F64x2RelaxedNmadd | F64x2RelaxedMin | F64x2RelaxedMax => F64X2,
        _ => F32X4,
    }
}

/// [`integer_lanes`] for the relaxed operators.
pub(in crate::codegen::optimizing) fn relaxed_lanes(operator: &Operator<'_>) -> Type {
    integer_lanes(operator)
}
