//! On-stack replacement: a loop that has polled goes on in optimized code ([`abi::osr`](crate::abi::osr)).
//!
//! The poll's stub has put all registers aside. If there is a version of the function for this loop, the loop's state is copied from the
//! frame and the registers to a buffer of the store, the return address moves up over the stack arguments, and the block is told where to
//! go on and which registers to restore for the caller, as for a handler of an exception. The stub, to which everything in Rust
//! has returned, then jumps: the new code's frame begins where the old one began.
//!
//! **Invariants:** the copy is read before anything else of the store can run, so that one buffer is enough and references in it need no
//! collector. No loop is moved to a frame that does not fit what is left of the stack, since the old one did.

use std::{ptr, slice};

use crate::abi::artifact::Register;
use crate::abi::call::CallLayout;
use crate::abi::osr::{STATE_BELOW_FP, STATE_BYTES};
use crate::abi::vmctx::{BLOCK, INSTANCE};
use crate::base::sync::atomic::Ordering;
use crate::code::loops::LoopCode;
use crate::code::registry::{self, PollingLoop};
use crate::layout::IsolateBlock;
use crate::layout::block::ActivationWords;
use crate::layout::frame::PollFrame;
use crate::platform::second_stack::with_second_stack;
use crate::runtime::store::Store;
use crate::runtime::stubs::{BuiltinReturn, HANDLED};

/// What a frame pushes itself: the frame pointer of its caller.
const LINK_BYTES: usize = 8;

/// The state of the loop that is on its way.
#[derive(Debug, Default)]
pub(crate) struct LoopStates {
    state: Option<Box<State>>,
}

#[repr(C, align(16))]
#[derive(Debug)]
struct State([u8; STATE_BYTES]);

impl LoopStates {
    /// The buffer for states.
    fn state(&mut self) -> &mut [u8; STATE_BYTES] {
        &mut self.state.get_or_insert_with(|| Box::new(State([0; STATE_BYTES]))).0
    }
}

const _: () = assert!(STATE_BYTES.is_multiple_of(16));
const RDI: u8 = 7;
const R15: usize = 15;

/// A loop has used up its function's budget: asks for better code of the function, and goes on in such code if there is some for the loop.
///
/// # Safety
///
/// Called by its stub only, with the vmctx of the function and the registers at the poll.
pub(crate) unsafe extern "sysv64" fn poll(vmctx: *mut u8, registers: *const PollFrame) -> BuiltinReturn {
    // SAFETY: every vmctx begins with its block, which holds the address of the store; the store's `&mut` outside is suspended in the
    // activation that this call belongs to.
    let (store, instance) = unsafe {
        let block = vmctx.add(BLOCK as usize).cast::<*mut IsolateBlock>().read();
        (&mut *(*block).isolate.cast::<Store>(), vmctx.add(INSTANCE as usize).cast::<usize>().read())
    };
    let ActivationWords { exit_pc, exit_fp, .. } = store.block.activation;
    let goes_on = BuiltinReturn { value: 0, trapped: 0 };
    // SAFETY: the function has called and waits, so that its code is on the stack.
    let Some(polling) = (unsafe { registry::polling_loop(exit_pc) }) else { return goes_on };
    let object = &store.instances[instance];
    let (module, variant) = (object.module.clone(), object.variant);
    // Without threads the code is made here; without memory for that the loop stays where it is, and asks again.
    let found = with_second_stack(|| module.poll_loop(variant, polling.func, polling.wasm_offset));
    let Ok(Some(code)) = found else { return goes_on };
    let decoded = module.decoded();
    let stack_arg_bytes = CallLayout::new(decoded.func_type(decoded.func_index(polling.func))).stack_arg_bytes as usize;
    // SAFETY: as above; the frame is the one that has polled, its caller has passed so many bytes, and the stub has written the registers.
    match unsafe { store.replace_frame(&polling, code, exit_fp, stack_arg_bytes, &*registers) } {
        Some(state_end) => {
            module.entered_loop(variant, polling.func, polling.wasm_offset);
            BuiltinReturn { value: state_end as u64, trapped: u64::from(HANDLED) }
        }
        None => goes_on,
    }
}

impl Store {
    /// Tells the block how to go on in a loop version in place of a baseline frame; gives the address of the end of the state. Nothing
    /// if there is no room for the new frame.
    ///
    /// # Safety
    ///
    /// The frame pointer is that of the baseline frame that has polled, with these registers, and all that lies below it on the stack is
    /// given up when this has succeeded. Its function has so many bytes of arguments on the stack.
    unsafe fn replace_frame(
        &mut self,
        polling: &PollingLoop<'_>,
        code: LoopCode,
        fp: usize,
        stack_arg_bytes: usize,
        registers: &PollFrame,
    ) -> Option<usize> {
        // Where the return address will be.
        let sp = fp + LINK_BYTES + stack_arg_bytes;
        let bottom = sp.checked_sub(LINK_BYTES + code.frame_bytes as usize)?;
        // Relaxed: another thread changes it to stop the guest, which the next poll sees.
        if bottom < self.block.stack_limit.load(Ordering::Relaxed) || code.state_bytes != polling.state_bytes {
            debug_assert_eq!(code.state_bytes, polling.state_bytes, "both tiers know the same state");
            return None;
        }
        let bytes = polling.state_bytes as usize;
        let state = self.loops.state();
        // SAFETY: the slots lie in the frame, below the saved registers.
        let slots = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(fp - STATE_BELOW_FP as usize - bytes), bytes) };
        state[STATE_BYTES - bytes..].copy_from_slice(slots);
        for value in polling.values {
            let from = STATE_BYTES - value.offset as usize;
            match value.register {
                Register::Int(number) => state[from..from + 8].copy_from_slice(&registers.int(number).to_le_bytes()),
                Register::Float(number) => state[from..from + 8].copy_from_slice(&registers.float(number).to_le_bytes()[..8]),
                Register::Vector(number) => state[from..from + 16].copy_from_slice(&registers.float(number).to_le_bytes()),
            }
        }
        let state_end = state.as_ptr_range().end.addr();
        state.as_ptr().expose_provenance();
        let block = &mut *self.block;
        let mut saves = block.handler_registers.each_ref().map(|register| ptr::from_ref(register).expose_provenance());
        polling.saved.places().for_each(|(register, below_fp)| saves[register] = fp - below_fp as usize);
        // SAFETY: a frame begins with its caller's frame pointer and the return address, above which are the arguments on the stack, whose
        // copies are in slots.
        unsafe {
            let [caller_fp, return_address] = ptr::with_exposed_provenance::<[usize; 2]>(fp).read();
            ptr::with_exposed_provenance_mut::<usize>(sp).write(return_address);
            block.handler_fp = caller_fp;
        }
        (block.handler_pc, block.handler_sp, block.handler_saves) = (code.address, sp, saves);
        Some(state_end)
    }
}

impl PollFrame {
    fn int(&self, number: u8) -> u64 {
        // The vmctx was exchanged for what rdi held.
        self.ints[if number == RDI { R15 } else { usize::from(number) }]
    }

    fn float(&self, number: u8) -> u128 {
        self.floats[usize::from(number)]
    }
}
