//! Stacks, signals, clocks, threads and the processor.

use std::cell::Cell;
use std::time::Duration;

use crate::platform::signals::{self, Answer, Fault, Resume, SIGNAL_STACK_BYTES};
use crate::platform::{clock, fork, stack, thread};

#[test]
fn a_local_is_inside_the_stack_of_its_thread() {
    let check = || {
        let local = 0u8;
        let bounds = stack::current().unwrap();
        assert!(bounds.contains((&raw const local).addr()), "{bounds:?}");
        assert_eq!(stack::current(), Some(bounds));
        bounds
    };
    check();
    let own = thread::spawn_named("deltic-test", check).unwrap().join().unwrap();
    assert!(own.len_bytes() >= 64 << 10);
    let small = std::thread::Builder::new().stack_size(256 << 10).spawn(check).unwrap().join().unwrap();
    assert!((200 << 10..=300 << 10).contains(&small.len_bytes()));
}

#[test]
fn threads_have_their_names() {
    let name = thread::spawn_named("deltic-name", || std::thread::current().name().map(str::to_owned));
    assert_eq!(name.unwrap().join().unwrap().as_deref(), Some("deltic-name"));
    assert!(thread::available_count() >= 1);
}

/// Threads start on another processor, and may go anywhere later; also where their creator may use one processor only.
#[cfg(target_os = "linux")]
#[test]
fn threads_may_run_where_their_creators_may() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    let check = || {
        let allowed = sched_getaffinity(None).unwrap();
        for _ in 0..20 {
            let own = thread::spawn_named("deltic-test", || sched_getaffinity(None).unwrap()).unwrap().join().unwrap();
            assert!(own == allowed, "{own:?} {allowed:?}");
        }
        assert_eq!(thread::share_out((0..100).collect(), 3, |n: u32| n * n), (0..100).map(|n| n * n).collect::<Vec<_>>());
    };
    check();
    let on_one = || {
        let mut one = CpuSet::new();
        one.set(sched_getcpu());
        sched_setaffinity(None, &one).unwrap();
        check();
    };
    std::thread::scope(|scope| scope.spawn(on_one).join().unwrap());
    // Another one is free: it is taken, whoever is busy here.
    if thread::available_count() > 1 {
        let here = sched_getcpu();
        let places: Vec<usize> =
            (0..20).map(|_| thread::spawn_named("deltic-test", sched_getcpu).unwrap().join().unwrap()).collect();
        assert!(places.iter().any(|&place| place != here), "{places:?}");
    }
}

/// What is shared out ends with its parts, and its panics arrive.
#[test]
fn panics_of_helpers_arrive() {
    let parts: Vec<u32> = (0..64).collect();
    let run = |n: u32| if n == 63 { std::panic::resume_unwind(Box::new("part")) } else { n };
    assert!(std::panic::catch_unwind(|| thread::share_out(parts, 2, run)).is_err());
}

#[test]
fn clocks_advance() {
    let before = (clock::monotonic(), clock::process_cpu_time());
    let start = clock::thread_cpu_time();
    while clock::thread_cpu_time() < start + Duration::from_millis(2) {}
    assert!(clock::monotonic() >= before.0 + Duration::from_millis(1));
    assert!(clock::process_cpu_time() >= before.1 + Duration::from_millis(1));
}

thread_local! {
    static ARMED: Cell<Option<Resume>> = const { Cell::new(None) };
    static HANDLER_STACK: Cell<usize> = const { Cell::new(0) };
}

fn on_fault(fault: &Fault) -> Option<Answer> {
    let local = 0u8;
    let resume = ARMED.take()?;
    if fault.pc != faulting as *const () as usize + FAULT_OFFSET {
        return None;
    }
    HANDLER_STACK.set((&raw const local).addr());
    Some(Answer::Resume(resume))
}

/// Bytes in front of the faulting instruction below.
const FAULT_OFFSET: usize = 24;

/// Notes where to resume, sets rax and rdx and clears r10, and faults; after the resumption returns rax | rdx, and 1 if r10 is zero.
#[unsafe(naked)]
unsafe extern "sysv64" fn faulting(resume: *mut Resume) -> u64 {
    std::arch::naked_asm!(
        "lea rax, [rip + 2f]", // 7 bytes
        "mov [rdi], rax",      // 3
        "mov [rdi + 8], rsp",  // 4
        "mov [rdi + 16], rbp", // 4
        "or edx, -1",          // 3
        "xor r10d, r10d",      // 3
        "ud2",
        "2:",
        "or rax, rdx",
        "cmp r10, 1",
        "adc rax, 0",
        "ret",
    )
}

#[test]
fn a_fault_resumes_elsewhere_with_known_registers() {
    assert_eq!([8, 16], [std::mem::offset_of!(Resume, sp), std::mem::offset_of!(Resume, fp)]);
    let check = || {
        signals::install(on_fault).unwrap();
        signals::install(on_fault).unwrap();
        signals::ensure_thread().unwrap();
        signals::ensure_thread().unwrap();
        for _ in 0..10 {
            ARMED.set(Some(Resume { pc: 0, sp: 0, fp: 0 }));
            // SAFETY: `on_fault` resumes at what the function notes.
            let result = unsafe { faulting(ARMED.with(|armed| (*armed.as_ptr()).as_mut().unwrap() as *mut Resume)) };
            assert_eq!(result, 0);
        }
        let own = stack::current().unwrap();
        assert!(!own.contains(HANDLER_STACK.get()), "the handler ran on its own stack");
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(check);
        }
    });
    check();
}

#[test]
fn a_large_signal_stack_of_the_host_is_kept() {
    std::thread::spawn(|| {
        let mut memory = vec![0u8; 2 * SIGNAL_STACK_BYTES];
        let own = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
        // SAFETY: the memory outlives its use as a signal stack, which ends below.
        assert_eq!(unsafe { libc::sigaltstack(&own, std::ptr::null_mut()) }, 0);
        signals::ensure_thread().unwrap();
        let mut present = own;
        // SAFETY: asks for the present stack, and then for none.
        unsafe {
            libc::sigaltstack(std::ptr::null(), &mut present);
            let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            libc::sigaltstack(&none, std::ptr::null_mut());
        }
        assert_eq!(present.ss_sp, own.ss_sp);
    })
    .join()
    .unwrap();
}

/// Faults that are nobody's go to the previous handler, in the end the system's: the process dies of the right signal.
#[test]
fn a_foreign_fault_kills_as_before() {
    let _alone = fork::FORKING_IN_TESTS.write();
    signals::install(on_fault).unwrap();
    for sent in [false, true] {
        // SAFETY: the child makes system calls and faults.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: the child dies here.
            unsafe {
                let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &none);
                if sent {
                    // Twice: the handler of Rust's runtime, to which the first goes, only steps aside.
                    libc::kill(libc::getpid(), libc::SIGSEGV);
                    libc::kill(libc::getpid(), libc::SIGSEGV);
                } else {
                    std::ptr::with_exposed_provenance_mut::<u8>(16).write_volatile(1);
                }
                libc::_exit(0);
            }
        }
        let mut status = 0;
        // SAFETY: waits for the child just made.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV, "{status:#x}");
    }
}

#[test]
fn forks_are_counted_on_both_sides() {
    let _alone = fork::FORKING_IN_TESTS.write();
    fork::watch();
    let (generation, count) = (fork::generation(), fork::fork_count());
    // SAFETY: the child reads two atomics and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let right = fork::generation() == generation + 1;
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(right)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 1);
    assert_eq!(fork::generation(), generation);
    assert!(fork::fork_count() > count);
}
