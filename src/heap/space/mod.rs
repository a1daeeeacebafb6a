//! Where objects are: the nursery at the top of the cage, and the old generation in blocks below it.

pub mod classes;
pub mod nursery;
pub mod old;
