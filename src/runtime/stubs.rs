//! The naked stubs between Rust and generated code.
//!
//! Three crossings, each a few instructions written out, so that no code is generated for a signature:
//!
//! - [`enter`]: Rust → guest. It saves the callee-saved registers, writes the activation's resume point into the isolate block,
//!   loads the argument registers of an [`EntryFrame`], calls, and stores the result registers. [`enter_ints`] does the same in the
//!   caller's code, from registers to registers.
//! - [`host_entry`] and [`host_entry_ints`]: guest → host function. They record the guest's exit frame and call the handler of the
//!   [`HostContext`](crate::runtime::host::HostContext), with the argument registers in an `EntryFrame` on the stack or as they are.
//! - the builtin stubs: guest → runtime, with the guest's exit frame recorded.
//!
//! Idea: a trap never unwinds. Whoever raises one restores stack and frame pointer from the isolate block and jumps to the resume
//! point, with something in r10; only guest frames lie between. An exception that a guest catches is the same with another place to go on, the handler,
//! which wants the exception in rax, and what its call was to preserve ([`resume_handler`]). **Invariant:** no Rust frame is ever
//! skipped, because handlers and builtins have returned to their stub before it raises.

use std::arch::{asm, naked_asm};
use std::mem::{MaybeUninit, offset_of, size_of};

use crate::abi::builtins::Builtin;
use crate::layout::block::{
    BUILTIN_CAPACITY, ENTRY_FP, ENTRY_PC, ENTRY_SP, EXIT_FP, EXIT_PC, HANDLER_EXCEPTION, HANDLER_FP, HANDLER_PC,
    HANDLER_REGISTERS, HANDLER_SAVES, HANDLER_SP, IsolateBlock, RARE_CALLEE, RARE_FLOAT, RARE_INT,
};
use crate::layout::frame::{
    EntryFrame, FLOAT_ARGS, FLOAT_RESULTS, INT_ARG_COUNT, INT_ARGS, INT_RESULTS, POLL_FRAME_BYTES, POLL_INTS, STACK_ARG_BYTES,
    STACK_ARGS,
};
use crate::runtime::host::HostContext;

const FRAME_BYTES: usize = size_of::<EntryFrame>();
const HANDLER: usize = HostContext::HANDLER;
const HOST_STACK_BYTES: usize = offset_of!(HostContext, stack_arg_bytes);
const _: () = assert!(FRAME_BYTES.is_multiple_of(16) && offset_of!(HostContext, block) == 0 && INT_ARGS == 0);

/// Calls guest code with all argument and result registers.
///
/// Returns 0 when the guest returned and 1 when it trapped.
///
/// # Safety
///
/// `code` is the address of guest code that follows the convention and agrees with `frame` about its signature; `block` is the
/// block of the isolate that the frame's vmctx belongs to; the fault handler is installed on this thread.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn enter(frame: *mut EntryFrame, code: usize, block: *mut IsolateBlock) -> u32 {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "mov [rdx + {entry_sp}], rsp",
        "mov [rdx + {entry_fp}], rbp",
        "lea rax, [rip + 4f]",
        "mov [rdx + {entry_pc}], rax",
        // Stack arguments, from the highest word down; the callee pops them.
        "mov r10, [rdi + {stack_bytes}]",
        "test r10, r10",
        "jz 2f",
        "mov r11, [rdi + {stack_args}]",
        "1:",
        "push qword ptr [r11 + r10 - 8]",
        "sub r10, 8",
        "jnz 1b",
        "2:",
        "mov rax, rsi",
        "mov r10, rdi",
        "movaps xmm0, [r10 + {floats}]",
        "movaps xmm1, [r10 + {floats} + 16]",
        "movaps xmm2, [r10 + {floats} + 32]",
        "movaps xmm3, [r10 + {floats} + 48]",
        "movaps xmm4, [r10 + {floats} + 64]",
        "movaps xmm5, [r10 + {floats} + 80]",
        "movaps xmm6, [r10 + {floats} + 96]",
        "movaps xmm7, [r10 + {floats} + 112]",
        "mov rdi, [r10]",
        "mov rsi, [r10 + 8]",
        "mov rdx, [r10 + 16]",
        "mov rcx, [r10 + 24]",
        "mov r8, [r10 + 32]",
        "mov r9, [r10 + 40]",
        "call rax",
        "mov r11, [rsp]",
        "mov [r11 + {ints}], rax",
        "mov [r11 + {ints} + 8], rcx",
        "mov [r11 + {ints} + 16], rdx",
        "mov [r11 + {ints} + 24], rsi",
        "mov [r11 + {ints} + 32], rdi",
        "mov [r11 + {ints} + 40], r8",
        "mov [r11 + {ints} + 48], r9",
        "mov [r11 + {ints} + 56], r10",
        "movaps [r11 + {fresults}], xmm0",
        "movaps [r11 + {fresults} + 16], xmm1",
        "movaps [r11 + {fresults} + 32], xmm2",
        "movaps [r11 + {fresults} + 48], xmm3",
        "movaps [r11 + {fresults} + 64], xmm4",
        "movaps [r11 + {fresults} + 80], xmm5",
        "movaps [r11 + {fresults} + 96], xmm6",
        "movaps [r11 + {fresults} + 112], xmm7",
        "xor eax, eax",
        "3:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        // A trap resumes here with this frame's stack and frame pointer; every other register is lost.
        "4:",
        "mov eax, 1",
        "jmp 3b",
        entry_sp = const ENTRY_SP,
        entry_fp = const ENTRY_FP,
        entry_pc = const ENTRY_PC,
        stack_bytes = const STACK_ARG_BYTES,
        stack_args = const STACK_ARGS,
        floats = const FLOAT_ARGS,
        ints = const INT_RESULTS,
        fresults = const FLOAT_RESULTS,
    )
}

