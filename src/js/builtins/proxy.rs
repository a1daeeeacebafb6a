//! Proxy (§28.2).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::function::{PROXY_CONSTRUCTS, PROXY_HANDLER, PROXY_IS_CALLABLE, PROXY_TARGET};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::value::Value;

/// Makes the constructor, which has no prototype property.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let constructor = cx.new_native(construct, Name::Proxy.key(), 2, true)?;
    cx.set_intrinsic(Intrinsic::Proxy, constructor);
    cx.install_global(Name::Proxy, constructor)?;
    cx.install_method(constructor, Name::revocable, 2, revocable)
}

/// ProxyCreate (§10.5.14).
fn create<'s>(cx: &mut Cx<'s>, target: Local<'s>, handler: Local<'s>) -> Completion<Local<'s>> {
    if !target.is_object() || !handler.is_object() {
        return Err(cx.type_error("Cannot create proxy with a non-object as target or handler"));
    }
    let proxy = cx.make_object(Class::Proxy, Local::NULL)?;
    cx.set_field(proxy, PROXY_TARGET, target);
    cx.set_field(proxy, PROXY_HANDLER, handler);
    cx.set_field(proxy, PROXY_IS_CALLABLE, Local::bool(cx.is_callable(target)));
    cx.set_field(proxy, PROXY_CONSTRUCTS, Local::bool(cx.is_constructor(target)));
    Ok(proxy)
}

/// Proxy ( target, handler ) (§28.2.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor Proxy requires 'new'"));
    }
    create(cx, cx.arg(args, 0), cx.arg(args, 1))
}

/// Proxy.revocable ( target, handler ) (§28.2.2.1).
fn revocable<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let proxy = create(cx, cx.arg(args, 0), cx.arg(args, 1))?;
    let revoker = cx.new_capturing(revoke, 0, &[proxy])?;
    let result = cx.new_object()?;
    cx.create_data_property_or_throw(result, Name::proxy.key(), proxy)?;
    cx.create_data_property_or_throw(result, Name::revoke.key(), revoker)?;
    Ok(result)
}

/// Proxy Revocation Functions (§28.2.2.1.1).
fn revoke<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (callee, proxy) = (cx.callee(args), cx.captured(args, 0));
    if proxy.is_object() {
        cx.set_field_value(callee, crate::js::function::NATIVE_DATA, Value::NULL);
        cx.set_field_value(proxy, PROXY_TARGET, Value::NULL);
        cx.set_field_value(proxy, PROXY_HANDLER, Value::NULL);
    }
    Ok(Local::UNDEFINED)
}
