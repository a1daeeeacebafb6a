//! Relaxed vectors: the results of the optimizing tier, which are what the processor does cheapest, or those of the "deterministic
//! profile" when that is asked for.

use wasmparser::Operator;

use crate::asm::x64::Xmm;
use crate::asm::x64::float::Float;
use crate::asm::x64::vector::{Fused, Lane, Packed, PackedShift};
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::registers::FLOAT_SCRATCH;
use crate::codegen::baseline::state::Kind;
use crate::codegen::baseline::vector::lanes16;
use crate::codegen::baseline::vector_float::signs;
use crate::codegen::compiler::UnitError;

impl Function<'_> {
    pub(super) fn vector_relaxed_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Float::{F32, F64};
        use Operator::*;
        let deterministic = self.env.settings.deterministic_relaxed_simd;
        match operator {
            I8x16RelaxedSwizzle if deterministic => self.swizzle(),
            I8x16RelaxedSwizzle => self.vector_binary(Packed::Pshufb),
            I32x4RelaxedTruncF32x4S if deterministic => self.f32_to_signed(),
            I32x4RelaxedTruncF32x4S => self.vector_unary(Packed::Cvttps2dq),
            I32x4RelaxedTruncF32x4U => self.f32_to_unsigned(),
            I32x4RelaxedTruncF64x2SZero if deterministic => self.f64_to_signed(),
            I32x4RelaxedTruncF64x2SZero => self.vector_unary(Packed::Cvttpd2dq),
            I32x4RelaxedTruncF64x2UZero => self.f64_to_unsigned(),
            F32x4RelaxedMadd => self.multiply_add(F32, Fused::Vfmadd231ps)?,
            F64x2RelaxedMadd => self.multiply_add(F64, Fused::Vfmadd231pd)?,
            F32x4RelaxedNmadd => self.multiply_add(F32, Fused::Vfnmadd231ps)?,
            F64x2RelaxedNmadd => self.multiply_add(F64, Fused::Vfnmadd231pd)?,
            F32x4RelaxedMin if deterministic => self.float_lanes_min(F32),
            F64x2RelaxedMin if deterministic => self.float_lanes_min(F64),
            F32x4RelaxedMax if deterministic => self.float_lanes_max(F32),
            F64x2RelaxedMax if deterministic => self.float_lanes_max(F64),
            F32x4RelaxedMin | F64x2RelaxedMin | F32x4RelaxedMax | F64x2RelaxedMax => self.pseudo_extreme(operator),
            I8x16RelaxedLaneselect | I32x4RelaxedLaneselect | I64x2RelaxedLaneselect if deterministic => self.bit_select(),
            I16x8RelaxedLaneselect => self.bit_select(),
            I8x16RelaxedLaneselect => self.lane_select(Lane::L8),
            I32x4RelaxedLaneselect => self.lane_select(Lane::L32),
            I64x2RelaxedLaneselect => self.lane_select(Lane::L64),
            I16x8RelaxedQ15mulrS if deterministic => self.multiply_fixed_point(),
            I16x8RelaxedQ15mulrS => self.vector_commutative(Packed::Pmulhrsw),
            I16x8RelaxedDotI8x16I7x16S if deterministic => {
                let (a, b) = self.pop_2_xmms(Kind::V128);
                let even = self.beside([a, b]);
                self.byte_products(a, b, even);
                self.buffers.asm.packed_rr(Packed::Paddw, a, even);
                self.push_vector(a);
            }
            // The instruction's first operand is unsigned: the one that has seven bits.
            I16x8RelaxedDotI8x16I7x16S => self.vector_swapped(Packed::Pmaddubsw),
            I32x4RelaxedDotI8x16I7x16AddS => self.dot_add(deterministic),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Rounded once; twice only where that is allowed and the processor cannot do better.
    fn multiply_add(&mut self, float: Float, op: Fused) -> Result {
        let [a, b, sum] = self.pop_3_vectors();
        if self.cpu.fma {
            let sum = self.own_beside(Kind::V128, sum, a.set().union(b.set())).xmm();
            self.buffers.asm.packed_fused(op, sum, a.xmm(), b.xmm());
            self.canonicalize_lanes(float, sum);
            self.push_vector(sum);
            return Ok(());
        }
        if self.env.settings.deterministic_relaxed_simd {
            return Err(UnitError::TierUnable("this processor lacks FMA".into()));
        }
        let a = self.own_beside(Kind::V128, a, b.set().union(sum.set())).xmm();
        let (multiply, add) = match float {
            Float::F32 => (Packed::Mulps, Packed::Addps),
            Float::F64 => (Packed::Mulpd, Packed::Addpd),
        };
        if matches!(op, Fused::Vfnmadd231ps | Fused::Vfnmadd231pd) {
            self.packed_constant(Packed::Pxor, a, signs(float));
        }
        self.buffers.asm.packed_rr(multiply, a, b.xmm());
        self.buffers.asm.packed_rr(add, a, sum.xmm());
        self.canonicalize_lanes(float, a);
        self.push_vector(a);
        Ok(())
    }

    /// By the topmost bit of each lane of the mask.
    fn lane_select(&mut self, lane: Lane) {
        let [a, b, mask] = self.pop_3_vectors();
        let a = self.own_beside(Kind::V128, a, b.set().union(mask.set())).xmm();
        match lane {
            Lane::L8 => {
                self.load_vector(FLOAT_SCRATCH, 0);
                self.buffers.asm.packed_rr(Packed::Pcmpgtb, FLOAT_SCRATCH, mask.xmm());
            }
            Lane::L64 => self.wide_signs(mask.xmm()),
            _ => {
                self.buffers.asm.movaps_rr(FLOAT_SCRATCH, mask.xmm());
                self.buffers.asm.packed_shift(PackedShift::Psrad, FLOAT_SCRATCH, 31);
            }
        }
        self.select_by_scratch(a, b.xmm());
    }

    /// Exact products of signed bytes: those of the odd ones in place of the first operand, those of the even ones in a register of
    /// their own.
    fn byte_products(&mut self, a: Xmm, b: Xmm, even: Xmm) {
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(even, a);
        asm.movaps_rr(FLOAT_SCRATCH, b);
        for reg in [even, FLOAT_SCRATCH] {
            asm.packed_shift(PackedShift::Psllw, reg, 8);
            asm.packed_shift(PackedShift::Psraw, reg, 8);
        }
        asm.packed_rr(Packed::Pmullw, even, FLOAT_SCRATCH);
        asm.movaps_rr(FLOAT_SCRATCH, b);
        for reg in [a, FLOAT_SCRATCH] {
            asm.packed_shift(PackedShift::Psraw, reg, 8);
        }
        asm.packed_rr(Packed::Pmullw, a, FLOAT_SCRATCH);
    }

    /// Sums of four products, and of a third vector.
    fn dot_add(&mut self, deterministic: bool) {
        let [a, b, addend] = self.pop_3_vectors();
        if deterministic {
            let a = self.own_beside(Kind::V128, a, b.set().union(addend.set())).xmm();
            let (b, addend) = (b.xmm(), addend.xmm());
            let even = self.beside([a, b, addend]);
            self.byte_products(a, b, even);
            self.packed_constant(Packed::Pmaddwd, a, lanes16(1));
            self.packed_constant(Packed::Pmaddwd, even, lanes16(1));
            self.buffers.asm.packed_rr(Packed::Paddd, a, even);
            self.buffers.asm.packed_rr(Packed::Paddd, a, addend);
            self.push_vector(a);
        } else {
            let sum = self.own_beside(Kind::V128, addend, a.set().union(b.set())).xmm();
            self.buffers.asm.movaps_rr(FLOAT_SCRATCH, b.xmm());
            self.buffers.asm.packed_rr(Packed::Pmaddubsw, FLOAT_SCRATCH, a.xmm());
            self.packed_constant(Packed::Pmaddwd, FLOAT_SCRATCH, lanes16(1));
            self.buffers.asm.packed_rr(Packed::Paddd, sum, FLOAT_SCRATCH);
            self.push_vector(sum);
        }
    }
}
