//! Linear memories.
//!
//! Two kinds, told apart when a memory is made and never afterwards:
//!
//! - **guarded**: a 32-bit memory with pages of 64 KiB in a reservation of 4 GiB and a guard. Its base never moves and generated
//!   code needs no bounds check.
//! - **checked**: anything else. Generated code compares with the length; the base may move when the memory grows, unless it is
//!   shared.
//!
//! A guarded memory may be used by checked code too, which is how instances with memories of both kinds work. A memory belongs to
//! one store, or is shared: then the store has a part of it ([`SharedMemory`]).

use std::ptr::NonNull;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::base::limits::PAGE_BYTES;
use crate::base::tuning::{MEMORY_GUARD_BYTES, MEMORY_RESERVATION_BYTES};
use crate::heap::backing::Backing;
use crate::layout::MemoryDef;
use crate::platform::memory::{MemoryError, Reservation};
use crate::platform::spare::{MappedImage, MemorySlot, SlotPool};
use crate::runtime::error::{MemoryAccessError, ResourceError};
use crate::runtime::shared::SharedMemory;
use crate::wasm::types::MemoryType;

/// Address space that a checked memory reserves at the least, so that small growth does not move it.
const CHECKED_RESERVATION_MIN: u64 = 1 << 20;

/// A memory of a store. Its definition, which generated code reads, has a stable address.
#[derive(Debug)]
pub enum MemoryObject {
    /// No other store has it.
    Own(OwnMemory),
    /// Other stores may have it too, on other threads.
    Shared(SharedMemory),
}

/// A memory of one store.
#[derive(Debug)]
pub struct OwnMemory {
    def: Box<MemoryDef>,
    ty: MemoryType,
    slot: MemorySlot,
    guarded: bool,
    /// What shows the bytes to another language.
    view: View,
}

/// A view of a memory's bytes. It has no bytes from when the memory goes, or grows if it cannot follow.
#[derive(Debug, Default)]
struct View(Option<Arc<Backing>>);

impl View {
    /// The memory has so many bytes now, in the same place or not.
    fn follow(&mut self, bytes: u64, is_same_place: bool) {
        let Some(view) = &self.0 else { return };
        match usize::try_from(bytes) {
            // SAFETY: the memory has these bytes where the view has them.
            Ok(bytes) if view.is_resizable() && is_same_place && bytes <= view.max() => unsafe { view.set_foreign_len(bytes) },
            _ => self.close(),
        }
    }

    fn close(&mut self) {
        if let Some(view) = self.0.take() {
            // SAFETY: no bytes are always there.
            unsafe { view.set_foreign_len(0) };
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.close();
    }
}

impl MemoryObject {
    /// A memory of its type's least size. `guards` says whether a reservation may be made. All bytes are zero, unless its slot was
    /// found in the pool with the image that is wished: then they are that.
    ///
    /// # Errors
    ///
    /// Address space or memory is not to be had.
    pub fn new(ty: MemoryType, guards: bool, pool: &SlotPool, image: Option<&MappedImage>) -> Result<Self, ResourceError> {
        if ty.shared {
            return SharedMemory::with_guards(ty, guards).map(MemoryObject::Shared);
        }
        OwnMemory::new(ty, guards, pool, image).map(MemoryObject::Own)
    }

    /// The type that it was made with.
    pub fn declared_type(&self) -> MemoryType {
        match self {
            MemoryObject::Own(memory) => memory.ty,
            MemoryObject::Shared(memory) => memory.declared_type(),
        }
    }

    /// Its type now: the least size is the present one (§4.5.3.3).
    pub fn current_type(&self) -> MemoryType {
        MemoryType { min: self.page_count(), ..self.declared_type() }
    }

    /// Whether code without bounds checks may use it.
    pub fn is_guarded(&self) -> bool {
        match self {
            MemoryObject::Own(memory) => memory.guarded,
            MemoryObject::Shared(memory) => memory.is_guarded(),
        }
    }

