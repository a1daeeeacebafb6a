//! Objects: shapes, storage, the internal methods (§10), and the abstract operations on them (§7.3).
//!
//! | file | what |
//! |---|---|
//! | `shape` | which named properties there are |
//! | `storage` | making objects; reading and writing named properties where they lie |
//! | `elements` | properties whose keys are array indices |
//! | `descriptor` | property descriptors (§6.2.6) |
//! | `methods` | the internal methods of ordinary and exotic objects |
//! | `array` | what is special about arrays |
//! | `element`, `typed_array` | elements of typed arrays |
//! | `operations` | §7.3 |
//! | `iteration` | §7.4 |
#![forbid(unsafe_code)]

pub mod arguments;
pub mod array;
pub mod descriptor;
pub mod element;
pub mod elements;
pub mod iteration;
pub mod methods;
pub mod operations;
mod proxy;
pub mod shape;
pub mod storage;
pub mod typed_array;

#[cfg(test)]
mod tests;

pub use descriptor::PropertyDescriptor;
pub use shape::Attributes;
