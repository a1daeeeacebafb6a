//! Host references: values of the host that a guest holds as `externref`.
//!
//! Until the heap collects them they live as long as their isolate, in a table; a reference is an index, 0 is null.

use std::any::Any;

/// The table of host references.
#[derive(Default)]
pub struct ExternTable {
    values: Vec<Box<dyn Any + Send>>,
}

impl ExternTable {
    /// Keeps a value and gives its reference; `None` when there are 2³²−1 already.
    pub fn add(&mut self, value: Box<dyn Any + Send>) -> Option<u32> {
        let reference = u32::try_from(self.values.len() + 1).ok()?;
        self.values.push(value);
        Some(reference)
    }

    /// The value of a reference.
    pub fn get(&self, reference: u32) -> Option<&(dyn Any + Send)> {
        let index = (reference as usize).checked_sub(1)?;
        self.values.get(index).map(|value| &**value)
    }
}

impl std::fmt::Debug for ExternTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternTable").field("len", &self.values.len()).finish()
    }
}
