//! Activations: one stay in guest code, from the entry stub to its return or trap.
//!
//! Entering saves the words of the isolate block that belong to the activation outside, and leaving restores them, so that
//! activations nest (guest → host → guest) on one stack. The outermost activation also sets the stack limit: what the thread's stack
//! has left, less a reserve for host functions, and at most what the configuration allows. An asynchronous call is an activation on a stack
//! of its own, which is in the list of the thread that goes on with it ([`fiber`](crate::runtime::fiber)).
//!
//! **Invariant:** the words of a store in which no guest runs are [`ActivationWords::NONE`]: whoever is outermost restores those.

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

use crate::abi::trap::TrapCode;
use crate::base::tuning::{HOST_STACK_RESERVE_BYTES, STACK_LIMIT_STEP_BYTES};
use crate::layout::block::ActivationWords;
use crate::layout::frame::INT_ARG_COUNT;
use crate::layout::{EntryFrame, IsolateBlock};
use crate::platform::{signals, stack};
use crate::runtime::backtrace;
use crate::runtime::store::Store;
use crate::runtime::stubs;
use crate::runtime::trap::{Raised, Trap};

thread_local! {
    /// The innermost activation of this thread; the fault handler reads it.
    static INNERMOST: Cell<*const Activation> = const { Cell::new(std::ptr::null()) };
    /// Lowest address of the stack that is in use which a guest may reach; 0 while the thread is not prepared for guests.
    static STACK_FLOOR: Cell<usize> = const { Cell::new(0) };
}

/// The isolate block of the guest that runs on this thread, or null.
pub(crate) fn current_block() -> *mut IsolateBlock {
    // SAFETY: activations of this thread live on its stack while they are in the list.
    unsafe { INNERMOST.get().as_ref() }.map_or(std::ptr::null_mut(), |activation| activation.block)
}

/// The innermost activation of this thread. A call, so that who goes on on another thread does not ask the one before.
#[inline(never)]
pub(crate) fn innermost() -> *const Activation {
    INNERMOST.get()
}

/// Makes an activation the innermost one of this thread: one that outlives that, or null.
pub(crate) fn set_innermost(activation: *const Activation) {
    INNERMOST.set(activation);
}

/// Changes to the floor of another stack; gives the one before.
pub(crate) fn replace_stack_floor(floor: usize) -> usize {
    STACK_FLOOR.replace(floor)
}

/// What tells this thread from others while both live.
pub(crate) fn thread_mark() -> usize {
    INNERMOST.with(|place| ptr::from_ref(place).addr())
}

/// An activation, on the stack of whoever entered the guest, or on none if the guest has a stack of its own.
#[derive(Debug)]
pub struct Activation {
    /// The one before it on this thread.
    pub(crate) outer: *const Activation,
    /// What the block held for the activation outside, in the same isolate.
    pub(crate) words: ActivationWords,
    block: *mut IsolateBlock,
}

impl Activation {
    /// One inside of the present innermost one of this thread.
    pub(crate) fn new(block: *mut IsolateBlock, words: ActivationWords) -> Self {
        Activation { outer: innermost(), words, block }
    }
}

/// What an activation puts back when it is over. *Why in one piece:* of an outermost one all of it is known, so that no call waits for what the
/// call before it has written.
struct Outside {
    activation: *const Activation,
    depth: usize,
    words: ActivationWords,
}

impl Outside {
    /// Around a store in which no guest runs, on a thread on which none does.
    const NOTHING: Outside = Outside { activation: ptr::null(), depth: 0, words: ActivationWords::NONE };
}

/// Guest frames that left for a host function: the innermost of one activation, and where that was entered.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) exit_pc: usize,
    pub(crate) exit_fp: usize,
    pub(crate) entry_fp: usize,
    /// Who called last, or null.
    pub(crate) caller_vmctx: *mut u8,
}

impl Waiting {
    fn new(words: &ActivationWords) -> Self {
        let ActivationWords { exit_pc, exit_fp, entry_fp, caller_vmctx, .. } = *words;
        Waiting { exit_pc, exit_fp, entry_fp, caller_vmctx }
    }
}

