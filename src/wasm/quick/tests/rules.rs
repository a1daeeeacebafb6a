//! What is easily got wrong: bodies that must not be accepted, and some that must.

use super::Subject;

const MODULE: &str = "(module
    (memory 1) (memory i64 1)
    (table 1 funcref) (table i64 1 externref)
    (global (mut i32) i32.const 0) (global i64 i64.const 0)
    (type $none (func)) (type $pair (func (param i32 i64) (result i64 i32))) (type $one (func (result i32)))
    (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 f64) (result i32 i32 i32 i32 i32 i32 i32 i32 f64)))
    (type $nine (func (result i32 i32 i32 i32 i32 i32 i32 i32 f64)))
    (elem declare func 1)
    (func (type $none)) (func (type $pair) unreachable) (func (type $one) unreachable) (func (type $many) unreachable)
    (func (type $nine) unreachable))";

/// A body of a function `[] -> []` from the text of its operators, in the module above and with its names.
fn body(text: &str) -> Vec<u8> {
    let module = MODULE.replace("(func (type $none))", &format!("(func (type $none) {text})"));
    let binary = wat::parse_str(&module).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut parser = wasmparser::Parser::new(0).parse_all(&binary);
    let body = parser.find_map(|payload| match payload.expect("a module") {
        wasmparser::Payload::CodeSectionEntry(body) => Some(body.as_bytes().to_vec()),
        _ => None,
    });
    body.expect("the function's body")
}

#[test]
fn valid_bodies_are_accepted() {
    let mut subject = Subject::new(MODULE);
    for text in [
        "",
        "nop",
        // Behind `unreachable` there are operands of all types, and as many as are wanted.
        "unreachable i32.add drop",
        "unreachable select drop",
        "unreachable (select (f64.const 0) (i32.const 1)) drop",
        "unreachable drop drop drop",
        "unreachable i64.const 0 i32.wrap_i64 f32.convert_i32_s drop",
        "unreachable ref.is_null drop",
        "(block (result i32) unreachable) drop",
        "(block (result i32) (br 0 (i32.const 1)) i32.add) drop",
        "(loop (result i32) (br 0)) drop",
        "(block (br_table 0 0 0 (i32.const 1)) i64.eqz drop)",
        "return i32.add drop",
        "(block (result i64) (br_if 0 (i64.const 1) (i32.const 1))) drop",
        // Blocks with several parameters and results.
        "i32.const 1 i64.const 2 (block (type $pair) call 1 i32.const 0 i64.const 0 call 1 drop drop) drop drop",
        "i32.const 1 i64.const 2 (loop (type $pair) drop drop i32.const 1 i64.const 2 br 0) drop drop",
        "(if (result i32) (i32.const 1) (then (i32.const 2)) (else (i32.const 3))) drop",
        "call 4 unreachable",
        "unreachable call 3 drop drop drop drop drop drop drop drop drop",
        "unreachable (block (type $many)) unreachable",
        "(i32.const 1) (i64.const 2) (call_indirect (type $pair) (i32.const 3)) drop drop",
        "(call_indirect (type $none) (i32.const 3))",
        "(return_call 0)",
        "ref.func 1 drop",
        "(table.set 0 (i32.const 0) (ref.func 1))",
        "(select (result funcref) (ref.func 1) (ref.null func) (i32.const 0)) drop",
        "(local funcref) (local.set 0 (ref.func 1)) (local.set 0 (ref.null func)) (table.set 0 (i32.const 0) (local.get 0))",
        "(local externref) (table.set 1 (i64.const 0) (local.get 0))",
        "(i64.store 1 offset=5 (i64.const 0) (i64.load (i32.const 0)))",
        "(i32.load offset=0xffffffff (i32.const 0)) drop",
        "(memory.copy 0 1 (i32.const 0) (i64.const 0) (i32.const 0))",
        "(global.set 0 (i32.wrap_i64 (global.get 1)))",
        "(local i32 i64 v128) (local.set 2 (i64x2.splat (local.tee 1 (i64.extend_i32_s (local.get 0)))))",
    ] {
        let verdict = subject.ask(&body(text));
        assert!(verdict.is_valid && verdict.is_accepted, "{text}: {verdict:?}");
    }
}

