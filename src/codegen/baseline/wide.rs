//! 128-bit arithmetic on pairs of `i64`, the low half first.

use wasmparser::Operator;

use crate::asm::x64::integer::Alu;
use crate::asm::x64::{Gpr, Width};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::integer::reg_of;
use crate::codegen::baseline::registers::{Reg, RegSet};
use crate::codegen::baseline::state::Kind;

impl Function<'_> {
    pub(super) fn wide_operator(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::I64Add128 => self.wide(Alu::Add, Alu::Adc),
            Operator::I64Sub128 => self.wide(Alu::Sub, Alu::Sbb),
            Operator::I64MulWideS => self.multiply_wide(true),
            Operator::I64MulWideU => self.multiply_wide(false),
            _ => return false,
        }
        true
    }

    fn wide(&mut self, low: Alu, high: Alu) {
        let y_high = self.pop_reg(RegSet::EMPTY);
        let y_low = self.pop_reg(y_high.set());
        let y = y_high.set().union(y_low.set());
        let x_high = self.pop_changeable(y);
        let x_low = self.pop_changeable(y.union(x_high.set()));
        self.buffers.asm.alu_rr(low, Width::W64, x_low.gpr(), y_low.gpr());
        self.buffers.asm.alu_rr(high, Width::W64, x_high.gpr(), y_high.gpr());
        self.push_gpr(Kind::I64, x_low.gpr());
        self.push_gpr(Kind::I64, x_high.gpr());
    }

    /// Takes the topmost integer off, into a register that may be changed and is none of those to avoid: two operands that were
    /// popped may be in one register.
    fn pop_changeable(&mut self, avoid: RegSet) -> Reg {
        let reg = self.pop_owned(avoid);
        if !avoid.contains(reg) {
            return reg;
        }
        let copy = self.alloc(Kind::I64, avoid);
        self.move_reg(Kind::I64, copy, reg);
        copy
    }

    /// The low half of the product in rax, the high half in rdx.
    fn multiply_wide(&mut self, signed: bool) {
        let by = self.pop();
        let value = self.pop();
        // The registers keep their contents, which may be the two.
        self.free_register(Gpr::RAX.into());
        self.free_register(Gpr::RDX.into());
        let fixed = Reg::from(Gpr::RAX).set().union(Reg::from(Gpr::RDX).set());
        let mut factor = self.in_reg(&by, fixed.union(reg_of(&value)));
        if fixed.contains(factor) {
            let copy = self.alloc(Kind::I64, fixed.union(reg_of(&value)));
            self.move_reg(Kind::I64, copy, factor);
            factor = copy;
        }
        self.move_to(&value, Gpr::RAX);
        self.buffers.asm.mul_wide(Width::W64, signed, factor.gpr());
        self.push_gpr(Kind::I64, Gpr::RAX);
        self.push_gpr(Kind::I64, Gpr::RDX);
    }
}
