//! JavaScript: programs that say what they print, bad input, limits, and a sample of the conformance suite.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use deltic::{test262, wpt};

use crate::support::{files_below, relative, root};

fn deltic(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    command.current_dir(root()).args(args).env("TZ", "UTC").output().expect("the command starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program says that it prints: the lines behind `// => `.
fn expected(source: &str) -> String {
    let line = |line: &str| line.strip_prefix("// =>").map(|text| text.strip_prefix(' ').unwrap_or(text).to_owned() + "\n");
    source.lines().filter_map(line).collect()
}

/// Runs all programs of `tests/js` in one way.
fn run_programs(options: &[&str]) {
    let programs = files_below(&root().join("tests/js"), &["js", "mjs"]);
    let mut count = 0;
    for path in programs.iter().filter(|path| !relative(path).contains("/modules/")) {
        let source = std::fs::read_to_string(path).expect("a program");
        let name = relative(path);
        let args: Vec<&str> = ["run"].iter().chain(options).copied().chain([name.as_str()]).collect();
        let output = deltic(&args);
        assert_eq!(stdout(&output), expected(&source), "{name}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        count += 1;
    }
    assert!(count > 8, "only {count} programs");
}

#[test]
fn programs_print_what_they_say() {
    run_programs(&[]);
}

#[test]
fn programs_print_the_same_with_a_collection_at_every_allocation() {
    run_programs(&["--gc-stress"]);
}

/// A file in a folder of its own.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

#[test]
fn a_syntax_error_is_shown_with_its_line() {
    let (_folder, path) = file("bad.js", "let a = 1;\n\tlet b = ;\n");
    let output = deltic(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("bad.js:2:10\n\tlet b = ;\n\t        ^"), "{text}");
    assert!(text.contains("SyntaxError: "), "{text}");
}

#[test]
fn an_uncaught_exception_is_shown_with_its_stack() {
    let (_folder, path) =
        file("thrower.js", "function inner() {\n  throw new TypeError('oh');\n}\nfunction outer() { inner(); }\nouter();\n");
    let output = deltic(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("TypeError: oh"), "{text}");
    let places: Vec<bool> = ["inner", "thrower.js:2:", "outer", "thrower.js:4:"].iter().map(|part| text.contains(part)).collect();
    assert_eq!(places, [true; 4], "{text}");
}

#[test]
fn a_rejection_that_nobody_handles_ends_the_program() {
    let (_folder, path) = file("rejected.js", "Promise.reject(new Error('unseen')); setTimeout(() => console.log('late'), 1);");
    let output = deltic(&["run", &path]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("Error: unseen") && stdout(&output).is_empty());
}

#[test]
fn what_never_ends_is_ended() {
    let programs = [
        "for (;;);",
        "while (true) { try { throw 1; } catch {} finally { continue; } }",
        "Promise.resolve().then(function again() { return Promise.resolve().then(again); });",
        "setInterval(() => {}, 1);",
        "async function f() { for (;;) await 0; } f();",
        "function* g() { for (;;) yield 0; } for (const x of g());",
    ];
    for program in programs {
        let (_folder, path) = file("endless.js", program);
        let output = deltic(&["run", "--timeout", "300ms", &path]);
        let ended = output.status.code();
        assert_eq!(ended, Some(124), "{program}: {}", stderr(&output));
    }
}

#[test]
fn recursion_without_end_is_a_range_error() {
    for program in [
        "(function f() { f(); f(); })();",
        "[1, 2, 3].forEach(function each(x, i, all) { all.forEach(each); });",
        "const proxy = new Proxy({}, { get: (target, key, receiver) => receiver[key] }); proxy.x;",
        "JSON.stringify({ toJSON() { return JSON.stringify(this); } });",
    ] {
        let (_folder, path) = file("deep.js", program);
        let output = deltic(&["run", "--timeout", "60s", &path]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{program}: {text}");
        assert!(text.contains("RangeError: Maximum call stack size exceeded"), "{program}: {text}");
    }
}

#[test]
fn what_wants_too_much_memory_is_ended() {
    let programs = [
        "const all = []; for (;;) all.push({ x: 1 });",
        "let s = 'x'; const all = []; for (;;) { s += 'y'; all.push(s.split('').join('-')); }",
        "const map = new Map(); for (let i = 0; ; i++) map.set(i, [i]);",
    ];
    for program in programs {
        let (_folder, path) = file("greedy.js", program);
        let output = deltic(&["run", "--max-memory", "32M", "--timeout", "60s", &path]);
        assert_eq!(output.status.code(), Some(1), "{program}: {}", stderr(&output));
        assert!(stderr(&output).contains("out of memory"), "{program}: {}", stderr(&output));
    }
}

#[test]
fn bad_files_are_reported() {
    let (folder, path) = file("bytes.js", "");
    std::fs::write(&path, b"var a = '\xff\xfe';").expect("a file");
    let output = deltic(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not valid UTF-8"), "{}", stderr(&output));
    let output = deltic(&["run", &folder.path().join("absent.js").to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("absent.js"), "{}", stderr(&output));
    let nested = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let (_folder, path) = file("nested.js", &nested);
    let output = deltic(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nested"), "{}", stderr(&output));
}

#[test]
fn the_status_is_the_programs_own() {
    for (program, status) in
        [("process.exit(3)", 3), ("process.exitCode = 4", 4), ("try { process.exit(5) } finally { process.exit(6) }", 5)]
    {
        let (_folder, path) = file("exits.js", program);
        assert_eq!(deltic(&["run", &path]).status.code(), Some(status), "{program}");
    }
}

#[test]
fn lines_are_evaluated_one_after_the_other() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deltic"))
        .arg("repl")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the command starts");
    let input =
        "let a = 20\nfunction twice(x) {\n  return 2 * x;\n}\ntwice(a) + 2\nthrow new RangeError('far')\n[1, 'x']\nlet = ;\n";
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = stdout(&output);
    assert!(text.contains("\n42\n") && text.contains("RangeError: far") && text.contains("[ 1, 'x' ]\n"), "{text}");
    assert!(text.contains("SyntaxError"), "{text}");
}

/// What of the suite is known to fail.
fn known_failures() -> BTreeSet<String> {
    test262::expected(&std::fs::read_to_string(root().join("tests/expect/test262.txt")).unwrap_or_default())
}

fn sample(settings: &test262::Settings) {
    let suite = root().join("../suites/test262");
    if !Path::new(&suite).is_dir() {
        println!("the suite is not beside the checkout: nothing to run");
        return;
    }
    let known = known_failures();
    let report = test262::run(&suite, settings).expect("a report");
    let surprises: Vec<String> =
        report.failed.iter().filter(|failure| !known.contains(&failure.path)).map(|failure| format!("{failure:?}")).collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
    let mended: Vec<&String> = report.passed.iter().filter(|path| known.contains(*path)).collect();
    assert!(mended.is_empty(), "no longer needed in tests/expect/test262.txt: {mended:#?}");
}

#[test]
fn a_sample_of_the_conformance_suite_does_what_is_expected() {
    sample(&test262::Settings { sample: Some((1500, 1)), ..test262::Settings::default() });
}

#[test]
fn a_sample_of_the_conformance_suite_does_the_same_with_a_collection_at_every_allocation() {
    let timeout = std::time::Duration::from_secs(120);
    sample(&test262::Settings { sample: Some((150, 2)), gc_stress: true, timeout, ..test262::Settings::default() });
}

#[test]
fn the_suite_of_the_webassembly_api_does_what_is_expected() {
    let suite = root().join("../suites/spec/test/js-api");
    if !suite.is_dir() {
        println!("the suite is not beside the checkout: nothing to run");
        return;
    }
    let known = test262::expected(&std::fs::read_to_string(root().join("tests/expect/wpt.txt")).unwrap_or_default());
    // The file of limits builds modules of millions of entries: it is for a release build.
    let files = [
        "constructor/",
        "exception/",
        "functions/",
        "gc/",
        "global/",
        "instance/",
        "js-string/",
        "memory/",
        "module/",
        "prototypes",
        "table/",
        "tag/",
    ];
    for filter in files {
        let report =
            wpt::run(&suite, &wpt::Settings { filter: Some(filter.to_owned()), ..wpt::Settings::default() }).expect("a report");
        let surprises: Vec<_> = report.failed.iter().filter(|(name, _)| !known.contains(name)).collect();
        assert!(surprises.is_empty(), "{surprises:#?}");
        let mended: Vec<&String> = report.passed.iter().filter(|name| known.contains(*name)).collect();
        assert!(mended.is_empty(), "no longer needed in tests/expect/wpt.txt: {mended:#?}");
    }
}

/// Programs of npm, unmodified, print what they print in Node.js.
#[test]
fn programs_of_npm_print_what_they_say() {
    let folder = root().join("tests/npm");
    if !folder.join("node_modules").is_dir() {
        println!("`npm install --prefix tests/npm` was not run: nothing to run");
        return;
    }
    for path in files_below(&folder, &["mjs"]).iter().filter(|path| !relative(path).contains("/node_modules/")) {
        let source = std::fs::read_to_string(path).expect("a program");
        let input = path.with_extension("ts");
        let stdin = std::fs::File::open(&input).map_or_else(|_| std::process::Stdio::null(), std::process::Stdio::from);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_deltic"));
        let output = command.arg("run").arg(path).stdin(stdin).output().expect("a process");
        assert_eq!(stdout(&output), expected(&source), "{}: {}", path.display(), stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{}: {}", path.display(), stderr(&output));
    }
}
