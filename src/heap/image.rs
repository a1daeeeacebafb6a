//! Images: a graph of objects as bytes that are mapped, not read.
//!
//! *Problem.* A heap of a million objects must come back in a time that does not depend on its size. *Idea.* References are offsets, so
//! the objects of a graph, laid out one behind the other from the first block on, are the same bytes in every cage, wherever it
//! is. They are mapped copy-on-write as the oldest generation: never moved, never marked, never freed.
//!
//! *What the collector needs of it.* Objects in an image refer to objects outside of it only if they were changed since, and then
//! the barrier has dirtied a card; these cards are never cleaned and are roots of every collection. For the barrier to see such
//! stores too when the value is old, its lower limit for values is the image's end in a heap that has an image. To find the objects of a
//! card, the image carries for each card where the first object in it begins.
//!
//! **Invariants:** an image holds no host value and no function: their tables are not part of it. Its bytes are hashed and every slot is
//! checked before it is mapped; a damaged one gives an error with its place.

use std::collections::HashMap;
use std::ops::Range;

use crate::heap::cage::{BLOCK_BYTES, Cage};
use crate::heap::descriptor::{DescriptorRef, ObjectKind};
use crate::heap::error::HeapError;
use crate::heap::heap::{Heap, HeapConfig};
use crate::heap::memory::Memory;
use crate::heap::reference::{HeapRef, boxed_ref, rebox};
use crate::heap::side::{CARD_BYTES, Side};
use crate::heap::trace::{PAIR_LOG2, Visitor, object_bytes, visit_object};
use crate::layout::HeapState;
use crate::layout::heap::{DESCRIPTOR, DESCRIPTOR_DISPLAY, FIELDS, LENGTH, NULL, NULL_PAGE_BYTES, OBJECT_ALIGN};
use crate::platform::image::MemoryImage;

/// First object of an image.
const START: u32 = NULL_PAGE_BYTES;
/// In the map of starts: no object begins on this card.
const NO_START: u8 = u8::MAX;
const MAGIC: [u8; 8] = *b"dlticimg";
const VERSION: u32 = 3;
const HEADER_BYTES: usize = 40;

/// A graph of objects, position-independent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The objects, as they are from [`START`] on.
    objects: Vec<u8>,
    /// For each card where in it, in units of 8 bytes, the first object begins.
    starts: Vec<u8>,
    roots: Vec<HeapRef>,
    meta: u32,
    host_type: u32,
}

fn bad(what: impl Into<String>) -> HeapError {
    HeapError::BadImage(what.into())
}

impl Image {
    /// The image as a file would hold it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.objects.len() + self.starts.len() + 4 * self.roots.len());
        bytes.extend_from_slice(&MAGIC);
        let lens =
            [VERSION, self.objects.len() as u32, self.starts.len() as u32, self.roots.len() as u32, self.meta, self.host_type];
        for word in lens {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&self.objects);
        bytes.extend_from_slice(&self.starts);
        for root in &self.roots {
            bytes.extend_from_slice(&root.bits().to_le_bytes());
        }
        let hash = hash(&bytes);
        bytes[HEADER_BYTES - 8..HEADER_BYTES].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    /// An image from what [`Image::to_bytes`] gave.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadImage`] with the place, if a single bit is not as it was written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeapError> {
        if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
            return Err(bad("it does not begin as one"));
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(8) != VERSION {
            return Err(bad(format!("version {} instead of {VERSION}", word(8))));
        }
        let (objects, starts, roots) = (word(12) as usize, word(16) as usize, word(20) as usize);
        let expected = HEADER_BYTES + objects + starts + 4 * roots;
        if bytes.len() != expected {
            return Err(bad(format!("{} bytes instead of {expected}", bytes.len())));
        }
        let mut unsigned = bytes.to_vec();
        unsigned[HEADER_BYTES - 8..HEADER_BYTES].fill(0);
        if hash(&unsigned).to_le_bytes() != bytes[HEADER_BYTES - 8..HEADER_BYTES] {
            return Err(bad("its bytes do not have its hash"));
        }
        let body = &bytes[HEADER_BYTES..];
        let roots = body[objects + starts..].chunks_exact(4);
        let image = Image {
            objects: body[..objects].to_vec(),
            starts: body[objects..objects + starts].to_vec(),
            roots: roots.map(|word| HeapRef::from_bits(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))).collect(),
            meta: word(24),
            host_type: word(28),
        };
        image.check()?;
        Ok(image)
    }

    fn end(&self) -> u32 {
        START + self.objects.len() as u32
    }

    fn word(&self, offset: u32) -> Option<u32> {
        let at = offset.checked_sub(START)? as usize;
        let bytes = self.objects.get(at..at + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Whether the parts agree about their sizes. The slots are checked by [`Heap::verify`] once it is mapped.
    fn check(&self) -> Result<(), HeapError> {
        let cards = self.objects.len().div_ceil(CARD_BYTES as usize);
        if self.starts.len() != cards || !self.objects.len().is_multiple_of(8) {
            return Err(bad("its parts have the wrong sizes"));
        }
        for known in [self.meta, self.host_type] {
            if self.word(known) != Some(self.meta) {
                return Err(bad(format!("no descriptor at {known:#x}")));
            }
        }
        let is_inside = |root: &HeapRef| !root.is_object() || self.word(root.bits()).is_some();
        match self.roots.iter().find(|root| !is_inside(root)) {
            Some(root) => Err(bad(format!("a root at {root:?}"))),
            None => Ok(()),
        }
    }

    /// Objects in it, bytes.
    pub fn object_bytes(&self) -> usize {
        self.objects.len()
    }
}

/// FNV-1a over words (Fowler, Noll, Vo): against damage, not against an attacker.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash
}

