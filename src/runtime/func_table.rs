//! The isolate's function table: what a 32-bit function reference indexes.
//!
//! One reservation of address space holds all entries, so that its base is a constant that generated code may keep in a
//! register; pages come with first use. Isolates that are gone leave theirs to others: to map it is most of what a new isolate takes. Entry 0 is null: its type id equals no type's, so that a call through null takes the same
//! cold path as a call of the wrong type. Its slot is a null pointer: a call that does not look at types faults when it reads that.
//! An instance may have many entries in one piece, a *block* ([`func_image`](crate::runtime::func_image)); blocks that are vacant serve others of the same class of sizes.
//! Tags have entries too, without code: an exception holds its tag as objects hold functions.
//! **Invariant:** an entry is written before its index is given out, and changes only when nothing holds that any more.

use std::collections::BTreeMap;

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
    /// First entries of vacant blocks, by how many entries there are room for.
    vacant_blocks: BTreeMap<u32, Vec<u32>>,
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

/// The entry of a function.
pub(crate) fn entry(slot: *const AtomicUsize, vmctx: *mut u8, ty: &CanonicalType) -> FuncEntry {
    FuncEntry { slot, vmctx, type_id: ty.id().as_u32(), type_depth: ty.depth(), display: ty.display().as_ptr() }
}

