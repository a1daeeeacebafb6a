//! The operators of a body, validated as they are read: one decode for validation and code.
//!
//! *Problem.* Decoding a body takes about as long as validating what was decoded, and a compiler of one pass little longer than both.
//! *Idea.* A visitor that has each operator validated before it writes it down, in one place: an operator that is returned through several
//! results is copied as often, in pieces that the processor has not yet put together. **Invariant:** an operator that
//! [`next`](Operators::next) found is valid where it stands, so that a compiler may rely on the types of its operands.

use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, ValidatorResources,
    VisitOperator, VisitSimdOperator,
};

use crate::base::DefinedFuncIndex;
use crate::codegen::common::features::proposal;
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::Features;

/// See the module's documentation.
pub(in crate::codegen) struct Operators<'a> {
    reader: BinaryReader<'a>,
    validator: FuncValidator<ValidatorResources>,
    /// The operator that was found last.
    pub operator: Operator<'a>,
    /// Its byte offset in the module.
    pub position: u64,
    /// Proposals of the operators so far.
    pub detected: Features,
}

impl<'a> Operators<'a> {
    /// The operators of a body, behind the declarations of its locals. The allocations come back with [`finish`](Operators::finish).
    ///
    /// # Errors
    ///
    /// The declarations are malformed, or of invalid types.
    pub fn new(
        env: &CompileEnv,
        func: DefinedFuncIndex,
        body: &FunctionBody<'a>,
        allocations: &mut FuncValidatorAllocations,
    ) -> Result<Self, CompileError> {
        let Some(to_validate) = env.validation.func(&env.module, func) else {
            return Err(CompileError::new(CompileErrorKind::EngineBug, "a body in a module without functions", None));
        };
        let mut validator = to_validate.into_validator(std::mem::take(allocations));
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        reader.set_features(env.validation.features());
        Ok(Operators { reader, validator, operator: Operator::Nop, position: 0, detected: Features::empty() })
    }

    /// Finds the next operator; false behind the last.
    ///
    /// # Errors
    ///
    /// It is malformed or invalid, or the body ends too early or too late.
    #[inline]
    pub fn next(&mut self) -> Result<bool, CompileError> {
        self.position = self.reader.original_position();
        if self.reader.eof() {
            self.reader.finish_expression(&self.validator.visitor(self.position))?;
            return Ok(false);
        }
        let mut visitor = Validate {
            validator: &mut self.validator,
            position: self.position,
            operator: &mut self.operator,
            detected: &mut self.detected,
        };
        self.reader.visit_operator(&mut visitor)??;
        Ok(true)
    }

    /// The byte offset in the module of what [`next`](Operators::next) will find.
    pub fn next_position(&self) -> u64 {
        self.reader.original_position()
    }

    /// Gives the allocations back.
    pub fn finish(self) -> FuncValidatorAllocations {
        self.validator.into_allocations()
    }
}

/// Validates an operator and writes it down.
struct Validate<'v, 'a> {
    validator: &'v mut FuncValidator<ValidatorResources>,
    position: u64,
    operator: &'v mut Operator<'a>,
    detected: &'v mut Features,
}

impl FrameStack for Validate<'_, '_> {
    fn current_frame(&self) -> Option<FrameKind> {
        self.validator.get_control_frame(0).map(|frame| frame.kind)
    }
}

macro_rules! visit {
    ($visitor:ident: $(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        $(
            #[inline(always)]
            fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
                *self.detected |= proposal::$proposal;
                self.validator.$visitor(self.position).$visit($($($arg.clone()),*)?)?;
                *self.operator = Operator::$op $({ $($arg),* })?;
                Ok(())
            }
        )*
    };
}

macro_rules! visit_scalar {
    ($($operators:tt)*) => { visit!(visitor: $($operators)*); };
}

macro_rules! visit_vector {
    ($($operators:tt)*) => { visit!(simd_visitor: $($operators)*); };
}

#[allow(clippy::clone_on_copy)]
impl<'a> VisitOperator<'a> for Validate<'_, 'a> {
    type Output = wasmparser::Result<()>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit_scalar);
}

#[allow(clippy::clone_on_copy)]
impl<'a> VisitSimdOperator<'a> for Validate<'_, 'a> {
    wasmparser::for_each_visit_simd_operator!(visit_vector);
}
