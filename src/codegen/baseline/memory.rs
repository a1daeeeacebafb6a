//! Linear memory: bounds, loads, stores, and operators on ranges.
//!
//! The same checks as in the optimizing tier: none where a reservation and its guard catch everything, else the end of the access against the
//! memory's length.

use wasmparser::{MemArg, MemArgTarget, Operator};

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::asm::x64::float::Float;
use crate::asm::x64::integer::{Alu, Load, Shift, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::MemoryIndex;
use crate::base::tuning::{MEMORY_GUARD_BYTES, MEMORY_RESERVATION_BYTES};
use crate::codegen::baseline::function::{Function, vmctx};
use crate::codegen::baseline::integer::{imm32, reg_of};
use crate::codegen::baseline::registers::{MEMORY, Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, Value};
use crate::codegen::common::memory::{access_end, is_guarded};
use crate::layout::objects::{MEMORY_BASE, MEMORY_LEN};
use crate::wasm::opcode;
use crate::wasm::types::MemoryType;
use crate::wasm::validate::Features;

/// Of the immediates of an access what counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub memory: u32,
    pub offset: u64,
}

impl From<&MemArg> for Access {
    fn from(memarg: &MemArg) -> Access {
        let memory = match memarg.target {
            MemArgTarget::Memory(memory) => memory,
            // Belongs to a proposal whose operators are not taken.
            MemArgTarget::Array(_) => 0,
        };
        Access { memory, offset: memarg.offset }
    }
}

