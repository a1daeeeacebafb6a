//! Object (§20.1).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::PropertyDescriptor;
use crate::js::object::operations::{Integrity, PropertyPart};

/// Makes the constructor and fills the prototype, which is there already.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Object,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::Object,
        prototype: Intrinsic::ObjectPrototype,
    };
    let (parent, prototype) = (cx.intrinsic(Intrinsic::FunctionPrototype), cx.intrinsic(Intrinsic::ObjectPrototype));
    let (constructor, prototype) = cx.install_constructor_with(described, parent, prototype)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::assign, 2, assign),
        (Name::create, 2, create),
        (Name::defineProperties, 2, define_properties),
        (Name::defineProperty, 3, define_property),
        (Name::entries, 1, entries),
        (Name::freeze, 1, freeze),
        (Name::fromEntries, 1, from_entries),
        (Name::getOwnPropertyDescriptor, 2, get_own_property_descriptor),
        (Name::getOwnPropertyDescriptors, 1, get_own_property_descriptors),
        (Name::getOwnPropertyNames, 1, get_own_property_names),
        (Name::getOwnPropertySymbols, 1, get_own_property_symbols),
        (Name::getPrototypeOf, 1, get_prototype_of),
        (Name::groupBy, 2, group_by),
        (Name::hasOwn, 2, has_own),
        (Name::is, 2, is),
        (Name::isExtensible, 1, is_extensible),
        (Name::isFrozen, 1, is_frozen),
        (Name::isSealed, 1, is_sealed),
        (Name::keys, 1, keys),
        (Name::preventExtensions, 1, prevent_extensions),
        (Name::seal, 1, seal),
        (Name::setPrototypeOf, 2, set_prototype_of),
        (Name::values, 1, values),
    ];
    cx.install_methods(constructor, table)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::hasOwnProperty, 1, has_own_property),
        (Name::isPrototypeOf, 1, is_prototype_of),
        (Name::propertyIsEnumerable, 1, property_is_enumerable),
        (Name::toLocaleString, 0, to_locale_string),
        (Name::toString, 0, to_string),
        (Name::valueOf, 0, value_of),
        (Name::__defineGetter__, 2, define_getter),
        (Name::__defineSetter__, 2, define_setter),
        (Name::__lookupGetter__, 1, lookup_getter),
        (Name::__lookupSetter__, 1, lookup_setter),
    ];
    cx.install_methods(prototype, table)?;
    cx.install_accessor(prototype, Name::__proto__, Some(get_proto), Some(set_proto))
}

/// Object ( \[ value \] ) (§20.1.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (value, target) = (cx.arg(args, 0), args.new_target());
    // 1. A subclass makes an object of its own.
    if !target.is_undefined() && !cx.same_value(target, cx.callee(args)) {
        return cx.create_from_constructor(Class::Ordinary, target, Intrinsic::ObjectPrototype);
    }
    // 2. and 3.
    if value.is_nullish() { cx.new_object() } else { cx.to_object(value) }
}

/// Object.assign ( target, ...sources ) (§20.1.2.1).
fn assign<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let target = cx.arg(args, 0);
    // 1.
    let to = cx.to_object(target)?;
    // 3. and 4.
    for nth in 1..args.len() {
        let mut cx = cx.open();
        let source = cx.arg(args, nth);
        if source.is_nullish() {
            continue;
        }
        let from = cx.to_object(source)?;
        for key in cx.own_property_keys(from)? {
            let mut cx = cx.open();
            if let Some(own) = cx.get_own_property(from, key)?
                && own.enumerable == Some(true)
            {
                let value = cx.get(from, key)?;
                cx.set(to, key, value)?;
            }
        }
    }
    Ok(to)
}

/// Object.create ( O, Properties ) (§20.1.2.2).
fn create<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (prototype, properties) = (cx.arg(args, 0), cx.arg(args, 1));
    // 1.
    if !prototype.is_object() && !prototype.is_null() {
        let text = cx.display(prototype);
        return Err(cx.type_error(&format!("Object prototype may only be an Object or null: {text}")));
    }
    let object = cx.new_object_with(prototype)?;
    // 3.
    if !properties.is_undefined() {
        object_define_properties(cx, object, properties)?;
    }
    Ok(object)
}

/// ObjectDefineProperties (§20.1.2.3.1).
fn object_define_properties<'s>(cx: &mut Cx<'s>, object: Local<'s>, properties: Local<'s>) -> Completion<()> {
    let properties = cx.to_object(properties)?;
    let mut descriptors = Vec::new();
    // 4. All descriptors are read before any is used.
    for key in cx.own_property_keys(properties)? {
        if let Some(own) = cx.get_own_property(properties, key)?
            && own.enumerable == Some(true)
        {
            let described = cx.get(properties, key)?;
            descriptors.push((key, cx.to_property_descriptor(described)?));
        }
    }
    for (key, descriptor) in descriptors {
        cx.define_property_or_throw(object, key, descriptor)?;
    }
    Ok(())
}