/// An image in a cage.
#[derive(Debug)]
pub(in crate::heap) struct MappedImage {
    starts: Vec<u8>,
    roots: Vec<HeapRef>,
    end: u32,
    meta: u32,
    host_type: u32,
}

impl MappedImage {
    pub fn map(image: &Image, cage: &mut Cage, side: &Side) -> Result<Self, HeapError> {
        let bytes = u32::try_from(image.objects.len()).map_err(|_| bad("it is too large"))?;
        if !cage.keep_image(bytes) {
            return Err(bad("it does not fit the cage"));
        }
        let blocks = bytes.div_ceil(BLOCK_BYTES);
        let memory = cage.memory();
        let whole = START as usize..START as usize + (blocks as usize) * BLOCK_BYTES as usize;
        cage.region().commit(whole).map_err(HeapError::Reserve)?;
        match MemoryImage::new(image.objects.len(), [(0, image.objects.as_slice())]) {
            // SAFETY: the blocks were kept for the image, and nothing is in them yet.
            Ok(mapped) => unsafe { mapped.map_into(cage.region(), START as usize) }.map_err(|error| bad(error.to_string()))?,
            Err(error) => {
                tracing::debug!(%error, "an image is copied");
                memory.write_bytes(START, &image.objects);
            }
        }
        for block in 1..=blocks {
            side.clean_block(block as u16);
        }
        let mapped = MappedImage {
            starts: image.starts.clone(),
            roots: image.roots.clone(),
            end: START + blocks * BLOCK_BYTES,
            meta: image.meta,
            host_type: image.host_type,
        };
        mapped.check(memory, image.end())?;
        Ok(mapped)
    }

    /// First reference behind it, a multiple of the block size.
    pub fn end(&self) -> u32 {
        self.end
    }

    pub fn known_types(&self) -> (u32, u32) {
        (self.meta, self.host_type)
    }

    pub fn roots(&self) -> &[HeapRef] {
        &self.roots
    }

    /// Walks all objects: each has a descriptor and ends where the next begins, and each reference leads to one of them.
    fn check(&self, memory: Memory, end: u32) -> Result<(), HeapError> {
        let mut object = START;
        let mut objects = Vec::new();
        while object < end {
            let descriptor = memory.read(object + DESCRIPTOR);
            let is_aligned = descriptor.is_multiple_of(OBJECT_ALIGN);
            let is_inside = descriptor >= START && descriptor.checked_add(DESCRIPTOR_DISPLAY).is_some_and(|e| e <= end);
            if !is_aligned || !is_inside || memory.read(descriptor + DESCRIPTOR) != self.meta {
                return Err(bad(format!("an object at {object:#x} without a descriptor")));
            }
            objects.push(object);
            let bytes = object_bytes(memory, object, memory.descriptor(descriptor));
            object =
                object.checked_add(bytes).filter(|&next| bytes >= 8 && next <= end).ok_or_else(|| bad("an object's size"))?;
        }
        let mut check = Check { memory, objects: &objects, wrong: None };
        for &object in &objects {
            visit_object(memory, object, &mut check);
            if let Some(slot) = check.wrong {
                return Err(bad(format!("the slot at {slot:#x}")));
            }
        }
        Ok(())
    }

    /// Calls `visit` with every object that has bytes on a dirty card, and the card.
    pub fn dirty_objects(&self, memory: Memory, side: &Side, mut visit: impl FnMut(u32, Range<u32>)) {
        let blocks = (self.end - START) / BLOCK_BYTES;
        side.dirty_cards(1, blocks, |card| {
            let Some(mut object) = self.first_object(memory, card) else { return };
            let end = card + (CARD_BYTES - 1);
            while object < end && object < self.end && memory.read(object + DESCRIPTOR) != NULL {
                visit(object, card..end);
                object += object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
            }
        });
    }

