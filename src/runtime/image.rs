//! Initial contents of memories as copy-on-write images.
//!
//! A module's active data segments for a memory of its own, when their offsets are constants and they fit, are laid out once in an
//! image; instantiation maps it instead of copying. Small contents are copied all the same: a mapping costs more than a page
//! or two of copying.

use std::ops::Range;

use cranelift_entity::EntityRef;

use crate::base::{DataIndex, MemoryIndex};
use crate::compile::module::Module;
use crate::platform::image::MemoryImage;
use crate::wasm::module::{ConstOp, DataMode, WasmModule};

/// Contents below this many bytes are copied.
const IMAGE_MIN_BYTES: usize = 32 << 10;
/// Images span at most this; sparse contents above it are copied.
const IMAGE_MAX_SPAN: usize = 256 << 20;

/// The images of a module.
#[derive(Debug)]
pub struct DataImages {
    images: Vec<DataImage>,
}

/// The image of one memory.
#[derive(Debug)]
pub struct DataImage {
    /// Which memory.
    pub memory: MemoryIndex,
    /// Where it begins in the memory, a multiple of the page size.
    pub start: usize,
    /// The contents.
    pub image: MemoryImage,
    /// Where in the memory the last segment ends.
    pub end: usize,
}

impl DataImages {
    /// The images of a module, made at first use and kept with it.
    pub fn of(module: &Module) -> &DataImages {
        static NONE: DataImages = DataImages { images: Vec::new() };
        let any = module.image_cache().get_or_init(|| Box::new(DataImages::build(module.decoded(), module.wire_bytes())));
        any.downcast_ref().unwrap_or(&NONE)
    }

    /// The image of a memory.
    pub fn get(&self, memory: MemoryIndex) -> Option<&DataImage> {
        self.images.iter().find(|image| image.memory == memory)
    }

    fn build(module: &WasmModule, wire_bytes: &[u8]) -> Self {
        // Not for shared memories: what is mapped over one would take the place of what other threads see.
        let own = module.memories.keys().filter(|&memory| !module.is_imported_memory(memory) && !module.memories[memory].shared);
        DataImages { images: own.filter_map(|memory| build_one(module, wire_bytes, memory)).collect() }
    }
}

fn build_one(module: &WasmModule, wire_bytes: &[u8], memory: MemoryIndex) -> Option<DataImage> {
    let ty = module.memories[memory];
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
    let total: usize = parts.iter().map(|(range, _)| range.len()).sum();
    let page = crate::platform::memory::page_bytes();
    let start = parts.iter().map(|(range, _)| range.start).min()? / page * page;
    let end = parts.iter().map(|(range, _)| range.end).max()?;
    if total < IMAGE_MIN_BYTES || end - start > IMAGE_MAX_SPAN || end.next_multiple_of(page) > min_bytes {
        return None;
    }
    let contents = parts.iter().map(|(range, index)| (range.start - start, &wire_bytes[module.datas()[*index].bytes.clone()]));
    match MemoryImage::new(end - start, contents) {
        Ok(image) => Some(DataImage { memory, start, image, end }),
        Err(error) => {
            tracing::debug!(target: crate::base::trace::INSTANTIATE, memory = memory.index(), %error, "memory contents are copied");
            None
        }
    }
}