/// Object.defineProperties ( O, Properties ) (§20.1.2.3).
fn define_properties<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (object, properties) = (cx.arg(args, 0), cx.arg(args, 1));
    if !object.is_object() {
        return Err(cx.type_error("Object.defineProperties called on non-object"));
    }
    object_define_properties(cx, object, properties)?;
    Ok(object)
}

/// Object.defineProperty ( O, P, Attributes ) (§20.1.2.4).
fn define_property<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (object, key, attributes) = (cx.arg(args, 0), cx.arg(args, 1), cx.arg(args, 2));
    if !object.is_object() {
        return Err(cx.type_error("Object.defineProperty called on non-object"));
    }
    let key = cx.to_property_key(key)?;
    let descriptor = cx.to_property_descriptor(attributes)?;
    cx.define_property_or_throw(object, key, descriptor)?;
    Ok(object)
}

fn own_properties<'s>(cx: &mut Cx<'s>, args: Args<'s>, part: PropertyPart) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    let object = cx.to_object(object)?;
    let list = cx.enumerable_own_properties(object, part)?;
    cx.array_from(&list)
}

/// Object.entries ( O ) (§20.1.2.5).
fn entries<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    own_properties(cx, args, PropertyPart::Both)
}

/// Object.keys ( O ) (§20.1.2.19).
fn keys<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    own_properties(cx, args, PropertyPart::Key)
}

/// Object.values ( O ) (§20.1.2.24).
fn values<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    own_properties(cx, args, PropertyPart::Value)
}

fn set_integrity<'s>(cx: &mut Cx<'s>, args: Args<'s>, level: Integrity, name: &str) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    if object.is_object() && !cx.set_integrity_level(object, level)? {
        return Err(cx.type_error(&format!("Cannot {name}")));
    }
    Ok(object)
}

/// Object.freeze ( O ) (§20.1.2.6).
fn freeze<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    set_integrity(cx, args, Integrity::Frozen, "freeze")
}

/// Object.seal ( O ) (§20.1.2.22).
fn seal<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    set_integrity(cx, args, Integrity::Sealed, "seal")
}

fn test_integrity<'s>(cx: &mut Cx<'s>, args: Args<'s>, level: Integrity) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    Ok(Local::bool(!object.is_object() || cx.test_integrity_level(object, level)?))
}

/// Object.isFrozen ( O ) (§20.1.2.17).
fn is_frozen<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    test_integrity(cx, args, Integrity::Frozen)
}

/// Object.isSealed ( O ) (§20.1.2.18).
fn is_sealed<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    test_integrity(cx, args, Integrity::Sealed)
}

/// Object.fromEntries ( iterable ) (§20.1.2.7).
fn from_entries<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let iterable = cx.arg(args, 0);
    cx.require_object_coercible(iterable, "Object.fromEntries")?;
    let object = cx.new_object()?;
    // 6. AddEntriesFromIterable (§24.1.1.2) with CreateDataPropertyOrThrow
    let record = cx.get_iterator(iterable)?;
    loop {
        let mut cx = cx.open();
        let Some(entry) = cx.iterator_step_value(record)? else { return Ok(object) };
        let mut add = || -> Completion<()> {
            if !entry.is_object() {
                let text = cx.display(entry);
                return Err(cx.type_error(&format!("Iterator value {text} is not an entry object")));
            }
            let key = cx.get(entry, Key::Index(0))?;
            let value = cx.get(entry, Key::Index(1))?;
            let key = cx.to_property_key(key)?;
            cx.create_data_property_or_throw(object, key, value)
        };
        if let Err(thrown) = add() {
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
    }
}

/// Object.getOwnPropertyDescriptor ( O, P ) (§20.1.2.8).
fn get_own_property_descriptor<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (object, key) = (cx.arg(args, 0), cx.arg(args, 1));
    let object = cx.to_object(object)?;
    let key = cx.to_property_key(key)?;
    let own = cx.get_own_property(object, key)?;
    cx.from_property_descriptor(own)
}

/// Object.getOwnPropertyDescriptors ( O ) (§20.1.2.9).
fn get_own_property_descriptors<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    let object = cx.to_object(object)?;
    let all = cx.new_object()?;
    for key in cx.own_property_keys(object)? {
        let mut cx = cx.open();
        if let Some(own) = cx.get_own_property(object, key)? {
            let descriptor = cx.from_property_descriptor(Some(own))?;
            cx.create_data_property_or_throw(all, key, descriptor)?;
        }
    }
    Ok(all)
}

