//! Functions that are large in one dimension: they compile, or are refused with a reason.

use std::fmt::Write;

use super::harness::{compile_all, compile_text, compiler, env};
use crate::abi::artifact::{Artifact, CodeVariant, Entry};
use crate::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use crate::codegen::env::{CodeSettings, CompileEnv};
use crate::wasm::decode::decode_with;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::validate::{Features, accepted_features, validate_bodies};

fn compile(text: &str) -> Result<Vec<Artifact>, UnitError> {
    compile_text(text, CodeSettings::default(), CodeVariant::Guarded)
}

fn module_error<T: std::fmt::Debug>(result: Result<T, UnitError>) -> CompileError {
    match result {
        Err(UnitError::Module(error)) => error,
        other => panic!("expected an error of the module, found {other:?}"),
    }
}

/// A module with one function `() -> ()`.
fn one_function(body: &[u8]) -> Vec<u8> {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection};
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut function = Function::new([]);
    function.raw(body.iter().copied());
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn compile_bytes(bytes: &[u8]) -> Result<Vec<Artifact>, UnitError> {
    let env = env(bytes, CodeSettings::default())?;
    compile_all(&env, CodeVariant::Guarded, &mut compiler().new_scratch())
}

#[test]
fn nesting_has_no_depth() {
    const DEPTH: usize = 10_000;
    // block, loop, (i32.const 0) if; each with an empty type.
    for opening in [&[0x02, 0x40][..], &[0x03, 0x40], &[0x41, 0x00, 0x04, 0x40]] {
        let mut body = opening.repeat(DEPTH);
        body.extend(std::iter::repeat_n(0x0b, DEPTH + 1));
        assert_eq!(compile_bytes(&one_function(&body)).expect("compiles").len(), 1);
    }
}

#[test]
fn all_locals_that_are_allowed_cost_nothing_unless_used() {
    let text = "(module (func (result i32) (local i32) (local i64)";
    let locals = " (local i32 i64 f32 f64 v128)".repeat(9_999);
    let artifacts = compile(&format!("{text}{locals} (local.get 49992)))")).expect("compiles");
    assert!(artifacts[0].code.len() < 100);

    let error = module_error(compile(&format!("{text}{locals} (local i32 i32 i32 i32) (local.get 0)))")));
    // The validator has the same limit, and meets it first.
    assert_eq!(error.kind, CompileErrorKind::Invalid);
    assert!(error.offset.is_some());
}

#[test]
fn a_table_of_branches_may_have_all_targets() {
    // i32.const 0, br_table of 65,520 times the function's label, default too, unreachable, end.
    let mut body = vec![0x41, 0x00, 0x0e, 0xf0, 0xff, 0x03];
    body.extend(std::iter::repeat_n(0, 65_520 + 1));
    body.extend([0x00, 0x0b]);
    assert_eq!(compile_bytes(&one_function(&body)).expect("compiles").len(), 1);
}

#[test]
fn many_blocks_take_the_linear_allocator() {
    let mut text = String::from("(module (func (param i32) (result i32) (local i32)");
    for n in 0..9_000 {
        write!(text, "(if (i32.eq (local.get 0) (i32.const {n})) (then (local.set 1 (i32.const {})))) ", n * 3).expect("text");
    }
    text.push_str("(local.get 1)))");
    assert_eq!(compile(&text).expect("compiles").len(), 1);
}

#[test]
fn locals_beyond_what_cranelift_tracks_are_in_the_frame() {
    let mut text = String::from("(module (func (param i32 v128) (result i32 f64 v128)");
    text.push_str(&" (local i32 i64 f32 f64 v128)".repeat(9_900));
    text.push_str(&"(loop) ".repeat(1_000));
    for n in (7..5_000).step_by(5) {
        write!(text, "(local.set {n} (i32.add (local.get {n}) (local.get 0)))").expect("text");
    }
    text.push_str("(if (i32.const 1) (then (local.set 0 (local.get 7)))) (local.get 0) (local.get 5) (local.get 1)))");
    let artifacts = compile(&text).expect("compiles");
    assert!(artifacts[0].code.len() > 1_000 * 3);
}

#[test]
fn labels_beyond_what_cranelift_tracks_are_refused() {
    const DEPTH: usize = 20_000;
    // block (result i32) …, i32.const 0, br_if 0 …, end …, drop, end.
    let mut body = [0x02, 0x7f].repeat(DEPTH);
    body.extend([0x41, 0x00]);
    body.extend([0x41, 0x00, 0x0d, 0x00, 0x0b].repeat(DEPTH));
    body.extend([0x1a, 0x0b]);
    let result = compile_bytes(&one_function(&body));
    assert!(matches!(result, Ok(_) | Err(UnitError::TierUnable(_))), "{result:?}");
}

#[test]
fn a_thousand_parameters_and_results_travel() {
    let list = "i32 i64 f32 f64 ".repeat(250);
    let gets: String = (0..1_000).map(|n| format!("(local.get {n})")).collect();
    let text = format!(
        "(module (type $t (func (param {list}) (result {list}))) (import \"\" \"\" (func $i (type $t))) (table 1 funcref)
            (func (type $t) {gets})
            (func (type $t) {gets} call $i {gets} call 1 {gets} i32.const 0 call_indirect (type $t) return)
            (func (type $t) {gets} return_call $i)
            (func (type $t) {gets} return_call 1)
            (func (type $t) {gets} i32.const 0 return_call_indirect (type $t))
            (func (type $t) {gets} (loop (type $t) br 0)))",
    );
    // The results of the first two calls are dropped by way of `return`.
    assert_eq!(compile(&text).expect("compiles").len(), 6);
}

