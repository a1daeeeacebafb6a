//! Loads and stores.

use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::{MemArg, MemArgTarget, Operator};

use crate::base::MemoryIndex;
use crate::codegen::common::objects;
use crate::codegen::optimizing::bounds::Place;
use crate::codegen::optimizing::func::Translator;
use crate::wasm::validate::Features;

impl<'a> Translator<'a> {
    pub(super) fn memory_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::I32Load { ref memarg } => self.load(memarg, 4, |ins, p| ins.load(I32, p.flags, p.address, p.offset)),
            Operator::I64Load { ref memarg } => self.load(memarg, 8, |ins, p| ins.load(I64, p.flags, p.address, p.offset)),
            Operator::F32Load { ref memarg } => self.load(memarg, 4, |ins, p| ins.load(F32, p.flags, p.address, p.offset)),
            Operator::F64Load { ref memarg } => self.load(memarg, 8, |ins, p| ins.load(F64, p.flags, p.address, p.offset)),
            Operator::I32Load8S { ref memarg } => self.load(memarg, 1, |ins, p| ins.sload8(I32, p.flags, p.address, p.offset)),
            Operator::I32Load8U { ref memarg } => self.load(memarg, 1, |ins, p| ins.uload8(I32, p.flags, p.address, p.offset)),
            Operator::I32Load16S { ref memarg } => self.load(memarg, 2, |ins, p| ins.sload16(I32, p.flags, p.address, p.offset)),
            Operator::I32Load16U { ref memarg } => self.load(memarg, 2, |ins, p| ins.uload16(I32, p.flags, p.address, p.offset)),
            Operator::I64Load8S { ref memarg } => self.load(memarg, 1, |ins, p| ins.sload8(I64, p.flags, p.address, p.offset)),
            Operator::I64Load8U { ref memarg } => self.load(memarg, 1, |ins, p| ins.uload8(I64, p.flags, p.address, p.offset)),
            Operator::I64Load16S { ref memarg } => self.load(memarg, 2, |ins, p| ins.sload16(I64, p.flags, p.address, p.offset)),
            Operator::I64Load16U { ref memarg } => self.load(memarg, 2, |ins, p| ins.uload16(I64, p.flags, p.address, p.offset)),
            Operator::I64Load32S { ref memarg } => self.load(memarg, 4, |ins, p| ins.sload32(p.flags, p.address, p.offset)),
            Operator::I64Load32U { ref memarg } => self.load(memarg, 4, |ins, p| ins.uload32(p.flags, p.address, p.offset)),
            _ => return self.store_operator(operator) || self.bulk_operator(operator),
        }
        true
    }

    fn store_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::I32Store { ref memarg } | Operator::F32Store { ref memarg } => self.store(memarg, 4),
            Operator::I64Store { ref memarg } | Operator::F64Store { ref memarg } => self.store(memarg, 8),
            Operator::I32Store8 { ref memarg } | Operator::I64Store8 { ref memarg } => {
                self.store_with(memarg, 1, |ins, x, p| {
                    ins.istore8(p.flags, x, p.address, p.offset);
                });
            }
            Operator::I32Store16 { ref memarg } | Operator::I64Store16 { ref memarg } => {
                self.store_with(memarg, 2, |ins, x, p| {
                    ins.istore16(p.flags, x, p.address, p.offset);
                });
            }
            Operator::I64Store32 { ref memarg } => {
                self.store_with(memarg, 4, |ins, x, p| {
                    ins.istore32(p.flags, x, p.address, p.offset);
                });
            }
            _ => return false,
        }
        true
    }

    /// A memory that an operator names.
    pub(super) fn memory(&mut self, index: u32) -> MemoryIndex {
        let memory = MemoryIndex::from_u32(index);
        if index > 0 {
            self.state.detected |= Features::MULTI_MEMORY;
        }
        if self.module.memories[memory].memory64 {
            self.state.detected |= Features::MEMORY64;
        }
        memory
    }

    /// The memory of an access.
    pub(super) fn memory_of(&mut self, memarg: &MemArg) -> MemoryIndex {
        match memarg.target {
            MemArgTarget::Memory(index) => self.memory(index),
            // Belongs to a proposal whose operators are not taken.
            MemArgTarget::Array(_) => MemoryIndex::from_u32(0),
        }
    }

    /// An index as an operand of a builtin.
    pub(super) fn u32(&mut self, index: u32) -> Value {
        self.builder.ins().iconst(I32, i64::from(index))
    }

    /// Two indices in one operand, the first in the low half.
    pub(super) fn two_indices(&mut self, low: u32, high: u32) -> Value {
        let both = objects::two_indices(low, high);
        self.builder.ins().iconst(I64, both.cast_signed())
    }

    /// Pops an index and gives the place that it names.
    pub(super) fn pop_place(&mut self, memarg: &MemArg, bytes: u64) -> Option<Place> {
        let index = self.pop();
        let memory = self.memory_of(memarg);
        self.place(memory, index, memarg.offset, bytes)
    }

    pub(super) fn load(&mut self, memarg: &MemArg, bytes: u64, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Place) -> Value) {
        if let Some(place) = self.pop_place(memarg, bytes) {
            let value = build(self.builder.ins(), place);
            self.push(value);
        }
    }

    fn store(&mut self, memarg: &MemArg, bytes: u64) {
        self.store_with(memarg, bytes, |ins, x, p| {
            ins.store(p.flags, x, p.address, p.offset);
        });
    }

    fn store_with(&mut self, memarg: &MemArg, bytes: u64, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Place)) {
        let value = self.pop();
        if let Some(place) = self.pop_place(memarg, bytes) {
            build(self.builder.ins(), value, place);
        }
    }
}
