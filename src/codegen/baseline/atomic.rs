//! Atomic access, all of it sequentially consistent. An access that is not aligned traps before one that is out of bounds.
//!
//! Loads are as strong as they need to be when stores are exchanges.

use wasmparser::{MemArg, MemArgTarget, Operator};

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::asm::x64::integer::{Alu, Load, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::integer::reg_of;
use crate::codegen::baseline::registers::{Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc};

/// What a read-modify-write operator does.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Modify {
    Add,
    Sub,
    /// In a loop, as the processor has no instruction that gives the old value.
    Loop(Alu),
    Exchange,
}

const RAX: Gpr = Gpr::RAX;

fn bytes(size: Store) -> u64 {
    match size {
        Store::Byte => 1,
        Store::Half => 2,
        Store::Word => 4,
        Store::Double => 8,
    }
}

/// A load that clears what it does not fill.
fn zero_extending(size: Store) -> Load {
    match size {
        Store::Byte => Load::Byte,
        Store::Half => Load::Half,
        Store::Word => Load::Word,
        Store::Double => Load::Double,
    }
}

fn width(size: Store) -> Width {
    if size == Store::Double { Width::W64 } else { Width::W32 }
}

impl Function<'_> {
    pub(super) fn atomic_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{I32, I64};
        use Store::{Byte, Double, Half, Word};
        match *operator {
            Operator::AtomicFence { .. } => self.buffers.asm.mfence(),
            Operator::MemoryAtomicNotify { ref memarg } => {
                let memory = self.waiter_address(memarg, 4, 1);
                self.builtin(Builtin::AtomicNotify, &[Some(memory), None, None], Some(I32));
            }
            Operator::MemoryAtomicWait32 { ref memarg } => self.wait(memarg, 4, Builtin::AtomicWait32),
            Operator::MemoryAtomicWait64 { ref memarg } => self.wait(memarg, 8, Builtin::AtomicWait64),
            Operator::I32AtomicLoad { ref memarg } => self.atomic_load(memarg, Word, I32),
            Operator::I64AtomicLoad { ref memarg } => self.atomic_load(memarg, Double, I64),
            Operator::I32AtomicLoad8U { ref memarg } => self.atomic_load(memarg, Byte, I32),
            Operator::I32AtomicLoad16U { ref memarg } => self.atomic_load(memarg, Half, I32),
            Operator::I64AtomicLoad8U { ref memarg } => self.atomic_load(memarg, Byte, I64),
            Operator::I64AtomicLoad16U { ref memarg } => self.atomic_load(memarg, Half, I64),
            Operator::I64AtomicLoad32U { ref memarg } => self.atomic_load(memarg, Word, I64),
            Operator::I32AtomicStore { ref memarg } | Operator::I64AtomicStore32 { ref memarg } => {
                self.atomic_store(memarg, Word)
            }
            Operator::I64AtomicStore { ref memarg } => self.atomic_store(memarg, Double),
            Operator::I32AtomicStore8 { ref memarg } | Operator::I64AtomicStore8 { ref memarg } => {
                self.atomic_store(memarg, Byte)
            }
            Operator::I32AtomicStore16 { ref memarg } | Operator::I64AtomicStore16 { ref memarg } => {
                self.atomic_store(memarg, Half)
            }
            Operator::I32AtomicRmwCmpxchg { ref memarg } => self.exchange_if_equal(memarg, Word, I32),
            Operator::I64AtomicRmwCmpxchg { ref memarg } => self.exchange_if_equal(memarg, Double, I64),
            Operator::I32AtomicRmw8CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, Byte, I32),
            Operator::I32AtomicRmw16CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, Half, I32),
            Operator::I64AtomicRmw8CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, Byte, I64),
            Operator::I64AtomicRmw16CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, Half, I64),
            Operator::I64AtomicRmw32CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, Word, I64),
            _ => match modification(operator) {
                Some((Modify::Loop(alu), memarg, size, kind)) => self.modify_in_loop(alu, memarg, size, kind),
                Some((modify, memarg, size, kind)) => self.modify(modify, memarg, size, kind),
                None => return false,
            },
        }
        true
    }

    /// Traps unless the address of an access is a multiple of its size. Only the lowest bits matter, so the sum may wrap.
    fn check_alignment(&mut self, index: usize, offset: u64, bytes: u64) {
        if bytes == 1 {
            return;
        }
        let value = self.buffers.values.list[index];
        let mask = bytes as i32 - 1;
        let low = (offset as i32) & mask;
        let asm = &mut self.buffers.asm;
        match value.loc() {
            Loc::Const(bits) => asm.mov_ri(SCRATCH, bits & 0xff),
            Loc::Slot => asm.load(Load::Word, SCRATCH, value.slot()),
            Loc::Reg(reg) if low == 0 => {
                asm.test_ri(Width::W32, reg.gpr(), mask);
                return self.trap_if(Condition::NotEqual, TrapCode::UnalignedAtomic);
            }
            Loc::Reg(reg) => asm.mov_rr(Width::W32, SCRATCH, reg.gpr()),
        }
        if low != 0 {
            asm.alu_ri(Alu::Add, Width::W32, SCRATCH, low);
        }
        asm.test_ri(Width::W32, SCRATCH, mask);
        self.trap_if(Condition::NotEqual, TrapCode::UnalignedAtomic);
    }

    /// Takes an index off; gives the operand for the access, after all checks. The next instruction may trap.
    fn pop_cell(&mut self, memarg: &MemArg, size: Store, avoid: RegSet) -> Option<Mem> {
        self.check_alignment(self.buffers.values.list.len() - 1, memarg.offset, bytes(size));
        self.pop_place(memarg.into(), bytes(size), avoid)
    }

    fn atomic_load(&mut self, memarg: &MemArg, size: Store, kind: Kind) {
        let Some(place) = self.pop_cell(memarg, size, RegSet::EMPTY) else { return };
        let to = self.alloc_gpr(place.index.map_or(RegSet::EMPTY, |index| Reg::from(index).set()));
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.load(zero_extending(size), to, place);
        self.push_gpr(kind, to);
    }

    fn atomic_store(&mut self, memarg: &MemArg, size: Store) {
        let value = self.pop_owned(self.top_register());
        let Some(place) = self.pop_cell(memarg, size, value.set()) else { return };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.xchg(size, place, value.gpr());
    }

    /// Pushes what an instruction of some size has left in a register.
    fn push_old(&mut self, kind: Kind, size: Store, reg: Gpr) {
        if size != Store::Double {
            self.buffers.asm.extend(zero_extending(size), reg, reg);
        }
        self.push_gpr(kind, reg);
    }

    fn modify(&mut self, modify: Modify, memarg: &MemArg, size: Store, kind: Kind) {
        let value = self.pop_owned(self.top_register());
        let Some(place) = self.pop_cell(memarg, size, value.set()) else { return };
        if modify == Modify::Sub {
            self.buffers.asm.neg(width(size), value.gpr());
        }
        self.note_trap(TrapCode::MemoryOutOfBounds);
        match modify {
            Modify::Exchange => self.buffers.asm.xchg(size, place, value.gpr()),
            _ => self.buffers.asm.lock_xadd(size, place, value.gpr()),
        }
        self.push_old(kind, size, value.gpr());
    }

    fn modify_in_loop(&mut self, alu: Alu, memarg: &MemArg, size: Store, kind: Kind) {
        let rax = Reg::from(RAX).set();
        // Before anything is taken off: what was there is in its slot then.
        self.free_register(RAX.into());
        let value = self.pop_reg(rax.union(self.top_register()));
        let Some(place) = self.pop_cell(memarg, size, rax.union(value.set())) else { return };
        let new = self.alloc_gpr(rax.union(value.set()).union(place.index.map_or(RegSet::EMPTY, |index| Reg::from(index).set())));
        self.note_trap(TrapCode::MemoryOutOfBounds);
        let asm = &mut self.buffers.asm;
        asm.load(zero_extending(size), RAX, place);
        let again = asm.buffer.here();
        asm.mov_rr(width(size), new, RAX);
        asm.alu_rr(alu, width(size), new, value.gpr());
        asm.lock_cmpxchg(size, place, new);
        asm.jcc(Condition::NotEqual, again);
        self.push_old(kind, size, RAX);
    }

    fn exchange_if_equal(&mut self, memarg: &MemArg, size: Store, kind: Kind) {
        let rax = Reg::from(RAX).set();
        self.free_register(RAX.into());
        let replacement = self.pop_reg(rax.union(self.top_registers(2)));
        let expected = self.pop();
        let avoid = rax.union(replacement.set()).union(reg_of(&expected));
        let Some(place) = self.pop_cell(memarg, size, avoid) else { return };
        self.move_to(&expected, RAX);
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.lock_cmpxchg(size, place, replacement.gpr());
        // If they were equal, rax has kept what the access has cut off.
        self.push_old(kind, size, RAX);
    }

    fn wait(&mut self, memarg: &MemArg, bytes: u64, builtin: Builtin) {
        let memory = self.waiter_address(memarg, bytes, 2);
        self.builtin(builtin, &[Some(memory), None, None, None], Some(Kind::I32));
    }

    /// Turns the index below some operands into an address, for a builtin, which checks the bounds itself. Gives the memory.
    fn waiter_address(&mut self, memarg: &MemArg, bytes: u64, above: usize) -> u64 {
        let position = self.buffers.values.list.len() - 1 - above;
        self.check_alignment(position, memarg.offset, bytes);
        let (memory, ty) = match memarg.target {
            MemArgTarget::Memory(index) => self.memory(index),
            MemArgTarget::Array(_) => self.memory(0),
        };
        if memarg.offset > 0 {
            let kept: [_; 2] = std::array::from_fn(|nth| (nth < above).then(|| self.pop()));
            let avoid = kept.iter().flatten().fold(RegSet::EMPTY, |set, value| set.union(reg_of(value)));
            let index = self.pop();
            let reg = self.in_reg(&index, avoid);
            let mut address = self.owned(Kind::I64, reg, avoid).gpr();
            if avoid.contains(address.into()) {
                address = self.alloc_gpr(avoid);
                self.buffers.asm.mov_rr(Width::W64, address, reg.gpr());
            }
            self.buffers.asm.mov_ri(SCRATCH, memarg.offset);
            self.buffers.asm.alu_rr(Alu::Add, Width::W64, address, SCRATCH);
            if ty.memory64 {
                self.trap_if(Condition::Below, TrapCode::MemoryOutOfBounds);
            }
            self.push_gpr(Kind::I64, address);
            // They are pushed to where they were: what is in a slot is in the right one.
            for value in kept.into_iter().rev().flatten() {
                self.push(value.kind(), value.loc());
            }
        }
        u64::from(memory.as_u32())
    }
}

