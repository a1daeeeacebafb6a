//! WeakMap (§24.3), WeakSet (§24.4), WeakRef (§26.1).
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::builtins::collections::{add_entries, add_values, adder, check, check_callable, check_new};
use crate::js::builtins::install::Constructor;
use crate::js::class::{Class, Thing, is_thing};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// The slot of a weak reference that has its cell.
const CELL: u32 = 0;

/// Makes the constructors and prototypes.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::WeakMap,
        native: construct_map,
        length: 0,
        intrinsic: Intrinsic::WeakMap,
        prototype: Intrinsic::WeakMapPrototype,
    })?;
    cx.install_methods(
        prototype,
        &[
            (Name::delete, 1, map_delete),
            (Name::get, 1, map_get),
            (Name::getOrInsert, 2, map_get_or_insert),
            (Name::getOrInsertComputed, 2, map_get_or_insert_computed),
            (Name::has, 1, map_has),
            (Name::set, 2, map_set),
        ],
    )?;
    cx.install_tag(prototype, "WeakMap")?;
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::WeakSet,
        native: construct_set,
        length: 0,
        intrinsic: Intrinsic::WeakSet,
        prototype: Intrinsic::WeakSetPrototype,
    })?;
    cx.install_methods(prototype, &[(Name::add, 1, set_add), (Name::delete, 1, set_delete), (Name::has, 1, set_has)])?;
    cx.install_tag(prototype, "WeakSet")?;
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::WeakRef,
        native: construct_ref,
        length: 1,
        intrinsic: Intrinsic::WeakRef,
        prototype: Intrinsic::WeakRefPrototype,
    })?;
    cx.install_methods(prototype, &[(Name::deref, 0, deref)])?;
    cx.install_tag(prototype, "WeakRef")
}

/// Throws for what cannot be held weakly.
pub(super) fn check_weak<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<()> {
    if cx.can_be_held_weakly(value) {
        return Ok(());
    }
    let text = cx.display(value);
    Err(cx.type_error(&format!("{what}: {text}")))
}

const NO_KEY: &str = "Invalid value used as weak map key";
const NO_VALUE: &str = "Invalid value used in weak set";

/// WeakMap (§24.3.1.1).
fn construct_map<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_new(cx, args, "WeakMap")?;
    let map = cx.create_from_constructor(Class::WeakMap, args.new_target(), Intrinsic::WeakMapPrototype)?;
    cx.init_weak_table(map)?;
    // 4. to 7.
    let iterable = cx.arg(args, 0);
    if !iterable.is_nullish() {
        let adder = adder(cx, map, Name::set)?;
        add_entries(cx, map, iterable, adder)?;
    }
    Ok(map)
}

/// WeakMap.prototype.delete (§24.3.3.2).
fn map_delete<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "delete")?;
    Ok(Local::bool(cx.weak_delete(this, cx.arg(args, 0))))
}

/// WeakMap.prototype.get (§24.3.3.3).
fn map_get<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "get")?;
    Ok(cx.weak_get(this, cx.arg(args, 0)).unwrap_or(Local::UNDEFINED))
}

/// WeakMap.prototype.getOrInsert ( key, value ), §24.3.3.
fn map_get_or_insert<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "getOrInsert")?;
    let (key, value) = (cx.arg(args, 0), cx.arg(args, 1));
    check_weak(cx, key, NO_KEY)?;
    if let Some(found) = cx.weak_get(this, key) {
        return Ok(found);
    }
    cx.weak_set(this, key, value)?;
    Ok(value)
}

/// WeakMap.prototype.getOrInsertComputed ( key, callbackfn ), §24.3.3.
fn map_get_or_insert_computed<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "getOrInsertComputed")?;
    let (key, function) = (cx.arg(args, 0), cx.arg(args, 1));
    check_weak(cx, key, NO_KEY)?;
    check_callable(cx, function)?;
    if let Some(found) = cx.weak_get(this, key) {
        return Ok(found);
    }
    let value = cx.call(function, Local::UNDEFINED, &[key])?;
    cx.weak_set(this, key, value)?;
    Ok(value)
}

