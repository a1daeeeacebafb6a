//! Memories that isolates on several threads use at once (threads proposal).
//!
//! Problem: generated code of many threads reads one memory's base and length while any of them may grow it, and isolates come and
//! go meanwhile. Idea: the whole maximum is reserved when the memory is made, so that the base never changes; the length is an atomic
//! that only rises, after the pages are there; and everything lies in one reference count, of which each isolate holds a part.
//!
//! **Invariants:** base and reservation never change. The length never falls. No Rust reference to the bytes is ever made: the host
//! copies ([`racy`]).

use crate::base::limits::PAGE_BYTES;
use crate::base::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::base::sync::{Arc, Mutex, model};
use crate::compile::engine::WasmEngine;
use crate::layout::MemoryDef;
use crate::platform::memory::Reservation;
use crate::runtime::error::{MemoryAccessError, ResourceError};
use crate::runtime::memory::{first_bytes, grown_bytes, no_memory, reserve, reserve_guarded};
use crate::runtime::racy;
use crate::runtime::waiters::WaiterTable;
use crate::wasm::types::MemoryType;

/// A shared memory. Cheap to clone; the memory goes with the last clone and the last isolate that it was given to.
///
/// ```
/// use deltic::{Config, Isolate, Linker, MemoryType, Module, SharedMemory, WasmEngine};
///
/// let engine = WasmEngine::new(&Config::default())?;
/// let module = Module::new(&engine, r#"(module (import "host" "memory" (memory 1 4 shared))
///     (func (export "count") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"#)?;
/// let ty = MemoryType { min: 1, max: Some(4), memory64: false, shared: true, page_size_log2: 16 };
/// let memory = SharedMemory::new(&engine, ty)?;
/// let mut linker = Linker::new(&engine);
/// linker.define_shared("host", "memory", &memory)?;
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| {
///             let mut isolate = Isolate::new(&engine).unwrap();
///             let instance = linker.instantiate(&mut isolate, &module).unwrap();
///             instance.get_typed_func::<(), i32>(&mut isolate, "count").unwrap().call(&mut isolate, ()).unwrap();
///         });
///     }
/// });
/// let mut count = [0; 4];
/// memory.read(0, &mut count)?;
/// assert_eq!(u32::from_le_bytes(count), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedMemory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    def: MemoryDef,
    ty: MemoryType,
    region: Reservation,
    guarded: bool,
    /// Accessible bytes of the region, and the right to grow: one thread at a time does.
    committed: Mutex<u64>,
    waiters: model::Arc<WaiterTable>,
}

impl SharedMemory {
    /// A memory of its type's least size, all zero. The engine's configuration says whether it gets guard pages.
    ///
    /// # Errors
    ///
    /// The type is not that of a shared memory, or address space for its maximum, or memory, is not to be had.
    pub fn new(engine: &WasmEngine, ty: MemoryType) -> Result<Self, ResourceError> {
        Self::with_guards(ty, engine.config().memory_guards())
    }

    pub(crate) fn with_guards(ty: MemoryType, guards: bool) -> Result<Self, ResourceError> {
        if !ty.shared || ty.max.is_none() {
            return Err(ResourceError(format!("{ty} is not the type of a shared memory with a maximum")));
        }
        let min_bytes = first_bytes(&ty)?;
        let reserved = reserve_guarded(&ty, guards);
        let guarded = reserved.is_some();
        let region = match reserved {
            Some(region) => region,
            None => reserve(ty.max_bytes())?,
        };
        let def = MemoryDef { base: AtomicPtr::new(region.base()), len_bytes: AtomicU64::new(0) };
        let inner = Inner { def, ty, region, guarded, committed: Mutex::default(), waiters: model::Arc::default() };
        inner.resize(&mut inner.committed.lock(), min_bytes)?;
        Ok(SharedMemory(Arc::new(inner)))
    }

    /// The type that it was made with.
    pub fn declared_type(&self) -> MemoryType {
        self.0.ty
    }

    /// Its type; the minimum is the present size.
    pub fn ty(&self) -> MemoryType {
        MemoryType { min: self.page_count(), ..self.0.ty }
    }

    /// Present size in bytes. It may have grown when this returns, and never shrinks.
    pub fn len_bytes(&self) -> u64 {
        self.0.def.len_bytes.load(Ordering::SeqCst)
    }

    /// Present size in pages.
    pub fn page_count(&self) -> u64 {
        self.len_bytes() >> self.0.ty.page_size_log2
    }

