//! Calls from Rust into guests that executors poll.
//!
//! A future has the scope that it was made with, and the guest's arguments until its first poll. Then it has a
//! [`GuestCall`], whose frame lies in a box beside it, and gives that the store at each poll. **Invariants:** a frame outlives its call:
//! when the future is dropped the call is cancelled first. Arguments that name objects of the heap become references in the poll in which
//! the guest takes them, and results become handles in the one in which it returns.

use std::future::Future;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use smallvec::SmallVec;

use crate::compile::module::Module;
use crate::isolate::linker::Linker;
use crate::isolate::marshal::{Overflow, WasmParams, WasmResults};
use crate::isolate::scope::AsScope;
use crate::isolate::typed::{TypedFunc, UntypedCall, read_results, write_args};
use crate::layout::EntryFrame;
use crate::runtime::error::{CallError, LinkError};
use crate::runtime::fiber::GuestCall;
use crate::runtime::link::Extern;
use crate::runtime::store::Store;
use crate::runtime::trap::Trap;
use crate::runtime::value::{Func, Instance, Val};

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls it, as a future: the guest runs when that is polled, on a stack of its own. It is pending while an
    /// [asynchronous host function](Linker::func_wrap_async) that the guest has called is pending, and when the guest
    /// [yields](crate::Isolate::set_async_yield). It depends on no executor, and may be polled by one thread after another.
    ///
    /// A future that is dropped drops what its guest waits for; the guest stops where it is, as by a trap that nobody sees. An
    /// [interrupt](crate::InterruptHandle) or a deadline ends a guest that waits as well as one that runs, and wakes its task. The guest keeps
    /// the thread while it compiles a function that it calls first, in host functions that are not asynchronous, and in `memory.atomic.wait`.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call), and [`CallError::Trap`] when there is no memory for a stack.
    ///
    /// # Panics
    ///
    /// In the poll in which a host function panics. When it is polled after its end.
    pub fn call_async<S: AsScope>(&self, scope: S, params: P) -> impl Future<Output = Result<R, CallError>> + use<S, P, R> {
        let frame = TypedFrame(Box::new((MaybeUninit::uninit(), MaybeUninit::uninit())));
        GuestFuture::new(scope, TypedCall { func: self.func(), params: Some(params), frame, results: PhantomData::<fn() -> R> })
    }
}

impl Func {
    /// Calls it with values of any types; see [`TypedFunc::call_async`].
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As there.
    pub fn call_async<S: AsScope>(&self, scope: S, args: &[Val]) -> impl Future<Output = Result<Vec<Val>, CallError>> + use<S> {
        GuestFuture::new(scope, AnyCall { func: *self, args: args.into(), call: None })
    }
}

impl Linker {
    /// Makes an instance, whose start function is [called asynchronously](TypedFunc::call_async). Imports are looked up at once, all else is done
    /// when the future is polled. One that is dropped leaves no instance.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// As for [`TypedFunc::call_async`].
    pub fn instantiate_async<S: AsScope>(
        &self,
        mut scope: S,
        module: &Module,
    ) -> impl Future<Output = Result<Instance, LinkError>> + use<S> {
        let imports = Some(self.imports(&mut scope, module));
        GuestFuture::new(scope, StartCall { module: module.clone(), imports, instance: None, frame: None })
    }
}

/// What is called, and what becomes of it.
trait Callee {
    type Output;
    type Error: From<Trap>;

    /// Prepares the call; nothing if there is none to make.
    fn begin(&mut self, store: &mut Store) -> Result<Option<GuestCall>, Self::Error>;

    /// The results, when the call has returned.
    fn end(&mut self, store: &mut Store) -> Result<Self::Output, Self::Error>;

    /// The call has trapped, or was cancelled.
    fn fail(&mut self, _store: &mut Store) {}
}

/// A call, as a future.
struct GuestFuture<S: AsScope, C: Callee> {
    scope: S,
    callee: C,
    state: State,
}

enum State {
    New,
    Begun(GuestCall),
    Over,
}

impl<S: AsScope, C: Callee> GuestFuture<S, C> {
    fn new(scope: S, callee: C) -> Self {
        GuestFuture { scope, callee, state: State::New }
    }
}

// Nothing in it is pinned: the guest has its stack and its frame elsewhere.
impl<S: AsScope, C: Callee> Unpin for GuestFuture<S, C> {}

impl<S: AsScope, C: Callee> Future for GuestFuture<S, C> {
    type Output = Result<C::Output, C::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let GuestFuture { scope, callee, state } = &mut *self;
        let store = scope.store_mut();
        if let State::New = state {
            *state = State::Over;
            match callee.begin(store)? {
                Some(call) => *state = State::Begun(call),
                None => return Poll::Ready(callee.end(store)),
            }
        }
        let State::Begun(call) = state else { panic!("an asynchronous call was polled after its end") };
        let Poll::Ready(result) = call.poll(store, context) else { return Poll::Pending };
        *state = State::Over;
        Poll::Ready(match result {
            Ok(()) => callee.end(store),
            Err(trap) => {
                callee.fail(store);
                Err(trap.into())
            }
        })
    }
}

