//! Loop versions: code that no slot leads to, found by function and loop.
//!
//! *Problem.* Code that takes over from a running baseline frame ([`osr`](crate::abi::osr)) is entered by nobody else. *Idea.* A table
//! beside the slots. Who looks into it runs baseline code of the function, so that the table must hold a version only as long as there
//! is such code: when the last of it is freed, the function's versions are retired, and are freed like other old code when no
//! stack shows them.
//!
//! **Invariants:** an address from the table is entered at once, by a thread with a frame of the function's baseline code. A version is never
//! replaced by another.

use std::collections::HashMap;

use crate::abi::artifact::Entry;
use crate::base::DefinedFuncIndex;
use crate::base::sync::Mutex;
use crate::code::metadata::FunctionMetadata;
use crate::code::reclaim::Retired;
use crate::code::space::CodeSpace;

/// A loop version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopCode {
    /// Where it is entered.
    pub address: usize,
    /// Bytes of its code.
    pub code_bytes: u32,
    /// Bytes of its frame, without the return address and the frame pointer.
    pub frame_bytes: u32,
    /// Bytes of the state that it reads.
    pub state_bytes: u32,
}

/// The versions of all functions of a space, by function, then by the byte offset of the loop.
#[derive(Debug, Default)]
pub(in crate::code) struct LoopVersions(Mutex<HashMap<DefinedFuncIndex, Vec<(u32, u32)>>>);

impl LoopVersions {
    /// Adds the version at an offset of the space; false if there is one.
    pub fn add(&self, func: DefinedFuncIndex, wasm_offset: u32, entry_offset: u32) -> bool {
        let mut versions = self.0.lock();
        let versions = versions.entry(func).or_default();
        let is_new = versions.iter().all(|&(known, _)| known != wasm_offset);
        if is_new {
            versions.push((wasm_offset, entry_offset));
        }
        is_new
    }

    /// Takes all of a function.
    pub fn take(&self, func: DefinedFuncIndex) -> Vec<u32> {
        let versions = self.0.lock().remove(&func).unwrap_or_default();
        versions.into_iter().map(|(_, entry_offset)| entry_offset).collect()
    }

    fn find(&self, func: DefinedFuncIndex, wasm_offset: u32) -> Option<u32> {
        let versions = self.0.lock();
        versions.get(&func)?.iter().find(|&&(known, _)| known == wasm_offset).map(|&(_, entry_offset)| entry_offset)
    }
}

impl CodeSpace {
    /// The version of a function for the loop at a byte offset of the module. Asked by a thread that runs baseline code of the function.
    pub fn loop_code(&self, func: DefinedFuncIndex, wasm_offset: u32) -> Option<LoopCode> {
        self.loop_metadata(func, wasm_offset, |metadata| {
            let FunctionMetadata { entry_offset, code_bytes, frame_bytes, state_bytes, .. } = *metadata;
            LoopCode { address: self.exec().base().addr() + entry_offset as usize, code_bytes, frame_bytes, state_bytes }
        })
    }

    /// Reads what is known of a version, which stays there meanwhile.
    pub(in crate::code) fn loop_metadata<T>(
        &self,
        func: DefinedFuncIndex,
        wasm_offset: u32,
        read: impl FnOnce(&FunctionMetadata) -> T,
    ) -> Option<T> {
        let _kept = self.installing.read();
        let entry_offset = self.loops.find(func, wasm_offset)?;
        // SAFETY: the version is in the table, and leaves it before it is freed, which the lock keeps from happening meanwhile.
        let metadata = unsafe { &*self.view().metadata_pointer(entry_offset as usize) };
        debug_assert_eq!(metadata.entry, Entry::Loop(wasm_offset));
        Some(read(metadata))
    }

    /// The versions of functions whose baseline code is gone.
    pub(in crate::code) fn orphans(&self, dead: &[Retired]) -> Vec<Retired> {
        let orphans = dead.iter().filter(|retired| retired.is_baseline).flat_map(|retired| self.loops.take(retired.func));
        // SAFETY: they are published, and freed by who retires them, which is the caller.
        orphans.map(|entry| Retired::new(unsafe { &*self.view().metadata_pointer(entry as usize) })).collect()
    }
}
