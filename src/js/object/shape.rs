//! Shapes: which named properties an object has, and where.
//!
//! *Problem.* Objects made alike should share what describes them, so that code which has seen one knows the next by one comparison.
//!
//! *Idea.* A shape stands for a prototype and a sequence of (key, attributes). Adding a property leads to the child shape for it, kept
//! weakly by the parent (Chambers, Ungar and Lee, OOPSLA 1989, call them maps). The keys of a whole line of shapes lie in one *property table*:
//! a shape sees its first `count` entries, and whoever extends the longest shape of a table appends to it; others copy. The place of a
//! key in the table is the place of its value in the object.
//!
//! An object whose shape would not be met again has one of its own, a *unique* shape, that is changed in place: prototypes, objects
//! after a deletion or a change of attributes, and those with very many properties.
//!
//! **Invariants:** shapes and tables are old from the start and never move, and making one never collects ([`Heap::allocate_old`]).
//! A shape that is not unique never changes. A child keeps its parent alive, so that two children for one key never exist.
#![forbid(unsafe_code)]

use crate::heap::{Heap, HeapError, HeapRef, SlotKind};
use crate::js::agent::Agent;
use crate::js::class::{Class, ELEMENTS, FIRST_FIELD, HASH, SHAPE, Thing, class_of};
use crate::js::value::Value;
use crate::layout::heap::{FIELDS, LENGTH};

const PARENT: u32 = LENGTH;
const PROTOTYPE: u32 = 8;
const TABLE: u32 = 16;
const TRANSITIONS: u32 = 20;
const COUNT: u32 = 24;
const FLAGS: u32 = 28;
const HOLES: u32 = 32;
/// Root shapes for objects whose prototype this unique shape's object is: without and with inline slots.
const ROOT_PLAIN: u32 = 36;
const ROOT_INLINE: u32 = 40;
/// Key and attributes that lead from the parent to this shape.
const ADDED_KEY: u32 = 44;
const ADDED_FLAGS: u32 = 48;
pub(in crate::js) const SHAPE_BYTES: u32 = 56;
pub(in crate::js) const SHAPE_SLOTS: &[(u32, SlotKind)] = &[
    (PARENT, SlotKind::Ref),
    (PROTOTYPE, SlotKind::Boxed),
    (TABLE, SlotKind::Ref),
    (TRANSITIONS, SlotKind::Ref),
    (ROOT_PLAIN, SlotKind::Ref),
    (ROOT_INLINE, SlotKind::Ref),
    (ADDED_KEY, SlotKind::Ref),
];

/// The shape belongs to one object and is changed in place.
const UNIQUE: u32 = 1;
/// [[Extensible]] is false.
const NOT_EXTENSIBLE: u32 = 2;
/// A change of it starts a new epoch: see [`Agent::watch`].
const WATCHED: u32 = 4;
/// Inline slots stand in the flags from this bit on, in 8 bits.
const INLINE_SHIFT: u32 = 8;
/// How often a change of it has started an epoch, from this bit on, in 8 bits.
const EPOCHS_SHIFT: u32 = 16;
const ONE_EPOCH: u32 = 1 << EPOCHS_SHIFT;
/// A shape that has started so many is not watched any more.
const MAX_EPOCHS: u32 = 200;

/// Offsets in a property table.
const TABLE_USED: u32 = LENGTH;
const TABLE_ENTRIES: u32 = 8;
const TABLE_INDEX: u32 = 12;
/// Longer tables have a hash index.
const MAX_LINEAR: u32 = 8;
/// Objects with more properties than this get a unique shape.
const MAX_SHARED: u32 = 128;
/// So many children a shape keeps at most.
const MAX_TRANSITIONS: u32 = 256;

/// Attributes of a property (§6.1.7.1), and whether it is an accessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes(u8);

