//! Floating-point lanes.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator;

use super::shape::float_lanes;
use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn simd_float_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        let ty = float_lanes(operator);
        match operator {
            F32x4Add | F64x2Add => self.vector_binary(ty, |ins, x, y| ins.fadd(x, y)),
            F32x4Sub | F64x2Sub => self.vector_binary(ty, |ins, x, y| ins.fsub(x, y)),
            F32x4Mul | F64x2Mul => self.vector_binary(ty, |ins, x, y| ins.fmul(x, y)),
            F32x4Div | F64x2Div => self.vector_binary(ty, |ins, x, y| ins.fdiv(x, y)),
            F32x4Min | F64x2Min => self.vector_binary(ty, |ins, x, y| ins.fmin(x, y)),
            F32x4Max | F64x2Max => self.vector_binary(ty, |ins, x, y| ins.fmax(x, y)),
            F32x4PMin | F64x2PMin => self.pseudo_min(ty),
            F32x4PMax | F64x2PMax => self.pseudo_max(ty),
            F32x4Abs | F64x2Abs => self.vector_unary(ty, |ins, x| ins.fabs(x)),
            F32x4Neg | F64x2Neg => self.vector_unary(ty, |ins, x| ins.fneg(x)),
            F32x4Sqrt | F64x2Sqrt => self.vector_unary(ty, |ins, x| ins.sqrt(x)),
            F32x4Ceil | F64x2Ceil => self.vector_unary(ty, |ins, x| ins.ceil(x)),
            F32x4Floor | F64x2Floor => self.vector_unary(ty, |ins, x| ins.floor(x)),
            F32x4Trunc | F64x2Trunc => self.vector_unary(ty, |ins, x| ins.trunc(x)),
            F32x4Nearest | F64x2Nearest => self.vector_unary(ty, |ins, x| ins.nearest(x)),
            _ => return false,
        }
        true
    }

    /// `y < x ? y : x`, lane by lane: one instruction on x86-64 if written so.
    pub(in crate::codegen::optimizing) fn pseudo_min(&mut self, ty: Type) {
        let (x, y) = self.pop2_vectors(ty);
        self.choose_if_less(ty, (y, x), y, x);
    }

    /// `x < y ? y : x`, lane by lane.
    pub(in crate::codegen::optimizing) fn pseudo_max(&mut self, ty: Type) {
        let (x, y) = self.pop2_vectors(ty);
        self.choose_if_less(ty, (x, y), y, x);
    }

    fn choose_if_less(&mut self, ty: Type, compared: (Value, Value), then: Value, otherwise: Value) {
        let less = self.builder.ins().fcmp(FloatCC::LessThan, compared.0, compared.1);
        let less = self.as_vector(ty, less);
        let chosen = self.builder.ins().bitselect(less, then, otherwise);
        self.push(chosen);
    }
}
