//! The abstract operations on promises (§27.2.1), and their jobs (§27.2.2).
//!
//! A pending promise has a list of reactions, each five values: the capability's promise, resolve and reject, and the two handlers. A
//! capability whose functions are `undefined` is one whose promise is the engine's own and is settled directly: nobody can tell.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::value::Value;

/// Internal slots.
const STATE: u32 = 0;
const RESULT: u32 = 1;
const REACTIONS: u32 = 2;
const IS_HANDLED: u32 = 3;

/// [[PromiseState]].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseState {
    /// Neither.
    Pending,
    /// With a value.
    Fulfilled,
    /// With a reason.
    Rejected,
}

/// A PromiseCapability Record (§27.2.1.1).
#[derive(Debug, Clone, Copy)]
pub struct PromiseCapability<'s> {
    /// [[Promise]].
    pub promise: Local<'s>,
    /// [[Resolve]].
    pub resolve: Local<'s>,
    /// [[Reject]].
    pub reject: Local<'s>,
}

impl<'s> PromiseCapability<'s> {
    /// The capability of a promise that the engine settles itself.
    pub(in crate::js) fn direct(promise: Local<'s>) -> Self {
        PromiseCapability { promise, resolve: Local::UNDEFINED, reject: Local::UNDEFINED }
    }
}

impl<'s> Cx<'s> {
    /// IsPromise (§27.2.1.6).
    pub fn is_promise(&self, value: Local<'_>) -> bool {
        self.is(value, Class::Promise)
    }

    /// A promise's state.
    pub fn promise_state(&self, promise: Local<'_>) -> PromiseState {
        match self.field_value(promise, STATE).as_int() {
            Some(1) => PromiseState::Fulfilled,
            Some(2) => PromiseState::Rejected,
            _ => PromiseState::Pending,
        }
    }

    /// The value or reason of a promise that is settled.
    pub fn promise_result(&mut self, promise: Local<'_>) -> Local<'s> {
        self.field(promise, RESULT)
    }

    /// A pending promise of the current realm.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_promise(&mut self) -> Completion<Local<'s>> {
        let promise = self.make_of(Class::Promise, Intrinsic::PromisePrototype)?;
        self.start_promise(promise);
        Ok(promise)
    }

    pub(super) fn start_promise(&mut self, promise: Local<'_>) {
        self.set_field_value(promise, STATE, Value::ZERO);
        self.set_field_value(promise, IS_HANDLED, Value::FALSE);
    }

    /// Promise Resolve Functions (§27.2.1.3.2), from step 7 on.
    ///
    /// # Errors
    ///
    /// Only a termination.
    pub fn resolve_promise(&mut self, promise: Local<'_>, resolution: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let (promise, resolution) = (cx.same(promise), cx.same(resolution));
        // 7.
        if cx.same_value(promise, resolution) {
            let thrown = cx.type_error("Chaining cycle detected for promise #<Promise>");
            let error = cx.take_exception(thrown)?;
            return cx.reject_promise(promise, error);
        }
        // 8.
        if !resolution.is_object() {
            return cx.settle(promise, PromiseState::Fulfilled, resolution);
        }
        // 9. to 12.
        let then = match cx.get(resolution, Name::then.key()) {
            Ok(then) => then,
            Err(thrown) => {
                let error = cx.take_exception(thrown)?;
                return cx.reject_promise(promise, error);
            }
        };
        if !cx.is_callable(then) {
            return cx.settle(promise, PromiseState::Fulfilled, resolution);
        }
        // 13. to 15.
        let realm = cx.function_realm(then).unwrap_or(Local::UNDEFINED);
        cx.enqueue_job_in(realm, thenable_job, [promise, resolution, then, Local::UNDEFINED, Local::UNDEFINED]);
        Ok(())
    }

    /// RejectPromise (§27.2.1.7).
    ///
    /// # Errors
    ///
    /// Only a termination.
    pub fn reject_promise(&mut self, promise: Local<'_>, reason: Local<'_>) -> Completion<()> {
        if self.field_value(promise, IS_HANDLED) != Value::TRUE {
            self.with_host(|host, cx| host.promise_rejected(cx, promise, reason));
        }
        self.settle(promise, PromiseState::Rejected, reason)
    }

