//! What a heap tells of itself.

use std::time::Duration;

/// Figures of a heap, since it was made where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapStats {
    /// Minor collections.
    pub minor_count: u64,
    /// Major collections.
    pub major_count: u64,
    /// Objects that a collection gave another place.
    pub moved_objects: u64,
    /// Bytes of objects that went from the nursery to the old generation.
    pub promoted_bytes: u64,
    /// Longest pause for a minor collection.
    pub max_minor_pause: Duration,
    /// Longest pause for a major collection.
    pub max_major_pause: Duration,
    /// All pauses together.
    pub total_pause: Duration,
    /// Bytes now in use: cells and large objects of the old generation that are not known to be dead, and the used part of the nursery.
    pub used_bytes: u64,
    /// Bytes now of blocks, nursery included.
    pub committed_bytes: u64,
    /// Bytes that the last major collection found alive.
    pub live_bytes: u64,
}
