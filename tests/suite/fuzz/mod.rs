//! The fuzz targets, run for a bounded number of fixed seeds, and canaries that show that each would notice.
//!
//! The package in `fuzz/` runs the same checks without end; what it finds is added here as a seed or as a module.

// The package in `fuzz/` calls parts that the smoke runs do not.
#![allow(dead_code)]

mod bodies;
mod collect;
mod decode;
mod differential;
mod generate;
mod interpreter;
pub mod mixed;
mod observe;
mod oracle;
mod programs;
mod random;
mod stored;
mod subject;
mod token;

// The suite has the benchmarks' modules already; the package in `fuzz/` has them from here.
#[allow(clippy::duplicate_mod)]
#[path = "../../../benches/common/modules.rs"]
mod modules;

use std::panic::{AssertUnwindSafe, catch_unwind};

use deltic::wasm::error::{CompileError, CompileErrorKind};

use observe::{Class, Event, Exception, Object, Value, compare};
use random::{Random, mix};

/// A number of its own for each seed of each target.
fn seed(target: u64, number: u64) -> u64 {
    mix(target << 32 | number)
}

/// Runs a check for many numbers; names those that fail, a panic being one way to fail.
fn run<T>(target: &str, count: u64, mut check: impl FnMut(u64) -> Result<T, String>, mut done: impl FnMut(T)) {
    let mut failures = Vec::new();
    for number in 0..count {
        match catch_unwind(AssertUnwindSafe(|| check(number))) {
            Ok(Ok(verdict)) => done(verdict),
            Ok(Err(problem)) => failures.push(format!("{target} {number}: {problem}")),
            Err(_) => failures.push(format!("{target} {number}: a panic, see above")),
        }
    }
    let shown = &failures[..failures.len().min(10)];
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), shown.join("\n"));
}

const MODULES: u64 = 200;
const PROGRAMS: u64 = 20;

#[test]
fn differential_smoke() {
    let engines = differential::Engines::new();
    let mut tally = differential::Tally::default();
    let check = |number| {
        let seed = seed(1, number);
        let Some(wasm) = generate::seeded_module(seed) else { return Ok(None) };
        let Some((ours, oracle)) = differential::run_both(&engines, &wasm, &wasm, seed)? else { return Ok(None) };
        compare(&ours, &oracle)?;
        Ok(Some(ours))
    };
    run("differential", MODULES, check, |events| events.iter().for_each(|events| tally.add(events)));
    // The seeds must go on to mean something.
    assert!(tally.modules as u64 > MODULES / 2, "{tally:?}");
    assert!(tally.instances > tally.modules / 2, "{tally:?}");
    assert!(tally.returned > tally.modules / 2 && tally.trapped > tally.modules / 4, "{tally:?}");
}

#[test]
fn collections_are_not_seen() {
    let engines = collect::Engines::new();
    let mut tally = differential::Tally::default();
    let check = |number| collect::check(&engines, seed(4, number));
    run("collect", MODULES, check, |seen| seen.iter().for_each(|seen| tally.add_seen(seen)));
    assert!(tally.modules as u64 > MODULES / 2, "{tally:?}");
    assert!(tally.returned > tally.modules / 4, "{tally:?}");
}

#[test]
fn collections_are_not_seen_by_programs() {
    let engines = collect::Engines::new();
    for (target, style) in [(5, programs::Style::Modern), (6, programs::Style::Legacy)] {
        let mut tally = differential::Tally::default();
        let check = |number| collect::check_program(&engines, seed(target, number), style);
        run("program", PROGRAMS, check, |seen| tally.add_seen(&seen));
        // Most calls come to an end, many by exceptions, and objects moved while they ran.
        let all = tally.returned + tally.trapped + tally.thrown;
        assert!(tally.instances as u64 == PROGRAMS && tally.other.is_empty(), "{tally:?}");
        assert!(tally.returned > all / 3 && tally.thrown > all / 20 && tally.cut < all / 50, "{tally:?}");
        assert!(tally.moved_objects > PROGRAMS * 10, "{tally:?}");
    }
}

#[test]
fn streams_end_as_their_bytes_do() {
    let engines = stored::Engines::new();
    let mut accepted = 0;
    let check = |number| stored::check_stream(&engines, seed(8, number));
    run("stream", MODULES, check, |verdict| accepted += u64::from(verdict == decode::Verdict::Accepted));
    assert!(accepted > MODULES / 20 && accepted < MODULES, "{accepted}");
}

#[test]
fn damaged_files_change_nothing() {
    let engines = stored::Engines::new();
    let (mut refused, mut taken) = (0, 0);
    let check = |number| stored::check_file(&engines, seed(9, number));
    run("stored", MODULES, check, |seen| {
        refused += seen.map_or(0, |seen| seen.refused);
        taken += seen.map_or(0, |seen| seen.taken);
    });
    assert!(refused > 10 && taken > 10, "{refused} {taken}");
}

