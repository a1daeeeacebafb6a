//! The names of generated code for `perf`: a file with a line for each function, which `perf report` looks for as `/tmp/perf-PID.map`.
//!
//! `perf` asks it about addresses in anonymous mappings only, and does not know when a line was written: code must lie in such memory,
//! and no address may be used twice. Both is so with [`ExecStrategy::Protect`](crate::platform::exec::ExecStrategy).

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::sync::Mutex;
use crate::platform::profile::{CodeSink, NamedCode, at, printable};

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
    /// It cannot be made; the text says where.
    pub fn of_this_process() -> io::Result<PerfMap> {
        PerfMap::create(format!("/tmp/perf-{}.map", std::process::id()))
    }

    /// A file of some other name; empty.
    ///
    /// # Errors
    ///
    /// It cannot be made; the text says where.
    pub fn create(path: impl AsRef<Path>) -> io::Result<PerfMap> {
        let path = path.as_ref().to_owned();
        Ok(PerfMap { file: Mutex::new(File::create(&path).map_err(at(&path))?), path })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl CodeSink for PerfMap {
    /// Adds lines, with one call of the system.
    fn add(&self, _: Duration, code: &[NamedCode]) {
        let lines: String = code.iter().map(line).collect();
        if let Err(error) = self.file.lock().write_all(lines.as_bytes()) {
            tracing::debug!(%error, "functions stay without names");
        }
    }

    fn wants_bytes(&self) -> bool {
        false
    }

    fn wants_new_addresses(&self) -> bool {
        true
    }
}

/// A guest's name may hold anything, and a line ends it.
fn line(code: &NamedCode) -> String {
    format!("{:x} {:x} {}\n", code.addresses.start, code.addresses.len(), printable(&code.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_hexadecimal_and_one_each() {
        let code = NamedCode { addresses: 0x1000..0x10ff, name: "a b\nc".into(), bytes: Vec::new() };
        assert_eq!(line(&code), "1000 ff a b?c\n");
    }
}
