//! Roots: where references live outside of the heap.

use crate::heap::reference::{HeapRef, boxed_ref, rebox};

/// Shows the collector all references that a layer above holds: stacks, tables, globals, pending exceptions.
///
/// Declared here, implemented above; a collection asks it once, in the call that collects.
pub trait RootSource {
    /// Shows every reference to `visitor`, which may change it: objects move.
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor);

    /// The same for a major collection, which moves nothing. A source that finds out which of its own objects are alive shows only
    /// what those hold.
    fn visit_major_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_roots(visitor);
    }

    /// The same for a major collection that finds out which functions are alive: shows what the source holds whatever becomes of them.
    fn visit_own_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_major_roots(visitor);
    }

    /// An object holds this function (never 0) and is alive: shows what the function holds. Major collections ask once for each.
    fn visit_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        let _ = (func, visitor);
    }

    /// A major collection has found all that is alive: the source forgets what it knows of the other objects.
    fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        let _ = is_live;
    }

    /// A major collection has found all that is alive: functions that are not in the set are held by no object. What holds
    /// them outside of the heap is the source's own to know.
    fn funcs_found(&mut self, found: &FuncSet) {
        let _ = found;
    }
}

/// What a collector does with roots.
pub trait RootVisitor {
    /// A reference.
    fn reference(&mut self, slot: &mut HeapRef);

    /// Many references.
    fn references(&mut self, slots: &mut [HeapRef]) {
        for slot in slots {
            self.reference(slot);
        }
    }

    /// A boxed value.
    fn boxed(&mut self, slot: &mut u64) {
        if let Some(mut reference) = boxed_ref(*slot) {
            self.reference(&mut reference);
            *slot = rebox(*slot, reference.bits());
        }
    }

    /// A function that is alive.
    fn func(&mut self, func: u32);
}

/// No roots but the heap's own handles.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoRoots;

impl RootSource for NoRoots {
    fn visit_roots(&mut self, _visitor: &mut dyn RootVisitor) {}
}

/// A set of functions.
#[derive(Debug, Default, Clone)]
pub struct FuncSet {
    bits: Vec<u64>,
}

impl FuncSet {
    /// Adds one; whether it is new.
    pub(in crate::heap) fn insert(&mut self, func: u32) -> bool {
        let (word, bit) = ((func / 64) as usize, 1 << (func % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    /// Whether it holds a function.
    pub fn contains(&self, func: u32) -> bool {
        self.bits.get((func / 64) as usize).is_some_and(|word| word & 1 << (func % 64) != 0)
    }
}
