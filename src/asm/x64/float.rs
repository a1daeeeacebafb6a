//! Scalar floating point: SSE2, and what SSE4.1 adds.

use crate::asm::x64::Assembler;
use crate::asm::x64::encode::{Map, Opcode};
use crate::asm::x64::operand::{Mem, Width};
use crate::asm::x64::register::{Gpr, Xmm};

/// Which floating-point format.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Float {
    F32,
    F64,
}

impl Float {
    fn scalar(self, code: u8) -> Opcode {
        Opcode::two(code).with_prefix(if self == Float::F64 { 0xf2 } else { 0xf3 })
    }

    fn packed(self, code: u8) -> Opcode {
        Opcode::two(code).with_prefix(if self == Float::F64 { 0x66 } else { 0 })
    }

    /// Integers of the same size.
    pub fn width(self) -> Width {
        if self == Float::F64 { Width::W64 } else { Width::W32 }
    }
}

/// Two-operand arithmetic, by its opcode.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum FloatOp {
    Sqrt = 0x51,
    Add = 0x58,
    Mul = 0x59,
    Sub = 0x5c,
    /// Of equal operands, and where one is not a number, the second.
    Min = 0x5d,
    Div = 0x5e,
    /// Of equal operands, and where one is not a number, the second.
    Max = 0x5f,
}

/// Bitwise arithmetic on whole registers, by its opcode.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum FloatBits {
    And = 0x54,
    /// Not the first, and the second.
    AndNot = 0x55,
    Or = 0x56,
    Xor = 0x57,
}

/// How ROUNDSS and ROUNDSD round, without the exception for inexact results.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Rounding {
    Nearest = 8,
    Floor = 9,
    Ceil = 10,
    Trunc = 11,
}

impl Assembler {
    /// A copy of a whole register.
    #[inline]
    pub fn movaps_rr(&mut self, to: Xmm, from: Xmm) {
        self.rr(Opcode::two(0x28), to.0, from.0);
    }

    /// Memory to a register, whose other bits are cleared.
    #[inline]
    pub fn float_load(&mut self, float: Float, to: Xmm, mem: Mem) {
        self.rm(float.scalar(0x10), to.0, mem);
    }

    /// A register to memory.
    #[inline]
    pub fn float_store(&mut self, float: Float, mem: Mem, from: Xmm) {
        self.rm(float.scalar(0x11), from.0, mem);
    }

    /// Arithmetic.
    #[inline]
    pub fn float_rr(&mut self, op: FloatOp, float: Float, to: Xmm, from: Xmm) {
        self.rr(float.scalar(op as u8), to.0, from.0);
    }

    /// Bitwise arithmetic.
    pub fn float_bits(&mut self, op: FloatBits, to: Xmm, from: Xmm) {
        self.rr(Opcode::two(op as u8), to.0, from.0);
    }

    /// Compares (UCOMISS, UCOMISD): the flags are those of unsigned integers; parity says that one is not a number.
    pub fn float_compare(&mut self, float: Float, a: Xmm, b: Xmm) {
        self.rr(float.packed(0x2e), a.0, b.0);
    }

    /// Rounds to an integer.
    pub fn float_round(&mut self, float: Float, rounding: Rounding, to: Xmm, from: Xmm) {
        let code = if float == Float::F64 { 0x0b } else { 0x0a };
        self.rr(Opcode::two(code).with_map(Map::Three3a).with_prefix(0x66), to.0, from.0);
        self.imm8(rounding as u8);
    }

    /// A signed integer to a float. The other bits of the destination stay, and are waited for.
    pub fn float_from_int(&mut self, float: Float, width: Width, to: Xmm, from: Gpr) {
        self.rr(float.scalar(0x2a).with_width(width), to.0, from.0);
    }

    /// A float to a signed integer, towards zero; the lowest integer if that is impossible.
    pub fn float_to_int(&mut self, float: Float, width: Width, to: Gpr, from: Xmm) {
        self.rr(float.scalar(0x2c).with_width(width), to.0, from.0);
    }

    /// To the other format.
    pub fn float_convert(&mut self, from_format: Float, to: Xmm, from: Xmm) {
        self.rr(from_format.scalar(0x5a), to.0, from.0);
    }

    /// Bits of an integer register to a vector register, whose other bits are cleared.
    pub fn float_from_bits(&mut self, width: Width, to: Xmm, from: Gpr) {
        self.rr(Opcode::two(0x6e).with_prefix(0x66).with_width(width), to.0, from.0);
    }

    /// Bits of a vector register to an integer register.
    pub fn float_to_bits(&mut self, width: Width, to: Gpr, from: Xmm) {
        self.rr(Opcode::two(0x7e).with_prefix(0x66).with_width(width), from.0, to.0);
    }
}
