//! CommonJS: `require`, `module`, `exports`.

use std::path::Path;

use crate::base::sync::Arc;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::source::SourceText;
use crate::shell::{ShellError, State, builtin_modules, define, end_of, modules, process, report};

/// Runs the main file.
pub(super) fn run_main(cx: &mut Cx<'_>, path: &Path, source: SourceText) -> Result<(), ShellError> {
    let mut cx = cx.open();
    let name = path.to_string_lossy().into_owned();
    process::set_args(&mut cx).map_err(|thrown| end_of(&mut cx, thrown))?;
    let text = source.text().to_utf8_lossy();
    match compile_wrapped(source) {
        Err(error) => Err(ShellError::Syntax(report::syntax_error(&name, &text, &error))),
        Ok(script) => run(&mut cx, path, &script).map(|_| ()).map_err(|thrown| end_of(&mut cx, thrown)),
    }
}

type Compiled = Arc<crate::js::bytecode::ScriptCode>;

/// The text as the body of a function with the module's five parameters; positions stay those of the file.
fn compile_wrapped(source: SourceText) -> Result<Compiled, crate::js::parse::SyntaxError> {
    crate::js::script::compile_wrapped(source, &["exports", "require", "module", "__filename", "__dirname"])
}

fn run<'s>(cx: &mut Cx<'s>, path: &Path, script: &Compiled) -> Completion<Local<'s>> {
    let module = cx.new_object()?;
    let exports = cx.new_object()?;
    let name = path.to_string_lossy().into_owned();
    define(cx, module, "exports", exports)?;
    let id = cx.string(&name)?;
    define(cx, module, "id", id)?;
    define(cx, module, "filename", id)?;
    let kept = cx.new_global(module);
    if let Some(state) = cx.embedder_data::<State>() {
        state.required.insert(name, kept);
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("/")).to_string_lossy().into_owned();
    let folder = cx.string(&folder)?;
    let require = make_require(cx, folder)?;
    let function = cx.run_script(script)?;
    cx.call(function, exports, &[exports, require, module, id, folder])?;
    Ok(module)
}

/// A `require` for the modules of a folder.
pub(super) fn make_require<'s>(cx: &mut Cx<'s>, folder: Local<'s>) -> Completion<Local<'s>> {
    let require = cx.new_capturing(require, 1, &[folder])?;
    let resolve = cx.new_capturing(resolve, 1, &[folder])?;
    define(cx, require, "resolve", resolve)?;
    Ok(require)
}

fn resolve<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (folder, specifier) = (cx.captured(args, 0), cx.arg(args, 0));
    let (folder, specifier) = (cx.rust_text(folder)?, cx.to_rust_text(specifier)?);
    match modules::resolve(Path::new(&folder), &specifier, true) {
        Ok(path) => cx.string(&path.to_string_lossy()),
        Err(error) => Err(not_found(cx, &error)?),
    }
}

/// An Error with the code by which programs know it.
fn not_found(cx: &mut Cx<'_>, message: &str) -> Completion<crate::js::cx::Thrown> {
    let mut cx = cx.open();
    let error = cx.new_error(crate::js::intrinsic::Intrinsic::ErrorPrototype, message)?;
    let code = cx.string("MODULE_NOT_FOUND")?;
    define(&mut cx, error, "code", code)?;
    Ok(cx.throw(error))
}

fn require<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (folder, specifier) = (cx.captured(args, 0), cx.arg(args, 0));
    if !specifier.is_string() {
        return Err(cx.type_error("The \"id\" argument must be of type string"));
    }
    let (folder, specifier) = (cx.rust_text(folder)?, cx.rust_text(specifier)?);
    if let Some(builtin) = builtin_modules::get(cx, specifier.strip_prefix("node:").unwrap_or(&specifier))? {
        return Ok(builtin);
    }
    let path = match modules::resolve(Path::new(&folder), &specifier, true) {
        Ok(path) => path,
        Err(error) => return Err(not_found(cx, &error)?),
    };
    let name = path.to_string_lossy().into_owned();
    let exports = Name::exports.key();
    let kept = cx.embedder_data::<State>().and_then(|state| state.required.get(&name)).map(std::ptr::from_ref);
    if kept.is_some() {
        let module = known_module(cx, &name);
        return cx.get(module, exports);
    }
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(not_found(cx, &format!("{name}: {error}"))?),
    };
    if path.extension().is_some_and(|extension| extension == "json") {
        return require_json(cx, &name, &bytes);
    }
    let source = match modules::decode(&name, &bytes) {
        Ok(source) => source,
        Err(error) => return Err(cx.syntax_error(&format!("{name} {error}"))),
    };
    let script = match compile_wrapped(source) {
        Ok(script) => script,
        Err(error) => return Err(cx.syntax_error(&format!("{} ({name}:{}:{})", error.message, error.line, error.column))),
    };
    match run(cx, &path, &script) {
        Ok(module) => cx.get(module, exports),
        Err(thrown) => {
            // It is tried again when it is asked for again.
            if let Some(state) = cx.embedder_data::<State>() {
                state.required.remove(&name);
            }
            Err(thrown)
        }
    }
}

pub(super) fn known_module<'s>(cx: &mut Cx<'s>, name: &str) -> Local<'s> {
    let Some(global) = cx.embedder_data::<State>().and_then(|state| state.required.remove(name)) else { return Local::UNDEFINED };
    let module = cx.read_global(&global);
    if let Some(state) = cx.embedder_data::<State>() {
        state.required.insert(name.to_owned(), global);
    }
    module
}

fn require_json<'s>(cx: &mut Cx<'s>, name: &str, bytes: &[u8]) -> Completion<Local<'s>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => return Err(cx.syntax_error(&format!("{name}: {error}"))),
    };
    let (global, json) = (cx.global(), cx.key("JSON")?);
    let json = cx.get(global, json)?;
    let text = cx.string(text)?;
    let exports = cx.invoke(json, Name::parse.key(), &[text])?;
    let module = cx.new_object()?;
    define(cx, module, "exports", exports)?;
    let kept = cx.new_global(module);
    if let Some(state) = cx.embedder_data::<State>() {
        state.required.insert(name.to_owned(), kept);
    }
    Ok(exports)
}