/// GetOwnPropertyKeys (§20.1.2.11.1).
fn own_keys<'s>(cx: &mut Cx<'s>, args: Args<'s>, symbols: bool) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    let object = cx.to_object(object)?;
    let mut list = Vec::new();
    for key in cx.own_property_keys(object)? {
        if key.is_symbol() == symbols {
            list.push(cx.key_value(key)?);
        }
    }
    cx.array_from(&list)
}

/// Object.getOwnPropertyNames ( O ) (§20.1.2.10).
fn get_own_property_names<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    own_keys(cx, args, false)
}

/// Object.getOwnPropertySymbols ( O ) (§20.1.2.11).
fn get_own_property_symbols<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    own_keys(cx, args, true)
}

/// Object.getPrototypeOf ( O ) (§20.1.2.12).
fn get_prototype_of<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    let object = cx.to_object(object)?;
    cx.get_prototype_of(object)
}

/// Object.groupBy ( items, callback ) (§20.1.2.13).
fn group_by<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (items, callback) = (cx.arg(args, 0), cx.arg(args, 1));
    cx.require_object_coercible(items, "Object.groupBy")?;
    if !cx.is_callable(callback) {
        let text = cx.display(callback);
        return Err(cx.type_error(&format!("{text} is not a function")));
    }
    let groups = cx.new_object_with(Local::NULL)?;
    let record = cx.get_iterator(items)?;
    let mut count = 0.0;
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { return Ok(groups) };
        let key = cx.call(callback, Local::UNDEFINED, &[value, Local::number(count)]).and_then(|key| cx.to_property_key(key));
        let key = match key {
            Ok(key) => key,
            Err(thrown) => return Err(cx.iterator_close_throw(record.iterator, thrown)),
        };
        // AddValueToKeyedGroup (§7.3.35)
        let group = match cx.get_own_property(groups, key)?.and_then(|own| own.value) {
            Some(group) => group,
            None => {
                let group = cx.new_array(0)?;
                cx.create_data_property_or_throw(groups, key, group)?;
                group
            }
        };
        cx.array_push(group, value)?;
        count += 1.0;
    }
}

/// Object.hasOwn ( O, P ) (§20.1.2.14).
fn has_own<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (object, key) = (cx.arg(args, 0), cx.arg(args, 1));
    let object = cx.to_object(object)?;
    let key = cx.to_property_key(key)?;
    Ok(Local::bool(cx.has_own_property(object, key)?))
}

/// Object.is ( value1, value2 ) (§20.1.2.15).
fn is<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.same_value(cx.arg(args, 0), cx.arg(args, 1))))
}

/// Object.isExtensible ( O ) (§20.1.2.16).
fn is_extensible<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    Ok(Local::bool(object.is_object() && cx.is_extensible(object)?))
}

/// Object.preventExtensions ( O ) (§20.1.2.20).
fn prevent_extensions<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    if object.is_object() && !cx.prevent_extensions(object)? {
        return Err(cx.type_error("Cannot prevent extensions"));
    }
    Ok(object)
}

/// Object.setPrototypeOf ( O, proto ) (§20.1.2.23).
fn set_prototype_of<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (object, prototype) = (cx.arg(args, 0), cx.arg(args, 1));
    cx.require_object_coercible(object, "Object.setPrototypeOf")?;
    if !prototype.is_object() && !prototype.is_null() {
        let text = cx.display(prototype);
        return Err(cx.type_error(&format!("Object prototype may only be an Object or null: {text}")));
    }
    if object.is_object() && !cx.set_prototype_of(object, prototype)? {
        return Err(cannot_set_prototype(cx));
    }
    Ok(object)
}

fn cannot_set_prototype(cx: &mut Cx<'_>) -> crate::js::cx::Thrown {
    cx.type_error("Cannot set prototype: the object is not extensible, or its prototypes would be a circle")
}

/// Object.prototype.hasOwnProperty ( V ) (§20.1.3.2).
fn has_own_property<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let key = cx.arg(args, 0);
    let key = cx.to_property_key(key)?;
    let object = cx.to_object(this)?;
    Ok(Local::bool(cx.has_own_property(object, key)?))
}

