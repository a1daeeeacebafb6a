//! CompileError, LinkError and RuntimeError (§5.12): NativeErrors (§20.5.6) but for where they are.

use crate::bridge::idl::Kind;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;

/// Makes one of them: its prototype.
pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>, kind: Kind) -> Completion<Local<'s>> {
    let key = cx.key(kind.name())?;
    let above = cx.intrinsic(Intrinsic::ErrorPrototype);
    let prototype = cx.new_object_with(above)?;
    let error = cx.intrinsic(Intrinsic::Error);
    let constructor = cx.new_native_with(construct, key, "", 1, true, error)?;
    cx.set_captured_int(constructor, kind as i32);
    cx.define_data(constructor, Name::prototype.key(), prototype, Attributes::NONE)?;
    cx.define_data(prototype, Name::constructor.key(), constructor, Attributes::HIDDEN)?;
    let name = cx.key_value(key)?;
    cx.define_data(prototype, Name::name.key(), name, Attributes::HIDDEN)?;
    cx.define_data(prototype, Name::message.key(), Name::empty.local(), Attributes::HIDDEN)?;
    cx.define_data(namespace, key, constructor, Attributes::HIDDEN)?;
    Ok(prototype)
}

/// NativeError ( message \[ , options \] ) (§20.5.6.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let kind = cx.captured_int(args).unwrap_or_default();
    // 1. If NewTarget is undefined, let newTarget be the active function object; else let newTarget be NewTarget.
    let target = if args.new_target().is_undefined() { cx.callee(args) } else { args.new_target() };
    // 2. Let O be ? OrdinaryCreateFromConstructor(newTarget, "%NativeError.prototype%", « [[ErrorData]] »).
    let prototype = cx.embedder_prototype_of(target, kind.cast_unsigned())?;
    // 3. to 5.
    cx.construct_error_with(prototype, args)
}

/// Throws one of them.
#[cold]
pub(super) fn throw(cx: &mut Cx<'_>, kind: Kind, message: &str) -> Thrown {
    let mut cx = cx.open();
    let prototype = cx.embedder_intrinsic(kind as u32);
    match cx.new_error_below(prototype, message) {
        Ok(error) => cx.throw(error),
        Err(thrown) => thrown,
    }
}
