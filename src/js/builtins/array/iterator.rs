//! Array iterators (§23.1.5): of arrays, of what is like one, and of typed arrays.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::operations::PropertyPart;

/// Internal slots: [[IteratedArrayLike]] (undefined at the end), the next index, the kind.
pub(in crate::js) const ITERATED: u32 = 0;
pub(in crate::js) const NEXT_INDEX: u32 = 1;
pub(in crate::js) const KIND: u32 = 2;

/// What an array iterator gives.
pub(in crate::js) const KEYS: i32 = 0;
pub(in crate::js) const VALUES: i32 = 1;
pub(in crate::js) const ENTRIES: i32 = 2;

impl<'s> Cx<'s> {
    /// CreateArrayIterator (§23.1.5.1).
    pub(in crate::js) fn create_array_iterator(&mut self, array: Local<'s>, part: PropertyPart) -> Completion<Local<'s>> {
        let iterator = self.make_of(Class::ArrayIterator, Intrinsic::ArrayIteratorPrototype)?;
        let kind = match part {
            PropertyPart::Key => KEYS,
            PropertyPart::Value => VALUES,
            PropertyPart::Both => ENTRIES,
        };
        self.set_field(iterator, ITERATED, array);
        self.set_field(iterator, NEXT_INDEX, Local::ZERO);
        self.set_field(iterator, KIND, Local::int(kind));
        Ok(iterator)
    }
}

impl Cx<'_> {
    /// Whether `next` of the realm's array iterators is the original one.
    pub(in crate::js) fn is_array_iteration_plain(&mut self) -> bool {
        let mut cx = self.open();
        let prototype = cx.intrinsic(Intrinsic::ArrayIteratorPrototype);
        let found = cx.ordinary_get_own(prototype, Name::next.key()).and_then(|descriptor| descriptor.value);
        let Some(found) = found.filter(|found| cx.is(*found, Class::Native)) else { return false };
        let id = cx.field_value(found, crate::js::function::NATIVE_ID).as_int().unwrap_or(-1);
        let native = usize::try_from(id).ok().and_then(|id| cx.agent.natives.get(id));
        native.is_some_and(|native| std::ptr::fn_addr_eq(*native, next as crate::js::cx::Native))
    }
}

/// %ArrayIteratorPrototype%.next (§23.1.5.2.1).
pub(super) fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::ArrayIterator) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("next method called on incompatible receiver {text}")));
    }
    let array = cx.field(this, ITERATED);
    if array.is_undefined() {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    let index = cx.field_value(this, NEXT_INDEX).as_number().unwrap_or(0.0);
    let length =
        if cx.is(array, Class::TypedArray) { typed_array_length(cx, array)? } else { cx.length_of_array_like(array)? as f64 };
    if index >= length {
        cx.set_field(this, ITERATED, Local::UNDEFINED);
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    cx.set_field(this, NEXT_INDEX, Local::number(index + 1.0));
    let kind = cx.field_value(this, KIND).as_int();
    if kind == Some(KEYS) {
        return cx.iterator_result(Local::number(index), false);
    }
    let value = cx.get_at(array, index as u64)?;
    if kind == Some(VALUES) {
        return cx.iterator_result(value, false);
    }
    let pair = cx.array_from(&[Local::number(index), value])?;
    cx.iterator_result(pair, false)
}

/// TypedArrayLength, after the check that the array is not out of bounds.
fn typed_array_length<'s>(cx: &mut Cx<'s>, array: Local<'s>) -> Completion<f64> {
    match cx.typed_array_length(array) {
        Some(length) => Ok(length as f64),
        None => Err(cx.type_error("Cannot perform %ArrayIteratorPrototype%.next on a detached ArrayBuffer")),
    }
}
