//! Matches with the answers beside them, and the same answers from another engine.
#![forbid(unsafe_code)]
