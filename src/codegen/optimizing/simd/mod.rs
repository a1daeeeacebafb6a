//! Vectors: 128 bits, whose lanes are in the eye of the operator.
//!
//! A vector on the stack keeps the lanes of the operator that made it; an operator that wants others takes it by
//! [`pop_vector`](crate::codegen::optimizing::func::Translator::pop_vector), which reinterprets it.

mod convert;
mod float;
mod integer;
mod lanes;
mod memory;
mod shape;

pub(super) use shape::{float_lanes, relaxed_lanes};

use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use crate::codegen::optimizing::func::Translator;

impl<'a> Translator<'a> {
    pub(super) fn simd_operator(&mut self, operator: &Operator<'_>) -> bool {
        self.simd_memory_operator(operator)
            || self.simd_lane_operator(operator)
            || self.simd_integer_operator(operator)
            || self.simd_compare_operator(operator)
            || self.simd_float_operator(operator)
            || self.simd_convert_operator(operator)
    }

    /// One vector in, one out.
    pub(super) fn vector_unary(&mut self, ty: Type, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let x = self.pop_vector(ty);
        let result = build(self.builder.ins(), x);
        self.push(result);
    }

    /// Two vectors in, one out.
    pub(super) fn vector_binary(&mut self, ty: Type, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop2_vectors(ty);
        let result = build(self.builder.ins(), x, y);
        self.push(result);
    }

    /// All bits zero.
    pub(super) fn zero_vector(&mut self, ty: Type) -> Value {
        let zero = self.builder.func.dfg.constants.insert(vec![0; 16].into());
        self.builder.ins().vconst(ty, zero)
    }
}
