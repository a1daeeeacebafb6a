//! The table of functions as definitions of a linker. The isolate's host data holds the [`WasiCtx`].

use crate::isolate::{Caller, Linker};
use crate::runtime::error::LinkError;
use crate::runtime::interrupt::Interrupted;
use crate::runtime::trap::HostError;
use crate::wasi::ctx::WasiCtx;
use crate::wasi::memory::GuestMemory;
use crate::wasi::table::{MODULE_NAME, ParamType, Stop, WasiCall, WasiFunction, functions};
use crate::wasm::types::{FuncType, ValType};

/// The guest ended itself with `proc_exit`; not a failure of the guest, but no results either. Found with
/// [`Trap::downcast_ref`](crate::Trap::downcast_ref).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exit with status {0}")]
pub struct Exit(pub u32);

/// A WASI call could not be made at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Unusable {
    #[error("WASI was called, but the isolate has no WasiCtx: give it one with `Isolate::set_data`")]
    NoContext,
    #[error("WASI was called by a module without a memory")]
    NoMemory,
}

/// Defines all functions of `wasi_snapshot_preview1`.
///
/// # Errors
///
/// One of the names is taken.
pub fn add_to_linker(linker: &mut Linker) -> Result<(), LinkError> {
    for function in functions() {
        linker.func_words(MODULE_NAME, function.name, func_type(function), move |caller, args| call(function, caller, args))?;
    }
    Ok(())
}

fn func_type(function: &WasiFunction) -> FuncType {
    let params = function.params.iter().map(|param| match param {
        ParamType::I32 => ValType::I32,
        ParamType::I64 => ValType::I64,
    });
    FuncType::new(params, function.returns_errno.then_some(ValType::I32))
}

fn call(function: &WasiFunction, mut caller: Caller<'_>, args: &[u64]) -> Result<Option<u64>, HostError> {
    let _span = tracing::trace_span!(target: crate::base::trace::WASI, "wasi", function = function.name).entered();
    let memory = caller.memory().ok_or(Unusable::NoMemory)?;
    let interrupts = caller.interrupt_handle();
    let shared = memory.as_shared(&caller);
    let (mut memory, ctx) = match &shared {
        Some(shared) => (GuestMemory::Shared(shared), caller.data_mut::<WasiCtx>().ok_or(Unusable::NoContext)?),
        None => {
            let (bytes, ctx) = caller.memory_and_data::<WasiCtx>(memory).ok_or(Unusable::NoContext)?;
            (GuestMemory::Own(bytes), ctx)
        }
    };
    let outcome = (function.call)(&mut WasiCall { ctx, memory: &mut memory, interrupted: &|| interrupts.is_pending() }, args);
    match outcome {
        Ok(errno) => Ok(Some(u64::from(errno.code()))),
        Err(Stop::Exit(status)) => Err(Exit(status).into()),
        Err(Stop::Interrupted) => Err(Interrupted.into()),
    }
}
