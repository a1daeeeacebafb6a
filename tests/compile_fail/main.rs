//! What rustc must refuse: programs beside this file, each with the error that it must give.
//!
//! Only refusals stand here, so that `cargo check` does: a program that must pass would have all dependencies built again. What is allowed
//! is the example of `deltic::heap::handles`.

#[test]
fn handles_are_checked_by_rustc() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/handles/refused_*.rs");
}
