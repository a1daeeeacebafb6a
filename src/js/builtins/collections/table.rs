//! The hash table of maps and sets: it keeps the order of insertion, and iteration survives every change.
//!
//! *Problem.* `forEach` and iterators go on while the table grows, shrinks and is cleared, and must meet each entry once.
//!
//! *Idea.* The deterministic hash table of Tyler Close: entries lie in an array in the order of their insertion, buckets and chains are numbers
//! of entries. A deleted entry stays as a tombstone. When the entries are packed into another table, the old one keeps a reference to
//! the new one and the numbers of the entries that were left out: whoever iterates finds with these where to go on ([`Cursor`]).
//!
//! An entry is found by SameValueZero: numbers by value, strings and BigInts by content, objects and symbols by an *identity hash* that
//! goes with them when they move. Hashes lie beside the chains, so packing asks no key again.
//!
//! **Invariants:** keys are canonical (no −0, integers as integers, one NaN). An old table has no keys any more.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{HASH, IDENTITY_HASH, STRING_DATA, Thing};
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Words of a table before its entries: how many entries are alive, how many places are used.
const LIVE: u32 = 0;
const USED: u32 = 1;
/// Buckets and chains.
const CHAINS: u32 = 2;
/// The table that took this one's place.
const SUCCESSOR: u32 = 3;
/// Which places were left out then, in order; the number −1 if all were.
const LEFT_OUT: u32 = 4;
const HEADER: u32 = 5;

/// Words of an entry: key, value.
const ENTRY: u32 = 2;
/// The slot of a map or set that has its table.
const TABLE: u32 = 0;
const MIN_CAPACITY: u32 = 4;
/// No entry.
const NONE: u32 = u32::MAX;

/// A place of an iteration: a table and the number of the next entry.
#[derive(Debug, Clone, Copy)]
pub(in crate::js) struct Cursor<'s> {
    /// A table, which may have been replaced.
    pub table: Local<'s>,
    /// The next entry.
    pub place: u32,
}

fn word(array: HeapRef, cx: &Cx<'_>, nth: u32) -> u32 {
    cx.agent.heap.read_u32(array, FIELDS + 4 * nth)
}

fn set_word(cx: &mut Cx<'_>, array: HeapRef, nth: u32, value: u32) {
    cx.agent.heap.write_u32(array, FIELDS + 4 * nth, value);
}

