//! Map (§24.1).
#![forbid(unsafe_code)]

use crate::js::builtins::collections::{add_entries, adder, check, check_callable, check_new};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

/// Makes Map and its prototype.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (constructor, prototype) = cx.install_constructor(Constructor {
        name: Name::Map,
        native: construct,
        length: 0,
        intrinsic: Intrinsic::Map,
        prototype: Intrinsic::MapPrototype,
    })?;
    cx.install_methods(constructor, &[(Name::groupBy, 2, group_by)])?;
    cx.install_species(constructor)?;
    cx.install_methods(
        prototype,
        &[
            (Name::clear, 0, clear),
            (Name::delete, 1, delete),
            (Name::entries, 0, crate::js::builtins::collections::iterators::map_entries),
            (Name::forEach, 1, for_each),
            (Name::get, 1, get),
            (Name::getOrInsert, 2, get_or_insert),
            (Name::getOrInsertComputed, 2, get_or_insert_computed),
            (Name::has, 1, has),
            (Name::keys, 0, crate::js::builtins::collections::iterators::map_keys),
            (Name::set, 2, set),
            (Name::values, 0, crate::js::builtins::collections::iterators::map_values),
        ],
    )?;
    cx.install_getter(prototype, Name::size, size)?;
    let entries = cx.get(prototype, Name::entries.key())?;
    cx.define_data(prototype, Name::sym_iterator.key(), entries, Attributes::HIDDEN)?;
    cx.install_tag(prototype, "Map")
}

/// Map (§24.1.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_new(cx, args, "Map")?;
    let map = cx.create_from_constructor(Class::Map, args.new_target(), Intrinsic::MapPrototype)?;
    cx.init_table(map)?;
    // 4.
    let iterable = cx.arg(args, 0);
    if iterable.is_nullish() {
        return Ok(map);
    }
    // 5. to 7.
    let adder = adder(cx, map, Name::set)?;
    add_entries(cx, map, iterable, adder)?;
    Ok(map)
}

impl<'s> Cx<'s> {
    /// A map without entries.
    pub(in crate::js) fn new_map(&mut self) -> Completion<Local<'s>> {
        let map = self.make_of(Class::Map, Intrinsic::MapPrototype)?;
        self.init_table(map)?;
        Ok(map)
    }
}

/// Map.groupBy (§24.1.2.1).
fn group_by<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (items, function) = (cx.arg(args, 0), cx.arg(args, 1));
    // GroupBy (§7.3.35), with keys of a collection.
    if items.is_nullish() {
        let text = cx.display(items);
        return Err(cx.type_error(&format!("{text} is not iterable")));
    }
    check_callable(cx, function)?;
    let map = cx.new_map()?;
    let record = cx.get_iterator(items)?;
    let mut index = 0.0;
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { return Ok(map) };
        match cx.call(function, Local::UNDEFINED, &[value, Local::number(index)]) {
            Err(thrown) => return Err(cx.iterator_close_throw(record.iterator, thrown)),
            Ok(key) => match cx.table_get(map, key)? {
                Some(group) => cx.array_push(group, value)?,
                None => {
                    let group = cx.array_from(&[value])?;
                    cx.table_set(map, key, group)?;
                }
            },
        }
        index += 1.0;
    }
}

/// Map.prototype.clear (§24.1.3.1).
fn clear<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "clear")?;
    cx.table_clear(this)?;
    Ok(Local::UNDEFINED)
}

/// Map.prototype.delete (§24.1.3.3).
fn delete<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "delete")?;
    Ok(Local::bool(cx.table_delete(this, cx.arg(args, 0))?))
}

/// Map.prototype.forEach (§24.1.3.5).
fn for_each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "forEach")?;
    each(cx, this, args, true)
}

/// Calls a function with each entry of a map or set.
pub(super) fn each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, has_values: bool) -> Completion<Local<'s>> {
    let (function, this_arg) = (cx.arg(args, 0), cx.arg(args, 1));
    check_callable(cx, function)?;
    let mut cursor = cx.table_start(this);
    let table = cx.root(cursor.table);
    loop {
        let mut cx = cx.open();
        let at = crate::js::builtins::collections::table::Cursor { table: cx.get_root(table), place: cursor.place };
        let Some(((key, value), next)) = cx.table_next(at) else { return Ok(Local::UNDEFINED) };
        cx.set_root(table, next.table);
        cursor.place = next.place;
        cx.call(function, this_arg, &[if has_values { value } else { key }, key, this])?;
    }
}

/// Map.prototype.get (§24.1.3.6).
fn get<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "get")?;
    Ok(cx.table_get(this, cx.arg(args, 0))?.unwrap_or(Local::UNDEFINED))
}

/// Map.prototype.getOrInsert ( key, value ), §24.1.3.
fn get_or_insert<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "getOrInsert")?;
    let (key, value) = (cx.arg(args, 0), cx.arg(args, 1));
    if let Some(found) = cx.table_get(this, key)? {
        return Ok(found);
    }
    cx.table_set(this, key, value)?;
    Ok(value)
}

/// Map.prototype.getOrInsertComputed ( key, callbackfn ), §24.1.3.
fn get_or_insert_computed<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "getOrInsertComputed")?;
    let (key, function) = (cx.arg(args, 0), cx.arg(args, 1));
    check_callable(cx, function)?;
    let key = cx.canonical_key(key);
    if let Some(found) = cx.table_get(this, key)? {
        return Ok(found);
    }
    let value = cx.call(function, Local::UNDEFINED, &[key])?;
    // The function may have set it.
    cx.table_set(this, key, value)?;
    Ok(value)
}

/// Map.prototype.has (§24.1.3.7).
fn has<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "has")?;
    Ok(Local::bool(cx.table_has(this, cx.arg(args, 0))?))
}

/// Map.prototype.set (§24.1.3.9).
fn set<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "set")?;
    cx.table_set(this, cx.arg(args, 0), cx.arg(args, 1))?;
    Ok(this)
}

/// get Map.prototype.size (§24.1.3.10).
fn size<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::Map, "size")?;
    Ok(Local::number(f64::from(cx.table_size(this))))
}
