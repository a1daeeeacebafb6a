//! Hardware faults: SIGSEGV, SIGBUS, SIGILL and SIGFPE become a question, and where the answer says so, a jump.
//!
//! *Problem.* Generated code uses the processor's own checks (guard pages, division faults, undefined instructions); their signals must
//! become traps, while faults of anybody else must go where they went before. *Idea.* The handler asks each installed
//! [`Callback`]; the first that gives an [`Answer`] has the thread continue where it says, with `rax` and `rdx` zero, as if the faulting code
//! had jumped. The handler rewrites the interrupted context and returns: no frame is unwound. If nobody wants the fault, it
//! goes to the handler that was there before.
//!
//! **Invariants:** the handler and its callbacks allocate nothing, take no lock and touch no thread-local with a destructor. Handlers
//! are installed once and never removed. A thread runs code that may fault only after [`ensure_thread`]: the handler has a
//! stack of its own, because a guest may have used up the thread's.

use crate::base::sync::OnceLock;
use crate::base::sync::atomic::{AtomicPtr, Ordering};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, c_void, siginfo_t, ucontext_t};
use rustix::io::Errno;

use crate::platform::memory::{MemoryError, Reservation, page_bytes};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The signal's number.
    pub signal: i32,
    /// Address of the instruction.
    pub pc: usize,
    /// Frame pointer.
    pub fp: usize,
    /// Stack pointer.
    pub sp: usize,
    /// The address whose access faulted, for SIGSEGV and SIGBUS; the instruction's for the others.
    pub address: usize,
}

/// How a thread goes on after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Elsewhere.
    Resume(Resume),
    /// With the same instruction, which may do now what it could not.
    Again,
    /// In a function that was not called.
    Detour(Detour),
}

/// A function that a thread runs as if it had called it. It finds all registers as they were but for stack and frame pointer, saves each that
/// it changes, and returns to where the thread shall go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detour {
    /// Address of the function.
    pub function: usize,
    /// Where it returns to.
    pub pc: usize,
    /// Stack pointer behind its return. There is room below.
    pub sp: usize,
    /// Frame pointer.
    pub fp: usize,
}

/// Where a thread continues. It finds zero in rax and rdx, and something else in r10: other registers are as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// Address of the next instruction.
    pub pc: usize,
    /// Stack pointer.
    pub sp: usize,
    /// Frame pointer.
    pub fp: usize,
}

/// Says how to go on after a fault, or that the fault is not its own. Runs in a signal handler.
pub type Callback = fn(&Fault) -> Option<Answer>;

/// Why faults cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The system refuses a handler.
    #[error("cannot handle signal {signal}: {errno}")]
    Handler {
        /// For which signal.
        signal: i32,
        /// The system's answer.
        errno: Errno,
    },
    /// There are as many callbacks as there is room for.
    #[error("more than {CALLBACK_CAPACITY} fault callbacks")]
    TooManyCallbacks,
    /// No memory for the signal stack of a thread.
    #[error("no signal stack: {0}")]
    Stack(#[from] MemoryError),
    /// The system refuses the signal stack.
    #[error("cannot set the signal stack: {0}")]
    SetStack(Errno),
    /// The thread is ending: its thread-local storage is gone.
    #[error("the thread is ending")]
    ThreadEnding,
}

/// How many callbacks can be installed: one for the engine, and some for tests.
pub const CALLBACK_CAPACITY: usize = 8;
/// Bytes of a thread's signal stack.
pub const SIGNAL_STACK_BYTES: usize = 256 << 10;

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

static CALLBACKS: [AtomicPtr<()>; CALLBACK_CAPACITY] = [const { AtomicPtr::new(ptr::null_mut()) }; CALLBACK_CAPACITY];
/// What handled each of `SIGNALS` before: leaked boxes, set before the new handler is.
static PREVIOUS: [AtomicPtr<libc::sigaction>; SIGNALS.len()] = [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS.len()];

