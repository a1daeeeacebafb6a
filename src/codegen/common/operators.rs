//! The operators of a body, validated as they are read: one decode for validation and code.
//!
//! *Problem.* Decoding a body takes about as long as validating what was decoded, and a compiler of one pass little longer than both.
//! *Idea.* A visitor that has each operator validated before it writes it down, in one place: an operator that is returned through several
//! results is copied as often, in pieces that the processor has not yet put together. **Invariant:** an operator that
//! [`next`](Operators::next) found is valid where it stands, as are all of a body that was validated before, so that a compiler may rely on the types of its operands.

use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, OperatorsReader,
    ValidatorResources, VisitOperator, VisitSimdOperator,
};

use crate::base::DefinedFuncIndex;
use crate::codegen::common::bodies;
use crate::codegen::common::features::proposal;
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::Features;

/// See the module's documentation.
pub(in crate::codegen) struct Operators<'a> {
    source: Source<'a>,
    /// The operator that was found last.
    pub operator: Operator<'a>,
    /// Its byte offset in the module.
    pub position: u64,
    /// Proposals of the operators so far.
    pub detected: Features,
}

/// Where operators come from.
enum Source<'a> {
    /// A body that is validated as it is read.
    New { reader: BinaryReader<'a>, validator: FuncValidator<ValidatorResources> },
    /// One that was validated before.
    Valid(OperatorsReader<'a>),
}

impl<'a> Operators<'a> {
    /// The operators of a body, behind the declarations of its locals. If it was not validated before it is now; the allocations for that
    /// come back with [`finish`](Operators::finish).
    ///
    /// # Errors
    ///
    /// The declarations are malformed, or of invalid types.
    pub fn new(
        env: &CompileEnv,
        func: DefinedFuncIndex,
        body: &FunctionBody<'a>,
        is_valid: bool,
        allocations: &mut FuncValidatorAllocations,
    ) -> Result<Self, CompileError> {
        let mut reader = body.get_binary_reader();
        let source = if is_valid {
            bodies::read_locals(&mut reader, 0, |_, _| Ok::<(), CompileError>(()))?;
            reader.set_features(env.validation.features());
            Source::Valid(OperatorsReader::new(reader))
        } else {
            let Some(to_validate) = env.validation.func(&env.module, func) else {
                return Err(CompileError::new(CompileErrorKind::EngineBug, "a body in a module without functions", None));
            };
            let mut validator = to_validate.into_validator(std::mem::take(allocations));
            validator.read_locals(&mut reader)?;
            reader.set_features(env.validation.features());
            Source::New { reader, validator }
        };
        Ok(Operators { source, operator: Operator::Nop, position: 0, detected: Features::empty() })
    }

    /// Finds the next operator; false behind the last.
    ///
    /// # Errors
    ///
    /// It is malformed or invalid, or the body ends too early or too late.
    #[inline]
    pub fn next(&mut self) -> Result<bool, CompileError> {
        self.position = self.next_position();
        let (operator, detected) = (&mut self.operator, &mut self.detected);
        match &mut self.source {
            Source::New { reader, validator } => {
                if reader.eof() {
                    reader.finish_expression(&validator.visitor(self.position))?;
                    return Ok(false);
                }
                reader.visit_operator(&mut Validate { validator, position: self.position, operator, detected })??;
            }
            Source::Valid(reader) => {
                if reader.eof() {
                    reader.finish()?;
                    return Ok(false);
                }
                reader.visit_operator(&mut Write { operator, detected })?;
            }
        }
        Ok(true)
    }

    /// The byte offset in the module of what [`next`](Operators::next) will find.
    pub fn next_position(&self) -> u64 {
        match &self.source {
            Source::New { reader, .. } => reader.original_position(),
            Source::Valid(reader) => reader.original_position(),
        }
    }

    /// Gives the allocations back, if any were used.
    pub fn finish(self) -> Option<FuncValidatorAllocations> {
        match self.source {
            Source::New { validator, .. } => Some(validator.into_allocations()),
            Source::Valid(_) => None,
        }
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

/// Writes an operator down.
struct Write<'v, 'a> {
    operator: &'v mut Operator<'a>,
    detected: &'v mut Features,
}

macro_rules! write {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        $(
            #[inline(always)]
            fn $visit(&mut self $($(, $arg: $argty)*)?) {
                *self.detected |= proposal::$proposal;
                *self.operator = Operator::$op $({ $($arg),* })?;
            }
        )*
    };
}

impl<'a> VisitOperator<'a> for Write<'_, 'a> {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(write);
}

impl<'a> VisitSimdOperator<'a> for Write<'_, 'a> {
    wasmparser::for_each_visit_simd_operator!(write);
}
