//! The heap: allocation, access with the barrier, limits.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ptr::NonNull;

use crate::base::sync::Arc;
use crate::heap::cage::{BLOCK_BYTES, Cage};
use crate::heap::collect::MIN_THRESHOLD_BYTES;
use crate::heap::collect::minor::Queue;
use crate::heap::descriptor::{DescriptorRef, ObjectKind, SlotKind, TypeDesc, encode, encoded_bytes};
use crate::heap::error::HeapError;
use crate::heap::handles::Handles;
use crate::heap::image::MappedImage;
use crate::heap::reference::{HeapRef, boxed_ref};
use crate::heap::resources::{HostValue, Resources};
use crate::heap::roots::RootSource;
use crate::heap::side::Side;
use crate::heap::space::classes::{CLASS_COUNT, MAX_CELL_BYTES};
use crate::heap::space::nursery::Nursery;
use crate::heap::space::old::OldSpace;
use crate::heap::stats::HeapStats;
use crate::heap::trace::{PAIR_LOG2, object_bytes};
use crate::heap::weak::{Finalized, Weak};
use crate::layout::heap::{
    DESCRIPTOR, DESCRIPTOR_DISPLAY, Descriptor, FIELDS, HeapState, LENGTH, MAX_YOUNG_BYTES, MIN_DISPLAY, NULL, NULL_PAGE_BYTES,
    OBJECT_ALIGN,
};

/// What the heap's own types are called: no owner of types gives this number to one of its own.
pub const NO_CLIENT: u32 = 0;

/// Called when the limit is reached, with the bytes that are wanted in all and the limit; gives a new limit. A smaller one
/// changes nothing.
pub type NearLimit = Box<dyn FnMut(u64, u64) -> u64 + Send>;

/// How a heap is made.
#[derive(Debug, Clone)]
pub struct HeapConfig {
    /// Address space of the cage, at most 4 GiB.
    pub cage_bytes: u64,
    /// Bytes of a half of the nursery; rounded to 64 KiB, at least that, at most an eighth of the cage. A collection comes earlier while
    /// much survives.
    pub nursery_bytes: u32,
    /// Most bytes of the old generation.
    pub limit_bytes: u64,
    /// Collect at every allocation.
    pub stress: bool,
    /// In that mode, every so-manieth collection is a major one.
    pub stress_major_every: u32,
}

impl Default for HeapConfig {
    fn default() -> Self {
        HeapConfig { cage_bytes: 1 << 32, nursery_bytes: 4 << 20, limit_bytes: 1 << 32, stress: false, stress_major_every: 64 }
    }
}

/// One isolate's heap. See the [module](crate::heap).
pub struct Heap {
    pub(in crate::heap) cage: Cage,
    pub(in crate::heap) side: Side,
    pub(in crate::heap) nursery: Nursery,
    pub(in crate::heap) old: OldSpace,
    pub(in crate::heap) image: Option<MappedImage>,
    pub(in crate::heap) handles: Handles,
    pub(in crate::heap) weak: Weak,
    pub(in crate::heap) resources: Resources,
    pub(in crate::heap) stats: HeapStats,
    pub(in crate::heap) config: HeapConfig,
    pub(in crate::heap) limit_bytes: u64,
    pub(in crate::heap) major_threshold: u64,
    pub(in crate::heap) near_limit: Option<NearLimit>,
    pub(in crate::heap) stress_count: u32,
    /// Dirty objects and their cards: a collection's buffer, kept for the next.
    pub(in crate::heap) dirty: Vec<(u32, u32)>,
    /// The same of its work list.
    pub(in crate::heap) queue: Queue,
    /// The descriptor of descriptors.
    meta: u32,
    /// The descriptor of host references.
    host_type: u32,
    state: NonNull<HeapState>,
    /// Where `state` is, if nobody else has it.
    _own_state: Option<Box<UnsafeCell<HeapState>>>,
    /// By which the owner of `state` knows that it is in use.
    _user: Option<Arc<()>>,
}

