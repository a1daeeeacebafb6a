//! What a host function sees of the guest that called it.

use std::any::{Any, TypeId};
use std::marker::PhantomData;

use crate::abi::vmctx::INSTANCE;
use crate::isolate::handles;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::link::Extern;
use crate::runtime::store::Store;
use crate::runtime::value::{Instance, Memory};

/// The isolate during a host call.
///
/// It stays on the thread of the call, whose stack holds the guest's frames:
///
/// ```compile_fail,E0277
/// fn sent<T: Send>() {}
/// sent::<deltic::Caller<'static>>();
/// ```
#[derive(Debug)]
pub struct Caller<'a> {
    store: &'a mut Store,
    /// Not `Send`: limits, signals and activations of a guest belong to one thread.
    thread: PhantomData<*mut ()>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(store: &'a mut Store) -> Self {
        Caller { store, thread: PhantomData }
    }

    /// The instance whose code called; `None` when Rust called the host function directly.
    pub fn instance(&self) -> Option<Instance> {
        self.store.calling_instance()
    }

    /// An export of the calling instance.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let instance = self.instance()?;
        instance.get_export(self, name)
    }

    /// The calling instance's export "memory", or its first memory.
    pub fn memory(&mut self) -> Option<Memory> {
        let instance = self.instance()?;
        handles::default_memory(self.store, instance)
    }

    /// The host's value of a type.
    pub fn data<T: Any + Send>(&self) -> Option<&T> {
        self.store.host_value()
    }

    /// The host's value of a type, to change.
    pub fn data_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.store.host_value_mut()
    }

    /// A memory's bytes together with the host's value of a type, for host functions that move data between them. `None` also for a
    /// shared memory, whose bytes other threads may be writing.
    pub fn memory_and_data<T: Any + Send>(&mut self, memory: Memory) -> Option<(&mut [u8], &mut T)> {
        self.store.memory_and_host_value(memory)
    }

    /// A handle by which any thread can stop the guest; also tells whether that was asked already.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.store.interrupts.handle()
    }

    #[inline]
    pub(crate) fn store(&self) -> &Store {
        self.store
    }

    #[inline]
    pub(crate) fn store_mut(&mut self) -> &mut Store {
        self.store
    }
}

impl Store {
    /// The instance whose code called last.
    pub(super) fn calling_instance(&self) -> Option<Instance> {
        let vmctx = self.block.activation.caller_vmctx;
        if vmctx.is_null() {
            return None;
        }
        // SAFETY: generated code stores its own vmctx here before it calls an import or calls indirectly, and the activation
        // restores what was there; an instance whose vmctx stands here is not freed.
        let index = unsafe { vmctx.add(INSTANCE as usize).cast::<usize>().read() };
        u32::try_from(index).ok().map(|index| Instance { store: self.id, key: self.instances.key(index) })
    }

    /// The host's value of a type.
    pub(super) fn host_value<T: Any + Send>(&self) -> Option<&T> {
        self.host_data.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The same, to change.
    pub(super) fn host_value_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.host_data.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }

    /// The same, together with the bytes of a memory that is not shared.
    pub(super) fn memory_and_host_value<T: Any + Send>(&mut self, memory: Memory) -> Option<(&mut [u8], &mut T)> {
        if memory.store != self.id {
            return None;
        }
        let bytes = self.memories.find_mut(memory.key)?.bytes_mut()?;
        let data = self.host_data.get_mut(&TypeId::of::<T>())?.downcast_mut()?;
        Some((bytes, data))
    }
}