    /// The object that the first byte of a card belongs to.
    fn first_object(&self, memory: Memory, card: u32) -> Option<u32> {
        let nth = ((card - START) / CARD_BYTES) as usize;
        let start_on = |nth: usize| match self.starts.get(nth) {
            Some(&units) if units != NO_START => Some(START + nth as u32 * CARD_BYTES + 8 * u32::from(units)),
            _ => None,
        };
        let mut object = match start_on(nth) {
            Some(start) if start == card => return Some(start),
            _ => (0..nth).rev().find_map(start_on).or_else(|| start_on(nth))?,
        };
        loop {
            let next = object + object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR)));
            if next > card {
                return Some(object);
            }
            object = next;
        }
    }
}

/// Checks that slots of a mapped image stay in it.
struct Check<'a> {
    memory: Memory,
    objects: &'a [u32],
    wrong: Option<u32>,
}

impl Check<'_> {
    fn check(&mut self, slot: u32, reference: HeapRef) {
        if reference.is_object() && self.objects.binary_search(&reference.bits()).is_err() {
            self.wrong = Some(slot);
        }
    }
}

impl Visitor for Check<'_> {
    fn reference(&mut self, slot: u32) {
        self.check(slot, HeapRef::from_bits(self.memory.read(slot)));
    }

    fn boxed(&mut self, slot: u32) {
        if let Some(reference) = boxed_ref(self.memory.read64(slot)) {
            self.check(slot, reference);
        }
    }

    fn func(&mut self, slot: u32) {
        if self.memory.read(slot) != 0 {
            self.wrong = Some(slot);
        }
    }
}

/// Gathers what is reachable, in the order in which it will lie.
struct Gather {
    memory: Memory,
    places: HashMap<u32, u32>,
    order: Vec<u32>,
    next: u32,
    tables: Vec<u32>,
    refused: Option<&'static str>,
}

impl Gather {
    fn add(&mut self, reference: HeapRef) {
        let object = reference.bits();
        if !reference.is_object() || self.places.contains_key(&object) {
            return;
        }
        let header = self.memory.read(object + DESCRIPTOR);
        let descriptor = self.memory.descriptor(header);
        let bytes = object_bytes(self.memory, object, descriptor);
        let Some(next) = self.next.checked_add(bytes) else {
            self.refused = Some("it would be larger than a cage");
            return;
        };
        self.places.insert(object, self.next);
        self.order.push(object);
        self.next = next;
        match ObjectKind::of(descriptor) {
            ObjectKind::Resource => self.refused = Some("it would hold a value of the host"),
            ObjectKind::Descriptor => {
                let own = self.memory.descriptor(object);
                for nth in 0..=own.depth {
                    self.add(HeapRef::from_bits(self.memory.read(object + DESCRIPTOR_DISPLAY + 4 * nth)));
                }
            }
            _ => {}
        }
        self.add(HeapRef::from_bits(header));
    }

    fn close(&mut self) {
        let mut scanned = 0;
        loop {
            while scanned < self.order.len() {
                let object = self.order[scanned];
                scanned += 1;
                visit_object(self.memory, object, self);
            }
            for nth in 0..self.tables.len() {
                let table = self.tables[nth];
                for pair in 0..self.memory.read(table + LENGTH) {
                    let at = table + FIELDS + (pair << PAIR_LOG2);
                    let is_live = self.places.contains_key(&self.memory.read(at));
                    if let (true, Some(value)) = (is_live, boxed_ref(self.memory.read64(at + 8))) {
                        self.add(value);
                    }
                }
            }
            if scanned == self.order.len() {
                return;
            }
        }
    }

    fn place(&self, reference: u32) -> u32 {
        match HeapRef::from_bits(reference).is_object() {
            true => self.places.get(&reference).copied().unwrap_or(NULL),
            false => reference,
        }
    }
}

impl Visitor for Gather {
    fn reference(&mut self, slot: u32) {
        self.add(HeapRef::from_bits(self.memory.read(slot)));
    }

    fn boxed(&mut self, slot: u32) {
        if let Some(reference) = boxed_ref(self.memory.read64(slot)) {
            self.add(reference);
        }
    }

    fn func(&mut self, slot: u32) {
        if self.memory.read(slot) != 0 {
            self.refused = Some("it would hold a function");
        }
    }

    fn weak(&mut self, _object: u32, _slot: u32) {}

    fn ephemerons(&mut self, object: u32, _pairs: Range<u32>) {
        self.tables.push(object);
    }
}

