//! Reflect (§28.1).
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the object.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let reflect = cx.new_object()?;
    cx.set_intrinsic(Intrinsic::Reflect, reflect);
    let table: &[(Name, u32, Native)] = &[
        (Name::apply, 3, apply),
        (Name::construct, 2, construct),
        (Name::defineProperty, 3, define_property),
        (Name::deleteProperty, 2, delete_property),
        (Name::get, 2, get),
        (Name::getOwnPropertyDescriptor, 2, get_own_property_descriptor),
        (Name::getPrototypeOf, 1, get_prototype_of),
        (Name::has, 2, has),
        (Name::isExtensible, 1, is_extensible),
        (Name::ownKeys, 1, own_keys),
        (Name::preventExtensions, 1, prevent_extensions),
        (Name::set, 3, set),
        (Name::setPrototypeOf, 2, set_prototype_of),
    ];
    cx.install_methods(reflect, table)?;
    cx.install_tag(reflect, "Reflect")?;
    cx.install_global(Name::Reflect, reflect)
}

/// The target, which each function wants to be an object.
fn target<'s>(cx: &mut Cx<'s>, args: Args<'s>, name: &str) -> Completion<Local<'s>> {
    let target = cx.arg(args, 0);
    if !target.is_object() {
        return Err(cx.type_error(&format!("Reflect.{name} called on non-object")));
    }
    Ok(target)
}

/// Reflect.apply ( target, thisArgument, argumentsList ) (§28.1.1).
fn apply<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (target, this, list) = (cx.arg(args, 0), cx.arg(args, 1), cx.arg(args, 2));
    if !cx.is_callable(target) {
        let text = cx.display(target);
        return Err(cx.type_error(&format!("{text} is not a function")));
    }
    let list = cx.list_from_array_like(list)?;
    cx.call(target, this, &list)
}

/// Reflect.construct ( target, argumentsList \[ , newTarget \] ) (§28.1.2).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (target, list) = (cx.arg(args, 0), cx.arg(args, 1));
    let new_target = if args.len() > 2 { cx.arg(args, 2) } else { target };
    for constructor in [target, new_target] {
        if !cx.is_constructor(constructor) {
            let text = cx.display(constructor);
            return Err(cx.type_error(&format!("{text} is not a constructor")));
        }
    }
    let list = cx.list_from_array_like(list)?;
    cx.construct(target, &list, new_target)
}

/// Reflect.defineProperty ( target, propertyKey, attributes ) (§28.1.3).
fn define_property<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "defineProperty")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    let descriptor = cx.to_property_descriptor(cx.arg(args, 2))?;
    Ok(Local::bool(cx.define_own_property(target, key, descriptor)?))
}

/// Reflect.deleteProperty ( target, propertyKey ) (§28.1.4).
fn delete_property<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "deleteProperty")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    Ok(Local::bool(cx.delete(target, key)?))
}

/// Reflect.get ( target, propertyKey \[ , receiver \] ) (§28.1.5).
fn get<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "get")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    let receiver = if args.len() > 2 { cx.arg(args, 2) } else { target };
    cx.get_with(target, key, receiver)
}

/// Reflect.getOwnPropertyDescriptor ( target, propertyKey ) (§28.1.6).
fn get_own_property_descriptor<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "getOwnPropertyDescriptor")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    let own = cx.get_own_property(target, key)?;
    cx.from_property_descriptor(own)
}

/// Reflect.getPrototypeOf ( target ) (§28.1.7).
fn get_prototype_of<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "getPrototypeOf")?;
    cx.get_prototype_of(target)
}

/// Reflect.has ( target, propertyKey ) (§28.1.8).
fn has<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "has")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    Ok(Local::bool(cx.has_property(target, key)?))
}

/// Reflect.isExtensible ( target ) (§28.1.9).
fn is_extensible<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "isExtensible")?;
    Ok(Local::bool(cx.is_extensible(target)?))
}

/// Reflect.ownKeys ( target ) (§28.1.10).
fn own_keys<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "ownKeys")?;
    let mut names = Vec::new();
    for key in cx.own_property_keys(target)? {
        names.push(cx.key_value(key)?);
    }
    cx.array_from(&names)
}

/// Reflect.preventExtensions ( target ) (§28.1.11).
fn prevent_extensions<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "preventExtensions")?;
    Ok(Local::bool(cx.prevent_extensions(target)?))
}

/// Reflect.set ( target, propertyKey, V \[ , receiver \] ) (§28.1.12).
fn set<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "set")?;
    let key = cx.to_property_key(cx.arg(args, 1))?;
    let receiver = if args.len() > 3 { cx.arg(args, 3) } else { target };
    Ok(Local::bool(cx.set_with(target, key, cx.arg(args, 2), receiver)?))
}

/// Reflect.setPrototypeOf ( target, proto ) (§28.1.13).
fn set_prototype_of<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = target(cx, args, "setPrototypeOf")?;
    let prototype = cx.arg(args, 1);
    if !prototype.is_object() && !prototype.is_null() {
        return Err(cx.type_error("Object prototype may only be an Object or null"));
    }
    Ok(Local::bool(cx.set_prototype_of(target, prototype)?))
}
