//! Code spaces with hand-assembled functions: published, run, found, replaced, faulted, freed, forked.

mod fault;
mod forks;
mod publication;
mod reclaiming;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::artifact::{Artifact, CodeVariant, Entry, Position, Reloc, RelocTarget, Tier, TrapSite};
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;
use crate::code::{CodeSpace, CodeSpaceOptions};
use crate::platform::exec::ExecStrategy;

fn func(index: u32) -> DefinedFuncIndex {
    DefinedFuncIndex::from_u32(index)
}

fn owner() -> Arc<dyn Any + Send + Sync> {
    Arc::new("owner")
}

fn space(slot_count: usize) -> CodeSpace {
    CodeSpace::new(slot_count, 1024, owner()).expect("a code space")
}

fn space_with(slot_count: usize, strategy: ExecStrategy) -> CodeSpace {
    let options = CodeSpaceOptions { strategies: &[strategy], ..CodeSpaceOptions::new(slot_count, 1024) };
    CodeSpace::with_options(&options, owner()).expect("a code space")
}

fn artifact(index: u32, tier: Tier, code: &[u8]) -> Artifact {
    Artifact::new(func(index), tier, CodeVariant::Guarded, code.into())
}

/// `mov eax, value; ret`
fn constant(index: u32, tier: Tier, value: u32) -> Artifact {
    let [a, b, c, d] = value.to_le_bytes();
    artifact(index, tier, &[0xb8, a, b, c, d, 0xc3])
}

/// `push rbp; mov rbp, rsp; call [slot of callee]; pop rbp; ret`
fn caller(index: u32, callee: u32) -> Artifact {
    let code = [0x55, 0x48, 0x89, 0xe5, 0xff, 0x15, 0, 0, 0, 0, 0x5d, 0xc3];
    Artifact {
        relocs: [Reloc { code_offset: 6, target: RelocTarget::Slot(func(callee)) }].into(),
        positions: [Position { code_offset: 10, wasm_offset: 70 + index }].into(),
        ..artifact(index, Tier::Baseline, &code)
    }
}

/// `nop; ud2`
fn trapping(index: u32) -> Artifact {
    Artifact {
        traps: [TrapSite { code_offset: 1, trap: TrapCode::Unreachable }].into(),
        positions: [Position { code_offset: 1, wasm_offset: 99 }].into(),
        ..artifact(index, Tier::Baseline, &[0x90, 0x0f, 0x0b])
    }
}

/// Ends the loops of other threads, also when this one panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release); // partner: the loops
    }
}

/// The present entry of a function.
fn entry(space: &CodeSpace, index: u32) -> usize {
    // SAFETY: the slot is the space's, which is alive.
    unsafe { &*space.slot(func(index)) }.load(Ordering::Acquire) // partner: publication
}

/// Calls a function without parameters that returns a 32-bit integer.
fn call(space: &CodeSpace, index: u32) -> u32 {
    // SAFETY: the tests' functions have this type, and the space is alive.
    unsafe { std::mem::transmute::<usize, extern "sysv64" fn() -> u32>(entry(space, index))() }
}
