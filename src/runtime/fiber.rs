//! Calls of guests on stacks of their own, which are left in the middle and gone on with by any thread.
//!
//! *Problem.* An asynchronous call is a future: polled by an executor's thread, left when the guest waits for the host or has run for long
//! enough, polled again by another thread, or dropped. *Idea.* The guest runs on a [fiber](crate::platform::fiber). Everything that Rust
//! keeps for an activation (its place in the thread's list, the words of the isolate block, the depth, the stack limit) is put in place
//! when the future is polled ([`Attached`]) and taken away before the poll returns, so that a suspended call is in nobody's way: not of
//! the thread, nor of the isolate, which can even be used on if the future is forgotten.
//!
//! A guest leaves its fiber in two places. Where it has called an asynchronous host function ([`Store::wait_for_host`]) the future of that is
//! polled by the poll of the call, on the executor's stack, with the guest attached: it waits as it does for any host function. Where it has
//! polled and shall *yield* ([`Store::yield_now`]) its task is woken at once.
//!
//! A call that is dropped is gone on with, but told that it is cancelled: what has waited fails like a trap, the guest's frames are given up as
//! those of any trap, and all Rust frames return.
//!
//! Optimized code does not call when it polls, it faults. Then the fault handler sends it to a stub that saves every register, as if it had
//! called ([`Store::preempted`]). A function that is being entered with its stack limit lifted is entered again.
//!
//! **Invariants.** A guest is suspended only when its fiber's own activation is the innermost one of the thread: then the frames on the fiber
//! are guests' and those of this engine that have just called, and hold nothing that belongs to a thread. So a host function that calls a guest
//! synchronously keeps its thread, whatever that guest does.
//! Frames that are suspended are seen by collections, for their call is attached whenever anything of the isolate runs; code on them is
//! kept, for the isolate reports its frames only while they are attached: when a guest has called the host, or goes on behind it.
//! Code that may go on on another thread asks for nothing that is thread-local behind a suspension.

use std::any::Any;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::abi::trap::TrapCode;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::tuning::HOST_STACK_RESERVE_BYTES;
use crate::code::registry;
use crate::layout::block::interrupt::YIELD;
use crate::layout::block::{ActivationWords, NO_STACK};
use crate::layout::{EntryFrame, IsolateBlock};
use crate::platform::fiber::{Fiber, Suspender, address_below};
use crate::platform::stack::{self, StackBounds};
use crate::runtime::activation::{self, Activation, Waiting};
use crate::runtime::interrupt::{InterruptTarget, Interrupted};
use crate::runtime::store::Store;
use crate::runtime::stubs::{self, BuiltinReturn, LEFT};
use crate::runtime::trap::{HostError, Raised, Trap};

thread_local! {
    /// The innermost call that is attached to this thread, of any store.
    static ATTACHED: Cell<*const CallState> = const { Cell::new(ptr::null()) };
}

/// When the guest of an asynchronous call lets other tasks of the executor run, though it waits for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsyncYield {
    /// Not before it returns, or waits for the host.
    #[default]
    Never,
    /// Each time it has used up so much fuel, always at the same places. Only for engines that [count](crate::CodeSettings) it.
    Fuel(NonZeroU64),
    /// Each time it has run for so long.
    Every(Duration),
}

/// An asynchronous host function was called, but not in an asynchronous call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an asynchronous host function was called in a synchronous call: enter the guest by call_async")]
pub struct SynchronousCall;

/// What a store knows of its asynchronous calls.
#[derive(Debug)]
pub(crate) struct AsyncCalls {
    /// The innermost one that is attached, or null.
    call: *const CallState,
    /// The thread it is attached to, or 0.
    thread: usize,
    pub(crate) yields: AsyncYield,
    /// Fuel that guests get when they have used up what the block says.
    fuel_kept: u64,
}

impl Default for AsyncCalls {
    fn default() -> Self {
        AsyncCalls { call: ptr::null(), thread: 0, yields: AsyncYield::default(), fuel_kept: 0 }
    }
}

/// Why a guest is told to go on, and how.
enum Resumed {
    /// As it does when nothing has happened.
    GoOn,
    /// The future of the host function has panicked.
    Panicked(Box<dyn Any + Send>),
    /// An interrupt came while it waited.
    Ended,
    /// The call was dropped.
    Cancelled,
}

