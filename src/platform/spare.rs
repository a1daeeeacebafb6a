//! Memory that is used again: slots for linear memories, of those that are gone.
//!
//! *Problem.* To map and unmap a few GiB of address space, to make a part of it accessible, and to fault in what is touched takes most
//! of the time of a short-lived instance, and threads that do so wait for each other: a process has one lock for its mappings. *Idea.* Who
//! drops a memory gives its [slot](MemorySlot) to a [pool](SlotPool), which makes it what it was when it was new; the next memory of the same size,
//! and with the same image, takes it as it is, without a system call and mostly without a fault. The [page map](crate::platform::page_map) says which
//! pages were written: those are overwritten, as long as they are few, and given back otherwise.
//!
//! **Invariants:** what is in the pool reads as its image, and zero elsewhere, to the last byte that is accessible, which is the last that was
//! so when it was new; a slot of which that cannot be said is unmapped (`MemorySlot::reset`). It is made so by who gives it, before others can
//! take it. A pool has at most so many slots as it was told, each with at most
//! [`SPARE_MEMORY_KEPT_BYTES`] in memory; images go from it with the modules that they are of.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::base::sync::{Arc, Mutex};
use crate::base::tuning::{SPARE_MEMORIES_IDLE, SPARE_MEMORIES_PERIOD, SPARE_MEMORY_ACCESSIBLE_MAX, SPARE_MEMORY_KEPT_BYTES};
use crate::platform::clock;
use crate::platform::image::{ImageError, MemoryImage};
use crate::platform::memory::{MemoryError, Reservation};
use crate::platform::page_map;
use crate::platform::prepared::PreparedPages;

/// Address space for one memory, its first bytes accessible. Unmapped when dropped.
#[derive(Debug)]
pub struct MemorySlot {
    region: Reservation,
    /// Bytes that were accessible when the memory was new …
    first_bytes: usize,
    /// … and are now.
    accessible_bytes: usize,
    image: Option<MappedImage>,
    /// Whether all of the first bytes are in memory, and of no image: then nothing need be asked about them.
    is_resident: bool,
}

/// What is mapped over a part of a slot.
#[derive(Debug, Clone)]
pub struct MappedImage {
    /// The contents.
    pub image: Arc<MemoryImage>,
    /// Where in the slot, a multiple of the page size.
    pub start: usize,
}

impl MappedImage {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.image.len_bytes()
    }
}

impl MemorySlot {
    /// New address space, of which the first bytes are accessible and zero.
    ///
    /// # Errors
    ///
    /// The system has no address space or no memory.
    pub fn new(len_bytes: usize, first_bytes: usize) -> Result<Self, MemoryError> {
        let mut slot = MemorySlot {
            region: Reservation::new(len_bytes)?,
            first_bytes,
            accessible_bytes: 0,
            image: None,
            is_resident: false,
        };
        slot.make_accessible(first_bytes)?;
        Ok(slot)
    }

    /// The lowest address; it never changes.
    pub fn base(&self) -> *mut u8 {
        self.region.base()
    }

    /// How many bytes are reserved.
    pub fn len_bytes(&self) -> usize {
        self.region.len_bytes()
    }

    /// Makes this many bytes accessible; smaller values change nothing.
    ///
    /// # Errors
    ///
    /// The system has no memory; nothing has changed then.
    pub fn make_accessible(&mut self, bytes: usize) -> Result<(), MemoryError> {
        if bytes > self.accessible_bytes {
            self.region.commit(self.accessible_bytes..bytes)?;
            self.accessible_bytes = bytes;
        }
        Ok(())
    }

    /// Makes pages before they are touched, as far as they are accessible. The range begins at a page.
    pub fn populate(&self, range: Range<usize>) {
        let end = range.end.min(self.accessible_bytes);
        if range.start < end {
            self.region.populate(range.start..end);
        }
    }

    /// Whether this image is mapped here.
    pub fn has_image(&self, image: &Arc<MemoryImage>) -> bool {
        self.image.as_ref().is_some_and(|mapped| Arc::ptr_eq(&mapped.image, image))
    }

