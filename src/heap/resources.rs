//! What objects have outside of the heap: an object holds an index into this table, never an address.
//!
//! An entry lives as long as the object that owns it. Values are dropped when a collection is over, since their `Drop` may do anything.

use std::any::Any;

use crate::heap::reference::HeapRef;

/// A value of the host.
pub type HostValue = Box<dyn Any + Send>;

#[derive(Default)]
struct Entry {
    value: Option<HostValue>,
    owner: u32,
}

/// The resource table of a heap.
#[derive(Default)]
pub(in crate::heap) struct Resources {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Entries whose owner is young.
    young: Vec<u32>,
    dead: Vec<HostValue>,
    live_count: usize,
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resources").field("live_count", &self.live_count).finish_non_exhaustive()
    }
}

impl Resources {
    /// Keeps a value for an owner that is set next. `None` when there are 2³² already.
    pub fn add(&mut self, value: HostValue) -> Option<u32> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.entries.len()).ok()?;
                self.entries.push(Entry::default());
                index
            }
        };
        // The last owner's place means nothing now: the collection that comes before there is a new one must not find it dead.
        self.entries[index as usize] = Entry { value: Some(value), owner: HeapRef::NULL.bits() };
        self.live_count += 1;
        Some(index)
    }

    /// Says which object owns an entry. It is young.
    pub fn set_owner(&mut self, index: u32, owner: HeapRef) {
        self.entries[index as usize].owner = owner.bits();
        self.young.push(index);
    }

    pub fn get(&self, index: u32) -> Option<&(dyn Any + Send)> {
        self.entries.get(index as usize)?.value.as_deref()
    }

    pub fn live_count(&self) -> usize {
        self.live_count
    }

    /// Lets a value go that has got no owner.
    pub fn remove(&mut self, index: u32) {
        self.release(index);
    }

    fn release(&mut self, index: u32) {
        if let Some(value) = self.entries[index as usize].value.take() {
            self.dead.push(value);
            self.free.push(index);
            self.live_count -= 1;
        }
    }

    /// `place` gives the new place of a young owner that was copied.
    pub fn after_minor(&mut self, young: u32, place: impl Fn(u32) -> Option<u32>) {
        let mut kept = Vec::new();
        for index in std::mem::take(&mut self.young) {
            match place(self.entries[index as usize].owner) {
                Some(owner) => {
                    self.entries[index as usize].owner = owner;
                    if owner >= young {
                        kept.push(index);
                    }
                }
                None => self.release(index),
            }
        }
        self.young = kept;
    }

    pub fn after_marking(&mut self, is_live: impl Fn(u32) -> bool) {
        for index in 0..self.entries.len() {
            if self.entries[index].value.is_some() && !is_live(self.entries[index].owner) {
                self.release(index as u32);
            }
        }
        let entries = &self.entries;
        self.young.retain(|&index| entries[index as usize].value.is_some());
    }

    /// Drops what has lost its owner. Nothing of the heap is borrowed by the values.
    pub fn drop_dead(&mut self) {
        self.dead.clear();
    }
}
