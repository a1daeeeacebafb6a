//! Who is told of code as it is published, so that a profiler knows it: one interface, and a file for each format behind it.
//!
//! `perf` has two: a [list of names](crate::platform::perf_map), and a [dump of code](crate::platform::jitdump).

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// Code that is there to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCode {
    /// Where it is.
    pub addresses: Range<usize>,
    /// Module, function and tier, for people. A guest's name may hold anything.
    pub name: String,
    /// Its bytes; empty unless somebody [wants them](CodeSink::wants_bytes).
    pub bytes: Vec<u8>,
}

/// Who is told of published code. A disk that is full costs what is told and nothing else: there are no errors.
pub trait CodeSink: Send + Sync + fmt::Debug {
    /// Code that was published, by any thread, and the [time](crate::platform::clock::monotonic) since when it may run.
    fn add(&self, since: Duration, code: &[NamedCode]);

    /// Whether it is told the bytes of code.
    fn wants_bytes(&self) -> bool;

    /// Whether code must be in memory of no file, and no address be used twice.
    fn wants_new_addresses(&self) -> bool;
}

/// A name on one line, without what ends a string in C.
pub(super) fn printable(name: &str) -> String {
    name.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// An error that says of which file it is.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
