//! Traps: a fault in published code is recognised and becomes a jump.

use std::arch::naked_asm;
use std::cell::Cell;

use super::*;
use crate::code::{lookup, missing, trap_at};
use crate::platform::signals::{self, Answer, Fault, Resume};

thread_local! {
    static RESUME: Cell<Resume> = const { Cell::new(Resume { pc: 0, sp: 0, fp: 0 }) };
    static SEEN: Cell<Option<(TrapCode, Fault)>> = const { Cell::new(None) };
}

/// Notes in `resume` where to continue, calls `code`, and returns what it returns, or 0 after a fault.
///
/// # Safety
///
/// `code` is a function without parameters that keeps the convention, or faults; faults are resumed at `resume`.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter(code: usize, resume: *mut Resume) -> usize {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "lea rax, [rip + 2f]",
        "mov [rsi + {pc}], rax",
        "mov [rsi + {sp}], rsp",
        "mov [rsi + {fp}], rbp",
        "call rdi",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        pc = const std::mem::offset_of!(Resume, pc),
        sp = const std::mem::offset_of!(Resume, sp),
        fp = const std::mem::offset_of!(Resume, fp),
    )
}

fn on_fault(fault: &Fault) -> Option<Answer> {
    // SAFETY: the interrupted instruction is on this thread's own stack.
    let trap = unsafe { trap_at(fault.pc) }?;
    let resume = RESUME.get();
    (resume.pc != 0).then(|| {
        SEEN.set(Some((trap, *fault)));
        Answer::Resume(resume)
    })
}

/// Runs a function; the trap, if it ends with one.
fn run(space: &CodeSpace, index: u32) -> Result<usize, (TrapCode, Fault)> {
    signals::install(on_fault).unwrap();
    signals::ensure_thread().unwrap();
    let resume: *mut Resume = RESUME.with(Cell::as_ptr);
    // SAFETY: the function keeps the convention or faults, and `on_fault` resumes at what the stub has noted.
    let result = unsafe { enter(entry(space, index), resume) };
    RESUME.set(Resume { pc: 0, sp: 0, fp: 0 });
    SEEN.take().map_or(Ok(result), Err)
}

#[test]
fn a_trap_is_recognised_and_resumed_on_any_thread() {
    let space = space(4);
    space.publish(vec![trapping(0), caller(1, 0), caller(2, 3), constant(3, Tier::Baseline, 8)]).unwrap();
    let test = || {
        for _ in 0..100 {
            assert_eq!(run(&space, 2), Ok(8));
            let (trap, fault) = run(&space, 0).unwrap_err();
            assert_eq!((trap, fault.signal, fault.pc), (TrapCode::Unreachable, libc::SIGILL, entry(&space, 0) + 1));
            // SAFETY: the space is alive and nothing is freed.
            let site = unsafe { lookup(fault.pc) }.unwrap();
            assert_eq!((site.func, site.trap_wasm_offset), (func(0), Some(99)));
            // Through a frame: the frame pointer leads to the caller, whose return address is known.
            let (_, fault) = run(&space, 1).unwrap_err();
            assert_eq!(fault.pc, entry(&space, 0) + 1);
            assert_eq!(fault.fp % 16, 0);
        }
    };
    test();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(test);
        }
    });
}

#[test]
fn a_function_without_code_traps() {
    let space = space(2);
    space.publish(vec![caller(0, 1)]).unwrap();
    let (trap, fault) = run(&space, 0).unwrap_err();
    assert_eq!(trap, TrapCode::MissingCode);
    assert!(missing::addresses().contains(&fault.pc));
    // The stub made a frame: its caller is found by the frame pointer. Nothing has overwritten that part of the stack meanwhile
    // in the handler, which has its own; but this function may have, so only the registers are looked at.
    assert!(fault.fp == fault.sp);
}

#[test]
fn memory_and_division_faults_are_told_apart() {
    let space = space(2);
    // xor eax, eax; mov eax, [rax + 0x40]
    let load = Artifact {
        traps: [TrapSite { code_offset: 2, trap: TrapCode::MemoryOutOfBounds }].into(),
        ..artifact(0, Tier::Baseline, &[0x31, 0xc0, 0x8b, 0x40, 0x40, 0xc3])
    };
    // xor ecx, ecx; xor edx, edx; div ecx
    let divide = Artifact {
        traps: [TrapSite { code_offset: 4, trap: TrapCode::IntegerDivideByZero }].into(),
        ..artifact(1, Tier::Baseline, &[0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1, 0xc3])
    };
    space.publish(vec![load, divide]).unwrap();
    let (trap, fault) = run(&space, 0).unwrap_err();
    assert_eq!((trap, fault.signal, fault.address), (TrapCode::MemoryOutOfBounds, libc::SIGSEGV, 0x40));
    let (trap, fault) = run(&space, 1).unwrap_err();
    assert_eq!((trap, fault.signal), (TrapCode::IntegerDivideByZero, libc::SIGFPE));
}

#[test]
fn a_stack_overflow_is_handled_on_the_signal_stack() {
    let space = space(1);
    // push rbp; mov rbp, rsp; call [own slot]
    let endless = Artifact {
        relocs: [Reloc { code_offset: 6, target: RelocTarget::Slot(func(0)) }].into(),
        traps: [0, 4].map(|code_offset| TrapSite { code_offset, trap: TrapCode::StackOverflow }).into(),
        ..artifact(0, Tier::Baseline, &[0x55, 0x48, 0x89, 0xe5, 0xff, 0x15, 0, 0, 0, 0, 0x5d, 0xc3])
    };
    space.publish(vec![endless]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (trap, fault) = run(&space, 0).unwrap_err();
            assert_eq!((trap, fault.signal), (TrapCode::StackOverflow, libc::SIGSEGV));
        });
    });
}