/// Rewrites the slots of one object for its new place, in a copy of its bytes.
struct Relocate<'a> {
    gather: &'a Gather,
    object: u32,
    copy: &'a mut [u8],
}

impl Relocate<'_> {
    fn put(&mut self, slot: u32, bytes: &[u8]) {
        let at = (slot - self.object) as usize;
        self.copy[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl Visitor for Relocate<'_> {
    fn reference(&mut self, slot: u32) {
        let place = self.gather.place(self.gather.memory.read(slot));
        self.put(slot, &place.to_le_bytes());
    }

    fn boxed(&mut self, slot: u32) {
        let value = self.gather.memory.read64(slot);
        if let Some(reference) = boxed_ref(value) {
            let place = self.gather.place(reference.bits());
            self.put(slot, &rebox(value, place).to_le_bytes());
        }
    }

    fn func(&mut self, _slot: u32) {}

    fn ephemerons(&mut self, object: u32, pairs: Range<u32>) {
        for pair in pairs {
            let at = object + FIELDS + (pair << PAIR_LOG2);
            match self.gather.place(self.gather.memory.read(at)) {
                NULL => self.put(at, &[0; 16]),
                key => {
                    self.put(at, &key.to_le_bytes());
                    self.boxed(at + 8);
                }
            }
        }
    }
}

impl Heap {
    /// Writes what is reachable from `roots` as an image. The heap is as before. Descriptors may be roots; they are objects.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadImage`] if the graph holds a value of the host or a function.
    pub fn write_image(&self, roots: &[HeapRef]) -> Result<Image, HeapError> {
        let memory = self.cage.memory();
        let (places, order) = (HashMap::new(), Vec::new());
        let mut gather = Gather { memory, places, order, next: START, tables: Vec::new(), refused: None };
        let (meta, host_type) = self.known_types();
        for known in [meta, host_type] {
            gather.add(HeapRef::from_bits(known));
        }
        for &root in roots {
            gather.add(root);
        }
        gather.close();
        if let Some(why) = gather.refused {
            return Err(bad(why));
        }
        let mut objects = vec![0; (gather.next - START) as usize];
        let mut starts = vec![NO_START; objects.len().div_ceil(CARD_BYTES as usize)];
        for &object in &gather.order {
            let at = (gather.places[&object] - START) as usize;
            let bytes = object_bytes(memory, object, memory.descriptor(memory.read(object + DESCRIPTOR))) as usize;
            let start = &mut starts[at / CARD_BYTES as usize];
            *start = (*start).min((at % CARD_BYTES as usize / 8) as u8);
            self.copy_into_image(&gather, object, &mut objects[at..at + bytes]);
        }
        let roots = roots.iter().map(|root| HeapRef::from_bits(gather.place(root.bits()))).collect();
        let (meta, host_type) = (gather.place(meta), gather.place(host_type));
        Ok(Image { objects, starts, roots, meta, host_type })
    }

    fn copy_into_image(&self, gather: &Gather, object: u32, copy: &mut [u8]) {
        let memory = gather.memory;
        memory.read_bytes(object, copy);
        let header = memory.read(object + DESCRIPTOR);
        copy[..4].copy_from_slice(&gather.place(header).to_le_bytes());
        if ObjectKind::of(memory.descriptor(header)) == ObjectKind::Descriptor {
            for nth in 0..=memory.descriptor(object).depth {
                let at = DESCRIPTOR_DISPLAY + 4 * nth;
                let place = gather.place(memory.read(object + at));
                copy[at as usize..at as usize + 4].copy_from_slice(&place.to_le_bytes());
            }
        }
        visit_object(memory, object, &mut Relocate { gather, object, copy });
    }

    /// A heap whose oldest generation is an image.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadImage`] if the image is damaged or does not fit, [`HeapError::Reserve`].
    ///
    /// # Safety
    ///
    /// As for [`Heap::new`].
    pub unsafe fn from_image(config: HeapConfig, state: std::ptr::NonNull<HeapState>, image: &Image) -> Result<Self, HeapError> {
        // SAFETY: handed on.
        unsafe { Self::with_image(config, state, Some(image)) }
    }

    /// The roots that the image was written with, in their order.
    pub fn image_roots(&self) -> &[HeapRef] {
        self.image.as_ref().map_or(&[], |image| image.roots())
    }

    /// A root of an image as a descriptor, if it is one.
    pub fn as_descriptor(&self, reference: HeapRef) -> Option<DescriptorRef> {
        let is_one = reference.is_object() && self.descriptor(reference).bits() == self.known_types().0;
        is_one.then(|| DescriptorRef::from_bits(reference.bits()))
    }
}