impl Attributes {
    /// The value can be changed by assignment.
    pub const WRITABLE: Attributes = Attributes(1);
    /// `for`-`in` visits it.
    pub const ENUMERABLE: Attributes = Attributes(2);
    /// It can be deleted and changed.
    pub const CONFIGURABLE: Attributes = Attributes(4);
    /// It has a getter and a setter.
    pub const ACCESSOR: Attributes = Attributes(8);
    /// None.
    pub const NONE: Attributes = Attributes(0);
    /// What an assignment makes.
    pub const ALL: Attributes = Attributes(7);
    /// What builtin functions are: writable and configurable.
    pub const HIDDEN: Attributes = Attributes(5);

    /// From the bits.
    pub const fn from_bits(bits: u8) -> Self {
        Attributes(bits & 15)
    }

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of these are set.
    pub const fn has(self, other: Attributes) -> bool {
        self.0 & other.0 == other.0
    }

    /// With these too.
    pub const fn with(self, other: Attributes) -> Self {
        Attributes(self.0 | other.0)
    }

    /// Without these.
    pub const fn without(self, other: Attributes) -> Self {
        Attributes(self.0 & !other.0)
    }

    /// Whether it has a getter and a setter.
    pub const fn is_accessor(self) -> bool {
        self.has(Attributes::ACCESSOR)
    }
}

/// Where a shape has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) struct Found {
    pub place: u32,
    pub attributes: Attributes,
}

/// A shape in the heap. It never moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) struct Shape(pub HeapRef);

/// An entry: the key as a boxed reference, the attributes in its bits 32 to 39.
fn entry(key: Value, attributes: Attributes) -> u64 {
    key.bits() & !(0xffff << 32) | u64::from(attributes.bits()) << 32
}

/// The key of an entry, and its attributes; `None` for one that was deleted.
fn key_of(entry: u64) -> Option<(Value, Attributes)> {
    let value = Value::from_bits(entry & !(0xffff << 32));
    value.reference().map(|_| (value, Attributes::from_bits((entry >> 32) as u8)))
}

impl Shape {
    /// The shape of an object.
    #[inline]
    pub fn of(heap: &Heap, object: HeapRef) -> Self {
        Shape(heap.read_ref(object, SHAPE))
    }

    /// How many entries it sees, deleted ones included.
    #[inline]
    pub fn count(self, heap: &Heap) -> u32 {
        heap.read_u32(self.0, COUNT)
    }

    fn flags(self, heap: &Heap) -> u32 {
        heap.read_u32(self.0, FLAGS)
    }

    pub fn is_unique(self, heap: &Heap) -> bool {
        self.flags(heap) & UNIQUE != 0
    }

    pub fn is_extensible(self, heap: &Heap) -> bool {
        self.flags(heap) & NOT_EXTENSIBLE == 0
    }

    pub fn inline_slots(self, heap: &Heap) -> u32 {
        self.flags(heap) >> INLINE_SHIFT & 0xff
    }

    /// [[Prototype]]: an object or null.
    #[inline]
    pub fn prototype(self, heap: &Heap) -> Value {
        Value::from_bits(heap.read_boxed(self.0, PROTOTYPE))
    }

    /// Whether a property with these attributes was added to another shape to get this one.
    pub fn is_child_by(self, heap: &Heap, parent: Shape, key: Value, attributes: Attributes) -> bool {
        heap.read_ref(self.0, PARENT) == parent.0
            && heap.read_ref(self.0, ADDED_KEY) == key.heap_ref()
            && heap.read_u32(self.0, ADDED_FLAGS) == u32::from(attributes.bits())
    }

    fn table(self, heap: &Heap) -> HeapRef {
        heap.read_ref(self.0, TABLE)
    }

    /// The entry at a place below [`count`](Shape::count): key and attributes; `None` if it was deleted.
    pub fn entry(self, heap: &Heap, place: u32) -> Option<(Value, Attributes)> {
        key_of(heap.read_boxed(heap.read_ref(self.table(heap), TABLE_ENTRIES), FIELDS + 8 * place))
    }

