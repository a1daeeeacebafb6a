//! The operators of a body, which is valid as far as they were read.
//!
//! *Problem.* A compiler of one pass takes little longer for an operator than reading and validating it. *Idea.* A body that the quick
//! validator accepts ([`crate::wasm::quick`]) is read without more checks, the frequent operators by words ([`frequent`]). Any other one
//! is validated as it is read, by wasmparser: one decode for validation and code, by a visitor that has each operator validated before
//! it writes it down, in one place: an operator that is returned through several results is copied as often, in pieces that the
//! processor has not yet put together. **Invariant:** an operator that [`next`](Operators::next) found is valid where it stands, so
//! that a compiler may rely on the types of its operands.

use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FuncValidator, FunctionBody, Operator, ValidatorResources, VisitOperator,
    VisitSimdOperator, WasmFeatures,
};

use crate::base::DefinedFuncIndex;
use crate::codegen::common::features::proposal;
use crate::codegen::common::{bodies, frequent};
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::{BodyMemory, Features};
use crate::wasm::words::Code;

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
    New { reader: BinaryReader<'a>, validator: Box<FuncValidator<ValidatorResources>> },
    /// One that was validated before.
    Valid(Valid<'a>),
}

/// The bytes of a valid body.
struct Valid<'a> {
    /// The module's, up to the end of the body.
    bytes: &'a [u8],
    /// The same, and those behind it.
    code: Code<'a>,
    position: usize,
    features: WasmFeatures,
}

impl<'a> Valid<'a> {
    #[inline(always)]
    fn read(&mut self, operator: &mut Operator<'a>, detected: &mut Features) -> Result<(), CompileError> {
        let word = self.code.word_at(self.position);
        if let Some(size) = word.and_then(|word| frequent::read(word, operator)) {
            if word.is_some_and(|word| matches!(word as u8, 0xc0..=0xc4)) {
                *detected |= proposal::sign_extension;
            }
            self.position += size;
            return Ok(());
        }
        self.read_rare(operator, detected)
    }

    #[inline(never)]
    fn read_rare(&mut self, operator: &mut Operator<'a>, detected: &mut Features) -> Result<(), CompileError> {
        let bytes = self.bytes.get(self.position..).unwrap_or_default();
        let frame = match bytes.first() {
            Some(0x05) => FrameKind::If,
            Some(0x07 | 0x18 | 0x19) => FrameKind::LegacyTry,
            _ => FrameKind::Block,
        };
        let mut reader = BinaryReader::new_features(bytes, self.position as u64, self.features);
        reader.visit_operator(&mut Write { operator, detected, frame })?;
        self.position += reader.current_position();
        Ok(())
    }
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
        let source = if is_valid || env.validation.accepts(&env.wire_bytes, &env.module, func, memory) {
            bodies::read_locals(&mut reader, 0, |_, _| Ok::<(), CompileError>(()))?;
            let bytes = env.wire_bytes.get(..env.module.bodies[func].end as usize).unwrap_or_default();
            let position = usize::try_from(reader.original_position()).unwrap_or(usize::MAX);
            Source::Valid(Valid { bytes, code: Code::new(&env.wire_bytes), position, features: env.validation.features() })
        } else {
            let Some(to_validate) = env.validation.func(&env.module, func) else {
                return Err(CompileError::new(CompileErrorKind::EngineBug, "a body in a module without functions", None));
            };
            let mut validator = Box::new(to_validate.into_validator(memory.take_allocations()));
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
            Source::Valid(valid) => {
                if valid.position >= valid.bytes.len() {
                    return Ok(false);
                }
                valid.read(operator, detected)?;
            }
        }
        Ok(true)
    }

    /// The byte offset in the module of what [`next`](Operators::next) will find.
    pub fn next_position(&self) -> u64 {
        match &self.source {
            Source::New { reader, .. } => reader.original_position(),
            Source::Valid(valid) => valid.position as u64,
        }
    }

    /// Gives back what was taken of the memory for validation.
    pub fn finish(self, memory: &mut BodyMemory) {
        if let Source::New { validator, .. } = self.source {
            memory.give_allocations(validator.into_allocations());
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
