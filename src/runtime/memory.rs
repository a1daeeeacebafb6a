//! Linear memories.
//!
//! Two kinds, told apart when a memory is made and never afterwards:
//!
//! - **guarded**: a 32-bit memory with pages of 64 KiB in a reservation of 4 GiB and a guard. Its base never moves and generated
//!   code needs no bounds check.
//! - **checked**: anything else. Generated code compares with the length; the base may move when the memory grows, unless it is
//!   shared.
//!
//! A guarded memory may be used by checked code too, which is how instances with memories of both kinds work.

use crate::base::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::base::limits::PAGE_BYTES;
use crate::base::tuning::{MEMORY_GUARD_BYTES, MEMORY_RESERVATION_BYTES};
use crate::layout::MemoryDef;
use crate::platform::memory::Reservation;
use crate::runtime::error::ResourceError;
use crate::wasm::types::MemoryType;

/// Address space that a checked memory reserves at the least, so that small growth does not move it.
const CHECKED_RESERVATION_MIN: u64 = 1 << 20;

/// A memory. Its definition, which generated code reads, has a stable address.
#[derive(Debug)]
pub struct MemoryObject {
    def: Box<MemoryDef>,
    ty: MemoryType,
    region: Reservation,
    committed: u64,
    guarded: bool,
}

impl MemoryObject {
    /// A memory of its type's least size, all zero. `guards` says whether a reservation may be made.
    ///
    /// # Errors
    ///
    /// Address space or memory is not to be had.
    pub fn new(ty: MemoryType, guards: bool) -> Result<Self, ResourceError> {
        let min_bytes = ty.min.checked_mul(ty.page_bytes()).filter(|&bytes| bytes <= ty.max_bytes());
        let min_bytes = min_bytes.ok_or_else(|| {
            ResourceError(format!(
                "limit: memory of {} pages of {} bytes is beyond {} bytes",
                ty.min,
                ty.page_bytes(),
                ty.max_bytes()
            ))
        })?;
        let guardable = guards && !ty.memory64 && ty.page_size_log2 == 16;
        let reserved = guardable.then(|| reserve(MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES).ok()).flatten();
        let guarded = reserved.is_some();
        let region = match reserved {
            Some(region) => region,
            None if ty.shared => reserve(ty.max_bytes())?,
            None => reserve(min_bytes.saturating_mul(2).max(CHECKED_RESERVATION_MIN).min(ty.max_bytes()))?,
        };
        let def = Box::new(MemoryDef { base: AtomicPtr::new(region.base()), len_bytes: AtomicU64::new(0) });
        let mut memory = MemoryObject { def, ty, region, committed: 0, guarded };
        memory.resize(min_bytes)?;
        Ok(memory)
    }

    /// The type that it was made with.
    pub fn declared_type(&self) -> MemoryType {
        self.ty
    }

    /// Its type now: the least size is the present one (§4.5.3.3).
    pub fn current_type(&self) -> MemoryType {
        MemoryType { min: self.page_count(), ..self.ty }
    }

    /// Whether code without bounds checks may use it.
    pub fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// What generated code reads.
    pub fn def(&self) -> *const MemoryDef {
        &*self.def
    }

    /// Address of byte 0.
    pub fn base(&self) -> *mut u8 {
        self.region.base()
    }

    /// Accessible bytes.
    pub fn len_bytes(&self) -> u64 {
        // Relaxed: the length only matters to threads that already see the memory.
        self.def.len_bytes.load(Ordering::Relaxed)
    }

    /// Present size in pages.
    pub fn page_count(&self) -> u64 {
        self.len_bytes() >> self.ty.page_size_log2
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len_bytes` bytes of the region are readable; guests of this store do not run while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.base(), self.len_bytes() as usize) }
    }

    /// The bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and the exclusive borrow of the memory's store keeps every other view away.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len_bytes() as usize) }
    }

    /// Bytes after growing by some pages; `None` when the type or the implementation does not allow that.
    pub fn grown_bytes(&self, pages: u64) -> Option<u64> {
        let bytes = pages.checked_mul(self.ty.page_bytes())?.checked_add(self.len_bytes())?;
        (bytes <= self.ty.max_bytes()).then_some(bytes)
    }

    /// Makes the memory this long, a length that [`grown_bytes`](Self::grown_bytes) gave.
    ///
    /// # Errors
    ///
    /// Memory is not to be had; nothing has changed then.
    pub fn resize(&mut self, bytes: u64) -> Result<(), ResourceError> {
        if bytes > self.region.len_bytes() as u64 {
            self.relocate(bytes)?;
        }
        let rounded = bytes.next_multiple_of(PAGE_BYTES).min(self.region.len_bytes() as u64);
        if rounded > self.committed {
            self.region.commit(self.committed as usize..rounded as usize).map_err(|error| failed(bytes, error))?;
            self.committed = rounded;
        }
        // Release: pairs with the loads of generated code on threads that share the memory; the pages are accessible before.
        self.def.len_bytes.store(bytes, Ordering::Release);
        Ok(())
    }

    fn relocate(&mut self, bytes: u64) -> Result<(), ResourceError> {
        debug_assert!(!self.guarded && !self.ty.shared, "this memory never moves");
        let region = reserve(bytes.saturating_mul(2).min(self.ty.max_bytes()).max(bytes))?;
        let len = self.len_bytes() as usize;
        region
            .commit(0..bytes.next_multiple_of(PAGE_BYTES).min(region.len_bytes() as u64) as usize)
            .map_err(|error| failed(bytes, error))?;
        // SAFETY: both regions have `len` accessible bytes, and they are distinct mappings.
        unsafe { std::ptr::copy_nonoverlapping(self.base(), region.base(), len) };
        self.committed = bytes.next_multiple_of(PAGE_BYTES).min(region.len_bytes() as u64);
        self.def.base.store(region.base(), Ordering::Release);
        self.region = region;
        Ok(())
    }

    /// The region, for mapping initial contents over it.
    pub(crate) fn region(&self) -> &Reservation {
        &self.region
    }
}

fn reserve(bytes: u64) -> Result<Reservation, ResourceError> {
    let len = usize::try_from(bytes).map_err(|_| ResourceError(format!("no address space for {bytes} bytes of memory")))?;
    let len = len.max(1).next_multiple_of(PAGE_BYTES as usize);
    Reservation::new(len).map_err(|error| ResourceError(format!("no address space for {bytes} bytes of memory: {error}")))
}

fn failed(bytes: u64, error: impl std::fmt::Display) -> ResourceError {
    ResourceError(format!("cannot have {bytes} bytes of memory: {error}"))
}