#[test]
fn an_invalid_body_is_refused_as_validation_does() {
    // i32.const 1, end.
    let bytes = one_function(&[0x41, 0x01, 0x0b]);
    let env = env(&bytes, CodeSettings::default()).expect("decodes");
    let expected = validate_bodies(&env.wire_bytes, &env.module, &env.validation).expect_err("invalid");
    assert_eq!(module_error(compile_bytes(&bytes)), expected);
    // A reader that runs out of bytes, and one that has bytes left.
    for body in [&[0x41][..], &[0x0b, 0x01], &[0x02, 0x40, 0x0b], &[0x44, 0, 0]] {
        let bytes = one_function(body);
        let env = super::harness::env(&bytes, CodeSettings::default()).expect("decodes");
        let expected = validate_bodies(&env.wire_bytes, &env.module, &env.validation).expect_err("invalid");
        assert_eq!(module_error(compile_bytes(&bytes)), expected, "{body:x?}");
    }
}

#[test]
fn scratch_survives_a_failure() {
    let mut scratch = compiler().new_scratch();
    let bad = env(&one_function(&[0x02, 0x40, 0x41, 0x01, 0x0b, 0x0b]), CodeSettings::default()).expect("decodes");
    let good = env(&one_function(&[0x02, 0x40, 0x0b, 0x0b]), CodeSettings::default()).expect("decodes");
    let first = compile_all(&good, CodeVariant::Guarded, &mut scratch).expect("compiles");
    module_error(compile_all(&bad, CodeVariant::Guarded, &mut scratch));
    assert_eq!(compile_all(&good, CodeVariant::Guarded, &mut scratch).expect("compiles"), first);
}

fn compile_first(env: &CompileEnv, scratch: &mut Scratch, stop: &dyn Fn() -> bool) -> (Result<Artifact, UnitError>, Features) {
    let mut detected = Features::empty();
    let func = env.module.bodies.keys().next().expect("a function");
    let mut unit = UnitContext {
        scratch,
        detected: &mut detected,
        entry: Entry::Call,
        feedback: None,
        is_valid: false,
        stop,
        phase: &mut |_| {},
    };
    let result = compiler().compile(env, func, CodeVariant::Guarded, &mut unit);
    (result, detected)
}

#[test]
fn a_unit_stops_when_told_to() {
    let env = env(&one_function(&[0x0b]), CodeSettings::default()).expect("decodes");
    let (result, _) = compile_first(&env, &mut compiler().new_scratch(), &|| true);
    assert_eq!(result, Err(UnitError::Stopped));
    let asked = std::cell::Cell::new(0);
    let second = || asked.replace(asked.get() + 1) == 1;
    let (result, _) = compile_first(&env, &mut compiler().new_scratch(), &second);
    assert_eq!(result, Err(UnitError::Stopped));
}

#[test]
fn foreign_scratch_is_a_defect() {
    let env = env(&one_function(&[0x0b]), CodeSettings::default()).expect("decodes");
    let (result, _) = compile_first(&env, &mut Scratch::new(0u8), &|| false);
    assert_eq!(module_error(result).kind, CompileErrorKind::EngineBug);
}

#[test]
fn an_operator_of_a_later_stage_is_named() {
    let bytes =
        wat::parse_str("(module (memory 1) (func (memory.discard (i32.const 0) (i32.const 0))))").expect("the text parses");
    let features = accepted_features() | wasmparser::WasmFeatures::MEMORY_CONTROL;
    let decoded = decode_with(bytes.into(), features).expect("decodes");
    let layout = crate::abi::vmctx::VmLayout::new(&decoded.module);
    let env = CompileEnv {
        wire_bytes: decoded.wire_bytes,
        module: decoded.module,
        validation: decoded.validation,
        layout,
        settings: CodeSettings::default(),
    };
    let error = module_error(compile_first(&env, &mut compiler().new_scratch(), &|| false).0);
    assert_eq!((error.kind, &*error.message), (CompileErrorKind::Unsupported, "operator MemoryDiscard"));
    assert_eq!(error.offset, Some(env.module.bodies.values().next().expect("a body").start as usize + 5));
}

#[test]
fn features_are_detected_where_they_are_used() {
    let detected = |text: &str| {
        let bytes = wat::parse_str(text).expect("the text parses");
        let env = env(&bytes, CodeSettings::default()).expect("decodes");
        let (result, detected) = compile_first(&env, &mut compiler().new_scratch(), &|| false);
        assert!(result.is_ok());
        detected
    };
    assert_eq!(detected("(module (func))"), Features::empty());
    assert_eq!(detected("(module (func (drop (i32.extend8_s (i32.const 1)))))"), Features::SIGN_EXTENSION);
    assert_eq!(detected("(module (func unreachable (drop (v128.const i64x2 0 0))))"), Features::SIMD);
    assert_eq!(detected("(module (func (block (result i32 i32) i32.const 0 i32.const 0) drop drop))"), Features::MULTI_VALUE);
    assert_eq!(detected("(module (memory i64 1) (func (drop (memory.size))))"), Features::MEMORY64);
    assert_eq!(detected("(module (tag) (func (throw 0)))"), Features::EXCEPTIONS);
    assert_eq!(detected("(module (func try catch_all end))"), Features::LEGACY_EXCEPTIONS);
    let two = "(module (memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0)))))";
    assert_eq!(detected(two), Features::MULTI_MEMORY);
}
