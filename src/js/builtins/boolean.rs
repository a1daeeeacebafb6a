//! Boolean (§20.3).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the constructor and the prototype, which is a Boolean object itself.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Boolean,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::Boolean,
        prototype: Intrinsic::BooleanPrototype,
    };
    let parent = cx.intrinsic(Intrinsic::FunctionPrototype);
    let prototype = cx.make_of(Class::Boolean, Intrinsic::ObjectPrototype)?;
    cx.set_field(prototype, 0, Local::FALSE);
    let (_, prototype) = cx.install_constructor_with(described, parent, prototype)?;
    cx.install_methods(prototype, &[(Name::toString, 0, to_string), (Name::valueOf, 0, value_of)])
}

/// Boolean ( value ) (§20.3.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = Local::bool(cx.to_boolean(cx.arg(args, 0)));
    if args.new_target().is_undefined() {
        return Ok(value);
    }
    let object = cx.create_from_constructor(Class::Boolean, args.new_target(), Intrinsic::BooleanPrototype)?;
    cx.set_field(object, 0, value);
    Ok(object)
}

/// ThisBooleanValue (§20.3.3.3.1).
fn this_boolean<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<Local<'s>> {
    if this.is_bool() {
        return Ok(this);
    }
    if cx.is(this, Class::Boolean) {
        return Ok(cx.field(this, 0));
    }
    Err(cx.type_error(&format!("{method} requires that 'this' be a Boolean")))
}

/// Boolean.prototype.toString ( ) (§20.3.3.2).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let value = this_boolean(cx, this, "Boolean.prototype.toString")?;
    cx.to_string(value)
}

/// Boolean.prototype.valueOf ( ) (§20.3.3.3).
fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    this_boolean(cx, this, "Boolean.prototype.valueOf")
}
