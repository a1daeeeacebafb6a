//! Values that Rust keeps for as long as it likes: they can be sent to other threads and dropped there.
#![forbid(unsafe_code)]

use crate::base::sync::{Arc, Mutex};
use crate::heap::RootVisitor;
use crate::js::cx::Cx;
use crate::js::local::Local;
use crate::js::value::Value;

/// The slots of all globals of an agent.
#[derive(Debug, Default)]
pub(in crate::js) struct Globals {
    slots: Vec<u64>,
    free: Vec<u32>,
    /// Slots of globals that were dropped, on whatever thread.
    dropped: Arc<Mutex<Vec<u32>>>,
}

impl Globals {
    /// Shows the collector all that is still held.
    pub fn visit(&mut self, visitor: &mut dyn RootVisitor) {
        self.take_dropped();
        self.slots.iter_mut().for_each(|slot| visitor.boxed(slot));
    }

    fn take_dropped(&mut self) {
        for slot in std::mem::take(&mut *self.dropped.lock()) {
            self.slots[slot as usize] = Value::UNDEFINED.bits();
            self.free.push(slot);
        }
    }
}

/// A value that lives until this is dropped.
#[derive(Debug)]
pub struct Global {
    slot: u32,
    dropped: Arc<Mutex<Vec<u32>>>,
}

impl Drop for Global {
    fn drop(&mut self) {
        self.dropped.lock().push(self.slot);
    }
}

impl<'s> Cx<'s> {
    /// Keeps a value.
    pub fn new_global(&mut self, local: Local<'_>) -> Global {
        let bits = self.value(local).bits();
        let globals = &mut self.agent.roots.globals;
        if globals.free.is_empty() {
            globals.take_dropped();
        }
        let slot = globals.free.pop().unwrap_or(globals.slots.len() as u32);
        match globals.slots.get_mut(slot as usize) {
            Some(place) => *place = bits,
            None => globals.slots.push(bits),
        }
        Global { slot, dropped: Arc::clone(&globals.dropped) }
    }

    /// The value of a global; `undefined` if it is another agent's.
    pub fn read_global(&mut self, global: &Global) -> Local<'s> {
        let globals = &self.agent.roots.globals;
        if !Arc::ptr_eq(&globals.dropped, &global.dropped) {
            return Local::UNDEFINED;
        }
        let value = Value::from_bits(globals.slots[global.slot as usize]);
        self.local(value)
    }

    /// What the embedder keeps with the agent, if it is of this type.
    pub fn embedder_data<T: 'static>(&mut self) -> Option<&mut T> {
        self.agent.embedder_data.downcast_mut()
    }
}