/// Polls the future of a host function, or drops it if there is no context.
type HostPoll = dyn FnMut(Option<&mut Context<'_>>) -> Poll<()>;

/// What a guest that is not running waits for.
#[derive(Clone, Copy)]
enum Wait {
    /// Its turn: it has not begun, or has yielded.
    Turn,
    /// A host function. The closure lies on the guest's stack.
    Host(*mut HostPoll),
}

/// What both sides of a suspension look at. It stays where it is.
struct CallState {
    /// In the thread's list while the call is attached.
    activation: Cell<Activation>,
    /// The block's words for the guest, while it is not attached.
    words: Cell<ActivationWords>,
    wait: Cell<Wait>,
    suspender: *const Suspender<Resumed>,
    bounds: StackBounds,
    /// How deep guests may come on this stack.
    limit: usize,
    is_running: Cell<bool>,
    /// While it runs: where who resumed has left their stack.
    resumer_at: Cell<usize>,
    /// While it is attached: the one before it on this thread, and in its store,
    outer: Cell<*const CallState>,
    outer_in_store: Cell<*const CallState>,
    /// and the thread that this was attached to.
    outer_thread: Cell<usize>,
}

impl CallState {
    fn floor(&self) -> usize {
        self.bounds.low + HOST_STACK_RESERVE_BYTES
    }

    /// Leaves the guest's stack, and comes back with how to go on.
    ///
    /// # Safety
    ///
    /// This runs on that stack, and the call's activation is the innermost.
    #[inline(never)]
    unsafe fn suspend(&self, wait: Wait) -> Resumed {
        self.wait.set(wait);
        // SAFETY: the suspender lives as long as the fiber. Between here and its body are frames of guests and of this engine's handlers.
        unsafe { (*self.suspender).suspend() }
    }
}

/// A call that has begun. Whoever drops it has polled it to its end or [cancelled](Self::cancel) it; else its stack is lost.
pub(crate) struct GuestCall {
    /// Gone when the call is over.
    fiber: Option<Fiber<Resumed, bool>>,
    state: Box<CallState>,
}

// SAFETY: a guest that is suspended has frames of its own and of this engine on its stack (see the module), which hold nothing that belongs
// to a thread; futures of host functions are `Send`. The pointers lead to the store, which the caller brings, or have meaning
// only while the call is attached, which is done and undone within one call of `poll` or `cancel`.
unsafe impl Send for GuestCall {}

impl GuestCall {
    /// A call through a dispatch slot; it begins when it is polled.
    ///
    /// # Errors
    ///
    /// The system has no memory for a stack.
    ///
    /// # Safety
    ///
    /// The slot is one of this store's functions. The frame follows the function's type with the right vmctx in its first integer argument, and
    /// stays where it is until the call is over, or for ever.
    pub(crate) unsafe fn new(store: &mut Store, slot: *const AtomicUsize, frame: *mut EntryFrame) -> Result<Self, Trap> {
        let block = store.block_ptr();
        let enter = move |_: &Suspender<Resumed>, _| {
            // SAFETY: the caller's promise; the thread that resumes for the first time is prepared. Acquire: pairs with the release of
            // publication; the code is visible before its address.
            unsafe { stubs::enter(frame, (*slot).load(Ordering::Acquire), block) == 0 }
        };
        // SAFETY: a stub does not unwind.
        let fiber = unsafe { Fiber::new(store.engine.async_stack_pool(), enter) };
        let fiber = fiber.map_err(|error| Trap::from_host(error.into(), Vec::new()))?;
        let bounds = fiber.bounds();
        let floor = bounds.low + HOST_STACK_RESERVE_BYTES;
        let state = CallState {
            activation: Cell::new(Activation::new(block, store.block.activation)),
            words: Cell::new(store.block.activation),
            wait: Cell::new(Wait::Turn),
            suspender: fiber.suspender(),
            bounds,
            limit: store.stack_limit_below(bounds.high, floor),
            is_running: Cell::new(false),
            resumer_at: Cell::new(0),
            outer: Cell::new(ptr::null()),
            outer_in_store: Cell::new(ptr::null()),
            outer_thread: Cell::new(0),
        };
        Ok(GuestCall { fiber: Some(fiber), state: Box::new(state) })
    }

    /// Goes on with the call until it waits or is over. Results are in the frame then. A panic of a host function comes out of here.
    ///
    /// # Panics
    ///
    /// The call is over.
    pub(crate) fn poll(&mut self, store: &mut Store, context: &mut Context<'_>) -> Poll<Result<(), Trap>> {
        let Some(fiber) = &mut self.fiber else { panic!("an asynchronous call was polled after its end") };
        // Calls that hosts make for guests are polled inside of one another: a guest must not use up the stack of who polls.
        let room = activation::prepared_floor().and_then(|floor| match address_below() {
            here if here < floor => Err(Trap::new(TrapCode::StackOverflow, Vec::new())),
            _ => Ok(()),
        });
        if let Err(trap) = room {
            self.cancel(store);
            return Poll::Ready(Err(trap));
        }
        let mut attached = Attached::new(&self.state, store);
        let returned = loop {
            let resumed = match self.state.wait.get() {
                Wait::Turn => Resumed::GoOn,
                // SAFETY: the guest waits there.
                Wait::Host(host) => match unsafe { attached.poll_host(host, context) } {
                    Poll::Ready(resumed) => resumed,
                    Poll::Pending => return Poll::Pending,
                },
            };
            match (attached.resume(fiber, resumed), self.state.wait.get()) {
                (Some(returned), _) => break returned,
                (None, Wait::Host(_)) => {}
                (None, Wait::Turn) => {
                    drop(attached);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        };
        drop(attached);
        self.fiber = None;
        store.interrupts.forget_waker();
        // SAFETY: nobody changes it while it is not attached.
        let result = if returned { Ok(()) } else { Err(store.take_trap(unsafe { &*self.state.activation.as_ptr() })) };
        // After a trap's frames have their names.
        if store.depth == 0 && store.reports.is_due() {
            store.report_code();
        }
        Poll::Ready(result)
    }

    /// Gives the call up, if it is not over: drops what it waits for, then has its frames left. A panic of what is dropped comes out of here,
    /// unless one is on its way.
    pub(crate) fn cancel(&mut self, store: &mut Store) {
        let Some(mut fiber) = self.fiber.take() else { return };
        if !fiber.has_begun() {
            return;
        }
        // No guest runs, unless what is dropped calls one. A thread without a signal stack cannot have that, and there is nobody to tell.
        let _ = activation::prepared_floor();
        let mut attached = Attached::new(&self.state, store);
        let dropped = match self.state.wait.get() {
            Wait::Turn => Ok(()),
            // SAFETY: the guest waits there.
            Wait::Host(host) => unsafe { attached.drop_host(host) },
        };
        let returned = attached.resume(&mut fiber, Resumed::Cancelled);
        debug_assert_eq!(returned, Some(false), "a cancelled call leaves all its frames");
        attached.store.raised = None;
        attached.store.trace.clear();
        drop(attached);
        store.interrupts.forget_waker();
        if let Err(panic) = dropped
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

/// A call in its place: the innermost one of its thread and of its store.
struct Attached<'a> {
    state: &'a CallState,
    store: &'a mut Store,
}

impl<'a> Attached<'a> {
    fn new(state: &'a CallState, store: &'a mut Store) -> Self {
        let outside = store.block.activation;
        state.activation.set(Activation::new(store.block_ptr(), outside));
        activation::set_innermost(state.activation.as_ptr());
        store.block.activation = state.words.get();
        store.depth += 1;
        state.outer.set(ATTACHED.replace(state));
        state.outer_in_store.set(std::mem::replace(&mut store.async_calls.call, state));
        state.outer_thread.set(std::mem::replace(&mut store.async_calls.thread, activation::thread_mark()));
        Attached { state, store }
    }

    /// Polls what the guest waits for; gives how the guest goes on if it need not wait longer.
    ///
    /// # Safety
    ///
    /// The guest waits there.
    unsafe fn poll_host(&mut self, host: *mut HostPoll, context: &mut Context<'_>) -> Poll<Resumed> {
        let mut ends = InterruptTarget::is_ending(&self.store.block);
        if !ends {
            // SAFETY: by contract; the closure is the guest's side's, which is suspended.
            match catch_unwind(AssertUnwindSafe(|| unsafe { (*host)(Some(context)) })) {
                Ok(Poll::Ready(())) => {
                    // Not before: calls of the host's that are suspended meanwhile are not attached, and their frames not seen.
                    if self.store.reports.is_rung() {
                        self.store.report_code();
                    }
                    return Poll::Ready(Resumed::GoOn);
                }
                Ok(Poll::Pending) => ends = !self.store.interrupts.wake_on_end(&self.store.block, context.waker()),
                Err(panic) => {
                    // SAFETY: by contract.
                    let _ = unsafe { self.drop_host(host) };
                    return Poll::Ready(Resumed::Panicked(panic));
                }
            }
        }
        if !ends {
            return Poll::Pending;
        }
        // SAFETY: by contract.
        Poll::Ready(match unsafe { self.drop_host(host) } {
            Ok(()) => Resumed::Ended,
            Err(panic) => Resumed::Panicked(panic),
        })
    }

    /// Drops what the guest waits for.
    ///
    /// # Safety
    ///
    /// The guest waits there.
    unsafe fn drop_host(&mut self, host: *mut HostPoll) -> std::thread::Result<()> {
        // SAFETY: by contract; the closure is the guest's side's, which is suspended.
        catch_unwind(AssertUnwindSafe(|| unsafe { (*host)(None) })).map(drop)
    }

    /// Has the guest run on, on its stack. Gives whether it has returned without a trap; `None` when it waits again.
    fn resume(&mut self, fiber: &mut Fiber<Resumed, bool>, resumed: Resumed) -> Option<bool> {
        let (state, store) = (self.state, &mut *self.store);
        let outside_floor = activation::replace_stack_floor(state.floor());
        // Relaxed: only this thread writes limits, others lift them.
        let outside_limit = match store.block.stack_limit.load(Ordering::Relaxed) {
            limit if store.depth > 1 && limit != NO_STACK => limit,
            _ => store.stack_limit_below(address_below(), outside_floor),
        };
        store.interrupts.set_stack_limit(&store.block, state.limit);
        store.begin_slice();
        state.resumer_at.set(address_below());
        state.is_running.set(true);
        let returned = fiber.resume(resumed);
        state.is_running.set(false);
        if matches!(store.async_calls.yields, AsyncYield::Every(_)) {
            store.interrupts.end_slice(&store.block, outside_limit);
        }
        store.interrupts.set_stack_limit(&store.block, outside_limit);
        activation::replace_stack_floor(outside_floor);
        // SAFETY: calls that are attached live.
        if unsafe { state.outer_in_store.get().as_ref() }.is_some_and(|outer| outer.is_running.get()) {
            // A host function waits for this call on the other one's stack, and takes that one's time.
            store.begin_slice();
        }
        returned
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        let (state, store) = (self.state, &mut *self.store);
        debug_assert!(ptr::eq(activation::innermost(), state.activation.as_ptr()), "calls are attached inside of one another");
        store.async_calls.call = state.outer_in_store.get();
        store.async_calls.thread = state.outer_thread.get();
        ATTACHED.set(state.outer.get());
        store.depth -= 1;
        state.words.set(store.block.activation);
        // SAFETY: it is not in use elsewhere: this reads it.
        let (outer, words) = unsafe {
            let activation = &*state.activation.as_ptr();
            (activation.outer, activation.words)
        };
        store.block.activation = words;
        activation::set_innermost(outer);
    }
}

impl Store {
    /// Whether the innermost asynchronous call of this store is attached to this thread, so that its host functions may use the store.
    pub(crate) fn is_polled_here(&self) -> bool {
        self.async_calls.thread == activation::thread_mark()
    }

    /// The call whose own guest has called, if that is the innermost activation of the thread.
    fn suspendable(&self) -> Option<&CallState> {
        // SAFETY: a call that is attached lives.
        let call = unsafe { self.async_calls.call.as_ref()? };
        (call.is_running.get() && ptr::eq(activation::innermost(), call.activation.as_ptr())).then_some(call)
    }

    /// Whether the guest that has called may wait.
    ///
    /// # Errors
    ///
    /// It was not called asynchronously, or by a host function that was.
    pub(crate) fn may_wait(&self) -> Result<(), SynchronousCall> {
        self.suspendable().map(|_| ()).ok_or(SynchronousCall)
    }

    /// Has the guest wait until the closure gives `Ready`. It is called with a context, or with none when it shall drop what it has: then
    /// the guest ends with the error.
    ///
    /// # Errors
    ///
    /// [`SynchronousCall`], or the guest shall end.
    ///
    /// # Panics
    ///
    /// As the closure.
    ///
    /// # Safety
    ///
    /// `store` lives, and is the one whose guest has called the host function that this is part of. Between here and that are only frames of this
    /// engine, which hold nothing that is not `Send`.
    pub(crate) unsafe fn wait_for_host(
        store: *mut Store,
        host: &mut (dyn FnMut(Option<&mut Context<'_>>) -> Poll<()> + '_),
    ) -> Result<(), HostError> {
        // SAFETY: only the lifetime changes: the closure is called while this function waits.
        let host =
            unsafe { std::mem::transmute::<*mut (dyn FnMut(Option<&mut Context<'_>>) -> Poll<()> + '_), *mut HostPoll>(host) };
        // SAFETY: by contract; a call that is attached lives until it is over.
        let call: *const CallState = unsafe { (*store).suspendable() }.ok_or(SynchronousCall)?;
        // SAFETY: the call is the one whose guest is innermost, and so is its stack.
        match unsafe { (*call).suspend(Wait::Host(host)) } {
            Resumed::GoOn => Ok(()),
            Resumed::Panicked(panic) => resume_unwind(panic),
            Resumed::Ended | Resumed::Cancelled => Err(Interrupted.into()),
        }
    }

    /// A poll has found the guest's interrupt word set: it ends, yields or goes on.
    pub(crate) fn interrupted(&mut self) -> Result<(), TrapCode> {
        if InterruptTarget::is_ending(&self.block) {
            return Err(TrapCode::Interrupted);
        }
        // SAFETY: a call that is attached lives. Guests are asked to yield only while one runs.
        let call = unsafe { self.async_calls.call.as_ref() };
        if let Some(call) = call.filter(|_| self.block.interrupt.load(Ordering::SeqCst) & YIELD != 0) {
            self.interrupts.take_back_yield(&self.block, call.limit);
            if self.block.interrupt.load(Ordering::SeqCst) & YIELD != 0 {
                // The system refuses: polls fault for ever. The guest must end.
                return Err(TrapCode::Interrupted);
            }
            return self.yield_now();
        }
        Ok(())
    }

    /// More fuel was consumed than the block gave: the guest gets more, and yields, or there is no more.
    pub(crate) fn refuel(&mut self) -> Result<(), TrapCode> {
        // Relaxed: this store's guests run on this thread.
        let consumed = self.block.fuel_consumed.load(Ordering::Relaxed);
        let Ok(lacking) = u64::try_from(consumed) else { return Ok(()) };
        let portion = match self.async_calls.yields {
            AsyncYield::Fuel(portion) => portion.get(),
            AsyncYield::Never | AsyncYield::Every(_) => self.async_calls.fuel_kept,
        };
        let given = portion.max(lacking).min(self.async_calls.fuel_kept);
        self.async_calls.fuel_kept -= given;
        // No more than was set, which fits.
        let left = consumed.saturating_sub_unsigned(given);
        self.block.fuel_consumed.store(left, Ordering::Relaxed); // Relaxed: as above.
        if left > 0 { Err(TrapCode::OutOfFuel) } else { self.yield_now() }
    }

    /// Has the guest let others run, if it was called asynchronously; else it goes on.
    fn yield_now(&mut self) -> Result<(), TrapCode> {
        let Some(call) = self.suspendable() else {
            self.begin_slice();
            return Ok(());
        };
        // SAFETY: this runs on the guest's stack, by a builtin.
        match unsafe { call.suspend(Wait::Turn) } {
            Resumed::GoOn => Ok(()),
            Resumed::Panicked(_) | Resumed::Ended | Resumed::Cancelled => Err(TrapCode::Interrupted),
        }
    }

    /// Begins the time in which a guest need not yield, if it shall yield by time.
    fn begin_slice(&self) {
        if let AsyncYield::Every(length) = self.async_calls.yields {
            self.interrupts.begin_slice(length);
        }
    }

    /// Fuel that is left.
    pub(crate) fn fuel(&self) -> u64 {
        // Relaxed: guests of this isolate do not run while it is borrowed.
        let consumed = self.block.fuel_consumed.load(Ordering::Relaxed);
        self.async_calls.fuel_kept.saturating_add_signed(consumed.saturating_neg())
    }

    /// Sets it, and how much of it guests get at a time.
    pub(crate) fn set_fuel(&mut self, fuel: u64, yields: AsyncYield) {
        let fuel = fuel.min(i64::MAX as u64);
        let given = if let AsyncYield::Fuel(portion) = yields { portion.get().min(fuel) } else { fuel };
        self.async_calls.yields = yields;
        self.async_calls.fuel_kept = fuel - given;
        // Relaxed: as in `fuel`.
        self.block.fuel_consumed.store(0i64.saturating_sub_unsigned(given), Ordering::Relaxed);
    }
}

/// A guest was asked to yield where it does not call: its poll has faulted, or a function's entry has found no stack. It goes on at `pc` with
/// all registers as they were.
///
/// # Safety
///
/// Called by its stub only, on the thread that runs the guest, with its frame pointer, where it goes on, and the word behind that on the
/// stack.
pub(crate) unsafe extern "sysv64" fn preempted(fp: usize, pc: usize, behind: usize) -> BuiltinReturn {
    let block: *mut IsolateBlock = activation::current_block();
    // SAFETY: the fault handler has found the guest's block in the same way; the store's `&mut` outside is suspended in the activation that
    // the guest runs in. The code is on the stack.
    let (store, site) = unsafe { (&mut *(*block).isolate.cast::<Store>(), registry::lookup(pc)) };
    // A function that is entered again has no frame: its caller's is the innermost.
    let is_entered = site.is_some_and(|site| site.code_offset == 0);
    store.block.activation.exit_fp = fp;
    store.block.activation.exit_pc = if is_entered { behind } else { pc };
    let trapped = match store.interrupted() {
        Ok(()) => 0,
        Err(code) => {
            store.raise(Raised::Code(code));
            LEFT
        }
    };
    BuiltinReturn { value: block.expose_provenance() as u64, trapped: u64::from(trapped) }
}

/// Visits the words of all stacks on which guests wait, from where they are left up to the outermost guest of these.
///
/// # Safety
///
/// They wait on this thread's stacks, in calls that are attached or outside of any.
pub(crate) unsafe fn visit_stacks(waiting: &[Waiting], mut visit: impl FnMut(u64)) {
    let outermost = |bounds: Option<StackBounds>, is_in: &dyn Fn(usize) -> bool| {
        let frames = waiting.iter().map(|guest| guest.entry_fp);
        frames.filter(|&fp| bounds.is_none_or(|bounds| bounds.contains(fp)) && is_in(fp)).max()
    };
    // From where the stack in use is looked at; from the present frame at first.
    let mut left_at = None;
    let mut elsewhere: Vec<StackBounds> = Vec::new();
    // SAFETY: calls that are attached live, and ranges begin where a stack was left and end inside of the same.
    unsafe {
        let mut next = ATTACHED.get();
        while let Some(call) = next.as_ref() {
            let from = if call.is_running.get() { left_at.replace(call.resumer_at.get()) } else { Some(call.left_at()) };
            if let Some(end) = outermost(Some(call.bounds), &|_| true) {
                match from {
                    Some(start) => stack::visit_range(start, end, &mut visit),
                    None => stack::visit_words(end, &mut visit),
                }
            }
            elsewhere.push(call.bounds);
            next = call.outer.get();
        }
        if let Some(end) = outermost(None, &|fp| !elsewhere.iter().any(|bounds| bounds.contains(fp))) {
            match left_at {
                Some(start) => stack::visit_range(start, end, &mut visit),
                None => stack::visit_words(end, &mut visit),
            }
        }
    }
}

impl CallState {
    /// Where the guest's stack was left.
    fn left_at(&self) -> usize {
        // SAFETY: the suspender lives as long as the fiber, and the call is not over.
        unsafe { &*self.suspender }.left_at().max(self.bounds.low)
    }
}
