//! The house rules, as tests.
//!
//! What breaks a rule today and may go on doing so stands in `tests/expect/tidy.txt`, one `rule: place` a line. That list only
//! shrinks: a line that is no longer needed is an error. `BLESS=1` takes such lines off, and never adds one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{bless, files_below, relative, root};

/// Folders of `src/` from the bottom up, and which others each may name. `base` may be named by all.
///
/// This table, the one in `ARCHITECTURE.md` and a heading in `RATIONALE.md` change together.
const LAYERS: [(&str, &[&str]); 22] = [
    ("base", &[]),
    ("platform", &[]),
    ("layout", &[]),
    ("tasks", &["platform"]),
    ("store", &["platform"]),
    ("wasm", &[]),
    ("heap", &["platform", "layout", "tasks"]),
    ("abi", &["wasm", "layout"]),
    ("asm", &[]),
    ("codegen", &["wasm", "layout", "abi", "asm"]),
    ("code", &["platform", "abi"]),
    ("cache", &["platform", "wasm", "abi", "store"]),
    ("compile", &["platform", "tasks", "store", "wasm", "abi", "codegen", "code", "cache"]),
    ("runtime", &["platform", "wasm", "layout", "heap", "abi", "code", "compile"]),
    ("isolate", &["platform", "tasks", "wasm", "layout", "heap", "abi", "code", "compile", "runtime"]),
    ("wasi", &["wasm", "runtime", "isolate"]),
    ("regexp", &[]),
    ("js", &["platform", "tasks", "store", "layout", "heap", "isolate", "regexp"]),
    ("bridge", &["wasm", "layout", "heap", "abi", "compile", "runtime", "isolate", "js"]),
    ("shell", &["platform", "heap", "compile", "isolate", "js", "bridge"]),
    (
        "api",
        &[
            "platform", "layout", "tasks", "store", "wasm", "heap", "abi", "codegen", "code", "cache", "compile", "runtime",
            "isolate", "wasi", "js", "bridge", "shell",
        ],
    ),
    ("bin", &[]),
];

/// Modules of the library that the command may name: the public face.
const FACE: [&str; 9] = ["inspect", "is_precompiled_bytes", "read_shared", "shell", "test262", "trace", "wasi", "wast", "wpt"];

/// Where `unsafe` is allowed. An attribute in `compile/mod.rs` would hold for the token as well.
const UNSAFE: [&str; 11] = [
    "platform",
    "layout",
    "heap",
    "code",
    "runtime",
    "isolate",
    "js/interp",
    "js/mod.rs",
    "compile/token.rs",
    "compile/deserialize.rs",
    "compile/mod.rs",
];

const MAX_FILE_LINES: usize = 1000;
const MAX_FUNCTION_LINES: usize = 100;

/// A source file: its path, its text, and its text without comments, strings and tests.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn folder(&self) -> &str {
        self.path.strip_prefix("src/").and_then(|path| path.split_once('/')).map_or("", |(folder, _)| folder)
    }

    /// Lines of the code up to the file's own tests, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        let code = if is_test_file { "" } else { self.code.split("#[cfg(test)]\nmod ").next().unwrap_or("") };
        code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

fn sources() -> Vec<Source> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Source { path: relative(path), code: without_comments_and_strings(&text), text }
    };
    files_below(&root().join("src"), &["rs"]).iter().map(|path| read(path)).collect()
}

/// Blanks out comments, strings and characters; lines stay where they are.
fn without_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let end = at
            + if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else if let Some(len) = raw_string_len(rest) {
                len
            } else if rest.starts_with('"') {
                string_len(rest)
            } else if let Some(len) = char_len(rest) {
                len
            } else {
                let len = rest.chars().next().map_or(1, char::len_utf8);
                code.push_str(&rest[..len]);
                at += len;
                continue;
            };
        code.extend(text[at..end].chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

fn string_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw_string_len(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.bytes().take_while(|&byte| byte == b'#').count();
    text[1 + hashes..].starts_with('"').then_some(())?;
    let end = format!("\"{}", "#".repeat(hashes));
    text[2 + hashes..].find(&end).map(|at| 2 + hashes + at + end.len())
}

/// A character, which is told from a lifetime by its closing quote.
fn char_len(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    if inner.starts_with('\\') {
        return inner.get(2..)?.find('\'').map(|end| end + 4);
    }
    let len = inner.chars().next()?.len_utf8();
    inner[len..].starts_with('\'').then_some(len + 2)
}

/// Compares what breaks a rule with the list of exceptions.
fn check(rule: &str, found: impl IntoIterator<Item = String>) {
    let path = root().join("tests/expect/tidy.txt");
    let list = std::fs::read_to_string(&path).unwrap_or_default();
    let prefix = format!("{rule}: ");
    let allowed: BTreeSet<&str> = list.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
    let found: BTreeSet<String> = found.into_iter().collect();
    // Lines move: what is allowed names a file, or a file and an item.
    let place = |text: &str| text.split(" -- ").next().unwrap_or(text).to_owned();
    let surprises: Vec<&String> = found.iter().filter(|text| !allowed.contains(strip_line(&place(text)).as_str())).collect();
    assert!(surprises.is_empty(), "{rule}:\n{surprises:#?}");
    let needed: BTreeSet<String> = found.iter().map(|text| strip_line(&place(text))).collect();
    let stale: Vec<&&str> = allowed.iter().filter(|line| !needed.contains(**line)).collect();
    if bless() && !stale.is_empty() {
        let keep = |line: &&str| line.strip_prefix(&prefix).is_none_or(|place| needed.contains(place));
        let text: String = list.lines().filter(keep).map(|line| format!("{line}\n")).collect();
        return std::fs::write(&path, text).expect("the list is written");
    }
    assert!(stale.is_empty(), "no longer needed in tests/expect/tidy.txt: {rule}: {stale:?}");
}

/// `src/a.rs:12` as `src/a.rs`; an item's name stays.
fn strip_line(place: &str) -> String {
    match place.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => path.to_owned(),
        _ => place.to_owned(),
    }
}

