//! Constants, lanes, shuffles and whole-vector logic.

use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn simd_lane_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::V128Const { value } => {
                let constant = self.builder.func.dfg.constants.insert(value.bytes().to_vec().into());
                let vector = self.builder.ins().vconst(I8X16, constant);
                self.push(vector);
            }
            Operator::I8x16Shuffle { lanes } => {
                self.shuffle(lanes);
            }
            Operator::I8x16Swizzle => self.vector_binary(I8X16, |ins, x, y| ins.swizzle(x, y)),
            Operator::I8x16ExtractLaneS { lane } => self.extract_narrow(I8X16, lane, true),
            Operator::I8x16ExtractLaneU { lane } => self.extract_narrow(I8X16, lane, false),
            Operator::I16x8ExtractLaneS { lane } => self.extract_narrow(I16X8, lane, true),
            Operator::I16x8ExtractLaneU { lane } => self.extract_narrow(I16X8, lane, false),
            Operator::I32x4ExtractLane { lane } => self.vector_unary(I32X4, |ins, x| ins.extractlane(x, lane)),
            Operator::I64x2ExtractLane { lane } => self.vector_unary(I64X2, |ins, x| ins.extractlane(x, lane)),
            Operator::F32x4ExtractLane { lane } => self.vector_unary(F32X4, |ins, x| ins.extractlane(x, lane)),
            Operator::F64x2ExtractLane { lane } => self.vector_unary(F64X2, |ins, x| ins.extractlane(x, lane)),
            Operator::I8x16ReplaceLane { lane } => self.replace_narrow(I8X16, lane),
            Operator::I16x8ReplaceLane { lane } => self.replace_narrow(I16X8, lane),
            Operator::I32x4ReplaceLane { lane } => self.replace(I32X4, lane),
            Operator::I64x2ReplaceLane { lane } => self.replace(I64X2, lane),
            Operator::F32x4ReplaceLane { lane } => self.replace(F32X4, lane),
            Operator::F64x2ReplaceLane { lane } => self.replace(F64X2, lane),
            Operator::I8x16Splat => self.splat_narrow(I8X16),
            Operator::I16x8Splat => self.splat_narrow(I16X8),
            Operator::I32x4Splat => self.unary(|ins, x| ins.splat(I32X4, x)),
            Operator::I64x2Splat => self.unary(|ins, x| ins.splat(I64X2, x)),
            Operator::F32x4Splat => self.unary(|ins, x| ins.splat(F32X4, x)),
            Operator::F64x2Splat => self.unary(|ins, x| ins.splat(F64X2, x)),
            Operator::V128Not => self.vector_unary(I8X16, |ins, x| ins.bnot(x)),
            Operator::V128And => self.vector_binary(I8X16, |ins, x, y| ins.band(x, y)),
            Operator::V128AndNot => self.vector_binary(I8X16, |ins, x, y| ins.band_not(x, y)),
            Operator::V128Or => self.vector_binary(I8X16, |ins, x, y| ins.bor(x, y)),
            Operator::V128Xor => self.vector_binary(I8X16, |ins, x, y| ins.bxor(x, y)),
            Operator::V128AnyTrue => self.vector_unary(I8X16, |ins, x| ins.vany_true(x)),
            Operator::V128Bitselect => {
                let mask = self.pop_vector(I8X16);
                self.vector_binary(I8X16, |ins, x, y| ins.bitselect(mask, x, y));
            }
            _ => return false,
        }
        true
    }

    /// Sixteen lanes of two vectors. Compilers fill an operand that no lane is taken from with any vector at hand, often one that the loop has
    /// just computed: it must not be waited for. And one vector takes one instruction.
    fn shuffle(&mut self, lanes: [u8; 16]) {
        let (x, y) = self.pop2_vectors(I8X16);
        let (x, y, lanes) = if lanes.iter().all(|&lane| lane < 16) {
            (x, x, lanes)
        } else if lanes.iter().all(|&lane| lane >= 16) {
            (y, y, lanes.map(|lane| lane - 16))
        } else {
            (x, y, lanes)
        };
        let mask = self.builder.func.dfg.immediates.push(lanes.to_vec().into());
        let vector = self.builder.ins().shuffle(x, y, mask);
        self.push(vector);
    }

    fn splat_narrow(&mut self, ty: Type) {
        let x = self.pop();
        let low = self.builder.ins().ireduce(ty.lane_type(), x);
        let vector = self.builder.ins().splat(ty, low);
        self.push(vector);
    }

    fn extract_narrow(&mut self, ty: Type, lane: u8, signed: bool) {
        let vector = self.pop_vector(ty);
        let scalar = self.builder.ins().extractlane(vector, lane);
        let scalar = if signed { self.builder.ins().sextend(I32, scalar) } else { self.builder.ins().uextend(I32, scalar) };
        self.push(scalar);
    }

    fn replace_narrow(&mut self, ty: Type, lane: u8) {
        let x = self.pop();
        let low = self.builder.ins().ireduce(ty.lane_type(), x);
        self.vector_unary(ty, |ins, vector| ins.insertlane(vector, low, lane));
    }

    fn replace(&mut self, ty: Type, lane: u8) {
        let x = self.pop();
        self.vector_unary(ty, |ins, vector| ins.insertlane(vector, x, lane));
    }
}
