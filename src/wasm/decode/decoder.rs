//! The decoder: takes a module's bytes as they come, and needs each once.
//!
//! *Problem.* A module that comes over a network is to be decoded and compiled while it comes; and there shall be one decoder, so that a module
//! and its errors are the same however its bytes came. *Idea.* Sections are decoded when they are complete, the code section body by body.
//! Whoever has more bytes says so ([`Decoder::advance`]); when all are there from the beginning that happens once.
//!
//! ```text
//!  header, sections      first body          bodies           data, custom sections      end
//! ------------------> | head closes | ------------------> | ------------------------> | tail closes
//!   head is open        what functions    bodies arrive      collected for the tail      the module is complete
//!                       need is there
//! ```
//!
//! **Invariants:** what has been decoded is not looked at again: while a section is not complete, only its header is read, and that only when as
//! many bytes have come as were missing. The head is closed before a body arrives, and never changes then. An error is the same for any
//! division of the bytes: it is told as soon as no bytes to come can change it, and those before it in the module were seen before.

#![forbid(unsafe_code)]

use std::ops::Range;

use cranelift_entity::EntityRef;
use wasmparser::{Chunk, Parser, Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures};

use super::limits::TypeSize;
use crate::base::sync::Arc;
use crate::base::{DefinedFuncIndex, FuncIndex};
use crate::wasm::bodies::Bodies;
use crate::wasm::decode::Decoded;
use crate::wasm::error::CompileError;
use crate::wasm::module::{Tail, WasmModule};
use crate::wasm::validate::FuncValidation;
use crate::wasm::wire_bytes::WireBytes;

/// What every module begins with.
const MAGIC: [u8; 4] = *b"\0asm";

/// What stands in front of the bodies, with the bodies that have come.
#[derive(Debug, Clone)]
pub struct Head {
    /// The module. It has no [tail](WasmModule::tail) yet.
    pub module: Arc<WasmModule>,
    /// What validating the bodies needs.
    pub validation: FuncValidation,
}

/// See the module's documentation.
pub struct Decoder {
    features: WasmFeatures,
    parser: Parser,
    validator: Validator,
    type_size: TypeSize,
    /// Bytes that were decoded.
    position: usize,
    /// So many bytes must be there before there is anything to decode.
    wanted: usize,
    /// The module as long as its head is open.
    open: WasmModule,
    head: Option<Head>,
    body_count: usize,
    tail: Tail,
    is_complete: bool,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Decoder { position, body_count, is_complete, .. } = self;
        f.debug_struct("Decoder")
            .field("position", position)
            .field("body_count", body_count)
            .field("is_complete", is_complete)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new(features: WasmFeatures) -> Self {
        let mut parser = Parser::new(0);
        parser.set_features(features);
        Decoder {
            features,
            parser,
            validator: Validator::new_with_features(features),
            type_size: TypeSize::default(),
            position: 0,
            wanted: 0,
            open: WasmModule::default(),
            head: None,
            body_count: 0,
            tail: Tail::default(),
            is_complete: false,
        }
    }

    /// Decodes what can be, of a module that begins with these bytes, or is them. They begin with those of the call before.
    ///
    /// # Errors
    ///
    /// The module is malformed, invalid or beyond a limit. The decoder is of no use then.
    pub fn advance(&mut self, wire_bytes: &[u8], is_all: bool) -> Result<(), CompileError> {
        if self.position == 0 {
            check_magic(wire_bytes)?;
        }
        while !self.is_complete && (is_all || wire_bytes.len() >= self.wanted) {
            let rest = wire_bytes.get(self.position..).unwrap_or_default();
            let (payload, consumed) = match self.parser.parse(rest, is_all)? {
                Chunk::Parsed { payload, consumed } => (payload, consumed),
                Chunk::NeedMoreData(_) if is_all => {
                    return Err(CompileError::invalid("unexpected end of module", wire_bytes.len()));
                }
                Chunk::NeedMoreData(missing) => {
                    self.wanted = wire_bytes.len().saturating_add(missing.max(1));
                    return Ok(());
                }
            };
            self.position += consumed;
            self.take(wire_bytes, payload)?;
        }
        Ok(())
    }