    /// Maps an image over a part of what is accessible, copy-on-write.
    ///
    /// # Errors
    ///
    /// The system refuses: the bytes there are as they were.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to the bytes, which are still all zero.
    pub unsafe fn map_image(&mut self, mapped: &MappedImage) -> Result<(), ImageError> {
        debug_assert!(mapped.range().end <= self.accessible_bytes && self.image.is_none());
        // SAFETY: by contract.
        unsafe { mapped.image.map_into(&self.region, mapped.start)? };
        self.image = Some(mapped.clone());
        self.is_resident = false;
        Ok(())
    }

    /// Moves prepared pages to where they belong, if that is accessible and the system can; says so. If not, the bytes are zero as they were.
    ///
    /// # Errors
    ///
    /// The system refuses, and the memory is lost.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to the bytes there, which are still all zero.
    pub unsafe fn move_in(&mut self, pages: &mut PreparedPages) -> Result<bool, MemoryError> {
        if pages.offset() + pages.bytes().len() > self.accessible_bytes {
            return Ok(false);
        }
        debug_assert!(self.image.is_none());
        self.is_resident = false;
        // SAFETY: by contract, and the bytes are accessible.
        unsafe { pages.move_to(&self.region) }
    }

    /// Takes the image away: all bytes are zero afterwards, if there was one.
    ///
    /// # Errors
    ///
    /// The system refuses, and the contents are lost.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to the bytes.
    pub unsafe fn unmap_image(&mut self) -> Result<(), MemoryError> {
        if self.image.take().is_some() {
            // SAFETY: by contract.
            unsafe { self.region.decommit(0..self.accessible_bytes)? };
            self.region.commit(0..self.accessible_bytes)?;
        }
        Ok(())
    }

    /// Makes it what it was when it was new, with its image.
    fn reset(&mut self) -> Result<(), MemoryError> {
        let first = self.first_bytes;
        if self.accessible_bytes > first {
            // SAFETY: who had the memory has given it away.
            unsafe { self.region.decommit(first..self.accessible_bytes)? };
            self.accessible_bytes = first;
        }
        if self.is_resident {
            self.zero(0..first);
            return Ok(());
        }
        let own = match page_map::own_pages(&self.region, 0..first) {
            Some(own) => own,
            // All of it, as if it had been written.
            None if self.image.is_none() && first <= SPARE_MEMORY_KEPT_BYTES => std::iter::once(0..first).collect(),
            // SAFETY: as above.
            None => return unsafe { self.region.discard(0..first) },
        };
        let mut room = SPARE_MEMORY_KEPT_BYTES;
        for range in own {
            let kept = range.start..range.end.min(range.start + room);
            room -= kept.len();
            self.restore(kept.clone())?;
            if kept.end < range.end {
                // SAFETY: as above.
                return unsafe { self.region.discard(kept.end..first) };
            }
        }
        self.is_resident = self.image.is_none() && SPARE_MEMORY_KEPT_BYTES - room == first;
        Ok(())
    }

    /// Overwrites bytes with what they were at first.
    fn restore(&mut self, range: Range<usize>) -> Result<(), MemoryError> {
        let image = self.image.as_ref().map_or(0..0, MappedImage::range);
        let within = range.start.clamp(image.start, image.end)..range.end.clamp(image.start, image.end);
        if within.is_empty() {
            self.zero(range);
            return Ok(());
        }
        self.zero(range.start..within.start);
        self.zero(within.end..range.end);
        let Some(mapped) = &self.image else { return Ok(()) };
        // SAFETY: the bytes are accessible, and who had the memory has given it away.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.region.base().add(within.start), within.len()) };
        let refused = |errno| MemoryError::Commit { bytes: within.len(), errno };
        mapped.image.read(within.start - mapped.start, bytes).map_err(refused)
    }

    fn zero(&mut self, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.accessible_bytes, "{range:?} is accessible");
        // SAFETY: the bytes are accessible, and who had the memory has given it away.
        unsafe { self.region.base().add(range.start).write_bytes(0, range.len()) };
    }
}

