//! Scopes of locals.

use std::marker::PhantomData;

use crate::heap::descriptor::DescriptorRef;
use crate::heap::error::HeapError;
use crate::heap::handles::{Global, Local, NoGc, Typed};
use crate::heap::heap::Heap;
use crate::heap::reference::HeapRef;
use crate::heap::resources::HostValue;
use crate::heap::roots::RootSource;

/// A lifetime that neither grows nor shrinks.
pub(in crate::heap) type Brand<'i> = PhantomData<fn(&'i ()) -> &'i ()>;

/// Where locals live, and the right to allocate.
pub struct HandleScope<'s, 'i> {
    heap: &'s mut Heap,
    roots: &'s mut (dyn RootSource + 's),
    base: usize,
    brand: Brand<'i>,
}

impl Drop for HandleScope<'_, '_> {
    fn drop(&mut self) {
        self.heap.handles.stack.truncate(self.base);
    }
}

impl std::fmt::Debug for HandleScope<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandleScope").field("base", &self.base).finish_non_exhaustive()
    }
}

impl<'s, 'i> HandleScope<'s, 'i> {
    pub(in crate::heap) fn outermost(heap: &'s mut Heap, roots: &'s mut (dyn RootSource + 's)) -> Self {
        let base = heap.handles.stack.len();
        HandleScope { heap, roots, base, brand: PhantomData }
    }

    /// A scope inside this one. Its locals end with it.
    pub fn open(&mut self) -> HandleScope<'_, 'i> {
        let base = self.heap.handles.stack.len();
        HandleScope { heap: self.heap, roots: self.roots, base, brand: PhantomData }
    }

    /// A scope inside this one, of which one local may escape to this one.
    pub fn open_escapable(&mut self) -> EscapableHandleScope<'_, 's, 'i> {
        let slot = self.push(HeapRef::NULL);
        EscapableHandleScope { scope: self.open(), slot, parent: PhantomData }
    }

    fn push(&mut self, reference: HeapRef) -> u32 {
        self.heap.handles.stack.push(reference);
        (self.heap.handles.stack.len() - 1) as u32
    }

    /// Holds a reference that was had from this heap since its last collection.
    pub(crate) fn hold(&mut self, reference: HeapRef) -> Local<'s, 'i> {
        Local::new(self.push(reference))
    }

    /// A local of what a global holds; null if it is of another heap.
    pub fn local(&mut self, global: &Global) -> Local<'s, 'i> {
        let reference = self.heap.global_ref(global);
        self.hold(reference)
    }

    /// A global of what a local holds.
    pub fn global<T>(&mut self, local: Local<'_, 'i, T>) -> Global {
        let reference = self.reference(local);
        self.heap.global(reference)
    }

    /// A local that can be set again, so that loops need no scope for each round.
    pub fn root(&mut self) -> Local<'s, 'i> {
        self.hold(HeapRef::NULL)
    }

    /// Lets one local hold what another does.
    pub fn set<T>(&mut self, root: Local<'_, 'i, T>, to: Local<'_, 'i, T>) {
        let reference = self.reference(to);
        self.heap.handles.stack[root.slot()] = reference;
    }

    #[inline]
    fn reference<T>(&self, local: Local<'_, 'i, T>) -> HeapRef {
        self.heap.handles.stack[local.slot()]
    }

    /// An object of a type with fields, all zero. May collect.
    ///
    /// # Errors
    ///
    /// [`HeapError::OutOfMemory`].
    pub fn allocate(&mut self, ty: DescriptorRef) -> Result<Local<'s, 'i>, HeapError> {
        let object = self.heap.allocate(ty, self.roots)?;
        Ok(self.hold(object))
    }

    /// An array, all zero. May collect.
    ///
    /// # Errors
    ///
    /// [`HeapError::TooLarge`], [`HeapError::OutOfMemory`].
    pub fn allocate_array(&mut self, ty: DescriptorRef, length: u32) -> Result<Local<'s, 'i>, HeapError> {
        let object = self.heap.allocate_array(ty, length, self.roots)?;
        Ok(self.hold(object))
    }

    /// A host reference. May collect.
    ///
    /// # Errors
    ///
    /// [`HeapError::OutOfMemory`].
    pub fn allocate_host(&mut self, value: HostValue) -> Result<Local<'s, 'i>, HeapError> {
        let object = self.heap.allocate_host(value, self.roots)?;
        Ok(self.hold(object))
    }

    /// Writes a reference slot of an object, with the barrier.
    pub fn set_ref<T, U>(&mut self, object: Local<'_, 'i, T>, offset: u32, value: Local<'_, 'i, U>) {
        let (object, value) = (self.reference(object), self.reference(value));
        self.heap.write_ref(object, offset, value);
    }

    /// Reads a reference slot of an object.
    pub fn get_ref<T>(&mut self, object: Local<'_, 'i, T>, offset: u32) -> Local<'s, 'i> {
        let value = self.heap.read_ref(self.reference(object), offset);
        self.hold(value)
    }

    /// The same object as one of a type that Rust knows, if it is one.
    pub fn cast<T: Typed, U>(&self, local: Local<'s, 'i, U>) -> Option<Local<'s, 'i, T>> {
        let reference = self.reference(local);
        let is_one = reference.is_object() && T::is(self.heap.client_of(self.heap.descriptor(reference)));
        is_one.then(|| Local::new(local.slot() as u32))
    }

    /// The right to hold direct references, as long as nothing allocates.
    pub fn no_gc(&self) -> NoGc<'_, 'i> {
        NoGc::new(self.heap)
    }

    /// Collects everything.
    pub fn collect(&mut self) {
        self.heap.collect_major(self.roots);
    }

    /// Collects the nursery.
    pub fn collect_minor(&mut self) {
        self.heap.collect_minor(self.roots);
    }

    /// The heap, for what needs no handle.
    pub fn heap(&self) -> &Heap {
        self.heap
    }
}

#[cfg(test)]
impl HandleScope<'_, '_> {
    /// The heap, for tests that write slots by hand.
    pub(in crate::heap) fn heap_for_test(&mut self) -> &mut Heap {
        self.heap
    }
}

/// A scope of which one local may escape.
pub struct EscapableHandleScope<'c, 's, 'i> {
    scope: HandleScope<'c, 'i>,
    slot: u32,
    parent: PhantomData<&'s ()>,
}

impl std::fmt::Debug for EscapableHandleScope<'_, '_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.scope.fmt(f)
    }
}

impl<'c, 's, 'i> EscapableHandleScope<'c, 's, 'i> {
    /// Closes the scope and gives its parent what a local holds.
    pub fn escape<T>(self, local: Local<'c, 'i, T>) -> Local<'s, 'i, T> {
        let reference = self.scope.reference(local);
        self.scope.heap.handles.stack[self.slot as usize] = reference;
        Local::new(self.slot)
    }
}

impl<'c, 'i> std::ops::Deref for EscapableHandleScope<'c, '_, 'i> {
    type Target = HandleScope<'c, 'i>;

    fn deref(&self) -> &HandleScope<'c, 'i> {
        &self.scope
    }
}

impl<'c, 'i> std::ops::DerefMut for EscapableHandleScope<'c, '_, 'i> {
    fn deref_mut(&mut self) -> &mut HandleScope<'c, 'i> {
        &mut self.scope
    }
}
