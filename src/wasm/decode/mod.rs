//! Decoding: wire bytes to the module model, validating everything but function bodies on the way.
//!
//! Bodies are left as ranges: compile units validate them, in parallel. Errors carry the byte offset.

mod hints;
mod limits;
mod names;
mod priorities;
mod sections;
mod trusted;
mod types;

use std::ops::Range;

use cranelift_entity::PrimaryMap;
use wasmparser::{Chunk, Parser, Payload, ValidPayload, Validator, WasmFeatures};

pub use self::trusted::decode_trusted;
use crate::base::DefinedFuncIndex;
use crate::base::limits::MODULE_BYTES;
use crate::base::sync::Arc;
use crate::base::trace;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::{Names, WasmModule};
use crate::wasm::types::{CompositeType, ValType};
use crate::wasm::validate::{FuncValidation, accepted_features};
use crate::wasm::wire_bytes::WireBytes;

/// Where bodies are in a module's bytes.
pub type Bodies = PrimaryMap<DefinedFuncIndex, Range<u32>>;

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

/// The same without a copy of what is binary.
///
/// # Errors
///
/// As for [`to_binary`].
pub fn shared_to_binary(bytes: Arc<[u8]>) -> Result<WireBytes, CompileError> {
    Ok(translated(&bytes)?.unwrap_or_else(|| bytes.into()))
}

/// Text in the binary format; nothing for what is no text.
fn translated(bytes: &[u8]) -> Result<Option<WireBytes>, CompileError> {
    let looks_like_text = bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|&byte| byte == b'(' || byte == b';');
    if !looks_like_text {
        return Ok(None);
    }
    match wat::parse_bytes(bytes) {
        Ok(binary) => Ok(Some(WireBytes::from(&*binary))),
        Err(error) => Err(CompileError::new(CompileErrorKind::Text, error.to_string(), None)),
    }
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
        let message = format!("module of {} bytes, more than {}", wire_bytes.len(), MODULE_BYTES);
        return Err(CompileError::limit(message, None));
    }
    let mut decoder =
        Decoder { validator: Validator::new_with_features(features), module: WasmModule::default(), resources: None };
    decoder.run(&wire_bytes, features)?;
    let Decoder { mut module, resources, .. } = decoder;
    module.index_exports();
    module.uses_heap = module.mentions_heap();
    let validation = FuncValidation::new(resources, &module, features);
    Ok(Decoded { wire_bytes, module: Arc::new(module), validation })
}

struct Decoder {
    validator: Validator,
    module: WasmModule,
    resources: Option<wasmparser::ValidatorResources>,
}

impl Decoder {
    fn run(&mut self, wire_bytes: &[u8], features: WasmFeatures) -> Result<(), CompileError> {
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let mut position = 0;
        let mut type_size = limits::TypeSize::default();
        loop {
            let (payload, consumed) = match parser.parse(&wire_bytes[position..], true)? {
                Chunk::Parsed { payload, consumed } => (payload, consumed),
                Chunk::NeedMoreData(_) => return Err(CompileError::invalid("unexpected end of module", wire_bytes.len())),
            };
            position += consumed;
            type_size.check(&payload, &self.module)?;
            match self.validator.payload(&payload)? {
                ValidPayload::Func(func, body) => {
                    self.resources.get_or_insert(func.resources);
                    self.module.push_body(body.range())?;
                }
                ValidPayload::End(_) => return Ok(()),
                ValidPayload::Ok => self.module.read_section(wire_bytes, payload)?,
                ValidPayload::Parser(_) => return Err(CompileError::invalid("nested modules are not supported", position)),
            }
        }
    }
}

impl WasmModule {
    /// Reads a section that is valid.
    fn read_section(&mut self, wire_bytes: &[u8], payload: Payload<'_>) -> Result<(), CompileError> {
        let module = self;
        match payload {
            Payload::TypeSection(reader) => module.read_types(reader),
            Payload::ImportSection(reader) => module.read_imports(reader),
            Payload::FunctionSection(reader) => module.read_funcs(reader),
            Payload::TableSection(reader) => module.read_tables(reader),
            Payload::MemorySection(reader) => module.read_memories(reader),
            Payload::TagSection(reader) => module.read_tags(reader),
            Payload::GlobalSection(reader) => module.read_globals(reader),
            Payload::ExportSection(reader) => module.read_exports(reader),
            Payload::StartSection { func, .. } => {
                module.start = Some(crate::base::FuncIndex::from_u32(func));
                Ok(())
            }
            Payload::ElementSection(reader) => module.read_elems(reader),
            Payload::DataSection(reader) => module.read_datas(wire_bytes, &reader),
            Payload::CodeSectionStart { size, .. } => {
                module.code_section_bytes = size as usize;
                Ok(())
            }
            Payload::CustomSection(reader) => {
                module.read_custom(&reader);
                Ok(())
            }
            _ => Ok(()),
        }
    }

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

    /// The names of the name section; empty when there is none. A malformed section gives what could be read.
    pub fn names(&self, wire_bytes: &[u8]) -> &Names {
        self.names.get_or_init(|| {
            let section = self.name_section.clone();
            section
                .and_then(|range| wire_bytes.get(range.clone()).map(|bytes| names::read(bytes, range.start)))
                .unwrap_or_default()
        })
    }
}
