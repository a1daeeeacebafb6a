//! Roots that the host's handles name.
//!
//! *Problem.* A handle is `Copy`, so nobody can count its copies; yet the object that it names must be found by the collector, and a
//! handle must never find another object. *Idea.* Roots form a stack. A call of a host function forgets, when it returns, the roots
//! that were made during it; so does an explicit scope. A root remembers in which generation it was made, and each time that
//! roots are forgotten a new generation begins: a handle that outlived its root finds nothing.

use crate::heap::{HeapRef, RootVisitor};

/// Names a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Root {
    position: u32,
    generation: u32,
}

/// The roots of a store's handles.
#[derive(Debug, Default)]
pub(crate) struct HostRoots {
    slots: Vec<(HeapRef, u32)>,
    generation: u32,
}

impl HostRoots {
    /// A root for a reference.
    pub(crate) fn add(&mut self, reference: HeapRef) -> Root {
        // Positions are bounded by memory: a root takes 8 bytes, and objects take no fewer.
        let position = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push((reference, self.generation));
        Root { position, generation: self.generation }
    }

    /// What a root holds, if it is still there.
    #[inline]
    pub(crate) fn get(&self, root: Root) -> Option<HeapRef> {
        self.slots.get(root.position as usize).filter(|slot| slot.1 == root.generation).map(|slot| slot.0)
    }

    /// How many there are: where a scope begins.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Forgets the roots made since there were so many.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        if self.slots.len() > len {
            self.slots.truncate(len);
            self.generation = self.generation.wrapping_add(1);
        }
    }

    /// Shows them to the collector.
    pub(crate) fn visit(&mut self, visitor: &mut dyn RootVisitor) {
        for (reference, _) in &mut self.slots {
            visitor.reference(reference);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostRoots;
    use crate::heap::HeapRef;

    #[test]
    fn a_forgotten_root_finds_nothing_even_when_its_place_is_taken() {
        let mut roots = HostRoots::default();
        let kept = roots.add(HeapRef::i31(1));
        let scope = roots.len();
        let gone = roots.add(HeapRef::i31(2));
        roots.truncate(scope);
        let next = roots.add(HeapRef::i31(3));
        assert_eq!([kept, gone, next].map(|root| roots.get(root)), [Some(HeapRef::i31(1)), None, Some(HeapRef::i31(3))]);
    }
}
