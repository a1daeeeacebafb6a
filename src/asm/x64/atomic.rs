//! Atomic instructions: each is one access for all other threads, and a fence.

use crate::asm::x64::Assembler;
use crate::asm::x64::encode::Opcode;
use crate::asm::x64::integer::Store;
use crate::asm::x64::operand::{Mem, Width};
use crate::asm::x64::register::Gpr;

/// The prefix that makes an instruction atomic.
const LOCK: u64 = 0xf0;

/// An opcode for an operand size: the one before is that for bytes.
fn sized(op: Opcode, size: Store) -> Opcode {
    match size {
        Store::Byte => op.one_less().with_byte_reg(),
        Store::Half => op.with_prefix(0x66),
        Store::Word => op,
        Store::Double => op.with_width(Width::W64),
    }
}

impl Assembler {
    /// Exchanges memory and a register. It needs no prefix to be atomic.
    pub fn xchg(&mut self, size: Store, mem: Mem, register: Gpr) {
        self.rm(sized(Opcode::one(0x87), size), register.0, mem);
    }

    /// Adds a register to memory; the register gets what was there.
    pub fn lock_xadd(&mut self, size: Store, mem: Mem, register: Gpr) {
        self.lock();
        self.rm(sized(Opcode::two(0xc1), size), register.0, mem);
    }

    /// Stores a register if memory holds what rax does, and says so with "equal"; else loads rax.
    pub fn lock_cmpxchg(&mut self, size: Store, mem: Mem, register: Gpr) {
        self.lock();
        self.rm(sized(Opcode::two(0xb1), size), register.0, mem);
    }

    fn lock(&mut self) {
        self.buffer.reserve();
        self.buffer.put(LOCK, 1);
    }

    /// All accesses before are done before all accesses behind.
    pub fn mfence(&mut self) {
        self.rr(Opcode::two(0xae), 6, 0);
    }
}
