//! The operators of a body, which is valid as far as they were read.
//!
//! *Problem.* A compiler of one pass takes little longer for an operator than reading and validating it. *Idea.* A body that the quick
//! validator accepts ([`crate::wasm::quick`]) is read without more checks: the compiler sees the word that an operator begins with, and
//! has it [decoded](Operators::decode) only if that does not tell it all. Any other body is validated as it is read, by wasmparser: one
//! decode for that and for the rare operators, by a visitor that has each operator validated before
//! it writes it down, in one place: an operator that is returned through several results is copied as often, in pieces that the
//! processor has not yet put together. **Invariant:** an operator that [`begin`](Operators::begin) came to is valid where it stands, so
//! that a compiler may rely on the types of its operands.

use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FuncValidator, FunctionBody, Operator, ValidatorResources, VisitOperator,
    VisitSimdOperator, WasmFeatures,
};

use crate::base::DefinedFuncIndex;
use crate::base::tuning::BASELINE_BYTES_BETWEEN_POLLS;
use crate::codegen::common::bodies;
use crate::codegen::common::features::proposal;
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::{BodyMemory, Features};
use crate::wasm::words::Code;

/// See the module's documentation.
pub(in crate::codegen) struct Operators<'a> {
    /// The module's bytes.
    code: Code<'a>,
    /// Of the operator, in the module.
    pub position: usize,
    /// Where [`begin`](Self::begin) says that there is something else to do first: at the [end](Self::end), or before.
    pause: usize,
    /// Behind the body.
    end: usize,
    features: WasmFeatures,
    /// What validates operators, of a body that was not validated before.
    checks: Option<Checks<'a>>,
    /// The operator that was [decoded](Self::decode) last.
    pub operator: Operator<'a>,
    /// Behind that.
    next: usize,
    /// Proposals of the operators that were decoded so far.
    pub detected: Features,
}

/// A body that is validated as it is read.
struct Checks<'a> {
    reader: BinaryReader<'a>,
    validator: Box<FuncValidator<ValidatorResources>>,
}

impl<'a> Operators<'a> {
    /// The operators of a body, behind the declarations of its locals. If it was not validated before it is now; the allocations for that
    /// come back with [`finish`](Operators::finish).
    ///
    /// # Errors
    ///
    /// The declarations are malformed, or of invalid types.
    pub fn new(
        env: &'a CompileEnv,
        func: DefinedFuncIndex,
        body: &FunctionBody<'a>,
        is_valid: bool,
        memory: &mut BodyMemory,
    ) -> Result<Self, CompileError> {
        let mut reader = body.get_binary_reader();
        let checks = if is_valid || env.validation.accepts(env.bodies(), &env.module, func, memory) {
            bodies::read_locals(&mut reader, 0, |_, _| Ok::<(), CompileError>(()))?;
            None
        } else {
            let Some(to_validate) = env.validation.func(&env.module, func) else {
                return Err(CompileError::new(CompileErrorKind::EngineBug, "a body in a module without functions", None));
            };
            let mut validator = Box::new(to_validate.into_validator(memory.take_allocations()));
            validator.read_locals(&mut reader)?;
            reader.set_features(env.validation.features());
            Some(Checks { reader: reader.clone(), validator })
        };
        let position = usize::try_from(reader.original_position()).unwrap_or(usize::MAX);
        let end = env.module.bodies[func].end as usize;
        Ok(Operators {
            code: Code::new(env.bodies()),
            position,
            pause: end.min(position + BASELINE_BYTES_BETWEEN_POLLS),
            end,
            features: env.validation.features(),
            checks,
            operator: Operator::Nop,
            next: position,
            detected: Features::empty(),
        })
    }

    /// Comes to the next operator, and gives the word that it begins with; nothing behind the last, and nothing at a
    /// [pause](Self::resume). The one before was [decoded](Self::decode) or [passed](Self::pass).
    ///
    /// # Errors
    ///
    /// It is malformed or invalid, or the body ends too early or too late.
    #[inline(always)]
    pub fn begin(&mut self) -> Result<Option<u64>, CompileError> {
        self.position = self.next;
        if self.checks.is_some() {
            self.check()?;
        }
        Ok((self.position < self.pause).then(|| self.code.word_or_rest_at(self.position)))
    }

    /// Goes on behind a pause: the word of the operator that was come to, which stays the one to be decoded. Nothing behind the last.
    #[inline(never)]
    pub fn resume(&mut self) -> Option<u64> {
        self.pause = self.end.min(self.position + BASELINE_BYTES_BETWEEN_POLLS);
        (self.position < self.end).then(|| self.code.word_or_rest_at(self.position))
    }

    /// Validates the operator, which is decoded with that.
    #[inline(never)]
    fn check(&mut self) -> Result<(), CompileError> {
        let Operators { checks: Some(Checks { reader, validator }), operator, detected, position, .. } = self else {
            return Ok(());
        };
        let position = *position as u64;
        debug_assert_eq!(position, reader.original_position());
        if reader.eof() {
            reader.finish_expression(&validator.visitor(position))?;
            return Ok(());
        }
        reader.visit_operator(&mut Validate { validator, position, operator, detected })??;
        Ok(())
    }

    /// The operator is of so many bytes, which somebody else has read.
    #[inline(always)]
    pub fn pass(&mut self, size: usize) {
        self.next = self.position + size;
    }

    /// Decodes the operator.
    ///
    /// # Errors
    ///
    /// It is malformed, which none is that was found to be valid.
    #[inline(never)]
    pub fn decode(&mut self) -> Result<&Operator<'a>, CompileError> {
        if let Some(Checks { reader, .. }) = &self.checks {
            self.next = usize::try_from(reader.original_position()).unwrap_or(usize::MAX);
            return Ok(&self.operator);
        }
        let bytes = self.code.between(self.position, self.end);
        let frame = match bytes.first() {
            Some(0x05) => FrameKind::If,
            Some(0x07 | 0x18 | 0x19) => FrameKind::LegacyTry,
            _ => FrameKind::Block,
        };
        let mut reader = BinaryReader::new_features(bytes, self.position as u64, self.features);
        reader.visit_operator(&mut Write { operator: &mut self.operator, detected: &mut self.detected, frame })?;
        self.pass(reader.current_position());
        Ok(&self.operator)
    }

    /// Validates the operators that are left.
    ///
    /// # Errors
    ///
    /// One is invalid.
    pub fn check_rest(&mut self) -> Result<(), CompileError> {
        while self.checks.is_some() && self.position < self.end {
            self.decode()?;
            self.begin()?;
        }
        Ok(())
    }

    /// The first byte of what comes behind the operator that was decoded last.
    pub fn byte_behind(&self) -> u8 {
        self.code.byte_at(self.next).unwrap_or(0)
    }

    /// Gives back what was taken of the memory for validation.
    pub fn finish(self, memory: &mut BodyMemory) {
        if let Some(checks) = self.checks {
            memory.give_allocations(checks.validator.into_allocations());
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
    /// The kind of block that the operator stands in, as far as the operator asks.
    frame: FrameKind,
}

impl FrameStack for Write<'_, '_> {
    fn current_frame(&self) -> Option<FrameKind> {
        Some(self.frame)
    }
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