/// The comparison must notice each kind of difference.
#[test]
fn differential_canary() {
    let engines = differential::Engines::new();
    let wasm = |op: &str| {
        let text = format!(
            r#"(module (import "env" "f" (func $f (param i32) (result i64))) (memory (export "memory") 1 1)
                (global (export "global") (mut i32) (i32.const 0)) (table (export "table") 4 funcref)
                (func (export "a") (param i32 i32) (result i32) {op})
                (func (export "c") (result i32) i32.const 5)
                (func (export "b") (param i32) (result i64) (call $f (local.get 0))))"#
        );
        wat::parse_str(text).expect("the text parses")
    };
    let divide = "local.get 0 local.get 1 i32.div_s";
    let right = wasm(divide);
    let notices = |wrong: &str| {
        let both =
            |seed| differential::run_both(&engines, &right, &wasm(wrong), seed).expect("it runs").expect("the oracle takes it");
        (0..20).any(|seed| {
            let (ours, oracle) = both(seed);
            compare(&ours, &oracle).is_err()
        })
    };
    assert!(!notices(divide), "the same module differs from itself");
    let wrong = [
        "local.get 0 local.get 1 i32.div_u",
        "local.get 0 local.get 1 i32.rem_s",
        "unreachable",
        "local.get 0 i32.const 0 i32.div_s",
        "i32.const 64 i32.const 1 i32.store8 local.get 0 local.get 1 i32.div_s",
        "i32.const 1 global.set 0 local.get 0 local.get 1 i32.div_s",
        "i32.const 1 ref.func 1 table.set local.get 0 local.get 1 i32.div_s",
        "i32.const 9 call 0 drop local.get 0 local.get 1 i32.div_s",
    ];
    for wrong in wrong {
        assert!(notices(wrong), "not noticed: {wrong}");
    }
}

/// And in lists of events themselves.
#[test]
fn compare_canary() {
    let call = |result| Event::Call("f".into(), vec![], result);
    let object = |number, len| Value::Any(Object::Struct(vec![Value::Any(Object::Array(len, vec![Value::I32(number)]))]));
    let thrown = |tag: &str, number| {
        call(Err(Class::Exception(Exception { tag: Some(tag.into()), payload: vec![Value::Any(Object::I31(number))] })))
    };
    let right = vec![
        Event::Instance(Ok(())),
        call(Ok(vec![Value::F32(0x7fc0_0000), object(1, 2)])),
        call(Err(Class::Memory)),
        Event::Host(7),
        thrown("a", 1),
    ];
    assert_eq!(compare(&right, &right), Ok(5));
    let mut others = vec![right[..4].to_vec()];
    let wrong = [
        (1, call(Ok(vec![Value::F32(0x7fc0_0001), object(1, 2)]))),
        (1, call(Ok(vec![Value::F32(0x7fc0_0000), object(2, 2)]))),
        (1, call(Ok(vec![Value::F32(0x7fc0_0000), object(1, 1)]))),
        (2, call(Err(Class::Unreachable))),
        (3, Event::Host(8)),
        (4, thrown("a", 2)),
        (4, thrown("b", 1)),
    ];
    for (position, event) in wrong {
        let mut other = right.clone();
        other[position] = event;
        others.push(other);
    }
    for other in others {
        assert!(compare(&right, &other).is_err(), "{other:?}");
    }
    // Only the end of the stack ends a comparison.
    let mut deep = right.clone();
    deep[2] = call(Err(Class::Stack));
    assert_eq!(compare(&right, &deep), Ok(2));
}

#[test]
fn decode_smoke() {
    let engines = decode::Engines::new();
    let (mut accepted, mut refused) = (0, 0);
    let check = |number| decode::check(&engines, &decode::seeded_bytes(seed(2, number)));
    run("decode", 2 * MODULES, check, |verdict| match verdict {
        decode::Verdict::Accepted => accepted += 1,
        decode::Verdict::Refused => refused += 1,
    });
    assert!(accepted > 10 && refused > MODULES as usize / 2, "{accepted} accepted, {refused} refused");
}

#[test]
fn bodies_smoke() {
    let mut tally = bodies::Tally::default();
    let mut quick = bodies::quick();
    let check = |number| bodies::seeded_check(seed(7, number), 200, &mut quick);
    run("bodies", MODULES, check, |seen| tally.add(seen));
    // Most of what is still valid is known to be; the rest has objects or exceptions.
    assert!(tally.invalid > 15_000 && tally.valid > 2_000, "{tally:?}");
    assert!(tally.accepted * 3 > tally.valid * 2, "{tally:?}");
}

