//! A module in a file, of which the cache is asked before it is in memory.
//!
//! *Problem.* Code is found by a hash of the module's bytes, so that all of them are read; but a module whose code is found needs few of
//! them: neither bodies nor what debuggers read. *Idea.* The file is [read in parts](crate::platform::deferred_file) that are hashed as they come, and only what
//! decoding looks at is kept. A BLAKE3 hash is one of a tree of which the parts are subtrees: their hashes are kept too, and tell what is read later from what was hashed.

use std::fs::File;
use std::io;
use std::ops::Range;

use blake3::hazmat::ChainingValue;

use super::fingerprint::{part_of_module_hash, whole_module_hash};
use crate::base::sync::Arc;
use crate::platform::deferred_file::DeferredFile;
use crate::wasm::decode::left_out;
use crate::wasm::wire_bytes::{Deferred, WireBytes};

/// Smaller files are read whole in less time.
const BYTES_MIN: usize = 2 * PART_BYTES;
/// What a thread reads and hashes at a time: in its caches, and a power of two, as subtrees of BLAKE3 are.
const PART_BYTES: usize = 256 << 10;

/// The bytes of a module, as far as they are read.
#[derive(Debug)]
struct ModuleFile {
    file: DeferredFile,
    hash: [u8; 32],
}

/// A large module in a file of `len` bytes, hashed by this thread and so many others; nothing of others, which are better read as a whole.
///
/// # Errors
///
/// The system's; the file is shorter by now.
pub fn open(file: File, len: usize, others: usize) -> io::Result<Option<WireBytes>> {
    use std::os::unix::fs::FileExt;

    if len < BYTES_MIN {
        return Ok(None);
    }
    let Some(absent) = left_out(len, |position, into| file.read_at(into, position as u64).ok()) else { return Ok(None) };
    let is_same = |known: &ChainingValue, seen: &ChainingValue| known == seen;
    let (file, parts) = DeferredFile::read(file, (len, PART_BYTES), absent, others, part_of_module_hash, is_same)?;
    let hash = whole_module_hash(&parts);
    Ok(Some(WireBytes::deferred(Arc::new(ModuleFile { file, hash }))))
}

impl Deferred for ModuleFile {
    fn len_bytes(&self) -> usize {
        self.file.len()
    }

    fn present_from(&self, position: usize) -> &[u8] {
        self.file.present_from(position)
    }

    fn want(&self, range: Range<usize>, others: usize) -> bool {
        self.file.want(range, others)
    }

    fn all(&self) -> &[u8] {
        self.file.all()
    }

    fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::fingerprint::module_hash;

    #[test]
    fn a_module_is_the_same_in_a_file_and_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module");
        let open = |len: usize| open(File::open(&path).unwrap(), len, 1).unwrap();
        let large = "x".repeat(3 * PART_BYTES);
        let text =
            format!(r#"(module (func nop) (memory 20) (data (i32.const 0) "{large}") (@custom "end" (after last) "{large}"))"#);
        let bytes = wat::parse_str(text).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let module = open(bytes.len()).expect("a large module");
        assert_eq!((module.len(), module.known_hash()), (bytes.len(), Some(module_hash(&bytes, 0))));
        assert!(module.present_from(0).len() < bytes.len());
        assert!(*module == *bytes && module.want(0..bytes.len()));
        // A change of what was not there yet is seen when it is asked for.
        let module = open(bytes.len()).expect("a large module");
        let mut changed = bytes.clone();
        changed[bytes.len() - 9] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert!(module.part(0..100) == Some(&bytes[..100]) && !module.want(0..bytes.len()));
        // Others are read as a whole.
        std::fs::write(&path, &large).unwrap();
        assert!(open(large.len()).is_none(), "no module");
        std::fs::write(&path, &bytes[..1_000]).unwrap();
        assert!(open(1_000).is_none(), "a small one");
    }
}
