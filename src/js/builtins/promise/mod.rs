//! Promise (§27.2).
//!
//! | file | what |
//! |---|---|
//! | `operations` | states, reactions, resolving functions, jobs |
//! | `constructor` | the constructor, `resolve`, `reject`, `try`, `withResolvers`; the prototype |
//! | `combinators` | `all`, `allSettled`, `any`, `race` |
#![forbid(unsafe_code)]

mod combinators;
mod constructor;
mod operations;

pub use operations::{PromiseCapability, PromiseState};

pub(in crate::js) use constructor::install;