/// Installs a callback, and with the first one the handlers. Installing a callback again changes nothing.
///
/// # Errors
///
/// [`SignalError::Handler`] when the system refuses, [`SignalError::TooManyCallbacks`] when there is no room.
pub fn install(callback: Callback) -> Result<(), SignalError> {
    static HANDLERS: OnceLock<Result<(), SignalError>> = OnceLock::new();
    let new = callback as *mut ();
    let mut placed = false;
    for place in &CALLBACKS {
        // AcqRel on success: partner is the load in `handle_fault`.
        let old = place.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
        if old.is_ok() || old == Err(new) {
            placed = true;
            break;
        }
    }
    if !placed {
        return Err(SignalError::TooManyCallbacks);
    }
    *HANDLERS.get_or_init(install_handlers)
}

fn install_handlers() -> Result<(), SignalError> {
    for (&signal, previous) in SIGNALS.iter().zip(&PREVIOUS) {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asking for the present action writes to `old` only.
        if unsafe { libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) } != 0 {
            return Err(SignalError::Handler { signal, errno: last_errno() });
        }
        // SAFETY: zeroed is a valid `sigaction`, and the call has filled it in.
        let old = Box::new(unsafe { old.assume_init() });
        // Release: partner is the load in `pass_on`. The handler may run as soon as it is installed.
        previous.store(Box::into_raw(old), Ordering::Release);
        // SAFETY: zeroed is a valid `sigaction`.
        let mut new = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
        new.sa_sigaction = handle_fault as *const () as usize;
        // NODEFER: a callback resumes by returning to other code, and a fault in there is a fault like any other.
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        // SAFETY: the mask is a field of `new`; the handler has the signature that SA_SIGINFO asks for and lives for ever.
        let failed = unsafe { libc::sigemptyset(&mut new.sa_mask) | libc::sigaction(signal, &new, ptr::null_mut()) };
        if failed != 0 {
            return Err(SignalError::Handler { signal, errno: last_errno() });
        }
    }
    Ok(())
}

/// The handler of all four signals.
///
/// # Safety
///
/// Only the system calls it, with a valid `info` and `context` of the interrupted thread.
unsafe extern "C" fn handle_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: by contract; nobody else refers to them while the handler runs.
    let (info_ref, registers) = unsafe { (&*info, &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs) };
    // Signals that another process or thread has sent carry no fault.
    if info_ref.si_code > 0 {
        let register = |index: c_int| registers[index as usize] as usize;
        let fault = Fault {
            signal,
            pc: register(libc::REG_RIP),
            fp: register(libc::REG_RBP),
            sp: register(libc::REG_RSP),
            // SAFETY: all four signals carry an address.
            address: unsafe { info_ref.si_addr() }.addr(),
        };
        for place in &CALLBACKS {
            // Acquire: partner is the exchange in `install`.
            let callback = place.load(Ordering::Acquire);
            if callback.is_null() {
                break;
            }
            // SAFETY: only `install` stores there, and it stores a `Callback`.
            let callback = unsafe { std::mem::transmute::<*mut (), Callback>(callback) };
            let Some(answer) = callback(&fault) else { continue };
            let mut go_on = |pc: usize, sp: usize, fp: usize| {
                registers[libc::REG_RIP as usize] = pc as i64;
                registers[libc::REG_RSP as usize] = sp as i64;
                registers[libc::REG_RBP as usize] = fp as i64;
            };
            match answer {
                Answer::Resume(resume) => {
                    go_on(resume.pc, resume.sp, resume.fp);
                    registers[libc::REG_RAX as usize] = 0;
                    registers[libc::REG_RDX as usize] = 0;
                    registers[libc::REG_R10 as usize] = resume.pc as i64;
                }
                Answer::Again => {}
                Answer::Detour(detour) => {
                    let sp = detour.sp - size_of::<usize>();
                    // SAFETY: the callback says that there is room on the stack that the thread was running on, which this is not.
                    unsafe { ptr::with_exposed_provenance_mut::<usize>(sp).write(detour.pc) };
                    go_on(detour.function, sp, detour.fp);
                }
            }
            return;
        }
    }
    // SAFETY: the arguments are the system's own.
    unsafe { pass_on(signal, info, context) }
}

