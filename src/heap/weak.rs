//! Weak things: cells that do not keep their target, tables of ephemerons, and the finalization queue.
//!
//! Cells and tables are objects ([`ObjectKind::Weak`](crate::heap::ObjectKind), `Ephemerons`); the collectors meet them as they
//! trace. Registrations for finalization live here: the target is weak, what is held for it is strong. When a major collection finds
//! the target dead, what was held goes to the queue, where the layer above fetches it on its own time: no callback runs
//! inside a collection.

use std::collections::VecDeque;

use crate::heap::reference::HeapRef;
use crate::heap::roots::RootVisitor;

/// A target and what is held for it.
#[derive(Debug, Clone, Copy)]
struct Registration {
    target: HeapRef,
    held: u64,
    token: u32,
}

/// What a dead target leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finalized {
    /// The boxed value that was registered with the target.
    pub held: u64,
    /// The number that was registered with it.
    pub token: u32,
}

/// Registrations and the queue.
#[derive(Debug, Default)]
pub(in crate::heap) struct Weak {
    registrations: Vec<Registration>,
    queue: VecDeque<Finalized>,
}

impl Weak {
    pub fn register(&mut self, target: HeapRef, held: u64, token: u32) {
        self.registrations.push(Registration { target, held, token });
    }

    /// Forgets all registrations of a token; how many there were.
    pub fn unregister(&mut self, token: u32) -> usize {
        let before = self.registrations.len();
        self.registrations.retain(|registration| registration.token != token);
        before - self.registrations.len()
    }

    pub fn next(&mut self) -> Option<Finalized> {
        self.queue.pop_front()
    }

    /// For a minor collection: targets too.
    pub fn visit_strong(&mut self, visitor: &mut dyn RootVisitor) {
        for registration in &mut self.registrations {
            visitor.reference(&mut registration.target);
        }
        self.visit_strong_major(visitor);
    }

    /// For a major collection: what is held, and what waits in the queue.
    pub fn visit_strong_major(&mut self, visitor: &mut dyn RootVisitor) {
        for registration in &mut self.registrations {
            visitor.boxed(&mut registration.held);
        }
        for finalized in &mut self.queue {
            visitor.boxed(&mut finalized.held);
        }
    }

    pub fn after_marking(&mut self, is_live: impl Fn(u32) -> bool) {
        let queue = &mut self.queue;
        self.registrations.retain(|registration| {
            let live = is_live(registration.target.bits());
            if !live {
                queue.push_back(Finalized { held: registration.held, token: registration.token });
            }
            live
        });
    }
}
