//! The frame by which Rust enters generated code, and by which generated code enters a host function: every register that the
//! convention of `abi::call` can use, as memory.

use std::mem::offset_of;

/// Integer argument registers of the convention, the vmctx included.
pub const INT_ARG_COUNT: usize = 6;
/// Floating-point and vector argument registers.
pub const FLOAT_ARG_COUNT: usize = 8;
/// Integer result registers: rax rcx rdx rsi rdi r8 r9 r10.
pub const INT_RESULT_COUNT: usize = 8;
/// Floating-point and vector result registers.
pub const FLOAT_RESULT_COUNT: usize = 8;

/// Registers that a call preserves, besides the frame pointer: rbx r12 r13 r14 r15.
pub const SAVED_COUNT: usize = 5;

/// All registers at the poll of a loop. What the machine's rsp, rbp and r11 held is not in it.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct PollFrame {
    /// xmm0–xmm15.
    pub floats: [u128; 16],
    /// By their machine numbers. The poll has exchanged rdi, which is the vmctx here, with r15.
    pub ints: [u64; 16],
}

/// Bytes of a [`PollFrame`].
pub const POLL_FRAME_BYTES: usize = size_of::<PollFrame>();
/// Offset of `ints` in it.
pub const POLL_INTS: usize = offset_of!(PollFrame, ints);

/// Argument and result registers of one call.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct EntryFrame {
    /// `int_args[0]` is the callee's vmctx.
    pub int_args: [u64; INT_ARG_COUNT],
    /// Arguments that do not fit in registers, lowest address first.
    pub stack_args: *const u64,
    /// Bytes of them, a multiple of 16.
    pub stack_arg_bytes: usize,
    /// xmm0–xmm7.
    pub float_args: [u128; FLOAT_ARG_COUNT],
    /// Integer results, in the order of the convention.
    pub int_results: [u64; INT_RESULT_COUNT],
    /// xmm0–xmm7.
    pub float_results: [u128; FLOAT_RESULT_COUNT],
}

/// Offset of `int_args`.
pub const INT_ARGS: usize = offset_of!(EntryFrame, int_args);
/// Offset of `stack_args`.
pub const STACK_ARGS: usize = offset_of!(EntryFrame, stack_args);
/// Offset of `stack_arg_bytes`.
pub const STACK_ARG_BYTES: usize = offset_of!(EntryFrame, stack_arg_bytes);
/// Offset of `float_args`.
pub const FLOAT_ARGS: usize = offset_of!(EntryFrame, float_args);
/// Offset of `int_results`.
pub const INT_RESULTS: usize = offset_of!(EntryFrame, int_results);
/// Offset of `float_results`.
pub const FLOAT_RESULTS: usize = offset_of!(EntryFrame, float_results);
