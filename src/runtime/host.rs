//! Host functions: the context that a guest's call reaches, and how its handler reports.

use crate::base::sync::atomic::AtomicUsize;
use std::any::Any;
use std::mem::{MaybeUninit, offset_of};
use std::panic::AssertUnwindSafe;

use crate::abi::call::CallLayout;
use crate::abi::trap::TrapCode;
use crate::base::sync::Arc;
use crate::layout::{EntryFrame, IsolateBlock};
use crate::runtime::interrupt::Interrupted;
use crate::runtime::liveness::Scope;
use crate::runtime::store::Store;
use crate::runtime::stubs::{self, BuiltinReturn};
use crate::runtime::trap::{HostError, Raised};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::FuncType;

/// How the closures of one Rust type are called. Each has a handler of its own, so that the closure is part of it: a guest's call is
/// one call.
pub(crate) trait HostCode: 'static {
    /// Whether it can come by handles: it sees the store, or references.
    const USES_HANDLES: bool = true;

    /// Reads arguments from the frame, runs the closure, writes results to the frame.
    ///
    /// # Safety
    ///
    /// The data is what the definition was made with, and the frame follows the definition's type.
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError>;

    /// The same of a function that may have captured a value of the heap.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run), with the data of the context.
    #[inline(always)]
    unsafe fn run_of(context: *const HostContext, store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: by contract.
        unsafe { Self::run((*context).data, store, frame) }
    }
}

/// By which stub guests call host functions of a type, and what that calls for one.
#[derive(Clone, Copy)]
struct Entry {
    stub: unsafe extern "sysv64" fn(),
    /// Address of a [`handle`] or of a [`handle_ints`], as the stub wants.
    handler: usize,
    /// Bytes of stack arguments.
    stack_arg_bytes: u32,
}

impl Entry {
    fn new<C: HostCode>(ty: &FuncType) -> Self {
        let layout = CallLayout::new(ty);
        let ints_only = !layout.uses_float && layout.stack_arg_bytes == 0 && layout.area_bytes == 0 && layout.results.len() <= 1;
        let (stub, handler): (unsafe extern "sysv64" fn(), usize) = if ints_only {
            (stubs::host_entry_ints, handle_ints::<C> as *const () as usize)
        } else {
            (stubs::host_entry, handle::<C> as *const () as usize)
        };
        Entry { stub, handler, stack_arg_bytes: layout.stack_arg_bytes }
    }
}

/// A host function, independent of isolates: its type, its closure, and how to call that.
#[derive(Clone)]
pub struct HostFunc(Arc<HostFuncInner>);

#[derive(Clone)]
struct HostFuncInner {
    ty: FuncType,
    /// The type that it is of, if that is more than `ty` says: one that extends another, or is of a larger recursion group.
    canonical: Option<TypeHandle>,
    data: Arc<dyn Any + Send + Sync>,
    entry: Entry,
}

impl HostFunc {
    /// A host function.
    ///
    /// # Safety
    ///
    /// `C` must accept the address of the value in `data`, and frames of type `ty`.
    pub(crate) unsafe fn new<C: HostCode>(ty: FuncType, data: Arc<dyn Any + Send + Sync>) -> Self {
        let entry = Entry::new::<C>(&ty);
        HostFunc(Arc::new(HostFuncInner { ty, canonical: None, data, entry }))
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
    /// Called by the stub with this context.
    handler: usize,
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
    /// A boxed value of the heap that the closure is about.
    pub captured: u64,
}

impl HostContext {
    /// Offset of the handler.
    pub const HANDLER: usize = offset_of!(HostContext, handler);

