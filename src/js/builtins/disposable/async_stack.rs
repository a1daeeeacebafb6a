//! AsyncDisposableStack (§27.4).
#![forbid(unsafe_code)]

use crate::js::builtins::disposable::{
    IS_DISPOSED, RESOURCES, add_resource, adopt_resource, defer_call, is_disposed, move_resources,
};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// Makes `AsyncDisposableStack`.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::AsyncDisposableStack,
        native: async_disposable_stack,
        length: 0,
        intrinsic: Intrinsic::AsyncDisposableStack,
        prototype: Intrinsic::AsyncDisposableStackPrototype,
    })?;
    cx.install_methods(prototype, &[(Name::adopt, 2, adopt), (Name::defer, 1, defer), (Name::disposeAsync, 0, dispose_async)])?;
    cx.install_getter(prototype, Name::disposed, disposed)?;
    cx.install_methods(prototype, &[(Name::r#move, 0, r#move), (Name::r#use, 1, r#use)])?;
    let dispose = cx.get(prototype, Name::disposeAsync.key())?;
    cx.define_data(prototype, Name::sym_asyncDispose.key(), dispose, Attributes::HIDDEN)?;
    cx.install_tag(prototype, "AsyncDisposableStack")
}

/// AsyncDisposableStack (§27.4.1.1).
fn async_disposable_stack<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If NewTarget is undefined, throw a TypeError exception.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor AsyncDisposableStack requires 'new'"));
    }
    let prototype = Intrinsic::AsyncDisposableStackPrototype;
    let stack = cx.create_from_constructor(Class::AsyncDisposableStack, args.new_target(), prototype)?;
    cx.start_stack(stack)?;
    Ok(stack)
}

/// AsyncDisposableStack.prototype.adopt (§27.4.3.1).
fn adopt<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    adopt_resource(cx, this, args, Class::AsyncDisposableStack)
}

/// AsyncDisposableStack.prototype.defer (§27.4.3.3).
fn defer<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    defer_call(cx, this, args, Class::AsyncDisposableStack)
}

/// AsyncDisposableStack.prototype.disposeAsync (§27.4.3.4).
fn dispose_async<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 2. Let promiseCapability be ! NewPromiseCapability(%Promise%).
    let promise = cx.new_promise()?;
    if let Err(thrown) = cx.require_stack(this, Class::AsyncDisposableStack, "disposeAsync") {
        let error = cx.take_exception(thrown)?;
        cx.reject_promise(promise, error)?;
        return Ok(promise);
    }
    // 4. If asyncDisposableStack.[[AsyncDisposableState]] is disposed, resolve with undefined.
    if cx.field_value(this, IS_DISPOSED) == Value::TRUE {
        cx.resolve_promise(promise, Local::UNDEFINED)?;
        return Ok(promise);
    }
    cx.set_field_value(this, IS_DISPOSED, Value::TRUE);
    let list = cx.field(this, RESOURCES);
    // 6. Let result be DisposeResources(capability, NormalCompletion(undefined)).
    let state = cx.allocate_values(STATE_LENGTH, Value::FALSE)?;
    let state = cx.root_value(Value::object(state));
    cx.set_disposal(state, LIST, list);
    cx.set_disposal(state, PROMISE, promise);
    proceed(cx, state)?;
    Ok(promise)
}

/// get AsyncDisposableStack.prototype.disposed (§27.4.3.5).
fn disposed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    is_disposed(cx, this, Class::AsyncDisposableStack)
}

/// AsyncDisposableStack.prototype.move (§27.4.3.6).
fn r#move<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    move_resources(cx, this, Class::AsyncDisposableStack, Intrinsic::AsyncDisposableStackPrototype)
}

/// AsyncDisposableStack.prototype.use (§27.4.3.7).
fn r#use<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    add_resource(cx, this, args, Class::AsyncDisposableStack)
}