/// Calls guest code that takes integers in registers and returns at most one; `None` when it trapped.
///
/// In the caller's own code: a function would save every register that the caller has saved already, and arguments would go through
/// memory.
///
/// # Safety
///
/// As for [`enter`]; those arguments are initialized that the function's type has.
#[inline(always)]
pub unsafe fn enter_ints(args: [MaybeUninit<u64>; INT_ARG_COUNT], code: usize, block: *mut IsolateBlock) -> Option<u64> {
    let [vmctx, first, second, third, fourth, fifth] = args;
    let (result, trapped): (u64, usize);
    // SAFETY: the caller promised code, arguments and block. Stack and frame pointer are at the end what they were: a trap resumes with
    // those that the block was given, at the label. All registers that a trap loses are named, or restored.
    unsafe {
        asm!(
            "push rbp",
            "push rbx",
            "mov rbp, rsp",
            "mov [r10 + {entry_sp}], rsp",
            "mov [r10 + {entry_fp}], rbp",
            "lea r11, [rip + 2f]",
            "mov [r10 + {entry_pc}], r11",
            "call rax",
            "xor r10d, r10d",
            // A trap resumes here, with something in r10.
            "2:",
            "pop rbx",
            "pop rbp",
            entry_sp = const ENTRY_SP,
            entry_fp = const ENTRY_FP,
            entry_pc = const ENTRY_PC,
            inlateout("rax") code => result,
            inlateout("r10") block => trapped,
            in("rdi") vmctx,
            in("rsi") first,
            in("rdx") second,
            in("rcx") third,
            in("r8") fourth,
            in("r9") fifth,
            out("r12") _,
            out("r13") _,
            out("r14") _,
            out("r15") _,
            clobber_abi("sysv64"),
        );
    }
    (trapped == 0).then_some(result)
}

