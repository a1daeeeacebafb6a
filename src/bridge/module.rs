//! `WebAssembly.Module` (§5.1): compiling, and what can be seen of a module.

use crate::base::sync::Arc;
use crate::bridge::companion::engine;
use crate::bridge::errors::throw;
use crate::bridge::idl::{
    Kind, Member, begin_construct, bytes_of, interface, member, require_args, require_dictionary, sequence,
};
use crate::bridge::js_string;
use crate::compile::engine::WasmEngine;
use crate::compile::module::Module;
use crate::heap::backing::Backing;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::wasm::error::CompileError;
use crate::wasm::module::{ExportIndex, Import, ImportKind};
use crate::wasm::types::{HeapType, ValType};

/// Word of the object: what it is of.
const COMPILED: u32 = 0;

/// `WebAssemblyCompileOptions`.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// Whether `wasm:js-string` is the engine's own.
    pub js_string: bool,
    /// The module whose imports are strings.
    pub constants: Option<String>,
}

/// A module, and what it was compiled with.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub module: Module,
    pub options: Arc<Options>,
}

impl Compiled {
    /// Whether an import is one that the engine itself gives.
    pub fn is_builtin(&self, import: &Import) -> bool {
        self.options.js_string && import.module == js_string::MODULE && js_string::find(&import.name).is_some()
            || self.is_constant(import)
    }

    /// Whether it is a string.
    pub fn is_constant(&self, import: &Import) -> bool {
        self.options.constants.as_deref() == Some(&*import.module)
    }
}

pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    let members = [
        Member::Static("exports", 1, exports),
        Member::Static("imports", 1, imports),
        Member::Static("customSections", 2, custom_sections),
    ];
    interface(cx, namespace, Kind::Module, 1, construct, &members)
}

/// The options of a compilation.
pub(super) fn options<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<Options> {
    require_dictionary(cx, value, what)?;
    let mut options = Options::default();
    if let Some(builtins) = member(cx, value, "builtins")? {
        for name in sequence(cx, builtins, &format!("{what}: 'builtins'"))? {
            options.js_string |= cx.to_rust_text(name)? == "js-string";
        }
    }
    if let Some(constants) = member(cx, value, "importedStringConstants")?
        && !constants.is_null()
    {
        options.constants = Some(cx.to_rust_text(constants)?);
    }
    Ok(options)
}

/// Refuses what is not the binary format.
pub(super) fn check_binary(bytes: &[u8]) -> Result<(), CompileError> {
    match bytes {
        [] => Err(CompileError::invalid("BufferSource argument is empty", 0)),
        [b'\0', b'a', b's', b'm', ..] => Ok(()),
        _ => {
            let found: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            Err(CompileError::invalid(format!("expected magic word 00 61 73 6d, found {}", found.join(" ")), 0))
        }
    }
}

/// Checks the imports that the engine itself gives.
pub(super) fn finish(module: Module, options: Arc<Options>) -> Result<Compiled, CompileError> {
    let compiled = Compiled { module, options };
    let decoded = compiled.module.decoded();
    for import in &decoded.imports {
        if compiled.is_constant(import) {
            let ImportKind::Global(ty) = import.kind else {
                return Err(CompileError::invalid(format!("import \"{}\": a string is a global", import.name), 0));
            };
            if ty.mutable || !matches!(ty.content, ValType::Ref(ty) if ty.heap == HeapType::Extern) {
                return Err(CompileError::invalid(format!("import \"{}\": a string is of type externref", import.name), 0));
            }
        } else if compiled.is_builtin(import)
            && let Err(message) = js_string::check(&compiled.module, import)
        {
            return Err(CompileError::invalid(message, 0));
        }
    }
    Ok(compiled)
}

/// Compiles bytes.
fn compile(engine: &WasmEngine, bytes: Vec<u8>, options: Options) -> Result<Compiled, CompileError> {
    check_binary(&bytes)?;
    let module = Module::from_shared(engine, bytes.into())?;
    finish(module, Arc::new(options))
}

/// The text of an error, as engines for scripts have it.
pub(super) fn error_text(what: &str, error: &CompileError) -> String {
    match error.offset {
        Some(offset) => format!("{what}: {} @+{offset}", error.message),
        None => format!("{what}: {}", error.message),
    }
}

/// Module(bytes, options).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Module()";
    let prototype = begin_construct(cx, args, Kind::Module, 1)?;
    let bytes = bytes_of(cx, cx.arg(args, 0), WHAT)?;
    let options = options(cx, cx.arg(args, 1), WHAT)?;
    let engine = engine(cx)?;
    match compile(&engine, bytes, options) {
        Ok(compiled) => object_with(cx, compiled, prototype),
        Err(error) => Err(throw(cx, Kind::CompileError, &error_text(WHAT, &error))),
    }
}