    /// FulfillPromise (§27.2.1.4), RejectPromise (§27.2.1.7), TriggerPromiseReactions (§27.2.1.8).
    fn settle(&mut self, promise: Local<'_>, state: PromiseState, result: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let reactions = cx.field(promise, REACTIONS);
        cx.set_field_value(promise, STATE, Value::int(if state == PromiseState::Fulfilled { 1 } else { 2 }));
        cx.set_field(promise, RESULT, result);
        cx.set_field_value(promise, REACTIONS, Value::UNDEFINED);
        if reactions.is_undefined() {
            return Ok(());
        }
        let all = cx.plain_elements(reactions).unwrap_or_default();
        for reaction in all.chunks_exact(5) {
            let capability = PromiseCapability { promise: reaction[0], resolve: reaction[1], reject: reaction[2] };
            let handler = if state == PromiseState::Fulfilled { reaction[3] } else { reaction[4] };
            cx.enqueue_reaction(state, handler, capability, result);
        }
        Ok(())
    }

    /// NewPromiseReactionJob (§27.2.2.1).
    fn enqueue_reaction(
        &mut self,
        state: PromiseState,
        handler: Local<'_>,
        capability: PromiseCapability<'_>,
        argument: Local<'_>,
    ) {
        let run = if state == PromiseState::Fulfilled { fulfilled_job } else { rejected_job };
        let mut cx = self.open();
        let realm = match handler.is_undefined() {
            true => Local::UNDEFINED,
            false => cx.function_realm(handler).unwrap_or(Local::UNDEFINED),
        };
        cx.enqueue_job_in(realm, run, [handler, argument, capability.promise, capability.resolve, capability.reject]);
    }

    /// Adds a job with a realm, or the current one if it is `undefined`.
    fn enqueue_job_in(&mut self, realm: Local<'_>, run: crate::js::agent::JobFn, values: [Local<'_>; 5]) {
        let current = self.agent.roots.realm;
        if !realm.is_undefined() {
            self.agent.roots.realm = self.reference(realm);
        }
        self.enqueue_job(run, values);
        self.agent.roots.realm = current;
    }

    /// PerformPromiseThen (§27.2.5.4.1). Handlers are functions or `undefined`.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn perform_promise_then(
        &mut self,
        promise: Local<'_>,
        on_fulfilled: Local<'_>,
        on_rejected: Local<'_>,
        capability: Option<PromiseCapability<'s>>,
    ) -> Completion<Local<'s>> {
        let mut cx = self.open();
        let callable =
            |cx: &Cx<'_>, handler: Local<'_>| if cx.is_callable(handler) { cx.value(handler) } else { Value::UNDEFINED };
        let (on_fulfilled, on_rejected) = (callable(&cx, on_fulfilled), callable(&cx, on_rejected));
        let (on_fulfilled, on_rejected) = (cx.local(on_fulfilled), cx.local(on_rejected));
        let record = capability.unwrap_or(PromiseCapability::direct(Local::UNDEFINED));
        match cx.promise_state(promise) {
            PromiseState::Pending => {
                let mut reactions = cx.field(promise, REACTIONS);
                if reactions.is_undefined() {
                    reactions = cx.new_array(0)?;
                    cx.set_field(promise, REACTIONS, reactions);
                }
                for value in [record.promise, record.resolve, record.reject, on_fulfilled, on_rejected] {
                    cx.array_push(reactions, value)?;
                }
            }
            state => {
                if state == PromiseState::Rejected && cx.field_value(promise, IS_HANDLED) != Value::TRUE {
                    cx.with_host(|host, cx| host.promise_handled(cx, promise));
                }
                let result = cx.promise_result(promise);
                let handler = if state == PromiseState::Fulfilled { on_fulfilled } else { on_rejected };
                cx.enqueue_reaction(state, handler, record, result);
            }
        }
        cx.set_field_value(promise, IS_HANDLED, Value::TRUE);
        drop(cx);
        Ok(capability.map_or(Local::UNDEFINED, |capability| capability.promise))
    }

    /// CreateResolvingFunctions (§27.2.1.3): resolve and reject.
    pub(super) fn resolving_functions(&mut self, promise: Local<'_>) -> Completion<(Local<'s>, Local<'s>)> {
        fn first_call<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> bool {
            let flag = cx.captured(args, 1);
            let flag = cx.reference(flag);
            let is_first = cx.read_value(flag, 0) != Value::TRUE;
            cx.write_value(flag, 0, Value::TRUE);
            is_first
        }
        fn resolve<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            if first_call(cx, args) {
                let promise = cx.captured(args, 0);
                cx.resolve_promise(promise, cx.arg(args, 0))?;
            }
            Ok(Local::UNDEFINED)
        }
        fn reject<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            if first_call(cx, args) {
                let promise = cx.captured(args, 0);
                cx.reject_promise(promise, cx.arg(args, 0))?;
            }
            Ok(Local::UNDEFINED)
        }
        let flag = self.allocate_values(1, Value::FALSE)?;
        let flag = self.root_value(Value::object(flag));
        let resolve = self.new_capturing(resolve, 1, &[promise, flag])?;
        let reject = self.new_capturing(reject, 1, &[promise, flag])?;
        Ok((resolve, reject))
    }

    /// NewPromiseCapability (§27.2.1.5).
    ///
    /// # Errors
    ///
    /// A TypeError when it is no constructor, or one that does not do what it should.
    pub fn new_promise_capability(&mut self, constructor: Local<'s>) -> Completion<PromiseCapability<'s>> {
        /// GetCapabilitiesExecutor Functions (§27.2.1.5.1)
        fn executor<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let record = cx.captured(args, 0);
            let record = cx.reference(record);
            if !cx.read_value(record, 0).is_undefined() || !cx.read_value(record, 1).is_undefined() {
                return Err(cx.type_error("Promise executor has already been invoked with non-undefined arguments"));
            }
            let (resolve, reject) = (cx.value(cx.arg(args, 0)), cx.value(cx.arg(args, 1)));
            cx.write_value(record, 0, resolve);
            cx.write_value(record, 1, reject);
            Ok(Local::UNDEFINED)
        }
        let own = self.intrinsic(Intrinsic::Promise);
        if self.same_value(own, constructor) {
            let promise = self.new_promise()?;
            let (resolve, reject) = self.resolving_functions(promise)?;
            return Ok(PromiseCapability { promise, resolve, reject });
        }
        if !self.is_constructor(constructor) {
            let text = self.display(constructor);
            return Err(self.type_error(&format!("{text} is not a constructor")));
        }
        let record = self.allocate_values(2, Value::UNDEFINED)?;
        let record = self.root_value(Value::object(record));
        let executor = self.new_capturing(executor, 2, &[record])?;
        let promise = self.construct(constructor, &[executor], constructor)?;
        let functions = self.reference(record);
        let (resolve, reject) = (self.read_value(functions, 0), self.read_value(functions, 1));
        let (resolve, reject) = (self.local(resolve), self.local(reject));
        if !self.is_callable(resolve) || !self.is_callable(reject) {
            return Err(self.type_error("Promise resolve or reject function is not callable"));
        }
        Ok(PromiseCapability { promise, resolve, reject })
    }

    /// PromiseResolve (§27.2.4.7.1).
    ///
    /// # Errors
    ///
    /// What the constructor throws.
    pub fn promise_resolve(&mut self, constructor: Local<'s>, value: Local<'s>) -> Completion<Local<'s>> {
        if self.is_promise(value) {
            let own = self.get(value, Name::constructor.key())?;
            if self.same_value(own, constructor) {
                return Ok(value);
            }
        }
        let own = self.intrinsic(Intrinsic::Promise);
        if self.same_value(own, constructor) {
            let promise = self.new_promise()?;
            self.resolve_promise(promise, value)?;
            return Ok(promise);
        }
        let capability = self.new_promise_capability(constructor)?;
        self.call(capability.resolve, Local::UNDEFINED, &[value])?;
        Ok(capability.promise)
    }
}

