//! Methods of sets that take another set: union, intersection and so on (§24.2.4).
#![forbid(unsafe_code)]

use crate::js::builtins::collections::check;
use crate::js::builtins::collections::table::Cursor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;

/// A Set Record (§24.2.1.1).
#[derive(Clone, Copy)]
struct SetRecord<'s> {
    object: Local<'s>,
    size: f64,
    has: Local<'s>,
    keys: Local<'s>,
}

impl<'s> SetRecord<'s> {
    /// GetSetRecord (§24.2.1.2).
    fn of(cx: &mut Cx<'s>, object: Local<'s>) -> Completion<Self> {
        // 1.
        if !object.is_object() {
            let text = cx.display(object);
            return Err(cx.type_error(&format!("{text} is not a set-like object")));
        }
        // 2. to 7.
        let size = cx.get(object, Name::size.key())?;
        let size = cx.to_number(size)?;
        if size.is_nan() {
            return Err(cx.type_error("The 'size' property must be a number"));
        }
        let size = size.trunc();
        if size < 0.0 {
            return Err(cx.range_error(&format!("'{size}' is an invalid size")));
        }
        // 8. and 9.
        let has = cx.get(object, Name::has.key())?;
        if !cx.is_callable(has) {
            return Err(cx.type_error("The 'has' property must be a function"));
        }
        // 10. and 11.
        let keys = cx.get(object, Name::keys.key())?;
        if !cx.is_callable(keys) {
            return Err(cx.type_error("The 'keys' property must be a function"));
        }
        Ok(SetRecord { object, size, has, keys })
    }

    /// Whether the other set says that it has a value.
    fn has<'t>(&self, cx: &mut Cx<'t>, value: Local<'t>) -> Completion<bool> {
        let result = cx.call(self.has, self.object, &[value])?;
        Ok(cx.to_boolean(result))
    }

    /// GetIteratorFromMethod (§7.4.3) with the other set's keys.
    fn iterate(&self, cx: &mut Cx<'s>) -> Completion<IteratorRecord<'s>> {
        cx.get_iterator_from_method(self.object, self.keys)
    }
}

fn begin<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, name: &str) -> Completion<SetRecord<'s>> {
    check(cx, this, Class::Set, name)?;
    SetRecord::of(cx, cx.arg(args, 0))
}

/// Runs something with each value of a set, which may change meanwhile, until it gives `false`.
fn each_value<'s>(
    cx: &mut Cx<'s>,
    set: Local<'s>,
    mut run: impl for<'t> FnMut(&mut Cx<'t>, Local<'t>) -> Completion<bool>,
) -> Completion<bool> {
    let start = cx.table_start(set);
    let (table, mut place) = (cx.root(start.table), start.place);
    loop {
        let mut cx = cx.open();
        let cursor = Cursor { table: cx.get_root(table), place };
        let Some(((key, _), next)) = cx.table_next(cursor) else { return Ok(true) };
        cx.set_root(table, next.table);
        place = next.place;
        if !run(&mut cx, key)? {
            return Ok(false);
        }
    }
}

/// Runs something with each key that an iterator gives, until it gives `false`: then the iterator is closed.
fn each_key<'s>(
    cx: &mut Cx<'s>,
    record: IteratorRecord<'s>,
    mut run: impl for<'t> FnMut(&mut Cx<'t>, Local<'t>) -> Completion<bool>,
) -> Completion<bool> {
    loop {
        let mut cx = cx.open();
        let Some(key) = cx.iterator_step_value(record)? else { return Ok(true) };
        let key = cx.canonical_key(key);
        if !run(&mut cx, key)? {
            cx.iterator_close(record.iterator)?;
            return Ok(false);
        }
    }
}

fn copy<'s>(cx: &mut Cx<'s>, set: Local<'s>) -> Completion<Local<'s>> {
    let result = cx.new_set()?;
    each_value(cx, set, |cx, value| cx.table_set(result, value, Local::UNDEFINED).map(|()| true))?;
    Ok(result)
}

