//! The global function `eval` (§19.2.1).
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes %eval%.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let function = cx.new_native(eval, Name::eval.key(), 1, false)?;
    cx.set_intrinsic(Intrinsic::Eval, function);
    cx.install_global(Name::eval, function)
}

/// eval (§19.2.1.1). Direct evals do not come here.
fn eval<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. Return ? PerformEval(x, false, false).
    let argument = cx.arg(args, 0);
    cx.indirect_eval(argument)
}
