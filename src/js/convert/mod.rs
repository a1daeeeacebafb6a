//! Type conversion (§7.1) and comparison (§7.2).
#![forbid(unsafe_code)]

pub mod bigint;
pub mod compare;
pub mod number;
pub mod primitive;
