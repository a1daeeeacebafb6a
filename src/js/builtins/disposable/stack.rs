//! DisposableStack (§27.3).
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

/// Makes `DisposableStack`.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::DisposableStack,
        native: disposable_stack,
        length: 0,
        intrinsic: Intrinsic::DisposableStack,
        prototype: Intrinsic::DisposableStackPrototype,
    })?;
    cx.install_methods(prototype, &[(Name::adopt, 2, adopt), (Name::defer, 1, defer), (Name::dispose, 0, dispose)])?;
    cx.install_getter(prototype, Name::disposed, disposed)?;
    cx.install_methods(prototype, &[(Name::r#move, 0, r#move), (Name::r#use, 1, r#use)])?;
    let dispose = cx.get(prototype, Name::dispose.key())?;
    cx.define_data(prototype, Name::sym_dispose.key(), dispose, Attributes::HIDDEN)?;
    cx.install_tag(prototype, "DisposableStack")
}

/// DisposableStack (§27.3.1.1).
fn disposable_stack<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If NewTarget is undefined, throw a TypeError exception.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor DisposableStack requires 'new'"));
    }
    let stack = cx.create_from_constructor(Class::DisposableStack, args.new_target(), Intrinsic::DisposableStackPrototype)?;
    cx.start_stack(stack)?;
    Ok(stack)
}

/// DisposableStack.prototype.adopt (§27.3.3.1).
fn adopt<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    adopt_resource(cx, this, args, Class::DisposableStack)
}

/// DisposableStack.prototype.defer (§27.3.3.3).
fn defer<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    defer_call(cx, this, args, Class::DisposableStack)
}

/// DisposableStack.prototype.dispose (§27.3.3.4).
fn dispose<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_stack(this, Class::DisposableStack, "dispose")?;
    // 3. If disposableStack.[[DisposableState]] is disposed, return undefined.
    if cx.field_value(this, IS_DISPOSED) == Value::TRUE {
        return Ok(Local::UNDEFINED);
    }
    cx.set_field_value(this, IS_DISPOSED, Value::TRUE);
    let list = cx.field(this, RESOURCES);
    cx.dispose_resources(list, None)?;
    Ok(Local::UNDEFINED)
}

/// get DisposableStack.prototype.disposed (§27.3.3.5).
fn disposed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    is_disposed(cx, this, Class::DisposableStack)
}

/// DisposableStack.prototype.move (§27.3.3.6).
fn r#move<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    move_resources(cx, this, Class::DisposableStack, Intrinsic::DisposableStackPrototype)
}

/// DisposableStack.prototype.use (§27.3.3.7).
fn r#use<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    add_resource(cx, this, args, Class::DisposableStack)
}
