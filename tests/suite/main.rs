//! The integration tests, in one binary: linking is what takes long here.

mod compile;
