//! Iterator.concat (§27.1.3.2.1), Iterator.zip and Iterator.zipKeyed (joint iteration, §27.1.3.2).
//!
//! Open iterators lie in a list of the engine's own: iterator and `next` by turns; an iterator that is no longer open is null there.
#![forbid(unsafe_code)]

use crate::js::builtins::iterator::helpers::{COUNTER, FUNCTION, INNER, INNER_NEXT, Kind, LIST, SECOND_LIST, make};
use crate::js::builtins::iterator::{get_iterator_flattenable, options_object};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::iteration::IteratorRecord;
use crate::js::value::Value;

/// Where a helper of zipKeyed has its keys.
const KEYS: u32 = INNER;

/// How long joint iteration goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Shortest,
    Longest,
    Strict,
}

const MODES: [Mode; 3] = [Mode::Shortest, Mode::Longest, Mode::Strict];

fn nth<'s>(cx: &mut Cx<'s>, list: Local<'_>, place: u32) -> Local<'s> {
    let value = cx.dense_at(list, u64::from(place)).unwrap_or(Value::UNDEFINED);
    cx.local(value)
}

/// Iterator.concat (§27.1.3.2.1).
pub(super) fn concat<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let list = cx.new_array(0)?;
    for item in 0..args.len() {
        let mut cx = cx.open();
        let item = cx.arg(args, item);
        let method = if item.is_object() { cx.get_method(item, Name::sym_iterator.key())? } else { Local::UNDEFINED };
        if method.is_undefined() {
            let text = cx.display(item);
            return Err(cx.type_error(&format!("{text} is not an iterable object")));
        }
        cx.array_push(list, method)?;
        cx.array_push(list, item)?;
    }
    // 3. to 6.
    let helper = make(cx, Kind::Concat, None)?;
    cx.set_field(helper, LIST, list);
    Ok(helper)
}

/// 3. of Iterator.concat: the next value of the iterables behind one another.
pub(super) fn step_concat<'s>(cx: &mut Cx<'s>, helper: Local<'s>) -> Completion<Option<Local<'s>>> {
    let found = cx.root(Local::UNDEFINED);
    loop {
        let mut cx = cx.open();
        let iterator = cx.field(helper, INNER);
        if iterator.is_undefined() {
            let list = cx.field(helper, LIST);
            let place = cx.field_value(helper, COUNTER).as_int().unwrap_or(0).cast_unsigned();
            if place >= cx.array_length(list) {
                return Ok(None);
            }
            cx.set_field(helper, COUNTER, Local::number(f64::from(place + 2)));
            let (method, iterable) = (nth(&mut cx, list, place), nth(&mut cx, list, place + 1));
            let inner = cx.get_iterator_from_method(iterable, method)?;
            cx.set_field(helper, INNER, inner.iterator);
            cx.set_field(helper, INNER_NEXT, inner.next);
            continue;
        }
        let record = IteratorRecord { iterator, next: cx.field(helper, INNER_NEXT) };
        match cx.iterator_step_value(record)? {
            None => cx.set_field(helper, INNER, Local::UNDEFINED),
            Some(value) => {
                cx.set_root(found, value);
                break;
            }
        }
    }
    Ok(Some(cx.get_root(found)))
}

/// IteratorCloseAll (§7.4.13): the open ones of a list from the last on.
fn close_list<'s>(cx: &mut Cx<'s>, list: Local<'s>, completion: Completion<()>) -> Completion<()> {
    let mut completion = completion;
    for place in (0..cx.array_length(list) / 2).rev() {
        let mut cx = cx.open();
        let iterator = nth(&mut cx, list, 2 * place);
        if !iterator.is_object() {
            continue;
        }
        completion = match completion {
            Ok(()) => cx.iterator_close(iterator),
            Err(thrown) => Err(cx.iterator_close_throw(iterator, thrown)),
        };
    }
    completion
}

/// IteratorCloseAll (§7.4.13) of what a helper has open.
pub(super) fn close_all<'s>(cx: &mut Cx<'s>, helper: Local<'s>, completion: Completion<()>) -> Completion<()> {
    let list = cx.field(helper, LIST);
    close_list(cx, list, completion)
}

/// IfAbruptCloseIterators (§7.4.15).
fn or_close<'s, T>(cx: &mut Cx<'s>, list: Local<'s>, result: Completion<T>) -> Completion<T> {
    match result {
        Ok(value) => Ok(value),
        Err(thrown) => match close_list(cx, list, Err(thrown)) {
            Err(thrown) => Err(thrown),
            // Closing a throw completion gives one.
            Ok(()) => Err(cx.type_error("an iterator could not be closed")),
        },
    }
}

