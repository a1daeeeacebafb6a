//! Iterator (§27.1): the constructor, what iterators inherit, and the functions that join several.
#![forbid(unsafe_code)]

mod chunks;
mod consume;
mod helpers;
mod wrap;
mod zip;

use crate::js::builtins::install::Constructor;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;

/// Makes Iterator, %Iterator.prototype%, and the prototypes of what its functions make.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (constructor, prototype) = cx.install_constructor(Constructor {
        name: Name::Iterator,
        native: construct,
        length: 0,
        intrinsic: Intrinsic::Iterator,
        prototype: Intrinsic::IteratorPrototype,
    })?;
    cx.install_methods(
        constructor,
        &[
            (Name::concat, 0, zip::concat),
            (Name::from, 1, wrap::from),
            (Name::zip, 1, zip::zip),
            (Name::zipKeyed, 1, zip::zip_keyed),
        ],
    )?;
    cx.install_methods(
        prototype,
        &[
            (Name::chunks, 1, chunks::chunks),
            (Name::drop, 1, helpers::drop),
            (Name::every, 1, consume::every),
            (Name::filter, 1, helpers::filter),
            (Name::find, 1, consume::find),
            (Name::flatMap, 1, helpers::flat_map),
            (Name::forEach, 1, consume::for_each),
            (Name::includes, 1, consume::includes),
            (Name::join, 1, consume::join),
            (Name::map, 1, helpers::map),
            (Name::reduce, 1, consume::reduce),
            (Name::some, 1, consume::some),
            (Name::take, 1, helpers::take),
            (Name::toArray, 0, consume::to_array),
            (Name::windows, 1, chunks::windows),
        ],
    )?;
    cx.install_method(prototype, Name::sym_iterator, 0, iterator)?;
    cx.install_method(prototype, Name::sym_dispose, 0, dispose)?;
    cx.install_accessor(prototype, Name::sym_toStringTag, Some(get_tag), Some(set_tag))?;
    // The accessor takes the place of the property that constructors have.
    cx.delete_property_or_throw(prototype, Name::constructor.key())?;
    cx.install_accessor(prototype, Name::constructor, Some(get_constructor), Some(set_constructor))?;

    let helpers = cx.new_object_with(prototype)?;
    cx.set_intrinsic(Intrinsic::IteratorHelperPrototype, helpers);
    cx.install_methods(helpers, &[(Name::next, 0, helpers::next), (Name::r#return, 0, helpers::r#return)])?;
    cx.install_tag(helpers, "Iterator Helper")?;
    let wraps = cx.new_object_with(prototype)?;
    cx.set_intrinsic(Intrinsic::WrapForValidIteratorPrototype, wraps);
    cx.install_methods(wraps, &[(Name::next, 0, wrap::next), (Name::r#return, 0, wrap::r#return)])
}

/// Iterator (§27.1.3.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let new_target = args.new_target();
    // 1.
    if new_target.is_undefined() {
        return Err(cx.type_error("Constructor Iterator requires 'new'"));
    }
    let itself = cx.callee(args);
    if cx.same_value(new_target, itself) {
        return Err(cx.type_error("Abstract class Iterator not directly constructable"));
    }
    // 2.
    cx.create_from_constructor(crate::js::class::Class::Ordinary, new_target, Intrinsic::IteratorPrototype)
}

/// Iterator.prototype [ %Symbol.iterator% ] ( ) (§27.1.4.13).
fn iterator<'s>(_: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(this)
}

/// Iterator.prototype [ %Symbol.dispose% ] ( ) (§27.1.4, explicit resource management).
fn dispose<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 2. and 3.
    let method = cx.get_method(this, Name::r#return.key())?;
    if !method.is_undefined() {
        cx.call(method, this, &[])?;
    }
    Ok(Local::UNDEFINED)
}

/// get Iterator.prototype [ %Symbol.toStringTag% ] (§27.1.4.14.1).
fn get_tag<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.string("Iterator")
}

/// set Iterator.prototype [ %Symbol.toStringTag% ] (§27.1.4.14.2).
fn set_tag<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    cx.set_ignoring_prototypes(this, Intrinsic::IteratorPrototype, Name::sym_toStringTag.key(), cx.arg(args, 0))?;
    Ok(Local::UNDEFINED)
}

/// get Iterator.prototype.constructor (§27.1.4.1.1).
fn get_constructor<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Ok(cx.intrinsic(Intrinsic::Iterator))
}

/// set Iterator.prototype.constructor (§27.1.4.1.2).
fn set_constructor<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    cx.set_ignoring_prototypes(this, Intrinsic::IteratorPrototype, Name::constructor.key(), cx.arg(args, 0))?;
    Ok(Local::UNDEFINED)
}

/// 1. and 2. of the prototype's methods: the receiver is an object.
fn check_receiver<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<()> {
    if this.is_object() {
        return Ok(());
    }
    let text = cx.display(this);
    Err(cx.type_error(&format!("Iterator.prototype.{method} called on non-object {text}")))
}

/// What is not yet iterated is closed, with an error.
fn close_with<'s, R>(cx: &mut Cx<'s>, iterator: Local<'s>, thrown: crate::js::cx::Thrown) -> Completion<R> {
    Err(cx.iterator_close_throw(iterator, thrown))
}

/// What most methods begin with: a receiver, a function, and then GetIteratorDirect.
fn with_function<'s>(cx: &mut Cx<'s>, this: Local<'s>, function: Local<'s>, method: &str) -> Completion<IteratorRecord<'s>> {
    check_receiver(cx, this, method)?;
    if !cx.is_callable(function) {
        let text = cx.display(function);
        let thrown = cx.type_error(&format!("{text} is not a function"));
        return close_with(cx, this, thrown);
    }
    cx.get_iterator_direct(this)
}

/// GetOptionsObject: an object without a prototype for `undefined`.
fn options_object<'s>(cx: &mut Cx<'s>, options: Local<'s>) -> Completion<Local<'s>> {
    if options.is_undefined() {
        return cx.new_object_with(Local::NULL);
    }
    if options.is_object() {
        return Ok(options);
    }
    let text = cx.display(options);
    Err(cx.type_error(&format!("{text} is not an object")))
}

/// GetIteratorFlattenable (§7.4.5), with or without strings.
fn get_iterator_flattenable<'s>(cx: &mut Cx<'s>, value: Local<'s>, strings: bool) -> Completion<IteratorRecord<'s>> {
    // 1.
    let is_taken = value.is_object() || (strings && value.is_string());
    if !is_taken {
        let text = cx.display(value);
        return Err(cx.type_error(&format!("{text} is not an object")));
    }
    // 2. to 4.
    let method = cx.get_method(value, Name::sym_iterator.key())?;
    let iterator = if method.is_undefined() { value } else { cx.call(method, value, &[])? };
    // 5. and 6.
    if !iterator.is_object() {
        let text = cx.display(iterator);
        return Err(cx.type_error(&format!("{text} is not an object")));
    }
    cx.get_iterator_direct(iterator)
}
