//! Activations: one stay in guest code, from the entry stub to its return or trap.
//!
//! Entering saves the words of the isolate block that belong to the activation outside, and leaving restores them, so that
//! activations nest (guest → host → guest) on one stack. The outermost activation also sets the stack limit: what the thread's stack
//! has left, less a reserve for host functions, and at most what the configuration allows.

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;

use crate::abi::trap::TrapCode;
use crate::base::tuning::{HOST_STACK_RESERVE_BYTES, STACK_LIMIT_STEP_BYTES};
use crate::layout::block::ActivationWords;
use crate::layout::{EntryFrame, IsolateBlock};
use crate::platform::{signals, stack};
use crate::runtime::backtrace;
use crate::runtime::store::Store;
use crate::runtime::stubs;
use crate::runtime::trap::{Raised, Trap};

thread_local! {
    /// The block of the isolate whose guest runs on this thread; the fault handler reads it.
    static CURRENT: Cell<*mut IsolateBlock> = const { Cell::new(std::ptr::null_mut()) };
    /// The innermost activation that waits on this thread.
    static WAITING: Cell<*const Activation> = const { Cell::new(std::ptr::null()) };
    /// Lowest address of this thread's stack that a guest may reach; 0 while the thread is not prepared for guests.
    static STACK_FLOOR: Cell<usize> = const { Cell::new(0) };
}

/// The isolate block of the guest that runs on this thread, or null.
pub(crate) fn current_block() -> *mut IsolateBlock {
    CURRENT.get()
}

/// What the block held for the activation outside; lives on the stack of the one inside.
#[derive(Debug)]
pub struct Activation {
    pub(crate) outer: *const Activation,
    pub(crate) words: ActivationWords,
    block: *mut IsolateBlock,
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
    /// first integer argument; with `ints_only` the type has no floats, no stack arguments and at most one result.
    #[inline]
    pub(crate) unsafe fn enter_guest(
        &mut self,
        slot: *const AtomicUsize,
        frame: *mut EntryFrame,
        ints_only: bool,
    ) -> Result<(), Trap> {
        if self.depth == 0 {
            self.enter_outermost()?;
        }
        let block = self.block_ptr();
        let activation = Activation { outer: WAITING.get(), words: self.block.activation, block: CURRENT.replace(block) };
        WAITING.set(&raw const activation);
        self.depth += 1;
        // SAFETY: the caller promised a slot, a frame and a vmctx that fit; the handler was installed with the store.
        let trapped = unsafe {
            // Acquire: pairs with the release of publication; the code is visible before its address.
            let code = (*slot).load(Ordering::Acquire);
            if ints_only { stubs::enter_ints(frame, code, block) } else { stubs::enter(frame, code, block) }
        };
        self.depth -= 1;
        CURRENT.set(activation.block);
        WAITING.set(activation.outer);
        self.block.activation = activation.words;
        let result = if trapped == 0 { Ok(()) } else { Err(self.take_trap(&activation)) };
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
        let mut inner = CURRENT.get();
        let mut activation = WAITING.get();
        let mut depth = 0;
        // SAFETY: activations of this thread live on its stack, below their callees.
        while let Some(outer) = unsafe { activation.as_ref() } {
            if inner == block {
                depth += 1;
                waiting.push(Waiting::new(&outer.words));
            }
            inner = outer.block;
            activation = outer.outer;
        }
        waiting.retain(|frames| frames.exit_pc != 0);
        (depth == self.depth).then_some(waiting)
    }

    #[inline]
    fn enter_outermost(&mut self) -> Result<(), Trap> {
        let floor = match STACK_FLOOR.get() {
            0 => prepare_thread()?,
            floor => floor,
        };
        let here = std::ptr::from_ref(&self).addr();
        // In whole steps, so that callers at about the same depth set the same.
        let allowed = here.saturating_sub(self.engine.config().max_wasm_stack_bytes()).next_multiple_of(STACK_LIMIT_STEP_BYTES);
        self.interrupts.set_stack_limit(&self.block, floor.max(allowed));
        Ok(())
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
    fn take_trap(&mut self, activation: &Activation) -> Trap {
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

/// What a thread needs once, before guests run on it. Gives the floor of its stack.
#[cold]
fn prepare_thread() -> Result<usize, Trap> {
    signals::ensure_thread().map_err(|error| Trap::from_host(error.into(), Vec::new()))?;
    // Where the system does not tell, the configured limit below the present frame has to do.
    let floor = stack::current().map_or(1, |bounds| bounds.low.saturating_add(HOST_STACK_RESERVE_BYTES));
    STACK_FLOOR.set(floor);
    Ok(floor)
}
