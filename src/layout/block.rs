//! The isolate-stable block: the first word of every vmctx points to it.
//!
//! Generated code reads its limits and writes its exit state there. Its address never changes while its isolate lives, whatever
//! thread runs the isolate; what belongs to one activation is saved and restored around it by `runtime::activation`.

use crate::base::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize};
use std::mem::offset_of;

use crate::layout::frame::SAVED_COUNT;
use crate::layout::heap::HeapState;
use crate::layout::objects::FuncEntry;

/// Where polls of optimized code read, from the start of the block: on the page before it, which is taken away when the guest shall stop.
pub const POLL_OFFSET: i64 = -8;
/// How many builtin addresses the block has room for.
pub const BUILTIN_CAPACITY: usize = 64;

/// Words shared by generated code, the stubs, the fault handler and the runtime.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct IsolateBlock {
    /// Lowest stack address that generated code may reach. Prologues compare the stack pointer with it.
    pub stack_limit: AtomicUsize,
    /// Not zero when the guest shall stop at its next poll (loop headers, function entries): bits of [`interrupt`]. The page at
    /// [`POLL_OFFSET`] is readable while it is zero.
    pub interrupt: AtomicU32,
    /// The trap that the fault handler or a builtin raised: a `TrapCode`, or 0.
    pub pending_trap: AtomicU32,
    /// Fuel used, minus the fuel given: the guest stops when this is above zero.
    pub fuel_consumed: AtomicI64,
    /// First entry of the isolate's function table. A constant of the isolate.
    pub func_table: *const FuncEntry,
    /// What belongs to the activation that runs.
    pub activation: ActivationWords,
    /// The exception that a call returns with whose handler is the code behind it, and that is taken from here at once;
    /// else 0.
    pub returned_exception: usize,
    /// The code that the stub for rare calls goes on to at once.
    pub rare_callee: usize,
    /// Results of such a call, to be read at once: rax,
    pub rare_int: u64,
    /// and xmm0.
    pub rare_float: [u64; 2],
    /// Faulting instruction of a trap that hardware raised, else the return address into the trapping frame.
    pub fault_pc: usize,
    /// Frame pointer at the trap.
    pub fault_fp: usize,
    /// Address whose access faulted.
    pub fault_address: usize,
    /// Where an exception is caught, written when its handler has been found: handler,
    pub handler_pc: usize,
    /// stack pointer,
    pub handler_sp: usize,
    /// frame pointer,
    pub handler_fp: usize,
    /// the exception,
    pub handler_exception: usize,
    /// and for each register that calls preserve the address of what it holds in the handler's frame: a word of a frame that the
    /// exception leaves, or of `handler_registers`.
    pub handler_saves: [usize; SAVED_COUNT],
    /// What those registers held in the frame that left for the runtime. Written and read by the stub that jumps to the handler.
    pub handler_registers: [usize; SAVED_COUNT],
    /// Allocation and barrier of the isolate's heap.
    pub heap: HeapState,
    /// The runtime's side of the isolate.
    pub isolate: *mut (),
    /// Addresses of the builtin stubs, by builtin id.
    pub builtins: [usize; BUILTIN_CAPACITY],
}

/// The words of the block that an activation inside another must leave as they were. One piece, so that they are moved as one.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
pub struct ActivationWords {
    /// vmctx of the instance that last called an import or called indirectly: who a host function's caller is.
    pub caller_vmctx: *mut u8,
    /// Frame pointer of the innermost guest frame when the guest left for a builtin or a host function.
    pub exit_fp: usize,
    /// Return address into that frame; 0 when no guest has left.
    pub exit_pc: usize,
    /// Stack pointer to resume at when the present activation is abandoned by a trap.
    pub entry_sp: usize,
    /// Frame pointer to resume with.
    pub entry_fp: usize,
    /// Where to resume.
    pub entry_pc: usize,
}

impl ActivationWords {
    /// Those of an isolate in which no guest runs.
    pub const NONE: ActivationWords =
        ActivationWords { caller_vmctx: std::ptr::null_mut(), exit_fp: 0, exit_pc: 0, entry_sp: 0, entry_fp: 0, entry_pc: 0 };
}

/// A limit that every stack pointer is below. Half of all addresses, because prologues add the size of a frame.
pub const NO_STACK: usize = usize::MAX / 2;

/// Bits of [`IsolateBlock::interrupt`].
pub mod interrupt {
    /// Another thread asked for termination.
    pub const TERMINATE: u32 = 1;
    /// The deadline has passed.
    pub const DEADLINE: u32 = 2;
    /// An asynchronous call shall let the executor's other tasks run, and goes on behind.
    pub const YIELD: u32 = 4;
    /// Those that end the guest.
    pub const ENDING: u32 = TERMINATE | DEADLINE;
}

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident = $($field:ident).+;)*) => {
        $($(#[$doc])* pub const $name: usize = offset_of!(IsolateBlock, $($field).+);)*
    };
}

offsets! {
    /// Offset of `stack_limit`.
    STACK_LIMIT = stack_limit;
    /// Offset of `interrupt`.
    INTERRUPT = interrupt;
    /// Offset of `pending_trap`.
    PENDING_TRAP = pending_trap;
    /// Offset of `fuel_consumed`.
    FUEL_CONSUMED = fuel_consumed;
    /// Offset of `func_table`.
    FUNC_TABLE = func_table;
    /// Offset of `caller_vmctx`.
    CALLER_VMCTX = activation.caller_vmctx;
    /// Offset of `exit_fp`.
    EXIT_FP = activation.exit_fp;
    /// Offset of `exit_pc`.
    EXIT_PC = activation.exit_pc;
    /// Offset of `entry_sp`.
    ENTRY_SP = activation.entry_sp;
    /// Offset of `entry_fp`.
    ENTRY_FP = activation.entry_fp;
    /// Offset of `entry_pc`.
    ENTRY_PC = activation.entry_pc;
    /// Offset of `rare_callee`.
    RARE_CALLEE = rare_callee;
    /// Offset of `rare_int`.
    RARE_INT = rare_int;
    /// Offset of `rare_float`.
    RARE_FLOAT = rare_float;
    /// Offset of `returned_exception`.
    RETURNED_EXCEPTION = returned_exception;
    /// Offset of `handler_pc`.
    HANDLER_PC = handler_pc;
    /// Offset of `handler_sp`.
    HANDLER_SP = handler_sp;
    /// Offset of `handler_fp`.
    HANDLER_FP = handler_fp;
    /// Offset of `handler_exception`.
    HANDLER_EXCEPTION = handler_exception;
    /// Offset of `handler_saves`.
    HANDLER_SAVES = handler_saves;
    /// Offset of `handler_registers`.
    HANDLER_REGISTERS = handler_registers;
    /// Offset of `heap`.
    HEAP = heap;
    /// Offset of `builtins`.
    BUILTINS = builtins;
}
