//! Inlining: the body of a function in the place of a call of it.
//!
//! *Problem.* A call costs some ten instructions, and keeps Cranelift from seeing through it; small functions do less than that. *Idea.* A body
//! is a block with the callee's results, whose locals are new variables: the translation of the caller goes on with the operators
//! of the callee, and `return` is a branch to that block. Exceptions, fuel and traps need nothing of their own.
//!
//! What is inlined: bodies of up to [`INLINED_BYTES`], and larger ones that are hot, up to a budget that follows from the caller's size, a few
//! levels deep. Only functions that are compiled because they do much inline at all: compiling ahead of time says nothing about what is worth
//! it. Bodies with tail calls stay calls.
//!
//! Positions of inlined operators are numbers beyond the module's bytes, a range for each body ([`InlinedBody`]), so that a
//! backtrace shows the frames that there would be.

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8X16};
use cranelift_codegen::ir::{InstBuilder, SourceLoc, Value};
use smallvec::SmallVec;
use wasmparser::{BlockType, Operator, OperatorsReader};

use crate::abi::artifact::InlinedBody;
use crate::abi::profile::Profile;
use crate::base::sync::Arc;
use crate::base::tuning::{
    INLINED_BYTES, INLINED_DEPTH, INLINED_HOT_BYTES, INLINED_LOCALS_MAX, INLINED_RECURSION, INLINED_SHARE, INLINED_TIMES,
    INLINED_TOTAL_BYTES, INLINED_TOTAL_MAX_BYTES,
};
use crate::base::{DefinedFuncIndex, FuncIndex, TypeIndex};
use crate::codegen::common::bodies;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Result, Translator};
use crate::codegen::optimizing::local::LocalPlace;
use crate::codegen::optimizing::signature::SlotType;
use crate::wasm::error::CompileError;
use crate::wasm::module::BranchHint;
use crate::wasm::types::FuncType;

/// The function whose operators are translated: the one that is compiled, or one that is inlined.
pub(super) struct Inside<'a> {
    pub func: DefinedFuncIndex,
    pub func_type: &'a FuncType,
    /// Which way branches mostly go, and where in the module the body begins that they count from.
    pub hints: (&'a [BranchHint], u64),
    /// The variable that its first local is.
    pub first_local: u32,
    /// What is added to the positions of its operators to get their numbers.
    pub shift: u32,
    /// The frame that is its body.
    pub frame: usize,
    /// What its calls have recorded, and how many words those have that came so far.
    pub profile: Option<Arc<Profile>>,
    pub profile_words: u32,
}

impl<'a> Translator<'a> {
    /// Whether a call here is better the callee's body. It was made so often, if anybody knows.
    pub(super) fn is_inlined(&self, callee: DefinedFuncIndex, count: Option<u32>) -> bool {
        let Some(feedback) = self.feedback else { return false };
        let evidence = self.evidence();
        // The callee's own state says so only where nothing was recorded: it may be about to ask for better code.
        let is_frequent = || match count {
            Some(count) => count >= (evidence / INLINED_SHARE).max(INLINED_TIMES),
            None => feedback.is_hot(callee),
        };
        let bytes = self.module.bodies[callee].len();
        let is_cold = self.builder.current_block().is_some_and(|block| self.builder.func.layout.is_cold(block));
        if self.local_place != LocalPlace::Variables || is_cold || self.is_before_arrival() || self.outside.len() >= INLINED_DEPTH
        {
            return false;
        }
        let total = self.state.inlined_bytes + bytes;
        let own = self.module.bodies[self.outside.first().map_or(self.inside.func, |outermost| outermost.func)].len();
        let recursion = self.outside.iter().chain([&self.inside]).filter(|inside| inside.func == callee).count();
        count != Some(0)
            && bytes <= INLINED_HOT_BYTES
            && (bytes <= INLINED_BYTES || is_frequent())
            && total <= (own / 2).clamp(INLINED_TOTAL_BYTES, INLINED_TOTAL_MAX_BYTES)
            && recursion <= INLINED_RECURSION
            && self.may_inline(callee)
    }

