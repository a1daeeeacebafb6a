//! Tests of the optimizing tier that need no runtime: what compiles, into which form, and that it is always the same.

mod forms;
mod harness;
mod hints;
mod limits;
mod suite;
