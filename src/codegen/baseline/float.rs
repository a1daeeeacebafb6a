//! Floating-point arithmetic and comparisons.

use crate::abi::artifact::Helper;
use crate::asm::x64::float::{FloatBits, FloatOp, Rounding};
use crate::asm::x64::integer::{Alu, Load};
use crate::asm::x64::{Condition, Width, Xmm};
use crate::codegen::baseline::function::{Function, float};
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::Kind;
use crate::wasm::opcode;

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
    /// One that is its opcode.
    #[inline(always)]
    pub(super) fn float_operator(&mut self, operator: u8) -> bool {
        use Kind::{F32, F64};
        match operator {
            opcode::F32_ADD => self.float_binary(FloatOp::Add, F32),
            opcode::F32_SUB => self.float_binary(FloatOp::Sub, F32),
            opcode::F32_MUL => self.float_binary(FloatOp::Mul, F32),
            opcode::F32_DIV => self.float_binary(FloatOp::Div, F32),
            opcode::F64_ADD => self.float_binary(FloatOp::Add, F64),
            opcode::F64_SUB => self.float_binary(FloatOp::Sub, F64),
            opcode::F64_MUL => self.float_binary(FloatOp::Mul, F64),
            opcode::F64_DIV => self.float_binary(FloatOp::Div, F64),
            opcode::F32_MIN => self.float_extreme(FloatOp::Min, F32),
            opcode::F32_MAX => self.float_extreme(FloatOp::Max, F32),
            opcode::F64_MIN => self.float_extreme(FloatOp::Min, F64),
            opcode::F64_MAX => self.float_extreme(FloatOp::Max, F64),
            opcode::F32_COPYSIGN => self.copysign(F32),
            opcode::F64_COPYSIGN => self.copysign(F64),
            opcode::F32_ABS => self.float_mask(FloatBits::And, F32),
            opcode::F64_ABS => self.float_mask(FloatBits::And, F64),
            opcode::F32_NEG => self.float_mask(FloatBits::Xor, F32),
            opcode::F64_NEG => self.float_mask(FloatBits::Xor, F64),
            opcode::F32_SQRT => self.sqrt(F32),
            opcode::F64_SQRT => self.sqrt(F64),
            opcode::F32_CEIL => self.round(Rounding::Ceil, F32),
            opcode::F32_FLOOR => self.round(Rounding::Floor, F32),
            opcode::F32_TRUNC => self.round(Rounding::Trunc, F32),
            opcode::F32_NEAREST => self.round(Rounding::Nearest, F32),
            opcode::F64_CEIL => self.round(Rounding::Ceil, F64),
            opcode::F64_FLOOR => self.round(Rounding::Floor, F64),
            opcode::F64_TRUNC => self.round(Rounding::Trunc, F64),
            opcode::F64_NEAREST => self.round(Rounding::Nearest, F64),
            opcode::F32_EQ => self.float_equal(F32, true),
            opcode::F32_NE => self.float_equal(F32, false),
            opcode::F64_EQ => self.float_equal(F64, true),
            opcode::F64_NE => self.float_equal(F64, false),
            // Only "above" is false where one is not a number.
            opcode::F32_GT => self.float_order(F32, Condition::Above, false),
            opcode::F32_GE => self.float_order(F32, Condition::AboveEqual, false),
            opcode::F32_LT => self.float_order(F32, Condition::Above, true),
            opcode::F32_LE => self.float_order(F32, Condition::AboveEqual, true),
            opcode::F64_GT => self.float_order(F64, Condition::Above, false),
            opcode::F64_GE => self.float_order(F64, Condition::AboveEqual, false),
            opcode::F64_LT => self.float_order(F64, Condition::Above, true),
            opcode::F64_LE => self.float_order(F64, Condition::AboveEqual, true),
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
