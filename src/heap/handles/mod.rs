//! Handles: how Rust holds objects that move, checked by rustc.
//!
//! *Problem.* A reference is good until the next collection. Rust code that allocates must hold its objects where the collector
//! finds and updates them; and a forgotten one is a bug that shows under load, years later.
//!
//! *Idea.* A [`HandleScope`] borrows the heap uniquely, and everything that allocates takes the scope as `&mut`. Objects are held
//! by [`Local`]s: indices of slots in the heap's handle stack, which the collector updates. A raw reference is only had under a
//! [`NoGc`], which borrows the scope shared: as long as it lives nothing can allocate. Two lifetimes do the rest:
//!
//! - `'s` is the borrow of the parent by its child scope. A local of the child keeps the parent borrowed, so that nobody can read
//!   it after the child is gone, and the parent cannot be used while the child is open.
//! - `'i` is the brand of one visit to one heap ([`Heap::enter`] makes a new one each time), so that a local cannot be
//!   read through another heap.
//!
//! What shall live longer is a [`Global`]: a counted root that may be sent and dropped anywhere.
//!
//! **Invariants:** slots of the stack below its length are roots. A scope truncates the stack to the length it found.
//! What rustc must refuse has tests in `tests/compile_fail/`; this is allowed:
//!
//! ```
//! use std::ptr::NonNull;
//!
//! use deltic::heap::{DescriptorRef, Heap, HeapConfig, HeapError, Local, HandleScope, NoRoots, SlotKind, TypeDesc};
//! use deltic::layout::HeapState;
//!
//! /// An inner local may escape by the scope's own door.
//! fn pair<'s, 'i>(scope: &mut HandleScope<'s, 'i>, ty: DescriptorRef) -> Result<Local<'s, 'i>, HeapError> {
//!     let mut inner = scope.open_escapable();
//!     let (outer, child) = (inner.allocate(ty)?, inner.allocate(ty)?);
//!     inner.set_ref(outer, 8, child);
//!     Ok(inner.escape(outer))
//! }
//!
//! let mut state = Box::new(HeapState::none());
//! // SAFETY: the state outlives the heap, which is its only writer.
//! let mut heap = unsafe { Heap::new(HeapConfig::default(), NonNull::from(&mut *state)) }.expect("a heap");
//! let ty = heap.add_type(&TypeDesc::fixed(16, &[(8, SlotKind::Ref)])).expect("a type");
//! heap.enter(&mut NoRoots, |scope| {
//!     let outer = pair(scope, ty).expect("room");
//!     {
//!         let mut inner = scope.open();
//!         let local = inner.allocate(ty).expect("room");
//!         inner.set_ref(local, 8, outer);
//!     }
//!     let child = scope.no_gc().get(outer).read_ref(8).expect("a slot").reference();
//!     assert!(child.is_object());
//!     scope.allocate(ty).expect("room");
//! });
//! ```

mod global;
mod local;
mod scope;

pub use global::Global;
pub use local::{Local, NoGc, Object, ObjectType, Typed};
pub use scope::{EscapableHandleScope, HandleScope};

use crate::base::sync::{Arc, Mutex};
use crate::heap::heap::Heap;
use crate::heap::reference::HeapRef;
use crate::heap::roots::{RootSource, RootVisitor};

/// The roots that belong to the heap: the stack of locals, and globals.
#[derive(Debug, Default)]
pub(in crate::heap) struct Handles {
    pub stack: Vec<HeapRef>,
    pub globals: Vec<HeapRef>,
    /// Slots of `globals` that are free; of which the dropped are told by whatever thread dropped them.
    pub free: Vec<u32>,
    pub dropped: Arc<Mutex<Vec<u32>>>,
}

impl Handles {
    pub fn visit(&mut self, visitor: &mut dyn RootVisitor) {
        self.take_dropped();
        visitor.references(&mut self.stack);
        visitor.references(&mut self.globals);
    }

    pub fn take_dropped(&mut self) {
        for slot in std::mem::take(&mut *self.dropped.lock()) {
            self.globals[slot as usize] = HeapRef::NULL;
            self.free.push(slot);
        }
    }
}

impl Heap {
    /// Opens the outermost scope for the time of a call. `roots` is what the layers above hold.
    pub fn enter<R>(&mut self, roots: &mut dyn RootSource, visit: impl for<'s, 'i> FnOnce(&mut HandleScope<'s, 'i>) -> R) -> R {
        visit(&mut HandleScope::outermost(self, roots))
    }

    /// A root that holds a reference until it is dropped.
    pub fn global(&mut self, reference: HeapRef) -> Global {
        Global::new(&mut self.handles, reference)
    }

    /// What a global holds; null if it is of another heap.
    pub fn global_ref(&self, global: &Global) -> HeapRef {
        global.get(&self.handles)
    }
}
