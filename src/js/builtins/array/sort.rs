//! sort and toSorted (§23.1.3.30, §23.1.3.34): a merge sort, which is stable and comes to an end with any comparator.
//!
//! What is sorted are numbers of places in a list, so a comparator that collects garbage moves nothing that the sort holds.
#![forbid(unsafe_code)]

use crate::js::builtins::array::copy::array_for;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};

/// Runs of this length are sorted by insertion.
const RUN: usize = 8;

/// Sorts places. `is_greater` says whether the left one belongs behind the right one.
pub(in crate::js) fn merge_sort(order: &mut [u32], is_greater: &mut dyn FnMut(u32, u32) -> Completion<bool>) -> Completion<()> {
    for run in order.chunks_mut(RUN) {
        for end in 1..run.len() {
            let mut at = end;
            while at > 0 && is_greater(run[at - 1], run[at])? {
                run.swap(at - 1, at);
                at -= 1;
            }
        }
    }
    let mut width = RUN;
    let mut left = Vec::new();
    while width < order.len() {
        for part in order.chunks_mut(2 * width) {
            // What is in order already needs no merging.
            if part.len() <= width || !is_greater(part[width - 1], part[width])? {
                continue;
            }
            left.clear();
            left.extend_from_slice(&part[..width]);
            let (mut from_left, mut from_right, mut to) = (0, width, 0);
            while from_left < left.len() {
                let takes_right = from_right < part.len() && is_greater(left[from_left], part[from_right])?;
                if takes_right {
                    part[to] = part[from_right];
                    from_right += 1;
                } else {
                    part[to] = left[from_left];
                    from_left += 1;
                }
                to += 1;
            }
        }
        width *= 2;
    }
    Ok(())
}

/// Checks a comparator.
pub(in crate::js) fn check_comparator<'s>(cx: &mut Cx<'s>, comparator: Local<'s>) -> Completion<()> {
    if comparator.is_undefined() || cx.is_callable(comparator) {
        return Ok(());
    }
    let text = cx.display(comparator);
    Err(cx.type_error(&format!("The comparison function must be either a function or undefined [{text}]")))
}

/// Asks a comparator whether the left value belongs behind the right one.
pub(in crate::js) fn compare_with<'s>(
    cx: &mut Cx<'s>,
    comparator: Local<'s>,
    left: Local<'s>,
    right: Local<'s>,
) -> Completion<bool> {
    let order = cx.call(comparator, Local::UNDEFINED, &[left, right])?;
    Ok(cx.to_number(order)? > 0.0)
}

/// The values of an object that are to be sorted, in an array of the engine's own, and how many others are undefined.
fn collect<'s>(cx: &mut Cx<'s>, object: Local<'s>, length: u64, skips_holes: bool) -> Completion<(Local<'s>, u64)> {
    let list = cx.new_array(0)?;
    let mut undefined = 0;
    for index in 0..length {
        let mut cx = cx.open();
        let value = if skips_holes { cx.get_present(object, index)? } else { Some(cx.get_at(object, index)?) };
        match value {
            Some(value) if value.is_undefined() => undefined += 1,
            Some(value) => cx.array_push(list, value)?,
            None => {}
        }
    }
    Ok((list, undefined))
}

fn element<'s>(cx: &mut Cx<'s>, list: Local<'_>, place: u32) -> Local<'s> {
    let value = cx.dense_at(list, u64::from(place)).unwrap_or(crate::js::value::Value::UNDEFINED);
    cx.local(value)
}