fn size(cx: &Cx<'_>, set: Local<'_>) -> f64 {
    f64::from(cx.table_size(set))
}

/// Set.prototype.union (§24.2.4.18).
pub(super) fn union<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let other = begin(cx, this, args, "union")?;
    let keys = other.iterate(cx)?;
    // 5. to 8.
    let result = copy(cx, this)?;
    each_key(cx, keys, |cx, key| cx.table_set(result, key, Local::UNDEFINED).map(|()| true))?;
    Ok(result)
}

/// Set.prototype.intersection (§24.2.4.9).
pub(super) fn intersection<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let other = begin(cx, this, args, "intersection")?;
    let result = cx.new_set()?;
    if size(cx, this) <= other.size {
        // 5.
        each_value(cx, this, |cx, value| {
            if other.has(cx, value)? {
                cx.table_set(result, value, Local::UNDEFINED)?;
            }
            Ok(true)
        })?;
    } else {
        // 6.
        let keys = other.iterate(cx)?;
        each_key(cx, keys, |cx, key| {
            if cx.table_has(this, key)? {
                cx.table_set(result, key, Local::UNDEFINED)?;
            }
            Ok(true)
        })?;
    }
    // 7. to 9.
    Ok(result)
}

/// Set.prototype.difference (§24.2.4.5).
pub(super) fn difference<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let other = begin(cx, this, args, "difference")?;
    if size(cx, this) <= other.size {
        // 4. and 5.
        let result = copy(cx, this)?;
        each_value(cx, result, |cx, value| {
            if other.has(cx, value)? {
                cx.table_delete(result, value)?;
            }
            Ok(true)
        })?;
        return Ok(result);
    }
    // 6.
    let result = copy(cx, this)?;
    let keys = other.iterate(cx)?;
    each_key(cx, keys, |cx, key| cx.table_delete(result, key).map(|_| true))?;
    Ok(result)
}

/// Set.prototype.symmetricDifference (§24.2.4.15).
pub(super) fn symmetric_difference<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let other = begin(cx, this, args, "symmetricDifference")?;
    let keys = other.iterate(cx)?;
    // 5. to 9.
    let result = copy(cx, this)?;
    each_key(cx, keys, |cx, key| {
        if cx.table_has(this, key)? {
            cx.table_delete(result, key)?;
        } else {
            cx.table_set(result, key, Local::UNDEFINED)?;
        }
        Ok(true)
    })?;
    Ok(result)
}

/// Set.prototype.isSubsetOf (§24.2.4.11).
pub(super) fn is_subset_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let other = begin(cx, this, args, "isSubsetOf")?;
    if size(cx, this) > other.size {
        return Ok(Local::FALSE);
    }
    // 5. to 8.
    Ok(Local::bool(each_value(cx, this, |cx, value| other.has(cx, value))?))
}

/// Set.prototype.isSupersetOf (§24.2.4.12).
pub(super) fn is_superset_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let other = begin(cx, this, args, "isSupersetOf")?;
    if size(cx, this) < other.size {
        return Ok(Local::FALSE);
    }
    // 5. to 8.
    let keys = other.iterate(cx)?;
    Ok(Local::bool(each_key(cx, keys, |cx, key| cx.table_has(this, key))?))
}

/// Set.prototype.isDisjointFrom (§24.2.4.10).
pub(super) fn is_disjoint_from<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let other = begin(cx, this, args, "isDisjointFrom")?;
    if size(cx, this) <= other.size {
        // 4.
        return Ok(Local::bool(each_value(cx, this, |cx, value| Ok(!other.has(cx, value)?))?));
    }
    // 5. and 6.
    let keys = other.iterate(cx)?;
    Ok(Local::bool(each_key(cx, keys, |cx, key| Ok(!cx.table_has(this, key)?))?))
}