    /// Where a key stands.
    pub fn find(self, heap: &Heap, key: Value) -> Option<Found> {
        let (count, table) = (self.count(heap), self.table(heap));
        if count == 0 {
            return None;
        }
        let entries = heap.read_ref(table, TABLE_ENTRIES);
        let found = |place| {
            let (_, attributes) = key_of(heap.read_boxed(entries, FIELDS + 8 * place))?;
            Some(Found { place, attributes })
        };
        let is_it = |place| heap.read_boxed(entries, FIELDS + 8 * place) & !(0xffff << 32) == key.bits();
        let index = heap.read_ref(table, TABLE_INDEX);
        if index.is_null() {
            return (0..count).find(|&place| is_it(place)).and_then(found);
        }
        let mask = heap.length(index) - 1;
        let mut at = heap.read_u32(key.heap_ref(), HASH) & mask;
        loop {
            match heap.read_u32(index, FIELDS + 4 * at) {
                0 => return None,
                place if place <= count && is_it(place - 1) => return found(place - 1),
                _ => at = (at + 1) & mask,
            }
        }
    }
}

fn index_put(heap: &mut Heap, index: HeapRef, hash: u32, place: u32) {
    let mask = heap.length(index) - 1;
    let mut at = hash & mask;
    while heap.read_u32(index, FIELDS + 4 * at) != 0 {
        at = (at + 1) & mask;
    }
    heap.write_u32(index, FIELDS + 4 * at, place + 1);
}

impl Agent {
    /// Has any change of a unique shape start a new epoch, from now on until it does: of which keys it has, where they are, with which attributes, and of
    /// its prototype. `false` if it is no unique shape, or one that changes too often.
    pub(in crate::js) fn watch(&mut self, shape: Shape) -> bool {
        let flags = shape.flags(&self.heap);
        if flags & UNIQUE == 0 || flags >> EPOCHS_SHIFT >= MAX_EPOCHS {
            return false;
        }
        if flags & WATCHED == 0 {
            self.heap.write_u32(shape.0, FLAGS, flags | WATCHED);
        }
        true
    }

    /// A unique shape is being changed.
    fn changing(&mut self, shape: Shape) {
        let flags = shape.flags(&self.heap);
        if flags & WATCHED != 0 {
            self.heap.write_u32(shape.0, FLAGS, (flags & !WATCHED) + ONE_EPOCH);
            self.shape_epoch += 1;
        }
    }

    fn new_shape(&mut self, prototype: Value, table: HeapRef, count: u32, flags: u32) -> Result<Shape, HeapError> {
        let shape = self.heap.allocate_old(self.types.thing(Thing::Shape), 0)?;
        self.heap.write_boxed(shape, PROTOTYPE, prototype.bits());
        self.heap.write_ref(shape, TABLE, table);
        self.heap.write_u32(shape, COUNT, count);
        self.heap.write_u32(shape, FLAGS, flags);
        Ok(Shape(shape))
    }

    /// A shape without properties.
    pub(in crate::js) fn root_shape(&mut self, prototype: Value, inline_slots: u32) -> Result<HeapRef, HeapError> {
        let table = self.new_table(0)?;
        Ok(self.new_shape(prototype, table, 0, inline_slots << INLINE_SHIFT)?.0)
    }

    /// The shape of a fresh object with a prototype. That object gets a unique shape, which keeps the root shape.
    pub(in crate::js) fn shape_for(&mut self, prototype: Value, inline_slots: u32) -> Result<Shape, HeapError> {
        let Some(object) = prototype.reference() else {
            return Ok(Shape(self.roots.null_shapes[usize::from(inline_slots != 0)]));
        };
        let own = self.make_unique(object)?;
        let slot = if inline_slots == 0 { ROOT_PLAIN } else { ROOT_INLINE };
        let known = self.heap.read_ref(own.0, slot);
        if !known.is_null() {
            return Ok(Shape(known));
        }
        let root = self.root_shape(prototype, inline_slots)?;
        self.heap.write_ref(own.0, slot, root);
        Ok(Shape(root))
    }

    /// The shape of a fresh ordinary object with this prototype, if there was one before.
    pub(in crate::js) fn known_root(&self, prototype: HeapRef) -> Option<Shape> {
        let own = Shape::of(&self.heap, prototype);
        if !own.is_unique(&self.heap) {
            return None;
        }
        let root = self.heap.read_ref(own.0, ROOT_INLINE);
        (!root.is_null()).then_some(Shape(root))
    }

