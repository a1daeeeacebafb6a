//! 128-bit arithmetic on pairs of `i64`, the low half first.

use cranelift_codegen::ir::types::I128;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl<'a> Translator<'a> {
    pub(super) fn wide_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::I64Add128 => self.wide(|ins, x, y| ins.iadd(x, y)),
            Operator::I64Sub128 => self.wide(|ins, x, y| ins.isub(x, y)),
            Operator::I64MulWideS => self.multiply_wide(|ins, x| ins.sextend(I128, x)),
            Operator::I64MulWideU => self.multiply_wide(|ins, x| ins.uextend(I128, x)),
            _ => return false,
        }
        true
    }

    fn wide(&mut self, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (y_low, y_high) = self.pop2();
        let (x_low, x_high) = self.pop2();
        let x = self.builder.ins().iconcat(x_low, x_high);
        let y = self.builder.ins().iconcat(y_low, y_high);
        let result = build(self.builder.ins(), x, y);
        self.push_halves(result);
    }

    fn multiply_wide(&mut self, extend: impl Fn(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let (x, y) = self.pop2();
        let x = extend(self.builder.ins(), x);
        let y = extend(self.builder.ins(), y);
        let result = self.builder.ins().imul(x, y);
        self.push_halves(result);
    }

    fn push_halves(&mut self, value: Value) {
        let (low, high) = self.builder.ins().isplit(value);
        self.push(low);
        self.push(high);
    }
}
