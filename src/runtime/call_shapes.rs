//! What untyped calls must know of a function's type, kept for the next call.
//!
//! *Problem.* A call of values whose types are known at run time asks the engine for the function's type, under a lock, and lays arguments out:
//! twice the time of the call itself. *Idea.* The store keeps a few shapes, by type. Who calls takes the shape out and puts it back behind
//! the call, so that nothing is counted: a call of the same type inside of that call makes another.
//!
//! **Invariant:** a shape keeps its type, so that its id is that of no other; and no type longer than to the next collection
//! of instances.

use crate::abi::call::CallLayout;
use crate::base::CanonicalTypeId;
use crate::wasm::canonical::TypeHandle;

/// How many types a store remembers.
const SHAPE_COUNT: usize = 8;

/// A function type, and how it is called.
#[derive(Debug)]
pub(crate) struct CallShape {
    pub(crate) ty: TypeHandle,
    pub(crate) layout: CallLayout,
    /// Whether it is called by [`enter_guest_ints`](crate::runtime::store::Store::enter_guest_ints).
    pub(crate) is_ints_only: bool,
}

impl CallShape {
    /// The shape of a type; `None` if that is not a function's.
    pub(crate) fn new(ty: TypeHandle) -> Option<Box<Self>> {
        let layout = CallLayout::new(ty.as_func()?);
        let is_ints_only =
            !layout.uses_float && layout.stack_arg_bytes == 0 && layout.area_bytes == 0 && layout.results.len() <= 1;
        Some(Box::new(CallShape { ty, layout, is_ints_only }))
    }
}

/// The shapes of the types that were called last.
#[derive(Debug, Default)]
pub(crate) struct CallShapes([Option<Box<CallShape>>; SHAPE_COUNT]);

impl CallShapes {
    /// Takes the shape of a type out.
    pub(crate) fn take(&mut self, id: CanonicalTypeId) -> Option<Box<CallShape>> {
        self.0[place(id)].take_if(|shape| shape.ty.id() == id)
    }

    /// Keeps a shape, in the place of another.
    pub(crate) fn put(&mut self, shape: Box<CallShape>) {
        let place = place(shape.ty.id());
        self.0[place] = Some(shape);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn place(id: CanonicalTypeId) -> usize {
    id.as_u32() as usize % SHAPE_COUNT
}
