//! `deltic inspect`.

use std::fmt::{Display, Write as _};
use std::io::Write;

use deltic::inspect::code::CodeInspection;
use deltic::inspect::{Inspection, Named, TypeText};

use crate::args::InspectArgs;
use crate::cache;
use crate::exit::Exit;
use crate::load::Input;

/// Prints what a module is made of.
pub fn inspect(args: &InspectArgs) -> Result<(), Exit> {
    let input = Input::open(&args.file)?;
    let text = if input.is_precompiled() {
        let key = cache::key(args.cache.as_deref(), args.key.as_deref())?;
        let found = match input {
            Input::File(path) => deltic::inspect::code::inspect_code(&path, &key),
            Input::Bytes(bytes) => deltic::inspect::code::inspect_code_bytes(bytes, &key),
        };
        render_code(&found.map_err(|error| Exit::file(&args.file, error))?)
    } else {
        let found = deltic::inspect::inspect(&input.bytes()?);
        render(&found.map_err(|error| Exit::file(&args.file, error))?)
    };
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))
}

fn render(found: &Inspection) -> String {
    let mut text = String::new();
    let (imported, defined) = found.func_counts;
    if let Some(name) = &found.name {
        line(&mut text, format_args!("module \"{name}\""));
    }
    line(&mut text, format_args!("bytes {}", found.module_bytes));
    line(&mut text, format_args!("functions {defined} defined, {imported} imported"));
    line(&mut text, format_args!("start function {}", if found.has_start { "yes" } else { "no" }));
    let features = if found.features.is_empty() { "none beyond the first version".into() } else { found.features.join(", ") };
    line(&mut text, format_args!("features {features}"));
    list(&mut text, "sections", found.sections.iter().map(|s| format!("{} at {:#x}, {} bytes", s.name, s.offset, s.bytes)));
    list(&mut text, "memories", found.memories.iter().map(named));
    list(&mut text, "tables", found.tables.iter().map(named));
    list(&mut text, "globals", found.globals.iter().map(named));
    list(&mut text, "tags", found.tags.iter().map(named));
    list(&mut text, "types", found.types.iter().enumerate().map(|(index, ty)| type_line(index, ty)));
    list(&mut text, "imports", found.imports.iter().map(|(module, field, ty)| format!("\"{module}\" \"{field}\" {ty}")));
    list(&mut text, "exports", found.exports.iter().map(|(name, ty)| format!("\"{name}\" {ty}")));
    text
}

fn render_code(found: &CodeInspection) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("compiled code, {} bytes", found.file_bytes));
    line(&mut text, format_args!("module {}{}", found.module, if found.has_module { ", included" } else { "" }));
    line(&mut text, format_args!("build {}", if found.is_of_this_build { "this one" } else { "another one" }));
    line(&mut text, format_args!("memories {}", if found.is_guarded { "with guard pages" } else { "with checks" }));
    for (tier, (functions, bytes)) in ["baseline", "optimized"].iter().zip(found.functions.iter().zip(found.code_bytes)) {
        line(&mut text, format_args!("{tier} {functions} functions, {bytes} bytes"));
    }
    line(&mut text, format_args!("profiles {}", found.profiles));
    line(&mut text, format_args!("processor {}", found.cpu.join(", ")));
    list(&mut text, "damaged", found.damaged.iter().map(|func| format!("body {}", func.as_u32())));
    text
}

fn named(named: &Named) -> String {
    match &named.name {
        Some(name) => format!("${} {}", name.escape_debug(), named.ty),
        None => named.ty.to_string(),
    }
}

fn type_line(index: usize, ty: &TypeText) -> String {
    match &ty.name {
        Some(name) => format!("{index} ${} {}", name.escape_debug(), ty.definition),
        None => format!("{index} {}", ty.definition),
    }
}

fn line(text: &mut String, content: impl Display) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{content}");
}

fn list(text: &mut String, title: &str, items: impl ExactSizeIterator<Item = impl Display>) {
    if items.len() == 0 {
        return;
    }
    line(text, format_args!("{title} {}", items.len()));
    for item in items {
        line(text, format_args!("  {item}"));
    }
}
