//! Decoding: wire bytes to the module model, validating everything but function bodies on the way.
//!
//! Bodies are left as ranges: compile units validate them, in parallel. Errors carry the byte offset. Whole modules and streams go through one
//! [`Decoder`].

mod decoder;
mod hints;
mod limits;
mod names;
mod outline;
mod priorities;
mod sections;
mod trusted;
mod types;

use wasmparser::{BinaryReader, WasmFeatures};

pub use self::outline::left_out;
pub(in crate::wasm) use self::sections::late_datas;
pub use self::trusted::decode_trusted;
use crate::base::limits::MODULE_BYTES;
use crate::base::sync::{Arc, OnceLock};
use crate::base::trace;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::{Names, WasmModule};
use crate::wasm::types::{CompositeType, ValType};
use crate::wasm::validate::{FuncValidation, accepted_features};
use crate::wasm::wire_bytes::WireBytes;
pub use decoder::{Decoder, Head};

/// A decoded module with its bytes.
#[derive(Debug)]
pub struct Decoded {
    /// The bytes.
    pub wire_bytes: WireBytes,
    /// What they say.
    pub module: Arc<WasmModule>,
    /// What validating the bodies needs.
    pub validation: FuncValidation,
}

/// Binary as it is, text translated: wherever bytes are taken, both formats are.
///
/// # Errors
///
/// The text does not parse; the message shows the place.
pub fn to_binary(bytes: &[u8]) -> Result<WireBytes, CompileError> {
    Ok(translated(bytes)?.unwrap_or_else(|| WireBytes::from(bytes)))
}

/// Text in the binary format; nothing for what is no text.
///
/// # Errors
///
/// The text does not parse; the message shows the place.
pub fn translated(bytes: &[u8]) -> Result<Option<WireBytes>, CompileError> {
    if is_text(bytes) != Some(true) {
        return Ok(None);
    }
    match wat::parse_bytes(bytes) {
        Ok(binary) => Ok(Some(WireBytes::from(&*binary))),
        Err(error) => Err(CompileError::new(CompileErrorKind::Text, error.to_string(), None)),
    }
}

/// Whether bytes are of the text format; nothing while that is not certain. The binary format begins with no space.
pub fn is_text(bytes: &[u8]) -> Option<bool> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    first.map(|&byte| byte == b'(' || byte == b';')
}

/// Where the code section begins, with its number; nothing if there is none as far as the bytes go. What stands in front of it is not looked at.
pub fn code_section_start(bytes: &[u8]) -> Option<usize> {
    const HEADER: &[u8] = b"\0asm\x01\0\0\0";
    const CODE: u8 = 10;
    let mut position = bytes.starts_with(HEADER).then_some(HEADER.len())?;
    loop {
        let id = *bytes.get(position)?;
        if id == CODE {
            return Some(position);
        }
        let mut reader = BinaryReader::new(bytes.get(position + 1..)?, 0);
        let len = reader.read_var_u32().ok()? as usize;
        position = position.checked_add(1 + reader.current_position())?.checked_add(len)?;
    }
}

/// What to say of more bytes than a module may have.
pub fn too_large() -> CompileError {
    CompileError::limit(format!("module of more than {MODULE_BYTES} bytes"), None)
}

/// Decodes and validates a binary module, bodies apart.
///
/// # Errors
///
/// The bytes are malformed, invalid or beyond a limit.
pub fn decode(wire_bytes: WireBytes) -> Result<Decoded, CompileError> {
    decode_with(wire_bytes, accepted_features())
}

/// [`decode`] with a chosen set of features, for test suites of single proposals.
///
/// # Errors
///
/// The bytes are malformed, invalid or beyond a limit.
pub fn decode_with(wire_bytes: WireBytes, features: WasmFeatures) -> Result<Decoded, CompileError> {
    let _span = tracing::info_span!(target: trace::DECODE, "decode", bytes = wire_bytes.len()).entered();
    if wire_bytes.len() > MODULE_BYTES {
        return Err(too_large());
    }
    let mut decoder = Decoder::new(features);
    decoder.advance(&wire_bytes, true)?;
    decoder.finish(wire_bytes)
}

impl WasmModule {
    fn mentions_heap(&self) -> bool {
        let in_heap = |ty: &ValType| matches!(ty, ValType::Ref(ty) if ty.heap.is_in_heap());
        self.types.values().any(|ty| match &ty.composite {
            CompositeType::Func(func) => func.params.iter().chain(&func.results).any(in_heap),
            CompositeType::Struct(_) | CompositeType::Array(_) => true,
        }) || self.globals.values().any(|global| in_heap(&global.content))
            || self.tables.values().any(|table| table.ty.element.heap.is_in_heap())
            || self.elems.values().any(|segment| segment.ty.heap.is_in_heap())
            || !self.tags.is_empty()
    }

    /// The names of the name section; empty when there is none, and before the module is complete. A malformed section gives what could be
    /// read.
    pub fn names(&self, wire_bytes: &WireBytes) -> &Names {
        static NONE: OnceLock<Names> = OnceLock::new();
        let Some(tail) = self.tail.get() else { return NONE.get_or_init(Names::default) };
        tail.names.get_or_init(|| {
            let section = tail.name_section.clone();
            section
                .and_then(|range| wire_bytes.part(range.clone()).map(|bytes| names::read(bytes, range.start)))
                .unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_section_is_found_without_decoding() {
        let bytes =
            wat::parse_str("(module (memory 1) (global i32 (i32.const 1)) (func nop) (data (i32.const 0) \"x\"))").unwrap();
        let start = code_section_start(&bytes).expect("it has functions");
        assert_eq!(bytes[start..start + 4], [10, 5, 1, 3]);
        assert!(
            (0..=start).all(|len| code_section_start(&bytes[..len]).is_none()) && code_section_start(&bytes[..=start]).is_some()
        );
        assert_eq!(code_section_start(b"(module (func))"), None);
        assert_eq!(code_section_start(b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f"), None, "a length beyond all");
    }
}
