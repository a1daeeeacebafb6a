//! Iterators over matches (§22.2.9).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::value::Value;

/// Internal slots.
const REGEXP: u32 = 0;
const STRING: u32 = 1;
const IS_GLOBAL: u32 = 2;
const IS_UNICODE: u32 = 3;
const IS_DONE: u32 = 4;

/// Makes %RegExpStringIteratorPrototype%.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let above = cx.intrinsic(Intrinsic::IteratorPrototype);
    let prototype = cx.new_object_with(above)?;
    cx.set_intrinsic(Intrinsic::RegExpStringIteratorPrototype, prototype);
    cx.install_method(prototype, Name::next, 0, next)?;
    cx.install_tag(prototype, "RegExp String Iterator")
}

/// CreateRegExpStringIterator (§22.2.9.1).
pub(super) fn create<'s>(
    cx: &mut Cx<'s>,
    regexp: Local<'s>,
    string: Local<'s>,
    global: bool,
    unicode: bool,
) -> Completion<Local<'s>> {
    let iterator = cx.make_of(Class::RegExpStringIterator, Intrinsic::RegExpStringIteratorPrototype)?;
    cx.set_field(iterator, REGEXP, regexp);
    cx.set_field(iterator, STRING, string);
    cx.set_field_value(iterator, IS_GLOBAL, Value::bool(global));
    cx.set_field_value(iterator, IS_UNICODE, Value::bool(unicode));
    Ok(iterator)
}

/// %RegExpStringIteratorPrototype%.next ( ) (§22.2.9.2.1).
fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::RegExpStringIterator) {
        let text = cx.display(this);
        return Err(
            cx.type_error(&format!("Method RegExp String Iterator.prototype.next called on incompatible receiver {text}"))
        );
    }
    if cx.field_value(this, IS_DONE) == Value::TRUE {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    let (regexp, string) = (cx.field(this, REGEXP), cx.field(this, STRING));
    let global = cx.field_value(this, IS_GLOBAL) == Value::TRUE;
    let result = match cx.regexp_exec(regexp, string) {
        Ok(result) => result,
        Err(thrown) => {
            cx.set_field_value(this, IS_DONE, Value::TRUE);
            return Err(thrown);
        }
    };
    if result.is_null() || !global {
        cx.set_field_value(this, IS_DONE, Value::TRUE);
    }
    if result.is_null() {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    if global {
        let matched = cx.matched_string(result)?;
        if cx.string_length(matched) == 0 {
            let unicode = cx.field_value(this, IS_UNICODE) == Value::TRUE;
            cx.step_over_empty(regexp, string, unicode)?;
        }
    }
    cx.iterator_result(result, false)
}