/// The first names behind a prefix such as `crate::`, groups included.
fn names_behind(line: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        if line[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_') {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        let word = |text: &str| text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(group) => names.extend(top_level(group).map(|part| word(part.trim()))),
            None => names.push(word(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The parts between commas of a group, those of inner groups left out.
fn top_level(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    group.split(move |char| {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        char == ',' && depth == 0
    })
}

#[test]
fn layers_name_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for source in sources() {
        let folder = source.folder();
        if folder.is_empty() {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == folder) else {
            wrong.push(format!("{} -- a folder that the table does not have", source.path));
            continue;
        };
        for (line, code) in source.lines() {
            if folder == "bin" {
                let names = names_behind(code, "deltic::").into_iter();
                let inner = names.filter(|name| name.starts_with(char::is_lowercase) && !FACE.contains(&name.as_str()));
                wrong.extend(inner.map(|name| format!("{} -- the command names {name}", source.at(line))));
                continue;
            }
            for name in names_behind(code, "crate::") {
                let is_layer = LAYERS.iter().any(|(layer, _)| *layer == name);
                let may = name == "base" || name == folder || allowed.contains(&name.as_str());
                if (is_layer && !may) || (!is_layer && folder != "api") {
                    wrong.push(format!("{} -- {folder} names {name}", source.at(line)));
                }
            }
        }
    }
    check("layers", wrong);
}

#[test]
fn the_architecture_names_what_is_there() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let spans = text.split('`').skip(1).step_by(2);
    let is_path =
        |span: &&str| !span.contains([' ', '(', '<', ':', '*', '=', '-']) && (span.contains('/') || span.ends_with(".rs"));
    let exists = |span: &str| ["", "src/"].iter().any(|base| root().join(base).join(span).exists());
    let missing: Vec<&str> = spans.filter(is_path).filter(|span| !exists(span)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
    // The layers stand in the document as they stand here.
    let missing: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}");
}

#[test]
fn files_open_with_their_documentation() {
    let mut files = sources();
    let tests = ["tests", "benches"].into_iter().flat_map(|folder| files_below(&root().join(folder), &["rs"]));
    files.extend(tests.map(|path| Source {
        path: relative(&path),
        text: std::fs::read_to_string(&path).expect("a file"),
        code: String::new(),
    }));
    check("documentation", files.iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path.clone()));
}

#[test]
fn files_and_functions_are_small() {
    let sources = sources();
    let long = sources.iter().filter(|source| source.text.lines().count() >= MAX_FILE_LINES);
    check("file length", long.map(|source| source.path.clone()));
    let functions = sources.iter().flat_map(|source| {
        let long = functions(&source.code).into_iter().filter(|(_, lines)| *lines >= MAX_FUNCTION_LINES);
        long.map(|(name, lines)| format!("{}:{name} -- {lines} lines", source.path))
    });
    check("function length", functions.collect::<Vec<_>>());
}

/// Functions with their lines.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let (mut depth, mut opened) = (0i32, false);
        for (count, line) in lines[start..].iter().enumerate() {
            for char in line.chars() {
                match char {
                    '{' => (depth, opened) = (depth + 1, true),
                    '}' => depth -= 1,
                    _ => {}
                }
            }
            if (opened && depth <= 0) || (!opened && line.trim_end().ends_with(';')) {
                functions.push((name.to_owned(), count + 1));
                break;
            }
        }
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_modifier = |word: &str| ["const", "async", "unsafe", "extern"].contains(&word) || word.starts_with("pub");
    let qualified = before.split_whitespace().all(|word| is_modifier(word) || word.ends_with(')'));
    let end = after.find(|char: char| !char.is_alphanumeric() && char != '_')?;
    (qualified && end > 0).then(|| &after[..end])
}

