//! A dump of generated code for `perf`: names and instructions, with the times from which they hold.
//!
//! *Problem.* A [list of names](crate::platform::perf_map) has no instructions to annotate, and what had an address at the time of a sample
//! cannot be told if several functions had it in turn. *Idea.* perf's format jitdump: a record for each function. `perf inject --jit` makes
//! files of a recording and a dump that are to perf like libraries:
//!
//! ```text
//! perf record -k mono deltic run --jitdump program.wasm
//! perf inject --jit -i perf.data -o perf.jit.data
//! perf annotate -i perf.jit.data
//! ```
//!
//! How a recording knows of the dump: by its name, `jit-PID.dump`, in the event of an executable mapping. So a page of the file is mapped,
//! and never used.
//!
//! **Invariants:** times are of the monotonic clock, that of `-k mono`. A record is written with one call of the system, and begins with
//! its length: a dump of a process that was killed can be read.

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::base::sync::Mutex;
use crate::platform::clock;
use crate::platform::memory::page_bytes;
use crate::platform::profile::{CodeSink, NamedCode, at, printable};

/// "JiTD" as a number; in other byte order it tells that all numbers are.
const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
const HEADER_BYTES: u32 = 40;
/// ELF's number of x86-64.
const MACHINE: u32 = 62;
/// Kinds of records.
const LOAD: u32 = 0;
const CLOSE: u32 = 3;
/// Bytes of what all records begin with, and of what follows in one of code before name and instructions.
const RECORD_BYTES: usize = 16;
const LOAD_BYTES: usize = 40;

/// A file of code.
#[derive(Debug)]
pub struct JitDump {
    file: Mutex<Records>,
    path: PathBuf,
    _mapping: Mapping,
}

#[derive(Debug)]
struct Records {
    file: File,
    /// The number of the next function.
    next: u64,
}

/// The page that tells `perf record` of the file.
#[derive(Debug)]
struct Mapping(NonNull<c_void>);

// SAFETY: it is a number that is given back to the system; nobody reads what is there.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl JitDump {
    /// The file of this process in a folder; without code.
    ///
    /// # Errors
    ///
    /// It cannot be made, or not be mapped: the file system may refuse what is executable. The text says where.
    pub fn in_folder(folder: impl AsRef<Path>) -> io::Result<JitDump> {
        let path = folder.as_ref().join(format!("jit-{}.dump", std::process::id()));
        // The mapping needs the right to read.
        let options = File::options().read(true).write(true).create(true).truncate(true).clone();
        let mut file = options.open(&path).map_err(at(&path))?;
        file.write_all(&header()).map_err(at(&path))?;
        let mapping = Mapping::new(&file).map_err(at(&path))?;
        Ok(JitDump { file: Mutex::new(Records { file, next: 0 }), path, _mapping: mapping })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl CodeSink for JitDump {
    fn add(&self, since: Duration, code: &[NamedCode]) {
        let mut records = self.file.lock();
        for function in code {
            let record = load(since, records.next, function);
            if let Err(error) = records.file.write_all(&record) {
                tracing::debug!(%error, "code is not in the dump");
                return;
            }
            records.next += 1;
        }
    }

    fn wants_bytes(&self) -> bool {
        true
    }

    fn wants_new_addresses(&self) -> bool {
        false
    }
}

impl Drop for JitDump {
    fn drop(&mut self) {
        let end = record(CLOSE, clock::monotonic(), 0);
        // A dump without its end is as good.
        let _ = self.file.lock().file.write_all(&end);
    }
}

impl Mapping {
    fn new(file: &File) -> io::Result<Mapping> {
        let rights = ProtFlags::READ | ProtFlags::EXEC;
        // SAFETY: the system chooses the address, so that nothing else is there.
        let address = unsafe { mmap(null_mut(), page_bytes(), rights, MapFlags::PRIVATE, file, 0) }?;
        NonNull::new(address).map(Mapping).ok_or_else(|| io::Error::other("the file was mapped at address zero"))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody has a reference into it.
        let unmapped = unsafe { munmap(self.0.as_ptr(), page_bytes()) };
        debug_assert!(unmapped.is_ok());
    }
}

fn header() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES as usize);
    for word in [MAGIC, VERSION, HEADER_BYTES, MACHINE, 0, std::process::id()] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(nanoseconds(clock::monotonic()).to_le_bytes());
    // Flags: times are not the processor's own.
    bytes.extend(0u64.to_le_bytes());
    bytes
}

/// The begin of a record whose contents have so many bytes.
fn record(kind: u32, time: Duration, content_bytes: usize) -> Vec<u8> {
    let bytes = RECORD_BYTES + content_bytes;
    let mut record = Vec::with_capacity(bytes);
    record.extend(kind.to_le_bytes());
    record.extend(u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(nanoseconds(time).to_le_bytes());
    record
}

fn load(since: Duration, number: u64, code: &NamedCode) -> Vec<u8> {
    let name = printable(&code.name);
    let mut record = record(LOAD, since, LOAD_BYTES + name.len() + 1 + code.bytes.len());
    record.extend(std::process::id().to_le_bytes());
    record.extend(rustix::thread::gettid().as_raw_nonzero().get().to_le_bytes());
    let address = code.addresses.start as u64;
    // Where it is in memory, which is where it runs.
    for word in [address, address, code.bytes.len() as u64, number] {
        record.extend(word.to_le_bytes());
    }
    record.extend(name.as_bytes());
    record.push(0);
    record.extend(&code.bytes);
    record
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
