//! Which proposal an operator belongs to, from wasmparser's own table of operators.

use wasmparser::Operator;

use crate::wasm::validate::Features;

/// wasmparser's names of the proposals.
#[allow(non_upper_case_globals)]
mod proposal {
    use crate::wasm::validate::Features;

    pub(super) const mvp: Features = Features::empty();
    pub(super) const sign_extension: Features = Features::SIGN_EXTENSION;
    pub(super) const saturating_float_to_int: Features = Features::SATURATING_FLOAT_TO_INT;
    pub(super) const bulk_memory: Features = Features::BULK_MEMORY;
    pub(super) const reference_types: Features = Features::REFERENCE_TYPES;
    pub(super) const tail_call: Features = Features::TAIL_CALL;
    pub(super) const threads: Features = Features::THREADS;
    pub(super) const simd: Features = Features::SIMD;
    pub(super) const relaxed_simd: Features = Features::RELAXED_SIMD;
    pub(super) const wide_arithmetic: Features = Features::WIDE_ARITHMETIC;
    pub(super) const gc: Features = Features::GC;
    pub(super) const function_references: Features = Features::FUNCTION_REFERENCES;
    pub(super) const exceptions: Features = Features::EXCEPTIONS;
    pub(super) const legacy_exceptions: Features = Features::LEGACY_EXCEPTIONS;
    pub(super) const custom_descriptors: Features = Features::CUSTOM_DESCRIPTORS;
    // Not taken yet.
    pub(super) const memory_control: Features = Features::empty();
    pub(super) const shared_everything_threads: Features = Features::empty();
    pub(super) const stack_switching: Features = Features::empty();
    pub(super) const acquire_release_atomics: Features = Features::empty();
}

macro_rules! define {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        /// The proposal that an operator belongs to.
        pub(super) fn of(operator: &Operator<'_>) -> Features {
            match operator {
                $(Operator::$op { .. } => proposal::$proposal,)*
                _ => Features::empty(),
            }
        }
    };
}

wasmparser::for_each_operator!(define);
