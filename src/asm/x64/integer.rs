//! Integer instructions.

use crate::asm::x64::Assembler;
use crate::asm::x64::encode::Opcode;
use crate::asm::x64::operand::{Condition, Mem, Width};
use crate::asm::x64::register::Gpr;

/// Two-operand arithmetic, by its number in encodings.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Alu {
    Add = 0,
    Or = 1,
    /// With the carry.
    Adc = 2,
    /// With the borrow.
    Sbb = 3,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts and rotations, by their numbers in encodings.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Shift {
    RotateLeft = 0,
    RotateRight = 1,
    Left = 4,
    RightUnsigned = 5,
    RightSigned = 7,
}

/// How memory becomes a register's contents.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Load {
    Byte,
    ByteSigned(Width),
    Half,
    HalfSigned(Width),
    Word,
    /// 32 bits to 64.
    WordSigned,
    Double,
}

/// How much of a register goes to memory.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Store {
    Byte,
    Half,
    Word,
    Double,
}

/// Instructions that count or find bits.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Bits {
    /// BSF: undefined for zero.
    ScanForward,
    /// BSR: undefined for zero.
    ScanReverse,
    /// TZCNT of BMI1.
    TrailingZeros,
    /// LZCNT.
    LeadingZeros,
    /// POPCNT.
    Ones,
}

impl Assembler {
    /// A copy; 32 bits clear the upper half.
    #[inline]
    pub fn mov_rr(&mut self, width: Width, to: Gpr, from: Gpr) {
        self.rr(Opcode::one(0x89).with_width(width), from.0, to.0);
    }

    /// A constant of 64 bits, in the shortest way that leaves the flags alone.
    pub fn mov_ri(&mut self, to: Gpr, value: u64) {
        if let Ok(value) = u32::try_from(value) {
            self.opcode_register(Opcode::one(0xb8), to.0);
            self.imm32(value.cast_signed());
        } else if let Ok(value) = i32::try_from(value.cast_signed()) {
            self.rr(Opcode::one(0xc7).with_width(Width::W64), 0, to.0);
            self.imm32(value);
        } else {
            self.opcode_register(Opcode::one(0xb8).with_width(Width::W64), to.0);
            self.buffer.put(value, 8);
        }
    }

    /// Zero, in a way that changes the flags.
    pub fn zero(&mut self, register: Gpr) {
        self.alu_rr(Alu::Xor, Width::W32, register, register);
    }

    /// Memory to a register.
    #[inline]
    pub fn load(&mut self, load: Load, to: Gpr, mem: Mem) {
        let op = match load {
            Load::Byte => Opcode::two(0xb6),
            Load::ByteSigned(width) => Opcode::two(0xbe).with_width(width),
            Load::Half => Opcode::two(0xb7),
            Load::HalfSigned(width) => Opcode::two(0xbf).with_width(width),
            Load::Word => Opcode::one(0x8b),
            Load::WordSigned => Opcode::one(0x63).with_width(Width::W64),
            Load::Double => Opcode::one(0x8b).with_width(Width::W64),
        };
        self.rm(op, to.0, mem);
    }

    /// A register's low part to memory.
    #[inline]
    pub fn store(&mut self, store: Store, mem: Mem, from: Gpr) {
        let op = match store {
            Store::Byte => Opcode::one(0x88).with_byte_reg(),
            Store::Half => Opcode::one(0x89).with_prefix(0x66),
            Store::Word => Opcode::one(0x89),
            Store::Double => Opcode::one(0x89).with_width(Width::W64),
        };
        self.rm(op, from.0, mem);
    }

    /// A constant to memory; 64 bits are sign-extended.
    pub fn store_imm(&mut self, store: Store, mem: Mem, value: i32) {
        let op = match store {
            Store::Byte => Opcode::one(0xc6),
            Store::Half => Opcode::one(0xc7).with_prefix(0x66),
            Store::Word => Opcode::one(0xc7),
            Store::Double => Opcode::one(0xc7).with_width(Width::W64),
        };
        self.rm(op, 0, mem);
        match store {
            Store::Byte => self.imm8(value.to_le_bytes()[0]),
            Store::Half => self.buffer.put(u64::from(value.cast_unsigned() & 0xffff), 2),
            Store::Word | Store::Double => self.imm32(value),
        }
    }

    /// A register's low part, extended, to a register.
    pub fn extend(&mut self, load: Load, to: Gpr, from: Gpr) {
        let op = match load {
            Load::Byte => Opcode::two(0xb6).with_byte_rm(),
            Load::ByteSigned(width) => Opcode::two(0xbe).with_byte_rm().with_width(width),
            Load::Half => Opcode::two(0xb7),
            Load::HalfSigned(width) => Opcode::two(0xbf).with_width(width),
            Load::Word => Opcode::one(0x8b),
            Load::WordSigned => Opcode::one(0x63).with_width(Width::W64),
            Load::Double => Opcode::one(0x8b).with_width(Width::W64),
        };
        self.rr(op, to.0, from.0);
    }

    /// Arithmetic on registers.
    #[inline]
    pub fn alu_rr(&mut self, alu: Alu, width: Width, to: Gpr, from: Gpr) {
        self.rr(Opcode::one((alu as u8) << 3 | 1).with_width(width), from.0, to.0);
    }

    /// Arithmetic with a constant, sign-extended to the width.
    #[inline]
    pub fn alu_ri(&mut self, alu: Alu, width: Width, to: Gpr, value: i32) {
        if let Ok(value) = i8::try_from(value) {
            self.rr(Opcode::one(0x83).with_width(width), alu as u8, to.0);
            self.imm8(value.cast_unsigned());
        } else {
            self.rr(Opcode::one(0x81).with_width(width), alu as u8, to.0);
            self.imm32(value);
        }
    }