    /// What generated code reads.
    pub fn def(&self) -> &MemoryDef {
        match self {
            MemoryObject::Own(memory) => &memory.def,
            MemoryObject::Shared(memory) => memory.def(),
        }
    }

    /// Address of byte 0.
    pub fn base(&self) -> *mut u8 {
        // Relaxed: only the store's own thread changes a base, and that of a shared memory never changes.
        self.def().base.load(Ordering::Relaxed)
    }

    /// Accessible bytes.
    pub fn len_bytes(&self) -> u64 {
        self.def().len_bytes.load(Ordering::SeqCst)
    }

    /// Present size in pages.
    pub fn page_count(&self) -> u64 {
        self.len_bytes() >> self.declared_type().page_size_log2
    }

    /// The memory, if it is shared.
    pub fn as_shared(&self) -> Option<&SharedMemory> {
        if let MemoryObject::Shared(memory) = self { Some(memory) } else { None }
    }

    /// The bytes, unless other threads may write them.
    pub fn bytes(&self) -> Option<&[u8]> {
        if let MemoryObject::Own(memory) = self { Some(memory.bytes()) } else { None }
    }

    /// The bytes, to write, unless other threads may access them.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if let MemoryObject::Own(memory) = self { Some(memory.bytes_mut()) } else { None }
    }

    /// Copies bytes out.
    ///
    /// # Errors
    ///
    /// They do not lie in the memory.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryAccessError> {
        match self {
            MemoryObject::Own(memory) => {
                let bytes = memory.bytes();
                let range = range(offset, into.len(), bytes.len())?;
                into.copy_from_slice(&bytes[range]);
                Ok(())
            }
            MemoryObject::Shared(memory) => memory.read(offset, into),
        }
    }

    /// Copies bytes in.
    ///
    /// # Errors
    ///
    /// There is not that much room at the offset; nothing was written then.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), MemoryAccessError> {
        match self {
            MemoryObject::Own(memory) => {
                let target = memory.bytes_mut();
                let range = range(offset, bytes.len(), target.len())?;
                target[range].copy_from_slice(bytes);
                Ok(())
            }
            MemoryObject::Shared(memory) => memory.write(offset, bytes),
        }
    }

    /// The bytes as another language's buffers show them: until the next growth, or, if `max` says to what length, following that. The view before
    /// it has no bytes any more. `None` when there are too many.
    pub(crate) fn view(&mut self, max: Option<usize>) -> Option<Arc<Backing>> {
        match self {
            MemoryObject::Own(memory) => {
                memory.view.close();
                let length = usize::try_from(memory.len_bytes()).ok()?;
                let bytes = NonNull::new(memory.slot.base())?;
                // SAFETY: the bytes are the slot's. Whoever takes it away, or changes their number or place, tells the view.
                let view = unsafe { Backing::foreign(bytes, length, max, false, None) }?;
                memory.view = View(Some(Arc::clone(&view)));
                Some(view)
            }
            MemoryObject::Shared(memory) => {
                let length = usize::try_from(memory.def().len_bytes.load(Ordering::SeqCst)).ok()?;
                // Relaxed: that of a shared memory never changes.
                let bytes = NonNull::new(memory.def().base.load(Ordering::Relaxed))?;
                // SAFETY: a shared memory stays as long as somebody has it, and never shrinks.
                unsafe { Backing::foreign(bytes, length, max, true, Some(Box::new(memory.clone()))) }
            }
        }
    }

    /// Whether the view that was given last has lost its bytes, or there is none.
    pub(crate) fn has_no_view(&self) -> bool {
        matches!(self, MemoryObject::Own(OwnMemory { view: View(None), .. }))
    }

    /// Grows by pages if `may_grow` agrees, which is given the present, the wanted and the largest size in bytes; the old size in
    /// pages.
    pub fn grow_if(&mut self, pages: u64, may_grow: impl FnOnce(u64, u64, u64) -> bool) -> Option<u64> {
        match self {
            MemoryObject::Own(memory) => memory.grow_if(pages, may_grow),
            MemoryObject::Shared(memory) => memory.grow_if(pages, may_grow),
        }
    }

    /// Whether its base may change when it grows.
    pub fn may_move(&self) -> bool {
        matches!(self, MemoryObject::Own(memory) if !memory.guarded)
    }

    /// Where it lies, for mapping initial contents over it; of a memory that nobody else can know.
    pub(crate) fn slot_mut(&mut self) -> Option<&mut MemorySlot> {
        if let MemoryObject::Own(memory) = self { Some(&mut memory.slot) } else { None }
    }

    /// Where it lay, for the next memory of the same sizes, if there may be one.
    pub(crate) fn into_slot(self) -> Option<MemorySlot> {
        let MemoryObject::Own(mut memory) = self else { return None };
        memory.view.close();
        // One that has moved was not made with these sizes.
        let len = slot_len_bytes(&memory.ty, memory.guarded).ok()?;
        (memory.slot.len_bytes() == len).then_some(memory.slot)
    }
}