/// SortIndexedProperties (§23.1.3.30.1) with CompareArrayElements (§23.1.3.30.2): the order of a list's places.
fn sorted_order<'s>(cx: &mut Cx<'s>, list: Local<'s>, comparator: Local<'s>) -> Completion<Vec<u32>> {
    let count = cx.array_length(list);
    let mut order: Vec<u32> = (0..count).collect();
    if count < 2 {
        return Ok(order);
    }
    if !comparator.is_undefined() {
        merge_sort(&mut order, &mut |left, right| {
            let mut cx = cx.open();
            let (left, right) = (element(&mut cx, list, left), element(&mut cx, list, right));
            compare_with(&mut cx, comparator, left, right)
        })?;
        return Ok(order);
    }
    // Strings of primitive values can be had once.
    let is_primitive = (0..count).all(|place| !element(&mut cx.open(), list, place).is_object());
    let strings = if is_primitive { strings_of(cx, list, count)? } else { list };
    merge_sort(&mut order, &mut |left, right| {
        let mut cx = cx.open();
        let (left, right) = (element(&mut cx, strings, left), element(&mut cx, strings, right));
        let left = cx.to_string(left)?;
        let right = cx.to_string(right)?;
        cx.flatten(left)?;
        cx.flatten(right)?;
        Ok(cx.text(left).compare(cx.text(right)).is_gt())
    })?;
    Ok(order)
}

fn strings_of<'s>(cx: &mut Cx<'s>, list: Local<'s>, count: u32) -> Completion<Local<'s>> {
    let strings = cx.new_array(0)?;
    for place in 0..count {
        let mut cx = cx.open();
        let value = element(&mut cx, list, place);
        let string = cx.to_string(value)?;
        cx.flatten(string)?;
        cx.array_push(strings, string)?;
    }
    Ok(strings)
}

/// Array.prototype.sort (§23.1.3.30).
pub(super) fn sort<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    let comparator = cx.arg(args, 0);
    check_comparator(cx, comparator)?;
    // 2. and 3.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    // 4. to 6.
    let (list, undefined) = collect(cx, object, length, true)?;
    let order = sorted_order(cx, list, comparator)?;
    // 7. and 8.
    for (index, &place) in order.iter().enumerate() {
        let mut cx = cx.open();
        let value = element(&mut cx, list, place);
        cx.set_at(object, index as u64, value)?;
    }
    let values = order.len() as u64 + undefined;
    for index in order.len() as u64..values {
        let mut cx = cx.open();
        cx.set_at(object, index, Local::UNDEFINED)?;
    }
    // 9. and 10. As many places as there were holes are holes again.
    for index in values..length {
        let mut cx = cx.open();
        cx.delete_at(object, index)?;
    }
    // 11.
    Ok(object)
}

/// Array.prototype.toSorted (§23.1.3.34).
pub(super) fn to_sorted<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    let comparator = cx.arg(args, 0);
    check_comparator(cx, comparator)?;
    // 2. to 4.
    let object = cx.to_object(this)?;
    let length = cx.length_of_array_like(object)?;
    let result = array_for(cx, length)?;
    // 5. and 6.
    let (list, undefined) = collect(cx, object, length, false)?;
    let order = sorted_order(cx, list, comparator)?;
    // 7. and 8.
    for place in order {
        let mut cx = cx.open();
        let value = element(&mut cx, list, place);
        cx.array_push(result, value)?;
    }
    for _ in 0..undefined {
        cx.array_push(result, Local::UNDEFINED)?;
    }
    // 9.
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::merge_sort;

    #[test]
    fn the_sort_is_stable_and_survives_any_comparator() {
        for count in [0u32, 1, 7, 8, 9, 31, 100, 1000] {
            let keys: Vec<u32> = (0..count).map(|nth| nth.wrapping_mul(2_654_435_761) >> 28).collect();
            let mut order: Vec<u32> = (0..count).collect();
            merge_sort(&mut order, &mut |left, right| Ok(keys[left as usize] > keys[right as usize])).expect("no throw");
            assert!(order.windows(2).all(|pair| (keys[pair[0] as usize], pair[0]) < (keys[pair[1] as usize], pair[1])));
            let mut state = 1u32;
            merge_sort(&mut order, &mut |_, _| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Ok(state & 1 << 30 != 0)
            })
            .expect("no throw");
            order.sort_unstable();
            assert!(order.into_iter().eq(0..count), "nothing is lost");
        }
    }
}
