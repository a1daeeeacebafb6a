//! From an opcode and its operands to bytes.
//!
//! The head of an instruction (prefixes, opcode, ModRM, SIB) is at most eight bytes and is put together in a register; with constant
//! opcodes most of it folds away.

use crate::asm::buffer::Label;
use crate::asm::x64::Assembler;
use crate::asm::x64::operand::{Mem, Width};

/// Which table an opcode is in, other than that of one byte.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Map {
    /// Behind 0f.
    Two,
    /// Behind 0f 38.
    Three38,
    /// Behind 0f 3a.
    Three3a,
}

/// An opcode with what belongs to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Opcode {
    /// 66, f2, f3, or 0 for none.
    prefix: u8,
    /// The table and the number in it, as bytes in order.
    bytes: u32,
    /// How many of them there are.
    count: u8,
    /// What a REX prefix has of it, with all of its fixed bits: 40, or 48 for 64 bits.
    rex: u8,
    /// Which operands are byte registers, of [`BYTE_REG`] and [`BYTE_RM`].
    byte_operands: u8,
}

/// The operand in ModRM's `reg` is a byte register: 4 to 7 are the low bytes of rsp to rdi.
const BYTE_REG: u8 = 1;
/// The same of `rm`.
const BYTE_RM: u8 = 2;
// Passed in a register.
const _: () = assert!(size_of::<Opcode>() == 8);

impl Opcode {
    #[inline(always)]
    pub(super) const fn one(code: u8) -> Opcode {
        Opcode { prefix: 0, bytes: code as u32, count: 1, rex: REX, byte_operands: 0 }
    }

    #[inline(always)]
    pub(super) const fn two(code: u8) -> Opcode {
        Opcode::one(code).with_map(Map::Two)
    }

    /// The number before it.
    pub(super) fn one_less(self) -> Opcode {
        Opcode { bytes: self.bytes - (1 << (8 * (self.count - 1))), ..self }
    }

    /// The same number in another table.
    #[inline(always)]
    pub(super) const fn with_map(self, map: Map) -> Opcode {
        let code = self.bytes >> (8 * (self.count as u32 - 1));
        let (bytes, count) = match map {
            Map::Two => (0x0f | code << 8, 2),
            Map::Three38 => (0x380f | code << 16, 3),
            Map::Three3a => (0x3a0f | code << 16, 3),
        };
        Opcode { bytes, count, ..self }
    }

    #[inline(always)]
    pub(super) const fn with_prefix(self, prefix: u8) -> Opcode {
        Opcode { prefix, ..self }
    }

    #[inline(always)]
    pub(super) fn with_width(self, width: Width) -> Opcode {
        Opcode { rex: REX | u8::from(width.rex_w()) << 3, ..self }
    }

    #[inline(always)]
    pub(super) const fn with_byte_reg(self) -> Opcode {
        Opcode { byte_operands: self.byte_operands | BYTE_REG, ..self }
    }

    #[inline(always)]
    pub(super) const fn with_byte_rm(self) -> Opcode {
        Opcode { byte_operands: self.byte_operands | BYTE_RM, ..self }
    }
}

/// A REX prefix that says nothing.
const REX: u8 = 0x40;

/// Bytes in the order in which they are added, at most eight.
struct Head {
    bits: u64,
    count: usize,
}

impl Head {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.bits |= u64::from(byte) << (8 * self.count);
        self.count += 1;
    }

    #[inline(always)]
    fn push_front(&mut self, byte: u8) {
        self.bits = self.bits << 8 | u64::from(byte);
        self.count += 1;
    }

    /// Prefixes and opcode.
    #[inline(always)]
    fn opcode(op: Opcode, reg: u8, index: u8, rm: u8) -> Head {
        let mut head = Head { bits: u64::from(op.bytes), count: usize::from(op.count) };
        let rex = op.rex | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3;
        let bytes = (u8::from(reg >= 4) * BYTE_REG) | (u8::from(rm >= 4) * BYTE_RM);
        let is_needed = rex != REX || op.byte_operands & bytes != 0;
        if is_needed {
            head.push_front(rex);
        }
        if op.prefix != 0 {
            head.push_front(op.prefix);
        }
        head
    }
}

