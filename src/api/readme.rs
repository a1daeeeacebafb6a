//! The examples of `README.md`, as documentation tests.
#![doc = include_str!("../../README.md")]
