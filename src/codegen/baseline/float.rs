//! Floating-point arithmetic and comparisons.

use wasmparser::Operator;

use crate::abi::artifact::Helper;
use crate::asm::x64::float::{FloatBits, FloatOp, Rounding};
use crate::asm::x64::integer::{Alu, Load};
use crate::asm::x64::{Condition, Width, Xmm};
use crate::codegen::baseline::function::{Function, float};
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::Kind;

/// The bits of a format: its sign, and its canonical NaN.
fn sign_bit(kind: Kind) -> u64 {
    if kind == Kind::F64 { 1 << 63 } else { 1 << 31 }
}

fn canonical_nan(kind: Kind) -> u64 {
    if kind == Kind::F64 { 0x7ff8_0000_0000_0000 } else { 0x7fc0_0000 }
}

/// What rounds where the processor does not.
fn rounding_helper(rounding: Rounding, kind: Kind) -> Helper {
    match (rounding, kind) {
        (Rounding::Nearest, Kind::F64) => Helper::NearestF64,
        (Rounding::Nearest, _) => Helper::NearestF32,
        (Rounding::Floor, Kind::F64) => Helper::FloorF64,
        (Rounding::Floor, _) => Helper::FloorF32,
        (Rounding::Ceil, Kind::F64) => Helper::CeilF64,
        (Rounding::Ceil, _) => Helper::CeilF32,
        (Rounding::Trunc, Kind::F64) => Helper::TruncF64,
        (Rounding::Trunc, _) => Helper::TruncF32,
    }
}

