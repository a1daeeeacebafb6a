//! What fails, and which error is told.

use std::sync::Arc;
use std::time::Duration;

use deltic::abi::artifact::CodeVariant;
use deltic::compile::Module;
use deltic::wasm::error::{CompileError, CompileErrorKind};

use super::fake::*;

const TASKS: [usize; 5] = [0, 1, 2, 3, 8];

/// The error of a module at each worker count, compiled at once and in the background; they must agree.
fn error_at_all_counts(bytes: &[u8], make: impl Fn() -> FakeCompiler) -> CompileError {
    let mut errors = Vec::new();
    for tasks in TASKS {
        let compiler = Arc::new(make());
        let engine = engine(tasks, &compiler);
        errors.push(Module::new(&engine, bytes).unwrap_err());
        errors.push(Module::compile_in_background(&engine, bytes).unwrap().wait().unwrap_err());
    }
    for error in &errors {
        assert_eq!(error, &errors[0], "the same for any number of workers");
    }
    errors.remove(0)
}

/// Acceptance test 7: the lowest invalid function is named, whichever was met first. Big bodies come first in time, so 40 and 45 are met
/// before 7.
#[test]
fn s1_34_the_lowest_invalid_function_wins() {
    let mut sizes = [40; 60];
    sizes[40] = 9_000;
    sizes[45] = 12_000;
    let bytes = module_with_invalid(&sizes, &[7, 40, 45, 59]);
    let error = error_at_all_counts(&bytes, || FakeCompiler::new().at(7, Act::Sleep(Duration::from_millis(5))));
    assert_eq!(error.kind, CompileErrorKind::Invalid);
    let only_seven = module_with_invalid(&sizes, &[7]);
    let compiler = Arc::new(FakeCompiler::new());
    assert_eq!(Module::new(&engine(0, &compiler), &only_seven).unwrap_err(), error);
    assert_eq!(Module::validate(&engine(2, &compiler), &bytes).unwrap_err(), error, "validation says the same");
}

/// Invalid bodies win over everything else that can go wrong, wherever they stand.
#[test]
fn an_invalid_body_wins_over_other_failures() {
    let bytes = module_with_invalid(&[40; 60], &[50]);
    let error = error_at_all_counts(&bytes, || FakeCompiler::new().at(3, Act::Fail(CompileErrorKind::Limit)).at(4, Act::Panic));
    assert_eq!(error.kind, CompileErrorKind::Invalid);
}

/// Among other failures the lowest function wins, though units above and below run at the same time.
#[test]
fn the_lowest_failing_function_wins() {
    let mut sizes = [40; 60];
    sizes[55] = 9_000;
    let bytes = module_of(&sizes);
    let slow = Act::Sleep(Duration::from_millis(5));
    let make = || FakeCompiler::new().at(10, Act::Unable).at(20, slow.clone()).at(30, Act::Panic).at(55, Act::Unable);
    let error = error_at_all_counts(&bytes, make);
    assert_eq!(error.kind, CompileErrorKind::Unsupported);
    assert_eq!(error.message, "function 10: pretended weakness at 10");
    assert!(error.offset.is_some());
}

/// A unit that panics fails the module, with the function's index and what the panic said; the worker lives.
#[test]
fn a_panic_is_an_engine_bug_and_the_worker_lives() {
    let error = error_at_all_counts(&module_of(&[40; 20]), || FakeCompiler::new().at(7, Act::Panic));
    assert_eq!(error.kind, CompileErrorKind::EngineBug);
    assert_eq!(error.message, "function 7: the compiler panicked: pretended panic in 7");
    let compiler = Arc::new(FakeCompiler::new().at(19, Act::Panic));
    let engine = engine(2, &compiler);
    for _ in 0..5 {
        assert!(Module::compile_in_background(&engine, module_of(&[40; 20])).unwrap().wait().is_err());
        let good = Module::compile_in_background(&engine, module_of(&[40; 19])).unwrap();
        until("the good module", || good.is_finished());
        good.wait().unwrap();
    }
    assert!(engine.thread_count() <= 2, "no thread had to be replaced");
}

/// Code that does not fit the module's space is told apart from code that is wrong, and from limits; the text does not tell how functions
/// were batched.
#[test]
fn a_full_code_space_has_its_own_error() {
    let make = || FakeCompiler::new().every(Act::Code(100 << 10));
    let error = error_at_all_counts(&module_of(&[40; 60]), make);
    assert_eq!(error.kind, CompileErrorKind::CodeSpace);
    assert!(error.to_string().starts_with("code space: the module's machine code does not fit "), "{error}");
}

/// Malformed code is a defect of the engine, told of the lowest function; the rest of its batch does not matter.
#[test]
fn code_that_cannot_be_published_is_an_engine_bug() {
    let make = || FakeCompiler::new().at(7, Act::Malformed).at(9, Act::Malformed).at(30, Act::Panic);
    let error = error_at_all_counts(&module_of(&[40; 60]), make);
    assert_eq!(error.kind, CompileErrorKind::EngineBug);
    let start = "engine bug: function 7: the code cannot be published: a displacement at offset ";
    assert!(error.to_string().starts_with(start), "{error}");
}

/// Errors name functions by the name section where there is one.
#[test]
fn errors_name_functions() {
    let compiler = Arc::new(FakeCompiler::new().at(1, Act::Unable));
    let text = "(module (import \"a\" \"b\" (func)) (func $first) (func $second))";
    let error = Module::new(&engine(2, &compiler), text).unwrap_err();
    assert_eq!(error.message, "function 2 (second): pretended weakness at 1", "indices count imports");
}

#[test]
fn a_unit_that_stops_unasked_is_a_bug() {
    let error = error_at_all_counts(&module_of(&[40; 20]), || FakeCompiler::new().at(7, Act::StopUnasked));
    assert_eq!((error.kind, error.message.as_str()), (CompileErrorKind::EngineBug, "function 7: the unit stopped unasked"));
}

/// A variant that does not compile says so to everybody who asks, compiles once, and leaves the other one alone.
#[test]
fn a_failed_variant_stays_failed() {
    let compiler = Arc::new(FakeCompiler::new());
    let engine = engine(2, &compiler);
    let module = Module::new(&engine, module_of(&[40; 20])).unwrap();
    module.ensure_variant(CodeVariant::Guarded).unwrap();
    assert_eq!(compiler.finished(), 20, "is there");
    let compiler = Arc::new(FakeCompiler::new().at(5, Act::Fail(CompileErrorKind::Limit)));
    let engine = super::fake::engine(2, &compiler);
    assert_eq!(Module::new(&engine, module_of(&[40; 20])).unwrap_err().message, "pretended failure of 5");
}

/// Bodies are validated in parallel, with the same answer.
#[test]
fn validation_alone() {
    for tasks in TASKS {
        let compiler = Arc::new(FakeCompiler::new());
        let engine = engine(tasks, &compiler);
        Module::validate(&engine, module_of(&[300; 500])).unwrap();
        let error = Module::validate(&engine, module_with_invalid(&[300; 500], &[499, 123, 300])).unwrap_err();
        let first = Module::validate(&engine, module_with_invalid(&[300; 124], &[123])).unwrap_err();
        assert_eq!(error.message, first.message);
        assert!(Module::validate(&engine, "(module)").is_ok());
        assert!(compiler.begun_funcs().is_empty(), "nothing is compiled");
    }
}
