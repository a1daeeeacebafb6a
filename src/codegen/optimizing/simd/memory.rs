//! Loads and stores of vectors and of their lanes.

use cranelift_codegen::ir::types::{F32X4, F64X2, I8, I8X16, I16, I16X8, I32, I32X4, I64, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::{MemArg, Operator};

use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn simd_memory_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::V128Load { ref memarg } => self.load(memarg, 16, |ins, p| ins.load(I8X16, p.flags, p.address, p.offset)),
            Operator::V128Load8x8S { ref memarg } => self.load(memarg, 8, |ins, p| ins.sload8x8(p.flags, p.address, p.offset)),
            Operator::V128Load8x8U { ref memarg } => self.load(memarg, 8, |ins, p| ins.uload8x8(p.flags, p.address, p.offset)),
            Operator::V128Load16x4S { ref memarg } => self.load(memarg, 8, |ins, p| ins.sload16x4(p.flags, p.address, p.offset)),
            Operator::V128Load16x4U { ref memarg } => self.load(memarg, 8, |ins, p| ins.uload16x4(p.flags, p.address, p.offset)),
            Operator::V128Load32x2S { ref memarg } => self.load(memarg, 8, |ins, p| ins.sload32x2(p.flags, p.address, p.offset)),
            Operator::V128Load32x2U { ref memarg } => self.load(memarg, 8, |ins, p| ins.uload32x2(p.flags, p.address, p.offset)),
            Operator::V128Load8Splat { ref memarg } => self.load_splat(memarg, I8X16),
            Operator::V128Load16Splat { ref memarg } => self.load_splat(memarg, I16X8),
            Operator::V128Load32Splat { ref memarg } => self.load_splat(memarg, I32X4),
            Operator::V128Load64Splat { ref memarg } => self.load_splat(memarg, I64X2),
            // Through a float: it is loaded into a vector register, and the rest of that becomes zero.
            Operator::V128Load32Zero { ref memarg } => self.load_zero(memarg, F32X4),
            Operator::V128Load64Zero { ref memarg } => self.load_zero(memarg, F64X2),
            Operator::V128Load8Lane { ref memarg, lane } => self.load_lane(memarg, I8X16, lane),
            Operator::V128Load16Lane { ref memarg, lane } => self.load_lane(memarg, I16X8, lane),
            Operator::V128Load32Lane { ref memarg, lane } => self.load_lane(memarg, I32X4, lane),
            Operator::V128Load64Lane { ref memarg, lane } => self.load_lane(memarg, I64X2, lane),
            Operator::V128Store { ref memarg } => {
                let value = self.pop_raw();
                if let Some(place) = self.pop_place(memarg, 16) {
                    self.builder.ins().store(place.flags, value, place.address, place.offset);
                }
            }
            Operator::V128Store8Lane { ref memarg, lane } => self.store_lane(memarg, I8X16, lane),
            Operator::V128Store16Lane { ref memarg, lane } => self.store_lane(memarg, I16X8, lane),
            Operator::V128Store32Lane { ref memarg, lane } => self.store_lane(memarg, I32X4, lane),
            Operator::V128Store64Lane { ref memarg, lane } => self.store_lane(memarg, I64X2, lane),
            _ => return false,
        }
        true
    }

    fn load_splat(&mut self, memarg: &MemArg, ty: Type) {
        if let Some(place) = self.pop_place(memarg, u64::from(ty.lane_type().bytes())) {
            let scalar = self.builder.ins().load(ty.lane_type(), place.flags, place.address, place.offset);
            let vector = self.builder.ins().splat(ty, scalar);
            self.push(vector);
        }
    }

    fn load_zero(&mut self, memarg: &MemArg, ty: Type) {
        if let Some(place) = self.pop_place(memarg, u64::from(ty.lane_type().bytes())) {
            let scalar = self.builder.ins().load(ty.lane_type(), place.flags, place.address, place.offset);
            let vector = self.builder.ins().scalar_to_vector(ty, scalar);
            self.push(vector);
        }
    }

    fn load_lane(&mut self, memarg: &MemArg, ty: Type, lane: u8) {
        let vector = self.pop_vector(ty);
        if let Some(place) = self.pop_place(memarg, u64::from(ty.lane_type().bytes())) {
            let scalar = self.builder.ins().load(ty.lane_type(), place.flags, place.address, place.offset);
            let vector = self.builder.ins().insertlane(vector, scalar, lane);
            self.push(vector);
        }
    }

    fn store_lane(&mut self, memarg: &MemArg, ty: Type, lane: u8) {
        debug_assert!(matches!(ty.lane_type(), I8 | I16 | I32 | I64));
        let vector = self.pop_vector(ty);
        if let Some(place) = self.pop_place(memarg, u64::from(ty.lane_type().bytes())) {
            let scalar = self.builder.ins().extractlane(vector, lane);
            self.builder.ins().store(place.flags, scalar, place.address, place.offset);
        }
    }
}
