//! The programs of the WASI test suite for preview 1, through the command as a user calls it.
//!
//! The suite is not part of the project. Where it is unpacked beside the checkout (`../suites/wasi-testsuite`, its branch with prebuilt
//! programs), all of it runs; elsewhere the test says that it did not.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support;

/// Programs that may fail, by file name, with the reason.
const EXPECTED_FAILURES: &[(&str, &str)] = &[];

struct Case {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<String>,
    root: Option<PathBuf>,
    exit_code: i64,
    stdout: Option<String>,
}

#[test]
fn programs_of_the_wasi_test_suite() {
    let suite = support::root().join("../suites/wasi-testsuite/tests");
    let folders = ["c", "rust", "assemblyscript"].map(|language| suite.join(language).join("testsuite/wasm32-wasip1"));
    let programs: Vec<PathBuf> = folders.iter().flat_map(|folder| support::files_below(folder, &["wasm"])).collect();
    if programs.is_empty() {
        eprintln!("the WASI test suite is not beside the checkout: its programs did not run");
        return;
    }
    let mut problems = Vec::new();
    for program in &programs {
        let name = program.file_name().expect("a file name").to_string_lossy().into_owned();
        let expected = EXPECTED_FAILURES.iter().find(|(failing, _)| *failing == name);
        match (run(&case(program)), expected) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(problem), None) => problems.push(format!("{name}: {problem}")),
            (Ok(()), Some((_, reason))) => problems.push(format!("{name}: listed as failing ({reason}), but passes")),
        }
    }
    assert!(problems.is_empty(), "{} of {} programs:\n{}", problems.len(), programs.len(), problems.join("\n"));
    eprintln!("{} programs of the WASI test suite passed", programs.len());
}

fn case(program: &Path) -> Case {
    let text = std::fs::read_to_string(program.with_extension("json")).unwrap_or_else(|_| "{}".into());
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let strings = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let variables = json["env"].as_object().into_iter().flatten();
    Case {
        program: program.to_owned(),
        args: strings(&json["args"]),
        env: variables.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect(),
        root: json["root"].as_str().map(|root| program.with_file_name(root)),
        exit_code: json["exit_code"].as_i64().unwrap_or(0),
        stdout: json["stdout"].as_str().map(str::to_owned),
    }
}

fn run(case: &Case) -> Result<(), String> {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let mut command = crate::support::command();
    command.arg("run");
    if let Some(root) = &case.root {
        let copy = temp.path().join("root");
        copy_tree(root, &copy);
        command.arg("--dir").arg(format!("{}::/", copy.display()));
    }
    for variable in &case.env {
        command.arg("--env").arg(variable);
    }
    // Standard input is a pipe that says nothing, as in the suite's own runner.
    let output = command.arg(&case.program).args(&case.args).stdin(Stdio::piped()).output().expect("the command runs");
    let code = output.status.code().map_or(-1, i64::from);
    let stdout = String::from_utf8_lossy(&output.stdout);
    if code != case.exit_code {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("exit code {code}, expected {}; {stderr}", case.exit_code));
    }
    match &case.stdout {
        Some(expected) if *expected != stdout => Err(format!("printed {stdout:?}, expected {expected:?}")),
        _ => Ok(()),
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).into_iter().flatten() {
        let entry = entry.expect("a directory entry");
        let target = to.join(entry.file_name());
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() {
            copy_tree(&entry.path(), &target);
        } else if kind.is_symlink() {
            let link = std::fs::read_link(entry.path()).expect("a link");
            std::os::unix::fs::symlink(link, target).expect("a link");
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