    /// The context of a host function in an isolate.
    pub(crate) fn new(block: *mut IsolateBlock, func: HostFunc, ty: TypeHandle) -> Box<Self> {
        let Entry { stub, handler, stack_arg_bytes } = func.0.entry;
        Box::new(HostContext {
            block,
            handler,
            data: std::ptr::from_ref::<dyn Any>(&*func.0.data).cast(),
            stack_arg_bytes: u64::from(stack_arg_bytes),
            slot: AtomicUsize::new(stub as *const () as usize),
            func,
            ty,
            reference: 0,
            captured: 0,
        })
    }
}

/// What [`stubs::host_entry`] calls, with all arguments in a frame; says how to go on: 0, or one of [`stubs::LEFT`] and [`stubs::HANDLED`].
///
/// # Safety
///
/// As for [`call`].
unsafe extern "sysv64" fn handle<C: HostCode>(context: *mut HostContext, frame: *mut EntryFrame) -> u32 {
    // SAFETY: by contract.
    unsafe {
        let store = store_of(context);
        if store.reports.is_rung() {
            store.report_code();
        }
        call::<C>(context, store, frame)
    }
}

/// What [`stubs::host_entry_ints`] calls, with the arguments as the guest has them, and as many more as there are registers.
///
/// The frame is of this function: with the closure inlined it is in registers again. A guest waits for a value that goes through memory
/// longer than for all else that a call does.
///
/// # Safety
///
/// As for [`call`], of a function that has integers only.
unsafe extern "sysv64" fn handle_ints<C: HostCode>(
    context: *mut HostContext,
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    fifth: u64,
) -> BuiltinReturn {
    let mut frame = MaybeUninit::<EntryFrame>::uninit();
    let frame = frame.as_mut_ptr();
    // SAFETY: by contract. The frame is this function's; what is read of it is what the type has: integers, written here.
    unsafe {
        let store = store_of(context);
        if store.reports.is_rung() {
            return report_first::<C>(context, first, second, third, fourth, fifth);
        }
        (&raw mut (*frame).int_args).write([context as u64, first, second, third, fourth, fifth]);
        (&raw mut (*frame).int_results[0]).write(0);
        let trapped = call::<C>(context, store, frame);
        BuiltinReturn { value: (&raw const (*frame).int_results[0]).read(), trapped: u64::from(trapped) }
    }
}

/// [`handle_ints`] when code was replaced. A function of its own, as the last thing that the other does: so that one need not keep its arguments, and
/// saves no register for that.
///
/// # Safety
///
/// As for [`handle_ints`].
#[cold]
#[inline(never)]
unsafe extern "sysv64" fn report_first<C: HostCode>(
    context: *mut HostContext,
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    fifth: u64,
) -> BuiltinReturn {
    // SAFETY: by contract.
    unsafe {
        store_of(context).report_code();
        handle_ints::<C>(context, first, second, third, fourth, fifth)
    }
}

/// The store of the host function that a guest has called.
///
/// # Safety
///
/// As for [`call`]; one reference at a time is used.
#[inline(always)]
unsafe fn store_of<'a>(context: *mut HostContext) -> &'a mut Store {
    // SAFETY: the stub passes the context that was called; contexts live as long as their store, whose pointer the block holds.
    // The store's own `&mut` is suspended in the activation that this call belongs to, and is not used before this returns.
    unsafe { &mut *(*(*context).block).isolate.cast::<Store>() }
}

/// Calls a host function for a guest: runs the closure, keeps errors and panics for the activation.
///
/// # Safety
///
/// Called by way of the host stubs only, with the context, its store and the frame of the call in progress.
#[inline(always)]
unsafe fn call<C: HostCode>(context: *mut HostContext, store: &mut Store, frame: *mut EntryFrame) -> u32 {
    let context = context.cast_const();
    let scope = if C::USES_HANDLES { Some(store.begin_scope()) } else { None };
    // SAFETY: `HostFunc::new` was promised that `C` fits the data and the type; the frame is of the call.
    match std::panic::catch_unwind(AssertUnwindSafe(|| unsafe { C::run_of(context, store, frame) })) {
        Ok(Ok(())) => {
            if let Some(scope) = scope {
                store.end_scope(scope);
            }
            0
        }
        Ok(Err(error)) => fail(store, error, scope),
        Err(panic) => fail_with_panic(store, panic, scope),
    }
}

/// Keeps the error of a host function for the activation, and says how the stub goes on.
#[cold]
fn fail(store: &mut Store, error: HostError, scope: Option<Scope>) -> u32 {
    // Before the handle is forgotten that names it.
    let thrown = store.thrown(&error);
    if let Some(scope) = scope {
        store.end_scope(scope);
    }
    match thrown {
        Some(exception) => store.throw(exception, Some(error)),
        None if error.is::<Interrupted>() => store.raise(Raised::Code(TrapCode::Interrupted)),
        None => store.raise(Raised::Host(error)),
    }
}

/// The same for a panic.
#[cold]
fn fail_with_panic(store: &mut Store, panic: Box<dyn Any + Send>, scope: Option<Scope>) -> u32 {
    if let Some(scope) = scope {
        store.end_scope(scope);
    }
    store.raise(Raised::Panic(panic))
}
