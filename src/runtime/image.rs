//! What a module's instances begin with, made once: initial contents of memories as copy-on-write images, and
//! [references to functions](crate::runtime::func_image).
//!
//! A module's active data segments for a memory of its own, when their offsets are constants and they fit, are laid out once in an
//! image; instantiation maps it instead of copying, or finds it mapped in what an earlier instance has left. Small contents are copied all the same: a mapping costs more than a page
//! or two of copying. So are those of a module's first instance, which is the only one of most.

use std::ops::Range;

use cranelift_entity::EntityRef;

use crate::base::sync::{Arc, OnceLock, Weak};
use crate::base::{DataIndex, MemoryIndex};
use crate::compile::module::Module;
use crate::platform::image::MemoryImage;
use crate::platform::memory::page_bytes;
use crate::platform::spare::{MappedImage, SlotPool};
use crate::runtime::func_image::FuncImage;
use crate::wasm::module::{ConstOp, DataMode, WasmModule};

/// Contents below this many bytes are copied.
const IMAGE_MIN_BYTES: usize = 32 << 10;
/// For so many bytes of data pages are made at once: a fault for each takes longer than to fill it.
const POPULATE_MIN_BYTES: usize = 256 << 10;
/// Images span at most this; sparse contents above it are copied.
const IMAGE_MAX_SPAN: usize = 256 << 20;

/// All images of a module, each made when an instance that is not the first asks for it. Kept with the module.
#[derive(Debug, Default)]
pub(crate) struct ModuleImages {
    data: OnceLock<DataImages>,
    /// By variant; `None` if there is nothing to gain.
    pub(crate) funcs: [OnceLock<Option<FuncImage>>; 2],
}

impl ModuleImages {
    /// Those of a module.
    pub(crate) fn of(module: &Module) -> Option<&ModuleImages> {
        module.image_cache().get_or_init(|| Box::new(ModuleImages::default())).downcast_ref()
    }
}

/// The images of a module's data.
#[derive(Debug)]
pub struct DataImages {
    images: Vec<DataImage>,
    /// Where slots are kept that have them.
    pool: Weak<SlotPool>,
}

impl Drop for DataImages {
    fn drop(&mut self) {
        // The module goes: nobody asks for such slots any more.
        if let Some(pool) = self.pool.upgrade() {
            self.images.iter().for_each(|image| pool.retire(&image.mapped.image));
        }
    }
}

/// The image of one memory.
#[derive(Debug)]
pub struct DataImage {
    /// Which memory.
    pub memory: MemoryIndex,
    /// The contents, and where in the memory they begin.
    pub mapped: MappedImage,
}

impl DataImages {
    /// The images for another instance of a module, made for its second one and kept with it.
    pub fn for_instance(module: &Module, is_first: bool) -> Option<&DataImages> {
        if is_first || module.decoded().datas().is_empty() {
            return None;
        }
        Some(ModuleImages::of(module)?.data.get_or_init(|| DataImages::build(module)))
    }

    /// The images of a module, if they were made.
    pub fn known(module: &Module) -> Option<&DataImages> {
        ModuleImages::of(module)?.data.get()
    }

    /// The image of a memory.
    pub fn get(&self, memory: MemoryIndex) -> Option<&DataImage> {
        self.images.iter().find(|image| image.memory == memory)
    }

    fn build(module: &Module) -> Self {
        let (pool, wire_bytes, module) = (module.engine().spare_memories(), module.wire_bytes(), module.decoded());
        // Not for shared memories: what is mapped over one would take the place of what other threads see.
        let own = module.memories.keys().filter(|&memory| !module.is_imported_memory(memory) && !module.memories[memory].shared);
        let images = own.filter_map(|memory| build_one(module, wire_bytes, memory)).collect();
        DataImages { images, pool: Arc::downgrade(pool) }
    }
}

/// Where the data of a memory goes that is copied to it, if it is so much that its pages are better made at once: from the beginning of its first page.
pub fn dense_range(module: &WasmModule, memory: MemoryIndex) -> Option<Range<usize>> {
    let parts = module.datas().values().filter_map(|data| match &data.mode {
        DataMode::Active { memory: target, offset } if *target == memory => match *offset.0 {
            [ConstOp::I32(start)] => Some((start as u32 as usize, data.bytes.len())),
            _ => None,
        },
        _ => None,
    });
    let (start, end, total) = parts
        .fold((usize::MAX, 0, 0), |(start, end, total), (at, len)| (start.min(at), end.max(at.saturating_add(len)), total + len));
    let start = start / page_bytes() * page_bytes();
    (total >= POPULATE_MIN_BYTES && end - start <= 2 * total).then_some(start..end)
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
    let page = page_bytes();
    let start = parts.iter().map(|(range, _)| range.start).min()? / page * page;
    let end = parts.iter().map(|(range, _)| range.end).max()?;
    if total < IMAGE_MIN_BYTES || end - start > IMAGE_MAX_SPAN || end.next_multiple_of(page) > min_bytes {
        return None;
    }
    let contents = parts.iter().map(|(range, index)| (range.start - start, &wire_bytes[module.datas()[*index].bytes.clone()]));
    match MemoryImage::new(end - start, contents) {
        Ok(image) => Some(DataImage { memory, mapped: MappedImage { image: Arc::new(image), start } }),
        Err(error) => {
            tracing::debug!(target: crate::base::trace::INSTANTIATE, memory = memory.index(), %error, "memory contents are copied");
            None
        }
    }
}