/// WeakMap.prototype.has (§24.3.3.4).
fn map_has<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "has")?;
    Ok(Local::bool(cx.weak_has(this, cx.arg(args, 0))))
}

/// WeakMap.prototype.set (§24.3.3.5).
fn map_set<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakMap, "set")?;
    let key = cx.arg(args, 0);
    check_weak(cx, key, NO_KEY)?;
    cx.weak_set(this, key, cx.arg(args, 1))?;
    Ok(this)
}

/// WeakSet (§24.4.1.1).
fn construct_set<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check_new(cx, args, "WeakSet")?;
    let set = cx.create_from_constructor(Class::WeakSet, args.new_target(), Intrinsic::WeakSetPrototype)?;
    cx.init_weak_table(set)?;
    // 4. to 8.
    let iterable = cx.arg(args, 0);
    if !iterable.is_nullish() {
        let adder = adder(cx, set, Name::add)?;
        add_values(cx, set, iterable, adder)?;
    }
    Ok(set)
}

/// WeakSet.prototype.add (§24.4.3.1).
fn set_add<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakSet, "add")?;
    let value = cx.arg(args, 0);
    check_weak(cx, value, NO_VALUE)?;
    cx.weak_set(this, value, Local::TRUE)?;
    Ok(this)
}

/// WeakSet.prototype.delete (§24.4.3.3).
fn set_delete<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakSet, "delete")?;
    Ok(Local::bool(cx.weak_delete(this, cx.arg(args, 0))))
}

/// WeakSet.prototype.has (§24.4.3.4).
fn set_has<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    check(cx, this, Class::WeakSet, "has")?;
    Ok(Local::bool(cx.weak_has(this, cx.arg(args, 0))))
}

impl<'s> Cx<'s> {
    /// A cell that does not keep an object or symbol alive.
    pub(in crate::js) fn weak_cell(&mut self, target: Local<'_>) -> Completion<HeapRef> {
        let cell = self.allocate_thing(Thing::Weak, 0)?;
        let target = self.reference(target);
        self.agent.heap.write_ref(cell, FIELDS, target);
        Ok(cell)
    }

    /// What a weak cell refers to; `undefined` when that is dead.
    pub(in crate::js) fn weak_target(&self, cell: HeapRef) -> Value {
        let target = self.agent.heap.read_ref(cell, FIELDS);
        if target.is_null() {
            Value::UNDEFINED
        } else if is_thing(&self.agent.heap, target, Thing::Symbol) {
            Value::symbol(target)
        } else {
            Value::object(target)
        }
    }

    /// AddToKeptObjects (§9.11).
    pub(in crate::js) fn keep_during_job(&mut self, value: Local<'_>) {
        let bits = self.value(value).bits();
        let kept = &mut self.agent.roots.kept_alive;
        if kept.last() != Some(&bits) {
            kept.push(bits);
        }
    }
}

/// WeakRef (§26.1.1.1).
fn construct_ref<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check_new(cx, args, "WeakRef")?;
    let target = cx.arg(args, 0);
    check_weak(cx, target, "WeakRef: target must be an object or a symbol that is not registered")?;
    // 3. to 6.
    let reference = cx.create_from_constructor(Class::WeakRef, args.new_target(), Intrinsic::WeakRefPrototype)?;
    cx.keep_during_job(target);
    let cell = cx.weak_cell(target)?;
    cx.set_field_value(reference, CELL, Value::object(cell));
    Ok(reference)
}

/// WeakRef.prototype.deref (§26.1.3.2).
fn deref<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check(cx, this, Class::WeakRef, "deref")?;
    // WeakRefDeref (§26.1.4.1)
    let cell = cx.field_value(this, CELL).heap_ref();
    let target = cx.weak_target(cell);
    let target = cx.local(target);
    if !target.is_undefined() {
        cx.keep_during_job(target);
    }
    Ok(target)
}