impl Function<'_> {
    /// A load or store.
    #[inline(always)]
    pub(super) fn access_operator(&mut self, operator: u8, access: Access) {
        use Kind::{F32, F64, I32, I64};
        match operator {
            opcode::I32_LOAD => self.load(access, 4, I32, Load::Word),
            opcode::I64_LOAD => self.load(access, 8, I64, Load::Double),
            opcode::I32_LOAD8_S => self.load(access, 1, I32, Load::ByteSigned(Width::W32)),
            opcode::I32_LOAD8_U => self.load(access, 1, I32, Load::Byte),
            opcode::I32_LOAD16_S => self.load(access, 2, I32, Load::HalfSigned(Width::W32)),
            opcode::I32_LOAD16_U => self.load(access, 2, I32, Load::Half),
            opcode::I64_LOAD8_S => self.load(access, 1, I64, Load::ByteSigned(Width::W64)),
            opcode::I64_LOAD8_U => self.load(access, 1, I64, Load::Byte),
            opcode::I64_LOAD16_S => self.load(access, 2, I64, Load::HalfSigned(Width::W64)),
            opcode::I64_LOAD16_U => self.load(access, 2, I64, Load::Half),
            opcode::I64_LOAD32_S => self.load(access, 4, I64, Load::WordSigned),
            opcode::I64_LOAD32_U => self.load(access, 4, I64, Load::Word),
            opcode::F32_LOAD => self.load_float(access, 4, F32),
            opcode::F64_LOAD => self.load_float(access, 8, F64),
            opcode::I32_STORE => self.store(access, 4, Store::Word),
            opcode::I64_STORE => self.store(access, 8, Store::Double),
            opcode::F32_STORE => self.store_float(access, 4, Float::F32),
            opcode::F64_STORE => self.store_float(access, 8, Float::F64),
            opcode::I32_STORE8 | opcode::I64_STORE8 => self.store(access, 1, Store::Byte),
            opcode::I32_STORE16 | opcode::I64_STORE16 => self.store(access, 2, Store::Half),
            opcode::I64_STORE32 => self.store(access, 4, Store::Word),
            _ => {}
        }
    }

    /// A memory that an operator names.
    pub(super) fn memory(&mut self, index: u32) -> (MemoryIndex, MemoryType) {
        let memory = MemoryIndex::from_u32(index);
        let ty = self.module.memories[memory];
        if index > 0 {
            self.detected |= Features::MULTI_MEMORY;
        }
        if ty.memory64 {
            self.detected |= Features::MEMORY64;
        }
        (memory, ty)
    }

    /// Takes an index off; gives the operand for `bytes` bytes there. `None` when no memory of this type has them: then the trap is
    /// emitted, and what follows is not reached. The operand may be in the scratch register, and in one that nothing holds.
    pub(super) fn pop_place(&mut self, access: Access, bytes: u64, avoid: RegSet) -> Option<Mem> {
        let index = self.pop();
        let (memory, ty) = self.memory(access.memory);
        let Some(end) = access_end(&ty, access.offset, bytes) else {
            self.trap(TrapCode::MemoryOutOfBounds);
            return None;
        };
        if is_guarded(self.variant, &ty) {
            Some(self.guarded_place(memory, &index, access.offset, end, avoid))
        } else {
            Some(self.checked_place(memory, &ty, &index, end, bytes, avoid))
        }
    }

    /// The base of a memory that has a reservation.
    fn memory_base(&mut self, memory: MemoryIndex) -> Gpr {
        if memory.as_u32() == 0 {
            self.uses_memory_base = true;
            return MEMORY;
        }
        self.load_vmctx(SCRATCH, self.env.layout.memory_base(memory));
        SCRATCH
    }

    fn guarded_place(&mut self, memory: MemoryIndex, index: &Value, offset: u64, end: u64, avoid: RegSet) -> Mem {
        let is_far = end > MEMORY_GUARD_BYTES;
        if let (Loc::Const(bits), false) = (index.loc(), is_far)
            && let Ok(displacement) = i32::try_from(bits + offset)
        {
            let base = self.memory_base(memory);
            return Mem::at(base, displacement);
        }
        let reg = self.in_reg(index, avoid).gpr();
        if is_far {
            let last = MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES - end;
            self.buffers.asm.mov_ri(SCRATCH, last);
            self.buffers.asm.alu_rr(Alu::Cmp, Width::W64, reg, SCRATCH);
            self.trap_if(Condition::Above, TrapCode::MemoryOutOfBounds);
        }
        match i32::try_from(offset) {
            Ok(displacement) => {
                let base = self.memory_base(memory);
                Mem::indexed(base, reg, 0, displacement)
            }
            Err(_) => {
                self.buffers.asm.mov_ri(SCRATCH, offset);
                self.buffers.asm.alu_rm(Alu::Add, Width::W64, SCRATCH, vmctx(self.env.layout.memory_base(memory)));
                Mem::indexed(SCRATCH, reg, 0, 0)
            }
        }
    }

    fn checked_place(&mut self, memory: MemoryIndex, ty: &MemoryType, index: &Value, end: u64, bytes: u64, avoid: RegSet) -> Mem {
        let reg = self.in_reg(index, avoid);
        // The end of the access, from which its beginning is not far.
        // What is to be stored may be in the same register.
        let top = if self.is_free(reg) && !avoid.contains(reg) { reg.gpr() } else { self.alloc_gpr(avoid.union(reg.set())) };
        match i32::try_from(end) {
            Ok(end) if !ty.memory64 => self.buffers.asm.lea(Width::W64, top, Mem::at(reg.gpr(), end)),
            _ => {
                self.buffers.asm.mov_ri(SCRATCH, end);
                if top != reg.gpr() {
                    self.buffers.asm.mov_rr(Width::W64, top, reg.gpr());
                }
                self.buffers.asm.alu_rr(Alu::Add, Width::W64, top, SCRATCH);
                if ty.memory64 {
                    self.trap_if(Condition::Below, TrapCode::MemoryOutOfBounds);
                }
            }
        }
        self.load_vmctx(SCRATCH, self.env.layout.memory_def(memory));
        self.buffers.asm.alu_rm(Alu::Cmp, Width::W64, top, Mem::at(SCRATCH, MEMORY_LEN as i32));
        self.trap_if(Condition::Above, TrapCode::MemoryOutOfBounds);
        self.buffers.asm.load(Load::Double, SCRATCH, Mem::at(SCRATCH, MEMORY_BASE as i32));
        Mem::indexed(SCRATCH, top, 0, -(bytes as i32))
    }

    fn load(&mut self, access: Access, bytes: u64, kind: Kind, load: Load) {
        let Some(place) = self.pop_place(access, bytes, RegSet::EMPTY) else { return };
        // The index's register serves again, if it is free.
        let avoid = place.index.map_or(RegSet::EMPTY, |index| Reg::from(index).set());
        let to = match place.index {
            Some(index) if self.is_free(index.into()) => index,
            _ => self.alloc_gpr(avoid),
        };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.load(load, to, place);
        self.push_gpr(kind, to);
    }

    fn load_float(&mut self, access: Access, bytes: u64, kind: Kind) {
        let Some(place) = self.pop_place(access, bytes, RegSet::EMPTY) else { return };
        let to = self.alloc_xmm(RegSet::EMPTY);
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.float_load(if kind == Kind::F64 { Float::F64 } else { Float::F32 }, to, place);
        self.push_xmm(kind, to);
    }

    fn store(&mut self, access: Access, bytes: u64, store: Store) {
        let value = self.pop();
        if let (Loc::Const(bits), true) = (value.loc(), store != Store::Double || imm32(&value).is_some()) {
            let Some(place) = self.pop_place(access, bytes, RegSet::EMPTY) else { return };
            self.note_trap(TrapCode::MemoryOutOfBounds);
            self.buffers.asm.store_imm(store, place, (bits as u32).cast_signed());
            return;
        }
        let reg = match value.loc() {
            Loc::Reg(reg) => reg,
            // The index, below it, is not lost to it.
            _ => self.in_reg(&value, self.top_register()),
        };
        let Some(place) = self.pop_place(access, bytes, reg.set()) else { return };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.store(store, place, reg.gpr());
    }

    fn store_float(&mut self, access: Access, bytes: u64, float: Float) {
        let value = self.pop_xmm(RegSet::EMPTY);
        let Some(place) = self.pop_place(access, bytes, Reg::from(value).set()) else { return };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.float_store(float, place, value);
    }

    /// The register of the topmost operand, if it is in one.
    pub(super) fn top_register(&self) -> RegSet {
        self.buffers.values.list.last().map_or(RegSet::EMPTY, reg_of)
    }

    // ---- Whole memories ----

    pub(super) fn bulk_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::MemorySize { mem } => {
                let (memory, ty) = self.memory(mem);
                let to = self.alloc_gpr(RegSet::EMPTY);
                self.load_vmctx(to, self.env.layout.memory_def(memory));
                self.buffers.asm.load(Load::Double, to, Mem::at(to, MEMORY_LEN as i32));
                self.buffers.asm.shift_i(Shift::RightUnsigned, Width::W64, to, ty.page_size_log2);
                self.push_size(to, ty.memory64);
            }
            Operator::MemoryGrow { mem } => {
                let (_, ty) = self.memory(mem);
                let kind = if ty.memory64 { Kind::I64 } else { Kind::I32 };
                self.builtin(Builtin::MemoryGrow, &[Some(u64::from(mem)), None], Some(kind));
            }
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryInit { data_index, mem } => {
                let _ = self.memory(mem);
                let both = u64::from(mem) | u64::from(data_index) << 32;
                self.builtin(Builtin::MemoryInit, &[Some(both), None, None, None], None);
            }
            Operator::DataDrop { data_index } => self.builtin(Builtin::DataDrop, &[Some(u64::from(data_index))], None),
            _ => return false,
        }
        true
    }

    /// Pushes a size of 64 bits as the guest has it.
    pub(super) fn push_size(&mut self, reg: Gpr, is_wide: bool) {
        if !is_wide {
            self.buffers.asm.mov_rr(Width::W32, reg, reg);
        }
        self.push_gpr(if is_wide { Kind::I64 } else { Kind::I32 }, reg);
    }

    /// Turns an index in a register into an address, once so many bytes are known to lie there.
    fn check_range(&mut self, memory: MemoryIndex, index: Gpr, length: Gpr, avoid: RegSet) {
        let ty = self.module.memories[memory];
        let definition = self.alloc_gpr(avoid);
        self.buffers.asm.mov_rr(Width::W64, SCRATCH, index);
        self.buffers.asm.alu_rr(Alu::Add, Width::W64, SCRATCH, length);
        if ty.memory64 {
            self.trap_if(Condition::Below, TrapCode::MemoryOutOfBounds);
        }
        self.load_vmctx(definition, self.env.layout.memory_def(memory));
        self.buffers.asm.alu_rm(Alu::Cmp, Width::W64, SCRATCH, Mem::at(definition, MEMORY_LEN as i32));
        self.trap_if(Condition::Above, TrapCode::MemoryOutOfBounds);
        self.buffers.asm.alu_rm(Alu::Add, Width::W64, index, Mem::at(definition, MEMORY_BASE as i32));
    }

    fn memory_copy(&mut self, to: u32, from: u32) {
        let ((to, _), (from, _)) = (self.memory(to), self.memory(from));
        let length = self.pop_owned(self.top_registers(2));
        let source = self.pop_owned(length.set().union(self.top_register()));
        let destination = self.pop_owned(length.set().union(source.set()));
        let all = length.set().union(source.set()).union(destination.set());
        self.check_range(from, source.gpr(), length.gpr(), all);
        self.check_range(to, destination.gpr(), length.gpr(), all);
        for reg in [destination, source, length] {
            self.push(Kind::I64, Loc::Reg(reg));
        }
        self.builtin(Builtin::CopyBytes, &[None, None, None], None);
    }

    fn memory_fill(&mut self, memory: u32) {
        let (memory, _) = self.memory(memory);
        let length = self.pop_owned(self.top_registers(2));
        let byte = self.pop_owned(length.set().union(self.top_register()));
        let address = self.pop_owned(length.set().union(byte.set()));
        let all = length.set().union(byte.set()).union(address.set());
        self.check_range(memory, address.gpr(), length.gpr(), all);
        self.push(Kind::I64, Loc::Reg(address));
        self.push(Kind::I32, Loc::Reg(byte));
        self.push(Kind::I64, Loc::Reg(length));
        self.builtin(Builtin::FillBytes, &[None, None, None], None);
    }

    /// The registers of the topmost operands.
    pub(super) fn top_registers(&self, count: usize) -> RegSet {
        let list = &self.buffers.values.list;
        list[list.len() - count..].iter().fold(RegSet::EMPTY, |set, value| set.union(reg_of(value)))
    }
}
