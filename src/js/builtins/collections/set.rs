//! Set (§24.2).
#![forbid(unsafe_code)]

use crate::js::builtins::collections::{add_values, adder, check, check_new, iterators, map, set_methods};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

/// Makes Set and its prototype.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (constructor, prototype) = cx.install_constructor(Constructor {
        name: Name::Set,
        native: construct,
        length: 0,
        intrinsic: Intrinsic::Set,
        prototype: Intrinsic::SetPrototype,
    })?;
    cx.install_species(constructor)?;
    cx.install_methods(
        prototype,
        &[
            (Name::add, 1, add),
            (Name::clear, 0, clear),
            (Name::delete, 1, delete),
            (Name::difference, 1, set_methods::difference),
            (Name::entries, 0, iterators::set_entries),
            (Name::forEach, 1, for_each),
            (Name::has, 1, has),
            (Name::intersection, 1, set_methods::intersection),
            (Name::isDisjointFrom, 1, set_methods::is_disjoint_from),
            (Name::isSubsetOf, 1, set_methods::is_subset_of),
            (Name::isSupersetOf, 1, set_methods::is_superset_of),
            (Name::symmetricDifference, 1, set_methods::symmetric_difference),
            (Name::union, 1, set_methods::union),
            (Name::values, 0, iterators::set_values),
        ],
    )?;
    cx.install_getter(prototype, Name::size, size)?;
    let values = cx.get(prototype, Name::values.key())?;
    cx.define_data(prototype, Name::keys.key(), values, Attributes::HIDDEN)?;
    cx.define_data(prototype, Name::sym_iterator.key(), values, Attributes::HIDDEN)?;
    cx.install_tag(prototype, "Set")
}

/// Set (§24.2.2.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_new(cx, args, "Set")?;
    let set = cx.create_from_constructor(Class::Set, args.new_target(), Intrinsic::SetPrototype)?;
    cx.init_table(set)?;
    // 4.
    let iterable = cx.arg(args, 0);
    if iterable.is_nullish() {
        return Ok(set);
    }
    // 5. to 8.
    let adder = adder(cx, set, Name::add)?;
    add_values(cx, set, iterable, adder)?;
    Ok(set)
}

impl<'s> Cx<'s> {
    /// A set without values.
    pub(in crate::js) fn new_set(&mut self) -> Completion<Local<'s>> {
        let set = self.make_of(Class::Set, Intrinsic::SetPrototype)?;
        self.init_table(set)?;
        Ok(set)
    }
}

/// Set.prototype.add (§24.2.4.1).
fn add<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "add")?;
    cx.table_set(this, cx.arg(args, 0), Local::UNDEFINED)?;
    Ok(this)
}

/// Set.prototype.clear (§24.2.4.2).
fn clear<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "clear")?;
    cx.table_clear(this)?;
    Ok(Local::UNDEFINED)
}

/// Set.prototype.delete (§24.2.4.4).
fn delete<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "delete")?;
    Ok(Local::bool(cx.table_delete(this, cx.arg(args, 0))?))
}

/// Set.prototype.forEach (§24.2.4.7).
fn for_each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "forEach")?;
    map::each(cx, this, args, false)
}

/// Set.prototype.has (§24.2.4.8).
fn has<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "has")?;
    Ok(Local::bool(cx.table_has(this, cx.arg(args, 0))?))
}

/// get Set.prototype.size (§24.2.4.14).
fn size<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Set, "size")?;
    Ok(Local::number(f64::from(cx.table_size(this))))
}