/// The state of a DisposeResources (§7.5.8) that awaits: an array of the engine's own.
const LIST: u32 = 0;
/// The promise to settle at the end.
const PROMISE: u32 = 1;
const HAS_ERROR: u32 = 2;
const ERROR: u32 = 3;
const NEEDS_AWAIT: u32 = 4;
const HAS_AWAITED: u32 = 5;
const STATE_LENGTH: u32 = 6;

impl<'s> Cx<'s> {
    fn disposal(&mut self, state: Local<'_>, nth: u32) -> Local<'s> {
        let value = self.read_value(self.reference(state), nth);
        self.local(value)
    }

    fn disposal_flag(&self, state: Local<'_>, nth: u32) -> bool {
        self.read_value(self.reference(state), nth) == Value::TRUE
    }

    fn set_disposal(&mut self, state: Local<'_>, nth: u32, local: Local<'_>) {
        let value = self.value(local);
        self.write_value(self.reference(state), nth, value);
    }

    /// Keeps what was thrown, with what was thrown before.
    fn disposal_failed(&mut self, state: Local<'_>, error: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let value = cx.value(error);
        let mut error = cx.local(value);
        if cx.disposal_flag(state, HAS_ERROR) {
            let before = cx.disposal(state, ERROR);
            error = cx.suppressed_error(error, before)?;
        }
        cx.set_disposal(state, ERROR, error);
        cx.set_disposal(state, HAS_ERROR, Local::TRUE);
        Ok(())
    }

    /// Await (§27.7.5.3), after which DisposeResources goes on.
    fn await_disposal(&mut self, state: Local<'_>, value: Local<'_>) -> Completion<()> {
        let mut cx = self.open();
        let constructor = cx.intrinsic(Intrinsic::Promise);
        let value = cx.value(value);
        let value = cx.local(value);
        let promise = cx.promise_resolve(constructor, value)?;
        let fulfilled = cx.new_capturing(awaited, 1, &[state])?;
        let rejected = cx.new_capturing(refused, 1, &[state])?;
        cx.perform_promise_then(promise, fulfilled, rejected, None)?;
        Ok(())
    }
}

fn awaited<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let state = cx.captured(args, 0);
    proceed(cx, state)?;
    Ok(Local::UNDEFINED)
}

fn refused<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let state = cx.captured(args, 0);
    cx.disposal_failed(state, cx.arg(args, 0))?;
    proceed(cx, state)?;
    Ok(Local::UNDEFINED)
}

/// DisposeResources (§7.5.8), until the next Await or the end.
fn proceed(cx: &mut Cx<'_>, state: Local<'_>) -> Completion<()> {
    loop {
        let mut cx = cx.open();
        let list = cx.disposal(state, LIST);
        let must_await = cx.disposal_flag(state, NEEDS_AWAIT) && !cx.disposal_flag(state, HAS_AWAITED);
        let resource = cx.last_resource(list);
        // 3.d. and 4. Resources without a method are awaited once.
        if must_await && resource.as_ref().is_none_or(|resource| !resource.is_async) {
            cx.set_disposal(state, NEEDS_AWAIT, Local::FALSE);
            return cx.await_disposal(state, Local::UNDEFINED);
        }
        let Some(resource) = resource else { break };
        cx.drop_last_resource(list);
        // 3.f.
        if resource.method.is_undefined() {
            cx.set_disposal(state, NEEDS_AWAIT, Local::TRUE);
            continue;
        }
        // 3.e.
        let result = match cx.call(resource.method, resource.value, &[]) {
            Ok(result) if resource.is_async => {
                cx.set_disposal(state, HAS_AWAITED, Local::TRUE);
                match cx.await_disposal(state, result) {
                    Ok(()) => return Ok(()),
                    Err(thrown) => Err(thrown),
                }
            }
            result => result,
        };
        if let Err(thrown) = result {
            let error = cx.take_exception(thrown)?;
            cx.disposal_failed(state, error)?;
        }
    }
    let promise = cx.disposal(state, PROMISE);
    if cx.disposal_flag(state, HAS_ERROR) {
        let error = cx.disposal(state, ERROR);
        return cx.reject_promise(promise, error);
    }
    cx.resolve_promise(promise, Local::UNDEFINED)
}