impl Assembler {
    /// An instruction with two registers.
    #[inline]
    pub(super) fn rr(&mut self, op: Opcode, reg: u8, rm: u8) {
        self.buffer.reserve();
        let mut head = Head::opcode(op, reg, 0, rm);
        head.push(0xc0 | (reg & 7) << 3 | rm & 7);
        self.buffer.put(head.bits, head.count);
    }

    /// An instruction with a register and memory.
    #[inline(always)]
    pub(super) fn rm(&mut self, op: Opcode, reg: u8, mem: Mem) {
        let op = Opcode { byte_operands: op.byte_operands & BYTE_REG, ..op };
        // Who asks knows which it is.
        match mem.index {
            Some(index) => self.rm_index(op, reg, mem.base.0, mem.scale << 6 | (index.0 & 7) << 3, index.0, mem.displacement),
            None => self.rm_base(op, reg, mem.base.0, mem.displacement),
        }
    }

    #[inline(never)]
    fn rm_base(&mut self, op: Opcode, reg: u8, base: u8, displacement: i32) {
        let (mode, bytes) = displacement_form(base, displacement);
        let mut head = Head::opcode(op, reg, 0, base);
        head.push(mode | (reg & 7) << 3 | base & 7);
        if base & 7 == 4 {
            head.push(0x24);
        }
        self.buffer.put_both((head.bits, head.count), (u64::from(displacement.cast_unsigned()), bytes));
    }

    /// `sib` is the scale and the index in their places.
    #[inline(never)]
    fn rm_index(&mut self, op: Opcode, reg: u8, base: u8, sib: u8, index: u8, displacement: i32) {
        let (mode, bytes) = displacement_form(base, displacement);
        let mut head = Head::opcode(op, reg, index, base);
        head.push(mode | (reg & 7) << 3 | 4);
        head.push(sib | base & 7);
        self.buffer.put_both((head.bits, head.count), (u64::from(displacement.cast_unsigned()), bytes));
    }

    /// An instruction with a register and memory behind the instruction, which ends with the displacement. Gives the displacement's offset.
    pub(super) fn rip(&mut self, op: Opcode, reg: u8) -> u32 {
        self.buffer.reserve();
        let mut head = Head::opcode(op, reg, 0, 0);
        head.push((reg & 7) << 3 | 5);
        self.buffer.put(head.bits, head.count);
        let at = self.buffer.offset();
        self.buffer.put(0, 4);
        at
    }

    /// The same, with a label.
    pub(super) fn rip_label(&mut self, op: Opcode, reg: u8, label: Label) {
        self.buffer.reserve();
        let mut head = Head::opcode(op, reg, 0, 0);
        head.push((reg & 7) << 3 | 5);
        self.buffer.put(head.bits, head.count);
        self.buffer.put_displacement(label);
    }

    /// An instruction whose register is in the opcode.
    #[inline]
    pub(super) fn opcode_register(&mut self, op: Opcode, register: u8) {
        self.buffer.reserve();
        let head = Head::opcode(Opcode { bytes: op.bytes | u32::from(register & 7), ..op }, 0, 0, register);
        self.buffer.put(head.bits, head.count);
    }

    /// An instruction without operands.
    pub(super) fn plain(&mut self, op: Opcode) {
        self.buffer.reserve();
        let head = Head::opcode(op, 0, 0, 0);
        self.buffer.put(head.bits, head.count);
    }

    #[inline]
    pub(super) fn imm8(&mut self, value: u8) {
        self.buffer.put(u64::from(value), 1);
    }

    #[inline]
    pub(super) fn imm32(&mut self, value: i32) {
        self.buffer.put(u64::from(value.cast_unsigned()), 4);
    }
}

/// The mode of ModRM for a displacement, and the displacement's size. Without one rbp and r13 mean something else; rsp and r12 stand for
/// "there is another byte".
#[inline(always)]
fn displacement_form(base: u8, displacement: i32) -> (u8, usize) {
    match displacement {
        0 if base & 7 != 5 => (0x00, 0),
        -128..=127 => (0x40, 1),
        _ => (0x80, 4),
    }
}
