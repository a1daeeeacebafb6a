//! One function, which is valid: reads its operators, and translates each.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{self, Function, GlobalValueData, InstBuilder, MemFlagsData, UserFuncName, Value};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::{BinaryReader, BlockType, FunctionBody, Operator, OperatorsReader};

use crate::abi::artifact::CodeVariant;
use crate::abi::call::needs_return_area;
use crate::abi::vmctx;
use crate::base::DefinedFuncIndex;
use crate::base::tuning::TRANSLATED_BETWEEN_POLLS;
use crate::codegen::common::loop_state::LoopState;
use crate::codegen::common::{bodies, features};
use crate::codegen::compiler::{Feedback, UnitError};
use crate::codegen::env::CompileEnv;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::inline::Inside;
use crate::codegen::optimizing::isa::Isas;
use crate::codegen::optimizing::local::LocalPlace;
use crate::codegen::optimizing::osr::{Arrival, copied_loops, loop_signature};
use crate::codegen::optimizing::passes::StopFlag;
use crate::codegen::optimizing::regions::Flags;
use crate::codegen::optimizing::signature::signature;
use crate::codegen::optimizing::stack::State;
use crate::layout::block::STACK_LIMIT;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::WasmModule;
use crate::wasm::types::FuncType;
use crate::wasm::validate::BodyMemory;

pub(super) type Result<T = ()> = std::result::Result<T, UnitError>;

/// A body to translate.
pub(super) struct Body<'a> {
    env: &'a CompileEnv,
    func: DefinedFuncIndex,
    variant: CodeVariant,
    body: FunctionBody<'a>,
    offset: usize,
}

/// Translation of one function, between two operators.
pub(super) struct Translator<'a> {
    pub env: &'a CompileEnv,
    pub module: &'a WasmModule,
    pub func_type: &'a FuncType,
    pub variant: CodeVariant,
    pub builder: FunctionBuilder<'a>,
    pub state: &'a mut State,
    pub flags: Flags,
    /// The instance.
    pub vmctx: Value,
    /// The isolate block.
    pub block: Value,
    /// Where the results go, when they do not fit in registers.
    pub area: Option<Value>,
    /// Where the locals are.
    pub local_place: LocalPlace,
    /// The most blocks for the variables that there are.
    pub block_max: usize,
    /// Whose operators are translated, and in whose the body is inlined, from the outside.
    pub inside: Inside<'a>,
    pub outside: Vec<Inside<'a>>,
    /// What is known from running the module, if anything is inlined.
    pub feedback: Option<&'a dyn Feedback>,
    /// Says true when the function need not be finished: asked after so many operators.
    stop: StopFlag<'a>,
    until_poll: u32,
    /// The number of the variable that is made next.
    pub next_variable: u32,
    /// Whether the next operator can be reached.
    pub reachable: bool,
    /// Whether the processor multiplies and adds in one step.
    pub fused_multiply_add: bool,
    /// Fuel of the operators since it was last counted.
    pub fuel: u64,
    /// The loop that this copy of the body is entered at, if it is not called.
    pub arrival: Option<Arrival<'a>>,
}

impl<'a> Body<'a> {
    /// # Errors
    ///
    /// The body is not within the bytes, or larger than the limit.
    pub(super) fn new(env: &'a CompileEnv, func: DefinedFuncIndex, variant: CodeVariant) -> Result<Self> {
        let (body, offset) = bodies::read(env, func)?;
        Ok(Body { env, func, variant, body, offset })
    }

    /// Byte offset of the body in the module.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The states of the loop that code is to be entered at, whose operator is at a byte offset of the module, and of those around it that are
    /// translated apart.
    ///
    /// # Errors
    ///
    /// There is no such loop, or its state is too large.
    pub(super) fn loop_states(&self, position: u32, memory: &mut Allocations) -> Result<Vec<LoopState>> {
        let mut allocations = memory.validator.take_allocations();
        let mut state_of = |position| LoopState::new(self.env, self.func, &self.body, position, &mut allocations);
        let states = state_of(u64::from(position)).and_then(|state| {
            let around: Vec<u64> = copied_loops(&state, self.body.as_bytes().len()).collect();
            std::iter::once(Ok(state)).chain(around.into_iter().map(state_of)).collect()
        });
        memory.validator.give_allocations(allocations);
        states
    }

