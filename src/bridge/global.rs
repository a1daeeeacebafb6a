//! `WebAssembly.Global` (§5.5).

use crate::bridge::companion::{in_store, is_refused, object_with};
use crate::bridge::idl::{
    Kind, Member, begin_construct, interface, member, missing, owned, require, require_dictionary, value_type,
};
use crate::bridge::values::{bits_of, carry, default_value, refused, to_guest, to_js};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::runtime::global::GlobalObject;
use crate::runtime::liveness::Owned;
use crate::wasm::types::{GlobalType, ValType};

pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    let members = [Member::Operation("valueOf", 0, value), Member::Attribute("value", value, set_value)];
    interface(cx, namespace, Kind::Global, 1, construct, &members)
}

/// Global(descriptor, v).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Global()";
    let prototype = begin_construct(cx, args, Kind::Global, 1)?;
    let descriptor = cx.arg(args, 0);
    require_dictionary(cx, descriptor, WHAT)?;
    let mutable = member(cx, descriptor, "mutable")?.is_some_and(|mutable| cx.to_boolean(mutable));
    let Some(content) = member(cx, descriptor, "value")? else { return Err(missing(cx, WHAT, "value")) };
    let content = value_type(cx, content, WHAT)?;
    // If valuetype matches v128, throw a TypeError.
    if is_refused(content) {
        return Err(refused(cx));
    }
    let given = cx.arg(args, 1);
    let has_undefined = matches!(content, ValType::Ref(_)) && content != ValType::FUNCREF;
    let is_missing = args.len() < 2 || given.is_undefined() && !has_undefined;
    let value = match is_missing {
        true => default_value(cx, content)?.unwrap_or(super::values::Carried::Bits(0)),
        false => to_guest(cx, given, content)?,
    };
    let bits = bits_of(cx, value);
    let made = in_store(cx, |store| {
        let made = store.globals.insert(GlobalObject::new(GlobalType { content, mutable }, bits));
        made.inspect(|&index| _ = store.global_handle(index))
    })?;
    match made {
        Ok(index) => object_with(cx, Owned::Global(index), prototype),
        Err(error) => Err(cx.range_error(&error.to_string())),
    }
}

/// The index and type of a global that is the `this` of an accessor, and whose values scripts can have.
fn this_global<'s>(cx: &mut Cx<'s>, this: Local<'s>, what: &str) -> Completion<(u32, GlobalType)> {
    require(cx, this, Kind::Global, what)?;
    let Owned::Global(index) = owned(cx, this)? else { return Err(cx.type_error("not a global")) };
    let ty = in_store(cx, |store| store.globals[index as usize].ty())?;
    if is_refused(ty.content) { Err(refused(cx)) } else { Ok((index, ty)) }
}

/// GetGlobalValue(global): also get Global.prototype.value, and Global.prototype.valueOf().
fn value<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let (index, ty) = this_global(cx, this, "get WebAssembly.Global.value")?;
    let bits = in_store(cx, |store| store.globals[index as usize].bits())?;
    let value = carry(cx, ty.content, bits);
    to_js(cx, ty.content, value)
}

/// set Global.prototype.value.
fn set_value<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (index, ty) = this_global(cx, this, "set WebAssembly.Global.value")?;
    if !ty.mutable {
        return Err(cx.type_error("set WebAssembly.Global.value: Can't set the value of an immutable global."));
    }
    let value = to_guest(cx, cx.arg(args, 0), ty.content)?;
    let bits = bits_of(cx, value);
    in_store(cx, |store| store.globals[index as usize].set_bits(bits))?;
    Ok(Local::UNDEFINED)
}
