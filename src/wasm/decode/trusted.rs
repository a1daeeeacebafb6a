//! Decoding of a module that is known to be valid, and of which it is known where its bodies are: nothing is validated, and the
//! code section is not looked at.

use wasmparser::{Chunk, Parser, Payload, WasmFeatures};

use super::Decoded;
use super::decoder::read_section;
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
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut position = 0;
    loop {
        let (payload, consumed) = match parser.parse(wire_bytes.get(position..).unwrap_or_default(), true)? {
            Chunk::Parsed { payload, consumed } => (payload, consumed),
            Chunk::NeedMoreData(_) => return Err(CompileError::invalid("unexpected end of module", wire_bytes.len())),
        };
        position += consumed;
        match payload {
            Payload::End(_) => break,
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                position += size as usize;
                module.code_section_bytes = size as usize;
                module.bodies = bodies.take().unwrap_or_default();
            }
            payload => read_section((&mut module, bodies.is_some()), &mut tail, &wire_bytes, payload)?,
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
