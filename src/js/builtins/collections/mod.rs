//! Keyed collections (§24) and what manages memory (§26): maps, sets, weak maps, weak sets, weak references, finalization.
#![forbid(unsafe_code)]

mod finalization;
mod iterators;
pub(in crate::js) mod map;
pub(in crate::js) mod set;
mod set_methods;
pub(in crate::js) mod table;
#[cfg(test)]
mod tests;
mod weak;
mod weak_table;

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the constructors and prototypes.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    map::install(cx)?;
    set::install(cx)?;
    iterators::install(cx)?;
    weak::install(cx)?;
    finalization::install(cx)
}

/// RequireInternalSlot (§10.1.15): a receiver of a class.
fn check<'s>(cx: &mut Cx<'s>, this: Local<'s>, class: Class, method: &str) -> Completion<()> {
    if cx.is(this, class) {
        return Ok(());
    }
    let text = cx.display(this);
    Err(cx.type_error(&format!("Method {class:?}.prototype.{method} called on incompatible receiver {text}")))
}

/// 1. of each constructor: it was called with `new`.
fn check_new<'s>(cx: &mut Cx<'s>, args: Args<'s>, name: &str) -> Completion<()> {
    if args.new_target().is_undefined() {
        return Err(cx.type_error(&format!("Constructor {name} requires 'new'")));
    }
    Ok(())
}

/// The method by which a constructor fills what it makes.
fn adder<'s>(cx: &mut Cx<'s>, target: Local<'s>, name: Name) -> Completion<Local<'s>> {
    let adder = cx.get(target, name.key())?;
    if !cx.is_callable(adder) {
        let text = cx.display(adder);
        return Err(
            cx.type_error(&format!("'{text}' returned for property '{}' of the new object is not a function", name.text()))
        );
    }
    Ok(adder)
}

/// AddEntriesFromIterable (§24.1.1.2).
fn add_entries<'s>(cx: &mut Cx<'s>, target: Local<'s>, iterable: Local<'s>, adder: Local<'s>) -> Completion<()> {
    // 1.
    let record = cx.get_iterator(iterable)?;
    // 2.
    loop {
        let mut cx = cx.open();
        let Some(next) = cx.iterator_step_value(record)? else { return Ok(()) };
        let added = if next.is_object() {
            add_entry(&mut cx, target, next, adder)
        } else {
            let text = cx.display(next);
            Err(cx.type_error(&format!("Iterator value {text} is not an entry object")))
        };
        if let Err(thrown) = added {
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
    }
}

fn add_entry<'s>(cx: &mut Cx<'s>, target: Local<'s>, entry: Local<'s>, adder: Local<'s>) -> Completion<()> {
    let key = cx.get_at(entry, 0)?;
    let value = cx.get_at(entry, 1)?;
    cx.call(adder, target, &[key, value])?;
    Ok(())
}

/// What the constructors of sets do with an iterable.
fn add_values<'s>(cx: &mut Cx<'s>, target: Local<'s>, iterable: Local<'s>, adder: Local<'s>) -> Completion<()> {
    let record = cx.get_iterator(iterable)?;
    loop {
        let mut cx = cx.open();
        let Some(next) = cx.iterator_step_value(record)? else { return Ok(()) };
        if let Err(thrown) = cx.call(adder, target, &[next]) {
            return Err(cx.iterator_close_throw(record.iterator, thrown));
        }
    }
}

/// A function that was passed as an argument.
fn check_callable<'s>(cx: &mut Cx<'s>, function: Local<'s>) -> Completion<()> {
    if cx.is_callable(function) {
        return Ok(());
    }
    let text = cx.display(function);
    Err(cx.type_error(&format!("{text} is not a function")))
}

impl<'s> Cx<'s> {
    /// What a map or set holds, in order: keys and values in turn, or values. For those who show it.
    pub fn collection_entries(&mut self, collection: Local<'_>) -> Vec<Local<'s>> {
        let is_map = self.is(collection, Class::Map);
        let mut entries = Vec::new();
        let mut cursor = self.table_start(collection);
        while let Some(((key, value), next)) = self.table_next(cursor) {
            entries.push(key);
            if is_map {
                entries.push(value);
            }
            cursor = next;
        }
        entries
    }
}
