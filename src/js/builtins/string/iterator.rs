//! String iterators (§22.1.5).
#![forbid(unsafe_code)]

use super::this_string;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::value::Value;

/// Internal slots: the string, `undefined` at the end; the place.
const STRING: u32 = 0;
const PLACE: u32 = 1;

/// Makes %StringIteratorPrototype%, and the method that makes iterators.
pub(super) fn install<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    cx.install_method(prototype, Name::sym_iterator, 0, iterator)?;
    let above = cx.intrinsic(Intrinsic::IteratorPrototype);
    let own = cx.new_object_with(above)?;
    cx.set_intrinsic(Intrinsic::StringIteratorPrototype, own);
    cx.install_method(own, Name::next, 0, next)?;
    cx.install_tag(own, "String Iterator")
}

/// String.prototype \[ %Symbol.iterator% \] ( ) (§22.1.3.36).
fn iterator<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "[Symbol.iterator]")?;
    let iterator = cx.make_of(Class::StringIterator, Intrinsic::StringIteratorPrototype)?;
    cx.set_field(iterator, STRING, string);
    cx.set_field_value(iterator, PLACE, Value::ZERO);
    Ok(iterator)
}

/// %StringIteratorPrototype%.next ( ) (§22.1.5.1.1).
fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::StringIterator) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("Method String Iterator.prototype.next called on incompatible receiver {text}")));
    }
    let string = cx.field(this, STRING);
    let place = cx.field_value(this, PLACE).as_number().unwrap_or(0.0) as usize;
    if !string.is_string() || place >= cx.string_length(string) {
        cx.set_field_value(this, STRING, Value::UNDEFINED);
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    cx.flatten(string)?;
    let (_, length) = cx.text(string).code_point(place);
    cx.set_field_value(this, PLACE, Value::number((place + length) as f64));
    let value = cx.substring(string, place, place + length)?;
    cx.iterator_result(value, false)
}
