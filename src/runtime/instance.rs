//! Instances: a module's vmctx, and the runtime's side of it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use cranelift_entity::EntityRef;

use crate::abi::artifact::CodeVariant;
use crate::abi::vmctx::{self, VmLayout};
use crate::base::FuncIndex;
use crate::base::tuning::{INSTANCE_WEIGHT_FUNCS, INSTANCE_WEIGHT_MEMORY};
use crate::compile::module::Module;
use crate::layout::{FuncEntry, IsolateBlock};

/// The memory of one vmctx, zeroed at first and freed with the instance.
#[derive(Debug)]
pub struct VmCtx {
    ptr: NonNull<u8>,
    layout: Layout,
}

impl VmCtx {
    /// A zeroed vmctx with its header written.
    pub(crate) fn new(layout: &VmLayout, block: *mut IsolateBlock, type_ids: *const u32, func_table: *const FuncEntry) -> Self {
        let size = layout.size_bytes().max(16);
        let layout = Layout::from_size_align(size, 16).unwrap_or(Layout::new::<[u128; 4]>());
        // SAFETY: the size is not zero.
        let Some(ptr) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { handle_alloc_error(layout) };
        let vmctx = VmCtx { ptr, layout };
        // SAFETY: the header is in bounds of every vmctx.
        unsafe {
            vmctx.write(vmctx::BLOCK, block);
            vmctx.write(vmctx::TYPE_IDS, type_ids);
            vmctx.write(vmctx::FUNC_TABLE, func_table);
        }
        vmctx
    }

    /// Its address.
    pub fn as_ptr(&self) -> *mut u8 {
        self.ptr.as_ptr()
    }

    /// Writes a field.
    ///
    /// # Safety
    ///
    /// The offset comes from the [`VmLayout`] that the vmctx was made with and is that of a `T`.
    pub(crate) unsafe fn write<T>(&self, offset: u32, value: T) {
        debug_assert!(offset as usize + size_of::<T>() <= self.layout.size());
        // SAFETY: in bounds and aligned by the caller's promise.
        unsafe { self.ptr.as_ptr().add(offset as usize).cast::<T>().write(value) };
    }

    /// The address of a field.
    pub(crate) fn field<T>(&self, offset: u32) -> *mut T {
        debug_assert!(offset as usize + size_of::<T>() <= self.layout.size());
        // The layout bounds every offset; wrapping keeps this safe to call whatever the offset.
        self.ptr.as_ptr().wrapping_add(offset as usize).cast()
    }
}

impl Drop for VmCtx {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) };
    }
}

/// The runtime's side of an instance. Indices are positions in the store's lists.
#[derive(Debug)]
pub struct InstanceObject {
    /// Freed last: everything else may point into it.
    pub(crate) vmctx: VmCtx,
    /// Keeps code, slots and type ids alive.
    pub(crate) module: Module,
    /// Which code it runs.
    pub(crate) variant: CodeVariant,
    /// Descriptors of its module's types, by type index. The vmctx points to them.
    pub(crate) descriptors: Box<[u32]>,
    /// References of its functions, made at first use; [`NO_REFERENCE`](vmctx::NO_REFERENCE) is not yet. The vmctx points to them.
    pub(crate) func_refs: Box<[u32]>,
    /// First reference and count of those that it has in one piece.
    pub(crate) func_block: Option<(u32, usize)>,
    /// Those that it has besides, made one by one.
    pub(crate) single_refs: Vec<u32>,
    /// Its memories.
    pub(crate) memories: Box<[u32]>,
    /// Its tables.
    pub(crate) tables: Box<[u32]>,
    /// Its globals.
    pub(crate) globals: Box<[u32]>,
    /// Its tags.
    pub(crate) tags: Box<[u32]>,
    /// References of passive element segments, evaluated at instantiation; `None` once dropped.
    pub(crate) elems: Box<[Option<Box<[u32]>>]>,
    /// Which data segments were dropped.
    pub(crate) dropped_datas: Box<[bool]>,
}

impl InstanceObject {
    /// What it counts for when a store asks itself whether to look for instances that nothing holds: more than 1, if it may have many functions
    /// or has memories, each of which is a slot that another instance could have.
    pub(crate) fn weight(&self) -> usize {
        let own_memories = self.memories.len() - self.module.decoded().imported_memory_count;
        1 + self.func_refs.len() / INSTANCE_WEIGHT_FUNCS + own_memories * INSTANCE_WEIGHT_MEMORY
    }

    /// The dispatch slot and vmctx that call a function: the module's own, or what was imported.
    pub(crate) fn callee(&self, func: FuncIndex) -> (*const crate::base::sync::atomic::AtomicUsize, *mut u8) {
        match self.module.decoded().defined_func(func) {
            Some(defined) => (self.module.slot(self.variant, defined), self.vmctx.as_ptr()),
            None => {
                debug_assert!(func.index() < self.module.layout().imported_func_count());
                let import = self.vmctx.field::<crate::layout::ImportedFunc>(self.module.layout().imported_func(func));
                // SAFETY: the import section was linked before anything could ask for a callee.
                let import = unsafe { *import };
                (import.slot, import.vmctx)
            }
        }
    }
}
