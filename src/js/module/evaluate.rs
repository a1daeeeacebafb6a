//! Evaluation (§16.2.1.6.1.3), with modules that wait for promises at their top level.
#![forbid(unsafe_code)]

use super::{ModuleId, Status};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::value::Value;

/// [[AsyncEvaluationOrder]] of a module that has been evaluated.
const DONE: u64 = u64::MAX;

impl<'s> Cx<'s> {
    /// Evaluate (§16.2.1.6.1.3): gives a promise.
    ///
    /// # Errors
    ///
    /// Only a termination: what the code throws, rejects the promise.
    pub fn evaluate_module(&mut self, id: ModuleId) -> Completion<Local<'s>> {
        let mut id = id;
        if matches!(self.module(id).status, Status::EvaluatingAsync | Status::Evaluated) {
            id = self.module(id).cycle_root.unwrap_or(id);
        }
        let known = self.module(id).capability;
        if !Value::from_bits(known).is_undefined() {
            return Ok(self.module_value(known));
        }
        let promise = self.new_promise()?;
        let bits = self.value(promise).bits();
        self.module_mut(id).capability = bits;
        let mut stack = Vec::new();
        match self.inner_evaluate(id, &mut stack, 0) {
            Ok(_) => {
                if self.module(id).async_order.is_none_or(|order| order == DONE) {
                    self.resolve_promise(promise, Local::UNDEFINED)?;
                }
            }
            Err(thrown) => {
                let error = self.take_exception(thrown)?;
                let bits = self.value(error).bits();
                for id in stack {
                    let module = self.module_mut(id);
                    (module.status, module.error) = (Status::Evaluated, Some(bits));
                    module.cycle_root.get_or_insert(id);
                }
                self.reject_promise(promise, error)?;
            }
        }
        Ok(promise)
    }

    /// InnerModuleEvaluation (§16.2.1.6.1.3.1).
    fn inner_evaluate(&mut self, id: ModuleId, stack: &mut Vec<ModuleId>, index: u32) -> Completion<u32> {
        self.check_stack(0)?;
        if matches!(self.module(id).status, Status::EvaluatingAsync | Status::Evaluated) {
            return match self.module(id).error {
                None => Ok(index),
                Some(error) => {
                    let error = self.module_value(error);
                    Err(self.throw(error))
                }
            };
        }
        if self.module(id).status == Status::Evaluating {
            return Ok(index);
        }
        if self.module(id).code.is_none() {
            // A module of data has nothing to run.
            let module = self.module_mut(id);
            (module.status, module.cycle_root) = (Status::Evaluated, Some(id));
            return Ok(index);
        }
        let module = self.module_mut(id);
        (module.status, module.dfs_index, module.dfs_ancestor, module.pending_dependencies) =
            (Status::Evaluating, index, index, 0);
        let mut index = index + 1;
        stack.push(id);
        for requested in self.module(id).requested.clone() {
            index = self.inner_evaluate(requested, stack, index)?;
            let mut requested = requested;
            if self.module(requested).status == Status::Evaluating {
                let ancestor = self.module(requested).dfs_ancestor;
                let module = self.module_mut(id);
                module.dfs_ancestor = module.dfs_ancestor.min(ancestor);
            } else {
                requested = self.module(requested).cycle_root.unwrap_or(requested);
                if let Some(error) = self.module(requested).error {
                    let error = self.module_value(error);
                    return Err(self.throw(error));
                }
            }
            if self.module(requested).async_order.is_some_and(|order| order != DONE) {
                self.module_mut(id).pending_dependencies += 1;
                self.module_mut(requested).async_parents.push(id);
            }
        }
        let module = self.module(id);
        if module.pending_dependencies > 0 || module.has_await {
            let starts = module.pending_dependencies == 0;
            self.agent.roots.modules.async_count += 1;
            let order = self.agent.roots.modules.async_count;
            self.module_mut(id).async_order = Some(order);
            if starts {
                self.execute_async(id)?;
            }
        } else {
            self.execute(id)?;
        }
        let module = self.module(id);
        if module.dfs_ancestor == module.dfs_index {
            while let Some(done) = stack.pop() {
                let module = self.module_mut(done);
                module.status = if module.async_order.is_none() { Status::Evaluated } else { Status::EvaluatingAsync };
                module.cycle_root = Some(id);
                if done == id {
                    break;
                }
            }
        }
        Ok(index)
    }

    /// ExecuteModule (§16.2.1.7.3.2) of a module that does not wait.
    fn execute(&mut self, id: ModuleId) -> Completion<()> {
        self.in_module_realm(id, |cx| {
            let suspended = cx.module(id).suspended;
            let suspended = cx.module_value(suspended);
            cx.module_mut(id).suspended = Value::UNDEFINED.bits();
            cx.run_module(suspended)?;
            Ok(())
        })
    }

    /// ExecuteAsyncModule (§16.2.1.6.1.3.2).
    fn execute_async(&mut self, id: ModuleId) -> Completion<()> {
        fn fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let id = cx.captured(args, 0).as_int().unwrap_or(0);
            cx.async_fulfilled(ModuleId(id.cast_unsigned()))?;
            Ok(Local::UNDEFINED)
        }
        fn rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let id = cx.captured(args, 0).as_int().unwrap_or(0);
            let error = cx.arg(args, 0);
            cx.async_rejected(ModuleId(id.cast_unsigned()), error)?;
            Ok(Local::UNDEFINED)
        }
        self.in_module_realm(id, |cx| {
            let number = Local::int(id.0.cast_signed());
            let on_fulfilled = cx.new_capturing(fulfilled, 0, &[number])?;
            let on_rejected = cx.new_capturing(rejected, 0, &[number])?;
            let suspended = cx.module(id).suspended;
            let suspended = cx.module_value(suspended);
            cx.module_mut(id).suspended = Value::UNDEFINED.bits();
            let promise = cx.run_module(suspended)?;
            cx.perform_promise_then(promise, on_fulfilled, on_rejected, None)?;
            Ok(())
        })
    }

    /// GatherAvailableAncestors (§16.2.1.6.1.3.3).
    fn gather_available(&mut self, id: ModuleId, list: &mut Vec<ModuleId>) {
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            for parent in self.module(id).async_parents.clone() {
                let root = self.module(parent).cycle_root.unwrap_or(parent);
                if list.contains(&parent) || self.module(root).error.is_some() {
                    continue;
                }
                let module = self.module_mut(parent);
                module.pending_dependencies = module.pending_dependencies.saturating_sub(1);
                if module.pending_dependencies == 0 {
                    list.push(parent);
                    if !self.module(parent).has_await {
                        todo.push(parent);
                    }
                }
            }
        }
    }

    /// AsyncModuleExecutionFulfilled (§16.2.1.6.1.3.4).
    fn async_fulfilled(&mut self, id: ModuleId) -> Completion<()> {
        if self.module(id).status == Status::Evaluated {
            return Ok(());
        }
        self.finish_async(id)?;
        let mut list = Vec::new();
        self.gather_available(id, &mut list);
        list.sort_by_key(|&id| self.module(id).async_order);
        for id in list {
            if self.module(id).status == Status::Evaluated {
                continue;
            }
            if self.module(id).has_await {
                self.execute_async(id)?;
                continue;
            }
            match self.execute(id) {
                Ok(()) => self.finish_async(id)?,
                Err(thrown) => {
                    let mut cx = self.open();
                    let error = cx.take_exception(thrown)?;
                    cx.async_rejected(id, error)?;
                }
            }
        }
        Ok(())
    }

    fn finish_async(&mut self, id: ModuleId) -> Completion<()> {
        let module = self.module_mut(id);
        (module.async_order, module.status) = (Some(DONE), Status::Evaluated);
        let mut cx = self.open();
        let promise = cx.module(id).capability;
        if !Value::from_bits(promise).is_undefined() {
            let promise = cx.module_value(promise);
            cx.resolve_promise(promise, Local::UNDEFINED)?;
        }
        Ok(())
    }

    /// AsyncModuleExecutionRejected (§16.2.1.6.1.3.5).
    fn async_rejected(&mut self, id: ModuleId, error: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let value = cx.value(error);
        let error = cx.local(value);
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            if cx.module(id).status == Status::Evaluated {
                continue;
            }
            let bits = cx.value(error).bits();
            let module = cx.module_mut(id);
            (module.error, module.status, module.async_order) = (Some(bits), Status::Evaluated, Some(DONE));
            todo.extend(module.async_parents.clone().into_iter().rev());
            let promise = cx.module(id).capability;
            if !Value::from_bits(promise).is_undefined() {
                let promise = cx.module_value(promise);
                cx.reject_promise(promise, error)?;
            }
        }
        Ok(())
    }
}
