//! Host functions: the context that a guest's call reaches, and how its handler reports.

use crate::base::sync::atomic::AtomicUsize;
use std::any::Any;
use std::panic::AssertUnwindSafe;

use crate::abi::call::CallLayout;
use crate::abi::trap::TrapCode;
use crate::base::sync::Arc;
use crate::layout::{EntryFrame, IsolateBlock};
use crate::runtime::interrupt::Interrupted;
use crate::runtime::store::Store;
use crate::runtime::stubs;
use crate::runtime::trap::{HostError, Raised};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::FuncType;

/// Reads arguments from the frame, runs the host's closure, writes results to the frame.
///
/// The first argument is the closure's own data, the second the store that called.
///
/// # Safety
///
/// The data is what the definition was made with, and the frame follows the definition's type.
pub type HostCall = unsafe fn(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError>;

/// A host function, independent of isolates: its type, its closure, and how to call that.
#[derive(Clone)]
pub struct HostFunc(Arc<HostFuncInner>);

#[derive(Clone)]
struct HostFuncInner {
    ty: FuncType,
    /// The type that it is of, if that is more than `ty` says: one that extends another, or is of a larger recursion group.
    canonical: Option<TypeHandle>,
    data: Arc<dyn Any + Send + Sync>,
    call: HostCall,
}

impl HostFunc {
    /// A host function.
    ///
    /// # Safety
    ///
    /// `call` must accept the address of the value in `data`, and frames of type `ty`.
    pub unsafe fn new(ty: FuncType, data: Arc<dyn Any + Send + Sync>, call: HostCall) -> Self {
        HostFunc(Arc::new(HostFuncInner { ty, canonical: None, data, call }))
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
    /// Called by the stub with this context and the frame; says how to go on: 0, or one of [`stubs::LEFT`] and [`stubs::HANDLED`].
    pub handler: unsafe extern "sysv64" fn(*mut HostContext, *mut EntryFrame) -> u32,
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
            handler: handle,
            stack_arg_bytes: u64::from(layout.stack_arg_bytes),
            slot: AtomicUsize::new(stub as usize),
            func,
            ty,
            reference: 0,
        })
    }
}

/// The handler of every host function: runs the closure, keeps errors and panics for the activation.
///
/// # Safety
///
/// Called by the host stubs only, with the context and frame of the call in progress.
unsafe extern "sysv64" fn handle(context: *mut HostContext, frame: *mut EntryFrame) -> u32 {
    // SAFETY: the stub passes the context that was called; contexts live as long as their store, whose pointer the block holds.
    // The store's own `&mut` is suspended in the activation that this call belongs to, and is not used before this returns.
    let (func, store) = unsafe { (&(*context).func.0, &mut *(*(*context).block).isolate.cast::<Store>()) };
    if store.reports.is_rung() {
        store.report_code();
    }
    let data: *const dyn Any = &*func.data;
    let scope = store.begin_scope();
    // SAFETY: `HostFunc::new` was promised that `call` fits `data` and the type; the frame is the stub's.
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| unsafe { (func.call)(data.cast(), store, frame) }));
    // Before the handle is forgotten that names it.
    let thrown = if let Ok(Err(error)) = &result { store.thrown(error) } else { None };
    store.end_scope(scope);
    match result {
        Ok(Err(error)) if let Some(exception) = thrown => store.throw(exception, Some(error)),
        Ok(Ok(())) => 0,
        Ok(Err(error)) if error.is::<Interrupted>() => store.raise(Raised::Code(TrapCode::Interrupted)),
        Ok(Err(error)) => store.raise(Raised::Host(error)),
        Err(panic) => store.raise(Raised::Panic(panic)),
    }
}
