//! A store whose heap is somebody else's, and how the two of them hand over to one another.
//!
//! *Problem.* An agent of another language shares its heap with a store. It calls guests, guests call it, to any depth; a collection that either of
//! them starts must see the roots of both; and at no moment may two references lead to one of them. *Idea.* Each has a slot for the other. Who goes on
//! takes what it needs out of a slot, and leaves itself in the other's:
//!
//! - [`with_store`]: the agent's slot gives the store, and the agent is lent to the store for the time of a closure: guests run.
//! - [`Store::with_agent`]: a host function takes the agent out of the store's slot, and lends the store to the agent: scripts run.
//!
//! **Invariants:** a pointer stands in one slot at most, and whoever takes it out has the only way to what it leads to until it is put back, on
//! unwinding too. A slot's pointer comes from a reference that a caller up the stack does not use meanwhile.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use crate::base::sync::Arc;
use crate::heap::roots::FuncSet;
use crate::heap::{Heap, HeapRef, RootSource, RootVisitor};
use crate::runtime::store::Store;

/// An agent that shares its heap.
pub(crate) trait Partner: Any {
    /// Its heap.
    fn heap(&self) -> &Heap;

    /// Its heap, and what it holds itself: the store that is lent to it, if one is, among it.
    fn heap_and_roots(&mut self) -> (&mut Heap, &mut dyn RootSource);

    /// Where it keeps its store.
    fn place(&mut self) -> Option<&mut StorePlace>;
}

/// The store of an agent: owned by it, and here while the agent runs.
#[derive(Debug)]
pub(crate) struct StorePlace {
    owned: NonNull<Store>,
    here: Option<NonNull<Store>>,
    /// How many calls up the stack use the store.
    users: usize,
    /// What the heap holds while its words are in the store.
    heap_user: Arc<()>,
}

// SAFETY: it owns the store, which is `Send`; while somebody else on a stack has it, the agent around it is borrowed.
unsafe impl Send for StorePlace {}

impl StorePlace {
    /// A place that owns a store, which shares the heap of a partner: that one's words for generated code lie in the store from now on.
    pub(crate) fn new(mut store: Box<Store>, heap: &mut Heap) -> Self {
        store.is_partnered = true;
        let heap_user = Arc::new(());
        // SAFETY: the words lie in the store's block, which stays where it is and is not freed while the heap holds `heap_user`.
        unsafe { heap.move_state(NonNull::from(&mut store.block.heap), Arc::clone(&heap_user)) };
        // SAFETY: a box's pointer is not null.
        let owned = unsafe { NonNull::new_unchecked(Box::into_raw(store)) };
        StorePlace { owned, here: Some(owned), users: 0, heap_user }
    }

    /// The store, unless it runs guests.
    pub(crate) fn store(&mut self) -> Option<&mut Store> {
        // SAFETY: by the module's invariants the pointer that stands here is the only way to the store.
        self.here.map(|mut store| unsafe { store.as_mut() })
    }
}

impl Drop for StorePlace {
    fn drop(&mut self) {
        // A place that is dropped by what its own guests have called, or before the heap, leaves the store to nobody.
        if self.users == 0 && Arc::strong_count(&self.heap_user) == 1 {
            // SAFETY: it came from a box, and nobody else has it.
            drop(unsafe { Box::from_raw(self.owned.as_ptr()) });
        }
    }
}

/// Runs something with the store of an agent, to which the agent is lent meanwhile. `None` if the agent has no store, or that is in use.
pub(crate) fn with_store<A: Partner, R>(agent: &mut A, run: impl FnOnce(&mut Store) -> R) -> Option<R> {
    let place = agent.place()?;
    let mut pointer = place.here.take()?;
    place.users += 1;
    let mut lent = NonNull::from(&mut *agent);
    // SAFETY: the pointer was taken out of its slot: nobody else uses the store until it is put back below.
    let store = unsafe { pointer.as_mut() };
    let lent_as: NonNull<dyn Partner> = lent;
    let outer = store.partner.replace(lent_as);
    let result = catch_unwind(AssertUnwindSafe(|| run(store)));
    // SAFETY: as above; whatever was lent meanwhile has been put back.
    unsafe { pointer.as_mut() }.partner = outer;
    // SAFETY: the agent is borrowed by this function, and the slot that had its pointer was emptied.
    if let Some(place) = unsafe { lent.as_mut() }.place() {
        place.here = Some(pointer);
        place.users -= 1;
    }
    Some(result.unwrap_or_else(|panic| resume_unwind(panic)))
}

