//! The isolate's function table: what a 32-bit function reference indexes.
//!
//! One reservation of address space holds all entries, so that its base is a constant that generated code may keep in a
//! register; pages come with first use. Entry 0 is null: its type id equals no type's, so that a call through null takes the same
//! cold path as a call of the wrong type. Its slot is a null pointer: a call that does not look at types faults when it reads that.
//! **Invariant:** an entry is written before its index is given out, and never changes afterwards.

use crate::base::sync::atomic::AtomicUsize;

use crate::layout::FuncEntry;
use crate::layout::objects::NULL_TYPE_ID;
use crate::platform::memory::Reservation;
use crate::runtime::error::ResourceError;
use crate::wasm::canonical::CanonicalType;

/// Most entries of one isolate.
const CAPACITY: usize = 1 << 24;
const COMMIT_ENTRIES: usize = 2048;
/// What null extends.
static NULL_DISPLAY: [u32; 1] = [NULL_TYPE_ID];

/// See the module's documentation.
#[derive(Debug)]
pub struct FuncTable {
    region: Reservation,
    len: usize,
    committed: usize,
}

impl FuncTable {
    /// A table with its null entry.
    pub fn new() -> Result<Self, ResourceError> {
        let region = Reservation::new(CAPACITY * size_of::<FuncEntry>())
            .map_err(|error| ResourceError(format!("no address space for a function table: {error}")))?;
        let mut table = FuncTable { region, len: 0, committed: 0 };
        table.push(FuncEntry {
            slot: std::ptr::null(),
            vmctx: std::ptr::null_mut(),
            type_id: NULL_TYPE_ID,
            type_depth: 0,
            display: NULL_DISPLAY.as_ptr(),
        })?;
        Ok(table)
    }

    /// The first entry.
    pub fn base(&self) -> *const FuncEntry {
        self.region.base().cast::<FuncEntry>().cast_const()
    }

    /// Adds an entry and gives its reference. Whoever keeps slot and vmctx alive keeps the type, too.
    pub fn add(&mut self, slot: *const AtomicUsize, vmctx: *mut u8, ty: &CanonicalType) -> Result<u32, ResourceError> {
        let (type_id, type_depth, display) = (ty.id().as_u32(), ty.depth(), ty.display().as_ptr());
        self.push(FuncEntry { slot, vmctx, type_id, type_depth, display })
    }

    fn push(&mut self, entry: FuncEntry) -> Result<u32, ResourceError> {
        if self.len == self.committed {
            let (start, bytes) = (self.committed * size_of::<FuncEntry>(), COMMIT_ENTRIES * size_of::<FuncEntry>());
            if self.committed == CAPACITY {
                return Err(ResourceError(format!("more than {CAPACITY} function references in one isolate")));
            }
            self.region
                .commit(start..start + bytes)
                .map_err(|error| ResourceError(format!("no memory for function references: {error}")))?;
            self.committed += COMMIT_ENTRIES;
        }
        let index = self.len;
        // SAFETY: `index` is below `committed`, whose pages are readable and writable; nobody has this index yet.
        unsafe {
            self.region.base().cast::<FuncEntry>().add(index).write(entry);
        }
        self.len += 1;
        u32::try_from(index).map_err(|_| ResourceError("function table index".into()))
    }

    /// The entry of a reference; `None` for null and for what this table never gave.
    pub fn get(&self, reference: u32) -> Option<&FuncEntry> {
        let index = reference as usize;
        if index == 0 || index >= self.len {
            return None;
        }
        // SAFETY: the entry was written and does not change.
        Some(unsafe { &*self.base().add(index) })
    }
}
