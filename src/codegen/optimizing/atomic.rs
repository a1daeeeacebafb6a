//! Atomic access, all of it sequentially consistent. An access that is not aligned traps before one that is out of bounds.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value};
use wasmparser::{MemArg, Operator};

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::regions::trap_code;

/// The address of an atomic access, after all checks.
struct Cell {
    address: Value,
    flags: MemFlagsData,
}

impl Translator<'_> {
    pub(super) fn atomic_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::AtomicFence { .. } => {
                self.builder.ins().fence();
            }
            Operator::MemoryAtomicNotify { ref memarg } => {
                let count = self.pop();
                let (memory, address) = self.pop_waiter_address(memarg, 4);
                let woken = self.call_builtin_value(Builtin::AtomicNotify, &[memory, address, count]);
                self.push(woken);
            }
            Operator::MemoryAtomicWait32 { ref memarg } => self.wait(memarg, 4, Builtin::AtomicWait32),
            Operator::MemoryAtomicWait64 { ref memarg } => self.wait(memarg, 8, Builtin::AtomicWait64),
            Operator::I32AtomicLoad { ref memarg } => self.atomic_load(memarg, I32, I32),
            Operator::I64AtomicLoad { ref memarg } => self.atomic_load(memarg, I64, I64),
            Operator::I32AtomicLoad8U { ref memarg } => self.atomic_load(memarg, I8, I32),
            Operator::I32AtomicLoad16U { ref memarg } => self.atomic_load(memarg, I16, I32),
            Operator::I64AtomicLoad8U { ref memarg } => self.atomic_load(memarg, I8, I64),
            Operator::I64AtomicLoad16U { ref memarg } => self.atomic_load(memarg, I16, I64),
            Operator::I64AtomicLoad32U { ref memarg } => self.atomic_load(memarg, I32, I64),
            Operator::I32AtomicStore { ref memarg } => self.atomic_store(memarg, I32),
            Operator::I64AtomicStore { ref memarg } => self.atomic_store(memarg, I64),
            Operator::I32AtomicStore8 { ref memarg } | Operator::I64AtomicStore8 { ref memarg } => self.atomic_store(memarg, I8),
            Operator::I32AtomicStore16 { ref memarg } | Operator::I64AtomicStore16 { ref memarg } => {
                self.atomic_store(memarg, I16);
            }
            Operator::I64AtomicStore32 { ref memarg } => self.atomic_store(memarg, I32),
            Operator::I32AtomicRmwCmpxchg { ref memarg } => self.exchange_if_equal(memarg, I32, I32),
            Operator::I64AtomicRmwCmpxchg { ref memarg } => self.exchange_if_equal(memarg, I64, I64),
            Operator::I32AtomicRmw8CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, I8, I32),
            Operator::I32AtomicRmw16CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, I16, I32),
            Operator::I64AtomicRmw8CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, I8, I64),
            Operator::I64AtomicRmw16CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, I16, I64),
            Operator::I64AtomicRmw32CmpxchgU { ref memarg } => self.exchange_if_equal(memarg, I32, I64),
            _ => match modification(operator) {
                Some((operation, memarg, access, value)) => self.modify(operation, memarg, access, value),
                None => return false,
            },
        }
        true
    }

    fn atomic_load(&mut self, memarg: &MemArg, access: Type, value: Type) {
        if let Some(cell) = self.pop_cell(memarg, access) {
            let loaded = self.builder.ins().atomic_load(access, cell.flags, cell.address);
            self.push_extended(loaded, value);
        }
    }

    fn atomic_store(&mut self, memarg: &MemArg, access: Type) {
        let value = self.pop_narrowed(access);
        if let Some(cell) = self.pop_cell(memarg, access) {
            self.builder.ins().atomic_store(cell.flags, value, cell.address);
        }
    }

    fn modify(&mut self, operation: AtomicRmwOp, memarg: &MemArg, access: Type, value: Type) {
        let operand = self.pop_narrowed(access);
        if let Some(cell) = self.pop_cell(memarg, access) {
            let old = self.builder.ins().atomic_rmw(access, cell.flags, operation, cell.address, operand);
            self.push_extended(old, value);
        }
    }

    fn exchange_if_equal(&mut self, memarg: &MemArg, access: Type, value: Type) {
        // The expected value is cut to the width of the access, too.
        let replacement = self.pop_narrowed(access);
        let expected = self.pop_narrowed(access);
        if let Some(cell) = self.pop_cell(memarg, access) {
            let old = self.builder.ins().atomic_cas(cell.flags, cell.address, expected, replacement);
            self.push_extended(old, value);
        }
    }

    fn wait(&mut self, memarg: &MemArg, bytes: u64, builtin: Builtin) {
        let (expected, timeout) = self.pop2();
        let (memory, address) = self.pop_waiter_address(memarg, bytes);
        let outcome = self.call_builtin_value(builtin, &[memory, address, expected, timeout]);
        self.push(outcome);
    }

    /// Memory and address for a builtin, which checks the bounds itself.
    fn pop_waiter_address(&mut self, memarg: &MemArg, bytes: u64) -> (Value, Value) {
        let index = self.pop();
        self.check_alignment(index, memarg.offset, bytes);
        let memory = self.memory_of(memarg);
        let memory64 = self.module.memories[memory].memory64;
        let index = self.index64(index, memory64);
        let offset = self.builder.ins().iconst(I64, memarg.offset.cast_signed());
        let address = if memory64 {
            self.builder.ins().uadd_overflow_trap(index, offset, trap_code(TrapCode::MemoryOutOfBounds))
        } else {
            self.builder.ins().iadd(index, offset)
        };
        (self.u32(memory.as_u32()), address)
    }

    fn pop_cell(&mut self, memarg: &MemArg, access: Type) -> Option<Cell> {
        let index = self.pop();
        let bytes = u64::from(access.bytes());
        self.check_alignment(index, memarg.offset, bytes);
        let memory = self.memory_of(memarg);
        let place = self.place(memory, index, memarg.offset, bytes)?;
        let address = self.builder.ins().iadd_imm_s(place.address, i64::from(place.offset));
        Some(Cell { address, flags: place.flags })
    }

    /// Only the lowest bits of the address matter, so the sum may wrap.
    fn check_alignment(&mut self, index: Value, offset: u64, bytes: u64) {
        if bytes == 1 {
            return;
        }
        let mask = bytes - 1;
        let low = self.builder.ins().iadd_imm_u(index, (offset & mask).cast_signed());
        let low = self.builder.ins().band_imm_u(low, mask.cast_signed());
        let unaligned = self.builder.ins().icmp_imm_u(IntCC::NotEqual, low, 0);
        self.builder.ins().trapnz(unaligned, trap_code(TrapCode::UnalignedAtomic));
    }

    fn pop_narrowed(&mut self, access: Type) -> Value {
        let value = self.pop();
        if self.builder.func.dfg.value_type(value) == access { value } else { self.builder.ins().ireduce(access, value) }
    }

    fn push_extended(&mut self, loaded: Value, ty: Type) {
        let loaded = if self.builder.func.dfg.value_type(loaded) == ty { loaded } else { self.builder.ins().uextend(ty, loaded) };
        self.push(loaded);
    }
}

