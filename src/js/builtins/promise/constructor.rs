//! The Promise constructor (§27.2.3, §27.2.4) and prototype (§27.2.5).
#![forbid(unsafe_code)]

use super::combinators;
use super::operations::PromiseCapability;
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the constructor and the prototype.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Promise,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::Promise,
        prototype: Intrinsic::PromisePrototype,
    };
    let (constructor, prototype) = cx.install_constructor(described)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::all, 1, combinators::all),
        (Name::allSettled, 1, combinators::all_settled),
        (Name::any, 1, combinators::any),
        (Name::race, 1, combinators::race),
        (Name::reject, 1, reject),
        (Name::resolve, 1, resolve),
        (Name::r#try, 1, promise_try),
        (Name::withResolvers, 0, with_resolvers),
    ];
    cx.install_methods(constructor, table)?;
    cx.install_species(constructor)?;
    cx.install_methods(prototype, &[(Name::catch, 1, catch), (Name::finally, 1, finally), (Name::then, 2, then)])?;
    cx.install_tag(prototype, "Promise")?;
    for (name, on, intrinsic) in
        [(Name::resolve, constructor, Intrinsic::PromiseResolve), (Name::then, prototype, Intrinsic::PromiseThen)]
    {
        let function = cx.get(on, name.key())?;
        cx.set_intrinsic(intrinsic, function);
    }
    Ok(())
}

/// Promise ( executor ) (§27.2.3.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let executor = cx.arg(args, 0);
    // 1. and 2.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Promise constructor cannot be invoked without 'new'"));
    }
    if !cx.is_callable(executor) {
        let text = cx.display(executor);
        return Err(cx.type_error(&format!("Promise resolver {text} is not a function")));
    }
    // 3. to 7.
    let promise = cx.create_from_constructor(Class::Promise, args.new_target(), Intrinsic::PromisePrototype)?;
    cx.start_promise(promise);
    // 8. to 10.
    let (resolve, reject) = cx.resolving_functions(promise)?;
    if let Err(thrown) = cx.call(executor, Local::UNDEFINED, &[resolve, reject]) {
        let error = cx.take_exception(thrown)?;
        cx.call(reject, Local::UNDEFINED, &[error])?;
    }
    Ok(promise)
}

/// Promise.reject ( r ) (§27.2.4.6).
fn reject<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let capability = cx.new_promise_capability(this)?;
    cx.call(capability.reject, Local::UNDEFINED, &[cx.arg(args, 0)])?;
    Ok(capability.promise)
}

/// Promise.resolve ( x ) (§27.2.4.7).
fn resolve<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("PromiseResolve called on non-object"));
    }
    cx.promise_resolve(this, cx.arg(args, 0))
}

/// Promise.try ( callback, ...args ) (§27.2.4.8).
fn promise_try<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("Promise.try called on non-object"));
    }
    let capability = cx.new_promise_capability(this)?;
    let rest = cx.args_from(args, 1);
    match cx.call(cx.arg(args, 0), Local::UNDEFINED, &rest) {
        Ok(value) => cx.call(capability.resolve, Local::UNDEFINED, &[value])?,
        Err(thrown) => {
            let error = cx.take_exception(thrown)?;
            cx.call(capability.reject, Local::UNDEFINED, &[error])?
        }
    };
    Ok(capability.promise)
}

/// Promise.withResolvers ( ) (§27.2.4.9).
fn with_resolvers<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let capability = cx.new_promise_capability(this)?;
    let object = cx.new_object()?;
    for (name, value) in
        [(Name::promise, capability.promise), (Name::resolve, capability.resolve), (Name::reject, capability.reject)]
    {
        cx.create_data_property_or_throw(object, name.key(), value)?;
    }
    Ok(object)
}

/// Promise.prototype.catch ( onRejected ) (§27.2.5.1).
fn catch<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    cx.invoke(this, Name::then.key(), &[Local::UNDEFINED, cx.arg(args, 0)])
}

/// Promise.prototype.then ( onFulfilled, onRejected ) (§27.2.5.4).
fn then<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is_promise(this) {
        return Err(cx.type_error("Method Promise.prototype.then called on incompatible receiver"));
    }
    let constructor = cx.species_constructor(this, Intrinsic::Promise)?;
    let own = cx.intrinsic(Intrinsic::Promise);
    let capability = if cx.same_value(own, constructor) {
        let promise = cx.new_promise()?;
        PromiseCapability::direct(promise)
    } else {
        cx.new_promise_capability(constructor)?
    };
    cx.perform_promise_then(this, cx.arg(args, 0), cx.arg(args, 1), Some(capability))
}

/// Promise.prototype.finally ( onFinally ) (§27.2.5.3).
fn finally<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("Promise.prototype.finally called on a non-object"));
    }
    let constructor = cx.species_constructor(this, Intrinsic::Promise)?;
    let on_finally = cx.arg(args, 0);
    if !cx.is_callable(on_finally) {
        return cx.invoke(this, Name::then.key(), &[on_finally, on_finally]);
    }
    let then_finally = cx.new_capturing(then_finally, 1, &[on_finally, constructor])?;
    let catch_finally = cx.new_capturing(catch_finally, 1, &[on_finally, constructor])?;
    cx.invoke(this, Name::then.key(), &[then_finally, catch_finally])
}

/// The functions of step 6 of Promise.prototype.finally (§27.2.5.3).
fn after_finally<'s>(cx: &mut Cx<'s>, args: Args<'s>, after: Native) -> Completion<Local<'s>> {
    let (on_finally, constructor) = (cx.captured(args, 0), cx.captured(args, 1));
    let result = cx.call(on_finally, Local::UNDEFINED, &[])?;
    let promise = cx.promise_resolve(constructor, result)?;
    let after = cx.new_capturing(after, 0, &[cx.arg(args, 0)])?;
    cx.invoke(promise, Name::then.key(), &[after])
}

fn then_finally<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fn value<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
        Ok(cx.captured(args, 0))
    }
    after_finally(cx, args, value)
}

fn catch_finally<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fn thrower<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
        let reason = cx.captured(args, 0);
        Err(cx.throw(reason))
    }
    after_finally(cx, args, thrower)
}