    /// What functions need, as soon as the first body has come.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// How many bodies have come.
    pub fn body_count(&self) -> usize {
        self.body_count
    }

    /// How many bytes were decoded. Between sections, and in the code section between bodies.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The module, which is complete.
    ///
    /// # Errors
    ///
    /// Not all bytes were there.
    pub fn finish(mut self, wire_bytes: WireBytes) -> Result<Decoded, CompileError> {
        if !self.is_complete {
            return Err(CompileError::invalid("unexpected end of module", wire_bytes.len()));
        }
        let Head { module, validation } = match self.head.take() {
            Some(head) => head,
            None => self.close_head(None),
        };
        // Set once: a decoder is finished once.
        module.tail.get_or_init(|| self.tail);
        Ok(Decoded { wire_bytes, module, validation })
    }

    fn take(&mut self, wire_bytes: &[u8], payload: Payload<'_>) -> Result<(), CompileError> {
        let module = self.head.as_ref().map_or(&self.open, |head| &*head.module);
        self.type_size.check(&payload, module)?;
        match self.validator.payload(&payload)? {
            ValidPayload::Func(func, body) => {
                let range = body.range();
                let (Ok(start), Ok(end)) = (u32::try_from(range.start), u32::try_from(range.end)) else {
                    let start = usize::try_from(range.start).ok();
                    return Err(CompileError::limit("function body beyond 4 GiB", start));
                };
                if self.head.is_none() {
                    self.head = Some(self.close_head(Some(func.resources)));
                }
                let module = self.head.as_ref().map_or(&self.open, |head| &*head.module);
                if !module.bodies.arrive(DefinedFuncIndex::new(self.body_count), start..end) {
                    return Err(CompileError::invalid("more bodies than functions", start as usize));
                }
                self.body_count += 1;
                Ok(())
            }
            ValidPayload::End(_) => {
                self.is_complete = true;
                Ok(())
            }
            ValidPayload::Ok => {
                let window = Window { bytes: wire_bytes, start: 0 };
                read_section((&mut self.open, self.head.is_none()), &mut self.tail, window, payload)
            }
            ValidPayload::Parser(_) => Err(CompileError::invalid("nested modules are not supported", self.position)),
        }
    }

    fn close_head(&mut self, resources: Option<ValidatorResources>) -> Head {
        let mut module = std::mem::take(&mut self.open);
        module.uses_heap = module.mentions_heap();
        let validation = FuncValidation::new(resources, &module, self.features);
        Head { module: Arc::new(module), validation }
    }
}

/// Bytes of a module that are there, and where they begin.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub bytes: &'a [u8],
    pub start: usize,
}

impl<'a> Window<'a> {
    /// The bytes of a range, which a reader has shown; none if they are not there.
    pub fn get(self, range: Range<u64>) -> &'a [u8] {
        let at = |position: u64| usize::try_from(position).ok()?.checked_sub(self.start);
        let range = at(range.start).zip(at(range.end));
        range.and_then(|(start, end)| self.bytes.get(start..end)).unwrap_or_default()
    }
}

