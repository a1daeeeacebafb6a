//! The hash table of weak maps and weak sets: pairs of the heap's ephemerons, with open addressing.
//!
//! A pair is a key, 4 bytes that the collector leaves alone, and a value, which lives as long as the key. The 4 bytes hold the key's hash, which
//! is never 0: a pair without a key and without a hash is free, one with a hash only had a key that was deleted or has died.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{HASH, Thing};
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Internal slots of a weak map or set: the table, and how many of its pairs are not free.
const TABLE: u32 = 0;
const USED: u32 = 1;
const PAIR: u32 = 16;
const PAIR_HASH: u32 = 4;
const PAIR_VALUE: u32 = 8;
const MIN_CAPACITY: u32 = 4;

impl<'s> Cx<'s> {
    /// CanBeHeldWeakly (§9.14).
    pub(in crate::js) fn can_be_held_weakly(&self, value: Local<'_>) -> bool {
        if value.is_symbol() {
            // Registered symbols can be had again by anyone.
            let symbol = self.reference(value);
            return !self.agent.roots.registry.values().any(|&registered| registered == symbol);
        }
        value.is_object()
    }

    fn weak_hash(&mut self, key: Local<'_>) -> u32 {
        let reference = self.reference(key);
        if key.is_symbol() { self.agent.heap.read_u32(reference, HASH) | 1 } else { self.identity_hash(reference) }
    }

    /// Gives a weak map or set an empty table.
    pub(in crate::js) fn init_weak_table(&mut self, owner: Local<'_>) -> Completion<()> {
        let table = self.allocate_thing(Thing::Ephemerons, MIN_CAPACITY)?;
        self.set_field_value(owner, TABLE, Value::object(table));
        self.set_field_value(owner, USED, Value::ZERO);
        Ok(())
    }

    fn weak_find(&mut self, owner: Local<'_>, key: Local<'_>) -> Option<(HeapRef, u32)> {
        let hash = self.weak_hash(key);
        let (table, wanted) = (self.field_value(owner, TABLE).heap_ref(), self.reference(key));
        let heap = &self.agent.heap;
        let mask = heap.length(table) - 1;
        let mut nth = hash & mask;
        // A table always has a free pair.
        loop {
            let at = FIELDS + PAIR * nth;
            if heap.read_ref(table, at) == wanted {
                return Some((table, at));
            }
            if heap.read_u32(table, at + PAIR_HASH) == 0 {
                return None;
            }
            nth = (nth + 1) & mask;
        }
    }

    /// Whether a key is there.
    pub(in crate::js) fn weak_has(&mut self, owner: Local<'_>, key: Local<'_>) -> bool {
        self.can_be_held_weakly(key) && self.weak_find(owner, key).is_some()
    }

    /// The value of a key.
    pub(in crate::js) fn weak_get(&mut self, owner: Local<'_>, key: Local<'_>) -> Option<Local<'s>> {
        if !self.can_be_held_weakly(key) {
            return None;
        }
        let (table, at) = self.weak_find(owner, key)?;
        let value = Value::from_bits(self.agent.heap.read_boxed(table, at + PAIR_VALUE));
        Some(self.local(value))
    }

    /// Sets the value of a key that can be held weakly.
    pub(in crate::js) fn weak_set(&mut self, owner: Local<'_>, key: Local<'_>, value: Local<'_>) -> Completion<()> {
        if let Some((table, at)) = self.weak_find(owner, key) {
            let value = self.value(value);
            self.agent.heap.write_boxed(table, at + PAIR_VALUE, value.bits());
            return Ok(());
        }
        let used = self.field_value(owner, USED).as_int().unwrap_or(0).cast_unsigned();
        let capacity = self.agent.heap.length(self.field_value(owner, TABLE).heap_ref());
        if (used + 1) * 4 > capacity * 3 {
            self.weak_rehash(owner)?;
        }
        let hash = self.weak_hash(key);
        let (key, value) = (self.reference(key), self.value(value));
        let table = self.field_value(owner, TABLE).heap_ref();
        if self.weak_insert(table, key, value, hash) {
            let used = self.field_value(owner, USED).as_int().unwrap_or(0);
            self.set_field_value(owner, USED, Value::int(used + 1));
        }
        Ok(())
    }

    /// Puts in a key that is not there; whether the pair was free.
    fn weak_insert(&mut self, table: HeapRef, key: HeapRef, value: Value, hash: u32) -> bool {
        let heap = &mut self.agent.heap;
        let mask = heap.length(table) - 1;
        let mut nth = hash & mask;
        while !heap.read_ref(table, FIELDS + PAIR * nth).is_null() {
            nth = (nth + 1) & mask;
        }
        let at = FIELDS + PAIR * nth;
        let was_free = heap.read_u32(table, at + PAIR_HASH) == 0;
        heap.write_ref(table, at, key);
        heap.write_u32(table, at + PAIR_HASH, hash);
        heap.write_boxed(table, at + PAIR_VALUE, value.bits());
        was_free
    }

    /// Makes a table with room, of the pairs that are alive.
    fn weak_rehash(&mut self, owner: Local<'_>) -> Completion<()> {
        let count = |heap: &crate::heap::Heap, table: HeapRef| {
            (0..heap.length(table)).filter(|nth| !heap.read_ref(table, FIELDS + PAIR * nth).is_null()).count() as u32
        };
        let old = self.field_value(owner, TABLE).heap_ref();
        let live = count(&self.agent.heap, old);
        let capacity = (2 * (live + 1)).next_power_of_two().max(MIN_CAPACITY);
        let new = self.allocate_thing(Thing::Ephemerons, capacity)?;
        // The collection before may have let keys die, but none has come.
        let old = self.field_value(owner, TABLE).heap_ref();
        let mut used = 0;
        for nth in 0..self.agent.heap.length(old) {
            let at = FIELDS + PAIR * nth;
            let key = self.agent.heap.read_ref(old, at);
            if !key.is_null() {
                let hash = self.agent.heap.read_u32(old, at + PAIR_HASH);
                let value = Value::from_bits(self.agent.heap.read_boxed(old, at + PAIR_VALUE));
                self.weak_insert(new, key, value, hash);
                used += 1;
            }
        }
        self.set_field_value(owner, TABLE, Value::object(new));
        self.set_field_value(owner, USED, Value::int(used));
        Ok(())
    }

    /// Deletes a key; whether it was there.
    pub(in crate::js) fn weak_delete(&mut self, owner: Local<'_>, key: Local<'_>) -> bool {
        if !self.can_be_held_weakly(key) {
            return false;
        }
        let Some((table, at)) = self.weak_find(owner, key) else { return false };
        self.agent.heap.write_ref(table, at, HeapRef::NULL);
        self.agent.heap.write_boxed(table, at + PAIR_VALUE, Value::UNDEFINED.bits());
        true
    }
}
