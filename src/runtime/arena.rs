//! Where a store keeps its objects: at positions that generated code and other objects know them by.
//!
//! A position is taken again once its object is gone. Handles of the host, of which nobody knows how many there are, hold a [`Key`]: a
//! position with the generation in which it was taken, so that a handle that outlived its object finds nothing.

use std::ops::{Index, IndexMut};

use crate::runtime::error::ResourceError;

/// Names one object for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    generation: u32,
    is_pinned: bool,
    is_marked: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    vacant: Vec<u32>,
    len: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { slots: Vec::new(), vacant: Vec::new(), len: 0 }
    }
}

impl<T> Arena<T> {
    /// Keeps an object, and gives its position.
    ///
    /// # Errors
    ///
    /// There are 2^32 objects.
    pub(crate) fn insert(&mut self, value: T) -> Result<u32, ResourceError> {
        let index = match self.vacant.pop() {
            Some(index) => {
                self.slots[index as usize].value = Some(value);
                index
            }
            None => {
                let index = u32::try_from(self.slots.len()).map_err(|_| ResourceError("2^32 objects in one isolate".into()))?;
                self.slots.push(Slot { value: Some(value), generation: 0, is_pinned: false, is_marked: false });
                index
            }
        };
        self.len += 1;
        Ok(index)
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What a handle holds of the object at a position.
    #[inline]
    pub(crate) fn key(&self, index: u32) -> Key {
        Key { index, generation: self.slots.get(index as usize).map_or(0, |slot| slot.generation) }
    }

    /// The object of a key, if it is still there.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation == key.generation { slot.value.as_ref() } else { None }
    }

    /// The object of a key, to change.
    #[inline]
    pub(crate) fn find_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation { slot.value.as_mut() } else { None }
    }

    /// The objects with their positions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.value.as_ref()?)))
    }

    /// The objects.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }

    /// The objects themselves.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().filter_map(|slot| slot.value)
    }

    /// The objects, to change.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| slot.value.as_mut())
    }

    /// Two objects at once, if they are two.
    pub(crate) fn pair_mut(&mut self, first: usize, second: usize) -> Option<(&mut T, &mut T)> {
        let [first, second] = self.slots.get_disjoint_mut([first, second]).ok()?;
        Some((first.value.as_mut()?, second.value.as_mut()?))
    }

    /// Keeps the object at a position, whatever holds it, until it is unpinned; whether that is news.
    #[inline]
    pub(crate) fn pin(&mut self, index: u32) -> bool {
        let slot = self.slots.get_mut(index as usize);
        slot.is_some_and(|slot| !std::mem::replace(&mut slot.is_pinned, true))
    }

    /// Takes that back.
    pub(crate) fn unpin(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.is_pinned = false;
        }
    }

    /// Finds the object at a position alive; whether that is news.
    pub(crate) fn mark(&mut self, index: u32) -> bool {
        let slot = self.slots.get_mut(index as usize);
        slot.is_some_and(|slot| !std::mem::replace(&mut slot.is_marked, true))
    }

    /// Takes out what was not found alive. The marks are gone afterwards.
    pub(crate) fn sweep(&mut self) -> Vec<(u32, T)> {
        let mut swept = Vec::new();
        for (index, slot) in (0..).zip(&mut self.slots) {
            let is_marked = std::mem::replace(&mut slot.is_marked, false);
            if let Some(value) = slot.value.take_if(|_| !is_marked) {
                slot.is_pinned = false;
                // A position whose generations are used up is never taken again.
                if let Some(next) = slot.generation.checked_add(1) {
                    slot.generation = next;
                    self.vacant.push(index);
                }
                swept.push((index, value));
            }
        }
        self.len -= swept.len();
        swept
    }
}

impl<T> Index<usize> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        self.slots[index].value.as_ref().expect("what is alive refers only to what is alive")
    }
}

impl<T> IndexMut<usize> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.slots[index].value.as_mut().expect("what is alive refers only to what is alive")
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn what_is_not_marked_is_swept_and_its_key_finds_nothing() {
        let mut arena = Arena::default();
        let [kept, gone] = ["kept", "gone"].map(|value| arena.insert(value).expect("room"));
        let key = arena.key(gone);
        assert!(arena.mark(kept) && !arena.mark(kept));
        assert_eq!(arena.sweep(), [(gone, "gone")]);
        assert_eq!((arena.insert("next").expect("room"), arena.len()), (gone, 2));
        assert_eq!((arena.find(key), arena.find(arena.key(gone)), arena[kept as usize]), (None, Some(&"next"), "kept"));
        assert_eq!(arena.sweep().len(), 2, "marks do not outlive a sweep");
    }
}