// SAFETY: the heap owns its memory; `state` points into a block that its owner moves between threads together with the heap, by the
// contract of `Heap::new`.
unsafe impl Send for Heap {}

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Heap {
    /// A heap with nothing in it, whose words for generated code are at `state`.
    ///
    /// # Errors
    ///
    /// [`HeapError::Reserve`] when there is no address space.
    ///
    /// # Safety
    ///
    /// `state` is valid as long as the heap is, and is written by the heap and by the generated code of its isolate only, on the thread
    /// that has the heap.
    pub unsafe fn new(config: HeapConfig, state: NonNull<HeapState>) -> Result<Self, HeapError> {
        // SAFETY: handed on.
        unsafe { Self::with_image(config, state, None) }
    }

    /// A heap with nothing in it that keeps its words itself: for languages whose code is not generated.
    ///
    /// # Errors
    ///
    /// [`HeapError::Reserve`] when there is no address space.
    pub fn with_own_state(config: HeapConfig) -> Result<Self, HeapError> {
        let own = Box::new(UnsafeCell::new(HeapState::none()));
        let state = NonNull::from(&*own).cast();
        // SAFETY: the box lives as long as the heap, which alone writes to it; its place does not change when the heap is moved.
        let mut heap = unsafe { Self::new(config, state) }?;
        heap._own_state = Some(own);
        Ok(heap)
    }

    /// Has the words for generated code at another place from now on. `user` is held as long as they are there.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new): the place is valid as long as the heap is.
    pub unsafe fn move_state(&mut self, to: NonNull<HeapState>, user: Arc<()>) {
        // SAFETY: both places are valid by contract, and are different ones or the same.
        unsafe { to.as_ptr().copy_from(self.state.as_ptr(), 1) };
        self.state = to;
        self._own_state = None;
        self._user = Some(user);
    }

    /// # Safety
    ///
    /// As for `new`.
    pub(in crate::heap) unsafe fn with_image(
        config: HeapConfig,
        state: NonNull<HeapState>,
        image: Option<&crate::heap::image::Image>,
    ) -> Result<Self, HeapError> {
        let half_bytes = (config.nursery_bytes / BLOCK_BYTES).max(1) * BLOCK_BYTES;
        let half_bytes = half_bytes.min(u32::try_from(config.cage_bytes / 8).unwrap_or(u32::MAX)).max(BLOCK_BYTES);
        let mut cage = Cage::new(config.cage_bytes, 2 * half_bytes)?;
        let side = Side::new(cage.bytes())?;
        let image = image.map(|image| MappedImage::map(image, &mut cage, &side)).transpose()?;
        let nursery = Nursery::new(cage.nursery_start(), half_bytes);
        let mut heap = Heap {
            cage,
            side,
            nursery,
            old: OldSpace::new(),
            image,
            handles: Handles::default(),
            weak: Weak::default(),
            resources: Resources::default(),
            stats: HeapStats::default(),
            limit_bytes: 0,
            major_threshold: 0,
            near_limit: None,
            stress_count: 0,
            dirty: Vec::new(),
            queue: Queue::default(),
            meta: NULL,
            host_type: NULL,
            state,
            _own_state: None,
            _user: None,
            config,
        };
        heap.limit_bytes = heap.config.limit_bytes.min(u64::from(heap.nursery.start - heap.image_end()));
        heap.major_threshold = heap.limit_bytes.min(MIN_THRESHOLD_BYTES);
        heap.publish_state();
        (heap.meta, heap.host_type) = match &heap.image {
            Some(image) => image.known_types(),
            None => {
                let meta = TypeDesc { kind: ObjectKind::Descriptor, ..TypeDesc::fixed(FIELDS, &[]).client(NO_CLIENT) };
                let meta = heap.add_type(&meta)?.bits();
                heap.meta = meta;
                heap.cage.memory().write(meta + DESCRIPTOR, meta);
                let host = TypeDesc { kind: ObjectKind::Resource, ..TypeDesc::fixed(FIELDS + 8, &[]).client(NO_CLIENT) };
                (meta, heap.add_type(&host)?.bits())
            }
        };
        Ok(heap)
    }

    fn publish_state(&mut self) {
        let barrier_value = if self.image.is_some() { self.image_end() } else { self.nursery.start };
        let (cage, top) = (self.cage.memory().base(), self.nursery.from());
        let state =
            HeapState { cage, top, limit: top, barrier_object: self.nursery.start, barrier_value, cards: self.side.card_base() };
        // SAFETY: the contract of `new`.
        unsafe { self.state.write(state) }
        self.set_top(top);
    }

    #[inline(always)]
    pub(in crate::heap) fn top(&self) -> u32 {
        // SAFETY: the contract of `new`.
        unsafe { (*self.state.as_ptr()).top }
    }

    #[inline]
    pub(in crate::heap) fn set_top(&mut self, top: u32) {
        let limit = if self.config.stress { top } else { self.nursery.limit.max(top) };
        // SAFETY: the contract of `new`.
        unsafe {
            (*self.state.as_ptr()).top = top;
            (*self.state.as_ptr()).limit = limit;
        }
    }

    /// First reference above the image and the null page.
    pub(in crate::heap) fn image_end(&self) -> u32 {
        self.image.as_ref().map_or(NULL_PAGE_BYTES, |image| image.end())
    }

    pub(in crate::heap) fn old_bytes(&self) -> u64 {
        self.old.used_bytes
    }

    pub(in crate::heap) fn known_types(&self) -> (u32, u32) {
        (self.meta, self.host_type)
    }

    /// Address of reference 0.
    pub fn base(&self) -> *mut u8 {
        self.cage.memory().base()
    }

    /// Figures.
    pub fn stats(&self) -> HeapStats {
        HeapStats {
            used_bytes: self.old.used_bytes + u64::from(self.top() - self.nursery.from()),
            committed_bytes: u64::from(self.old.block_count + 2 * self.nursery.half_bytes / BLOCK_BYTES) * u64::from(BLOCK_BYTES),
            ..self.stats
        }
    }

    /// How many values of the host objects own now.
    pub fn host_value_count(&self) -> usize {
        self.resources.live_count()
    }

    /// Sets what is asked before the heap says that it is full.
    pub fn set_near_limit(&mut self, near: Option<NearLimit>) {
        self.near_limit = near;
    }

    /// Makes a descriptor. It stays as long as the heap.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadType`] for a layout that cannot be, [`HeapError::OutOfMemory`].
    pub fn add_type(&mut self, ty: &TypeDesc<'_>) -> Result<DescriptorRef, HeapError> {
        let encoded = encode(ty)?;
        let memory = self.cage.memory();
        let mut fixed = encoded.fixed;
        fixed.slot_count = encoded.slots.len() as u32;
        let parent = ty.parent.map(|parent| *memory.descriptor(parent.bits()));
        fixed.depth = parent.map_or(0, |parent| parent.depth + 1);
        fixed.display_count = (fixed.depth + 1).max(MIN_DISPLAY);
        let bytes = encoded_bytes(fixed.display_count, fixed.slot_count).ok_or(HeapError::BadType("its number of slots"))?;
        self.check_limit(u64::from(bytes))?;
        let Some(offset) = self.old.allocate_descriptor(&mut self.cage, &self.side, bytes) else {
            return Err(self.out_of_memory(u64::from(bytes)));
        };
        (fixed.descriptor, fixed.descriptor_bytes) = (self.meta, bytes);
        // SAFETY: `offset` is the start of `bytes` fresh bytes, aligned to 8; a `Descriptor` is plain data.
        unsafe { memory.at(offset).cast::<Descriptor>().write(fixed) };
        let display = offset + DESCRIPTOR_DISPLAY;
        if let (Some(parent), Some(parent_ref)) = (parent, ty.parent) {
            memory.copy(parent_ref.bits() + DESCRIPTOR_DISPLAY, display, 4 * (parent.depth + 1));
        }
        memory.write(display + 4 * fixed.depth, offset);
        let list = display + 4 * fixed.display_count;
        for (nth, &word) in encoded.slots.iter().enumerate() {
            memory.write(list + 4 * nth as u32, word);
        }
        Ok(DescriptorRef::from_bits(offset))
    }

    pub(in crate::heap) fn out_of_memory(&self, wanted_bytes: u64) -> HeapError {
        HeapError::OutOfMemory { wanted_bytes, used_bytes: self.old.used_bytes, limit_bytes: self.limit_bytes }
    }

    /// An object of a type with fields, all zero. Collects when there is no room.
    ///
    /// # Errors
    ///
    /// [`HeapError::OutOfMemory`].
    #[inline]
    pub fn allocate(&mut self, ty: DescriptorRef, roots: &mut dyn RootSource) -> Result<HeapRef, HeapError> {
        let descriptor = self.cage.memory().descriptor(ty.bits());
        let bytes = descriptor.fixed_bytes.next_multiple_of(OBJECT_ALIGN);
        self.allocate_bytes(ty, bytes, 0, roots)
    }

    /// The same without a collection: `None` when there is no room in the nursery.
    #[inline]
    pub fn try_allocate(&self, ty: DescriptorRef) -> Option<HeapRef> {
        let bytes = self.cage.memory().descriptor(ty.bits()).fixed_bytes.next_multiple_of(OBJECT_ALIGN);
        self.try_young(ty, bytes, 0)
    }

    /// An array, all zero. Collects when there is no room.
    ///
    /// # Errors
    ///
    /// [`HeapError::TooLarge`], [`HeapError::OutOfMemory`].
    pub fn allocate_array(&mut self, ty: DescriptorRef, length: u32, roots: &mut dyn RootSource) -> Result<HeapRef, HeapError> {
        let bytes = self.array_bytes(ty, length)?;
        self.allocate_bytes(ty, bytes, length, roots)
    }

    fn array_bytes(&self, ty: DescriptorRef, length: u32) -> Result<u32, HeapError> {
        let descriptor = self.cage.memory().descriptor(ty.bits());
        let log2 = match ObjectKind::of(descriptor) {
            ObjectKind::Ephemerons => PAIR_LOG2,
            _ => u32::from(descriptor.element_log2),
        };
        let bytes = (u64::from(length) << log2) + u64::from(descriptor.fixed_bytes + OBJECT_ALIGN - 1);
        let too_large = HeapError::TooLarge { length };
        u32::try_from(bytes & !u64::from(OBJECT_ALIGN - 1)).ok().filter(|&bytes| bytes < u32::MAX - BLOCK_BYTES).ok_or(too_large)
    }

    fn allocate_bytes(
        &mut self,
        ty: DescriptorRef,
        bytes: u32,
        word: u32,
        roots: &mut dyn RootSource,
    ) -> Result<HeapRef, HeapError> {
        if let Some(object) = self.try_young(ty, bytes, word) {
            return Ok(object);
        }
        if bytes <= MAX_YOUNG_BYTES {
            return self.allocate_slow(ty, bytes, word, roots);
        }
        self.allocate_large(ty, bytes, word, roots)
    }

    /// An object in the nursery, if it fits there without a collection.
    #[inline(always)]
    fn try_young(&self, ty: DescriptorRef, bytes: u32, word: u32) -> Option<HeapRef> {
        let state = self.state.as_ptr();
        // SAFETY: the contract of `new`; the two words are read and written at once, and nobody holds a reference to them.
        let (object, limit) = unsafe { ((*state).top, (*state).limit) };
        if bytes > limit - object || bytes > MAX_YOUNG_BYTES {
            return None;
        }
        // SAFETY: as above.
        unsafe { (*state).top = object + bytes };
        self.begin(object, ty, bytes, word);
        Some(HeapRef::from_bits(object))
    }

    #[inline(always)]
    fn begin(&self, object: u32, ty: DescriptorRef, bytes: u32, word: u32) {
        let memory = self.cage.memory();
        memory.write(object + DESCRIPTOR, ty.bits());
        memory.write(object + LENGTH, word);
        memory.zero(object + FIELDS, bytes - FIELDS);
    }

    #[cold]
    fn allocate_slow(
        &mut self,
        ty: DescriptorRef,
        bytes: u32,
        word: u32,
        roots: &mut dyn RootSource,
    ) -> Result<HeapRef, HeapError> {
        self.make_room(roots)?;
        if self.nursery.end() - self.top() < bytes {
            // Nearly everything in the nursery is alive. What has survived twice now leaves.
            self.make_room(roots)?;
        }
        if self.nursery.end() - self.top() < bytes {
            // It found no place in the old generation.
            self.collect_major(roots);
            self.collect_minor(roots);
        }
        let object = self.top();
        if self.nursery.end() - object < bytes {
            return Err(self.out_of_memory(u64::from(bytes)));
        }
        self.begin(object, ty, bytes, word);
        self.set_top(object + bytes);
        Ok(HeapRef::from_bits(object))
    }

    #[cold]
    fn allocate_large(
        &mut self,
        ty: DescriptorRef,
        bytes: u32,
        word: u32,
        roots: &mut dyn RootSource,
    ) -> Result<HeapRef, HeapError> {
        let wanted = u64::from(bytes);
        if self.config.stress || self.old_bytes() + wanted > self.major_threshold {
            self.collect_major(roots);
            self.major_threshold = self.major_threshold.max(self.old_bytes() + wanted);
        }
        self.check_limit(wanted)?;
        let mut object = self.old.allocate(&mut self.cage, &self.side, bytes);
        if object.is_none() {
            self.collect_major(roots);
            self.old.finish_sweeping(&mut self.cage, &self.side);
            object = self.old.allocate(&mut self.cage, &self.side, bytes);
        }
        let object = object.ok_or_else(|| self.out_of_memory(wanted))?;
        // Blocks are zero when they are taken.
        let memory = self.cage.memory();
        memory.write(object + LENGTH, word);
        memory.write(object + DESCRIPTOR, ty.bits());
        Ok(HeapRef::from_bits(object))
    }

    /// An object, or an array of so many elements, that is old from the start, all zero. It never collects, so what was read from the
    /// heap before is still good; the next collection takes it into account.
    ///
    /// # Errors
    ///
    /// [`HeapError::TooLarge`], [`HeapError::OutOfMemory`].
    pub fn allocate_old(&mut self, ty: DescriptorRef, length: u32) -> Result<HeapRef, HeapError> {
        let bytes = match ObjectKind::of(self.cage.memory().descriptor(ty.bits())) {
            ObjectKind::Array | ObjectKind::Ephemerons => self.array_bytes(ty, length)?,
            _ => self.cage.memory().descriptor(ty.bits()).fixed_bytes.next_multiple_of(OBJECT_ALIGN),
        };
        self.check_limit(u64::from(bytes))?;
        let object = self.old.allocate(&mut self.cage, &self.side, bytes);
        let object = object.ok_or_else(|| self.out_of_memory(u64::from(bytes)))?;
        self.begin(object, ty, bytes, length);
        Ok(HeapRef::from_bits(object))
    }

    /// A host reference: an object that owns a value of the host.
    ///
    /// # Errors
    ///
    /// [`HeapError::OutOfMemory`]; the value is dropped then.
    pub fn allocate_host(&mut self, value: HostValue, roots: &mut dyn RootSource) -> Result<HeapRef, HeapError> {
        let Some(index) = self.resources.add(value) else { return Err(self.out_of_memory(8)) };
        match self.allocate(DescriptorRef::from_bits(self.host_type), roots) {
            Ok(object) => {
                self.cage.memory().write(object.bits() + FIELDS, index);
                self.resources.set_owner(index, object);
                Ok(object)
            }
            Err(error) => {
                self.resources.remove(index);
                self.resources.drop_dead();
                Err(error)
            }
        }
    }

    /// The value that an object owns, if it is a host reference.
    pub fn host_value(&self, object: HeapRef) -> Option<&(dyn Any + Send)> {
        if !object.is_object() || self.descriptor(object).bits() != self.host_type {
            return None;
        }
        self.resources.get(self.cage.memory().read(object.bits() + FIELDS))
    }

    /// The type of an object. `object` is not null and not an `i31`.
    #[inline]
    pub fn descriptor(&self, object: HeapRef) -> DescriptorRef {
        debug_assert!(object.is_object());
        DescriptorRef::from_bits(self.cage.memory().read(object.bits() + DESCRIPTOR))
    }

    /// What the owner of a type called it.
    #[inline]
    pub fn client_of(&self, ty: DescriptorRef) -> u32 {
        self.cage.memory().descriptor(ty.bits()).client
    }

    /// Whether a type is another, or below it: by the display (Cohen, TOPLAS 13/4, 1991).
    #[inline]
    pub fn is_subtype(&self, ty: DescriptorRef, of: DescriptorRef) -> bool {
        let memory = self.cage.memory();
        let depth = memory.descriptor(of.bits()).depth;
        depth < memory.descriptor(ty.bits()).display_count && memory.read(ty.bits() + DESCRIPTOR_DISPLAY + 4 * depth) == of.bits()
    }

    /// An array's length, or the word that belongs to the type's owner.
    #[inline]
    pub fn length(&self, object: HeapRef) -> u32 {
        self.cage.memory().read(object.bits() + LENGTH)
    }

    /// Bytes of an object, header included, rounded to 8.
    pub fn bytes_of(&self, object: HeapRef) -> u32 {
        let memory = self.cage.memory();
        object_bytes(memory, object.bits(), memory.descriptor(memory.read(object.bits() + DESCRIPTOR)))
    }

    /// Whether it is in the nursery.
    pub fn is_young(&self, object: HeapRef) -> bool {
        object.is_object() && object.bits() >= self.nursery.start
    }

    #[inline]
    fn slot(&self, object: HeapRef, offset: u32, bytes: u32) -> u32 {
        debug_assert!(object.is_object() && offset >= LENGTH && offset + bytes <= self.bytes_of(object), "{object:?}+{offset}");
        object.bits() + offset
    }

    /// Reads a reference slot.
    #[inline]
    pub fn read_ref(&self, object: HeapRef, offset: u32) -> HeapRef {
        HeapRef::from_bits(self.cage.memory().read(self.slot(object, offset, 4)))
    }

    /// Writes a reference slot, with the barrier.
    #[inline]
    pub fn write_ref(&mut self, object: HeapRef, offset: u32, value: HeapRef) {
        let slot = self.slot(object, offset, 4);
        self.cage.memory().write(slot, value.bits());
        self.barrier(object, slot, value);
    }

    /// Reads a slot of a boxed value.
    #[inline]
    pub fn read_boxed(&self, object: HeapRef, offset: u32) -> u64 {
        self.cage.memory().read64(self.slot(object, offset, 8))
    }

    /// Writes a slot of a boxed value, with the barrier.
    #[inline]
    pub fn write_boxed(&mut self, object: HeapRef, offset: u32, value: u64) {
        let slot = self.slot(object, offset, 8);
        self.cage.memory().write64(slot, value);
        if let Some(reference) = boxed_ref(value) {
            self.barrier(object, slot, reference);
        }
    }

    /// After `value` was written to a slot of `object`: `slot` is its offset in the cage.
    #[inline(always)]
    pub fn barrier(&mut self, object: HeapRef, slot: u32, value: HeapRef) {
        // SAFETY: the contract of `new`.
        let state = unsafe { self.state.as_ref() };
        if object.bits() < state.barrier_object && value.bits() >= state.barrier_value {
            self.side.dirty(slot);
        }
    }

    /// After many references were written to an object at once: the bytes of the slots, from the object's start.
    pub fn barrier_range(&mut self, object: HeapRef, offset: u32, bytes: u32) {
        if object.bits() < self.nursery.start {
            self.side.dirty_range(object.bits() + offset..object.bits() + offset + bytes);
        }
    }

    /// Reads 4 bytes of data, or of a function slot.
    #[inline]
    pub fn read_u32(&self, object: HeapRef, offset: u32) -> u32 {
        self.cage.memory().read(self.slot(object, offset, 4))
    }

    /// Writes 4 bytes of data, or of a function slot.
    #[inline]
    pub fn write_u32(&mut self, object: HeapRef, offset: u32, value: u32) {
        self.cage.memory().write(self.slot(object, offset, 4), value);
    }

    /// Reads data.
    pub fn read_data(&self, object: HeapRef, offset: u32, into: &mut [u8]) {
        self.cage.memory().read_bytes(self.slot(object, offset, into.len() as u32), into);
    }

    /// Writes data. No reference is among it.
    pub fn write_data(&mut self, object: HeapRef, offset: u32, from: &[u8]) {
        self.cage.memory().write_bytes(self.slot(object, offset, from.len() as u32), from);
    }

    /// Bytes of data, as long as nothing is allocated.
    #[inline]
    pub fn data(&self, object: HeapRef, offset: u32, bytes: u32) -> &[u8] {
        let start = self.slot(object, offset, bytes);
        // SAFETY: the range is inside of an object, which neither moves nor ends while the heap is borrowed; data is not written then.
        unsafe { std::slice::from_raw_parts(self.cage.memory().at(start), bytes as usize) }
    }

    /// Data in units of 16 bits, as long as nothing is allocated. `offset` is even.
    #[inline]
    pub fn data16(&self, object: HeapRef, offset: u32, units: u32) -> &[u16] {
        let start = self.slot(object, offset, 2 * units);
        debug_assert!(start.is_multiple_of(2));
        // SAFETY: as for `data`; objects are aligned to 8.
        unsafe { std::slice::from_raw_parts(self.cage.memory().at(start).cast::<u16>(), units as usize) }
    }

    /// Writes data in units of 16 bits.
    pub fn write_data16(&mut self, object: HeapRef, offset: u32, from: &[u16]) {
        let start = self.slot(object, offset, 2 * from.len() as u32);
        for (at, unit) in (start..).step_by(2).zip(from) {
            self.cage.memory().write_bytes(at, &unit.to_ne_bytes());
        }
    }

    /// Binary logarithm of the bytes of an array type's elements, and what they are.
    pub fn element_of(&self, ty: DescriptorRef) -> (u8, SlotKind) {
        let descriptor = self.cage.memory().descriptor(ty.bits());
        (descriptor.element_log2, SlotKind::from_bits(descriptor.element_slot))
    }

    /// Writes the low `1 << log2` bytes of `bits` to each slot of a range. The caller sees to the barrier.
    pub fn fill_slots(&mut self, object: HeapRef, offset: u32, bytes: u32, log2: u8, bits: u128) {
        let start = self.slot(object, offset, bytes);
        let pattern = bits.to_le_bytes();
        let memory = self.cage.memory();
        match log2 {
            2 => (start..start + bytes).step_by(4).for_each(|slot| memory.write(slot, bits as u32)),
            3 => (start..start + bytes).step_by(8).for_each(|slot| memory.write64(slot, bits as u64)),
            0 => memory.fill(start, bytes, pattern[0]),
            log2 => (start..start + bytes).step_by(1 << log2).for_each(|slot| memory.write_bytes(slot, &pattern[..1 << log2])),
        }
    }

    /// Copies slots from one object to another, or within one: the ranges may overlap. With the barrier, if they are references.
    pub fn copy_slots(&mut self, to: HeapRef, to_offset: u32, from: HeapRef, from_offset: u32, bytes: u32, are_refs: bool) {
        let (target, source) = (self.slot(to, to_offset, bytes), self.slot(from, from_offset, bytes));
        self.cage.memory().copy(source, target, bytes);
        if are_refs {
            self.barrier_range(to, to_offset, bytes);
        }
    }

    /// Asks for `held` to be queued, under a number, when a major collection finds `target` dead.
    pub fn register_finalization(&mut self, target: HeapRef, held: u64, token: u32) {
        self.weak.register(target, held, token);
    }

    /// Forgets all that was registered under a number; how much there was.
    pub fn unregister_finalization(&mut self, token: u32) -> usize {
        self.weak.unregister(token)
    }

    /// The next of what dead targets have left.
    pub fn next_finalized(&mut self) -> Option<Finalized> {
        self.weak.next()
    }
}

const _: () = assert!(CLASS_COUNT < 64 && MAX_YOUNG_BYTES <= MAX_CELL_BYTES);
