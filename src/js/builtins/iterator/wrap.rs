//! Iterator.from (§27.1.3.2.2) and %WrapForValidIteratorPrototype% (§27.1.3.2.2.1).
#![forbid(unsafe_code)]

use crate::js::builtins::iterator::get_iterator_flattenable;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Internal slots: [[Iterated]].
const ITERATOR: u32 = 0;
const NEXT: u32 = 1;

/// Iterator.from (§27.1.3.2.2).
pub(super) fn from<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    let record = get_iterator_flattenable(cx, cx.arg(args, 0), true)?;
    // 2. and 3.
    let constructor = cx.intrinsic(Intrinsic::Iterator);
    if cx.ordinary_has_instance(constructor, record.iterator)? {
        return Ok(record.iterator);
    }
    // 4. to 6.
    let wrapper = cx.make_of(Class::WrapForValidIterator, Intrinsic::WrapForValidIteratorPrototype)?;
    cx.set_field(wrapper, ITERATOR, record.iterator);
    cx.set_field(wrapper, NEXT, record.next);
    Ok(wrapper)
}

fn check<'s>(cx: &mut Cx<'s>, this: Local<'s>) -> Completion<()> {
    if cx.is(this, Class::WrapForValidIterator) {
        return Ok(());
    }
    let text = cx.display(this);
    Err(cx.type_error(&format!("{text} is not a wrapped iterator")))
}

/// %WrapForValidIteratorPrototype%.next (§27.1.3.2.2.1.1).
pub(super) fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check(cx, this)?;
    // 3. and 4.
    let (iterator, next) = (cx.field(this, ITERATOR), cx.field(this, NEXT));
    cx.call(next, iterator, &[])
}

/// %WrapForValidIteratorPrototype%.return (§27.1.3.2.2.1.2).
pub(super) fn r#return<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check(cx, this)?;
    // 3. to 5.
    let iterator = cx.field(this, ITERATOR);
    let method = cx.get_method(iterator, Name::r#return.key())?;
    // 6.
    if method.is_undefined() {
        return cx.iterator_result(Local::UNDEFINED, true);
    }
    // 7.
    cx.call(method, iterator, &[])
}