#[test]
fn invalid_bodies_are_not() {
    let mut subject = Subject::new(MODULE);
    for (reason, text) in [
        ("an operand is missing", "i32.add"),
        ("a result is left", "i32.const 1"),
        ("operands of two types", "i32.const 1 i64.const 1 i32.add drop"),
        ("operands of another block", "i32.const 1 (block drop) "),
        ("an operand of another block", "i32.const 1 (block i32.const 1 i32.add drop)"),
        ("a result is missing", "(block (result i32)) drop"),
        ("a result of another type", "(block (result i32) (i64.const 1)) drop"),
        ("one result more", "(block (result i32) i32.const 1 i32.const 1) drop"),
        ("a value is left in unreachable code", "(block unreachable i32.const 1) "),
        ("a type that is known in unreachable code", "unreachable i64.const 1 i32.eqz drop"),
        ("what is unreachable ends with the block", "(block unreachable) i32.add drop"),
        ("another block is reached in unreachable code", "unreachable (block i32.add drop)"),
        ("`if` without `else` that changes types", "(if (result i32) (i32.const 1) (then (i32.const 1))) drop"),
        ("the second arm lacks a result", "(if (result i32) (i32.const 1) (then (i32.const 1)) (else)) drop"),
        ("the first arm's values do not reach the second", "(if (i32.const 1) (then (unreachable)) (else i32.add drop))"),
        ("the condition is no i32", "(if (i64.const 1) (then))"),
        ("a branch lacks a value", "(block (result i32) br 0) drop"),
        ("a branch with a value of another type", "(block (result i32) (br 0 (f32.const 0))) drop"),
        (
            "a conditional branch gives the label's type",
            "(block (result i32) i64.const 0 i32.const 1 br_if 0 drop i32.const 1) drop",
        ),
        (
            "a branch to a loop takes its parameters",
            "i32.const 1 i64.const 2 (loop (type $pair) drop drop (br 0 (i64.const 0) (i32.const 0))) drop drop",
        ),
        (
            "labels of two types",
            "(block (result i32) (block (result i64) i32.const 1 i32.const 1 br_table 0 1) drop i32.const 1) drop",
        ),
        ("labels of two counts", "(block (result i32) (block i32.const 1 i32.const 1 br_table 0 1) i32.const 1) drop"),
        ("the default label is of another type", "(block (result i32) i32.const 1 i32.const 0 br_table 0 1) drop"),
        ("values of two types are selected", "(select (i32.const 1) (f32.const 1) (i32.const 1)) drop"),
        ("references are selected without a type", "(select (ref.null func) (ref.null func) (i32.const 1)) drop"),
        ("references, one unknown, are selected without a type", "unreachable ref.null func i32.const 1 select drop"),
        ("the selector is no i32", "(select (i32.const 1) (i32.const 1) (i64.const 1)) drop"),
        ("another type is selected", "(select (result i32) (i64.const 1) (i64.const 1) (i32.const 1)) drop"),
        ("a number is asked for null", "(ref.is_null (i32.const 1)) drop"),
        ("an argument is missing", "(call 1 (i32.const 1)) drop drop"),
        ("arguments in another order", "(call 1 (i64.const 1) (i32.const 1)) drop drop"),
        (
            "one of nine arguments is of another type",
            "i32.const 1 i32.const 1 i32.const 1 i32.const 1 i64.const 1 i32.const 1 i32.const 1 i32.const 1 f64.const 1 call 3 unreachable",
        ),
        ("results of another type", "(call 1 (i32.const 1) (i64.const 1)) i64.eqz drop drop"),
        ("a tail call with other results", "(return_call 2)"),
        ("an indirect tail call with other results", "(return_call_indirect (type $one) (i32.const 0))"),
        ("a call through a table of other references", "(call_indirect 1 (type $none) (i64.const 0))"),
        ("a function that is not declared", "ref.func 2 drop"),
        ("one kind of reference for the other", "(table.set 0 (i32.const 0) (ref.null extern))"),
        ("a 32-bit index of a 64-bit table", "(table.get 1 (i32.const 0)) drop"),
        ("a 32-bit address of a 64-bit memory", "(i32.load 1 (i32.const 0)) drop"),
        ("a 64-bit address of a 32-bit memory", "(i32.load (i64.const 0)) drop"),
        ("a 64-bit size between memories of both kinds", "(memory.copy 0 1 (i32.const 0) (i64.const 0) (i64.const 0))"),
        ("tables of other references", "(table.copy 0 1 (i32.const 0) (i64.const 0) (i32.const 0))"),
        ("a constant is set", "(global.set 1 (i64.const 0))"),
        ("a local is set to another type", "(local i32) (local.set 0 (f32.const 0))"),
        ("a reference that may not be null", "(local (ref func)) local.get 0 drop"),
    ] {
        let verdict = subject.ask(&body(text));
        assert!(!verdict.is_valid && !verdict.is_accepted, "{reason}: {verdict:?}");
    }
}

