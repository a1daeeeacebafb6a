//! The interpreter: frames, the loop over bytecode, and what instructions do.
//!
//! *Idea.* A frame's registers are words of the VM stack, its record lies in [`Machine::frames`]. Calls from scripts to scripts push a frame and stay
//! in the same loop ([`run`]); calls from Rust enter a loop of their own, which ends with the frame that it began with. What an instruction
//! cannot do at once is done by a function that works on [`Local`]s, which name the registers where they are ([`slow`]).
//!
//! **Invariants:** `roots.top` is the end of the top frame while its code runs; all words below are good values, dead registers too. Things
//! that belong to scripts ([`loaded`]) are old from the start and never move.

mod activation;
mod arithmetic;
mod async_generator;
mod asynchronous;
mod cache;
mod calls;
mod classes;
mod closures;
mod declarations;
mod dispose;
mod environment;
mod errors;
pub(in crate::js) mod evaluate;
mod frame;
mod globals;
mod iteration;
mod literals;
pub(in crate::js) mod loaded;
pub(in crate::js) mod module;
mod names;
mod private;
mod promises;
mod property;
mod run;
mod slow;
#[cfg(test)]
mod tests;
mod trace;

pub(in crate::js) use activation::ResumeMode;
pub(in crate::js) use cache::Lookups;
pub(in crate::js) use calls::KnownNatives;
pub(in crate::js) use closures::ENVIRONMENT_SLOTS;
pub(in crate::js) use frame::Frame;
pub(in crate::js) use promises::Capability;

use crate::heap::{HeapRef, RootVisitor};
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::value::Value;

/// What the interpreter keeps that the collector must see.
#[derive(Debug, Default)]
pub(in crate::js) struct Machine {
    /// The frames of scripts, the running one last.
    pub frames: Vec<Frame>,
}

impl Machine {
    pub fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        for frame in &mut self.frames {
            frame.visit(visitor);
        }
    }

    pub fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        let _ = is_live;
    }
}

impl<'s> Cx<'s> {
    /// Calls the closure at a place of the stack.
    pub(in crate::js) fn call_closure(&mut self, callee: usize, count: u32) -> Completion<Local<'s>> {
        let value = self.enter_closure(callee, count, Value::UNDEFINED)?;
        Ok(self.local(value))
    }

    /// Constructs by the closure at a place of the stack.
    pub(in crate::js) fn construct_closure(&mut self, callee: usize, count: u32, new_target: Local<'s>) -> Completion<Local<'s>> {
        let new_target = self.value(new_target);
        let value = self.enter_closure(callee, count, new_target)?;
        Ok(self.local(value))
    }

    fn enter_closure(&mut self, callee: usize, count: u32, new_target: Value) -> Completion<Value> {
        self.check_stack(count as usize + 2)?;
        let top = self.agent.roots.top;
        let end = callee + 2 + count as usize;
        let mut at = callee;
        // Handles may lie behind the arguments: then the call moves above them.
        if end != top {
            for from in callee..end {
                let word = self.agent.roots.stack[from];
                self.agent.roots.stack[top + from - callee] = word;
            }
            self.agent.roots.top = top + end - callee;
            at = top;
        }
        let result = self.push_frame(at, count, new_target, 0, frame::ENTRY).and_then(|()| self.run(None));
        self.agent.roots.top = top;
        result
    }
}