fn fulfilled_job<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5]) -> Completion<()> {
    reaction_job(cx, values, true)
}

fn rejected_job<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5]) -> Completion<()> {
    reaction_job(cx, values, false)
}

/// The job of a reaction (§27.2.2.1): handler, argument, capability.
fn reaction_job<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5], fulfilled: bool) -> Completion<()> {
    let [handler, argument, promise, resolve, reject] = values;
    let result = match (handler.is_undefined(), fulfilled) {
        (true, true) => Ok(argument),
        (true, false) => Err(cx.throw(argument)),
        (false, _) => cx.call(handler, Local::UNDEFINED, &[argument]),
    };
    if promise.is_undefined() {
        return result.map(|_| ());
    }
    match result {
        Ok(value) if resolve.is_undefined() => cx.resolve_promise(promise, value),
        Ok(value) => cx.call(resolve, Local::UNDEFINED, &[value]).map(|_| ()),
        Err(thrown) => {
            let error = cx.take_exception(thrown)?;
            if reject.is_undefined() {
                return cx.reject_promise(promise, error);
            }
            cx.call(reject, Local::UNDEFINED, &[error]).map(|_| ())
        }
    }
}

/// NewPromiseResolveThenableJob (§27.2.2.2): promise, thenable, `then`.
fn thenable_job<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5]) -> Completion<()> {
    let [promise, thenable, then, _, _] = values;
    let (resolve, reject) = cx.resolving_functions(promise)?;
    if let Err(thrown) = cx.call(then, thenable, &[resolve, reject]) {
        let error = cx.take_exception(thrown)?;
        cx.call(reject, Local::UNDEFINED, &[error])?;
    }
    Ok(())
}
