//! The isolate's function table: what a 32-bit function reference indexes.
//!
//! One reservation of address space holds all entries, so that its base is a constant that generated code may keep in a
//! register; pages come with first use. Isolates that are gone leave theirs to others: to map it is most of what a new isolate takes. Entry 0 is null: its type id equals no type's, so that a call through null takes the same
//! cold path as a call of the wrong type. Its slot is a null pointer: a call that does not look at types faults when it reads that.
//! Tags have entries too, without code: an exception holds its tag as objects hold functions.
//! **Invariant:** an entry is written before its index is given out, and changes only when nothing holds that any more.

use crate::base::sync::Arc;
use crate::base::sync::atomic::AtomicUsize;

use crate::layout::FuncEntry;
use crate::layout::objects::NULL_TYPE_ID;
use crate::platform::spare::{MemorySlot, SlotPool};
use crate::runtime::arena::Key;
use crate::runtime::error::ResourceError;
use crate::runtime::liveness::Owned;
use crate::wasm::canonical::CanonicalType;

/// Most entries of one isolate.
const CAPACITY: usize = 1 << 24;
const COMMIT_ENTRIES: usize = 2048;
/// What null extends.
static NULL_DISPLAY: [u32; 1] = [NULL_TYPE_ID];

/// See the module's documentation.
#[derive(Debug)]
pub struct FuncTable {
    /// The first entry.
    base: *mut FuncEntry,
    /// What is there until it is dropped.
    region: Option<MemorySlot>,
    /// Where it came from.
    pool: Arc<SlotPool>,
    /// What generated code does not read, for each entry.
    sides: Vec<Side>,
    vacant: Vec<u32>,
    /// Entries that are accessible.
    committed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Side {
    owner: Option<Owned>,
    /// That of keys to what is in the entry. There are none while nothing is, so that a key which fits finds an owner.
    generation: u32,
}

const NULL_ENTRY: FuncEntry = FuncEntry {
    slot: std::ptr::null(),
    vmctx: std::ptr::null_mut(),
    type_id: NULL_TYPE_ID,
    type_depth: 0,
    display: NULL_DISPLAY.as_ptr(),
};

impl FuncTable {
    /// A table with its null entry, in address space of the pool if that has some.
    ///
    /// # Errors
    ///
    /// The system has no address space or no memory.
    pub fn new(pool: &Arc<SlotPool>) -> Result<Self, ResourceError> {
        const LEN_BYTES: usize = CAPACITY * size_of::<FuncEntry>();
        const FIRST_BYTES: usize = COMMIT_ENTRIES * size_of::<FuncEntry>();
        let region = pool.take(LEN_BYTES, FIRST_BYTES, None).map_or_else(|| MemorySlot::new(LEN_BYTES, FIRST_BYTES), Ok);
        let region = region.map_err(|error| ResourceError(format!("no address space for a function table: {error}")))?;
        pool.add_user();
        let mut table = FuncTable {
            base: region.base().cast(),
            region: Some(region),
            pool: Arc::clone(pool),
            sides: Vec::new(),
            vacant: Vec::new(),
            committed: COMMIT_ENTRIES,
        };
        table.push(NULL_ENTRY, None)?;
        Ok(table)
    }

    /// The first entry.
    #[inline]
    pub fn base(&self) -> *const FuncEntry {
        self.base.cast_const()
    }

    /// Adds an entry and gives its reference. The owner keeps slot, vmctx and type alive, and [frees](Self::free) the entry.
    pub(crate) fn add(
        &mut self,
        slot: *const AtomicUsize,
        vmctx: *mut u8,
        ty: &CanonicalType,
        owner: Owned,
    ) -> Result<u32, ResourceError> {
        let (type_id, type_depth, display) = (ty.id().as_u32(), ty.depth(), ty.display().as_ptr());
        self.push(FuncEntry { slot, vmctx, type_id, type_depth, display }, Some(owner))
    }

    /// An entry without a function, for something else that objects of the heap hold.
    pub(crate) fn add_identity(&mut self, owner: Owned) -> Result<u32, ResourceError> {
        self.push(NULL_ENTRY, Some(owner))
    }

    /// Takes an entry out that nothing holds any more. Null stays.
    pub(crate) fn free(&mut self, reference: u32) {
        let had_owner = self.sides.get_mut(reference as usize).and_then(|side| side.owner.take()).is_some();
        if !had_owner {
            return;
        }
        self.write(reference as usize, NULL_ENTRY);
        // An entry whose generations are used up is never taken again; the last has no keys.
        let side = &mut self.sides[reference as usize];
        side.generation += 1;
        if side.generation < u32::MAX {
            self.vacant.push(reference);
        }
    }

    fn write(&mut self, index: usize, entry: FuncEntry) {
        debug_assert!(index < self.committed);
        // SAFETY: `index` is below `committed`, whose pages are readable and writable. Generated code does not run while the store is
        // borrowed, and nobody has this index.
        unsafe { self.base.add(index).write(entry) };
    }

    fn push(&mut self, entry: FuncEntry, owner: Option<Owned>) -> Result<u32, ResourceError> {
        if let Some(reference) = self.vacant.pop() {
            self.sides[reference as usize].owner = owner;
            self.write(reference as usize, entry);
            return Ok(reference);
        }
        if self.sides.len() == self.committed {
            let end = (self.committed + COMMIT_ENTRIES) * size_of::<FuncEntry>();
            if self.committed == CAPACITY {
                return Err(ResourceError(format!("more than {CAPACITY} function references in one isolate")));
            }
            let grown = self.region.as_mut().map_or(Ok(()), |region| region.make_accessible(end));
            grown.map_err(|error| ResourceError(format!("no memory for function references: {error}")))?;
            self.committed += COMMIT_ENTRIES;
        }
        let index = self.sides.len();
        self.write(index, entry);
        self.sides.push(Side { owner, generation: 0 });
        u32::try_from(index).map_err(|_| ResourceError("function table index".into()))
    }

    /// Whom an entry belongs to; `None` for null and for what is no entry.
    pub(crate) fn owner(&self, reference: u32) -> Option<Owned> {
        self.sides.get(reference as usize)?.owner
    }

    /// What a handle holds of a function. That of null finds nothing.
    pub(crate) fn key(&self, reference: u32) -> Key {
        let side = self.sides.get(reference as usize).filter(|side| side.owner.is_some());
        side.map_or(Key { index: u32::MAX, generation: 0 }, |side| Key { index: reference, generation: side.generation })
    }

    /// The entry of a handle's function, if it is still there.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<&FuncEntry> {
        let side = self.sides.get(key.index as usize)?;
        if side.generation != key.generation {
            return None;
        }
        // SAFETY: the entry was written, and does not change while this borrow lasts.
        Some(unsafe { &*self.base().add(key.index as usize) })
    }
}

impl Drop for FuncTable {
    fn drop(&mut self) {
        // The store goes: no guest of it runs, and no handle of it finds an entry.
        self.pool.give(self.region.take());
        self.pool.remove_user();
    }
}
