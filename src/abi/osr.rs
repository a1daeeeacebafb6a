//! On-stack replacement: how a loop that runs in baseline code goes on in optimized code.
//!
//! *Problem.* Better code that is published serves the next call; a loop that runs for long has none. *Idea.* Optimized code that is
//! entered at the loop's header (a *loop version* of its function) takes the place of the frame that runs the loop. All that the loop
//! can depend on are its locals, the operands below it, the vmctx and where the results go, and in a baseline frame each of these has a
//! slot of its own, in one order, whatever the code: so the *state* of a loop is the bytes of these slots. Values that are in
//! registers at the header instead are listed in the baseline code's [`LoopSite`], and written over their slots when the state is taken.
//!
//! A state, from its end downwards: the address of the return area if the function has one, the locals, the operands; 8 bytes each, 16 for
//! a vector. While a clause of a legacy `try` is open, the exception that it handles is an operand below its own.
//!
//! A loop version has two parameters, the vmctx and the address of the end of the state, and returns as its function does. It is not
//! called: the frame of the baseline code, and the function's arguments on the stack, are gone when it begins.
//!
//! **Invariants:** a loop version reads references of the state before it can reach a safepoint. A state has at most [`STATE_BYTES`]
//! bytes; loops with more have no site.

use crate::abi::artifact::{LoopSite, LoopValue};

/// Most bytes of a state.
pub const STATE_BYTES: usize = 16 << 10;

/// How far below the frame pointer of a baseline frame the state ends.
pub const STATE_BELOW_FP: u32 = 48;

/// Where the slots of a state are, one after the other: each by the distance of its first byte from the end of the state.
#[derive(Debug, Clone, Default)]
pub struct SlotOffsets {
    bytes: u32,
}

impl SlotOffsets {
    /// The next slot, for an address, or for a value that is a vector or is not.
    pub fn next(&mut self, is_vector: bool) -> u32 {
        self.bytes = self.bytes.saturating_add(slot_bytes(is_vector));
        self.bytes
    }

    /// Bytes of all slots so far.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }
}

/// Bytes of a slot.
pub const fn slot_bytes(is_vector: bool) -> u32 {
    if is_vector { 16 } else { 8 }
}

/// What is in registers at a loop of a baseline function.
pub fn values<'a>(site: &LoopSite, all: &'a [LoopValue]) -> &'a [LoopValue] {
    &all[site.values.0 as usize..site.values.1 as usize]
}
