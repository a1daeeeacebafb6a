//! Modules as bytes of their own: written by one process, and run by another without decoding bodies, validating or compiling.
//!
//! The bytes are a [file of code](crate::cache::file) that has the module's own bytes as well. Nothing is loaded at once but the
//! table: a function comes when it is first called, and is verified then. So loading takes as long for a large module as for a small
//! one, nearly.
//!
//! Bytes are machine code: who can choose them decides what this process does. A [key](MacKey) says who has made them; without one only
//! accidents are found, so that loading such bytes is `unsafe`. This file is on the list of those that may say so; there is no unsafe block in it.

use std::path::Path;

use crate::abi::artifact::CodeVariant;
use crate::base::sync::Arc;
use crate::cache::file::{CodeFile, CodeFileBuilder};
use crate::cache::fingerprint::{Fingerprint, build_hash, module_hash};
use crate::code::space::CodeSpace;
use crate::codegen::env::CodeSettings;
use crate::compile::cached::{ModuleCode, changed, fingerprint};
use crate::compile::engine::WasmEngine;
use crate::compile::module::{Module, code_settings};
use crate::store::blob::{Blob, FileBlob, MemoryBlob};
use crate::store::error::Rejected;
use crate::store::key::MacKey;
use crate::wasm::decode::decode_trusted;
use crate::wasm::error::{CompileError, CompileErrorKind};

fn refused(reason: impl std::fmt::Display) -> CompileError {
    CompileError::new(CompileErrorKind::Precompiled, reason.to_string(), None)
}

impl Module {
    /// The module as bytes, with the code that its functions have by now: all, if the engine compiles
    /// [ahead of time](crate::compile::config::Strategy::AheadOfTime). What has none is compiled by who loads the bytes.
    ///
    /// ```
    /// use deltic::{Config, Module, Strategy, WasmEngine};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime))?;
    /// let module = Module::new(&engine, "(module (func (export \"f\") (result i32) i32.const 7))")?;
    /// let bytes = module.serialize()?;
    ///
    /// let engine = WasmEngine::new(&Config::default())?;
    /// // SAFETY: these bytes were made above.
    /// let module = unsafe { Module::deserialize(&engine, bytes)? };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The module was loaded from bytes that are damaged, or from a file that was changed since.
    pub fn serialize(&self) -> Result<Vec<u8>, CompileError> {
        self.serialize_with_key(&MacKey::nobodys())
    }

    /// The same for who has a key: see [`deserialize_with_key`](Self::deserialize_with_key).
    ///
    /// # Errors
    ///
    /// As for [`serialize`](Self::serialize).
    pub fn serialize_with_key(&self, key: &MacKey) -> Result<Vec<u8>, CompileError> {
        let variant = self.serialized_variant();
        let wire_bytes = self.wire_bytes();
        if !wire_bytes.complete(self.engine().config().other_threads()) {
            return Err(changed());
        }
        let settings = &self.native().env().settings;
        let module = module_hash(wire_bytes, self.engine().config().other_threads());
        let fingerprint = Fingerprint { variant, ..fingerprint(self.engine(), settings, module) };
        let Some((job, space)) = self.native().variant(variant).and_then(|code| Some((&code.job, code.space.as_ref()?))) else {
            let file = CodeFileBuilder::new(key, true);
            return Ok(file.finish(&fingerprint, self.decoded(), wire_bytes));
        };
        job.check_own_bodies()?;
        let visit = |look: &mut dyn FnMut(&CodeSpace)| {
            look(space);
            Some(())
        };
        let file = job.build_file((key, true), job.cached.as_deref(), visit);
        let file = file.ok_or_else(|| refused("the module was given up"))?;
        Ok(file.finish(&fingerprint, self.decoded(), wire_bytes))
    }

    /// The engine's default one, or the one that there is code of.
    fn serialized_variant(&self) -> CodeVariant {
        let default = self.engine().default_variant();
        let has_code = |variant| self.native().variant(variant).is_some();
        CodeVariant::ALL.into_iter().find(|&variant| has_code(variant) && !has_code(default)).unwrap_or(default)
    }

