//! Asynchronous host functions, from Rust closures that give futures.
//!
//! *Problem.* A host function that waits must not keep the executor's thread. *Idea.* Its closure gives a future, which borrows the isolate by
//! an [`AsyncCaller`]. The guest's stack is left, and the poll of the call polls the future ([`fiber`](crate::runtime::fiber)). When that is ready
//! the guest goes on with its result.
//!
//! **Invariant:** between a guest's call and the suspension are frames of this file and of `runtime` only, in which the future is the one
//! value of the host's; and futures are `Send`.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use std::any::Any;

use crate::abi::call::CallLayout;
use crate::base::sync::Arc;
use crate::isolate::caller::Caller;
use crate::isolate::func::{IntoResult, finish, func_type, read_args, write_results};
use crate::isolate::handles;
use crate::isolate::linker::Linker;
use crate::isolate::marshal::{ArgReader, FrameReader, WasmParams, WasmResults, uses_area};
use crate::isolate::scope::AsScope;
use crate::layout::EntryFrame;
use crate::runtime::error::{LinkError, ResourceError};
use crate::runtime::host::{HostCode, HostFunc};
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::link::Extern;
use crate::runtime::store::Store;
use crate::runtime::trap::HostError;
use crate::runtime::value::{Func, Instance, Memory, Val};
use crate::wasm::types::FuncType;

/// What the closure of an asynchronous host function gives: a future that may borrow its [`AsyncCaller`].
pub type HostFuture<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// The isolate during a call of an asynchronous host function.
///
/// It may be kept while the function waits, and move to another thread with it. It gives access while the function is polled.
///
/// # Panics
///
/// All that uses it does on a thread that is not the one that polls the call.
#[derive(Debug)]
pub struct AsyncCaller<'a> {
    store: &'a mut Store,
}

impl AsyncCaller<'_> {
    /// The same for functions that take a [`Caller`]; it cannot be kept while the host function waits.
    pub fn caller(&mut self) -> Caller<'_> {
        Caller::new(self.store_mut())
    }

    /// The instance whose code called; `None` when Rust called the host function directly.
    pub fn instance(&self) -> Option<Instance> {
        self.store().calling_instance()
    }

    /// An export of the calling instance.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let instance = self.instance()?;
        instance.get_export(self, name)
    }

    /// The calling instance's export "memory", or its first memory.
    pub fn memory(&mut self) -> Option<Memory> {
        let instance = self.instance()?;
        handles::default_memory(self.store_mut(), instance)
    }

    /// The host's value of a type.
    pub fn data<T: Any + Send>(&self) -> Option<&T> {
        self.store().host_value()
    }

    /// The host's value of a type, to change.
    pub fn data_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.store_mut().host_value_mut()
    }

    /// A memory's bytes together with the host's value of a type; see [`Caller::memory_and_data`].
    pub fn memory_and_data<T: Any + Send>(&mut self, memory: Memory) -> Option<(&mut [u8], &mut T)> {
        self.store_mut().memory_and_host_value(memory)
    }

    /// A handle by which any thread can stop the guest. Who waits need not ask it: when the guest shall end, the future is dropped.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.store().interrupts.handle()
    }

    pub(crate) fn store(&self) -> &Store {
        // Limits, signals and activations of the guest are those of the polling thread.
        assert!(self.store.is_polled_here(), "an AsyncCaller was used on a thread that does not poll the call");
        self.store
    }

    pub(crate) fn store_mut(&mut self) -> &mut Store {
        assert!(self.store.is_polled_here(), "an AsyncCaller was used on a thread that does not poll the call");
        self.store
    }
}

impl Linker {
    /// Defines an asynchronous host function from a closure whose parameters, behind the [`AsyncCaller`], are one value or a tuple. While its
    /// future is pending, so is that of the call by which the guest was entered.
    ///
    /// ```
    /// use deltic::{Config, Isolate, Linker, Module, WasmEngine};
    /// # use std::{pin, task};
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = pin::pin!(future);
    /// #     let mut context = task::Context::from_waker(task::Waker::noop());
    /// #     loop { if let task::Poll::Ready(done) = future.as_mut().poll(&mut context) { return done } }
    /// # }
    /// # async fn fetch(id: u32) -> u64 { u64::from(id) * 2 }
    ///
    /// let engine = WasmEngine::new(&Config::default())?;
    /// let module = Module::new(&engine, r#"(module
    ///     (import "host" "fetch" (func $fetch (param i32 i32) (result i64)))
    ///     (func (export "run") (result i64) (call $fetch (i32.const 20) (i32.const 2))))"#)?;
    /// let mut linker = Linker::new(&engine);
    /// linker.func_wrap_async("host", "fetch", |mut caller, (id, more): (u32, u32)| {
    ///     Box::pin(async move {
    ///         let found = fetch(id).await;
    ///         *caller.data_mut::<u32>().expect("set below") += 1;
    ///         found + u64::from(more)
    ///     })
    /// })?;
    /// let mut isolate = Isolate::new(&engine)?;
    /// isolate.set_data(0u32);
    /// let instance = linker.instantiate(&mut isolate, &module)?;
    /// let run = instance.get_typed_func::<(), u64>(&mut isolate, "run")?;
    /// assert_eq!(block_on(run.call_async(&mut isolate, ()))?, 42);
    /// assert_eq!(isolate.data::<u32>(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A guest that was entered [synchronously](crate::TypedFunc::call) traps when it calls such a function. What is not `Send` cannot be
    /// kept while it waits:
    ///
    /// ```compile_fail,E0277
    /// # use deltic::{Linker, LinkError};
    /// # fn define(linker: &mut Linker) -> Result<(), LinkError> {
    /// linker.func_wrap_async("host", "fetch", |_caller, (): ()| {
    ///     Box::pin(async move {
    ///         let kept = std::rc::Rc::new(1);
    ///         std::future::ready(()).await;
    ///         drop(kept);
    ///     })
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn func_wrap_async<P, R>(
        &mut self,
        module: &str,
        name: &str,
        closure: impl for<'a> Fn(AsyncCaller<'a>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError>
    where
        P: WasmParams,
        R: IntoResult + 'static,
    {
        self.insert_host(module, name, typed(closure))
    }

    /// Defines an asynchronous host function of a type that is known at run time only.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn func_new_async(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        closure: impl for<'a> Fn(AsyncCaller<'a>, Vec<Val>) -> HostFuture<'a, Result<Vec<Val>, HostError>> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        self.insert_host(module, name, untyped(ty, closure))
    }
}

