//! Work that is not the caller's: the engine's threads, or the host's executor, and the way back to a foreground.
//!
//! In reading order: [`gate`] says when nothing runs any more, [`manager`] queues and runs, [`executor`] lets the host run
//! instead, [`foreground`] is how work comes back to the thread that owns things, [`clock`] is the time they all see.
//!
//! **Invariant:** a task is plain data. It owns no module, no isolate and no engine, so that dropping it anywhere is harmless.
//! **Invariant:** a task never waits for a foreground.

#![forbid(unsafe_code)]

pub mod clock;
pub mod executor;
pub mod foreground;
pub mod gate;
pub mod manager;