impl<S: AsScope, C: Callee> Drop for GuestFuture<S, C> {
    fn drop(&mut self) {
        if let State::Begun(call) = &mut self.state {
            let store = self.scope.store_mut();
            call.cancel(store);
            self.callee.fail(store);
        }
    }
}

/// Arguments and results of a typed call, at a place that stays.
struct TypedFrame(Box<(MaybeUninit<EntryFrame>, MaybeUninit<Overflow>)>);

// SAFETY: the frame's pointers lead into the same box.
unsafe impl Send for TypedFrame {}

struct TypedCall<P, R> {
    func: Func,
    params: Option<P>,
    frame: TypedFrame,
    results: PhantomData<fn() -> R>,
}

impl<P: WasmParams, R: WasmResults> Callee for TypedCall<P, R> {
    type Output = R;
    type Error = CallError;

    fn begin(&mut self, store: &mut Store) -> Result<Option<GuestCall>, CallError> {
        let entry = store.func_entry(self.func).ok_or(CallError::Foreign)?;
        let (slot, vmctx) = (entry.slot, entry.vmctx);
        let (frame, overflow) = (self.frame.0.0.as_mut_ptr(), self.frame.0.1.as_mut_ptr());
        let params = self.params.take().ok_or(CallError::Foreign)?;
        // SAFETY: the frame has room for parameters and results of a tuple, and all that the function's type has is written before the call. The
        // box is dropped after the call is over.
        unsafe {
            write_args::<P, R>(params, store, vmctx, frame, overflow).ok_or(CallError::Foreign)?.finish();
            Ok(Some(GuestCall::new(store, slot, frame)?))
        }
    }

    fn end(&mut self, store: &mut Store) -> Result<R, CallError> {
        // SAFETY: the frame is that of the call, which has returned.
        Ok(unsafe { read_results(store, self.frame.0.0.as_mut_ptr(), self.frame.0.1.as_mut_ptr()) })
    }
}

struct AnyCall {
    func: Func,
    args: Box<[Val]>,
    call: Option<AnyFrame>,
}

struct AnyFrame(Box<UntypedCall>);

// SAFETY: the frame's pointers lead into memory that the same box owns, and the slot is the store's, which is `Send`.
unsafe impl Send for AnyFrame {}

impl Callee for AnyCall {
    type Output = Vec<Val>;
    type Error = CallError;

    fn begin(&mut self, store: &mut Store) -> Result<Option<GuestCall>, CallError> {
        let AnyFrame(call) = self.call.insert(AnyFrame(Box::new(UntypedCall::new(store, self.func, &self.args)?)));
        // SAFETY: the frame follows the layout of the function's type, in a box that is dropped after the call is over.
        Ok(Some(unsafe { GuestCall::new(store, call.slot, &raw mut call.frame) }?))
    }

    fn end(&mut self, store: &mut Store) -> Result<Vec<Val>, CallError> {
        Ok(self.call.as_ref().map_or_else(Vec::new, |AnyFrame(call)| call.results(store)))
    }
}

struct StartCall {
    module: Module,
    imports: Option<Result<SmallVec<[Extern; 8]>, LinkError>>,
    instance: Option<u32>,
    frame: Option<StartFrame>,
}

struct StartFrame(Box<EntryFrame>);

// SAFETY: a start function has no arguments, and so the frame no pointers but the vmctx, which is the store's.
unsafe impl Send for StartFrame {}

impl Callee for StartCall {
    type Output = Instance;
    type Error = LinkError;

    fn begin(&mut self, store: &mut Store) -> Result<Option<GuestCall>, LinkError> {
        let imports = self.imports.take().unwrap_or_else(|| Ok(SmallVec::new()))?;
        let instance = store.begin_instance(&self.module, &imports)?;
        self.instance = Some(instance);
        let Some((slot, vmctx)) = store.start_function(instance) else { return Ok(None) };
        // SAFETY: all-zero is a frame, of a function without arguments.
        let StartFrame(frame) = self.frame.insert(StartFrame(Box::new(unsafe { std::mem::zeroed() })));
        frame.int_args[0] = vmctx as u64;
        // SAFETY: the slot and the vmctx are those of the start function, which has neither parameters nor results. The box is dropped
        // after the call is over.
        let call = unsafe { GuestCall::new(store, slot, &raw mut **frame) };
        call.map(Some).map_err(|trap| {
            self.fail(store);
            LinkError::Trap(trap)
        })
    }

    fn end(&mut self, store: &mut Store) -> Result<Instance, LinkError> {
        match self.instance.take() {
            Some(instance) => store.end_instance(instance, Ok(())),
            None => Err(LinkError::Resource("the module was not instantiated".into())),
        }
    }

    fn fail(&mut self, store: &mut Store) {
        if let Some(instance) = self.instance.take() {
            store.abandon(instance);
        }
    }
}
