//! Hardware faults of guest code, as traps; and as calls of the runtime, where a guest is asked to yield.

use crate::base::sync::atomic::Ordering;
use std::ptr;

use crate::abi::trap::TrapCode;
use crate::code::registry;
use crate::layout::block::interrupt::YIELD;
use crate::platform::signals::{self, Answer, Detour, Fault, Resume, SignalError};
use crate::runtime::activation;
use crate::runtime::store::Store;
use crate::runtime::stubs;

/// Installs the fault handler, once per process.
///
/// # Errors
///
/// The system refuses.
pub(crate) fn install() -> Result<(), SignalError> {
    signals::install(on_fault)
}

/// Runs in signal context: reads the registry without locks, gathers frames into a fixed buffer, and names the place to resume.
fn on_fault(fault: &Fault) -> Option<Answer> {
    let block = activation::current_block();
    if block.is_null() {
        return None;
    }
    // SAFETY: the address is that of the interrupted instruction.
    let trap = unsafe { registry::trap_at(fault.pc)? };
    // SAFETY: the block belongs to the guest that this thread runs; the word is an atomic.
    match (trap, unsafe { &(*block).interrupt }.load(Ordering::SeqCst)) {
        // A poll has met an interrupt that was taken back.
        (TrapCode::Interrupted, 0) => return Some(Answer::Again),
        (TrapCode::Interrupted, YIELD) => {
            return Some(Answer::Detour(Detour { function: stubs::preempt_address(), pc: fault.pc, sp: fault.sp, fp: fault.fp }));
        }
        // A function's entry has compared with the limit that is lifted for the yield. It has pushed the frame pointer and no more.
        (TrapCode::StackOverflow, YIELD) if fault.sp == fault.fp => {
            // SAFETY: the interrupted instruction is in code that is alive, and where it has pushed there is a word and the return address.
            let (site, caller_fp) =
                unsafe { (registry::lookup(fault.pc)?, ptr::with_exposed_provenance::<usize>(fault.sp).read()) };
            let (pc, sp) = (fault.pc - site.code_offset as usize, fault.sp + size_of::<usize>());
            return Some(Answer::Detour(Detour { function: stubs::preempt_address(), pc, sp, fp: caller_fp }));
        }
        _ => {}
    }
    // SAFETY: the block belongs to the guest that this thread was running when it faulted, and the fault is in guest code, so that
    // no Rust code holds a reference to the block or the store's trace at this moment.
    unsafe {
        (*block).fault_pc = fault.pc;
        (*block).fault_fp = fault.fp;
        (*block).fault_address = fault.address;
        // Relaxed: read on this thread, after the resume.
        (*block).pending_trap.store(trap as u32, Ordering::Relaxed);
        let store = (*block).isolate.cast::<Store>();
        (*store).trace.capture(fault.pc, fault.fp, (*block).activation.entry_fp, true);
        let activation = &(*block).activation;
        Some(Answer::Resume(Resume { pc: activation.entry_pc, sp: activation.entry_sp, fp: activation.entry_fp }))
    }
}
