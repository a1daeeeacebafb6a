//! What is the same in the function references of all instances of a module.
//!
//! *Problem.* A module with a table of a thousand functions has its instances make a thousand entries in their isolate's
//! [function table](crate::runtime::func_table), before any of them is called. *Idea.* All of an entry but the vmctx is the module's: slot and type. So the entries of
//! functions that element segments name are laid out once, in one array; an instance has room for as many, one behind the other, copies them,
//! and puts its vmctx in. A reference is the first one's plus a position, so that they are as quickly made, and given back in one piece.
//!
//! A module's first instance, which is the only one of most, makes entries one by one, without an image.
//!
//! **Invariant:** what an entry of an image points to is kept by the module that keeps the image: slots by its code, displays by its types.

use cranelift_entity::EntityRef;

use crate::abi::artifact::CodeVariant;
use crate::abi::vmctx::NO_REFERENCE;
use crate::base::FuncIndex;
use crate::base::tuning::FUNC_IMAGE_MIN;
use crate::compile::module::Module;
use crate::layout::FuncEntry;
use crate::runtime::func_table;
use crate::runtime::image::ModuleImages;
use crate::wasm::module::{ElemItems, ElemMode, WasmModule};

/// The entries of a module's functions that its element segments name, in one variant of its code.
#[derive(Debug)]
pub struct FuncImage {
    /// Without a vmctx.
    entries: Box<[FuncEntry]>,
    /// Where among these each function is that the module defines, or [`NO_REFERENCE`].
    positions: Box<[u32]>,
}

// SAFETY: an image is never changed, and what its entries point to may be read by all threads: dispatch slots are atomic, and displays never
// change.
unsafe impl Send for FuncImage {}
// SAFETY: as above.
unsafe impl Sync for FuncImage {}

impl FuncImage {
    /// The image for another instance of a module, made for its second one; `None` if the functions are too few to be worth it.
    pub(crate) fn for_instance(module: &Module, variant: CodeVariant, is_first: bool) -> Option<&FuncImage> {
        if is_first || module.decoded().elems.is_empty() {
            return None;
        }
        let images = ModuleImages::of(module)?;
        images.funcs[variant as usize].get_or_init(|| Self::build(module, variant)).as_ref()
    }

    /// The entries. Their vmctx is null.
    pub(crate) fn entries(&self) -> &[FuncEntry] {
        &self.entries
    }

    /// Writes references to the functions that a module defines, those in the image, when its first entry has this one.
    pub(crate) fn write_references(&self, first: u32, references: &mut [u32]) {
        for (reference, &position) in references.iter_mut().zip(&self.positions) {
            *reference = if position == NO_REFERENCE { NO_REFERENCE } else { first + position };
        }
    }

    fn build(module: &Module, variant: CodeVariant) -> Option<FuncImage> {
        let (decoded, types, slots) = (module.decoded(), module.canonical_types(), module.slots(variant));
        let mut positions = vec![NO_REFERENCE; decoded.funcs.len() - decoded.imported_func_count].into_boxed_slice();
        let mut entries = Vec::new();
        for func in named(decoded) {
            let Some(defined) = decoded.defined_func(func) else { continue };
            let position = &mut positions[defined.index()];
            if *position == NO_REFERENCE {
                *position = u32::try_from(entries.len()).ok()?;
                let slot = slots.wrapping_add(defined.index());
                entries.push(func_table::entry(slot, std::ptr::null_mut(), types.ty(decoded.funcs[func])));
            }
        }
        (entries.len() >= FUNC_IMAGE_MIN).then(|| FuncImage { entries: entries.into_boxed_slice(), positions })
    }
}

/// The functions that a module's element segments name as such, in their order.
fn named(module: &WasmModule) -> impl Iterator<Item = FuncIndex> {
    let segments = module.elems.values().filter(|elem| !matches!(elem.mode, ElemMode::Declared));
    let funcs = segments.filter_map(|elem| if let ElemItems::Funcs(funcs) = &elem.items { Some(funcs) } else { None });
    funcs.flat_map(|funcs| funcs.iter().copied())
}