/// What guest code calls when it calls a host function.
///
/// # Safety
///
/// Only generated code calls it, with a [`HostContext`] as vmctx and arguments of that context's type.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn host_entry() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, {frame}",
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movaps [rsp + {floats}], xmm0",
        "movaps [rsp + {floats} + 16], xmm1",
        "movaps [rsp + {floats} + 32], xmm2",
        "movaps [rsp + {floats} + 48], xmm3",
        "movaps [rsp + {floats} + 64], xmm4",
        "movaps [rsp + {floats} + 80], xmm5",
        "movaps [rsp + {floats} + 96], xmm6",
        "movaps [rsp + {floats} + 112], xmm7",
        "lea rax, [rbp + 16]",
        "mov [rsp + {stack_args}], rax",
        "mov rax, [rdi]",
        "mov r10, [rbp]",
        "mov [rax + {exit_fp}], r10",
        "mov r10, [rbp + 8]",
        "mov [rax + {exit_pc}], r10",
        "mov rsi, rsp",
        "call [rdi + {handler}]",
        "test eax, eax",
        "jnz 5f",
        // r11 keeps the count of stack argument bytes, which the callee pops.
        "mov r11, [rsp]",
        "mov r11, [r11 + {pop}]",
        "mov rax, [rsp + {ints}]",
        "mov rcx, [rsp + {ints} + 8]",
        "mov rdx, [rsp + {ints} + 16]",
        "mov rsi, [rsp + {ints} + 24]",
        "mov rdi, [rsp + {ints} + 32]",
        "mov r8, [rsp + {ints} + 40]",
        "mov r9, [rsp + {ints} + 48]",
        "mov r10, [rsp + {ints} + 56]",
        "movaps xmm0, [rsp + {fresults}]",
        "movaps xmm1, [rsp + {fresults} + 16]",
        "movaps xmm2, [rsp + {fresults} + 32]",
        "movaps xmm3, [rsp + {fresults} + 48]",
        "movaps xmm4, [rsp + {fresults} + 64]",
        "movaps xmm5, [rsp + {fresults} + 80]",
        "movaps xmm6, [rsp + {fresults} + 96]",
        "movaps xmm7, [rsp + {fresults} + 112]",
        "leave",
        "test r11, r11",
        "jnz 6f",
        "ret",
        // Move the return address up over the stack arguments, then return.
        "6:",
        "pop qword ptr [rsp + r11 - 8]",
        "lea rsp, [rsp + r11 - 8]",
        "ret",
        "5:",
        "mov rdi, [rsp]",
        "mov r10, [rdi]",
        "cmp eax, {handled}",
        "je {resume}",
        "mov rsp, [r10 + {entry_sp}]",
        "mov rbp, [r10 + {entry_fp}]",
        "jmp [r10 + {entry_pc}]",
        frame = const FRAME_BYTES,
        floats = const FLOAT_ARGS,
        stack_args = const STACK_ARGS,
        exit_fp = const EXIT_FP,
        exit_pc = const EXIT_PC,
        handler = const HANDLER,
        pop = const HOST_STACK_BYTES,
        ints = const INT_RESULTS,
        fresults = const FLOAT_RESULTS,
        entry_sp = const ENTRY_SP,
        entry_fp = const ENTRY_FP,
        entry_pc = const ENTRY_PC,
        handled = const HANDLED,
        resume = sym resume_handler,
    )
}

/// [`host_entry`] for signatures without floats and stack arguments, and at most one result: arguments are where a handler has them, and
/// so is what it returns.
///
/// # Safety
///
/// As for [`host_entry`].
#[unsafe(naked)]
pub unsafe extern "sysv64" fn host_entry_ints() {
    naked_asm!(
        "mov rax, [rdi]",
        "mov [rax + {exit_fp}], rbp",
        "mov r10, [rsp]",
        "mov [rax + {exit_pc}], r10",
        "push rax",
        "call [rdi + {handler}]",
        "pop r10",
        "test edx, edx",
        "jnz 5f",
        "ret",
        "5:",
        "cmp edx, {handled}",
        "je {resume}",
        "mov rsp, [r10 + {entry_sp}]",
        "mov rbp, [r10 + {entry_fp}]",
        "jmp [r10 + {entry_pc}]",
        exit_fp = const EXIT_FP,
        exit_pc = const EXIT_PC,
        handler = const HANDLER,
        entry_sp = const ENTRY_SP,
        entry_fp = const ENTRY_FP,
        entry_pc = const ENTRY_PC,
        handled = const HANDLED,
        resume = sym resume_handler,
    )
}

/// Where a stub goes when an exception is caught: with the isolate block in r10, and in the registers that calls preserve what they
/// held when the guest left. What they hold in the handler's frame is read before the stack pointer leaves the frames between.
#[unsafe(naked)]
unsafe extern "sysv64" fn resume_handler() {
    naked_asm!(
        "mov [r10 + {registers}], rbx",
        "mov [r10 + {registers} + 8], r12",
        "mov [r10 + {registers} + 16], r13",
        "mov [r10 + {registers} + 24], r14",
        "mov [r10 + {registers} + 32], r15",
        "mov rbx, [r10 + {saves}]",
        "mov r12, [r10 + {saves} + 8]",
        "mov r13, [r10 + {saves} + 16]",
        "mov r14, [r10 + {saves} + 24]",
        "mov r15, [r10 + {saves} + 32]",
        "mov rbx, [rbx]",
        "mov r12, [r12]",
        "mov r13, [r13]",
        "mov r14, [r14]",
        "mov r15, [r15]",
        "mov rsp, [r10 + {handler_sp}]",
        "mov rbp, [r10 + {handler_fp}]",
        "mov rax, [r10 + {handler_exception}]",
        "jmp [r10 + {handler_pc}]",
        registers = const HANDLER_REGISTERS,
        saves = const HANDLER_SAVES,
        handler_sp = const HANDLER_SP,
        handler_fp = const HANDLER_FP,
        handler_exception = const HANDLER_EXCEPTION,
        handler_pc = const HANDLER_PC,
    )
}