    /// Arithmetic with memory.
    #[inline]
    pub fn alu_rm(&mut self, alu: Alu, width: Width, to: Gpr, mem: Mem) {
        self.rm(Opcode::one((alu as u8) << 3 | 3).with_width(width), to.0, mem);
    }

    /// Arithmetic on memory with a constant, sign-extended to the width.
    pub fn alu_mi(&mut self, alu: Alu, width: Width, mem: Mem, value: i32) {
        if let Ok(value) = i8::try_from(value) {
            self.rm(Opcode::one(0x83).with_width(width), alu as u8, mem);
            self.imm8(value.cast_unsigned());
        } else {
            self.rm(Opcode::one(0x81).with_width(width), alu as u8, mem);
            self.imm32(value);
        }
    }

    /// An operation on a word of 32 bits near the code and a constant. Gives the offset of the displacement, behind which the four bytes of the
    /// constant stand.
    pub fn alu_rip_i(&mut self, alu: Alu, value: i32) -> u32 {
        let at = self.rip(Opcode::one(0x81), alu as u8);
        self.imm32(value);
        at
    }

    /// Adds one to a word of 32 bits near the code. Gives the offset of the displacement, which the instruction ends with.
    pub fn inc_rip(&mut self) -> u32 {
        self.rip(Opcode::one(0xff), 0)
    }

    /// Flags of a word of 32 bits near the code less a register, as above.
    pub fn cmp_rip_r(&mut self, register: Gpr) -> u32 {
        self.rip(Opcode::one(0x39), register.0)
    }

    /// Exchanges two registers.
    pub fn xchg_rr(&mut self, a: Gpr, b: Gpr) {
        self.rr(Opcode::one(0x87).with_width(Width::W64), b.0, a.0);
    }

    /// Flags of a conjunction.
    #[inline]
    pub fn test_rr(&mut self, width: Width, a: Gpr, b: Gpr) {
        self.rr(Opcode::one(0x85).with_width(width), b.0, a.0);
    }

    /// Flags of a conjunction with a constant, sign-extended to the width.
    pub fn test_ri(&mut self, width: Width, register: Gpr, value: i32) {
        self.rr(Opcode::one(0xf7).with_width(width), 0, register.0);
        self.imm32(value);
    }

    /// A product.
    pub fn imul_rr(&mut self, width: Width, to: Gpr, from: Gpr) {
        self.rr(Opcode::two(0xaf).with_width(width), to.0, from.0);
    }

    /// A product with a constant.
    pub fn imul_rri(&mut self, width: Width, to: Gpr, from: Gpr, value: i32) {
        if let Ok(value) = i8::try_from(value) {
            self.rr(Opcode::one(0x6b).with_width(width), to.0, from.0);
            self.imm8(value.cast_unsigned());
        } else {
            self.rr(Opcode::one(0x69).with_width(width), to.0, from.0);
            self.imm32(value);
        }
    }

    /// rdx:rax divided by a register: quotient in rax, remainder in rdx.
    pub fn div(&mut self, width: Width, signed: bool, by: Gpr) {
        self.rr(Opcode::one(0xf7).with_width(width), if signed { 7 } else { 6 }, by.0);
    }

    /// rdx:rax is the whole product of rax and a register.
    pub fn mul_wide(&mut self, width: Width, signed: bool, by: Gpr) {
        self.rr(Opcode::one(0xf7).with_width(width), if signed { 5 } else { 4 }, by.0);
    }

    /// Fills rdx with the sign of rax (CDQ, CQO).
    pub fn sign_to_rdx(&mut self, width: Width) {
        self.plain(Opcode::one(0x99).with_width(width));
    }

    /// Two's complement.
    pub fn neg(&mut self, width: Width, register: Gpr) {
        self.rr(Opcode::one(0xf7).with_width(width), 3, register.0);
    }

    /// A shift by a constant.
    pub fn shift_i(&mut self, shift: Shift, width: Width, register: Gpr, count: u8) {
        self.rr(Opcode::one(0xc1).with_width(width), shift as u8, register.0);
        self.imm8(count);
    }

    /// A shift by cl, modulo the width.
    pub fn shift_cl(&mut self, shift: Shift, width: Width, register: Gpr) {
        self.rr(Opcode::one(0xd3).with_width(width), shift as u8, register.0);
    }

    /// An address.
    #[inline]
    pub fn lea(&mut self, width: Width, to: Gpr, mem: Mem) {
        self.rm(Opcode::one(0x8d).with_width(width), to.0, mem);
    }

    /// 0 or 1 in the low byte.
    pub fn setcc(&mut self, condition: Condition, to: Gpr) {
        self.rr(Opcode::two(0x90 | condition as u8).with_byte_rm(), 0, to.0);
    }

    /// A copy if the condition holds; 32 bits clear the upper half in any case.
    pub fn cmov(&mut self, condition: Condition, width: Width, to: Gpr, from: Gpr) {
        self.rr(Opcode::two(0x40 | condition as u8).with_width(width), to.0, from.0);
    }

    /// Counts or finds bits.
    pub fn bits(&mut self, bits: Bits, width: Width, to: Gpr, from: Gpr) {
        let op = match bits {
            Bits::ScanForward => Opcode::two(0xbc),
            Bits::ScanReverse => Opcode::two(0xbd),
            Bits::TrailingZeros => Opcode::two(0xbc).with_prefix(0xf3),
            Bits::LeadingZeros => Opcode::two(0xbd).with_prefix(0xf3),
            Bits::Ones => Opcode::two(0xb8).with_prefix(0xf3),
        };
        self.rr(op.with_width(width), to.0, from.0);
    }
}
