//! Conversions between number types.
//!
//! The processor converts to signed integers only, and gives the lowest integer for what does not fit. Conversions convert first, and look
//! at the result; what went wrong is found out of line.

use wasmparser::Operator;

use crate::asm::buffer::Label;
use crate::asm::x64::float::FloatOp;
use crate::asm::x64::integer::{Alu, Load, Shift};
use crate::asm::x64::{Condition, Gpr, Width, Xmm};
use crate::codegen::baseline::function::{Function, StubKind, float, width};
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc};
use crate::wasm::opcode;
use crate::wasm::validate::Features;

/// 2 to the 63rd.
fn two_to_63(kind: Kind) -> u64 {
    if kind == Kind::F64 { 0x43e0_0000_0000_0000 } else { 0x5f00_0000 }
}

impl Function<'_> {
    /// One that is its opcode.
    #[inline(always)]
    pub(super) fn convert_operator(&mut self, operator: u8) -> bool {
        use Kind::{F32, F64, I32, I64};
        match operator {
            opcode::I32_WRAP_I64 => self.wrap(),
            opcode::I64_EXTEND_I32_S => self.extend(Load::WordSigned, I64),
            opcode::I64_EXTEND_I32_U => self.extend_unsigned(),
            opcode::I32_EXTEND8_S => self.extend_sign(Load::ByteSigned(Width::W32), I32),
            opcode::I32_EXTEND16_S => self.extend_sign(Load::HalfSigned(Width::W32), I32),
            opcode::I64_EXTEND8_S => self.extend_sign(Load::ByteSigned(Width::W64), I64),
            opcode::I64_EXTEND16_S => self.extend_sign(Load::HalfSigned(Width::W64), I64),
            opcode::I64_EXTEND32_S => self.extend_sign(Load::WordSigned, I64),
            opcode::F32_CONVERT_I32_S => self.int_to_float(F32, Width::W32),
            opcode::F32_CONVERT_I64_S => self.int_to_float(F32, Width::W64),
            opcode::F64_CONVERT_I32_S => self.int_to_float(F64, Width::W32),
            opcode::F64_CONVERT_I64_S => self.int_to_float(F64, Width::W64),
            // Zero-extended, it is a number of 64 bits that is not negative.
            opcode::F32_CONVERT_I32_U => self.int_to_float(F32, Width::W64),
            opcode::F64_CONVERT_I32_U => self.int_to_float(F64, Width::W64),
            opcode::F32_CONVERT_I64_U => self.u64_to_float(F32),
            opcode::F64_CONVERT_I64_U => self.u64_to_float(F64),
            opcode::F32_DEMOTE_F64 => self.other_format(F64, F32),
            opcode::F64_PROMOTE_F32 => self.other_format(F32, F64),
            opcode::I32_REINTERPRET_F32 => self.reinterpret(F32, I32),
            opcode::I64_REINTERPRET_F64 => self.reinterpret(F64, I64),
            opcode::F32_REINTERPRET_I32 => self.reinterpret(I32, F32),
            opcode::F64_REINTERPRET_I64 => self.reinterpret(I64, F64),
            opcode::I32_TRUNC_F32_S => self.trunc_i32(F32, true),
            opcode::I32_TRUNC_F64_S => self.trunc_i32(F64, true),
            opcode::I32_TRUNC_F32_U => self.trunc_i32(F32, false),
            opcode::I32_TRUNC_F64_U => self.trunc_i32(F64, false),
            opcode::I64_TRUNC_F32_S => self.trunc_i64(F32),
            opcode::I64_TRUNC_F64_S => self.trunc_i64(F64),
            opcode::I64_TRUNC_F32_U => self.trunc_u64(F32),
            opcode::I64_TRUNC_F64_U => self.trunc_u64(F64),
            _ => return false,
        }
        true
    }

    pub(super) fn saturating_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{F32, F64};
        match operator {
            Operator::I32TruncSatF32S => self.trunc_i32_saturating(F32),
            Operator::I32TruncSatF64S => self.trunc_i32_saturating(F64),
            Operator::I32TruncSatF32U => self.trunc_u32_saturating(F32),
            Operator::I32TruncSatF64U => self.trunc_u32_saturating(F64),
            Operator::I64TruncSatF32S => self.trunc_i64_saturating(F32),
            Operator::I64TruncSatF64S => self.trunc_i64_saturating(F64),
            Operator::I64TruncSatF32U => self.trunc_u64_saturating(F32),
            Operator::I64TruncSatF64U => self.trunc_u64_saturating(F64),
            _ => return false,
        }
        true
    }

    fn wrap(&mut self) {
        let value = self.pop();
        match value.loc() {
            Loc::Const(bits) => self.push_i32(bits as u32),
            Loc::Reg(reg) => {
                let to = if self.is_free(reg) { reg.gpr() } else { self.alloc_gpr(reg.set()) };
                self.buffers.asm.mov_rr(Width::W32, to, reg.gpr());
                self.push_gpr(Kind::I32, to);
            }
            Loc::Slot => {
                let to = self.alloc_gpr(RegSet::EMPTY);
                self.buffers.asm.load(Load::Word, to, value.slot());
                self.push_gpr(Kind::I32, to);
            }
        }
    }

    fn extend(&mut self, load: Load, kind: Kind) {
        let from = self.pop_reg(RegSet::EMPTY);
        let to = if self.is_free(from) { from.gpr() } else { self.alloc_gpr(from.set()) };
        self.buffers.asm.extend(load, to, from.gpr());
        self.push_gpr(kind, to);
    }

    /// The same within one type, which is of a proposal.
    fn extend_sign(&mut self, load: Load, kind: Kind) {
        self.detected |= Features::SIGN_EXTENSION;
        self.extend(load, kind);
    }

    /// Registers hold numbers of 32 bits zero-extended.
    fn extend_unsigned(&mut self) {
        let value = self.pop();
        match value.loc() {
            Loc::Const(bits) => self.push(Kind::I64, Loc::Const(bits)),
            _ => {
                let reg = self.in_reg(&value, RegSet::EMPTY);
                self.push(Kind::I64, Loc::Reg(reg));
            }
        }
    }

    /// A register for a conversion's result, cleared, since the processor would wait for its old contents.
    fn fresh_xmm(&mut self, kind: Kind) -> Xmm {
        let to = self.alloc_xmm(RegSet::EMPTY);
        self.load_const(kind, to.into(), 0);
        to
    }

    fn int_to_float(&mut self, kind: Kind, width: Width) {
        let from = self.pop_gpr(RegSet::EMPTY);
        let to = self.fresh_xmm(kind);
        self.buffers.asm.float_from_int(float(kind), width, to, from);
        self.push_xmm(kind, to);
    }

    /// Halves what is beyond signed numbers, with the lowest bit kept for rounding, and doubles the result.
    fn u64_to_float(&mut self, kind: Kind) {
        let from = self.pop_owned(RegSet::EMPTY).gpr();
        let to = self.fresh_xmm(kind);
        let asm = &mut self.buffers.asm;
        let (large, done) = (asm.buffer.new_label(), asm.buffer.new_label());
        asm.test_rr(Width::W64, from, from);
        asm.jcc(Condition::Negative, large);
        asm.float_from_int(float(kind), Width::W64, to, from);
        asm.jmp(done);
        asm.buffer.bind(large);
        asm.mov_rr(Width::W64, SCRATCH, from);
        asm.shift_i(Shift::RightUnsigned, Width::W64, SCRATCH, 1);
        asm.alu_ri(Alu::And, Width::W32, from, 1);
        asm.alu_rr(Alu::Or, Width::W64, SCRATCH, from);
        asm.float_from_int(float(kind), Width::W64, to, SCRATCH);
        asm.float_rr(FloatOp::Add, float(kind), to, to);
        asm.buffer.bind(done);
        self.push_xmm(kind, to);
    }

    fn other_format(&mut self, from_kind: Kind, to_kind: Kind) {
        let reg = self.pop_owned(RegSet::EMPTY).xmm();
        self.buffers.asm.float_convert(float(from_kind), reg, reg);
        self.canonicalize(to_kind, reg);
        self.push_xmm(to_kind, reg);
    }

    /// The same bits in a register of the other sort.
    fn reinterpret(&mut self, from_kind: Kind, to_kind: Kind) {
        let value = self.pop();
        if let Loc::Const(bits) = value.loc() {
            self.push(to_kind, Loc::Const(bits));
            return;
        }
        let to = self.alloc(to_kind, RegSet::EMPTY);
        match value.loc() {
            Loc::Reg(from) if from_kind.is_float_or_vector() => {
                self.buffers.asm.float_to_bits(width(from_kind), to.gpr(), from.xmm())
            }
            Loc::Reg(from) => self.buffers.asm.float_from_bits(width(from_kind), to.xmm(), from.gpr()),
            _ => self.load_reg(to_kind, to, value.slot()),
        }
        self.push(to_kind, Loc::Reg(to));
    }

    // ---- Floats to integers ----

    /// In 64 bits everything fits that fits in 32, signed or not, and nothing else has the same value in both.
    fn trunc_i32(&mut self, kind: Kind, signed: bool) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        self.buffers.asm.float_to_int(float(kind), Width::W64, to, from);
        let asm = &mut self.buffers.asm;
        if signed {
            asm.extend(Load::WordSigned, SCRATCH, to);
        } else {
            asm.mov_rr(Width::W32, SCRATCH, to);
        }
        asm.alu_rr(Alu::Cmp, Width::W64, SCRATCH, to);
        let wrong = self.stub(StubKind::Conversion(float(kind), from));
        self.buffers.asm.jcc(Condition::NotEqual, wrong);
        self.buffers.asm.mov_rr(Width::W32, to, to);
        self.push_gpr(Kind::I32, to);
    }

    /// The lowest integer is what the processor gives for everything that does not fit, and is the right answer for one number.
    fn trunc_i64(&mut self, kind: Kind) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let done = self.buffers.asm.buffer.new_label();
        self.buffers.asm.float_to_int(float(kind), Width::W64, to, from);
        self.buffers.asm.alu_ri(Alu::Cmp, Width::W64, to, 1);
        self.buffers.asm.jcc(Condition::NoOverflow, done);
        self.load_const(kind, FLOAT_SCRATCH.into(), two_to_63(kind) | sign(kind));
        self.buffers.asm.float_compare(float(kind), from, FLOAT_SCRATCH);
        let wrong = self.stub(StubKind::Conversion(float(kind), from));
        self.buffers.asm.jcc(Condition::Parity, wrong);
        self.buffers.asm.jcc(Condition::NotEqual, wrong);
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(Kind::I64, to);
    }

    fn trunc_u64(&mut self, kind: Kind) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let wrong = self.stub(StubKind::Conversion(float(kind), from));
        let done = self.buffers.asm.buffer.new_label();
        self.float_to_u64(kind, to, from, wrong, done);
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(Kind::I64, to);
    }

    /// From 2 to the 63rd on, that much is taken off before and added afterwards. Ends at `done`, or falls out with the result; what does not
    /// fit goes to `wrong`.
    fn float_to_u64(&mut self, kind: Kind, to: Gpr, from: Xmm, wrong: Label, done: Label) {
        let large = self.buffers.asm.buffer.new_label();
        self.load_const(kind, FLOAT_SCRATCH.into(), two_to_63(kind));
        let asm = &mut self.buffers.asm;
        asm.float_compare(float(kind), from, FLOAT_SCRATCH);
        asm.jcc(Condition::Parity, wrong);
        asm.jcc(Condition::AboveEqual, large);
        asm.float_to_int(float(kind), Width::W64, to, from);
        asm.test_rr(Width::W64, to, to);
        asm.jcc(Condition::NotNegative, done);
        asm.jmp(wrong);
        asm.buffer.bind(large);
        // The constant is in the register that may be changed: less the number, and negated. Too large is the lowest integer, which
        // stays negative.
        asm.float_rr(FloatOp::Sub, float(kind), FLOAT_SCRATCH, from);
        asm.float_to_int(float(kind), Width::W64, to, FLOAT_SCRATCH);
        asm.neg(Width::W64, to);
        asm.test_rr(Width::W64, to, to);
        asm.jcc(Condition::Negative, wrong);
        asm.mov_ri(SCRATCH, 1 << 63);
        asm.alu_rr(Alu::Xor, Width::W64, to, SCRATCH);
    }

    /// Ends with the result in a register; `low` for what is too small and not a number, `high` for what is too large.
    fn saturate(&mut self, kind: Kind, to: Gpr, from: Xmm, low: u64, high: u64) {
        let (number, done) = (self.buffers.asm.buffer.new_label(), self.buffers.asm.buffer.new_label());
        self.load_const(kind, FLOAT_SCRATCH.into(), 0);
        let asm = &mut self.buffers.asm;
        asm.float_compare(float(kind), from, FLOAT_SCRATCH);
        asm.jcc(Condition::NoParity, number);
        asm.mov_ri(to, 0);
        asm.jmp(done);
        asm.buffer.bind(number);
        // Constants change no flags.
        asm.mov_ri(to, low);
        asm.jcc(Condition::Below, done);
        asm.mov_ri(to, high);
        asm.buffer.bind(done);
    }

    fn trunc_i32_saturating(&mut self, kind: Kind) {
        let (from, to, done) = self.begin_saturating(kind);
        let asm = &mut self.buffers.asm;
        asm.extend(Load::WordSigned, SCRATCH, to);
        asm.alu_rr(Alu::Cmp, Width::W64, SCRATCH, to);
        asm.jcc(Condition::Equal, done);
        self.saturate(kind, to, from, 1 << 31, (1 << 31) - 1);
        self.buffers.asm.buffer.bind(done);
        self.buffers.asm.mov_rr(Width::W32, to, to);
        self.push_gpr(Kind::I32, to);
    }

    fn trunc_u32_saturating(&mut self, kind: Kind) {
        let (from, to, done) = self.begin_saturating(kind);
        let asm = &mut self.buffers.asm;
        asm.mov_rr(Width::W32, SCRATCH, to);
        asm.alu_rr(Alu::Cmp, Width::W64, SCRATCH, to);
        asm.jcc(Condition::Equal, done);
        self.saturate(kind, to, from, 0, u64::from(u32::MAX));
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(Kind::I32, to);
    }

    fn trunc_i64_saturating(&mut self, kind: Kind) {
        let (from, to, done) = self.begin_saturating(kind);
        self.buffers.asm.alu_ri(Alu::Cmp, Width::W64, to, 1);
        self.buffers.asm.jcc(Condition::NoOverflow, done);
        self.saturate(kind, to, from, 1 << 63, (1 << 63) - 1);
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(Kind::I64, to);
    }

    fn trunc_u64_saturating(&mut self, kind: Kind) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let (wrong, done) = (self.buffers.asm.buffer.new_label(), self.buffers.asm.buffer.new_label());
        self.float_to_u64(kind, to, from, wrong, done);
        self.buffers.asm.jmp(done);
        self.buffers.asm.buffer.bind(wrong);
        self.saturate(kind, to, from, 0, u64::MAX);
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(Kind::I64, to);
    }

    /// Converts to 64 bits.
    fn begin_saturating(&mut self, kind: Kind) -> (Xmm, Gpr, Label) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let done = self.buffers.asm.buffer.new_label();
        self.buffers.asm.float_to_int(float(kind), Width::W64, to, from);
        (from, to, done)
    }
}

fn sign(kind: Kind) -> u64 {
    if kind == Kind::F64 { 1 << 63 } else { 1 << 31 }
}