/// What a builtin's Rust side returns to its stub, in rax and rdx.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct BuiltinReturn {
    /// The result.
    pub value: u64,
    /// 0 when the guest goes on, else [`LEFT`] or [`HANDLED`].
    pub trapped: u64,
}

/// What a handler tells its stub: the activation is left, for a trap or an exception that it does not catch.
pub const LEFT: u32 = 1;
/// The other: an exception is caught. The isolate block says where.
pub const HANDLED: u32 = 2;

/// A builtin stub: records the guest's exit frame, calls the Rust side, raises if it says so.
macro_rules! builtin_stub {
    ($stub:ident, $target:path) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $stub() {
            naked_asm!(
                "mov rax, [rdi]",
                "mov [rax + {exit_fp}], rbp",
                "mov r10, [rsp]",
                "mov [rax + {exit_pc}], r10",
                "push rbp",
                "mov rbp, rsp",
                "push rax",
                "push rax",
                "call {target}",
                "pop r10",
                "test rdx, rdx",
                "jnz 5f",
                "pop r10",
                "pop rbp",
                "ret",
                "5:",
                "mov rsp, [r10 + {entry_sp}]",
                "mov rbp, [r10 + {entry_fp}]",
                "jmp [r10 + {entry_pc}]",
                exit_fp = const EXIT_FP,
                exit_pc = const EXIT_PC,
                entry_sp = const ENTRY_SP,
                entry_fp = const ENTRY_FP,
                entry_pc = const ENTRY_PC,
                target = sym $target,
            )
        }
    };
}

/// Instructions that write all vector registers to the bottom of the stack.
macro_rules! floats_to_stack {
    () => {
        concat!(
            "movaps [rsp + 0], xmm0\n",
            "movaps [rsp + 16], xmm1\n",
            "movaps [rsp + 32], xmm2\n",
            "movaps [rsp + 48], xmm3\n",
            "movaps [rsp + 64], xmm4\n",
            "movaps [rsp + 80], xmm5\n",
            "movaps [rsp + 96], xmm6\n",
            "movaps [rsp + 112], xmm7\n",
            "movaps [rsp + 128], xmm8\n",
            "movaps [rsp + 144], xmm9\n",
            "movaps [rsp + 160], xmm10\n",
            "movaps [rsp + 176], xmm11\n",
            "movaps [rsp + 192], xmm12\n",
            "movaps [rsp + 208], xmm13\n",
            "movaps [rsp + 224], xmm14\n",
            "movaps [rsp + 240], xmm15\n",
        )
    };
}

/// And those that read them from there.
macro_rules! floats_from_stack {
    () => {
        concat!("movaps xmm0, [rsp + 0]\n", other_floats_from_stack!())
    };
}

/// Those behind the first.
macro_rules! other_floats_from_stack {
    () => {
        concat!(
            "movaps xmm1, [rsp + 16]\n",
            "movaps xmm2, [rsp + 32]\n",
            "movaps xmm3, [rsp + 48]\n",
            "movaps xmm4, [rsp + 64]\n",
            "movaps xmm5, [rsp + 80]\n",
            "movaps xmm6, [rsp + 96]\n",
            "movaps xmm7, [rsp + 112]\n",
            "movaps xmm8, [rsp + 128]\n",
            "movaps xmm9, [rsp + 144]\n",
            "movaps xmm10, [rsp + 160]\n",
            "movaps xmm11, [rsp + 176]\n",
            "movaps xmm12, [rsp + 192]\n",
            "movaps xmm13, [rsp + 208]\n",
            "movaps xmm14, [rsp + 224]\n",
            "movaps xmm15, [rsp + 240]\n",
        )
    };
}

