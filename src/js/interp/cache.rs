//! Inline caches: what a site saw last, and behind them what any site saw lately.
//!
//! *Problem.* A lookup by name walks tables of keys and a chain of prototypes. *Idea.* An object's shape says where its own properties are (Deutsch and
//! Schiffman, POPL 1984; Hölzle, Chambers and Ungar, ECOOP 1991). A *site* keeps one shape with the place it leads to: in the object, or in the
//! object of its chain that has the property; or, for an addition, the shape that follows. Sites that see many shapes find the others in one table of the
//! agent's, by shape and name.
//!
//! What is found in a prototype, or is not found on the way to it, holds as long as no object of the chain changes what properties it has. Their shapes are
//! *watched* ([`Agent::watch`]): a change of any of them starts a new epoch, and what was cached in an older one counts for nothing.
//!
//! **Invariant:** a place is used only with the shape for which it was found, or in the epoch in which it was found.

use crate::heap::{Heap, HeapRef, HeapView};
use crate::js::agent::Agent;
use crate::js::class::{Class, FIRST_FIELD, SHAPE, SLOTS, class_of};
use crate::js::cx::Cx;
use crate::js::names::Name;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Words of a site: its name, and its cache, which has two entries, the one filled last first.
pub(super) const SITE_WORDS: u32 = 1 + 2 * ENTRY_WORDS;
pub(super) const SITE_NAME: u32 = 0;
const ENTRY_WORDS: u32 = 4;
/// The shape of the object; undefined in an empty cache.
const SITE_SHAPE: u32 = 1;
/// A [`Found`]'s place.
const SITE_PLACE: u32 = 2;
/// A [`Found`]'s other object; undefined for none.
const SITE_OTHER: u32 = 3;
/// The epoch in which that was found, as a word that looks like a double.
const SITE_EPOCH: u32 = 4;

/// Places from here on are in the array of slots.
const OUTSIDE: u32 = 1 << 16;
/// The property is added by the access.
const ADDED: u32 = 1 << 31;

/// Entries of the agent's table.
const LOOKUPS: usize = 1024;

/// Where a property is.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Its offset in the object or, from [`OUTSIDE`] on, in the object's slots.
    place: u32,
    /// Null: the object itself has it. Otherwise who has it or, with [`ADDED`], the shape that the object gets.
    other: u32,
    epoch: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lookup {
    shape: u32,
    /// The key; its lowest bit is set for writes.
    key: u32,
    found: Found,
}

/// What sites saw lately. Every collection empties it: it holds nothing.
#[derive(Debug, Default)]
pub(in crate::js) struct Lookups {
    entries: Vec<Lookup>,
    is_empty: bool,
    /// How often something was found here.
    hits: u32,
}

impl Lookups {
    /// Forgets everything.
    pub fn clear(&mut self) {
        if !self.is_empty {
            self.entries.fill(Lookup::default());
            self.is_empty = true;
        }
    }

    fn place(shape: u32, key: u32) -> usize {
        ((shape >> 3) ^ (key >> 3).wrapping_mul(0x9e5)) as usize % LOOKUPS
    }

    fn put(&mut self, shape: u32, key: u32, found: Found) {
        if self.entries.is_empty() {
            self.entries.resize(LOOKUPS, Lookup::default());
        }
        self.entries[Self::place(shape, key)] = Lookup { shape, key, found };
        self.is_empty = false;
    }

    fn get(&self, shape: u32, key: u32) -> Option<Found> {
        self.entries
            .get(Self::place(shape, key))
            .filter(|entry| entry.shape == shape && entry.key == key)
            .map(|entry| entry.found)
    }
}

/// Whether objects of a class find their named properties by their shape.
fn is_plain(class: Class) -> bool {
    !matches!(class, Class::Proxy | Class::ModuleNamespace | Class::TypedArray | Class::Opaque)
}

/// The offset of a place of a shape.
#[inline(always)]
fn place_of(heap: &Heap, shape: Shape, place: u32) -> u32 {
    match place.checked_sub(shape.inline_slots(heap)) {
        None => FIRST_FIELD + 8 * place,
        Some(outside) => OUTSIDE + FIELDS + 8 * outside,
    }
}

#[inline(always)]
fn read_place(view: HeapView<'_>, object: HeapRef, place: u32) -> Value {
    Value::from_bits(if place < OUTSIDE {
        view.read_boxed(object, place)
    } else {
        view.read_boxed(view.read_ref(object, SLOTS), place - OUTSIDE)
    })
}

