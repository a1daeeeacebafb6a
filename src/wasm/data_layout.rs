//! What memories begin with: active data segments, laid out.
//!
//! Compilers make tens of thousands of segments of a few bytes, and what stands behind what in a memory does not depend on the instance: offsets are
//! constants, for nearly all. So a memory's segments can be laid out once, and be mapped or copied together.

use std::ops::Range;

use crate::base::{DataIndex, MemoryIndex};
use crate::wasm::module::{ConstOp, DataMode, WasmModule};
use crate::wasm::wire_bytes::WireBytes;

/// The active segments of a memory that the module has itself, all at constant offsets, and within what the memory begins with.
#[derive(Debug)]
pub struct DataLayout {
    /// Which memory.
    pub memory: MemoryIndex,
    /// How long that is at first.
    pub memory_bytes: usize,
    /// From the first byte's page to the last byte.
    pub span: Range<usize>,
    /// Where each segment goes, in their order: later ones overwrite earlier ones.
    parts: Vec<(Range<usize>, DataIndex)>,
}

impl DataLayout {
    /// Lays the segments of a memory out; nothing if there are none, or one of them cannot be.
    pub fn of(module: &WasmModule, memory: MemoryIndex, page_bytes: usize) -> Option<DataLayout> {
        let ty = module.memories[memory];
        // Not of a shared memory: what is mapped over one would take the place of what other threads see.
        if module.is_imported_memory(memory) || ty.shared {
            return None;
        }
        let min_bytes = usize::try_from(ty.min.checked_mul(ty.page_bytes())?).ok()?;
        let mut parts: Vec<(Range<usize>, DataIndex)> = Vec::new();
        for (index, data) in module.datas() {
            let DataMode::Active { memory: target, offset } = &data.mode else { continue };
            if *target != memory {
                continue;
            }
            let start = match *offset.0 {
                [ConstOp::I32(value)] => value as u32 as usize,
                [ConstOp::I64(value)] => usize::try_from(value as u64).ok()?,
                _ => return None,
            };
            let end = start.checked_add(data.bytes.len()).filter(|&end| end <= min_bytes)?;
            parts.push((start..end, index));
        }
        let start = parts.iter().map(|(range, _)| range.start).min()? / page_bytes * page_bytes;
        let end = parts.iter().map(|(range, _)| range.end).max()?;
        (end.next_multiple_of(page_bytes) <= min_bytes).then_some(DataLayout {
            memory,
            memory_bytes: min_bytes,
            span: start..end,
            parts,
        })
    }

    /// How many segments it is of.
    pub fn segment_count(&self) -> usize {
        self.parts.len()
    }

    /// Bytes of all segments.
    pub fn data_bytes(&self) -> usize {
        self.parts.iter().map(|(range, _)| range.len()).sum()
    }

    /// The segments' bytes, and where they go from the beginning of the span.
    pub fn parts<'a>(&'a self, module: &'a WasmModule, wire_bytes: &'a WireBytes) -> impl Iterator<Item = (usize, &'a [u8])> {
        let bytes = |index: DataIndex| wire_bytes.of(&module.datas()[index].bytes);
        self.parts.iter().map(move |(range, index)| (range.start - self.span.start, bytes(*index)))
    }
}
