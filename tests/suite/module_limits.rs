//! The limits of `base::limits` on modules, each from both sides: the most is taken, one more is a limit with its place.

use deltic::base::limits;
use deltic::{CompileError, CompileErrorKind, Module};
use wasm_encoder as enc;
use wasm_encoder::Encode;

use crate::support::engine;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// A section of so many equal items.
fn section(id: u8, count: usize, item: &[u8]) -> Vec<u8> {
    let mut contents = Vec::new();
    u32::try_from(count).expect("a count").encode(&mut contents);
    contents.extend(item.iter().copied().cycle().take(item.len() * count));
    let mut section = vec![id];
    contents.encode(&mut section);
    section
}

fn module_of(sections: &[Vec<u8>]) -> Vec<u8> {
    [HEADER.to_vec(), sections.concat()].concat()
}

/// That the module is refused for a limit, at a place within its bytes.
#[track_caller]
fn refused(result: Result<(), CompileError>, bytes: &[u8]) -> CompileError {
    let error = result.expect_err("beyond the limit");
    assert_eq!(error.kind, CompileErrorKind::Limit, "{error}");
    assert!(error.offset.is_some_and(|offset| (HEADER.len()..bytes.len()).contains(&offset)), "{error}");
    error
}

fn validate(bytes: &[u8]) -> Result<(), CompileError> {
    Module::validate(&engine(), bytes)
}

/// One type, `() -> ()`.
fn types() -> Vec<u8> {
    section(1, 1, &[0x60, 0, 0])
}

/// Imports as many as `count`, of one kind: its byte and its type.
fn imports(count: usize, kind: &[u8]) -> Vec<u8> {
    module_of(&[types(), section(2, count, &[&[0, 0], kind].concat())])
}

const FUNC: [u8; 2] = [0, 0];
const GLOBAL: [u8; 3] = [3, 0x7f, 0];
const TABLE: [u8; 4] = [1, 0x70, 0, 0];
const MEMORY: [u8; 3] = [2, 0, 0];

#[test]
fn counts_of_sections() {
    let counts: [(u8, usize, &[u8]); 10] = [
        (1, limits::TYPE_COUNT, &[0x60, 0, 0]),
        // Without an item: equal ones do not make a valid module. For imports see below.
        (2, limits::IMPORT_COUNT, &[]),
        (3, limits::FUNC_COUNT, &[]),
        (4, limits::TABLE_COUNT, &TABLE[1..]),
        (5, limits::MEMORY_COUNT, &MEMORY[1..]),
        (6, limits::GLOBAL_COUNT, &[0x7f, 0, 0x41, 0, 0x0b]),
        (7, limits::EXPORT_COUNT, &[]),
        (9, limits::ELEM_COUNT, &[1, 0, 0]),
        (11, limits::DATA_COUNT, &[1, 0]),
        (13, limits::TAG_COUNT, &[]),
    ];
    for (id, count, item) in counts {
        if !item.is_empty() {
            validate(&module_of(&[section(id, count, item)])).unwrap_or_else(|error| panic!("section {id}: {error}"));
        }
        // The count alone is enough.
        let bytes = module_of(&[section(id, count + 1, &[])]);
        let error = refused(validate(&bytes), &bytes);
        assert!(error.message.starts_with(&(count + 1).to_string()), "{error}");
    }
    // The count of data segments that stands before the code.
    let bytes = module_of(&[section(12, limits::DATA_COUNT + 1, &[])]);
    refused(validate(&bytes), &bytes);
}

#[test]
fn imports_count_with_what_is_defined() {
    let engine = engine();
    for (kind, id, max) in [(&TABLE[..], 4, limits::TABLE_COUNT), (&MEMORY, 5, limits::MEMORY_COUNT)] {
        let both = |count| {
            let import = section(2, max, &[&[0, 0], kind].concat());
            module_of(&[types(), import, section(id, count, &kind[1..])])
        };
        Module::validate(&engine, both(0)).expect("the limit itself is allowed");
        let bytes = both(1);
        refused(Module::validate(&engine, &bytes), &bytes);
        let bytes = imports(max + 1, kind);
        refused(Module::validate(&engine, &bytes), &bytes);
    }
}

#[test]
fn types_of_imports_and_exports_together() {
    let most = limits::TYPE_SIZE / limits::FUNC_TYPE_SIZE;
    for (kind, most) in [(&FUNC[..], most), (&GLOBAL, limits::TYPE_SIZE)] {
        validate(&imports(most, kind)).expect("the limit itself is allowed");
        let bytes = imports(most + 1, kind);
        let error = refused(validate(&bytes), &bytes);
        let at = error.offset.expect("a place");
        assert_eq!(at, bytes.len() - 2 - kind.len(), "the import that is too much: {error}");
    }
    // Parameters, results and exports count too.
    let with_types = |exports: usize, params: usize| {
        let mut module = enc::Module::new();
        let mut types = enc::TypeSection::new();
        types.ty().function(vec![enc::ValType::I32; params], [enc::ValType::I64]);
        let mut imports = enc::ImportSection::new();
        imports.import("", "", enc::EntityType::Function(0));
        let mut names = enc::ExportSection::new();
        for index in 0..exports {
            names.export(&index.to_string(), enc::ExportKind::Func, 0);
        }
        module.section(&types).section(&imports).section(&names);
        module.finish()
    };
    // One import and so many exports, of a type of size 1,000.
    let most = limits::TYPE_SIZE / 1_000;
    let params = 1_000 - limits::FUNC_TYPE_SIZE - 1;
    validate(&with_types(most - 1, params)).expect("the limit itself is allowed");
    let bytes = with_types(most, params);
    refused(validate(&bytes), &bytes);
}

/// Limits are looked at before indices are validated: no number may upset them.
#[test]
fn indices_that_are_none() {
    const LARGEST: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for kind in 0..5 {
        // A module "", a name "", a kind, and an index or something that is no type.
        let import = [&[0, 0, kind][..], &LARGEST].concat();
        let export = [&[0, kind][..], &LARGEST].concat();
        for bytes in [module_of(&[types(), section(2, 1, &import)]), module_of(&[types(), section(7, 1, &export)])] {
            let error = validate(&bytes).expect_err("no such index");
            assert!(error.kind == CompileErrorKind::Invalid && error.offset.is_some(), "{error}");
        }
    }
}

#[test]
fn a_type_and_a_name() {
    let func_type = |params: usize, results: usize| {
        let mut types = enc::TypeSection::new();
        types.ty().function(vec![enc::ValType::I32; params], vec![enc::ValType::I32; results]);
        let mut module = enc::Module::new();
        module.section(&types);
        module.finish()
    };
    let named = |bytes: usize| {
        let mut imports = enc::ImportSection::new();
        imports.import(&"x".repeat(bytes), "y", enc::GlobalType { val_type: enc::ValType::I32, mutable: false, shared: false });
        let mut module = enc::Module::new();
        module.section(&imports);
        module.finish()
    };
    validate(&func_type(limits::PARAM_COUNT, limits::RESULT_COUNT)).expect("the limit itself is allowed");
    validate(&named(limits::NAME_BYTES)).expect("the limit itself is allowed");
    // wasmparser counts these, and calls what is too much invalid.
    for bytes in [func_type(limits::PARAM_COUNT + 1, 0), func_type(0, limits::RESULT_COUNT + 1), named(limits::NAME_BYTES + 1)] {
        let error = validate(&bytes).expect_err("beyond the limit");
        assert!(error.offset.is_some(), "{error}");
    }
}