/// A validator that does not look at the types of operands, and one that does not look at all, must be noticed.
#[test]
fn bodies_canary() {
    let valid = wat::parse_str("(module (func (param i32 i64) (result i32) local.get 0 local.get 0 i32.add))").expect("a module");
    let mut quick = bodies::quick();
    let check = |accepts: bodies::Accepts<'_>| bodies::check(&valid, &mut Random::new(1), 1000, accepts).map(drop);
    assert_eq!(check(&mut quick), Ok(()));
    let ends = |bytes: &[u8], decoded: &deltic::wasm::decode::Decoded, func| {
        let range = &decoded.module.bodies[func];
        bytes[range.start as usize..range.end as usize] == [0x00, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x0b]
    };
    assert!(check(&mut { ends }).is_err());
    assert!(check(&mut |_, _, _| true).is_err());
}

/// The engines of the check compile what they are asked to compile, in the tier that they are asked for.
#[test]
fn decode_compiles() {
    use decode::Question::{Compile, CompileInBackground, MakeReady};
    let engines = decode::Engines::new();
    let valid = wat::parse_str("(module (func (export \"f\") (result i32) i32.const 1))").expect("the text parses");
    let tiers = |question| {
        let module = engines.module(question, &valid).expect("a module");
        module.compile_stats().published_by_tier.map(|bytes| bytes > 0)
    };
    assert_eq!(tiers(MakeReady), [false, false]);
    for question in [Compile, CompileInBackground] {
        assert_eq!(decode::TIERS.map(question).map(tiers), [[true, false], [false, true]]);
    }
}

/// The check must notice each wrong answer that an engine could give.
#[test]
fn decode_canary() {
    use decode::Question::{Compile, CompileInBackground, MakeReady, Validate};
    let engines = decode::Engines::new();
    let valid = wat::parse_str("(module (func (export \"f\") (result i32) i32.const 1))").expect("the text parses");
    let mut invalid = valid.clone();
    // The type of the constant.
    let constant = invalid.windows(2).rposition(|bytes| bytes == [0x41, 0x01]).expect("the constant");
    invalid[constant] = 0x42;
    for (bytes, verdict) in [(&valid, decode::Verdict::Accepted), (&invalid, decode::Verdict::Refused)] {
        assert_eq!(decode::check(&engines, bytes), Ok(verdict));
    }
    for tier in decode::TIERS {
        let background = CompileInBackground(tier);
        let compiling = [Compile(tier), background];
        let [one, other] = decode::TIERS;
        let every = [Validate, MakeReady, Compile(one), CompileInBackground(one), Compile(other), CompileInBackground(other)];
        let error = |kind, message: &str, offset| Err(CompileError::new(kind, message, offset));
        let wrong: [(&[u8], &[decode::Question], decode::Answer); 13] = [
            (&invalid, &[Validate], Ok(())),
            (&invalid, &[MakeReady], Ok(())),
            (&invalid, &[Validate, MakeReady], Ok(())),
            (&invalid, &compiling[..1], Ok(())),
            (&invalid, &[background], Ok(())),
            (&invalid, &compiling, Ok(())),
            (&invalid, &compiling, error(CompileErrorKind::Invalid, "something else", Some(9))),
            (&invalid, &[background], error(CompileErrorKind::Invalid, "something else", Some(9))),
            (&invalid, &every, error(CompileErrorKind::Invalid, "beyond the end", Some(invalid.len() + 1))),
            (&invalid, &every, error(CompileErrorKind::Invalid, "", Some(9))),
            (&invalid, &every, error(CompileErrorKind::EngineBug, "a unit panicked", Some(9))),
            (&valid, &compiling, error(CompileErrorKind::Cancelled, "cancelled", None)),
            (&valid, &compiling, error(CompileErrorKind::Invalid, "a type mismatch", Some(9))),
        ];
        for (bytes, questions, answer) in wrong {
            let subject = |question| if questions.contains(&question) { answer.clone() } else { engines.answer(question, bytes) };
            let checked = decode::check_answers(bytes, subject);
            assert!(checked.is_err(), "not noticed: {questions:?} answered {answer:?}");
        }
    }
}

/// Random bytes that are a schedule.
fn schedule(number: u64) -> Vec<u8> {
    let mut random = Random::new(seed(3, number));
    let steps = 10 + random.below(60);
    random.bytes(steps)
}

/// The schedules must notice each of the flaws that a canary can have.
#[test]
fn token_canary() {
    for flaw in token::Flaw::ALL {
        let modules = token::Modules::with_flaw(flaw);
        let notices = (0..20).any(|number| token::check(&modules, &schedule(number)).is_err());
        assert!(notices, "not noticed: {flaw:?}");
    }
}

#[test]
fn token_smoke() {
    let modules = token::Modules::new();
    let mut total = token::Report::default();
    let check = |number| token::check(&modules, &schedule(number));
    run("token", MODULES / 5, check, |report| total.merge(report));
    let counts = [total.begun, total.compiled, total.refused, total.dropped, total.called, total.shut_down];
    assert!(counts.iter().all(|&count| count > 10), "{total:?}");
}