impl Store {
    /// Calls guest code through a dispatch slot. Results are in the frame when this returns.
    ///
    /// # Safety
    ///
    /// `slot` is a dispatch slot of this store's functions, and `frame` follows the function's type with the right vmctx in its
    /// first integer argument.
    pub(crate) unsafe fn enter_guest(&mut self, slot: *const AtomicUsize, frame: *mut EntryFrame) -> Result<(), Trap> {
        // SAFETY: the caller promised a slot, a frame and a vmctx that fit.
        unsafe { self.activate(slot, |code, block| (stubs::enter(frame, code, block) == 0).then_some(())) }
    }

    /// Calls guest code whose type has no floats, no arguments in memory and at most one result, which it gives.
    ///
    /// # Safety
    ///
    /// As for [`enter_guest`](Self::enter_guest), with arguments in the place of the frame.
    #[inline]
    pub(crate) unsafe fn enter_guest_ints(
        &mut self,
        slot: *const AtomicUsize,
        args: [MaybeUninit<u64>; INT_ARG_COUNT],
    ) -> Result<u64, Trap> {
        // SAFETY: the caller promised a slot, arguments and a vmctx that fit.
        unsafe { self.activate(slot, |code, block| stubs::enter_ints(args, code, block)) }
    }

    /// Makes an activation around a call of a stub, which gives `None` for a trap.
    ///
    /// # Safety
    ///
    /// `slot` is a dispatch slot of this store's functions.
    #[inline(always)]
    unsafe fn activate<R>(
        &mut self,
        slot: *const AtomicUsize,
        enter: impl FnOnce(usize, *mut IsolateBlock) -> Option<R>,
    ) -> Result<R, Trap> {
        if self.depth > 0 || !INNERMOST.get().is_null() {
            // SAFETY: by contract.
            return unsafe { self.activate_inside(slot, enter) };
        }
        self.enter_outermost()?;
        debug_assert!(self.block.activation.entry_pc == 0 && self.block.activation.caller_vmctx.is_null());
        // SAFETY: by contract.
        unsafe { self.run(slot, Outside::NOTHING, enter) }
    }

    /// The same where an activation of this thread is around.
    ///
    /// # Safety
    ///
    /// As for [`activate`](Self::activate).
    #[inline(never)]
    unsafe fn activate_inside<R>(
        &mut self,
        slot: *const AtomicUsize,
        enter: impl FnOnce(usize, *mut IsolateBlock) -> Option<R>,
    ) -> Result<R, Trap> {
        if self.depth == 0 {
            self.enter_outermost()?;
        }
        let outside = Outside { activation: INNERMOST.get(), depth: self.depth, words: self.block.activation };
        // SAFETY: by contract.
        unsafe { self.run(slot, outside, enter) }
    }

    /// Calls a stub, and puts back what was outside.
    ///
    /// # Safety
    ///
    /// As for [`activate`](Self::activate); what is outside is what it is said to be.
    #[inline(always)]
    unsafe fn run<R>(
        &mut self,
        slot: *const AtomicUsize,
        outside: Outside,
        enter: impl FnOnce(usize, *mut IsolateBlock) -> Option<R>,
    ) -> Result<R, Trap> {
        let block = self.block_ptr();
        let activation = Activation { outer: outside.activation, words: outside.words, block };
        INNERMOST.set(&raw const activation);
        self.depth = outside.depth + 1;
        // SAFETY: the caller's promise. Acquire: pairs with the release of publication; the code is visible before its address.
        let code = unsafe { (*slot).load(Ordering::Acquire) };
        let returned = enter(code, block);
        self.depth = outside.depth;
        INNERMOST.set(outside.activation);
        self.block.activation = outside.words;
        let result = returned.ok_or_else(|| self.take_trap(&activation));
        // After a trap's frames have their names.
        if self.depth == 0 && self.reports.is_due() {
            self.report_code();
        }
        result
    }

