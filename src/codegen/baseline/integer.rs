//! Integer arithmetic and comparisons.

use crate::abi::trap::TrapCode;
use crate::asm::x64::integer::{Alu, Bits, Load, Shift};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::codegen::baseline::function::{Function, width};
use crate::codegen::baseline::registers::{Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, Value};
use crate::wasm::opcode;

/// The register of a value that was popped.
pub(super) fn reg_of(value: &Value) -> RegSet {
    if let Loc::Reg(reg) = value.loc() { reg.set() } else { RegSet::EMPTY }
}

/// A value that was popped, as a constant that an instruction can hold.
pub(super) fn imm32(value: &Value) -> Option<i32> {
    match value.loc() {
        Loc::Const(bits) if value.kind().is_wide() => i32::try_from(bits.cast_signed()).ok(),
        Loc::Const(bits) => Some((bits as u32).cast_signed()),
        _ => None,
    }
}

fn is_const(value: &Value) -> bool {
    matches!(value.loc(), Loc::Const(_))
}

const RAX: Gpr = Gpr::RAX;
const RDX: Gpr = Gpr::RDX;
const RCX: Gpr = Gpr::RCX;

impl Function<'_> {
    /// One that is its opcode.
    #[inline(always)]
    pub(super) fn integer_operator(&mut self, operator: u8) -> bool {
        use Condition::*;
        use Kind::{I32, I64};
        match operator {
            opcode::I32_ADD => self.arithmetic(Alu::Add, I32),
            opcode::I32_SUB => self.arithmetic(Alu::Sub, I32),
            opcode::I32_AND => self.arithmetic(Alu::And, I32),
            opcode::I32_OR => self.arithmetic(Alu::Or, I32),
            opcode::I32_XOR => self.arithmetic(Alu::Xor, I32),
            opcode::I64_ADD => self.arithmetic(Alu::Add, I64),
            opcode::I64_SUB => self.arithmetic(Alu::Sub, I64),
            opcode::I64_AND => self.arithmetic(Alu::And, I64),
            opcode::I64_OR => self.arithmetic(Alu::Or, I64),
            opcode::I64_XOR => self.arithmetic(Alu::Xor, I64),
            opcode::I32_EQZ => self.is_zero(I32),
            opcode::I64_EQZ => self.is_zero(I64),
            opcode::I32_EQ => self.compare(Equal, I32),
            opcode::I32_NE => self.compare(NotEqual, I32),
            opcode::I32_LT_S => self.compare(Less, I32),
            opcode::I32_LT_U => self.compare(Below, I32),
            opcode::I32_GT_S => self.compare(Greater, I32),
            opcode::I32_GT_U => self.compare(Above, I32),
            opcode::I32_LE_S => self.compare(LessEqual, I32),
            opcode::I32_LE_U => self.compare(BelowEqual, I32),
            opcode::I32_GE_S => self.compare(GreaterEqual, I32),
            opcode::I32_GE_U => self.compare(AboveEqual, I32),
            opcode::I64_EQ => self.compare(Equal, I64),
            opcode::I64_NE => self.compare(NotEqual, I64),
            opcode::I64_LT_S => self.compare(Less, I64),
            opcode::I64_LT_U => self.compare(Below, I64),
            opcode::I64_GT_S => self.compare(Greater, I64),
            opcode::I64_GT_U => self.compare(Above, I64),
            opcode::I64_LE_S => self.compare(LessEqual, I64),
            opcode::I64_LE_U => self.compare(BelowEqual, I64),
            opcode::I64_GE_S => self.compare(GreaterEqual, I64),
            opcode::I64_GE_U => self.compare(AboveEqual, I64),
            opcode::I32_SHL => self.shift(Shift::Left, I32),
            opcode::I32_SHR_S => self.shift(Shift::RightSigned, I32),
            opcode::I32_SHR_U => self.shift(Shift::RightUnsigned, I32),
            opcode::I32_ROTL => self.shift(Shift::RotateLeft, I32),
            opcode::I32_ROTR => self.shift(Shift::RotateRight, I32),
            opcode::I64_SHL => self.shift(Shift::Left, I64),
            opcode::I64_SHR_S => self.shift(Shift::RightSigned, I64),
            opcode::I64_SHR_U => self.shift(Shift::RightUnsigned, I64),
            opcode::I64_ROTL => self.shift(Shift::RotateLeft, I64),
            opcode::I64_ROTR => self.shift(Shift::RotateRight, I64),
            opcode::I32_MUL => self.multiply(I32),
            opcode::I64_MUL => self.multiply(I64),
            opcode::I32_DIV_S => self.divide(I32, true, false),
            opcode::I32_DIV_U => self.divide(I32, false, false),
            opcode::I32_REM_S => self.divide(I32, true, true),
            opcode::I32_REM_U => self.divide(I32, false, true),
            opcode::I64_DIV_S => self.divide(I64, true, false),
            opcode::I64_DIV_U => self.divide(I64, false, false),
            opcode::I64_REM_S => self.divide(I64, true, true),
            opcode::I64_REM_U => self.divide(I64, false, true),
            opcode::I32_CLZ => self.leading_zeros(I32),
            opcode::I64_CLZ => self.leading_zeros(I64),
            opcode::I32_CTZ => self.trailing_zeros(I32),
            opcode::I64_CTZ => self.trailing_zeros(I64),
            opcode::I32_POPCNT => self.ones(I32),
            opcode::I64_POPCNT => self.ones(I64),
            _ => return false,
        }
        true
    }

    fn arithmetic(&mut self, alu: Alu, kind: Kind) {
        let mut b = self.pop();
        let mut a = self.pop();
        if let (Loc::Const(a), Loc::Const(b)) = (a.loc(), b.loc()) {
            self.push(kind, Loc::Const(folded(alu, kind, a, b)));
            return;
        }
        let is_commutative = alu != Alu::Sub;
        let a_is_free = |function: &Self, value: &Value| matches!(value.loc(), Loc::Reg(reg) if function.is_free(reg));
        // The operand that may be overwritten comes first, and a constant second.
        if is_commutative && (is_const(&a) || (!is_const(&b) && !a_is_free(self, &a) && a_is_free(self, &b))) {
            std::mem::swap(&mut a, &mut b);
        }
        let width = width(kind);
        let first = self.in_reg(&a, reg_of(&b)).gpr();
        let is_free = self.is_free(first.into());
        if let Some(value) = imm32(&b) {
            let negated = if alu == Alu::Sub { value.checked_neg() } else { Some(value) };
            if let (false, Alu::Add | Alu::Sub, Some(value)) = (is_free, alu, negated) {
                let to = self.alloc_gpr(Reg::from(first).set());
                self.buffers.asm.lea(width, to, Mem::at(first, value));
                self.push_gpr(kind, to);
                return;
            }
            let to = self.owned(kind, first.into(), RegSet::EMPTY).gpr();
            self.buffers.asm.alu_ri(alu, width, to, value);
            self.push_gpr(kind, to);
            return;
        }
        if let (false, Alu::Add, Loc::Reg(second)) = (is_free, alu, b.loc()) {
            let to = self.alloc_gpr(Reg::from(first).set().union(second.set()));
            self.buffers.asm.lea(width, to, Mem::indexed(first, second.gpr(), 0, 0));
            self.push_gpr(kind, to);
            return;
        }
        let mut to = first;
        if !is_free || b.loc() == Loc::Reg(first.into()) && alu == Alu::Sub {
            to = self.owned(kind, first.into(), reg_of(&b)).gpr();
        }
        match b.loc() {
            Loc::Reg(second) => self.buffers.asm.alu_rr(alu, width, to, second.gpr()),
            Loc::Slot => self.buffers.asm.alu_rm(alu, width, to, b.slot()),
            Loc::Const(bits) => {
                self.buffers.asm.mov_ri(SCRATCH, bits);
                self.buffers.asm.alu_rr(alu, width, to, SCRATCH);
            }
        }
        self.push_gpr(kind, to);
    }

    fn multiply(&mut self, kind: Kind) {
        let mut b = self.pop();
        let mut a = self.pop();
        if is_const(&a) {
            std::mem::swap(&mut a, &mut b);
        }
        let width = width(kind);
        let first = self.in_reg(&a, reg_of(&b));
        if let Some(value) = imm32(&b) {
            let to = if self.is_free(first) { first.gpr() } else { self.alloc_gpr(first.set()) };
            match value.cast_unsigned() {
                power if power.is_power_of_two() && value > 0 => {
                    if to != first.gpr() {
                        self.buffers.asm.mov_rr(width, to, first.gpr());
                    }
                    self.buffers.asm.shift_i(Shift::Left, width, to, power.trailing_zeros() as u8);
                }
                _ => self.buffers.asm.imul_rri(width, to, first.gpr(), value),
            }
            self.push_gpr(kind, to);
            return;
        }
        let second = self.in_reg(&b, first.set());
        let to = self.owned(kind, first, second.set()).gpr();
        self.buffers.asm.imul_rr(width, to, second.gpr());
        self.push_gpr(kind, to);
    }

    fn is_zero(&mut self, kind: Kind) {
        if let Some(condition) = self.flags.take() {
            self.push_condition(condition.negated());
            return;
        }
        let value = self.pop();
        debug_assert_eq!(value.kind(), kind);
        if let Loc::Const(bits) = value.loc() {
            self.push_i32(u32::from(bits == 0));
            return;
        }
        self.test_zero(&value);
        self.push_condition(Condition::Equal);
    }

    pub(super) fn compare(&mut self, condition: Condition, kind: Kind) {
        let mut b = self.pop();
        let mut a = self.pop();
        let mut condition = condition;
        if is_const(&a) {
            std::mem::swap(&mut a, &mut b);
            condition = condition.swapped();
        }
        let width = width(kind);
        match (a.loc(), b.loc()) {
            (Loc::Slot, _) if imm32(&b).is_some() => {
                self.buffers.asm.alu_mi(Alu::Cmp, width, a.slot(), imm32(&b).unwrap_or(0));
            }
            _ => {
                let first = self.in_reg(&a, reg_of(&b)).gpr();
                match b.loc() {
                    Loc::Reg(second) => self.buffers.asm.alu_rr(Alu::Cmp, width, first, second.gpr()),
                    Loc::Slot => self.buffers.asm.alu_rm(Alu::Cmp, width, first, b.slot()),
                    Loc::Const(0) => self.buffers.asm.test_rr(width, first, first),
                    Loc::Const(bits) => match imm32(&b) {
                        Some(value) => self.buffers.asm.alu_ri(Alu::Cmp, width, first, value),
                        None => {
                            self.buffers.asm.mov_ri(SCRATCH, bits);
                            self.buffers.asm.alu_rr(Alu::Cmp, width, first, SCRATCH);
                        }
                    },
                }
            }
        }
        self.push_condition(condition);
    }

    fn shift(&mut self, shift: Shift, kind: Kind) {
        let count = self.pop();
        let value = self.pop();
        let width = width(kind);
        if let Loc::Const(bits) = count.loc() {
            let reg = self.in_reg(&value, RegSet::EMPTY);
            let to = self.owned(kind, reg, RegSet::EMPTY).gpr();
            self.buffers.asm.shift_i(shift, width, to, bits as u8 & (width.bits() - 1));
            self.push_gpr(kind, to);
            return;
        }
        // The register keeps its contents, which may be one of the two.
        self.free_register(RCX.into());
        let avoid = Reg::from(RCX).set().union(reg_of(&count));
        let mut reg = self.in_reg(&value, avoid);
        if reg == RCX.into() {
            let copy = self.alloc_gpr(avoid);
            self.buffers.asm.mov_rr(width, copy, RCX);
            reg = copy.into();
        } else {
            reg = self.owned(kind, reg, avoid);
        }
        match count.loc() {
            Loc::Reg(from) if from == RCX.into() => {}
            Loc::Reg(from) if from == reg => self.buffers.asm.mov_rr(Width::W32, RCX, from.gpr()),
            Loc::Reg(from) => self.buffers.asm.mov_rr(Width::W32, RCX, from.gpr()),
            _ => self.buffers.asm.load(Load::Word, RCX, count.slot()),
        }
        self.buffers.asm.shift_cl(shift, width, reg.gpr());
        self.push_gpr(kind, reg.gpr());
    }

    /// Quotient in rax and remainder in rdx, of rax and another register.
    fn divide(&mut self, kind: Kind, signed: bool, wants_remainder: bool) {
        let by = self.pop();
        let value = self.pop();
        let width = width(kind);
        self.free_register(RAX.into());
        self.free_register(RDX.into());
        let fixed = Reg::from(RAX).set().union(Reg::from(RDX).set());
        let divisor = match by.loc() {
            Loc::Reg(reg) if !fixed.contains(reg) => reg.gpr(),
            _ => {
                let copy = self.alloc_gpr(fixed.union(reg_of(&value)));
                match by.loc() {
                    Loc::Reg(reg) => self.buffers.asm.mov_rr(width, copy, reg.gpr()),
                    Loc::Const(bits) => self.buffers.asm.mov_ri(copy, bits),
                    Loc::Slot => self.load_reg(kind, copy.into(), by.slot()),
                }
                copy
            }
        };
        self.move_to(&value, RAX);
        if !matches!(by.loc(), Loc::Const(bits) if bits != 0) {
            self.buffers.asm.test_rr(width, divisor, divisor);
            self.trap_if(Condition::Equal, TrapCode::IntegerDivideByZero);
        }
        let done = self.buffers.asm.buffer.new_label();
        if signed && imm32(&by).is_none_or(|by| by == -1) {
            // The processor faults where the quotient by -1 does not fit, also if only the remainder is wanted.
            let usual = self.buffers.asm.buffer.new_label();
            self.buffers.asm.alu_ri(Alu::Cmp, width, divisor, -1);
            self.buffers.asm.jcc(Condition::NotEqual, usual);
            if wants_remainder {
                self.buffers.asm.zero(RDX);
            } else {
                self.buffers.asm.neg(width, RAX);
                self.trap_if(Condition::Overflow, TrapCode::IntegerOverflow);
            }
            self.buffers.asm.jmp(done);
            self.buffers.asm.buffer.bind(usual);
        }
        if signed {
            self.buffers.asm.sign_to_rdx(width);
        } else {
            self.buffers.asm.zero(RDX);
        }
        self.buffers.asm.div(width, signed, divisor);
        self.buffers.asm.buffer.bind(done);
        self.push_gpr(kind, if wants_remainder { RDX } else { RAX });
    }

    fn unary_bits(&mut self, kind: Kind, bits: Bits) -> Gpr {
        let from = self.pop_gpr(RegSet::EMPTY);
        // Not the operand's register: an instruction may leave it as it is.
        let to = self.alloc_gpr(Reg::from(from).set());
        self.buffers.asm.bits(bits, width(kind), to, from);
        to
    }

    fn leading_zeros(&mut self, kind: Kind) {
        if self.cpu.lzcnt {
            let to = self.unary_bits(kind, Bits::LeadingZeros);
            self.push_gpr(kind, to);
            return;
        }
        let last = i32::from(width(kind).bits()) - 1;
        let to = self.unary_bits(kind, Bits::ScanReverse);
        self.buffers.asm.mov_ri(SCRATCH, (2 * last + 1).cast_unsigned().into());
        self.buffers.asm.cmov(Condition::Equal, width(kind), to, SCRATCH);
        self.buffers.asm.alu_ri(Alu::Xor, width(kind), to, last);
        self.push_gpr(kind, to);
    }

    fn trailing_zeros(&mut self, kind: Kind) {
        if self.cpu.bmi1 {
            let to = self.unary_bits(kind, Bits::TrailingZeros);
            self.push_gpr(kind, to);
            return;
        }
        let to = self.unary_bits(kind, Bits::ScanForward);
        self.buffers.asm.mov_ri(SCRATCH, u64::from(width(kind).bits()));
        self.buffers.asm.cmov(Condition::Equal, width(kind), to, SCRATCH);
        self.push_gpr(kind, to);
    }

    fn ones(&mut self, kind: Kind) {
        if self.cpu.popcnt {
            let to = self.unary_bits(kind, Bits::Ones);
            self.push_gpr(kind, to);
            return;
        }
        let sum = self.pop_owned(RegSet::EMPTY);
        let shifted = self.alloc_gpr(sum.set());
        self.add_up_ones(width(kind), sum.gpr(), shifted);
        self.push_gpr(kind, sum.gpr());
    }

    /// Counts in ever wider fields side by side (Warren, *Hacker's Delight*, section 5-1): of 2, 4 and 8 bits, which a product adds up.
    fn add_up_ones(&mut self, width: Width, sum: Gpr, shifted: Gpr) {
        let mask = |bits: u64| if width == Width::W64 { bits } else { bits & u64::from(u32::MAX) };
        let asm = &mut self.buffers.asm;
        asm.mov_rr(width, shifted, sum);
        asm.shift_i(Shift::RightUnsigned, width, shifted, 1);
        asm.mov_ri(SCRATCH, mask(0x5555_5555_5555_5555));
        asm.alu_rr(Alu::And, width, shifted, SCRATCH);
        // Of two bits, the number less its half.
        asm.alu_rr(Alu::Sub, width, sum, shifted);
        asm.mov_ri(SCRATCH, mask(0x3333_3333_3333_3333));
        asm.mov_rr(width, shifted, sum);
        asm.shift_i(Shift::RightUnsigned, width, shifted, 2);
        asm.alu_rr(Alu::And, width, shifted, SCRATCH);
        asm.alu_rr(Alu::And, width, sum, SCRATCH);
        asm.alu_rr(Alu::Add, width, sum, shifted);
        asm.mov_rr(width, shifted, sum);
        asm.shift_i(Shift::RightUnsigned, width, shifted, 4);
        asm.alu_rr(Alu::Add, width, sum, shifted);
        asm.mov_ri(SCRATCH, mask(0x0f0f_0f0f_0f0f_0f0f));
        asm.alu_rr(Alu::And, width, sum, SCRATCH);
        asm.mov_ri(SCRATCH, mask(0x0101_0101_0101_0101));
        asm.imul_rr(width, sum, SCRATCH);
        asm.shift_i(Shift::RightUnsigned, width, sum, width.bits() - 8);
    }
}

fn folded(alu: Alu, kind: Kind, a: u64, b: u64) -> u64 {
    let result = match alu {
        Alu::Add => a.wrapping_add(b),
        Alu::Sub => a.wrapping_sub(b),
        Alu::And => a & b,
        Alu::Or => a | b,
        Alu::Xor => a ^ b,
        // Not of two constants.
        Alu::Adc | Alu::Sbb | Alu::Cmp => 0,
    };
    if kind.is_wide() { result } else { result & u64::from(u32::MAX) }
}