/// Instructions that save all registers that a call of Rust does not preserve, and leave the stack aligned. The first that is pushed is rdi.
macro_rules! volatile_to_stack {
    () => {
        concat!(
            "push rdi\npush rax\npush rcx\npush rdx\npush rsi\npush r8\npush r9\npush r10\npush r11\n",
            "sub rsp, 16 * 16 + 8\n",
            floats_to_stack!(),
        )
    };
}

/// And those that restore them.
macro_rules! volatile_from_stack {
    () => {
        concat!(
            floats_from_stack!(),
            "add rsp, 16 * 16 + 8\n",
            "pop r11\npop r10\npop r9\npop r8\npop rsi\npop rdx\npop rcx\npop rax\npop rdi\n",
        )
    };
}

/// A poll's stub: the same, and every register is as it was when the guest goes on.
macro_rules! poll_stub {
    ($stub:ident, $target:path) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $stub() {
            naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                volatile_to_stack!(),
                "mov rax, [rdi]",
                "mov r10, [rbp]",
                "mov [rax + {exit_fp}], r10",
                "mov r10, [rbp + 8]",
                "mov [rax + {exit_pc}], r10",
                "call {target}",
                "test rdx, rdx",
                "jnz 5f",
                volatile_from_stack!(),
                "pop rbp",
                "ret",
                "5:",
                "mov r10, [rbp - 8]",
                "mov r10, [r10]",
                "mov rsp, [r10 + {entry_sp}]",
                "mov rbp, [r10 + {entry_fp}]",
                "jmp [r10 + {entry_pc}]",
                exit_fp = const EXIT_FP,
                exit_pc = const EXIT_PC,
                entry_sp = const ENTRY_SP,
                entry_fp = const ENTRY_FP,
                entry_pc = const ENTRY_PC,
                target = sym $target,
            )
        }
    };
}

/// The stub of a builtin that never returns: it throws.
macro_rules! throw_stub {
    ($stub:ident, $target:path) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $stub() {
            naked_asm!(
                "mov rax, [rdi]",
                "mov [rax + {exit_fp}], rbp",
                "mov r10, [rsp]",
                "mov [rax + {exit_pc}], r10",
                "push rbp",
                "mov rbp, rsp",
                "push rax",
                "push rax",
                "call {target}",
                "pop r10",
                "cmp edx, {handled}",
                "je {resume}",
                "mov rsp, [r10 + {entry_sp}]",
                "mov rbp, [r10 + {entry_fp}]",
                "jmp [r10 + {entry_pc}]",
                exit_fp = const EXIT_FP,
                exit_pc = const EXIT_PC,
                entry_sp = const ENTRY_SP,
                entry_fp = const ENTRY_FP,
                entry_pc = const ENTRY_PC,
                handled = const HANDLED,
                resume = sym resume_handler,
                target = sym $target,
            )
        }
    };
}

/// The entry of a function that has no code yet: has it compiled, and goes on there with all arguments as they were. On top of the stack
/// is the address that its thunk pushed. Called with the callee's vmctx; the frame that is left is the caller's.
macro_rules! lazy_stub {
    ($stub:ident, $target:path) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $stub() {
            naked_asm!(
                "pop r11",
                "push rbp",
                "mov rbp, rsp",
                "sub rsp, 6 * 8 + 8 * 16",
                "mov [rsp], rdi",
                "mov [rsp + 8], rsi",
                "mov [rsp + 16], rdx",
                "mov [rsp + 24], rcx",
                "mov [rsp + 32], r8",
                "mov [rsp + 40], r9",
                "movaps [rsp + 48], xmm0",
                "movaps [rsp + 64], xmm1",
                "movaps [rsp + 80], xmm2",
                "movaps [rsp + 96], xmm3",
                "movaps [rsp + 112], xmm4",
                "movaps [rsp + 128], xmm5",
                "movaps [rsp + 144], xmm6",
                "movaps [rsp + 160], xmm7",
                "mov rax, [rdi]",
                "mov r10, [rbp]",
                "mov [rax + {exit_fp}], r10",
                "mov r10, [rbp + 8]",
                "mov [rax + {exit_pc}], r10",
                "mov rsi, r11",
                "call {target}",
                "test rdx, rdx",
                "jnz 5f",
                "mov r11, rax",
                "mov rdi, [rsp]",
                "mov rsi, [rsp + 8]",
                "mov rdx, [rsp + 16]",
                "mov rcx, [rsp + 24]",
                "mov r8, [rsp + 32]",
                "mov r9, [rsp + 40]",
                "movaps xmm0, [rsp + 48]",
                "movaps xmm1, [rsp + 64]",
                "movaps xmm2, [rsp + 80]",
                "movaps xmm3, [rsp + 96]",
                "movaps xmm4, [rsp + 112]",
                "movaps xmm5, [rsp + 128]",
                "movaps xmm6, [rsp + 144]",
                "movaps xmm7, [rsp + 160]",
                "leave",
                "jmp r11",
                "5:",
                "mov r10, [rsp]",
                "mov r10, [r10]",
                "mov rsp, [r10 + {entry_sp}]",
                "mov rbp, [r10 + {entry_fp}]",
                "jmp [r10 + {entry_pc}]",
                exit_fp = const EXIT_FP,
                exit_pc = const EXIT_PC,
                entry_sp = const ENTRY_SP,
                entry_fp = const ENTRY_FP,
                entry_pc = const ENTRY_PC,
                target = sym $target,
            )
        }
    };
}

