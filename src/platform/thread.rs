//! Threads by name, and how many are worth having.

use std::io;
use std::num::NonZeroUsize;

use crate::base::sync::thread::{Builder, JoinHandle};

/// Threads that can run at once, as far as the system tells; at least 1.
pub fn available_count() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Starts a thread with a name (Linux shows its first 15 bytes).
///
/// # Errors
///
/// The system's, when it has no room for another thread.
pub fn spawn_named<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(run)
}
