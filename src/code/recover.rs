//! Published code as the artifacts that it came from: what is kept for another process.
//!
//! **Invariant:** publishing a recovered artifact gives the same code at any address: what publication filled in is taken out.

use cranelift_entity::EntityRef;

use crate::abi::artifact::{Artifact, Tier};
use crate::base::DefinedFuncIndex;
use crate::code::metadata::FunctionMetadata;
use crate::code::space::CodeSpace;

impl CodeSpace {
    /// The artifact of a function's present code, if it has any.
    pub fn recover(&self, func: DefinedFuncIndex) -> Option<Artifact> {
        self.metadata(func, |metadata| {
            let FunctionMetadata { entry_offset, code_bytes, .. } = *metadata;
            let code = self.exec().base().wrapping_add(entry_offset as usize);
            // SAFETY: published code can be read, and is written no more until it is freed, which `metadata` keeps from happening meanwhile.
            let mut code: Box<[u8]> = unsafe { std::slice::from_raw_parts(code, code_bytes as usize) }.into();
            for reloc in &metadata.relocs {
                code[reloc.code_offset as usize..][..4].fill(0);
            }
            artifact_of(metadata, code)
        })
    }

    /// The functions that have code of a tier or a better one, in the order in which it was published.
    pub fn present_funcs(&self, tier: Tier) -> Vec<DefinedFuncIndex> {
        let all = (0..self.slot_count()).map(DefinedFuncIndex::new);
        let find = |func| {
            let found = self.metadata(func, |metadata| (metadata.tier, metadata.entry_offset));
            found.filter(|&(present, _)| present >= tier).map(|(_, entry_offset)| (entry_offset, func))
        };
        let mut found: Vec<(u32, DefinedFuncIndex)> = all.filter_map(find).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, func)| func).collect()
    }
}

fn artifact_of(metadata: &FunctionMetadata, code: Box<[u8]>) -> Artifact {
    Artifact {
        func: metadata.func,
        entry: metadata.entry,
        tier: metadata.tier,
        variant: metadata.variant,
        code,
        alignment: metadata.alignment,
        place: metadata.place,
        relocs: metadata.relocs.clone(),
        traps: metadata.traps.clone(),
        positions: metadata.positions.clone(),
        stack_maps: metadata.stack_maps.clone(),
        deep_slots: metadata.deep_slots.clone(),
        handlers: metadata.handlers.clone(),
        saved: metadata.saved,
        frame_bytes: metadata.frame_bytes,
        state_bytes: metadata.state_bytes,
        inlined: metadata.inlined.clone(),
        loops: metadata.loops.clone(),
        loop_values: metadata.loop_values.clone(),
        profile_words: metadata.profile_words,
    }
}
