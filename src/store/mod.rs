//! The verified container of everything that outlives a process, and where such containers are kept.
//!
//! *Problem.* Files are cut short, change a bit, come from another version or from somebody else; and what is in ours is machine code. Reading
//! all of a file to see whether it is whole takes longer than most of its contents are worth. *Idea.* A [container](container) says of each part
//! what it must hash to, and a short table says that of the parts; the table has a message authentication code under a [key](key)
//! that only the file's maker knows. So the beginning of a file answers for the rest, which is verified piece by piece, as it is needed.
//!
//! Bytes come through a [`Blob`]: a file, memory, or whatever a host has. A [`CacheStore`] finds blobs by key: in a
//! [directory](directory), or, with the feature `object-store`, in an object store that a fleet shares.
//!
//! **Invariant:** nothing is interpreted that was not verified, and what was verified is a copy of this process's own: a file that changes
//! afterwards changes nothing.

#![forbid(unsafe_code)]

pub mod blob;
pub mod container;
pub mod directory;
pub mod error;
pub mod key;
#[cfg(feature = "object-store")]
pub mod objects;

use std::fmt;

use crate::base::sync::Arc;
pub use crate::store::blob::Blob;
use crate::store::error::StoreError;

/// What a container is found by: a hash of everything that its contents depend on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(pub [u8; 32]);

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

/// Where containers are kept from one process to the next.
///
/// A store is asked by several threads and processes at once. What it gives need not be what it got: containers are verified by who
/// reads them. It must not give a mixture of two versions for long: a put replaces all of what was there.
pub trait CacheStore: Send + Sync + fmt::Debug {
    /// The container of a key; nothing if there is none.
    ///
    /// # Errors
    ///
    /// It may be there and cannot be read.
    fn get(&self, key: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError>;

    /// Keeps a container, in the place of the one that was there.
    ///
    /// # Errors
    ///
    /// There is no room, or no permission.
    fn put(&self, key: &CacheKey, bytes: &[u8]) -> Result<(), StoreError>;

    /// Whether this is of one machine: then devices and numbers of files mean the same to all who use it.
    fn is_local(&self) -> bool {
        false
    }

    /// Forgets a container. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// It is there and cannot be removed.
    fn remove(&self, key: &CacheKey) -> Result<(), StoreError>;
}
