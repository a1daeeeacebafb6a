//! What a module is made of, for people: `deltic inspect`.

pub mod code;

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::Hash;

use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::base::TypeIndex;
use crate::compile::module::Module;
use crate::runtime::link::{ExternType, wanted_type};
use crate::wasm::decode::{decode, to_binary};
use crate::wasm::error::CompileError;
use crate::wasm::module::{ExportIndex, Names, WasmModule};
use crate::wasm::types::{CompositeKind, CompositeType, HeapType, SubType, text};
use crate::wasm::validate::{accepted_features, validate_bodies};

/// A module, described. Its lists are in the module's order.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Name of the module, where it has one.
    pub name: Option<String>,
    /// Bytes of the binary.
    pub module_bytes: usize,
    /// Sections: name, offset of the contents and their length.
    pub sections: Vec<Section>,
    /// Types of the type section, with their names, by index.
    pub types: Vec<TypeText>,
    /// Imports: module, field and type.
    pub imports: Vec<(String, String, ExternType)>,
    /// Exports: name and type.
    pub exports: Vec<(String, ExternType)>,
    /// All memories, those that are imported included.
    pub memories: Vec<Named>,
    /// All tables, likewise.
    pub tables: Vec<Named>,
    /// All globals, likewise.
    pub globals: Vec<Named>,
    /// All tags, likewise.
    pub tags: Vec<Named>,
    /// Functions that are imported, and functions with a body.
    pub func_counts: (usize, usize),
    /// Whether there is a start function.
    pub has_start: bool,
    /// Names of the proposals without which the module is not valid.
    pub features: Vec<&'static str>,
}

/// A section of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name; a custom section's own, in quotes.
    pub name: String,
    /// Offset of its contents.
    pub offset: usize,
    /// Length of its contents.
    pub bytes: usize,
}

/// Something of the module's, and what the module calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its type.
    pub ty: ExternType,
}

/// A type and what the module calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeText {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its definition in the text format, with the names of its fields.
    pub definition: String,
}

/// What a module imports, in its order: module, field and type.
pub fn imports(module: &Module) -> impl Iterator<Item = (&str, &str, ExternType)> {
    let decoded = module.decoded();
    decoded.imports.iter().map(|import| (&*import.module, &*import.name, wanted_type(decoded, import)))
}

/// Describes a module in either format. Nothing is compiled.
///
/// # Errors
///
/// The module is not valid.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, CompileError> {
    let decoded = decode(to_binary(bytes)?)?;
    validate_bodies(&decoded.wire_bytes, &decoded.module, &decoded.validation)?;
    let (module, bytes) = (&*decoded.module, &*decoded.wire_bytes);
    let imports = module.imports.iter();
    let names = module.names(&decoded.wire_bytes);
    Ok(Inspection {
        name: names.module.as_deref().map(str::to_owned),
        module_bytes: bytes.len(),
        sections: sections(bytes)?,
        types: types(module, names),
        imports: imports.map(|i| (i.module.to_string(), i.name.to_string(), wanted_type(module, i))).collect(),
        exports: module.exports.iter().map(|e| (e.name.to_string(), export_type(module, e.index))).collect(),
        memories: named(module.memories.keys(), &names.memories, |index| ExternType::Memory(module.memories[index])),
        tables: named(module.tables.keys(), &names.tables, |index| ExternType::Table(module.tables[index].ty)),
        globals: named(module.globals.keys(), &names.globals, |index| ExternType::Global(module.globals[index])),
        tags: named(module.tags.keys(), &names.tags, |index| ExternType::Tag(module.signature(module.tags[index]).clone())),
        func_counts: (module.imported_func_count, module.bodies.len()),
        has_start: module.start.is_some(),
        features: features(bytes),
    })
}

fn named<I: Copy + Eq + Hash>(
    indices: impl Iterator<Item = I>,
    names: &HashMap<I, Box<str>>,
    ty: impl Fn(I) -> ExternType,
) -> Vec<Named> {
    indices.map(|index| Named { name: names.get(&index).map(|name| name.to_string()), ty: ty(index) }).collect()
}

fn types(module: &WasmModule, names: &Names) -> Vec<TypeText> {
    let text = |(index, ty): (TypeIndex, &SubType)| TypeText {
        name: names.types.get(&index).map(|name| name.to_string()),
        definition: NamedType { index, ty, names }.to_string(),
    };
    module.types.iter().map(text).collect()
}

/// A type in the text format, with the names of its fields.
struct NamedType<'a> {
    index: TypeIndex,
    ty: &'a SubType,
    names: &'a Names,
}

impl fmt::Display for NamedType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CompositeType::Struct(fields) = &self.ty.composite else { return self.ty.fmt(f) };
        let mut text = String::from("(struct");
        for (position, field) in (0..).zip(&fields.fields) {
            match self.names.fields.get(&(self.index, position)) {
                Some(name) => write!(text, " (field ${} {field})", name.escape_debug())?,
                None => write!(text, " (field {field})")?,
            }
        }
        text.push(')');
        let name = |index| HeapType::Concrete(CompositeKind::Struct, index);
        text::sub_type(f, self.ty.is_final, self.ty.supertype.map(name), self.ty.clauses.map(name), &text)
    }
}