/// Object.prototype.isPrototypeOf ( V ) (§20.1.3.3).
fn is_prototype_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let mut value = cx.arg(args, 0);
    if !value.is_object() {
        return Ok(Local::FALSE);
    }
    let object = cx.to_object(this)?;
    loop {
        value = cx.get_prototype_of(value)?;
        if value.is_null() {
            return Ok(Local::FALSE);
        }
        if cx.same_value(object, value) {
            return Ok(Local::TRUE);
        }
        cx.poll()?;
    }
}

/// Object.prototype.propertyIsEnumerable ( V ) (§20.1.3.4).
fn property_is_enumerable<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let key = cx.arg(args, 0);
    let key = cx.to_property_key(key)?;
    let object = cx.to_object(this)?;
    let own = cx.get_own_property(object, key)?;
    Ok(Local::bool(own.is_some_and(|own| own.enumerable == Some(true))))
}

/// Object.prototype.toLocaleString ( ) (§20.1.3.5).
fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.invoke(this, Name::toString.key(), &[])
}

/// Object.prototype.toString ( ) (§20.1.3.6).
pub(super) fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    if this.is_undefined() {
        return cx.string("[object Undefined]");
    }
    if this.is_null() {
        return cx.string("[object Null]");
    }
    let object = cx.to_object(this)?;
    // 4. to 14.
    let builtin = match cx.class_of(object) {
        _ if cx.is_array(object)? => "Array",
        Some(Class::Arguments | Class::MappedArguments) => "Arguments",
        _ if cx.is_callable(object) => "Function",
        Some(Class::Error) => "Error",
        Some(Class::Boolean) => "Boolean",
        Some(Class::Number) => "Number",
        Some(Class::String) => "String",
        Some(Class::Date) => "Date",
        Some(Class::RegExp) => "RegExp",
        _ => "Object",
    };
    // 15. to 17.
    let tag = cx.get(object, Name::sym_toStringTag.key())?;
    let open = cx.string("[object ")?;
    let tag = if tag.is_string() { tag } else { cx.string(builtin)? };
    let text = cx.concat(open, tag)?;
    let close = cx.string("]")?;
    cx.concat(text, close)
}

/// Object.prototype.valueOf ( ) (§20.1.3.7).
fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.to_object(this)
}

/// get Object.prototype.__proto__ (§20.1.3.8.1).
fn get_proto<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.to_object(this)?;
    cx.get_prototype_of(object)
}

/// set Object.prototype.__proto__ (§20.1.3.8.2).
fn set_proto<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let prototype = cx.arg(args, 0);
    cx.require_object_coercible(this, "set Object.prototype.__proto__")?;
    if (prototype.is_object() || prototype.is_null()) && this.is_object() && !cx.set_prototype_of(this, prototype)? {
        return Err(cannot_set_prototype(cx));
    }
    Ok(Local::UNDEFINED)
}

fn define_accessor<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, is_getter: bool) -> Completion<Local<'s>> {
    let (key, function) = (cx.arg(args, 0), cx.arg(args, 1));
    let object = cx.to_object(this)?;
    if !cx.is_callable(function) {
        let text = cx.display(function);
        return Err(cx.type_error(&format!("{text} is not a function")));
    }
    let base = PropertyDescriptor { enumerable: Some(true), configurable: Some(true), ..PropertyDescriptor::default() };
    let descriptor = match is_getter {
        true => PropertyDescriptor { get: Some(function), ..base },
        false => PropertyDescriptor { set: Some(function), ..base },
    };
    let key = cx.to_property_key(key)?;
    cx.define_property_or_throw(object, key, descriptor)?;
    Ok(Local::UNDEFINED)
}

/// Object.prototype.__defineGetter__ ( P, getter ) (§20.1.3.9.1).
fn define_getter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    define_accessor(cx, this, args, true)
}

/// Object.prototype.__defineSetter__ ( P, setter ) (§20.1.3.9.2).
fn define_setter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    define_accessor(cx, this, args, false)
}

fn lookup_accessor<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, is_getter: bool) -> Completion<Local<'s>> {
    let mut object = cx.to_object(this)?;
    let key = cx.arg(args, 0);
    let key = cx.to_property_key(key)?;
    while object.is_object() {
        if let Some(own) = cx.get_own_property(object, key)? {
            let function = if is_getter { own.get } else { own.set };
            return Ok(function.unwrap_or(Local::UNDEFINED));
        }
        object = cx.get_prototype_of(object)?;
    }
    Ok(Local::UNDEFINED)
}

/// Object.prototype.__lookupGetter__ ( P ) (§20.1.3.9.3).
fn lookup_getter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    lookup_accessor(cx, this, args, true)
}

/// Object.prototype.__lookupSetter__ ( P ) (§20.1.3.9.4).
fn lookup_setter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    lookup_accessor(cx, this, args, false)
}
