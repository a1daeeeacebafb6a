//! Integer arithmetic, logic and comparisons, both widths.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl<'a> Translator<'a> {
    pub(super) fn integer_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::I32Add | Operator::I64Add => self.binary(|ins, x, y| ins.iadd(x, y)),
            Operator::I32Sub | Operator::I64Sub => self.binary(|ins, x, y| ins.isub(x, y)),
            Operator::I32Mul | Operator::I64Mul => self.binary(|ins, x, y| ins.imul(x, y)),
            Operator::I32And | Operator::I64And => self.binary(|ins, x, y| ins.band(x, y)),
            Operator::I32Or | Operator::I64Or => self.binary(|ins, x, y| ins.bor(x, y)),
            Operator::I32Xor | Operator::I64Xor => self.binary(|ins, x, y| ins.bxor(x, y)),
            // Cranelift takes shift amounts modulo the width, as WebAssembly does.
            Operator::I32Shl | Operator::I64Shl => self.binary(|ins, x, y| ins.ishl(x, y)),
            Operator::I32ShrS | Operator::I64ShrS => self.binary(|ins, x, y| ins.sshr(x, y)),
            Operator::I32ShrU | Operator::I64ShrU => self.binary(|ins, x, y| ins.ushr(x, y)),
            Operator::I32Rotl | Operator::I64Rotl => self.binary(|ins, x, y| ins.rotl(x, y)),
            Operator::I32Rotr | Operator::I64Rotr => self.binary(|ins, x, y| ins.rotr(x, y)),
            // Division traps by itself, on zero and on overflow.
            Operator::I32DivS | Operator::I64DivS => self.binary(|ins, x, y| ins.sdiv(x, y)),
            Operator::I32DivU | Operator::I64DivU => self.binary(|ins, x, y| ins.udiv(x, y)),
            Operator::I32RemS | Operator::I64RemS => self.binary(|ins, x, y| ins.srem(x, y)),
            Operator::I32RemU | Operator::I64RemU => self.binary(|ins, x, y| ins.urem(x, y)),
            Operator::I32Clz | Operator::I64Clz => self.unary(|ins, x| ins.clz(x)),
            Operator::I32Ctz | Operator::I64Ctz => self.unary(|ins, x| ins.ctz(x)),
            Operator::I32Popcnt | Operator::I64Popcnt => self.unary(|ins, x| ins.popcnt(x)),
            Operator::I32Eqz | Operator::I64Eqz => self.unary(|ins, x| ins.icmp_imm_u(IntCC::Equal, x, 0)),
            Operator::I32Eq | Operator::I64Eq => self.compare(IntCC::Equal),
            Operator::I32Ne | Operator::I64Ne => self.compare(IntCC::NotEqual),
            Operator::I32LtS | Operator::I64LtS => self.compare(IntCC::SignedLessThan),
            Operator::I32LtU | Operator::I64LtU => self.compare(IntCC::UnsignedLessThan),
            Operator::I32GtS | Operator::I64GtS => self.compare(IntCC::SignedGreaterThan),
            Operator::I32GtU | Operator::I64GtU => self.compare(IntCC::UnsignedGreaterThan),
            Operator::I32LeS | Operator::I64LeS => self.compare(IntCC::SignedLessThanOrEqual),
            Operator::I32LeU | Operator::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            Operator::I32GeS | Operator::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            Operator::I32GeU | Operator::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),
            _ => return false,
        }
        true
    }

    /// One operand, one result; no vectors.
    pub(super) fn unary(&mut self, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let x = self.pop();
        let result = build(self.builder.ins(), x);
        self.push(result);
    }

    /// Two operands, one result; no vectors.
    pub(super) fn binary(&mut self, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop2();
        let result = build(self.builder.ins(), x, y);
        self.push(result);
    }
}
