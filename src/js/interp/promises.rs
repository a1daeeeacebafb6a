//! What async functions need of promises (§27.2.1): always %Promise% itself.

use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;

pub(in crate::js) use crate::js::builtins::promise::PromiseCapability as Capability;

impl<'s> Cx<'s> {
    /// NewPromiseCapability(%Promise%).
    pub(in crate::js) fn async_capability(&mut self) -> Completion<Capability<'s>> {
        let constructor = self.intrinsic(Intrinsic::Promise);
        self.new_promise_capability(constructor)
    }

    /// PromiseResolve(%Promise%, value) (§27.2.4.7.1).
    pub(in crate::js) fn async_resolve(&mut self, value: Local<'s>) -> Completion<Local<'s>> {
        let constructor = self.intrinsic(Intrinsic::Promise);
        self.promise_resolve(constructor, value)
    }

    /// PerformPromiseThen (§27.2.5.4.1) without a result capability.
    pub(in crate::js) fn async_then(
        &mut self,
        promise: Local<'s>,
        on_fulfilled: Local<'s>,
        on_rejected: Local<'s>,
    ) -> Completion<()> {
        self.perform_promise_then(promise, on_fulfilled, on_rejected, None)?;
        Ok(())
    }
}
