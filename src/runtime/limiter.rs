//! The host's say in what guests may allocate.

/// Asked before a memory or table is made or grows; refusing makes `memory.grow` and `table.grow` return -1 and an
/// instantiation fail. A shared memory asks the limiter of the isolate that makes it or wants it to grow, and of no other; nobody else
/// can grow it meanwhile, and the limiter itself must not.
pub trait ResourceLimiter: Send {
    /// A memory wants to go from `current` to `desired` bytes; its own type allows `max`.
    fn memory_growing(&mut self, current: u64, desired: u64, max: u64) -> bool;

    /// A table wants to go from `current` to `desired` elements; its own type allows `max`.
    fn table_growing(&mut self, current: u64, desired: u64, max: u64) -> bool;
}

/// Bounds on the sum of all memories and on each table.
#[derive(Debug, Clone)]
pub struct StaticLimits {
    memory_bytes: u64,
    table_elements: u64,
    memory_used: u64,
}

impl StaticLimits {
    /// At most this many bytes in all memories together, and this many elements in each table.
    pub fn new(memory_bytes: u64, table_elements: u64) -> Self {
        StaticLimits { memory_bytes, table_elements, memory_used: 0 }
    }
}

impl ResourceLimiter for StaticLimits {
    fn memory_growing(&mut self, current: u64, desired: u64, _max: u64) -> bool {
        let used = self.memory_used.saturating_add(desired.saturating_sub(current));
        let granted = used <= self.memory_bytes;
        if granted {
            self.memory_used = used;
        }
        granted
    }

    fn table_growing(&mut self, _current: u64, desired: u64, _max: u64) -> bool {
        desired <= self.table_elements
    }
}
