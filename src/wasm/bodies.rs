//! Where the bodies of a module stand: a table that is filled while others read it.
//!
//! *Problem.* A body is compiled as soon as its bytes are there, while the bodies behind it are still to come; and how many there will be is
//! known when the first one comes. *Idea.* A place for each body from the beginning, each filled once.
//!
//! **Invariants:** a body that is there stays as it is; who was told of a body finds it. Nobody asks for one that has not come, except by
//! [`Bodies::keys`] and [`Bodies::iter`], which end before the first that has not.

#![forbid(unsafe_code)]

use std::ops::{Index, Range};

use cranelift_entity::EntityRef;

use crate::base::DefinedFuncIndex;
use crate::base::sync::OnceLock;

/// Ranges of the wire bytes, from a body's local declarations to behind its `end`, by function.
#[derive(Debug, Default)]
pub struct Bodies(Box<[OnceLock<Range<u32>>]>);

impl Bodies {
    /// Places for so many bodies, none of which has come.
    pub fn expecting(count: usize) -> Self {
        Bodies((0..count).map(|_| OnceLock::new()).collect())
    }

    /// How many there are, or will be.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, and will be none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says where a body stands. False when that was said before, or there is no such function: nothing changes then.
    #[must_use]
    pub fn arrive(&self, func: DefinedFuncIndex, range: Range<u32>) -> bool {
        self.0.get(func.index()).is_some_and(|place| place.set(range).is_ok())
    }

    /// A body, if it has come.
    pub fn get(&self, func: DefinedFuncIndex) -> Option<&Range<u32>> {
        self.0.get(func.index())?.get()
    }

    /// The functions whose bodies have come.
    pub fn keys(&self) -> impl Iterator<Item = DefinedFuncIndex> {
        self.iter().map(|(func, _)| func)
    }

    /// The bodies that have come.
    pub fn values(&self) -> impl Iterator<Item = &Range<u32>> {
        self.iter().map(|(_, range)| range)
    }

    /// The bodies that have come, by function.
    pub fn iter(&self) -> impl Iterator<Item = (DefinedFuncIndex, &Range<u32>)> {
        self.0.iter().map_while(OnceLock::get).enumerate().map(|(index, range)| (DefinedFuncIndex::new(index), range))
    }
}

impl Index<DefinedFuncIndex> for Bodies {
    type Output = Range<u32>;

    #[inline]
    fn index(&self, func: DefinedFuncIndex) -> &Range<u32> {
        self.0[func.index()].get().expect("functions are named when their bodies are there")
    }
}

impl FromIterator<Range<u32>> for Bodies {
    fn from_iter<T: IntoIterator<Item = Range<u32>>>(ranges: T) -> Self {
        Bodies(ranges.into_iter().map(OnceLock::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_once_and_stay() {
        let bodies = Bodies::expecting(3);
        let func = DefinedFuncIndex::from_u32;
        assert_eq!((bodies.len(), bodies.iter().count()), (3, 0));
        assert!(bodies.arrive(func(0), 4..9));
        assert!(!bodies.arrive(func(0), 5..9) && !bodies.arrive(func(3), 5..9));
        assert_eq!((bodies[func(0)].clone(), bodies.get(func(1)), bodies.get(func(3))), (4..9, None, None));
        assert!(bodies.arrive(func(2), 20..21));
        assert_eq!(bodies.keys().collect::<Vec<_>>(), [func(0)], "up to the first that has not come");
        assert!(bodies.arrive(func(1), 9..20));
        assert_eq!(bodies.values().cloned().collect::<Vec<_>>(), [4..9, 9..20, 20..21]);
        assert!(Bodies::default().is_empty());
    }
}
