//! Each operator with operands of all types and results of all types, in modules that have what it may name, have it otherwise, or lack it.

use std::collections::BTreeSet;

use super::{Subject, Verdict};

/// The function's locals: each simple type, in the order of [`PUSHES`].
const LOCALS: &[u8] = &[7, 1, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c, 1, 0x7b, 1, 0x70, 1, 0x6f];
const TYPES: u8 = 7;

/// The most operands that an operator has which no type of the module gives it.
const OPERANDS: usize = 4;
/// With so many immediates of each kind an operator is tried with operands.
const IMMEDIATES: usize = 3;

const UNREACHABLE: u8 = 0x00;
const END: u8 = 0x0b;
const DROP: u8 = 0x1a;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;

/// Things to name: all in one way, in another, or none.
const MODULES: [&str; 3] = [
    "(module
        (memory 1) (memory i64 1)
        (table 1 funcref) (table i64 1 externref) (table 1 funcref)
        (global (mut i32) i32.const 0) (global i64 i64.const 0) (global (mut externref) ref.null extern)
        (elem funcref (ref.func 0)) (elem externref) (data \"\") (data \"\")
        (func) (func (param i32 f64) (result i64)) (func (result i32 funcref)))",
    "(module
        (memory i64 1 2 shared) (memory 1)
        (table i64 1 funcref) (table 1 externref) (table i64 1 externref)
        (global f32 f32.const 0) (global (mut v128) v128.const i64x2 0 0) (global (mut (ref null 0)) ref.null 0)
        (elem declare func 1) (data \"\")
        (type (func (param i64) (result i64 i64 i64 i64 i64 i64 i64 i64 i64)))
        (func) (func (param externref) (result i32)) (func (param (ref 0))))",
    "(module (func))",
];

/// An operator: its bytes, and how it is called here.
fn operators() -> Vec<(Vec<u8>, String)> {
    let mut operators: Vec<(Vec<u8>, String)> = (0..=0xff_u8)
        .filter(|opcode| !matches!(opcode, 0xfb..=0xfe))
        .map(|opcode| (vec![opcode], format!("{opcode:#04x}")))
        .collect();
    for (prefix, count) in [(0xfb_u8, 0x30_u16), (0xfc, 0x20), (0xfd, 0x120), (0xfe, 0x80)] {
        for number in 0..count {
            let name = format!("{prefix:#04x} {number:#04x}");
            operators.push((vec![prefix, (number & 0x7f) as u8 | 0x80, (number >> 7) as u8], name));
        }
    }
    operators
}

/// Immediates: none, indices, alignments and offsets, with an index or a lane behind them, and what constants and shuffles have.
fn immediates() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![vec![]];
    let bytes = [0, 1, 2, 3, 4, 5, 0x0f, 0x10, 0x40, 0x42, 0x43, 0x44, 0x6f, 0x70, 0x7f];
    for &first in &bytes {
        all.push(vec![first]);
        for second in [0, 1, 2, 4] {
            all.push(vec![first, second]);
            for third in [0, 1, 2, 4, 8, 15, 16] {
                all.push(vec![first, second, third]);
            }
        }
    }
    // In more bytes than are needed, and with the bits that no number has.
    for last in [0x00, 0x07, 0x08, 0x0f, 0x10, 0x40, 0x70, 0x77, 0x78, 0x7f, 0x80] {
        all.push(vec![0x81, last]);
        all.push(vec![0x80, 0x80, 0x80, 0x80, last]);
        all.push(vec![0xff, 0xff, 0xff, 0xff, last]);
        all.push(vec![0x00, 0x80, 0x80, 0x80, 0x80, last]);
        all.push([vec![0x80; 8], vec![last]].concat());
        all.push([vec![0x80; 9], vec![last]].concat());
        all.push([vec![0xff; 9], vec![last]].concat());
        all.push([vec![0x80; 10], vec![last]].concat());
    }
    all.extend([vec![0; 4], vec![0; 8], vec![0; 16], vec![0x1f; 16], [vec![0; 15], vec![0x20]].concat()]);
    all
}

