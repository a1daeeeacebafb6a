//! The nursery: two halves at the top of the cage, one in use.
//!
//! What lies below the *age mark* has survived one collection already and is promoted by the next; what lies above it was born since.
//! So ages need no bits.

use crate::heap::cage::BLOCK_BYTES;

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::heap) struct Nursery {
    /// First byte of the lower half: the lowest young reference.
    pub start: u32,
    /// Bytes of a half.
    pub half_bytes: u32,
    /// Whether the upper half is in use.
    pub upper: bool,
    /// Objects below it, in the half in use, have survived once.
    pub age_mark: u32,
    /// Objects below it, in the half in use, were there when the last major collection marked: those that it did not mark are dead.
    pub marked_below: u32,
}

impl Nursery {
    pub fn new(start: u32, half_bytes: u32) -> Self {
        debug_assert!(half_bytes.is_multiple_of(BLOCK_BYTES));
        Nursery { start, half_bytes, upper: false, age_mark: start, marked_below: start }
    }

    /// First byte of the half in use.
    pub fn from(&self) -> u32 {
        if self.upper { self.start + self.half_bytes } else { self.start }
    }

    /// First byte of the other half.
    pub fn to(&self) -> u32 {
        if self.upper { self.start } else { self.start + self.half_bytes }
    }

    /// Last byte that may be given out in the half in use, rounded down to where no object ends. The topmost 8 bytes of a
    /// 4 GiB cage stay free, so that ends of objects are 32-bit offsets.
    pub fn end(&self) -> u32 {
        (self.from() - 8) + self.half_bytes
    }
}
