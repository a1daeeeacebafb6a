//! Conversions between number types.

use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type};
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn convert_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::I32WrapI64 => self.unary(|ins, x| ins.ireduce(I32, x)),
            Operator::I64ExtendI32S => self.unary(|ins, x| ins.sextend(I64, x)),
            Operator::I64ExtendI32U => {
                let value = self.pop();
                let value = self.zero_extend(value);
                self.push(value);
            }
            Operator::I32Extend8S => self.extend(I8, I32),
            Operator::I32Extend16S => self.extend(I16, I32),
            Operator::I64Extend8S => self.extend(I8, I64),
            Operator::I64Extend16S => self.extend(I16, I64),
            Operator::I64Extend32S => self.extend(I32, I64),
            Operator::F32ConvertI32S | Operator::F32ConvertI64S => self.unary(|ins, x| ins.fcvt_from_sint(F32, x)),
            Operator::F32ConvertI32U | Operator::F32ConvertI64U => self.unary(|ins, x| ins.fcvt_from_uint(F32, x)),
            Operator::F64ConvertI32S | Operator::F64ConvertI64S => self.unary(|ins, x| ins.fcvt_from_sint(F64, x)),
            Operator::F64ConvertI32U | Operator::F64ConvertI64U => self.unary(|ins, x| ins.fcvt_from_uint(F64, x)),
            Operator::F32DemoteF64 => self.unary(|ins, x| ins.fdemote(F32, x)),
            Operator::F64PromoteF32 => self.unary(|ins, x| ins.fpromote(F64, x)),
            Operator::I32ReinterpretF32 => self.reinterpret(I32),
            Operator::I64ReinterpretF64 => self.reinterpret(I64),
            Operator::F32ReinterpretI32 => self.reinterpret(F32),
            Operator::F64ReinterpretI64 => self.reinterpret(F64),
            _ => return self.truncate_operator(operator),
        }
        true
    }

    /// Floats to integers: trapping (NaN and overflow have traps of their own) or saturating.
    fn truncate_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::I32TruncF32S | Operator::I32TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I32, x)),
            Operator::I32TruncF32U | Operator::I32TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I32, x)),
            Operator::I64TruncF32S | Operator::I64TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I64, x)),
            Operator::I64TruncF32U | Operator::I64TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I64, x)),
            Operator::I32TruncSatF32S | Operator::I32TruncSatF64S => self.unary(|ins, x| ins.fcvt_to_sint_sat(I32, x)),
            Operator::I32TruncSatF32U | Operator::I32TruncSatF64U => self.unary(|ins, x| ins.fcvt_to_uint_sat(I32, x)),
            Operator::I64TruncSatF32S | Operator::I64TruncSatF64S => self.unary(|ins, x| ins.fcvt_to_sint_sat(I64, x)),
            Operator::I64TruncSatF32U | Operator::I64TruncSatF64U => self.unary(|ins, x| ins.fcvt_to_uint_sat(I64, x)),
            _ => return false,
        }
        true
    }

    fn extend(&mut self, from: Type, to: Type) {
        let x = self.pop();
        let low = self.builder.ins().ireduce(from, x);
        let result = self.builder.ins().sextend(to, low);
        self.push(result);
    }

    fn reinterpret(&mut self, ty: Type) {
        self.unary(|ins, x| ins.bitcast(ty, MemFlagsData::new(), x));
    }
}