/// What a read-modify-write operator does, and on how much.
fn modification<'o>(operator: &'o Operator<'_>) -> Option<(Modify, &'o MemArg, Store, Kind)> {
    use Kind::{I32, I64};
    use Store::{Byte, Double, Half, Word};
    macro_rules! table {
        ($($modify:expr => $i32:ident $i64:ident $i32_8:ident $i32_16:ident $i64_8:ident $i64_16:ident $i64_32:ident;)*) => {
            match operator {
                $(
                    Operator::$i32 { memarg } => ($modify, memarg, Word, I32),
                    Operator::$i64 { memarg } => ($modify, memarg, Double, I64),
                    Operator::$i32_8 { memarg } => ($modify, memarg, Byte, I32),
                    Operator::$i32_16 { memarg } => ($modify, memarg, Half, I32),
                    Operator::$i64_8 { memarg } => ($modify, memarg, Byte, I64),
                    Operator::$i64_16 { memarg } => ($modify, memarg, Half, I64),
                    Operator::$i64_32 { memarg } => ($modify, memarg, Word, I64),
                )*
                _ => return None,
            }
        };
    }
    Some(table! {
        Modify::Add => I32AtomicRmwAdd I64AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU I64AtomicRmw8AddU I64AtomicRmw16AddU I64AtomicRmw32AddU;
        Modify::Sub => I32AtomicRmwSub I64AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU I64AtomicRmw8SubU I64AtomicRmw16SubU I64AtomicRmw32SubU;
        Modify::Loop(Alu::And) => I32AtomicRmwAnd I64AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU I64AtomicRmw8AndU I64AtomicRmw16AndU I64AtomicRmw32AndU;
        Modify::Loop(Alu::Or) => I32AtomicRmwOr I64AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU I64AtomicRmw8OrU I64AtomicRmw16OrU I64AtomicRmw32OrU;
        Modify::Loop(Alu::Xor) => I32AtomicRmwXor I64AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU I64AtomicRmw8XorU I64AtomicRmw16XorU I64AtomicRmw32XorU;
        Modify::Exchange => I32AtomicRmwXchg I64AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU I64AtomicRmw8XchgU I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
    })
}
