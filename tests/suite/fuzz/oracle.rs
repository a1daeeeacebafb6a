//! Another engine, with which Deltic is compared.

use super::observe::Event;

/// An engine that runs the script of [`observe`](super::observe::observe).
pub trait Oracle {
    /// What it saw of a module; none when it does not take the module.
    fn run(&self, wasm: &[u8], seed: u64) -> Option<Vec<Event>>;
}
