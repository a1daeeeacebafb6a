//! Bounds of linear memory: from an index and a constant offset to an address.
//!
//! | memory | base | check |
//! |---|---|---|
//! | 32-bit, 64 KiB pages, variant *guarded* | constant | none: every index plus a small offset lies in the reservation or its guard |
//! | the same with a large offset | constant | the index, against a constant |
//! | any other | loaded | the index, against the length; none when constants say that it is inside |
//!
//! `end` below is the offset of the byte behind the access, relative to the index. Where the memory's least size covers `end`,
//! the check is `index > length - end`: subtraction cannot wrap, and accesses at one offset share it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, InstructionData, MemFlagsData, Opcode, Value, ValueDef};

use crate::abi::trap::TrapCode;
use crate::base::MemoryIndex;
use crate::base::tuning::{MEMORY_GUARD_BYTES, MEMORY_RESERVATION_BYTES};
use crate::codegen::common::memory::{access_end, is_guarded};
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::{Kind, guest, region, trap_code};
use crate::layout::objects::{MEMORY_BASE, MEMORY_LEN};
use crate::wasm::types::MemoryType;

/// Where to access memory, after all checks.
#[derive(Copy, Clone, Debug)]
pub(super) struct Place {
    pub address: Value,
    pub offset: i32,
    pub flags: MemFlagsData,
}

pub(super) const OUT_OF_BOUNDS: cranelift_codegen::ir::TrapCode = trap_code(TrapCode::MemoryOutOfBounds);

impl Translator<'_> {
    /// The place of `bytes` bytes at `index + offset`. `None` when no memory of this type has it: then the trap is emitted, and
    /// what follows is unreachable.
    pub(super) fn place(&mut self, memory: MemoryIndex, index: Value, offset: u64, bytes: u64) -> Option<Place> {
        let ty = self.module.memories[memory];
        let Some(end) = access_end(&ty, offset, bytes) else {
            self.trap(TrapCode::MemoryOutOfBounds);
            return None;
        };
        let constant = self.constant_of(index);
        let index = self.index64(index, ty.memory64);
        let base = if is_guarded(self.variant, &ty) {
            self.check_guarded(index, end);
            self.vmctx_constant(self.env.layout.memory_base(memory))
        } else {
            let definition = self.vmctx_constant(self.env.layout.memory_def(memory));
            self.check_length(&ty, definition, constant, index, end);
            self.builder.ins().load(I64, self.flags.definitions, definition, offset32(MEMORY_BASE))
        };
        let address = self.builder.ins().iadd(base, index);
        let flags = self.memory_flags(memory);
        Some(match i32::try_from(offset) {
            Ok(offset) => Place { address, offset, flags },
            Err(_) => {
                let address = self.builder.ins().iadd_imm_s(address, offset.cast_signed());
                Place { address, offset: 0, flags }
            }
        })
    }

    /// Everything up to the end of the guard faults by itself.
    fn check_guarded(&mut self, index: Value, end: u64) {
        if end <= MEMORY_GUARD_BYTES {
            return;
        }
        let last = MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES - end;
        let outside = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, index, last.cast_signed());
        self.builder.ins().trapnz(outside, OUT_OF_BOUNDS);
    }

    fn check_length(&mut self, ty: &MemoryType, definition: Value, constant: Option<u64>, index: Value, end: u64) {
        let min_bytes = ty.min.saturating_mul(ty.page_bytes());
        if constant.and_then(|index| index.checked_add(end)).is_some_and(|end| end <= min_bytes) {
            return;
        }
        let length = self.builder.ins().load(I64, self.flags.definitions, definition, offset32(MEMORY_LEN));
        let outside = if end <= min_bytes {
            let last = self.builder.ins().iadd_imm_s(length, end.cast_signed().wrapping_neg());
            self.builder.ins().icmp(IntCC::UnsignedGreaterThan, index, last)
        } else {
            let end = self.builder.ins().iconst(I64, end.cast_signed());
            let end = if ty.memory64 {
                self.builder.ins().uadd_overflow_trap(index, end, OUT_OF_BOUNDS)
            } else {
                self.builder.ins().iadd(index, end)
            };
            self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, length)
        };
        self.builder.ins().trapnz(outside, OUT_OF_BOUNDS);
    }

    /// The value of an integer that is known, unsigned.
    pub(super) fn constant_of(&self, value: Value) -> Option<u64> {
        let dfg = &self.builder.func.dfg;
        let ValueDef::Result(inst, _) = dfg.value_def(value) else { return None };
        match dfg.insts[inst] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
                let bits = imm.bits().cast_unsigned();
                Some(if dfg.value_type(value) == I64 { bits } else { bits & u64::from(u32::MAX) })
            }
            _ => None,
        }
    }

    /// Defined memories are distinct from all others; imported ones may be the same.
    fn memory_flags(&mut self, memory: MemoryIndex) -> MemFlagsData {
        use cranelift_codegen::entity::EntityRef;
        let (kind, nth) = match self.module.is_imported_memory(memory) {
            true => (Kind::ImportedMemories, 0),
            false => (Kind::Memory, memory.index()),
        };
        guest(region(self.builder.func, kind, nth))
    }
}