fn mix(bits: u64) -> u32 {
    let mixed = (bits ^ bits >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

impl<'s> Cx<'s> {
    /// An object's identity hash, which it gets when it is first asked for. Never 0.
    pub(in crate::js) fn identity_hash(&mut self, object: HeapRef) -> u32 {
        let agent = &mut *self.agent;
        let known = agent.heap.read_u32(object, IDENTITY_HASH);
        if known != 0 {
            return known;
        }
        agent.identity_count = agent.identity_count.wrapping_add(1);
        let hash = mix(u64::from(agent.identity_count)) | 1;
        agent.heap.write_u32(object, IDENTITY_HASH, hash);
        hash
    }

    /// A hash by which equal keys (SameValueZero) are found. It can allocate.
    pub(in crate::js) fn key_hash(&mut self, key: Local<'_>) -> Completion<u32> {
        if key.is_string() {
            return self.string_hash(key);
        }
        let value = self.value(key);
        Ok(match value.reference() {
            None => mix(value.bits()),
            Some(symbol) if value.is_symbol() => self.agent.heap.read_u32(symbol, HASH),
            Some(bigint) if value.is_bigint() => {
                let digits = self.agent.heap.data(bigint, STRING_DATA, 4 * self.agent.heap.length(bigint));
                digits.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
            }
            Some(object) => self.identity_hash(object),
        })
    }

    /// CanonicalizeKeyedCollectionKey (§24.5.1), and numbers in their one form.
    pub(in crate::js) fn canonical_key<'k>(&self, key: Local<'k>) -> Local<'k> {
        match key.as_number() {
            Some(0.0) => Local::ZERO,
            Some(number) => Local::number(number),
            None => key,
        }
    }

    fn new_table(&mut self, capacity: u32) -> Completion<Local<'s>> {
        let table = self.allocate_values(HEADER + ENTRY * capacity, Value::UNDEFINED)?;
        let table = self.local(Value::object(table));
        // Twice as many buckets as entries would be sparse; as many are enough.
        let chains = self.allocate_thing(Thing::Words, 3 * capacity)?;
        for bucket in 0..capacity {
            set_word(self, chains, bucket, NONE);
        }
        let reference = self.reference(table);
        self.write_value(reference, LIVE, Value::ZERO);
        self.write_value(reference, USED, Value::ZERO);
        self.write_value(reference, CHAINS, Value::object(chains));
        Ok(table)
    }

    /// Gives a map or set an empty table.
    pub(in crate::js) fn init_table(&mut self, owner: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let table = cx.new_table(MIN_CAPACITY)?;
        cx.set_field(owner, TABLE, table);
        Ok(())
    }

    fn header(&self, table: HeapRef, nth: u32) -> u32 {
        self.read_value(table, nth).as_int().unwrap_or(0).cast_unsigned()
    }

    fn set_header(&mut self, table: HeapRef, nth: u32, value: u32) {
        self.write_value(table, nth, Value::int(value.cast_signed()));
    }

    fn capacity(&self, table: HeapRef) -> u32 {
        (self.agent.heap.length(table) - HEADER) / ENTRY
    }

    fn table_of(&self, owner: Local<'_>) -> HeapRef {
        self.field_value(owner, TABLE).heap_ref()
    }

    /// How many entries there are.
    pub(in crate::js) fn table_size(&self, owner: Local<'_>) -> u32 {
        self.header(self.table_of(owner), LIVE)
    }

    /// Where an entry is. The key is canonical, and its hash is known.
    fn table_find(&mut self, owner: Local<'_>, key: Local<'_>, hash: u32) -> Option<u32> {
        let table = self.table_of(owner);
        let capacity = self.capacity(table);
        let chains = self.read_value(table, CHAINS).heap_ref();
        let wanted = self.value(key);
        let by_content = wanted.is_string() || wanted.is_bigint();
        let mut entry = word(chains, self, hash & (capacity - 1));
        while entry != NONE {
            let at = capacity + 2 * entry;
            if word(chains, self, at + 1) == hash {
                let found = self.read_value(table, HEADER + ENTRY * entry);
                // NaN has one form, so its bits are the same too.
                if found == wanted || (by_content && self.equals_value(key, found)) {
                    return Some(entry);
                }
            }
            entry = word(chains, self, at);
        }
        None
    }

    /// Whether there is an entry.
    pub(in crate::js) fn table_has(&mut self, owner: Local<'_>, key: Local<'_>) -> Completion<bool> {
        let key = self.canonical_key(key);
        let hash = self.key_hash(key)?;
        Ok(self.table_find(owner, key, hash).is_some())
    }

    /// The value of an entry.
    pub(in crate::js) fn table_get(&mut self, owner: Local<'_>, key: Local<'_>) -> Completion<Option<Local<'s>>> {
        let key = self.canonical_key(key);
        let hash = self.key_hash(key)?;
        let Some(entry) = self.table_find(owner, key, hash) else { return Ok(None) };
        let value = self.read_value(self.table_of(owner), HEADER + ENTRY * entry + 1);
        Ok(Some(self.local(value)))
    }

    /// Sets the value of an entry, which is added behind all others if it is not there.
    pub(in crate::js) fn table_set(&mut self, owner: Local<'_>, key: Local<'_>, value: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let key = cx.canonical_key(key);
        let hash = cx.key_hash(key)?;
        if let Some(entry) = cx.table_find(owner, key, hash) {
            let (table, value) = (cx.table_of(owner), cx.value(value));
            cx.write_value(table, HEADER + ENTRY * entry + 1, value);
            return Ok(());
        }
        let (table, used) = (cx.table_of(owner), cx.header(cx.table_of(owner), USED));
        if used == cx.capacity(table) {
            let live = cx.header(table, LIVE);
            // Full of tombstones, the same size is enough.
            let capacity = if live <= used / 2 { used } else { used * 2 };
            cx.pack_table(owner, capacity)?;
        }
        let table = cx.table_of(owner);
        let (key, value) = (cx.value(key), cx.value(value));
        cx.append_entry(table, key, value, hash);
        Ok(())
    }

    /// Puts an entry behind all others of a table that has room.
    fn append_entry(&mut self, table: HeapRef, key: Value, value: Value, hash: u32) {
        let (entry, capacity) = (self.header(table, USED), self.capacity(table));
        let chains = self.read_value(table, CHAINS).heap_ref();
        let bucket = hash & (capacity - 1);
        let first = word(chains, self, bucket);
        set_word(self, chains, capacity + 2 * entry, first);
        set_word(self, chains, capacity + 2 * entry + 1, hash);
        set_word(self, chains, bucket, entry);
        self.write_value(table, HEADER + ENTRY * entry, key);
        self.write_value(table, HEADER + ENTRY * entry + 1, value);
        self.set_header(table, USED, entry + 1);
        let live = self.header(table, LIVE) + 1;
        self.set_header(table, LIVE, live);
    }

    /// Deletes an entry; whether it was there.
    pub(in crate::js) fn table_delete(&mut self, owner: Local<'_>, key: Local<'_>) -> Completion<bool> {
        let key = self.canonical_key(key);
        let hash = self.key_hash(key)?;
        let Some(entry) = self.table_find(owner, key, hash) else { return Ok(false) };
        let table = self.table_of(owner);
        self.write_value(table, HEADER + ENTRY * entry, Value::HOLE);
        self.write_value(table, HEADER + ENTRY * entry + 1, Value::UNDEFINED);
        let live = self.header(table, LIVE) - 1;
        self.set_header(table, LIVE, live);
        let capacity = self.capacity(table);
        if capacity > MIN_CAPACITY && live < capacity / 4 {
            self.pack_table(owner, capacity / 2)?;
        }
        Ok(true)
    }

    /// Deletes all entries.
    pub(in crate::js) fn table_clear(&mut self, owner: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let new = cx.new_table(MIN_CAPACITY)?;
        let table = cx.table_of(owner);
        cx.retire(table, new, Value::int(-1));
        cx.set_field(owner, TABLE, new);
        Ok(())
    }

    /// Makes another table of the entries that are alive.
    fn pack_table(&mut self, owner: Local<'_>, capacity: u32) -> Completion<()> {
        let mut cx = self.open();
        let new = cx.new_table(capacity)?;
        let table = cx.table_of(owner);
        let left_out = cx.header(table, USED) - cx.header(table, LIVE);
        let numbers = cx.allocate_thing(Thing::Words, left_out)?;
        let (table, packed) = (cx.table_of(owner), cx.reference(new));
        let chains = cx.read_value(table, CHAINS).heap_ref();
        let (old_capacity, mut dead) = (cx.capacity(table), 0);
        for entry in 0..cx.header(table, USED) {
            let key = cx.read_value(table, HEADER + ENTRY * entry);
            if key.is_hole() {
                set_word(&mut cx, numbers, dead, entry);
                dead += 1;
                continue;
            }
            let value = cx.read_value(table, HEADER + ENTRY * entry + 1);
            let hash = word(chains, &cx, old_capacity + 2 * entry + 1);
            cx.append_entry(packed, key, value, hash);
        }
        cx.retire(table, new, Value::object(numbers));
        cx.set_field(owner, TABLE, new);
        Ok(())
    }

    /// Leaves of a table only what those need who iterate over it.
    fn retire(&mut self, table: HeapRef, successor: Local<'_>, left_out: Value) {
        let successor = self.value(successor);
        self.write_value(table, SUCCESSOR, successor);
        self.write_value(table, LEFT_OUT, left_out);
        self.write_value(table, CHAINS, Value::UNDEFINED);
        for nth in HEADER..self.agent.heap.length(table) {
            self.write_value(table, nth, Value::UNDEFINED);
        }
    }

    /// The start of an iteration over a map or set.
    pub(in crate::js) fn table_start(&mut self, owner: Local<'_>) -> Cursor<'s> {
        Cursor { table: self.field(owner, TABLE), place: 0 }
    }

    /// The next entry of an iteration, and where it goes on. `None` at the end.
    pub(in crate::js) fn table_next(&mut self, cursor: Cursor<'_>) -> Option<((Local<'s>, Local<'s>), Cursor<'s>)> {
        let (mut table, mut place) = (self.reference(cursor.table), cursor.place);
        while let Some(successor) = self.read_value(table, SUCCESSOR).reference() {
            let left_out = self.read_value(table, LEFT_OUT);
            place = match left_out.reference() {
                None => 0,
                Some(numbers) => {
                    let count = self.agent.heap.length(numbers);
                    place - (0..count).take_while(|&nth| word(numbers, self, nth) < place).count() as u32
                }
            };
            table = successor;
        }
        let used = self.header(table, USED);
        while place < used {
            let key = self.read_value(table, HEADER + ENTRY * place);
            place += 1;
            if !key.is_hole() {
                let value = self.read_value(table, HEADER + ENTRY * (place - 1) + 1);
                let entry = (self.local(key), self.local(value));
                return Some((entry, Cursor { table: self.local(Value::object(table)), place }));
            }
        }
        None
    }
}