impl Store {
    /// Runs something with the agent that is lent to this store, which is lent to the agent meanwhile. `None` if no such agent is.
    pub(crate) fn with_agent<A: Partner, R>(&mut self, run: impl FnOnce(&mut A) -> R) -> Option<R> {
        let mut pointer = self.partner.take()?;
        // SAFETY: the pointer was taken out of its slot: nobody else uses the agent until it is put back below.
        let any: &mut dyn Any = unsafe { pointer.as_mut() };
        let agent = any.downcast_mut::<A>();
        let result = agent.map(|agent| {
            let lent = NonNull::from(&mut *self);
            let outer = agent.place().and_then(|place| place.here.replace(lent));
            let result = catch_unwind(AssertUnwindSafe(|| run(agent)));
            if let Some(place) = agent.place() {
                place.here = outer;
            }
            result
        });
        self.partner = Some(pointer);
        result.map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// The heap, if there is one: the store's own, or that of its partner.
    #[inline]
    pub(crate) fn heap(&self) -> Option<&Heap> {
        match &self.partner {
            None => self.heap.as_deref(),
            // SAFETY: what stands in the slot is lent to this store alone.
            Some(partner) => Some(unsafe { partner.as_ref() }.heap()),
        }
    }

    /// The heap, to write.
    #[inline]
    pub(crate) fn heap_mut(&mut self) -> Option<&mut Heap> {
        heap_of(&mut self.heap, &mut self.partner)
    }
}

/// The heap of a store whose other parts are in use.
#[inline]
pub(crate) fn heap_of<'a>(own: &'a mut Option<Box<Heap>>, partner: &'a mut Option<NonNull<dyn Partner>>) -> Option<&'a mut Heap> {
    match partner {
        None => own.as_deref_mut(),
        // SAFETY: what stands in the slot is lent to the store alone, which is borrowed.
        Some(partner) => Some(unsafe { partner.as_mut() }.heap_and_roots().0),
    }
}

/// Runs something with the heap of a partner and the roots of both. The slot is empty meanwhile.
///
/// # Errors
///
/// Gives the closure back if no partner is lent.
pub(super) fn with_partner_heap<R, F>(store: &mut Store, run: F) -> Result<R, F>
where
    F: FnOnce(&mut Heap, &mut Store, &mut dyn RootSource) -> R,
{
    let Some(mut partner) = store.partner.take() else { return Err(run) };
    // SAFETY: the pointer was taken out of its slot: nobody else uses the agent until it is put back. If the closure unwinds, the call that has lent
    // the agent puts back what was there before.
    let (heap, theirs) = unsafe { partner.as_mut() }.heap_and_roots();
    let result = run(heap, store, theirs);
    store.partner = Some(partner);
    Ok(result)
}

/// The roots of a store and of its partner.
pub(super) struct BothRoots<'a> {
    pub(super) store: &'a mut Store,
    pub(super) theirs: &'a mut dyn RootSource,
}

impl RootSource for BothRoots<'_> {
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.store.visit_all_roots(visitor);
        self.theirs.visit_roots(visitor);
    }

    fn visit_major_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.store.visit_all_roots(visitor);
        self.theirs.visit_major_roots(visitor);
    }

    fn visit_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        self.theirs.visit_func(func, visitor);
    }

    fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        self.theirs.marked(is_live);
    }

    fn funcs_found(&mut self, found: &FuncSet) {
        self.theirs.funcs_found(found);
    }
}
