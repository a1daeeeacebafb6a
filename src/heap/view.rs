//! Reading objects without the heap: for loops that read at every step, and have its base at hand in a register.

use std::marker::PhantomData;

use crate::heap::descriptor::DescriptorRef;
use crate::heap::heap::Heap;
use crate::heap::memory::Memory;
use crate::heap::reference::HeapRef;
use crate::layout::heap::{DESCRIPTOR, LENGTH};

/// Reads what lies in a heap.
#[derive(Debug, Clone, Copy)]
pub struct HeapView<'a> {
    memory: Memory,
    heap: PhantomData<&'a Heap>,
}

impl Heap {
    /// A view of this heap.
    #[inline(always)]
    pub fn view(&self) -> HeapView<'_> {
        HeapView { memory: self.cage.memory(), heap: PhantomData }
    }
}

impl HeapView<'_> {
    /// The same view, for users that change the heap in between.
    ///
    /// # Safety
    ///
    /// It is not used after the heap's end.
    #[inline(always)]
    pub unsafe fn unbound(self) -> HeapView<'static> {
        HeapView { memory: self.memory, heap: PhantomData }
    }

    /// The type of an object. `object` is not null and not an `i31`.
    #[inline(always)]
    pub fn descriptor(&self, object: HeapRef) -> DescriptorRef {
        DescriptorRef::from_bits(self.memory.read(object.bits() + DESCRIPTOR))
    }

    /// Reads a reference slot.
    #[inline(always)]
    pub fn read_ref(&self, object: HeapRef, offset: u32) -> HeapRef {
        HeapRef::from_bits(self.memory.read(object.bits() + offset))
    }

    /// Reads a slot of a boxed value.
    #[inline(always)]
    pub fn read_boxed(&self, object: HeapRef, offset: u32) -> u64 {
        self.memory.read64(object.bits() + offset)
    }

    /// Elements of an array.
    #[inline(always)]
    pub fn length(&self, array: HeapRef) -> u32 {
        self.memory.read(array.bits() + LENGTH)
    }
}