    /// Whether a body has neither tail calls, which would need the caller's frame gone, nor more locals than is sensible.
    fn may_inline(&self, callee: DefinedFuncIndex) -> bool {
        let Ok((body, _)) = bodies::read(self.env, callee) else { return false };
        let mut reader = body.get_binary_reader();
        let mut locals = 0;
        let counted = bodies::read_locals(&mut reader, 0, |_, count| {
            locals += count;
            Ok::<(), CompileError>(())
        });
        if counted.is_err() || locals > INLINED_LOCALS_MAX {
            return false;
        }
        let mut operators = OperatorsReader::new(reader);
        while !operators.eof() {
            match operators.read() {
                Ok(Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. })
                | Err(_) => {
                    return false;
                }
                Ok(_) => {}
            }
        }
        true
    }

    /// Translates the body of a function in the place of a call.
    pub(super) fn inline(&mut self, func: FuncIndex, callee: DefinedFuncIndex) -> Result {
        self.flush_fuel();
        let ty: TypeIndex = self.module.funcs[func];
        let (body, offset) = bodies::read(self.env, callee)?;
        let inside = self.begin_inlined(callee, ty, body.as_bytes().len(), offset);
        let params = inside.func_type.params.len();
        let outside = std::mem::replace(&mut self.inside, inside);
        self.outside.push(outside);
        self.state.inlined_bytes += body.as_bytes().len();
        let mut reader = body.get_binary_reader();
        reader.set_features(self.env.validation.features());
        let mut declared: SmallVec<[SlotType; 8]> = SmallVec::new();
        bodies::read_locals(&mut reader, params, |ty, count| {
            declared.extend((0..count).map(|_| self.slot_type(ty)));
            Ok::<(), CompileError>(())
        })?;
        for ty in declared {
            // Variables without definition are zero, but a loop around the call may have defined it.
            let (variable, zero) = (self.new_variable(ty), self.zero(ty));
            self.builder.def_var(variable, zero);
        }
        self.enter();
        // Too many variables are noticed again where the caller goes on.
        self.operators(reader)?;
        if let Some(outside) = self.outside.pop() {
            self.inside = outside;
        }
        Ok(())
    }

    /// Opens the block that the body is, with the arguments in its first locals.
    fn begin_inlined(&mut self, callee: DefinedFuncIndex, ty: TypeIndex, bytes: usize, offset: usize) -> Inside<'a> {
        let module = self.module;
        let func_type = module.signature(ty);
        let start = self.canonical_top(func_type.params.len());
        let arguments: SmallVec<[Value; 8]> = self.state.values.drain(start..).collect();
        let mut first_local = None;
        for (&param, value) in func_type.params.iter().zip(arguments) {
            let variable = self.new_variable(SlotType::of(param));
            self.builder.def_var(variable, value);
            first_local.get_or_insert(variable.as_u32());
        }
        let call = self.builder.srcloc();
        let first = self.state.inlined.last().map_or(self.env.wire_bytes.len() as u32, InlinedBody::end);
        self.state.inlined.push(InlinedBody {
            func: callee,
            first,
            bytes: bytes as u32 + 1,
            start: offset as u32,
            call: call.bits(),
        });
        // Its parameters are locals, not operands.
        self.push_frame(FrameKind::Block, BlockType::Empty, true);
        let frame = self.frame_at(0);
        self.state.frames[frame].ty = BlockType::FuncType(ty.as_u32());
        let hints = if self.env.settings.branch_hints { module.hints_of(callee) } else { &[] };
        Inside {
            func: callee,
            func_type,
            hints: (hints, u64::from(module.bodies[callee].start)),
            first_local: first_local.unwrap_or(self.next_variable),
            shift: first.wrapping_sub(offset as u32),
            frame,
            profile: self.feedback.and_then(|feedback| feedback.profile(callee)),
            profile_words: 0,
        }
    }

    fn zero(&mut self, ty: SlotType) -> Value {
        match ty.clif {
            F32 => self.builder.ins().f32const(Ieee32::with_bits(0)),
            F64 => self.builder.ins().f64const(Ieee64::with_bits(0)),
            I8X16 => {
                let zeros = self.builder.func.dfg.constants.insert(vec![0; 16].into());
                self.builder.ins().vconst(I8X16, zeros)
            }
            clif => self.builder.ins().iconst(clif, 0),
        }
    }

    /// What follows is translated from the operator at a position.
    pub(super) fn locate(&mut self, position: u64) {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        self.builder.set_srcloc(SourceLoc::new(position.wrapping_add(self.inside.shift)));
    }

    /// Whether what is translated is inlined.
    pub(super) fn is_inside(&self) -> bool {
        !self.outside.is_empty()
    }
}
