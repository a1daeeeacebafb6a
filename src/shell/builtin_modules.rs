//! Modules that are the shell's own: made when they are first asked for, by `require` or by `import`.

use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::shell::require::{known_module, make_require};
use crate::shell::{State, crypto, define, define_functions, descriptors, files, inspect, modules, path, url};

/// Their names.
const NAMES: [&str; 9] = ["crypto", "fs", "module", "os", "path", "perf_hooks", "process", "url", "util"];
/// What the place of such a module begins with.
const PREFIX: &str = "node:";

const MODULE: &[(&str, u32, Native)] = &[("createRequire", 1, create_require)];
const OS: &[(&str, u32, Native)] = &[("tmpdir", 0, tmpdir), ("homedir", 0, homedir), ("platform", 0, platform)];
const UTIL: &[(&str, u32, Native)] = &[("inspect", 1, inspect_value)];

/// The place of a builtin module that a specifier names.
pub(super) fn place_of(specifier: &str) -> Option<String> {
    let name = specifier.strip_prefix(PREFIX).unwrap_or(specifier);
    NAMES.contains(&name).then(|| format!("{PREFIX}{name}"))
}

/// The name of the builtin module at a place.
pub(super) fn name_of(place: &str) -> Option<&str> {
    place.strip_prefix(PREFIX)
}

/// The text of the ES module at such a place: it exports what `import.meta.builtin` has now, by the names that `list` knows.
pub(super) fn source(name: &str) -> Option<String> {
    if !NAMES.contains(&name) {
        return None;
    }
    let mut text = String::from("const module = import.meta.builtin; export default module;");
    let tables: &[&[(&str, u32, Native)]] = match name {
        "crypto" => &[crypto::FUNCTIONS],
        "fs" => &[files::FUNCTIONS, descriptors::FUNCTIONS],
        "module" => &[MODULE],
        "os" => &[OS],
        "path" => &[path::FUNCTIONS],
        "url" => &[url::FUNCTIONS],
        "util" => &[UTIL],
        _ => &[],
    };
    let more: &[&str] = match name {
        "fs" => &["constants"],
        "os" => &["EOL"],
        "path" => &["sep", "delimiter", "posix"],
        "perf_hooks" => &["performance"],
        "process" => {
            &["argv", "env", "exit", "cwd", "platform", "arch", "version", "versions", "hrtime", "nextTick", "stdout", "stderr"]
        }
        "url" => &["URL", "URLSearchParams"],
        "util" => &["TextEncoder", "TextDecoder"],
        _ => &[],
    };
    for name in tables.iter().copied().flatten().map(|entry| entry.0).chain(more.iter().copied()) {
        text.push_str(&format!("export const {name} = module.{name};"));
        if let Some(short) = name.strip_suffix("Sync").filter(|&short| short != "exists") {
            text.push_str(&format!("export const {short} = module.{short};"));
        }
    }
    Some(text)
}

/// The exports of a builtin module.
pub(super) fn get<'s>(cx: &mut Cx<'s>, name: &str) -> Completion<Option<Local<'s>>> {
    if !NAMES.contains(&name) {
        return Ok(None);
    }
    let key = format!("{PREFIX}{name}");
    let known = known_module(cx, &key);
    if known.is_object() {
        return Ok(Some(known));
    }
    let module = match name {
        "process" | "crypto" => global(cx, name)?,
        _ => cx.new_object()?,
    };
    fill(cx, module, name)?;
    let kept = cx.new_global(module);
    if let Some(state) = cx.embedder_data::<State>() {
        state.required.insert(key, kept);
    }
    Ok(Some(module))
}

fn global<'s>(cx: &mut Cx<'s>, name: &str) -> Completion<Local<'s>> {
    let (global, key) = (cx.global(), cx.key(name)?);
    cx.get(global, key)
}

fn fill(cx: &mut Cx<'_>, module: Local<'_>, name: &str) -> Completion<()> {
    let mut cx = cx.open();
    match name {
        "fs" => {
            for table in [files::FUNCTIONS, descriptors::FUNCTIONS] {
                define_functions(&mut cx, module, table)?;
                descriptors::define_callbacks(&mut cx, module, table)?;
            }
            let constants = cx.new_object()?;
            for &(name, value) in descriptors::CONSTANTS {
                define(&mut cx, constants, name, Local::int(value))?;
            }
            define(&mut cx, module, "constants", constants)
        }
        "path" => {
            define_functions(&mut cx, module, path::FUNCTIONS)?;
            for (name, text) in [("sep", "/"), ("delimiter", ":")] {
                let text = cx.string(text)?;
                define(&mut cx, module, name, text)?;
            }
            define(&mut cx, module, "posix", module)
        }
        "perf_hooks" => define_globals(&mut cx, module, &["performance"]),
        "util" => {
            define_functions(&mut cx, module, UTIL)?;
            define_globals(&mut cx, module, &["TextEncoder", "TextDecoder"])
        }
        "url" => {
            define_functions(&mut cx, module, url::FUNCTIONS)?;
            define_globals(&mut cx, module, &["URL", "URLSearchParams"])
        }
        "os" => {
            define_functions(&mut cx, module, OS)?;
            let line_end = cx.string("\n")?;
            define(&mut cx, module, "EOL", line_end)
        }
        "module" => define_functions(&mut cx, module, MODULE),
        _ => Ok(()),
    }
}

fn define_globals(cx: &mut Cx<'_>, module: Local<'_>, names: &[&str]) -> Completion<()> {
    for name in names {
        let mut cx = cx.open();
        let value = global(&mut cx, name)?;
        define(&mut cx, module, name, value)?;
    }
    Ok(())
}

fn create_require<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let file = cx.arg(args, 0);
    let text = if file.is_object() {
        let key = cx.key("href")?;
        let href = cx.get(file, key)?;
        cx.to_rust_text(href)?
    } else {
        cx.to_rust_text(file)?
    };
    let path = modules::path_of_url(&text).unwrap_or_else(|| text.into());
    if !path.is_absolute() {
        return Err(cx.type_error("The argument 'filename' must be a file URL object, file URL string, or absolute path string"));
    }
    let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    let folder = cx.string(&folder.to_string_lossy())?;
    make_require(cx, folder)
}

fn tmpdir<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.string(std::env::temp_dir().to_string_lossy().trim_end_matches('/'))
}

fn homedir<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.string(&std::env::home_dir().unwrap_or_else(|| "/".into()).to_string_lossy())
}

fn platform<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.string("linux")
}

fn inspect_value<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = inspect::inspect(cx, cx.arg(args, 0))?;
    cx.string(&text)
}
