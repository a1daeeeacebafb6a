//! Function (§20.2).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::function::{BOUND_ARGS, BOUND_TARGET, BOUND_THIS};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::{Attributes, PropertyDescriptor};
use crate::js::parse::DynamicFunction;

/// Makes the constructor and fills the prototype, which is there already.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Function,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::Function,
        prototype: Intrinsic::FunctionPrototype,
    };
    let prototype = cx.intrinsic(Intrinsic::FunctionPrototype);
    let (_, prototype) = cx.install_constructor_with(described, prototype, prototype)?;
    cx.install_methods(
        prototype,
        &[(Name::apply, 2, apply), (Name::bind, 1, bind), (Name::call, 1, call), (Name::toString, 0, to_string)],
    )?;
    let has_instance = cx.new_native(has_instance, Name::sym_hasInstance.key(), 1, false)?;
    cx.define_data(prototype, Name::sym_hasInstance.key(), has_instance, Attributes::NONE)?;
    cx.agent.know_function_natives(call, apply, self::has_instance);
    // AddRestrictedFunctionProperties (§10.2.4)
    let thrower = cx.intrinsic(Intrinsic::ThrowTypeError);
    for name in [Name::caller, Name::arguments] {
        let descriptor = PropertyDescriptor::accessor(thrower, thrower, Attributes::CONFIGURABLE);
        cx.define_property_or_throw(prototype, name.key(), descriptor)?;
    }
    Ok(())
}

/// Function ( ...parameterArgs, bodyArg ) (§20.2.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let callee = cx.callee(args);
    let values = cx.args_from(args, 0);
    cx.create_dynamic_function(callee, args.new_target(), DynamicFunction::Normal, &values)
}

/// Function.prototype.apply ( thisArg, argArray ) (§20.2.3.1).
fn apply<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (receiver, list) = (cx.arg(args, 0), cx.arg(args, 1));
    if !cx.is_callable(this) {
        return Err(cx.type_error("Function.prototype.apply was called on a value that is not a function"));
    }
    if list.is_nullish() {
        return cx.call(this, receiver, &[]);
    }
    let list = cx.list_from_array_like(list)?;
    cx.call(this, receiver, &list)
}

/// Function.prototype.bind ( thisArg, ...args ) (§20.2.3.2).
fn bind<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is_callable(this) {
        return Err(cx.type_error("Bind must be called on a function"));
    }
    // 3. BoundFunctionCreate (§10.4.1.3)
    let prototype = cx.get_prototype_of(this)?;
    let bound = cx.make_object(Class::Bound, prototype)?;
    let rest = cx.args_from(args, 1);
    let list = cx.array_from(&rest)?;
    cx.set_field(bound, BOUND_TARGET, this);
    cx.set_field(bound, BOUND_THIS, cx.arg(args, 0));
    cx.set_field(bound, BOUND_ARGS, list);
    // 4. to 8. The length
    let mut length = 0.0;
    if cx.has_own_property(this, Name::length.key())? {
        let target_length = cx.get(this, Name::length.key())?;
        if target_length.is_number() {
            let target_length = cx.to_integer_or_infinity(target_length)?;
            length = (target_length - rest.len() as f64).max(0.0);
        }
    }
    cx.define_data(bound, Name::length.key(), Local::number(length), Attributes::CONFIGURABLE)?;
    // 9. to 11. The name
    let name = cx.get(this, Name::name.key())?;
    let name = if name.is_string() { name } else { Name::empty.local() };
    let prefix = cx.string("bound ")?;
    let name = cx.concat(prefix, name)?;
    cx.define_data(bound, Name::name.key(), name, Attributes::CONFIGURABLE)?;
    Ok(bound)
}

/// Function.prototype.call ( thisArg, ...args ) (§20.2.3.3).
fn call<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is_callable(this) {
        return Err(cx.type_error("Function.prototype.call was called on a value that is not a function"));
    }
    let rest = cx.args_from(args, 1);
    cx.call(this, cx.arg(args, 0), &rest)
}

/// Function.prototype.toString ( ) (§20.2.3.5).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    match cx.class_of(this) {
        Some(Class::Closure) => cx.closure_source(this),
        Some(Class::Native) => {
            let own = cx.ordinary_get_own(this, Name::name.key()).and_then(|own| own.value).filter(|name| name.is_string());
            let name = own.map(|name| cx.rust_text(name)).transpose()?.unwrap_or_default();
            // NativeFunction's grammar has a property name there, nothing else.
            let is_name = |text: &str| {
                let plain = text.strip_prefix("get ").or(text.strip_prefix("set ")).unwrap_or(text);
                let is_part = |char: char| char.is_alphanumeric() || char == '_' || char == '$';
                plain
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(plain)
                    .chars()
                    .all(|char| is_part(char) || char == '.')
            };
            let name = if is_name(&name) { name } else { String::new() };
            cx.string(&format!("function {name}() {{ [native code] }}"))
        }
        _ if cx.is_callable(this) => cx.string("function () { [native code] }"),
        _ => Err(cx.type_error("Function.prototype.toString requires that 'this' be a Function")),
    }
}

/// Function.prototype \[ %Symbol.hasInstance% \] ( V ) (§20.2.3.6).
fn has_instance<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    Ok(Local::bool(cx.ordinary_has_instance(this, value)?))
}