fn body(parts: &[&[u8]]) -> Vec<u8> {
    [LOCALS, &parts.concat(), &[END]].concat()
}

/// Operands of these types.
fn operands(types: &[u8]) -> Vec<u8> {
    types.iter().flat_map(|&ty| [LOCAL_GET, ty]).collect()
}

/// Compares operands of all types, from the last one: types that are wrong there are wrong whatever is below. Gives those that are right.
fn compare_operands(subject: &mut Subject, operator: &[u8], name: &str) -> Vec<Vec<u8>> {
    let mut right = Vec::new();
    let mut endings = vec![vec![]];
    for _ in 0..=OPERANDS {
        let mut longer = Vec::new();
        for ending in endings {
            let verdict = subject.ask(&body(&[&operands(&ending), operator, &[UNREACHABLE]]));
            assert_eq!(verdict.is_valid, verdict.is_accepted, "{name} {operator:02x?} with {ending:?}");
            if verdict.is_valid {
                right.push(ending.clone());
            }
            let more = (0..TYPES).map(|ty| [&[ty], &ending[..]].concat());
            let valid = more.filter(|types| {
                let verdict = subject.ask(&body(&[&[UNREACHABLE], &operands(types), operator, &[UNREACHABLE]]));
                assert_eq!(verdict.is_valid, verdict.is_accepted, "{name} {operator:02x?} with {types:?} unreached");
                verdict.is_valid
            });
            // Some, where all are right: there the operator takes no operand.
            longer.extend(valid.collect::<Vec<_>>().into_iter().step_by(3));
        }
        endings = longer;
    }
    right
}

/// Compares the results of an operator of which operands and immediates are right.
fn compare_results(subject: &mut Subject, operator: &[u8]) {
    for ty in 0..TYPES {
        subject.ask(&body(&[operator, &[LOCAL_SET, ty, UNREACHABLE]]));
        subject.ask(&body(&[operator, &[LOCAL_SET, ty]]));
        subject.ask(&body(&[operator, &[DROP, LOCAL_SET, ty, UNREACHABLE]]));
    }
    for drops in 0..4 {
        subject.ask(&body(&[operator, &[DROP].repeat(drops)]));
        subject.ask(&body(&[&[0x02, 0x40], operator, &[DROP].repeat(drops), &[END]]));
    }
}

#[test]
fn each_operator_takes_and_gives_what_it_does_for_wasmparser() {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for text in MODULES {
        let mut subject = Subject::new(text);
        for (operator, name) in operators() {
            // Of immediates that name a memory, and of others.
            let mut compared = [0, 0];
            for immediates in immediates() {
                let compared = &mut compared[usize::from(immediates.first().is_some_and(|&first| first & 0x40 != 0))];
                let operator = [operator.clone(), immediates].concat();
                // Whatever types there are behind `unreachable`.
                let Verdict { is_valid, is_accepted } = subject.ask(&body(&[&[UNREACHABLE], &operator, &[UNREACHABLE]]));
                if is_valid {
                    (if is_accepted { &mut known } else { &mut unknown }).insert(name.clone());
                }
                if is_accepted && *compared < IMMEDIATES {
                    *compared += 1;
                    compare_results(&mut subject, &[&[UNREACHABLE], &operator[..]].concat());
                    for types in compare_operands(&mut subject, &operator, &name) {
                        compare_results(&mut subject, &[operands(&types), operator.clone()].concat());
                    }
                }
            }
        }
    }
    // Structures and arrays, exceptions, typed references, and what is only in the text in this order.
    let rare = |name: &&String| name.starts_with("0xfb") || RARE.contains(&name.as_str());
    let surprises: Vec<_> = unknown.difference(&known).filter(|name| !rare(name)).collect();
    assert!(surprises.is_empty(), "operators that are never accepted: {surprises:?}");
    assert!(known.len() > 500, "only {} operators are accepted", known.len());
}

/// Operators that only wasmparser validates.
const RARE: [&str; 11] = ["0x06", "0x08", "0x0a", "0x14", "0x15", "0x1f", "0xd3", "0xd4", "0xd5", "0xd6", "0xfe 0x04"];
