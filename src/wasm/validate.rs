//! Validation: which features are accepted, and what it takes to validate one body on any thread.
//!
//! Module-level validation happens while decoding; bodies are validated by compile units or, without compiling, by [`validate_bodies`].
//! Most are accepted by the quick validator ([`crate::wasm::quick`]); whatever is wrong with one wasmparser says.

use std::fmt;

use cranelift_entity::EntityRef;
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, ValidatorResources, WasmFeatures,
    WasmModuleResources,
};

use crate::base::sync::Arc;
use crate::base::{DefinedFuncIndex, limits};
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;
use crate::wasm::quick;

bitflags::bitflags! {
    /// Proposals beyond the first version of WebAssembly that a body was seen to use.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Features: u32 {
        /// Sign extension operators.
        const SIGN_EXTENSION = 1;
        /// Saturating float to integer conversions.
        const SATURATING_FLOAT_TO_INT = 1 << 1;
        /// `memory.copy` and its like.
        const BULK_MEMORY = 1 << 2;
        /// Reference types.
        const REFERENCE_TYPES = 1 << 3;
        /// Blocks and functions with several results.
        const MULTI_VALUE = 1 << 4;
        /// Vectors.
        const SIMD = 1 << 5;
        /// Relaxed vectors.
        const RELAXED_SIMD = 1 << 6;
        /// Atomics.
        const THREADS = 1 << 7;
        /// Tail calls.
        const TAIL_CALL = 1 << 8;
        /// 64-bit memories and tables.
        const MEMORY64 = 1 << 9;
        /// Several memories.
        const MULTI_MEMORY = 1 << 10;
        /// 128-bit integer arithmetic.
        const WIDE_ARITHMETIC = 1 << 11;
        /// Typed function references.
        const FUNCTION_REFERENCES = 1 << 12;
        /// Structures, arrays, and references to them.
        const GC = 1 << 13;
        /// Exceptions.
        const EXCEPTIONS = 1 << 14;
        /// Exceptions in the form before WebAssembly 3.0.
        const LEGACY_EXCEPTIONS = 1 << 15;
        /// Descriptors of structures, and exact types.
        const CUSTOM_DESCRIPTORS = 1 << 16;
    }
}

/// The proposals that this engine runs.
pub fn accepted_features() -> WasmFeatures {
    WasmFeatures::default()
        .union(WasmFeatures::LEGACY_EXCEPTIONS | WasmFeatures::CUSTOM_PAGE_SIZES | WasmFeatures::CUSTOM_DESCRIPTORS)
}

/// What validating any body of one module needs; cheap to clone and `Send`.
#[derive(Clone)]
pub struct FuncValidation {
    resources: Option<ValidatorResources>,
    features: WasmFeatures,
    quick: Option<Arc<quick::Tables>>,
}

/// Memory that serves the validation of one body after another.
#[derive(Default)]
pub struct BodyMemory {
    allocations: FuncValidatorAllocations,
    quick: quick::Memory,
}

impl BodyMemory {
    /// Lends wasmparser's part.
    pub(crate) fn take_allocations(&mut self) -> FuncValidatorAllocations {
        std::mem::take(&mut self.allocations)
    }

    /// Gets it back.
    pub(crate) fn give_allocations(&mut self, allocations: FuncValidatorAllocations) {
        self.allocations = allocations;
    }
}

impl fmt::Debug for FuncValidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuncValidation").field("features", &self.features).finish_non_exhaustive()
    }
}

impl FuncValidation {
    pub(crate) fn new(resources: Option<ValidatorResources>, module: &WasmModule, features: WasmFeatures) -> Self {
        let quick = quick::Tables::new(module, features).map(Arc::new);
        FuncValidation { resources, features, quick }
    }

    /// Of a module that is known to be valid: its bodies are never validated.
    pub(crate) fn of_valid(features: WasmFeatures) -> Self {
        FuncValidation { resources: None, features, quick: None }
    }

    /// Whether bodies are known to be valid, and cannot be validated.
    pub(crate) fn is_of_valid(&self) -> bool {
        self.resources.is_none()
    }

