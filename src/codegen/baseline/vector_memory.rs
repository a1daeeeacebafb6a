//! Loads and stores of vectors, and of their lanes.

use wasmparser::{MemArg, Operator};

use crate::abi::trap::TrapCode;
use crate::asm::x64::float::Float;
use crate::asm::x64::vector::{Lane, Packed};
use crate::asm::x64::{Mem, Xmm};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{Reg, RegSet};

fn bytes(lane: Lane) -> u64 {
    match lane {
        Lane::L8 => 1,
        Lane::L16 => 2,
        Lane::L32 => 4,
        Lane::L64 => 8,
    }
}

impl Function<'_> {
    pub(super) fn vector_memory_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::V128Load { ref memarg } => {
                self.load_with(memarg, 16, |this, to, mem| this.buffers.asm.vector_load(to, mem))
            }
            Operator::V128Load8x8S { ref memarg } => self.load_widened(memarg, Packed::Pmovsxbw),
            Operator::V128Load8x8U { ref memarg } => self.load_widened(memarg, Packed::Pmovzxbw),
            Operator::V128Load16x4S { ref memarg } => self.load_widened(memarg, Packed::Pmovsxwd),
            Operator::V128Load16x4U { ref memarg } => self.load_widened(memarg, Packed::Pmovzxwd),
            Operator::V128Load32x2S { ref memarg } => self.load_widened(memarg, Packed::Pmovsxdq),
            Operator::V128Load32x2U { ref memarg } => self.load_widened(memarg, Packed::Pmovzxdq),
            Operator::V128Load8Splat { ref memarg } => self.load_splat(memarg, Lane::L8),
            Operator::V128Load16Splat { ref memarg } => self.load_splat(memarg, Lane::L16),
            Operator::V128Load32Splat { ref memarg } => self.load_splat(memarg, Lane::L32),
            Operator::V128Load64Splat { ref memarg } => self.load_widened(memarg, Packed::Movddup),
            Operator::V128Load32Zero { ref memarg } => {
                self.load_with(memarg, 4, |this, to, mem| this.buffers.asm.float_load(Float::F32, to, mem));
            }
            Operator::V128Load64Zero { ref memarg } => {
                self.load_with(memarg, 8, |this, to, mem| this.buffers.asm.float_load(Float::F64, to, mem));
            }
            Operator::V128Load8Lane { ref memarg, lane } => self.load_lane(memarg, Lane::L8, lane),
            Operator::V128Load16Lane { ref memarg, lane } => self.load_lane(memarg, Lane::L16, lane),
            Operator::V128Load32Lane { ref memarg, lane } => self.load_lane(memarg, Lane::L32, lane),
            Operator::V128Load64Lane { ref memarg, lane } => self.load_lane(memarg, Lane::L64, lane),
            Operator::V128Store { ref memarg } => {
                self.store_with(memarg, 16, |this, mem, from| this.buffers.asm.vector_store(mem, from));
            }
            Operator::V128Store8Lane { ref memarg, lane } => self.store_lane(memarg, Lane::L8, lane),
            Operator::V128Store16Lane { ref memarg, lane } => self.store_lane(memarg, Lane::L16, lane),
            Operator::V128Store32Lane { ref memarg, lane } => self.store_lane(memarg, Lane::L32, lane),
            Operator::V128Store64Lane { ref memarg, lane } => self.store_lane(memarg, Lane::L64, lane),
            _ => return false,
        }
        true
    }

    /// The first instruction of `emit` is the access.
    fn load_with(&mut self, memarg: &MemArg, bytes: u64, emit: impl FnOnce(&mut Self, Xmm, Mem)) {
        let Some(place) = self.pop_place(memarg.into(), bytes, RegSet::EMPTY) else { return };
        let to = self.alloc_xmm(RegSet::EMPTY);
        self.note_trap(TrapCode::MemoryOutOfBounds);
        emit(self, to, place);
        self.push_vector(to);
    }

    /// Instructions that read 64 bits.
    fn load_widened(&mut self, memarg: &MemArg, op: Packed) {
        self.load_with(memarg, 8, |this, to, mem| this.buffers.asm.packed_rm(op, to, mem));
    }

    fn load_splat(&mut self, memarg: &MemArg, lane: Lane) {
        self.load_with(memarg, bytes(lane), |this, to, mem| {
            let asm = &mut this.buffers.asm;
            match lane {
                Lane::L32 => asm.float_load(Float::F32, to, mem),
                _ => asm.lane_load(lane, to, mem, 0),
            }
            this.spread(lane, to);
        });
    }

    fn load_lane(&mut self, memarg: &MemArg, lane: Lane, index: u8) {
        let to = self.pop_owned_vector();
        let Some(place) = self.pop_place(memarg.into(), bytes(lane), Reg::from(to).set()) else { return };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        self.buffers.asm.lane_load(lane, to, place, index);
        self.push_vector(to);
    }

    fn store_with(&mut self, memarg: &MemArg, bytes: u64, emit: impl FnOnce(&mut Self, Mem, Xmm)) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let Some(place) = self.pop_place(memarg.into(), bytes, Reg::from(from).set()) else { return };
        self.note_trap(TrapCode::MemoryOutOfBounds);
        emit(self, place, from);
    }

    fn store_lane(&mut self, memarg: &MemArg, lane: Lane, index: u8) {
        self.store_with(memarg, bytes(lane), |this, mem, from| {
            let asm = &mut this.buffers.asm;
            match (lane, index) {
                (Lane::L32, 0) => asm.float_store(Float::F32, mem, from),
                (Lane::L64, 0) => asm.float_store(Float::F64, mem, from),
                _ => asm.lane_store(lane, mem, from, index),
            }
        });
    }
}
