//! Integer lanes: arithmetic, shifts, comparisons.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use super::shape::{float_lanes, integer_lanes};
use crate::codegen::optimizing::func::Translator;

impl<'a> Translator<'a> {
    pub(super) fn simd_integer_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        let ty = integer_lanes(operator);
        match operator {
            I8x16Add | I16x8Add | I32x4Add | I64x2Add => self.vector_binary(ty, |ins, x, y| ins.iadd(x, y)),
            I8x16Sub | I16x8Sub | I32x4Sub | I64x2Sub => self.vector_binary(ty, |ins, x, y| ins.isub(x, y)),
            I16x8Mul | I32x4Mul | I64x2Mul => self.vector_binary(ty, |ins, x, y| ins.imul(x, y)),
            I8x16Abs | I16x8Abs | I32x4Abs | I64x2Abs => self.vector_unary(ty, |ins, x| ins.iabs(x)),
            I8x16Neg | I16x8Neg | I32x4Neg | I64x2Neg => self.vector_unary(ty, |ins, x| ins.ineg(x)),
            I8x16Popcnt => self.vector_unary(ty, |ins, x| ins.popcnt(x)),
            I8x16AllTrue | I16x8AllTrue | I32x4AllTrue | I64x2AllTrue => self.vector_unary(ty, |ins, x| ins.vall_true(x)),
            I8x16Bitmask | I16x8Bitmask | I32x4Bitmask | I64x2Bitmask => self.vector_unary(ty, |ins, x| ins.vhigh_bits(I32, x)),
            I8x16AddSatS | I16x8AddSatS => self.vector_binary(ty, |ins, x, y| ins.sadd_sat(x, y)),
            I8x16AddSatU | I16x8AddSatU => self.vector_binary(ty, |ins, x, y| ins.uadd_sat(x, y)),
            I8x16SubSatS | I16x8SubSatS => self.vector_binary(ty, |ins, x, y| ins.ssub_sat(x, y)),
            I8x16SubSatU | I16x8SubSatU => self.vector_binary(ty, |ins, x, y| ins.usub_sat(x, y)),
            I8x16MinS | I16x8MinS | I32x4MinS => self.vector_binary(ty, |ins, x, y| ins.smin(x, y)),
            I8x16MinU | I16x8MinU | I32x4MinU => self.vector_binary(ty, |ins, x, y| ins.umin(x, y)),
            I8x16MaxS | I16x8MaxS | I32x4MaxS => self.vector_binary(ty, |ins, x, y| ins.smax(x, y)),
            I8x16MaxU | I16x8MaxU | I32x4MaxU => self.vector_binary(ty, |ins, x, y| ins.umax(x, y)),
            I8x16AvgrU | I16x8AvgrU => self.vector_binary(ty, |ins, x, y| ins.avg_round(x, y)),
            I16x8Q15MulrSatS => self.vector_binary(ty, |ins, x, y| ins.sqmul_round_sat(x, y)),
            I8x16Shl | I16x8Shl | I32x4Shl | I64x2Shl => self.shift(operator, |ins, x, by| ins.ishl(x, by)),
            I8x16ShrS | I16x8ShrS | I32x4ShrS | I64x2ShrS => self.shift(operator, |ins, x, by| ins.sshr(x, by)),
            I8x16ShrU | I16x8ShrU | I32x4ShrU | I64x2ShrU => self.shift(operator, |ins, x, by| ins.ushr(x, by)),
            _ => return false,
        }
        true
    }

    /// Cranelift takes the amount modulo the width of a lane, as WebAssembly does.
    fn shift(&mut self, operator: &Operator<'_>, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let by = self.pop();
        self.vector_unary(integer_lanes(operator), |ins, x| build(ins, x, by));
    }

    pub(super) fn simd_compare_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        let condition = match operator {
            I8x16Eq | I16x8Eq | I32x4Eq | I64x2Eq => IntCC::Equal,
            I8x16Ne | I16x8Ne | I32x4Ne | I64x2Ne => IntCC::NotEqual,
            I8x16LtS | I16x8LtS | I32x4LtS | I64x2LtS => IntCC::SignedLessThan,
            I8x16LtU | I16x8LtU | I32x4LtU => IntCC::UnsignedLessThan,
            I8x16GtS | I16x8GtS | I32x4GtS | I64x2GtS => IntCC::SignedGreaterThan,
            I8x16GtU | I16x8GtU | I32x4GtU => IntCC::UnsignedGreaterThan,
            I8x16LeS | I16x8LeS | I32x4LeS | I64x2LeS => IntCC::SignedLessThanOrEqual,
            I8x16LeU | I16x8LeU | I32x4LeU => IntCC::UnsignedLessThanOrEqual,
            I8x16GeS | I16x8GeS | I32x4GeS | I64x2GeS => IntCC::SignedGreaterThanOrEqual,
            I8x16GeU | I16x8GeU | I32x4GeU => IntCC::UnsignedGreaterThanOrEqual,
            _ => return self.simd_compare_floats(operator),
        };
        self.vector_binary(integer_lanes(operator), |ins, x, y| ins.icmp(condition, x, y));
        true
    }

    fn simd_compare_floats(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        let condition = match operator {
            F32x4Eq | F64x2Eq => FloatCC::Equal,
            F32x4Ne | F64x2Ne => FloatCC::NotEqual,
            F32x4Lt | F64x2Lt => FloatCC::LessThan,
            F32x4Gt | F64x2Gt => FloatCC::GreaterThan,
            F32x4Le | F64x2Le => FloatCC::LessThanOrEqual,
            F32x4Ge | F64x2Ge => FloatCC::GreaterThanOrEqual,
            _ => return false,
        };
        self.vector_binary(float_lanes(operator), |ins, x, y| ins.fcmp(condition, x, y));
        true
    }
}
