//! Lanes of one width or sort from lanes of another.

use wasmparser::Operator;

use crate::asm::x64::Xmm;
use crate::asm::x64::float::{Float, Rounding};
use crate::asm::x64::vector::{Packed, PackedImm, PackedShift};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, RegSet};
use crate::codegen::baseline::state::Kind;
use crate::codegen::baseline::vector::{lanes8, lanes16, lanes32, lanes64};
use crate::codegen::baseline::vector_compare::{EQUAL, LESS_EQUAL};

/// 2 to the 16th, the 31st, as `f32`.
const F32_TWO_TO_16: u32 = 0x4780_0000;
const F32_TWO_TO_31: u32 = 0x4f00_0000;
/// 2 to the 52nd as `f64`: the low half of its bits counts ones.
const F64_TWO_TO_52: u64 = 0x4330_0000_0000_0000;
/// The largest of `i32` and `u32`, as `f64`.
const F64_I32_MAX: u64 = 0x41df_ffff_ffc0_0000;
const F64_U32_MAX: u64 = 0x41ef_ffff_ffe0_0000;

/// Which half of the lanes is widened, and the instruction that widens the lower half.
#[derive(Copy, Clone, Debug)]
struct Widening {
    op: Packed,
    is_high: bool,
}

/// How `extend` operators widen, and `extmul` operators of lanes of 8 bits.
fn widening(operator: &Operator<'_>) -> Option<Widening> {
    use Operator::*;
    let (op, is_high) = match operator {
        I16x8ExtendLowI8x16S | I16x8ExtMulLowI8x16S => (Packed::Pmovsxbw, false),
        I16x8ExtendHighI8x16S | I16x8ExtMulHighI8x16S => (Packed::Pmovsxbw, true),
        I16x8ExtendLowI8x16U | I16x8ExtMulLowI8x16U => (Packed::Pmovzxbw, false),
        I16x8ExtendHighI8x16U | I16x8ExtMulHighI8x16U => (Packed::Pmovzxbw, true),
        I32x4ExtendLowI16x8S => (Packed::Pmovsxwd, false),
        I32x4ExtendHighI16x8S => (Packed::Pmovsxwd, true),
        I32x4ExtendLowI16x8U => (Packed::Pmovzxwd, false),
        I32x4ExtendHighI16x8U => (Packed::Pmovzxwd, true),
        I64x2ExtendLowI32x4S => (Packed::Pmovsxdq, false),
        I64x2ExtendHighI32x4S => (Packed::Pmovsxdq, true),
        I64x2ExtendLowI32x4U => (Packed::Pmovzxdq, false),
        I64x2ExtendHighI32x4U => (Packed::Pmovzxdq, true),
        _ => return None,
    };
    Some(Widening { op, is_high })
}

