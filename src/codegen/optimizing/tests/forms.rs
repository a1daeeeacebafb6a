//! The form of the code: what it calls and where it traps.

use super::harness::compile_text;
use crate::abi::artifact::{Artifact, CodeVariant, RelocTarget};
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;
use crate::codegen::env::CodeSettings;

fn plain() -> CodeSettings {
    CodeSettings { interruptible: false, ..CodeSettings::default() }
}

fn compile(text: &str, variant: CodeVariant) -> Vec<Artifact> {
    compile_text(text, plain(), variant).unwrap_or_else(|error| panic!("{error:?}"))
}

fn traps(artifact: &Artifact) -> Vec<TrapCode> {
    artifact.traps.iter().map(|site| site.trap).collect()
}

#[test]
fn a_direct_call_is_one_relocation_to_a_slot() {
    let artifacts = compile("(module (func) (func (call 0) (call 0)) (func (return_call 1)))", CodeVariant::Guarded);
    let targets = |artifact: &Artifact| artifact.relocs.iter().map(|reloc| reloc.target).collect::<Vec<_>>();
    let slot = |index| RelocTarget::Slot(DefinedFuncIndex::from_u32(index));
    assert_eq!(targets(&artifacts[1]), [slot(0), slot(0)]);
    assert_eq!(targets(&artifacts[2]), [slot(1)]);
    // mov reg, [rip + 0]
    let at = artifacts[1].relocs[0].code_offset as usize;
    assert_eq!(artifacts[1].code[at - 2], 0x8b);
}

#[test]
fn a_guarded_access_needs_no_comparison() {
    let text = "(module (memory 1) (func (param i32) (result i32) (i32.load offset=100 (local.get 0))))";
    let guarded = compile(text, CodeVariant::Guarded);
    let checked = compile(text, CodeVariant::Checked);
    assert_eq!(traps(&guarded[0]), [TrapCode::MemoryOutOfBounds]);
    assert!(traps(&checked[0]).len() == 2 && checked[0].code.len() > guarded[0].code.len());
}

#[test]
fn a_large_offset_is_compared_with_a_constant() {
    let text = "(module (memory 1) (func (param i32) (result i32) (i32.load offset=0xfffffff0 (local.get 0))))";
    let guarded = compile(text, CodeVariant::Guarded);
    assert_eq!(traps(&guarded[0]), [TrapCode::MemoryOutOfBounds; 2]);
}

#[test]
fn an_impossible_access_is_a_trap() {
    let text = "(module (memory 1 1) (func (param i32) (result i32) (i32.load offset=65533 (local.get 0))))";
    for variant in CodeVariant::ALL {
        assert_eq!(traps(&compile(text, variant)[0]), [TrapCode::MemoryOutOfBounds]);
    }
}

#[test]
fn a_constant_index_within_the_least_size_is_not_checked() {
    let text = "(module (memory 1) (func (result i32) (i32.load (i32.const 65532))))";
    assert_eq!(traps(&compile(text, CodeVariant::Checked)[0]), [TrapCode::MemoryOutOfBounds]);
}

#[test]
fn a_trap_behind_a_call_has_a_position_of_its_own() {
    let artifacts = compile("(module (func) (func (call 0) unreachable))", CodeVariant::Guarded);
    let unreachable = artifacts[1].traps.iter().find(|site| site.trap == TrapCode::Unreachable).expect("a trap");
    let at: Vec<u32> = artifacts[1]
        .positions
        .iter()
        .filter(|position| position.code_offset == unreachable.code_offset)
        .map(|position| position.wasm_offset)
        .collect();
    // The call's first.
    assert_eq!(at.len(), 2);
    assert_eq!(at[0] + 2, at[1]);
}
