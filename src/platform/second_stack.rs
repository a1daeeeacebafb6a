//! A stack beside the thread's own, for work that must not depend on how much of that is left.
//!
//! *Problem.* A guest may call, from the last bytes that its stack limit leaves, a function that is yet to be compiled, and a compiler
//! wants a megabyte. *Idea.* Each thread that needs it maps one more stack, below which nothing is accessible, and keeps it. Pages
//! are taken when they are touched.
//!
//! **Invariant:** what runs there returns: it neither unwinds off the stack nor is it entered twice.

use std::arch::asm;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use crate::base::tuning;
use crate::platform::memory::{MemoryError, Reservation, page_bytes};

thread_local! {
    /// This thread's second stack, while nothing runs on it.
    static STACK: Cell<Option<Reservation>> = const { Cell::new(None) };
}

/// Runs something on the second stack of this thread; what runs there already goes on where it is on a stack of its own. A panic comes
/// out as it would without.
///
/// # Errors
///
/// The system gives no memory for the stack; `run` was not called.
pub fn with_second_stack<R>(run: impl FnOnce() -> R) -> Result<R, MemoryError> {
    let stack = match STACK.take() {
        Some(stack) => stack,
        None => new_stack()?,
    };
    let mut job = Job { run: Some(run), result: None };
    // The page above is never written: who follows frames up to there finds no return address.
    let top = stack.base().addr() + stack.len_bytes() - page_bytes();
    // SAFETY: the reservation is this thread's alone, committed around its top, which is aligned to pages; the job outlives the call.
    unsafe { call_on(top, job.entry(), ptr::from_mut(&mut job).cast()) };
    STACK.set(Some(stack));
    match job.result {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => resume_unwind(panic),
        None => unreachable!("the job has run"),
    }
}

struct Job<R, F> {
    run: Option<F>,
    result: Option<std::thread::Result<R>>,
}

impl<R, F: FnOnce() -> R> Job<R, F> {
    fn entry(&self) -> unsafe extern "sysv64" fn(*mut u8) {
        enter::<R, F>
    }
}

/// # Safety
///
/// `job` leads to a `Job<R, F>` that nobody else looks at.
unsafe extern "sysv64" fn enter<R, F: FnOnce() -> R>(job: *mut u8) {
    // SAFETY: by contract.
    let job = unsafe { &mut *job.cast::<Job<R, F>>() };
    if let Some(run) = job.run.take() {
        job.result = Some(catch_unwind(AssertUnwindSafe(run)));
    }
}

/// Calls a function with a stack pointer of its own.
///
/// # Safety
///
/// Below `top`, which is a multiple of 16, lies memory for all that the function needs; it does not unwind and takes that argument.
unsafe fn call_on(top: usize, function: unsafe extern "sysv64" fn(*mut u8), argument: *mut u8) {
    // SAFETY: r12 is preserved by the call and restores the stack pointer; everything else that a call may change is named. The frame
    // pointer stays, so that who walks the stack comes back to this one.
    unsafe {
        asm!(
            "xchg rsp, r12",
            "call {function}",
            "mov rsp, r12",
            function = in(reg) function,
            inout("r12") top => _,
            in("rdi") argument,
            clobber_abi("sysv64"),
        );
    }
}

fn new_stack() -> Result<Reservation, MemoryError> {
    let guard = page_bytes();
    let stack = Reservation::new(guard + tuning::SECOND_STACK_BYTES)?;
    stack.commit(guard..stack.len_bytes())?;
    Ok(stack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::stack;

    /// An address in the present frame.
    #[inline(never)]
    fn here() -> usize {
        let word = 0u8;
        std::hint::black_box(&raw const word).addr()
    }

    #[test]
    fn work_runs_elsewhere_and_comes_back() {
        let own = stack::current().unwrap();
        let before = here();
        let mut seen = Vec::new();
        for round in 0..3 {
            let there = with_second_stack(|| {
                // As deep as compilers go.
                fn deep(levels: u32) -> u64 {
                    let page = std::hint::black_box([levels as u8; 1024]);
                    if levels == 0 { 0 } else { deep(levels - 1) + u64::from(page[levels as usize % 1024]) }
                }
                assert!(deep(1_000) > 0);
                here()
            })
            .unwrap();
            assert!(!own.contains(there), "round {round}");
            seen.push(there);
        }
        assert!(seen.iter().all(|&there| there == seen[0]), "one stack is used again");
        assert!(own.contains(before) && own.contains(here()));
    }

    #[test]
    fn panics_come_out_and_nested_work_has_room() {
        let caught = catch_unwind(|| with_second_stack(|| std::panic::panic_any(7u32)).unwrap());
        assert_eq!(caught.unwrap_err().downcast_ref::<u32>(), Some(&7));
        let (outer, inner) = with_second_stack(|| (here(), with_second_stack(here).unwrap())).unwrap();
        assert_ne!(outer, inner);
        assert_eq!(with_second_stack(|| 5).unwrap(), 5);
    }
}
