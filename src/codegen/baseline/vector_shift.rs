//! Shifts of integer lanes. The amount is taken modulo the width of a lane.
//!
//! There are no instructions for lanes of 8 bits, and none for the signed shift of lanes of 64 bits.

use wasmparser::Operator;

use crate::asm::x64::Width;
use crate::asm::x64::integer::{Alu, Load};
use crate::asm::x64::vector::{Packed, PackedShift};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, SCRATCH};
use crate::codegen::baseline::state::{Loc, Value};
use crate::codegen::baseline::vector::{lanes8, lanes64};

/// The topmost bit of 64.
const SIGN: u64 = 1 << 63;

impl Function<'_> {
    pub(super) fn vector_shift_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        match operator {
            I8x16Shl => self.shift_bytes(true),
            I8x16ShrU => self.shift_bytes(false),
            I8x16ShrS => self.shift_bytes_signed(),
            I16x8Shl => self.shift_lanes(Packed::Psllw, PackedShift::Psllw, 16),
            I16x8ShrU => self.shift_lanes(Packed::Psrlw, PackedShift::Psrlw, 16),
            I16x8ShrS => self.shift_lanes(Packed::Psraw, PackedShift::Psraw, 16),
            I32x4Shl => self.shift_lanes(Packed::Pslld, PackedShift::Pslld, 32),
            I32x4ShrU => self.shift_lanes(Packed::Psrld, PackedShift::Psrld, 32),
            I32x4ShrS => self.shift_lanes(Packed::Psrad, PackedShift::Psrad, 32),
            I64x2Shl => self.shift_lanes(Packed::Psllq, PackedShift::Psllq, 64),
            I64x2ShrU => self.shift_lanes(Packed::Psrlq, PackedShift::Psrlq, 64),
            I64x2ShrS => self.shift_wide_signed(),
            _ => return false,
        }
        true
    }

    /// The amount in the scratch register for vectors, more by a number.
    fn load_amount(&mut self, amount: &Value, bits: u8, more: i32) {
        match amount.loc() {
            Loc::Reg(reg) => self.buffers.asm.mov_rr(Width::W32, SCRATCH, reg.gpr()),
            Loc::Const(known) => self.buffers.asm.mov_ri(SCRATCH, known),
            Loc::Slot => self.buffers.asm.load(Load::Word, SCRATCH, amount.slot()),
        }
        self.buffers.asm.alu_ri(Alu::And, Width::W32, SCRATCH, i32::from(bits - 1));
        if more > 0 {
            self.buffers.asm.alu_ri(Alu::Add, Width::W32, SCRATCH, more);
        }
        self.buffers.asm.float_from_bits(Width::W32, FLOAT_SCRATCH, SCRATCH);
    }

    fn shift_lanes(&mut self, by_register: Packed, by_constant: PackedShift, bits: u8) {
        let amount = self.pop();
        let x = self.pop_owned_vector();
        if let Loc::Const(known) = amount.loc() {
            self.buffers.asm.packed_shift(by_constant, x, known as u8 & (bits - 1));
        } else {
            self.load_amount(&amount, bits, 0);
            self.buffers.asm.packed_rr(by_register, x, FLOAT_SCRATCH);
        }
        self.push_vector(x);
    }

    /// As lanes of 16 bits, where bits that would go from one byte into the other are cleared.
    fn shift_bytes(&mut self, left: bool) {
        let amount = self.pop();
        let x = self.pop_owned_vector();
        if let Loc::Const(known) = amount.loc() {
            let bits = known as u8 & 7;
            let stay = lanes8(0xff >> bits);
            if left {
                self.packed_constant(Packed::Pand, x, stay);
                self.buffers.asm.packed_shift(PackedShift::Psllw, x, bits);
            } else {
                self.buffers.asm.packed_shift(PackedShift::Psrlw, x, bits);
                self.packed_constant(Packed::Pand, x, stay);
            }
            self.push_vector(x);
            return;
        }
        let stay = self.beside([x]);
        self.load_amount(&amount, 8, 0);
        self.load_vector(stay, u128::MAX);
        let asm = &mut self.buffers.asm;
        asm.packed_rr(Packed::Psrlw, stay, FLOAT_SCRATCH);
        asm.packed_shift(PackedShift::Psrlw, stay, 8);
        asm.packed_rr(Packed::Packuswb, stay, stay);
        if left {
            asm.packed_rr(Packed::Pand, x, stay);
            asm.packed_rr(Packed::Psllw, x, FLOAT_SCRATCH);
        } else {
            asm.packed_rr(Packed::Psrlw, x, FLOAT_SCRATCH);
            asm.packed_rr(Packed::Pand, x, stay);
        }
        self.push_vector(x);
    }

    /// Each byte is shifted as the upper half of 16 bits.
    fn shift_bytes_signed(&mut self) {
        let amount = self.pop();
        let low = self.pop_owned_vector();
        let high = self.beside([low]);
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(high, low);
        asm.packed_rr(Packed::Punpckhbw, high, high);
        asm.packed_rr(Packed::Punpcklbw, low, low);
        if let Loc::Const(known) = amount.loc() {
            for half in [low, high] {
                asm.packed_shift(PackedShift::Psraw, half, 8 + (known as u8 & 7));
            }
        } else {
            self.load_amount(&amount, 8, 8);
            for half in [low, high] {
                self.buffers.asm.packed_rr(Packed::Psraw, half, FLOAT_SCRATCH);
            }
        }
        self.buffers.asm.packed_rr(Packed::Packsswb, low, high);
        self.push_vector(low);
    }

    /// Unsigned; then the sign, which is further right now, is spread to the left by a subtraction.
    fn shift_wide_signed(&mut self) {
        let amount = self.pop();
        let x = self.pop_owned_vector();
        if let Loc::Const(known) = amount.loc() {
            let bits = known as u8 & 63;
            self.buffers.asm.packed_shift(PackedShift::Psrlq, x, bits);
            self.load_vector(FLOAT_SCRATCH, lanes64(SIGN >> bits));
            self.buffers.asm.packed_rr(Packed::Pxor, x, FLOAT_SCRATCH);
            self.buffers.asm.packed_rr(Packed::Psubq, x, FLOAT_SCRATCH);
        } else {
            let sign = self.beside([x]);
            self.load_amount(&amount, 64, 0);
            self.load_vector(sign, lanes64(SIGN));
            let asm = &mut self.buffers.asm;
            asm.packed_rr(Packed::Psrlq, sign, FLOAT_SCRATCH);
            asm.packed_rr(Packed::Psrlq, x, FLOAT_SCRATCH);
            asm.packed_rr(Packed::Pxor, x, sign);
            asm.packed_rr(Packed::Psubq, x, sign);
        }
        self.push_vector(x);
    }
}
