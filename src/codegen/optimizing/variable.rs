//! Locals, globals, constants, `drop` and `select`.

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use crate::base::GlobalIndex;
use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    pub(super) fn variable_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::LocalGet { local_index } => {
                let value = self.local(local_index);
                self.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop_canonical();
                self.set_local(local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop_canonical();
                self.set_local(local_index, value);
                self.push(value);
            }
            Operator::I32Const { value } => {
                let value = self.i32(value);
                self.push(value);
            }
            Operator::I64Const { value } => {
                let value = self.builder.ins().iconst(I64, value);
                self.push(value);
            }
            Operator::F32Const { value } => {
                let value = self.builder.ins().f32const(Ieee32::with_bits(value.bits()));
                self.push(value);
            }
            Operator::F64Const { value } => {
                let value = self.builder.ins().f64const(Ieee64::with_bits(value.bits()));
                self.push(value);
            }
            Operator::GlobalGet { global_index } => self.global_get(GlobalIndex::from_u32(global_index)),
            Operator::GlobalSet { global_index } => self.global_set(GlobalIndex::from_u32(global_index)),
            Operator::Drop => {
                self.pop_raw();
            }
            Operator::Select => {
                self.select();
            }
            Operator::TypedSelect { ty } => {
                let value = self.select();
                if self.slot_type(ty).in_heap {
                    self.builder.declare_value_needs_stack_map(value);
                }
            }
            _ => return false,
        }
        true
    }

    /// An `i32`; its upper bits are zero in Cranelift's representation.
    pub(super) fn i32(&mut self, value: i32) -> Value {
        self.builder.ins().iconst(I32, i64::from(value.cast_unsigned()))
    }

    /// Without a type it is one of numbers.
    fn select(&mut self) -> Value {
        let condition = self.pop_condition();
        let otherwise = self.pop_canonical();
        let then = self.pop_canonical();
        let value = self.builder.ins().select(condition, then, otherwise);
        self.push(value);
        value
    }
}
