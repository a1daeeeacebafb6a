//! What is accepted here wasmparser accepts: for each operator with operands of all types, for what is easily got wrong, and for each
//! body of the specification's test suite. Mutated bodies are in `tests/suite/fuzz/bodies.rs`.

mod operators;
mod rules;
mod suite;

use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::wasm::decode::decode;
use crate::wasm::module::WasmModule;
use crate::wasm::validate::{BodyMemory, FuncValidation, validate_by_wasmparser};

/// A module, whose first function gets one body after another.
struct Subject {
    module: WasmModule,
    validation: FuncValidation,
    memory: BodyMemory,
}

/// What the two validators say of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    is_valid: bool,
    is_accepted: bool,
}

impl Subject {
    fn new(text: &str) -> Subject {
        let binary = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
        let decoded = decode(binary.into()).unwrap_or_else(|error| panic!("{error}"));
        let module = Arc::try_unwrap(decoded.module).expect("nobody else has the module");
        Subject { module, validation: decoded.validation, memory: BodyMemory::default() }
    }

    /// Asks both validators of the body of the first function.
    ///
    /// # Panics
    ///
    /// The body is accepted though it is invalid, or what lies behind it changes the answer.
    fn ask(&mut self, body: &[u8]) -> Verdict {
        let func = DefinedFuncIndex::from_u32(0);
        self.module.bodies = std::iter::once(0..u32::try_from(body.len()).expect("a small body")).collect();
        let is_valid = validate_by_wasmparser(body, &self.module, &self.validation, func, &mut self.memory).is_ok();
        let is_accepted = self.validation.accepts(body, &self.module, func, &mut self.memory);
        assert!(is_valid || !is_accepted, "an invalid body is accepted: {body:02x?}");
        for behind in [0x0b, 0x80] {
            let longer = [body, &[behind; 24]].concat();
            let again = self.validation.accepts(&longer, &self.module, func, &mut self.memory);
            assert_eq!(is_accepted, again, "bytes behind a body change the answer: {body:02x?}");
        }
        Verdict { is_valid, is_accepted }
    }
}
