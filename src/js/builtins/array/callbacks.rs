//! Methods that call a function for each element: forEach, map, filter, reduce, some, every, flat (§23.1.3).
#![forbid(unsafe_code)]

use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};

/// What all of them begin with: the object, its length, the function and its `this`.
#[derive(Clone, Copy)]
pub(super) struct Walk<'s> {
    pub object: Local<'s>,
    pub length: u64,
    pub function: Local<'s>,
    pub this: Local<'s>,
}

impl<'s> Walk<'s> {
    /// 1. to 3. of each: ToObject, LengthOfArrayLike, IsCallable.
    pub fn start(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Self> {
        let object = cx.to_object(this)?;
        let length = cx.length_of_array_like(object)?;
        let function = cx.arg(args, 0);
        if !cx.is_callable(function) {
            let text = cx.display(function);
            return Err(cx.type_error(&format!("{text} is not a function")));
        }
        Ok(Walk { object, length, function, this: cx.arg(args, 1) })
    }

    /// Calls the function with a value, its index and the object.
    pub fn call<'t>(&self, cx: &mut Cx<'t>, value: Local<'t>, index: u64) -> Completion<Local<'t>> {
        cx.call(self.function, self.this, &[value, Local::number(index as f64), self.object])
    }
}

/// Array.prototype.forEach (§23.1.3.15).
pub(super) fn for_each<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let walk = Walk::start(cx, this, args)?;
    // 4. and 5.
    for index in 0..walk.length {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(walk.object, index)? {
            walk.call(&mut cx, value, index)?;
        }
    }
    Ok(Local::UNDEFINED)
}

/// Array.prototype.map (§23.1.3.21).
pub(super) fn map<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let walk = Walk::start(cx, this, args)?;
    let result = cx.array_species_create(walk.object, walk.length)?;
    // 5. and 6.
    for index in 0..walk.length {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(walk.object, index)? {
            let mapped = walk.call(&mut cx, value, index)?;
            cx.create_at(result, index, mapped)?;
        }
    }
    Ok(result)
}

/// Array.prototype.filter (§23.1.3.8).
pub(super) fn filter<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 4.
    let walk = Walk::start(cx, this, args)?;
    let result = cx.array_species_create(walk.object, 0)?;
    // 5. to 7.
    let mut to = 0;
    for index in 0..walk.length {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(walk.object, index)? {
            let selected = walk.call(&mut cx, value, index)?;
            if cx.to_boolean(selected) {
                cx.create_at(result, to, value)?;
                to += 1;
            }
        }
    }
    Ok(result)
}

/// Whether the function gives `wanted` for some element.
fn meets<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, wanted: bool) -> Completion<bool> {
    let walk = Walk::start(cx, this, args)?;
    for index in 0..walk.length {
        let mut cx = cx.open();
        if let Some(value) = cx.get_present(walk.object, index)? {
            let result = walk.call(&mut cx, value, index)?;
            if cx.to_boolean(result) == wanted {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Array.prototype.some (§23.1.3.29).
pub(super) fn some<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(meets(cx, this, args, true)?))
}

/// Array.prototype.every (§23.1.3.6).
pub(super) fn every<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(!meets(cx, this, args, false)?))
}

/// Array.prototype.reduce (§23.1.3.24).
pub(super) fn reduce<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fold(cx, this, args, false)
}

/// Array.prototype.reduceRight (§23.1.3.25).
pub(super) fn reduce_right<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    fold(cx, this, args, true)
}

fn fold<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, from_end: bool) -> Completion<Local<'s>> {
    // 1. to 3.
    let walk = Walk::start(cx, this, args)?;
    // 4. to 8. Without an initial value it is the first element that is there.
    let mut has_value = args.len() > 1;
    let accumulator = cx.root(cx.arg(args, 1));
    // 9.
    for nth in 0..walk.length {
        let index = if from_end { walk.length - 1 - nth } else { nth };
        let mut cx = cx.open();
        let Some(value) = cx.get_present(walk.object, index)? else { continue };
        if has_value {
            let so_far = cx.get_root(accumulator);
            let args = [so_far, value, Local::number(index as f64), walk.object];
            let result = cx.call(walk.function, Local::UNDEFINED, &args)?;
            cx.set_root(accumulator, result);
        } else {
            has_value = true;
            cx.set_root(accumulator, value);
        }
    }
    if !has_value {
        return Err(cx.type_error("Reduce of empty array with no initial value"));
    }
    // 10.
    Ok(cx.get_root(accumulator))
}

/// Array.prototype.flat (§23.1.3.13).
pub(super) fn flat<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 3. and 4.
    let depth = cx.arg(args, 0);
    let depth = if depth.is_undefined() { 1.0 } else { cx.to_integer_or_infinity(depth)? };
    // 5. to 7.
    let result = cx.array_species_create(object, 0)?;
    flatten_into(cx, result, object, length, 0, depth, None)?;
    Ok(result)
}

/// Array.prototype.flatMap (§23.1.3.14).
pub(super) fn flat_map<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    let walk = Walk::start(cx, this, args)?;
    // 4. to 6.
    let result = cx.array_species_create(walk.object, 0)?;
    flatten_into(cx, result, walk.object, walk.length, 0, 1.0, Some(walk))?;
    Ok(result)
}

/// FlattenIntoArray (§23.1.3.13.1): the index behind the last element.
fn flatten_into<'t>(
    cx: &mut Cx<'t>,
    target: Local<'t>,
    source: Local<'t>,
    length: u64,
    start: u64,
    depth: f64,
    mapper: Option<Walk<'t>>,
) -> Completion<u64> {
    cx.check_stack(0)?;
    let mut to = start;
    // 3.
    for index in 0..length {
        let mut cx = cx.open();
        let Some(mut element) = cx.get_present(source, index)? else { continue };
        if let Some(walk) = mapper {
            element = walk.call(&mut cx, element, index)?;
        }
        if depth > 0.0 && cx.is_array(element)? {
            let length = cx.length_of_array_like(element)?;
            to = flatten_into(&mut cx, target, element, length, to, depth - 1.0, None)?;
        } else {
            if to as f64 >= MAX_SAFE_INTEGER {
                return Err(cx.type_error("Invalid array length"));
            }
            cx.create_at(target, to, element)?;
            to += 1;
        }
    }
    // 4.
    Ok(to)
}