/// Slots that no memory has. Any thread may give and take.
#[derive(Debug)]
pub struct SlotPool {
    max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last that was given is the last.
    slots: VecDeque<MemorySlot>,
    /// How many there were at the least since then.
    least: usize,
    since: Duration,
    /// Who may give and take.
    users: usize,
}

impl SlotPool {
    /// A pool of at most so many slots.
    pub fn new(max: usize) -> Self {
        SlotPool { max, state: Mutex::default() }
    }

    /// A slot with these sizes, and with this image or none, if there is one.
    pub fn take(&self, len_bytes: usize, first_bytes: usize, image: Option<&Arc<MemoryImage>>) -> Option<MemorySlot> {
        let mut state = self.state.lock();
        let fits = |slot: &MemorySlot| {
            let has_image = image.map_or(slot.image.is_none(), |image| slot.has_image(image));
            slot.first_bytes == first_bytes && slot.len_bytes() == len_bytes && has_image
        };
        let position = state.slots.iter().rposition(fits)?;
        let slot = state.slots.remove(position);
        state.least = state.least.min(state.slots.len());
        slot
    }

    /// Keeps slots for others, as far as there is room. Who gives them has no use for the contents any more, and no reference to them.
    pub fn give(&self, slots: impl IntoIterator<Item = MemorySlot>) {
        let mut cleared: Vec<MemorySlot> = Vec::new();
        for mut slot in slots {
            if self.max > 0 && slot.first_bytes <= SPARE_MEMORY_ACCESSIBLE_MAX && slot.reset().is_ok() {
                cleared.push(slot);
            }
        }
        if cleared.is_empty() {
            return;
        }
        let now = clock::monotonic();
        let mut state = self.state.lock();
        // The image of a module that is gone: nobody asks for it.
        cleared.retain(|slot| slot.image.as_ref().is_none_or(|mapped| !mapped.image.is_retired()));
        let mut unused = 0;
        if now.saturating_sub(state.since) >= SPARE_MEMORIES_PERIOD {
            unused = state.least;
            state.since = now;
            state.least = state.slots.len() - unused;
        }
        let surplus = (state.slots.len() + cleared.len()).saturating_sub(self.max).max(unused).min(state.slots.len());
        let mut dropped: Vec<MemorySlot> = state.slots.drain(..surplus).collect();
        dropped.extend(cleared.drain(..cleared.len().saturating_sub(self.max)));
        state.slots.extend(cleared);
        state.least = state.least.min(state.slots.len());
        drop(state);
        // Unmapped without the lock.
        drop(dropped);
    }

    /// Gives back all that it has.
    pub fn release(&self) {
        let mut state = self.state.lock();
        let dropped = std::mem::take(&mut state.slots);
        state.least = 0;
        drop(state);
        drop(dropped);
    }

    /// Gives back the slots with an image, which nobody will ask for any more.
    pub fn retire(&self, image: &Arc<MemoryImage>) {
        let mut dropped = Vec::new();
        let mut state = self.state.lock();
        // Under the lock, so that a slot which is given later is found retired.
        image.retire();
        let kept = std::mem::take(&mut state.slots);
        for slot in kept {
            if slot.has_image(image) { dropped.push(slot) } else { state.slots.push_back(slot) }
        }
        state.least = state.least.min(state.slots.len());
        drop(state);
    }

