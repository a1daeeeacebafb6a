//! The command: its contract, and the programs in `wat/` with what they say about themselves.
//!
//! A program's comments say how it is run and what comes out:
//!
//! ```text
//! ;; run: run --invoke double program.wat 21
//! ;; stdin: a line of input
//! ;; stdout: 42
//! ;; stderr: a part of standard error
//! ;; status: 0
//! ```
//!
//! What follows `run:` up to the next one belongs to it. The command runs in the program's folder. `BLESS=1` rewrites the
//! `stdout:` lines.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{bless, files_below, relative, root};

struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn deltic_in(folder: &Path, args: &[&str], stdin: &str) -> Ended {
    deltic_given(folder, args, stdin.as_bytes())
}

fn deltic_given(folder: &Path, args: &[&str], stdin: &[u8]) -> Ended {
    let mut command = crate::support::command();
    command.args(args).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // A program need not read its input.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("the command ends");
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn deltic(args: &[&str]) -> Ended {
    deltic_in(&root().join("wat"), args, "")
}

impl Ended {
    #[track_caller]
    fn expect(self, status: i32) -> Ended {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Ended {
        assert!(self.stderr.contains(text), "no \"{text}\" in:\n{}", self.stderr);
        self
    }
}

/// A file of its own in a folder that goes away.
fn file(name: &str, contents: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, contents).expect("a file");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

// Programs that know their output.

#[derive(Debug, Default, Clone)]
struct Case {
    line: usize,
    args: Vec<String>,
    stdin: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    status: i32,
}

impl Case {
    /// The same with other options.
    fn with(&self, options: &[&str]) -> Case {
        let mut case = self.clone();
        case.args.splice(1..1, options.iter().map(|&option| option.to_owned()));
        case
    }
}

/// Words between blanks, and between double quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 1 { words.push(part.to_owned()) } else { words.extend(part.split_whitespace().map(str::to_owned)) }
    }
    words
}