/// How many entries a block has for so many functions: classes of sizes, an eighth apart at most, so that modules that are a little different take the
/// places of one another. `None` when the table has not as many.
fn block_room(count: usize) -> Option<u32> {
    let room = count.next_multiple_of((count.next_power_of_two() / 16).max(1));
    if room <= CAPACITY { u32::try_from(room).ok() } else { None }
}

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
            vacant_blocks: BTreeMap::new(),
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
        self.push(entry(slot, vmctx, ty), Some(owner))
    }

    /// Adds entries, each with this vmctx, and gives the reference of the first; those of the others follow it. `None` when there is no room for them in
    /// one piece. The owner keeps what they point to, and [frees](Self::free_block) them.
    pub(crate) fn add_block(&mut self, entries: &[FuncEntry], vmctx: *mut u8, owner: Owned) -> Option<u32> {
        let room = block_room(entries.len())?;
        let vacant = self.vacant_blocks.get_mut(&room).and_then(Vec::pop);
        let first = match vacant {
            Some(first) => first,
            None => self.new_block(room)?,
        };
        let range = first as usize..first as usize + entries.len();
        for (index, entry) in range.clone().zip(entries) {
            self.write(index, FuncEntry { vmctx, ..*entry });
        }
        self.sides[range].iter_mut().for_each(|side| side.owner = Some(owner));
        Some(first)
    }

    /// Takes so many entries out that [`add_block`](Self::add_block) has added at once, and that nothing holds any more.
    pub(crate) fn free_block(&mut self, first: u32, count: usize) {
        let range = first as usize..first as usize + count;
        for index in range.clone() {
            self.write(index, NULL_ENTRY);
        }
        let mut last_generation = 0;
        for side in &mut self.sides[range] {
            *side = Side { owner: None, generation: side.generation + 1 };
            last_generation = last_generation.max(side.generation);
        }
        if let Some(room) = block_room(count)
            && last_generation < u32::MAX
        {
            self.vacant_blocks.entry(room).or_default().push(first);
        }
    }

    /// So many entries that nobody had. `None` when there are none.
    fn new_block(&mut self, room: u32) -> Option<u32> {
        let first = self.sides.len();
        let end = first + room as usize;
        if end > CAPACITY {
            return None;
        }
        self.make_accessible(end).ok()?;
        self.sides.resize(end, Side { owner: None, generation: 0 });
        u32::try_from(first).ok()
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
        if self.sides.len() == CAPACITY {
            if self.break_block() {
                return self.push(entry, owner);
            }
            return Err(ResourceError(format!("more than {CAPACITY} function references in one isolate")));
        }
        let index = self.sides.len();
        self.make_accessible(index + 1)?;
        self.write(index, entry);
        self.sides.push(Side { owner, generation: 0 });
        u32::try_from(index).map_err(|_| ResourceError("function table index".into()))
    }

    /// Makes a vacant block's entries vacant one by one, if there is one.
    fn break_block(&mut self) -> bool {
        let Some((&room, firsts)) = self.vacant_blocks.iter_mut().find(|(_, firsts)| !firsts.is_empty()) else { return false };
        self.vacant.extend(firsts.pop().into_iter().flat_map(|first| first..first + room));
        true
    }

    /// Has so many entries accessible, at least.
    fn make_accessible(&mut self, count: usize) -> Result<(), ResourceError> {
        if count <= self.committed {
            return Ok(());
        }
        let committed = count.next_multiple_of(COMMIT_ENTRIES);
        let grown = self.region.as_mut().map_or(Ok(()), |region| region.make_accessible(committed * size_of::<FuncEntry>()));
        grown.map_err(|error| ResourceError(format!("no memory for function references: {error}")))?;
        self.committed = committed;
        Ok(())
    }

    /// Whom an entry belongs to; `None` for null and for what is no entry.
    pub(crate) fn owner(&self, reference: u32) -> Option<Owned> {
        self.sides.get(reference as usize)?.owner
    }

    /// The entry of a reference; `None` for null and for what is no entry.
    #[inline]
    pub(crate) fn entry_of(&self, reference: u32) -> Option<&FuncEntry> {
        self.find(self.key(reference))
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

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::{COMMIT_ENTRIES, FuncTable, NULL_ENTRY};
    use crate::base::sync::Arc;
    use crate::layout::FuncEntry;
    use crate::platform::spare::SlotPool;
    use crate::runtime::liveness::Owned;

    /// Entries that can be told apart.
    fn entries(count: u32) -> Vec<FuncEntry> {
        (0..count).map(|type_id| FuncEntry { type_id, ..NULL_ENTRY }).collect()
    }

    fn type_ids(table: &FuncTable, first: u32, count: u32) -> Vec<u32> {
        (first..first + count).map(|reference| table.find(table.key(reference)).expect("an entry").type_id).collect()
    }

    #[test]
    fn blocks_are_taken_again_and_their_keys_find_nothing() {
        let mut table = FuncTable::new(&Arc::new(SlotPool::new(0))).expect("a table");
        let owner = Owned::Instance(7);
        let count = COMMIT_ENTRIES as u32 + 100;
        let first = table.add_block(&entries(count), std::ptr::null_mut(), owner).expect("room");
        let single = table.add_identity(Owned::Tag(1)).expect("room");
        assert!(!(first..first + count).contains(&single));
        assert_eq!(type_ids(&table, first, count), (0..count).collect::<Vec<_>>());
        let last = table.key(first + count - 1);
        assert_eq!(table.owner(last.index), Some(owner));
        table.free_block(first, count as usize);
        assert!(table.find(last).is_none() && table.owner(first).is_none());
        // One of a size that is a little different takes its place, another does not.
        assert_ne!(table.add_block(&entries(count / 2), std::ptr::null_mut(), owner), Some(first));
        assert_eq!(table.add_block(&entries(count + 1), std::ptr::null_mut(), owner), Some(first));
        assert_eq!(type_ids(&table, first, count + 1), (0..count + 1).collect::<Vec<_>>());
        assert!(table.find(last).is_none(), "it is of what was there before");
    }

    #[test]
    fn a_vacant_block_serves_single_functions() {
        let mut table = FuncTable::new(&Arc::new(SlotPool::new(0))).expect("a table");
        let first = table.add_block(&entries(32), std::ptr::null_mut(), Owned::Instance(0)).expect("room");
        assert!(!table.break_block(), "it is not vacant");
        let key = table.key(first);
        table.free_block(first, 32);
        assert!(table.break_block() && !table.break_block());
        let singles: Vec<u32> = (0..32).map(|_| table.add_identity(Owned::Tag(0)).expect("room")).collect();
        assert!((first..first + 32).all(|reference| singles.contains(&reference)));
        assert!(table.find(key).is_none());
    }
}
