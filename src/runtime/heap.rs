//! A store's heap: made when first needed, and what the store holds of it.
//!
//! Roots are: the frames of guests that called into the runtime (their stack maps say where), tables, globals, element segments,
//! the host's handles, and the exception that is on its way to the host. Function references are no references of the heap: they index the function table.

use std::any::Any;
use std::ptr::NonNull;

use crate::code::registry;
use crate::heap::{Heap, HeapConfig, HeapRef, RootSource, RootVisitor};
use crate::runtime::backtrace;
use crate::runtime::error::ResourceError;
use crate::runtime::partner::{BothRoots, with_partner_heap};
use crate::runtime::store::Store;
use crate::wasm::types::ValType;

impl Store {
    /// Makes the heap, if there is none yet. Code that uses references runs only after this: it takes the cage for a constant.
    ///
    /// # Errors
    ///
    /// Address space is not to be had.
    pub(crate) fn ensure_heap(&mut self) -> Result<(), ResourceError> {
        if self.heap.is_some() || self.partner.is_some() {
            return Ok(());
        }
        if self.is_partnered {
            return Err(in_use());
        }
        let settings = self.engine.config().heap();
        let config = HeapConfig {
            limit_bytes: settings.limit_bytes,
            nursery_bytes: settings.nursery_bytes,
            stress: settings.stress,
            ..HeapConfig::default()
        };
        let state = NonNull::from(&mut self.block.heap);
        // SAFETY: the block is boxed and dropped after the heap; only this store's heap and its guests write the words.
        let heap = unsafe { Heap::new(config, state) }.map_err(|error| ResourceError(error.to_string()))?;
        self.heap = Some(Box::new(heap));
        Ok(())
    }

    /// Gives access to the heap together with this store's roots. Called while no guest runs: there is none, or it has called
    /// the runtime.
    pub(crate) fn with_heap<R>(&mut self, run: impl FnOnce(&mut Heap, &mut dyn RootSource) -> R) -> Result<R, ResourceError> {
        if self.partner.is_some() {
            let shared =
                |heap: &mut Heap, store: &mut Store, theirs: &mut dyn RootSource| run(heap, &mut BothRoots { store, theirs });
            return with_partner_heap(self, shared).map_err(|_| in_use());
        }
        self.ensure_heap()?;
        let Some(mut heap) = self.heap.take() else { return Err(in_use()) };
        let result = run(&mut heap, &mut StoreRoots(self));
        self.heap = Some(heap);
        Ok(result)
    }

    /// A host reference that owns a value.
    pub(crate) fn new_host_ref(&mut self, value: Box<dyn Any + Send>) -> Result<HeapRef, ResourceError> {
        let made = self.with_heap(|heap, roots| heap.allocate_host(value, roots))?;
        made.map_err(|error| ResourceError(error.to_string()))
    }
}

fn in_use() -> ResourceError {
    ResourceError("the heap is in use".into())
}

/// What a store holds. The heap is not in it while it collects.
struct StoreRoots<'a>(&'a mut Store);

impl RootSource for StoreRoots<'_> {
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.0.visit_all_roots(visitor);
    }
}

impl Store {
    /// Shows what the store holds itself: the host's references, and the exception that is on its way.
    pub(crate) fn visit_own_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.roots.visit(visitor);
        visitor.reference(&mut self.exception);
    }

    /// Shows all references, of whatever the store owns.
    pub(crate) fn visit_all_roots(&mut self, visitor: &mut dyn RootVisitor) {
        let store = self;
        store.visit_own_roots(visitor);
        for table in store.tables.values_mut() {
            if table.declared_type().element.heap.is_in_heap() {
                for element in table.elements_mut() {
                    visit(element, visitor);
                }
            }
        }
        for global in store.globals.values_mut() {
            if let ValType::Ref(ty) = global.ty().content
                && ty.heap.is_in_heap()
            {
                let mut bits = global.bits() as u32;
                visit(&mut bits, visitor);
                global.set_bits(u128::from(bits));
            }
        }
        for instance in store.instances.values_mut() {
            let decoded = instance.module.decoded();
            for (references, segment) in instance.elems.iter_mut().zip(decoded.elems.values()) {
                if segment.ty.heap.is_in_heap() {
                    references
                        .iter_mut()
                        .flat_map(|references| references.iter_mut())
                        .for_each(|element| visit(element, visitor));
                }
            }
        }
        for context in store.host_contexts.values_mut() {
            visitor.boxed(&mut context.captured);
        }
        store.visit_frames(visitor);
    }
}

/// Shows a reference that stands in a word.
pub(crate) fn visit(bits: &mut u32, visitor: &mut dyn RootVisitor) {
    let mut reference = HeapRef::from_bits(*bits);
    visitor.reference(&mut reference);
    *bits = reference.bits();
}

impl Store {
    /// Shows the references in the frames of all guests of this store that wait for the runtime.
    pub(crate) fn visit_frames(&mut self, visitor: &mut dyn RootVisitor) {
        // An isolate whose guests wait on another thread's stack cannot be entered on this one.
        let Some(waiting) = self.waiting() else { return };
        for frames in waiting {
            // SAFETY: the guest's innermost frame has called the runtime and waits; its chain leads to the entry frame.
            unsafe {
                backtrace::walk_frames(frames.exit_pc, frames.exit_fp, frames.entry_fp, |pc, fp| {
                    if let Some(references) = registry::references(pc) {
                        for below_fp in references {
                            let place = (fp - below_fp as usize) as *mut u32;
                            // The map was made for this return address: the slot is inside the frame, and holds a reference.
                            let mut bits = place.read();
                            visit(&mut bits, visitor);
                            place.write(bits);
                        }
                    }
                    true
                });
            }
        }
    }
}
