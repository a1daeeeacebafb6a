//! Roots that outlive scopes.

use crate::base::sync::{Arc, Mutex};
use crate::heap::handles::Handles;
use crate::heap::reference::HeapRef;

/// Keeps an object alive until its last clone is dropped, on whatever thread.
#[derive(Debug, Clone)]
pub struct Global(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    index: u32,
    dropped: Arc<Mutex<Vec<u32>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.dropped.lock().push(self.index);
    }
}

impl Global {
    pub(in crate::heap) fn new(handles: &mut Handles, reference: HeapRef) -> Self {
        if handles.free.is_empty() {
            handles.take_dropped();
        }
        let index = match handles.free.pop() {
            Some(index) => {
                handles.globals[index as usize] = reference;
                index
            }
            None => {
                handles.globals.push(reference);
                (handles.globals.len() - 1) as u32
            }
        };
        Global(Arc::new(Slot { index, dropped: Arc::clone(&handles.dropped) }))
    }

    pub(in crate::heap) fn get(&self, handles: &Handles) -> HeapRef {
        if !Arc::ptr_eq(&self.0.dropped, &handles.dropped) {
            return HeapRef::NULL;
        }
        handles.globals.get(self.0.index as usize).copied().unwrap_or(HeapRef::NULL)
    }
}
