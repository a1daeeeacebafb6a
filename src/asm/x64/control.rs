//! Jumps, calls and the stack.

use crate::asm::buffer::Label;
use crate::asm::x64::Assembler;
use crate::asm::x64::encode::Opcode;
use crate::asm::x64::operand::{Condition, Mem, Width};
use crate::asm::x64::register::Gpr;

impl Assembler {
    /// A jump.
    pub fn jmp(&mut self, to: Label) {
        self.buffer.reserve();
        if let Some(distance) = self.short_distance(to) {
            self.buffer.put(u64::from(u16::from_le_bytes([0xeb, distance])), 2);
        } else {
            self.buffer.put(0xe9, 1);
            self.buffer.put_displacement(to);
        }
    }

    /// A jump if the condition holds.
    pub fn jcc(&mut self, condition: Condition, to: Label) {
        self.buffer.reserve();
        if let Some(distance) = self.short_distance(to) {
            self.buffer.put(u64::from(u16::from_le_bytes([0x70 | condition as u8, distance])), 2);
        } else {
            self.buffer.put(u64::from(u16::from_le_bytes([0x0f, 0x80 | condition as u8])), 2);
            self.buffer.put_displacement(to);
        }
    }

    /// The displacement of a jump of two bytes to a label behind us that is near.
    fn short_distance(&self, to: Label) -> Option<u8> {
        let target = self.buffer.offset_of(to)?;
        let distance = i64::from(target) - i64::from(self.buffer.offset() + 2);
        i8::try_from(distance).ok().map(i8::cast_unsigned)
    }

    /// A jump to an address.
    pub fn jmp_r(&mut self, to: Gpr) {
        self.rr(Opcode::one(0xff), 4, to.0);
    }

    /// A call of an address.
    pub fn call_r(&mut self, to: Gpr) {
        self.rr(Opcode::one(0xff), 2, to.0);
    }

    /// A call of the address that memory holds.
    pub fn call_m(&mut self, mem: Mem) {
        self.rm(Opcode::one(0xff), 2, mem);
    }

    /// A call of the address that a word near the code holds. Gives the offset of its displacement, which the instruction ends with.
    pub fn call_rip(&mut self) -> u32 {
        self.rip(Opcode::one(0xff), 2)
    }

    /// A jump to the address that a word near the code holds, as above.
    pub fn jmp_rip(&mut self) -> u32 {
        self.rip(Opcode::one(0xff), 4)
    }

    /// The address of something near the code, as above.
    pub fn lea_rip(&mut self, to: Gpr) -> u32 {
        self.rip(Opcode::one(0x8d).with_width(Width::W64), to.0)
    }

    /// The address of a label.
    pub fn lea_label(&mut self, to: Gpr, label: Label) {
        self.rip_label(Opcode::one(0x8d).with_width(Width::W64), to.0, label);
    }

    /// Pushes a register.
    pub fn push(&mut self, register: Gpr) {
        self.opcode_register(Opcode::one(0x50), register.0);
    }

    /// Pops a register.
    pub fn pop(&mut self, register: Gpr) {
        self.opcode_register(Opcode::one(0x58), register.0);
    }

    /// Gives up the frame: rsp is rbp, and rbp is popped.
    pub fn leave(&mut self) {
        self.plain(Opcode::one(0xc9));
    }

    /// Returns, and pops so many bytes of arguments.
    pub fn ret(&mut self, pop_bytes: u16) {
        if pop_bytes == 0 {
            self.plain(Opcode::one(0xc3));
        } else {
            self.plain(Opcode::one(0xc2));
            self.buffer.put(u64::from(pop_bytes), 2);
        }
    }

    /// An instruction that traps.
    pub fn ud2(&mut self) {
        self.plain(Opcode::two(0x0b));
    }
}
