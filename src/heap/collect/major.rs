//! The major collection: marks what is reachable, and leaves the rest to be swept.
//!
//! Nothing moves. Young objects are marked where they are (a minor collection came just before), so that old ones
//! that only they hold stay. Images are neither marked nor followed: their dirty cards are roots. Ephemerons are iterated to a fixed
//! point (Hayes, OOPSLA 1997): a value is alive when its table and its key are.

use std::ops::Range;

use crate::heap::cage::block_of;
use crate::heap::heap::Heap;
use crate::heap::memory::Memory;
use crate::heap::reference::{HeapRef, boxed_ref};
use crate::heap::roots::{FuncSet, RootSource, RootVisitor};
use crate::heap::side::{CARD_BYTES, Side};
use crate::heap::space::old::occupied_bytes;
use crate::heap::trace::{PAIR_LOG2, Visitor, object_bytes, visit_all_slots, visit_slots};
use crate::layout::heap::{DESCRIPTOR, FIELDS, I31_TAG, LENGTH, NULL};

pub(in crate::heap) struct Marker<'h> {
    memory: Memory,
    side: &'h Side,
    /// References below are those of an image.
    image_end: u32,
    stack: Vec<u32>,
    weak_cells: Vec<u32>,
    tables: Vec<u32>,
    found: FuncSet,
    funcs: Vec<u32>,
    /// First young reference: what is below is counted.
    young: u32,
    live_bytes: u64,
}

impl Marker<'_> {
    #[inline(always)]
    fn mark(&mut self, reference: u32) {
        if reference >= self.image_end && reference & I31_TAG == 0 && self.side.mark(reference) {
            self.stack.push(reference);
        }
    }

    /// Whether what a weak thing refers to stays.
    fn is_live(&self, reference: u32) -> bool {
        reference < self.image_end || reference & I31_TAG != 0 || self.side.is_marked(reference)
    }

    fn drain(&mut self, roots: &mut dyn RootSource) {
        loop {
            while let Some(object) = self.stack.pop() {
                let descriptor = self.memory.descriptor(self.memory.read(object + DESCRIPTOR));
                if object < self.young {
                    self.live_bytes += occupied_bytes(object_bytes(self.memory, object, descriptor));
                }
                visit_all_slots(self.memory, object, descriptor, self);
            }
            let Some(func) = self.funcs.pop() else { return };
            roots.visit_func(func, self);
        }
    }

    fn iterate_ephemerons(&mut self, roots: &mut dyn RootSource) {
        loop {
            self.drain(roots);
            let mut nth = 0;
            while nth < self.tables.len() {
                let table = self.tables[nth];
                for pair in 0..self.memory.read(table + LENGTH) {
                    let at = table + FIELDS + (pair << PAIR_LOG2);
                    let key = self.memory.read(at);
                    if key != NULL
                        && self.is_live(key)
                        && let Some(value) = boxed_ref(self.memory.read64(at + 8))
                    {
                        self.mark(value.bits());
                    }
                }
                nth += 1;
            }
            if self.stack.is_empty() && self.funcs.is_empty() {
                return;
            }
        }
    }

    fn clear_weak(&mut self) {
        for &cell in &self.weak_cells {
            if !self.is_live(self.memory.read(cell + FIELDS)) {
                self.memory.write(cell + FIELDS, NULL);
            }
        }
        for &table in &self.tables {
            for pair in 0..self.memory.read(table + LENGTH) {
                let at = table + FIELDS + (pair << PAIR_LOG2);
                if !self.is_live(self.memory.read(at)) {
                    self.memory.write(at, NULL);
                    self.memory.write64(at + 8, 0);
                }
            }
        }
    }
}

impl Visitor for Marker<'_> {
    #[inline(always)]
    fn reference(&mut self, slot: u32) {
        self.mark(self.memory.read(slot));
    }

    #[inline(always)]
    fn boxed(&mut self, slot: u32) {
        if let Some(reference) = boxed_ref(self.memory.read64(slot)) {
            self.mark(reference.bits());
        }
    }

    fn func(&mut self, slot: u32) {
        RootVisitor::func(self, self.memory.read(slot));
    }

    fn weak(&mut self, object: u32, _slot: u32) {
        self.weak_cells.push(object);
    }

    fn ephemerons(&mut self, object: u32, _pairs: Range<u32>) {
        self.tables.push(object);
    }
}

impl RootVisitor for Marker<'_> {
    fn reference(&mut self, slot: &mut HeapRef) {
        self.mark(slot.bits());
    }

    fn func(&mut self, func: u32) {
        if func != 0 && self.found.insert(func) {
            self.funcs.push(func);
        }
    }
}

impl Heap {
    pub(in crate::heap) fn major(&mut self, roots: &mut dyn RootSource) {
        let memory = self.cage.memory();
        let image_end = self.image_end();
        self.old.prepare_marking(&mut self.cage, &self.side);
        for block in block_of(self.nursery.from())..=block_of(self.top()) {
            self.side.clear_marks(block);
        }
        let mut marker = Marker {
            memory,
            side: &self.side,
            image_end,
            stack: Vec::new(),
            weak_cells: Vec::new(),
            tables: Vec::new(),
            found: FuncSet::default(),
            funcs: Vec::new(),
            young: self.nursery.start,
            live_bytes: 0,
        };
        if let Some(image) = &self.image {
            image.dirty_objects(memory, &self.side, |object, card| {
                let descriptor = memory.descriptor(memory.read(object + DESCRIPTOR));
                visit_slots(memory, object, descriptor, card.start..card.start + (CARD_BYTES - 1), &mut marker);
            });
        }
        self.handles.visit(&mut marker);
        self.weak.visit_strong_major(&mut marker);
        roots.visit_major_roots(&mut marker);
        marker.iterate_ephemerons(roots);
        self.weak.after_marking(|object| marker.is_live(object));
        marker.clear_weak();
        self.resources.after_marking(|object| marker.is_live(object));
        roots.funcs_found(&marker.found);
        roots.marked(&|object| marker.is_live(object.bits()));
        let live_bytes = marker.live_bytes;
        self.old.start_sweeping(&mut self.cage, &self.side, live_bytes);
        self.stats.live_bytes = live_bytes;
        self.nursery.marked_below = self.top();
    }
}
