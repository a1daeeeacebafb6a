//! What a file of compiled code is made of.

use std::path::Path;

use crate::abi::artifact::{CodeVariant, Tier};
use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::cache::file::CodeFile;
use crate::cache::fingerprint::{Fingerprint, build_hash};
use crate::codegen::env::CodeSettings;
use crate::store::blob::{Blob, FileBlob, MemoryBlob};
use crate::store::error::Rejected;
use crate::store::key::MacKey;

/// What a file of compiled code is made of. All of it was read, and verified.
#[derive(Debug, Clone)]
pub struct CodeInspection {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// BLAKE3 of the module's bytes, in hexadecimal digits.
    pub module: String,
    /// Whether it has the module's bytes as well.
    pub has_module: bool,
    /// Whether this build of the engine has made it.
    pub is_of_this_build: bool,
    /// Extensions of the processor that its code may use.
    pub cpu: Vec<&'static str>,
    /// The settings of its code; nothing if this version does not know them.
    pub settings: Option<CodeSettings>,
    /// Whether its code is for memories with guard pages.
    pub is_guarded: bool,
    /// Functions by tier: baseline, optimized.
    pub functions: [usize; 2],
    /// Bytes of machine code by tier.
    pub code_bytes: [u64; 2],
    /// Functions that have recorded their calls.
    pub profiles: usize,
    /// Functions, by the number of their body, whose records are damaged.
    pub damaged: Vec<DefinedFuncIndex>,
}

/// Reads all of a file of compiled code.
///
/// # Errors
///
/// It cannot be opened, or was not made with this key, or its table is damaged.
pub fn inspect_code(path: &Path, key: &MacKey) -> Result<CodeInspection, Rejected> {
    inspect_blob(Arc::new(FileBlob::open(path)?), key)
}

/// The same of bytes that such a file would have.
///
/// # Errors
///
/// As for [`inspect_code`].
pub fn inspect_code_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static, key: &MacKey) -> Result<CodeInspection, Rejected> {
    inspect_blob(Arc::new(MemoryBlob::new(Arc::new(bytes))), key)
}

fn inspect_blob(blob: Arc<dyn Blob>, key: &MacKey) -> Result<CodeInspection, Rejected> {
    let file = CodeFile::open(blob, key)?;
    let Fingerprint { build, module, cpu, settings, variant, .. } = *file.fingerprint();
    let mut found = CodeInspection {
        file_bytes: file.len_bytes(),
        module: module.iter().map(|byte| format!("{byte:02x}")).collect(),
        has_module: file.wire_bytes().is_some(),
        is_of_this_build: build == build_hash(),
        cpu: cpu.names().collect(),
        settings: CodeSettings::from_bits(settings),
        is_guarded: variant == CodeVariant::Guarded,
        functions: [0; 2],
        code_bytes: [0; 2],
        profiles: 0,
        damaged: Vec::new(),
    };
    for func in file.funcs() {
        match file.record(func) {
            Ok(Some(record)) => {
                let tier = usize::from(record.artifact.tier == Tier::Optimized);
                found.functions[tier] += 1;
                found.code_bytes[tier] += record.artifact.code.len() as u64;
                found.profiles += usize::from(record.profile.iter().any(|&word| word != 0));
            }
            Ok(None) => {}
            Err(_) => found.damaged.push(func),
        }
    }
    Ok(found)
}