/// The stub of a loop's poll: every register is as it was if the loop goes on in its frame. Else it goes on in a loop version, whose
/// address and stack are in the isolate block as those of a handler are: nothing is on the stack then of the frame that has polled.
macro_rules! loop_stub {
    ($stub:ident, $target:path) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $stub() {
            naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                "sub rsp, {frame}",
                floats_to_stack!(),
                "mov [rsp + {ints} + 0], rax",
                "mov [rsp + {ints} + 8], rcx",
                "mov [rsp + {ints} + 16], rdx",
                "mov [rsp + {ints} + 24], rbx",
                "mov [rsp + {ints} + 48], rsi",
                "mov [rsp + {ints} + 56], rdi",
                "mov [rsp + {ints} + 64], r8",
                "mov [rsp + {ints} + 72], r9",
                "mov [rsp + {ints} + 80], r10",
                "mov [rsp + {ints} + 96], r12",
                "mov [rsp + {ints} + 104], r13",
                "mov [rsp + {ints} + 112], r14",
                "mov [rsp + {ints} + 120], r15",
                "mov rax, [rdi]",
                "mov r10, [rbp]",
                "mov [rax + {exit_fp}], r10",
                "mov r10, [rbp + 8]",
                "mov [rax + {exit_pc}], r10",
                "mov rsi, rsp",
                "call {target}",
                "test rdx, rdx",
                "jnz 5f",
                floats_from_stack!(),
                "mov rax, [rsp + {ints} + 0]",
                "mov rcx, [rsp + {ints} + 8]",
                "mov rdx, [rsp + {ints} + 16]",
                "mov rsi, [rsp + {ints} + 48]",
                "mov rdi, [rsp + {ints} + 56]",
                "mov r8, [rsp + {ints} + 64]",
                "mov r9, [rsp + {ints} + 72]",
                "mov r10, [rsp + {ints} + 80]",
                "leave",
                "ret",
                "5:",
                "mov rdi, [rsp + {ints} + 56]",
                "mov rsi, rax",
                "mov r10, [rdi]",
                "jmp {resume}",
                frame = const POLL_FRAME_BYTES,
                ints = const POLL_INTS,
                exit_fp = const EXIT_FP,
                exit_pc = const EXIT_PC,
                resume = sym resume_handler,
                target = sym $target,
            )
        }
    };
}

/// Where a guest is sent that shall yield where it does not call: saves every register and the flags, and returns to where the guest goes on.
/// If it does not, its activation is left.
#[unsafe(naked)]
unsafe extern "sysv64" fn preempt() {
    naked_asm!(
        "pushfq",
        "push rbp",
        "mov rbp, rsp",
        // It is aligned at a poll, and not at a function's entry.
        "and rsp, -16",
        volatile_to_stack!(),
        "mov rdi, [rbp]",
        "mov rsi, [rbp + 16]",
        "mov rdx, [rbp + 24]",
        "call {target}",
        "test rdx, rdx",
        "jnz 5f",
        volatile_from_stack!(),
        "mov rsp, rbp",
        "pop rbp",
        "popfq",
        "ret",
        "5:",
        "mov r10, rax",
        "mov rsp, [r10 + {entry_sp}]",
        "mov rbp, [r10 + {entry_fp}]",
        "jmp [r10 + {entry_pc}]",
        entry_sp = const ENTRY_SP,
        entry_fp = const ENTRY_FP,
        entry_pc = const ENTRY_PC,
        target = sym crate::runtime::fiber::preempted,
    )
}

