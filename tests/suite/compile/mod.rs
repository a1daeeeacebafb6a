//! The compile service, with compilers that only pretend. `tests/BEHAVIOUR.md` says which test covers which statement.

mod fake;
mod lifecycle;