impl Func {
    /// An asynchronous host function of one isolate; see [`Linker::func_wrap_async`].
    ///
    /// # Errors
    ///
    /// The isolate has no room for another function.
    pub fn wrap_async<P, R>(
        mut scope: impl AsScope,
        closure: impl for<'a> Fn(AsyncCaller<'a>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
    ) -> Result<Func, ResourceError>
    where
        P: WasmParams,
        R: IntoResult + 'static,
    {
        let store = scope.store_mut();
        let reference = store.host_func_ref(&typed(closure))?;
        Ok(store.func_handle(reference))
    }

    /// An asynchronous host function of one isolate, of a type that is known at run time only.
    ///
    /// # Errors
    ///
    /// The isolate has no room for another function, or the engine does not have a type that this one refers to.
    pub fn new_async(
        mut scope: impl AsScope,
        ty: FuncType,
        closure: impl for<'a> Fn(AsyncCaller<'a>, Vec<Val>) -> HostFuture<'a, Result<Vec<Val>, HostError>> + Send + Sync + 'static,
    ) -> Result<Func, ResourceError> {
        let store = scope.store_mut();
        let reference = store.host_func_ref(&untyped(ty, closure))?;
        Ok(store.func_handle(reference))
    }
}

/// Has the guest wait for the future that a closure makes.
///
/// # Safety
///
/// As for [`Store::wait_for_host`].
unsafe fn wait<'a, R>(store: *mut Store, call: impl FnOnce(AsyncCaller<'a>) -> HostFuture<'a, R>) -> Result<R, HostError> {
    // SAFETY: by contract. The future has the store while it is polled, and is gone when this returns.
    unsafe {
        (*store).may_wait()?;
        let mut future = Some(call(AsyncCaller { store: &mut *store }));
        let mut result = None;
        let mut poll = |context: Option<&mut Context<'_>>| {
            if let (Some(pending), Some(context)) = (&mut future, context) {
                match pending.as_mut().poll(context) {
                    Poll::Ready(ready) => result = Some(ready),
                    Poll::Pending => return Poll::Pending,
                }
            }
            // Dropped on the stack of who polls.
            future = None;
            Poll::Ready(())
        };
        Store::wait_for_host(store, &mut poll)?;
        Ok(result.expect("a future that is ready has a result"))
    }
}

/// The code of closures with these parameters.
struct Typed<Closure, P, R>(PhantomData<(Closure, P, R)>);

fn typed<Closure, P, R>(closure: Closure) -> HostFunc
where
    Closure: for<'a> Fn(AsyncCaller<'a>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
    P: WasmParams,
    R: IntoResult + 'static,
{
    // SAFETY: the code takes the closure that stands in the box, and reads and writes frames of this type.
    unsafe { HostFunc::new::<Typed<Closure, P, R>>(func_type::<P, R::Results>(), Arc::new(closure)) }
}

impl<Closure, P, R> HostCode for Typed<Closure, P, R>
where
    Closure: for<'a> Fn(AsyncCaller<'a>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
    P: WasmParams,
    R: IntoResult + 'static,
{
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: `typed` pairs this code with the closure and with the type of its parameters; the guest has called it just now.
        unsafe {
            let closure = &*data.cast::<Closure>();
            let first = if uses_area(<R::Results as WasmResults>::TYPES) { 2 } else { 1 };
            let params = P::read(&mut FrameReader { reader: &mut ArgReader::new(frame, first), store });
            let result = wait(store, |caller| closure(caller, params))?;
            finish(result, store, frame)
        }
    }
}

/// An asynchronous host closure over values of any types.
type UntypedClosure = dyn for<'a> Fn(AsyncCaller<'a>, Vec<Val>) -> HostFuture<'a, Result<Vec<Val>, HostError>> + Send + Sync;

struct Untyped {
    ty: FuncType,
    uses_area: bool,
    closure: Box<UntypedClosure>,
}

fn untyped(
    ty: FuncType,
    closure: impl for<'a> Fn(AsyncCaller<'a>, Vec<Val>) -> HostFuture<'a, Result<Vec<Val>, HostError>> + Send + Sync + 'static,
) -> HostFunc {
    let uses_area = CallLayout::new(&ty).area_bytes > 0;
    let data = Arc::new(Untyped { ty: ty.clone(), uses_area, closure: Box::new(closure) });
    // SAFETY: the code takes an `Untyped` and follows its type.
    unsafe { HostFunc::new::<Untyped>(ty, data) }
}

impl HostCode for Untyped {
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: paired in `untyped`; the frame is the stub's and follows the type, and the guest has called just now.
        unsafe {
            let untyped = &*data.cast::<Untyped>();
            let args = read_args(&untyped.ty, untyped.uses_area, store, frame).collect();
            let results = wait(store, |caller| (untyped.closure)(caller, args))??;
            write_results(&untyped.ty, untyped.uses_area, &results, store, frame)
        }
    }
}
