//! Models of the protocols: every interleaving (up to a bound on preemptions) of small programs over the real code.
//!
//! `cargo test --no-default-features --features loom --test loom`. A model is about orders, so it is as small as can show one: two or three threads, a unit
//! or two each.

mod cursor;
mod gate;
mod lazy;
mod progress;
mod state;
mod token;
mod waiters;

/// Checks a model. Four preemptions find what there is to find in protocols of this size, in seconds.
fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(check);
}