    /// Translates the body, which was validated, into `func`, which is empty: as a function, or as its version for a loop.
    ///
    /// # Errors
    ///
    /// The body exceeds a limit, or uses an operator that is not supported.
    pub(super) fn translate(
        &self,
        func: &mut Function,
        memory: &mut Allocations,
        isas: &Isas,
        How { loops, feedback, stop }: How<'_>,
    ) -> Result {
        // Locals in the frame are not read from a state: such functions take too long to be compiled several times. Without copies a version
        // has fewer variables.
        let attempts = match loops {
            [] => [(LocalPlace::Variables, loops), (LocalPlace::Frame, loops)],
            _ => [(LocalPlace::Variables, loops), (LocalPlace::Variables, &loops[..1])],
        };
        for (place, loops) in attempts {
            if self.translate_once(func, memory, isas, place, How { loops, feedback, stop })? == Outcome::Complete {
                return Ok(());
            }
            func.clear();
        }
        Err(UnitError::TierUnable("blocks with results are nested too deeply".into()))
    }

    fn translate_once(
        &self,
        func: &mut Function,
        memory: &mut Allocations,
        isas: &Isas,
        place: LocalPlace,
        How { loops, feedback, stop }: How<'_>,
    ) -> Result<Outcome> {
        // What an earlier function left behind when it failed must not be seen.
        memory.state.clear();
        let mut builder_context = std::mem::take(&mut memory.builder);
        let how = (place, feedback, stop, isas.has_fma());
        let translator = Translator::new(self, func, &mut builder_context, &mut memory.state, how, !loops.is_empty());
        let result = translator.run(&self.body, isas.frontend_config(), loops);
        if let Ok(Outcome::Complete) = result {
            memory.builder = builder_context;
        }
        result
    }
}

/// What translation follows, besides the body.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// The states of the loop that code is entered at, and of those around it; none for a function that is called.
    pub loops: &'a [LoopState],
    /// What is known from running the module, if anything is to be inlined.
    pub feedback: Option<&'a dyn Feedback>,
    /// Says true when the function need not be finished.
    pub stop: StopFlag<'a>,
}

/// How translation ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    /// With too many variables for that many blocks.
    Overgrown,
}

/// Memory that serves one function after another.
#[derive(Default)]
pub(super) struct Allocations {
    pub builder: FunctionBuilderContext,
    pub validator: BodyMemory,
    pub state: State,
}