impl OwnMemory {
    fn new(ty: MemoryType, guards: bool, pool: &SlotPool, image: Option<&MappedImage>) -> Result<Self, ResourceError> {
        let min_bytes = first_bytes(&ty)?;
        let find = |guarded: bool| find_slot(slot_len_bytes(&ty, guarded)?, min_bytes, pool, image);
        let reserved = if is_guardable(&ty, guards) { find(true).ok() } else { None };
        let guarded = reserved.is_some();
        let slot = reserved.map_or_else(|| find(false), Ok)?;
        let def = Box::new(MemoryDef { base: AtomicPtr::new(slot.base()), len_bytes: AtomicU64::new(min_bytes) });
        Ok(OwnMemory { def, ty, slot, guarded, view: View::default() })
    }

    fn len_bytes(&self) -> u64 {
        // Relaxed: only the store's own thread changes it.
        self.def.len_bytes.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len_bytes` bytes of the slot are readable; guests of this store do not run while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.slot.base(), self.len_bytes() as usize) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and the exclusive borrow of the memory's store keeps every other view away.
        unsafe { std::slice::from_raw_parts_mut(self.slot.base(), self.len_bytes() as usize) }
    }

    fn grow_if(&mut self, pages: u64, may_grow: impl FnOnce(u64, u64, u64) -> bool) -> Option<u64> {
        let old = self.len_bytes();
        let desired = grown_bytes(&self.ty, old, pages)?;
        if !may_grow(old, desired, self.ty.max_bytes()) {
            return None;
        }
        self.resize(desired).ok()?;
        Some(old >> self.ty.page_size_log2)
    }

    /// Makes the memory this long, a length that [`grown_bytes`] gave. When there is an error, nothing has changed.
    fn resize(&mut self, bytes: u64) -> Result<(), ResourceError> {
        let place = self.slot.base();
        if bytes > self.slot.len_bytes() as u64 {
            self.relocate(bytes)?;
        }
        let accessible = accessible_bytes(bytes, self.slot.len_bytes());
        self.slot.make_accessible(accessible).map_err(|error| no_memory(bytes, error))?;
        // Relaxed: read on the store's own thread.
        self.def.len_bytes.store(bytes, Ordering::Relaxed);
        self.view.follow(bytes, self.slot.base() == place);
        Ok(())
    }

    fn relocate(&mut self, bytes: u64) -> Result<(), ResourceError> {
        debug_assert!(!self.guarded, "this memory never moves");
        let len_bytes = region_len_bytes(bytes.saturating_mul(2).min(self.ty.max_bytes()).max(bytes))?;
        let slot = MemorySlot::new(len_bytes, accessible_bytes(bytes, len_bytes)).map_err(|error| refused(bytes, error))?;
        self.view.close();
        let len = self.len_bytes() as usize;
        // SAFETY: both slots have `len` accessible bytes, and they are distinct mappings.
        unsafe { std::ptr::copy_nonoverlapping(self.slot.base(), slot.base(), len) };
        // Relaxed: read on the store's own thread.
        self.def.base.store(slot.base(), Ordering::Relaxed);
        self.slot = slot;
        Ok(())
    }
}

/// A slot of these sizes: one that was used, or a new one.
fn find_slot(
    len_bytes: usize,
    min_bytes: u64,
    pool: &SlotPool,
    image: Option<&MappedImage>,
) -> Result<MemorySlot, ResourceError> {
    let first_bytes = accessible_bytes(min_bytes, len_bytes);
    if let Some(slot) = pool.take(len_bytes, first_bytes, image.map(|mapped| &mapped.image)) {
        return Ok(slot);
    }
    let made = MemorySlot::new(len_bytes, first_bytes).or_else(|_| {
        // What is kept for others may be what is missing here.
        pool.release();
        MemorySlot::new(len_bytes, first_bytes)
    });
    made.map_err(|error| refused(min_bytes, error))
}

/// Address space of a memory of its type's least size.
fn slot_len_bytes(ty: &MemoryType, guarded: bool) -> Result<usize, ResourceError> {
    if guarded {
        return region_len_bytes(MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES);
    }
    region_len_bytes(first_bytes(ty)?.saturating_mul(2).max(CHECKED_RESERVATION_MIN).min(ty.max_bytes()))
}

/// Bytes that are accessible in a memory of so many, in address space of that length.
fn accessible_bytes(bytes: u64, len_bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE_BYTES).min(len_bytes as u64) as usize
}

fn range(offset: u64, len: usize, memory_bytes: usize) -> Result<std::ops::Range<usize>, MemoryAccessError> {
    let start = usize::try_from(offset).ok();
    let range = start.and_then(|start| Some(start..start.checked_add(len)?)).filter(|range| range.end <= memory_bytes);
    range.ok_or(MemoryAccessError::OutOfBounds { offset, len, memory_bytes: memory_bytes as u64 })
}

/// Bytes of a new memory.
pub(super) fn first_bytes(ty: &MemoryType) -> Result<u64, ResourceError> {
    let bytes = ty.min.checked_mul(ty.page_bytes()).filter(|&bytes| bytes <= ty.max_bytes());
    bytes.ok_or_else(|| {
        let (pages, page, max) = (ty.min, ty.page_bytes(), ty.max_bytes());
        ResourceError(format!("limit: memory of {pages} pages of {page} bytes is beyond {max} bytes"))
    })
}

/// Bytes after growing from `old` by some pages; `None` when the type or the implementation does not allow that.
pub(super) fn grown_bytes(ty: &MemoryType, old: u64, pages: u64) -> Option<u64> {
    let bytes = pages.checked_mul(ty.page_bytes())?.checked_add(old)?;
    (bytes <= ty.max_bytes()).then_some(bytes)
}

/// A reservation with a guard, where the type, the host and the system allow one.
pub(super) fn reserve_guarded(ty: &MemoryType, guards: bool) -> Option<Reservation> {
    is_guardable(ty, guards).then(|| reserve(MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES).ok()).flatten()
}

fn is_guardable(ty: &MemoryType, guards: bool) -> bool {
    guards && !ty.memory64 && ty.page_size_log2 == 16
}

pub(super) fn reserve(bytes: u64) -> Result<Reservation, ResourceError> {
    Reservation::new(region_len_bytes(bytes)?).map_err(|error| refused(bytes, error))
}

/// Address space for so many bytes: whole pages of WebAssembly.
fn region_len_bytes(bytes: u64) -> Result<usize, ResourceError> {
    let len = usize::try_from(bytes).ok().and_then(|len| len.max(1).checked_next_multiple_of(PAGE_BYTES as usize));
    len.ok_or_else(|| ResourceError(format!("no address space for {bytes} bytes of memory")))
}

/// What a refusal of the system means for a memory.
fn refused(bytes: u64, error: MemoryError) -> ResourceError {
    match error {
        MemoryError::Commit { .. } => no_memory(bytes, error),
        _ => ResourceError(format!("no address space for {bytes} bytes of memory: {error}")),
    }
}

pub(super) fn no_memory(bytes: u64, error: impl std::fmt::Display) -> ResourceError {
    ResourceError(format!("cannot have {bytes} bytes of memory: {error}"))
}