fn export_type(module: &WasmModule, index: ExportIndex) -> ExternType {
    match index {
        ExportIndex::Func(func) => ExternType::Func(module.func_type(func).clone()),
        ExportIndex::Table(table) => ExternType::Table(module.tables[table].ty),
        ExportIndex::Memory(memory) => ExternType::Memory(module.memories[memory]),
        ExportIndex::Global(global) => ExternType::Global(module.globals[global]),
        ExportIndex::Tag(tag) => ExternType::Tag(module.signature(module.tags[tag]).clone()),
    }
}

fn sections(bytes: &[u8]) -> Result<Vec<Section>, CompileError> {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        let name = match &payload {
            Payload::CustomSection(custom) => format!("\"{}\"", custom.name()),
            _ => NAMES.get(usize::from(id)).map_or_else(|| format!("section {id}"), |&name| name.to_owned()),
        };
        let [start, end] = [range.start, range.end].map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
        sections.push(Section { name, offset: start, bytes: end - start });
    }
    Ok(sections)
}

/// Proposals by the name that the specification's repositories give them.
const PROPOSALS: [(&str, WasmFeatures); 18] = [
    ("mutable-global", WasmFeatures::MUTABLE_GLOBAL),
    ("sign-extension-ops", WasmFeatures::SIGN_EXTENSION),
    ("nontrapping-float-to-int-conversions", WasmFeatures::SATURATING_FLOAT_TO_INT),
    ("bulk-memory", WasmFeatures::BULK_MEMORY),
    ("reference-types", WasmFeatures::REFERENCE_TYPES),
    ("multi-value", WasmFeatures::MULTI_VALUE),
    ("simd", WasmFeatures::SIMD),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("threads", WasmFeatures::THREADS),
    ("tail-call", WasmFeatures::TAIL_CALL),
    ("extended-const", WasmFeatures::EXTENDED_CONST),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("memory64", WasmFeatures::MEMORY64),
    ("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC),
    ("function-references", WasmFeatures::FUNCTION_REFERENCES),
    ("gc", WasmFeatures::GC),
    ("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES),
    ("custom-descriptors", WasmFeatures::CUSTOM_DESCRIPTORS),
];

/// The proposals that a valid module cannot do without: each is left out once, to see whether the module is still valid.
fn features(bytes: &[u8]) -> Vec<&'static str> {
    let accepted = accepted_features();
    let valid_without = |features| Validator::new_with_features(accepted.difference(features)).validate_all(bytes).is_ok();
    PROPOSALS.into_iter().filter(|&(_, feature)| !valid_without(feature)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_described() {
        let text = r#"(module $m (import "a" "b" (func (param i32))) (memory (export "mem") 1 2)
            (func (export "f") (result i32 i32) i32.const 1 i32.extend8_s i32.const 2))"#;
        let found = inspect(text.as_bytes()).expect("a valid module");
        assert_eq!(found.name.as_deref(), Some("m"));
        assert_eq!(found.func_counts, (1, 1));
        assert_eq!(found.features, ["sign-extension-ops", "multi-value"]);
        assert_eq!(found.imports[0].2.to_string(), "(func (param i32))");
        assert_eq!(found.exports[0].1.to_string(), "(memory 1 2)");
        let names: Vec<&str> = found.sections.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["type", "import", "function", "memory", "export", "code", "\"name\""]);
    }

    #[test]
    fn types_have_their_names() {
        let text = r#"(module (type $f (func)) (rec
            (type $point (sub (descriptor $shape) (struct (field $x i32) (field (mut i8)))))
            (type $shape (sub (describes $point) (struct)))) (type (array i64)))"#;
        let found = inspect(text.as_bytes()).expect("a valid module");
        let types: Vec<(Option<&str>, &str)> = found.types.iter().map(|ty| (ty.name.as_deref(), &*ty.definition)).collect();
        let expected = [
            (Some("f"), "(func)"),
            (Some("point"), "(sub (descriptor 2) (struct (field $x i32) (field (mut i8))))"),
            (Some("shape"), "(sub (describes 1) (struct))"),
            (None, "(array i64)"),
        ];
        assert_eq!(types, expected);
        assert_eq!(found.features, ["gc", "custom-descriptors"]);
    }

    #[test]
    fn everything_has_its_name() {
        let text = r#"(module (import "" "" (global $from i64)) (memory $bytes 1) (memory 2) (table $calls 1 funcref) (tag $stop (param i32)))"#;
        let found = inspect(text.as_bytes()).expect("a valid module");
        let names = |named: &[Named]| named.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(names(&found.memories), [name("bytes"), None]);
        assert_eq!([names(&found.tables), names(&found.globals)].concat(), [name("calls"), name("from")]);
        assert_eq!(names(&found.tags), [name("stop")]);
    }

    #[test]
    fn a_bad_module_is_an_error_with_its_place() {
        let error = inspect(b"\0asm\x01\0\0\0\x01\x7f").expect_err("truncated");
        assert!(error.offset.is_some());
    }
}
