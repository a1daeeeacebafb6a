//! The baseline tier: machine code in one pass over the operators.
//!
//! ```text
//! common::operators (decoded and validated) ─► body (one operator after the other) ─► asm ─ finish ─► Artifact
//!          ├ frequent                  the operators that bodies have most of, from their bytes
//!          ├ state moves registers     where values are, and how they get elsewhere
//!          ├ control                   blocks, branches, and where values are at labels
//!          ├ variable integer wide float convert   values
//!          ├ vector …                  vectors
//!          ├ memory atomic table call  everything else
//!          ├ object structure array cast    objects of the heap
//!          ├ exception exception_legacy     throwing and catching
//!          └ meter                     fuel and polls
//! ```
//!
//! *Problem.* A module shall run soon after its bytes are there. *Idea.* No intermediate form: each operator is compiled when it is
//! read, with its operands where the operators before left them: in registers, in slots of the frame, as constants, or in the flags. Where
//! control comes together the first branch decides, and later ones move values to where the first had them (as V8's Liftoff does).
//!
//! **Invariants:** time and memory are linear in the body. A register holds integers and references of 32 bits zero-extended. At a call every
//! reference of the heap is in its slot, and no register but those that calls preserve holds a value. What this tier does not take it
//! says, and the optimizing tier compiles the function.

#![forbid(unsafe_code)]

mod array;
mod atomic;
mod body;
mod call;
mod cast;
mod control;
mod convert;
mod exception;
mod exception_legacy;
mod finish;
mod float;
mod frequent;
mod function;
mod integer;
mod memory;
mod meter;
mod moves;
mod object;
mod profile;
mod registers;
mod state;
mod structure;
mod table;
mod variable;
mod vector;
mod vector_compare;
mod vector_convert;
mod vector_float;
mod vector_integer;
mod vector_lane;
mod vector_memory;
mod vector_relaxed;
mod vector_shift;
mod wide;

use crate::abi::artifact::{Artifact, CodeVariant, Entry, Tier};
use crate::abi::call::CallLayout;
use crate::abi::cpu::CpuFeatures;
use crate::asm::x64::Assembler;
use crate::base::DefinedFuncIndex;
use crate::codegen::baseline::function::{Buffers, Cpu, Function};
use crate::codegen::common::bodies;
use crate::codegen::common::operators::Operators;
use crate::codegen::compiler::{Compiler, Phase, Scratch, UnitContext, UnitError};
use crate::codegen::env::CompileEnv;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::{BodyMemory, Features};

/// The baseline compiler.
#[derive(Debug)]
pub struct Baseline {
    cpu: Cpu,
}

/// What a worker keeps between functions: allocations.
#[derive(Default)]
struct Memory {
    buffers: Buffers,
    prologue: Assembler,
    validator: BodyMemory,
}

impl Baseline {
    /// A compiler for the machine that it runs on.
    pub fn new() -> Baseline {
        Baseline::for_processor(CpuFeatures::host())
    }

    /// A compiler whose code runs on every x86-64 processor: what the oldest lack is done in other ways.
    pub fn for_oldest_processor() -> Baseline {
        Baseline::for_processor(CpuFeatures::empty())
    }

    /// A compiler whose code runs on processors with these extensions, whatever this one has.
    pub fn for_processor(features: CpuFeatures) -> Baseline {
        Baseline { cpu: Cpu::new(features) }
    }

    fn compile_in(
        &self,
        memory: &mut Memory,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        if (unit.stop)() {
            return Err(UnitError::Stopped);
        }
        if unit.entry != Entry::Call {
            return Err(UnitError::TierUnable("versions for loops are of the optimizing tier".into()));
        }
        (unit.phase)(Phase::Compile);
        let (body, offset) = bodies::read(env, func)?;
        let mut operators = Operators::new(env, func, &body, unit.is_valid, &mut memory.validator)?;
        memory.buffers.clear();
        let module = &*env.module;
        let exit = memory.buffers.asm.buffer.new_label();
        let func_type = module.func_type(module.func_index(func));
        let mut function = Function {
            env,
            module,
            func,
            func_type,
            layout: CallLayout::new(func_type),
            variant,
            buffers: &mut memory.buffers,
            prologue: std::mem::take(&mut memory.prologue),
            position: u32::try_from(offset).unwrap_or(u32::MAX),
            next: 0,
            reachable: true,
            skipped: 0,
            flags: None,
            fuel: 0,
            exit,
            area_bytes: 0,
            uses_memory_base: false,
            saves_all: false,
            own_area: None,
            detected: Features::empty(),
            cpu: self.cpu,
            profile_words: 0,
            stop: unit.stop,
        };
        function.begin();
        let result = function.translate(&body, &mut operators).and_then(|()| function.finish(offset));
        let detected = function.detected;
        memory.prologue = function.prologue;
        *unit.detected |= detected | operators.detected;
        operators.finish(&mut memory.validator);
        result
    }
}

impl Default for Baseline {
    fn default() -> Self {
        Baseline::new()
    }
}

impl Compiler for Baseline {
    fn tier(&self) -> Tier {
        Tier::Baseline
    }

    fn new_scratch(&self) -> Scratch {
        Scratch::new(Some(Box::<Memory>::default()))
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        let Some(memory) = unit.scratch.get_mut::<Option<Box<Memory>>>().map(Option::take) else {
            return Err(UnitError::Module(CompileError::new(CompileErrorKind::EngineBug, "scratch of another compiler", None)));
        };
        let mut memory = memory.unwrap_or_default();
        let result = self.compile_in(&mut memory, env, func, variant, unit);
        if let Some(place) = unit.scratch.get_mut::<Option<Box<Memory>>>() {
            *place = Some(memory);
        }
        result
    }
}
