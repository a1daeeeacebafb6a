//! The compile service, with compilers that only pretend. `tests/BEHAVIOUR.md` says which test covers which statement.

mod behaviour;
mod budget;
mod determinism;
mod engine;
mod errors;
mod fake;
mod lifecycle;
mod stop;
mod validation;
mod worker;