/// Gives a fault to whoever had it before.
///
/// # Safety
///
/// The arguments are those of a signal handler.
unsafe fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(position) = SIGNALS.iter().position(|&own| own == signal) else { return };
    // Acquire: partner is the store in `install_handlers`.
    let previous = PREVIOUS[position].load(Ordering::Acquire);
    // SAFETY: set before the handler was installed, never freed or changed.
    let previous = unsafe { &*previous };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // Let the instruction fault again, with nobody in the way. A signal that was sent does not come again by itself.
            // SAFETY: restores an action that the process had; `raise` may be called in a handler.
            unsafe {
                libc::sigaction(signal, previous, ptr::null_mut());
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
        }
        action if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: an action with SA_SIGINFO is a function of this type, and gets what the system gave.
            unsafe {
                std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(action)(signal, info, context)
            }
        }
        action => {
            // SAFETY: an action without SA_SIGINFO is a function of this type.
            unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(action)(signal) }
        }
    }
}

thread_local! {
    static READY: Cell<bool> = const { Cell::new(false) };
    static STACK: Cell<Option<SignalStack>> = const { Cell::new(None) };
}

/// A thread's signal stack, with an inaccessible page below.
#[derive(Debug)]
struct SignalStack(Reservation);

/// Gives the current thread a signal stack of [`SIGNAL_STACK_BYTES`], unless it has one that is as large. Cheap when done.
///
/// # Errors
///
/// [`SignalError`] when there is no memory, or when the thread is ending.
#[inline]
pub fn ensure_thread() -> Result<(), SignalError> {
    if READY.get() { Ok(()) } else { set_up_thread() }
}

#[cold]
fn set_up_thread() -> Result<(), SignalError> {
    if present_stack()?.is_some_and(|present| present.ss_size >= SIGNAL_STACK_BYTES) {
        READY.set(true);
        return Ok(());
    }
    let guard_bytes = page_bytes();
    let memory = Reservation::new(guard_bytes + SIGNAL_STACK_BYTES)?;
    memory.commit(guard_bytes..guard_bytes + SIGNAL_STACK_BYTES)?;
    let bottom = memory.base().wrapping_add(guard_bytes);
    let stack = libc::stack_t { ss_sp: bottom.cast(), ss_flags: 0, ss_size: SIGNAL_STACK_BYTES };
    // Kept first: when the thread is ending nothing could unset the stack again.
    STACK.try_with(|place| place.set(Some(SignalStack(memory)))).map_err(|_| SignalError::ThreadEnding)?;
    // SAFETY: the memory is committed, and stays until `SignalStack` is dropped, which unsets it first.
    if unsafe { libc::sigaltstack(&stack, ptr::null_mut()) } != 0 {
        return Err(SignalError::SetStack(last_errno()));
    }
    READY.set(true);
    Ok(())
}

/// The signal stack that the thread has now, if any.
fn present_stack() -> Result<Option<libc::stack_t>, SignalError> {
    let mut present = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: asking for the present stack writes to `present` only.
    if unsafe { libc::sigaltstack(ptr::null(), present.as_mut_ptr()) } != 0 {
        return Err(SignalError::SetStack(last_errno()));
    }
    // SAFETY: zeroed is a valid `stack_t`, and the call has filled it in.
    let present = unsafe { present.assume_init() };
    Ok((present.ss_flags & libc::SS_DISABLE == 0).then_some(present))
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        READY.set(false);
        let own = self.0.addresses();
        if let Ok(Some(present)) = present_stack()
            && own.contains(&present.ss_sp.addr())
        {
            let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: the stack is this object's, and not in use: no handler runs while a thread drops its thread-locals.
            unsafe { libc::sigaltstack(&none, ptr::null_mut()) };
        }
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
