//! From an opcode and its operands to bytes.
//!
//! The head of an instruction (prefixes, opcode, ModRM, SIB) is at most eight bytes and is put together in a register; with constant
//! opcodes most of it folds away.

use crate::asm::buffer::Label;
use crate::asm::x64::Assembler;
use crate::asm::x64::operand::{Mem, Width};

/// Which table an opcode is in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Map {
    /// One byte.
    One,
    /// Behind 0f.
    Two,
    /// Behind 0f 38.
    Three38,
    /// Behind 0f 3a.
    Three3a,
}

/// An opcode with what belongs to it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Opcode {
    /// 66, f2, f3, or 0 for none.
    pub prefix: u8,
    pub map: Map,
    pub code: u8,
    pub rex_w: bool,
    /// The operand in ModRM's `reg` is a byte register: 4 to 7 are the low bytes of rsp to rdi.
    pub byte_reg: bool,
    /// The same of `rm`.
    pub byte_rm: bool,
}

impl Opcode {
    #[inline]
    pub(super) const fn one(code: u8) -> Opcode {
        Opcode { prefix: 0, map: Map::One, code, rex_w: false, byte_reg: false, byte_rm: false }
    }

    #[inline]
    pub(super) const fn two(code: u8) -> Opcode {
        Opcode { map: Map::Two, ..Opcode::one(code) }
    }

    #[inline]
    pub(super) const fn with_map(self, map: Map) -> Opcode {
        Opcode { map, ..self }
    }

    #[inline]
    pub(super) const fn with_prefix(self, prefix: u8) -> Opcode {
        Opcode { prefix, ..self }
    }

    #[inline]
    pub(super) fn with_width(self, width: Width) -> Opcode {
        Opcode { rex_w: width.rex_w(), ..self }
    }

    #[inline]
    pub(super) const fn with_byte_reg(self) -> Opcode {
        Opcode { byte_reg: true, ..self }
    }

    #[inline]
    pub(super) const fn with_byte_rm(self) -> Opcode {
        Opcode { byte_rm: true, ..self }
    }
}

/// Bytes in the order in which they are added, at most eight.
#[derive(Default)]
struct Head {
    bits: u64,
    count: usize,
}

impl Head {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.bits |= u64::from(byte) << (8 * self.count);
        self.count += 1;
    }

    #[inline]
    fn opcode(op: Opcode, reg: u8, index: u8, rm: u8) -> Head {
        let mut head = Head::default();
        if op.prefix != 0 {
            head.push(op.prefix);
        }
        let rex = 0x40 | u8::from(op.rex_w) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3;
        let is_needed = rex != 0x40 || (op.byte_reg && reg >= 4) || (op.byte_rm && rm >= 4);
        if is_needed {
            head.push(rex);
        }
        match op.map {
            Map::One => {}
            Map::Two => head.push(0x0f),
            Map::Three38 => {
                head.push(0x0f);
                head.push(0x38);
            }
            Map::Three3a => {
                head.push(0x0f);
                head.push(0x3a);
            }
        }
        head.push(op.code);
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
    #[inline]
    pub(super) fn rm(&mut self, op: Opcode, reg: u8, mem: Mem) {
        self.buffer.reserve();
        let base = mem.base.0;
        let index = mem.index.map_or(0, |index| index.0);
        let mut head = if op.byte_rm {
            Head::opcode(Opcode { byte_rm: false, ..op }, reg, index, base)
        } else {
            Head::opcode(op, reg, index, base)
        };
        // Without a displacement rbp and r13 mean something else; rsp and r12 stand for "there is another byte".
        let (mode, bytes) = match mem.displacement {
            0 if base & 7 != 5 => (0x00, 0),
            -128..=127 => (0x40, 1),
            _ => (0x80, 4),
        };
        let reg = (reg & 7) << 3;
        if let Some(index) = mem.index {
            head.push(mode | reg | 4);
            head.push(mem.scale << 6 | (index.0 & 7) << 3 | base & 7);
        } else if base & 7 == 4 {
            head.push(mode | reg | 4);
            head.push(0x24);
        } else {
            head.push(mode | reg | base & 7);
        }
        self.buffer.put(head.bits, head.count);
        self.buffer.put(u64::from(mem.displacement.cast_unsigned()), bytes);
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
        let head = Head::opcode(Opcode { code: op.code | register & 7, ..op }, 0, 0, register);
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
