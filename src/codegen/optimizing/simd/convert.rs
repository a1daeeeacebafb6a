//! Lanes of one width from lanes of another: widening, narrowing, pairwise operators, integers and floats.

use cranelift_codegen::ir::types::{F32X4, F64X2, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use super::shape::integer_lanes;
use crate::codegen::optimizing::func::Translator;

/// Which half of the lanes is widened, and how.
#[derive(Copy, Clone, Debug)]
pub(in crate::codegen::optimizing) enum Widening {
    LowSigned,
    HighSigned,
    LowUnsigned,
    HighUnsigned,
}

/// Doubles the width of half of the lanes.
fn widen(ins: FuncInstBuilder<'_, '_>, half: Widening, x: Value) -> Value {
    match half {
        Widening::LowSigned => ins.swiden_low(x),
        Widening::HighSigned => ins.swiden_high(x),
        Widening::LowUnsigned => ins.uwiden_low(x),
        Widening::HighUnsigned => ins.uwiden_high(x),
    }
}

impl Translator<'_> {
    pub(super) fn simd_convert_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        match operator {
            I8x16NarrowI16x8S | I16x8NarrowI32x4S => {
                self.vector_binary(integer_lanes(operator), |ins, x, y| ins.snarrow(x, y));
            }
            I8x16NarrowI16x8U | I16x8NarrowI32x4U => {
                self.vector_binary(integer_lanes(operator), |ins, x, y| ins.unarrow(x, y));
            }
            I16x8ExtAddPairwiseI8x16S | I32x4ExtAddPairwiseI16x8S => {
                self.add_pairs(operator, Widening::LowSigned, Widening::HighSigned);
            }
            I16x8ExtAddPairwiseI8x16U | I32x4ExtAddPairwiseI16x8U => {
                self.add_pairs(operator, Widening::LowUnsigned, Widening::HighUnsigned);
            }
            I32x4DotI16x8S => {
                let (x, y) = self.pop2_vectors(integer_lanes(operator));
                let result = self.dot(x, y);
                self.push(result);
            }
            F32x4ConvertI32x4S => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_sint(F32X4, x)),
            F32x4ConvertI32x4U => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_uint(F32X4, x)),
            F64x2ConvertLowI32x4S => {
                let x = self.pop_vector(I32X4);
                let low = self.builder.ins().swiden_low(x);
                let result = self.builder.ins().fcvt_from_sint(F64X2, low);
                self.push(result);
            }
            F64x2ConvertLowI32x4U => {
                let x = self.pop_vector(I32X4);
                let low = self.builder.ins().uwiden_low(x);
                let result = self.builder.ins().fcvt_from_uint(F64X2, low);
                self.push(result);
            }
            F64x2PromoteLowF32x4 => self.vector_unary(F32X4, |ins, x| ins.fvpromote_low(x)),
            F32x4DemoteF64x2Zero => self.vector_unary(F64X2, |ins, x| ins.fvdemote(x)),
            I32x4TruncSatF32x4S => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x)),
            I32x4TruncSatF32x4U => self.truncate_unsigned(),
            I32x4TruncSatF64x2SZero => self.truncate_wide_signed(|ins, x| ins.fcvt_to_sint_sat(I64X2, x)),
            I32x4TruncSatF64x2UZero => self.truncate_wide_unsigned(),
            _ => match (extension(operator), product(operator)) {
                (Some(half), _) => self.vector_unary(integer_lanes(operator), |ins, x| widen(ins, half, x)),
                (_, Some(half)) => {
                    let (x, y) = self.pop2_vectors(integer_lanes(operator));
                    let x = widen(self.builder.ins(), half, x);
                    let y = widen(self.builder.ins(), half, y);
                    let result = self.builder.ins().imul(x, y);
                    self.push(result);
                }
                (None, None) => return false,
            },
        }
        true
    }

    fn add_pairs(&mut self, operator: &Operator<'_>, low: Widening, high: Widening) {
        let x = self.pop_vector(integer_lanes(operator));
        let low = widen(self.builder.ins(), low, x);
        let high = widen(self.builder.ins(), high, x);
        let result = self.builder.ins().iadd_pairwise(low, high);
        self.push(result);
    }

    /// Products of signed lanes in double width, neighbours added.
    pub(in crate::codegen::optimizing) fn dot(&mut self, x: Value, y: Value) -> Value {
        let (low, high) = self.products(x, y);
        self.builder.ins().iadd_pairwise(low, high)
    }

    /// Products of signed lanes in double width: those of the low lanes, those of the high ones.
    pub(in crate::codegen::optimizing) fn products(&mut self, x: Value, y: Value) -> (Value, Value) {
        let mut half = |half| {
            let x = widen(self.builder.ins(), half, x);
            let y = widen(self.builder.ins(), half, y);
            self.builder.ins().imul(x, y)
        };
        (half(Widening::LowSigned), half(Widening::HighSigned))
    }

    /// Saturating; also the relaxed form, which has no better one here.
    pub(in crate::codegen::optimizing) fn truncate_unsigned(&mut self) {
        self.vector_unary(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x));
    }

    /// Two `f64` to two `i32`, zeros behind them.
    pub(in crate::codegen::optimizing) fn truncate_wide_signed(
        &mut self,
        convert: impl FnOnce(FuncInstBuilder<'_, '_>, Value) -> Value,
    ) {
        let x = self.pop_vector(F64X2);
        let wide = convert(self.builder.ins(), x);
        let zero = self.zero_vector(I64X2);
        let result = self.builder.ins().snarrow(wide, zero);
        self.push(result);
    }

    /// Two `f64` to two unsigned `i32`, zeros behind them.
    pub(in crate::codegen::optimizing) fn truncate_wide_unsigned(&mut self) {
        let x = self.pop_vector(F64X2);
        let wide = self.builder.ins().fcvt_to_uint_sat(I64X2, x);
        let zero = self.zero_vector(I64X2);
        let result = self.builder.ins().uunarrow(wide, zero);
        self.push(result);
    }
}

/// How an `extend` operator widens.
fn extension(operator: &Operator<'_>) -> Option<Widening> {
    use Operator::*;
    Some(match operator {
        I16x8ExtendLowI8x16S | I32x4ExtendLowI16x8S | I64x2ExtendLowI32x4S => Widening::LowSigned,
        I16x8ExtendHighI8x16S | I32x4ExtendHighI16x8S | I64x2ExtendHighI32x4S => Widening::HighSigned,
        I16x8ExtendLowI8x16U | I32x4ExtendLowI16x8U | I64x2ExtendLowI32x4U => Widening::LowUnsigned,
        I16x8ExtendHighI8x16U | I32x4ExtendHighI16x8U | I64x2ExtendHighI32x4U => Widening::HighUnsigned,
        _ => return None,
    })
}

/// How an `extmul` operator widens its operands.
fn product(operator: &Operator<'_>) -> Option<Widening> {
    use Operator::*;
    Some(match operator {
        I16x8ExtMulLowI8x16S | I32x4ExtMulLowI16x8S | I64x2ExtMulLowI32x4S => Widening::LowSigned,
        I16x8ExtMulHighI8x16S | I32x4ExtMulHighI16x8S | I64x2ExtMulHighI32x4S => Widening::HighSigned,
        I16x8ExtMulLowI8x16U | I32x4ExtMulLowI16x8U | I64x2ExtMulLowI32x4U => Widening::LowUnsigned,
        I16x8ExtMulHighI8x16U | I32x4ExtMulHighI16x8U | I64x2ExtMulHighI32x4U => Widening::HighUnsigned,
        _ => return None,
    })
}