/// What a read-modify-write operator does, and on which types.
fn modification<'o>(operator: &'o Operator<'_>) -> Option<(AtomicRmwOp, &'o MemArg, Type, Type)> {
    macro_rules! table {
        ($($operation:ident: $i32:ident $i64:ident $i32_8:ident $i32_16:ident $i64_8:ident $i64_16:ident $i64_32:ident;)*) => {
            match operator {
                $(
                    Operator::$i32 { memarg } => (AtomicRmwOp::$operation, memarg, I32, I32),
                    Operator::$i64 { memarg } => (AtomicRmwOp::$operation, memarg, I64, I64),
                    Operator::$i32_8 { memarg } => (AtomicRmwOp::$operation, memarg, I8, I32),
                    Operator::$i32_16 { memarg } => (AtomicRmwOp::$operation, memarg, I16, I32),
                    Operator::$i64_8 { memarg } => (AtomicRmwOp::$operation, memarg, I8, I64),
                    Operator::$i64_16 { memarg } => (AtomicRmwOp::$operation, memarg, I16, I64),
                    Operator::$i64_32 { memarg } => (AtomicRmwOp::$operation, memarg, I32, I64),
                )*
                _ => return None,
            }
        };
    }
    Some(table! {
        Add: I32AtomicRmwAdd I64AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU I64AtomicRmw8AddU I64AtomicRmw16AddU I64AtomicRmw32AddU;
        Sub: I32AtomicRmwSub I64AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU I64AtomicRmw8SubU I64AtomicRmw16SubU I64AtomicRmw32SubU;
        And: I32AtomicRmwAnd I64AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU I64AtomicRmw8AndU I64AtomicRmw16AndU I64AtomicRmw32AndU;
        Or: I32AtomicRmwOr I64AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU I64AtomicRmw8OrU I64AtomicRmw16OrU I64AtomicRmw32OrU;
        Xor: I32AtomicRmwXor I64AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU I64AtomicRmw8XorU I64AtomicRmw16XorU I64AtomicRmw32XorU;
        Xchg: I32AtomicRmwXchg I64AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU I64AtomicRmw8XchgU I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
    })
}