#[test]
fn indices_have_types() {
    let kinds = ["func", "type", "table", "memory", "global", "elem", "data", "tag"];
    let mut wrong = Vec::new();
    for source in sources() {
        for (line, code) in source.lines() {
            let bare = kinds.iter().find(|kind| ["u32", "usize"].iter().any(|ty| code.contains(&format!(" {kind}_index: {ty}"))));
            wrong.extend(bare.map(|kind| format!("{} -- {kind}_index", source.at(line))));
        }
    }
    check("typed indices", wrong);
}

#[test]
fn modules_do_not_reach_over_their_parents() {
    let sources = sources();
    let found = sources.iter().flat_map(|source| {
        let lines = source.code.lines().enumerate().filter(|(_, line)| line.contains("super::super"));
        lines.map(|(index, _)| source.at(index + 1))
    });
    check("super::super", found.collect::<Vec<_>>());
}

#[test]
fn synchronisation_comes_from_one_place() {
    let doors = ["std::sync::", "parking_lot::", "loom::", "core::sync::"];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.path != "src/base/sync.rs") {
        let lines = source.lines().filter(|(_, line)| doors.iter().any(|door| line.contains(door)));
        found.extend(lines.map(|(line, _)| source.at(line)));
    }
    check("synchronisation", found);
}

#[test]
fn weak_orderings_say_why() {
    // A comment stands close by, or one that names the ordering stands a little above and speaks for several.
    let words = ["Relaxed", "Acquire", "Release", "AcqRel"];
    let orderings = words.map(|word| format!("Ordering::{word}"));
    let mut found = Vec::new();
    for source in sources() {
        let text: Vec<&str> = source.text.lines().collect();
        for (line, code) in source.lines() {
            let is_weak = orderings.iter().any(|ordering| code.contains(ordering.as_str()));
            let near = &text[line.saturating_sub(4)..line];
            let before = &text[line.saturating_sub(12)..line];
            let named =
                |line: &&str| line.split("//").nth(1).is_some_and(|comment| words.iter().any(|word| comment.contains(word)));
            if is_weak && !near.iter().any(|line| line.contains("//")) && !before.iter().any(named) {
                found.push(source.at(line));
            }
        }
    }
    check("orderings", found);
}

#[test]
fn unsafe_code_is_where_it_belongs() {
    let sources = sources();
    const FORBID: &str = "#![forbid(unsafe_code)]";
    let forbids = |path: &str| sources.iter().any(|source| source.path == path && source.text.contains(FORBID));
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.folder().is_empty()) {
        let below = source.path.strip_prefix("src/").unwrap_or(&source.path);
        if UNSAFE.iter().any(|place| below == *place || below.starts_with(&format!("{place}/"))) {
            continue;
        }
        let parents = source.path.match_indices('/').map(|(at, _)| &source.path[..at]);
        let inherited =
            parents.clone().any(|parent| forbids(&format!("{parent}/mod.rs")) || forbids(&format!("{parent}/main.rs")));
        if !inherited && !source.text.contains(FORBID) {
            found.push(source.path.clone());
        }
    }
    check("forbid unsafe", found);
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    let mut found = Vec::new();
    for source in sources() {
        let text: Vec<&str> = source.text.lines().collect();
        for (index, code) in source.code.lines().enumerate() {
            let is_unsafe = code.contains("unsafe {") || code.trim_start().starts_with("unsafe impl");
            let near = &text[index.saturating_sub(6)..=index];
            if is_unsafe && !near.iter().any(|line| line.contains("SAFETY:")) {
                found.push(source.at(index + 1));
            }
        }
    }
    check("safety comments", found);
}

#[test]
fn builtins_name_their_section() {
    // What only declares the files of a folder has none.
    let is_builtin = |source: &&Source| source.path.starts_with("src/js/builtins/") && source.code.contains("Args<'s>");
    let sources = sources();
    let silent = sources.iter().filter(is_builtin).filter(|source| !source.text.contains('§'));
    check("sections", silent.map(|source| source.path.clone()));
}

#[test]
fn the_checks_check() {
    let code = "fn a() {\n    let s = \"// { fn\"; // fn b() {\n    let c = '{'; let r = r#\"}\"#; let l: &'static str;\n}\n";
    let stripped = without_comments_and_strings(code);
    assert_eq!(functions(&stripped), [("a".to_owned(), 4)]);
    assert!(stripped.contains("&'static str"));
    assert_eq!(names_behind("use crate::{a::{b, c}, d}; crate::e::f", "crate::"), ["a", "d", "e"]);
    assert_eq!(names_behind("my_crate::x", "crate::"), [] as [String; 0]);
    assert_eq!(strip_line("src/a.rs:12"), "src/a.rs");
    assert_eq!(strip_line("src/a.rs:name"), "src/a.rs:name");
    for (text, len) in
        [("'a'", Some(3)), ("'\\n'", Some(4)), ("'\\''", Some(4)), ("'\\u{7f}'", Some(8)), ("'static", None), ("'a, 'b", None)]
    {
        assert_eq!(char_len(text), len, "{text}");
    }
}