    /// Whether the quick validator accepts a body; no means that it is not known to be valid.
    pub fn accepts(&self, wire_bytes: &[u8], module: &WasmModule, func: DefinedFuncIndex, memory: &mut BodyMemory) -> bool {
        let (Some(tables), Some(resources)) = (&self.quick, &self.resources) else { return false };
        quick::accepts(wire_bytes, module, tables, resources, func, &mut memory.quick)
    }

    /// The validator of one body; `None` only for a module without bodies.
    pub fn func(&self, module: &WasmModule, func: DefinedFuncIndex) -> Option<FuncToValidate<ValidatorResources>> {
        let resources = self.resources.clone()?;
        let index = u32::try_from(module.func_index(func).index()).ok()?;
        let ty = resources.type_index_of_function(index)?;
        Some(FuncToValidate { resources, index, ty, features: self.features })
    }

    /// The features to read operators with.
    pub fn features(&self) -> WasmFeatures {
        self.features
    }
}

/// A reader over one body.
///
/// # Errors
///
/// The range does not lie within the bytes, or is longer than the limit.
pub fn body_reader<'a>(
    wire_bytes: &'a [u8],
    module: &WasmModule,
    func: DefinedFuncIndex,
) -> Result<FunctionBody<'a>, CompileError> {
    let range = &module.bodies[func];
    let bytes = wire_bytes
        .get(range.start as usize..range.end as usize)
        .ok_or_else(|| CompileError::invalid("function body beyond the end of the module", range.start as usize))?;
    if bytes.len() > limits::FUNC_BODY_BYTES {
        let message = format!("function body of {} bytes, more than {}", bytes.len(), limits::FUNC_BODY_BYTES);
        return Err(CompileError::limit(message, Some(range.start as usize)));
    }
    Ok(FunctionBody::new(BinaryReader::new(bytes, u64::from(range.start))))
}

/// Validates bodies without compiling them, in order; the first error is the one with the lowest function index.
///
/// # Errors
///
/// The first invalid body.
pub fn validate_bodies(wire_bytes: &[u8], module: &WasmModule, validation: &FuncValidation) -> Result<(), CompileError> {
    let mut memory = BodyMemory::default();
    for func in module.bodies.keys() {
        validate_body(wire_bytes, module, validation, func, &mut memory)?;
    }
    Ok(())
}

/// Validates one body.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn validate_body(
    wire_bytes: &[u8],
    module: &WasmModule,
    validation: &FuncValidation,
    func: DefinedFuncIndex,
    memory: &mut BodyMemory,
) -> Result<(), CompileError> {
    if validation.accepts(wire_bytes, module, func, memory) {
        return Ok(());
    }
    validate_by_wasmparser(wire_bytes, module, validation, func, memory)
}

/// Validates one body by wasmparser alone: what this says is so.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn validate_by_wasmparser(
    wire_bytes: &[u8],
    module: &WasmModule,
    validation: &FuncValidation,
    func: DefinedFuncIndex,
    memory: &mut BodyMemory,
) -> Result<(), CompileError> {
    let body = body_reader(wire_bytes, module, func)?;
    let Some(to_validate) = validation.func(module, func) else { return Ok(()) };
    let mut validator = to_validate.into_validator(memory.take_allocations());
    let result = validator.validate(&body);
    memory.give_allocations(validator.into_allocations());
    result?;
    check_limits(&body)
}

/// What is valid but beyond the engine's own limits, and would be refused by a compiler, however late.
fn check_limits(body: &FunctionBody<'_>) -> Result<(), CompileError> {
    // A target is a byte at least.
    if body.as_bytes().len() <= limits::BR_TABLE_TARGET_COUNT {
        return Ok(());
    }
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, position) = operators.read_with_offset()?;
        if let Operator::BrTable { targets } = operator {
            check_targets(targets.len(), usize::try_from(position).ok())?;
        }
    }
    Ok(())
}

/// Checks how many targets a `br_table` has, by its position in the module.
///
/// # Errors
///
/// More than the limit.
pub fn check_targets(count: u32, position: Option<usize>) -> Result<(), CompileError> {
    if count as usize <= limits::BR_TABLE_TARGET_COUNT {
        return Ok(());
    }
    let message = format!("br_table with {count} targets, more than {}", limits::BR_TABLE_TARGET_COUNT);
    Err(CompileError::limit(message, position))
}
