//! Zero extension of 32-bit integers, which every address and index needs.
//!
//! *Problem.* A load of 32 bits clears the upper half of its register, but Cranelift knows that of arithmetic only: a pointer that was loaded is
//! moved to itself before it is followed, which costs a cycle at each step of a list. *Idea.* Such a load becomes one to 64 bits when its
//! extension is first asked for, and the 32 bits a part of that. Loads that nobody extends stay as they are, so that they can be operands.
//!
//! **Invariant:** no reference of the heap is loaded twice as wide: it would not be found when objects move.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Function, InstBuilder, InstructionData, Opcode, Value, ValueDef};

use crate::codegen::optimizing::func::Translator;

impl Translator<'_> {
    /// The value as an unsigned 64-bit integer. It is no reference of the heap.
    pub(super) fn zero_extend(&mut self, value: Value) -> Value {
        match widened_load(self.builder.func, value) {
            Some(wide) => wide,
            None => self.builder.ins().uextend(I64, value),
        }
    }
}

/// The 64 bits that a load gives, of which this value is the lower half; makes it such a load.
fn widened_load(func: &mut Function, value: Value) -> Option<Value> {
    let ValueDef::Result(inst, 0) = func.dfg.value_def(value) else { return None };
    if func.dfg.value_type(value) != I32 {
        return None;
    }
    match func.dfg.insts[inst] {
        InstructionData::Unary { opcode: Opcode::Ireduce, arg } => {
            let ValueDef::Result(load, 0) = func.dfg.value_def(arg) else { return None };
            let is_wide = func.dfg.value_type(arg) == I64
                && matches!(func.dfg.insts[load].opcode(), Opcode::Uload8 | Opcode::Uload16 | Opcode::Uload32);
            is_wide.then_some(arg)
        }
        InstructionData::Load { opcode, arg, flags, offset } => {
            let srcloc = func.srcloc(inst);
            let flags = func.dfg.mem_flags[flags];
            let mut cursor = FuncCursor::new(func).at_inst(inst).with_srcloc(srcloc);
            let wide = match opcode {
                Opcode::Load => cursor.ins().uload32(flags, arg, offset),
                Opcode::Uload8 => cursor.ins().uload8(I64, flags, arg, offset),
                Opcode::Uload16 => cursor.ins().uload16(I64, flags, arg, offset),
                _ => return None,
            };
            func.dfg.insts[inst] = InstructionData::Unary { opcode: Opcode::Ireduce, arg: wide };
            Some(wide)
        }
        _ => None,
    }
}
