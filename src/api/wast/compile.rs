//! Modules of a script, compiled; and whether a bad one is refused.

use wasmparser::Validator;
use wast::QuoteWat;

use super::script::Script;
use crate::api::{CompileError, CompileErrorKind, MacKey, Module, StreamingCompiler};
use crate::wasm::decode::{Decoded, decode_with};
use crate::wasm::validate::validate_bodies;

impl Script<'_> {
    /// Compiles a module that must be good.
    pub(super) fn compile(&self, module: &mut QuoteWat<'_>) -> Result<Module, String> {
        let bytes = module.encode().map_err(|error| error.message())?;
        self.validate(&bytes)?;
        let module = self.load(&bytes).map_err(|error| error.to_string())?;
        if self.reload { self.reloaded(&module).map_err(|error| error.to_string()) } else { Ok(module) }
    }

    /// The module as another process would have it.
    fn reloaded(&self, module: &Module) -> Result<Module, CompileError> {
        let key = MacKey::new([7; 32]);
        Module::deserialize_with_key(self.engine, module.serialize_with_key(&key)?, &key)
    }

    /// Compiles a module, whole or as it comes.
    fn load(&self, bytes: &[u8]) -> Result<Module, CompileError> {
        let Some(chunk_bytes) = self.chunk_bytes else { return Module::new(self.engine, bytes) };
        let mut stream = StreamingCompiler::new(self.engine);
        for chunk in bytes.chunks(chunk_bytes.max(1)) {
            stream.push(chunk)?;
        }
        stream.finish()
    }

    fn validate(&self, bytes: &[u8]) -> Result<(), String> {
        let mut validator = Validator::new_with_features(self.features);
        validator.validate_all(bytes).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Checks that a module is refused, and that compiling it finds the same error as validating it in order.
    pub(super) fn refuse(&self, module: &mut QuoteWat<'_>) -> Result<(), String> {
        let Ok(bytes) = module.encode() else { return Ok(()) };
        if self.validate(&bytes).is_ok() {
            return Err("the module is valid".into());
        }
        let features = self.engine.config().features();
        let in_order = decode_with(bytes.as_slice().into(), features).and_then(|decoded| validate_all(&decoded));
        match (in_order, self.load(&bytes)) {
            (_, Err(error)) if error.kind == CompileErrorKind::EngineBug => Err(error.to_string()),
            (Err(expected), Err(found)) if expected == found => Ok(()),
            (Err(expected), Err(found)) => Err(format!("validating finds \"{expected}\", compiling \"{found}\"")),
            (Err(expected), Ok(_)) => Err(format!("validating finds \"{expected}\", compiling nothing")),
            (Ok(()), Err(error)) => Err(format!("validating finds nothing, compiling \"{error}\"")),
            (Ok(()), Ok(_)) => Err("the module is accepted".into()),
        }
    }
}

fn validate_all(decoded: &Decoded) -> Result<(), CompileError> {
    validate_bodies(&decoded.wire_bytes, &decoded.module, &decoded.validation)
}
