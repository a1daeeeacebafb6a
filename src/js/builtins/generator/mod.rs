//! Generator functions, generators, and their asynchronous counterparts (§27.3 to §27.7).
#![forbid(unsafe_code)]

mod asynchronous;
mod functions;
mod sync;

use crate::js::cx::{Completion, Cx};

/// Makes all of them.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    asynchronous::install_iterator(cx)?;
    functions::install(cx)?;
    sync::install(cx)?;
    asynchronous::install(cx)
}
