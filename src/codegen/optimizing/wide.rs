//! Placeholder.
use crate::codegen::optimizing::func::Translator;
use wasmparser::Operator;
impl Translator<'_> {
    pub(super) fn wide_operator(&mut self, _operator: &Operator<'_>) -> bool {
        false
    }
}