fn cases(source: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let Some((key, value)) = line.strip_prefix(";; ").and_then(|line| line.split_once(':')) else { continue };
        let value = value.strip_prefix(' ').unwrap_or(value).trim_end();
        if key == "run" {
            cases.push(Case { line: index + 1, args: words(value), ..Case::default() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match key {
            "stdin" => case.stdin += &format!("{value}\n"),
            "stdout" => case.stdout.push(value.to_owned()),
            "stderr" => case.stderr.push(value.to_owned()),
            "status" => case.status = value.parse().expect("a status"),
            _ => {}
        }
    }
    cases
}

fn check_case(folder: &Path, name: &str, case: &Case) -> Result<(), String> {
    let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    let ended = deltic_in(folder, &args, &case.stdin);
    let stdout: Vec<&str> = ended.stdout.lines().map(str::trim_end).collect();
    let missing = case.stderr.iter().find(|part| !ended.stderr.contains(part.as_str()));
    let wrong = if ended.status != Some(case.status) {
        format!("status {:?}, expected {}", ended.status, case.status)
    } else if stdout != case.stdout {
        "another output".to_owned()
    } else if let Some(part) = missing {
        format!("standard error lacks \"{part}\"")
    } else {
        return Ok(());
    };
    Err(format!("{name}:{}: {wrong}\nstdout:\n{}\nstderr:\n{}", case.line, ended.stdout, ended.stderr))
}

/// The program's text with the output that its cases have now.
fn blessed(folder: &Path, source: &str) -> String {
    let (mut text, mut cases) = (String::new(), cases(source).into_iter());
    for line in source.lines() {
        if line.starts_with(";; stdout:") {
            continue;
        }
        text += line;
        text += "\n";
        if line.starts_with(";; run:") {
            let case = cases.next().expect("as many cases as lines that begin one");
            let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
            for line in deltic_in(folder, &args, &case.stdin).stdout.lines() {
                text += format!(";; stdout: {line}").trim_end();
                text += "\n";
            }
        }
    }
    text
}

#[test]
fn programs_print_what_they_say() {
    let mut wrong = Vec::new();
    for path in files_below(&root().join("wat"), &["wat"]) {
        let source = std::fs::read_to_string(&path).expect("a program");
        let (name, folder) = (relative(&path), path.parent().expect("a folder"));
        if bless() {
            std::fs::write(&path, blessed(folder, &source)).expect("the program is written");
            continue;
        }
        let cases = cases(&source);
        assert!(!cases.is_empty(), "{name} does not say how it is run");
        wrong.extend(cases.iter().filter_map(|case| check_case(folder, &name, case).err()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Programs print the same with other options, which follow from the program's name.
#[track_caller]
fn check_programs_with<'a>(options: impl Fn(&str) -> Vec<&'a str>) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in files_below(&root().join("wat"), &["wat"]) {
        let source = std::fs::read_to_string(&path).expect("a program");
        let (name, folder) = (relative(&path), path.parent().expect("a folder"));
        let options = options(&name);
        for case in cases(&source).iter().filter(|case| case.args.first().is_some_and(|command| command == "run")) {
            count += 1;
            wrong.extend(check_case(folder, &format!("{options:?} {name}"), &case.with(&options)).err());
        }
    }
    assert!(wrong.is_empty() && count > 40, "{count} cases\n{}", wrong.join("\n"));
}

#[test]
fn programs_print_the_same_in_baseline_code() {
    check_programs_with(|_| vec!["--tier", "baseline"]);
}

#[test]
fn programs_print_the_same_in_optimized_code() {
    check_programs_with(|_| vec!["--eager", "--tier", "optimized"]);
}

#[test]
fn programs_print_the_same_when_code_is_replaced_at_random() {
    for seed in ["1", "2", "3"] {
        check_programs_with(|_| vec!["--tier-up-stress", seed]);
    }
}

#[test]
fn programs_print_the_same_with_a_collection_at_every_allocation() {
    for tier in ["auto", "optimized"] {
        check_programs_with(|name| {
            // It makes a million objects before its first step: the smallest nursery is often enough.
            let often = if name.ends_with("splay.wat") { ["--nursery", "64K"].as_slice() } else { &["--gc-stress"] };
            [&["--tier", tier], often].concat()
        });
    }
}

// The contract.

#[test]
fn a_missing_file_names_the_path() {
    for command in ["run", "compile", "validate", "wast", "inspect"] {
        deltic(&[command, "nowhere/missing.wasm"]).expect(1).says("nowhere/missing.wasm");
    }
}

#[test]
fn a_bad_module_names_file_offset_and_cause() {
    let (_folder, path) = file("bad.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00");
    for command in ["run", "compile", "validate", "inspect"] {
        let ended = deltic(&[command, text(&path)]).expect(1).says("bad.wasm").says("(at offset 0x");
        assert_eq!(ended.stdout, "");
    }
    let (_folder, path) = file("bad.wat", b"(module\n  (func (result i32) i64.const 1)\n");
    deltic(&["validate", text(&path)]).expect(1).says("bad.wat");
    let (_folder, path) = file("type.wat", b"(module (func (result i32) i64.const 1))");
    deltic(&["validate", text(&path)]).expect(1).says("type mismatch").says("(at offset 0x");
    let (_folder, path) = file("empty.wasm", b"");
    deltic(&["run", text(&path)]).expect(1).says("empty.wasm");
}

#[test]
fn validate_is_silent_about_a_good_module() {
    let ended = deltic(&["validate", "fib.wat"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn usage_errors_have_status_2() {
    for args in [
        &["run"][..],
        &["frobnicate"],
        &["run", "--no-such-option", "fib.wat"],
        &["run", "--timeout", "soon", "fib.wat"],
        &["run", "--max-memory", "lots", "fib.wat"],
        &["run", "--env", "NOVALUE", "fib.wat"],
        &["wast"],
        &["run", "--invoke", "recursive", "fib.wat", "ten"],
    ] {
        deltic(args).expect(2);
    }
    deltic(&["--version"]).expect(0);
    deltic(&["--help"]).expect(0);
}

#[test]
fn what_is_not_there_yet_is_a_usage_error_that_says_so() {
    for args in [&["run", "--snapshot", "a.blob"][..], &["snapshot", "build", "a.js", "-o", "a.blob"]] {
        deltic(args).expect(2).says("not in this version yet");
    }
}

#[test]
fn a_suite_that_is_not_beside_the_checkout_is_said_so_and_no_failure() {
    for suite in ["test262", "wpt"] {
        let run = deltic(&[suite, "nowhere"]).expect(0);
        assert!(run.stdout.contains("nowhere: the suite is not there"), "{}", run.stdout);
        assert!(run.stdout.ends_with("0 passed, 0 failed, 0 skipped\n"), "{}", run.stdout);
    }
}

#[test]
fn options_that_change_nothing_yet_are_taken() {
    for options in [
        &["--tier", "baseline"][..],
        &["--tier", "optimized"],
        &["--tier", "auto"],
        &["--eager"],
        &["--cache", "none"],
        &["--jobs", "0"],
    ] {
        let args = [&["run"], options, &["--invoke", "iterative", "fib.wat", "10"]].concat();
        assert_eq!(deltic(&args).expect(0).stdout, "55\n");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    deltic(&["run", "--dir", "nowhere::/data", "cat.wat"]).expect(1).says("nowhere");
}

#[test]
fn compile_stats_are_one_json_object_on_stdout() {
    let ended = deltic(&["compile", "--stats", "--jobs", "2", "sort.wat"]).expect(0);
    assert_eq!(ended.stdout.lines().count(), 1);
    let stats: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    for key in ["code_bytes", "functions", "validate_ms", "compile_ms", "cpu_ms", "peak_rss_bytes", "native_bytes"] {
        assert!(stats[key].is_number(), "{key} in {stats}");
    }
    assert_eq!(stats["functions"], 12);
    assert!(stats["native_bytes"].as_u64() > stats["code_bytes"].as_u64());
    let is_some = |value: &Value| value.as_f64() > Some(0.0);
    let by_tier = |stats: &Value| [&stats["compiled"]["baseline"], &stats["compiled"]["optimized"]].map(Clone::clone);
    assert_eq!(by_tier(&stats), [json!(0), json!(12)]);
    let (cpu, bytes) = (&stats["compiled"], &stats["published_bytes"]);
    assert!(is_some(&cpu["optimized_cpu_ms"]) && cpu["baseline_cpu_ms"] == json!(0.0), "{stats}");
    assert_eq!((&bytes["baseline"], &bytes["optimized"]), (&json!(0), &stats["native_bytes"]), "{stats}");
    let ended = deltic(&["compile", "--tier", "baseline", "--stats", "--jobs", "0", "sort.wat"]).expect(0);
    let stats: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(by_tier(&stats), [json!(12), json!(0)]);
    let (cpu, bytes) = (&stats["compiled"], &stats["published_bytes"]);
    assert!(is_some(&cpu["baseline_cpu_ms"]) && cpu["optimized_cpu_ms"] == json!(0.0), "{stats}");
    assert_eq!((&bytes["baseline"], &bytes["optimized"]), (&stats["native_bytes"], &json!(0)), "{stats}");
    assert_eq!(deltic(&["compile", "sort.wat"]).expect(0).stdout, "");
    assert_eq!(deltic(&["compile", "--max-compile-memory", "1M", "sort.wat"]).expect(0).stdout, "");
    deltic(&["compile", "--max-compile-memory", "some", "sort.wat"]).expect(2).says("is not a size");
}

/// Budgets of compilation, and what becomes of what is over them: of a module, and of a function that is called.
#[test]
fn compiling_has_budgets() {
    let [no_cpu, no_time] = [["--max-compile-cpu", "0s"], ["--max-compile-time", "0s"]];
    let compile = |options: &[&str]| deltic(&[&["compile", "--stats", "--jobs", "2"], options, &["sort.wat"]].concat());
    compile(&no_cpu).expect(1).says("budget: function ").says("no processor time is left for compiling");
    compile(&[&no_cpu[..], &["--on-over-budget", "fail"]].concat()).expect(1).says("no processor time is left");
    compile(&no_time).expect(1).says("timeout: function ").says("not compiled within 0ns");
    let ended = compile(&[&no_cpu[..], &["--on-over-budget", "lowest-tier"]].concat()).expect(0);
    let stats: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(stats["published_bytes"], json!({ "baseline": stats["native_bytes"], "optimized": 0 }), "{stats}");
    assert!(stats["peak_heap_bytes"].as_u64() > Some(0), "{stats}");

    let run =
        |options: &[&str]| deltic(&[&["run", "--cache", "none"], options, &["--invoke", "iterative", "fib.wat", "10"]].concat());
    run(&no_cpu).says("budget: function ").says("no processor time is left for compiling");
    run(&no_time).says("timeout: function ").says("not compiled within 0ns");
    assert_eq!(run(&[&no_cpu[..], &["--on-over-budget", "lowest-tier"]].concat()).expect(0).stdout, "55\n");
    assert_eq!(run(&["--max-compile-cpu", "20s", "--max-compile-time", "20s"]).expect(0).stdout, "55\n");
    run(&["--on-over-budget", "hope"]).expect(2).says("lowest-tier");
}

#[test]
fn run_stats_are_the_last_line_on_stderr() {
    let ended = deltic(&["run", "--stats", "--fuel", "1M", "--invoke", "iterative", "fib.wat", "5"]);
    assert_eq!(ended.status, Some(2), "fuel is a number without unit");
    let last = |ended: &Ended| -> Value {
        let line = ended.stderr.lines().last().expect("a line");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let ended = deltic(&["run", "--stats", "--fuel", "100000", "--invoke", "iterative", "fib.wat", "5"]).expect(0);
    assert_eq!(ended.stdout, "5\n");
    assert!(last(&ended)["run_ms"].is_number());
    assert!((1..1000).contains(&last(&ended)["fuel_used"].as_u64().expect("a number")));
    let ended = deltic(&["run", "--stats", "--invoke", "unreachable", "regress/traps.wat"]).expect(134).says("unreachable");
    assert!(last(&ended)["functions"].is_number());
}

/// Lazily, what is called is compiled, and what is called much twice; with a tier given it stays in that.
#[test]
fn functions_are_compiled_as_they_are_called() {
    let compiled = |options: &[&str]| -> Value {
        let args = [&["run", "--stats", "--jobs", "0"], options, &["--invoke", "recursive", "fib.wat", "25"]].concat();
        let ended = deltic(&args).expect(0);
        assert_eq!(ended.stdout, "75025\n");
        let stats: Value = serde_json::from_str(ended.stderr.lines().last().expect("a line")).expect("JSON");
        let (cpu, tier_ups) = (&stats["compiled"], stats["compiled"]["tier_ups"].as_u64());
        assert_eq!(tier_ups, Some(u64::from(!options.contains(&"--tier"))), "{stats}");
        assert!(cpu["inlined_sites"].as_u64() >= tier_ups, "{stats}");
        let sum: f64 =
            ["baseline_cpu_ms", "optimized_cpu_ms", "loop_versions_cpu_ms"].iter().filter_map(|key| cpu[key].as_f64()).sum();
        assert!((sum - cpu["cpu_ms"].as_f64().expect("a number")).abs() < 0.01, "{stats}");
        json!([stats["compiled"]["baseline"], stats["compiled"]["optimized"]])
    };
    let functions = compiled(&["--eager"]);
    assert!(functions[0].as_u64() > Some(1) && functions[1] == json!(1), "{functions}");
    assert_eq!(compiled(&[]), json!([1, 1]));
    assert_eq!(compiled(&["--tier", "baseline"]), json!([1, 0]));
    assert_eq!(compiled(&["--tier", "optimized"]), json!([0, 1]));
    assert_eq!(compiled(&["--lazy"]), json!([1, 1]));
    deltic(&["run", "--lazy", "--eager", "fib.wat"]).expect(2);
    let functions = compiled(&["--eager", "--tier", "optimized"]);
    assert!(functions[0] == json!(0) && functions[1].as_u64() > Some(1), "{functions}");
}

/// A loop that runs for long goes on in its version, and one that ends soon does not.
#[test]
fn run_stats_tell_of_loops() {
    let compiled = |count: &str| -> Value {
        let args = ["run", "--stats", "--jobs", "0", "--invoke", "iterative", "fib.wat", count];
        let ended = deltic(&args).expect(0);
        let stats: Value = serde_json::from_str(ended.stderr.lines().last().expect("a line")).expect("JSON");
        stats["compiled"].clone()
    };
    let loops = |compiled: &Value| ["loop_versions", "loop_entries"].map(|key| compiled[key].clone());
    let few = compiled("10");
    assert_eq!(loops(&few), [json!(0), json!(0)], "{few}");
    assert_eq!(few["loop_versions_cpu_ms"], json!(0.0), "{few}");
    let many = compiled("100000000");
    assert_eq!(loops(&many), [json!(1), json!(1)], "{many}");
    assert!(many["loop_versions_cpu_ms"].as_f64() > Some(0.0), "{many}");
}

#[test]
fn a_trace_is_what_perfetto_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let everything = ["run", "--eager", "--tier", "optimized"];
    let args = [&everything[..], &["--jobs", "2", "--trace", text(&path), "--invoke", "ascending", "sort.wat", "10"]].concat();
    deltic(&args).expect(0);
    let trace: Value = serde_json::from_slice(&std::fs::read(&path).expect("a trace")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let complete: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    for name in ["decode", "unit", "validate", "compile", "publish", "instantiate", "run"] {
        let event = complete.iter().find(|event| event["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        assert!(event["dur"].is_number() && event["ts"].is_number() && event["tid"].is_number(), "{event}");
    }
    let named = |name: &str| complete.iter().copied().filter(|event| event["name"] == name).collect::<Vec<_>>();
    let units = named("unit");
    assert_eq!(units.len(), 12, "one for each function");
    let span = |event: &Value| {
        let [start, length] = ["ts", "dur"].map(|key| event[key].as_f64().expect("a number"));
        (event["tid"].clone(), start, start + length)
    };
    for phase in ["validate", "compile"] {
        let phases = named(phase);
        assert_eq!(phases.len(), 12, "each unit has its {phase}");
        for event in phases {
            let (thread, start, end) = span(event);
            // Times are rounded to a microsecond at most.
            let around = |unit: &&&Value| span(unit).0 == thread && span(unit).1 <= start + 1.0 && end <= span(unit).2 + 1.0;
            assert_eq!(units.iter().filter(around).count(), 1, "{event} lies in one unit");
        }
    }
    assert!(events.iter().any(|event| event["ph"] == "M" && event["name"] == "thread_name"));
    let nowhere = folder.path().join("nowhere/trace.json");
    deltic(&["run", "--trace", text(&nowhere), "hello.wat"]).expect(1).says("trace.json");
}

#[test]
fn verbose_talks_on_stderr_only() {
    let ended = deltic(&["run", "--verbose", "--invoke", "iterative", "fib.wat", "5"]).expect(0);
    assert_eq!(ended.stdout, "5\n");
}

#[test]
fn scripts_end_with_a_sum() {
    let (_folder, path) = file(
        "mixed.wast",
        br#"(module (func (export "f") (result i32) i32.const 1) (func (export "trap") unreachable))
(assert_return (invoke "f") (i32.const 1))
(assert_return (invoke "f") (i32.const 2))
(assert_trap (invoke "trap") "integer overflow")
(assert_trap (invoke "trap") "unreachable")
"#,
    );
    let ended = deltic(&["wast", text(&path)]).expect(1).says("mixed.wast:3: ").says("mixed.wast:4: ");
    assert_eq!(ended.stdout.lines().last(), Some("3 passed, 2 failed, 0 skipped"));
    let list = path.with_file_name("known.txt");
    std::fs::write(&list, "# what is known\nmixed.wast: 4 5\n").expect("a list");
    let ended = deltic(&["wast", "--known", text(&list), text(&path)]).expect(1).says("skipped: ").says("mixed.wast:4: ");
    assert_eq!(ended.stdout.lines().last(), Some("3 passed, 1 failed, 1 skipped"));
    std::fs::write(&list, "mixed.wast 4\n").expect("a list");
    deltic(&["wast", "--known", text(&list), text(&path)]).expect(1).says("known.txt:1: wanted");
    let ended = deltic(&["wast", "regress"]).expect(0);
    assert!(ended.stdout.lines().last().is_some_and(|line| line.ends_with(" passed, 0 failed, 0 skipped")), "{}", ended.stdout);
}

#[test]
fn scripts_can_run_out_of_fuel() {
    let (_folder, path) = file(
        "spin.wast",
        br#"(module (func (export "spin") (loop $l (br $l))) (func (export "f")))
(assert_return (invoke "f"))
(assert_return (invoke "spin"))
"#,
    );
    let ended = deltic(&["wast", "--fuel", "10000", text(&path)]).expect(1).says("spin.wast:3: trap: all fuel consumed");
    assert_eq!(ended.stdout.lines().last(), Some("2 passed, 1 failed, 0 skipped"));
    deltic(&["wast", "--fuel", "100000000", "regress"]).expect(0);
    deltic(&["wast", "--fuel", "lots", "regress"]).expect(2);
}

#[test]
fn inspect_shows_imports_exports_sections_and_features() {
    let ended = deltic(&["inspect", "regress/imports.wat"]).expect(0);
    for part in [
        "module \"imports\"",
        "\"env\" \"missing\" (func (param i32) (result i64))",
        "\"three\" (func (result i32))",
        "code at 0x",
    ] {
        assert!(ended.stdout.contains(part), "no {part} in\n{}", ended.stdout);
    }
    let ended = deltic(&["inspect", "bench/trees.wat"]).expect(0);
    assert!(ended.stdout.contains("  0 $"), "types have names:\n{}", ended.stdout);
    let ended = deltic(&["inspect", "matrix.wat"]).expect(0);
    assert!(ended.stdout.contains("features simd"), "{}", ended.stdout);
}

#[test]
fn limits_stop_a_guest() {
    let spin = |options: &[&str]| deltic(&[&["run"], options, &["--invoke", "spin", "regress/traps.wat"]].concat());
    spin(&["--timeout", "20ms"]).expect(124).says("deadline exceeded");
    spin(&["--timeout", "20000us", "--no-guard-pages"]).expect(124);
    spin(&["--fuel", "1000"]).expect(124).says("all fuel consumed");
    let (_folder, path) = file("big.wat", b"(module (memory 2) (func (export \"_start\")))");
    deltic(&["run", "--max-memory", "64K", text(&path)]).expect(1).says("big.wat").says("131072 bytes");
    deltic(&["run", "--max-memory", "128K", text(&path)]).expect(0);
}

#[test]
fn a_timeout_ends_a_guest_that_waits_for_input() {
    let mut command = crate::support::command();
    command.args(["run", "--timeout", "100ms", "reverse.wat"]).current_dir(root().join("wat"));
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the command starts");
    // The pipe stays open: only the deadline can end the read.
    let held = child.stdin.take();
    assert_eq!(child.wait().expect("the command ends").code(), Some(124));
    drop(held);
}

/// What comes from a pipe can be read once: a module of any form, by standard input's name or another.
#[test]
fn modules_come_from_pipes() {
    let source = "(module (func (export \"f\") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 7))))";
    let wasm = wat::parse_str(source).expect("text");
    let (folder, path) = file("module.wasm", &wasm);
    let compiled = folder.path().join("module.compiled");
    let cache = folder.path().join("cache");
    deltic(&["compile", "--cache", text(&cache), text(&path), "-o", text(&compiled)]).expect(0);
    let compiled = std::fs::read(compiled).expect("a file");
    for (form, bytes) in [("text", source.as_bytes()), ("binary", &wasm), ("compiled", &compiled)] {
        for name in ["-", "/dev/stdin"] {
            let given = |args: &[&str]| deltic_given(folder.path(), args, bytes).expect(0).stdout;
            for cache in ["none", text(&cache)] {
                if form == "compiled" && cache == "none" {
                    continue;
                }
                assert_eq!(given(&["run", "--cache", cache, "--invoke", "f", name, "6"]), "42\n", "{form} {name}");
            }
            assert!(given(&["inspect", "--cache", text(&cache), name]).contains("functions"), "{form} {name}");
        }
    }
    deltic_given(folder.path(), &["validate", "-"], &wasm).expect(0);
    deltic_given(folder.path(), &["validate", "-"], &wasm[..wasm.len() - 1]).expect(1).says("-: ");
    deltic_given(folder.path(), &["run", "-"], b"").expect(1);
}

// The benchmark command.

const COUNT: &str = r#"(module (global $n (mut i64) (i64.const 0))
    (func (export "work") (param $by i64) (global.set $n (i64.add (global.get $n) (local.get $by))))
    (func (export "fail") unreachable)
    (memory (export "memory") 1))"#;

/// The table names each mode, and so does the picture, which can be made again of what was kept.
#[test]
fn bench_shows_each_mode() {
    let (folder, path) = file("count.wat", COUNT.as_bytes());
    let [json, first, again] = ["kept.json", "first.svg", "again.svg"].map(|name| folder.path().join(name));
    let options = ["--time", "5ms", "--runs", "2", "--json", text(&json), "--svg", text(&first), text(&path), "-1"];
    let ended = deltic(&[&["bench"][..], &options].concat()).expect(0);
    let names: Vec<&str> = ended.stdout.lines().skip(3).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["lazy", "baseline", "optimized", "auto"], "{}", ended.stdout);
    assert!(ended.stdout.starts_with("count: work -1\n"), "{}", ended.stdout);

    let kept: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    for (series, name) in kept["series"].as_array().expect("series").iter().zip(names) {
        assert_eq!(series["name"], name);
        let runs = series["runs"].as_array().expect("runs");
        assert_eq!(runs.len(), 2);
        for run in runs {
            let points = run["points"].as_array().expect("points");
            assert!(points.len() >= 2 && points.last().is_some_and(|last| last[0].as_f64() >= Some(5.0)), "{run}");
            assert!(run["peak_rss_bytes"].as_f64() >= run["own_rss_bytes"].as_f64(), "{run}");
            let [baseline, optimized] = ["baseline", "optimized"].map(|tier| run["code_bytes"][tier].as_f64() > Some(0.0));
            match name {
                "optimized" => assert!(optimized && !baseline, "{run}"),
                "auto" => assert!(baseline, "{run}"),
                _ => assert!(baseline && !optimized, "{run}"),
            }
        }
    }

    let ended = deltic(&["bench", "--replay", text(&json), "--svg", text(&again), "--replay", text(&json)]).expect(0);
    assert_eq!(ended.stdout.matches("count: work -1\n").count(), 2);
    for (path, panels) in [(first, 1), (again, 2)] {
        let svg = std::fs::read_to_string(path).expect("a picture");
        let texts = texts_of(&svg);
        assert_eq!(texts.iter().filter(|text| *text == "count (work -1)").count(), panels);
        for name in ["lazy", "baseline", "optimized", "auto", "ms since the first byte"] {
            assert!(texts.iter().any(|text| text == name), "no {name} in {texts:?}");
        }
    }
}

/// The texts of a picture, whose elements must be closed in order and whose attributes must be quoted.
#[track_caller]
fn texts_of(svg: &str) -> Vec<String> {
    let (mut open, mut texts, mut rest) = (Vec::new(), Vec::new(), svg);
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "a stray \">\" in {before}");
        if !before.trim().is_empty() {
            texts.push(before.trim().to_owned());
        }
        let (tag, after) = after.split_once('>').expect("an element ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_matches('/').split_whitespace().next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    texts
}

/// A command runs in one instance after another, and its output is nobody's.
#[test]
fn bench_runs_commands_too() {
    let ended = deltic(&["bench", "--time", "5ms", "--mode", "auto", "--mode", "lazy", "hello.wat"]).expect(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, "hello: _start"), "{}", ended.stdout);
    let leaving = |status: u32| {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
                (func (export "_start") (call $exit (i32.const {status}))))"#
        );
        let (_folder, path) = file("leaving.wat", text.as_bytes());
        deltic(&["bench", "--time", "1ms", "--mode", "lazy", self::text(&path)])
    };
    leaving(0).expect(0);
    leaving(7).expect(7);
}

#[test]
fn bench_says_what_it_cannot_measure() {
    let (folder, path) = file("count.wat", COUNT.as_bytes());
    deltic(&["bench", "nowhere/missing.wasm"]).expect(1).says("nowhere/missing.wasm");
    deltic(&["bench", "fib.wat"]).expect(1).says("no exported function").says("recursive, iterative");
    deltic(&["bench", "--invoke", "memory", text(&path), "1"]).expect(1).says("\"memory\"").says("work, fail");
    deltic(&["bench", text(&path), "one"]).expect(2).says("\"one\" is not a value of type i64");
    deltic(&["bench", "--invoke", "fail", text(&path)]).expect(134).says("unreachable");
    deltic(&["bench", "--vs", "abacus", text(&path), "1"]).expect(2).says("the peers are node, bun, wasmtime");
    deltic(&["bench", "--mode", "fast", text(&path), "1"]).expect(2).says("the modes are lazy");
    deltic(&["bench", "--runs", "0", text(&path), "1"]).expect(2);
    deltic(&["bench"]).expect(2).says("<FILE>");
    let ended = deltic(&["bench", "--time", "1ms", "--mode", "lazy", "--vs", "node=/nowhere/node", text(&path), "1"]).expect(0);
    let ended = ended.says("peer node not found: /nowhere/node");
    assert_eq!(ended.stdout.lines().count(), 4, "{}", ended.stdout);
    let (_folder, imports) = file("imports.wat", br#"(module (import "env" "f" (func)) (func (export "run")))"#);
    deltic(&["bench", text(&imports)]).expect(1).says("\"env\" \"f\"").says("--stub-imports");
    deltic(&["bench", "--stub-imports", "--time", "1ms", text(&imports)]).expect(0);
    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, "{}").expect("a file");
    deltic(&["bench", "--replay", text(&wrong)]).expect(1).says("wrong.json").says("--json");
}

/// What nobody provides is made as it is asked for; functions trap when they are called.
#[test]
fn imports_are_stubbed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("wants.wat");
    let source = r#"(module
        (import "env" "f" (func $f (param i32) (result i32)))
        (import "env" "m" (memory 2 5))
        (import "env" "t" (table 3 externref))
        (import "env" "t" (table 3 externref))
        (import "env" "g" (global (mut f64)))
        (import "env" "e" (tag (param i64)))
        (func (export "sizes") (result i32) (i32.add (memory.size) (i32.add (table.size 0) (i32.trunc_f64_s (global.get 0)))))
        (func (export "calls") (result i32) (call $f (i32.const 1))))"#;
    std::fs::write(&file, source).expect("a file");
    let run = |name| deltic(&["run", "--stub-imports", "--invoke", name, text(&file)]);
    assert_eq!(run("sizes").expect(0).stdout, "5\n");
    run("calls").expect(134).says("\"env\" \"f\"");
    deltic(&["run", "--invoke", "sizes", text(&file)]).expect(1).says("unknown import");

    let cannot = dir.path().join("cannot.wat");
    std::fs::write(&cannot, r#"(module (import "env" "g" (global (ref extern))))"#).expect("a file");
    deltic(&["run", "--stub-imports", text(&cannot)]).expect(1);
}

/// Standard error as a terminal: what is written there, and the status.
fn deltic_on_a_terminal(args: &[&str]) -> (String, String, Option<i32>) {
    use std::io::Read;
    use std::os::fd::{FromRawFd, OwnedFd};

    let (mut main, mut other) = (-1, -1);
    let size = libc::winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both descriptors are written, and are new when the call succeeds.
    let (mut main, other) = unsafe {
        assert_eq!(libc::openpty(&mut main, &mut other, std::ptr::null_mut(), std::ptr::null(), &size), 0, "a terminal");
        (std::fs::File::from_raw_fd(main), OwnedFd::from_raw_fd(other))
    };
    let mut command = crate::support::command();
    command.args(args).env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(other));
    let child = command.spawn().expect("the command starts");
    // With it goes the last of this process's descriptors of the terminal's other end.
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        // A terminal whose other end is closed is an error, not an end.
        let _ = main.read_to_end(&mut seen);
        seen
    });
    let output = child.wait_with_output().expect("the command ends");
    let seen = String::from_utf8_lossy(&reader.join().expect("it reads")).into_owned();
    (seen, String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn compilation_that_takes_long_shows_a_bar_on_a_terminal_only() {
    let module = |count: usize| {
        let body = "(local i32) (loop $l (local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 3)) (i32.const 5))) \
                    (br_if $l (i32.lt_u (local.get 0) (i32.const 1000))))";
        format!("(module {})", format!("(func {body})").repeat(count))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [large, small] = [("large.wat", 40_000), ("small.wat", 1)].map(|(name, count)| {
        let path = folder.path().join(name);
        std::fs::write(&path, module(count)).expect("a file");
        path.to_str().expect("its name is text").to_owned()
    });
    let (seen, stdout, status) = deltic_on_a_terminal(&["compile", "--stats", &large]);
    assert_eq!(status, Some(0), "{seen}");
    assert!(seen.contains("of 40000 functions"), "{seen}");
    let stats: Value = serde_json::from_str(&stdout).expect("one object, and nothing else");
    assert_eq!(stats["functions"], 40_000);
    let (seen, _, status) = deltic_on_a_terminal(&["compile", &small]);
    assert_eq!((seen.as_str(), status), ("", Some(0)));
    let ended = deltic(&["compile", "--stats", &large]).expect(0);
    assert_eq!(ended.stderr, "");
    let (seen, _, status) = deltic_on_a_terminal(&["compile", "no such file"]);
    assert_eq!(status, Some(1), "{seen}");
}
