//! What a loop version finds in the state of its loop ([`osr`](crate::abi::osr)): the types at the loop's header.
//!
//! *Idea.* Validation knows them. It goes over the body again, up to the header, and is asked what is on its stacks there; the slots
//! follow from the types.

use wasmparser::{
    FrameKind, FuncValidator, FuncValidatorAllocations, FunctionBody, HeapType, Operator, OperatorsReader, UnpackedIndex,
    ValType, ValidatorResources, WasmModuleResources,
};

use crate::abi::call::needs_return_area;
use crate::abi::osr::{STATE_BYTES, SlotOffsets};
use crate::base::DefinedFuncIndex;
use crate::codegen::common::kind::Kind;
use crate::codegen::compiler::UnitError;
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};

/// A value of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::codegen) struct Slot {
    pub kind: Kind,
    /// Distance from the end of the state.
    pub offset: u32,
    /// Whether it is the exception that an open clause of a legacy `try` handles, and no operand of the program.
    pub is_exception: bool,
}

/// A block around the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::codegen) struct Around {
    /// Byte offset of its operator in the module.
    pub position: u64,
    /// Whether it is a loop.
    pub is_loop: bool,
    /// How many operands of the state lie below those of the block. The exception of a clause lies above.
    pub height: usize,
    /// Which operand is the exception, if a clause of the block is open.
    pub exception: Option<usize>,
}

/// The state of a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::codegen) struct LoopState {
    /// Where the address of the return area is, if the function has one.
    pub area: Option<u32>,
    pub locals: Vec<Slot>,
    /// From the bottom of the stack; the parameters of the loop last.
    pub operands: Vec<Slot>,
    /// The blocks that are open, from the outside, the loop itself last.
    pub around: Vec<Around>,
    /// Bytes of all slots.
    pub bytes: u32,
}

impl LoopState {
    /// Positions of the loops around the loop, from the inside.
    pub fn loops_around(&self) -> impl Iterator<Item = u64> {
        self.around.iter().rev().skip(1).filter(|around| around.is_loop).map(|around| around.position)
    }

    /// The state at the header of the loop whose operator is at a byte offset of the module.
    ///
    /// # Errors
    ///
    /// There is no such loop, or its state is too large.
    pub fn new(
        env: &CompileEnv,
        func: DefinedFuncIndex,
        body: &FunctionBody<'_>,
        position: u64,
        allocations: &mut FuncValidatorAllocations,
    ) -> Result<LoopState, UnitError> {
        let Some(to_validate) = env.validation.func(&env.module, func) else {
            return Err(CompileError::new(CompileErrorKind::EngineBug, "a body in a module without functions", None).into());
        };
        let mut validator = to_validate.into_validator(std::mem::take(allocations));
        let found = find(env, body, position, &mut validator);
        let state = found.and_then(|positions| {
            let module = &env.module;
            let func_type = module.func_type(module.func_index(func));
            Reader { validator: &validator }.state(needs_return_area(&func_type.results), &positions)
        });
        *allocations = validator.into_allocations();
        state
    }
}

/// Validates up to the loop, and gives the positions of all blocks that are open around it, and its own, with whether each is a loop.
fn find(
    env: &CompileEnv,
    body: &FunctionBody<'_>,
    position: u64,
    validator: &mut FuncValidator<ValidatorResources>,
) -> Result<Vec<(u64, bool)>, UnitError> {
    let mut reader = body.get_binary_reader();
    reader.set_features(env.validation.features());
    validator.read_locals(&mut reader).map_err(CompileError::from)?;
    let mut operators = OperatorsReader::new(reader);
    let mut open = Vec::new();
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset().map_err(CompileError::from)?;
        match operator {
            Operator::Loop { .. } if at == position => {
                open.push((at, true));
                return Ok(open);
            }
            Operator::Loop { .. } => open.push((at, true)),
            Operator::Block { .. } | Operator::If { .. } | Operator::Try { .. } | Operator::TryTable { .. } => {
                open.push((at, false));
            }
            Operator::End | Operator::Delegate { .. } => {
                open.pop();
            }
            _ => {}
        }
        validator.op(at, &operator).map_err(CompileError::from)?;
    }
    Err(UnitError::TierUnable(format!("no loop begins at offset {position}")))
}

struct Reader<'a> {
    validator: &'a FuncValidator<ValidatorResources>,
}

impl Reader<'_> {
    /// The loop is not open yet: its parameters are the topmost operands.
    fn state(&self, has_area: bool, positions: &[(u64, bool)]) -> Result<LoopState, UnitError> {
        let mut offsets = SlotOffsets::default();
        let area = has_area.then(|| offsets.next(false));
        let mut slot = |kind, is_exception| {
            let offset = offsets.next(kind == Kind::V128);
            if offset as usize > STATE_BYTES {
                return Err(UnitError::TierUnable(format!("the state of a loop takes more than {STATE_BYTES} bytes")));
            }
            Ok(Slot { kind, offset, is_exception })
        };
        let mut locals = Vec::new();
        for index in 0..self.validator.len_locals() {
            let ty = self.validator.get_local_type(index).ok_or_else(unreachable_loop)?;
            locals.push(slot(self.kind(ty), false)?);
        }
        let (mut operands, mut around) = (Vec::new(), Vec::new());
        let (frames, values) = (self.validator.control_stack_height() as usize, self.validator.operand_stack_height() as usize);
        // The outermost frame is the body, which no operator opens.
        let mut taken = 0;
        for (nth, &(position, is_loop)) in positions.iter().enumerate() {
            let frame = self.validator.get_control_frame(frames.saturating_sub(nth + 2)).filter(|_| nth + 1 < frames);
            let end = frame.map_or(values, |frame| frame.height);
            for index in taken..end {
                let ty = self.validator.get_operand_type(values - 1 - index).flatten().ok_or_else(unreachable_loop)?;
                operands.push(slot(self.kind(ty), false)?);
            }
            taken = end;
            let height = operands.len();
            let is_handling = frame.is_some_and(|frame| matches!(frame.kind, FrameKind::LegacyCatch | FrameKind::LegacyCatchAll));
            if is_handling {
                operands.push(slot(Kind::Ref, true)?);
            }
            around.push(Around { position, is_loop, height, exception: is_handling.then_some(height) });
        }
        let bytes = offsets.bytes();
        Ok(LoopState { area, locals, operands, around, bytes })
    }

    fn kind(&self, ty: ValType) -> Kind {
        match ty {
            ValType::I32 => Kind::I32,
            ValType::I64 => Kind::I64,
            ValType::F32 => Kind::F32,
            ValType::F64 => Kind::F64,
            ValType::V128 => Kind::V128,
            ValType::Ref(ty) => {
                let is_func = match ty.heap_type() {
                    HeapType::Abstract { ty, .. } => {
                        matches!(ty, wasmparser::AbstractHeapType::Func | wasmparser::AbstractHeapType::NoFunc)
                    }
                    HeapType::Concrete(UnpackedIndex::Id(id)) | HeapType::Exact(UnpackedIndex::Id(id)) => {
                        let ty = &self.validator.resources().sub_type_at_id(id).composite_type.inner;
                        matches!(ty, wasmparser::CompositeInnerType::Func(_))
                    }
                    HeapType::Concrete(_) | HeapType::Exact(_) => false,
                };
                if is_func { Kind::Func } else { Kind::Ref }
            }
        }
    }
}

fn unreachable_loop() -> UnitError {
    UnitError::TierUnable("the loop is never reached".into())
}
