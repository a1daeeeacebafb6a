//! Host functions: the context that a guest's call reaches, and how its handler reports.

use crate::base::sync::atomic::AtomicUsize;
use std::any::Any;
use std::panic::AssertUnwindSafe;

use crate::abi::call::CallLayout;
use crate::abi::trap::TrapCode;
use crate::base::sync::Arc;
use crate::layout::{EntryFrame, IsolateBlock};
use crate::runtime::interrupt::Interrupted;
use crate::runtime::liveness::Scope;
use crate::runtime::store::Store;
use crate::runtime::stubs;
use crate::runtime::trap::{HostError, Raised};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::FuncType;

/// How the closures of one Rust type are called. Each has a handler of its own, so that the closure is part of it: a guest's call is
/// one call.
pub(crate) trait HostCode: 'static {
    /// Reads arguments from the frame, runs the closure, writes results to the frame.
    ///
    /// # Safety
    ///
    /// The data is what the definition was made with, and the frame follows the definition's type.
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError>;
}

/// What a stub calls, with the context and the frame; says how to go on: 0, or one of [`stubs::LEFT`] and [`stubs::HANDLED`].
type Handler = unsafe extern "sysv64" fn(*mut HostContext, *mut EntryFrame) -> u32;

/// A host function, independent of isolates: its type, its closure, and how to call that.
#[derive(Clone)]
pub struct HostFunc(Arc<HostFuncInner>);

#[derive(Clone)]
struct HostFuncInner {
    ty: FuncType,
    /// The type that it is of, if that is more than `ty` says: one that extends another, or is of a larger recursion group.
    canonical: Option<TypeHandle>,
    data: Arc<dyn Any + Send + Sync>,
    handler: Handler,
}

impl HostFunc {
    /// A host function.
    ///
    /// # Safety
    ///
    /// `C` must accept the address of the value in `data`, and frames of type `ty`.
    pub(crate) unsafe fn new<C: HostCode>(ty: FuncType, data: Arc<dyn Any + Send + Sync>) -> Self {
        HostFunc(Arc::new(HostFuncInner { ty, canonical: None, data, handler: handle::<C> }))
    }

    /// The same function as one of a type of an engine, which defines the function's own type.
    pub(crate) fn of_type(self, canonical: TypeHandle) -> Self {
        debug_assert_eq!(canonical.as_func(), Some(&self.0.ty));
        HostFunc(Arc::new(HostFuncInner { canonical: Some(canonical), ..(*self.0).clone() }))
    }

    /// Its type.
    pub fn ty(&self) -> &FuncType {
        &self.0.ty
    }

    /// The type that it was told to be of.
    pub fn canonical_type(&self) -> Option<&TypeHandle> {
        self.0.canonical.as_ref()
    }

    /// What tells this definition from others, while it lives.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl std::fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HostFunc").field(&self.0.ty).finish()
    }
}

/// What stands where a wasm function has its vmctx. The first word is the isolate block, as in every vmctx.
#[repr(C)]
pub struct HostContext {
    /// The isolate block.
    pub block: *mut IsolateBlock,
    /// Called by the stub with this context and the frame.
    pub handler: Handler,
    /// The closure, which `func` keeps alive.
    pub data: *const (),
    /// Bytes of stack arguments, which the stub pops.
    pub stack_arg_bytes: u64,
    /// The dispatch slot: holds the stub's address and never changes.
    pub slot: AtomicUsize,
    /// The definition, which keeps the closure alive.
    pub func: HostFunc,
    /// Its type in the engine.
    pub ty: TypeHandle,
    /// Its entry in the function table.
    pub reference: u32,
}

impl HostContext {
    /// The context of a host function in an isolate.
    pub(crate) fn new(block: *mut IsolateBlock, func: HostFunc, ty: TypeHandle) -> Box<Self> {
        let layout = CallLayout::new(func.ty());
        let ints_only = !layout.uses_float && layout.stack_arg_bytes == 0 && layout.area_bytes == 0 && layout.results.len() <= 1;
        let stub = if ints_only { stubs::host_entry_ints as *const () } else { stubs::host_entry as *const () };
        Box::new(HostContext {
            block,
            handler: func.0.handler,
            data: std::ptr::from_ref::<dyn Any>(&*func.0.data).cast(),
            stack_arg_bytes: u64::from(layout.stack_arg_bytes),
            slot: AtomicUsize::new(stub as usize),
            func,
            ty,
            reference: 0,
        })
    }
}

/// The handler of host functions: runs the closure, keeps errors and panics for the activation.
///
/// # Safety
///
/// Called by the host stubs only, with the context and frame of the call in progress.
unsafe extern "sysv64" fn handle<C: HostCode>(context: *mut HostContext, frame: *mut EntryFrame) -> u32 {
    // SAFETY: the stub passes the context that was called; contexts live as long as their store, whose pointer the block holds.
    // The store's own `&mut` is suspended in the activation that this call belongs to, and is not used before this returns.
    let (data, store) = unsafe { ((*context).data, &mut *(*(*context).block).isolate.cast::<Store>()) };
    if store.reports.is_rung() {
        store.report_code();
    }
    let scope = store.begin_scope();
    // SAFETY: `HostFunc::new` was promised that `C` fits the data and the type; the frame is the stub's.
    match std::panic::catch_unwind(AssertUnwindSafe(|| unsafe { C::run(data, store, frame) })) {
        Ok(Ok(())) => {
            store.end_scope(scope);
            0
        }
        Ok(Err(error)) => fail(store, error, scope),
        Err(panic) => {
            store.end_scope(scope);
            store.raise(Raised::Panic(panic))
        }
    }
}

/// Keeps the error of a host function for the activation, and says how the stub goes on.
#[cold]
fn fail(store: &mut Store, error: HostError, scope: Scope) -> u32 {
    // Before the handle is forgotten that names it.
    let thrown = store.thrown(&error);
    store.end_scope(scope);
    match thrown {
        Some(exception) => store.throw(exception, Some(error)),
        None if error.is::<Interrupted>() => store.raise(Raised::Code(TrapCode::Interrupted)),
        None => store.raise(Raised::Host(error)),
    }
}