    /// Grows it, on behalf of the host: no isolate's limiter is asked. The old size in pages.
    ///
    /// # Errors
    ///
    /// Its type or the system does not allow that.
    pub fn grow(&self, pages: u64) -> Result<u64, ResourceError> {
        let grown = self.grow_if(pages, |_, _, _| true);
        grown.ok_or_else(|| ResourceError(format!("a memory cannot grow by {pages} pages")))
    }

    /// Grows it if `may_grow` agrees, which is given the present, the wanted and the largest size in bytes, and during which no other
    /// thread can grow it: two limiters never agree to the same bytes. The old size in pages.
    pub(crate) fn grow_if(&self, pages: u64, may_grow: impl FnOnce(u64, u64, u64) -> bool) -> Option<u64> {
        let mut committed = self.0.committed.lock();
        let (old, ty) = (self.len_bytes(), &self.0.ty);
        let desired = grown_bytes(ty, old, pages)?;
        if !may_grow(old, desired, ty.max_bytes()) {
            return None;
        }
        self.0.resize(&mut committed, desired).ok()?;
        Some(old >> ty.page_size_log2)
    }

    /// Copies bytes out, which other threads may be writing.
    ///
    /// # Errors
    ///
    /// They do not lie in the memory.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryAccessError> {
        let from = self.place(offset, into.len())?;
        // SAFETY: the bytes are accessible as long as the memory lives, and nobody makes references to them.
        unsafe { racy::read(from, into) };
        Ok(())
    }

    /// Copies bytes in, which other threads may be reading or writing.
    ///
    /// # Errors
    ///
    /// There is not that much room at the offset; nothing was written then.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), MemoryAccessError> {
        let to = self.place(offset, bytes.len())?;
        // SAFETY: as in `read`.
        unsafe { racy::write(to, bytes) };
        Ok(())
    }

    /// Wakes guests that wait at an address, at most so many, the first first; how many it woke.
    pub fn notify(&self, address: u64, count: u32) -> u32 {
        self.0.waiters.notify(address, count)
    }

    /// Whether both are one memory.
    pub fn is_same(&self, other: &SharedMemory) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The value at an aligned address, sequentially consistent; `None` when it is not aligned or beyond the memory.
    pub(crate) fn load32(&self, address: u64) -> Option<u32> {
        let place = self.place(address, 4).ok().filter(|_| address.is_multiple_of(4))?;
        // SAFETY: in bounds and aligned, as the base is at a page; accessed by atomics and generated code only.
        Some(u32::from_le(unsafe { AtomicU32::from_ptr(place.cast()) }.load(Ordering::SeqCst)))
    }

    /// As [`load32`](Self::load32), of 64 bits.
    pub(crate) fn load64(&self, address: u64) -> Option<u64> {
        let place = self.place(address, 8).ok().filter(|_| address.is_multiple_of(8))?;
        // SAFETY: as in `load32`.
        Some(u64::from_le(unsafe { AtomicU64::from_ptr(place.cast()) }.load(Ordering::SeqCst)))
    }

    fn place(&self, offset: u64, len: usize) -> Result<*mut u8, MemoryAccessError> {
        let memory_bytes = self.len_bytes();
        let inside = offset.checked_add(len as u64).is_some_and(|end| end <= memory_bytes);
        let offset_bytes = usize::try_from(offset).ok().filter(|_| inside);
        let offset_bytes = offset_bytes.ok_or(MemoryAccessError::OutOfBounds { offset, len, memory_bytes })?;
        Ok(self.0.region.base().wrapping_add(offset_bytes))
    }

    /// What generated code reads; alive as long as any clone is.
    pub(crate) fn def(&self) -> &MemoryDef {
        &self.0.def
    }

    pub(crate) fn is_guarded(&self) -> bool {
        self.0.guarded
    }

    pub(crate) fn waiters(&self) -> &model::Arc<WaiterTable> {
        &self.0.waiters
    }
}

impl Inner {
    /// Makes it this long; `committed` is the guard of the field of that name.
    fn resize(&self, committed: &mut u64, bytes: u64) -> Result<(), ResourceError> {
        let rounded = bytes.next_multiple_of(PAGE_BYTES).min(self.region.len_bytes() as u64);
        if rounded > *committed {
            self.region.commit(*committed as usize..rounded as usize).map_err(|error| no_memory(bytes, error))?;
            *committed = rounded;
        }
        // SeqCst, as the proposal has it: `memory.size` of any thread is in one order with growth. The pages are accessible before.
        self.def.len_bytes.store(bytes, Ordering::SeqCst);
        Ok(())
    }
}
