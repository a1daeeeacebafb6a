//! References: 32-bit indices, 0 is null.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::regions::trap_code;

impl Translator<'_> {
    pub(super) fn reference_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefNull { .. } => {
                let null = self.i32(0);
                self.push(null);
            }
            Operator::RefIsNull => self.unary(|ins, x| ins.icmp_imm_u(IntCC::Equal, x, 0)),
            Operator::RefFunc { function_index } => {
                let func = self.u32(function_index);
                let reference = self.call_builtin_value(Builtin::RefFunc, &[func]);
                self.push(reference);
            }
            Operator::RefAsNonNull => {
                let reference = self.pop();
                self.builder.ins().trapz(reference, trap_code(TrapCode::NullReference));
                self.push(reference);
            }
            _ => return false,
        }
        true
    }
}
