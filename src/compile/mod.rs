//! TEMPORARY stand-in.
pub mod config;
pub mod engine;
pub mod module;
