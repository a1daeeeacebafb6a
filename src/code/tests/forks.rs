//! A forked child runs the code that is there, and can neither see nor make a writable alias of it.

use super::*;
use crate::code::CodeError;
use crate::platform::exec::ExecError;
use crate::platform::fork::FORKING_IN_TESTS;
use crate::platform::memory::page_bytes;

/// Runs `child` in a forked process and returns its exit status. The child does nothing but call code and make system calls.
fn in_child(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child allocates nothing that another thread of the parent may have locked, and ends by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let status = child();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "the child was killed: {status:#x}");
    libc::WEXITSTATUS(status)
}

/// Whether a page is mapped.
fn is_mapped(address: *mut u8) -> bool {
    let mut resident = 0;
    // SAFETY: the call writes one byte.
    let failed = unsafe { libc::mincore(address.cast(), 1, &mut resident) };
    failed == 0
}

#[test]
fn a_child_runs_code_and_has_no_writable_alias() {
    let _alone = FORKING_IN_TESTS.write();
    for strategy in ExecStrategy::ORDER {
        let space = space_with(3, strategy);
        space.publish(vec![constant(0, Tier::Baseline, 42), caller(1, 0)]).unwrap();
        let alias = space.exec().writable_alias();
        assert!(alias.is_none_or(is_mapped));
        let more = vec![constant(2, Tier::Baseline, 7)];
        let status = in_child(|| {
            let may_publish = alias.is_none();
            let right = call(&space, 0) == 42
                && call(&space, 1) == 42
                && !alias.is_some_and(is_mapped)
                && match space.publish(more) {
                    Ok(_) => may_publish && call(&space, 2) == 7,
                    Err(CodeError::Exec(ExecError::Forked)) => !may_publish && space.tier(func(2)).is_none(),
                    Err(_) => false,
                };
            // Dropping must not unmap what is not there.
            drop(space_of(&space));
            if right { 42 } else { 1 }
        });
        assert_eq!(status, 42, "{strategy:?}");
        // The parent goes on.
        space.publish(vec![constant(2, Tier::Baseline, 9)]).unwrap();
        assert_eq!((call(&space, 2), call(&space, 1)), (9, 42));
    }
}

/// Where address space is limited, a large module gets a smaller space instead of none.
#[test]
fn short_address_space_gives_a_smaller_space() {
    let _alone = FORKING_IN_TESTS.write();
    let wasm_code_bytes = 40 << 20;
    let unlimited = CodeSpace::new(1, wasm_code_bytes, owner()).unwrap().capacity_bytes();
    assert!(unlimited > 32 * wasm_code_bytes);
    let owner = owner();
    let status = in_child(|| {
        // Asked here: other tests reserve and release meanwhile.
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let used = pages.split(' ').next().unwrap().parse::<usize>().unwrap() * page_bytes();
        let limit = (used + (2 << 30)) as u64;
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: limits the child only.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
        let Ok(space) = CodeSpace::new(1, wasm_code_bytes, owner) else { return 1 };
        let published = space.publish(vec![constant(0, Tier::Baseline, 5)]).is_ok() && call(&space, 0) == 5;
        i32::from(
            !(published
                && (8 * wasm_code_bytes..unlimited).contains(&space.capacity_bytes())
                && space.strategy() == ExecStrategy::Memfd),
        )
    });
    assert_eq!(status, 0);
}

/// A bitwise copy, for a child that wants to drop what its parent keeps.
fn space_of(space: &CodeSpace) -> CodeSpace {
    // SAFETY: only the forked child drops the copy; it does not use the original afterwards, and ends by `_exit`.
    unsafe { std::ptr::read(space) }
}