impl<'a> Translator<'a> {
    fn new(
        body: &Body<'a>,
        func: &'a mut Function,
        context: &'a mut FunctionBuilderContext,
        state: &'a mut State,
        (local_place, feedback, stop, fused_multiply_add): (LocalPlace, Option<&'a dyn Feedback>, StopFlag<'a>, bool),
        at_loop: bool,
    ) -> Self {
        let module: &'a WasmModule = &body.env.module;
        let func_type = module.func_type(module.func_index(body.func));
        let hints = if body.env.settings.branch_hints { module.hints_of(body.func) } else { &[] };
        func.name = UserFuncName::user(0, body.func.as_u32());
        func.signature = if at_loop { loop_signature(func_type) } else { signature(func_type) };
        let flags = Flags::new(func);
        set_stack_limit(func, &flags);

        let mut builder = FunctionBuilder::new(func, context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let params = builder.block_params(entry);
        let vmctx = params[0];
        // A version for a loop finds it in the state.
        let area = (needs_return_area(&func_type.results) && !at_loop).then(|| params[1]);
        let block = builder.ins().load(I64, flags.constant, vmctx, offset32(vmctx::BLOCK));
        Translator {
            env: body.env,
            module,
            func_type,
            variant: body.variant,
            builder,
            state,
            flags,
            vmctx,
            block,
            area,
            local_place,
            block_max: usize::MAX,
            inside: Inside {
                func: body.func,
                func_type,
                hints: (hints, u64::from(module.bodies[body.func].start)),
                first_local: 0,
                shift: 0,
                frame: 0,
                profile: feedback.and_then(|feedback| feedback.profile(body.func)),
                profile_words: 0,
            },
            outside: Vec::new(),
            feedback,
            stop,
            until_poll: TRANSLATED_BETWEEN_POLLS,
            next_variable: 0,
            reachable: true,
            fused_multiply_add,
            fuel: 0,
            arrival: None,
        }
    }

    fn run(mut self, body: &FunctionBody<'_>, frontend_config: TargetFrontendConfig, loops: &'a [LoopState]) -> Result<Outcome> {
        let mut reader = body.get_binary_reader();
        reader.set_features(self.env.validation.features());
        self.declare_locals(&mut reader, loops.is_empty())?;
        self.begin_arrival(loops);
        loop {
            self.push_frame(FrameKind::Body, BlockType::Empty, true);
            self.enter();
            if self.operators(reader.clone())? == Outcome::Overgrown {
                return Ok(Outcome::Overgrown);
            }
            self.check_arrival()?;
            if !self.next_copy() {
                break;
            }
        }
        self.builder.finalize(frontend_config);
        Ok(Outcome::Complete)
    }

    /// Translates the operators of a body, up to its end, or until there are too many variables.
    pub(super) fn operators(&mut self, reader: BinaryReader<'_>) -> Result<Outcome> {
        let mut operators = OperatorsReader::new(reader);
        // The body of a loop that is being unrolled.
        let mut unrolled = None;
        while !operators.eof() {
            self.poll()?;
            let (operator, position) = operators.read_with_offset().map_err(CompileError::from)?;
            self.state.detected |= features::of(&operator);
            self.locate(position);
            if let (Operator::End, Some(body)) = (&operator, &unrolled)
                && self.begin_iteration()
            {
                operators = OperatorsReader::clone(body);
                continue;
            }
            let was_reachable = self.reachable;
            self.operator(&operator, position)?;
            if let Operator::Loop { .. } = operator
                && was_reachable
            {
                unrolled = self.begin_unrolling(&operators).then(|| operators.clone());
            }
            if self.is_overgrown() {
                return Ok(Outcome::Overgrown);
            }
        }
        operators.finish().map_err(CompileError::from)?;
        Ok(Outcome::Complete)
    }

    /// Asks, now and then, whether to stop.
    fn poll(&mut self) -> Result {
        self.until_poll -= 1;
        if self.until_poll == 0 {
            self.until_poll = TRANSLATED_BETWEEN_POLLS;
            if (self.stop)() {
                return Err(UnitError::Stopped);
            }
        }
        Ok(())
    }

    /// Dispatches by family, the frequent ones first.
    fn operator(&mut self, operator: &Operator<'_>, position: u64) -> Result {
        if !self.reachable {
            self.skip_site(operator);
            self.unreachable_operator(operator);
            return Ok(());
        }
        self.count(operator);
        self.note_block(operator, position);
        let taken = self.variable_operator(operator)
            || self.integer_operator(operator)
            || self.memory_operator(operator)
            || self.control_operator(operator, position)?
            || self.call_operator(operator)?
            || self.numeric_operator(operator)
            || self.convert_operator(operator)
            || self.table_operator(operator)
            || self.reference_operator(operator)
            || self.gc_operator(operator)
            || self.simd_operator(operator)
            || self.relaxed_operator(operator)
            || self.atomic_operator(operator)
            || self.wide_operator(operator)
            || self.exception_operator(operator);
        if taken {
            return Ok(());
        }
        let name = format!("{operator:?}");
        let name = name.split([' ', '{']).next().unwrap_or_default();
        let offset = usize::try_from(position).ok();
        Err(CompileError::new(CompileErrorKind::Unsupported, format!("operator {name}"), offset).into())
    }

    /// Flags of an access to what never changes: it may be moved, and occupy a register in loops, unless it stands in cold code.
    pub(super) fn constant_here(&self) -> MemFlagsData {
        let is_cold = self.builder.current_block().is_some_and(|block| self.builder.func.layout.is_cold(block));
        if is_cold { self.flags.pinned } else { self.flags.constant }
    }

    /// A word of the vmctx that never changes, loaded in the entry block: Cranelift computes it where it is first needed.
    pub(super) fn vmctx_constant(&mut self, offset: u32) -> Value {
        let flags = self.constant_here();
        if flags == self.flags.pinned {
            return self.builder.ins().load(I64, flags, self.vmctx, offset32(offset));
        }
        if let Some(&(_, value)) = self.state.constants.iter().find(|(known, _)| *known == offset) {
            return value;
        }
        let entry = self.builder.func.layout.entry_block().expect("the entry block is inserted");
        let mut cursor = FuncCursor::new(self.builder.func);
        cursor.goto_first_insertion_point(entry);
        let value = cursor.ins().load(I64, self.flags.constant, self.vmctx, offset32(offset));
        self.state.constants.push((offset, value));
        value
    }
}

/// An offset in one of the engine's own structures: those are small.
pub(super) fn offset32(offset: impl TryInto<i32>) -> Offset32 {
    Offset32::new(offset.try_into().unwrap_or(i32::MAX))
}

/// The prologue compares the stack pointer with the isolate's limit, at its present value: `[[vmctx + BLOCK] + STACK_LIMIT]`.
fn set_stack_limit(func: &mut Function, flags: &Flags) {
    let constant = func.dfg.mem_flags.insert_unchecked(flags.constant);
    let vmctx = func.create_global_value(GlobalValueData::VMContext);
    let load = |base, offset: usize, flags| GlobalValueData::Load { base, offset: offset32(offset), global_type: I64, flags };
    let block = func.create_global_value(load(vmctx, vmctx::BLOCK as usize, constant));
    let limit_flags = func.dfg.mem_flags.insert_unchecked(flags.block);
    let limit = func.create_global_value(load(block, STACK_LIMIT, limit_flags));
    func.stack_limit = Some(limit);
}

/// The name that Cranelift has for a defined function.
pub(super) fn defined_func(name: &ir::UserExternalName) -> DefinedFuncIndex {
    DefinedFuncIndex::from_u32(name.index)
}
