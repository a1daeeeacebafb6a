//! Which proposal an operator belongs to, from wasmparser's own table of operators.

use wasmparser::Operator;

use crate::wasm::validate::Features;

/// wasmparser's names of the proposals.
#[allow(non_upper_case_globals)]
pub(in crate::codegen) mod proposal {
    use crate::wasm::validate::Features;

    pub(in crate::codegen) const mvp: Features = Features::empty();
    pub(in crate::codegen) const sign_extension: Features = Features::SIGN_EXTENSION;
    pub(in crate::codegen) const saturating_float_to_int: Features = Features::SATURATING_FLOAT_TO_INT;
    pub(in crate::codegen) const bulk_memory: Features = Features::BULK_MEMORY;
    pub(in crate::codegen) const reference_types: Features = Features::REFERENCE_TYPES;
    pub(in crate::codegen) const tail_call: Features = Features::TAIL_CALL;
    pub(in crate::codegen) const threads: Features = Features::THREADS;
    pub(in crate::codegen) const simd: Features = Features::SIMD;
    pub(in crate::codegen) const relaxed_simd: Features = Features::RELAXED_SIMD;
    pub(in crate::codegen) const wide_arithmetic: Features = Features::WIDE_ARITHMETIC;
    pub(in crate::codegen) const gc: Features = Features::GC;
    pub(in crate::codegen) const function_references: Features = Features::FUNCTION_REFERENCES;
    pub(in crate::codegen) const exceptions: Features = Features::EXCEPTIONS;
    pub(in crate::codegen) const legacy_exceptions: Features = Features::LEGACY_EXCEPTIONS;
    pub(in crate::codegen) const custom_descriptors: Features = Features::CUSTOM_DESCRIPTORS;
    // Not taken yet.
    pub(in crate::codegen) const memory_control: Features = Features::empty();
    pub(in crate::codegen) const shared_everything_threads: Features = Features::empty();
    pub(in crate::codegen) const stack_switching: Features = Features::empty();
    pub(in crate::codegen) const acquire_release_atomics: Features = Features::empty();
}

macro_rules! define {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        /// The proposal that an operator belongs to.
        pub(in crate::codegen) fn of(operator: &Operator<'_>) -> Features {
            match operator {
                $(Operator::$op { .. } => proposal::$proposal,)*
                _ => Features::empty(),
            }
        }
    };
}

wasmparser::for_each_operator!(define);
