//! Arithmetic on integer lanes.

use wasmparser::Operator;

use crate::asm::x64::Xmm;
use crate::asm::x64::vector::{Packed, PackedImm, PackedShift};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, RegSet};
use crate::codegen::baseline::state::Kind;
use crate::codegen::baseline::vector::{lanes8, lanes16};

/// How many bits each number of four bits has, by that number.
const BIT_COUNTS: u128 = u128::from_le_bytes([0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]);

/// Operators that are one instruction, whatever the order of the operands.
fn commutative(operator: &Operator<'_>) -> Option<Packed> {
    use Operator::*;
    Some(match operator {
        I8x16Add => Packed::Paddb,
        I16x8Add => Packed::Paddw,
        I32x4Add => Packed::Paddd,
        I64x2Add => Packed::Paddq,
        I8x16AddSatS => Packed::Paddsb,
        I8x16AddSatU => Packed::Paddusb,
        I16x8AddSatS => Packed::Paddsw,
        I16x8AddSatU => Packed::Paddusw,
        I16x8Mul => Packed::Pmullw,
        I32x4Mul => Packed::Pmulld,
        I8x16MinS => Packed::Pminsb,
        I8x16MinU => Packed::Pminub,
        I8x16MaxS => Packed::Pmaxsb,
        I8x16MaxU => Packed::Pmaxub,
        I16x8MinS => Packed::Pminsw,
        I16x8MinU => Packed::Pminuw,
        I16x8MaxS => Packed::Pmaxsw,
        I16x8MaxU => Packed::Pmaxuw,
        I32x4MinS => Packed::Pminsd,
        I32x4MinU => Packed::Pminud,
        I32x4MaxS => Packed::Pmaxsd,
        I32x4MaxU => Packed::Pmaxud,
        I8x16AvgrU => Packed::Pavgb,
        I16x8AvgrU => Packed::Pavgw,
        I32x4DotI16x8S => Packed::Pmaddwd,
        _ => return None,
    })
}

impl Function<'_> {
    pub(super) fn vector_integer_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        if let Some(op) = commutative(operator) {
            self.vector_commutative(op);
            return true;
        }
        match operator {
            I8x16Sub => self.vector_binary(Packed::Psubb),
            I16x8Sub => self.vector_binary(Packed::Psubw),
            I32x4Sub => self.vector_binary(Packed::Psubd),
            I64x2Sub => self.vector_binary(Packed::Psubq),
            I8x16SubSatS => self.vector_binary(Packed::Psubsb),
            I8x16SubSatU => self.vector_binary(Packed::Psubusb),
            I16x8SubSatS => self.vector_binary(Packed::Psubsw),
            I16x8SubSatU => self.vector_binary(Packed::Psubusw),
            I64x2Mul => self.multiply_lanes_64(),
            I16x8Q15MulrSatS => self.multiply_fixed_point(),
            I8x16Abs => self.vector_unary(Packed::Pabsb),
            I16x8Abs => self.vector_unary(Packed::Pabsw),
            I32x4Abs => self.vector_unary(Packed::Pabsd),
            I64x2Abs => self.absolute_wide(),
            I8x16Neg => self.negate(Packed::Psubb),
            I16x8Neg => self.negate(Packed::Psubw),
            I32x4Neg => self.negate(Packed::Psubd),
            I64x2Neg => self.negate(Packed::Psubq),
            I8x16Popcnt => self.count_bits(),
            _ => return false,
        }
        true
    }

    /// Of the four products of halves, the highest is beyond the result.
    fn multiply_lanes_64(&mut self) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        let cross = self.beside([a, b]);
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(cross, a);
        asm.packed_shift(PackedShift::Psrlq, cross, 32);
        asm.packed_rr(Packed::Pmuludq, cross, b);
        asm.movaps_rr(FLOAT_SCRATCH, b);
        asm.packed_shift(PackedShift::Psrlq, FLOAT_SCRATCH, 32);
        asm.packed_rr(Packed::Pmuludq, FLOAT_SCRATCH, a);
        asm.packed_rr(Packed::Paddq, cross, FLOAT_SCRATCH);
        asm.packed_shift(PackedShift::Psllq, cross, 32);
        asm.packed_rr(Packed::Pmuludq, a, b);
        asm.packed_rr(Packed::Paddq, a, cross);
        self.push_vector(a);
    }

    /// The processor's result is right but for the square of -1, which it gives as -1: nothing else does so.
    pub(super) fn multiply_fixed_point(&mut self) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.buffers.asm.packed_rr(Packed::Pmulhrsw, a, b);
        self.load_vector(FLOAT_SCRATCH, lanes16(0x8000));
        self.buffers.asm.packed_rr(Packed::Pcmpeqw, FLOAT_SCRATCH, a);
        self.buffers.asm.packed_rr(Packed::Pxor, a, FLOAT_SCRATCH);
        self.push_vector(a);
    }

    /// The signs of lanes of 64 bits, in all their bits, in the scratch register.
    pub(super) fn wide_signs(&mut self, of: Xmm) {
        let asm = &mut self.buffers.asm;
        asm.packed_rri(PackedImm::Pshufd, FLOAT_SCRATCH, of, 0b1111_0101);
        asm.packed_shift(PackedShift::Psrad, FLOAT_SCRATCH, 31);
    }

    fn absolute_wide(&mut self) {
        let x = self.pop_owned_vector();
        self.wide_signs(x);
        self.buffers.asm.packed_rr(Packed::Pxor, x, FLOAT_SCRATCH);
        self.buffers.asm.packed_rr(Packed::Psubq, x, FLOAT_SCRATCH);
        self.push_vector(x);
    }

    fn negate(&mut self, subtract: Packed) {
        let x = self.pop_xmm(RegSet::EMPTY);
        let to = self.beside([x]);
        self.load_vector(to, 0);
        self.buffers.asm.packed_rr(subtract, to, x);
        self.push_vector(to);
    }

    /// Looks both halves of each lane up.
    fn count_bits(&mut self) {
        let low = self.pop_owned_vector();
        let counts = self.beside([low]);
        self.buffers.asm.movaps_rr(FLOAT_SCRATCH, low);
        self.buffers.asm.packed_shift(PackedShift::Psrlw, FLOAT_SCRATCH, 4);
        self.packed_constant(Packed::Pand, FLOAT_SCRATCH, lanes8(0x0f));
        self.packed_constant(Packed::Pand, low, lanes8(0x0f));
        self.load_vector(counts, BIT_COUNTS);
        self.buffers.asm.packed_rr(Packed::Pshufb, counts, low);
        self.load_vector(low, BIT_COUNTS);
        self.buffers.asm.packed_rr(Packed::Pshufb, low, FLOAT_SCRATCH);
        self.buffers.asm.packed_rr(Packed::Paddb, counts, low);
        self.push_vector(counts);
    }
}
