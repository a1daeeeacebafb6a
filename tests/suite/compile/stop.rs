//! Compilers that are told to stop.

use std::cell::Cell;
use std::sync::Arc;

use deltic::abi::artifact::{Artifact, CodeVariant, Entry};
use deltic::abi::vmctx::VmLayout;
use deltic::base::DefinedFuncIndex;
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use deltic::codegen::env::{CodeSettings, CompileEnv};
use deltic::codegen::optimizing::Optimizing;
use deltic::wasm::decode::decode_with;
use deltic::wasm::validate::{Features, accepted_features};

/// One function with so many operators of each kind.
fn environment(count: usize) -> CompileEnv {
    let operators = "(if (i32.eqz (local.get 0)) (then (local.set 0 (i32.mul (local.get 0) (i32.const 3)))))".repeat(count);
    let bytes = wat::parse_str(format!("(module (func (param i32) (result i32) {operators} (local.get 0)))")).expect("a module");
    let decoded = decode_with(bytes.into(), accepted_features()).expect("a module");
    CompileEnv {
        layout: VmLayout::new(&decoded.module),
        wire_bytes: decoded.wire_bytes,
        module: decoded.module,
        validation: decoded.validation,
        settings: CodeSettings::default(),
    }
}

/// Compiles the function, and stops at a poll. With how often there was one.
fn compile(
    compiler: &dyn Compiler,
    env: &CompileEnv,
    scratch: &mut Scratch,
    stop_at: usize,
) -> (Result<Artifact, UnitError>, usize) {
    let polls = Cell::new(0);
    let mut unit = UnitContext {
        scratch,
        detected: &mut Features::empty(),
        entry: Entry::Call,
        feedback: None,
        is_valid: false,
        stop: &|| {
            polls.set(polls.get() + 1);
            polls.get() >= stop_at
        },
        phase: &mut |_| {},
    };
    let made = compiler.compile(env, DefinedFuncIndex::from_u32(0), CodeVariant::Guarded, &mut unit);
    (made, polls.get())
}

/// A unit may stop at every poll, and whatever was compiled with its memory before, the code of the next is the same.
fn stops_everywhere(compiler: Arc<dyn Compiler>, poll_min: usize) {
    let env = environment(10_000);
    let (made, count) = compile(&*compiler, &env, &mut compiler.new_scratch(), usize::MAX);
    let made = made.expect("code");
    assert!(count >= poll_min, "{count} polls");
    let mut scratch = compiler.new_scratch();
    for stop_at in 1..=count {
        let (stopped, polls) = compile(&*compiler, &env, &mut scratch, stop_at);
        assert_eq!((stopped.err(), polls), (Some(UnitError::Stopped), stop_at));
    }
    assert!(compile(&*compiler, &env, &mut scratch, usize::MAX).0.expect("code") == made);
}

/// At the beginning, and every 16 KiB of a body of 130,000 bytes.
#[test]
fn the_baseline_tier_stops_inside_of_functions() {
    stops_everywhere(Arc::new(Baseline::new()), 8);
}

/// At the beginning, every 4,096 of 80,000 operators, and between Cranelift's passes: flow graph, dominators, unreachable code, constant
/// parameters, optimization with the loops and both graphs again, lowering, allocation, emission.
#[test]
fn the_optimizing_tier_stops_between_passes() {
    stops_everywhere(Arc::new(Optimizing::new().expect("a compiler")), 16 + 12);
}