#[test]
fn malformed_bodies_are_not() {
    let mut subject = Subject::new(MODULE);
    for (reason, bytes) in [
        ("nothing", &[][..]),
        ("no operators", &[0x00]),
        ("the end is missing", &[0x00, 0x01]),
        ("more behind the end", &[0x00, 0x0b, 0x0b]),
        ("more behind the end, which ends a block as well", &[0x00, 0x02, 0x40, 0x0b, 0x0b, 0x01]),
        ("the end of a block is missing", &[0x00, 0x02, 0x40, 0x0b]),
        ("an immediate ends too late", &[0x00, 0x41, 0x0b]),
        ("fewer locals than are counted", &[0x02, 0x01, 0x7f, 0x0b]),
        ("too many locals", &[0x01, 0xd1, 0x86, 0x03, 0x7f, 0x0b]),
        ("too many locals, which one more sum would not show", &[0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x02, 0x7f, 0x0b]),
        ("a local of no type", &[0x01, 0x01, 0x40, 0x0b]),
        ("an unknown local", &[0x01, 0x01, 0x7f, 0x20, 0x01, 0x1a, 0x0b]),
        ("the place of constants as a local", &[0x00, 0x20, 0xff, 0xff, 0x03, 0x1a, 0x0b]),
        ("an unknown label", &[0x00, 0x0c, 0x01, 0x0b]),
        ("an unknown function", &[0x00, 0x10, 0x05, 0x0b]),
        ("the largest index of a function", &[0x00, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b]),
        ("an unknown type", &[0x00, 0x02, 0x09, 0x0b, 0x0b]),
        ("a negative type", &[0x00, 0x02, 0xff, 0x7f, 0x0b, 0x0b]),
        ("a negative type of five bytes", &[0x00, 0x02, 0x80, 0x80, 0x80, 0x80, 0x70, 0x0b, 0x0b]),
        ("`else` outside of `if`", &[0x00, 0x02, 0x40, 0x05, 0x0b, 0x0b]),
        ("a second `else`", &[0x00, 0x41, 0x00, 0x04, 0x40, 0x05, 0x05, 0x0b, 0x0b]),
        ("`else` of the body", &[0x00, 0x05, 0x0b]),
        ("an index of six bytes", &[0x01, 0x01, 0x7f, 0x20, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a, 0x0b]),
        ("an index of 33 bits", &[0x01, 0x01, 0x7f, 0x20, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a, 0x0b]),
        ("a constant of 33 bits", &[0x00, 0x41, 0x80, 0x80, 0x80, 0x80, 0x08, 0x1a, 0x0b]),
        ("a constant of 65 bits", &[0x00, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x1a, 0x0b]),
        ("a larger alignment than the natural one", &[0x00, 0x41, 0x00, 0x28, 0x03, 0x00, 0x1a, 0x0b]),
        ("a flag that means nothing", &[0x00, 0x41, 0x00, 0x28, 0x20, 0x00, 0x1a, 0x0b]),
        ("an unknown memory", &[0x00, 0x41, 0x00, 0x28, 0x42, 0x02, 0x00, 0x1a, 0x0b]),
        ("an offset of 33 bits", &[0x00, 0x41, 0x00, 0x28, 0x02, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a, 0x0b]),
        ("a smaller alignment of an atomic", &[0x00, 0x41, 0x00, 0xfe, 0x10, 0x01, 0x00, 0x1a, 0x0b]),
        ("a lane that the vector lacks", &[0x01, 0x01, 0x7b, 0x20, 0x00, 0xfd, 0x1d, 0x02, 0x1a, 0x0b]),
        ("no segments are counted", &[0x00, 0xfc, 0x09, 0x00, 0x0b]),
        ("select with two types", &[0x00, 0x00, 0x1c, 0x02, 0x7f, 0x7f, 0x1a, 0x0b]),
        ("an opcode of nothing", &[0x00, 0x27, 0x0b]),
    ] {
        let verdict = subject.ask(bytes);
        assert!(!verdict.is_valid && !verdict.is_accepted, "{reason}: {verdict:?}");
    }
}

/// What is valid, but in a shape that is not known here: wasmparser decides.
#[test]
fn limits_of_what_is_known() {
    let mut subject = Subject::new(MODULE);
    let high = format!("{} unreachable", "i32.const 1 ".repeat(1 << 14));
    let verdict = subject.ask(&body(&high));
    assert!(verdict.is_valid && !verdict.is_accepted, "a high stack: {verdict:?}");
    let high = format!("unreachable {} unreachable", "call 4 ".repeat(2000));
    let verdict = subject.ask(&body(&high));
    assert!(verdict.is_valid && !verdict.is_accepted, "a high stack of results: {verdict:?}");
    let deep = format!("{}{}", "block ".repeat(3000), "end ".repeat(3000));
    let verdict = subject.ask(&body(&deep));
    assert!(verdict.is_valid && verdict.is_accepted, "many blocks: {verdict:?}");
}

/// Nothing of a body is seen in the next one.
#[test]
fn locals_of_another_body() {
    let mut subject = Subject::new(MODULE);
    assert!(subject.ask(&[0x01, 0x80, 0x02, 0x7f, 0x20, 0xff, 0x01, 0x1a, 0x0b]).is_accepted);
    assert!(!subject.ask(&[0x01, 0x01, 0x7f, 0x20, 0x01, 0x1a, 0x0b]).is_accepted);
    assert!(!subject.ask(&[0x00, 0x20, 0xff, 0x01, 0x1a, 0x0b]).is_accepted);
}
