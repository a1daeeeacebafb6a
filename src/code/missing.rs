//! The code of a function that has none: it traps with [`TrapCode::MissingCode`](crate::abi::trap::TrapCode::MissingCode).
//!
//! Every dispatch slot starts with its address. It makes a frame like any function, so that a stack walk finds its caller.

use std::arch::naked_asm;
use std::ops::Range;

/// Bytes from the start of the stub to the end of its `ud2`.
const STUB_BYTES: usize = 6;

/// # Safety
///
/// Only generated code calls it, by a dispatch slot.
#[unsafe(naked)]
unsafe extern "C" fn missing_code() {
    naked_asm!("push rbp", "mov rbp, rsp", "ud2")
}

/// Where the stub is.
pub fn addresses() -> Range<usize> {
    let start = address();
    start..start + STUB_BYTES
}

/// The stub's entry.
pub fn address() -> usize {
    missing_code as *const () as usize
}
