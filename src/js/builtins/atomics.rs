//! The Atomics object (§25.4).
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::base::sync::{Arc, Condvar, Mutex, OnceLock};
use crate::heap::backing::{Backing, Word};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::typed_array::VIEW_BUFFER;
use crate::js::value::Value;

/// Makes `Atomics`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let atomics = cx.new_object()?;
    cx.set_intrinsic(Intrinsic::Atomics, atomics);
    cx.install_methods(
        atomics,
        &[
            (Name::add, 3, add),
            (Name::and, 3, and),
            (Name::compareExchange, 4, compare_exchange),
            (Name::exchange, 3, exchange),
            (Name::isLockFree, 1, is_lock_free),
            (Name::load, 2, load),
            (Name::or, 3, or),
            (Name::pause, 0, pause),
            (Name::store, 3, store),
            (Name::sub, 3, sub),
            (Name::wait, 4, wait),
            (Name::notify, 3, notify),
            (Name::xor, 3, xor),
        ],
    )?;
    cx.install_tag(atomics, "Atomics")?;
    cx.install_global(Name::Atomics, atomics)
}

/// ValidateIntegerTypedArray (§25.4.3.1), or of those that can be waited for. Gives the length.
fn validate<'s>(cx: &mut Cx<'s>, array: Local<'s>, waits: bool) -> Completion<usize> {
    if !cx.is(array, Class::TypedArray) {
        return Err(cx.type_error("[object Object] is not an integer typed array."));
    }
    let length = cx.validate_typed_array(array, "Atomics operation")?;
    let element = cx.element_of(array);
    let is_good = if waits { matches!(element, Element::Int32 | Element::BigInt64) } else { element.is_atomic() };
    if !is_good {
        let wanted = if waits { "an Int32Array or BigInt64Array" } else { "an integer typed array" };
        return Err(cx.type_error(&format!("The typed array is not {wanted}")));
    }
    Ok(length)
}

/// ValidateAtomicAccess (§25.4.3.2): the element's number.
fn validate_access<'s>(cx: &mut Cx<'s>, length: usize, index: Local<'s>) -> Completion<usize> {
    let index = cx.to_index(index)?;
    if index >= length as u64 {
        return Err(cx.range_error("Invalid atomic access index"));
    }
    Ok(index as usize)
}

/// The number of an element behind ValidateAtomicAccessOnIntegerTypedArray (§25.4.3.3).
fn access<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<(Local<'s>, usize)> {
    let array = cx.arg(args, 0);
    let length = validate(cx, array, false)?;
    Ok((array, validate_access(cx, length, cx.arg(args, 1))?))
}

/// The integer of a value: itself, as a value, and its bits.
fn integer<'s>(cx: &mut Cx<'s>, array: Local<'s>, value: Local<'s>) -> Completion<(Local<'s>, u64)> {
    let element = cx.element_of(array);
    if element.is_bigint() {
        let bigint = cx.to_bigint(value)?;
        return Ok((bigint, cx.bigint_low_bits(bigint)));
    }
    let number = cx.to_integer_or_infinity(value)?;
    Ok((Local::number(number), element.bits_of_number(number)))
}

/// RevalidateAtomicAccess (§25.4.3.4): the backing and the byte.
fn revalidate<'s>(cx: &mut Cx<'s>, array: Local<'s>, index: usize) -> Completion<(Arc<Backing>, usize)> {
    let Some(view) = cx.view(array) else {
        return Err(cx.type_error("Cannot perform Atomics operation on a detached ArrayBuffer"));
    };
    if index >= view.length {
        return Err(cx.range_error("Invalid atomic access index"));
    }
    Ok((view.backing.clone(), view.at(index)))
}

