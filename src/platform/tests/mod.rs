//! Tests of the platform layer against the system that they run on.

mod memory;
pub(crate) mod refused;
mod threads;
