//! A module's bytes, wherever they lie.
//!
//! *Problem.* A module keeps its bytes for as long as it lives: bodies are compiled from them, passive segments read from them. They may be in
//! memory that several own, in a file that is mapped, or where a stream is still writing behind them; copying them would cost as much as
//! validating them. *Idea.* One handle for all: whoever has bytes that stay where they are, and do not change, can be their owner.
//!
//! **Invariant:** what was read once is there, the same, as long as any clone lives.

#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Deref, Range};

use crate::base::sync::Arc;

/// Bytes of which some come when they are looked at: those that a module needs that others have compiled already are few.
pub trait Deferred: fmt::Debug + Send + Sync {
    /// How many there are.
    fn len_bytes(&self) -> usize;
    /// Those that begin at a position and are there, as many as follow each other; none if the first is not there.
    fn present_from(&self, position: usize) -> &[u8];
    /// Waits for those of a range, which come by this thread and so many others. Says whether they are still those that were there once; if not, they are any.
    fn want(&self, range: Range<usize>, others: usize) -> bool;
    /// All of them, when they have come.
    fn all(&self) -> &[u8];
    /// A BLAKE3 hash of all.
    fn hash(&self) -> [u8; 32];
}

/// Bytes of a module, in the binary format. Clones are the same bytes.
#[derive(Clone)]
pub struct WireBytes(Bytes);

#[derive(Clone)]
enum Bytes {
    /// The usual case, without a call.
    Shared(Arc<[u8]>),
    Owned(Arc<dyn AsRef<[u8]> + Send + Sync>),
    Deferred(Arc<dyn Deferred>),
}

impl WireBytes {
    /// Bytes of any owner. What it gives must stay the same as long as it lives; it may grow.
    pub fn new(owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Self {
        WireBytes(Bytes::Owned(owner))
    }

    /// Bytes of which some come when they are looked at, which is when somebody dereferences this.
    pub fn deferred(bytes: Arc<dyn Deferred>) -> Self {
        WireBytes(Bytes::Deferred(bytes))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Bytes::Deferred(bytes) => bytes.len_bytes(),
            _ => self.deref().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from a position on, as far as they are there already: all, unless they are [deferred](Self::deferred).
    pub fn present_from(&self, position: usize) -> &[u8] {
        match &self.0 {
            Bytes::Deferred(bytes) => bytes.present_from(position),
            _ => self.get(position..).unwrap_or_default(),
        }
    }

    /// The bytes of a range, which lies within them: no others are waited for.
    pub fn part(&self, range: Range<usize>) -> Option<&[u8]> {
        self.want(range.clone());
        self.present_from(range.start).get(..range.len())
    }

    /// The bytes of a range of the module's own, such as a data segment: as [`part`](Self::part).
    pub fn of(&self, range: &Range<usize>) -> &[u8] {
        self.part(range.clone()).unwrap_or_default()
    }

    /// Waits for the bytes of a range. Says whether they are still those that the module was made from.
    pub fn want(&self, range: Range<usize>) -> bool {
        match &self.0 {
            Bytes::Deferred(bytes) => bytes.want(range, 0),
            _ => true,
        }
    }

    /// Waits for all bytes, which come by this thread and so many others; says the same.
    pub fn complete(&self, others: usize) -> bool {
        match &self.0 {
            Bytes::Deferred(bytes) => bytes.want(0..bytes.len_bytes(), others),
            _ => true,
        }
    }

    /// Their BLAKE3 hash, if it is known.
    pub fn known_hash(&self) -> Option<[u8; 32]> {
        match &self.0 {
            Bytes::Deferred(bytes) => Some(bytes.hash()),
            _ => None,
        }
    }
}

impl Deref for WireBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Shared(bytes) => bytes,
            Bytes::Owned(owner) => (**owner).as_ref(),
            Bytes::Deferred(bytes) => bytes.all(),
        }
    }
}

impl AsRef<[u8]> for WireBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Arc<[u8]>> for WireBytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        WireBytes(Bytes::Shared(bytes))
    }
}

impl From<Vec<u8>> for WireBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Arc::<[u8]>::from(bytes).into()
    }
}

impl From<&[u8]> for WireBytes {
    fn from(bytes: &[u8]) -> Self {
        Arc::<[u8]>::from(bytes).into()
    }
}

impl fmt::Debug for WireBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireBytes").field("len", &self.len()).finish()
    }
}