/// Changes an element at once; gives its old bits.
fn update(element: Element, backing: &Backing, at: usize, change: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    fn of<W: Word>(backing: &Backing, at: usize, change: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        backing.update::<W>(at, |old| change(old.to_u64()).map(W::from_u64)).map(W::to_u64)
    }
    match element.shift() {
        0 => of::<u8>(backing, at, change),
        1 => of::<u16>(backing, at, change),
        2 => of::<u32>(backing, at, change),
        _ => of::<u64>(backing, at, change),
    }
}

/// AtomicReadModifyWrite (§25.4.3.14).
fn read_modify_write<'s>(cx: &mut Cx<'s>, args: Args<'s>, op: fn(u64, u64) -> u64) -> Completion<Local<'s>> {
    let (array, index) = access(cx, args)?;
    let (_, operand) = integer(cx, array, cx.arg(args, 2))?;
    let (backing, at) = revalidate(cx, array, index)?;
    let element = cx.element_of(array);
    let old = update(element, &backing, at, |old| Some(op(old, operand)));
    cx.element_value(element, old.unwrap_or(0))
}

/// Atomics.add (§25.4.4).
fn add<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, u64::wrapping_add)
}

/// Atomics.and (§25.4.5).
fn and<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, |old, operand| old & operand)
}

/// Atomics.exchange (§25.4.7).
fn exchange<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, |_, operand| operand)
}

/// Atomics.or (§25.4.10).
fn or<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, |old, operand| old | operand)
}

/// Atomics.sub (§25.4.13).
fn sub<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, u64::wrapping_sub)
}

/// Atomics.xor (§25.4.17).
fn xor<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    read_modify_write(cx, args, |old, operand| old ^ operand)
}

/// Atomics.compareExchange (§25.4.6).
fn compare_exchange<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (array, index) = access(cx, args)?;
    let (_, expected) = integer(cx, array, cx.arg(args, 2))?;
    let (_, replacement) = integer(cx, array, cx.arg(args, 3))?;
    let (backing, at) = revalidate(cx, array, index)?;
    let element = cx.element_of(array);
    let mask = u64::MAX >> (64 - 8 * element.size());
    let old = update(element, &backing, at, |old| (old == expected & mask).then_some(replacement));
    cx.element_value(element, old.unwrap_or(0))
}

/// Atomics.isLockFree (§25.4.8).
fn is_lock_free<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let size = cx.to_integer_or_infinity(cx.arg(args, 0))?;
    Ok(Local::bool([1.0, 2.0, 4.0, 8.0].contains(&size)))
}

/// Atomics.load (§25.4.9).
fn load<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (array, index) = access(cx, args)?;
    let (backing, at) = revalidate(cx, array, index)?;
    let element = cx.element_of(array);
    let bits = update(element, &backing, at, |_| None);
    cx.element_value(element, bits.unwrap_or(0))
}

/// Atomics.store (§25.4.12).
fn store<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (array, index) = access(cx, args)?;
    let (value, bits) = integer(cx, array, cx.arg(args, 2))?;
    let (backing, at) = revalidate(cx, array, index)?;
    update(cx.element_of(array), &backing, at, |_| Some(bits));
    Ok(value)
}

/// Atomics.pause (§25.4.11).
fn pause<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const MOST: f64 = 64.0;
    let count = cx.arg(args, 0);
    // 1. If iterationNumber is neither undefined nor an integral Number, throw a TypeError exception.
    let rounds = match count.as_number() {
        Some(number) if number.is_finite() && number.fract() == 0.0 => number.clamp(1.0, MOST),
        None if count.is_undefined() => 1.0,
        _ => return Err(cx.type_error("Atomics.pause: the argument is no integer")),
    };
    for _ in 0..rounds as u32 {
        crate::base::sync::spin_loop();
    }
    Ok(Local::UNDEFINED)
}

/// Those who wait for one place, in order, each by a number: those who were notified are taken out.
#[derive(Default)]
struct Waiters {
    lists: HashMap<usize, Vec<u64>>,
    next: u64,
}