    /// Where this store's guests have left for host functions, or `None` if any of them did so on another thread.
    pub(crate) fn waiting(&mut self) -> Option<Vec<Waiting>> {
        let block = self.block_ptr();
        let mut waiting = vec![Waiting::new(&self.block.activation)];
        let mut next = INNERMOST.get();
        let mut depth = 0;
        // SAFETY: activations of this thread live on its stack, below their callees.
        while let Some(activation) = unsafe { next.as_ref() } {
            if activation.block == block {
                depth += 1;
                waiting.push(Waiting::new(&activation.words));
            }
            next = activation.outer;
        }
        waiting.retain(|frames| frames.exit_pc != 0);
        (depth == self.depth).then_some(waiting)
    }

    #[inline]
    fn enter_outermost(&mut self) -> Result<(), Trap> {
        let floor = prepared_floor()?;
        let limit = self.stack_limit_below(ptr::from_ref(&self).addr(), floor);
        self.interrupts.set_stack_limit(&self.block, limit);
        Ok(())
    }

    /// How far a guest may come on a stack with this floor that is used down to an address.
    #[inline]
    pub(crate) fn stack_limit_below(&self, here: usize, floor: usize) -> usize {
        // In whole steps, so that callers at about the same depth set the same.
        let allowed = here.saturating_sub(self.engine.config().max_wasm_stack_bytes()).next_multiple_of(STACK_LIMIT_STEP_BYTES);
        floor.max(allowed)
    }

    /// Keeps what was raised and gathers the frames of the guest that left for a builtin or a host function. Always 1, for the
    /// stubs to return.
    pub(crate) fn raise(&mut self, raised: Raised) -> u32 {
        let ActivationWords { exit_pc: pc, exit_fp: fp, entry_fp, .. } = self.block.activation;
        // SAFETY: the guest frame that left is still on the stack; its chain leads to this activation's entry frame.
        unsafe { self.trace.capture(pc, fp, entry_fp, false) };
        self.raised = Some(raised);
        1
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn take_trap(&mut self, activation: &Activation) -> Trap {
        let raised = self.raised.take().unwrap_or_else(|| {
            // Relaxed: written by the fault handler on this very thread.
            let code = self.block.pending_trap.swap(0, Ordering::Relaxed);
            Raised::Code(u8::try_from(code).ok().and_then(TrapCode::from_u8).unwrap_or(TrapCode::MissingCode))
        });
        // SAFETY: the store keeps the modules of its instances, and code that ran a moment ago has not been reclaimed: this thread
        // has reported no frames since.
        let mut frames = unsafe { self.trace.frames() };
        self.trace.clear();
        // The exit words of the outermost activation are zero, as they were when its isolate was made.
        debug_assert!(self.depth > 0 || activation.words.exit_pc == 0);
        // SAFETY: the chain hangs on this thread's stack.
        frames.extend(unsafe { backtrace::outer_frames(activation) });
        match raised {
            Raised::Code(code) => Trap::new(self.interrupts.translate(&self.block, code, self.depth == 0), frames),
            Raised::Host(error) => {
                let trap = Trap::from_host(error, frames);
                if matches!(trap.code(), TrapCode::Interrupted | TrapCode::DeadlineExceeded) {
                    // An inner guest's interrupt that a host function passed on: spent with the outermost guest, like any other.
                    self.interrupts.translate(&self.block, TrapCode::Interrupted, self.depth == 0);
                }
                trap
            }
            Raised::Exception(carrier) => Trap::from_exception(self.take_exception(), carrier, frames),
            Raised::Panic(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The floor of the stack in use, on a thread that is prepared for guests now.
#[inline]
pub(crate) fn prepared_floor() -> Result<usize, Trap> {
    match STACK_FLOOR.get() {
        0 => prepare_thread(),
        floor => Ok(floor),
    }
}

/// What a thread needs once, before guests run on it. Gives the floor of its stack.
#[cold]
fn prepare_thread() -> Result<usize, Trap> {
    signals::ensure_thread().map_err(|error| Trap::from_host(error.into(), Vec::new()))?;
    // Where the system does not tell, the configured limit below the present frame has to do.
    let floor = stack::current().map_or(1, |bounds| bounds.low.saturating_add(HOST_STACK_RESERVE_BYTES));
    STACK_FLOOR.set(floor);
    Ok(floor)
}