#[inline(always)]
fn write_place(heap: &mut Heap, object: HeapRef, place: u32, value: Value) {
    if place < OUTSIDE {
        heap.write_boxed(object, place, value.bits());
    } else {
        let slots = heap.read_ref(object, SLOTS);
        heap.write_boxed(slots, place - OUTSIDE, value.bits());
    }
}

#[inline(always)]
const fn word(site: u16, nth: u32) -> u32 {
    FIELDS + 8 * (SITE_WORDS * site as u32 + nth)
}

#[inline(always)]
fn get_found(view: HeapView<'_>, object: HeapRef, found: Found) -> Value {
    let holder = if found.other == 0 { object } else { HeapRef::from_bits(found.other) };
    read_place(view, holder, found.place)
}

impl Agent {
    /// The cache of a site, if it is for an object's shape.
    #[inline(always)]
    fn cached(&self, heap: HeapView<'_>, sites: HeapRef, site: u16, object: HeapRef) -> Option<Found> {
        let shape = heap.read_ref(object, SHAPE).bits();
        // An empty cache has null in its lower half.
        let entry = if heap.read_boxed(sites, word(site, SITE_SHAPE)) as u32 == shape {
            word(site, 0)
        } else if heap.read_boxed(sites, word(site, SITE_SHAPE + ENTRY_WORDS)) as u32 == shape {
            word(site, ENTRY_WORDS)
        } else {
            return None;
        };
        let place = heap.read_boxed(sites, entry + 8 * SITE_PLACE) as u32;
        let other = heap.read_boxed(sites, entry + 8 * SITE_OTHER) as u32;
        if other == 0 {
            return Some(Found { place, other: 0, epoch: 0 });
        }
        let epoch = heap.read_boxed(sites, entry + 8 * SITE_EPOCH);
        (epoch == self.shape_epoch).then_some(Found { place, other, epoch })
    }

    /// A property that is read.
    #[inline(always)]
    pub(super) fn cached_get(&self, view: HeapView<'_>, sites: HeapRef, site: u16, object: HeapRef) -> Option<Value> {
        self.cached(view, sites, site, object).map(|found| get_found(view, object, found))
    }

    /// Writes a property: whether it could.
    #[inline(always)]
    pub(super) fn cached_set(&mut self, view: HeapView<'_>, sites: HeapRef, site: u16, object: HeapRef, value: Value) -> bool {
        match self.cached(view, sites, site, object) {
            Some(found) => self.set_found(object, found, value),
            None => false,
        }
    }

    #[inline(always)]
    fn set_found(&mut self, object: HeapRef, found: Found, value: Value) -> bool {
        let heap = &mut self.heap;
        if found.place & ADDED == 0 {
            write_place(heap, object, found.place, value);
            return true;
        }
        let place = found.place & !ADDED;
        if place >= OUTSIDE {
            let slots = heap.read_ref(object, SLOTS);
            if slots.is_null() || place - OUTSIDE >= FIELDS + 8 * heap.length(slots) {
                return false;
            }
        }
        heap.write_ref(object, SHAPE, HeapRef::from_bits(found.other));
        write_place(heap, object, place, value);
        true
    }

    /// A global that is read: `None` also if it is not initialized.
    #[inline(always)]
    pub(super) fn cached_global(&self, view: HeapView<'_>, sites: HeapRef, site: u16) -> Option<Value> {
        let (place, holder) = self.cached_holder(view, sites, site)?;
        let value = read_place(view, holder, place);
        (!value.is_uninitialized()).then_some(value)
    }

