//! %GeneratorPrototype% (§27.5.1).
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::interp::ResumeMode;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Fills it.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let prototype = cx.intrinsic(Intrinsic::GeneratorPrototype);
    cx.install_methods(prototype, &[(Name::next, 1, next), (Name::r#return, 1, r#return), (Name::throw, 1, throw)])?;
    let next = cx.get(prototype, Name::next.key())?;
    cx.set_intrinsic(Intrinsic::GeneratorPrototypeNext, next);
    cx.install_tag(prototype, "Generator")
}

/// %GeneratorPrototype%.next (§27.5.1.2).
fn next<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.generator_resume(this, value, ResumeMode::Next)
}

/// %GeneratorPrototype%.return (§27.5.1.3).
fn r#return<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.generator_resume(this, value, ResumeMode::Return)
}

/// %GeneratorPrototype%.throw (§27.5.1.4).
fn throw<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    cx.generator_resume(this, value, ResumeMode::Throw)
}
