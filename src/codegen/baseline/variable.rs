//! Locals, globals, constants, `drop` and `select`.

use wasmparser::Operator;

use crate::abi::vmctx::GlobalPlace;
use crate::asm::x64::integer::Load;
use crate::asm::x64::{Condition, Mem};
use crate::base::GlobalIndex;
use crate::codegen::baseline::function::{Function, vmctx, width};
use crate::codegen::baseline::integer::reg_of;
use crate::codegen::baseline::registers::{RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, TRACKED_LOCALS};
use crate::wasm::module::ConstOp;

impl Function<'_> {
    /// Those that are rare, or have an unusual form.
    pub(super) fn variable_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::I64Const { value } => self.push(Kind::I64, Loc::Const(value.cast_unsigned())),
            Operator::TypedSelect { .. } => self.select(),
            _ => return false,
        }
        true
    }

    /// A local in a register is pushed as it is; one in its slot is loaded, and is in the register from then on.
    pub(super) fn local_get(&mut self, local: usize) {
        let value = self.buffers.values.list[local];
        let loc = match value.loc() {
            Loc::Slot => {
                let reg = self.alloc(value.kind(), RegSet::EMPTY);
                self.load_reg(value.kind(), reg, value.slot());
                if local < TRACKED_LOCALS {
                    self.buffers.values.set_loc(local, Loc::Reg(reg));
                    self.buffers.values.list[local].set_saved(true);
                }
                Loc::Reg(reg)
            }
            loc => loc,
        };
        self.push(value.kind(), loc);
    }

    pub(super) fn local_set(&mut self, local: usize) {
        let value = self.pop();
        if local >= TRACKED_LOCALS {
            let mem = self.buffers.values.list[local].slot();
            match value.loc() {
                Loc::Const(bits) => self.store_const(value.kind(), mem, bits),
                _ => {
                    let reg = self.in_reg(&value, RegSet::EMPTY);
                    self.store_reg(value.kind(), mem, reg);
                }
            }
            return;
        }
        let loc = match value.loc() {
            Loc::Slot => Loc::Reg(self.in_reg(&value, RegSet::EMPTY)),
            loc => loc,
        };
        self.buffers.values.set_loc(local, loc);
        self.buffers.values.list[local].set_saved(false);
    }

    pub(super) fn local_tee(&mut self, local: usize) {
        self.local_set(local);
        self.local_get(local);
    }

    // ---- Globals ----

    pub(super) fn global_get(&mut self, global: GlobalIndex) {
        let kind = Kind::of(self.module.globals[global].content);
        if let Some(bits) = self.global_constant(global) {
            self.push(kind, Loc::Const(bits));
            return;
        }
        let reg = self.alloc(kind, RegSet::EMPTY);
        let place = self.global_place(global);
        self.load_reg(kind, reg, place);
        self.push(kind, Loc::Reg(reg));
    }

    pub(super) fn global_set(&mut self, global: GlobalIndex) {
        // The place may take the scratch register, which some constants need.
        let value = self.pop();
        let reg = self.in_reg(&value, RegSet::EMPTY);
        let place = self.global_place(global);
        self.store_reg(value.kind(), place, reg);
    }

    fn global_place(&mut self, global: GlobalIndex) -> Mem {
        match self.env.layout.global(global) {
            GlobalPlace::Cell(offset) => vmctx(offset),
            GlobalPlace::Pointer(offset) => {
                self.buffers.asm.load(Load::Double, SCRATCH, vmctx(offset));
                Mem::at(SCRATCH, 0)
            }
        }
    }

    /// The bits of a global that never changes and is the same in all instances.
    fn global_constant(&self, global: GlobalIndex) -> Option<u64> {
        match self.module.global_constant(global)? {
            ConstOp::I32(value) => Some(u64::from(value.cast_unsigned())),
            ConstOp::I64(value) => Some(value.cast_unsigned()),
            ConstOp::F32(bits) => Some(u64::from(bits)),
            ConstOp::F64(bits) => Some(bits),
            _ => None,
        }
    }

    // ---- Select ----

    pub(super) fn select(&mut self) {
        let condition = match self.flags.take() {
            Some(condition) => condition,
            None => {
                let condition = self.pop();
                self.test_zero(&condition);
                Condition::NotEqual
            }
        };
        let otherwise = self.pop();
        let then = self.pop();
        let kind = then.kind();
        // Loads and constants leave the flags alone, but for zero in a vector register, which does so too.
        let second = self.in_reg(&otherwise, reg_of(&then));
        let first = self.in_reg(&then, second.set());
        let mut to = self.owned(kind, first, second.set());
        if to == second {
            let copy = self.alloc(kind, second.set());
            self.move_reg(kind, copy, to);
            to = copy;
        }
        if kind.is_float_or_vector() {
            let done = self.buffers.asm.buffer.new_label();
            self.buffers.asm.jcc(condition, done);
            self.move_reg(kind, to, second);
            self.buffers.asm.buffer.bind(done);
        } else {
            self.buffers.asm.cmov(condition.negated(), width(kind), to.gpr(), second.gpr());
        }
        self.push(kind, Loc::Reg(to));
    }
}