/// 2. to 7. of both: the mode and the option for padding.
fn read_options<'s>(cx: &mut Cx<'s>, options: Local<'s>) -> Completion<(Mode, Local<'s>)> {
    let options = options_object(cx, options)?;
    let mode = cx.get(options, Name::mode.key())?;
    let text = if mode.is_string() { cx.rust_text(mode)? } else { String::new() };
    let mode = match text.as_str() {
        "shortest" => Mode::Shortest,
        "longest" => Mode::Longest,
        "strict" => Mode::Strict,
        _ if mode.is_undefined() => Mode::Shortest,
        _ => return Err(cx.type_error("mode must be 'shortest', 'longest' or 'strict'")),
    };
    let mut padding = Local::UNDEFINED;
    if mode == Mode::Longest {
        padding = cx.get(options, Name::padding.key())?;
        if !padding.is_undefined() && !padding.is_object() {
            return Err(cx.type_error("padding must be an object"));
        }
    }
    Ok((mode, padding))
}

/// 1. of both.
fn check_iterables<'s>(cx: &mut Cx<'s>, iterables: Local<'s>) -> Completion<()> {
    if iterables.is_object() {
        return Ok(());
    }
    let text = cx.display(iterables);
    Err(cx.type_error(&format!("{text} is not an object")))
}

/// IteratorZip (§27.1.3.2): the helper.
fn make_zip<'s>(cx: &mut Cx<'s>, list: Local<'s>, mode: Mode, padding: Local<'s>, keys: Local<'s>) -> Completion<Local<'s>> {
    let helper = make(cx, Kind::Zip, None)?;
    cx.set_field(helper, LIST, list);
    cx.set_field(helper, FUNCTION, Local::int(mode as i32));
    cx.set_field(helper, SECOND_LIST, padding);
    cx.set_field(helper, KEYS, keys);
    Ok(helper)
}

/// Iterator.zip ( iterables [ , options ] ), §27.1.3.2.
pub(super) fn zip<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 7.
    let iterables = cx.arg(args, 0);
    check_iterables(cx, iterables)?;
    let (mode, padding_option) = read_options(cx, cx.arg(args, 1))?;
    // 8. to 12.
    let list = cx.new_array(0)?;
    let input = cx.get_iterator(iterables)?;
    loop {
        let mut cx = cx.open();
        let next = cx.iterator_step_value(input);
        let Some(next) = or_close(&mut cx, list, next)? else { break };
        match get_iterator_flattenable(&mut cx, next, false) {
            Ok(record) => {
                cx.array_push(list, record.iterator)?;
                cx.array_push(list, record.next)?;
            }
            Err(thrown) => {
                let closed = close_list(&mut cx, list, Err(thrown));
                return match closed {
                    Err(thrown) => Err(cx.iterator_close_throw(input.iterator, thrown)),
                    Ok(()) => Ok(Local::UNDEFINED),
                };
            }
        }
    }
    // 13. and 14.
    let padding = cx.new_array(0)?;
    if mode == Mode::Longest {
        let count = cx.array_length(list) / 2;
        if padding_option.is_undefined() {
            for _ in 0..count {
                cx.array_push(padding, Local::UNDEFINED)?;
            }
        } else {
            let read = read_padding(cx, padding_option, count, padding);
            or_close(cx, list, read)?;
        }
    }
    // 15. and 16.
    make_zip(cx, list, mode, padding, Local::UNDEFINED)
}

/// 14.b of Iterator.zip.
fn read_padding<'s>(cx: &mut Cx<'s>, option: Local<'s>, count: u32, padding: Local<'s>) -> Completion<()> {
    let record = cx.get_iterator(option)?;
    let mut is_open = true;
    for _ in 0..count {
        let mut cx = cx.open();
        let next = if is_open { cx.iterator_step_value(record)? } else { None };
        is_open &= next.is_some();
        cx.array_push(padding, next.unwrap_or(Local::UNDEFINED))?;
    }
    if is_open { cx.iterator_close(record.iterator) } else { Ok(()) }
}

/// Iterator.zipKeyed ( iterables [ , options ] ), §27.1.3.2.
pub(super) fn zip_keyed<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 7.
    let iterables = cx.arg(args, 0);
    check_iterables(cx, iterables)?;
    let (mode, padding_option) = read_options(cx, cx.arg(args, 1))?;
    // 8. to 12.
    let list = cx.new_array(0)?;
    let (keys, padding) = (cx.new_array(0)?, cx.new_array(0)?);
    for key in cx.own_property_keys(iterables)? {
        let mut cx = cx.open();
        let value = enumerable_value(&mut cx, iterables, key);
        let Some(value) = or_close(&mut cx, list, value)? else { continue };
        let record = get_iterator_flattenable(&mut cx, value, false);
        let record = or_close(&mut cx, list, record)?;
        let key = match key {
            Key::Index(index) => Local::number(f64::from(index)),
            Key::Name(name) => name,
        };
        cx.array_push(keys, key)?;
        cx.array_push(list, record.iterator)?;
        cx.array_push(list, record.next)?;
    }
    // 13. and 14.
    if mode == Mode::Longest {
        for place in 0..cx.array_length(keys) {
            let mut cx = cx.open();
            let mut value = Local::UNDEFINED;
            if !padding_option.is_undefined() {
                let key = key_of(&mut cx, keys, place);
                let got = cx.get(padding_option, key);
                value = or_close(&mut cx, list, got)?;
            }
            cx.array_push(padding, value)?;
        }
    }
    // 15. and 16.
    make_zip(cx, list, mode, padding, keys)
}

