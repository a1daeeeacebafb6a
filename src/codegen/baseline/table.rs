//! Tables and references.

use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::asm::x64::integer::{Alu, Load, Store};
use crate::asm::x64::{Condition, Mem, Width};
use crate::base::TableIndex;
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::registers::{RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc};
use crate::layout::objects::{TABLE_BASE, TABLE_LEN};
use crate::wasm::types::{RefType, ValType};
use crate::wasm::validate::Features;

/// What kind of value a reference is.
pub(super) fn kind_of(ty: RefType) -> Kind {
    Kind::of(ValType::Ref(ty))
}

impl Function<'_> {
    pub(super) fn table_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match *operator {
            Operator::TableGet { table } => {
                let table = TableIndex::from_u32(table);
                let place = self.element(table, TrapCode::TableOutOfBounds, RegSet::EMPTY);
                let to = self.alloc_gpr(RegSet::EMPTY);
                self.buffers.asm.load(Load::Word, to, place);
                self.push_gpr(kind_of(self.module.tables[table].ty.element), to);
            }
            Operator::TableSet { table } => {
                let value = self.pop();
                let reg = match value.loc() {
                    Loc::Reg(reg) => reg,
                    _ => self.in_reg(&value, self.top_register()),
                };
                let place = self.element(TableIndex::from_u32(table), TrapCode::TableOutOfBounds, reg.set());
                self.buffers.asm.store(Store::Word, place, reg.gpr());
            }
            Operator::TableSize { table } => {
                let to = self.alloc_gpr(RegSet::EMPTY);
                let table = TableIndex::from_u32(table);
                self.load_vmctx(to, self.env.layout.table_def(table));
                self.buffers.asm.load(Load::Double, to, Mem::at(to, TABLE_LEN as i32));
                let is_wide = self.is_table64(table);
                self.push_size(to, is_wide);
            }
            Operator::TableGrow { table } => {
                let is_wide = self.is_table64(TableIndex::from_u32(table));
                let kind = if is_wide { Kind::I64 } else { Kind::I32 };
                self.builtin(Builtin::TableGrow, &[Some(u64::from(table)), None, None], Some(kind));
            }
            Operator::TableFill { table } => self.builtin(Builtin::TableFill, &[Some(u64::from(table)), None, None, None], None),
            Operator::TableCopy { dst_table, src_table } => {
                let (to, from) = (u64::from(dst_table), u64::from(src_table));
                self.builtin(Builtin::TableCopy, &[Some(to), Some(from), None, None, None], None);
            }
            Operator::TableInit { elem_index, table } => {
                let both = u64::from(table) | u64::from(elem_index) << 32;
                self.builtin(Builtin::TableInit, &[Some(both), None, None, None], None);
            }
            Operator::ElemDrop { elem_index } => self.builtin(Builtin::ElemDrop, &[Some(u64::from(elem_index))], None),
            Operator::RefNull { hty } => {
                let kind = self.heap_kind(hty);
                self.push(kind, Loc::Const(0));
            }
            Operator::RefIsNull => {
                let value = self.pop();
                if let Loc::Const(bits) = value.loc() {
                    self.push_i32(u32::from(bits == 0));
                } else {
                    self.test_zero(&value);
                    self.push_condition(Condition::Equal);
                }
            }
            Operator::RefFunc { function_index } => {
                self.builtin(Builtin::RefFunc, &[Some(u64::from(function_index))], Some(Kind::Func));
            }
            Operator::RefAsNonNull => {
                let value = self.pop();
                let reg = self.in_reg(&value, RegSet::EMPTY);
                self.buffers.asm.test_rr(Width::W32, reg.gpr(), reg.gpr());
                self.trap_if(Condition::Equal, TrapCode::NullReference);
                self.push(value.kind(), Loc::Reg(reg));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn is_table64(&mut self, table: TableIndex) -> bool {
        let table64 = self.module.tables[table].ty.table64;
        if table64 {
            self.detected |= Features::MEMORY64;
        }
        table64
    }

    /// Takes an index off; gives the operand for the element, in the scratch register and one that nothing holds.
    pub(super) fn element(&mut self, table: TableIndex, trap: TrapCode, avoid: RegSet) -> Mem {
        let index = self.pop_reg(avoid).gpr();
        let ty = self.module.tables[table].ty;
        let _ = self.is_table64(table);
        self.load_vmctx(SCRATCH, self.env.layout.table_def(table));
        match (ty.max == Some(ty.min), i32::try_from(ty.min)) {
            (true, Ok(length)) => self.buffers.asm.alu_ri(Alu::Cmp, Width::W64, index, length),
            _ => self.buffers.asm.alu_rm(Alu::Cmp, Width::W64, index, Mem::at(SCRATCH, TABLE_LEN as i32)),
        }
        self.trap_if(Condition::AboveEqual, trap);
        self.buffers.asm.load(Load::Double, SCRATCH, Mem::at(SCRATCH, TABLE_BASE as i32));
        Mem::indexed(SCRATCH, index, 2, 0)
    }
}