    /// Whether an element may be added to an array without asking anybody: it is extensible, and no object of its chain has elements or is exotic.
    pub(in crate::js) fn may_append(&self, array: HeapRef) -> bool {
        let heap = &self.heap;
        let shape = Shape::of(heap, array);
        if !shape.is_extensible(heap) || heap.read_boxed(array, FIRST_FIELD + 8) == Value::TRUE.bits() {
            return false;
        }
        let mut at = shape.prototype(heap);
        while let Some(object) = at.reference() {
            if !heap.read_ref(object, ELEMENTS).is_null() || !matches!(class_of(heap, object), Class::Array | Class::Ordinary) {
                return false;
            }
            at = Shape::of(heap, object).prototype(heap);
        }
        true
    }

    fn new_table(&mut self, capacity: u32) -> Result<HeapRef, HeapError> {
        let table = self.heap.allocate_old(self.types.thing(Thing::PropertyTable), 0)?;
        let entries = self.heap.allocate_old(self.types.thing(Thing::Values), capacity)?;
        self.heap.write_ref(table, TABLE_ENTRIES, entries);
        Ok(table)
    }

    /// A table with the first entries of another, and room for one more.
    fn copy_table(&mut self, from: HeapRef, count: u32) -> Result<HeapRef, HeapError> {
        let table = self.new_table((count + 1).next_power_of_two().max(4))?;
        let (source, target) = (self.heap.read_ref(from, TABLE_ENTRIES), self.heap.read_ref(table, TABLE_ENTRIES));
        self.heap.copy_slots(target, FIELDS, source, FIELDS, 8 * count, true);
        self.heap.write_u32(table, TABLE_USED, count);
        self.index_table(table)?;
        Ok(table)
    }

    /// Makes the hash index anew, if the table is long enough for one.
    fn index_table(&mut self, table: HeapRef) -> Result<(), HeapError> {
        let used = self.heap.read_u32(table, TABLE_USED);
        if used <= MAX_LINEAR {
            self.heap.write_ref(table, TABLE_INDEX, HeapRef::NULL);
            return Ok(());
        }
        let size = (used * 3).next_power_of_two();
        let index = self.heap.allocate_old(self.types.thing(Thing::Words), size)?;
        let entries = self.heap.read_ref(table, TABLE_ENTRIES);
        for place in 0..used {
            if let Some((key, _)) = key_of(self.heap.read_boxed(entries, FIELDS + 8 * place)) {
                let hash = self.heap.read_u32(key.heap_ref(), HASH);
                index_put(&mut self.heap, index, hash, place);
            }
        }
        self.heap.write_ref(table, TABLE_INDEX, index);
        Ok(())
    }

    fn append(&mut self, table: HeapRef, key: Value, attributes: Attributes) -> Result<(), HeapError> {
        let used = self.heap.read_u32(table, TABLE_USED);
        let mut entries = self.heap.read_ref(table, TABLE_ENTRIES);
        let capacity = self.heap.length(entries);
        if used == capacity {
            let larger = self.heap.allocate_old(self.types.thing(Thing::Values), (capacity * 2).max(4))?;
            self.heap.copy_slots(larger, FIELDS, entries, FIELDS, 8 * used, true);
            self.heap.write_ref(table, TABLE_ENTRIES, larger);
            entries = larger;
        }
        self.heap.write_boxed(entries, FIELDS + 8 * used, entry(key, attributes));
        self.heap.write_u32(table, TABLE_USED, used + 1);
        let index = self.heap.read_ref(table, TABLE_INDEX);
        if index.is_null() || (used + 1) * 2 > self.heap.length(index) {
            return self.index_table(table);
        }
        let hash = self.heap.read_u32(key.heap_ref(), HASH);
        index_put(&mut self.heap, index, hash, used);
        Ok(())
    }

