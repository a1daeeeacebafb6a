//! The first call of a function that has no code yet, and the one after which it is worth better code.
//!
//! It came through the function's thunk to the stub, which has put the arguments aside. The function is compiled on this thread, or by
//! another that was asked a moment before; then the stub goes on in its code, as if the call had led there.
//!
//! **Invariants:** compiling allocates nothing on the isolate's heap, so that references among the arguments stay what they are; it
//! runs on a stack of its own, since the guest's may be at its end.

use crate::abi::vmctx::{BLOCK, INSTANCE};
use crate::code::registry;
use crate::layout::IsolateBlock;
use crate::platform::second_stack::with_second_stack;
use crate::runtime::store::Store;
use crate::runtime::stubs::{BuiltinReturn, LEFT};
use crate::runtime::trap::{HostError, Raised};

/// Has the function compiled whose thunk pushed an address; gives the address of its code.
///
/// # Safety
///
/// Called by its stub only, with the callee's vmctx.
pub(crate) unsafe extern "sysv64" fn compile(vmctx: *mut u8, pushed: usize) -> BuiltinReturn {
    // SAFETY: every vmctx begins with its block, which holds the address of the store; the store's `&mut` outside is suspended in the
    // activation that this call belongs to.
    let (store, instance) = unsafe {
        let block = vmctx.add(BLOCK as usize).cast::<*mut IsolateBlock>().read();
        (&mut *(*block).isolate.cast::<Store>(), vmctx.add(INSTANCE as usize).cast::<usize>().read())
    };
    let callee = &store.instances[instance];
    let compiled = match with_second_stack(|| callee.module.compile_called(callee.variant, pushed)) {
        Ok(compiled) => compiled.map_err(|error| Box::new(error) as HostError),
        Err(error) => Err(Box::new(error) as HostError),
    };
    match compiled {
        Ok(code) => BuiltinReturn { value: code as u64, trapped: 0 },
        Err(error) => {
            store.raise(Raised::Host(error));
            BuiltinReturn { value: 0, trapped: u64::from(LEFT) }
        }
    }
}

/// Asks for better code of the function that has polled: its budget is used up. It goes on in the code that it has.
///
/// # Safety
///
/// Called by its stub only, with the vmctx of the function.
pub(crate) unsafe extern "sysv64" fn tier_up(vmctx: *mut u8) -> BuiltinReturn {
    // SAFETY: as above.
    let (store, instance) = unsafe {
        let block = vmctx.add(BLOCK as usize).cast::<*mut IsolateBlock>().read();
        (&mut *(*block).isolate.cast::<Store>(), vmctx.add(INSTANCE as usize).cast::<usize>().read())
    };
    // SAFETY: the function has called and waits, so that its code is on the stack.
    let func = unsafe { registry::lookup(store.block.activation.exit_pc) }.map(|site| site.func);
    let instance = &store.instances[instance];
    if let Some(func) = func {
        // Without threads the code is made here; without memory for that the function stays as it is, and asks again.
        let _ = with_second_stack(|| instance.module.tier_up(instance.variant, func));
    }
    BuiltinReturn { value: 0, trapped: 0 }
}
