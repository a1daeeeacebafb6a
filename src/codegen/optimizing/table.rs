//! Tables: inline access, builtins for the rest.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::base::TableIndex;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::trap_code;
use crate::layout::objects::{TABLE_BASE, TABLE_LEN};
use crate::wasm::types::ValType;
use crate::wasm::validate::Features;

impl Translator<'_> {
    pub(super) fn table_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::TableGet { table } => {
                let index = self.pop();
                let table = TableIndex::from_u32(table);
                let address = self.element(table, index, TrapCode::TableOutOfBounds);
                let value = self.builder.ins().load(I32, self.flags.elements, address, 0);
                let value = self.tracked(value, ValType::Ref(self.module.tables[table].ty.element));
                self.push(value);
            }
            Operator::TableSet { table } => {
                let (index, value) = self.pop2();
                let address = self.element(TableIndex::from_u32(table), index, TrapCode::TableOutOfBounds);
                self.builder.ins().store(self.flags.elements, value, address, 0);
            }
            Operator::TableSize { table } => {
                let table = TableIndex::from_u32(table);
                let length = self.table_length(table);
                let length = self.guest_size(length, self.module.tables[table].ty.table64);
                self.push(length);
            }
            Operator::TableGrow { table } => {
                let table64 = self.is_table64(table);
                let (value, count) = self.pop2();
                let count = self.index64(count, table64);
                let table = self.u32(table);
                let old = self.call_builtin_value(Builtin::TableGrow, &[table, value, count]);
                let old = self.guest_size(old, table64);
                self.push(old);
            }
            Operator::TableFill { table } => {
                let table64 = self.is_table64(table);
                let (value, count) = self.pop2();
                let start = self.pop();
                let (start, count) = (self.index64(start, table64), self.index64(count, table64));
                let table = self.u32(table);
                self.call_builtin(Builtin::TableFill, &[table, start, value, count]);
            }
            Operator::TableCopy { dst_table, src_table } => self.table_copy(dst_table, src_table),
            Operator::TableInit { elem_index, table } => {
                let table64 = self.is_table64(table);
                let (source, count) = self.pop2();
                let destination = self.pop();
                let destination = self.index64(destination, table64);
                let both = self.two_indices(table, elem_index);
                self.call_builtin(Builtin::TableInit, &[both, destination, source, count]);
            }
            Operator::ElemDrop { elem_index } => {
                let segment = self.u32(elem_index);
                self.call_builtin(Builtin::ElemDrop, &[segment]);
            }
            _ => return false,
        }
        true
    }

    fn table_copy(&mut self, to: u32, from: u32) {
        let (to64, from64) = (self.is_table64(to), self.is_table64(from));
        let count = self.pop();
        let (destination, source) = self.pop2();
        // The count has the narrower of the two index types.
        let count = self.index64(count, to64 && from64);
        let (destination, source) = (self.index64(destination, to64), self.index64(source, from64));
        let (to, from) = (self.u32(to), self.u32(from));
        self.call_builtin(Builtin::TableCopy, &[to, from, destination, source, count]);
    }

    fn is_table64(&mut self, table: u32) -> bool {
        let table64 = self.module.tables[TableIndex::from_u32(table)].ty.table64;
        if table64 {
            self.state.detected |= Features::MEMORY64;
        }
        table64
    }

    /// The address of an element, checked; the index is as the guest has it.
    pub(super) fn element(&mut self, table: TableIndex, index: Value, trap: TrapCode) -> Value {
        let table64 = self.is_table64(table.as_u32());
        let index = self.index64(index, table64);
        let length = self.table_length(table);
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.builder.ins().trapnz(outside, trap_code(trap));
        let definition = self.vmctx_constant(self.env.layout.table_def(table));
        // One that cannot grow stays where it is.
        let flags = if self.is_fixed(table) { self.flags.constant } else { self.flags.definitions };
        let base = self.builder.ins().load(I64, flags, definition, offset32(TABLE_BASE));
        let offset = self.builder.ins().ishl_imm_u(index, 2);
        self.builder.ins().iadd(base, offset)
    }

    /// Whether a table's type says how long it is.
    fn is_fixed(&self, table: TableIndex) -> bool {
        let ty = self.module.tables[table].ty;
        ty.max == Some(ty.min)
    }

    /// Number of elements; a constant where the type leaves no choice.
    fn table_length(&mut self, table: TableIndex) -> Value {
        if self.is_fixed(table) {
            let length = self.module.tables[table].ty.min;
            return self.builder.ins().iconst(I64, length.cast_signed());
        }
        let definition = self.vmctx_constant(self.env.layout.table_def(table));
        self.builder.ins().load(I64, self.flags.definitions, definition, offset32(TABLE_LEN))
    }
}
