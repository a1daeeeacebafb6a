//! The isolate: a unique owner of instances and host state.

use std::any::{Any, TypeId};
use std::time::Duration;

use crate::compile::engine::WasmEngine;
use crate::heap::HeapStats;
use crate::runtime::error::ResourceError;
use crate::runtime::fiber::AsyncYield;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::limiter::ResourceLimiter;
use crate::runtime::store::Store;

/// A unit of isolation: one thread at a time runs its guests.
///
/// ```
/// use deltic::{Config, Isolate, Linker, Module, WasmEngine};
///
/// let engine = WasmEngine::new(&Config::default())?;
/// let module = Module::new(&engine, r#"(module (func (export "double") (param i32) (result i32) local.get 0 i32.const 2 i32.mul))"#)?;
/// let mut isolate = Isolate::new(&engine)?;
/// let instance = Linker::new(&engine).instantiate(&mut isolate, &module)?;
/// let double = instance.get_typed_func::<i32, i32>(&mut isolate, "double")?;
/// assert_eq!(double.call(&mut isolate, 21)?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Isolate {
    store: Box<Store>,
}

impl Isolate {
    /// An isolate without instances.
    ///
    /// # Errors
    ///
    /// Address space is not to be had, or the engine was [shut down](WasmEngine::shutdown).
    pub fn new(engine: &WasmEngine) -> Result<Isolate, ResourceError> {
        Ok(Isolate { store: Store::new(engine)? })
    }

    /// Runs a closure, and forgets afterwards the handles that it got from this isolate: instances, functions, memories, tables, globals,
    /// tags and references. What they named is freed when nothing else holds it: an export that was imported elsewhere, a
    /// function in a table, an object in a field. Without a scope it stays as long as the isolate. Calls of host functions are
    /// scopes of their own.
    ///
    /// ```
    /// use deltic::{Config, Isolate, Linker, Module, WasmEngine};
    ///
    /// let engine = WasmEngine::new(&Config::default())?;
    /// let module = Module::new(&engine, r#"(module (memory (export "memory") 1) (func (export "one") (result i32) i32.const 1))"#)?;
    /// let mut isolate = Isolate::new(&engine)?;
    /// let linker = Linker::new(&engine);
    /// for _ in 0..1_000 {
    ///     // Each instance is freed some time after its scope.
    ///     let one = isolate.root_scope(|isolate| {
    ///         let instance = linker.instantiate(&mut *isolate, &module)?;
    ///         let one = instance.get_typed_func::<(), i32>(isolate, "one")?;
    ///         Ok::<_, Box<dyn std::error::Error>>(one.call(isolate, ())?)
    ///     })?;
    ///     assert_eq!(one, 1);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_scope<R>(&mut self, run: impl FnOnce(&mut Isolate) -> R) -> R {
        let scope = self.store.begin_scope();
        let result = run(self);
        self.store.end_scope(scope);
        result
    }

    /// Figures of its heap; `None` as long as no guest has needed one.
    pub fn heap_stats(&self) -> Option<HeapStats> {
        self.store.heap().map(|heap| heap.stats())
    }

    /// Frees everything that nothing holds any more: objects of the heap, instances and what belongs to them.
    pub fn collect_garbage(&mut self) {
        self.store.collect_instances();
    }

    /// How many instances there are, those among them that nothing holds and that were not freed yet.
    pub fn instance_count(&self) -> usize {
        self.store.instances.len()
    }

    /// The engine that it belongs to.
    pub fn engine(&self) -> &WasmEngine {
        self.store.engine()
    }

    /// Keeps a value of the host; host functions find it with [`Caller::data`](crate::Caller::data). The old value of the same
    /// type, if there was one, is returned.
    pub fn set_data<T: Any + Send>(&mut self, value: T) -> Option<T> {
        let old = self.store.host_data.insert(TypeId::of::<T>(), Box::new(value))?;
        let old: Box<dyn Any> = old;
        old.downcast().ok().map(|old| *old)
    }

    /// The host's value of a type.
    pub fn data<T: Any + Send>(&self) -> Option<&T> {
        self.store.host_value()
    }

    /// The host's value of a type, to change.
    pub fn data_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.store.host_value_mut()
    }

    /// Takes the host's value of a type out.
    pub fn take_data<T: Any + Send>(&mut self) -> Option<T> {
        let value: Box<dyn Any> = self.store.host_data.remove(&TypeId::of::<T>())?;
        value.downcast().ok().map(|value| *value)
    }

    /// Gives the guests this much fuel, in place of what is left. One unit is about one operator. Only counts when
    /// [`Config::fuel`](crate::Config) is on.
    pub fn set_fuel(&mut self, fuel: u64) {
        self.store.set_fuel(fuel, self.store.async_calls.yields);
    }

    /// Fuel that is left.
    pub fn fuel(&self) -> u64 {
        self.store.fuel()
    }

    /// Sets when guests of asynchronous calls let the executor's other tasks run though they wait for nothing; they do not unless this is
    /// said. A guest that a host function calls synchronously does not, either.
    pub fn set_async_yield(&mut self, yields: AsyncYield) {
        self.store.set_fuel(self.store.fuel(), yields);
    }

    /// Makes guests trap with `DeadlineExceeded` this long from now; `None` takes a deadline back.
    pub fn set_deadline(&mut self, after: Option<Duration>) {
        self.store.interrupts.set_deadline(after);
    }

    /// A handle by which any thread can stop the guests.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.store.interrupts.handle()
    }

    /// Frees code that better code has replaced, as far as this isolate keeps it, and returns the bytes. That happens by itself around calls; an
    /// isolate that rests for long while its modules are at work elsewhere does well to say so.
    pub fn release_old_code(&mut self) -> usize {
        self.store.report_code()
    }

    /// Asks this before every growth of a memory or table from now on.
    pub fn set_limiter(&mut self, limiter: impl ResourceLimiter + 'static) {
        self.store.limiter = Some(Box::new(limiter));
    }

    #[inline]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    #[inline]
    pub(crate) fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }
}