/// The WaiterLists of all agents (§25.4.1), and how they sleep.
fn waiters() -> &'static (Mutex<Waiters>, Condvar) {
    static WAITERS: OnceLock<(Mutex<Waiters>, Condvar)> = OnceLock::new();
    WAITERS.get_or_init(|| (Mutex::new(Waiters::default()), Condvar::new()))
}

/// How often those who wait ask whether their script shall end.
const ROUND: Duration = Duration::from_millis(50);

/// Atomics.wait (§25.4.14).
fn wait<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let array = cx.arg(args, 0);
    // DoWait (§25.4.3.15), 1. to 3.
    let length = validate(cx, array, true)?;
    let buffer = cx.field_value(array, VIEW_BUFFER);
    if !cx.backing(buffer).is_some_and(|backing| backing.is_shared()) {
        return Err(cx.type_error("Atomics.wait cannot be called on a typed array whose buffer is not shared"));
    }
    let index = validate_access(cx, length, cx.arg(args, 1))?;
    // 6. and 7. The value to wait for.
    let element = cx.element_of(array);
    let expected = cx.element_bits(element, cx.arg(args, 2))?;
    // 8. and 9. Let q be ? ToNumber(timeout).
    let timeout = cx.to_number(cx.arg(args, 3))?;
    let timeout = if timeout.is_nan() { f64::INFINITY } else { timeout.max(0.0) };
    let (backing, at) = revalidate(cx, array, index)?;
    let end = Duration::try_from_secs_f64(timeout / 1000.0).ok().and_then(|time| Instant::now().checked_add(time));
    let place = backing.address(at);
    let (lock, wake) = waiters();
    let mut all = lock.lock();
    // 24. to 26. The value is compared while nobody can notify.
    let mask = u64::MAX >> (64 - 8 * element.size());
    if update(element, &backing, at, |_| None) != Some(expected & mask) {
        return Ok(Name::not_equal.local());
    }
    let own = all.next;
    all.next += 1;
    all.lists.entry(place).or_default().push(own);
    loop {
        if !all.lists.get(&place).is_some_and(|list| list.contains(&own)) {
            return Ok(Name::ok.local());
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let is_over = left.is_some_and(|left| left.is_zero());
        let ended = cx.poll();
        if is_over || ended.is_err() {
            forget(&mut all, place, own);
            return ended.map(|()| Name::timed_out.local());
        }
        wake.wait_for(&mut all, left.map_or(ROUND, |left| left.min(ROUND)));
    }
}

fn forget(all: &mut Waiters, place: usize, who: u64) {
    if let Some(list) = all.lists.get_mut(&place) {
        list.retain(|&other| other != who);
        if list.is_empty() {
            all.lists.remove(&place);
        }
    }
}

/// Atomics.notify (§25.4.16).
fn notify<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let array = cx.arg(args, 0);
    let length = validate(cx, array, true)?;
    let index = validate_access(cx, length, cx.arg(args, 1))?;
    // 2. and 3. How many; all of them if nothing is said.
    let count = cx.arg(args, 2);
    let count = if count.is_undefined() { f64::INFINITY } else { cx.to_integer_or_infinity(count)?.max(0.0) };
    let buffer: Value = cx.field_value(array, VIEW_BUFFER);
    // 6. If IsSharedArrayBuffer(buffer) is false, return +0𝔽.
    if !cx.backing(buffer).is_some_and(|backing| backing.is_shared()) {
        return Ok(Local::ZERO);
    }
    let (backing, at) = revalidate(cx, array, index)?;
    let (lock, wake) = waiters();
    let mut all = lock.lock();
    let place = backing.address(at);
    let mut woken = 0;
    if let Some(list) = all.lists.get_mut(&place) {
        woken = list.len().min(count as usize);
        list.drain(..woken);
        if list.is_empty() {
            all.lists.remove(&place);
        }
    }
    wake.notify_all();
    Ok(Local::number(woken as f64))
}