/// Reads a section that is valid. `is_open` says whether the module's head is.
pub(super) fn read_section(
    (module, is_open): (&mut WasmModule, bool),
    tail: &mut Tail,
    wire_bytes: Window<'_>,
    payload: Payload<'_>,
) -> Result<(), CompileError> {
    match payload {
        Payload::TypeSection(reader) => module.read_types(reader),
        Payload::ImportSection(reader) => module.read_imports(reader),
        Payload::FunctionSection(reader) => module.read_funcs(wire_bytes, &reader),
        Payload::TableSection(reader) => module.read_tables(reader),
        Payload::MemorySection(reader) => module.read_memories(reader),
        Payload::TagSection(reader) => module.read_tags(reader),
        Payload::GlobalSection(reader) => module.read_globals(reader),
        Payload::ExportSection(reader) => module.read_exports(reader),
        Payload::StartSection { func, .. } => {
            module.start = Some(FuncIndex::from_u32(func));
            Ok(())
        }
        Payload::ElementSection(reader) => module.read_elems(reader),
        Payload::DataSection(reader) => tail.read_datas(wire_bytes, &reader),
        Payload::CodeSectionStart { size, count, .. } => {
            module.code_section_bytes = size as usize;
            module.bodies = Bodies::expecting(count as usize);
            Ok(())
        }
        Payload::CustomSection(reader) => {
            if is_open {
                module.read_hints(&reader);
            }
            tail.read_custom(&reader);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Tells what is no module by the first byte that differs.
fn check_magic(wire_bytes: &[u8]) -> Result<(), CompileError> {
    if wire_bytes.iter().zip(MAGIC).any(|(&byte, magic)| byte != magic) {
        return Err(CompileError::invalid("magic header not detected: a module begins with \\0asm", 0));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::validate::accepted_features;

    const TEXT: &str = r#"(module
        (type (func (param i32) (result i32))) (import "a" "b" (func)) (memory 1) (global (mut i32) (i32.const 7))
        (func (export "f") (type 0) local.get 0) (func (type 0) local.get 0 i32.const 1 i32.add)
        (data (i32.const 0) "some bytes") (@custom "end" (after last) "of the module"))"#;

    fn decoded_by(bytes: &[u8], step: usize) -> Result<Decoded, CompileError> {
        let mut decoder = Decoder::new(accepted_features());
        let mut end = 0;
        while end < bytes.len() {
            end = (end + step).min(bytes.len());
            decoder.advance(&bytes[..end], false)?;
        }
        decoder.advance(bytes, true)?;
        decoder.finish(bytes.into())
    }

    #[test]
    fn bytes_may_come_in_any_portions() {
        let bytes = wat::parse_str(TEXT).expect("a module");
        let whole = format!("{:?}", decoded_by(&bytes, bytes.len()).expect("a module").module);
        for step in 1..bytes.len() {
            assert_eq!(format!("{:?}", decoded_by(&bytes, step).expect("a module").module), whole, "steps of {step}");
        }
    }

    #[test]
    fn a_module_that_ends_early_has_the_same_error() {
        let bytes = wat::parse_str(TEXT).expect("a module");
        for len in 0..bytes.len() {
            let whole = decoded_by(&bytes[..len], len.max(1)).map(|_| ());
            for step in [1, 3] {
                assert_eq!(decoded_by(&bytes[..len], step).map(|_| ()), whole, "{len} bytes in steps of {step}");
            }
        }
    }

    #[test]
    fn the_head_is_there_with_the_first_body_and_the_tail_at_the_end() {
        let bytes = wat::parse_str(TEXT).expect("a module");
        let mut decoder = Decoder::new(accepted_features());
        let mut heads = Vec::new();
        for end in 0..=bytes.len() {
            decoder.advance(&bytes[..end], false).expect("a module so far");
            let Some(head) = decoder.head() else { continue };
            assert_eq!(head.module.bodies.iter().count(), decoder.body_count());
            assert!(head.module.tail.get().is_none() && head.module.datas().is_empty());
            assert_eq!((head.module.funcs.len(), head.module.exports.len(), head.module.bodies.len()), (3, 1, 2));
            heads.push(decoder.body_count());
        }
        assert_eq!((heads.first(), heads.last()), (Some(&1), Some(&2)));
        assert!(!decoder.is_complete, "more may come");
        decoder.advance(&bytes, true).expect("a module");
        let module = decoder.finish(bytes.into()).expect("a module").module;
        assert_eq!(module.datas().len(), 1);
    }

    #[test]
    fn what_is_no_module_is_told_by_the_first_byte() {
        for bytes in [&b"x"[..], b"\0b", b"\0asn", b"<!doctype html>"] {
            let error = Decoder::new(accepted_features()).advance(bytes, false).expect_err("no module");
            assert_eq!(Some(error), Decoder::new(accepted_features()).advance(bytes, true).err());
        }
        assert!(Decoder::new(accepted_features()).advance(b"\0as", false).is_ok());
    }
}