/// WebAssembly.validate(bytes, options).
pub(super) fn validate<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.validate()";
    require_args(cx, args, 1, WHAT)?;
    let bytes = bytes_of(cx, cx.arg(args, 0), WHAT)?;
    let options = options(cx, cx.arg(args, 1), WHAT)?;
    let engine = engine(cx)?;
    let has_builtins = options.js_string || options.constants.is_some();
    let is_valid = check_binary(&bytes).is_ok()
        && if has_builtins { compile(&engine, bytes, options).is_ok() } else { Module::validate(&engine, bytes).is_ok() };
    Ok(Local::bool(is_valid))
}

/// The object of a module.
pub(super) fn object<'s>(cx: &mut Cx<'s>, compiled: Compiled) -> Completion<Local<'s>> {
    let prototype = cx.embedder_intrinsic(Kind::Module as u32);
    object_with(cx, compiled, prototype)
}

fn object_with<'s>(cx: &mut Cx<'s>, compiled: Compiled, prototype: Local<'s>) -> Completion<Local<'s>> {
    let object = cx.new_embedder_object(Kind::Module as i32, prototype)?;
    cx.set_embedder_value(object, COMPILED, compiled)?;
    Ok(object)
}

/// The module of an object; nothing if it is none.
pub(super) fn compiled_of(cx: &Cx<'_>, object: Local<'_>) -> Option<Compiled> {
    if cx.embedder_kind(object) != Some(Kind::Module as i32) {
        return None;
    }
    cx.embedder_value::<Compiled>(object, COMPILED).cloned()
}

/// The module that is the first of so many arguments.
pub(super) fn argument<'s>(cx: &mut Cx<'s>, args: Args<'s>, count: usize, what: &str) -> Completion<Compiled> {
    require_args(cx, args, count, what)?;
    match compiled_of(cx, cx.arg(args, 0)) {
        Some(compiled) => Ok(compiled),
        None => Err(cx.type_error(&format!("{what}: Argument 0 must be a WebAssembly.Module"))),
    }
}

/// An object of texts.
fn record<'s>(cx: &mut Cx<'s>, fields: &[(&str, &str)]) -> Completion<Local<'s>> {
    let object = cx.new_object()?;
    for &(name, text) in fields {
        let mut cx = cx.open();
        let (key, text) = (cx.key(name)?, cx.string(text)?);
        cx.create_data_property_or_throw(object, key, text)?;
    }
    Ok(object)
}

/// Module.exports(moduleObject).
fn exports<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let compiled = argument(cx, args, 1, "WebAssembly.Module.exports()")?;
    let list = cx.new_array(0)?;
    for export in &compiled.module.decoded().exports {
        let kind = match export.index {
            ExportIndex::Func(_) => "function",
            ExportIndex::Table(_) => "table",
            ExportIndex::Memory(_) => "memory",
            ExportIndex::Global(_) => "global",
            ExportIndex::Tag(_) => "tag",
        };
        let mut cx = cx.open();
        let entry = record(&mut cx, &[("name", &export.name), ("kind", kind)])?;
        cx.array_push(list, entry)?;
    }
    Ok(list)
}

/// Module.imports(moduleObject).
fn imports<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let compiled = argument(cx, args, 1, "WebAssembly.Module.imports()")?;
    let list = cx.new_array(0)?;
    for import in &compiled.module.decoded().imports {
        if compiled.is_builtin(import) {
            continue;
        }
        let kind = match import.kind {
            ImportKind::Func(_) | ImportKind::FuncExact(_) => "function",
            ImportKind::Table(_) => "table",
            ImportKind::Memory(_) => "memory",
            ImportKind::Global(_) => "global",
            ImportKind::Tag(_) => "tag",
        };
        let mut cx = cx.open();
        let entry = record(&mut cx, &[("module", &import.module), ("name", &import.name), ("kind", kind)])?;
        cx.array_push(list, entry)?;
    }
    Ok(list)
}

/// Module.customSections(moduleObject, sectionName).
fn custom_sections<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Module.customSections()";
    let compiled = argument(cx, args, 2, WHAT)?;
    let wanted = cx.to_string(cx.arg(args, 1))?;
    let wanted = cx.code_units(wanted)?;
    let list = cx.new_array(0)?;
    let decoded = compiled.module.decoded();
    let wire_bytes = compiled.module.wire_bytes();
    for (name, range) in decoded.tail.get().map_or(&[][..], |tail| &tail.customs) {
        // A lone surrogate is in no name.
        if !name.encode_utf16().eq(wanted.iter().copied()) {
            continue;
        }
        let bytes = wire_bytes.of(range);
        let Some(backing) = Backing::new(bytes.len(), None, false) else { return Err(cx.range_error("no memory for a section")) };
        backing.write(0, bytes);
        let mut cx = cx.open();
        let buffer = cx.new_buffer_of(backing)?;
        cx.array_push(list, buffer)?;
    }
    Ok(list)
}
