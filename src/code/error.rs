//! Why code could not be published, or a code space not be made.

use crate::base::DefinedFuncIndex;
use crate::platform::exec::ExecError;
use crate::platform::memory::MemoryError;

/// Why there is no code space, or why code is not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The space is full.
    #[error("{asked} bytes of code do not fit what is left of a code space of {capacity} bytes")]
    Exhausted {
        /// Bytes that the batch needs, alignment and headers included.
        asked: usize,
        /// Bytes of code that the whole space can hold.
        capacity: usize,
    },
    /// Slots and code would be out of reach of 32-bit displacements.
    #[error("a code space for {slot_count} functions is beyond the limit")]
    TooManyFunctions {
        /// How many functions.
        slot_count: usize,
    },
    /// No address space, or no memory for the slots.
    #[error("no memory for a code space: {0}")]
    Memory(#[from] MemoryError),
    /// No executable memory.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// An artifact contradicts itself or the space: a defect of the compiler, or of a cache that was not verified. Of several in a batch,
    /// the one with the lowest index is told.
    #[error("code of function {} is malformed: {defect}", func.as_u32())]
    Malformed {
        /// Whose code.
        func: DefinedFuncIndex,
        /// What is wrong.
        defect: ArtifactDefect,
    },
}

/// What can be wrong with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactDefect {
    /// It has no code.
    #[error("there is none")]
    Empty,
    /// The space has no slot for it, or for a function that it calls.
    #[error("function {} has no slot", .0.as_u32())]
    NoSlot(DefinedFuncIndex),
    /// The alignment is no power of two or larger than a page.
    #[error("an alignment of {0} is impossible")]
    Alignment(u32),
    /// A displacement lies outside of the code.
    #[error("a displacement at offset {0} lies outside of it")]
    Reloc(u32),
    /// A trap site lies outside of the code.
    #[error("a trap site at offset {0} lies outside of it")]
    Trap(u32),
    /// A position lies outside of the code.
    #[error("a position at offset {0} lies outside of it")]
    Position(u32),
    /// A stack map lies outside of the code, or has a slot outside of the frame.
    #[error("the stack map at offset {0} lies outside of it")]
    StackMap(u32),
    /// An exception handler, or the call that it is for, lies outside of the code.
    #[error("the handler for offset {0} lies outside of it")]
    Handler(u32),
    /// The site of a loop lies outside of the code, or its values are not there.
    #[error("the loop at offset {0} lies outside of it")]
    Loop(u32),
}