    /// The shape of a shape with one more property, which it does not have. Of a unique one: itself.
    pub(in crate::js) fn add_property(&mut self, shape: Shape, key: Value, attributes: Attributes) -> Result<Shape, HeapError> {
        let count = shape.count(&self.heap);
        if shape.is_unique(&self.heap) {
            self.changing(shape);
            self.append(shape.table(&self.heap), key, attributes)?;
            self.heap.write_u32(shape.0, COUNT, count + 1);
            return Ok(shape);
        }
        if let Some(child) = self.transition(shape, key, attributes) {
            return Ok(child);
        }
        let mut table = shape.table(&self.heap);
        let flags = shape.flags(&self.heap);
        if count >= MAX_SHARED {
            table = self.copy_table(table, count)?;
            self.append(table, key, attributes)?;
            return self.new_shape(shape.prototype(&self.heap), table, count + 1, flags | UNIQUE);
        }
        if self.heap.read_u32(table, TABLE_USED) != count {
            table = self.copy_table(table, count)?;
        }
        self.append(table, key, attributes)?;
        let child = self.new_shape(shape.prototype(&self.heap), table, count + 1, flags)?;
        self.heap.write_ref(child.0, PARENT, shape.0);
        self.heap.write_ref(child.0, ADDED_KEY, key.heap_ref());
        self.heap.write_u32(child.0, ADDED_FLAGS, u32::from(attributes.bits()));
        self.add_transition(shape, child)?;
        Ok(child)
    }

    /// The child for a key, if it is still there.
    fn transition(&self, shape: Shape, key: Value, attributes: Attributes) -> Option<Shape> {
        let heap = &self.heap;
        let list = heap.read_ref(shape.0, TRANSITIONS);
        if list.is_null() {
            return None;
        }
        (0..heap.length(list)).find_map(|nth| {
            let cell = heap.read_ref(list, FIELDS + 4 * nth);
            let child = if cell.is_null() { HeapRef::NULL } else { heap.read_ref(cell, FIELDS) };
            let is_it = !child.is_null()
                && heap.read_ref(child, ADDED_KEY) == key.heap_ref()
                && heap.read_u32(child, ADDED_FLAGS) == u32::from(attributes.bits());
            is_it.then_some(Shape(child))
        })
    }

    fn add_transition(&mut self, shape: Shape, child: Shape) -> Result<(), HeapError> {
        let cell = self.heap.allocate_old(self.types.thing(Thing::Weak), 0)?;
        self.heap.write_ref(cell, FIELDS, child.0);
        let list = self.heap.read_ref(shape.0, TRANSITIONS);
        let length = if list.is_null() { 0 } else { self.heap.length(list) };
        let is_free = |heap: &Heap, nth| {
            let cell = heap.read_ref(list, FIELDS + 4 * nth);
            cell.is_null() || heap.read_ref(cell, FIELDS).is_null()
        };
        if let Some(nth) = (0..length).find(|&nth| is_free(&self.heap, nth)) {
            self.heap.write_ref(list, FIELDS + 4 * nth, cell);
            return Ok(());
        }
        if length >= MAX_TRANSITIONS {
            // A shape with so many children is met with ever new keys: the oldest child is made anew if it is met again.
            self.heap.write_ref(list, FIELDS + 4 * (child.0.bits() >> 6) % length, cell);
            return Ok(());
        }
        let larger = self.heap.allocate_old(self.types.thing(Thing::Refs), (length * 2).max(1))?;
        if length != 0 {
            self.heap.copy_slots(larger, FIELDS, list, FIELDS, 4 * length, true);
        }
        self.heap.write_ref(larger, FIELDS + 4 * length, cell);
        self.heap.write_ref(shape.0, TRANSITIONS, larger);
        Ok(())
    }

    /// Gives an object a shape of its own, if it has none, and tells it.
    pub(in crate::js) fn make_unique(&mut self, object: HeapRef) -> Result<Shape, HeapError> {
        let shape = Shape::of(&self.heap, object);
        if shape.is_unique(&self.heap) {
            return Ok(shape);
        }
        let count = shape.count(&self.heap);
        let table = self.copy_table(shape.table(&self.heap), count)?;
        let unique = self.new_shape(shape.prototype(&self.heap), table, count, shape.flags(&self.heap) | UNIQUE)?;
        self.heap.write_ref(object, SHAPE, unique.0);
        Ok(unique)
    }

