//! The host's threads in place of ours.

use std::fmt;

use crate::base::sync::Arc;
use crate::tasks::manager::TaskShared;

/// A pool of the host that lends its threads.
///
/// Dropping the engine drops the executor object on whichever thread lets go of it last.
pub trait Executor: Send + Sync + fmt::Debug {
    /// Calls [`Ticket::run`] on another thread, soon. Must not run it before returning, and must not block.
    ///
    /// A ticket that is dropped is only a missed chance: whoever waits for the work does it. What nobody waits for, such as freeing the
    /// memory of dropped modules, then waits for another ticket, or for the engine's end.
    fn spawn(&self, ticket: Ticket);
}

/// The right to run one queued task. The queue itself stays with the engine, so that its shutdown need not ask the host.
#[derive(Debug)]
pub struct Ticket(pub(super) Arc<TaskShared>);

impl Ticket {
    /// Runs one task, if one is still queued: 50 ms and one compile unit at the most.
    pub fn run(self) {
        self.0.run_one();
    }
}