/// Address of that stub, for the fault handler.
pub(crate) fn preempt_address() -> usize {
    preempt as *const () as usize
}

/// Calls guest code; every register is as it was afterwards. What the result registers held is in the isolate block.
#[unsafe(naked)]
unsafe extern "sysv64" fn rare_call() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        volatile_to_stack!(),
        "mov rax, [rdi]",
        "call [rax + {callee}]",
        "mov r10, [rbp - 8]",
        "mov r10, [r10]",
        "mov [r10 + {int}], rax",
        "movups [r10 + {float}], xmm0",
        volatile_from_stack!(),
        "pop rbp",
        "ret",
        callee = const RARE_CALLEE,
        int = const RARE_INT,
        float = const RARE_FLOAT,
    )
}

/// What generated code calls itself: a builtin that always returns and looks at no frame, or what is a stub already.
macro_rules! leaf {
    ($stub:ident, $target:path) => {
        use $target as $stub;
    };
}

macro_rules! builtin_table {
    ($($kind:ident $builtin:ident => $stub:ident, $target:path;)*) => {
        $($kind!($stub, $target);)*

        /// The address of every builtin's stub, by number.
        pub fn builtin_addresses() -> [usize; BUILTIN_CAPACITY] {
            let mut table = [0; BUILTIN_CAPACITY];
            $(table[Builtin::$builtin as usize] = $stub as *const () as usize;)*
            debug_assert!(table[..Builtin::ALL.len()].iter().all(|&address| address != 0));
            table
        }
    };
}

use crate::runtime::builtins as b;
use crate::runtime::{lazy, osr};

builtin_table! {
    builtin_stub MemoryGrow => stub_memory_grow, b::memory_grow;
    leaf CopyBytes => copy_bytes, b::copy_bytes;
    leaf FillBytes => fill_bytes, b::fill_bytes;
    builtin_stub MemoryInit => stub_memory_init, b::memory_init;
    builtin_stub DataDrop => stub_data_drop, b::data_drop;
    builtin_stub TableGrow => stub_table_grow, b::table_grow;
    builtin_stub TableFill => stub_table_fill, b::table_fill;
    builtin_stub TableCopy => stub_table_copy, b::table_copy;
    builtin_stub TableInit => stub_table_init, b::table_init;
    builtin_stub ElemDrop => stub_elem_drop, b::elem_drop;
    builtin_stub RefFunc => stub_ref_func, b::ref_func;
    poll_stub Interrupt => stub_interrupt, b::interrupt;
    poll_stub OutOfFuel => stub_out_of_fuel, b::out_of_fuel;
    builtin_stub AtomicWait32 => stub_atomic_wait32, b::atomic_wait32;
    builtin_stub AtomicWait64 => stub_atomic_wait64, b::atomic_wait64;
    builtin_stub AtomicNotify => stub_atomic_notify, b::atomic_notify;
    builtin_stub AllocateObject => stub_allocate_object, b::allocate_object;
    builtin_stub ArrayNewDefault => stub_array_new_default, b::array_new_default;
    builtin_stub ArrayNewData => stub_array_new_data, b::array_new_data;
    builtin_stub ArrayNewElem => stub_array_new_elem, b::array_new_elem;
    builtin_stub ArrayFill => stub_array_fill, b::array_fill;
    builtin_stub ArrayCopy => stub_array_copy, b::array_copy;
    builtin_stub ArrayInitData => stub_array_init_data, b::array_init_data;
    builtin_stub ArrayInitElem => stub_array_init_elem, b::array_init_elem;
    builtin_stub NewException => stub_new_exception, b::new_exception;
    throw_stub Throw => stub_throw, b::throw;
    poll_stub TierUp => stub_tier_up, lazy::tier_up;
    loop_stub TierUpLoop => stub_tier_up_loop, osr::poll;
    lazy_stub CompileLazily => stub_compile_lazily, lazy::compile;
    leaf RareCall => stub_rare_call, rare_call;
}
