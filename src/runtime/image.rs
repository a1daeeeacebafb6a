//! What a module's instances begin with, made once: initial contents of memories as copy-on-write images, and
//! [references to functions](crate::runtime::func_image).
//!
//! A module's active data segments for a memory of its own, when their offsets are constants and they fit, are laid out once in an
//! image; instantiation maps it instead of copying, or finds it mapped in what an earlier instance has left. Small contents are copied all the same: a mapping costs more than a page
//! or two of copying. So are those of a module's first instance, which is the only one of most.

use std::ops::Range;

use cranelift_entity::EntityRef;

use crate::base::sync::{Arc, OnceLock, Weak};
use crate::base::{MemoryIndex, trace};
use crate::compile::cached::{DataFile, KeptImage};
use crate::compile::module::Module;
use crate::platform::image::{ImageError, MemoryImage};
use crate::platform::memory::page_bytes;
use crate::platform::spare::{MappedImage, SlotPool};
use crate::runtime::func_image::FuncImage;
use crate::wasm::data_layout::DataLayout;
use crate::wasm::module::{ConstOp, DataMode, WasmModule};
use crate::wasm::wire_bytes::WireBytes;

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
    are_all: bool,
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
    /// The images for another instance of a module, kept with it: those that another process has left, or made for its second instance.
    pub fn for_instance(module: &Module, is_first: bool) -> Option<&DataImages> {
        if is_first || module.decoded().data_count() == 0 {
            return None;
        }
        let data = &ModuleImages::of(module)?.data;
        if let Some(known) = data.get() {
            return Some(known);
        }
        match module.sound_data().map(|kept| DataImages::of_file(module, kept)) {
            Some(Ok(kept)) => return Some(data.get_or_init(|| kept)),
            Some(Err(error)) => tracing::debug!(target: trace::INSTANTIATE, %error, "kept data is not used"),
            None => {}
        }
        Some(data.get_or_init(|| DataImages::build(module)))
    }

    /// The images of a module, if they were made.
    pub fn known(module: &Module) -> Option<&DataImages> {
        ModuleImages::of(module)?.data.get()
    }

    /// The image of a memory.
    pub fn get(&self, memory: MemoryIndex) -> Option<&DataImage> {
        self.images.iter().find(|image| image.memory == memory)
    }

    /// Whether all segments of the module are in them.
    pub fn are_all(&self) -> bool {
        self.are_all
    }

    fn of_file(module: &Module, kept: &DataFile) -> Result<Self, ImageError> {
        let image = |kept_image: &KeptImage| {
            let bytes = kept.bytes(kept_image);
            let image = match kept.place(kept_image) {
                Some((file, offset)) => MemoryImage::of_file(file, offset, bytes.len())?,
                None => MemoryImage::new(bytes.len(), [(0, bytes)])?,
            };
            let mapped = MappedImage { image: Arc::new(image), start: kept_image.start };
            Ok(DataImage { memory: kept_image.memory, mapped })
        };
        let images = kept.images().iter().map(image).collect::<Result<_, ImageError>>()?;
        Ok(DataImages { images, are_all: true, pool: Arc::downgrade(module.engine().spare_memories()) })
    }

    fn build(module: &Module) -> Self {
        let pool = Arc::downgrade(module.engine().spare_memories());
        let (wire_bytes, module) = (module.wire_bytes(), module.decoded());
        let images = module.memories.keys().filter_map(|memory| build_one(module, wire_bytes, memory)).collect();
        DataImages { images, are_all: false, pool }
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

fn build_one(module: &WasmModule, wire_bytes: &WireBytes, memory: MemoryIndex) -> Option<DataImage> {
    let layout = DataLayout::of(module, memory, page_bytes())?;
    if layout.data_bytes() < IMAGE_MIN_BYTES || layout.span.len() > IMAGE_MAX_SPAN {
        return None;
    }
    match MemoryImage::new(layout.span.len(), layout.parts(module, wire_bytes)) {
        Ok(image) => Some(DataImage { memory, mapped: MappedImage { image: Arc::new(image), start: layout.span.start } }),
        Err(error) => {
            tracing::debug!(target: trace::INSTANTIATE, memory = memory.index(), %error, "memory contents are copied");
            None
        }
    }
}
