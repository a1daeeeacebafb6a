//! chunks and windows of iterators: the proposal on iterator chunking, for §27.1.4.
#![forbid(unsafe_code)]

use crate::js::builtins::iterator::helpers::{FUNCTION, INNER, Kind, LIST, make};
use crate::js::builtins::iterator::{check_receiver, close_with};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::iteration::IteratorRecord;

/// 3. to 6.: a size from 1 to 2³² − 1.
fn check_size<'s>(cx: &mut Cx<'s>, this: Local<'s>, size: Local<'s>) -> Completion<f64> {
    let thrown = match size.as_number() {
        Some(number) if number.fract() == 0.0 => {
            if (1.0..=f64::from(u32::MAX)).contains(&number) {
                return Ok(number);
            }
            cx.range_error("The size must be from 1 to 2 ** 32 - 1")
        }
        _ => cx.type_error("The size must be an integer"),
    };
    close_with(cx, this, thrown)
}

/// Iterator.prototype.chunks ( chunkSize ), §27.1.4.
pub(super) fn chunks<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 6.
    check_receiver(cx, this, "chunks")?;
    let size = check_size(cx, this, cx.arg(args, 0))?;
    // 7. to 10.
    let record = cx.get_iterator_direct(this)?;
    let helper = make(cx, Kind::Chunks, Some(record))?;
    cx.set_field(helper, FUNCTION, Local::number(size));
    Ok(helper)
}

/// Iterator.prototype.windows ( windowSize [ , undersized ] ), §27.1.4.
pub(super) fn windows<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 6.
    check_receiver(cx, this, "windows")?;
    let size = check_size(cx, this, cx.arg(args, 0))?;
    // 7. and 8.
    let undersized = cx.arg(args, 1);
    let text = if undersized.is_string() { cx.rust_text(undersized)? } else { String::new() };
    let allows_partial = match text.as_str() {
        "allow-partial" => true,
        "only-full" => false,
        _ if undersized.is_undefined() => false,
        _ => {
            let thrown = cx.type_error("undersized must be 'only-full' or 'allow-partial'");
            return close_with(cx, this, thrown);
        }
    };
    // 9. to 12.
    let record = cx.get_iterator_direct(this)?;
    let helper = make(cx, Kind::Windows, Some(record))?;
    cx.set_field(helper, FUNCTION, Local::number(size));
    cx.set_field(helper, INNER, Local::bool(allows_partial));
    Ok(helper)
}

/// The next chunk: an array of as many values, or of the last ones.
pub(super) fn step_chunks<'s>(cx: &mut Cx<'s>, helper: Local<'s>, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
    let size = cx.field_value(helper, FUNCTION).as_number().unwrap_or(1.0);
    let chunk = cx.new_array(0)?;
    while f64::from(cx.array_length(chunk)) < size {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        cx.array_push(chunk, value)?;
    }
    // The iterator is asked once more after an incomplete chunk only if the next one is wanted: then it is at its end already.
    if f64::from(cx.array_length(chunk)) < size {
        cx.set_field(helper, FUNCTION, Local::ZERO);
    }
    Ok((cx.array_length(chunk) != 0).then_some(chunk))
}

/// The next window: the one before without its first value, and one more.
pub(super) fn step_windows<'s>(cx: &mut Cx<'s>, helper: Local<'s>, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
    let size = cx.field_value(helper, FUNCTION).as_number().unwrap_or(1.0);
    let before = cx.field(helper, LIST);
    let is_first = before.is_undefined();
    if size == 0.0 {
        return Ok(None);
    }
    let window = cx.new_array(0)?;
    if !is_first {
        copy_from(cx, before, 1, window)?;
    }
    while f64::from(cx.array_length(window)) < size {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        cx.array_push(window, value)?;
    }
    let count = f64::from(cx.array_length(window));
    if count >= size {
        // Scripts get a copy: the buffer is the engine's own.
        cx.set_field(helper, LIST, window);
        let copy = cx.new_array(0)?;
        copy_from(cx, window, 0, copy)?;
        return Ok(Some(copy));
    }
    // The end. Values too few for a window are given if there was none before, and if that was asked for.
    cx.set_field(helper, FUNCTION, Local::ZERO);
    let allows_partial = cx.field(helper, INNER).as_bool() == Some(true);
    Ok((allows_partial && is_first && count > 0.0).then_some(window))
}

fn copy_from<'s>(cx: &mut Cx<'s>, from: Local<'s>, start: u64, to: Local<'s>) -> Completion<()> {
    for place in start..u64::from(cx.array_length(from)) {
        let mut cx = cx.open();
        if let Some(value) = cx.dense_at(from, place) {
            let value = cx.local(value);
            cx.array_push(to, value)?;
        }
    }
    Ok(())
}
