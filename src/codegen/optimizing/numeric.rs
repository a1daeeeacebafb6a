//! Floating-point arithmetic and comparisons, both widths.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::FloatCC;
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn numeric_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::F32Add | Operator::F64Add => self.binary(|ins, x, y| ins.fadd(x, y)),
            Operator::F32Sub | Operator::F64Sub => self.binary(|ins, x, y| ins.fsub(x, y)),
            Operator::F32Mul | Operator::F64Mul => self.binary(|ins, x, y| ins.fmul(x, y)),
            Operator::F32Div | Operator::F64Div => self.binary(|ins, x, y| ins.fdiv(x, y)),
            Operator::F32Min | Operator::F64Min => self.binary(|ins, x, y| ins.fmin(x, y)),
            Operator::F32Max | Operator::F64Max => self.binary(|ins, x, y| ins.fmax(x, y)),
            Operator::F32Copysign | Operator::F64Copysign => self.binary(|ins, x, y| ins.fcopysign(x, y)),
            Operator::F32Abs | Operator::F64Abs => self.unary(|ins, x| ins.fabs(x)),
            Operator::F32Neg | Operator::F64Neg => self.unary(|ins, x| ins.fneg(x)),
            Operator::F32Sqrt | Operator::F64Sqrt => self.unary(|ins, x| ins.sqrt(x)),
            Operator::F32Ceil | Operator::F64Ceil => self.unary(|ins, x| ins.ceil(x)),
            Operator::F32Floor | Operator::F64Floor => self.unary(|ins, x| ins.floor(x)),
            Operator::F32Trunc | Operator::F64Trunc => self.unary(|ins, x| ins.trunc(x)),
            Operator::F32Nearest | Operator::F64Nearest => self.unary(|ins, x| ins.nearest(x)),
            Operator::F32Eq | Operator::F64Eq => self.compare_floats(FloatCC::Equal),
            Operator::F32Ne | Operator::F64Ne => self.compare_floats(FloatCC::NotEqual),
            Operator::F32Lt | Operator::F64Lt => self.compare_floats(FloatCC::LessThan),
            Operator::F32Gt | Operator::F64Gt => self.compare_floats(FloatCC::GreaterThan),
            Operator::F32Le | Operator::F64Le => self.compare_floats(FloatCC::LessThanOrEqual),
            Operator::F32Ge | Operator::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual),
            _ => return false,
        }
        true
    }

    fn compare_floats(&mut self, condition: FloatCC) {
        self.binary(|ins, x, y| ins.fcmp(condition, x, y));
    }
}
