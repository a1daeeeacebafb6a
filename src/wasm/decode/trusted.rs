//! Decoding of a module that is known to be valid, and of which it is known where its bodies are: nothing is validated, and the
//! code section is not looked at. Bytes that are [left out](super::outline::left_out) are not waited for.

use std::ops::Range;

use wasmparser::{BinaryReader, Chunk, Parser, Payload, WasmFeatures};

use super::Decoded;
use super::decoder::{Window, read_section};
use crate::base::sync::Arc;
use crate::base::trace;
use crate::wasm::bodies::Bodies;
use crate::wasm::error::CompileError;
use crate::wasm::module::{Tail, WasmModule};
use crate::wasm::validate::FuncValidation;
use crate::wasm::wire_bytes::WireBytes;

/// Decodes a module that was decoded and validated before, with these features, and had these bodies.
///
/// # Errors
///
/// The bytes are not those of a module with so many functions: they are not what they were said to be.
pub fn decode_trusted(wire_bytes: WireBytes, bodies: Bodies, features: WasmFeatures) -> Result<Decoded, CompileError> {
    let _span = tracing::info_span!(target: trace::DECODE, "decode", bytes = wire_bytes.len(), trusted = true).entered();
    let (mut module, mut tail) = (WasmModule::default(), Tail::default());
    let mut bodies = Some(bodies);
    let mut position = HEADER.len();
    let mut parser = parser_at(position, features)?;
    if wire_bytes.present_from(0).get(..HEADER.len()) != Some(HEADER) {
        return Err(CompileError::invalid("not a module", 0));
    }
    loop {
        let window = Window { bytes: wire_bytes.present_from(position), start: position };
        if let Some(section) = late_section(window, wire_bytes.len()) {
            position = match section {
                Late::Custom(name, contents) => {
                    let end = contents.end;
                    tail.add_custom(name, contents);
                    end
                }
                Late::Datas(count, contents) => {
                    let end = contents.end;
                    tail.data_count = count as usize;
                    tail.data_section = Some((wire_bytes.clone(), contents));
                    end
                }
            };
            parser = parser_at(position, features)?;
            continue;
        }
        let (payload, consumed) = match parser.parse(window.bytes, true)? {
            Chunk::Parsed { payload, consumed } => (payload, consumed),
            Chunk::NeedMoreData(_) => return Err(CompileError::invalid("unexpected end of module", wire_bytes.len())),
        };
        position += consumed;
        match payload {
            Payload::End(_) => break,
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                position = position.saturating_add(size as usize);
                module.code_section_bytes = size as usize;
                module.bodies = bodies.take().unwrap_or_default();
            }
            payload => read_section((&mut module, bodies.is_some()), &mut tail, window, payload)?,
        }
    }
    if module.imported_func_count + module.bodies.len() != module.funcs.len() {
        return Err(CompileError::invalid("functions and bodies of different number", position));
    }
    module.uses_heap = module.mentions_heap();
    // New: nobody has set it.
    module.tail.get_or_init(|| tail);
    Ok(Decoded { wire_bytes, module: Arc::new(module), validation: FuncValidation::of_valid(features) })
}

/// Data sections from so many bytes on are decoded when somebody wants their segments: instances mostly want them [laid out](crate::wasm::data_layout).
const LATE_DATA_BYTES_MIN: usize = 64 << 10;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// A parser that expects a section at a position, behind the header.
fn parser_at(position: usize, features: WasmFeatures) -> Result<Parser, CompileError> {
    let mut parser = Parser::new(position.saturating_sub(HEADER.len()) as u64);
    parser.set_features(features);
    parser.parse(HEADER, false)?;
    Ok(parser)
}

/// A section that is not looked at with the others.
enum Late<'a> {
    /// A custom section whose contents are not there: its name, and their range.
    Custom(&'a str, Range<usize>),
    /// Data segments that are not there, or many: their number, and the section's range.
    Datas(u32, Range<usize>),
}

/// The section at the beginning of what is there, if it is such a one.
fn late_section<'a>(window: Window<'a>, len: usize) -> Option<Late<'a>> {
    let (&id, section) = window.bytes.split_first()?;
    let mut reader = BinaryReader::new(section, 0);
    let contents_len = reader.read_var_u32().ok()? as usize;
    let start = 1 + reader.current_position();
    let end = start.checked_add(contents_len)?;
    let is_absent = end > window.bytes.len();
    let in_module = |start: usize| {
        Some(window.start + start..window.start.checked_add(end)?).filter(|range| range.start <= range.end && range.end <= len)
    };
    match id {
        0 if is_absent => {
            let name = reader.read_string().ok()?;
            Some(Late::Custom(name, in_module(1 + reader.current_position())?))
        }
        11 if is_absent || contents_len >= LATE_DATA_BYTES_MIN => {
            Some(Late::Datas(reader.read_var_u32().ok()?, in_module(start)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::decode::decode;
    use crate::wasm::validate::accepted_features;

    #[test]
    fn a_valid_module_is_decoded_as_if_it_were_unknown() {
        let text = r#"(module $m
            (type $t (func (param i32) (result i32)))
            (import "a" "f" (func $f (type $t))) (import "a" "g" (global i32)) (import "a" "e" (tag (param i32)))
            (table 3 funcref) (memory (export "m") 1 2) (global (mut i64) (i64.const 5))
            (func $one (export "one") (type $t) (local i64) local.get 0)
            (func (type $t) (call $one (local.get 0)))
            (start 3) (func (nop))
            (elem (i32.const 0) $f $one) (data (i32.const 7) "hello") (data "passive"))"#;
        let bytes = WireBytes::from(wat::parse_str(text).expect("the text parses"));
        let known = decode(bytes.clone()).expect("a module");
        let bodies = || known.module.bodies.values().cloned().collect::<Bodies>();
        let again = decode_trusted(bytes.clone(), bodies(), accepted_features()).expect("a module");
        again.module.names(&bytes);
        known.module.names(&bytes);
        // Maps are printed in any order.
        let print =
            |module: &WasmModule| format!("{module:#?}").lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(print(&again.module), print(&known.module));
        // Bytes that are not what they were said to be are no module, or another: no panic.
        let more = known.module.bodies.values().cloned().chain(std::iter::once(0..1)).collect();
        assert!(decode_trusted(bytes.clone(), more, accepted_features()).is_err());
        assert!(decode_trusted(bytes[..40].into(), bodies(), accepted_features()).is_err());
        for len in 0..bytes.len() {
            // Whole sections are a module of their own.
            let _ = decode_trusted(bytes[..len].into(), bodies(), accepted_features());
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_trusted(changed.into(), bodies(), accepted_features());
        }
    }
}
