//! Objects of the heap: structures, arrays, `i31`, casts.
//!
//! Allocation is inline: the nursery's top moves, and the runtime is asked only when it would pass the limit. Null needs no
//! check where a field's offset is small: the first 64 KiB of the cage fault. References are tracked by
//! [`tracked`](super::func::Translator::tracked), so that the collector, which runs in calls only, finds and moves them.

mod array;
mod cast;
mod object;
mod structure;

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use wasmparser::Operator;

use crate::abi::trap::TrapCode;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::regions::trap_code;

impl Translator<'_> {
    pub(super) fn gc_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefEq => self.compare(IntCC::Equal),
            Operator::RefI31 => {
                let number = self.pop();
                let shifted = self.builder.ins().ishl_imm_u(number, 1);
                let reference = self.builder.ins().bor_imm_u(shifted, 1);
                self.push(reference);
            }
            Operator::I31GetS => {
                let reference = self.non_null_i31();
                let number = self.builder.ins().sshr_imm_u(reference, 1);
                self.push(number);
            }
            Operator::I31GetU => {
                let reference = self.non_null_i31();
                let number = self.builder.ins().ushr_imm_u(reference, 1);
                self.push(number);
            }
            // One cage, one form of reference: what is external is only a matter of types.
            Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
            _ => return self.struct_operator(operator) || self.array_operator(operator) || self.cast_operator(operator),
        }
        true
    }

    fn non_null_i31(&mut self) -> cranelift_codegen::ir::Value {
        let reference = self.pop();
        self.builder.ins().trapz(reference, trap_code(TrapCode::NullI31Reference));
        reference
    }
}
