//! What the system refuses: threads that may not make some system calls, as containers and hardened systems have it.

use std::thread;

use crate::platform::exec::{ExecError, ExecMemory, ExecStrategy, Refusal};
use crate::platform::memory::{Reservation, page_bytes};
use rustix::io::Errno;

/// A system call that is refused with `EPERM`: its number, and bits that must all be set in which of its arguments.
pub(crate) struct Refused {
    pub call: libc::c_long,
    pub bits: &'static [(usize, libc::c_int)],
}

pub(crate) const MEMFD: Refused = Refused { call: libc::SYS_memfd_create, bits: &[] };
/// Files that are mapped to be run.
pub(crate) const EXECUTABLE_FILE: Refused =
    Refused { call: libc::SYS_mmap, bits: &[(2, libc::PROT_EXEC), (3, libc::MAP_SHARED)] };
/// Pages that become executable.
pub(crate) const PROTECT_EXECUTABLE: Refused = Refused { call: libc::SYS_mprotect, bits: &[(2, libc::PROT_EXEC)] };

/// Runs something in a thread whose system calls are filtered (seccomp, for this thread and those that it starts).
pub(crate) fn refused<R: Send>(calls: &[Refused], run: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            filter(calls);
            run()
        });
        thread.join().expect("the thread ends")
    })
}

/// Offset of a call's number and of its arguments' lower halves in what a filter sees.
const CALL: u32 = 0;
const ARGS: u32 = 16;

fn filter(calls: &[Refused]) {
    let op = |code: u32, k: u32, jump_false: usize| libc::sock_filter { code: code as u16, jt: 0, jf: jump_false as u8, k };
    let load = |offset| op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0);
    let mut program = Vec::new();
    for Refused { call, bits } in calls {
        // How much follows of this rule, to be jumped over.
        let mut rest = 1 + 3 * bits.len();
        let equal = |k: u32, rest: usize| op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, rest);
        program.extend([load(CALL), equal(*call as u32, rest)]);
        for &(position, mask) in *bits {
            rest -= 3;
            program.push(load(ARGS + 8 * position as u32));
            program.push(op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask as u32, 0));
            program.push(equal(mask as u32, rest));
        }
        program.push(op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0));
    }
    program.push(op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is valid for the call, and the filter refuses calls of this thread only.
    let answers = unsafe {
        [
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program),
        ]
    };
    assert_eq!(answers, [0, 0], "{}", std::io::Error::last_os_error());
}

#[test]
fn what_is_refused_is_replaced_or_named() {
    let memory = || ExecMemory::new(Reservation::new(1 << 20).unwrap(), page_bytes(), &ExecStrategy::ORDER);
    let strategy = |calls: &[Refused]| refused(calls, || memory().unwrap().strategy());
    assert_eq!(strategy(&[]), ExecStrategy::Memfd);
    assert_eq!(strategy(&[MEMFD]), ExecStrategy::TempFile);
    assert_eq!(strategy(&[EXECUTABLE_FILE]), ExecStrategy::Protect);
    let error = refused(&[MEMFD, EXECUTABLE_FILE, PROTECT_EXECUTABLE], || memory().unwrap_err());
    let refusals = ExecStrategy::ORDER.map(|strategy| Refusal { strategy, errno: Errno::PERM });
    assert_eq!(error, ExecError::Refused(refusals.into()));
}
