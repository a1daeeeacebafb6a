//! The names of generated code for `perf`: a file with a line for each function, which `perf report` looks for as `/tmp/perf-PID.map`.
//!
//! `perf` asks it about addresses in anonymous mappings only, and does not know when a line was written: code must lie in such memory,
//! and no address may be used twice. Both is so with [`ExecStrategy::Protect`](crate::platform::exec::ExecStrategy).

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::base::sync::Mutex;

/// A file of names.
#[derive(Debug)]
pub struct PerfMap {
    file: Mutex<File>,
    path: PathBuf,
}

impl PerfMap {
    /// The file in which `perf` looks for the names of this process's code; empty.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn of_this_process() -> io::Result<PerfMap> {
        PerfMap::create(format!("/tmp/perf-{}.map", std::process::id()))
    }

    /// A file of some other name; empty.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn create(path: impl AsRef<Path>) -> io::Result<PerfMap> {
        let path = path.as_ref().to_owned();
        Ok(PerfMap { file: Mutex::new(File::create(&path)?), path })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds lines for code at these addresses, with one call of the system. A disk that is full costs names and nothing else.
    pub(crate) fn add(&self, functions: impl Iterator<Item = (Range<usize>, String)>) {
        let lines: String = functions.map(|(addresses, name)| line(&addresses, &name)).collect();
        if let Err(error) = self.file.lock().write_all(lines.as_bytes()) {
            tracing::debug!(%error, "functions stay without names");
        }
    }
}

/// A guest's name may hold anything, and a line ends it.
fn line(addresses: &Range<usize>, name: &str) -> String {
    let name: String = name.chars().map(|char| if char.is_control() { '?' } else { char }).collect();
    format!("{:x} {:x} {name}\n", addresses.start, addresses.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_hexadecimal_and_one_each() {
        assert_eq!(line(&(0x1000..0x10ff), "a b\nc"), "1000 ff a b?c\n");
    }
}