    /// Changes the attributes of a property of an object.
    pub(in crate::js) fn set_attributes(&mut self, object: HeapRef, place: u32, attributes: Attributes) -> Result<(), HeapError> {
        let shape = self.make_unique(object)?;
        self.changing(shape);
        if let Some((key, _)) = shape.entry(&self.heap, place) {
            let entries = self.heap.read_ref(shape.table(&self.heap), TABLE_ENTRIES);
            self.heap.write_boxed(entries, FIELDS + 8 * place, entry(key, attributes));
        }
        Ok(())
    }

    /// Takes a property out of an object's shape. Its place is not used again before [`compact`](Agent::compact_shape).
    pub(in crate::js) fn remove_property(&mut self, object: HeapRef, place: u32) -> Result<(), HeapError> {
        let shape = self.make_unique(object)?;
        self.changing(shape);
        let entries = self.heap.read_ref(shape.table(&self.heap), TABLE_ENTRIES);
        self.heap.write_boxed(entries, FIELDS + 8 * place, Value::HOLE.bits());
        let holes = self.heap.read_u32(shape.0, HOLES) + 1;
        self.heap.write_u32(shape.0, HOLES, holes);
        Ok(())
    }

    /// Whether so much was deleted from a unique shape that it should be compacted.
    pub(in crate::js) fn wants_compacting(&self, shape: Shape) -> bool {
        let holes = self.heap.read_u32(shape.0, HOLES);
        holes > 8 && holes * 2 > shape.count(&self.heap)
    }

    /// Closes the holes of a unique shape; gives the old place of each property in order, so that the values can be moved alike.
    pub(in crate::js) fn compact_shape(&mut self, shape: Shape) -> Result<Vec<u32>, HeapError> {
        self.changing(shape);
        let count = shape.count(&self.heap);
        let kept: Vec<u32> = (0..count).filter(|&place| shape.entry(&self.heap, place).is_some()).collect();
        let from = self.heap.read_ref(shape.table(&self.heap), TABLE_ENTRIES);
        let table = self.new_table((kept.len() as u32).next_power_of_two().max(4))?;
        let entries = self.heap.read_ref(table, TABLE_ENTRIES);
        for (to, &place) in kept.iter().enumerate() {
            let bits = self.heap.read_boxed(from, FIELDS + 8 * place);
            self.heap.write_boxed(entries, FIELDS + 8 * to as u32, bits);
        }
        self.heap.write_u32(table, TABLE_USED, kept.len() as u32);
        self.index_table(table)?;
        self.heap.write_ref(shape.0, TABLE, table);
        self.heap.write_u32(shape.0, COUNT, kept.len() as u32);
        self.heap.write_u32(shape.0, HOLES, 0);
        Ok(kept)
    }

    /// Sets [[Prototype]] of an object, nothing else.
    pub(in crate::js) fn change_prototype(&mut self, object: HeapRef, prototype: Value) -> Result<(), HeapError> {
        if let Some(prototype) = prototype.reference() {
            self.make_unique(prototype)?;
        }
        let shape = Shape::of(&self.heap, object);
        if shape.count(&self.heap) == 0 && !shape.is_unique(&self.heap) && shape.is_extensible(&self.heap) {
            let shape = self.shape_for(prototype, shape.inline_slots(&self.heap))?;
            self.heap.write_ref(object, SHAPE, shape.0);
            return Ok(());
        }
        let shape = self.make_unique(object)?;
        self.changing(shape);
        self.heap.write_boxed(shape.0, PROTOTYPE, prototype.bits());
        Ok(())
    }

    /// Sets [[Extensible]] of an object to false.
    pub(in crate::js) fn forbid_extensions(&mut self, object: HeapRef) -> Result<(), HeapError> {
        let shape = self.make_unique(object)?;
        let flags = shape.flags(&self.heap) | NOT_EXTENSIBLE;
        self.heap.write_u32(shape.0, FLAGS, flags);
        Ok(())
    }
}