/// The value of an own property that is enumerable, if it is not undefined.
fn enumerable_value<'s>(cx: &mut Cx<'s>, object: Local<'s>, key: Key<'s>) -> Completion<Option<Local<'s>>> {
    match cx.get_own_property(object, key)? {
        Some(descriptor) if descriptor.enumerable == Some(true) => {
            let value = cx.get(object, key)?;
            Ok((!value.is_undefined()).then_some(value))
        }
        _ => Ok(None),
    }
}

fn key_of<'s>(cx: &mut Cx<'s>, keys: Local<'_>, place: u32) -> Key<'s> {
    let key = nth(cx, keys, place);
    key.as_number().map_or(Key::Name(key), |index| Key::Index(index as u32))
}

/// 3.b of IteratorZip: one round.
pub(super) fn step_zip<'s>(cx: &mut Cx<'s>, helper: Local<'s>) -> Completion<Option<Local<'s>>> {
    let (list, padding) = (cx.field(helper, LIST), cx.field(helper, SECOND_LIST));
    let mode = MODES[cx.field_value(helper, FUNCTION).as_int().unwrap_or(0).clamp(0, 2) as usize];
    let count = cx.array_length(list) / 2;
    if count == 0 {
        return Ok(None);
    }
    let results = cx.new_array(0)?;
    for place in 0..count {
        let mut cx = cx.open();
        let iterator = nth(&mut cx, list, 2 * place);
        let record = IteratorRecord { iterator, next: nth(&mut cx, list, 2 * place + 1) };
        // i. to iii.
        let result = if iterator.is_object() {
            match cx.iterator_step_value(record) {
                Err(thrown) => {
                    set_closed(&mut cx, list, place);
                    return close_list(&mut cx, list, Err(thrown)).map(|()| None);
                }
                Ok(result) => result,
            }
        } else {
            Some(nth(&mut cx, padding, place))
        };
        let result = match result {
            Some(result) => result,
            None => {
                set_closed(&mut cx, list, place);
                match mode {
                    Mode::Shortest => return close_list(&mut cx, list, Ok(())).map(|()| None),
                    Mode::Strict => return end_strictly(&mut cx, list, place, count).map(|()| None),
                    Mode::Longest if !(0..count).any(|place| nth(&mut cx, list, 2 * place).is_object()) => return Ok(None),
                    Mode::Longest => nth(&mut cx, padding, place),
                }
            }
        };
        // iv.
        cx.array_push(results, result)?;
    }
    // v. finishResults
    let keys = cx.field(helper, KEYS);
    if keys.is_undefined() {
        return Ok(Some(results));
    }
    let object = cx.new_object_with(Local::NULL)?;
    for place in 0..count {
        let mut cx = cx.open();
        let key = key_of(&mut cx, keys, place);
        let value = nth(&mut cx, results, place);
        cx.create_data_property_or_throw(object, key, value)?;
    }
    Ok(Some(object))
}

fn set_closed(cx: &mut Cx<'_>, list: Local<'_>, place: u32) {
    let list = cx.reference(list);
    cx.write_element(list, 2 * place, Value::NULL);
}

/// The end of the iterator at `place` in strict mode: all must end in the same round.
fn end_strictly<'s>(cx: &mut Cx<'s>, list: Local<'s>, place: u32, count: u32) -> Completion<()> {
    const MESSAGE: &str = "Iterators passed to Iterator.zip with { mode: \"strict\" } have different lengths";
    if place != 0 {
        let thrown = cx.type_error(MESSAGE);
        return close_list(cx, list, Err(thrown));
    }
    for place in 1..count {
        let mut cx = cx.open();
        let (iterator, next) = (nth(&mut cx, list, 2 * place), nth(&mut cx, list, 2 * place + 1));
        match cx.iterator_step(IteratorRecord { iterator, next }) {
            Err(thrown) => {
                set_closed(&mut cx, list, place);
                return close_list(&mut cx, list, Err(thrown));
            }
            Ok(None) => set_closed(&mut cx, list, place),
            Ok(Some(_)) => {
                let thrown = cx.type_error(MESSAGE);
                return close_list(&mut cx, list, Err(thrown));
            }
        }
    }
    Ok(())
}
