//! Where modules are: paths and `file:` URLs, `node_modules`, `package.json`; and the host of ES modules.

use std::path::{Path, PathBuf};

use crate::js::cx::{Completion, Cx};
use crate::js::host::{Host, ModuleText};
use crate::js::local::Local;
use crate::js::source::{SourceDecoder, SourceEncoding, SourceText};
use crate::shell::{State, builtin_modules};

/// The host of a shell's program.
#[derive(Debug)]
pub(super) struct ShellHost;

impl Host for ShellHost {
    fn resolve_module(&mut self, referrer: Option<&str>, specifier: &str) -> Result<String, String> {
        if let Some(place) = builtin_modules::place_of(specifier) {
            return Ok(place);
        }
        let base = referrer.map(Path::new).and_then(Path::parent).unwrap_or_else(|| Path::new("."));
        let path = resolve(base, specifier, false)?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn load_module(&mut self, place: &str, kind: &str) -> Result<ModuleText, String> {
        if let Some(source) = builtin_modules::name_of(place).and_then(builtin_modules::source) {
            return Ok(ModuleText::JavaScript(SourceText::from_utf8(place, &source)));
        }
        let bytes = std::fs::read(place).map_err(|error| format!("Cannot read module '{place}': {error}"))?;
        match kind {
            "" if is_commonjs(Path::new(place)) => Err(format!("'{place}' is a CommonJS module, which only require() loads")),
            "" => decode(place, &bytes).map(ModuleText::JavaScript),
            "json" => String::from_utf8(bytes).map(ModuleText::Json).map_err(|error| format!("{place}: {error}")),
            "text" => String::from_utf8(bytes).map(ModuleText::Text).map_err(|error| format!("{place}: {error}")),
            kind => Err(format!("Import attribute \"type\" with value \"{kind}\" is not supported")),
        }
    }

    fn import_meta(&mut self, cx: &mut Cx<'_>, meta: Local<'_>, place: &str) -> Completion<()> {
        if let Some(name) = builtin_modules::name_of(place) {
            let mut cx = cx.open();
            let module = builtin_modules::get(&mut cx, name)?.unwrap_or(Local::UNDEFINED);
            return super::define(&mut cx, meta, "builtin", module);
        }
        let path = Path::new(place);
        let texts = [
            ("url", file_url(path)),
            ("filename", place.to_owned()),
            ("dirname", path.parent().unwrap_or(path).to_string_lossy().into_owned()),
        ];
        for (name, text) in texts {
            let mut cx = cx.open();
            let text = cx.string(&text)?;
            super::define(&mut cx, meta, name, text)?;
        }
        Ok(())
    }

    fn promise_rejected(&mut self, cx: &mut Cx<'_>, promise: Local<'_>, reason: Local<'_>) {
        let pair = (cx.new_global(promise), cx.new_global(reason));
        if let Some(state) = cx.embedder_data::<State>() {
            state.rejections.push(pair);
        }
    }

    fn promise_handled(&mut self, cx: &mut Cx<'_>, promise: Local<'_>) {
        let mut cx = cx.open();
        let Some(state) = cx.embedder_data::<State>() else { return };
        let mut list = std::mem::take(&mut state.rejections);
        list.retain(|(other, _)| {
            let other = cx.read_global(other);
            !cx.same_value(other, promise)
        });
        if let Some(state) = cx.embedder_data::<State>() {
            state.rejections = list;
        }
    }

    fn report_error(&mut self, cx: &mut Cx<'_>, error: Local<'_>) {
        // A job's exception ends the program, as a timer's does: by way of the rejections.
        let pair = (cx.new_global(Local::UNDEFINED), cx.new_global(error));
        if let Some(state) = cx.embedder_data::<State>() {
            state.rejections.push(pair);
        }
    }
}

/// The text of a file: UTF-8, or UTF-16 with a mark in front.
pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<SourceText, String> {
    let encoding = match bytes {
        [0xff, 0xfe, ..] => SourceEncoding::Utf16,
        [0xfe, 0xff, ..] => return Err("is in UTF-16 of the big-endian order, which is not read".to_owned()),
        _ => {
            if let Err(error) = std::str::from_utf8(bytes) {
                return Err(format!("is not valid UTF-8: byte {}", error.valid_up_to()));
            }
            SourceEncoding::Utf8
        }
    };
    let mut decoder = SourceDecoder::new(name, encoding);
    decoder.push(bytes);
    Ok(decoder.finish())
}

/// The `file:` URL of a path.
pub(super) fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b'+' | b'@' | b':' | b',' | b'=' => {
                url.push(char::from(byte));
            }
            byte => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// The path of a `file:` URL.
pub(super) fn path_of_url(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

/// Whether a file is an ES module: by its ending, or by the nearest `package.json`.
pub(super) fn is_module(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("mjs") => true,
        Some("js") => package_of(path).is_some_and(|package| package["type"] == "module"),
        _ => false,
    }
}

fn is_commonjs(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "cjs")
}