impl Function<'_> {
    pub(super) fn float_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{F32, F64};
        match operator {
            Operator::F32Add => self.float_binary(FloatOp::Add, F32),
            Operator::F32Sub => self.float_binary(FloatOp::Sub, F32),
            Operator::F32Mul => self.float_binary(FloatOp::Mul, F32),
            Operator::F32Div => self.float_binary(FloatOp::Div, F32),
            Operator::F64Add => self.float_binary(FloatOp::Add, F64),
            Operator::F64Sub => self.float_binary(FloatOp::Sub, F64),
            Operator::F64Mul => self.float_binary(FloatOp::Mul, F64),
            Operator::F64Div => self.float_binary(FloatOp::Div, F64),
            Operator::F32Min => self.float_extreme(FloatOp::Min, F32),
            Operator::F32Max => self.float_extreme(FloatOp::Max, F32),
            Operator::F64Min => self.float_extreme(FloatOp::Min, F64),
            Operator::F64Max => self.float_extreme(FloatOp::Max, F64),
            Operator::F32Copysign => self.copysign(F32),
            Operator::F64Copysign => self.copysign(F64),
            Operator::F32Abs => self.float_mask(FloatBits::And, F32),
            Operator::F64Abs => self.float_mask(FloatBits::And, F64),
            Operator::F32Neg => self.float_mask(FloatBits::Xor, F32),
            Operator::F64Neg => self.float_mask(FloatBits::Xor, F64),
            Operator::F32Sqrt => self.sqrt(F32),
            Operator::F64Sqrt => self.sqrt(F64),
            Operator::F32Ceil => self.round(Rounding::Ceil, F32),
            Operator::F32Floor => self.round(Rounding::Floor, F32),
            Operator::F32Trunc => self.round(Rounding::Trunc, F32),
            Operator::F32Nearest => self.round(Rounding::Nearest, F32),
            Operator::F64Ceil => self.round(Rounding::Ceil, F64),
            Operator::F64Floor => self.round(Rounding::Floor, F64),
            Operator::F64Trunc => self.round(Rounding::Trunc, F64),
            Operator::F64Nearest => self.round(Rounding::Nearest, F64),
            Operator::F32Eq => self.float_equal(F32, true),
            Operator::F32Ne => self.float_equal(F32, false),
            Operator::F64Eq => self.float_equal(F64, true),
            Operator::F64Ne => self.float_equal(F64, false),
            // Only "above" is false where one is not a number.
            Operator::F32Gt => self.float_order(F32, Condition::Above, false),
            Operator::F32Ge => self.float_order(F32, Condition::AboveEqual, false),
            Operator::F32Lt => self.float_order(F32, Condition::Above, true),
            Operator::F32Le => self.float_order(F32, Condition::AboveEqual, true),
            Operator::F64Gt => self.float_order(F64, Condition::Above, false),
            Operator::F64Ge => self.float_order(F64, Condition::AboveEqual, false),
            Operator::F64Lt => self.float_order(F64, Condition::Above, true),
            Operator::F64Le => self.float_order(F64, Condition::AboveEqual, true),
            _ => return false,
        }
        true
    }

    /// The two topmost operands, the first of them in a register that may be changed.
    pub(super) fn pop_2_xmms(&mut self, kind: Kind) -> (Xmm, Xmm) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        let a = self.own_beside(kind, a, b.set());
        (a.xmm(), b.xmm())
    }

    /// Replaces what is not a number by the canonical NaN, if the settings say so.
    pub(super) fn canonicalize(&mut self, kind: Kind, reg: Xmm) {
        if !self.env.settings.canonicalize_nans {
            return;
        }
        let number = self.buffers.asm.buffer.new_label();
        self.buffers.asm.float_compare(float(kind), reg, reg);
        self.buffers.asm.jcc(Condition::NoParity, number);
        self.load_const(kind, reg.into(), canonical_nan(kind));
        self.buffers.asm.buffer.bind(number);
    }

    fn float_binary(&mut self, op: FloatOp, kind: Kind) {
        let (a, b) = self.pop_2_xmms(kind);
        self.buffers.asm.float_rr(op, float(kind), a, b);
        self.canonicalize(kind, a);
        self.push_xmm(kind, a);
    }

    /// The processor's minimum takes the second operand where both are zeros, or one is not a number.
    fn float_extreme(&mut self, op: FloatOp, kind: Kind) {
        let (a, b) = self.pop_2_xmms(kind);
        let asm = &mut self.buffers.asm;
        let (differ, unordered, done) = (asm.buffer.new_label(), asm.buffer.new_label(), asm.buffer.new_label());
        asm.float_compare(float(kind), a, b);
        asm.jcc(Condition::Parity, unordered);
        asm.jcc(Condition::NotEqual, differ);
        // Equal: zeros may have two signs.
        asm.float_bits(if op == FloatOp::Min { FloatBits::Or } else { FloatBits::And }, a, b);
        asm.jmp(done);
        asm.buffer.bind(unordered);
        asm.float_rr(FloatOp::Add, float(kind), a, b);
        asm.jmp(done);
        asm.buffer.bind(differ);
        asm.float_rr(op, float(kind), a, b);
        asm.buffer.bind(done);
        self.canonicalize(kind, a);
        self.push_xmm(kind, a);
    }

    fn copysign(&mut self, kind: Kind) {
        let (a, b) = self.pop_2_xmms(kind);
        self.load_const(kind, FLOAT_SCRATCH.into(), sign_bit(kind));
        let sign = self.alloc_xmm(Reg::from(a).set().union(Reg::from(b).set()));
        let asm = &mut self.buffers.asm;
        asm.movaps_rr(sign, b);
        asm.float_bits(FloatBits::And, sign, FLOAT_SCRATCH);
        asm.float_bits(FloatBits::AndNot, FLOAT_SCRATCH, a);
        asm.float_bits(FloatBits::Or, sign, FLOAT_SCRATCH);
        self.push_xmm(kind, sign);
    }

    /// `abs` clears the sign, `neg` changes it.
    fn float_mask(&mut self, op: FloatBits, kind: Kind) {
        let reg = self.pop_owned(RegSet::EMPTY).xmm();
        let sign = sign_bit(kind);
        let mask = if op == FloatBits::And { sign - 1 } else { sign };
        self.load_const(kind, FLOAT_SCRATCH.into(), mask);
        self.buffers.asm.float_bits(op, reg, FLOAT_SCRATCH);
        self.push_xmm(kind, reg);
    }

    fn sqrt(&mut self, kind: Kind) {
        let reg = self.pop_owned(RegSet::EMPTY).xmm();
        self.buffers.asm.float_rr(FloatOp::Sqrt, float(kind), reg, reg);
        self.canonicalize(kind, reg);
        self.push_xmm(kind, reg);
    }

    fn round(&mut self, rounding: Rounding, kind: Kind) {
        let reg = if self.cpu.sse41 {
            let reg = self.pop_owned(RegSet::EMPTY).xmm();
            self.buffers.asm.float_round(float(kind), rounding, reg, reg);
            reg
        } else {
            self.call_helper(rounding_helper(rounding, kind), kind)
        };
        self.canonicalize(kind, reg);
        self.push_xmm(kind, reg);
    }

    fn float_order(&mut self, kind: Kind, condition: Condition, swap: bool) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        let (first, second) = if swap { (b, a) } else { (a, b) };
        self.buffers.asm.float_compare(float(kind), first.xmm(), second.xmm());
        self.push_condition(condition);
    }

    /// Two flags say it: equal, and both are numbers.
    fn float_equal(&mut self, kind: Kind, equal: bool) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        self.buffers.asm.float_compare(float(kind), a.xmm(), b.xmm());
        let to = self.alloc_gpr(RegSet::EMPTY);
        let asm = &mut self.buffers.asm;
        let (parity, order, both) = match equal {
            true => (Condition::NoParity, Condition::Equal, Alu::And),
            false => (Condition::Parity, Condition::NotEqual, Alu::Or),
        };
        asm.setcc(parity, to);
        asm.setcc(order, SCRATCH);
        asm.alu_rr(both, Width::W32, to, SCRATCH);
        asm.extend(Load::Byte, to, to);
        self.push_gpr(Kind::I32, to);
    }
}
