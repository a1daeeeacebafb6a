//! Where the bodies of a module stand: a table that is filled while others read it.
//!
//! *Problem.* A body is compiled as soon as its bytes are there, while the bodies behind it are still to come; and how many there will be is
//! known when the first one comes. *Idea.* A place for each body from the beginning, each filled once.
//!
//! **Invariants:** a body that is there stays as it is; who was told of a body finds it. Nobody asks for one that has not come, except by
//! [`Bodies::keys`] and [`Bodies::iter`], which end before the first that has not.

#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Index, Range};

use cranelift_entity::EntityRef;

use crate::base::DefinedFuncIndex;
use crate::base::sync::OnceLock;

/// Ranges of the wire bytes, from a body's local declarations to behind its `end`, by function.
pub struct Bodies(Places);

enum Places {
    /// All have come: they were known from the beginning.
    All(Box<[Range<u32>]>),
    Arriving(Box<[OnceLock<Range<u32>>]>),
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl Default for Bodies {
    fn default() -> Self {
        Bodies(Places::All(Box::default()))
    }
}

impl Bodies {
    /// Places for so many bodies, none of which has come.
    pub fn expecting(count: usize) -> Self {
        Bodies(Places::Arriving((0..count).map(|_| OnceLock::new()).collect()))
    }

    /// How many there are, or will be.
    pub fn len(&self) -> usize {
        match &self.0 {
            Places::All(bodies) => bodies.len(),
            Places::Arriving(bodies) => bodies.len(),
        }
    }

    /// Whether there are none, and will be none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says where a body stands. False when that was said before, or there is no such function: nothing changes then.
    #[must_use]
    pub fn arrive(&self, func: DefinedFuncIndex, range: Range<u32>) -> bool {
        match &self.0 {
            Places::All(_) => false,
            Places::Arriving(bodies) => bodies.get(func.index()).is_some_and(|place| place.set(range).is_ok()),
        }
    }

    /// A body, if it has come.
    pub fn get(&self, func: DefinedFuncIndex) -> Option<&Range<u32>> {
        match &self.0 {
            Places::All(bodies) => bodies.get(func.index()),
            Places::Arriving(bodies) => bodies.get(func.index())?.get(),
        }
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
        (0..self.len()).map(DefinedFuncIndex::new).map_while(|func| Some((func, self.get(func)?)))
    }
}

impl Index<DefinedFuncIndex> for Bodies {
    type Output = Range<u32>;

    #[inline]
    fn index(&self, func: DefinedFuncIndex) -> &Range<u32> {
        self.get(func).expect("functions are named when their bodies are there")
    }
}

impl From<Box<[Range<u32>]>> for Bodies {
    fn from(bodies: Box<[Range<u32>]>) -> Self {
        Bodies(Places::All(bodies))
    }
}

impl FromIterator<Range<u32>> for Bodies {
    fn from_iter<T: IntoIterator<Item = Range<u32>>>(ranges: T) -> Self {
        Bodies(Places::All(ranges.into_iter().collect()))
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
        let known = [4..9, 9..20].into_iter().collect::<Bodies>();
        assert_eq!((known.len(), known.get(func(1)), known.get(func(2))), (2, Some(&(9..20)), None));
        assert!(!known.arrive(func(0), 4..9) && known.keys().eq([func(0), func(1)]));
    }
}