    /// A module from bytes that [`serialize`](Self::serialize) has made. They are kept, and not copied: bytes of the program itself
    /// (`include_bytes!`) will do, however they are aligned.
    ///
    /// # Errors
    ///
    /// The bytes are damaged, or made by another build of this crate, for another processor, or with settings that this engine's code
    /// does not have. What is damaged inside is found when it is needed, and compiled again.
    ///
    /// # Safety
    ///
    /// The bytes come from `serialize`: they hold machine code, and nothing in them says who has made it.
    pub unsafe fn deserialize(
        engine: &WasmEngine,
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
    ) -> Result<Module, CompileError> {
        Self::from_blob(engine, Arc::new(MemoryBlob::new(Arc::new(bytes))), &MacKey::nobodys())
    }

    /// A module from a file with such bytes. The file stays open as long as the module lives, and must not be changed in its place; it may be
    /// removed or replaced.
    ///
    /// # Errors
    ///
    /// As for [`deserialize`](Self::deserialize), or the file cannot be read.
    ///
    /// # Safety
    ///
    /// As for `deserialize`.
    pub unsafe fn deserialize_file(engine: &WasmEngine, path: impl AsRef<Path>) -> Result<Module, CompileError> {
        Self::from_path(engine, path.as_ref(), &MacKey::nobodys())
    }

    /// A module from bytes that [`serialize_with_key`](Self::serialize_with_key) has made with the same key: nobody who does not have it
    /// can have made others, or changed them.
    ///
    /// # Errors
    ///
    /// As for [`deserialize`](Self::deserialize), or the bytes were not made with this key.
    pub fn deserialize_with_key(
        engine: &WasmEngine,
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
        key: &MacKey,
    ) -> Result<Module, CompileError> {
        Self::from_secret(engine, Arc::new(MemoryBlob::new(Arc::new(bytes))), key)
    }

    /// The same from a file: see [`deserialize_file`](Self::deserialize_file).
    ///
    /// # Errors
    ///
    /// As for [`deserialize_with_key`](Self::deserialize_with_key), or the file cannot be read.
    pub fn deserialize_file_with_key(engine: &WasmEngine, path: impl AsRef<Path>, key: &MacKey) -> Result<Module, CompileError> {
        if !key.is_secret() {
            return Err(refused("the key is no secret"));
        }
        Self::from_path(engine, path.as_ref(), key)
    }

    fn from_secret(engine: &WasmEngine, blob: Arc<dyn Blob>, key: &MacKey) -> Result<Module, CompileError> {
        if !key.is_secret() {
            return Err(refused("the key is no secret"));
        }
        Self::from_blob(engine, blob, key)
    }

    fn from_path(engine: &WasmEngine, path: &Path, key: &MacKey) -> Result<Module, CompileError> {
        let blob = FileBlob::open(path).map_err(|error| refused(format_args!("cannot read {}: {error}", path.display())))?;
        Self::from_blob(engine, Arc::new(blob), key)
    }

    fn from_blob(engine: &WasmEngine, blob: Arc<dyn Blob>, key: &MacKey) -> Result<Module, CompileError> {
        let config = engine.config();
        let begun = config.clock().now();
        let file = CodeFile::open(blob, key).map_err(refused)?;
        check(engine, file.fingerprint()).map_err(refused)?;
        let bodies = file.bodies().map_err(refused)?;
        let Some(wire_bytes) = file.wire_bytes().cloned() else {
            return Err(refused("the file has code without its module"));
        };
        let decoded = decode_trusted(wire_bytes, bodies, config.features())?;
        let code = ModuleCode::of_file(Arc::new(file));
        let wall = config.clock().now().saturating_sub(begun);
        Self::prepare(engine, decoded, wall, None, Some(code))?.compiled()
    }
}

/// Whether an engine can run code with a fingerprint.
fn check(engine: &WasmEngine, fingerprint: &Fingerprint) -> Result<(), Rejected> {
    let other = |what: &str| Err(Rejected::Other(what.to_owned()));
    if fingerprint.build != build_hash() {
        return other("another build of this engine");
    }
    if let Some(name) = fingerprint.cpu.difference(engine.cpu_features()).names().next() {
        return other(&format!("a processor with {name}"));
    }
    if fingerprint.wasm_features & !engine.config().features().bits() != 0 {
        return other("an engine with more proposals");
    }
    let settings = CodeSettings::from_bits(fingerprint.settings);
    if !settings.is_some_and(|settings| settings.means_the_same(&code_settings(engine))) {
        return other("an engine with other settings");
    }
    Ok(())
}
