//! Locals, and direct references under the proof that nothing collects.

use std::marker::PhantomData;

use crate::heap::descriptor::DescriptorRef;
use crate::heap::handles::scope::Brand;
use crate::heap::heap::Heap;
use crate::heap::reference::HeapRef;

/// Any object.
#[derive(Debug, Clone, Copy)]
pub enum ObjectType {}

/// A type of objects that Rust knows by name.
pub trait Typed {
    /// Whether objects whose type's owner calls it `client` are of this type.
    fn is(client: u32) -> bool;
}

impl Typed for ObjectType {
    fn is(_client: u32) -> bool {
        true
    }
}

/// A slot of the handle stack that holds an object, null or an `i31`.
pub struct Local<'s, 'i, T = ObjectType> {
    slot: u32,
    scope: PhantomData<&'s ()>,
    brand: Brand<'i>,
    ty: PhantomData<fn() -> T>,
}

impl<T> Clone for Local<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Local<'_, '_, T> {}

impl<T> std::fmt::Debug for Local<'_, '_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Local({})", self.slot)
    }
}

impl<T> Local<'_, '_, T> {
    pub(in crate::heap) fn new(slot: u32) -> Self {
        Local { slot, scope: PhantomData, brand: PhantomData, ty: PhantomData }
    }

    #[inline]
    pub(in crate::heap) fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The proof that nothing allocates, and so nothing moves, while it lives.
#[derive(Clone, Copy)]
pub struct NoGc<'n, 'i> {
    heap: &'n Heap,
    brand: Brand<'i>,
}

impl std::fmt::Debug for NoGc<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoGc")
    }
}

impl<'n, 'i> NoGc<'n, 'i> {
    pub(in crate::heap) fn new(heap: &'n Heap) -> Self {
        NoGc { heap, brand: PhantomData }
    }

    /// What a local holds.
    pub fn get<T>(self, local: Local<'_, 'i, T>) -> Object<'n, 'i> {
        self.object(self.heap.handles.stack[local.slot()])
    }

    fn object(self, reference: HeapRef) -> Object<'n, 'i> {
        Object { heap: self.heap, reference, brand: PhantomData }
    }

    /// An object without a collection; `None` when there is no room.
    pub fn try_allocate(self, ty: DescriptorRef) -> Option<Object<'n, 'i>> {
        self.heap.try_allocate(ty).map(|reference| self.object(reference))
    }
}

/// A direct reference.
#[derive(Clone, Copy)]
pub struct Object<'n, 'i> {
    heap: &'n Heap,
    reference: HeapRef,
    brand: Brand<'i>,
}

impl std::fmt::Debug for Object<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reference.fmt(f)
    }
}

impl<'n, 'i> Object<'n, 'i> {
    /// The reference itself.
    pub fn reference(self) -> HeapRef {
        self.reference
    }

    /// Its type; `None` for null and `i31`.
    pub fn descriptor(self) -> Option<DescriptorRef> {
        self.reference.is_object().then(|| self.heap.descriptor(self.reference))
    }

    /// An array's length, or the word that belongs to the type's owner; 0 for null and `i31`.
    pub fn length(self) -> u32 {
        if self.reference.is_object() { self.heap.length(self.reference) } else { 0 }
    }

    /// The reference in a slot. `None` when there is no object or it has no such slot.
    pub fn read_ref(self, offset: u32) -> Option<Object<'n, 'i>> {
        self.has(offset, 4).then(|| Object { reference: self.heap.read_ref(self.reference, offset), ..self })
    }

    /// Four bytes of data. `None` when there is no object or it has none there.
    pub fn read_u32(self, offset: u32) -> Option<u32> {
        self.has(offset, 4).then(|| self.heap.read_u32(self.reference, offset))
    }

    fn has(self, offset: u32, bytes: u32) -> bool {
        let end = offset.checked_add(bytes);
        self.reference.is_object()
            && offset.is_multiple_of(bytes)
            && end.is_some_and(|end| end <= self.heap.bytes_of(self.reference))
    }
}
