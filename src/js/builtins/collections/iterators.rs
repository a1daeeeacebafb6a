//! Map and set iterators (§24.1.5, §24.2.6).
#![forbid(unsafe_code)]

use crate::js::builtins::collections::check;
use crate::js::builtins::collections::table::Cursor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::operations::PropertyPart;

/// Internal slots: the table (undefined at the end), the next entry, the kind.
const TABLE: u32 = 0;
const PLACE: u32 = 1;
const KIND: u32 = 2;

/// Makes the prototypes.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let above = cx.intrinsic(Intrinsic::IteratorPrototype);
    let prototype = cx.new_object_with(above)?;
    cx.set_intrinsic(Intrinsic::MapIteratorPrototype, prototype);
    cx.install_methods(prototype, &[(Name::next, 0, map_next)])?;
    cx.install_tag(prototype, "Map Iterator")?;
    let prototype = cx.new_object_with(above)?;
    cx.set_intrinsic(Intrinsic::SetIteratorPrototype, prototype);
    cx.install_methods(prototype, &[(Name::next, 0, set_next)])?;
    cx.install_tag(prototype, "Set Iterator")
}

/// CreateMapIterator (§24.1.5.1), CreateSetIterator (§24.2.6.1).
fn create<'s>(cx: &mut Cx<'s>, this: Local<'s>, class: Class, part: PropertyPart, method: &str) -> Completion<Local<'s>> {
    check(cx, this, class, method)?;
    let (class, prototype) = match class {
        Class::Map => (Class::MapIterator, Intrinsic::MapIteratorPrototype),
        _ => (Class::SetIterator, Intrinsic::SetIteratorPrototype),
    };
    let iterator = cx.make_of(class, prototype)?;
    let cursor = cx.table_start(this);
    cx.set_field(iterator, TABLE, cursor.table);
    cx.set_field(iterator, PLACE, Local::ZERO);
    cx.set_field(iterator, KIND, Local::int(part as i32));
    Ok(iterator)
}

/// Map.prototype.entries (§24.1.3.4).
pub(super) fn map_entries<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    create(cx, this, Class::Map, PropertyPart::Both, "entries")
}

/// Map.prototype.keys (§24.1.3.8).
pub(super) fn map_keys<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    create(cx, this, Class::Map, PropertyPart::Key, "keys")
}

/// Map.prototype.values (§24.1.3.11).
pub(super) fn map_values<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    create(cx, this, Class::Map, PropertyPart::Value, "values")
}

/// Set.prototype.entries (§24.2.4.6).
pub(super) fn set_entries<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    create(cx, this, Class::Set, PropertyPart::Both, "entries")
}

/// Set.prototype.values (§24.2.4.17).
pub(super) fn set_values<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    create(cx, this, Class::Set, PropertyPart::Key, "values")
}

/// %MapIteratorPrototype%.next (§24.1.5.2.1).
fn map_next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    next(cx, this, Class::MapIterator)
}

/// %SetIteratorPrototype%.next (§24.2.6.2.1).
fn set_next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    next(cx, this, Class::SetIterator)
}

fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, class: Class) -> Completion<Local<'s>> {
    check(cx, this, class, "next")?;
    let table = cx.field(this, TABLE);
    if table.is_undefined() {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    let place = cx.field_value(this, PLACE).as_int().unwrap_or(0).cast_unsigned();
    let Some(((key, value), cursor)) = cx.table_next(Cursor { table, place }) else {
        cx.set_field(this, TABLE, Local::UNDEFINED);
        return cx.iterator_result(Local::UNDEFINED, true);
    };
    cx.set_field(this, TABLE, cursor.table);
    cx.set_field(this, PLACE, Local::int(cursor.place.cast_signed()));
    let kind = cx.field_value(this, KIND).as_int();
    let value = if class == Class::MapIterator { value } else { key };
    if kind == Some(PropertyPart::Key as i32) {
        return cx.iterator_result(key, false);
    }
    if kind == Some(PropertyPart::Value as i32) {
        return cx.iterator_result(value, false);
    }
    let pair = cx.array_from(&[key, value])?;
    cx.iterator_result(pair, false)
}
