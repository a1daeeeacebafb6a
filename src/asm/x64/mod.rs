//! x86-64: instructions as methods of [`Assembler`], by family.
//!
//! | file | what |
//! |---|---|
//! | `register`, `operand` | registers, conditions, memory operands |
//! | `encode` | prefixes, opcodes, ModRM, displacements |
//! | `integer` | moves, arithmetic, shifts, bits |
//! | `atomic` | exchanges that no other thread can interrupt |
//! | `float` | scalar SSE2, and the rounding of SSE4.1 |
//! | `vector` | whole vector registers: SSE2 to SSE4.2, and FMA |
//! | `control` | jumps, calls, stack |
//!
//! Encodings: Intel, *Software Developer's Manual*, volume 2. Methods name what they emit as manuals do, with the destination first.

pub mod atomic;
pub mod control;
pub mod encode;
pub mod float;
pub mod integer;
pub mod operand;
pub mod register;
#[cfg(test)]
mod tests;
pub mod vector;
#[cfg(test)]
mod vector_tests;

pub use operand::{Condition, Mem, Width};
pub use register::{Gpr, Xmm};

use crate::asm::buffer::CodeBuffer;

/// Emits into a buffer.
#[derive(Debug, Default)]
pub struct Assembler {
    /// What was emitted.
    pub buffer: CodeBuffer,
}