fn package_of(path: &Path) -> Option<serde_json::Value> {
    let folder = path.ancestors().skip(1).find(|folder| folder.join("package.json").is_file())?;
    read_package(folder)
}

fn read_package(folder: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(folder.join("package.json")).ok()?).ok()
}

/// The file that a specifier means, seen from a folder.
pub(super) fn resolve(base: &Path, specifier: &str, is_require: bool) -> Result<PathBuf, String> {
    let missing = || format!("Cannot find module '{specifier}' from '{}'", base.display());
    let path = match path_of_url(specifier) {
        Some(path) => path,
        None if specifier.starts_with('/') => PathBuf::from(specifier),
        None if specifier.starts_with("./") || specifier.starts_with("../") || specifier == "." || specifier == ".." => {
            base.join(specifier)
        }
        None => return resolve_package(base, specifier, is_require).ok_or_else(missing),
    };
    let found = if is_require { find(&path) } else { path.is_file().then(|| path.clone()) };
    found.and_then(|path| path.canonicalize().ok()).ok_or_else(missing)
}

/// A file, with the endings that `require` adds, or a folder's main file.
fn find(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    };
    if let Some(found) = [".js", ".json", ".cjs", ".mjs"].into_iter().find_map(with) {
        return Some(found);
    }
    if !path.is_dir() {
        return None;
    }
    let main = read_package(path).and_then(|package| package["main"].as_str().map(|main| path.join(main)));
    main.filter(|main| main != path).and_then(|main| find(&main)).or_else(|| find(&path.join("index")))
}

/// PACKAGE_RESOLVE: a name in the `node_modules` of a folder or of one above it.
fn resolve_package(base: &Path, specifier: &str, is_require: bool) -> Option<PathBuf> {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(at, _)| at);
    let (name, below) = specifier.split_at(end);
    let folder = base.ancestors().map(|folder| folder.join("node_modules").join(name)).find(|folder| folder.is_dir())?;
    let package = read_package(&folder);
    if let Some(exports) = package.as_ref().map(|package| &package["exports"]).filter(|exports| !exports.is_null()) {
        let target = export_target(exports, &format!(".{below}"), is_require)?;
        return folder.join(target).canonicalize().ok();
    }
    if !below.is_empty() {
        return find(&folder.join(&below[1..]))?.canonicalize().ok();
    }
    let field = package.as_ref().filter(|_| !is_require).and_then(|package| package["module"].as_str());
    let found = field.and_then(|field| find(&folder.join(field))).or_else(|| find(&folder))?;
    found.canonicalize().ok()
}

/// PACKAGE_EXPORTS_RESOLVE: a string, conditions, or subpaths with a star.
fn export_target(exports: &serde_json::Value, below: &str, is_require: bool) -> Option<String> {
    if let Some(map) = exports.as_object()
        && map.keys().any(|key| key.starts_with('.'))
    {
        if let Some(target) = map.get(below) {
            return condition(target, is_require);
        }
        return map.iter().find_map(|(key, target)| {
            let (before, after) = key.split_once('*')?;
            let star = below.strip_prefix(before)?.strip_suffix(after)?;
            Some(condition(target, is_require)?.replace('*', star))
        });
    }
    if below == "." { condition(exports, is_require) } else { None }
}

fn condition(target: &serde_json::Value, is_require: bool) -> Option<String> {
    match target {
        serde_json::Value::String(path) => Some(path.clone()),
        serde_json::Value::Array(list) => list.iter().find_map(|target| condition(target, is_require)),
        serde_json::Value::Object(map) => {
            let wanted = if is_require { "require" } else { "import" };
            map.iter()
                .filter(|(key, _)| [wanted, "node", "default"].contains(&key.as_str()))
                .find_map(|(_, target)| condition(target, is_require))
        }
        _ => None,
    }
}
