//! The optimizing tier: validation, WebAssembly to CLIF in one pass, then Cranelift.
//!
//! ```text
//! body ─ validation ─ func (one operator after the other) ─► CLIF ─ Cranelift ─► emit ─► Artifact
//!          ├ control  frame          blocks, branches, labels
//!          ├ variable numeric simd   values
//!          ├ memory bulk bounds atomic  linear memory
//!          ├ table call builtin exception  everything that leaves the function
//!          └ meter                   fuel and polls
//! ```
//!
//! **Invariant:** translation never recurses on nesting, never fails on a valid body but for limits, and its output depends on
//! nothing but environment, function, variant and the instruction set it was built for.

#![forbid(unsafe_code)]

mod atomic;
mod bounds;
mod builtin;
mod bulk;
mod call;
mod control;
mod convert;
mod emit;
mod exception;
mod exception_legacy;
mod extend;
mod feedback;
mod frame;
mod func;
mod gc;
mod global;
mod guard;
mod inline;
mod integer;
mod isa;
mod local;
mod memory;
mod meter;
mod numeric;
mod osr;
mod passes;
mod placement;
mod rare_call;
mod reference;
mod regions;
mod relaxed;
mod relay;
mod signature;
mod simd;
mod stack;
mod sunk;
mod table;
#[cfg(test)]
mod tests;
mod unroll;
mod variable;
mod wide;

use std::fmt;

use cranelift_codegen::{CodegenError, Context};

use crate::abi::artifact::{Artifact, CodeVariant, Entry, Tier};
use crate::abi::cpu::CpuFeatures;
use crate::base::DefinedFuncIndex;
use crate::base::tuning::{BACKTRACKING_BLOCK_MAX, OPTIMIZED_BLOCK_MAX};
use crate::codegen::compiler::{Compiler, Feedback, Phase, Scratch, UnitContext, UnitError};
use crate::codegen::env::CompileEnv;
use crate::codegen::optimizing::func::{Allocations, Body, How};
use crate::codegen::optimizing::isa::{Allocator, Isas};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::{Features, validate_body};

/// The optimizing compiler.
pub struct Optimizing {
    isas: Isas,
}

/// What a worker keeps between functions: allocations.
struct Memory {
    context: Context,
    allocations: Allocations,
}

impl Optimizing {
    /// A compiler for the machine that it runs on.
    ///
    /// # Errors
    ///
    /// Cranelift has no back end for this machine, or lacks an instruction set extension it needs.
    pub fn new() -> Result<Optimizing, String> {
        Optimizing::for_processor(CpuFeatures::host())
    }

    /// A compiler whose code runs on processors with these extensions, whatever this one has.
    ///
    /// # Errors
    ///
    /// They are not enough: SSSE3 and SSE4.1 are needed.
    pub fn for_processor(features: CpuFeatures) -> Result<Optimizing, String> {
        Ok(Optimizing { isas: Isas::new(features)? })
    }

    fn compile_in(
        &self,
        memory: &mut Memory,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut Stop<'_>,
    ) -> Result<Artifact, UnitError> {
        unit.poll()?;
        memory.context.clear();
        let body = Body::new(env, func, variant)?;
        if !unit.is_valid {
            (unit.phase)(Phase::Validate);
            validate_body(env.bodies(), &env.module, &env.validation, func, &mut memory.allocations.validator)?;
        }
        (unit.phase)(Phase::Compile);
        let loops = match unit.entry {
            Entry::Call => Vec::new(),
            Entry::Loop(position) => body.loop_states(position, &mut memory.allocations)?,
        };
        let how = How { loops: &loops, feedback: unit.feedback, stop: unit.stop };
        body.translate(&mut memory.context.func, &mut memory.allocations, &self.isas, how)?;
        *unit.detected |= memory.allocations.state.detected;
        memory.allocations.state.returning_calls.sort_by_key(|call| call.location.bits());
        unit.poll()?;

        relay::put_relays(&mut memory.context.func);
        let blocks = memory.context.func.dfg.num_blocks();
        if blocks > OPTIMIZED_BLOCK_MAX {
            return Err(UnitError::TierUnable(format!("{blocks} basic blocks, more than {OPTIMIZED_BLOCK_MAX}")));
        }
        let allocator = if blocks > BACKTRACKING_BLOCK_MAX { Allocator::SinglePass } else { Allocator::Backtracking };
        let isa = self.isas.get(env.settings.canonicalize_nans, allocator).map_err(|error| bug(error, None))?;
        let compiled = passes::compile(&mut memory.context, &*isa, unit.stop)?;
        let code = compiled.map_err(|error| unit_error(error, &memory.context))?;
        let alignment = isa.function_alignment().preferred;
        let (calls, inlined) = (&memory.allocations.state.returning_calls, memory.allocations.state.inlined.as_slice());
        let made = emit::artifact(&code, &memory.context.func, func, variant, body.offset(), alignment, calls)?;
        let state_bytes = loops.first().map_or(0, |state| state.bytes);
        Ok(Artifact { entry: unit.entry, state_bytes, inlined: inlined.into(), ..made })
    }
}

/// The part of a [`UnitContext`] that is not memory.
struct Stop<'a> {
    entry: Entry,
    feedback: Option<&'a dyn Feedback>,
    is_valid: bool,
    stop: &'a dyn Fn() -> bool,
    detected: &'a mut Features,
    phase: &'a mut dyn FnMut(Phase),
}

impl Stop<'_> {
    fn poll(&self) -> Result<(), UnitError> {
        if (self.stop)() { Err(UnitError::Stopped) } else { Ok(()) }
    }
}

impl Compiler for Optimizing {
    fn tier(&self) -> Tier {
        Tier::Optimized
    }

    fn new_scratch(&self) -> Scratch {
        Scratch::new(Memory { context: Context::new(), allocations: Allocations::default() })
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        let mut stop = Stop {
            entry: unit.entry,
            feedback: unit.feedback,
            is_valid: unit.is_valid,
            stop: unit.stop,
            detected: unit.detected,
            phase: unit.phase,
        };
        match unit.scratch.get_mut::<Memory>() {
            Some(memory) => self.compile_in(memory, env, func, variant, &mut stop),
            None => Err(bug("scratch of another compiler", None)),
        }
    }
}

impl fmt::Debug for Optimizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizing").field("isas", &self.isas).finish()
    }
}

/// A defect of this compiler or of Cranelift.
fn bug(message: impl Into<String>, offset: Option<usize>) -> UnitError {
    UnitError::Module(CompileError::new(CompileErrorKind::EngineBug, message, offset))
}

/// What Cranelift refuses for its size, another tier may take; everything else is a defect.
fn unit_error(error: CodegenError, context: &Context) -> UnitError {
    match error {
        CodegenError::ImplLimitExceeded => UnitError::TierUnable("function exceeds an implementation limit of Cranelift".into()),
        CodegenError::CodeTooLarge => UnitError::TierUnable("machine code of the function is too large".into()),
        CodegenError::Unsupported(what) => UnitError::TierUnable(what),
        error => bug(cranelift_codegen::print_errors::pretty_error(&context.func, error), None),
    }
}
