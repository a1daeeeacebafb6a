//! Arithmetic on floating-point lanes.

use wasmparser::Operator;

use crate::asm::x64::Xmm;
use crate::asm::x64::float::{Float, Rounding};
use crate::asm::x64::vector::{Packed, PackedImm};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, RegSet};
use crate::codegen::baseline::state::Kind;
use crate::codegen::baseline::vector::{lanes32, lanes64};
use crate::codegen::baseline::vector_compare::UNORDERED;

/// Signs of all lanes.
pub(super) fn signs(float: Float) -> u128 {
    if float == Float::F64 { lanes64(1 << 63) } else { lanes32(1 << 31) }
}

/// Bits that the canonical NaN has not.
fn not_canonical(float: Float) -> u128 {
    if float == Float::F64 { lanes64(!0x7ff8_0000_0000_0000) } else { lanes32(!0x7fc0_0000) }
}

impl Function<'_> {
    pub(super) fn vector_float_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Float::{F32, F64};
        use Operator::*;
        match operator {
            F32x4Add => self.float_lanes_binary(Packed::Addps, F32),
            F64x2Add => self.float_lanes_binary(Packed::Addpd, F64),
            F32x4Sub => self.float_lanes_binary(Packed::Subps, F32),
            F64x2Sub => self.float_lanes_binary(Packed::Subpd, F64),
            F32x4Mul => self.float_lanes_binary(Packed::Mulps, F32),
            F64x2Mul => self.float_lanes_binary(Packed::Mulpd, F64),
            F32x4Div => self.float_lanes_binary(Packed::Divps, F32),
            F64x2Div => self.float_lanes_binary(Packed::Divpd, F64),
            F32x4Min => self.float_lanes_min(F32),
            F64x2Min => self.float_lanes_min(F64),
            F32x4Max => self.float_lanes_max(F32),
            F64x2Max => self.float_lanes_max(F64),
            F32x4PMin | F64x2PMin | F32x4PMax | F64x2PMax => self.pseudo_extreme(operator),
            F32x4Sqrt => self.float_lanes_unary(Packed::Sqrtps, F32),
            F64x2Sqrt => self.float_lanes_unary(Packed::Sqrtpd, F64),
            F32x4Abs => self.mask_lanes(Packed::Pand, !signs(F32)),
            F64x2Abs => self.mask_lanes(Packed::Pand, !signs(F64)),
            F32x4Neg => self.mask_lanes(Packed::Pxor, signs(F32)),
            F64x2Neg => self.mask_lanes(Packed::Pxor, signs(F64)),
            F32x4Ceil => self.round_lanes(F32, Rounding::Ceil),
            F64x2Ceil => self.round_lanes(F64, Rounding::Ceil),
            F32x4Floor => self.round_lanes(F32, Rounding::Floor),
            F64x2Floor => self.round_lanes(F64, Rounding::Floor),
            F32x4Trunc => self.round_lanes(F32, Rounding::Trunc),
            F64x2Trunc => self.round_lanes(F64, Rounding::Trunc),
            F32x4Nearest => self.round_lanes(F32, Rounding::Nearest),
            F64x2Nearest => self.round_lanes(F64, Rounding::Nearest),
            _ => return false,
        }
        true
    }

    /// Replaces lanes that are not numbers by the canonical NaN, if the settings say so.
    pub(super) fn canonicalize_lanes(&mut self, float: Float, reg: Xmm) {
        if self.env.settings.canonicalize_nans {
            self.make_canonical(float, reg);
        }
    }

    /// Such lanes get all bits, and lose those that the canonical NaN has not.
    fn make_canonical(&mut self, float: Float, reg: Xmm) {
        let compare = if float == Float::F64 { PackedImm::Cmppd } else { PackedImm::Cmpps };
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(FLOAT_SCRATCH, reg);
        asm.packed_rri(compare, FLOAT_SCRATCH, FLOAT_SCRATCH, UNORDERED);
        asm.packed_rr(Packed::Orps, reg, FLOAT_SCRATCH);
        self.packed_constant(Packed::Andps, FLOAT_SCRATCH, not_canonical(float));
        self.buffers.asm.packed_rr(Packed::Andnps, FLOAT_SCRATCH, reg);
        self.buffers.asm.movaps_rr(reg, FLOAT_SCRATCH);
    }

    fn float_lanes_binary(&mut self, op: Packed, float: Float) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.buffers.asm.packed_rr(op, a, b);
        self.canonicalize_lanes(float, a);
        self.push_vector(a);
    }

    pub(super) fn float_lanes_unary(&mut self, op: Packed, result: Float) {
        let from = self.pop_reg(RegSet::EMPTY);
        let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
        self.buffers.asm.packed_rr(op, to, from.xmm());
        self.canonicalize_lanes(result, to);
        self.push_vector(to);
    }

    /// An instruction on the two topmost operands in either order: registers with both results, which nothing holds.
    fn in_both_orders(&mut self, op: Packed) -> (Xmm, Xmm) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        let other = self.beside([a, b]);
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(other, b);
        asm.packed_rr(op, other, a);
        asm.packed_rr(op, a, b);
        (a, other)
    }

    /// The processor's minimum is its second operand where both are zeros, or one is not a number: both orders together have
    /// the sign of either zero, and are not a number where one is not.
    pub(super) fn float_lanes_min(&mut self, float: Float) {
        let op = if float == Float::F64 { Packed::Minpd } else { Packed::Minps };
        let (a, other) = self.in_both_orders(op);
        self.buffers.asm.packed_rr(Packed::Orps, a, other);
        self.make_canonical(float, a);
        self.push_vector(a);
    }

    /// The same for the maximum, which is 0 for zeros of both signs: -0 minus the difference of the two, which is -0 too.
    pub(super) fn float_lanes_max(&mut self, float: Float) {
        let (op, subtract) = match float {
            Float::F32 => (Packed::Maxps, Packed::Subps),
            Float::F64 => (Packed::Maxpd, Packed::Subpd),
        };
        let (a, other) = self.in_both_orders(op);
        let asm = &mut self.buffers.asm;
        asm.packed_rr(Packed::Xorps, other, a);
        asm.packed_rr(Packed::Orps, a, other);
        asm.packed_rr(subtract, a, other);
        self.make_canonical(float, a);
        self.push_vector(a);
    }

    /// One instruction with the operands exchanged: the second operand where it is less, or greater, and the first elsewhere.
    pub(super) fn pseudo_extreme(&mut self, operator: &Operator<'_>) {
        use Operator::*;
        self.vector_swapped(match operator {
            F32x4PMin | F32x4RelaxedMin => Packed::Minps,
            F64x2PMin | F64x2RelaxedMin => Packed::Minpd,
            F32x4PMax | F32x4RelaxedMax => Packed::Maxps,
            _ => Packed::Maxpd,
        });
    }

    fn mask_lanes(&mut self, op: Packed, mask: u128) {
        let x = self.pop_owned_vector();
        self.packed_constant(op, x, mask);
        self.push_vector(x);
    }

    fn round_lanes(&mut self, float: Float, rounding: Rounding) {
        let op = if float == Float::F64 { PackedImm::Roundpd } else { PackedImm::Roundps };
        let from = self.pop_reg(RegSet::EMPTY);
        let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
        self.buffers.asm.packed_rri(op, to, from.xmm(), rounding as u8);
        self.canonicalize_lanes(float, to);
        self.push_vector(to);
    }
}
