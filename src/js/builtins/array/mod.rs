//! Arrays (§23.1).
#![forbid(unsafe_code)]

mod callbacks;
mod change;
mod construct;
mod copy;
pub(in crate::js) mod dense;
mod from_async;
pub(in crate::js) mod iterator;
mod search;
pub(in crate::js) mod sort;
pub(in crate::js) mod text;

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::operations::PropertyPart;
use crate::js::object::shape::Attributes;

/// Makes Array, its prototype and the prototype of array iterators, below %Iterator.prototype%.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let parent = cx.intrinsic(Intrinsic::FunctionPrototype);
    let above = cx.intrinsic(Intrinsic::ObjectPrototype);
    // %Array.prototype% is itself an array.
    let prototype = cx.make_object(Class::Array, above)?;
    cx.set_array_length(prototype, 0);
    let described = Constructor {
        name: Name::Array,
        native: construct::construct,
        length: 1,
        intrinsic: Intrinsic::Array,
        prototype: Intrinsic::ArrayPrototype,
    };
    let (array, prototype) = cx.install_constructor_with(described, parent, prototype)?;
    cx.install_methods(
        array,
        &[
            (Name::from, 1, construct::from),
            (Name::fromAsync, 1, from_async::from_async),
            (Name::isArray, 1, construct::is_array),
            (Name::of, 0, construct::of),
        ],
    )?;
    cx.install_species(array)?;
    install_prototype(cx, prototype)?;
    let above = cx.intrinsic(Intrinsic::IteratorPrototype);
    let iterators = cx.new_object_with(above)?;
    cx.set_intrinsic(Intrinsic::ArrayIteratorPrototype, iterators);
    cx.install_methods(iterators, &[(Name::next, 0, iterator::next)])?;
    cx.install_tag(iterators, "Array Iterator")
}

fn install_prototype<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    cx.install_methods(
        prototype,
        &[
            (Name::at, 1, search::at),
            (Name::concat, 1, copy::concat),
            (Name::copyWithin, 2, change::copy_within),
            (Name::entries, 0, entries),
            (Name::every, 1, callbacks::every),
            (Name::fill, 1, change::fill),
            (Name::filter, 1, callbacks::filter),
            (Name::find, 1, search::find),
            (Name::findIndex, 1, search::find_index),
            (Name::findLast, 1, search::find_last),
            (Name::findLastIndex, 1, search::find_last_index),
            (Name::flat, 0, callbacks::flat),
            (Name::flatMap, 1, callbacks::flat_map),
            (Name::forEach, 1, callbacks::for_each),
            (Name::includes, 1, search::includes),
            (Name::indexOf, 1, search::index_of),
            (Name::join, 1, text::join),
            (Name::keys, 0, keys),
            (Name::lastIndexOf, 1, search::last_index_of),
            (Name::map, 1, callbacks::map),
            (Name::pop, 0, change::pop),
            (Name::push, 1, change::push),
            (Name::reduce, 1, callbacks::reduce),
            (Name::reduceRight, 1, callbacks::reduce_right),
            (Name::reverse, 0, change::reverse),
            (Name::shift, 0, change::shift),
            (Name::slice, 2, copy::slice),
            (Name::some, 1, callbacks::some),
            (Name::sort, 1, sort::sort),
            (Name::splice, 2, change::splice),
            (Name::toLocaleString, 0, text::to_locale_string),
            (Name::toReversed, 0, copy::to_reversed),
            (Name::toSorted, 1, sort::to_sorted),
            (Name::toSpliced, 2, copy::to_spliced),
            (Name::toString, 0, text::to_string),
            (Name::unshift, 1, change::unshift),
            (Name::values, 0, values),
            (Name::with, 2, copy::with),
        ],
    )?;
    let to_string = cx.get(prototype, Name::toString.key())?;
    cx.set_intrinsic(Intrinsic::ArrayProtoToString, to_string);
    let values = cx.get(prototype, Name::values.key())?;
    cx.set_intrinsic(Intrinsic::ArrayProtoValues, values);
    cx.define_data(prototype, Name::sym_iterator.key(), values, Attributes::HIDDEN)?;
    let unscopables = construct::unscopables(cx)?;
    cx.define_data(prototype, Name::sym_unscopables.key(), unscopables, Attributes::CONFIGURABLE)
}

/// Array.prototype.entries (§23.1.3.5).
fn entries<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.to_object(this)?;
    cx.create_array_iterator(object, PropertyPart::Both)
}

/// Array.prototype.keys (§23.1.3.19).
fn keys<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.to_object(this)?;
    cx.create_array_iterator(object, PropertyPart::Key)
}

/// Array.prototype.values (§23.1.3.38).
fn values<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.to_object(this)?;
    cx.create_array_iterator(object, PropertyPart::Value)
}
