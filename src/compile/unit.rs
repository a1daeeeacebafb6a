//! A compile unit: eight bytes that say what to compile.

#![forbid(unsafe_code)]

use crate::abi::artifact::{CodeVariant, Tier};
use crate::base::DefinedFuncIndex;

bitflags::bitflags! {
    /// What else there is to say of a unit.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct UnitFlags: u8 {
        /// It was begun before and given back, because background work was told to stop.
        const GIVEN_BACK = 1;
    }
}

/// One function to compile. Copied, never allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// The tier that is asked for. What compiles it in the end may be another one (statement S1-23).
    pub tier: Tier,
    /// For which memories.
    pub variant: CodeVariant,
    /// How urgent, as a bucket of [`queue`](crate::compile::queue): 0 is what somebody waits for.
    pub bucket: u8,
    /// What else there is to say.
    pub flags: UnitFlags,
}

const _: () = assert!(size_of::<Unit>() == 8);