    /// How many slots it has.
    pub fn len(&self) -> usize {
        self.state.lock().slots.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Somebody will give and take.
    pub fn add_user(&self) {
        self.state.lock().users += 1;
    }

    /// Somebody will no longer. Without users the pool keeps few slots.
    pub fn remove_user(&self) {
        let mut state = self.state.lock();
        state.users -= 1;
        if state.users == 0 && state.slots.len() > SPARE_MEMORIES_IDLE {
            let surplus = state.slots.len() - SPARE_MEMORIES_IDLE;
            let dropped: Vec<MemorySlot> = state.slots.drain(..surplus).collect();
            state.least = state.least.min(state.slots.len());
            drop(state);
            drop(dropped);
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::{MappedImage, MemorySlot, SlotPool};
    use crate::base::sync::Arc;
    use crate::base::tuning::{SPARE_MEMORIES_IDLE, SPARE_MEMORY_KEPT_BYTES};
    use crate::platform::image::MemoryImage;
    use crate::platform::memory::page_bytes;
    use crate::platform::page_map::own_pages;

    const LEN: usize = 1 << 30;
    const FIRST: usize = 2 << 20;

    fn bytes(slot: &mut MemorySlot) -> &mut [u8] {
        // SAFETY: the bytes are accessible, and the slot is borrowed.
        unsafe { std::slice::from_raw_parts_mut(slot.base(), slot.accessible_bytes) }
    }

    fn image(byte: u8) -> MappedImage {
        let contents = vec![byte; 300_000];
        MappedImage { image: Arc::new(MemoryImage::new(contents.len(), [(0, &contents[..])]).unwrap()), start: 16 * page_bytes() }
    }

    #[test]
    fn a_slot_is_as_new_when_it_is_taken_again() {
        let pool = SlotPool::new(4);
        let image = image(9);
        for mapped in [None, Some(&image)] {
            let mut slot = MemorySlot::new(LEN, FIRST).unwrap();
            if let Some(mapped) = mapped {
                // SAFETY: the slot is new, and nobody has its bytes.
                unsafe { slot.map_image(mapped).unwrap() };
            }
            let expected = bytes(&mut slot).to_vec();
            // Pages here and there, all, and more than were there at first.
            for round in 0..6 {
                match round % 3 {
                    0 => (0..FIRST).step_by(7 * page_bytes()).for_each(|at| bytes(&mut slot)[at + round] = 1),
                    1 => bytes(&mut slot).fill(2),
                    _ => {
                        slot.make_accessible(2 * FIRST).unwrap();
                        bytes(&mut slot).fill(3);
                    }
                }
                pool.give([slot]);
                assert!(pool.take(LEN, FIRST + page_bytes(), mapped.map(|mapped| &mapped.image)).is_none());
                slot = pool.take(LEN, FIRST, mapped.map(|mapped| &mapped.image)).expect("the slot that was given");
                if let Some(own) = own_pages(&slot.region, 0..FIRST) {
                    let kept: usize = own.iter().map(ExactSizeIterator::len).sum();
                    assert!(kept <= SPARE_MEMORY_KEPT_BYTES, "{kept} bytes are kept");
                }
                assert!(bytes(&mut slot) == expected, "round {round}");
                slot.make_accessible(2 * FIRST).unwrap();
                assert!(bytes(&mut slot)[FIRST..].iter().all(|&byte| byte == 0));
            }
        }
    }

    #[test]
    fn images_are_told_apart_and_retired() {
        let pool = SlotPool::new(4);
        let [first, second] = [image(1), image(2)];
        let with = |mapped: &MappedImage| {
            let mut slot = MemorySlot::new(LEN, FIRST).unwrap();
            // SAFETY: the slot is new, and nobody has its bytes.
            unsafe { slot.map_image(mapped).unwrap() };
            slot
        };
        pool.give([with(&first), with(&second), MemorySlot::new(LEN, FIRST).unwrap()]);
        assert!(pool.take(LEN, FIRST, Some(&first.image)).unwrap().has_image(&first.image));
        assert!(pool.take(LEN, FIRST, Some(&first.image)).is_none(), "there was one");
        let late = with(&second);
        pool.retire(&second.image);
        pool.give([late]);
        assert_eq!(pool.len(), 1, "that without an image");
        assert!(pool.take(LEN, FIRST, None).is_some_and(|slot| slot.image.is_none()));
    }

    #[test]
    fn a_pool_is_bounded_and_keeps_little_without_users() {
        let max = SPARE_MEMORIES_IDLE + 20;
        let pool = SlotPool::new(max);
        pool.add_user();
        let new = |_| MemorySlot::new(LEN, FIRST).unwrap();
        pool.give((0..max - 10).map(new));
        pool.give((0..20).map(new));
        assert_eq!(pool.len(), max);
        pool.give((0..max + 20).map(new));
        assert_eq!(pool.len(), max);
        pool.remove_user();
        assert_eq!(pool.len(), SPARE_MEMORIES_IDLE);
        pool.release();
        assert!(pool.is_empty());
    }
}