    /// Writes a global: whether it could.
    #[inline(always)]
    pub(super) fn cached_set_global(&mut self, view: HeapView<'_>, sites: HeapRef, site: u16, value: Value) -> bool {
        match self.cached_holder(view, sites, site) {
            Some((place, holder)) if !read_place(view, holder, place).is_uninitialized() => {
                write_place(&mut self.heap, holder, place, value);
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn cached_holder(&self, heap: HeapView<'_>, sites: HeapRef, site: u16) -> Option<(u32, HeapRef)> {
        if heap.read_boxed(sites, word(site, SITE_EPOCH)) != self.shape_epoch {
            return None;
        }
        let holder = HeapRef::from_bits(heap.read_boxed(sites, word(site, SITE_OTHER)) as u32);
        Some((heap.read_boxed(sites, word(site, SITE_PLACE)) as u32, holder))
    }

    fn fill(&mut self, sites: HeapRef, site: u16, shape: Shape, found: Found) {
        let other = match found.other {
            0 => Value::UNDEFINED,
            bits => Value::object(HeapRef::from_bits(bits)),
        };
        let words = [Value::object(shape.0), Value::int(found.place.cast_signed()), other, Value::from_bits(found.epoch)];
        if self.heap.read_boxed(sites, word(site, SITE_SHAPE)) as u32 != shape.0.bits() {
            for nth in SITE_SHAPE..SITE_SHAPE + ENTRY_WORDS {
                let older = self.heap.read_boxed(sites, word(site, nth));
                self.heap.write_boxed(sites, word(site, nth + ENTRY_WORDS), older);
            }
        }
        for (nth, value) in words.into_iter().enumerate() {
            self.heap.write_boxed(sites, word(site, SITE_SHAPE + nth as u32), value.bits());
        }
    }

    fn site_key_bits(&self, sites: HeapRef, site: u16) -> u32 {
        self.heap.read_boxed(sites, word(site, SITE_NAME)) as u32
    }

    /// Fills a site with what the agent's table knows: at once as long as it has room, and now and then if it has not, so that sites that see many shapes do not
    /// write all the time, and those that see others than they used to find out.
    fn fill_again(&mut self, sites: HeapRef, site: u16, shape: Shape, found: Found) {
        self.roots.lookups.hits = self.roots.lookups.hits.wrapping_add(1);
        let has_room = self.heap.read_boxed(sites, word(site, SITE_SHAPE + ENTRY_WORDS)) as u32 == 0;
        if has_room || self.roots.lookups.hits.is_multiple_of(16) {
            self.fill(sites, site, shape, found);
        }
    }

    /// Finds where a property is read from, and keeps it. `None` if it is to be looked up each time.
    fn find_for_get(&mut self, object: HeapRef, name: Value) -> Option<Found> {
        let first = Shape::of(&self.heap, object);
        if name == self.name_value(Name::length) {
            return None;
        }
        let (mut at, mut found) = (object, None);
        // Every object on the way is watched, but a first one whose shape says all.
        for _ in 0..64 {
            if !is_plain(class_of(&self.heap, at)) {
                return None;
            }
            let shape = Shape::of(&self.heap, at);
            if (at != object || shape.is_unique(&self.heap)) && !self.watch(shape) {
                return None;
            }
            found = shape.find(&self.heap, name).map(|found| (shape, found));
            if found.is_some() {
                break;
            }
            at = shape.prototype(&self.heap).reference()?;
        }
        let (shape, property) = found?;
        if property.attributes.is_accessor() {
            return None;
        }
        let place = place_of(&self.heap, shape, property.place);
        let other = if at != object || shape.is_unique(&self.heap) { at.bits() } else { 0 };
        let found = Found { place, other, epoch: self.shape_epoch };
        self.roots.lookups.put(first.0.bits(), name.heap_ref().bits(), found);
        Some(found)
    }

    /// A data property of an object or its prototypes by an interned name or a symbol. `None` may be anything else.
    pub(super) fn known_property(&mut self, object: HeapRef, name: Value) -> Option<Value> {
        if let Some(value) = self.get_by_key(object, name.heap_ref()) {
            return Some(value);
        }
        let found = self.find_for_get(object, name)?;
        Some(get_found(self.heap.view(), object, found))
    }

    /// A property that is read and that the site has not cached.
    pub(super) fn get_again(&mut self, sites: HeapRef, site: u16, object: HeapRef) -> Option<Value> {
        let shape = Shape::of(&self.heap, object);
        let name = Value::from_bits(self.heap.read_boxed(sites, word(site, SITE_NAME)));
        let known = self.roots.lookups.get(shape.0.bits(), name.heap_ref().bits());
        let found = match known.filter(|found| found.other == 0 || found.epoch == self.shape_epoch) {
            Some(found) => {
                self.fill_again(sites, site, shape, found);
                found
            }
            None => {
                let found = self.find_for_get(object, name)?;
                self.fill(sites, site, shape, found);
                found
            }
        };
        Some(get_found(self.heap.view(), object, found))
    }

    /// A property that is read by a key that is a string: one that is interned, and that objects of this shape were asked for before.
    pub(super) fn get_by_key(&mut self, object: HeapRef, key: HeapRef) -> Option<Value> {
        let shape = Shape::of(&self.heap, object).0.bits();
        let found =
            self.roots.lookups.get(shape, key.bits()).filter(|found| found.other == 0 || found.epoch == self.shape_epoch)?;
        Some(get_found(self.heap.view(), object, found))
    }

    /// Writes a property that the site has not cached: whether it could.
    pub(super) fn set_again(&mut self, sites: HeapRef, site: u16, object: HeapRef, value: Value) -> bool {
        let shape = Shape::of(&self.heap, object);
        let key = self.site_key_bits(sites, site) | 1;
        if let Some(found) = self.roots.lookups.get(shape.0.bits(), key)
            && (found.other == 0 || found.epoch == self.shape_epoch)
        {
            self.fill_again(sites, site, shape, found);
            return self.set_found(object, found, value);
        }
        let name = Value::from_bits(self.heap.read_boxed(sites, word(site, SITE_NAME)));
        if name == self.name_value(Name::length) || !is_plain(class_of(&self.heap, object)) {
            return false;
        }
        let Some(property) = shape.find(&self.heap, name) else { return false };
        let is_unique = shape.is_unique(&self.heap);
        if property.attributes.is_accessor() || !property.attributes.has(Attributes::WRITABLE) || is_unique && !self.watch(shape)
        {
            return false;
        }
        let other = if is_unique { object.bits() } else { 0 };
        let found = Found { place: place_of(&self.heap, shape, property.place), other, epoch: self.shape_epoch };
        self.fill(sites, site, shape, found);
        self.roots.lookups.put(shape.0.bits(), key, found);
        self.set_found(object, found, value)
    }

    /// After a write that may have added a property to an object: `before` was its shape. With `by_define`, whatever its prototypes have.
    pub(super) fn added(&mut self, sites: HeapRef, site: u16, before: Shape, object: HeapRef, by_define: bool) {
        let name = Value::from_bits(self.heap.read_boxed(sites, word(site, SITE_NAME)));
        let after = Shape::of(&self.heap, object);
        let heap = &self.heap;
        let is_added = after.is_child_by(heap, before, name, Attributes::ALL);
        if !is_added || name == self.name_value(Name::length) || !is_plain(class_of(heap, object)) {
            return;
        }
        let mut above = before.prototype(heap).reference();
        while let Some(prototype) = above
            && !by_define
        {
            let shape = Shape::of(&self.heap, prototype);
            if !is_plain(class_of(&self.heap, prototype)) || !self.watch(shape) {
                return;
            }
            above = shape.prototype(&self.heap).reference();
        }
        let place = place_of(&self.heap, after, before.count(&self.heap)) | ADDED;
        let found = Found { place, other: after.0.bits(), epoch: self.shape_epoch };
        self.fill(sites, site, before, found);
        if !by_define {
            self.roots.lookups.put(before.0.bits(), name.heap_ref().bits() | 1, found);
        }
    }
}

impl Cx<'_> {
    /// Says to the site of a global where that is: in the lexical table or the global object, neither of which may get another of this name.
    pub(super) fn fill_global(&mut self, sites: HeapRef, site: u16, for_write: bool) {
        let name = Value::from_bits(self.agent.heap.read_boxed(sites, word(site, SITE_NAME)));
        let tables = [crate::js::intrinsic::Intrinsic::GlobalLexical, crate::js::intrinsic::Intrinsic::GlobalObject];
        for table in tables {
            let table = self.read_value(self.agent.roots.realm, table as u32).heap_ref();
            if !is_plain(class_of(&self.agent.heap, table)) {
                return;
            }
            let Ok(shape) = self.agent.make_unique(table) else { return };
            if !self.agent.watch(shape) {
                return;
            }
            if let Some(property) = shape.find(&self.agent.heap, name) {
                let is_usable =
                    !property.attributes.is_accessor() && (!for_write || property.attributes.has(Attributes::WRITABLE));
                if is_usable {
                    let place = place_of(&self.agent.heap, shape, property.place);
                    let found = Found { place, other: table.bits(), epoch: self.agent.shape_epoch };
                    self.agent.fill(sites, site, shape, found);
                }
                return;
            }
        }
    }
}
