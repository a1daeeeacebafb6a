//! Relaxed vectors: what the processor does cheapest, or the results of the "deterministic profile" when that is asked for.

use cranelift_codegen::ir::types::{F32X4, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::simd::{float_lanes, relaxed_lanes};

impl Translator<'_> {
    pub(super) fn relaxed_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        let deterministic = self.env.settings.deterministic_relaxed_simd;
        let floats = float_lanes(operator);
        match operator {
            I8x16RelaxedSwizzle if deterministic => self.vector_binary(I8X16, |ins, x, y| ins.swizzle(x, y)),
            I8x16RelaxedSwizzle => self.vector_binary(I8X16, |ins, x, y| ins.x86_pshufb(x, y)),
            I32x4RelaxedTruncF32x4S if deterministic => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x)),
            I32x4RelaxedTruncF32x4S => self.vector_unary(F32X4, |ins, x| ins.x86_cvtt2dq(I32X4, x)),
            I32x4RelaxedTruncF32x4U => self.truncate_unsigned(),
            I32x4RelaxedTruncF64x2SZero if deterministic => self.truncate_wide_signed(|ins, x| ins.fcvt_to_sint_sat(I64X2, x)),
            I32x4RelaxedTruncF64x2SZero => self.truncate_wide_signed(|ins, x| ins.x86_cvtt2dq(I64X2, x)),
            I32x4RelaxedTruncF64x2UZero => self.truncate_wide_unsigned(),
            F32x4RelaxedMadd | F64x2RelaxedMadd => self.multiply_add(operator, false),
            F32x4RelaxedNmadd | F64x2RelaxedNmadd => self.multiply_add(operator, true),
            F32x4RelaxedMin | F64x2RelaxedMin if deterministic => self.vector_binary(floats, |ins, x, y| ins.fmin(x, y)),
            F32x4RelaxedMin | F64x2RelaxedMin => self.pseudo_min(floats),
            F32x4RelaxedMax | F64x2RelaxedMax if deterministic => self.vector_binary(floats, |ins, x, y| ins.fmax(x, y)),
            F32x4RelaxedMax | F64x2RelaxedMax => self.pseudo_max(floats),
            I8x16RelaxedLaneselect | I16x8RelaxedLaneselect | I32x4RelaxedLaneselect | I64x2RelaxedLaneselect => {
                self.lane_select(operator);
            }
            I16x8RelaxedQ15mulrS if deterministic => self.vector_binary(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y)),
            I16x8RelaxedQ15mulrS => self.vector_binary(I16X8, |ins, x, y| ins.x86_pmulhrsw(x, y)),
            I16x8RelaxedDotI8x16I7x16S => {
                let (x, y) = self.pop2_vectors(I8X16);
                let result = if deterministic { self.dot(x, y) } else { self.builder.ins().x86_pmaddubsw(x, y) };
                self.push(result);
            }
            I32x4RelaxedDotI8x16I7x16AddS => self.dot_add(),
            _ => return false,
        }
        true
    }

    /// Rounded once; twice only where that is allowed and the processor cannot do better.
    fn multiply_add(&mut self, operator: &Operator<'_>, negate: bool) {
        let ty = float_lanes(operator);
        let addend = self.pop_vector(ty);
        let (x, y) = self.pop2_vectors(ty);
        let x = if negate { self.builder.ins().fneg(x) } else { x };
        let result = if self.fused_multiply_add || self.env.settings.deterministic_relaxed_simd {
            self.builder.ins().fma(x, y, addend)
        } else {
            let product = self.builder.ins().fmul(x, y);
            self.builder.ins().fadd(product, addend)
        };
        self.push(result);
    }

    /// By all bits of the mask, or by the topmost of each lane, which the processor can for all lanes but those of 16 bits.
    fn lane_select(&mut self, operator: &Operator<'_>) {
        let ty = relaxed_lanes(operator);
        let by_bits = self.env.settings.deterministic_relaxed_simd || ty == I16X8;
        let mask = self.pop_vector(ty);
        self.vector_binary(ty, |ins, x, y| if by_bits { ins.bitselect(mask, x, y) } else { ins.blendv(mask, x, y) });
    }

    fn dot_add(&mut self) {
        let addend = self.pop_vector(I32X4);
        let (x, y) = self.pop2_vectors(I8X16);
        let sums = if self.env.settings.deterministic_relaxed_simd {
            // Exact: products are widened before anything is added.
            let (low, high) = self.products(x, y);
            let (low, high) = (self.add_neighbours(low), self.add_neighbours(high));
            self.builder.ins().iadd_pairwise(low, high)
        } else {
            let pairs = self.builder.ins().x86_pmaddubsw(x, y);
            self.add_neighbours(pairs)
        };
        let result = self.builder.ins().iadd(sums, addend);
        self.push(result);
    }

    /// Sums of neighbouring signed lanes in double width.
    fn add_neighbours(&mut self, x: Value) -> Value {
        let low = self.builder.ins().swiden_low(x);
        let high = self.builder.ins().swiden_high(x);
        self.builder.ins().iadd_pairwise(low, high)
    }
}