impl Function<'_> {
    pub(super) fn vector_convert_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Float::{F32, F64};
        use Operator::*;
        match operator {
            I8x16NarrowI16x8S => self.vector_binary(Packed::Packsswb),
            I8x16NarrowI16x8U => self.vector_binary(Packed::Packuswb),
            I16x8NarrowI32x4S => self.vector_binary(Packed::Packssdw),
            I16x8NarrowI32x4U => self.vector_binary(Packed::Packusdw),
            I16x8ExtMulLowI8x16S | I16x8ExtMulHighI8x16S | I16x8ExtMulLowI8x16U | I16x8ExtMulHighI8x16U => {
                self.multiply_bytes(operator);
            }
            I32x4ExtMulLowI16x8S => self.multiply_halves(Packed::Pmulhw, Packed::Punpcklwd),
            I32x4ExtMulHighI16x8S => self.multiply_halves(Packed::Pmulhw, Packed::Punpckhwd),
            I32x4ExtMulLowI16x8U => self.multiply_halves(Packed::Pmulhuw, Packed::Punpcklwd),
            I32x4ExtMulHighI16x8U => self.multiply_halves(Packed::Pmulhuw, Packed::Punpckhwd),
            I64x2ExtMulLowI32x4S => self.multiply_words(Packed::Pmuldq, 0b0101_0000),
            I64x2ExtMulHighI32x4S => self.multiply_words(Packed::Pmuldq, 0b1111_1010),
            I64x2ExtMulLowI32x4U => self.multiply_words(Packed::Pmuludq, 0b0101_0000),
            I64x2ExtMulHighI32x4U => self.multiply_words(Packed::Pmuludq, 0b1111_1010),
            I16x8ExtAddPairwiseI8x16S => self.add_signed_pairs_of_bytes(),
            I16x8ExtAddPairwiseI8x16U => self.add_pairs(Packed::Pmaddubsw, lanes8(1)),
            I32x4ExtAddPairwiseI16x8S => self.add_pairs(Packed::Pmaddwd, lanes16(1)),
            I32x4ExtAddPairwiseI16x8U => self.add_unsigned_pairs_of_halves(),
            F32x4ConvertI32x4S => self.vector_unary(Packed::Cvtdq2ps),
            F32x4ConvertI32x4U => self.unsigned_to_f32(),
            F64x2ConvertLowI32x4S => self.vector_unary(Packed::Cvtdq2pd),
            F64x2ConvertLowI32x4U => self.unsigned_to_f64(),
            F64x2PromoteLowF32x4 => self.float_lanes_unary(Packed::Cvtps2pd, F64),
            F32x4DemoteF64x2Zero => self.float_lanes_unary(Packed::Cvtpd2ps, F32),
            I32x4TruncSatF32x4S => self.f32_to_signed(),
            I32x4TruncSatF32x4U => self.f32_to_unsigned(),
            I32x4TruncSatF64x2SZero => self.f64_to_signed(),
            I32x4TruncSatF64x2UZero => self.f64_to_unsigned(),
            _ => match widening(operator) {
                Some(widening) => self.widen(widening),
                None => return false,
            },
        }
        true
    }

    // ---- Integers ----

    fn widen(&mut self, widening: Widening) {
        let from = self.pop_reg(RegSet::EMPTY);
        let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
        self.widen_into(widening, to, from.xmm());
        self.push_vector(to);
    }

    fn widen_into(&mut self, Widening { op, is_high }: Widening, to: Xmm, from: Xmm) {
        let mut low = from;
        if is_high {
            self.buffers.asm.packed_rri(PackedImm::Pshufd, to, from, 0b1110);
            low = to;
        }
        self.buffers.asm.packed_rr(op, to, low);
    }

    fn multiply_bytes(&mut self, operator: &Operator<'_>) {
        let Some(widening) = widening(operator) else { return };
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.widen_into(widening, a, a);
        self.widen_into(widening, FLOAT_SCRATCH, b);
        self.buffers.asm.packed_rr(Packed::Pmullw, a, FLOAT_SCRATCH);
        self.push_vector(a);
    }

    /// The low and the high halves of products, put together.
    fn multiply_halves(&mut self, high: Packed, interleave: Packed) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        let low = self.beside([a, b]);
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(low, a);
        asm.packed_rr(Packed::Pmullw, low, b);
        asm.packed_rr(high, a, b);
        asm.packed_rr(interleave, low, a);
        self.push_vector(low);
    }

    /// Products of every second lane, which those that are wanted are moved to.
    fn multiply_words(&mut self, op: Packed, order: u8) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        let to = if self.is_free(a) && a != b { a.xmm() } else { self.alloc_xmm(a.set().union(b.set())) };
        let asm = &mut self.buffers.asm;
        asm.packed_rri(PackedImm::Pshufd, FLOAT_SCRATCH, b.xmm(), order);
        asm.packed_rri(PackedImm::Pshufd, to, a.xmm(), order);
        asm.packed_rr(op, to, FLOAT_SCRATCH);
        self.push_vector(to);
    }

    /// Products with ones are added by the instruction.
    fn add_pairs(&mut self, op: Packed, ones: u128) {
        let x = self.pop_owned_vector();
        self.packed_constant(op, x, ones);
        self.push_vector(x);
    }

    /// The instruction's first operand is unsigned.
    fn add_signed_pairs_of_bytes(&mut self) {
        let x = self.pop_xmm(RegSet::EMPTY);
        let to = self.beside([x]);
        self.load_vector(to, lanes8(1));
        self.buffers.asm.packed_rr(Packed::Pmaddubsw, to, x);
        self.push_vector(to);
    }

    /// Made signed by moving the range of numbers, and back.
    fn add_unsigned_pairs_of_halves(&mut self) {
        let x = self.pop_owned_vector();
        self.packed_constant(Packed::Pxor, x, lanes16(0x8000));
        self.packed_constant(Packed::Pmaddwd, x, lanes16(1));
        self.packed_constant(Packed::Paddd, x, lanes32(0x1_0000));
        self.push_vector(x);
    }

    // ---- Integers to floats ----

    /// Both halves of 16 bits are exact, and so is the high one times 65536: only the sum is rounded.
    fn unsigned_to_f32(&mut self) {
        let x = self.pop_owned_vector();
        self.buffers.asm.movaps_rr(FLOAT_SCRATCH, x);
        self.packed_constant(Packed::Pand, FLOAT_SCRATCH, lanes32(0xffff));
        let asm = &mut self.buffers.asm;
        asm.packed_rr(Packed::Cvtdq2ps, FLOAT_SCRATCH, FLOAT_SCRATCH);
        asm.packed_shift(PackedShift::Psrld, x, 16);
        asm.packed_rr(Packed::Cvtdq2ps, x, x);
        self.packed_constant(Packed::Mulps, x, lanes32(F32_TWO_TO_16));
        self.buffers.asm.packed_rr(Packed::Addps, x, FLOAT_SCRATCH);
        self.push_vector(x);
    }

    /// The numbers become the low halves of 2 to the 52nd, which is taken off then.
    fn unsigned_to_f64(&mut self) {
        let x = self.pop_owned_vector();
        self.packed_constant(Packed::Punpckldq, x, lanes32((F64_TWO_TO_52 >> 32) as u32));
        self.packed_constant(Packed::Subpd, x, lanes64(F64_TWO_TO_52));
        self.push_vector(x);
    }

    // ---- Floats to integers, with saturation ----

    /// The processor gives the lowest integer for what does not fit; all its bits are changed where the highest is wanted.
    pub(super) fn f32_to_signed(&mut self) {
        let x = self.pop_owned_vector();
        let asm = &mut self.buffers.asm;
        // Zero where it is not a number.
        asm.movaps_rr(FLOAT_SCRATCH, x);
        asm.packed_rri(PackedImm::Cmpps, FLOAT_SCRATCH, FLOAT_SCRATCH, EQUAL);
        asm.packed_rr(Packed::Andps, x, FLOAT_SCRATCH);
        self.load_vector(FLOAT_SCRATCH, lanes32(F32_TWO_TO_31));
        let asm = &mut self.buffers.asm;
        asm.packed_rri(PackedImm::Cmpps, FLOAT_SCRATCH, x, LESS_EQUAL);
        asm.packed_rr(Packed::Cvttps2dq, x, x);
        asm.packed_rr(Packed::Pxor, x, FLOAT_SCRATCH);
        self.push_vector(x);
    }

    /// What is beyond signed numbers comes out as 2 to the 31st, and what is beyond that is converted once more, and added.
    pub(super) fn f32_to_unsigned(&mut self) {
        let x = self.pop_owned_vector();
        let beyond = self.beside([x]);
        // Not a number, or negative: zero, which is the second operand.
        self.load_vector(FLOAT_SCRATCH, 0);
        self.buffers.asm.packed_rr(Packed::Maxps, x, FLOAT_SCRATCH);
        self.buffers.asm.movaps_rr(beyond, x);
        self.packed_constant(Packed::Subps, beyond, lanes32(F32_TWO_TO_31));
        self.load_vector(FLOAT_SCRATCH, lanes32(F32_TWO_TO_31));
        let asm = &mut self.buffers.asm;
        asm.packed_rri(PackedImm::Cmpps, FLOAT_SCRATCH, beyond, LESS_EQUAL);
        asm.packed_rr(Packed::Cvttps2dq, beyond, beyond);
        asm.packed_rr(Packed::Pxor, beyond, FLOAT_SCRATCH);
        // Nothing is beyond where this is negative.
        asm.packed_rr(Packed::Pxor, FLOAT_SCRATCH, FLOAT_SCRATCH);
        asm.packed_rr(Packed::Pmaxsd, beyond, FLOAT_SCRATCH);
        asm.packed_rr(Packed::Cvttps2dq, x, x);
        asm.packed_rr(Packed::Paddd, x, beyond);
        self.push_vector(x);
    }

    /// What is too low comes out right. The minimum with zero is zero where the first operand is not a number.
    pub(super) fn f64_to_signed(&mut self) {
        let x = self.pop_owned_vector();
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(FLOAT_SCRATCH, x);
        asm.packed_rri(PackedImm::Cmppd, FLOAT_SCRATCH, FLOAT_SCRATCH, EQUAL);
        self.packed_constant(Packed::Andps, FLOAT_SCRATCH, lanes64(F64_I32_MAX));
        let asm = &mut self.buffers.asm;
        asm.packed_rr(Packed::Minpd, x, FLOAT_SCRATCH);
        asm.packed_rr(Packed::Cvttpd2dq, x, x);
        self.push_vector(x);
    }

    /// An integer in range, added to 2 to the 52nd, is the low half of the bits.
    pub(super) fn f64_to_unsigned(&mut self) {
        let x = self.pop_owned_vector();
        self.load_vector(FLOAT_SCRATCH, 0);
        self.buffers.asm.packed_rr(Packed::Maxpd, x, FLOAT_SCRATCH);
        self.packed_constant(Packed::Minpd, x, lanes64(F64_U32_MAX));
        self.buffers.asm.packed_rri(PackedImm::Roundpd, x, x, Rounding::Trunc as u8);
        self.packed_constant(Packed::Addpd, x, lanes64(F64_TWO_TO_52));
        self.buffers.asm.packed_rri(PackedImm::Shufps, x, FLOAT_SCRATCH, 0b1000_1000);
        self.push_vector(x);
    }
}
