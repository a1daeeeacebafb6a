//! A module's bytes, wherever they lie.
//!
//! *Problem.* A module keeps its bytes for as long as it lives: bodies are compiled from them, passive segments read from them. They may be in
//! memory that several own, in a file that is mapped, or where a stream is still writing behind them; copying them would cost as much as
//! validating them. *Idea.* One handle for all: whoever has bytes that stay where they are, and do not change, can be their owner.
//!
//! **Invariant:** what was read once is there, the same, as long as any clone lives.

#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Deref;

use crate::base::sync::Arc;

/// Bytes of a module, in the binary format. Clones are the same bytes.
#[derive(Clone)]
pub struct WireBytes(Bytes);

#[derive(Clone)]
enum Bytes {
    /// The usual case, without a call.
    Shared(Arc<[u8]>),
    Owned(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl WireBytes {
    /// Bytes of any owner. What it gives must stay the same as long as it lives; it may grow.
    pub fn new(owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Self {
        WireBytes(Bytes::Owned(owner))
    }
}

impl Deref for WireBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Shared(bytes) => bytes,
            Bytes::Owned(owner) => (**owner).as_ref(),
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
